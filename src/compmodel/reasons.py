"""Why pay changes between two plans: each payee's change split into reasons that add up to it, to the cent.

In the stated order the baseline becomes the other plan one group of fields after another, and each plan in between is
paid; a reason is what its step moves, so it depends on the steps before. The Shapley split is its average over every
order: what a reason moves whatever is taken first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import factorial
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.compare import SMALLEST_TEAM, Answer, Comparison
from compmodel.component_words import component_titles
from compmodel.errors import CompModelError, nearest
from compmodel.payouts import payouts
from compmodel.plan import Plan
from compmodel.plan_changes import plan_changes
from compmodel.plan_mixes import Reasons, free_steps, like_named, mixed_plan, stated_steps
from compmodel.replay import Ledgers, Replay, measures_alike, replays
from compmodel.style import short_money, signed_money, statement_money
from compmodel.wording import in_sentence, listed

Order = Literal["stated", "shapley"]
EVERYONE, TOTAL = "Everyone", "total"
WORTH_SAYING = 0.5
"""Below it an amount is said as 0 where cents are not."""
KEYS = ["payee_id", "period"]
Cents = npt.NDArray[np.int64]


class Split(NamedTuple):
    """One plan's change against the baseline: the steps, what each changes in words, and its cents.

    `cents` has a row a payee and period of `keys`, a column a step; `before` are the baseline's cents.
    """

    steps: list[Reasons]
    words: list[str]
    keys: pd.MultiIndex
    before: Cents
    cents: Cents


def pay_change_reasons(comparison: Comparison, order: Order = "stated", person: str = "") -> Answer:
    """Returns why pay differs from the baseline: the change of everyone and of each person split into reasons.

    Reasons are taken in the `stated` order, which the sentence names, or as the average over all orders (`shapley`).
    Table: one row a plan (but the baseline), person and reason, and their total; plan, title, person ("Everyone"
    first), team, reason, before (pay when it is its turn), change, after (reporting currency, whole cents), differs
    (what the plans do otherwise). Beside aliases of everyone alone: a person's parts would tell the target.
    Raises CompModelError for an unknown order or person, more than eight reasons in every order, and beside aliases for
    a person or fewer than five people.
    """
    if order not in get_args(Order):
        raise CompModelError(f"{order!r} is no order of reasons. {nearest(order, get_args(Order))}")
    _refuse_telling(comparison, person)
    frames, sentences = [], []
    for plan in comparison.others:
        split = change_split(comparison, plan, order)
        table = _table(comparison, plan, split)
        mine = table[table["person"] == (person or EVERYONE)]
        frames.append(mine if person or comparison.names == "aliases" else table)
        sentences.append(_sentence(comparison, plan, mine))
        if order == "stated" and len(split.steps) > 1:
            sentences.append(f"Taken in this order: {', '.join(map(reason_name, split.steps))}.")
        elif len(split.steps) > 1:
            sentences.append("Each reason is its average over all orders.")
    columns = ["plan", "title", "person", "team", "reason", "before", "change", "after", "differs"]
    alone = f"{comparison.plans[0].title} is the only plan; a second one makes a comparison."
    table = pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
    return Answer(" ".join(sentences) or alone, table)


def _refuse_telling(comparison: Comparison, person: str) -> None:
    people = comparison.labels["person"].tolist()
    if comparison.names == "aliases" and person:
        raise CompModelError("Beside aliases a person's reasons would tell the target. Ask with names shown.")
    if comparison.names == "aliases" and len(people) < SMALLEST_TEAM:
        raise CompModelError(f"Reasons of {len(people)} would tell whose they are. Ask with names shown.")
    if person and person not in people:
        raise CompModelError(f"{person!r} is not paid in these periods. {nearest(person, people)}")


def reason_name(step: Reasons) -> str:
    """Returns what a step is called, joint groups together."""
    return listed(step)


def change_split(comparison: Comparison, plan: Plan, order: Order = "stated") -> Split:
    """Returns the change of pay from the baseline to a plan by payee, period and reason, in whole cents."""
    runs = {run.plan.name: run for run in comparison.replays}
    base, other = runs[comparison.baseline], runs[plan.name]
    before, after = base.plan, like_named(base.plan, plan)
    steps = (stated_steps if order == "stated" else free_steps)(before, after)
    n = len(steps)
    mixes = [tuple(range(i)) for i in range(n + 1)] if order == "stated" else _every_mix(n)
    plans = {mix: mixed_plan(before, after, [reason for i in mix for reason in steps[i]]) for mix in mixes}
    between = [mix for mix in mixes if 0 < len(mix) < n]
    paid = dict(zip(between, _paid([plans[mix] for mix in between], [base, other]), strict=True))
    paid |= {(): _cents(base.payouts)} | ({tuple(range(n)): _cents(other.payouts)} if n else {})
    keys = pd.MultiIndex.from_tuples(sorted({key for of in paid.values() for key in of.index}), names=KEYS)
    cents = {mix: of.reindex(keys, fill_value=0).to_numpy() for mix, of in paid.items()}
    changes = plan_changes if comparison.names == "shown" else _untelling_changes
    if order == "stated":
        parts = np.diff(np.column_stack([cents[mix] for mix in mixes]), axis=1)
        words = [changes(plans[mixes[i]], plans[mixes[i + 1]]) for i in range(n)]
    else:
        parts = shapley_cents(cents, n)
        words = [changes(plans[()], plans[(i,)]) for i in range(n)]
    return Split(steps, [" ".join(said) for said in words], keys, cents[()], parts)


def _untelling_changes(before: Plan, after: Plan) -> list[str]:
    """What changed, with goals of single payees only as that there are others."""
    old, new = _without_payees(before), _without_payees(after)
    said = plan_changes(old, new)
    goals = [{c.name: [x for x in c.target.cases if x.payee_id] for c in plan.components} for plan in (before, after)]
    titles = dict(zip(goals[1], component_titles(after), strict=True))
    own = [title for name, title in titles.items() if goals[1][name] != goals[0].get(name, [])]
    return said + [f"The {in_sentence(title)} goals of single people are others." for title in own]


def _without_payees(plan: Plan) -> Plan:
    """A plan without goals of single payees, only to be told of: questions open about goals are left out, too."""
    kept = []
    for part in plan.components:
        cases = tuple(case for case in part.target.cases if not case.payee_id)
        kept.append(part.model_copy(update={"target": part.target.model_copy(update={"cases": cases})}))
    open_ = tuple(one for one in plan.open_decisions if ".target.cases." not in one.field)
    return plan.model_copy(update={"components": tuple(kept), "open_decisions": open_})


def _every_mix(n: int) -> list[tuple[int, ...]]:
    return [tuple(i for i in range(n) if mix >> i & 1) for mix in range(1 << n)]


def shapley_cents(cents: Mapping[tuple[int, ...], Cents], n: int) -> Cents:
    """Returns each reason's average over all orders, whole cents by largest remainder, so that rows add up.

    `cents` holds what each choice of n reasons pays, rows alike. Parts are cut towards 0 and the cents left go to those
    that lost most, so the other direction gives the same parts with the other sign.

    Source: Shapley, A value for n-person games (1953).

    >>> paid = {(): np.array([0]), (0,): np.array([100]), (1,): np.array([50]), (0, 1): np.array([251])}
    >>> shapley_cents(paid, 2).tolist()
    [[151, 100]]
    """
    whole = factorial(n)
    total = np.zeros((len(cents[()]), n), dtype=np.int64)
    for mix, of in cents.items():
        for i in range(n):
            if i not in mix:
                orders = factorial(len(mix)) * factorial(n - len(mix) - 1)
                total[:, i] += orders * (cents[tuple(sorted((*mix, i)))] - of)
    parts: Cents = np.sign(total) * (np.abs(total) // whole)
    lost = total - parts * whole
    left = lost.sum(axis=1) // whole
    rank = np.argsort(np.argsort(-lost * np.sign(left)[:, None], axis=1, kind="stable"), axis=1, kind="stable")
    parts += np.sign(left)[:, None] * (rank < np.abs(left)[:, None])
    return parts


def _paid(plans: Sequence[Plan], known: Sequence[Replay]) -> list[pd.Series]:
    """What plans pay in cents; those that measure alike are paid from one replay."""
    found: dict[int, pd.Series] = {}
    runs = list(known)
    ledgers: Ledgers | None = None
    while len(found) < len(plans):
        if not runs:
            span = f"{known[0].periods[0].name}:{known[0].periods[-1].name}"
            ledgers = ledgers or Ledgers(known[0].history, span)
            runs = list(replays([plans[next(i for i in range(len(plans)) if i not in found)]], ledgers))
        run = runs.pop()
        alike = [i for i, plan in enumerate(plans) if i not in found and measures_alike(run.plan, plan)]
        found |= {i: _cents(_payouts(run, plans[i])) for i in alike}
    return [found[i] for i in range(len(plans))]


def _payouts(run: Replay, plan: Plan) -> pd.DataFrame:
    stage = run.stage
    taken = partial(stage.recovered, plan)
    return payouts(plan, stage.people, stage.results, run.periods, stage.rates, taken)


def _cents(paid: pd.DataFrame) -> pd.Series:
    cents = np.rint(paid["cost"] * 100).astype(np.int64)
    found: pd.Series = cents.groupby([paid[name] for name in KEYS]).sum()
    return found


def _table(comparison: Comparison, plan: Plan, split: Split) -> pd.DataFrame:
    """Everyone's reasons and each person's, with the running pay before and after each."""
    cents = pd.DataFrame(np.column_stack([split.before, split.cents]), index=split.keys)
    people = cents.groupby("payee_id").sum()
    labels = comparison.labels.set_index("payee_id").reindex(people.index)
    rows = [(EVERYONE, "", people.sum().tolist())]
    order = np.argsort(labels["person"].to_numpy(dtype=str), kind="stable")
    named = list(zip(labels["person"], labels["team"], people.to_numpy().tolist(), strict=True))
    rows += [named[i] for i in order]
    frames = []
    reasons = [*map(reason_name, split.steps), TOTAL]
    for person, team, (base, *parts) in rows:
        running = np.cumsum([base, *parts])
        frame = pd.DataFrame({"reason": reasons, "before": [*running[:-1], base], "change": [*parts, sum(parts)]})
        frames.append(frame.assign(person=person, team=team, after=frame["before"] + frame["change"]))
    table = pd.concat(frames, ignore_index=True)
    amounts = table[["before", "change", "after"]] / 100
    differs = [*split.words, ""] * len(rows)
    return table.assign(**amounts, plan=plan.name, title=plan.title, differs=differs)


def _sentence(comparison: Comparison, plan: Plan, mine: pd.DataFrame) -> str:
    who, base = mine["person"].iloc[0], comparison.plans[0].title
    *parts, whole = zip(mine["reason"], mine["change"].tolist(), strict=True)
    change = whole[1]
    moved = sorted((part for part in parts if part[1]), key=lambda part: -abs(part[1]))
    if who == EVERYONE:
        costs = f"{_money(change)} {'more' if change > 0 else 'less'} than" if change else "the same as"
        said = f"{plan.title} costs {costs} {base}"
    else:
        gets = f"{_money(change)} {'more' if change > 0 else 'less'} under" if change else "the same under"
        said = f"{who} gets {gets} {plan.title} {'than' if change else 'as'} under {base}"
    if not moved:
        return f"{said}; the plans {'differ in names alone' if not parts else 'pay alike on this history'}."
    along = [part for part in moved if part[1] * change > 0]
    if not along:
        return f"{said}: {_and_back(moved)}."
    (reason, most), *more = along
    share = "all of it comes" if most == change else "most of it comes" if 2 * most / change > 1 else "the most comes"
    named = more[:1] if share == "the most comes" else []
    against = [part for part in moved if part[1] * change < 0 and abs(part[1]) >= WORTH_SAYING][:1]
    unsaid = change - most - sum(part for _, part in (*named, *against))
    if against and abs(unsaid) > abs(change) / 5:  # what is named must add up to what is said
        return f"{said}: {_each(moved)}."
    said = f"{said}: {share} from {_the(reason)} ({_signed(most)})"
    said += "".join(f", then {_the(name)} ({_signed(part)})" for name, part in named)
    return said + "".join(f"; {short_money(abs(part))} comes back through {_the(name)}" for name, part in against) + "."


def _each(moved: Sequence[tuple[str, float]]) -> str:
    """Parts of a change, the largest first, until what is left is small beside them."""
    sizes = [abs(part) for _, part in moved]
    n = next((k for k in range(1, len(moved)) if sum(sizes[k:]) <= sizes[0] / 10), len(moved))
    said = [f"{_signed(part)} through {_the(name)}" for name, part in moved[:n]]
    return listed(said) + (", the rest is small" if sum(sizes[n:]) >= WORTH_SAYING else "")


def _and_back(moved: Sequence[tuple[str, float]]) -> str:
    """The two largest parts of a change that is none, the one that adds first."""
    ends = sorted(moved[:2], key=lambda part: -part[1])
    return ", ".join(f"{_money(part)} {'more' if part > 0 else 'less'} through {_the(r)}" for r, part in ends)


def _money(amount: float) -> str:
    """The size of an amount, to the cent where it is below a unit."""
    return short_money(abs(amount)) if abs(amount) >= WORTH_SAYING else statement_money(abs(amount))


def _signed(amount: float) -> str:
    return signed_money(amount) if abs(amount) >= WORTH_SAYING else f"{amount:+.2f}"


def _the(reason: str) -> str:
    return reason if reason.startswith("what ") else f"the {reason}"
