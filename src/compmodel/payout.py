"""How pay is worked out and rounded: once, to whole cents.

The rounding falls on each payee's total of a period; components take the rounded running totals, so three thirds of
10,000 are 3,333.33 + 3,333.34 + 3,333.33 and the statement adds up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from compmodel.documents import Number
from compmodel.money import Array, Cents, whole_cents
from compmodel.people import Proration

PayPeriod = Literal["month", "quarter", "half", "year"]
LETTERS: dict[PayPeriod, str] = {"month": "M", "quarter": "Q", "half": "H", "year": ""}
"""How the names of these periods go on after the year."""
Rounding = Literal["half_up", "half_even"]


class PayRule(BaseModel):
    """In which currency and how often pay is worked out, for which time, and how it is rounded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    currency: str = Field(
        pattern="^([A-Z]{3}|payee)$", description="A currency code for all, or payee: each in the payee's own."
    )
    period: PayPeriod = Field(description="Measurement and payout period.")
    rounding: Rounding = Field(
        description="Once, on the payee's total of the period, to whole cents: halves up (away from zero) or to the "
        "even cent."
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


def payout_cents(
    gross: npt.NDArray[np.float64],
    exactly: Callable[[npt.NDArray[np.intp]], Array],
    rounding: Rounding = "half_up",
) -> Cents:
    """Returns whole cents of each component from unrounded pay; each payee's row adds up to its rounded total.

    Shape: payee-periods x components. `exactly(rows)` gives the exact pay of those rows, same number of columns.

    >>> third = np.full((1, 3), 10000 / 3)
    >>> from fractions import Fraction
    >>> payout_cents(third, lambda rows: np.full((len(rows), 3), Fraction(10000, 3))).tolist()
    [[333333, 333334, 333333]]
    """
    running = np.cumsum(gross, axis=1)
    rounded = np.zeros(gross.shape, dtype=np.int64)
    for column in range(gross.shape[1]):

        def exact_running(rows: npt.NDArray[np.intp], upto: int = column + 1) -> Array:
            total: Array = exactly(rows)[:, :upto].sum(axis=1)
            return total

        rounded[:, column] = whole_cents(running[:, column], exact_running, rounding)
    return np.diff(rounded, axis=1, prepend=0)
