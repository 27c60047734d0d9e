"""What changed between two plans, a sentence a change: any field of any model gives at least one.

Models are walked field by field. A change has a sentence of its own by its path with * in place of names, or the
description of its field with both values and the path, so a new field needs no line here.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from compmodel.component_changes import OWN, adjustment_changes, component_is_dropped, component_is_new, goal_by
from compmodel.component_words import component_titles, of_period, plan_names
from compmodel.credit_dates import CreditDate, CreditRule
from compmodel.plan import OpenDecision, Plan
from compmodel.plan_differences import COMPONENT, Change, Place, differences, model_differences
from compmodel.plan_vocabulary import EVENT_WORDS, SENTENCES, described, further_lines, value_words
from compmodel.plan_words import IDENTITY
from compmodel.wording import capitalised, in_sentence, listed

SAME = "The plans pay by the same rules."
_PLURALS = {"renewal": "renewals", "expansion": "expansions", "expansion_at_renewal": "expansions at a renewal"}
_EVENTS = {**EVENT_WORDS, **_PLURALS}


def plan_changes(before: Plan, after: Plan) -> list[str]:
    """Returns what changed, a sentence a change; first which plans they are, where that differs. Empty if nothing did.

    >>> from compmodel.plan import example_plan
    >>> plan_changes(example_plan(), example_plan().replace({"components.nrr.target": 1.10}))
    ['The NRR goal falls from 115% to 110%.']
    """
    if before == after:
        return []
    identities = [{name: getattr(plan, name) for name in IDENTITY} for plan in (before, after)]
    head = [] if identities[0] == identities[1] else [_head(before, after)]
    said = _rule_changes(before, after)
    return head + (said or [SAME]) + _decision_changes(before, after)


def _head(before: Plan, after: Plan) -> str:
    differing = [name for name in IDENTITY if getattr(before, name) != getattr(after, name)]
    if "title" in differing:
        differing.remove("name") if "name" in differing else None
    return f"From {_called(before, differing)} to {_called(after, differing)}."


def _called(plan: Plan, differing: list[str]) -> str:
    """A plan's title, and in brackets what else tells it from the other."""
    words = {"name": plan.name, "source": plan.source, "effective_on": f"from {value_words(plan.effective_on)}"}
    told = [words[name] for name in differing if name in words]
    return plan.title + (f" ({'; '.join(told)})" if told else "")


def _decision_changes(before: Plan, after: Plan) -> list[str]:
    old, new = ({one.question: one for one in plan.open_decisions} for plan in (before, after))
    said = [f"No longer open: {question}" for question in old if question not in new]
    said += [f"Newly open: {question}" for question in new if question not in old]
    for question in (question for question in new if question in old and old[question] != new[question]):
        said.append(f"Still open, {_weighed(new[question])} instead of {_weighed(old[question])}: {question}")
    return said or (["The open decisions stand in another order."] * (before.open_decisions != after.open_decisions))


def _weighed(decision: OpenDecision) -> str:
    return f"{' or '.join(value_words(option) for option in decision.options)} [{decision.field}]"


# ---- rules -------------------------------------------------------------------------------------------------------


def _rule_changes(before: Plan, after: Plan) -> list[str]:
    said = _component_changes(before, after) + _credit_changes(before.credit_on, after.credit_on)
    changes: list[Change] = []
    for name in type(after).model_fields:
        if name == "credit_on":
            kinds = {**before.credit_on.by_type(), **after.credit_on.by_type()}
            changes += model_differences(before.credit_on, after.credit_on, Place(name, name), tuple(kinds))
        elif name not in (*IDENTITY, "components", "adjustments", "open_decisions"):
            changes += differences(before, after, name, Place("", ""))
    said += adjustment_changes(before.adjustments, after.adjustments, (plan_names(before), plan_names(after)))
    return said + [_of_books(sentence, change, after) for change in changes for sentence in _sentences(change)]


def _of_books(sentence: str, change: Change, plan: Plan) -> str:
    """A rule about books holds for the plan's own period, whatever it is."""
    return of_period(sentence, plan) if change.place.path.startswith("books.") else sentence


