"""Calibration against every value paid and looked at by hand; what cannot be met is said with how near it gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import compmodel as cm
from compmodel import calibration, trials
from compmodel.calibration import calibrated
from compmodel.explore import grid
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


def of_the_whole_grid(run: cm.Replay, paths: list[str], budget: float | None, share: float | None) -> tuple[Any, ...]:
    """The setting chosen of every one paid, its cost and share, and whether it meets the goals; the slow way."""
    levers = {lever.path: lever for lever in run.plan.levers() if lever.path in paths}
    rows = []
    for i, row in grid(run, {path: levers[path].grid for path in paths}).table.iterrows():
        if np.isnan(row["cost"]):
            continue
        over = 0.0 if budget is None else row["cost"] - budget
        short = 0.0 if share is None else share - row["share_at_target"]
        steps = sum(abs(row[path] - levers[path].value) / levers[path].step for path in paths)
        off, found = (over / (budget or 1.0), short), [row[path] for path in paths]
        rows.append(
            (over <= 0 and short <= 1e-9, off, round(steps, 9), i, [*found, row["cost"], row["share_at_target"]])
        )
    is_met = any(row[0] for row in rows)
    some = [row for row in rows if row[0] == is_met]
    far: Callable[[float], float] = abs if is_met else lambda of: max(of, 0.0)
    best = min(some, key=lambda row: (round(sum(far(of) for of in row[1]), 12), row[2], row[3]))
    return is_met, best[4]


def of_calibration(run: cm.Replay, paths: list[str], budget: float | None, share: float | None) -> tuple[Any, ...]:
    found = calibrated(run, paths, budget, share)
    (row,) = found.table[found.table["is_chosen"]][[*paths, "cost", "share_at_target"]].to_numpy().tolist()
    return found.is_met, row


def drawn_function(seed: int, turns: bool) -> Callable[[cm.Replay, pd.DataFrame], pd.DataFrame]:
    """Cost and share that rise or fall with the targets in steps and stretches that are flat; some turn back."""
    rng = np.random.default_rng(seed)
    signs, sizes = rng.choice([-1, 1], (2, 2)), rng.integers(0, 3, (2, 2, 300)) * (rng.random((2, 2, 300)) < 0.4)
    if turns:
        sizes[0] *= rng.choice([-1, 1], 300)
    heights = (signs[:, :, None] * sizes).cumsum(axis=2)

    def results(run: cm.Replay, some: pd.DataFrame) -> pd.DataFrame:
        at = [
            (some[path] * of).round() if path in some else 0 * some.iloc[:, 0] for path, of in ((TARGET, 100), (KPI, 1))
        ]
        cost, share = (sum(one[np.asarray(of, int)] for one, of in zip(both, at, strict=True)) for both in heights)
        return pd.DataFrame({"cost": 100_000.0 + 500 * cost, "share_at_target": 0.5 + share / 1000}).reset_index(
            drop=True
        )

    return results


@given(
    st.integers(0, 2**32),
    st.sampled_from([[TARGET], [KPI], [TARGET, KPI]]),
    st.none() | st.integers(-20, 20).map(lambda n: 100_250.0 + 500 * n),
    st.none() | st.integers(-20, 20).map(lambda n: 0.5 + n / 1000),
)
@settings(max_examples=8, deadline=None)
def test_the_answer_is_that_of_the_whole_grid(
    run: cm.Replay, seed: int, paths: list[str], budget: float | None, share: float | None
) -> None:
    if budget is None and share is None:
        budget = 100_000.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "BLOCK_ROWS", seed % 2 * calibration.BLOCK_ROWS)  # all at once, or by halves
        patch.setattr(trials, "scenario_results", drawn_function(seed, turns=False))
        assert of_calibration(run, paths, budget, share) == of_the_whole_grid(run, paths, budget, share)


def test_a_turn_between_values_of_a_coarse_grid_is_found(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cost goes one way but for one value between two of the coarse grid, which alone comes near the budget."""
    for at in (1.13, 1.21, 1.33):

        def turning(run: cm.Replay, some: pd.DataFrame, at: float = at) -> pd.DataFrame:
            found = falling(run, some)
            return found.assign(cost=found["cost"].where((some[TARGET] - at).abs().to_numpy() > 1e-9, 40_000.0))

        monkeypatch.setattr(trials, "scenario_results", turning)
        found = calibrated(run, TARGET, budget=41_000)
        assert found.plan.component("nrr").target.default == at
        assert "not paid" not in found.sentence
        monkeypatch.setattr(calibration, "BLOCK_ROWS", 0)
        halved = calibrated(run, TARGET, budget=41_000)
        n_paid = int(halved.table["cost"].notna().sum())
        assert halved.is_met or f" {71 - 21 - n_paid} of 71 settings lie between paid ones" in halved.sentence
        monkeypatch.undo()


