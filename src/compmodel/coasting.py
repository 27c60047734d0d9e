"""How much of each payout hangs on its largest event, and on which day of the period it was secured.

An event is taken out of the history and the period is paid again; a day is a history that ends with it. Both go through
crediting, measuring and paying, so that splits, caps, thresholds, levels and windows count as they do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import windows
from compmodel.compare import Answer, Comparison
from compmodel.components import KPI
from compmodel.credit_dates import CreditRule, credit_dates
from compmodel.crediting import kpi_credits
from compmodel.errors import CompModelError
from compmodel.measurement import Ledger, measure_kpi, placed, unit_codes, units
from compmodel.metrics import METRICS
from compmodel.pay_otherwise import SUMS, Changes, Payer, Variants, ledgers_otherwise, why_not_otherwise
from compmodel.plan import Plan
from compmodel.replay import Ledgers, Replay
from compmodel.style import count_words, percent
from compmodel.tables import EXCHANGE, History

CANDIDATES = 3
"""Largest gains and largest renewals of a person or unit in a period that are taken out in turn."""
SALES = "sales"
ONE_DAY = np.timedelta64(1, "D")
DETAILS = ["plan", "title", "person", "team", "period", "pay", "event_id", "account_id", "event_type", "sourced_by"]
DETAILS += ["credited_on", "pay_without", "pay_if_sales", "share", "secured_on", "secured_part"]


def pay_by_largest_event(comparison: Comparison, more_than: float = 0.5, secured: float = 1.0) -> Answer:
    """Returns how much of each payout hangs on its largest event, and when in its period it was secured.

    The largest event is the gain without which the period would have paid least; `share` is what it adds over pay.
    `secured_on` is the first day from which pay, by what was credited and counted up to a day, never falls below the
    share `secured` of the payout; later losses may lower it, and then the day is after them. `secured_part` is the part
    of the period gone by then, 0 where the opening book alone paid it. Amounts in the reporting currency.

    `pay_if_sales` is pay without the event where Sales landed it, which is then credited to Sales.

    Table: one row a plan, person and period that was paid; plan, title, person, team, period, pay, event_id,
    account_id, event_type, sourced_by, credited_on, pay_without, pay_if_sales, share, secured_on, secured_part. Beside
    aliases: plan, title, rank, share, secured_part, each column in whole percents and sorted by itself, so that no row
    is a person. Plans that take back by clawbacks are left out and named, and those with a pool or budget where there
    is too much to pay. Of the latter no day is given: what others had by then would have to be paid for each day.
    Raises CompModelError where `secured` is not above 0 and at most 1, or `more_than` is negative or 1 and more.
    """
    for name, given, fits in (("secured", secured, 0 < secured <= 1), ("more_than", more_than, 0 <= more_than < 1)):
        if not fits:
            raise CompModelError(f"{name} is {given:g}, but must be a share of pay. Write 0.5, for example.")
    history = comparison.replays[0].history
    span = f"{comparison.periods[0].name}:{comparison.periods[-1].name}"
    every = [(run, None if why_not_otherwise(run) else Payer(run)) for run in comparison.replays]
    n_events = {run.plan.name: len(np.unique(_candidates(payer))) for run, payer in every if payer}
    why = [why_not_otherwise(run, n_events.get(run.plan.name, 0)) for run, _ in every]
    payers = [payer for (_, payer), of in zip(every, why, strict=True) if payer and not of]
    left_out = [f"{run.plan.title} is left out: {of}." for (run, _), of in zip(every, why, strict=True) if of]
    runs = [payer.run for payer in payers]
    if not runs:
        return Answer(" ".join(left_out), pd.DataFrame(columns=DETAILS))
    events, variants = _without(history, payers)
    ledgers = ledgers_otherwise(history, variants, span)
    cut: dict[str, tuple[_Cuts, Ledgers]] = {}
    frames = []
    for payer in payers:
        rule = payer.plan.credit_on
        if (key := rule.model_dump_json()) not in cut:
            cuts = _cuts(history, rule, payer.run)
            cut[key] = cuts, ledgers_otherwise(history, cuts.variants, span)
        largest = _largest(payer, events, variants, ledgers)
        found = largest.join(_secured(payer, *cut[key], secured))
        of_event = pd.Series(cut[key][0].day, index=history.arr_events["event_id"])
        found["credited_on"] = of_event.reindex(found["event_id"]).to_numpy(dtype="datetime64[s]")
        people = payer.people.take(found.index.to_numpy())
        found = found.assign(payee_id=people["payee_id"].to_numpy(), period=people["period"].to_numpy())
        frames.append(found.assign(plan=payer.plan.name, title=payer.plan.title))
    table = pd.concat(frames, ignore_index=True).merge(comparison.labels, on="payee_id", how="left")
    by_id = history.arr_events.set_index("event_id")
    for name in ("account_id", "event_type", "sourced_by"):
        table[name] = by_id[name].reindex(table["event_id"]).fillna("").to_numpy()
    is_sales = table["sourced_by"] == SALES
    table["pay_if_sales"] = table["pay_without"].where(is_sales, table["pay"])
    said = " ".join(_said(table[table["plan"] == run.plan.name], run.plan, more_than, secured) for run in runs)
    said = " ".join([said, *left_out])
    if comparison.names == "shown":
        return Answer(said, table[DETAILS])
    return Answer(said, _sorted_by_itself(table))


def _without(history: History, payers: list[Payer]) -> tuple[npt.NDArray[np.object_], Variants]:
    """The events that may be somebody's largest, and the histories of their accounts without each."""
    names = np.unique(np.concatenate([_candidates(payer) for payer in payers]))
    events = history.arr_events
    at = pd.Index(events["event_id"]).get_indexer(pd.Index(names))
    account = events["account_id"].to_numpy(dtype=object)[at]
    pairs = pd.DataFrame({"account_id": account, "variant": np.arange(len(names)), "gone": names})
    kept = events.merge(pairs, on="account_id")
    kept = kept[(kept["event_id"] != kept["gone"]).to_numpy()].drop(columns="gone")
    return names, Variants(account, kept.reset_index(drop=True))


