"""A pay plan as data: loaded from YAML, frozen, changed only by `replace`, saved as it was written.

`Plan` composes the parameter models of the stages and adds nothing of its own but the checks across them. Unknown
keys, weights that do not add up to 1 and goals below their floor are errors that name the file, the path and the fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.adjustments import Gate, Kicker
from compmodel.books import BookRule
from compmodel.components import Component, mixed_years
from compmodel.credit_dates import CreditRule
from compmodel.documents import Day, Name, Number, parsed_model, read_yaml, write_beside
from compmodel.errors import PlanError, Problem, nearest
from compmodel.events import EventRule
from compmodel.exchange import ExchangeRule
from compmodel.levers import UNEQUAL, Lever, adjustment_levers, component_levers, weights_moved
from compmodel.money import exact
from compmodel.payout import PayRule
from compmodel.settlement import MONEY, Clawback, Settlement

TAKEN_BACK = ("expansion_arr", "qualifying_arr")
"""Metrics whose pay a clawback can take back, gain by gain."""


class OpenDecision(BaseModel):
    """A field the company has not settled, with the options it weighs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    field: str = Field(description="Path of the field, such as credit_on.renewal.")
    question: str = Field(description="The question as people ask it.")
    options: tuple[Any, ...] = Field(min_length=2, description="The values weighed.")


@dataclass(frozen=True)
class Decision:
    """An open decision of a plan, and the position of the option that the plan now pays by; none if it is another."""

    field: str
    question: str
    options: tuple[Any, ...]
    position: int | None

    @property
    def now(self) -> Any:
        """The option the plan now pays by, None if it is none of them."""
        return None if self.position is None else self.options[self.position]


