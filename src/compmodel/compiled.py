"""The inner loops of pay over many plans or many people, compiled where numba is installed (`compmodel[fast]`).

The same sums as numpy makes elsewhere; cents near a half are decided in whole numbers, so both give the same cents.
numba is loaded when a loop is first used: about a second, and some more once on a machine, to compile.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

IS_COMPILED = find_spec("numba") is not None


def _pay(
    pay: npt.NDArray[np.float64],
    settings: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    ranks: npt.NDArray[np.int32],
    classes: npt.NDArray[np.int16],
    incentive: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    begins: npt.NDArray[np.int64],
    constants: npt.NDArray[np.float64],
    slopes: npt.NDArray[np.float64],
    looked_at: npt.NDArray[np.int64],
    cuts: npt.NDArray[np.int64],
) -> None:
    """Fills pay in cents of scenarios x people."""
    n_lines, n_people = begins.shape[4], pay.shape[1]
    for s in range(pay.shape[0]):
        pay[s] = 0.0
        for i in range(settings.shape[1]):
            k, weight = settings[s, i], weights[s, i]
            if weight == 0.0:
                continue
            rank, of, value = ranks[i], classes[i], values[i]
            begin, constant, slope = begins[i, k], constants[i, k], slopes[i, k]
            if looked_at[i, 0] < 0:
                for r in range(n_people):
                    if rank[r] >= 0:
                        line = 0
                        for n in range(1, n_lines):
                            line += rank[r] >= begin[0, of[r], n]
                        share = constant[0, of[r], line] + slope[0, of[r], line] * value[r]
                        pay[s, r] += weight * incentive[r] * share
                continue
            for r in range(n_people):
                if rank[r] < 0:
                    continue
                state = 0
                for c in range(looked_at.shape[1]):
                    j = looked_at[i, c]
                    if j >= 0:
                        state = 2 * state + (ranks[j, r] >= cuts[i, c, settings[s, j], classes[j, r]])
                line = 0
                for n in range(1, n_lines):
                    line += rank[r] >= begin[state, of[r], n]
                share = constant[state, of[r], line] + slope[state, of[r], line] * value[r]
                pay[s, r] += weight * incentive[r] * share


def _cost(
    cost: npt.NDArray[np.float64],
    attainment: npt.NDArray[np.float64],
    incentive: npt.NDArray[np.float64],
    at: npt.NDArray[np.float64],
    is_upper: npt.NDArray[np.bool_],
    numbers: npt.NDArray[np.float64],
) -> None:
    """Fills the cost of draws x people, by straight lines that begin at attainments, the first at -inf."""
    for d in range(attainment.shape[0]):
        total = 0.0
        for p in range(attainment.shape[1]):
            attained, line = attainment[d, p], 0
            for n in range(1, len(at)):
                line += attained > at[n] or (attained == at[n] and not is_upper[n])
            total += incentive[p] * (numbers[line, 0] + numbers[line, 1] * attained)
        cost[d] = total


def _line_pay(
    pay: npt.NDArray[np.float64],
    order: npt.NDArray[np.intp],
    incentive: npt.NDArray[np.float64],
    incentive_value: npt.NDArray[np.float64],
    state: npt.NDArray[np.int64],
    begins: npt.NDArray[np.int64],
    constants: npt.NDArray[np.float64],
    slopes: npt.NDArray[np.float64],
    weight: float,
) -> None:
    """Adds a component's pay in cents to rows of people; the next two arrays are in `order`, lines are by state."""
    factors = np.empty((2, len(begins)))
    low = 0
    while low < len(order):
        high = len(order)
        for of in range(len(begins)):  # each state's line from here on, and where the next line of one begins
            line = 0
            for n in range(1, begins.shape[1]):
                if begins[of, n] <= low:
                    line += 1
                else:
                    high = min(high, begins[of, n])
            factors[0, of], factors[1, of] = weight * constants[of, line], weight * slopes[of, line]
        for k in range(low, high):
            row = order[k]
            of = state[row]
            pay[row] += factors[0, of] * incentive[k] + factors[1, of] * incentive_value[k]
        low = high


def _near_half(
    cents: npt.NDArray[np.int64], near: npt.NDArray[np.intp], pay: npt.NDArray[np.float64], lost: float
) -> int:
    """Fills the nearest cents and the rows within `lost` of a half cent; returns how many these are."""
    n_near = 0
    for row in range(len(pay)):
        nearest = np.rint(pay[row])
        cents[row] = np.int64(nearest)
        near[n_near] = row
        n_near += abs(pay[row] - nearest) > 0.5 - lost
    return n_near


