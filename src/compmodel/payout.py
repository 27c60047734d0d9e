"""How pay is worked out and rounded: once, to whole cents or another step.

The rounding falls on each payee's total of a period; components take the rounded running totals, so three thirds of
10,000 are 3,333.33 + 3,333.34 + 3,333.33 and the statement adds up. Where the plan says so each component is rounded
alone, or nothing is.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import Number
from compmodel.money import Array, Cents, exact, whole_cents
from compmodel.people import Proration

PayPeriod = Literal["month", "quarter", "half", "year"]
LETTERS: dict[PayPeriod, str] = {"month": "M", "quarter": "Q", "half": "H", "year": ""}
"""How the names of these periods go on after the year."""
Rounding = Literal["half_up", "half_even", "none"]


class PayRule(BaseModel):
    """In which currency and how often pay is worked out, for which time, and how it is rounded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    currency: str = Field(
        pattern="^([A-Z]{3}|payee)$", description="A currency code for all, or payee: each in the payee's own."
    )
    period: PayPeriod = Field(description="Measurement and payout period.")
    rounding: Rounding = Field(
        description="Once, on the payee's total of the period, to whole cents: halves up (away from zero) or to the "
        "even cent. none: pay is not rounded; what it costs is, on the payee's total."
    )
    rounded_to: Number = Field(
        0.01,
        gt=0,
        description="The step to which pay is rounded, in the pay currency, such as 1, and with it limits, guarantees "
        "and draws; a cent unless written.",
    )
    rounded_at: Literal["total", "component"] = Field(
        "total", description="What is rounded: the payee's total, which components follow, or each component alone."
    )
    proration: Proration = Field(
        "days",
        description="What part of a period counts: the days on the plan, its working days (Monday to Friday), or its "
        "months, of which each belongs to whoever is on the plan on month_day.",
    )
    month_day: int = Field(
        15, ge=1, le=28, description="Of months: who is hired up to this day has the month, who has left by it has not."
    )
    mix: Number | None = Field(
        None,
        gt=0,
        lt=1,
        description="Base salary as a share of base and target incentive together, such as 0.8 of 80/20.",
    )
    on_last_day: bool = Field(False, description="Only who is on the plan on the period's last day is paid for it.")

    @model_validator(mode="after")
    def _rounds_to_cents(self) -> PayRule:
        if (exact(self.rounded_to) * 100).denominator != 1:
            raise ValueError(f"rounded_to is {self.rounded_to:g}, which is not whole cents. Write 0.01, 0.05 or 1.")
        if self.rounding == "none" and (self.rounded_to, self.rounded_at) != (0.01, "total"):
            raise ValueError("rounding is none, so rounded_to and rounded_at say nothing. Delete them.")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether pay is rounded to the cent, on the total alone."""
        return self.rounding != "none" and (self.rounded_to, self.rounded_at) == (0.01, "total")

    @property
    def step_cents(self) -> int:
        """The cents in a step to which pay is rounded."""
        return int(exact(self.rounded_to) * 100)

    def rounded(self, amount: Fraction) -> Fraction:
        """Returns an amount of pay rounded by this rule.

        >>> PayRule(currency="USD", period="year", rounding="half_up", rounded_to=5).rounded(Fraction("12.5"))
        Fraction(15, 1)
        """
        if self.rounding == "none":
            return amount
        size, steps = exact(self.rounded_to), abs(amount) / exact(self.rounded_to)
        whole = round(steps) if self.rounding == "half_even" else floor(steps + Fraction(1, 2))
        return whole * size * (1 if amount >= 0 else -1)


def payout_cents(
    gross: npt.NDArray[np.float64],
    exactly: Callable[[npt.NDArray[np.intp]], Array],
    rule: PayRule | None = None,
) -> Cents:
    """Returns whole cents of each component from unrounded pay; each payee's row adds up to its rounded total.

    Shape: payee-periods x components. `exactly(rows)` gives the exact pay of those rows, same number of columns.
    Halves go up, to the cent and on the total, unless a rule that rounds says otherwise.

    >>> third = np.full((1, 3), 10000 / 3)
    >>> from fractions import Fraction
    >>> payout_cents(third, lambda rows: np.full((len(rows), 3), Fraction(10000, 3))).tolist()
    [[333333, 333334, 333333]]
    """
    step, is_alone = (rule.step_cents, rule.rounded_at == "component") if rule else (1, False)
    steps = (gross if is_alone else np.cumsum(gross, axis=1)) / step
    rounded = np.zeros(gross.shape, dtype=np.int64)
    for column in range(gross.shape[1]):

        def exact_steps(rows: npt.NDArray[np.intp], first: int = column * is_alone, upto: int = column + 1) -> Array:
            total: Array = exactly(rows)[:, first:upto].sum(axis=1) / step
            return total

        to_even = rule is not None and rule.rounding == "half_even"
        found = whole_cents(steps[:, column], exact_steps, "half_even" if to_even else "half_up")
        rounded[:, column] = found * step
    return rounded if is_alone else np.diff(rounded, axis=1, prepend=0)
