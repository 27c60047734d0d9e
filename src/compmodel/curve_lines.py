"""A payout curve as straight lines of attainment, with the gates, kickers and caps of its component, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import inf, lcm
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
ZERO = Fraction(0)


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
    edges = curve.edge if isinstance(curve.edge, tuple) else [curve.edge] * len(found.at)
    every = [Line(None, found.below - found.below_slope * found.at[0], Fraction(found.below_slope))]
    for at, factor, slope, edge in zip(found.at, found.factor, found.slope, edges, strict=True):
        constant = factor - slope * at
        _, before, rise, *_ = every[-1]
        jumps = constant != before if slope == rise else before + rise * at != factor
        every.append(Line(at, constant, slope, edge == "upper", jumps))
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
        at, constant, slope, is_upper, jumps = one
        flat = Line(at, cap, ZERO, is_upper, jumps)
        if slope == 0:
            found.append(flat if constant > cap else one)
            continue
        met = (cap - constant) / slope
        before, after = (one, flat) if slope > 0 else (flat, one)
        if at is not None and met <= at:
            found.append(after)
        elif following is not None and following.at is not None and met >= following.at:
            found.append(before)
        else:
            found += [before, Line(met, after.constant, after.slope)]
    return found


class CurveLines(NamedTuple):
    """A component's lines in attainment: exact by state of its conditions, and as arrays of states x lines.

    `floats` are where lines begin, constant and slope; `wholes` constant and slope times `over`, and where a line
    begins with a jump 1, or 2 if the edge lies below it, and its exact attainment, above and below. `over` is 0 where
    whole numbers are too large.
    """

    exact: list[list[Line]]
    floats: Floats
    wholes: Whole
    over: int


def curve_lines(component: Component, curve: Curve) -> CurveLines:
    """Returns the lines of a component with a curve, adjusted by its own rules."""
    rules = [rule for rule in component.adjustments if isinstance(rule, Gate | Kicker | Cap)]
    own = lines(curve)
    every = [adjusted_lines(own, rules, met) for met in product((False, True), repeat=len(conditions(component)))]
    over = lcm(*(number.denominator for of in every for line in of for number in line[1:3]))
    width = max(map(len, every))
    floats: list[list[float]] = []
    wholes: list[list[int]] = []
    for of in every:
        for edge, a, b, is_upper, jumps in of:
            begin = -inf if edge is None else edge.numerator / edge.denominator
            floats.append([begin, a.numerator / a.denominator, b.numerator / b.denominator])
            jump = (1 + is_upper, edge.numerator, edge.denominator) if edge is not None and jumps else (0, 0, 0)
            wholes.append([*(number.numerator * (over // number.denominator) for number in (a, b)), *jump])
        floats += [[inf, 0.0, 0.0]] * (width - len(of))
        wholes += [[0] * 5] * (width - len(of))
    if max(over, *(abs(number) for of in wholes for number in of)) > LARGEST:
        over, wholes = 0, [[0] * 5] * len(wholes)
    shape = (len(every), width)
    return CurveLines(every, np.array(floats).T.reshape(3, *shape), np.array(wholes).T.reshape(5, *shape), over)


def conditions(component: Component) -> list[Gate | Kicker]:
    """Returns a component's gates and kickers, in order."""
    return [rule for rule in component.adjustments if isinstance(rule, Gate | Kicker)]
