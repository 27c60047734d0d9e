"""Half cents decided exactly in whole numbers, for many plans and people at once.

Pay in cents is a fraction N / D. Whether it reaches the half cent k + 1/2 is the sign of 2 N - (2 k + 1) D. Floats have
told already that pay lies within `NEAR_TIE` of it, so this number is small beside D, and whole numbers of 64 bits that
wrap around give it exactly, whatever N and D are, as long as 2 D x NEAR_TIE is below 2^63. No step rounds: what is
decided here is proven, on three assumptions that callers keep: floats lost at most NEAR_TIE of the pay given; each
share is the line that its value lies on; value and settings are the exact numbers meant. Where D or a part of it is too
large the caller is told, and uses fractions (`exact_share`, `nearest_cent`), which need the last two only.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel.money import Cents

Whole = npt.NDArray[np.int64]
NEAR_TIE = 1e-4
"""The most cents that floats may have lost of pay that is decided here."""
LARGEST = 2.0**62


class Share(NamedTuple):
    """What a component adds to the pay of some cells, as a share of target incentive: whole numbers, one a cell.

    weight / weight_over x (constant x span x below + slope x (above x scale - floor x below)) / (over x span x below),
    where the value is above / below; `below` is 0 where it is not known in whole numbers.
    """

    weight: Whole
    weight_over: Whole
    constant: Whole
    slope: Whole
    over: Whole
    span: Whole
    scale: Whole
    floor: Whole
    above: Whole
    below: Whole


Parts = tuple[int, int]
"""A fraction as whole numbers of any size, above and below, not reduced: four times as fast as `Fraction`."""


def exact_share(
    weight: Fraction, line: tuple[Fraction, Fraction], value: Parts, floor: Fraction, span: Fraction
) -> Parts:
    """Returns weight x (constant + slope x (value - floor) / span) exactly; `line` is constant and slope.

    >>> exact_share(Fraction(1, 2), (Fraction(0), Fraction(1)), (21, 20), Fraction(1), Fraction(1, 10))
    (10, 40)
    """
    constant, slope = line
    above, below = constant.numerator, constant.denominator
    if slope.numerator:
        moved = value[0] * floor.denominator - floor.numerator * value[1]
        over = slope.denominator * value[1] * floor.denominator * span.numerator
        above = above * over + slope.numerator * moved * span.denominator * below
        below *= over
    return weight.numerator * above, weight.denominator * below


def nearest_cent(incentive: Parts, shares: Sequence[Parts]) -> int:
    """Returns shares of target incentive in cents added up, rounded once, halves away from zero.

    >>> nearest_cent((1, 1), [(1, 4), (1, 4)])
    1
    """
    above, below = 0, 1
    for one, over in shares:
        above, below = above * over + one * below, below * over
    above, below = above * incentive[0], below * incentive[1]
    cents = (2 * abs(above) + below) // (2 * below)
    return cents if above >= 0 else -cents


def decided_cents(
    pay: npt.NDArray[np.float64], incentive: Whole, incentive_over: Whole, shares: Sequence[Share]
) -> tuple[Cents, npt.NDArray[np.bool_]]:
    """Returns whole cents, halves away from zero, of pay near half cents, and where this is proven; arrays of cells.

    `pay` in cents as floats found it; incentive / incentive_over is target incentive in cents.
    """
    is_proven = np.ones(len(pay), dtype=bool)
    above, below = [], []
    common = np.ones(len(pay), dtype=np.int64)
    for share in shares:
        is_flat = share.slope == 0
        known = np.where(is_flat, 1, share.below)
        moved = share.slope * (share.above * share.scale - share.floor * share.below)
        lifted = share.constant * share.span * share.below
        part = share.weight * np.where(is_flat, share.constant, lifted + moved)
        over = share.weight_over * share.over
        size = np.where(is_flat, 1.0, share.span.astype(float) * known) * over
        over = np.where(is_flat, over, over * share.span * known)
        is_none = (share.constant == 0) & is_flat
        over = np.where(is_none | (known == 0) | (size > LARGEST), 1, over)
        is_proven &= is_none | ((known > 0) & (size <= LARGEST))
        above.append(np.where(is_none, 0, part))
        below.append(over)
        times = over // np.gcd(common, over)
        is_proven &= common.astype(float) * times <= LARGEST
        common = np.where(is_proven, common * times, 1)
    whole = sum((of * (common // np.maximum(over, 1)) for of, over in zip(above, below, strict=True)), 0 * common)
    whole, over = incentive * whole, incentive_over * common
    is_proven &= 2 * NEAR_TIE * 2 * incentive_over.astype(float) * common < LARGEST
    size = np.abs(pay)
    lower = np.floor(size).astype(np.int64)
    beyond = 2 * np.where(pay < 0, -whole, whole) - (2 * lower + 1) * over
    found = lower + (beyond >= 0)
    return np.where(pay < 0, -found, found), is_proven
