"""What moving an event could earn, against a replay of the history with the event moved."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest

import compmodel as cm
from compmodel import pay_otherwise
from compmodel.compare import SMALLEST_TEAM
from compmodel.credit_dates import AT_RENEWAL
from compmodel.plan import example_plan
from compmodel.style import count_words, short_money
from compmodel.timing import DETAILS, LEFT_OUT, SIZES, gain_from_timing, moves_by_size, pay_between_quarters
from histories import Company, counted, employed, event, held

SPAN = "2025Q1:2025Q3"


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves_signing.yaml")
    return cm.compare(cm.replay(plans, sample, SPAN), "thirds", "shown")


@pytest.fixture(scope="module")
def answer(comparison: cm.Comparison) -> cm.Answer:
    return gain_from_timing(comparison)


def total_cents(run: cm.Replay) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in run.payouts.itertuples():
        found[row.payee_id] = found.get(row.payee_id, 0) + round(row.cost * 100)
    return found


def dates_looked_at(run: cm.Replay, one: pd.Series) -> list[str]:
    """The dates that the plan's credit rule names for one event."""
    ways = run.plan.credit_on.by_type()
    at_renewal = AT_RENEWAL in ways and one["event_type"] == "expansion" and one["is_at_renewal"]
    kind = AT_RENEWAL if at_renewal else one["event_type"]
    return sorted({c for way in ways[kind] for c in ([way.column] if way.column else [*way.later_of, *way.earlier_of])})


def test_extra_pay_is_that_of_a_replay_with_the_event_moved(comparison: cm.Comparison, answer: cm.Answer) -> None:
    payee_of = dict(zip(comparison.labels["person"], comparison.labels["payee_id"], strict=True))
    for run in comparison.replays:
        was = total_cents(run)
        mine = answer.table[answer.table["plan"] == run.plan.name]
        for i in (0, 1, len(mine) // 3, len(mine) // 2):
            row = mine.iloc[i]
            events = run.history.arr_events.copy()
            at = events.index[events["event_id"] == row["event_id"]][0]
            for column in dates_looked_at(run, events.loc[at]):
                events.loc[at, column] += pd.Timedelta(days=int(row["days"]))
            history = dataclasses.replace(run.history, arr_events=events)
            (truth,) = cm.replay([run.plan], history, SPAN)
            now = total_cents(truth)
            payee = payee_of[row["person"]]
            assert now[payee] - was[payee] == round(row["extra_pay"] * 100)
            assert sum(now.values()) - sum(was.values()) == round(row["extra_cost"] * 100)
            landed = truth.credits.loc[truth.credits["event_id"] == row["event_id"], "credited_on"].iloc[0]
            assert landed == row["moved_to"]


def small_company() -> Company:
    """Two quarters of 100,000: an expansion on the second day of the second, a KPI nobody needs."""
    events = [
        event("e0", "a", "new", 100_000, "2024-01-01"),
        event("e1", "a", "expansion", 12_000, "2025-02-03"),
        event("e2", "a", "expansion", 14_000, "2025-03-20"),
    ]
    return Company(events, [held("a", "p")], [employed("p")], [counted(1, "2025-01-28", payee_id="p")])


def compared(curve: str = "hold", floor: float = 1.0) -> cm.Comparison:
    plan = example_plan().replace(
        {
            "components.nrr.weight": 1.0,
            "components.kpi.weight": 0.0,
            "components.nrr.curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": curve},
            "components.nrr.attainment": {"kind": "from_floor", "floor": floor},
        }
    )
    return cm.compare(cm.replay([plan], small_company().history(), "2025Q1:2025Q2"), "", "shown")


def test_a_cap_makes_a_move_worth_it_by_hand() -> None:
    """126% is capped at 115% and pays 10,000; 14,000 kept for April pays 14/112 of 15 points there, 8,333.33."""
    (row,) = gain_from_timing(compared()).table.itertuples()
    # First quarter 112%: 8,000. Second: 14/112 = 12.5 points of 15: 8,333.33. Together 16,333.33 against 10,000.
    assert (row.event_id, row.direction, row.days) == ("e2", "later", 12)
    assert row.extra_pay == 6333.33
    assert str(row.moved_to.date()) == "2025-04-01"


def test_without_a_cap_the_same_move_loses() -> None:
    """126% pays 17,333.33 where it is not capped, more than 8,000 and 8,333.33: opening ARR has moved along."""
    answer = gain_from_timing(compared("extend"))
    assert answer.table.empty
    assert "nothing under" in answer.sentence


@pytest.mark.parametrize(("days", "n"), [(11, 0), (12, 1)])
def test_an_event_moves_no_further_than_its_days(days: int, n: int) -> None:
    assert len(gain_from_timing(compared(), days).table) == n


def test_more_days_earn_no_less(comparison: cm.Comparison, answer: cm.Answer) -> None:
    few = gain_from_timing(comparison, days=5).table
    assert (few["days"].abs() <= 5).all()
    for plan, mine in few.groupby("plan"):
        assert mine["extra_pay"].max() <= answer.table[answer.table["plan"] == plan]["extra_pay"].max()
    known = answer.table.set_index(["plan", "person", "event_id"])["extra_pay"]
    at = pd.MultiIndex.from_frame(few[["plan", "person", "event_id"]])
    assert (known.reindex(at).to_numpy() >= few["extra_pay"].to_numpy()).all()


