"""Sobol indices equal to SALib's, near the Ishigami function's known ones, and of a model whose indices are known."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from SALib.analyze import sobol as their_analysis
from SALib.sample import sobol as their_sampling
from SALib.test_functions import Ishigami
from scipy.stats import norm

import compmodel as cm
from compmodel import sobol
from compmodel.sobol import indices, resampled_indices, saltelli_sample, sobol_indices

TARGET, FLOOR, KPI = "components.nrr.target.default", "components.nrr.attainment.floor", "components.kpi.target.default"
MONTHS = "adjustments.guarantee.months"
BOUNDS = {TARGET: (1.05, 1.25), KPI: (8.0, 12.0)}


def problem(k: int, low: float = 0.0, high: float = 1.0) -> dict[str, object]:
    return {"num_vars": k, "names": [f"x{i}" for i in range(k)], "bounds": [[low, high]] * k}


@pytest.mark.parametrize(("k", "n", "seed"), [(2, 8, 1), (5, 256, 7), (10, 1024, 3)])
def test_samples_and_indices_are_salibs(k: int, n: int, seed: int) -> None:
    sample = saltelli_sample(k, n, seed)
    theirs = their_sampling.sample(problem(k), n, calc_second_order=False, seed=np.random.default_rng(seed))
    np.testing.assert_array_equal(sample, theirs)
    outcomes = 1e6 + np.exp(sample @ np.linspace(0, 2, k)) * sample[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = their_analysis.analyze(problem(k), outcomes, calc_second_order=False, num_resamples=50, seed=seed)
    found, again = indices(outcomes, k), resampled_indices(outcomes, k, 50, seed)
    np.testing.assert_allclose(found.first, expected["S1"], atol=1e-12, rtol=0)
    np.testing.assert_allclose(found.total, expected["ST"], atol=1e-12, rtol=0)
    width = norm.ppf(0.975)
    np.testing.assert_allclose(width * again.first.std(axis=0, ddof=1), expected["S1_conf"], atol=1e-12, rtol=0)
    np.testing.assert_allclose(width * again.total.std(axis=0, ddof=1), expected["ST_conf"], atol=1e-12, rtol=0)


def test_the_ishigami_function() -> None:
    """Its indices are known in closed form (Ishigami and Homma 1990): a = 7, b = 0.1."""
    sample = -np.pi + 2 * np.pi * saltelli_sample(3, 2**15, 1)
    found = indices(Ishigami.evaluate(sample), 3)
    np.testing.assert_allclose(found.first, [0.3139, 0.4424, 0.0], atol=0.01)
    np.testing.assert_allclose(found.total, [0.5576, 0.4424, 0.2437], atol=0.01)


def test_where_nothing_varies_indices_are_zero() -> None:
    found = indices(np.full(5 * 8, 3.0), 3)
    assert found.first.tolist() == found.total.tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def run(sample: cm.History) -> cm.Replay:
    return cm.replay(cm.load_plans("data/plans/halves.yaml"), sample, "2025Q4")[0]


def linear(run: cm.Replay, settings: pd.DataFrame) -> pd.DataFrame:
    """Cost of 3 x + y of the two levers' shares of their ranges: indices of 0.9 and 0.1, nothing together."""
    shares = [(settings[path] - low) / (high - low) for path, (low, high) in BOUNDS.items()]
    return pd.DataFrame({"cost": 1000 + 3 * shares[0] + shares[1], "share_at_target": 0.5})


def test_a_model_whose_indices_are_known(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sobol, "scenario_results", linear)
    answer = sobol_indices(run, BOUNDS, n=1024, seed=4)
    table = answer.table
    assert table["path"].tolist() == [TARGET, KPI]
    np.testing.assert_allclose(table["first"], [0.9, 0.1], atol=0.01)
    np.testing.assert_allclose(table["total"], [0.9, 0.1], atol=0.01)
    for name in ("first", "total"):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()
    assert answer.sentence.startswith("The NRR target makes 90% of the spread of cost (")
    assert sobol_indices(run, BOUNDS, n=1024, seed=4).sentence == answer.sentence
    assert not sobol_indices(run, BOUNDS, n=1024, seed=5).table.equals(table)


def test_a_stop_keeps_whole_points_and_goes_on(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sobol, "scenario_results", linear)
    whole = sobol_indices(run, BOUNDS, n=64, seed=4)
    calls: list[int] = []

    def stopped(run: cm.Replay, settings: pd.DataFrame) -> pd.DataFrame:
        calls.append(len(settings))
        if sum(calls) > 90:
            raise KeyboardInterrupt
        return linear(run, settings)

    monkeypatch.setattr(sobol, "scenario_results", stopped)
    monkeypatch.setattr(sobol, "block_size", lambda run, settings: 16)
    part = sobol_indices(run, BOUNDS, n=64, seed=4)
    n_done = len(part.points) // 4
    assert 2 <= n_done < 64
    assert part.sentence.endswith(f" {n_done} of 64 points tried.")
    monkeypatch.setattr(sobol, "scenario_results", linear)
    rest = sobol_indices(run, BOUNDS, n=64, seed=4, known=part.points)
    pd.testing.assert_frame_equal(rest.table, whole.table)
    with pytest.raises(cm.CompModelError, match="known is of another sample"):
        sobol_indices(run, BOUNDS, n=64, seed=5, known=part.points)


def test_each_point_is_the_plan_paid(run: cm.Replay) -> None:
    points = sobol_indices(run, BOUNDS, n=2, seed=1).points
    assert len(points) == 2 * 4
    for _, row in points.iloc[[1, 6]].iterrows():
        plan = run.plan.replace({path: row[path] for path in BOUNDS})
        (again,) = cm.replay([plan], run.history, "2025Q4")
        assert sum(round(cost * 100) for cost in again.payouts["cost"]) == round(row["cost"] * 100)


def test_what_cannot_be_asked_is_said(run: cm.Replay) -> None:
    with pytest.raises(cm.CompModelError, match=r"settings that make no plan: .* above the floor"):
        sobol_indices(run, [TARGET, FLOOR])
    with pytest.raises(cm.CompModelError, match=r"n is 100, but Sobol points come in powers of 2\. Write 128\."):
        sobol_indices(run, BOUNDS, n=100)
    with pytest.raises(cm.CompModelError, match="two levers or more"):
        sobol_indices(run, [TARGET])


def test_months_are_whole(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sobol,
        "scenario_results",
        lambda run, settings: pd.DataFrame({"cost": settings[MONTHS], "share_at_target": 0.5}),
    )
    plan = run.plan.replace({"adjustments": [{"kind": "guarantee", "share": 0.5, "months": 3}]})
    points = sobol_indices(dataclasses.replace(run, plan=plan), {MONTHS: (1, 6), KPI: (8, 12)}, n=32).points
    assert set(points[MONTHS]) == {1, 2, 3, 4, 5, 6}
    assert not set(points[KPI] % 1) <= {0}


def test_importing_the_package_does_not_load_scipy() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import compmodel, sys; print('scipy' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"
