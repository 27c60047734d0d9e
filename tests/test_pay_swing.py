"""Individual or team targets: swings beside replays, what of an extra reaches one's own pay, moves by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import compmodel as cm
from compmodel.chance_charts import pay_for_retained as retained_chart
from compmodel.chance_charts import pay_swing as swing_chart
from compmodel.errors import CompModelError
from compmodel.pay_swing import account_move, pay_for_retained, pay_swing, replays_by_target
from compmodel.plan import example_plan, parsed_plan
from compmodel.replay import replay
from histories import Company, employed, event, held
from test_pay import part, plan_of

ROOT = Path(__file__).resolve().parents[1]
NRR = part("nrr", 1, metric="nrr", target=1.1, attainment={"kind": "from_floor", "floor": 0.9})
PLAN = parsed_plan(plan_of([NRR]), "drawn")
# Two people of one team with a quarter's incentive of 10,000 each; books of 100,000 and 300,000.
TWO = Company(
    arr_events=[event("n1", "a", "new", 100_000, "2024-06-01"), event("n2", "b", "new", 300_000, "2024-06-01")],
    assignments=[held("a", "p"), held("b", "q")],
    payees=[employed("p", team="north"), employed("q", team="north")],
)


@pytest.fixture(scope="module")
def two() -> cm.Comparison:
    return cm.compare(replay([PLAN], TWO.history(), "2025Q1"), names="shown")


def test_what_of_ten_thousand_reaches_ones_own_pay_by_hand(two: cm.Comparison) -> None:
    """A point of NRR is worth 500. 10,000 is 10 points of one book, 3 1/3 of the other, 2.5 of the team."""
    answer = pay_for_retained(two)
    alone, team = (5000 + 10 / 3 * 500) / 2, 1250
    assert answer.table["own_pay"].tolist() == pytest.approx([alone, (alone + team) / 2, team], abs=0.01)
    assert answer.table["nothing_share"].tolist() == [0, 0, 0]
    assert answer.table["share"].iloc[0] == pytest.approx(alone / 10_000, abs=1e-6)
    said = (
        "Of 10k USD more that one person retains in a quarter, 3.3k USD reaches that person's pay on individual targets"
    )
    assert answer.sentence == f"{said}, 2.3k blended and 1.3k on team targets: 63% of the reason to retain it is gone."
    (bars,) = retained_chart(answer, "USD").data
    assert list(bars.x) == answer.table["own_pay"].tolist()


def test_an_extra_beside_a_history_with_it() -> None:
    """Slowly: the same person's account really grows by it."""
    more = event("x", "a", "expansion", 10_000, "2025-02-01")
    grown = TWO.but(arr_events=[*TWO.arr_events, more]).history()
    for level, run in replays_by_target(cm.compare(replay([PLAN], TWO.history(), "2025Q1")), "drawn").items():
        (after,) = replay([run.plan], grown, "2025Q1")
        before, now = (of.payouts.set_index("payee_id")["payout"]["p"] for of in (run, after))
        worth = {"individual": 5000, "blended": 3125, "team": 1250}
        assert now - before == pytest.approx(worth[level])


def test_chance_swings_less_on_team_targets(sample: cm.History) -> None:
    comparison = cm.compare(replay(cm.load_plans(ROOT / "data/plans/halves.yaml"), sample, "2025Q3:2025Q4"))
    answer = pay_swing(comparison, n_draws=200)
    table = answer.table.set_index("target")
    assert table["swing_share"].is_monotonic_decreasing
    assert table.loc["individual", "relative"] == 1
    assert "On team targets pay would swing" in answer.sentence
    (bars,) = swing_chart(answer).data
    assert list(bars.x) == answer.table["swing_share"].tolist()
    run = replays_by_target(comparison)["individual"]
    mine = run.payouts[~run.payouts["payee_id"].isin(sample.payees.loc[sample.payees["role"] == "lead", "payee_id"])]
    mean = mine.groupby(["payee_id", "period"])["cost"].sum().mean()
    assert table.loc["individual", "pay"] == pytest.approx(mean, abs=0.02)


def test_without_chance_nothing_swings(two: cm.Comparison) -> None:
    answer = pay_swing(two, n_draws=20)
    assert answer.sentence == "Chance does not swing pay: no customer's year reaches it."
    assert answer.table["swing_share"].tolist() == [0, 0, 0]
    assert answer.table["relative"].isna().all()


