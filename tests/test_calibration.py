"""Calibration against every value paid and looked at by hand; what cannot be met is said with how near it gets."""

from __future__ import annotations

import pandas as pd
import pytest

import compmodel as cm
from compmodel import trials
from compmodel.calibration import calibrated
from compmodel.style import short_money

TARGET, KPI = "components.nrr.target.default", "components.kpi.target.default"


@pytest.fixture(scope="module")
def run(sample: cm.History) -> cm.Replay:
    return cm.replay(cm.load_plans("data/plans/halves.yaml"), sample, "2025Q4")[0]


def falling(run: cm.Replay, settings: pd.DataFrame) -> pd.DataFrame:
    """Cost falls by 1,000 a point of NRR target and 500 a count of KPI; the share at target by a point each."""
    points = (settings[TARGET] - 1.15) * 100
    counts = settings[KPI] - 10 if KPI in settings else 0
    return pd.DataFrame(
        {"cost": (100_000 - 1000 * points - 500 * counts).round(2), "share_at_target": 0.5 - (points + counts) / 100}
    )


@pytest.fixture
def known_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "scenario_results", falling)


@pytest.mark.usefixtures("known_costs")
@pytest.mark.parametrize(("budget", "target"), [(100_000, 1.15), (95_000, 1.20), (95_400, 1.20), (104_999, 1.11)])
def test_a_budget_is_used_as_far_as_it_goes(run: cm.Replay, budget: float, target: float) -> None:
    found = calibrated(run, TARGET, budget=budget)
    assert found.is_met
    assert found.plan.component("nrr").target.default == target
    assert found.cost <= budget < found.cost + 1000
    assert found.table.loc[found.table["is_chosen"], TARGET].tolist() == [target]


@pytest.mark.usefixtures("known_costs")
def test_a_share_at_target(run: cm.Replay) -> None:
    found = calibrated(run, "components.nrr.target", share_at_target=0.55)
    assert (found.plan.component("nrr").target.default, found.is_met) == (1.10, True)
    assert found.sentence == (
        "To have at least 55.0% at target, Halves needs NRR target 110%: it costs 105k with 55.0% of people-periods "
        "at target."
    )


@pytest.mark.usefixtures("known_costs")
def test_both_goals_with_two_levers(run: cm.Replay) -> None:
    """A point of NRR costs 1,000 and one of KPI 500 for the same share: the budget is met by moving both."""
    found = calibrated(run, [TARGET, KPI], budget=98_000, share_at_target=0.50)
    assert found.is_met
    nrr, kpi = found.plan.component("nrr").target.default, found.plan.component("kpi").target.default
    assert (nrr, kpi) == (1.19, 6), "98,000 and 50% both exactly"
    assert (found.cost, round(found.share_at_target, 9)) == (98_000, 0.5)


@pytest.mark.usefixtures("known_costs")
def test_no_solution_tells_how_near_it_gets(run: cm.Replay) -> None:
    found = calibrated(run, TARGET, budget=50_000)
    assert not found.is_met
    assert found.plan.component("nrr").target.default == 1.5
    assert found.sentence.startswith("None of 71 settings lets Halves cost at most 50k. The nearest is NRR target 150%")
    assert "15k over the budget" in found.sentence
    both = calibrated(run, TARGET, budget=95_000, share_at_target=0.6)
    assert not both.is_met
    assert "short" in both.sentence or "over the budget" in both.sentence


def test_the_plan_found_costs_what_is_said(run: cm.Replay) -> None:
    values = {TARGET: [1.05, 1.1, 1.2, 1.3]}
    costs = {}
    for target in (1.05, 1.1, 1.15, 1.2, 1.3):
        (again,) = cm.replay([run.plan.replace({TARGET: target})], run.history, "2025Q4")
        costs[target] = sum(round(cost * 100) for cost in again.payouts["cost"]) / 100
    budget = (costs[1.1] + costs[1.15]) / 2
    found = calibrated(run, TARGET, budget=budget, values=values)
    assert found.plan.component("nrr").target.default == 1.15
    assert found.cost == costs[1.15]
    assert short_money(costs[1.15]) in found.sentence
    assert dict(zip(found.table[TARGET], found.table["cost"], strict=True)) == costs


@pytest.mark.parametrize(
    ("paths", "goals", "said"),
    [
        (TARGET, {}, "Nothing to meet"),
        (TARGET, {"budget": 0}, "must be above 0"),
        (TARGET, {"share_at_target": 60}, "is a share of 1"),
        ([], {"budget": 1}, "one or two"),
        ([TARGET, TARGET], {"budget": 1}, "one or two"),
        ("components.nrr.goal", {"budget": 1}, "is no lever of Halves"),
    ],
)
def test_what_cannot_be_asked_is_said(run: cm.Replay, paths: str, goals: dict[str, float], said: str) -> None:
    with pytest.raises(cm.CompModelError, match=said):
        calibrated(run, paths, **goals)
