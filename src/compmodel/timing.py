"""What the timing of events could earn: the largest extra pay from moving each event by up to so many days.

Only a move into another period changes pay, so each event near an edge is moved just across it, alone, by the dates
that the plan's credit rule looks at; its account is credited, measured and paid anew in every period, so what a book
opens with moves along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from compmodel.compare import SMALLEST_TEAM, Answer, Comparison
from compmodel.credit_dates import AT_RENEWAL, CreditRule, credit_dates
from compmodel.definitions import CREDIT, definition_grid
from compmodel.errors import CompModelError, nearest
from compmodel.pay_otherwise import Payer, Variants, ledgers_otherwise, why_not_otherwise
from compmodel.periods import Period
from compmodel.replay import Ledgers
from compmodel.style import count_words, short_money
from compmodel.switchboard import credit_date_switchboard
from compmodel.tables import UNASSIGNED, History

LATER, SOONER = "later", "sooner"
ONE_DAY = np.timedelta64(1, "D")
MOST_DAYS = 92
"""No move reaches beyond the next quarter."""
DETAILS = ["plan", "title", "person", "team", "event_id", "account_id", "event_type", "credited_on", "moved_to"]
DETAILS += ["days", "direction", "extra_pay", "extra_cost"]
SIZES = ["plan", "title", "at_least", "n_people", "n_moves"]
N_STEPS = 5
LEFT_OUT = "Amounts that fewer than five people reach, or that would tell of fewer than five, are left out."


def gain_from_timing(comparison: Comparison, days: int = 30) -> Answer:
    """Returns the extra pay that moving events by up to so many days would earn the people credited with them.

    Each event is moved alone, just into the period before or after its own, where that is at most `days` away and
    within the periods compared; `extra_pay` is what its payee is paid more over all periods, in the reporting currency,
    of the better direction where both pay; `extra_cost` what all people together are. A move that pays nobody credited
    with the event has no row. Gains of several events do not add up: each is had with all others where they were.

    Table: one row a plan, event and person, the largest gain first; plan, title, person, team, event_id, account_id,
    event_type, credited_on, moved_to, days, direction, extra_pay, extra_cost. Beside aliases: of `moves_by_size`, and
    the sentence tells the largest amount that five people reach instead of the largest gain. Plans that take back by
    clawbacks are left out and named, and those with a pool or budget where there is too much to pay.
    Raises CompModelError where `days` is not a whole number from 1 to 92.
    """
    if not 1 <= days <= MOST_DAYS or days != int(days):
        fix = f"an event is moved by 1 to {MOST_DAYS} days, whole ones. Write 30, for example."
        raise CompModelError(f"days is {days}, but {fix}")
    days = int(days)
    frames, n_near, said = [], {}, []
    moved: dict[str, tuple[_Moves, Ledgers]] = {}
    for run in comparison.replays:
        key = run.plan.credit_on.model_dump_json()
        if key not in moved:
            found = _moves(run.history, run.plan.credit_on, days, run.periods)
            span = f"{run.periods[0].name}:{run.periods[-1].name}"
            moved[key] = found, ledgers_otherwise(run.history, found.variants, span)
        if why := why_not_otherwise(run, len(moved[key][0].facts)):
            said.append(f"{run.plan.title} is left out: {why}.")
            continue
        payer = Payer(run)
        n_near[run.plan.name] = moved[key][0].facts["event_id"].nunique()
        frames.append(_gains(payer, *moved[key]).assign(plan=run.plan.name, title=run.plan.title))
    if not frames:
        return Answer(" ".join(said), pd.DataFrame(columns=DETAILS))
    table = pd.concat(frames, ignore_index=True).merge(comparison.labels, on="payee_id", how="inner")
    order = {run.plan.name: n for n, run in enumerate(comparison.replays)}
    table["order"] = table["plan"].map(order)
    keys = ["order", "extra_pay", "event_id", "person"]
    table = table.sort_values(keys, ascending=[True, False, True, True], ignore_index=True)
    if comparison.names == "shown":
        return Answer(" ".join([_said(comparison, table, n_near, days), *said]), table[DETAILS])
    sizes = moves_by_size(table, SMALLEST_TEAM)
    said = [_said(comparison, table, n_near, days, sizes), *said]
    if len(sizes) < len(moves_by_size(table, 1)):
        said.append(LEFT_OUT)
    return Answer(" ".join(said), sizes)


def moves_by_size(table: pd.DataFrame, fewest: int = 1) -> pd.DataFrame:
    """Returns how many people, by how many moves, could be paid at least so much more, of `gain_from_timing`'s table.

    Grain: one row a plan and amount. Columns: plan, title, at_least (reporting currency; 0 for any gain), n_people,
    n_moves. Amounts are steps of 1, 2 and 5 up to the largest gain of all plans; one that fewer than `fewest`
    people could gain, or so few less than the amount before it that it tells of them, is left out.
    """
    largest = float(table["extra_pay"].max()) if len(table) else 0.0
    steps = [digit * 10.0**n for n in range(-2, 10) for digit in (1, 2, 5)]
    rows = [
        (plan, title, least, *_counts(mine[mine["extra_pay"] >= least]))
        for (plan, title), mine in table.groupby(["plan", "title"], sort=False)
        for least in (0.0, *[step for step in steps if step <= largest][-N_STEPS:])
    ]
    kept: list[tuple[Any, ...]] = []
    for row in rows:
        before = kept[-1][3] if kept and kept[-1][0] == row[0] else None
        if row[3] >= fewest and (before is None or not 0 < before - row[3] < fewest):
            kept.append(row)
    return pd.DataFrame(kept, columns=SIZES)


def _counts(moves: pd.DataFrame) -> tuple[int, int]:
    return moves["person"].nunique(), moves["event_id"].nunique()


def pay_between_quarters(
    comparison: Comparison, others: Mapping[str, Mapping[str, object]] | None = None, plan: str = ""
) -> tuple[Answer, Answer]:
    """Returns the amounts that other credit rules move between quarters, and the pay that they move, of one plan.

    The plan is the baseline unless named, the rules are those of `definition_grid` unless given; the tables are those
    of `credit_date_switchboard`. Raises CompModelError for an unknown plan, PlanError where an event has no such date.
    """
    found = [run.plan.name for run in comparison.replays]
    name = plan or comparison.baseline
    if name not in found:
        raise CompModelError(f"{name!r} is not one of the plans compared. {nearest(name, found)}")
    run = comparison.replays[found.index(name)]
    rules = definition_grid(run.plan, run.history).get(CREDIT, {}) if others is None else others
    if not rules:
        raise CompModelError(f"{run.plan.title} measures no ARR, so no credit date moves its pay. Choose another plan.")
    span = f"{run.periods[0].name}:{run.periods[-1].name}"
    return credit_date_switchboard(run.history, run.plan, rules, span, comparison.names)


class _Moves(NamedTuple):
    """Events moved across an edge: a variant of its account each, and its facts, a row a variant."""

    variants: Variants
    facts: pd.DataFrame


def _moves(history: History, rule: CreditRule, days: int, periods: tuple[Period, ...]) -> _Moves:
    events = history.arr_events
    day = credit_dates(events, rule, history.settings.calendar)["credited_on"].to_numpy(dtype="datetime64[D]")
    starts = np.array([period.starts_on for period in periods], dtype="datetime64[D]")
    ends = np.array([period.ends_on for period in periods], dtype="datetime64[D]")
    position = np.searchsorted(starts, day, "right") - 1
    inside = (position >= 0) & (day <= ends[np.maximum(position, 0)])
    frames = []
    for direction, to in ((LATER, np.minimum(position + 1, len(starts) - 1)), (SOONER, np.maximum(position - 1, 0))):
        target = starts[to] if direction == LATER else ends[to]
        by = (target - day) // ONE_DAY
        near = np.flatnonzero(inside & (to != position) & (np.abs(by) <= days))
        frames.append(pd.DataFrame({"at": near, "days": by[near], "direction": direction}))
    facts = pd.concat(frames, ignore_index=True)
    at = facts["at"].to_numpy()
    facts = facts.assign(
        event_id=events["event_id"].to_numpy()[at],
        account_id=events["account_id"].to_numpy()[at],
        event_type=events["event_type"].to_numpy()[at],
        credited_on=day[at].astype("datetime64[s]"),
        variant=np.arange(len(facts)),
    )
    moved = facts[["account_id", "event_id", "variant", "days"]].rename(columns={"event_id": "moved"})
    rows = events.merge(moved, on="account_id")
    is_it = (rows["event_id"] == rows["moved"]).to_numpy()
    by_days = pd.to_timedelta(rows["days"], unit="D").astype("timedelta64[s]")
    for column, kinds in _dates(rule).items():
        is_kind = rows["event_type"].isin(kinds).to_numpy()
        if AT_RENEWAL in kinds:
            is_kind |= (rows["event_type"] == "expansion").to_numpy() & rows["is_at_renewal"].to_numpy()
        rows[column] = rows[column].where(~(is_it & is_kind), rows[column] + by_days)
    on = credit_dates(rows[is_it], rule, history.settings.calendar)["credited_on"]
    landed = pd.Series(on.to_numpy(), index=rows.loc[is_it, "variant"]).reindex(facts["variant"])
    variants = Variants(facts["account_id"].to_numpy(dtype=object), rows.drop(columns=["moved", "days"]))
    return _Moves(variants, facts.assign(moved_to=landed.to_numpy()))


def _dates(rule: CreditRule) -> dict[str, set[str]]:
    """The dates that the rule looks at, with the types of event whose they are."""
    found: dict[str, set[str]] = {}
    for kind, ways in rule.by_type().items():
        for way in ways:
            for column in (*([way.column] if way.column else []), *way.later_of, *way.earlier_of):
                found.setdefault(column, set()).add(kind)
    return found


def _gains(payer: Payer, moves: _Moves, ledgers: Ledgers) -> pd.DataFrame:
    """What the payees credited with each event would be paid more: the better direction of each, where one pays."""
    changes = payer.changes(ledgers, moves.variants)
    pairs = payer.pairs(changes)
    extra = payer.paid(pairs, changes) - payer.base[pairs["row"]]
    table = pd.DataFrame(
        {"variant": pairs["key"], "payee_id": payer.people["payee_id"].to_numpy()[pairs["row"]], "extra": extra}
    )
    cost = table.groupby("variant")["extra"].sum()
    own = table.groupby(["variant", "payee_id"], as_index=False)["extra"].sum()
    facts = moves.facts.drop(columns="at")
    facts = facts.assign(extra_cost=facts["variant"].map(cost).fillna(0).to_numpy() / 100)
    found = facts.merge(own[own["extra"] > 0], on="variant")
    credited = _credited(payer, moves)
    mine = pd.MultiIndex.from_frame(found[["event_id", "payee_id"]].astype("str")).isin(credited)
    found = found[mine].sort_values(["extra", "direction"], ascending=[False, True], kind="stable")
    found = found.drop_duplicates(["event_id", "payee_id"]).drop(columns="variant")
    return found.assign(extra_pay=found["extra"] / 100).drop(columns="extra")


def _credited(payer: Payer, moves: _Moves) -> pd.MultiIndex:
    """Each event with the people who are credited with it where it is."""
    credits = payer.run.credits[["event_id", "payee_id"]].astype("str").drop_duplicates()
    credits = credits[(credits["payee_id"] != UNASSIGNED) & credits["event_id"].isin(moves.facts["event_id"])]
    return pd.MultiIndex.from_frame(credits)


def _said(
    comparison: Comparison, table: pd.DataFrame, n_near: dict[str, int], days: int, sizes: pd.DataFrame | None = None
) -> str:
    """Which plan can be gamed most, then the others; by `sizes` where one person's gain is not to be told."""
    found = table.assign(at_least=table["extra_pay"]) if sizes is None else sizes
    largest = found.groupby("plan")["at_least"].max().to_dict()
    plans = sorted((p for p in comparison.plans if p.name in n_near), key=lambda plan: -largest.get(plan.name, 0.0))
    parts = []
    for plan in plans:
        mine = table[table["plan"] == plan.name]
        if mine.empty:
            parts.append(f"nothing under {plan.title}")
            continue
        if plan.name not in largest:
            parts.append(f"fewer than five people something under {plan.title}")
            continue
        top, n = mine.iloc[0], mine["event_id"].nunique()
        people = count_words(mine["payee_id"].nunique(), "person", "people")
        all_of_them = short_money(float(mine["extra_pay"].sum()))
        most = f"{short_money(largest[plan.name])} {comparison.currency}"
        if sizes is None:
            first = f"up to {most} more under {plan.title} ({top['event_type']}, {top['direction']})"
        elif largest[plan.name]:
            n_five = int(sizes.loc[sizes["plan"] == plan.name, "n_people"].iloc[-1])
            first = f"{count_words(n_five, 'person', 'people')} {most} or more under {plan.title}"
        else:
            first = f"something under {plan.title}"
        parts.append(
            f"{first}: {n:,} of {n_near[plan.name]:,} events near an edge would pay {people} more, "
            f"{all_of_them} added up one by one"
        )
    if len(comparison.periods) == 1:
        return f"{comparison.periods[0].name} alone has no edge that an event could be moved across."
    return f"Moving one event by up to {count_words(days, 'day')} could earn {'; '.join(parts)}."
