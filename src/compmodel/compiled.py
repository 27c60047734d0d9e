"""The inner loop of many plans over many people, compiled where numba is installed (`compmodel[fast]`).

The same sums as `scenarios` makes with numpy; cents near a half are decided elsewhere, so both give the same cents.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import numba
except ImportError:  # an optional dependency: everything works without it
    numba = None  # type: ignore[assignment]

IS_COMPILED = numba is not None


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


def _jitted(function: Any) -> Any:
    return function if numba is None else numba.njit(function, cache=True, nogil=True)


_pay_compiled, _cost_compiled = _jitted(_pay), _jitted(_cost)


def fill_pay(*arrays: npt.NDArray[Any]) -> None:
    """Fills the first array, pay in cents of scenarios x people; see `_pay` for the others."""
    _pay_compiled(*arrays)


def fill_cost(*arrays: npt.NDArray[Any]) -> None:
    """Fills the first array, the cost of each draw; see `_cost` for the others."""
    _cost_compiled(*arrays)
