"""Regret over futures: factors of 1 change nothing, scaled movements scale the ratios, regret is worked by hand."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel.regret import FUTURES, Future, future_replays, regret, without_largest
from compmodel.style import short_money

SPAN = "2025Q3:2025Q4"


@pytest.fixture(scope="module")
def replays(sample: cm.History) -> list[cm.Replay]:
    return cm.replay(cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml"), sample, SPAN)


@pytest.fixture(scope="module")
def comparison(replays: list[cm.Replay]) -> cm.Comparison:
    return cm.compare(replays, "thirds")


@pytest.fixture(scope="module")
def answer(comparison: cm.Comparison) -> cm.Answer:
    return regret(comparison, FUTURES[:3])


def test_a_future_as_it_was_is_what_was_paid(replays: list[cm.Replay]) -> None:
    plans = [run.plan for run in replays]
    for run, again in zip(replays, future_replays(plans, replays[0].history, SPAN, Future("same")), strict=True):
        pd.testing.assert_frame_equal(again.payouts, run.payouts)


def test_scaled_movements_scale_the_ratio(replays: list[cm.Replay]) -> None:
    """Individual NRR is opening plus gains less losses of the cohort, so half the losses add half of them back."""
    run = replays[1]
    (again,) = future_replays([run.plan], run.history, SPAN, Future("half", expansion=1.5, losses=0.5))
    before, after = (
        of.measurements[(of.measurements["component"] == "nrr") & (of.measurements["level"] == "individual")]
        for of in (run, again)
    )
    credits = run.credits[(run.credits["opening_cents"] > 0) & (run.credits["kind"] == "book")]
    kinds = credits["event_type"].astype(str).map({"expansion": 0.5, "churn": -0.5, "contraction": -0.5}).fillna(0)
    moved = (
        (credits["counted_cents"] * kinds)
        .groupby([credits["payee_id"].astype(str), credits["period"].astype(str)])
        .sum()
    )
    keys = pd.MultiIndex.from_frame(before[["payee_id", "period"]].astype(str))
    expected = before["numerator"].to_numpy() + moved.reindex(keys, fill_value=0).to_numpy() / 100
    np.testing.assert_allclose(after["numerator"].to_numpy(), expected, atol=1)
    np.testing.assert_array_equal(after["denominator"].to_numpy(), before["denominator"].to_numpy())


@pytest.mark.parametrize(
    ("baseline", "losses"),
    [
        ("period_start", 0.5),
        ("period_start", 2.0),
        ("period_start", 4.0),
        ("due_in_period", 0.5),
        ("due_in_period", 2.0),
    ],
)
def test_what_comes_up_for_renewal_stays(replays: list[cm.Replay], baseline: str, losses: float) -> None:
    """What is lost at renewals is so many times as much of the same ARR up for renewal; nobody renews below nothing."""
    changes = {"components.renewals.baseline": baseline, "components.renewals.level": "individual"}
    plan = replays[0].plan.replace(changes)
    (run,) = cm.replay([plan], replays[0].history, SPAN)
    (again,) = future_replays([plan], run.history, SPAN, Future("other", losses=losses))
    before, after = (of.measurements[of.measurements["component"] == "renewals"] for of in (run, again))
    assert (after["numerator"] >= 0).all()
    known = (before["denominator"] > 0).to_numpy() & (after["numerator"] > 0).to_numpy()
    assert known.sum() > 30
    np.testing.assert_allclose(after["denominator"][known], before["denominator"][known], atol=0.02)
    if baseline == "period_start":
        rate, other = (of["numerator"][known] / of["denominator"][known] for of in (before, after))
        np.testing.assert_allclose(other, 1 - losses * (1 - rate), atol=1e-6)
        assert (rate < 1).sum() > 5
        capped = after["numerator"].to_numpy() == 0
        most = 1 - 1 / losses  # who renewed no more than this share renews nothing now
        assert (
            (before["numerator"] / before["denominator"])[capped & (before["denominator"] > 0)] <= most + 1e-6
        ).all()


def test_a_loss_at_renewal_counts_no_further_event(replays: list[cm.Replay]) -> None:
    spiff = {"metric": "qualifying_events", "qualifies": {"event_types": ["renewal"]}, "target": 5.0, "weight": 1.0}
    spiff |= {"name": "renewed", "level": "individual", "attainment": {"kind": "ratio"}}
    spiff |= {"curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"}}
    plan = replays[0].plan.replace({"components": [spiff], "open_decisions": []})
    (run,) = cm.replay([plan], replays[0].history, SPAN)
    (again,) = future_replays([plan], run.history, SPAN, Future("half", losses=0.5))
    pd.testing.assert_frame_equal(again.measurements, run.measurements)


def test_the_largest_customer_leaves(replays: list[cm.Replay]) -> None:
    run = replays[1]
    books = run.books[(run.books["period"] == "2025Q3") & (run.books["kind"] == "book")]
    opening = books.groupby(books["account_id"].astype(str))["opening_cents"].sum()
    (again,) = future_replays([run.plan], run.history, SPAN, Future("lost", loses_largest=True))
    after = again.books[again.books["account_id"].astype(str) == opening.idxmax()]
    assert after.loc[after["period"] == "2025Q3", "opening_cents"].sum() == opening.max()
    assert after.loc[after["period"] == "2025Q3", "closing_cents"].sum() == 0
    assert after.loc[after["period"] == "2025Q4", "opening_cents"].sum() == 0
    others = without_largest(run.plan, run.history, SPAN).arr_events
    kept = run.history.arr_events
    assert len(others[others["account_id"] != opening.idxmax()]) == len(kept[kept["account_id"] != opening.idxmax()])


def test_regret_by_hand(answer: cm.Answer) -> None:
    table = answer.table
    documented = ["plan", "title", "future", "cost", "value", "least", "regret", "largest_regret", "mean_regret"]
    assert list(table) == documented
    assert len(table) == 2 * 3
    for future, rows in table.groupby("future"):
        least = min(rows["cost"])
        assert sorted(rows["regret"]) == sorted(round(cost - least, 2) for cost in rows["cost"]), future
    for plan, rows in table.groupby("plan"):
        assert set(rows["largest_regret"]) == {max(rows["regret"])}, plan
        assert set(rows["mean_regret"]) == {round(sum(rows["regret"]) / 3, 2)}
    ranked = table.drop_duplicates("plan")["largest_regret"].tolist()
    assert all(one <= other for one, other in pairwise(ranked))
    assert answer.sentence.startswith("Over three futures, judged by cost alone: ")
    assert short_money(ranked[-1]) in answer.sentence


def test_more_expansion_and_fewer_losses_cost_no_less(comparison: cm.Comparison, answer: cm.Answer) -> None:
    cost = answer.table.set_index(["plan", "future"])["cost"]
    for plan in ("thirds", "halves"):
        half, same, more = (cost[plan, future.name] for future in (FUTURES[1], FUTURES[0], FUTURES[2]))
        assert half <= same <= more


def test_gap_to_budget(comparison: cm.Comparison, answer: cm.Answer) -> None:
    budget = 420_000.0
    table = regret(comparison, FUTURES[:3], "gap to budget", budget, known=answer.table).table
    assert table["value"].tolist() == [round(abs(cost - budget), 2) for cost in table["cost"]]
    with pytest.raises(cm.CompModelError, match="belong together"):
        regret(comparison, FUTURES[:1], budget=1.0)
    with pytest.raises(cm.CompModelError, match=r"'costs' is no criterion\. Did you mean 'cost'"):
        regret(comparison, FUTURES[:1], "costs")  # type: ignore[arg-type]
    with pytest.raises(cm.CompModelError, match="names of their own"):
        regret(comparison, [FUTURES[0], FUTURES[0]])


def test_a_stop_keeps_whole_futures_and_goes_on(
    comparison: cm.Comparison, answer: cm.Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    regret_module = sys.modules["compmodel.regret"]
    real = future_replays

    def stopped(plans: object, history: object, periods: object, future: Future) -> object:
        asked.append(future.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(plans, history, periods, future)  # type: ignore[arg-type]

    monkeypatch.setattr(regret_module, "future_replays", stopped)
    part = regret(comparison, FUTURES[:3])
    assert part.table["future"].unique().tolist() == [FUTURES[0].name]
    assert part.sentence.endswith(" 1 of 3 futures tried.")
    monkeypatch.setattr(regret_module, "future_replays", real)
    pd.testing.assert_frame_equal(regret(comparison, FUTURES[:3], known=part.table).table, answer.table)


def test_one_plan_has_nothing_to_regret(replays: list[cm.Replay]) -> None:
    answer = regret(cm.compare(replays[:1], "thirds"), FUTURES[:1])
    assert answer.table["regret"].tolist() == [0]
    assert answer.sentence.startswith("Thirds is the only plan")
