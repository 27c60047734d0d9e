"""A component in words: what it measures, on whom, against which goal, what it pays, and an example of it."""

from __future__ import annotations

import re

import numpy as np

from compmodel.adjustment_words import Names, adjustment_words
from compmodel.attainment import attain
from compmodel.components import FALLING, Component
from compmodel.curve_words import (
    ATTAINED,
    attainment_words,
    basis_words,
    curve_sentence,
    is_plain_rate,
)
from compmodel.curves import payout_factor
from compmodel.metrics import METRICS
from compmodel.money import exact
from compmodel.payout import LETTERS, PayPeriod
from compmodel.periods import Period
from compmodel.plan import Plan
from compmodel.plan_language import metric_formula
from compmodel.plan_vocabulary import SENTENCES, further_lines, value_words
from compmodel.qualifying import Qualifies
from compmodel.style import count_words, number_words
from compmodel.targets import TargetCase, period_target
from compmodel.wording import listed, number, ordinal


def component_titles(plan: Plan) -> list[str]:
    """Returns what people call each component; one whose title another has too, with its name."""
    titles = [component.title for component in plan.components]
    named = zip(titles, plan.components, strict=True)
    return [f"{title} ({component.name})" if titles.count(title) > 1 else title for title, component in named]


def plan_names(plan: Plan, own: str = "") -> Names:
    """Returns how sentences about a plan's adjustments, or those of its component `own`, name what they look at."""
    titles = {c.name: title for c, title in zip(plan.components, component_titles(plan), strict=True)}
    currency = "" if plan.pay.currency == "payee" else plan.pay.currency
    return Names(titles, {c.name: c.unit for c in plan.components}, own, plan.pay.period, currency)


def paid_from(component: Component) -> str:
    """Returns what a component is paid from: a share of target incentive, a rate or a pool of its own."""
    if component.basis.is_of_incentive:
        return f"{number(component.weight, 'share')} of target incentive"
    return f"a {component.basis.kind} of its own"


def component_lines(plan: Plan, component: Component) -> list[str]:
    """Returns a component line by line; what holds for a quarter is said of the plan's own period."""
    path, pattern = f"components.{component.name}", "components.*"
    is_plain, names = component.attainment.kind in ATTAINED, plan_names(plan, component.name)
    lines = [
        f"Measures {_measure_words(component)}{_qualifying_words(component.qualifies)}.",
        f"Taken on {_window_words(component)}.",
    ]
    if not is_plain_rate(component):
        lines += [f"The goal is {goal_words(component)}.", *_ramp_lines(component)]
        lines += [f"Attainment is measured {attainment_words(component)}."] if is_plain else []
    sentences = (basis_words(component, names.period, names.currency), curve_sentence(component))
    lines += [f"{sentence}." for sentence in sentences if sentence]
    if component.to_date:
        against = value_words(component.to_date, "components.*.to_date")
        lines.append(SENTENCES["components.*.to_date"].format(against))
    lines += [f"{adjustment_words(rule, names)}." for rule in component.adjustments]
    lines += [f"Only for {roles_words(component.roles)}."] if component.roles else []
    by_goal = ("default", "yearly", "cases", "ramp", "ramp_month_until", "ramp_segments", *_goals_by(component))
    known: dict[str, tuple[str, ...]] = {
        "level": ("default", "by_role"),
        "target": by_goal,
        "attainment": ("kind", "floor", "scores", "edge", "rounded_to") if is_plain else (),
        "curve": ("kind", "points", "bands", "beyond", "below", "edge", "may_fall"),
        "basis": ("kind", "rate", "over", "rounded_to", "amount", "shared"),
    }
    further = []
    for name, told in known.items():
        further += further_lines(getattr(component, name), f"{path}.{name}", told, f"{pattern}.{name}")
    told = ("name", "metric", "form", "weight", "baseline", "combined", "unit_figure", "annualised", *known)
    told = (*told, "adjustments", "to_date", "roles", "qualifies")
    further += further_lines(component, path, told, pattern)
    lines = [*lines, *(line.strip() for line in further), *_example_lines(component, plan.pay.period)]
    return [f"  {of_period(line, plan)}" for line in lines]


def of_period(sentence: str, plan: Plan) -> str:
    """Returns a sentence about a quarter as one about the plan's own period."""
    return re.sub(r"\bquarter\b", plan.pay.period, sentence)


def roles_words(roles: tuple[str, ...]) -> str:
    """Returns the roles that have a component.

    >>> roles_words(("csm",)), roles_words(("csm", "lead"))
    ('the role csm', 'the roles csm and lead')
    """
    return f"the role{'s' * (len(roles) > 1)} {listed(roles)}"


def _measure_words(component: Component) -> str:
    if component.metric in METRICS:
        return metric_formula(component.metric)
    return f"the KPI {component.metric.removeprefix('kpi.')} as {value_words(component.form, 'components.*.form')}"


def _qualifying_words(rule: Qualifies | None) -> str:
    """Which events these are."""
    if rule is None:
        return ""
    said = [f"{listed([f'{name}s' for name in rule.event_types])}"]
    if rule.at_renewal is not None:
        said.append("at a renewal" if rule.at_renewal else "not at a renewal")
    said += [f"with a term of at least {rule.min_term_months} months"] if rule.min_term_months else []
    said += [f"of at least {number(rule.min_arr, 'amount')} of ARR"] if rule.min_arr else []
    said += [f"credited from {rule.starts_on}"] if rule.starts_on else []
    said += [f"credited up to {rule.ends_on}"] if rule.ends_on else []
    said += [f"sourced by {listed(list(rule.sourced_by))}"] if rule.sourced_by else []
    return f"; these are {', '.join(said)}"


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


