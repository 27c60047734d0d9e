"""Pay from attainment: target incentive x proration x weight x payout factor, rounded once to whole cents.

The rounding falls on each payee's total of a period; components take the rounded running totals, so three thirds of
10,000 are 3,333.33 + 3,333.34 + 3,333.33 and the statement adds up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from compmodel.money import Array, Cents, half_up_cents


class PayRule(BaseModel):
    """In which currency and how often pay is worked out, and how it is rounded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    currency: str = Field(
        pattern="^([A-Z]{3}|payee)$", description="A currency code for all, or payee: each in the payee's own."
    )
    period: Literal["quarter"] = Field(description="Measurement and payout period.")
    rounding: Literal["half_up"] = Field(description="Once, on the payee's total of the period, to whole cents.")


def gross_pay(target_incentive: Array, proration: Array, weight: Array, factor: Array) -> Array:
    """Returns unrounded pay in currency; arrays of one shape (or broadcastable), floats or exact fractions.

    >>> gross_pay(np.array([10000.0]), np.array([1.0]), np.array([0.5]), np.array([0.92])).tolist()
    [4600.0]
    """
    gross: Array = target_incentive * proration * weight * factor
    return gross


def payout_cents(gross: npt.NDArray[np.float64], exactly: Callable[[npt.NDArray[np.intp]], Array]) -> Cents:
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

        rounded[:, column] = half_up_cents(running[:, column], exact_running)
    return np.diff(rounded, axis=1, prepend=0)
