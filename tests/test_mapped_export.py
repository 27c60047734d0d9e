"""Somebody else's export, through the mapping alone: the engine's NRR, GRR and pay are the published ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

import compmodel as cm
from compmodel.baselines import windows
from compmodel.measurement import Ledger, company_sums

MAPPING = Path("data/mappings/synthetic_b2b_saas.yaml")
PERIODS = "2024Q2:2026Q2"


@pytest.fixture(scope="module")
def history(shared_data: Path) -> cm.History:
    return cm.load_history(shared_data / "synthetic_b2b_saas" / "source", MAPPING)


@pytest.fixture(scope="module")
def published(shared_data: Path) -> pd.DataFrame:
    found = pd.read_csv(shared_data / "synthetic_b2b_saas" / "expected" / "quarterly_by_region.csv")
    return found[found["region_id"] != "ALL"].set_index(["region_id", "quarter"])


def measured(history: cm.History, metric: str) -> pd.DataFrame:
    """Payouts of a plan with that one metric on effective dates, each region's team as a payee."""
    plan = cm.load_plan("data/plans/flowfuse_nrr_only.yaml")
    dates = dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on")
    changes = {"credit_on": dates, "pay.currency": "payee", "components.nrr.metric": metric}
    paid = cm.replay([plan.replace(changes)], history, PERIODS)[0].payouts
    region = paid["payee_id"].str.removesuffix("_customer_success")
    return paid.assign(region_id=region).set_index(["region_id", "period"])


@pytest.mark.parametrize("metric", ["nrr", "grr"])
def test_retention_by_region_and_quarter(metric: str, history: cm.History, published: pd.DataFrame) -> None:
    ours = measured(history, metric)
    for key, row in published.iterrows():
        assert ours.loc[key, "value"] == pytest.approx(row[metric], abs=1e-6)
        assert round(ours.loc[key, "opening_arr"] * 100) == round(row["opening_mrr_eur"] * 1200)
    empty = ours[ours["opening_arr"] == 0]
    assert set(empty.index) == set(ours.index) - set(published.index)
    assert (empty["payout"] == 0).all()
    assert empty["note"].str.contains("no opening ARR").all()


def test_pay_by_region_and_quarter_to_the_cent(history: cm.History, published: pd.DataFrame) -> None:
    ours = measured(history, "nrr")
    target = "payout_target10000_floor100_goal115"
    assert {key: round(ours.loc[key, "payout"] * 100) for key in published.index} == {
        key: round(row[target] * 100) for key, row in published.iterrows()
    }


def test_the_comparison_runs_on_it(history: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    comparison = cm.compare(cm.replay(plans, history, PERIODS), "thirds")
    assert comparison.currency == "EUR"
    assert comparison.pay["person"].nunique() == 6
    assert cm.cost_by_period(comparison).sentence == (
        "Over the nine quarters to 2026Q2, with six people on the plans at some time, Thirds costs 131k. "
        "Halves costs 112k, 19k less (-14.3%); 2 people gain, 4 lose."
    )


class TestByMonth:
    """The company month by month, and its regions by the accounts' own region."""

    @pytest.fixture(scope="class")
    @staticmethod
    def run(history: cm.History) -> cm.Replay:
        plan = cm.load_plan("data/plans/flowfuse_nrr_only.yaml")
        dates = dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on")
        monthly = {"components.nrr.baseline": "month_start", "components.nrr.combined": "chained"}
        return cm.replay([plan.replace({"credit_on": dates, "pay.currency": "payee", **monthly})], history, PERIODS)[0]

    @staticmethod
    def months(run: cm.Replay) -> list[str]:
        found: list[str] = windows("month_start", run.periods).starts_on.astype("datetime64[D]").astype(str).tolist()
        return found

    @pytest.mark.parametrize(
        ("metric", "column"), [("nrr", "net_revenue_retention"), ("grr", "gross_revenue_retention")]
    )
    def test_retention(self, metric: str, column: str, run: cm.Replay, shared_data: Path) -> None:
        expected = pd.read_csv(shared_data / "synthetic_b2b_saas/expected/revenue_retention.csv").set_index("month")
        over = windows("month_start", run.periods)
        above, below = company_sums(Ledger(run.credits, run.books), over, metric, "in_cohort")
        assert len(over) == 27
        for i, month in enumerate(self.months(run)):
            assert round(below[i]) == round(expected.loc[month, "opening_mrr"] * 1200)
            assert above[i] / below[i] == pytest.approx(expected.loc[month, column], abs=1e-9)

    def test_movements(self, run: cm.Replay, shared_data: Path) -> None:
        expected = pd.read_csv(shared_data / "synthetic_b2b_saas/expected/mrr_bridge.csv").set_index("month")
        sums = run.credits.pivot_table(index="window", columns="event_type", values="credited_cents", aggfunc="sum")
        sums = sums.fillna(0)
        for i, month in enumerate(self.months(run)):
            for kind in ("new", "expansion", "contraction", "churn", "reactivation"):
                published = abs(expected.loc[month, f"{'churned' if kind == 'churn' else kind}_mrr"])
                assert abs(sums.loc[i].get(kind, 0)) == round(published * 1200), (month, kind)

    def test_a_region_measured_by_its_accounts_is_its_team_measured_by_its_books(
        self, history: cm.History, published: pd.DataFrame
    ) -> None:
        region = history.payees["payee_id"].str.removesuffix("_customer_success")
        named = dataclasses.replace(history, payees=history.payees.assign(region=region))
        plan = cm.load_plan("data/plans/flowfuse_nrr_only.yaml")
        dates = dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on")
        changes = {"credit_on": dates, "pay.currency": "payee", "components.nrr.level": "region"}
        paid = cm.replay([plan.replace(changes)], named, PERIODS)[0].payouts
        ours = paid.assign(region_id=paid["unit_id"]).set_index(["region_id", "period"])
        for key, row in published.iterrows():
            assert ours.loc[key, "value"] == pytest.approx(row["nrr"], abs=1e-6)
