"""What is worth a second look in a component of a plan: cliffs, dead zones, caps, what nobody can reach, falls.

Nothing here is an error: plans are paid like that. Each `Lint` says where, what, why it matters and a way out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np

from compmodel.adjustment_words import adjustment_words
from compmodel.adjustments import Cap, Condition, Gate
from compmodel.attainment import attain
from compmodel.component_words import component_titles, plan_names
from compmodel.components import Component
from compmodel.curve_words import has_cap, has_fall, is_downwards, paid_words, result_words, top_factor
from compmodel.curves import flat_zones, jumps, payout_factor
from compmodel.money import exact
from compmodel.plan import Plan
from compmodel.wording import in_sentence, listed, number

MOST = {"grr": 1.0, "grr_of_totals": 1.0, "logo_retention": 1.0, "renewal_rate": 1.0}
"""The highest value that a metric can have; others have none."""
LEAST = {"churn_rate": 0.0, "contraction_rate": 0.0}
"""The best value of a metric of which less is better."""
SMALL = 0.01
"""A jump of less than this factor is no cliff."""


@dataclass(frozen=True)
class Lint:
    """Something worth a second look: its path in the plan, what it is, why it matters, and a way out."""

    path: str
    what: str
    why: str
    fix: str


def component_lints(plan: Plan) -> Iterator[Lint]:
    """Returns what stands out in each component of a plan."""
    for component, title in zip(plan.components, component_titles(plan), strict=True):
        path = f"components.{component.name}"
        for lint in (_cliffs, _dead_zones, _capped_early, _out_of_reach, _above_a_cap, _falls):
            yield from lint(component, title, path)


def best_value(component: Component) -> float | None:
    """Returns the best value that a component can have; none where there is no bound.

    >>> from compmodel.plan import example_plan
    >>> best_value(example_plan().component("nrr")) is None
    True
    """
    if component.form == "nps":
        return 100.0
    if component.baseline == "due_in_period":  # what was due later may be renewed in the period, too
        return None
    return (LEAST if _less(component) else MOST).get(component.metric)


def best_attainment(component: Component, goal: float | None = None) -> float:
    """Returns the highest attainment of a goal that the best value makes; infinite where there is no bound."""
    best, rule = best_value(component), component.attainment
    if rule.kind == "scores":
        return max(score for _, score in rule.scores)
    is_of_other_sign = (rule.kind == "reverse") != _less(component) and rule.kind != "from_floor"
    if best is None or component.target.yearly or is_of_other_sign:
        return inf
    goals = [goal] if goal is not None else list(component.target.named().values())
    return max(float(attain(np.array([best]), np.array([of]), rule)[0]) for of in goals)


def part_of_pay(component: Component, factor: float) -> str:
    """Returns what a factor is of target pay, or of what the component pays on its own."""
    if component.basis.is_of_incentive:
        return f"{number(float(exact(component.weight) * exact(factor)), 'share')} of target incentive"
    return paid_words(component, round(factor, 4))


# ---- curves ------------------------------------------------------------------------------------------------------


def _leaps(component: Component) -> list[tuple[str, float, float]]:
    """Where pay jumps: the result in words, and the factors on both sides."""
    rule, best = component.attainment, best_attainment(component)
    if rule.kind == "scores":
        scores = np.array([0.0, *(score for _, score in rule.scores)])
        paid = payout_factor(scores, component.curve).tolist()
        edges = [number(at, component.unit) for at, _ in rule.scores]
        found = [(at, left, right) for at, (left, right) in zip(edges, pairwise(paid), strict=True)]
    else:
        at_once = [(at, left, right) for at, left, right in jumps(component.curve) if 0 < at <= best]
        found = [(result_words(component, at), left, right) for at, left, right in at_once]
    return [(at, left, right) for at, left, right in found if abs(right - left) >= SMALL]


def _cliffs(component: Component, title: str, path: str) -> Iterator[Lint]:
    found = _leaps(component)
    if found:
        said = [f"by {part_of_pay(component, abs(right - left))} at {at}" for at, left, right in found]
        is_scores = component.attainment.kind == "scores"
        yield Lint(
            f"{path}.{'attainment.scores' if is_scores else 'curve'}",
            f"{title} jumps {listed(said)}",
            "one deal or one day decides that much of somebody's pay, so deals are held back or pulled forward there",
            "write curve.kind linear (or marginal) with the same points, so that pay grows in between"
            if not is_scores
            else "write attainment.kind ratio or from_floor, so that attainment grows in between",
        )


def _dead_zones(component: Component, title: str, path: str) -> Iterator[Lint]:
    """Flat stretches above the threshold and below the cap."""
    if component.attainment.kind == "scores":
        return
    best, curve = best_attainment(component), component.curve
    found = [(low, high) for low, high in flat_zones(curve) if low > -inf and high < inf and low < best and high > 0]
    if found:
        down = "down " if is_downwards(component) else ""
        said = [f"from {result_words(component, low)} {down}to {result_words(component, high)}" for low, high in found]
        yield Lint(
            f"{path}.curve",
            f"{title} pays nothing more {listed(said)}",
            "whoever stands there has nothing to gain from doing a little better, and little to lose from less",
            "let the curve rise there, however little",
        )


def _cap_at(component: Component) -> float:
    """The attainment from which no more is paid; infinite without a cap."""
    zones = flat_zones(component.curve)
    return zones[-1][0] if has_cap(component) and zones and zones[-1][1] == inf else inf


def _capped_early(component: Component, title: str, path: str) -> Iterator[Lint]:
    at = _cap_at(component)
    if at == -inf:
        yield Lint(
            f"{path}.curve",
            f"{title} pays the same whatever the result",
            "it is salary by another name",
            "let the curve rise",
        )
    elif at <= 1 and at < best_attainment(component):
        here = result_words(component, at)
        where = f"beyond its goal ({here})" if at == 1 else f"from {here} on, below its goal"
        yield Lint(
            f"{path}.curve.beyond",
            f"{title} pays no more {where}: at most {part_of_pay(component, top_factor(component.curve))}",
            "usually a tenth of people do far better than their goal, and they would not be paid for it",
            "write beyond: extend, or add a point such as [1.5, 2] and hold there",
        )


def _out_of_reach(component: Component, title: str, path: str) -> Iterator[Lint]:
    """Goals, points and bands beyond the best value there can be."""
    best = best_value(component)
    if best is None or component.target.yearly or component.attainment.kind == "scores":
        return
    said_best = f"{title} can be {number(best, component.unit)} at best"
    beyond = [goal for goal in component.target.named().values() if (goal < best if _less(component) else goal > best)]
    if beyond:
        yield Lint(
            f"{path}.target",
            f"{said_best}, so the goal of {listed([number(goal, component.unit) for goal in beyond])} is out of reach",
            "nobody can earn their full share",
            f"set the goal to less than {number(best, component.unit)}" if not _less(component) else "raise the goal",
        )
    most, curve = best_attainment(component), component.curve
    edges = [at for at, _ in curve.points or curve.bands]
    unreached = [at for at in edges if at > most]
    if unreached:
        name = "points" if curve.points else "bands"
        words = [number(at, "share") for at in unreached]
        top = float(payout_factor(np.array([most]), curve)[0])
        yield Lint(
            f"{path}.curve.{name}",
            f"{said_best}, which is {number(round(most, 4), 'share')} attained: the {name} at {listed(words)} "
            f"are never reached, and {paid_words(component, round(top, 4))} is the most that is paid",
            "what the plan promises there is never paid, so it motivates nobody and its cost is overstated",
            "lower the goal or move these edges to what can be attained",
        )


def _less(component: Component) -> bool:
    """Whether less of its metric is better."""
    return component.metric in LEAST


def _above_a_cap(component: Component, title: str, path: str) -> Iterator[Lint]:
    """Points and bands that begin where a cap of the component is reached already, and a cap below full pay."""
    caps = [rule.factor for rule in component.adjustments if isinstance(rule, Cap) and rule.factor is not None]
    if not caps:
        return
    cap, curve = min(caps), component.curve
    name, edges = ("points", curve.points) if curve.points else ("bands", curve.bands)
    dead = [at for at, _ in edges[1:] if _factor_before(component, at) >= cap]
    if dead:
        yield Lint(
            f"{path}.curve.{name}",
            f"the cap of {number(cap, 'share')} on {in_sentence(title)} is reached before the {name} at "
            f"{listed([number(at, 'share') for at in dead])}, which pay nothing more",
            "the plan reads as if it paid more than it does",
            "raise the cap or delete them",
        )
    if cap < 1:
        yield Lint(
            f"{path}.adjustments",
            f"{title} is capped at {number(cap, 'share')} of what 100% pays",
            "nobody can earn their full share",
            "raise the cap to 1 or more",
        )


def _factor_before(component: Component, at: float) -> float:
    """The factor just below an attainment; of a line, of the point before it."""
    if component.curve.points:
        return next(factor for (_, factor), (there, _) in pairwise(component.curve.points) if there == at)
    left = {edge: before for edge, before, _ in jumps(component.curve)}
    return left[at] if at in left else float(payout_factor(np.array([at]), component.curve)[0])


def _falls(component: Component, title: str, path: str) -> Iterator[Lint]:
    if component.curve.may_fall and has_fall(component.curve):
        yield Lint(
            f"{path}.curve.may_fall",
            f"{title} pays less for a better result somewhere on its curve",
            "the best thing to do there is to do worse, or to wait with a deal",
            "raise the points behind the fall to what is paid before it, and delete may_fall",
        )
    if component.curve.below == "extend":
        yield Lint(
            f"{path}.curve.below",
            f"{title} takes pay away below {result_words(component, component.curve.points[0][0])}",
            "pay already earned on other components is lost, and in many countries wages may not be reduced like that",
            "write below: zero or below: hold",
        )


# ---- gates -------------------------------------------------------------------------------------------------------


def gate_lints(plan: Plan) -> Iterator[Lint]:
    """Returns gates that are all or nothing, and conditions that nobody can meet."""
    for component in plan.components:
        names = plan_names(plan, component.name)
        size = part_of_pay(component, 1)
        for i, rule in enumerate(component.adjustments):
            sentence = f"for {names.title(component.name)}: {in_sentence(adjustment_words(rule, names))}"
            yield from _gate(plan, rule, f"components.{component.name}.adjustments[{i}]", sentence, size, component)
    for i, settled in enumerate(plan.adjustments):
        sentence = f"for the whole pay: {in_sentence(adjustment_words(settled, plan_names(plan)))}"
        yield from _gate(plan, settled, f"adjustments[{i}]", sentence, "all of the pay", None)
        condition = getattr(settled, "condition", None)
        if condition is not None and not _can_hold(plan, condition, None):
            yield _never(f"adjustments[{i}].condition", sentence)


def _gate(plan: Plan, rule: object, path: str, said: str, size: str, own: Component | None) -> Iterator[Lint]:
    if isinstance(rule, Condition) and not _can_hold(plan, rule, own):
        yield _never(path, said)
    elif isinstance(rule, Gate) and rule.otherwise == 0:
        side = "below" if rule.reaches is not None else "above"
        yield Lint(
            path,
            f"all or nothing {said}",
            f"a hair {side} the threshold {size} is lost, and whoever is sure to miss it has no reason to try",
            "write otherwise: 0.5, for example, or make it a kicker that pays more where the condition holds",
        )


def _never(path: str, said: str) -> Lint:
    why = "whoever reads the plan believes that it can happen"
    return Lint(path, f"nobody can reach what is asked {said}", why, "lower the threshold")


def _can_hold(plan: Plan, rule: Condition, own: Component | None) -> bool:
    looked_at = [plan.component(rule.component)] if rule.component else [own] if own else list(plan.components)
    return rule.reaches is None or all(rule.reaches <= _most(component, rule.of) for component in looked_at)


def _most(component: Component, of: str) -> float:
    """The most that a value, an attainment or a payout factor can be."""
    best = best_value(component)
    if of == "value":
        return inf if best is None or _less(component) else best
    most = best_attainment(component)
    if of == "attainment":
        return most
    if most < inf:
        return float(payout_factor(np.array([most]), component.curve)[0]) if not component.curve.may_fall else inf
    return top_factor(component.curve) if has_cap(component) and not component.curve.may_fall else inf
