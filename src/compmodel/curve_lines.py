"""A payout curve as straight lines of attainment, with the gates, kickers and caps of its component, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import lcm
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel.adjustments import Cap, Gate, Kicker
from compmodel.components import Component
from compmodel.curves import Curve, pieces
from compmodel.money import exact

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
LARGEST = 2.0**53


class Line(NamedTuple):
    """From an attainment on, the factor is `constant` + `slope` x attainment; `is_upper`: the edge lies below it."""

    at: Fraction | None
    constant: Fraction
    slope: Fraction
    is_upper: bool = False
    jumps: bool = False


def lines(curve: Curve) -> list[Line]:
    """Returns a curve's straight lines.

    >>> [str(line.at) for line in lines(Curve(kind="linear", points=((0, 0), (1, 1)), beyond="hold"))]
    ['None', '0', '1']
    """
    found = pieces(curve, is_exact=True)
    uppers = np.broadcast_to(np.array(curve.edge) == "upper", len(found.at)).tolist()
    every = [Line(None, found.below - found.below_slope * found.at[0], Fraction(found.below_slope))]
    for at, factor, slope, is_upper in zip(found.at, found.factor, found.slope, uppers, strict=True):
        reached = every[-1].constant + every[-1].slope * at
        every.append(Line(at, factor - slope * at, slope, is_upper, reached != factor))
    return every


def adjusted_lines(every: list[Line], rules: Sequence[Gate | Kicker | Cap], met: Sequence[bool]) -> list[Line]:
    """Returns lines after a component's adjustments, where these of its conditions are met and the others not.

    >>> curve = Curve(kind="linear", points=((0, 0), (1, 1)), beyond="extend")
    >>> [str(line.at) for line in adjusted_lines(lines(curve), [Cap(kind="cap", factor=1.5)], [])]
    ['None', '0', '3/2']
    """
    states = iter(met)
    for rule in rules:
        if isinstance(rule, Cap):
            every = _capped(every, exact(rule.factor or 0))
            continue
        is_met = next(states)
        times = (1 if is_met else rule.otherwise) if isinstance(rule, Gate) else (rule.times if is_met else 1)
        if times != 1:
            number = exact(times)
            every = [one._replace(constant=number * one.constant, slope=number * one.slope) for one in every]
    return every


def _capped(every: list[Line], cap: Fraction) -> list[Line]:
    found = []
    for one, following in zip(every, [*every[1:], None], strict=True):
        flat = one._replace(constant=min(cap, one.constant), slope=Fraction(0))
        if one.slope == 0:
            found.append(flat)
            continue
        at = (cap - one.constant) / one.slope
        until = None if following is None else following.at
        before, after = (one, flat._replace(constant=cap))[:: 1 if one.slope > 0 else -1]
        if one.at is not None and at <= one.at:
            found.append(after)
        elif until is not None and at >= until:
            found.append(before)
        else:
            found += [before, after._replace(at=at, is_upper=False, jumps=False)]
    return found


class CurveLines(NamedTuple):
    """A component's lines in attainment: exact by state of its conditions, and as arrays of states x lines.

    `whole_constant` and `whole_slope` are those numbers times `over`, whole; `over` is 0 where they are too large.
    """

    exact: list[list[Line]]
    at: Floats
    constant: Floats
    slope: Floats
    whole_constant: Whole
    whole_slope: Whole
    over: int


def curve_lines(component: Component, curve: Curve) -> CurveLines:
    """Returns the lines of a component with a curve, adjusted by its own rules."""
    rules = [rule for rule in component.adjustments if isinstance(rule, Gate | Kicker | Cap)]
    own = lines(curve)
    every = [adjusted_lines(own, rules, met) for met in product((False, True), repeat=len(conditions(component)))]
    shape = (len(every), max(map(len, every)))
    at, constant, slope = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
    for s, of in enumerate(every):
        for j, line in enumerate(of):
            at[s, j] = -np.inf if line.at is None else line.at
            constant[s, j], slope[s, j] = line.constant, line.slope
    over = lcm(*(number.denominator for of in every for line in of for number in (line.constant, line.slope)))
    wholes = [np.rint(numbers * over) for numbers in (constant, slope)]
    if max(over, *(np.abs(whole).max() for whole in wholes)) > LARGEST:
        over, wholes = 0, [np.zeros(shape), np.zeros(shape)]
    return CurveLines(every, at, constant, slope, wholes[0].astype(np.int64), wholes[1].astype(np.int64), over)


def conditions(component: Component) -> list[Gate | Kicker]:
    """Returns a component's gates and kickers, in order."""
    return [rule for rule in component.adjustments if isinstance(rule, Gate | Kicker)]