def _candidates(payer: Payer) -> npt.NDArray[np.object_]:
    """Events with the largest gain, or that renew most, of each person or unit that is measured, in each period."""
    run, people = payer.run, payer.people
    found = placed(Ledger(run.credits, run.books), people)
    amounts = run.credits["counted_cents"].to_numpy(), run.credits["renewed_cents"].to_numpy()
    names, periods = run.credits["event_id"].to_numpy(dtype=object), run.credits["period"].astype("str").to_numpy()
    is_own = (run.credits["event_type"] != EXCHANGE).to_numpy()
    retained = [component for component in payer.plan.components if component.metric in METRICS]
    levels = {level for c in retained for level, share in c.level.shares(people["role"]).items() if (share > 0).any()}
    levels |= {"individual"} if any(c.unit_figure == "mean_of_ratios" for c in retained) else set()
    largest: list[npt.NDArray[np.object_]] = [np.array([], dtype=object)]
    for level in sorted(levels):
        code = unit_codes(found, units(level, people, run.history.accounts))[1]
        for cents in amounts:
            some = np.flatnonzero((cents > 0) & (code >= 0) & is_own)
            table = pd.DataFrame({"code": code[some], "period": periods[some], "cents": cents[some], "id": names[some]})
            ordered = table.drop_duplicates().sort_values(["cents", "id"], ascending=[False, True])
            largest.append(ordered.groupby(["code", "period"]).head(CANDIDATES)["id"].to_numpy(dtype=object))
    return np.concatenate(largest)


