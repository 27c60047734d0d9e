"""How much of pay hangs on one event, and when it was secured, against replays of histories without it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel import pay_otherwise
from compmodel.coasting import DETAILS, _said, pay_by_largest_event
from compmodel.credit_dates import credit_dates
from compmodel.event_charts import pay_by_largest_event as pay_by_largest_chart
from compmodel.plan import example_plan
from histories import Company, counted, employed, event, held
from test_pay import part, plan_of

SPAN = "2025Q2:2025Q3"


@pytest.fixture(scope="module")
def few(sample: cm.History) -> cm.History:
    """One team of the sample company, with the accounts it held of late: quick to replay."""
    payees = sample.payees[sample.payees["team"] == "Americas enterprise"]
    mine = sample.assignments[sample.assignments["payee_id"].isin(payees["payee_id"])]
    accounts = mine.loc[~(mine["ends_on"] < pd.Timestamp("2025-04-01")), "account_id"].unique()
    kept = {name: getattr(sample, name) for name in ("accounts", "arr_events", "assignments")}
    kept = {name: table[table["account_id"].isin(accounts)] for name, table in kept.items()}
    kept["assignments"] = kept["assignments"][kept["assignments"]["payee_id"].isin(payees["payee_id"])]
    kept |= {"payees": payees, "kpis": sample.kpis[sample.kpis["payee_id"].isin(payees["payee_id"])]}
    return dataclasses.replace(sample, **{name: table.reset_index(drop=True) for name, table in kept.items()})


@pytest.fixture(scope="module")
def comparison(few: cm.History) -> cm.Comparison:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves_signing.yaml")
    return cm.compare(cm.replay(plans, few, SPAN), "thirds", "shown")


@pytest.fixture(scope="module")
def answer(comparison: cm.Comparison) -> cm.Answer:
    return pay_by_largest_event(comparison)


def paid(run: cm.Replay) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in run.payouts.itertuples():
        found[row.payee_id, row.period] = found.get((row.payee_id, row.period), 0) + round(row.cost * 100)
    return found


def with_payees(comparison: cm.Comparison, table: pd.DataFrame, plan: str) -> pd.DataFrame:
    return table[table["plan"] == plan].merge(comparison.labels[["payee_id", "person"]], on="person")


def test_pay_without_the_event_is_a_replay_without_it(comparison: cm.Comparison, answer: cm.Answer) -> None:
    for run in comparison.replays:
        mine = with_payees(comparison, answer.table, run.plan.name).sort_values("share", kind="stable").iloc[::-1]
        for row in mine[mine["event_id"] != ""].head(4).itertuples():
            events = run.history.arr_events
            history = dataclasses.replace(run.history, arr_events=events[events["event_id"] != row.event_id])
            truth = paid(cm.replay([run.plan], history, SPAN)[0])
            assert truth[row.payee_id, row.period] == round(row.pay_without * 100)
            assert row.share == pytest.approx(1 - row.pay_without / row.pay)


def test_no_other_event_pays_more_of_it(comparison: cm.Comparison, answer: cm.Answer) -> None:
    """Of one person's quarter every event is taken out in turn."""
    run = comparison.replays[1]
    mine = with_payees(comparison, answer.table, run.plan.name)
    own = run.credits[run.credits["payee_id"] == run.credits["payee_id"]].copy()
    own["payee_id"], own["period"] = own["payee_id"].astype(str), own["period"].astype(str)
    n_credits = own.groupby(["payee_id", "period"]).size()
    row = next(r for r in mine.itertuples() if r.event_id and 4 <= n_credits.get((r.payee_id, r.period), 0) <= 9)
    least = row.pay
    for name in own[(own["payee_id"] == row.payee_id) & (own["period"] == row.period)]["event_id"].unique():
        events = run.history.arr_events
        history = dataclasses.replace(run.history, arr_events=events[events["event_id"] != name])
        least = min(least, paid(cm.replay([run.plan], history, SPAN)[0])[row.payee_id, row.period] / 100)
    assert round(least * 100) == round(row.pay_without * 100)


@pytest.mark.slow
def test_the_day_is_found_by_replaying_each_day(few: cm.History) -> None:
    """Each history ends with a day: events credited and counts taken until then, and nothing after."""
    plans = cm.load_plans("data/plans/thirds.yaml")
    compared = cm.compare(cm.replay(plans, few, "2025Q3"), "", "shown")
    table, first, last = pay_by_largest_event(compared).table, dt.date(2025, 7, 1), dt.date(2025, 9, 30)
    for run in compared.replays:
        final = paid(run)
        on = credit_dates(few.arr_events, run.plan.credit_on, few.settings.calendar)["credited_on"]
        of_kpis = set(few.kpis["on"].dt.date)
        days = [first - dt.timedelta(days=1), *sorted(d for d in {*on.dt.date, *of_kpis} if first <= d <= last)]
        secured: dict[str, dt.date] = {}
        for day in days:
            upto = dataclasses.replace(
                few,
                arr_events=few.arr_events[(on <= pd.Timestamp(day)).to_numpy()].reset_index(drop=True),
                kpis=few.kpis[(few.kpis["on"] <= pd.Timestamp(day)).to_numpy()].reset_index(drop=True),
            )
            so_far = paid(cm.replay([run.plan], upto, "2025Q3")[0])
            for (payee, period), cents in final.items():
                if so_far[payee, period] < cents:
                    secured.pop(payee, None)
                else:
                    secured.setdefault(payee, max(day, first))
        mine = with_payees(compared, table, run.plan.name)
        assert dict(zip(mine["payee_id"], mine["secured_on"].dt.date, strict=True)) == {
            payee: secured[payee] for (payee, _), cents in final.items() if cents > 0
        }


