"""Each component's pay as straight lines of what was measured, for many settings of its numbers at once.

Under one setting (target, floor, curve) a component pays incentive x (a + b x value) with a and b of the piece that the
value lies in. So people are sorted by value once, and a setting is a few places in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel.adjustments import Cap, Condition
from compmodel.components import Component
from compmodel.curve_lines import LARGEST, ZERO, CurveLines, Line
from compmodel.money import NEAR, exact
from compmodel.plan import Plan

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]
MOST_CONDITIONS = 4
"""Of one component; each doubles its lines."""
MOST_CLASSES = 64
"""Of people with a target of their own, of one component."""


def is_straight(plan: Plan) -> bool:
    """Tells whether all that a plan pays is straight lines of values, gated or not, rounded once."""
    rounds = plan.pay.is_plain and plan.pay.rounding == "half_up"
    return not plan.adjustments and rounds and all(map(_component_is_straight, plan.components))


def _component_is_straight(component: Component) -> bool:
    rules, rule = component.adjustments, component.attainment
    conditions = [one for one in rules if isinstance(one, Condition)]
    return (
        component.basis.kind == "target_incentive"
        and component.to_date is None
        and rule.kind in ("ratio", "from_floor")
        and rule.rounded_to is None
        and component.target.default > rule.floor
        and len(conditions) <= MOST_CONDITIONS
        and all(one.of != "factor" and one.below is None for one in conditions)
        and all(isinstance(one, Condition) or (isinstance(one, Cap) and one.factor is not None) for one in rules)
    )


class Ranked(NamedTuple):
    """A component's people in the order of class, then value; who has no value or not the component is left out.

    A class is people of one target. `begins` of each class and the end; `rank` of each row of people, -1 if left out;
    `value`, `pay` (target incentive in cents) and `pay_value`, their product, are in that order; `largest` is the
    value farthest from 0.
    """

    order: npt.NDArray[np.intp]
    rank: npt.NDArray[np.int32]
    row_class: npt.NDArray[np.int16]
    begins: Whole
    target: Floats
    is_default: npt.NDArray[np.bool_]
    value: Floats
    pay: Floats
    pay_value: Floats
    largest: float


class Classes(NamedTuple):
    """The class of each row of people, -1 who is left out, and of each class its target, and if that is the default."""

    of_row: npt.NDArray[np.int16]
    target: Floats
    is_default: npt.NDArray[np.bool_]


def classes(
    component: Component, target: Floats, is_in: npt.NDArray[np.bool_], segment: Sequence[Any]
) -> Classes | None:
    """Returns a component's classes of people who are in it, None where there are too many different targets."""
    default, by_segment = component.target.default, component.target.by_segment
    is_default = target == default
    if by_segment:
        is_default &= np.array([one not in by_segment for one in segment], dtype=bool)
    if is_default.all() or (is_default | ~is_in).all():
        return Classes(is_in.astype(np.int16) - np.int16(1), np.array([default]), np.ones(1, dtype=bool))
    pairs, inverse = np.unique(np.column_stack([target, is_default])[is_in], axis=0, return_inverse=True)
    if len(pairs) > MOST_CLASSES or pairs.max(initial=0.0) > LARGEST:
        return None
    of_row = np.full(len(target), -1, dtype=np.int16)
    of_row[is_in] = inverse.ravel()
    return Classes(of_row, pairs[:, 0], pairs[:, 1] > 0)