def test_columns_are_those_documented(answer: cm.Answer) -> None:
    assert list(answer.table.columns) == DETAILS
    assert ", ".join(DETAILS) in " ".join(str(gain_from_timing.__doc__).split())
    written = re.sub(r" \([^)]*\)", "", " ".join(str(moves_by_size.__doc__).split()))
    assert ", ".join(SIZES) in written


def test_beside_aliases_only_counts_are_shown(comparison: cm.Comparison, answer: cm.Answer) -> None:
    hidden = gain_from_timing(cm.compare(comparison.replays, comparison.baseline))
    assert hidden.sentence.endswith(LEFT_OUT)
    for plan, mine in hidden.table.groupby("title"):
        last, all_of = mine.iloc[-1], answer.table[answer.table["title"] == plan]
        people, most = count_words(int(last["n_people"]), "person", "people"), short_money(last["at_least"])
        assert f"{people} {most} USD or more under {plan}: " in hidden.sentence
        assert f"{short_money(all_of['extra_pay'].sum())} added up one by one" in hidden.sentence
        assert f"up to {short_money(all_of['extra_pay'].max())} USD more under {plan}" in answer.sentence
        assert short_money(all_of["extra_pay"].max()) not in hidden.sentence
    assert not re.search(r"\((\w+), (later|sooner)\)", hidden.sentence), "whose event it is"
    assert list(hidden.table.columns) == SIZES
    pd.testing.assert_frame_equal(hidden.table, moves_by_size(answer.table, SMALLEST_TEAM))
    for _, mine in hidden.table.groupby("plan"):
        between = -mine["n_people"].diff().dropna()
        assert (mine["n_people"] >= SMALLEST_TEAM).all()
        assert ((between == 0) | (between >= SMALLEST_TEAM)).all(), "a band between two amounts tells of few people too"
    for row in hidden.table.itertuples():
        mine = answer.table[(answer.table["plan"] == row.plan) & (answer.table["extra_pay"] >= row.at_least)]
        assert (row.n_people, row.n_moves) == (mine["person"].nunique(), mine["event_id"].nunique())


def test_beside_aliases_what_fewer_than_five_could_gain_is_not_said() -> None:
    hidden = gain_from_timing(cm.compare(compared().replays))
    title = compared().plans[0].title
    said = f"Moving one event by up to 30 days could earn fewer than five people something under {title}."
    assert hidden.sentence == f"{said} {LEFT_OUT}"
    assert hidden.table.empty


@pytest.mark.parametrize("days", [0, -3, 93, 1.5, float("nan"), float("inf")])
def test_days_that_are_none_are_refused(days: float) -> None:
    with pytest.raises(cm.CompModelError, match="an event is moved by 1 to 92 days"):
        gain_from_timing(compared(), days)  # type: ignore[arg-type]


def test_one_quarter_has_no_edge() -> None:
    plan = example_plan()
    alone = cm.compare(cm.replay([plan], small_company().history(), "2025Q1"), "", "shown")
    assert gain_from_timing(alone).sentence == "2025Q1 alone has no edge that an event could be moved across."


def test_pay_between_quarters_is_the_switchboards(comparison: cm.Comparison) -> None:
    signed = {"signature": {"credit_on.expansion": "signed_on"}}
    flow, pay = pay_between_quarters(comparison, signed)
    assert set(flow.table["rule"]) == {"signature"}
    base = total_cents(comparison.replays[0])
    sums = (pay.table["plan_pay"] * 100).round().groupby(pay.table["person"]).sum()
    payee_of = dict(zip(comparison.labels["person"], comparison.labels["payee_id"], strict=True))
    assert {payee_of[person]: int(cents) for person, cents in sums.items()} == base
    with pytest.raises(cm.CompModelError, match="is not one of the plans compared"):
        pay_between_quarters(comparison, signed, plan="fourths")


@pytest.mark.slow
def test_a_plan_with_a_budget_is_paid_again_whole(comparison: cm.Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a move earns one is taken from the others where all of a budget is paid, as a replay says."""
    (halves,), history = cm.load_plans("data/plans/halves.yaml"), comparison.replays[0].history
    budgeted = halves.replace({"adjustments": [{"kind": "budget", "amount": 60_000}]})
    (run,) = cm.replay([budgeted], history, "2025Q2:2025Q3")
    compared = cm.compare([run], "", "shown")
    answer = gain_from_timing(compared, 4)
    was = total_cents(run)
    payee_of = dict(zip(compared.labels["person"], compared.labels["payee_id"], strict=True))
    assert len(answer.table) > 3
    for _, row in answer.table.iloc[[0, len(answer.table) // 2]].iterrows():
        events = history.arr_events.copy()
        at = events.index[events["event_id"] == row["event_id"]][0]
        for column in dates_looked_at(run, events.loc[at]):
            events.loc[at, column] += pd.Timedelta(days=int(row["days"]))
        moved = dataclasses.replace(history, arr_events=events)
        now = total_cents(cm.replay([run.plan], moved, "2025Q2:2025Q3")[0])
        payee = payee_of[row["person"]]
        assert now[payee] - was[payee] == round(row["extra_pay"] * 100)
        assert sum(now.values()) - sum(was.values()) == round(row["extra_cost"] * 100)
    monkeypatch.setattr(pay_otherwise, "MOST_SHARED", 3)
    assert "Halves is left out: a pool or budget ties one payout to others" in gain_from_timing(compared, 4).sentence
