"""The pay of people under one setting of a plan's numbers, to the cent, in about as many steps as plain numpy takes.

What a slider waits for, and what a loop over plans repeats: people are prepared once, and no scenario axis is made.
Floats find each person's pay; where it lies near a half cent, and where results stand at jumps, whole numbers decide,
with the proofs and assumptions of `half_cents`. Where numba is installed and people are many, compiled loops do both.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from math import lcm
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel import compiled
from compmodel.curve_lines import LARGEST, CurveLines, conditions
from compmodel.half_cents import value_parts
from compmodel.money import NEAR, Cents, exact
from compmodel.pay_lines import Ranked, fill_lines
from compmodel.prepared_pay import LEAST_NEAR, LOST, STEPS, Prepared
from compmodel.whole_pay import LARGEST as LARGEST_WHOLE
from compmodel.whole_pay import NEAR_TIE, Share, decided_cents, exact_share, nearest_cent

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
FEW = 16
"""Rows near a half cent that are decided sooner one by one than all at once."""
COMPILED_FROM = 5_000
"""Rows of people x components from which compiled loops are worth loading."""
MOST_BITS = 256
"""Of the denominator that all lines share; a larger one decides nothing in 64 bits."""


class Numbers(NamedTuple):
    """One setting of a component: its numbers, and its curve as lines."""

    target: float
    floor: float
    weight: float
    curve: CurveLines


class Begun(NamedTuple):
    """A component's lines under one setting: by state of its conditions, places in the order of people.

    `cuts`: of each condition the component looked at, and the place in its order from which the condition holds.
    """

    begins: list[list[int]]
    constants: list[list[float]]
    slopes: list[list[float]]
    cuts: list[tuple[int, int]]


def plan_cents(of: Prepared, numbers: Sequence[Numbers]) -> Cents | None:
    """Returns pay in whole cents by row of people, exactly rounded; `numbers` are of each component.

    None where people of a component have targets of their own, or where pay is too large for floats to be near it.
    """
    if any(len(people.target) != 1 or not people.is_default[0] for people in of.people):
        return None
    every: list[Begun] = []
    most = 0.0
    for i, (people, mine) in enumerate(zip(of.people, numbers, strict=True)):
        every.append(_begun(of, numbers, i))
        lines, span = every[i], mine.target - mine.floor
        constant, slope = (max(map(abs, chain(*of_states))) for of_states in (lines.constants, lines.slopes))
        largest = constant + slope * people.largest
        most += largest * (STEPS + (mine.target + abs(mine.floor)) / span)
    lost = max(LEAST_NEAR, most * float(of.incentive.max(initial=0.0)) * LOST)
    if lost > NEAR_TIE:
        return None
    if compiled.IS_COMPILED and len(of.incentive) * len(numbers) >= COMPILED_FROM:
        return _compiled_cents(of, numbers, every, lost)
    n_people = len(of.incentive)
    pay, one = np.zeros(n_people), np.zeros(n_people)
    for people, mine, lines in zip(of.people, numbers, every, strict=True):
        if len(people.order) < n_people:
            one[:] = 0.0
        one[people.order] = _unit_pay(of, people, lines)
        one *= mine.weight
        pay += one
    nearest = np.rint(pay)
    cents = nearest.astype(np.int64)
    pay -= nearest
    near = (np.abs(pay) > 0.5 - lost).nonzero()[0]
    if len(near):
        cents[near] = _exact_cents(of, numbers, every, near, pay[near] + nearest[near])
    return cents


def _compiled_cents(of: Prepared, numbers: Sequence[Numbers], every: Sequence[Begun], lost: float) -> Cents:
    """The same cents by compiled loops; what these leave undecided the other way decides."""
    n_people = len(of.incentive)
    pay, cents, near = np.zeros(n_people), np.empty(n_people, dtype=np.int64), np.empty(n_people, dtype=np.intp)
    conditions_of, begins = [tuple(lines.cuts) for lines in every], [np.array(lines.begins) for lines in every]
    state = {cuts: _state(of, cuts) for cuts in set(conditions_of)}
    states = [state[cuts] for cuts in conditions_of]
    for i, (people, mine, lines) in enumerate(zip(of.people, numbers, every, strict=True)):
        floats = np.array(lines.constants), np.array(lines.slopes)
        of_people = people.order, people.pay, people.pay_value
        compiled.add_line_pay(pay, *of_people, states[i], begins[i], *floats, mine.weight)
    rows = near[: compiled.fill_near_half(cents, near, pay, lost)]
    if not len(rows):
        return cents
    left = np.arange(len(rows))
    common, lines_of = _whole_lines(numbers)
    if common:
        above, below = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=np.int64)
        for i, (people, whole) in enumerate(zip(of.people, lines_of, strict=True)):
            if not of.wholes[i][1][rows].all():
                value_parts(of, i, rows)  # fills `wholes`
            compiled.add_line_share(above, below, rows, people.rank, states[i], begins[i], *whole, *of.wholes[i])
        over = _wrapped(common), float(common), LARGEST_WHOLE / (4 * NEAR_TIE)
        left = left[: compiled.fill_half_cents(cents, left, rows, pay, *of.incentive_parts, above, below, *over)]
    if len(left):
        rows = rows[left]
        cents[rows] = _exact_cents(of, numbers, every, rows, pay[rows])
    return cents


def _state(of: Prepared, cuts: tuple[tuple[int, int], ...]) -> Whole:
    """Which of a component's conditions hold, by row of people."""
    state = np.zeros(len(of.incentive), dtype=np.int64)
    for j, cut in cuts:
        state = 2 * state + (of.people[j].rank >= cut)
    return state


