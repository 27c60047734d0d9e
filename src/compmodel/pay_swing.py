"""Individual or team targets: how much chance swings pay, how much of one's own work reaches it, what a move does.

Each question replays the plan with its retention components measured on the person's own book, on the team, and half
each; roles that the plan names a level for, such as leads, keep it.

Currently implemented: pay_swing, pay_for_retained, account_move.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.account_sums import account_sums, sums_of_rows
from compmodel.compare import SMALLEST_TEAM, Answer, Comparison, people_labels, refuse_few_draws
from compmodel.components import Component
from compmodel.errors import CompModelError, nearest
from compmodel.luck import retained_component
from compmodel.metrics import METRICS, Sums
from compmodel.other_values import cents_of_values
from compmodel.paying_parts import parts_of_people
from compmodel.plan import Plan
from compmodel.replay import Replay, people_of, replay
from compmodel.resampling import block_weights, blocks_of, drawn_books, drawn_cents
from compmodel.style import count_words, percent, short_money, signed_money
from compmodel.tables import History
from compmodel.values import values

TARGETS: dict[str, object] = {
    "individual": "individual",
    "blended": {"individual": 0.5, "team": 0.5},
    "team": "team",
}
"""Targets compared: a level, or shares of levels."""
RETAINED = ("nrr", "nrr_bridge", "renewal_nrr")
CAPPED = ("grr", "grr_of_totals", "renewal_rate")
"""Metrics that retained ARR adds to, without end or up to all there was."""


def replays_by_target(comparison: Comparison, plan: str = "") -> dict[str, Replay]:
    """Returns a replay of a plan (the baseline unless named) on individual, blended and team targets.

    Raises CompModelError for an unknown plan or one that measures no retention.
    """
    names = [of.name for of in comparison.plans]
    if plan and plan not in names:
        raise CompModelError(f"{plan!r} is not one of the plans compared. {nearest(plan, names)}")
    run = next(of for of in comparison.replays if of.plan.name == (plan or comparison.baseline))
    retained_component(run.plan)
    found = [_with_level(run.plan, level) for level in TARGETS.values()]
    span = f"{run.periods[0].name}:{run.periods[-1].name}"
    return dict(zip(TARGETS, replay(found, run.history, span), strict=True))


def _with_level(plan: Plan, level: object) -> Plan:
    changes: dict[str, object] = {}
    for component in plan.components:
        if component.metric in METRICS:
            rule = {"default": level, "by_role": dict(component.level.by_role)}
            changes[f"components.{component.name}.level"] = rule
            changes[f"components.{component.name}.unit_figure"] = "ratio_of_sums"
    return plan.replace(changes)


def _asked(run: Replay) -> npt.NDArray[np.bool_]:
    """The rows paid of people whose level is asked about: those of roles that the plan names no level for."""
    named = {role for of in run.plan.components if of.metric in METRICS for role in of.level.by_role}
    found: npt.NDArray[np.bool_] = ~run.stage.people["role"].isin(named).to_numpy()
    if not found.any():
        raise CompModelError(f"{run.plan.title} names a level for every role on the plan, so there is none to choose.")
    return found


def _refuse_telling(comparison: Comparison, run: Replay, asked: npt.NDArray[np.bool_]) -> None:
    """Raises CompModelError where means of these rows would tell one person's pay to who knows only aliases."""
    n_people = run.stage.people["payee_id"][asked].nunique()
    if comparison.names == "aliases" and n_people < SMALLEST_TEAM:
        who = count_words(n_people, "person", "people")
        raise CompModelError(f"The mean pay of {who} would tell whose it is. Ask with names shown.")


def pay_swing(comparison: Comparison, plan: str = "", n_draws: int = 512, seed: int = 0) -> Answer:
    """Returns how much chance swings a period's pay on individual, blended and team targets.

    Swing: the standard deviation of a person's pay of a period over resampled histories, the same for all targets, as
    a share of the target incentive of the period; its root mean square over people and periods.
    Table: one row a target ("individual", "blended", "team"); target, swing_share, relative (to individual targets),
    pay (mean of a person's period as it happened, reporting currency). Raises CompModelError for fewer than two draws,
    beside aliases for fewer than five people, and as `replays_by_target` does.
    """
    refuse_few_draws(n_draws, least=2)
    runs, rows = replays_by_target(comparison, plan), []
    sums = {
        target: [(i, account_sums(run, of)) for i, of in enumerate(run.plan.components) if of.metric in METRICS]
        for target, run in runs.items()
    }
    first = runs["individual"]
    books = drawn_books(first, [of for found in sums.values() for _, of in found])
    sizes, asked = _incentives(first), _asked(first)
    _refuse_telling(comparison, first, asked & (sizes > 0))
    kept = asked & (sizes > 0)
    for target, run in runs.items():
        swing = np.zeros(len(sizes))
        for some, part in parts_of_people(run):
            mine = sums[target]
            if len(some) < len(sizes):
                mine = [(i, sums_of_rows(of, some)) for i, of in mine]
            pay = np.zeros((n_draws, len(some)))
            for draws in blocks_of(n_draws):
                for at, weights in block_weights(books, len(run.history.accounts), draws, seed):
                    pay[draws[at]] = drawn_cents(part, mine, weights) / 100
            mine_kept = kept[some]
            swing[some[mine_kept]] = pay[:, mine_kept].std(axis=0)
        share = swing[kept] / sizes[kept]
        actual = cents_of_values(run, run.stage.results.value[None])[0, kept].mean() / 100
        rows.append(
            {"target": target, "swing_share": float(np.sqrt((share**2).mean())), "pay": round(float(actual), 2)}
        )
    table = pd.DataFrame(rows)
    alone = table["swing_share"].iloc[0]
    table.insert(2, "relative", table["swing_share"] / alone if alone > 0 else np.nan)
    return Answer(_swing_sentence(table, comparison.period_word), table)


