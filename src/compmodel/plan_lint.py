"""What is worth a second look in a plan, and in what it would have paid: warnings with a way out, never errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compmodel.adjustments import Cap, Floor, Gate, Kicker
from compmodel.component_lints import Lint, component_lints, gate_lints
from compmodel.component_words import component_titles
from compmodel.history_lints import history_lints
from compmodel.plan import Plan
from compmodel.plan_words import option_words
from compmodel.replay import Replay
from compmodel.settlement import Guarantee
from compmodel.style import count_words
from compmodel.wording import capitalised, number

MOST_COMPONENTS, LEAST_WEIGHT = 3, 0.1


def plan_lints(plan: Plan, replay: Replay | None = None) -> list[Lint]:
    """Returns what is worth a second look in a plan, and in a replay of it where there is one.

    >>> from compmodel.plan import example_plan
    >>> [lint.path for lint in plan_lints(example_plan())]
    ['components.kpi.curve.beyond']
    """
    found = [*_too_many(plan), *_too_light(plan), *component_lints(plan), *gate_lints(plan)]
    found += [*_contradictions(plan), *_undecided(plan), *(history_lints(replay) if replay else ())]
    return found


def lint_lines(lint: Lint) -> list[str]:
    """Returns a lint as it is shown: its place and what it is, why it matters, a way out."""
    return [
        f"{lint.path}: {capitalised(lint.what)}.",
        f"  Why: {capitalised(lint.why)}.",
        f"  Way out: {capitalised(lint.fix)}.",
    ]


def _too_many(plan: Plan) -> Iterator[Lint]:
    """More components than a person can work on, by role where components are of roles."""
    roles: Sequence[str] = sorted({role for component in plan.components for role in component.roles}) or [""]
    counts = {role: sum(not c.roles or role in c.roles for c in plan.components) for role in roles}
    role, most = max(counts.items(), key=lambda item: item[1])
    if most > MOST_COMPONENTS:
        yield Lint(
            "components",
            f"{count_words(most, 'component')} are paid" + (f" to the role {role}" if role else ""),
            "people work on two or three things at a time; the rest is forgotten or chosen by what is easy",
            "keep the three that matter most, and follow the others without pay",
        )


def _too_light(plan: Plan) -> Iterator[Lint]:
    for component, title in zip(plan.components, component_titles(plan), strict=True):
        if component.basis.is_of_incentive and component.weight < LEAST_WEIGHT:
            yield Lint(
                f"components.{component.name}.weight",
                f"{title} is {number(component.weight, 'share')} of target incentive",
                "so little pay changes nothing in what people do, and costs as much to explain as the others",
                "give it a tenth or more, or drop it",
            )


def _contradictions(plan: Plan) -> Iterator[Lint]:
    lists = [(f"components.{component.name}.adjustments", component.adjustments) for component in plan.components]
    for path, rules in [*lists, ("adjustments", plan.adjustments)]:
        yield from _floor_above_cap(path, rules)
        yield from _floor_behind_gate(path, rules)
        for i, rule in enumerate(rules):
            if (isinstance(rule, Gate) and rule.otherwise == 1) or (isinstance(rule, Kicker) and rule.times == 1):
                why = "who reads the plan believes that it does"
                yield Lint(f"{path}[{i}]", f"this {rule.kind} changes no pay", why, "delete it or write another number")


def _least(rule: Any, unit: str) -> float | None:
    """What a floor or guarantee pays at least, of what 100% pays or as an amount; none if it is in the other unit."""
    found = getattr(rule, {"factor": "share"}.get(unit, unit)) if isinstance(rule, Guarantee) else getattr(rule, unit)
    return None if found is None else float(found)


def _floor_above_cap(path: str, rules: Sequence[Any]) -> Iterator[Lint]:
    for unit in ("factor", "amount"):
        words = "share" if unit == "factor" else ""
        caps = [float(found) for rule in rules if isinstance(rule, Cap) and (found := getattr(rule, unit)) is not None]
        for i, rule in enumerate(rules):
            least = _least(rule, unit) if isinstance(rule, Floor | Guarantee) else None
            if least is not None and caps and least > min(caps):
                yield Lint(
                    f"{path}[{i}]",
                    f"the {rule.kind} of {number(least, words)} lies above the cap of {number(min(caps), words)}",
                    "whichever of the two comes last is paid to everybody, whatever they do",
                    f"lower the {rule.kind} or raise the cap",
                )


def _floor_behind_gate(path: str, rules: Sequence[Any]) -> Iterator[Lint]:
    gates = [i for i, rule in enumerate(rules) if isinstance(rule, Gate) and rule.otherwise == 0]
    for i, rule in enumerate(rules):
        is_for_all = isinstance(rule, Floor) or (isinstance(rule, Guarantee) and rule.months is None)
        if is_for_all and gates and i > gates[0]:
            yield Lint(
                f"{path}[{i}]",
                f"the {rule.kind} pays where the gate before it pays nothing",
                "the gate reads as if it took all pay",
                f"write it into the gate (otherwise), or the {rule.kind} before the gate",
            )


def _undecided(plan: Plan) -> Iterator[Lint]:
    for i, decision in enumerate(plan.decisions()):
        options = [option_words(plan, decision.field, option) for option in decision.options]
        now = "neither" if decision.position is None else options[decision.position]
        yield Lint(
            f"open_decisions[{i}]",
            f"not settled ({decision.field}): {decision.question} Weighed: {'; or '.join(options)}. Now: {now}",
            "what is open when the first pay is due is settled by whoever works it out",
            "settle it and delete it here",
        )
