"""Pay with other events is what a whole replay of a changed history pays, to the cent."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compmodel.pay_otherwise import Payer, Variants, ledgers_otherwise, pays_alone
from compmodel.plan import Plan, load_plans, parsed_plan
from compmodel.replay import Replay, replay
from compmodel.tables import History
from histories import SPAN, Company, Row, companies, plan_dicts

DATES = ["notice_on", "signed_on", "effective_on", "due_on", "ends_on", "invoiced_on", "paid_on", "closed_on"]


def with_events(history: History, account_id: str, events: pd.DataFrame) -> History:
    """The history with other events of one account."""
    others = history.arr_events[history.arr_events["account_id"] != account_id]
    both = pd.concat([others, events[others.columns]]).sort_values("event_id", ignore_index=True)
    return dataclasses.replace(history, arr_events=both)


def without(history: History, name: str) -> tuple[str, pd.DataFrame]:
    """The account of an event, and its other events."""
    events = history.arr_events
    account_id = events.loc[events["event_id"] == name, "account_id"].iloc[0]
    return account_id, events[(events["account_id"] == account_id) & (events["event_id"] != name)]


def moved(history: History, name: str, days: int) -> tuple[str, pd.DataFrame]:
    """The account of an event, and its events with all dates of that one moved."""
    events = history.arr_events
    account_id = events.loc[events["event_id"] == name, "account_id"].iloc[0]
    mine = events[events["account_id"] == account_id].copy()
    mine.loc[mine["event_id"] == name, DATES] += pd.Timedelta(days=days)
    return account_id, mine


def cents_by_row(payer: Payer, run: Replay) -> np.ndarray:
    """What a run pays each row of the payer's people, added up in plain whole cents."""
    paid: dict[tuple[str, str], int] = {}
    for row in run.payouts.itertuples():
        key = (row.payee_id, row.period)
        paid[key] = paid.get(key, 0) + round(row.cost * 100)
    rows = zip(payer.people["payee_id"], payer.people["period"], strict=True)
    return np.array([paid.get(key, 0) for key in rows])


def assert_same_as_replayed(runs: list[Replay], span: str, changed: list[tuple[str, pd.DataFrame]]) -> int:
    """All variants at once against a replay of each; returns how many payouts any of them changed."""
    events = pd.concat([mine.assign(variant=n) for n, (_, mine) in enumerate(changed)], ignore_index=True)
    variants = Variants(np.array([account for account, _ in changed], dtype=object), events)
    history, plans = runs[0].history, [run.plan for run in runs]
    truths = [replay(plans, with_events(history, *change), span) for change in changed]
    ledgers, n_changed = ledgers_otherwise(history, variants, span), 0
    for run, replayed in zip(runs, zip(*truths, strict=True), strict=True):
        payer = Payer(run)
        changes = payer.changes(ledgers, variants)
        pairs = payer.pairs(changes)
        cents = payer.paid(pairs, changes)
        for n, truth in enumerate(replayed):
            expected, found = cents_by_row(payer, truth), payer.base.copy()
            of_variant = (pairs["key"] == n).to_numpy()
            found[pairs["row"][of_variant]] = cents[of_variant]
            assert found.tolist() == expected.tolist()
            n_changed += int((expected != payer.base).sum())
    return n_changed


def sampled(run: Replay, n: int) -> list[tuple[str, pd.DataFrame]]:
    """Some credited events of a run, by turns left out, moved a quarter on and moved a month back."""
    names = sorted(run.credits["event_id"].unique())
    at = np.linspace(0, len(names) - 1, n).astype(int)
    ways = (without, lambda history, name: moved(history, name, 91), lambda history, name: moved(history, name, -31))
    return [ways[i % 3](run.history, names[k]) for i, k in enumerate(at)]


def test_published_plans_on_the_sample_company(sample: History) -> None:
    names = ["thirds", "halves_signing", "team_80_20", "posthog_2026_10", "rate_on_arr"]
    runs = replay(load_plans(*(f"data/plans/{name}.yaml" for name in names)), sample, "2025Q2:2025Q3")
    assert assert_same_as_replayed(runs, "2025Q2:2025Q3", sampled(runs[0], 6)) > 20


def test_pay_that_carries_over_to_other_periods(sample: History) -> None:
    (plan,) = load_plans("data/plans/halves.yaml")
    draw = {"kind": "draw", "amount": 3000, "recoverable": True}
    later = [{"kind": "holdback", "share": 0.3, "released_after": 1}, {"kind": "minimum", "amount": 900}]
    plans = [plan.replace({"name": f"p{n}", "adjustments": rules}) for n, rules in enumerate(([draw], later))]
    runs = replay(plans, sample, "2025Q2:2025Q4")
    gains = runs[0].credits[(runs[0].credits["event_type"] == "expansion")].sort_values("counted_cents")["event_id"]
    changed = [without(sample, name) for name in gains.iloc[-4:]]
    assert assert_same_as_replayed(runs, "2025Q2:2025Q4", changed) > 2 * len(changed)


@pytest.mark.slow
@settings(max_examples=6)
@given(companies(), plan_dicts(), st.data())
def test_any_plan_on_any_company(company: Company, written: Row, data: st.DataObject) -> None:
    history, plan = company.history(), parsed_plan(written, "drawn")
    runs = replay([plan], history, SPAN)
    names = history.arr_events["event_id"].tolist()
    assume(names)
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    days = data.draw(st.sampled_from([0, -40, -3, 5, 91]))
    changed = [moved(history, name, days) if days else without(history, name) for name in chosen]
    assert_same_as_replayed(runs, SPAN, changed)


def test_nothing_changed_changes_nothing(sample: History) -> None:
    (plan,) = load_plans("data/plans/thirds.yaml")
    run = replay([plan], sample, "2025Q4")[0]
    name = run.credits["event_id"].iloc[0]
    account, events = moved(sample, name, 0)
    variants = Variants(np.array([account], dtype=object), events.assign(variant=0))
    payer = Payer(run)
    changes = payer.changes(ledgers_otherwise(sample, variants, "2025Q4"), variants)
    assert payer.pairs(changes).empty


def test_the_same_pay_is_paid_again(sample: History) -> None:
    """Every row once more without any change, in one world each."""
    (plan,) = load_plans("data/plans/thirds.yaml")
    payer = Payer(replay([plan], sample, "2025Q1:2025Q2")[0])
    rows = np.flatnonzero(payer.is_paid)
    nothing = payer.changes(None, Variants(np.array([], dtype=object), sample.arr_events.iloc[:0]))  # type: ignore[arg-type]
    pairs = pd.DataFrame({"key": np.arange(len(rows)), "row": rows})
    assert payer.paid(pairs, nothing).tolist() == payer.base[rows].tolist()


POOL = {"name": "nrr", "metric": "nrr", "target": 1.1, "attainment": {"kind": "ratio"}}
POOL |= {"basis": {"kind": "pool", "amount": 1000, "shared": "equally"}}
POOL |= {"curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"}, "level": "individual"}


@pytest.mark.parametrize(
    ("changes", "alone"),
    [
        ({}, True),
        ({"adjustments": [{"kind": "guarantee", "share": 0.5}]}, True),
        ({"adjustments": [{"kind": "budget", "amount": 1000}]}, False),
        ({"components.nrr": POOL, "components.kpi.weight": 1.0}, False),
    ],
)
def test_whose_pay_depends_on_others(changes: dict[str, object], alone: bool) -> None:
    (plan,) = load_plans("data/plans/halves.yaml")
    other: Plan = plan.replace(changes)
    assert pays_alone(other) is alone