def _line_share(
    above: npt.NDArray[np.int64],
    below: npt.NDArray[np.int64],
    rows: npt.NDArray[np.intp],
    rank: npt.NDArray[np.int32],
    state: npt.NDArray[np.int64],
    begins: npt.NDArray[np.int64],
    constants: npt.NDArray[np.int64],
    slopes: npt.NDArray[np.int64],
    values: npt.NDArray[np.int64],
    values_over: npt.NDArray[np.int64],
) -> None:
    """Adds constant + slope x value to above / below of rows in whole numbers; `above` wraps around, `below` does not.

    `below` turns 0 where a value is not known in whole numbers, or where it grows beyond 2^62.
    """
    for n in range(len(rows)):
        row = rows[n]
        place = rank[row]
        if place < 0 or below[n] == 0:
            continue
        of, line = state[row], 0
        for j in range(1, begins.shape[1]):
            line += place >= begins[of, j]
        slope = slopes[of, line]
        if slope != 0:
            over = values_over[row]
            if over == 0:
                below[n] = 0
                continue
            if below[n] % over != 0:
                one, other = below[n], over
                while other != 0:
                    one, other = other, one % other
                times = over // one
                if float(below[n]) * float(times) > 2.0**62:
                    below[n] = 0
                    continue
                above[n] *= times
                below[n] *= times
            above[n] += slope * values[row] * (below[n] // over)
        above[n] += constants[of, line] * below[n]


def _half_cents(
    cents: npt.NDArray[np.int64],
    left: npt.NDArray[np.intp],
    rows: npt.NDArray[np.intp],
    pay: npt.NDArray[np.float64],
    incentive: npt.NDArray[np.int64],
    incentive_over: npt.NDArray[np.int64],
    above: npt.NDArray[np.int64],
    below: npt.NDArray[np.int64],
    over: int,
    size: float,
    limit: float,
) -> int:
    """Fills cents of rows near half cents where this is proven, as `whole_pay` explains it; returns how many are left.

    Pay is incentive / incentive_over x above / (below x over); `over` wraps around, `size` is what it is as a float.
    """
    n_left = 0
    for n in range(len(rows)):
        row = rows[n]
        if below[n] == 0 or float(incentive_over[row]) * size * float(below[n]) >= limit:
            left[n_left] = n
            n_left += 1
            continue
        lower = np.int64(np.floor(abs(pay[row])))
        sign = np.int64(-1 if pay[row] < 0 else 1)
        whole = sign * incentive[row] * above[n]
        beyond = 2 * whole - (2 * lower + 1) * (incentive_over[row] * over * below[n])
        cents[row] = sign * (lower + (beyond >= 0))
    return n_left


@cache
def _jitted(function: Callable[..., Any]) -> Any:
    if not IS_COMPILED:
        return function
    import numba  # noqa: PLC0415 (slow to load, and optional)

    return numba.njit(function, cache=True, nogil=True)


def fill_pay(*arrays: npt.NDArray[Any]) -> None:
    """Fills the first array, pay in cents of scenarios x people; see `_pay` for the others."""
    _jitted(_pay)(*arrays)


def fill_cost(*arrays: npt.NDArray[Any]) -> None:
    """Fills the first array, the cost of each draw; see `_cost` for the others."""
    _jitted(_cost)(*arrays)


def add_line_pay(*arrays: Any) -> None:
    """Adds a component's pay in cents to the first array, rows of people; see `_line_pay` for the others."""
    _jitted(_line_pay)(*arrays)


def fill_near_half(*arrays: Any) -> int:
    """Fills the first two arrays, nearest cents and rows near a half cent, and returns how many; see `_near_half`."""
    return int(_jitted(_near_half)(*arrays))


def add_line_share(*arrays: npt.NDArray[Any]) -> None:
    """Adds a component's share to the first two arrays, whole numbers above and below; see `_line_share`."""
    _jitted(_line_share)(*arrays)


def fill_half_cents(*arrays: Any) -> int:
    """Fills the first two arrays, cents and what is left undecided, and returns how many; see `_half_cents`."""
    return int(_jitted(_half_cents)(*arrays))
