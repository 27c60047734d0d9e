"""Pay under many settings of a plan's numbers by numpy: prepared people in, whole cents of each person out.

A scenario axis stands in front of people, and never one of components behind it. `compiled_pay` does the same by
compiled loops; `kernel_for` says which runs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from compmodel import compiled
from compmodel.curve_lines import lines
from compmodel.curves import Curve, payout_factor
from compmodel.half_cents import decided
from compmodel.money import Cents
from compmodel.pay_lines import Lines, Ranked, fill_lines
from compmodel.prepared_pay import Prepared, Sweep

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
Kernel = Literal["compiled", "numpy"]
COMPILED_FROM = 5_000
"""Rows of people x components from which compiled loops are worth loading, though one plan takes a millisecond."""
COMPILED_FROM_EVALUATIONS = 10_000_000
"""Scenario x person and period x component, from which they repay their start at once."""
BLOCK_BYTES = 2**21


def kernel_for(n: int, n_scenarios: int) -> Kernel:
    """Returns by which loops so many people and periods x components are worked out."""
    is_large = n >= COMPILED_FROM or n * n_scenarios >= COMPILED_FROM_EVALUATIONS
    return "compiled" if compiled.IS_COMPILED and is_large else "numpy"


def paid(of: Prepared, given: Sweep) -> Cents:
    """Returns pay in whole cents, scenarios x people, exactly rounded, by numpy."""
    pay = np.empty((len(given.which), len(of.incentive)))
    _fill_pay(pay, of, given)
    return _whole(of, given, pay)


def _whole(of: Prepared, given: Sweep, pay: Floats) -> Cents:
    cents = np.empty(pay.shape, dtype=np.int64)
    step = max(1, BLOCK_BYTES // (8 * max(1, pay.shape[1])))
    off = np.empty((min(step, len(pay)), pay.shape[1]))
    places: list[Rows] = []
    for start in range(0, len(pay), step):
        block, mine = pay[start : start + step], off[: len(pay[start : start + step])]
        np.rint(block, out=mine)
        cents[start : start + step] = mine
        np.subtract(block, mine, out=mine)
        np.abs(mine, out=mine)
        places.append(np.flatnonzero(mine > 0.5 - given.near) + start * pay.shape[1])
    near = np.concatenate(places) if places else np.zeros(0, dtype=np.intp)
    for start in range(0, len(near), 2**18):
        some = near[start : start + 2**18]
        cents.ravel()[some] = decided(of, given, some // pay.shape[1], some % pay.shape[1], pay.ravel()[some])
    return cents


def _evaluations(given: Sweep, i: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The first scenario of each distinct evaluation of a component, and each scenario's evaluation."""
    if len(given.which) == 1:
        return given.which[:, i] * 0, given.which[:, i] * 0
    columns = [i, *dict.fromkeys(j for j, cut in given.cuts[i] if j != i and (cut != cut[:1]).any())]
    key = given.which[:, columns[0]]
    for j in columns[1:]:
        key = key * len(given.settings[j].target) + given.which[:, j]
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which.ravel()


def _fill_pay(pay: Floats, of: Prepared, given: Sweep) -> None:
    """Pay in cents, unrounded: a component's distinct settings once, times weight, added up."""
    n_people = pay.shape[1]
    one, added = np.zeros(n_people), np.empty(n_people)
    ordered = np.empty(n_people)
    for i in range(len(of.components)):
        first, which = _evaluations(given, i)
        groups = np.argsort(which, kind="stable")
        ends = np.cumsum(np.bincount(which, minlength=len(first))).tolist()
        weights = given.weights[:, i].tolist()
        one[:] = 0.0
        for n, s in enumerate(first.tolist()):
            _fill_unit_pay(one, ordered, of, given, i, s)
            for mine in groups[ends[n - 1] if n else 0 : ends[n]].tolist():
                row, weight = pay[mine], weights[mine]
                np.multiply(one, weight, out=added if i else row)
                if i:
                    np.add(row, added, out=row)


def _fill_unit_pay(one: Floats, ordered: Floats, of: Prepared, given: Sweep, i: int, s: int) -> None:
    """What a component pays at weight 1 in one scenario, in the order of people as given."""
    people, mine, k = of.people[i], given.lines[i], given.which[s, i]
    in_order = ordered[: len(people.order)]
    n_states = mine.begins.shape[1]
    if n_states == 1:
        _fill_state(in_order, people, mine, k, 0)
    else:
        state = np.zeros(len(people.order), dtype=np.int64)
        for j, cuts in given.cuts[i]:
            rank, cut = of.people[j].rank[people.order], cuts[given.which[s, j]][of.people[j].row_class[people.order]]
            state = 2 * state + (rank >= cut)
        found = np.empty((n_states, len(people.order)))
        for n in range(n_states):
            _fill_state(found[n], people, mine, k, n)
        in_order[:] = found[state, np.arange(len(state))]
    one[people.order] = in_order


def _fill_state(out: Floats, people: Ranked, every: Lines, k: int, state: int) -> None:
    for n, end in enumerate(people.begins[1:].tolist()):
        begins, constants, slopes = (array[k, state, n].tolist() for array in every)
        fill_lines(out, people, [*begins, end], constants, slopes)


def cost_of_attainment(curve: Curve, attainment: Floats, incentive: Floats) -> Floats:
    """Returns what draws of attainment cost, unrounded: attainment of draws x people, target incentive of people.

    For simulation, where attainment is drawn: a few draws at a time, in memory that is used again.

    >>> curve = Curve(kind="linear", points=((0, 0), (1, 1)), beyond="hold")
    >>> cost_of_attainment(curve, np.array([[0.5, 1.0], [1.2, 0.0]]), np.array([100.0, 200.0])).tolist()
    [250.0, 100.0]
    """
    every = lines(curve)
    at = np.array([-np.inf if line.at is None else float(line.at) for line in every])
    numbers = np.array([[float(line.constant), float(line.slope)] for line in every])
    cost = np.zeros(len(attainment))
    if compiled.IS_COMPILED and attainment.size >= COMPILED_FROM_EVALUATIONS:
        at = np.where([line.is_upper for line in every], np.nextafter(at, np.inf), at)  # what is above an edge
        compiled.loop(compiled.fill_cost)(cost, attainment, incentive, at, numbers)
        return cost
    step = max(1, BLOCK_BYTES // (32 * max(1, attainment.shape[1])))
    for start in range(0, len(attainment), step):
        cost[start : start + step] = payout_factor(attainment[start : start + step], curve) @ incentive
    return cost
