"""What NRR must bring for a plan's extra cost, checked against the ledger's rows."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict

import pandas as pd
import pytest

import compmodel as cm
from compmodel.break_even import _customers, break_even


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml", "data/plans/team_80_20.yaml")
    same = plans[0].replace({"name": "same", "title": "Same"})
    return cm.compare(cm.replay([*plans, same], sample, "2024Q3:2025Q4"), "thirds")


def test_the_figures_are_those_of_the_rows(comparison: cm.Comparison) -> None:
    table = break_even(comparison, margin=0.8, years=3).table.set_index("plan")
    base = comparison.replays[0]
    opening: dict[str, int] = defaultdict(int)
    for row in base.books.itertuples():
        if row.kind == "book" and not row.why.startswith("excluded") and row.opening_cents > 0:
            opening[row.period] += row.opening_cents
    lost, churned = 0, set()
    for row in base.credits.itertuples():
        if row.kind == "book" and row.event_type == "churn":
            lost -= row.credited_cents
            churned.add((row.account_id, row.period))
    costs = {run.plan.name: sum(round(cost * 100) for cost in run.payouts["cost"]) for run in comparison.replays}
    mean = sum(opening.values()) / 6 / 100
    for name in ("halves", "team_80_20"):
        mine = table.loc[name]
        extra = (costs[name] - costs["thirds"]) / 100 / 1.5
        assert mine["change_a_year"] == pytest.approx(extra, rel=1e-12)
        assert mine["opening_arr"] == pytest.approx(mean, rel=1e-12)
        assert mine["arr_needed"] * 0.8 * 3 == pytest.approx(extra, rel=1e-12)
        assert mine["opening_arr"] * mine["nrr_points"] / 100 == pytest.approx(mine["arr_needed"], rel=1e-12)
        assert mine["churned_customers"] == len(churned) / 1.5
        assert mine["customers_saved"] * lost / 100 / len(churned) == pytest.approx(mine["arr_needed"], rel=1e-12)


def test_dearer_cheaper_and_equal_are_said(comparison: cm.Comparison) -> None:
    answer = break_even(comparison)
    table = answer.table.set_index("plan")
    halves, team = table.loc["halves"], table.loc["team_80_20"]
    assert halves["change_a_year"] < 0 < team["change_a_year"]
    money = cm.style.short_money
    assert (
        f"Halves saves {money(-halves['change_a_year'])} a year against Thirds; the company's NRR may fall by "
        f"{-halves['nrr_points']:.2f} points a year before that is gone, which is {money(-halves['arr_needed'])} of "
        f"ARR a year, or {-halves['customers_saved']:.0f} customer more than the {halves['churned_customers']:.0f} that"
    ) in answer.sentence
    assert f"it pays for itself once the company's NRR is {team['nrr_points']:.2f} points higher" in answer.sentence
    assert "Same costs the same as Thirds" in answer.sentence
    assert answer.sentence.endswith("counted for a year, as revenue; pay for the higher NRR itself is not counted.")
    assert "for 3 years, at a margin of 80%" in break_even(comparison, 0.8, 3).sentence


def test_nothing_churned_and_one_plan_alone(sample: cm.History) -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    alone = break_even(cm.compare(cm.replay([plan], sample, "2025Q4")))
    assert alone.sentence == "Halves is the only plan; a second one has an extra cost to pay for."
    assert alone.table.empty


@pytest.mark.parametrize(("margin", "years"), [(0, 1), (1.2, 1), (1, 0), (1, float("inf")), (float("nan"), 1)])
def test_impossible_terms_are_refused(comparison: cm.Comparison, margin: float, years: float) -> None:
    with pytest.raises(cm.CompModelError, match=r"must be above 0.*Correct it"):
        break_even(comparison, margin, years)


def test_columns_are_those_documented(comparison: cm.Comparison) -> None:
    documented = " ".join(str(break_even.__doc__).split("Table: ")[1].split()).split("; ", 1)[1].split(" Below 0")[0]
    columns = re.sub(r" \([^)]*\)", "", documented).rstrip(".").split(", ")
    assert list(break_even(comparison).table.columns) == columns


def test_the_same_figures_whatever_the_names(comparison: cm.Comparison) -> None:
    shown = cm.compare(comparison.replays, "thirds", "shown")
    pd.testing.assert_frame_equal(break_even(shown).table, break_even(comparison).table)


@pytest.mark.parametrize(
    ("saved", "churned", "said"),
    [
        (477.7, 120.0, ", or more than all 120 customers that churn in a year"),
        (14.6, 118.0, ", or 15 of the 118 customers that churn in a year"),
        (-14.6, 118.0, ", or 15 customers more than the 118 that churn in a year"),
        (-477.7, 120.0, ", or 478 customers more than the 120 that churn in a year"),
        (0.04, 2.5, ", or under 0.1 of the 2.5 customers that churn in a year"),
        (-1.0, 1.0, ", or 1 customer more than the 1 that churns in a year"),
        (float("nan"), 0.0, ""),
    ],
)
def test_customers_are_said_as_people_count_them(saved: float, churned: float, said: str) -> None:
    assert _customers(saved, churned) == said


def test_a_difference_of_cents_is_not_said_as_nothing(comparison: cm.Comparison) -> None:
    """One cent a payout more than the same plan."""
    run = comparison.replays[0]
    cent = cm.load_plan("data/plans/thirds.yaml").replace({"name": "cent", "title": "Cent"})
    payouts = run.payouts.assign(cost=run.payouts["cost"] + 0.01 * (run.payouts.index < 3))
    dearer = dataclasses.replace(run, plan=cent, payouts=payouts)
    lost = f"{break_even(comparison).table['churned_customers'].iloc[0]:.0f}"
    said = break_even(cm.compare([run, dearer], "thirds")).sentence
    assert "Cent costs 0.02 a year more than Thirds" in said
    assert f"NRR is under 0.01 points higher, which is 0.02 of ARR a year, or under 0.1 of the {lost} customers" in said
