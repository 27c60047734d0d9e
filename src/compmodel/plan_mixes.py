"""Plans between two plans: some groups of fields of the one, the rest of the other, as a change of pay is walked.

Every field that can change pay is in one group. Components are the same where they measure by the same metric; what a
component of one plan alone holds comes and goes with it. A mix that is no valid plan (weights of other components, a
goal below the other plan's floor) is never paid: its groups are taken together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from itertools import combinations
from typing import Any, NamedTuple

from compmodel.errors import CompModelError, PlanError
from compmodel.plan import Plan, parsed_plan

Reasons = tuple[str, ...]
MEASURES = "measures"


class Group(NamedTuple):
    """Fields that change together: of a component, of the plan, and of the plan's pay."""

    component: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    pay: tuple[str, ...] = ()


GROUPS: dict[str, Group] = {
    MEASURES: Group(("form", "qualifies", "roles")),
    "weights": Group(("weight", "basis"), ("weights_total",)),
    "targets": Group(("target",)),
    "attainment rule": Group(("attainment", "annualised")),
    "curve": Group(("curve",)),
    "credit dates": Group(plan=("credit_on",)),
    "baseline": Group(("baseline", "combined", "to_date")),
    "level": Group(("level", "unit_figure")),
    "books": Group(plan=("books",)),
    "what events count as": Group(plan=("events",)),
    "currency": Group(plan=("exchange",), pay=("currency",)),
    "adjustments": Group(("adjustments",), ("adjustments",)),
    "pay rules": Group(
        pay=("period", "rounding", "rounded_to", "rounded_at", "proration", "month_day", "mix", "on_last_day")
    ),
}
"""Reasons for a change of pay, in the order in which they are taken. Measures: also components added and dropped."""
MOST_GROUPS = 8
"""Reasons that every order is taken of: 256 plans to pay."""
MOST_DIFFERING = 10


def like_named(before: Plan, after: Plan) -> Plan:
    """Returns the later plan with its components named as those of the same metric in the earlier, none other so."""
    left = {component.name: component.metric for component in before.components}
    names: dict[str, str] = {}
    for component in after.components:
        if left.get(component.name) == component.metric:
            names[component.name] = component.name
            del left[component.name]
    for component in after.components:
        same = [name for name, metric in left.items() if metric == component.metric]
        if component.name not in names and same:
            names[component.name] = same[0]
            del left[same[0]]
    taken = {component.name for component in before.components}
    for component in after.components:
        name = component.name
        while component.name not in names and name in {*taken, *names.values()}:
            name += "_other"
        names.setdefault(component.name, name)
    written = _written(after)
    for component in written["components"]:
        component["name"] = names[component["name"]]
        _rename(component.get("adjustments", []), names)
    _rename(written.get("adjustments", []), names)
    return parsed_plan(written, f"plan {after.name}")


def _rename(at: Any, names: dict[str, str]) -> None:
    """Renames the components that adjustments look at, in place."""
    for part in at if isinstance(at, list) else at.values():
        if isinstance(part, list | dict):
            _rename(part, names)
    if isinstance(at, dict) and at.get("component") in names:
        at["component"] = names[at["component"]]


def _written(plan: Plan) -> dict[str, Any]:
    written: dict[str, Any] = plan.model_dump(mode="json", exclude_unset=True)
    return written


def differing_groups(before: Plan, after: Plan) -> Reasons:
    """Returns the groups in which two plans differ, names apart, the later one named by `like_named`.

    >>> from compmodel.plan import example_plan
    >>> other = example_plan().replace({"components.nrr.target": 1.10, "credit_on.churn": "notice_on"})
    >>> differing_groups(example_plan(), other)
    ('targets', 'credit dates')
    """
    news = {component.name: component for component in after.components}
    pairs = [(old, news[old.name]) for old in before.components if old.name in news]
    found = []
    for reason, group in GROUPS.items():
        sides: list[tuple[Any, Any, tuple[str, ...]]] = [(*pair, group.component) for pair in pairs]
        sides += [(before, after, group.plan), (before.pay, after.pay, group.pay)]
        differs = any(getattr(old, name) != getattr(new, name) for old, new, names in sides for name in names)
        others = reason == MEASURES and [c.name for c in before.components] != list(news)
        if differs or others:
            found.append(reason)
    return tuple(found)


