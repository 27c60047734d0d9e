"""People and their results prepared once for many settings of a plan's numbers, and the lines of some scenarios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel.adjustments import Condition
from compmodel.components import Component
from compmodel.curve_lines import Line, conditions
from compmodel.earnings import Known, in_a_year
from compmodel.money import Array, exact
from compmodel.pay_lines import ExactValues, Lines, Ranked, Settings, class_targets, places, ranked, setting_lines
from compmodel.whole_pay import NEAR_TIE, Parts

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
LOST = 5e-16
"""Of a term, what floats lose in one step, twice and more: 2 ** -53 is 1.1e-16."""
STEPS = 20
"""Roundings of a component's pay, beside those of target less floor, which grow as the two draw near."""
LEAST_NEAR = 1e-7


class Prepared(NamedTuple):
    """People and their results, ready for any setting of the components' numbers.

    `incentive` is target incentive of the time on the plan in cents, 0 for who is not paid; `incentive_parts` the same
    as whole numbers, above and below; `wholes` a component's values likewise, and `cuts` the places of conditions of a
    value, filled when they are first asked for.
    """

    components: tuple[Component, ...]
    people: tuple[Ranked, ...]
    incentive: Floats
    incentive_parts: tuple[Whole, Whole]
    rate: Floats
    cuts: dict[tuple[int, float], Whole]
    exact_values: Callable[[int], ExactValues]
    wholes: tuple[tuple[Whole, Whole], ...]
    ratios: tuple[tuple[Floats, Floats] | None, ...]

    def value(self, i: int, row: int) -> Parts:
        """Returns the exact value of a component and row, above and below."""
        above, below = self.wholes[i]
        if below[row]:
            return int(above[row]), int(below[row])
        found: Fraction = self.exact_values(i)(np.array([row]))[0]
        if max(abs(found.numerator), found.denominator) < 2**62:
            above[row], below[row] = found.numerator, found.denominator
        return found.numerator, found.denominator


def prepared(
    components: Sequence[Component],
    known: Known,
    segment: Sequence[Any],
    is_paid: npt.NDArray[np.bool_],
    exactly: Callable[[Rows], Array],
    ratios: Sequence[tuple[Floats, Floats] | None],
) -> Prepared | None:
    """Returns people and results, ready for many settings; None where they are not what whole numbers can decide.

    `exactly(rows)` gives exact values of rows x components; `ratios` numerator and denominator of a component's values
    (NaN where a value is not one ratio), None where they are not to be used.
    """
    cent_days, over = known.cent_days[:, 0], known.per_year[:, 0] * known.n_days[:, 0]
    if not ((cent_days == np.rint(cent_days)).all() and (cent_days < 2.0**53).all() and (over == np.rint(over)).all()):
        return None
    incentive = np.where(is_paid, cent_days / over, 0.0)
    whole, below = cent_days.astype(np.int64), over.astype(np.int64)
    common = np.maximum(np.gcd(whole, below), 1)
    people = []
    for i, component in enumerate(components):
        of = ranked(component, i, known, segment, incentive)
        if of is None:
            return None
        people.append(of)

    usable = tuple(None if c.annualised else of for c, of in zip(components, ratios, strict=True))

    def exact_values(i: int) -> ExactValues:
        def of_rows(rows: Rows) -> Array:
            ratio = usable[i]
            if ratio is not None and (ratio[1][rows] > 0).all() and not np.isnan(ratio[0][rows]).any():
                pairs = zip(*(of[rows].tolist() for of in ratio), strict=True)
                return np.array([exact(above) / exact(below) for above, below in pairs], dtype=object)
            values = exactly(rows)[:, i]
            return in_a_year(values, known.months[rows, i], components[i]) if components[i].annualised else values

        return of_rows

    n = len(incentive)
    wholes = tuple((np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)) for _ in components)
    parts = (np.where(is_paid, whole // common, 0), below // common)
    rate = known.rate[:, 0]
    return Prepared(tuple(components), tuple(people), incentive, parts, rate, {}, exact_values, wholes, usable)


class Sweep(NamedTuple):
    """Some scenarios: of each component its settings and lines, and which setting and weight each scenario has.

    `cuts`: of each component's conditions the component looked at and, by its settings and classes, the place in its
    order of people from which the condition holds. `near`: cents around a half cent that floats may have lost.
    """

    settings: tuple[Settings, ...]
    lines: tuple[Lines, ...]
    which: npt.NDArray[np.intp]
    weights: Floats
    near: float
    cuts: tuple[tuple[tuple[int, Whole], ...], ...]


def sweep(of: Prepared, settings: Sequence[Settings], which: npt.NDArray[np.intp], weights: Floats) -> Sweep | None:
    """Returns the lines of scenarios; `which` and `weights` are scenarios x components. None where pay is too large."""
    every = []
    names = [component.name for component in of.components]
    cuts: list[tuple[tuple[int, Whole], ...]] = []
    known_cuts: dict[tuple[int, str, float], Whole] = {}
    most = 0.0
    for i, component in enumerate(of.components):
        every.append(setting_lines(of.people[i], settings[i], of.exact_values(i)))
        most += float(np.abs(every[i].constant).max() + np.abs(every[i].slope).max() * of.people[i].largest) * (
            STEPS + _closeness(of.people[i], settings[i])
        )
        found = []
        for rule in conditions(component):
            j = i if rule.component is None else names.index(rule.component)
            key = (j, rule.of, rule.threshold)
            if key not in known_cuts:
                known_cuts[key] = _cut(of, settings[j], j, rule)
            found.append((j, known_cuts[key]))
        cuts.append(tuple(found))
    near = max(LEAST_NEAR, most * float(of.incentive.max(initial=0.0)) * LOST)
    if near > NEAR_TIE:
        return None
    return Sweep(tuple(settings), tuple(every), which, weights, near, tuple(cuts))


def _closeness(people: Ranked, settings: Settings) -> float:
    """How many times larger targets and floors are than what lies between them."""
    target, floor = class_targets(people, settings), settings.floor[:, None]
    return float(((target + np.abs(floor)) / (target - floor)).max())


def _cut(of: Prepared, settings: Settings, j: int, rule: Condition) -> Whole:
    """From which place on in the looked-at component's order a condition holds; settings x classes."""
    line = Line(exact(rule.threshold), Fraction(0), Fraction(0))
    of_value, n = rule.of == "value", len(settings.target)
    key = (j, rule.threshold)
    if of_value and key in of.cuts:
        return np.broadcast_to(of.cuts[key], (n, of.cuts[key].shape[1]))
    some = np.arange(1 if of_value else n)
    found = places(of.people[j], settings, some, line, of.exact_values(j), of_value)
    if of_value:
        of.cuts[key] = found
    return np.broadcast_to(found, (n, found.shape[1]))