def _largest(payer: Payer, events: npt.NDArray[np.object_], variants: Variants, ledgers: Ledgers) -> pd.DataFrame:
    """Pay, and pay without the event that adds most: a row each row of people that was paid."""
    changes = payer.changes(ledgers, variants)
    own = np.unique(_candidates(payer)) if payer.is_shared else events  # of others' events there may be many
    pairs = payer.measured_otherwise(changes) if payer.is_shared else payer.pairs(changes)
    pairs = pairs[np.isin(events[pairs["key"]], own)]
    credits = payer.run.credits
    in_period = pd.MultiIndex.from_arrays([credits["event_id"], credits["period"].astype("str")])
    period = payer.people["period"].to_numpy()[pairs["row"]]
    is_then = pd.MultiIndex.from_arrays([events[pairs["key"]], period]).isin(in_period)
    pairs = pairs[is_then & (payer.base[pairs["row"]] > 0)].reset_index(drop=True)
    pairs["cents"] = payer.paid(pairs, changes)
    least = pairs.sort_values(["cents", "key"]).drop_duplicates("row").set_index("row")
    rows = np.flatnonzero(payer.is_paid & (payer.base > 0))
    pay, without = payer.base[rows], least["cents"].reindex(rows).to_numpy(dtype=float)
    hangs = without < pay
    name = np.append(events, "")[np.where(hangs, least["key"].reindex(rows).fillna(-1), -1).astype(np.intp)]
    without = np.where(hangs, without, pay)
    columns = {"pay": pay / 100, "event_id": name, "pay_without": without / 100, "share": (pay - without) / pay}
    return pd.DataFrame(columns, index=rows)


class _Cuts(NamedTuple):
    """Accounts as they were before each day on which something of theirs was credited in the periods.

    `day` is the credit date of each event of the history. Of each variant: the position of the `period`, the day it is
    cut before (`upto`) and that from which it holds (`since`): the one of the cut before it, or the period's eve.
    """

    variants: Variants
    day: npt.NDArray[np.datetime64]
    period: npt.NDArray[np.intp]
    since: npt.NDArray[np.datetime64]
    upto: npt.NDArray[np.datetime64]


def _cuts(history: History, rule: CreditRule, run: Replay) -> _Cuts:
    events = history.arr_events
    day = credit_dates(events, rule, history.settings.calendar)["credited_on"].to_numpy(dtype="datetime64[D]")
    starts = np.array([period.starts_on for period in run.periods], dtype="datetime64[D]")
    ends = np.array([period.ends_on for period in run.periods], dtype="datetime64[D]")
    period = np.searchsorted(starts, day, "right") - 1
    inside = (period >= 0) & (day <= ends[np.maximum(period, 0)])
    table = pd.DataFrame({"account_id": events["account_id"].to_numpy(dtype=object), "upto": day, "period": period})
    table = table[inside].drop_duplicates().sort_values(["account_id", "upto"], ignore_index=True)
    before = table.groupby(["account_id", "period"])["upto"].shift().to_numpy(dtype="datetime64[D]")
    eve = starts[table["period"]] - ONE_DAY
    upto = table["upto"].to_numpy(dtype="datetime64[D]")
    pairs = table[["account_id", "upto"]].assign(variant=np.arange(len(table)))
    held = events.assign(_day=day).merge(pairs, on="account_id")
    held = held[(held["_day"] < held["upto"]).to_numpy()].drop(columns=["_day", "upto"]).reset_index(drop=True)
    variants = Variants(table["account_id"].to_numpy(dtype=object), held)
    return _Cuts(variants, day, table["period"].to_numpy(), np.where(np.isnat(before), eve, before), upto)


