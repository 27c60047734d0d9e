"""A plan in plain words, as a leader would tell it, line by line; and what people call its components.

A field without a sentence of its own is said by its description, so a new one is told without a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from compmodel.attainment import attain
from compmodel.components import Component
from compmodel.credit_dates import CreditRule
from compmodel.curves import payout_factor
from compmodel.errors import PlanError
from compmodel.metrics import METRICS
from compmodel.money import exact
from compmodel.periods import Period
from compmodel.plan import Decision, Plan
from compmodel.plan_language import metric_formula
from compmodel.plan_vocabulary import (
    EVENT_WORDS,
    capitalised,
    day_rule_words,
    day_words,
    described,
    further_lines,
    listed,
    number,
    unit_of,
    value_words,
    written_fields,
)
from compmodel.style import number_words
from compmodel.targets import period_target

IDENTITY = ("name", "title", "source", "effective_on")
"""What a plan is called and where it is from; all else are its rules."""
_TOLD = (*IDENTITY, "pay", "components", "credit_on", "open_decisions")


def plan_words(plan: Plan) -> list[str]:
    """Returns a plan in words, line by line: what it is, its components, its rules, what is not settled.

    >>> from compmodel.plan import example_plan
    >>> plan_words(example_plan())[5:7]
    ['NRR: 50% of target incentive', '  Measures net revenue retention: ...']
    """
    lines = [plan.title, f"  Source: {plan.source}", f"  Holds from {day_words(plan.effective_on)}."]
    lines += [f"  Paid each {plan.pay.period} in {value_words(plan.pay.currency, 'pay.currency')}, {_rounding(plan)}."]
    lines += further_lines(plan.pay, "pay", ("currency", "period", "rounding"))
    for component, title in zip(plan.components, component_titles(plan), strict=True):
        lines += ["", f"{title}: {number(component.weight, 'share')} of target incentive"]
        lines += _component_lines(component)
    lines += ["", "Credit dates", f"  {credit_words(plan.credit_on)}."]
    lines += further_lines(plan.credit_on, "credit_on", tuple(plan.credit_on.by_type()))
    for name in (name for name in written_fields(plan) if name not in _TOLD):
        value, heading = getattr(plan, name), capitalised(name.replace("_", " "))
        if isinstance(value, BaseModel):
            lines += ["", heading, *further_lines(value, name)]
        else:
            lines += ["", heading, f"  {described(plan, name)}: {value_words(value, name, unit_of(plan, name))}."]
    decisions = [line for decision in plan.decisions() for line in _decision_lines(plan, decision)]
    return lines + (["", "Not settled yet", *decisions] if decisions else [])


def component_titles(plan: Plan) -> list[str]:
    """Returns what people call each component; one whose title another has too, with its name."""
    titles = [component.title for component in plan.components]
    named = zip(titles, plan.components, strict=True)
    return [f"{title} ({component.name})" if titles.count(title) > 1 else title for title, component in named]


def _rounding(plan: Plan) -> str:
    how = {"half_up": "half up to the cent"}.get(plan.pay.rounding, plan.pay.rounding)
    return f"rounded {how}, once, on each person's total"


def credit_words(rule: CreditRule) -> str:
    """Returns on which day each type of event counts, types of one day together; without those left as they are."""
    kinds: dict[str, list[str]] = {}
    written = set(written_fields(rule))
    for kind, ways in ((kind, ways) for kind, ways in rule.by_type().items() if kind in written):
        kinds.setdefault(day_rule_words(ways), []).append(EVENT_WORDS.get(kind, kind.replace("_", " ")))
    said = [f"{listed(names)}{_counts(names) * (n == 0)} on {day}" for n, (day, names) in enumerate(kinds.items())]
    return capitalised("; ".join(said))


def _counts(names: Sequence[str]) -> str:
    return " counts" if len(names) == 1 else " count"


def _decision_lines(plan: Plan, decision: Decision) -> list[str]:
    lines = [f"  {decision.question}"]
    for position, option in enumerate(decision.options):
        now = " (as the plan pays now)" if position == decision.position else ""
        lines.append(f"    - {_option_words(plan, decision.field, option)}{now}")
    return lines


def _option_words(plan: Plan, field: str, option: object) -> str:
    """An option as the plan would hold it, in words; as it is written where the plan cannot hold it."""
    at: Any = None
    unit, names, steps = "", [], field.split(".")
    try:
        at = plan.decided(field, option)
        for step in steps:
            is_named = isinstance(at, tuple | Mapping)
            unit = at.unit if isinstance(at, Component) and step == "target" else unit
            unit = unit_of(at, step) or unit if isinstance(at, BaseModel) else unit
            if isinstance(at, tuple):
                at = next(part for part in at if part.name == step)
            else:
                at = at[step] if isinstance(at, Mapping) else getattr(at, step)
            names.append("*" if is_named else step)
    except (PlanError, AttributeError, LookupError, StopIteration):
        return value_words(option, field)
    return value_words(at, ".".join(names), unit)


# ---- a component -------------------------------------------------------------------------------------------------


def _component_lines(component: Component) -> list[str]:
    path, pattern = f"components.{component.name}", "components.*"
    is_plain = component.attainment.kind in ATTAINED
    is_linear = component.curve.kind == "linear"
    lines = [f"Measures {_measure_words(component)}.", f"Taken on {_window_words(component)}."]
    lines += [f"The goal is {_goal_words(component)}."]
    lines += [f"Attainment is measured {ATTAINED[component.attainment.kind](component)}."] if is_plain else []
    lines += [f"Pays {curve_words(component)}."] if is_linear else []
    known = {
        "level": ("default", "by_role"),
        "target": ("default", "yearly", *_goals_by(component)),
        "attainment": ("kind", "floor") if is_plain else (),
        "curve": ("kind", "points", "beyond", *(["below"] if component.curve.below in PAID_BELOW else [])),
    }
    if not is_linear:
        known["curve"] = ()
    further = []
    for name, told in known.items():
        further += further_lines(getattr(component, name), f"{path}.{name}", told, f"{pattern}.{name}")
    told = ("name", "metric", "form", "weight", "baseline", "combined", "unit_figure", "annualised", *known)
    further += further_lines(component, path, told, pattern)
    return [*(f"  {line}" for line in lines), *further, *(f"  {line}" for line in _example_lines(component))]


def _measure_words(component: Component) -> str:
    if component.metric in METRICS:
        return metric_formula(component.metric)
    return f"the KPI {component.metric.removeprefix('kpi.')} as {value_words(component.form, 'components.*.form')}"


def _window_words(component: Component) -> str:
    said = level_words(component)
    if component.unit_figure != "ratio_of_sums":
        said += f", taken as {value_words(component.unit_figure, 'components.*.unit_figure')}"
    if component.metric not in METRICS:
        return f"{said}, over the quarter"
    said += f": {value_words(component.baseline, 'components.*.baseline')}"
    for name, before in (("combined", ", the months "), ("annualised", ", ")):
        value = getattr(component, name)
        said += f"{before}{value_words(value, f'components.*.{name}')}" if value else ""
    return said


def level_words(component: Component) -> str:
    """Returns whose result a component is taken on, with what holds for single roles."""
    said = value_words(component.level.default, "components.*.level.default")
    roles = [
        f", for the role {role} on {value_words(level, 'components.*.level.by_role.*')}"
        for role, level in component.level.by_role.items()
    ]
    return said + "".join(roles)


def _goals_by(component: Component) -> list[str]:
    """The fields of the target that hold other goals by a name, such as by_segment."""
    return [name for name in type(component.target).model_fields if name.startswith("by_")]


def _goal_words(component: Component) -> str:
    target = component.target
    said = number(target.default, component.unit) + (" of ARR" if component.unit == "amount" else "")
    for name in _goals_by(component):
        words = f"{name.removeprefix('by_').replace('_', ' ')} {value_words(getattr(target, name), '', component.unit)}"
        said += f" ({words})" if getattr(target, name) else ""
    return said + (f", {value_words(target.yearly, 'components.*.target.yearly')}" if target.yearly else "")


def floor_words(component: Component) -> str:
    """Returns from where to where attainment is measured."""
    return f"from {number(component.attainment.floor, component.unit)} to the goal"


ATTAINED: dict[str, Callable[[Component], str]] = {
    "from_floor": floor_words,
    "ratio": lambda component: "as a share of the goal",
}
"""How attainment is said, by its kind; another kind is said by its fields."""


def _result(component: Component, attained: float) -> str | None:
    """The result that makes an attainment, in words; none where goals are several or of other months."""
    target, rule = component.target, component.attainment
    if target.yearly or any(getattr(target, name) for name in _goals_by(component)) or rule.kind not in ATTAINED:
        return None
    floor, goal = exact(rule.floor), exact(target.default)
    return number(float(floor + exact(attained) * (goal - floor)), component.unit)


def _at(component: Component, attained: float) -> str:
    return _result(component, attained) or f"{number(attained, 'share')} attained"


PAID_BELOW = (None, "hold", "zero")
"""What a curve may pay below its first point, as the words here know it; anything else is said by its field."""


def curve_words(component: Component) -> str:
    """Returns what a curve of straight lines pays: threshold, points, what each point above adds, cap."""
    curve = component.curve
    paid = [(at, factor) for at, factor in curve.points if factor > 0]
    nothing = [at for at, factor in curve.points if factor == 0]
    said = [f"{share_words(factor)} at {_at(component, at)}" for at, factor in paid]
    if curve.below not in PAID_BELOW:
        said = [f"{share_words(factor)} at {_at(component, at)}" for at, factor in curve.points]
    elif nothing:
        most = _at(component, nothing[-1])
        said = [f"nothing {'at' if most in ('0', '0%') else 'up to'} {most}", *said]
    elif curve.below == "zero":
        said = [f"nothing below {_at(component, paid[0][0])}", *said]
    else:
        said[0] = f"{share_words(paid[0][1])} up to {_at(component, paid[0][0])}"
    between = "in a straight line between" if len(said) == 2 else "in straight lines between"
    return f"{listed(said)}, {between}; {_above_words(component)}"


def share_words(factor: float) -> str:
    """Returns a payout factor in words.

    >>> share_words(1.0), share_words(0.5)
    ('its full share', '50% of its share')
    """
    return "its full share" if factor == 1 else f"{number(factor, 'share')} of its share"


def has_cap(component: Component) -> bool:
    """Whether a curve of straight lines pays no more beyond its last point."""
    (_, before), (_, last) = component.curve.points[-2:]
    return component.curve.beyond == "hold" or before == last


def _above_words(component: Component) -> str:
    (before_at, before), (at, factor) = component.curve.points[-2:]
    if has_cap(component):
        return f"capped at {share_words(factor)}"
    slope, step = (exact(factor) - exact(before)) / (exact(at) - exact(before_at)), exact(0.01)
    one = "each further point of attainment"
    if _result(component, at) is not None and component.unit != "amount":
        floor = exact(component.attainment.floor)
        slope /= exact(component.target.default) - floor
        one, step = ("each point", step) if component.unit == "share" else ("each one", exact(1))
    return f"{one} above {_at(component, at)} adds {number(float(slope * step), 'share')}, without a cap"


def _example_lines(component: Component) -> list[str]:
    """A result below the goal and one above, with what they attain and pay."""
    goal = _goal_of_quarter(component)
    if goal is None:
        return []
    said = []
    for value in _example_results(component, goal):
        attained = attain(np.array([value]), np.array([goal]), component.attainment)
        share = number_words(float(attained[0]), "share")
        pays = number_words(float(payout_factor(attained, component.curve)[0]), "share")
        said.append(f"{number(value, component.unit)} is {share} attained and pays {pays} of its share")
    against = f" against {number(goal, component.unit)}" if goal != component.target.default else ""
    return [f"So {'; '.join(said)}{against}."]


def _goal_of_quarter(component: Component) -> float | None:
    """The goal that a quarter's result is held against; none where the months measured are not always as many."""
    target = component.target
    if target.yearly is None:
        return target.default
    if component.baseline in ("half_start", "year_start"):
        return None
    return period_target(target.default, component.months(Period("2026Q1")), target.yearly, component.at_rest)


def _example_results(component: Component, goal: float) -> list[float]:
    """Half way and a fifth beyond the goal from the floor; of a plain ratio four and six fifths of the goal."""
    rule, metric = component.attainment, METRICS.get(component.metric)
    if rule.kind == "from_floor":
        shares, floor = (0.5, 1.2), exact(rule.floor)
    else:
        shares, floor = (0.8, 1.2), exact(0)
    found = [float(floor + exact(share) * (exact(goal) - floor)) for share in shares]
    if component.unit == "count" and goal >= 5 and goal == round(goal):
        found = [float(round(value)) for value in found]
    most = metric.target_bounds[1] if metric and metric.target_bounds else float("inf")
    return [value for value in dict.fromkeys(min(value, max(most, goal)) for value in found) if value != goal]