def mixed_plan(before: Plan, after: Plan, reasons: Collection[str]) -> Plan:
    """Returns the earlier plan with these groups of the later one, named by `like_named`; raises PlanError if invalid.

    Identity and open decisions are the earlier plan's.
    """
    old, new = _written(before), _written(after)
    written = {**old, "pay": dict(old["pay"])}
    of_old, of_new = ({part["name"]: part for part in side["components"]} for side in (old, new))
    parts = []
    for name, part in (of_new if MEASURES in reasons else of_old).items():
        is_shared = name in of_old and name in of_new
        parts.append(dict(of_old[name]) if is_shared else part)
        for reason in reasons if is_shared else ():
            _take(GROUPS[reason].component, parts[-1], of_new[name])
    written["components"] = parts
    for reason in reasons:
        _take(GROUPS[reason].plan, written, new)
        _take(GROUPS[reason].pay, written["pay"], new["pay"])
    return parsed_plan(written, f"plan {before.name} with other {', '.join(reasons)}")


def _take(names: Iterable[str], to: dict[str, Any], other: dict[str, Any]) -> None:
    for name in names:
        to.pop(name, None)
        to |= {name: other[name]} if name in other else {}


def _is_valid(before: Plan, after: Plan, reasons: Collection[str]) -> bool:
    with suppress(PlanError):
        mixed_plan(before, after, reasons)
        return True
    return False


def stated_steps(before: Plan, after: Plan) -> list[Reasons]:
    """Returns the groups that differ in the stated order, a step each; joint where a plan between would be invalid."""
    rest, done = list(differing_groups(before, after)), list[str]()
    steps: list[Reasons] = []
    while rest:
        first, *later = rest
        joint = next(
            (first, *more)
            for n in range(len(rest))
            for more in combinations(later, n)
            if len(more) == len(later) or _is_valid(before, after, [*done, first, *more])
        )
        steps.append(joint)
        done += joint
        rest = [reason for reason in rest if reason not in joint]
    return steps


def free_steps(before: Plan, after: Plan) -> list[Reasons]:
    """Returns the groups that differ such that any choice of them is a valid plan; joint where they need each other.

    The same whichever of the two plans is the earlier one. Raises CompModelError for more than eight.
    """
    reasons = differing_groups(before, after)
    blocks = [1 << i for i in range(len(reasons))]
    if len(reasons) <= MOST_DIFFERING:
        named = [[r for i, r in enumerate(reasons) if mix >> i & 1] for mix in range(1 << len(reasons))]
        valid = [_is_valid(before, after, mix) for mix in named]
        blocks = _free_blocks(blocks, valid)
    if len(blocks) > MOST_GROUPS:
        fix = 'Take them in the stated order, order="stated", or compare with a plan in between.'
        raise CompModelError(
            f"{before.title} and {after.title} differ in {len(blocks)} ways ({', '.join(reasons)}), and of more than "
            f"{MOST_GROUPS} not every order can be taken. {fix}"
        )
    return [tuple(r for i, r in enumerate(reasons) if block >> i & 1) for block in blocks]


def _free_blocks(blocks: list[int], valid: Sequence[bool]) -> list[int]:
    """Blocks of groups, as bits, joined until every union of them is valid.

    Two are joined where, of an invalid mix, one alone and the other (maybe with more) would each mend it, by being
    changed or left: what does not depend on the side that a mix is seen from.
    """
    while True:
        every = [sum(some) for n in range(len(blocks) + 1) for some in combinations(blocks, n)]
        invalid = [mix for mix in every if not valid[mix]]
        if not invalid:
            return sorted(blocks, key=lambda block: block & -block)
        joined = list(blocks)
        for mix in invalid:
            mends: list[int] = []
            for n in (1, 2, 3):
                for some in map(sum, combinations(blocks, n)):
                    if valid[mix ^ some] and not any(some & known == known for known in mends):
                        mends.append(some)
            if any(mend in blocks for mend in mends):
                together = [block for block in joined if any(block & mend for mend in mends)]
                joined = [block for block in joined if block not in together] + [sum(together)]
        blocks = joined if len(joined) < len(blocks) else [sum(blocks)]
