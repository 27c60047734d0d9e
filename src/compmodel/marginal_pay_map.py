"""What the next point of attainment pays by each curve: where it is flat, where it rises, where it jumps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from compmodel.compare import Answer, Comparison
from compmodel.components import Component
from compmodel.curves import flat_zones, payout_factor, payout_slope
from compmodel.marginal_pay import curve_cliffs
from compmodel.style import number_words, percent
from compmodel.wording import listed

POINT = Fraction(1, 100)
LAST = 150
"""Points of attainment that the map goes to."""


def marginal_pay_map(comparison: Comparison) -> Answer:
    """Returns what the next point of attainment pays by the curve of each component, over 0 to 150%.

    Of the curve alone: what adjustments cut off is in `marginal_pay`.
    Table: one row a plan, component and point of attainment; plan, title, component, metric, weight, attainment, slope
    (factor for each further attainment, as it begins), pay (factor for this point), jump (the part of it that a cliff
    pays at once). A factor is a share of the component's target incentive.
    """
    frames, sentences = [], []
    for plan in comparison.plans:
        said = []
        for component in plan.components:
            if not component.weight and component.basis.is_of_incentive:
                continue
            frames.append(_points(component).assign(plan=plan.name, title=plan.title))
            said.append(f"{component.title} {_words(component)}")
        sentences.append(f"{plan.title}: {'; '.join(said)}.")
    columns = ["plan", "title", "component", "metric", "weight", "attainment", "slope", "pay", "jump"]
    return Answer(" ".join(sentences), pd.concat(frames, ignore_index=True)[columns])


def _points(component: Component) -> pd.DataFrame:
    """Worked out exactly: a point on an edge lies on the side that the curve writes."""
    at = np.array([POINT * n for n in range(LAST + 2)], dtype=object)
    factor, slope = payout_factor(at, component.curve), payout_slope(at, component.curve)
    jump = [Fraction(0)] * (LAST + 1)
    for edge, height, is_upper in curve_cliffs(component.curve):
        on = Fraction(repr(edge)) / POINT
        n = on.__floor__() if is_upper else on.__ceil__() - 1
        if 0 <= n <= LAST:
            jump[n] += Fraction(repr(height))
    return pd.DataFrame(
        {
            "component": component.name,
            "metric": component.metric,
            "weight": component.weight,
            "attainment": at[:-1].astype(float),
            "slope": slope[:-1].astype(float),
            "pay": np.diff(factor).astype(float),
            "jump": np.array(jump, dtype=object).astype(float),
        }
    )


def _words(component: Component) -> str:
    rule, parts = component.attainment, []
    below, above = payout_slope(np.array([-0.01, 0.0]), component.curve)
    if rule.kind == "from_floor" and below == 0 < above:
        parts.append(f"below a result of {number_words(rule.floor, component.unit)}, where attainment begins")
    for low, high in flat_zones(component.curve):
        if high > 0 and low < LAST / 100:
            ends = [f"from {percent(low)}"] if low > 0 else []
            ends += (
                [f"up to {percent(high)} attained"] if high <= LAST / 100 else ["attained on"] if ends else ["anywhere"]
            )
            parts.append(" ".join(ends).replace(" up to", " to"))
    cliffs = [(at, height) for at, height, _ in curve_cliffs(component.curve) if 0 <= at <= LAST / 100]
    said = f"pays nothing more {listed(parts)}" if parts else "pays for every further point"
    if not cliffs:
        return said
    steps = [f"{percent(height)} at once at {percent(at)}" for at, height in cliffs]
    return f"{said}, and {listed(steps)}"
