"""A plan in plain words, as a leader would tell it, line by line; and what people call its components.

A field without a sentence of its own is said by its description, so a new one is told without a line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from compmodel.adjustment_words import adjustment_words
from compmodel.component_words import component_lines, component_titles, of_period, paid_from, plan_names
from compmodel.components import Component
from compmodel.credit_dates import CreditRule
from compmodel.errors import PlanError
from compmodel.plan import Decision, Plan
from compmodel.plan_vocabulary import (
    EVENT_WORDS,
    SENTENCES,
    day_rule_words,
    day_words,
    described,
    further_lines,
    rounding_words,
    unit_of,
    value_words,
    written_fields,
)
from compmodel.wording import capitalised, listed

IDENTITY = ("name", "title", "source", "effective_on")
"""What a plan is called and where it is from; all else are its rules."""
_TOLD = (*IDENTITY, "pay", "components", "adjustments", "weights_total", "credit_on", "open_decisions")


def plan_words(plan: Plan) -> list[str]:
    """Returns a plan in words, line by line: what it is, its components, its rules, what is not settled.

    >>> from compmodel.plan import example_plan
    >>> plan_words(example_plan())[5:7]
    ['NRR: 50% of target incentive', '  Measures net revenue retention: ...']
    """
    lines = [plan.title, f"  Source: {plan.source}", f"  Holds from {day_words(plan.effective_on)}."]
    lines += [f"  Paid each {plan.pay.period} in {value_words(plan.pay.currency, 'pay.currency')}, {_rounding(plan)}."]
    lines += _pay_lines(plan)
    for component, title in zip(plan.components, component_titles(plan), strict=True):
        lines += ["", f"{title}: {paid_from(component)}", *component_lines(plan, component)]
    if plan.adjustments:
        sentences = [adjustment_words(rule, plan_names(plan)) for rule in plan.adjustments]
        lines += ["", "The whole pay", *(f"  {sentence}." for sentence in sentences)]
    lines += ["", "Credit dates", f"  {credit_words(plan.credit_on)}."]
    lines += further_lines(plan.credit_on, "credit_on", tuple(plan.credit_on.by_type()))
    for name in (name for name in written_fields(plan) if name not in _TOLD):
        value, heading = getattr(plan, name), capitalised(name.replace("_", " "))
        if isinstance(value, BaseModel):
            lines += ["", heading, *(of_period(line, plan) for line in further_lines(value, name))]
        else:
            lines += ["", heading, f"  {described(plan, name)}: {value_words(value, name, unit_of(plan, name))}."]
    decisions = [line for decision in plan.decisions() for line in _decision_lines(plan, decision)]
    return lines + (["", "Not settled yet", *decisions] if decisions else [])


def _rounding(plan: Plan) -> str:
    if plan.pay.rounding == "none":
        return "not rounded"
    at = value_words(plan.pay.rounded_at, "pay.rounded_at")
    once = "once, " * (plan.pay.rounded_at == "total")
    return f"rounded {rounding_words(plan.pay)}, {once}on {at}"


def _pay_lines(plan: Plan) -> list[str]:
    """What else there is to say of pay: proration, the last day, weights that do not add up to 1."""
    lines = further_lines(plan.pay, "pay", ("currency", "period", "rounding", "rounded_to", "rounded_at"))
    if plan.pay.proration == "months" and plan.pay.month_day == type(plan.pay).model_fields["month_day"].default:
        lines.append("  " + SENTENCES["pay.month_day"].format(value_words(plan.pay.month_day, "pay.month_day")))
    if plan.weights_total != 1:
        total = value_words(plan.weights_total, "weights_total")
        lines.append(f"  {SENTENCES['weights_total'].format(total)}")
    return [of_period(line, plan) for line in lines]


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
        lines.append(f"    - {option_words(plan, decision.field, option)}{now}")
    return lines


def option_words(plan: Plan, field: str, option: object) -> str:
    """Returns an option as the plan would hold it, in words; as it is written where the plan cannot hold it."""
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
