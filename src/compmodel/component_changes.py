"""What changed in a component and in adjustments, in sentences; a component's by the path of the field that changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from compmodel.adjustment_words import Names, adjustment_words
from compmodel.component_words import goal_words, paid_from, roles_words
from compmodel.components import Component
from compmodel.curve_words import ATTAINED, attainment_words, basis_words, curve_sentence, factor_words, has_cap
from compmodel.metrics import METRICS
from compmodel.plan_differences import Change
from compmodel.plan_vocabulary import value_words
from compmodel.wording import capitalised, in_sentence, listed, number, ordinal


def adjustment_changes(
    before: Sequence[Any], after: Sequence[Any], names: tuple[Names, Names], title: str = ""
) -> list[str]:
    """Returns what changed in the adjustments of a component with a title, or in those of the whole pay.

    A rule that came is held against the first one of its kind that went.
    """
    came, went = _without(after, before), _without(before, after)
    gone = list(went)
    subject, said = capitalised(title) or "The whole pay", []
    for rule in came:
        now, same = in_sentence(adjustment_words(rule, names[1])), [old for old in gone if old.kind == rule.kind]
        if not same:
            said.append(f"{subject}, new: {now}.")
            continue
        gone.remove(same[0])
        was = in_sentence(adjustment_words(same[0], names[0]))
        now, was = (now, was) if now != was else (repr(rule), repr(same[0]))
        said.append(f"{subject}: {now}; before, {was}.")
    said += [f"{subject}, no longer: {in_sentence(adjustment_words(rule, names[0]))}." for rule in gone]
    if _without(after, came) != _without(before, went):
        said.append(f"{subject}: the adjustments stand in another order, in which they are applied.")
    return said


def _without(rules: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """The rules that the others do not hold, or not as often."""
    left, found = list(others), []
    for rule in rules:
        if rule in left:
            left.remove(rule)
        else:
            found.append(rule)
    return found


def component_is_new(component: Component, title: str) -> str:
    """Returns that a component is new, with what it is paid from."""
    said = f"The {in_sentence(title)} component is new"
    if component.basis.is_of_incentive:
        goal = number(component.target.default, component.unit)
        return f"{said}, with a weight of {number(component.weight, 'share')} and a goal of {goal}."
    return f"{said}, beside the weights: {in_sentence(_basis_sentence(component))}."


def component_is_dropped(component: Component, title: str) -> str:
    """Returns that a component is dropped, with what it was paid from."""
    said = f"The {in_sentence(title)} component is dropped"
    if component.basis.is_of_incentive:
        return f"{said}; its weight was {number(component.weight, 'share')}."
    return f"{said}; it had {paid_from(component)}."


def goal_by(change: Change) -> list[str] | None:
    """Returns what changed in a goal by a name; one that was or is not there is the goal for everyone."""
    if any(value is not None and not isinstance(value, int | float) for value in (change.before, change.after)):
        return None
    name = change.place.path.rsplit(".", 1)[-1]
    noun = f"the {change.place.title} goal for {name}"
    if change.before is None or change.after is None:
        return [capitalised(f"{noun} is {change.words[1]} instead of {change.words[0]}.")]
    return [_moves(noun, change)]


def _moves(noun: str, change: Change) -> str:
    verb = "rises" if change.after > change.before else "falls"
    return capitalised(f"{noun} {verb} from {change.words[0]} to {change.words[1]}.")


def _both(change: Change) -> tuple[Component, Component]:
    assert change.place.components is not None
    return change.place.components


def _is_first(change: Change, model: str, fields: Sequence[str]) -> bool:
    """Whether a change is the first of those fields that differ, which tells of all of them."""
    old, new = (getattr(component, model) for component in _both(change))
    return change.field == next(name for name in fields if getattr(old, name) != getattr(new, name))


def _metric(change: Change) -> list[str]:
    """By what people call the metrics, or by their names where that is the same."""
    old, new = (METRICS[one.metric].title if one.metric in METRICS else one.metric for one in _both(change))
    words = (old, new) if old != new else change.words
    return [capitalised(f"{in_sentence(words[1])} is measured instead of {in_sentence(words[0])}.")]


# ---- goals and attainment ----------------------------------------------------------------------------------------


def _goal(change: Change) -> list[str] | None:
    was, now = (goal_words(component) for component in _both(change))
    return None if was == now else [f"The {change.place.title} goal is now {now}; before, {was}."]


def _ramp(change: Change) -> list[str]:
    now, was = (
        listed([number(share, "share") for share in shares]) or "the whole" for shares in (change.after, change.before)
    )
    return [f"In their first months, the {change.place.title} goal asks {now} of new people; before, {was}."]


def _ramp_day(change: Change) -> list[str]:
    was, now = (ordinal(day) for day in (change.before, change.after))
    return [
        capitalised(f"{change.place.title} ramps from the month of the hire up to its {now} day instead of its {was}.")
    ]


_ATTAINMENT = ("kind", "floor", "scores", "edge", "rounded_to")


def _attainment(change: Change) -> list[str] | None:
    """One sentence where more than the floor or the rounding changed, at the first field that did."""
    old, new = _both(change)
    if old.attainment.kind not in ATTAINED or new.attainment.kind not in ATTAINED:
        return None
    if not _is_first(change, "attainment", _ATTAINMENT):
        return []
    is_floor_alone = old.attainment.model_copy(update={"floor": new.attainment.floor}) == new.attainment
    if is_floor_alone:
        return [_moves(f"the {change.place.title} floor", change)]
    was, now = attainment_words(old), attainment_words(new)
    if was == now:
        return None
    return [capitalised(f"{change.place.title} attainment is measured {now} instead of {was}.")]


# ---- what is paid ------------------------------------------------------------------------------------------------


def _basis_sentence(component: Component) -> str:
    sentences = (basis_words(component), curve_sentence(component) if component.basis.kind == "rate" else None)
    first, *more = [*filter(None, sentences)] or [f"Pays {paid_from(component)}"]
    return "; ".join([first, *(in_sentence(sentence) for sentence in more)])


def _basis(change: Change) -> list[str] | None:
    if not _is_first(change, "basis", ("kind", "rate", "over", "rounded_to", "amount", "shared")):
        return []
    was, now = (in_sentence(_basis_sentence(component)) for component in _both(change))
    return None if was == now else [capitalised(f"{change.place.title} now: {now}. Before: {was}.")]


_CURVE = ("kind", "points", "bands", "beyond", "below", "edge")


def _is_plain(change: Change) -> bool:
    """Whether both curves are straight lines that pay nothing, or what they begin with, below their first point."""
    curves = [component.curve for component in _both(change)]
    return all(curve.kind == "linear" and curve.below != "extend" and curve.edge is None for curve in curves)


def _curve(change: Change) -> list[str] | None:
    """One sentence of the whole curve, at the first field that changed; none where a rate's sentence holds it."""
    old, new = _both(change)
    if old.basis != new.basis and old.basis.kind == new.basis.kind == "rate":
        return []
    if not _is_first(change, "curve", _CURVE):
        return []
    was, now = (curve_sentence(component) or _basis_sentence(component) for component in _both(change))
    if was == now:
        return None
    return [capitalised(f"{change.place.title} now: {in_sentence(now)}. Before: {in_sentence(was)}.")]


