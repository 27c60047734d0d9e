"""Cells of scenarios x people whose pay lies near a half cent, decided exactly: in whole numbers, else in fractions.

Proven: given the line that each value lies on, the cent, since no step rounds. Floats only tell which cells lie near a
half cent, by a bound on what they lose (`prepared_pay.sweep`: roundings counted with room, 5e-16 of a term each; so do
compiled loops).
Assumed: a person's line is the one that floats ordered the value into. Where pay jumps, places are decided exactly,
once for all values that are equal as floats: two different exact values of one float count as equal. At joints without
a jump, floats alone place a value: one within float error of the joint counts as on it, and pays by either line, which
differ there by less than floats lose, so a cent could go the other way only if that very pay were a half cent, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from compmodel.money import Cents, exact
from compmodel.pay_lines import class_targets, whole_lines
from compmodel.prepared_pay import Prepared, Sweep
from compmodel.whole_pay import Share, decided_cents, exact_share, nearest_cent

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
FEW = 4
"""Cells near a half cent that fractions decide sooner than whole numbers."""


def decided(of: Prepared, given: Sweep, scenarios: Rows, rows: Rows, pay: Floats) -> Cents:
    """Whole cents of cells near a half cent: in whole numbers, and where they are too large in fractions."""
    shares, chosen = [], []
    for i, people in enumerate(of.people):
        k, row_class, rank = given.which[scenarios, i], people.row_class[rows], people.rank[rows]
        state = np.zeros(len(rows), dtype=np.int64)
        for j, cuts in given.cuts[i]:
            looked = of.people[j]
            state = 2 * state + (looked.rank[rows] >= cuts[given.which[scenarios, j], looked.row_class[rows]])
        begins = given.lines[i].begins
        line = np.zeros(len(rows), dtype=np.int64)
        for n in range(1, begins.shape[3]):
            line += rank >= begins[k, state, row_class, n]
        chosen.append((k, state, line, rank >= 0))
        if len(rows) > FEW:
            shares.append(_share(of, given, i, scenarios, rows, chosen[-1]))
    if len(rows) <= FEW or any(share is None for share in shares):
        found, is_proven = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    else:
        incentive = _reduced(*(parts[rows] for parts in of.incentive_parts))
        found, is_proven = decided_cents(pay, *incentive, [share for share in shares if share])
    left = np.flatnonzero(~is_proven)
    if len(left):
        found[left] = _by_fractions(of, given, scenarios[left], rows[left], [[a[left] for a in of_] for of_ in chosen])
    return found


def _share(
    of: Prepared, given: Sweep, i: int, scenarios: Rows, rows: Rows, chosen: tuple[Whole, Whole, Whole, Any]
) -> Share | None:
    k, state, line, is_valued = chosen
    settings, people = given.settings[i], of.people[i]
    whole = whole_lines(people, settings)
    if whole is None:
        return None
    weights, at = np.unique(given.weights[:, i], return_inverse=True)
    at = at[scenarios]
    exact_weights = [exact(weight) for weight in weights.tolist()]
    above, below = _reduced(*of.whole_values(i, rows))
    row_class = people.row_class[rows]
    curve = settings.curve[k]
    constant = np.where(is_valued, whole.constant[curve, state, line], 0)
    slope = np.where(is_valued, whole.slope[curve, state, line], 0)
    return Share(
        weight=np.array([weight.numerator for weight in exact_weights], dtype=np.int64)[at],
        weight_over=np.array([weight.denominator for weight in exact_weights], dtype=np.int64)[at],
        constant=constant,
        slope=slope,
        over=whole.over[curve],
        span=whole.span[k, row_class],
        scale=whole.scale[k, row_class],
        floor=whole.floor[k, row_class],
        above=above,
        below=below,
    )


def _reduced(above: Whole, below: Whole) -> tuple[Whole, Whole]:
    common = np.maximum(np.gcd(above, below), 1)
    return above // common, below // common


def _by_fractions(of: Prepared, given: Sweep, scenarios: Rows, rows: Rows, chosen: Sequence[Sequence[Any]]) -> Cents:
    found = []
    for n, (s, row) in enumerate(zip(scenarios.tolist(), rows.tolist(), strict=True)):
        shares = []
        for i, (people, settings) in enumerate(zip(of.people, given.settings, strict=True)):
            k, state, line, is_valued = (array[n] for array in chosen[i])
            if not is_valued:
                continue
            exact_line = settings.curves[settings.curve[k]].exact[state][line]
            floor = exact(settings.floor[k])
            span = exact(class_targets(people, settings)[k, people.row_class[row]]) - floor
            weight = exact(given.weights[s, i])
            shares.append(
                exact_share(weight, (exact_line.constant, exact_line.slope), of.whole_value(i, row), floor, span)
            )
        above, below = of.incentive_parts
        found.append(nearest_cent((int(above[row]), int(below[row])), shares))
    return np.array(found, dtype=np.int64)
