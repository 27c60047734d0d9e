"""Loops compiled where numba is installed (`compmodel[fast]`): of pay in `pay_loops`, and of sums here.

The same sums as numpy makes elsewhere, to the cent. numba is loaded when a loop is first used: about a second, and some
more once on a machine, to compile.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

IS_COMPILED = find_spec("numba") is not None
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def fill_converted(cost: Whole, near: Whole, pay: Whole, rate: Floats, least: float, lost: float) -> int:
    """Fills pay of plans x people times each one's rate in the nearest cents; returns how many are near a half."""
    n_near, n_people = 0, len(rate)
    for p in range(pay.shape[0]):
        for r in range(n_people):
            amount = pay[p, r] * rate[r]
            nearest = np.rint(amount)
            cost[p, r] = np.int64(nearest)
            near[n_near] = p * n_people + r
            n_near += abs(amount - nearest) > 0.5 - max(least, lost * abs(amount))
    return n_near


def fill_cost(cost: Floats, attainment: Floats, incentive: Floats, at: Floats, numbers: Floats) -> None:
    """Fills the cost of draws x people, by straight lines; each holds from an attainment on, the first from -inf."""
    for d in range(attainment.shape[0]):
        total = 0.0
        for p in range(attainment.shape[1]):
            attained, line = attainment[d, p], 0
            for n in range(1, len(at)):
                line += attained >= at[n]
            total += incentive[p] * (numbers[line, 0] + numbers[line, 1] * attained)
        cost[d] = total


@cache
def loop(function: Callable[..., Any], parts: tuple[Callable[..., Any], ...] = ()) -> Any:
    """Returns a loop, compiled where numba is installed; `parts` are the loops of its file that it calls."""
    if not IS_COMPILED:
        return function
    from numba import extending, njit  # noqa: PLC0415 (slow to load, and optional)

    for part in parts:
        extending.register_jitable(part)
    return njit(function, cache=True, nogil=True)