def _whole_lines(numbers: Sequence[Numbers]) -> tuple[int, list[tuple[Whole, Whole]]]:
    """What all lines are parts of, and of each component constants and slopes in value, weighted, in such parts.

    Arrays of states x lines that wrap around 64 bits; 0 and nothing where numbers are too large for them.
    """
    every = []
    for mine in numbers:
        target, floor, weight = map(exact, mine[:3])
        scale = lcm(target.denominator, floor.denominator)
        whole_floor = floor.numerator * (scale // floor.denominator)
        span = target.numerator * (scale // target.denominator) - whole_floor
        every.append((weight, scale, whole_floor, span, weight.denominator * mine.curve.over * span))
    common = lcm(*(over for *_, over in every))  # 0 where one is
    if not common or common.bit_length() > MOST_BITS:
        return 0, []
    found = []
    for mine, (weight, scale, whole_floor, span, over) in zip(numbers, every, strict=True):
        times, constant, slope = weight.numerator * (common // over), mine.curve.whole_constant, mine.curve.whole_slope
        lifted = constant * _wrapped(times * span) - slope * _wrapped(times * whole_floor)
        found.append((lifted, slope * _wrapped(times * scale)))
    return common, found


def _wrapped(number: int) -> int:
    """A whole number as 64 bits keep it."""
    return (number + 2**63) % 2**64 - 2**63


def _begun(of: Prepared, numbers: Sequence[Numbers], i: int) -> Begun:
    mine, people = numbers[i], of.people[i]
    floor, span = mine.floor, mine.target - mine.floor
    at, constants, slopes = (array.tolist() for array in (mine.curve.at, mine.curve.constant, mine.curve.slope))
    slopes = [[slope / span for slope in state] for state in slopes]
    constants = [
        [constant - slope * floor for constant, slope in zip(*state, strict=True)]
        for state in zip(constants, slopes, strict=True)
    ]
    edges = [[floor + one * span for one in state] for state in at]
    begins: list[list[int]] = people.value.searchsorted(edges).tolist()
    leaps: dict[tuple[Fraction | None, bool], int] = {}
    for state, lines in zip(begins, mine.curve.exact, strict=True):
        for j, line in enumerate(lines):
            if line.jumps and line.at is not None:
                key = (line.at, line.is_upper)
                if key not in leaps:
                    leaps[key] = _place(of, mine, i, line.at, line.is_upper)
                state[j] = leaps[key]
    names = [component.name for component in of.components]
    cuts = []
    for rule in conditions(of.components[i]):
        j = i if rule.component is None else names.index(rule.component)
        if rule.of == "value":
            known = of.cuts.get((j, rule.threshold))
            if known is None:
                place = _place(of, numbers[j], j, exact(rule.threshold), of_value=True)
                known = of.cuts[j, rule.threshold] = np.array([[place]])
            cuts.append((j, int(known[0, 0])))
        else:
            cuts.append((j, _place(of, numbers[j], j, exact(rule.threshold))))
    return Begun(begins, constants, slopes, cuts)


def _place(of: Prepared, mine: Numbers, i: int, at: Fraction, is_upper: bool = False, *, of_value: bool = False) -> int:
    """Where in the order of people an attainment (or a value) is reached, decided exactly."""
    values = of.people[i].value
    edge = float(at) if of_value else mine.floor + float(at) * (mine.target - mine.floor)
    near = NEAR * max(1.0, abs(edge))
    first, last = values.searchsorted((edge - near, edge + near)).tolist()
    if first < last:
        floor = exact(mine.floor)
        limit = at if of_value else floor + at * (exact(mine.target) - floor)
        here, order = values[first:last].tolist(), of.people[i].order
        for k, value in enumerate(here):  # equal floats are equal values
            if k == 0 or value != here[k - 1]:
                above, below = of.value(i, int(order[first + k]))
                beyond = above * limit.denominator - limit.numerator * below
                if beyond > 0 or (beyond == 0 and not is_upper):
                    return int(first) + k
    return int(last)


def _unit_pay(of: Prepared, people: Ranked, mine: Begun) -> Floats:
    """What a component pays at weight 1, in its order of people."""
    n = len(people.order)
    found = np.empty((len(mine.begins), n))
    for out, begins, constants, slopes in zip(found, mine.begins, mine.constants, mine.slopes, strict=True):
        fill_lines(out, people, [*begins, n], constants, slopes)
    met = [of.people[j].rank[people.order] >= cut for j, cut in mine.cuts]
    if not met:
        return np.asarray(found[0])
    if len(met) == 1:
        return np.asarray(np.where(met[0], found[1], found[0]))
    state = np.zeros(n, dtype=np.int64)
    for one in met:
        state = 2 * state + one
    return np.asarray(found[state, np.arange(n)])


def _exact_cents(of: Prepared, numbers: Sequence[Numbers], every: Sequence[Begun], rows: Rows, pay: Floats) -> Cents:
    """Whole cents of rows near half cents: of many in whole numbers of 64 bits, of few or large ones in larger."""
    exact_numbers = [tuple(map(exact, mine[:3])) for mine in numbers]
    found, left = np.zeros(len(rows), dtype=np.int64), np.arange(len(rows))
    if len(rows) > FEW:
        shares = [_share(of, i, mine, every[i], exact_numbers[i], rows) for i, mine in enumerate(numbers)]
        if all(share is not None for share in shares):
            above, below = of.incentive_parts
            found, is_proven = decided_cents(pay, above[rows], below[rows], [share for share in shares if share])
            left = left[~is_proven]
    for n in left.tolist():
        found[n] = _exact_cent(of, numbers, exact_numbers, every, int(rows[n]))
    return found


def _share(
    of: Prepared, i: int, mine: Numbers, begun: Begun, exact_numbers: tuple[Fraction, ...], rows: Rows
) -> Share | None:
    target, floor, weight = exact_numbers
    scale = lcm(target.denominator, floor.denominator)
    wholes = [
        weight.numerator,
        weight.denominator,
        mine.curve.over,
        *(int(number * scale) for number in (target - floor, floor)),
    ]
    if not mine.curve.over or max(scale, *map(abs, wholes)) > LARGEST:
        return None
    rank = of.people[i].rank[rows]
    state = np.zeros(len(rows), dtype=np.int64)
    for j, cut in begun.cuts:
        state = 2 * state + (of.people[j].rank[rows] >= cut)
    line = (rank[:, None] >= np.array(begun.begins)[state, 1:]).sum(axis=1)
    constant, slope = (
        np.where(rank >= 0, lines[state, line], 0) for lines in (mine.curve.whole_constant, mine.curve.whole_slope)
    )
    above_weight, below_weight, over, span, whole_floor, whole_scale = (
        np.full(len(rows), number) for number in (*wholes, scale)
    )
    values = value_parts(of, i, rows)
    return Share(above_weight, below_weight, constant, slope, over, span, whole_scale, whole_floor, *values)


def _exact_cent(
    of: Prepared,
    numbers: Sequence[Numbers],
    exact_numbers: Sequence[tuple[Fraction, ...]],
    every: Sequence[Begun],
    row: int,
) -> int:
    shares = []
    for i, (people, mine, begun) in enumerate(zip(of.people, numbers, every, strict=True)):
        rank, state = int(people.rank[row]), 0
        if rank < 0:
            continue
        for j, cut in begun.cuts:
            state = 2 * state + (int(of.people[j].rank[row]) >= cut)
        place = sum(rank >= begin for begin in begun.begins[state][1:])
        line = mine.curve.exact[state][place]
        target, floor, weight = exact_numbers[i]
        shares.append(exact_share(weight, (line.constant, line.slope), of.value(i, row), floor, target - floor))
    above, below = of.incentive_parts
    return nearest_cent((int(above[row]), int(below[row])), shares)
