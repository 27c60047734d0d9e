"""What changed between two plans, a sentence a change: any field of any model gives at least one.

Models are walked field by field. A change has a sentence of its own by its path with * in place of names, or the
description of its field with both values and the path, so a new field needs no line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from compmodel.components import Component
from compmodel.credit_dates import CreditDate, CreditRule
from compmodel.metrics import METRICS
from compmodel.plan import OpenDecision, Plan
from compmodel.plan_differences import COMPONENT, Change, Place, differences, model_differences
from compmodel.plan_vocabulary import (
    EVENT_WORDS,
    SENTENCES,
    capitalised,
    described,
    further_lines,
    in_sentence,
    listed,
    number,
    value_words,
)
from compmodel.plan_words import ATTAINED, IDENTITY, PAID_BELOW, component_titles, has_cap, share_words

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
        elif name not in (*IDENTITY, "components", "open_decisions"):
            changes += differences(before, after, name, Place("", ""))
    return said + [sentence for change in changes for sentence in _sentences(change)]


def _sentences(change: Change) -> list[str]:
    """The sentences of a change: its own, that of its rule, or its field's description with both values."""
    own = _OWN.get(change.place.pattern.removeprefix(COMPONENT)) if change.place.components else None
    own = _goal_by if change.place.pattern.startswith(f"{COMPONENT}target.by_") else own
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
            weight, goal = number(new.weight, "share"), number(new.target.default, new.unit)
            said.append(f"The {in_sentence(title)} component is new, with a weight of {weight} and a goal of {goal}.")
            continue
        old = olds[same[name]][0]
        found = model_differences(old, new, Place(f"components.{name}", "components.*", in_sentence(title), (old, new)))
        said += [sentence for change in found for sentence in _sentences(change)]
    for name, (old, title) in olds.items():
        if name not in same.values():
            weight = number(old.weight, "share")
            said.append(f"The {in_sentence(title)} component is dropped; its weight was {weight}.")
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


def _moves(noun: str, change: Change) -> str:
    verb = "rises" if change.after > change.before else "falls"
    return capitalised(f"{noun} {verb} from {change.words[0]} to {change.words[1]}.")


def _goal_by(change: Change) -> list[str] | None:
    """A goal by segment or another name; one that was or is not there is the goal for everyone."""
    if any(value is not None and not isinstance(value, int | float) for value in (change.before, change.after)):
        return None
    name = change.place.path.rsplit(".", 1)[-1]
    noun = f"the {change.place.title} goal for {name}"
    if change.before is None or change.after is None:
        return [capitalised(f"{noun} is {change.words[1]} instead of {change.words[0]}.")]
    return [_moves(noun, change)]


def _both(change: Change) -> tuple[Component, Component]:
    assert change.place.components is not None
    return change.place.components


def _metric(change: Change) -> list[str]:
    """By what people call the metrics, or by their names where that is the same."""
    old, new = (METRICS[one.metric].title if one.metric in METRICS else one.metric for one in _both(change))
    words = (old, new) if old != new else change.words
    return [capitalised(f"{in_sentence(words[1])} is measured instead of {in_sentence(words[0])}.")]


def _attainment(change: Change) -> list[str] | None:
    old, new = _both(change)
    if old.attainment.kind not in ATTAINED or new.attainment.kind not in ATTAINED:
        return None
    was, now = ATTAINED[old.attainment.kind](old), ATTAINED[new.attainment.kind](new)
    return [capitalised(f"{change.place.title} attainment is measured {now} instead of {was}.")]


def _floor(change: Change) -> list[str] | None:
    """Nothing where the kind changed too, whose sentence holds the floor."""
    old, new = _both(change)
    if old.attainment.kind != new.attainment.kind and _attainment(change):
        return []
    return [_moves(f"the {change.place.title} floor", change)]


def _is_straight(change: Change) -> bool:
    return all(component.curve.kind == "linear" for component in _both(change))


def _points(change: Change) -> list[str] | None:
    if not _is_straight(change):
        return None
    said = [
        listed([f"{share_words(factor)} at {number(at, 'share')} attained" for at, factor in points])
        for points in (change.after, change.before)
    ]
    return [capitalised(f"{change.place.title} now pays {said[0]}; before, {said[1]}.")]


def _beyond(change: Change) -> list[str] | None:
    old, new = _both(change)
    if not _is_straight(change) or has_cap(old) == has_cap(new):
        return None
    capped = f"is now capped at {share_words(new.curve.points[-1][1])}"
    return [capitalised(f"{change.place.title} {capped if has_cap(new) else 'now pays without a cap'}.")]


def _below(change: Change) -> list[str] | None:
    curves = [component.curve for component in _both(change)]
    is_known = all(curve.below in PAID_BELOW for curve in curves)
    if not is_known or not _is_straight(change):
        return None
    pays = [share_words(curve.points[0][1]) if curve.below == "hold" else "nothing" for curve in curves]
    if pays[0] == pays[1]:
        return None
    at = number(curves[1].points[0][0], "share")
    return [f"Below {at} attained, {change.place.title} now pays {pays[1]} instead of {pays[0]}."]


def _saying(sentence: str) -> Callable[[Change], list[str]]:
    """A sentence of a component, with its title, the name that the path ends in and both values."""
    return lambda change: [
        capitalised(
            sentence.format(title=change.place.title, name=change.place.path.rsplit(".", 1)[-1], instead=change.instead)
        )
    ]


def _moving(noun: str) -> Callable[[Change], list[str]]:
    return lambda change: [_moves(noun.format(title=change.place.title), change)]


_OWN: dict[str, Callable[[Change], list[str] | None]] = {
    "name": _saying("The {title} component has the name {instead}."),
    "metric": _metric,
    "form": _saying("{title} is taken as {instead}."),
    "weight": _moving("the {title} weight"),
    "level.default": _saying("{title} is taken on {instead}."),
    "level.by_role.*": _saying("For the role {name}, {title} is taken on {instead}."),
    "target.default": _moving("the {title} goal"),
    "target.yearly": _saying("The {title} goal is {instead}."),
    "attainment.kind": _attainment,
    "attainment.floor": _floor,
    "curve.points": _points,
    "curve.beyond": _beyond,
    "curve.below": _below,
    "baseline": _saying("{title} is measured as {instead}."),
    "combined": _saying("The months of {title} are {instead}."),
    "unit_figure": _saying("{title} of a team or more is {instead}."),
    "annualised": _saying("{title} is {instead}."),
}
"""The sentences of a change in a component, by its path there."""