class Plan(BaseModel):
    """A pay plan; `replace` returns a changed copy, nothing changes one in place."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Name = Field(description="Short name.")
    title: str = Field(description="Name as people say it.")
    source: str = Field(description="Where the plan is written down.")
    effective_on: Day = Field(description="First day the plan holds.")
    pay: PayRule = Field(description="Currency, period and rounding of pay.")
    credit_on: CreditRule = Field(description="The date that credits each type of event.")
    books: BookRule = Field(BookRule(), description="Whose book an account counts in.")
    events: EventRule = Field(EventRule(), description="What an event counts as, and how much of it.")
    exchange: ExchangeRule = Field(ExchangeRule(), description="At which rates ARR and pay in other currencies count.")
    components: tuple[Component, ...] = Field(min_length=1, description="The measures.")
    adjustments: tuple[Settlement, ...] = Field(
        (),
        description="What changes a person's whole pay of a period, in this order; gates and kickers first, then what "
        "is settled on whole cents.",
    )
    weights_total: Number = Field(1.0, gt=0, description="What the weights add up to.")
    open_decisions: tuple[OpenDecision, ...] = Field((), description="What is not settled yet.")

    @model_validator(mode="after")
    def _adds_up(self) -> Plan:
        names = [component.name for component in self.components]
        for name in {name for name in names if names.count(name) > 1}:
            raise ValueError(f"component {name!r} occurs twice. Rename one.")
        named = sorted({role for component in self.components for role in component.roles})
        for role in ["", *named]:
            mine = [c for c in self.components if c.basis.is_of_incentive and (not c.roles or role in c.roles)]
            total, whole = sum(exact(component.weight) for component in mine), exact(self.weights_total)
            if mine and abs(total - whole) > UNEQUAL:
                of = f"weights{f' of role {role}' if role else ''} add up to {float(total):.4g}"
                raise ValueError(f"{of}, but must add up to {float(whole):g}. Change one of them.")
        rules: list[Any] = [rule for component in self.components for rule in component.adjustments]
        rules += [*self.adjustments, *(getattr(rule, "condition", None) for rule in self.adjustments)]
        for rule in rules:
            looked_at = getattr(rule, "component", None)
            if looked_at not in (None, *names):
                raise ValueError(f"an adjustment looks at component {looked_at!r}. {nearest(str(looked_at), names)}")
        for rule in (rule for rule in self.adjustments if isinstance(rule, Clawback)):
            part = self.component(rule.component)
            is_alone = part.level.default == "individual"
            if part.basis.kind != "rate" or part.metric not in TAKEN_BACK or not is_alone or part.to_date:
                raise ValueError(
                    f"a clawback is of what a rate on individual {' or '.join(TAKEN_BACK)} paid, not {rule.component}. "
                    "Name another component."
                )
            if sum(isinstance(of, Clawback) and of.component == rule.component for of in self.adjustments) > 1:
                raise ValueError(f"{rule.component} has two clawbacks, which would take twice. Write one, by schedule.")
            if part.baseline != "period_start":
                raise ValueError(f"a clawback needs baseline period_start, not {part.baseline}. Change the component.")
        settled = [rule for rule in self.adjustments if isinstance(rule, MONEY)]
        is_first = [isinstance(rule, Clawback) or getattr(rule, "component", None) is not None for rule in settled]
        if is_first != sorted(is_first, reverse=True):
            raise ValueError("a clawback and a budget of one component must come before what else is settled. Reorder.")
        if settled and self.pay.rounding == "none":
            raise ValueError("pay.rounding is none, but adjustments are settled on whole cents. Write half_up.")
        if (settled or self.pay.on_last_day) and any(component.to_date for component in self.components):
            beside = "adjustments that are settled on cents" if settled else "pay.on_last_day"
            raise ValueError(f"{beside} cannot go with to_date. Delete one of them.")
        if self.exchange.pay == "spot" and any(component.to_date for component in self.components):
            fix = "Write constant, or delete to_date."
            raise ValueError(
                f"exchange.pay is spot, which would pay the year so far anew at each period's rates. {fix}"
            )
        if said := mixed_years(self.components, bool(self.conditions)):
            raise ValueError(f"{said}. Delete one of them.")
        if any(isinstance(rule, MONEY) for rule in self.adjustments[: len(self.conditions)]):
            raise ValueError("adjustments has a gate or kicker after what is settled on cents. Write those first.")
        return self

    @property
    def conditions(self) -> tuple[Gate | Kicker, ...]:
        """The gates and kickers of the whole plan."""
        return tuple(rule for rule in self.adjustments if isinstance(rule, Gate | Kicker))

    @property
    def adjustment_names(self) -> tuple[str, ...]:
        """What each adjustment is called in a statement: its kind, with a number where it is not the only one."""
        kinds = [rule.kind for rule in self.adjustments]
        return tuple(
            f"{kind}_{kinds[: i + 1].count(kind)}" if kinds.count(kind) > 1 else kind for i, kind in enumerate(kinds)
        )

    def component(self, name: str) -> Component:
        """Returns the component of that name. Raises PlanError with the nearest one."""
        names = [component.name for component in self.components]
        if name not in names:
            raise PlanError([Problem(f"plan {self.name}", "is no component of it", nearest(name, names), value=name)])
        return self.components[names.index(name)]

    def replace(self, changes: Mapping[str, object]) -> Plan:
        """Returns a copy with the fields at these paths changed, together. Raises PlanError when the result is invalid.

        >>> plan = example_plan().replace({"components.nrr.target": 1.10})
        >>> plan.component("nrr").target.default
        1.1
        """
        written: dict[str, Any] = self.model_dump(mode="json", exclude_unset=True)
        for path, value in changes.items():
            _set(written, path, value, self.name)
        return parsed_plan(written, f"plan {self.name}")

    def moved(self, changes: Mapping[str, object]) -> Plan:
        """Returns a copy as `replace` does; of changed weights, the last component not changed takes the rest.

        >>> plan = example_plan().moved({"components.nrr.weight": 0.7})
        >>> [component.weight for component in plan.components]
        [0.7, 0.3]
        """
        return self.replace(weights_moved(self.components, self.weights_total, changes))

    def decided(self, field: str, option: object) -> Plan:
        """Returns a copy with an open decision settled; of a weight, the last other component takes the rest."""
        return self.moved({field: option})

    def decisions(self) -> tuple[Decision, ...]:
        """Returns what is not settled yet, each with its options and the one the plan now pays by.

        >>> open_decision = {"field": "pay.currency", "question": "Whose?", "options": ["payee", "USD"]}
        >>> [decision.now for decision in example_plan().replace({"open_decisions": [open_decision]}).decisions()]
        ['USD']
        """
        return tuple(
            Decision(open_one.field, open_one.question, open_one.options, self._position_now(open_one))
            for open_one in self.open_decisions
        )

    def _position_now(self, decision: OpenDecision) -> int | None:
        for position, option in enumerate(decision.options):
            with suppress(PlanError):
                if self.decided(decision.field, option) == self:
                    return position
        return None

    def levers(self) -> tuple[Lever, ...]:
        """Returns every number that may be moved, component by component, with bounds and steps as declared."""
        return (*component_levers(self.components), *adjustment_levers(self.adjustments, self.components))

    def sliders(self) -> tuple[Lever, ...]:
        """Returns the levers that the page has a slider for: weights, default targets and floors."""
        return tuple(lever for lever in self.levers() if lever.is_slider)


def _set(written: dict[str, Any], path: str, value: object, plan: str) -> None:
    at: Any = written
    steps = path.split(".")
    while steps:
        key: str | int = steps.pop(0)
        if isinstance(at, list):
            key = _place(at, str(key), path, steps, plan)
        else:
            while steps and key not in at and any(str(name).startswith(f"{key}.") for name in at):
                key = f"{key}.{steps.pop(0)}"  # a segment's name may hold a dot
            if steps and not isinstance(at.get(key), dict | list):
                at[key] = {"default": at[key]} if key in at else {}
        if not steps:
            at[key] = value
        at = at[key]


def _place(entries: list[Any], step: str, path: str, after: list[str], plan: str) -> int:
    """The place of an entry in a list, by its name, its kind or its number from 0."""
    names = [item.get("name", item.get("kind")) if isinstance(item, dict) else None for item in entries]
    if step in names:
        return names.index(step)
    is_named = any(isinstance(item, dict) and "name" in item for item in entries)
    if step.isdigit() and int(step) < len(entries) and not is_named:
        return int(step)
    there = path.removesuffix("".join(f".{later}" for later in after))
    fix = nearest(step, filter(None, names)) if any(names) else f"Write a number from 0 to {len(entries) - 1}."
    raise PlanError([Problem(f"plan {plan}", f"has no {there}", fix, path)])


def parsed_plan(written: object, place: str) -> Plan:
    """Returns the plan. Raises PlanError with every problem: place, path, value, rule and fix."""
    problems: list[Problem] = []
    plan = parsed_model(written, Plan, place, problems)
    if plan is None:
        raise PlanError(problems)
    return plan


def load_plan(path: str | Path) -> Plan:
    """Returns the plan of a YAML file. Raises PlanError with every problem."""
    problems: list[Problem] = []
    written = read_yaml(Path(path), str(path), problems)
    if problems:
        raise PlanError(problems)
    plan = parsed_plan(written, str(path))
    for i, decision in enumerate(plan.open_decisions):
        refused = [_refusals(plan, decision.field, option) for option in decision.options]
        if all(refused) and len({problem.rule for found in refused for problem in found}) == 1:
            problems.append(replace(refused[0][0], place=str(path), column=f"open_decisions[{i}].field"))
            continue
        for j, found in enumerate(refused):
            problems += [
                replace(problem, place=str(path), column=f"open_decisions[{i}].options[{j}]") for problem in found
            ]
    if problems:
        raise PlanError(problems)
    return plan


def _refusals(plan: Plan, field: str, option: object) -> tuple[Problem, ...]:
    try:
        plan.decided(field, option)
    except PlanError as error:
        return error.problems
    return ()


def load_plans(*paths: str | Path) -> list[Plan]:
    """Returns the plans of YAML files, in order. Raises PlanError with the problems of all of them."""
    plans: list[Plan] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            plan = load_plan(path)
        except PlanError as error:
            problems += error.problems
            continue
        if plan.name in {known.name for known in plans}:
            problems.append(Problem(str(path), f"repeats the plan name {plan.name!r}", "Rename one of them.", "name"))
        plans.append(plan)
    if problems:
        raise PlanError(problems)
    return plans


def save_plan(plan: Plan, path: str | Path) -> None:
    """Writes the plan as YAML, beside and then renamed; `load_plan` gives an equal plan back."""
    text = yaml.safe_dump(plan.model_dump(mode="json", exclude_unset=True), sort_keys=False, allow_unicode=True)
    write_beside(Path(path), text.encode())


def example_plan() -> Plan:
    """Returns a small valid plan for examples: NRR from 100% to 115% and ten customer PRs, half each."""
    line = {"kind": "linear", "points": [[0, 0], [1, 1]]}
    return Plan.model_validate(
        {
            "name": "example",
            "title": "NRR and KPI, half each",
            "source": "compmodel",
            "effective_on": "2026-01-01",
            "pay": {"currency": "USD", "period": "quarter", "rounding": "half_up"},
            "credit_on": dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on"),
            "components": [
                {
                    "name": "nrr",
                    "metric": "nrr",
                    "level": "individual",
                    "weight": 0.5,
                    "target": 1.15,
                    "attainment": {"kind": "from_floor", "floor": 1.0},
                    "curve": {**line, "beyond": "extend"},
                },
                {
                    "name": "kpi",
                    "metric": "kpi.customer_prs",
                    "level": "individual",
                    "weight": 0.5,
                    "target": 10,
                    "attainment": {"kind": "ratio"},
                    "curve": {**line, "beyond": "hold"},
                },
            ],
        }
    )