def _incentives(run: Replay) -> Sums:
    """Target incentive of each row paid, in the reporting currency."""
    people, per_year = run.stage.people, 12 / run.periods[0].months
    rate = run.stage.rates.stack()
    of = pd.MultiIndex.from_arrays([people["period"], people["currency"]])
    yearly = people["cent_days"] / people["n_days"] / 100
    found: Sums = (yearly / per_year).to_numpy() * rate.reindex(of).to_numpy()
    return found


def _swing_sentence(table: pd.DataFrame, period: str) -> str:
    alone, blended, team = table["swing_share"]
    if not alone > 0:
        return "Chance does not swing pay: no customer's year reaches it."
    first = f"On individual targets luck typically moves a {period}'s pay up or down by {percent(alone)} of its target"
    first += " incentive"
    return f"{first}. On team targets pay would swing {_times(team / alone)}, blended {_times(blended / alone)}."


def _times(share: float) -> str:
    for near, words in (
        (1.0, "as much"),
        (0.5, "half as much"),
        (2 / 3, "two thirds as much"),
        (1 / 3, "a third as much"),
    ):
        if abs(share - near) < 0.03:
            return words
    return f"{percent(share)} as much"


def pay_for_retained(comparison: Comparison, plan: str = "", extra: float = 10_000.0) -> Answer:
    """Returns how much of an extra amount of ARR that one person retains in a period moves that person's own pay.

    Each person and period by itself, where they really stood. Table: one row a target; target, own_pay (mean of the
    extra pay, reporting currency), share (of the extra), relative (to individual targets), nothing_share (of people's
    periods in which the extra pays nothing). Raises CompModelError for an extra that is no amount above 0, beside
    aliases for fewer than five people, and as `replays_by_target` does.
    """
    if not 0 < extra < np.inf:
        raise CompModelError(f"extra is {extra:g}, but must be an amount above 0, and finite. Write extra=10_000.")
    rows, runs = [], replays_by_target(comparison, plan)
    _refuse_telling(comparison, runs["individual"], _asked(runs["individual"]))
    for target, run in runs.items():
        value = run.stage.results.value
        more = np.stack([value, _with_extra(run, extra)])
        pay, changed = cents_of_values(run, more)[:, _asked(run)] / 100
        moved = changed - pay
        rows.append({"target": target, "own_pay": moved.mean(), "share": moved.mean() / extra})
        rows[-1]["nothing_share"] = float((moved == 0).mean())
    table = pd.DataFrame(rows)
    alone = table["own_pay"].iloc[0]
    table.insert(3, "relative", table["own_pay"] / alone if alone > 0 else np.nan)
    own, blended, team = (short_money(of) for of in table["own_pay"])
    sentence = (
        f"Of {short_money(extra)} {comparison.currency} more that one person retains in a {comparison.period_word}, "
        f"{own} {comparison.currency} reaches that "
    )
    sentence += f"person's pay on individual targets, {blended} blended and {team} on team targets"
    gone = 1 - table["relative"].iloc[-1]
    rest = f": {percent(gone)} of the reason to retain it is gone." if gone > 0.01 else "."
    return Answer(sentence + rest, table.round({"own_pay": 2}))


def _with_extra(run: Replay, extra: float) -> Sums:
    """The values measured had each person retained so much more, everybody else as they were: rows x components."""
    people = people_of(run.plan, run.history, run.periods, run.stage.rates)
    paid, found = np.flatnonzero((people["proration"] > 0).to_numpy()), run.stage.results.value.copy()
    for i, component in enumerate(run.plan.components):
        if component.metric in (*RETAINED, *CAPPED):
            ratios = run.measurements[run.measurements["component"] == component.name]
            found[:, i] = values(_more(ratios, component, extra), len(people))[paid]
    return found


