"""The words of an explanation: how each figure of one person's pay follows from the next."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from compmodel.attainment import AttainmentRule, yearly_value
from compmodel.components import Component
from compmodel.curves import Curve
from compmodel.metrics import METRICS
from compmodel.periods import Period
from compmodel.style import count_words, exact_words, statement_money
from compmodel.values import values


def exactly_words(value: float, unit: str) -> str:
    """Returns a figure in full: money to the cent, anything else with all its digits."""
    return statement_money(value) if unit == "amount" else exact_words(value, unit)


def gross_words(row: Any, component: Component) -> str:
    """Returns what a component's gross is the product of, from its row of the payouts."""
    factor, basis = f"{exact_words(row.factor, 'share')} factor", component.basis
    incentive = (
        f"{exact_words(row.target_incentive)} target incentive x {exact_words(row.proration, 'share')} on the plan"
    )
    if component.to_date:
        year = "the year's" if component.to_date == "full_year" else "the year's so far"
        return f"{year} target incentive x {exact_words(row.weight, 'share')} weight x {factor}"
    if basis.kind == "target_incentive":
        return f"{incentive} x {exact_words(row.weight, 'share')} weight x {factor}"
    if basis.kind == "rate":
        paced = component.metric not in METRICS and component.form == "count"
        pace = f" x {exact_words(row.proration, 'share')} on the plan" if paced and row.proration != 1 else ""
        return f"a rate of {basis.rate:g} x {exactly_words(row.target, component.unit)} target x {factor}{pace}"
    if basis.kind == "pool":
        return f"a part of the pool of {statement_money(basis.amount or 0)}, shared by {basis.shared}, x {factor}"
    over = "the target" if basis.over == "target" else f"{statement_money(row.opening_arr)} of opening ARR"
    return f"the rate of {exact_words(row.weight, 'share')} of target incentive over {over} x target x {factor}"


def attainment_words(value: float, target: float, rule: AttainmentRule, unit: str) -> str:
    """Returns how attainment follows from the value and the target."""
    found = _attained(value, target, rule, unit)
    return found if rule.rounded_to is None else f"{found}, rounded to {exact_words(rule.rounded_to, 'share')}"


def _attained(value: float, target: float, rule: AttainmentRule, unit: str) -> str:
    if rule.kind == "scores":
        return f"the score of {exactly_words(value, unit)} in the grid"
    if rule.kind == "reverse":
        return f"a target of {exactly_words(target, unit)} over {exactly_words(value, unit)}: lower is better"
    if rule.kind == "ratio":
        return f"{exactly_words(value, unit)} of a target of {exactly_words(target, unit)}"
    places = [exactly_words(number - rule.floor, unit).rstrip("%") for number in (value, target)]
    points = " points" if unit == "share" else ""
    return f"{places[0]} of {places[1]}{points} between the floor {exactly_words(rule.floor, unit)} and the target"


def factor_words(attainment: float, curve: Curve) -> str:
    """Returns where on its curve an attainment lies, and what that pays."""
    if curve.kind != "linear":
        return _band_words(attainment, curve)
    said = [f"{exact_words(factor, 'share')} at {exact_words(at, 'share')} attained" for at, factor in curve.points]
    if attainment < curve.points[0][0] and curve.below == "extend":
        return f"below the first point, {said[0]}: on the first line, going on"
    if attainment < curve.points[0][0]:
        return f"below the first point, {said[0]}: " + ("nothing" if curve.below == "zero" else "held there")
    if attainment > curve.points[-1][0] and curve.beyond == "hold":
        return f"beyond the last point, {said[-1]}: held there"
    pieces = [i for i, (one, _) in enumerate(pairwise(curve.points)) if one[0] <= attainment]
    beyond = ", going on" if attainment > curve.points[-1][0] else ""
    return f"on the line from {said[pieces[-1]]} to {said[pieces[-1] + 1]}{beyond}"


