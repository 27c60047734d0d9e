"""The pay of people under one or many settings of a plan's numbers, to the cent, by compiled loops.

What a slider waits for, and what many plans repeat. A plan's lines are put in value and its edges decided where pay
jumps; each component is worked out once for its distinct numbers; a plan is their weighted sum, rounded. Cents near a
half are decided in whole numbers, with the proofs and assumptions of `half_cents`, and those too large in fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel import compiled, pay_loops
from compmodel.components import Component
from compmodel.curve_lines import LARGEST, conditions
from compmodel.money import Cents, exact
from compmodel.pay_lines import Settings
from compmodel.prepared_pay import LEAST_NEAR, LOST, Prepared
from compmodel.whole_pay import NEAR_TIE, exact_share, nearest_cent

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
BLOCK = 2**17
"""Numbers of components x evaluations x people that are worked out before plans are added up."""


class Rules(NamedTuple):
    """Curves of components, conditions and settings as arrays.

    `floats`, `wholes` and `over` as in `CurveLines`, numbers x components x curves x states x lines. Of components x
    conditions `looked`, the component that each looks at, -1 for none; if it looks at values; its threshold as a float,
    and in whole numbers above and below. `numbers`: target and floor of components x settings, and their `curve`.
    """

    floats: Floats
    wholes: Whole
    over: Whole
    looked: Whole
    of_value: npt.NDArray[np.bool_]
    threshold: Floats
    whole_threshold: Whole
    numbers: Floats
    curve: Rows


def packed(components: Sequence[Component], settings: Sequence[Settings]) -> Rules | None:
    """Returns the curves and conditions of components, None where whole numbers are too large."""
    n, n_curves, n_settings = (
        len(components),
        max(len(of.curves) for of in settings),
        max(len(of.target) for of in settings),
    )
    n_states, n_lines = (max(curve.floats.shape[k] for of in settings for curve in of.curves) for k in (1, 2))
    floats, wholes = (
        np.zeros((3, n, n_curves, n_states, n_lines)),
        np.zeros((5, n, n_curves, n_states, n_lines), np.int64),
    )
    floats[0] = np.inf
    over, numbers = np.ones((n, n_curves), dtype=np.int64), np.zeros((2, n, n_settings))
    curve_of = np.zeros((n, n_settings), dtype=np.intp)
    for i, of in enumerate(settings):
        numbers[0, i, : len(of.target)], numbers[1, i, : len(of.floor)] = of.target, of.floor
        curve_of[i, : len(of.curve)] = of.curve
        for q, curve in enumerate(of.curves):
            if not curve.over:
                return None
            _, states, lines = curve.floats.shape
            floats[:, i, q, :states, :lines], wholes[:, i, q, :states, :lines] = curve.floats, curve.wholes
            over[i, q] = curve.over
    names, rules = [component.name for component in components], [conditions(component) for component in components]
    shape = (n, max(map(len, rules)))
    looked, of_value, threshold = np.full(shape, -1), np.zeros(shape, dtype=bool), np.zeros(shape)
    whole_threshold = np.zeros((2, *shape), dtype=np.int64)
    for i, mine in enumerate(rules):
        for k, rule in enumerate(mine):
            looked[i, k] = i if rule.component is None else names.index(rule.component)
            of_value[i, k], threshold[i, k] = rule.of == "value", rule.threshold
            whole_threshold[:, i, k] = exact(rule.threshold).as_integer_ratio()
    return Rules(floats, wholes, over, looked, of_value, threshold, whole_threshold, numbers, curve_of)


class Lines(NamedTuple):
    """Lines in value of components x evaluations x classes (x states x lines), cuts of conditions, whole numbers."""

    edge: Floats
    constant: Floats
    slope: Floats
    cut: Floats
    most: Floats
    whole: Whole


def compiled_cents(
    of: Prepared, rules: Rules | None, settings: Sequence[Settings], which: Rows, weights: Floats
) -> Cents | None:
    """Returns pay in whole cents of plans x people, exactly rounded.

    `which` of the settings each has, and weights, are plans x components.
    None where numbers are too large for 64 bits, or pay for floats to be near it.
    """
    if rules is None:
        return None
    n_people, n_components = len(of.incentive), len(settings)
    seen, evaluation, n_evaluations = _evaluations(rules, which)
    width = max(64, min(n_people, BLOCK // int(n_evaluations.sum())))
    plans, bounds = (which, weights, seen, evaluation, n_evaluations, width), (LOST, LEAST_NEAR, NEAR_TIE)
    wholes = (*np.zeros((2, *rules.numbers.shape), dtype=np.int64), *np.zeros((2, *weights.shape), dtype=np.int64))
    cents, near = np.empty((len(which), n_people), dtype=np.int64), np.empty(len(which) * n_people, dtype=np.int64)
    asked = np.zeros(of.value.shape, dtype=bool)
    run = compiled.loop(pay_loops.plan_cents, pay_loops.PARTS)
    status, n_left, lines, curve = run(cents, near, asked, of.packed, rules, wholes, plans, bounds)
    if status == pay_loops.NO_TEN_THOUSANDTHS:
        numbers, shares = _wholes(rules.numbers), _wholes(weights)
        if numbers is None or shares is None:
            return None
        wholes = (*numbers, *shares)
        status, n_left, lines, curve = run(cents, near, asked, of.packed, rules, wholes, plans, bounds)
    if status > 0:
        for i, rows in enumerate(asked):
            of.whole_values(i, np.flatnonzero(rows))
        status, n_left, lines, curve = run(cents, near, asked, of.packed, rules, wholes, plans, bounds)
    if status:
        return None
    near = near[:n_left]
    if len(near):
        for i in range(n_components):
            of.whole_values(i, near % n_people)
        exactly, of_plans = (rules.looked, rules.wholes, rules.over), (*wholes[2:], evaluation, curve)
        decide = compiled.loop(pay_loops.decide_half_cents)
        near = near[: decide(near, cents, near.copy(), lines, of.packed, exactly, of_plans)]
    for p, row in zip(*(part.tolist() for part in np.divmod(near, n_people)), strict=True):
        cents[p, row] = _exact_cent(of, settings, Lines(*lines), rules, evaluation[p], which[p], weights[p], row)
    return cents


def _evaluations(rules: Rules, which: Rows) -> tuple[Rows, Rows, Rows]:
    """Of components x evaluations the plan that has it first; each plan's evaluations; how many a component has.

    An evaluation is a component's setting, with those of components whose attainment its conditions look at.
    """
    if len(which) == 1:
        n = which.shape[1]
        return np.zeros((n, 1), np.intp), np.zeros((1, n), np.intp), np.ones(n, np.intp)
    firsts, evaluation = [], np.empty(which.shape, dtype=np.intp)
    for i in range(which.shape[1]):
        others = [
            int(j) for j, of_value in zip(rules.looked[i], rules.of_value[i], strict=True) if j >= 0 and not of_value
        ]
        key = which[:, i]
        for j in dict.fromkeys(others):
            key = key * (which[:, j].max() + 1) + which[:, j]
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        firsts.append(first)
        evaluation[:, i] = inverse.ravel()
    seen = np.zeros((len(firsts), max(map(len, firsts))), dtype=np.intp)
    for mine, first in zip(seen, firsts, strict=True):
        mine[: len(first)] = first
    return seen, evaluation, np.array([len(first) for first in firsts])


def _wholes(numbers: Floats) -> tuple[Whole, Whole] | None:
    """The numbers meant as whole ones above and below, as `exact` reads them; None where they are too large."""
    fractions = [exact(number) for number in numbers.ravel().tolist()]
    parts = np.array([fraction.as_integer_ratio() for fraction in fractions], dtype=object).T.reshape(2, *numbers.shape)
    return None if np.abs(parts).max(initial=0) >= LARGEST else (parts[0].astype(np.int64), parts[1].astype(np.int64))


def _exact_cent(
    of: Prepared,
    settings: Sequence[Settings],
    lines: Lines,
    rules: Rules,
    evaluation: Rows,
    which: Rows,
    weights: Floats,
    row: int,
) -> int:
    """The cent of one plan and person in fractions."""
    shares = []
    for i, (mine, one) in enumerate(zip(settings, of.classes, strict=True)):
        t, e, k, state = one.of_row[row], evaluation[i], which[i], 0
        if t < 0:
            continue
        for n, j in enumerate(rules.looked[i].tolist()):
            if j >= 0:
                other = of.classes[j].of_row[row]
                state = 2 * state + int(other >= 0 and of.value[j, row] >= lines.cut[i, e, n, other])
        place = int((of.value[i, row] >= lines.edge[i, e, t, state, 1:]).sum())
        line = mine.curves[mine.curve[k]].exact[state][place]
        floor = exact(float(mine.floor[k]))
        span = exact(float(mine.target[k] if one.is_default[t] else one.target[t])) - floor
        weight, value = exact(float(weights[i])), of.whole_value(i, row)
        shares.append(exact_share(weight, (line.constant, line.slope), value, floor, span))
    above, below = of.incentive_parts
    return nearest_cent((int(above[row]), int(below[row])), shares)