def _points(change: Change) -> list[str] | None:
    if not _is_plain(change):
        return _curve(change)
    said = [
        listed([f"{factor_words(factor)} at {number(at, 'share')} attained" for at, factor in points])
        for points in (change.after, change.before)
    ]
    return [capitalised(f"{change.place.title} now pays {said[0]}; before, {said[1]}.")]


def _beyond(change: Change) -> list[str] | None:
    if not _is_plain(change):
        return _curve(change)
    old, new = _both(change)
    if has_cap(old) == has_cap(new):
        return None
    capped = f"is now capped at {factor_words(new.curve.points[-1][1])}"
    return [capitalised(f"{change.place.title} {capped if has_cap(new) else 'now pays without a cap'}.")]


def _below(change: Change) -> list[str] | None:
    if not _is_plain(change):
        return _curve(change)
    curves = [component.curve for component in _both(change)]
    pays = [factor_words(curve.points[0][1]) if curve.below == "hold" else "nothing" for curve in curves]
    if pays[0] == pays[1]:
        return None
    at = number(curves[1].points[0][0], "share")
    return [f"Below {at} attained, {change.place.title} now pays {pays[1]} instead of {pays[0]}."]


def _may_fall(change: Change) -> list[str]:
    is_allowed = "may now" if change.after else "may no longer"
    return [capitalised(f"{change.place.title} {is_allowed} pay less for a better result.")]


def _roles(change: Change) -> list[str]:
    was, now = (roles_words(roles) if roles else "every role" for roles in (change.before, change.after))
    return [capitalised(f"{change.place.title} is for {now} instead of {was}.")]


def _to_date(change: Change) -> list[str]:
    said = [
        f"the year so far against {value_words(how, change.place.pattern)}" if how else "each period alone"
        for how in (change.after, change.before)
    ]
    return [capitalised(f"{change.place.title} is paid on {said[0]} instead of {said[1]}.")]


def _saying(sentence: str) -> Callable[[Change], list[str]]:
    """A sentence of a component, with its title, the name that the path ends in and both values."""
    return lambda change: [
        capitalised(
            sentence.format(title=change.place.title, name=change.place.path.rsplit(".", 1)[-1], instead=change.instead)
        )
    ]


def _moving(noun: str) -> Callable[[Change], list[str]]:
    return lambda change: [_moves(noun.format(title=change.place.title), change)]


OWN: dict[str, Callable[[Change], list[str] | None]] = {
    "name": _saying("The {title} component has the name {instead}."),
    "metric": _metric,
    "form": _saying("{title} is taken as {instead}."),
    "weight": _moving("the {title} weight"),
    "level.default": _saying("{title} is taken on {instead}."),
    "level.by_role.*": _saying("For the role {name}, {title} is taken on {instead}."),
    "target.default": _moving("the {title} goal"),
    "target.cases": _goal,
    "target.yearly": _saying("The {title} goal is {instead}."),
    "target.ramp": _ramp,
    "target.ramp_month_until": _ramp_day,
    **{f"attainment.{name}": _attainment for name in _ATTAINMENT},
    **{f"basis.{name}": _basis for name in ("kind", "rate", "over", "rounded_to", "amount", "shared")},
    **{f"curve.{name}": _curve for name in _CURVE},
    "curve.points": _points,
    "curve.beyond": _beyond,
    "curve.below": _below,
    "curve.may_fall": _may_fall,
    "roles": _roles,
    "to_date": _to_date,
    "baseline": _saying("{title} is measured as {instead}."),
    "combined": _saying("The months of {title} are {instead}."),
    "unit_figure": _saying("{title} of a team or more is {instead}."),
    "annualised": _saying("{title} is {instead}."),
}
"""The sentences of a change in a component, by its path there; others are said by their field's description."""
