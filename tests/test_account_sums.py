"""Values as products of account weights: with every weight 1 they are the replay's, whatever the metric and level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import compmodel as cm
from compmodel.account_sums import account_sums, values_of
from compmodel.errors import PlanError
from compmodel.metrics import METRICS
from compmodel.plan import parsed_plan
from compmodel.replay import Replay, replay
from histories import SPAN, Company, companies
from test_pay import part, plan_of

ROOT = Path(__file__).resolve().parents[1]
PLANS = sorted((ROOT / "data/plans").glob("*.yaml"))
SHAPES = {
    "nrr": {"metric": "nrr"},
    "blend": {"metric": "grr", "level": {"individual": 0.5, "team": 0.25, "company": 0.25}},
    "chained": {"metric": "nrr", "baseline": "month_start", "combined": "chained"},
    "mean": {"metric": "grr", "baseline": "month_start", "combined": "mean", "level": "team"},
    "months": {"metric": "grr", "baseline": "month_start", "combined": "sums"},
    "year": {"metric": "nrr", "baseline": "year_start", "level": {"individual": 0.5, "segment": 0.5}},
    "due": {"metric": "renewal_rate", "baseline": "due_in_period"},
    "mean_of_ratios": {"metric": "nrr", "level": "team", "unit_figure": "mean_of_ratios"},
    "amount": {"metric": "expansion_arr"},
    "quick": {"metric": "quick_ratio", "level": "company"},
    "logos": {"metric": "logo_retention", "level": "region"},
}


def assert_same(run: Replay) -> None:
    for i, component in enumerate(run.plan.components):
        if component.metric in METRICS:
            ones = np.ones((2, len(run.history.accounts)), dtype=np.uint8)
            found = values_of(account_sums(run, component), ones)
            np.testing.assert_allclose(found[0], run.stage.results.value[:, i], rtol=1e-13, atol=0)
            np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_published_plans(sample: cm.History, path: Path) -> None:
    (plan,) = cm.load_plans(path)
    for span in ("2025Q3:2025Q4", "2025H2", "2025M05:2025M06", "2025"):
        try:
            (run,) = replay([plan], sample, span)
        except PlanError:
            continue
        assert_same(run)


@settings(max_examples=15)
@given(companies(), st.sampled_from(sorted(SHAPES)))
def test_any_company(company: Company, shape: str) -> None:
    """Moves, splits, gaps, returns: an account counts in a team as often as the replay says."""
    plan = parsed_plan(plan_of([part("a", 1, **SHAPES[shape])]), "drawn")
    try:
        (run,) = replay([plan], company.history(), SPAN)
    except PlanError:
        return
    assert_same(run)


def test_the_retention_of_the_sample_is_exact(sample: cm.History) -> None:
    """Whole cents add up in any order, so floats are equal and not only near."""
    for run in replay(
        cm.load_plans(ROOT / "data/plans/halves.yaml", ROOT / "data/plans/team_80_20.yaml"), sample, "2024Q1:2025Q4"
    ):
        sums = account_sums(run, run.plan.components[0])
        found = values_of(sums, np.ones((1, len(sample.accounts)), dtype=np.uint8))
        np.testing.assert_array_equal(found[0], run.stage.results.value[:, 0])


def test_an_account_of_weight_0_is_not_there(sample: cm.History) -> None:
    (run,) = replay(cm.load_plans(ROOT / "data/plans/halves.yaml"), sample, "2025Q4")
    sums = account_sums(run, run.plan.components[0])
    nothing = values_of(sums, np.zeros((1, len(sample.accounts)), dtype=np.uint8))
    assert np.isnan(nothing).all()