def ranked(value: Floats, of: Classes, incentive_cents: Floats) -> Ranked:
    """Returns a component's people in order."""
    rows = np.flatnonzero(of.of_row >= 0)
    row_class = of.of_row[rows]
    is_one = len(of.target) == 1
    order = rows[np.argsort(value[rows]) if is_one else np.lexsort((value[rows], row_class))]
    rank = np.full(len(value), -1, dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    begins = np.append(0, np.cumsum(np.bincount(row_class, minlength=len(of.target))))
    pay, value = incentive_cents[order], value[order]
    largest = float(np.abs(value).max(initial=0.0))
    row_class = np.maximum(of.of_row, 0)
    return Ranked(order, rank, row_class, begins, of.target, of.is_default, value, pay, pay * value, largest)


class Settings(NamedTuple):
    """Distinct settings of a component's numbers: what its target and floor are, and which of `curves` it has."""

    target: Floats
    floor: Floats
    curve: npt.NDArray[np.intp]
    curves: tuple[CurveLines, ...]


class Lines(NamedTuple):
    """A component's lines: arrays of settings x states x classes x lines, `begins` as places in the order of people.

    `constant` and `slope` are in value.
    """

    begins: Places
    constant: Floats
    slope: Floats


ExactValue = Callable[[int], tuple[int, int]]
"""Gives the exact value of a row of people, above and below."""


def setting_lines(people: Ranked, settings: Settings, exact_value: ExactValue) -> Lines:
    """Returns a component's lines under each setting; `exact_value(row)` decides places at jumps exactly."""
    curves = settings.curves
    floats = _stacked([curve.floats for curve in curves], np.array([np.inf, 0.0, 0.0]))[settings.curve]
    at, constant, slope = floats.swapaxes(0, 1)[:, :, :, None]
    target, floor = class_targets(people, settings)[:, None, :, None], settings.floor[:, None, None, None]
    span = target - floor
    slope = slope / span
    begins = np.empty((*at.shape[:2], len(people.target), at.shape[3]), dtype=np.int64)
    edges = floor + at * span
    for n, (low, high) in enumerate(zip(people.begins[:-1].tolist(), people.begins[1:].tolist(), strict=True)):
        begins[:, :, n] = low + people.value[low:high].searchsorted(edges[:, :, n])
    for c, curve in enumerate(curves):
        leaps = {(line.at, line.is_upper): line for of in curve.exact for line in of if line.jumps}
        if not leaps:
            continue
        mine = np.flatnonzero(settings.curve == c) if len(curves) > 1 else np.arange(len(settings.target))
        found = {at: places(people, settings, mine, line, exact_value) for at, line in leaps.items()}
        for s, of in enumerate(curve.exact):
            for j, line in enumerate(of):
                if line.jumps:
                    begins[mine, s, :, j] = found[line.at, line.is_upper]
    return Lines(begins, constant - slope * floor, np.broadcast_to(slope, begins.shape))


def _stacked(arrays: Sequence[Any], fill: Any) -> Any:
    """Arrays of every curve on a first axis, as wide as the widest; `fill` is of numbers."""
    if len(arrays) == 1:
        return arrays[0][None]
    n, n_states, _ = arrays[0].shape
    widest = (len(arrays), n, n_states, max(array.shape[2] for array in arrays))
    found = np.broadcast_to(np.reshape(fill, (-1, 1, 1)), widest).astype(arrays[0].dtype)
    for whole, array in zip(found, arrays, strict=True):
        whole[:, :, : array.shape[2]] = array
    return found


def class_targets(people: Ranked, settings: Settings) -> Floats:
    """Returns the target of each setting and class of people."""
    return np.where(people.is_default, settings.target[:, None], people.target)


def places(
    people: Ranked,
    settings: Settings,
    some: npt.NDArray[np.intp],
    line: Line,
    exact_value: ExactValue,
    of_value: bool = False,
) -> Places:
    """Returns where in the order of people a line begins, decided exactly: some of the settings x classes.

    `of_value`: the line's `at` is a value, not an attainment.
    """
    at = float(line.at or 0)
    floor = settings.floor[some][:, None]
    target = class_targets(people, settings)[some]
    edges = np.full(target.shape, at) if of_value else floor + at * (target - floor)
    found = np.empty(target.shape, dtype=np.int64)
    near = NEAR * max(1.0, float(np.abs(edges).max(initial=0.0)))
    for n, (low, high) in enumerate(zip(people.begins[:-1].tolist(), people.begins[1:].tolist(), strict=True)):
        mine, edge = people.value[low:high], edges[:, n]
        first, last = mine.searchsorted(edge - near), mine.searchsorted(edge + near, "right")
        found[:, n] = low + first
        for k in (first < last).nonzero()[0].tolist():
            bottom = exact(float(floor[k, 0]))
            span = exact(float(target[k, n])) - bottom
            limit = (line.at or ZERO) if of_value else bottom + (line.at or ZERO) * span
            here = mine[first[k] : last[k]]
            if here[0] == here[-1]:  # everybody near stands on the same value
                starts, counts = np.array([low + first[k]]), np.array([len(here)])
            else:
                _, starts, counts = np.unique(here, return_index=True, return_counts=True)
                starts = starts + low + first[k]
            above, below = limit.as_integer_ratio()
            values = [exact_value(row) for row in people.order[starts].tolist()]
            beyond = [one * below - above * over for one, over in values]
            is_below = [size < 0 or (line.is_upper and size == 0) for size in beyond]
            found[k, n] += int(counts[np.array(is_below, dtype=bool)].sum())
    return found


def fill_lines(
    out: Floats, people: Ranked, begins: Sequence[int], constants: Sequence[float], slopes: Sequence[float]
) -> None:
    """Fills pay at weight 1, unrounded, of people in order; `begins` of each line, and where the last one ends."""
    for low, high, constant, slope in zip(begins[:-1], begins[1:], constants, slopes, strict=True):
        if low >= high:
            continue
        part = out[low:high]
        if slope == 0:
            np.multiply(people.pay[low:high], constant, out=part)
        else:
            np.multiply(people.pay_value[low:high], slope, out=part)
            if constant:
                part += constant * people.pay[low:high]


class WholeLines(NamedTuple):
    """Lines as whole numbers: settings x classes for `span`, `scale` and `floor`, curves x states x lines for others.

    The factor of a value n / d is (constant x span x d + slope x (n x scale - floor x d)) / (over x span x d).
    """

    span: Whole
    scale: Whole
    floor: Whole
    constant: Whole
    slope: Whole
    over: Whole


def whole_lines(people: Ranked, settings: Settings) -> WholeLines | None:
    """Returns lines as whole numbers, None where their numbers have more than nine decimals or are too large."""
    target = class_targets(people, settings)
    floor = np.broadcast_to(settings.floor[:, None], target.shape)
    for digits in range(10):
        scale = 10.0**digits
        wholes = [np.rint(of * scale) for of in (target, floor)]
        if all((whole / scale == of).all() for whole, of in zip(wholes, (target, floor), strict=True)):
            break
    else:
        return None
    over = np.array([curve.over for curve in settings.curves], dtype=np.int64)
    if not over.all():
        return None
    whole_target, whole_floor = (of.astype(np.int64) for of in wholes)
    span = whole_target - whole_floor
    common = np.gcd(np.gcd(span, whole_floor), int(scale))
    constant, slope = _stacked([curve.wholes for curve in settings.curves], 0)[:, :2].swapaxes(0, 1)
    return WholeLines(span // common, int(scale) // common, whole_floor // common, constant, slope, over)