def _more(ratios: pd.DataFrame, component: Component, extra: float) -> pd.DataFrame:
    """The ratios with the extra in each one's last window."""
    above, below = (ratios[name].to_numpy() for name in ("numerator", "denominator"))
    is_last = ~ratios.duplicated(["row", "level"], keep="last").to_numpy()
    if component.unit_figure == "mean_of_ratios":
        is_last &= (ratios["unit_id"] == ratios["payee_id"]).to_numpy()
    most = np.maximum(above, below) if component.metric in CAPPED else np.inf
    return ratios.assign(numerator=np.where(is_last, np.minimum(above + extra, most), above))


def account_move(history: History, plan: Plan, account_id: str, to_payee: str, on: str, periods: str) -> Answer:
    """Returns what everybody would have been paid had an account gone to another payee on a day, and stayed there.

    It names people and an account: it is for this machine's screen. Table: one row a person whose pay changes, or who
    gives or takes the account, and period; payee_id, person, team, period, part ("gives", "takes" or ""), pay_before,
    pay, change (reporting currency). Raises CompModelError for an unknown account or payee, a day that is none, and a
    payee who has the account already.
    """
    moved, givers = _moved(history, plan, account_id, to_payee, on)
    (before,), (after,) = replay([plan], history, periods), replay([plan], moved, periods)
    labels = people_labels(before, "shown")
    columns = {}
    for name, run in (("pay_before", before), ("pay", after)):
        cents = (run.payouts["cost"] * 100).round().astype(np.int64)
        columns[name] = cents.groupby([run.payouts["payee_id"], run.payouts["period"]]).sum()
    table = pd.DataFrame(columns).fillna(0).astype(np.int64).reset_index()
    table["change"] = table["pay"] - table["pay_before"]
    part = {to_payee: "takes"} | dict.fromkeys(givers, "gives")
    table["part"] = table["payee_id"].map(part).fillna("")
    changed = table.groupby("payee_id")["change"].transform(lambda of: (of != 0).any())
    table = table[changed | (table["part"] != "")].merge(labels, on="payee_id", how="left", validate="m:1")
    sums = table.groupby("part")["change"].sum() / 100
    table[["pay_before", "pay", "change"]] /= 100
    columns_shown = ["payee_id", "person", "team", "period", "part", "pay_before", "pay", "change"]
    table = table.sort_values(["part", "person", "period"], ascending=[False, True, True], ignore_index=True)
    names = dict(zip(table["payee_id"], table["person"], strict=True))
    gives = " and ".join(names.get(of, of) for of in givers) or "nobody"
    currency = history.settings.reporting_currency
    sentence = f"Had {account_id} gone from {gives} to {names.get(to_payee, to_payee)} on {on}, "
    sentence += f"pay would change by {signed_money(sums.get('gives', 0.0))} {currency} for who gives it, "
    sentence += f"{signed_money(sums.get('takes', 0.0))} for who takes it"
    others = sums.get("", 0.0)
    return Answer(
        sentence + (f" and {signed_money(others)} for all others." if "" in sums else "."), table[columns_shown]
    )


def _moved(history: History, plan: Plan, account_id: str, to_payee: str, on: str) -> tuple[History, list[str]]:
    """The history with the account at another payee from a day on, and who had it."""
    try:
        day = pd.Timestamp(dt.date.fromisoformat(on))
    except ValueError:
        raise CompModelError(f"{on!r} is no day. Write it as 2025-04-01.") from None
    known = {"account": history.accounts["account_id"], "payee": history.payees["payee_id"]}
    for what, name in (("account", account_id), ("payee", to_payee)):
        if name not in set(known[what]):
            raise CompModelError(f"{name!r} is no {what} of this history. {nearest(name, list(known[what].unique()))}")
    spans = history.assignments
    mine = (spans["account_id"] == account_id) & ~spans["role"].isin(list(plan.books.double_credit))
    ends = spans["ends_on"]
    held = mine & (spans["starts_on"] <= day) & ~(ends < day)
    givers = sorted(set(spans.loc[held, "payee_id"]))
    if givers == [to_payee] and not (mine & (spans["starts_on"] > day)).any():
        raise CompModelError(f"{to_payee} has {account_id} on {on} already. Choose another payee or an earlier day.")
    kept = spans[~mine | (spans["starts_on"] < day)]
    kept = kept.assign(ends_on=kept["ends_on"].where(~held.reindex(kept.index), day - pd.Timedelta(days=1)))
    fresh = {"account_id": account_id, "payee_id": to_payee, "starts_on": day, "split": 1.0, "reason": "moved"}
    fresh["role"] = spans.loc[held, "role"].iloc[0] if held.any() else None
    added = pd.DataFrame([fresh]).reindex(columns=spans.columns)
    added = added.astype({name: spans[name].dtype for name in spans.columns})
    order = pd.concat([kept, added], ignore_index=True)
    keys = ["account_id", "payee_id", "starts_on"]
    assignments = order.sort_values(keys, kind="stable", ignore_index=True)
    return replace(history, assignments=assignments), [of for of in givers if of != to_payee]