def _secured(payer: Payer, cuts: _Cuts, ledgers: Ledgers, secured: float) -> pd.DataFrame:
    """The day from which pay never falls below a share of the payout: a row each row of people that was paid."""
    if payer.is_shared:
        rows = np.flatnonzero(payer.is_paid & (payer.base > 0))
        return pd.DataFrame({"secured_on": np.datetime64("NaT", "s"), "secured_part": np.nan}, index=rows)
    periods, people = payer.run.periods, payer.people
    position = pd.Index([period.name for period in periods]).get_indexer(pd.Index(people["period"]))
    starts = np.array([period.starts_on for period in periods], dtype="datetime64[D]")
    ends = np.array([period.ends_on for period in periods], dtype="datetime64[D]")
    asked = np.flatnonzero(payer.is_paid & (payer.base > 0))
    steps = [
        _steps(payer, i, found, cuts, position) if component.metric in METRICS else _kpi_steps(payer, i, position)
        for i, (component, found) in enumerate(
            zip(payer.plan.components, payer.changes(ledgers, cuts.variants), strict=True)
        )
    ]
    frames = [
        pd.DataFrame({"row": ratios["row"].to_numpy()[of["ratio"]], "day": of["day"]})
        for ratios, of in zip(payer.ratios, steps, strict=True)
    ]
    eves = pd.DataFrame({"row": asked, "day": (starts[position[asked]] - ONE_DAY).astype(np.int64)})
    pairs = pd.concat([eves, *frames]).drop_duplicates().sort_values(["row", "day"])
    pairs = pairs[pairs["row"].isin(asked)].reset_index(drop=True).rename_axis("key").reset_index()
    changes = [_on_days(payer, i, of, pairs) for i, of in enumerate(steps)]
    pairs["holds"] = payer.paid(pairs, changes) >= secured * payer.base[pairs["row"]] - 1e-6
    fails = pairs[~pairs["holds"]].groupby("row")["key"].max()
    first = pairs.groupby("row")["key"].min()
    at = np.maximum(fails.reindex(asked).fillna(-1).to_numpy(dtype=np.int64) + 1, first.reindex(asked).to_numpy())
    day = pairs["day"].to_numpy()[at].astype("datetime64[D]")
    begins, length = starts[position[asked]], (ends - starts)[position[asked]] // ONE_DAY + 1
    part = ((day - begins) // ONE_DAY + 1) / length
    on = np.maximum(day, begins).astype("datetime64[s]")
    return pd.DataFrame({"secured_on": on, "secured_part": part}, index=asked)


def _steps(payer: Payer, i: int, found: Changes, cuts: _Cuts, position: npt.NDArray[np.intp]) -> pd.DataFrame:
    """What a ratio's sums lack at the end of each day, against those of its whole period: ratio, day, sums."""
    row = payer.ratios[i]["row"].to_numpy()[found.ratio]
    kept = position[row] == cuts.period[found.key]
    ratio, key, sums = found.ratio[kept], found.key[kept], found.sums[kept]
    days = np.r_[cuts.since[key], cuts.upto[key]].astype(np.int64)
    table = pd.DataFrame(np.r_[sums, -sums], columns=SUMS).assign(ratio=np.r_[ratio, ratio], day=days)
    found_sums = table.groupby(["ratio", "day"])[SUMS].sum()
    return found_sums.groupby("ratio").cumsum().round(9).reset_index()


def _kpi_steps(payer: Payer, i: int, position: npt.NDArray[np.intp]) -> pd.DataFrame:
    """The same of a KPI, from its counts up to each day on which there are some."""
    run, people, component = payer.run, payer.people, payer.plan.components[i]
    over = windows(component.baseline, run.periods)
    name = component.metric.removeprefix(KPI)
    counts = kpi_credits(run.history.kpis, run.history.assignments, name, over)
    day = counts["on"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    at = over.period[counts["window"].to_numpy(dtype=np.intp)]
    days = pd.DataFrame({"period": at, "day": day}).drop_duplicates().sort_values(["period", "day"])
    days["nth"] = days.groupby("period").cumcount() + 1
    nth = days.set_index(["period", "day"])["nth"].reindex(pd.MultiIndex.from_arrays([at, day])).to_numpy()
    starts = np.array([period.starts_on for period in run.periods], dtype="datetime64[D]")
    eves = pd.DataFrame({"period": range(len(starts)), "day": (starts - ONE_DAY).astype(np.int64), "nth": 0})
    days = pd.concat([eves, days])
    levels = component.level.shares(people["role"])
    is_lead = people["role"].isin(component.level.roles_never_alone)
    ratios, frames = payer.ratios[i], []
    for n, of_nth in days.groupby("nth"):
        upto = measure_kpi(counts[nth <= n].reset_index(drop=True), people, levels, is_lead, component.form)
        lacks = upto[SUMS[1:]].to_numpy(dtype=float) - ratios[SUMS[1:]].to_numpy(dtype=float)
        table = pd.DataFrame(lacks, columns=SUMS[1:]).assign(ratio=np.arange(len(ratios)), opening_arr=0.0)
        table["period"] = position[ratios["row"].to_numpy()]
        frames.append(table.merge(of_nth[["period", "day"]], on="period"))
    every = pd.concat(frames, ignore_index=True).sort_values(["ratio", "day"], ignore_index=True)
    return every[["ratio", "day", *SUMS]]


def _on_days(payer: Payer, i: int, steps: pd.DataFrame, pairs: pd.DataFrame) -> Changes:
    """A component's changes for each pair of a row of people and a day, by the pair's key."""
    row = payer.ratios[i]["row"].to_numpy()
    starts = np.searchsorted(row, np.arange(len(payer.people) + 1))
    n = np.diff(starts)[pairs["row"]]
    each = np.repeat(np.arange(len(pairs)), n)
    ratio = np.arange(len(each)) - np.repeat(np.cumsum(n) - n, n) + starts[pairs["row"].to_numpy()[each]]
    if not len(steps):
        return Changes(ratio[:0], each[:0], np.zeros((0, 3)))
    scale = np.int64(1_000_000)  # more days than any calendar has
    known = steps["ratio"].to_numpy() * scale + steps["day"].to_numpy()
    at = np.searchsorted(known, ratio * scale + pairs["day"].to_numpy()[each], "right") - 1
    kept = (at >= 0) & (steps["ratio"].to_numpy()[np.maximum(at, 0)] == ratio)
    sums = steps[SUMS].to_numpy(dtype=float)[at[kept]]
    return Changes(ratio[kept], pairs["key"].to_numpy()[each[kept]], sums)


def _sorted_by_itself(table: pd.DataFrame) -> pd.DataFrame:
    """Shares and parts without whose they are: each column in its own order."""
    frames = []
    for (plan, title), mine in table.groupby(["plan", "title"], sort=False):
        columns = {name: np.sort(mine[name].round(2).to_numpy())[::-1] for name in ("share", "secured_part")}
        frames.append(pd.DataFrame({"plan": plan, "title": title, "rank": np.arange(1, len(mine) + 1), **columns}))
    return pd.concat(frames, ignore_index=True)


def _said(mine: pd.DataFrame, plan: Plan, more_than: float, secured: float) -> str:
    """What the table says of one plan."""
    n = len(mine)
    if not n:
        return f"Under {plan.title} nobody was paid."
    hung, paid = mine[mine["share"] > more_than], "payout" if n == 1 else "payouts"
    people = hung["payee_id"].nunique()
    kinds = set(hung["event_type"])
    what = f"one {kinds.pop()}" if len(kinds) == 1 else "one event"
    size = f"more than {'half' if more_than == 0.5 else percent(more_than)} of a {plan.pay.period}'s pay hung on {what}"
    said = f"Under {plan.title}, {size} for nobody"
    if people:
        said = (
            f"Under {plan.title}, for {count_words(people, 'person', 'people')} {size} ({len(hung):,} of {n:,} {paid})"
        )
    landed = hung[hung["sourced_by"] == SALES]["payee_id"].nunique()
    if landed:
        said += f"; for {count_words(landed, 'person', 'people')} Sales had landed it"
    if mine["secured_part"].isna().all():
        return f"{said}. When payouts were secured is not worked out, as a pool or budget ties them together."
    early = int((mine["secured_part"] <= 0.5).sum())
    to = "" if secured == 1 else f", to {percent(secured)} of {'it' if n == 1 else 'them'},"
    first_half = f"secured in the first half of the {plan.pay.period}"
    if n == 1:
        return f"{said}. The one payout was{to} {'' if early else 'not '}{first_half}."
    some, were = f"{early:,}" if early else "None", "was" if early == 1 else "were"
    return f"{said}. {some} of {n:,} payouts {were}{to} {first_half}."
