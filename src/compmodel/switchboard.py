"""Which amounts other credit dates move between quarters, and whose pay they move; over all time nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from compmodel.compare import Answer, Names, people_labels
from compmodel.credit_dates import CreditRule, credit_dates
from compmodel.crediting import movements
from compmodel.events import counted
from compmodel.exchange import constant_rates
from compmodel.periods import Period, period_range
from compmodel.plan import Plan
from compmodel.replay import Replay, replay
from compmodel.style import count_words, short_money, signed_money
from compmodel.tables import History

BEFORE, AFTER = "earlier", "later"
"""Quarters outside the periods."""


def credit_date_switchboard(
    history: History, plan: Plan, others: Mapping[str, Mapping[str, object]], periods: str, names: Names = "aliases"
) -> tuple[Answer, Answer]:
    """Returns the amounts that other credit rules move between quarters, and the pay that they move.

    `others` are names and the plan's fields that each changes, such as an option of `definition_grid`.

    First table: one row a rule, event type, quarter under the plan and quarter under the rule ("earlier" and "later"
    are outside the periods): rule, event_type, period_from, period_to, n_events, arr (reporting currency, signed).
    Second table: one row a rule, person and period: rule, person, team, period, pay, plan_pay, change.
    """
    calendar = history.settings.calendar
    span = period_range(periods, calendar)
    rates = constant_rates(history.fx_rates, history.settings, history.arr_events["currency"].unique())
    moved = counted(movements(history.arr_events, rates), plan.events)
    amount = np.where(moved["event_type"] == "renewal", moved["renewed_cents"], moved["arr_cents"])
    own = _quarters(moved, plan.credit_on, span)
    designs = [plan.replace(changes) for changes in others.values()]
    base, *runs = replay([plan, *designs], history, periods)
    labels = people_labels(base, names)
    flows, pays = [], []
    for said, run in zip(others, runs, strict=True):
        table = pd.DataFrame(
            {
                "event_type": moved["event_type"].astype("str"),
                "period_from": own,
                "period_to": _quarters(moved, run.plan.credit_on, span),
                "cents": amount,
            }
        )
        keys = ["event_type", "period_from", "period_to"]
        sums = table.groupby(keys, as_index=False).agg(n_events=("cents", "size"), cents=("cents", "sum"))
        flows.append(sums.assign(rule=said, arr=sums["cents"] / 100).drop(columns="cents"))
        mine, plan_pay = (_by_period(each, labels) for each in (run, base))
        both = pd.DataFrame({"cents": mine, "plan_cents": plan_pay}).fillna(0).reset_index()
        pays.append(both.assign(rule=said).merge(labels, on="payee_id"))
    flow = pd.concat(flows, ignore_index=True)[["rule", "event_type", "period_from", "period_to", "n_events", "arr"]]
    pay = pd.concat(pays, ignore_index=True)
    pay = pay.assign(
        pay=pay["cents"] / 100, plan_pay=pay["plan_cents"] / 100, change=(pay["cents"] - pay["plan_cents"]) / 100
    )
    table = pay[["rule", "person", "team", "period", "pay", "plan_pay", "change"]]
    return Answer(_flow_said(flow, plan), flow), Answer(_pay_said(table, plan), table)


def _quarters(moved: pd.DataFrame, rule: CreditRule, span: tuple[Period, ...]) -> pd.Series:
    days = credit_dates(moved, rule, span[0].calendar)["credited_on"].to_numpy(dtype="datetime64[s]")
    edges = np.array([period.starts_on for period in span] + [span[-1].shift(1).starts_on], dtype="datetime64[s]")
    names = pd.Series([BEFORE, *(period.name for period in span), AFTER], dtype="str")
    return names.take(np.searchsorted(edges, days, "right")).set_axis(moved.index)


def _by_period(run: Replay, labels: pd.DataFrame) -> pd.Series:
    paid = run.payouts[run.payouts["payee_id"].isin(labels["payee_id"])]
    return (paid["cost"] * 100).round().groupby([paid["payee_id"], paid["period"]]).sum()


def _flow_said(flow: pd.DataFrame, plan: Plan) -> str:
    said = []
    for rule, mine in flow.groupby("rule", sort=False):
        moved = mine[mine["period_from"] != mine["period_to"]]
        outside = moved[moved["period_from"].isin([BEFORE, AFTER]) | moved["period_to"].isin([BEFORE, AFTER])]
        quarters = {*flow["period_from"], *flow["period_to"]} - {BEFORE, AFTER}
        span = "these quarters" if len(quarters) > 1 else "this quarter"
        n_moved, n_outside = (int(of["n_events"].sum()) for of in (moved, outside))
        said.append(
            f"Under {rule}, {count_words(n_moved, 'event')} of {int(mine['n_events'].sum()):,} change quarter against "
            f"{plan.title}, {n_outside:,} of them into or out of {span}; over all time each event is credited "
            "once, whichever rule."
        )
    return " ".join(said)


def _pay_said(table: pd.DataFrame, plan: Plan) -> str:
    said = []
    for rule, mine in table.groupby("rule", sort=False):
        cents = (mine["change"] * 100).round()
        whole = cents.groupby(mine["person"]).sum()
        gain, lose = (count_words(int(n), "person", "people") for n in ((whole > 0).sum(), (whole < 0).sum()))
        size, sum_of_all = short_money(cents.abs().sum() / 100), signed_money(whole.sum() / 100)
        against = f"{gain} get more than under {plan.title} and {lose} less, {sum_of_all} in all"
        if mine["period"].nunique() == 1:
            said.append(f"Under {rule}, {size} of pay changes in {mine['period'].iloc[0]}: {against}.")
            continue
        net = short_money(whole.abs().sum() / 100)
        said.append(
            f"Under {rule}, {size} of pay shifts, counted in each quarter by itself; {net} of it moves from or to "
            f"people, the rest only between a person's own quarters. The same events meet other goals and holders in "
            f"other quarters, so over all of these quarters {against}."
        )
    return " ".join(said)
