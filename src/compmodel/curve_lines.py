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
    below, rise = found.below, Fraction(found.below_slope)
    every = [Line(None, below - rise * found.at[0] if rise else below, rise)]
    for at, factor, slope, edge in zip(found.at, found.factor, found.slope, edges, strict=True):
        constant = factor - slope * at if slope else factor
        before = every[-1].constant
        jumps = constant != before if slope == rise else (before + rise * at if rise else before) != factor
        every.append(Line(at, constant, slope, edge == "upper", jumps))
        rise = slope
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
            every = [
                Line(at, number * constant if constant else ZERO, number * slope if slope else ZERO, *rest)
                for at, constant, slope, *rest in every
            ]
    return every


def _capped(every: list[Line], cap: Fraction) -> list[Line]:
    found = []
    for one, following in zip(every, [*every[1:], None], strict=True):
        at, constant, slope, is_upper, jumps = one
        flat = Line(at, cap, ZERO, is_upper, jumps)
        if not slope:
            found.append(flat if constant > cap else one)
            continue
        met = (cap - constant if constant else cap) / slope
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
    ratios = [[(line, line.constant.as_integer_ratio(), line.slope.as_integer_ratio()) for line in of] for of in every]
    over = lcm(*{parts[1] for of in ratios for line in of for parts in line[1:]})
    width = max(map(len, every))
    floats: list[tuple[float, float, float]] = []
    wholes: list[tuple[int, ...]] = []
    for of in ratios:
        for (edge, _, _, is_upper, jumps), (a, over_a), (b, over_b) in of:
            at, over_at = (0, 1) if edge is None else edge.as_integer_ratio()
            floats.append((-inf if edge is None else at / over_at, a / over_a, b / over_b))
            jump = (1 + is_upper, at, over_at) if jumps else (0, 0, 0)
            wholes.append((a * (over // over_a), b * (over // over_b), *jump))
        floats += [(inf, 0.0, 0.0)] * (width - len(of))
        wholes += [(0,) * 5] * (width - len(of))
    if max(over, *(max(map(abs, of)) for of in wholes)) > LARGEST:
        over, wholes = 0, [(0,) * 5] * len(wholes)
    shape = (len(every), width)
    return CurveLines(every, np.array(floats).T.reshape(3, *shape), np.array(wholes).T.reshape(5, *shape), over)


def conditions(component: Component) -> list[Gate | Kicker]:
    """Returns a component's gates and kickers, in order."""
    return [rule for rule in component.adjustments if isinstance(rule, Gate | Kicker)]