def test_a_cost_that_turns_back_has_every_value_paid(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    n_seen = 0
    monkeypatch.setattr(calibration, "BLOCK_ROWS", 0)
    for seed in range(6):
        monkeypatch.setattr(trials, "scenario_results", drawn_function(seed, turns=True))
        cost = grid(run, {TARGET: None}).table["cost"]
        coarse = np.diff(calibrated(run, TARGET, budget=1.0).table["cost"].dropna())
        if (np.diff(cost) > 0).any() and (np.diff(cost) < 0).any() and (coarse > 0).any() and (coarse < 0).any():
            n_seen += 1
            for budget in (99_000.0, 100_000.0, 101_000.0):
                assert of_calibration(run, [TARGET], budget, None) == of_the_whole_grid(run, [TARGET], budget, None)
            assert "not tried" not in set(calibrated(run, TARGET, budget=1.0).table["said"])
    assert n_seen >= 3


@pytest.mark.parametrize("name", ["halves", "flowfuse_cliff"])
def test_real_plans_are_calibrated_as_by_the_whole_grid(sample: cm.History, name: str) -> None:
    (real,) = cm.replay(cm.load_plans(f"data/plans/{name}.yaml"), sample, "2025Q4")
    now = float(real.payouts["cost"].sum())
    for path in [TARGET, "components.nrr.weight"][: len(real.plan.components)]:
        for budget, share in ((now * 0.9, None), (now, 0.4), (1.0, 0.99)):
            assert of_calibration(real, [path], budget, share) == of_the_whole_grid(real, [path], budget, share), path


def test_few_values_are_paid_where_cost_goes_one_way(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    paid = []
    monkeypatch.setattr(calibration, "BLOCK_ROWS", 0)
    monkeypatch.setattr(trials, "scenario_results", lambda run, of: paid.append(len(of)) or falling(run, of))
    found = calibrated(run, TARGET, budget=95_400)
    assert len(found.table) == 71
    assert sum(paid) == found.table["cost"].notna().sum() < 18
    assert "tried" not in found.sentence
    unpaid = 71 - 21 - len(found.table["cost"].dropna())
    between = (
        f" {unpaid} of 71 settings lie between paid ones and were not paid: from one to the next cost and share are"
    )
    assert found.sentence.endswith(f"{between} taken to go one way.")
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int, seconds_left: float) -> None:
        told.append((done, total))
        raise KeyboardInterrupt

    stopped = calibrated(run, TARGET, budget=95_400, progress=stop)
    assert told == [(32, 71)]  # 21 of them at or below the floor, which make no plan
    assert stopped.sentence.endswith(" of 71 tried.")
    paid.clear()
    again = calibrated(run, TARGET, budget=95_400, known=stopped.table)
    pd.testing.assert_frame_equal(again.table, found.table)


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
        "To have at least 55.0% at target, Halves needs NRR target 110%: it costs 105k with 55.0% of people-quarters "
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
