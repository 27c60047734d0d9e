"""Which result pays what: each component's payout factor over the results that people may reach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.attainment import AttainmentRule, attain
from compmodel.compare import Answer, Comparison
from compmodel.components import Component
from compmodel.curves import jumps, payout_factor, pieces
from compmodel.plan import Plan
from compmodel.style import number_words

TINY = 1e-9
"""Beside a jump, so that it is drawn upright."""


def payout_curves(comparison: Comparison) -> Answer:
    """Returns the payout factor of each component that pays anything over the results people may reach.

    Table: one row a plan, component and result; plan, title, component, metric, value, unit, factor (share of the
    component's target incentive), weight.
    """
    frames, sentences = [], []
    for plan in comparison.plans:
        weighed = [
            component for component in plan.components if component.weight or not component.basis.is_of_incentive
        ]
        for component in weighed:
            frames.append(_curve(plan, component, _reached(comparison.pay, plan, component)))
        said = [_curve_words(component) for component in weighed]
        sentences.append(f"{plan.title}: {'; '.join(said)}.")
    return Answer(" ".join(sentences), pd.concat(frames, ignore_index=True))


def _reached(pay: pd.DataFrame, plan: Plan, component: Component) -> pd.Series:
    """The values people reached; none where they carry aliases."""
    if "component" not in pay:
        return pd.Series(dtype=float)
    return pay.loc[(pay["plan"] == plan.name) & (pay["component"] == component.name), "value"].dropna()


def _curve(plan: Plan, component: Component, reached: pd.Series) -> pd.DataFrame:
    bends = pieces(component.curve, is_exact=False).at
    leaps = np.array([at for at, _, _ in jumps(component.curve)])
    points = np.unique(np.concatenate([bends, [at for at, _ in component.curve.points], leaps - TINY, leaps + TINY]))
    target, unit = component.target.default, component.unit
    rule = component.attainment
    corners = _values_at(points, target, rule)
    low, high = corners.min(), corners.max()
    if unit == "share":
        low, high = min(low, 0.9) if rule.kind == "from_floor" else low, max(1.3, high + 0.1)
    else:
        high = max(2 * target, float(reached.max()) if len(reached) else 0)
    value = np.unique(np.concatenate([np.linspace(low, high, 41), corners]))
    factor = payout_factor(attain(value, np.full(len(value), target), rule), component.curve)
    return pd.DataFrame(
        {
            "plan": plan.name,
            "title": plan.title,
            "component": component.name,
            "metric": component.metric,
            "value": value,
            "unit": unit,
            "factor": factor,
            "weight": component.weight,
        }
    )


def _values_at(attained: npt.NDArray[np.float64], target: float, rule: AttainmentRule) -> npt.NDArray[np.float64]:
    """The values that attain so much; of scores the edges, whatever they attain."""
    if rule.kind == "scores":
        return np.array([at for at, _ in rule.scores])
    if rule.kind == "reverse":
        return target / np.where(attained > 0, attained, 1.0)
    return rule.floor + attained * (target - rule.floor)  # a plain ratio has no floor


def _curve_words(component: Component) -> str:
    unit, rule = component.unit, component.attainment
    start = f"from {number_words(rule.floor, unit)} to" if rule.kind == "from_floor" else "up to"
    beyond = " and beyond" if component.curve.beyond == "extend" else ""
    weight, target = number_words(component.weight, "share"), component.target.default
    at, factor = component.curve.points[-1] if component.curve.points else (1.0, 1.0)
    last = _values_at(np.array([at]), target, rule)[0]
    paid = f" ({number_words(factor, 'share')} paid)" if (at, factor) != (1, 1) else ""
    return f"{weight} on {component.title} {start} {number_words(last, unit)}{paid}{beyond}"