# ---- goals -------------------------------------------------------------------------------------------------------


def _goals_by(component: Component) -> list[str]:
    """The fields of the target that hold other goals by a name, such as by_segment."""
    return [name for name in type(component.target).model_fields if name.startswith("by_")]


def goal_words(component: Component) -> str:
    """Returns the goal, with those of segments, cases and what it is for."""
    target = component.target
    said = number(target.default, component.unit) + (" of ARR" if component.unit == "amount" else "")
    for name in _goals_by(component):
        words = f"{name.removeprefix('by_').replace('_', ' ')} {value_words(getattr(target, name), '', component.unit)}"
        said += f" ({words})" if getattr(target, name) else ""
    cases = [case_words(case, component.unit) for case in target.cases]
    said += f"; but {', '.join(cases)}" if cases else ""
    said += ", the first that holds" if len(cases) > 1 else ""
    return said + (f", {value_words(target.yearly, 'components.*.target.yearly')}" if target.yearly else "")


def case_words(case: TargetCase, unit: str) -> str:
    """Returns a goal of its own with whose and when it is.

    >>> case_words(TargetCase(target=1.1, segment="smb", period="Q3"), "share")
    '110% for the segment smb in each Q3'
    """
    whose = [f"the {name} {value}" for name, value in (("segment", case.segment), ("role", case.role)) if value]
    whose += [f"payee {case.payee_id}"] if case.payee_id else []
    said = f" for {listed(whose)}" if whose else ""
    if case.period:
        said += f" in {case.period}" if case.period[:1].isdigit() else f" in each {case.period}"
    said += f" from {value_words(case.starts_on)}" if case.starts_on else ""
    return number(case.target, unit) + said + (f" up to {value_words(case.ends_on)}" if case.ends_on else "")


def _ramp_lines(component: Component) -> list[str]:
    ramp, until = component.target.ramp, component.target.ramp_month_until
    if not ramp:
        return []
    shares = listed([number(share, "share") for share in ramp])
    months = count_words(len(ramp), "month") if len(ramp) > 1 else "month"
    first = f"who is hired up to the {ordinal(until)} has that month as the first"
    first = first if until else "the month after the hire is the first"
    of = component.target.ramp_segments
    whose = f"New people's goal in {listed(list(of))}" if of else "New people's goal"
    if component.at_rest == 1:
        return [f"{whose} lies {shares} of the way from 100% to this in their first {months}; {first}."]
    return [f"{whose} is {shares} of this in their first {months}; {first}."]


# ---- an example --------------------------------------------------------------------------------------------------


def _example_lines(component: Component, period: PayPeriod) -> list[str]:
    """A result below the goal and one above, with what they attain and pay."""
    goal = _goal_of_period(component, period)
    basis = component.basis
    if goal is None or component.attainment.kind not in ("ratio", "from_floor", "reverse") or basis.kind == "pool":
        return []
    said = []
    for value in _example_results(component, goal):
        attained = attain(np.array([exact(value)]), np.array([exact(goal)]), component.attainment)
        factor = float(payout_factor(attained, component.curve)[0])
        is_at = f"{number(value, component.unit)} is {number_words(float(attained[0]), 'share')} attained and"
        if basis.kind == "rate":
            paid = number(round(float(basis.rate or 0) * goal * factor, 2))
            said.append(
                f"{number(value, component.unit)} pays {paid}" if is_plain_rate(component) else f"{is_at} pays {paid}"
            )
        else:
            said.append(f"{is_at} pays {number_words(factor, 'share')} of its share")
    against = f" against {number(goal, component.unit)}" if goal != component.target.default else ""
    return [f"So {'; '.join(said)}{against}."]


def _goal_of_period(component: Component, period: PayPeriod) -> float | None:
    """The goal that a period's result is held against; none where the months measured are not always as many."""
    target = component.target
    if target.yearly is None:
        return target.default
    if component.baseline in ("half_start", "year_start"):
        return None
    first = {"month": "01", "quarter": "1", "half": "1", "year": ""}[period]
    months = component.months(Period(f"2026{LETTERS[period]}{first}"))
    return period_target(target.default, months, target.yearly, component.at_rest)


def _example_results(component: Component, goal: float) -> list[float]:
    """Half way and a fifth beyond the goal from the floor; of a plain ratio four and six fifths of the goal."""
    rule, metric = component.attainment, METRICS.get(component.metric)
    if rule.kind == "from_floor":
        shares, floor = (0.5, 1.2), exact(rule.floor)
    else:
        shares, floor = ((1.2, 0.8) if rule.kind == "reverse" else (0.8, 1.2)), exact(0)
    found = [float(floor + exact(share) * (exact(goal) - floor)) for share in shares]
    if component.unit == "count" and goal >= 5 and goal == round(goal):
        found = [float(round(value)) for value in found]
    if component.metric in FALLING:
        found = [max(value, 0.0) for value in found]
    most = metric.target_bounds[1] if metric and metric.target_bounds else float("inf")
    return [value for value in dict.fromkeys(min(value, max(most, goal)) for value in found) if value != goal]
