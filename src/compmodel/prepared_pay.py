"""People and their results prepared once for many settings of a plan's numbers, and the lines of some scenarios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel.adjustments import Condition
from compmodel.components import Component
from compmodel.curve_lines import Line, conditions
from compmodel.earnings import Known, in_a_year
from compmodel.money import Array, exact
from compmodel.pay_lines import (
    Classes,
    Lines,
    Ranked,
    Settings,
    class_targets,
    classes,
    places,
    ranked,
    setting_lines,
)
from compmodel.whole_pay import NEAR_TIE, Parts

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
LOST = 5e-16
"""Of a term, what floats lose in one step, twice and more: 2 ** -53 is 1.1e-16."""
STEPS = 20
"""Roundings of a component's pay, beside those of target less floor, which grow as the two draw near."""
LEAST_NEAR = 1e-7
LARGEST = 2.0**53
ExactValues = Callable[[Rows], Array]
LARGEST_AMOUNT = 2.0**50
"""Of numerators and denominators in cents, of which whole numbers are made."""


@dataclass(frozen=True)
class Prepared:
    """People and their results, ready for any setting of the components' numbers.

    `value` is components x rows of people; `incentive` is target incentive of the time on the plan in cents, 0 for who
    is not paid; `incentive_parts` the same as whole numbers, above and below; `wholes` values likewise, 0 below where
    they are not known yet. `cuts`: the places of conditions of a value, filled when they are first asked for.
    """

    components: tuple[Component, ...]
    value: Floats
    classes: tuple[Classes, ...]
    incentive: Floats
    incentive_parts: tuple[Whole, Whole]
    rate: Floats
    cuts: dict[tuple[int, float], Whole]
    exact_values: Callable[[int], ExactValues]
    wholes: tuple[Whole, Whole]

    @cached_property
    def people(self) -> tuple[Ranked, ...]:
        """People in the order of each component's values, which numpy and totals need, and compiled loops do not."""
        each = zip(self.value, self.classes, strict=True)
        return tuple(ranked(value, classes, self.incentive) for value, classes in each)

    @cached_property
    def packed(self) -> tuple[Any, ...]:
        """What compiled loops read of people; of classes their own targets, whole below 0 where it is the default."""
        n_classes = np.array([len(one.target) for one in self.classes])
        target = np.zeros((len(self.classes), n_classes.max()))
        above, below = np.zeros((2, *target.shape), dtype=np.int64)
        for i, one in enumerate(self.classes):
            for t in np.flatnonzero(~one.is_default).tolist():
                fraction = exact(float(one.target[t]))
                target[i, t], above[i, t], below[i, t] = one.target[t], fraction.numerator, fraction.denominator
        of_row = np.array([one.of_row for one in self.classes])
        largest = np.abs(self.value).max(axis=1, initial=0.0, where=of_row >= 0)
        money, most = (self.incentive, *self.incentive_parts), float(self.incentive.max(initial=0.0))
        return (self.value, of_row, *self.wholes, *money, target, above, below, n_classes, largest, most)

    def whole_values(self, i: int, rows: Rows) -> tuple[Whole, Whole]:
        """Returns exact values of a component and rows, above and below; below is 0 where they are too large."""
        above, below = (of[i] for of in self.wholes)
        missing = np.unique(rows[(below[rows] == 0) & (self.classes[i].of_row[rows] >= 0)])
        for row, found in zip(missing.tolist(), self.exact_values(i)(missing) if len(missing) else (), strict=True):
            if max(abs(found.numerator), found.denominator) < 2**62:
                above[row], below[row] = found.numerator, found.denominator
        return above[rows], below[rows]

    def whole_value(self, i: int, row: int) -> Parts:
        """Returns the exact value of a component and row, above and below, whatever its size."""
        above, below = (int(of[i, row]) for of in self.wholes)
        if below:
            return above, below
        found: Fraction = self.exact_values(i)(np.array([row]))[0]
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
    if not (cent_days < LARGEST).all():
        return None
    whole, below = cent_days.astype(np.int64), over.astype(np.int64)
    if not ((cent_days == whole).all() and (over == below).all()):
        return None
    target = known.target.T
    is_in = ~(known.is_empty | known.is_absent).T & (target > 0)
    of_classes = [classes(*each, segment) for each in zip(components, target, is_in, strict=True)]
    if any(of is None for of in of_classes):
        return None
    incentive = np.where(is_paid, cent_days / over, 0.0)
    value = np.array(known.value.T, order="C")
    for i, component in enumerate(components):
        if component.annualised:
            value[i] = in_a_year(value[i], known.months[:, i], component)
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

    unknown = (np.full(len(incentive), np.nan),) * 2
    amounts = np.array([unknown if of is None else of for of in usable]).transpose(1, 0, 2)
    cents = np.rint(amounts * 100)
    is_whole = (cents / 100 == amounts).all(axis=0) & (amounts[1] > 0)
    if not max(-cents.min(initial=0), cents.max(initial=0)) < LARGEST_AMOUNT:
        is_whole &= (np.abs(cents) < LARGEST_AMOUNT).all(axis=0)
    above, of_value = (cents if is_whole.all() else np.where(is_whole, cents, 0.0)).astype(np.int64)
    parts = (np.where(is_paid, whole, 0), below)
    chosen = tuple(of for of in of_classes if of is not None)
    rate = known.rate[:, 0]
    return Prepared(tuple(components), value, chosen, incentive, parts, rate, {}, exact_values, (above, of_value))


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
        every.append(setting_lines(of.people[i], settings[i], partial(of.whole_value, i)))
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
    found = places(of.people[j], settings, some, line, partial(of.whole_value, j), of_value)
    if of_value:
        of.cuts[key] = found
    return np.broadcast_to(found, (n, found.shape[1]))
