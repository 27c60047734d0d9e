"""Exact numbers and whole cents: money is rounded once, half up (halves away from zero), never by a float's chance.

Floats carry a plan's arithmetic; wherever a result lies near a half cent the same formula is run again on exact
fractions, so 0.285 x 100 is a half cent and rounds up although the float lies below it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from compmodel.errors import CompModelError

Array = npt.NDArray[Any]
"""float64, or objects holding exact `Fraction`s; any shape."""
Cents = npt.NDArray[np.int64]

NEAR = 1e-9
"""What two floats may differ by that were meant to be equal: an attainment and the edge it stands on."""
_NEAR = 1e-4
"""Cents around a tie that are settled exactly: far above what floats lose on amounts below a billion."""


def exact(number: float) -> Fraction:
    """Returns the fraction a float was written as: 1.15 is 23/20, 33.333...% is 1/3.

    A float of up to 9 decimals is that decimal, and so is one of up to 15 digits unless it is exactly a fraction below
    a million parts; a longer one is the nearest such fraction.

    >>> exact(1.15), exact(1 / 3), exact(123456789.01)
    (Fraction(23, 20), Fraction(1, 3), Fraction(12345678901, 100))
    """
    size = float(number)
    if -1e6 < size < 1e6:  # where floats lie closer than billionths, one decimal of nine digits is all that it can be
        billionths = round(size * 1e9)
        if billionths / 1e9 == size:
            return Fraction(billionths, 10**9)
    text = repr(size)
    written = Fraction(text)
    if written.denominator <= 10**9:
        return written
    simple = Fraction(size).limit_denominator(1_000_000)
    is_short = sum(map(str.isdigit, text.partition("e")[0])) <= 15
    return written if is_short and float(simple) != size else simple


def exact_array(numbers: Array) -> Array:
    """Returns the exact fractions of an array of floats, as objects."""
    return np.array([exact(number) for number in numbers.ravel()], dtype=object).reshape(numbers.shape)


def rounded(numbers: Array, step: float) -> Array:
    """Returns numbers rounded to multiples of a step, half up; floats or exact fractions.

    >>> rounded(np.array([0.925, 1.0]), 0.05).round(2).tolist()
    [0.95, 1.0]
    """
    if numbers.dtype != object:
        found: Array = np.floor(numbers / step + 0.5) * step
        return found
    size, half = exact(step), Fraction(1, 2)
    return np.array([floor(number / size + half) * size for number in numbers.flat], dtype=object).reshape(
        numbers.shape
    )


def nearest_cents(cents: npt.NDArray[np.floating[Any]]) -> Cents:
    """Returns amounts in cents rounded to whole ones, halves away from zero; for inputs, not for pay.

    >>> nearest_cents(np.array([0.5, -0.5, 1.49])).tolist()
    [1, -1, 1]
    """
    sizes = np.abs(cents)
    _check_size(sizes)
    sizes += 0.5
    sizes += 1e-6
    rounded: Cents = np.copysign(np.floor(sizes, out=sizes), cents, out=sizes).astype(np.int64)
    return rounded


def _check_size(sizes: npt.NDArray[np.floating[Any]]) -> None:
    """Stops before an amount is too large to be exact to the cent."""
    if not (sizes < 2.0**53).all():
        raise CompModelError("An amount is above 90 trillion, so it cannot be exact to the cent. Check the figures.")


def whole_cents(
    amounts: npt.NDArray[np.float64],
    exactly: Callable[[npt.NDArray[np.intp]], Array],
    rounding: Literal["half_up", "half_even"] = "half_up",
) -> Cents:
    """Returns amounts in whole cents; `exactly(positions)` gives the exact amounts of those near a tie.

    >>> near = lambda positions: np.array([Fraction("0.285")] * len(positions), dtype=object)
    >>> whole_cents(np.array([0.285]), near).tolist()  # 0.285 * 100 is 28.499999999999996
    [29]
    """
    scaled = np.abs(amounts) * 100
    _check_size(scaled)
    cents = np.sign(amounts) * np.floor(scaled + 0.5)
    near = np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) < _NEAR)
    if len(near):
        settle = round if rounding == "half_even" else _half_up
        settled = [settle(abs(amount) * 100) for amount in exactly(near)]
        cents[near] = np.sign(amounts[near]) * np.array(settled, dtype=float)
    return cents.astype(np.int64)


def _half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))