def small_company(**of_gain: object) -> Company:
    """100,000 of opening ARR, a gain in February and a loss in March; a customer PR a month."""
    events = [
        event("e0", "a", "new", 100_000, "2024-01-01"),
        event("e1", "a", "expansion", 15_000, "2025-02-10", **of_gain),
        event("e2", "a", "contraction", -3_000, "2025-03-20"),
    ]
    return Company(events, [held("a", "p")], [employed("p")], [counted(1, f"2025-0{n}-28", payee_id="p") for n in (1,)])


def by_hand(company: Company, **options: float) -> cm.Answer:
    plan = example_plan().replace({"components.nrr.weight": 1.0, "components.kpi.weight": 0.0})
    return pay_by_largest_event(cm.compare(cm.replay([plan], company.history(), "2025Q1"), "", "shown"), **options)


def test_a_quarter_worked_by_hand() -> None:
    """NRR 112% between 100% and 115% pays 12/15 of 10,000; without the gain 97% pays nothing. Secured with the loss."""
    answer = by_hand(small_company(sourced_by="sales"))
    (row,) = answer.table.itertuples()
    assert (row.pay, row.pay_without, row.pay_if_sales, row.share) == (8000.0, 0.0, 0.0, 1.0)
    assert (row.event_id, row.credited_on.date()) == ("e1", dt.date(2025, 2, 10))
    # From 10 February on 115% is paid, 8,000 or more.
    assert row.secured_on.date() == dt.date(2025, 2, 10)
    assert row.secured_part == pytest.approx(41 / 90)
    assert "one person more than half of a quarter's pay hung on one expansion (1 of 1 payout)" in answer.sentence
    assert "one person Sales had landed it. The one payout was secured in the first half" in answer.sentence


def test_only_what_sales_landed_is_sales() -> None:
    (row,) = by_hand(small_company(sourced_by="csm")).table.itertuples()
    assert (row.pay_without, row.pay_if_sales) == (0.0, 8000.0)


def test_columns_are_those_documented(answer: cm.Answer) -> None:
    assert list(answer.table.columns) == DETAILS
    written = " ".join(str(pay_by_largest_event.__doc__).split())
    assert ", ".join(DETAILS) in re.sub(r" \([^)]*\)", "", written)


def test_beside_aliases_nobody_and_no_event_is_named(comparison: cm.Comparison, answer: cm.Answer) -> None:
    hidden = pay_by_largest_event(cm.compare(comparison.replays, comparison.baseline))
    assert list(hidden.table.columns) == ["plan", "title", "rank", "share", "secured_part"]
    assert hidden.sentence == answer.sentence
    for plan, mine in answer.table.groupby("plan"):
        other = hidden.table[hidden.table["plan"] == plan]
        for column in ("share", "secured_part"):
            assert sorted(mine[column].round(2)) == sorted(other[column])
            assert other[column].is_monotonic_decreasing


@pytest.mark.parametrize("options", [{"secured": 0.0}, {"secured": 1.2}, {"more_than": 1.0}, {"more_than": -0.1}])
def test_shares_that_are_none_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(cm.CompModelError, match="must be a share of pay"):
        by_hand(small_company(), **options)


POOL = {"name": "nrr", "metric": "nrr", "target": 1.1, "attainment": {"kind": "ratio"}, "level": "individual"}
POOL |= {"basis": {"kind": "pool", "amount": 20_000, "shared": "value"}}
POOL |= {"curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"}}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["budget", "pool"])
def test_plans_that_tie_people_together_are_paid_again_whole(comparison: cm.Comparison, how: str) -> None:
    """What one is paid without an event hangs on what all others are paid without it, as a replay says."""
    (plan,), history = cm.load_plans("data/plans/halves.yaml"), comparison.replays[0].history
    budget, pool = {"adjustments": [{"kind": "budget", "amount": 30_000}]}, {"components.nrr": POOL}
    tied = plan.replace(budget if how == "budget" else pool | {"components.kpi.weight": 1.0})
    (run,) = cm.replay([tied], history, "2025Q3")
    compared = cm.compare([run], "", "shown")
    answer = pay_by_largest_event(compared)
    mine = with_payees(compared, answer.table, run.plan.name).sort_values("share").iloc[::-1]
    (alone,) = cm.replay([plan], history, "2025Q3")
    assert paid(run) != paid(alone)
    for row in mine[mine["event_id"] != ""].head(3).itertuples():
        events = history.arr_events
        without = dataclasses.replace(history, arr_events=events[events["event_id"] != row.event_id])
        truth = paid(cm.replay([run.plan], without, "2025Q3")[0])
        assert truth[row.payee_id, row.period] == round(row.pay_without * 100)
    assert (mine["share"] > 0).any()
    assert mine["secured_on"].isna().all()
    assert "When payouts were secured is not worked out, as a pool or budget ties them together." in answer.sentence
    assert len(pay_by_largest_chart(compared, answer).data)