def test_a_move_by_hand() -> None:
    """Before: b loses 60,000 of 300,000 in q's book (80%, nothing paid) and p stays at 100%, 5,000.

    After: p has both, 340,000 of 400,000, which is below the floor; q has no book.
    """
    lost = event("x", "b", "contraction", -60_000, "2025-02-01", ends_on="2025-01-31", notice_on="2025-01-31")
    history = TWO.but(arr_events=[*TWO.arr_events, lost]).history()
    answer = account_move(history, PLAN, "b", "p", "2025-01-01", "2025Q1")
    rows = answer.table.set_index("payee_id")
    assert rows.loc["p", ["part", "pay_before", "pay", "change"]].tolist() == ["takes", 5000, 0, -5000]
    assert rows.loc["q", ["part", "pay_before", "pay", "change"]].tolist() == ["gives", 0, 0, 0]
    said = "Had b gone from q to p on 2025-01-01, pay would change by 0 USD for who gives it, -5.0k for who takes it."
    assert answer.sentence == said


def test_a_move_leaves_what_was_before_the_day(sample: cm.History) -> None:
    (plan,) = cm.load_plans(ROOT / "data/plans/halves.yaml")
    answer = account_move(sample, plan, "A0001", "P07", "2025-10-01", "2025Q3:2025Q4")
    before = answer.table[answer.table["period"] == "2025Q3"]
    assert (before["change"] == 0).all()
    assert set(answer.table["part"]) >= {"gives", "takes"}


@pytest.mark.parametrize("n", [4, 5])
def test_beside_aliases_means_are_of_five_people_or_more(n: int) -> None:
    """Leads, whose level is not asked about, do not count."""
    names = "pqrst"[:n]
    people = [*(employed(name, team="north") for name in names), employed("lead", team="north", role="lead")]
    events = [event(f"n{i}", f"a{i}", "new", 100_000, "2024-06-01") for i in range(n)]
    company = Company(
        arr_events=events, assignments=[held(f"a{i}", name) for i, name in enumerate(names)], payees=people
    )
    plan = PLAN.replace({"components.nrr.level": {"default": "individual", "by_role": {"lead": "team"}}})
    runs = replay([plan], company.history(), "2025Q1")
    for question in (lambda of: pay_swing(of, n_draws=4), pay_for_retained):
        assert len(question(cm.compare(runs, names="shown")).table) == 3
        if n < 5:
            with pytest.raises(CompModelError, match=r"The mean pay of four people would tell .* Ask with names shown"):
                question(cm.compare(runs))
        else:
            assert len(question(cm.compare(runs)).table) == 3


def test_a_monthly_plan_is_said_by_the_month(sample: cm.History) -> None:
    plan = cm.load_plan(ROOT / "data/plans/halves.yaml").replace({"pay.period": "month", "open_decisions": []})
    comparison = cm.compare(replay([plan], sample, "2025M11:2025M12"))
    swing, retained = pay_swing(comparison, n_draws=20), pay_for_retained(comparison)
    assert "luck typically moves a month's pay up or down by" in swing.sentence
    assert retained.sentence.startswith("Of 10k USD more that one person retains in a month, ")
    drawn = swing_chart(swing).to_json() + retained_chart(retained, "USD").to_json()
    assert "quarter" not in swing.sentence + retained.sentence + drawn


def test_refusals(sample: cm.History, two: cm.Comparison) -> None:
    plan = example_plan()
    for wrong, said in (
        (("A00001", "P07", "2025-10-01"), "'A00001' is no account"),
        (("A0001", "P77", "2025-10-01"), "'P77' is no payee"),
        (("A0001", "P07", "1 May"), "'1 May' is no day"),
        (("A0001", "P06", "2025-10-01"), "P06 has A0001 on 2025-10-01 already"),
    ):
        with pytest.raises(CompModelError, match=said):
            account_move(sample, plan, *wrong, "2025Q4")
    for extra in (0, float("inf"), float("nan")):
        with pytest.raises(CompModelError, match=f"extra is {extra:g}, but must be an amount above 0"):
            pay_for_retained(two, extra=extra)
    for n_draws in (0, 1):  # one draw has no spread
        with pytest.raises(CompModelError, match=f"^{n_draws} draws were asked for; at least 2 are needed"):
            pay_swing(two, n_draws=n_draws)
    with pytest.raises(CompModelError, match="'halvs' is not one of the plans"):
        pay_swing(two, "halvs")