def _band_words(attainment: float, curve: Curve) -> str:
    belongs = curve.edge if isinstance(curve.edge, tuple) else (curve.edge,) * len(curve.bands)
    pairs = zip(curve.bands, belongs, strict=True)
    reached = [band for band, edge in pairs if band[0] < attainment or (band[0] == attainment and edge != "upper")]
    if not reached:
        return f"below the first band, which begins at {exact_words(curve.bands[0][0], 'share')}: nothing"
    at, number = reached[-1]
    held = min(attainment, curve.bands[-1][0]) if curve.beyond == "hold" else attainment
    where = f"in the band from {exact_words(at, 'share')}"
    if curve.kind == "table":
        return f"{where}: {exact_words(number, 'share')}"
    if curve.kind == "step":
        return f"{where}: all of {exact_words(held, 'share')} x {number:g}"
    is_above = curve.kind == "overage" and held > 1
    upto = 1.0 if is_above else held
    edges = [*(edge for edge, _ in curve.bands), upto]
    slices = [(min(high, upto) - low, of) for (low, of), high in zip(curve.bands, edges[1:], strict=True) if low < upto]
    slices += [(held - 1, number)] if is_above else []
    return " + ".join(f"{exact_words(width, 'share')} x {of:g}" for width, of in slices)


def target_words(component: Component, segment: object, period: Period) -> str:
    """Returns whose target it is, and of which year's it is a part."""
    if component.target.cases or component.target.ramp:
        return "by the plan's cases and ramp"
    written = component.target.by_segment.get(segment) if isinstance(segment, str) else None
    of = "" if written is None else f"of segment {segment}"
    if component.target.yearly is None:
        return of
    goal = exactly_words(component.target.default if written is None else written, component.unit)
    months = count_words(component.months(period), "month")
    return f"{goal} a year{of and f', {of},'}, by {component.target.yearly} for {months}"


def value_words(component: Component, ratios: pd.DataFrame, period: Period) -> str:
    """Returns how the value follows from its ratios."""
    kept = ratios[ratios["denominator"] > 0]
    if not len(kept):
        return ""
    metric = METRICS.get(component.metric)
    is_arr = metric is not None and metric.is_of_arr
    quotients = kept["numerator"] / kept["denominator"]
    said = [exactly_words(quotient, component.unit) for quotient in quotients]
    if len(ratios) == 1:
        sides = [exactly_words(kept[side].iloc[0], "amount" if is_arr else "") for side in ("numerator", "denominator")]
        found = "the sum below" if metric and metric.is_sum else " / ".join(sides)
    else:
        by_level = kept.assign(said=said).groupby("level", sort=False)
        levels = [(float(rows["share"].iloc[0]), _level_words(rows)) for _, rows in by_level]
        whole = sum(share for share, _ in levels)
        terms = [f"{exact_words(share, 'share')} x {one if ' ' not in one else f'({one})'}" for share, one in levels]
        over = "" if abs(whole - 1) < 1e-9 else f", over {exact_words(whole, 'share')} in all"
        found = levels[0][1] if len(levels) == 1 else " + ".join(terms) + over
    if len(kept) < len(ratios):
        found += f"; {count_words(len(ratios) - len(kept), 'ratio')} over nothing left out"
    if component.annualised:
        before, n_months = float(values(kept.assign(row=0), 1)[0]), component.months(period)
        yearly = yearly_value(np.array([before]), n_months, component.annualised)[0]
        found += f" = {exact_words(before, 'share')} in {count_words(n_months, 'month')}, by {component.annualised} "
        found += f"{exact_words(yearly, 'share')} a year"
    return found


def _level_words(rows: pd.DataFrame) -> str:
    """A level's products as they are said, and what is done with them."""
    products = [" x ".join(mine["said"]) for _, mine in rows.groupby("product", sort=False)]
    if len(products) == 1:
        return products[0] + (", the ratios multiplied" if len(rows) > 1 else "")
    return f"the mean of {', '.join(products) if len(products) <= 4 else count_words(len(products), 'ratio')}"