def test_a_shared_plan_is_paid_without_its_own_largest_events_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of the team's six gains; another plan beside it asks for three of each of its two people."""
    events = [event(f"{of}0", of, "new", 100_000, "2024-01-01") for of in "ab"]
    gains = {"a1": 9000, "a2": 8000, "a3": 7000, "b1": 600, "b2": 500, "b3": 400}
    events += [event(name, name[0], "expansion", gain, "2025-02-10") for name, gain in gains.items()]
    people = [employed(name, team="t") for name in "pq"]
    history = Company(events, [held("a", "p"), held("b", "q")], people).history()
    tied, beside = (
        cm.plan.parsed_plan({**plan_of([part("nrr", 1, metric="nrr", level=level)], rules), "name": level}, level)
        for level, rules in (("team", [{"kind": "budget", "amount": 15_000}]), ("individual", []))
    )
    paid_without: list[set[int]] = []
    real = pay_otherwise.Payer._paid_shared

    def noted(payer: pay_otherwise.Payer, pairs: pd.DataFrame, changes: list[pay_otherwise.Changes]) -> np.ndarray:
        paid_without.append(set(pairs["key"]))
        return real(payer, pairs, changes)

    monkeypatch.setattr(pay_otherwise.Payer, "_paid_shared", noted)
    alone, both = (
        pay_by_largest_event(cm.compare(cm.replay(plans, history, "2025Q1"), "team", "shown")).table
        for plans in ([tied], [tied, beside])
    )
    assert [len(keys) for keys in paid_without] == [3, 3]
    pd.testing.assert_frame_equal(both[both["plan"] == "team"], alone)


def test_plans_that_cannot_be_paid_otherwise_are_named(
    comparison: cm.Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, names = comparison.plans[0], [{"name": name, "title": name} for name in ("clawing", "budgeted")]
    rate = {"name": "rate", "metric": "expansion_arr", "level": "individual", "basis": {"kind": "rate", "rate": 0.01}}
    rate |= {"target": 1.0, "attainment": {"kind": "ratio"}, "curve": POOL["curve"]}
    taken = {"kind": "clawback", "component": "rate", "how": "at_rate_paid"}
    clawback = plan.replace({**names[0], "components": [rate], "adjustments": [taken], "open_decisions": []})
    budget = plan.replace({**names[1], "adjustments": [{"kind": "budget", "amount": 30_000}]})
    alike = plan.replace({"name": "alike", "title": "clawing"})  # told apart by name, not by title
    both = cm.compare(cm.replay([clawback, alike], comparison.replays[0].history, "2025Q3"), "clawing")
    answer = pay_by_largest_event(both)
    assert "clawing is left out: a clawback" in answer.sentence
    assert set(answer.table["plan"]) == {"alike"}
    monkeypatch.setattr(pay_otherwise, "MOST_SHARED", 3)
    answer = pay_by_largest_event(
        cm.compare(cm.replay([clawback, budget], comparison.replays[0].history, "2025Q3"), "clawing")
    )
    assert answer.table.empty
    assert answer.sentence.startswith("clawing is left out: a clawback takes back by other events what one has paid.")
    assert re.search(
        r"budgeted is left out: a pool or budget ties .* be paid again [\d,]+ times, which", answer.sentence
    )


def test_a_lower_share_is_secured_no_later(comparison: cm.Comparison, answer: cm.Answer) -> None:
    half = pay_by_largest_event(comparison, secured=0.5).table
    assert np.all(half["secured_on"].to_numpy() <= answer.table["secured_on"].to_numpy())
    assert (half["secured_on"].to_numpy() < answer.table["secured_on"].to_numpy()).any()


@pytest.mark.parametrize(
    ("shares", "parts", "said"),
    [
        ([0.2], [0.9], "for nobody. The one payout was not secured in the first half of the quarter."),
        ([0.8], [0.1], "(1 of 1 payout). The one payout was secured in the first half of the quarter."),
        ([0.2, 0.2], [0.1, 0.9], "1 of 2 payouts was secured in the first half of the quarter."),
        ([0.2, 0.2], [0.9, 0.9], "None of 2 payouts were secured in the first half of the quarter."),
    ],
)
def test_one_payout_is_said_as_one(shares: list[float], parts: list[float], said: str) -> None:
    table = pd.DataFrame({"payee_id": "p", "share": shares, "secured_part": parts, "event_type": "new"})
    assert _said(table.assign(sourced_by=""), example_plan(), 0.5, 1.0).endswith(said)