def _sentences(change: Change) -> list[str]:
    """The sentences of a change: its own, that of its rule, or its field's description with both values."""
    own = OWN.get(change.place.pattern.removeprefix(COMPONENT)) if change.place.components else None
    own = goal_by if change.place.pattern.startswith(f"{COMPONENT}target.by_") else own
    said = own(change) if own else None
    if said is not None:
        return said
    rules = [_as_rules(change.place, model, change.field) for model in change.models]
    if change.before is None and isinstance(change.after, BaseModel) and rules[1]:
        return rules[1]
    if change.after is None and not change.place.pattern.endswith(".*") and rules[0]:
        return [f"No longer: {sentence}" for sentence in rules[0]]
    rule, key = SENTENCES.get(change.place.pattern), change.place.pattern
    gained, lost = _gained(change)
    if rule and (gained or lost):
        said = [rule.format(value_words(gained, key))] if gained else []
        return said + ([f"No longer: {rule.format(value_words(lost, key))}"] if lost else [])
    if rule and "{}" in rule:
        return [rule.format(change.instead)]
    if rule:
        return [rule if change.after else f"No longer: {rule}"]
    parts = [words + value_words(some, key) for words, some in (("now also ", gained), ("no longer ", lost)) if some]
    field = described(change.models[1], change.field)
    return [f"{field}: {', '.join(parts) or change.instead} [{change.place.path}]."]


def _as_rules(place: Place, model: BaseModel, field: str) -> list[str]:
    """A field of a model as a plan in words would tell it; nothing if it is what it is when left out."""
    others = [name for name in type(model).model_fields if name != field]
    above, key = (at.rpartition(".")[0] for at in (place.path, place.pattern))
    return [line.strip() for line in further_lines(model, above, others, key)]


def _gained(change: Change) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What a list has more than before, and what less; nothing for points and other lists of numbers."""
    old, new = change.before, change.after
    if not all(isinstance(parts, tuple) for parts in (old, new)) or any(
        isinstance(part, tuple | int | float) for part in (*old, *new)
    ):
        return (), ()
    return tuple(part for part in new if part not in old), tuple(part for part in old if part not in new)


# ---- credit dates ------------------------------------------------------------------------------------------------


def _credit_changes(before: CreditRule, after: CreditRule) -> list[str]:
    """A sentence for each pair of days, with all types of event that moved from the one to the other."""
    old, new = before.by_type(), after.by_type()
    moved: dict[tuple[str, str], list[str]] = {}
    for kind in {**old, **new}:
        if old.get(kind) != new.get(kind):
            moved.setdefault(_days(old.get(kind), new.get(kind)), []).append(_EVENTS.get(kind, kind.replace("_", " ")))
    return [
        capitalised(f"{listed(kinds)} {_are(kinds)} credited {_on(is_on)} instead of {was_on}.")
        for (was_on, is_on), kinds in moved.items()
    ]


def _are(kinds: list[str]) -> str:
    return "are" if len(kinds) > 1 or kinds[0] in _PLURALS.values() else "is"


def _days(*rules: tuple[CreditDate, ...] | None) -> tuple[str, str]:
    was_on, is_on = (_AS_ANY if rule is None else value_words(rule) for rule in rules)
    return (was_on, is_on) if was_on != is_on else (repr(rules[0]), repr(rules[1]))


_AS_ANY = "as any other expansion"


def _on(day: str) -> str:
    return day if day == _AS_ANY else f"on {day}"


# ---- components --------------------------------------------------------------------------------------------------


def _component_changes(before: Plan, after: Plan) -> list[str]:
    """What is new and what changed, in the order of the later plan; then what was dropped, and another order."""
    olds, news = (
        {component.name: (component, title) for component, title in zip(plan.components, titles, strict=True)}
        for plan, titles in ((before, component_titles(before)), (after, component_titles(after)))
    )
    same = _same_components(before, after)
    said = []
    for name, (new, title) in news.items():
        if name not in same:
            said.append(component_is_new(new, title))
            continue
        old = olds[same[name]][0]
        place = Place(f"components.{name}", "components.*", in_sentence(title), (old, new))
        found = model_differences(old, new, place, ("adjustments",))
        said += [of_period(sentence, after) for change in found for sentence in _sentences(change)]
        names = plan_names(before, old.name), plan_names(after, name)
        said += adjustment_changes(old.adjustments, new.adjustments, names, in_sentence(title))
    for name, (old, title) in olds.items():
        if name not in same.values():
            said.append(component_is_dropped(old, title))
    if list(same.values()) != [name for name in olds if name in same.values()]:
        order = listed([title for _, title in news.values()])
        said.append(f"The components stand in another order, now {order}; that can move a cent between them.")
    return said


def _same_components(before: Plan, after: Plan) -> dict[str, str]:
    """The name that each component of the later plan had: its own, or that of the first left of its metric."""
    left = {component.name: component for component in before.components}
    named = {component.name: component.name for component in after.components if left.pop(component.name, None)}
    for component in after.components:
        of_metric = [old.name for old in left.values() if old.metric == component.metric]
        if component.name not in named and of_metric:
            named[component.name] = left.pop(of_metric[0]).name
    return {component.name: named[component.name] for component in after.components if component.name in named}
