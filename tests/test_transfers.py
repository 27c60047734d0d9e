"""Who is on which plan: by person, role and day, each plan paying for its own days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel.errors import PlanError
from compmodel.replay import replay
from compmodel.transfers import OnPlan, payouts_by_plan

PLANS = Path(__file__).resolve().parents[1] / "data/plans"
HALVES, THIRDS = (cm.load_plan(PLANS / f"{name}.yaml") for name in ("halves", "thirds"))
THIRDS = THIRDS.replace({"pay.currency": "USD"})
YEAR, KEYS = "2025Q1:2025Q4", ["payee_id", "period", "component"]


def moved(on: str, **who: tuple[str, ...]) -> list[OnPlan]:
    """Thirds until a day, halves from it on."""
    day = dt.date.fromisoformat(on)
    return [OnPlan(THIRDS, ends_on=day - dt.timedelta(days=1), **who), OnPlan(HALVES, starts_on=day, **who)]


def of_plan(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame["plan"] == name].drop(columns="plan").reset_index(drop=True)


@pytest.fixture(scope="module")
def whole(sample: cm.History) -> dict[str, pd.DataFrame]:
    return {run.plan.name: run.payouts for run in replay([THIRDS, HALVES], sample, YEAR)}


def test_everybody_on_one_plan_is_a_replay(sample: cm.History, whole: dict[str, pd.DataFrame]) -> None:
    found = payouts_by_plan([OnPlan(HALVES)], sample, YEAR)
    pd.testing.assert_frame_equal(of_plan(found, "halves"), whole["halves"])


def test_a_move_between_quarters_is_paid_by_each_plan_for_its_quarters(
    sample: cm.History, whole: dict[str, pd.DataFrame]
) -> None:
    found = payouts_by_plan(moved("2025-07-01"), sample, YEAR)
    for name, quarters in (("thirds", ("2025Q1", "2025Q2")), ("halves", ("2025Q3", "2025Q4"))):
        mine = whole[name][whole[name]["period"].isin(quarters)].reset_index(drop=True)
        pd.testing.assert_frame_equal(of_plan(found, name), mine)


def test_a_move_within_a_quarter_is_paid_by_days_and_the_shares_add_up(
    sample: cm.History, whole: dict[str, pd.DataFrame]
) -> None:
    """15 August is the 46th of 92 days; results are those of the whole quarter."""
    found = payouts_by_plan(moved("2025-08-15"), sample, YEAR)
    each = found.drop_duplicates(["plan", "payee_id", "period"])
    shares = each.groupby(["payee_id", "period"])["proration"].sum()
    alone = whole["halves"].drop_duplicates(["payee_id", "period"]).set_index(["payee_id", "period"])["proration"]
    pd.testing.assert_series_equal(shares.sort_index(), alone.sort_index(), check_exact=False, rtol=1e-12)
    incentive = each.assign(part=each["target_incentive"] * each["proration"])
    parts = incentive.groupby(["payee_id", "period"])["part"].sum().sort_index()
    rows = whole["halves"].drop_duplicates(["payee_id", "period"]).set_index(["payee_id", "period"]).sort_index()
    np.testing.assert_allclose(parts, rows["target_incentive"] * rows["proration"], rtol=1e-12)
    for name in ("thirds", "halves"):
        mine = of_plan(found, name).merge(whole[name], on=KEYS, suffixes=("", "_alone"))
        assert (mine["period"] == "2025Q3").any()
        for column in ("value", "attainment", "factor"):
            np.testing.assert_array_equal(mine[column], mine[f"{column}_alone"])
    there = sorted(set(each[(each["period"] == "2025Q3") & (each["plan"] == "thirds")]["proration"]))
    assert there[-1] == 45 / 92


def test_single_people_and_roles_come_before_all_others(sample: cm.History, whole: dict[str, pd.DataFrame]) -> None:
    one = str(whole["halves"]["payee_id"].iloc[0])
    found = payouts_by_plan([OnPlan(THIRDS, payees=(one,)), OnPlan(HALVES)], sample, "2025Q4")
    assert set(of_plan(found, "thirds")["payee_id"]) == {one}
    assert one not in set(of_plan(found, "halves")["payee_id"])
    leads = [OnPlan(THIRDS, roles=("lead",)), OnPlan(HALVES)]
    thirds = of_plan(payouts_by_plan(leads, sample, "2025Q4"), "thirds")
    payees = sample.payees.sort_values("starts_on").drop_duplicates("payee_id", keep="last").set_index("payee_id")
    assert set(payees.loc[thirds["payee_id"].unique(), "role"]) == {"lead"}


def test_who_moves_leaves_the_plan(sample: cm.History) -> None:
    """What thirds held back is paid with the last pay by it."""
    held = THIRDS.replace(
        {"adjustments": [{"kind": "holdback", "share": 0.2, "released_after": 4, "on_leaving": "pay"}]}
    )
    plans = [OnPlan(held, ends_on=dt.date(2025, 6, 30)), OnPlan(HALVES, starts_on=dt.date(2025, 7, 1))]
    mine = of_plan(payouts_by_plan(plans, sample, YEAR), "thirds")
    kept = mine[mine["component"] == "holdback"].assign(cents=lambda rows: (rows["payout"] * 100).round())
    assert (kept.groupby("payee_id")["cents"].sum() == 0).all()
    assert (kept.groupby("payee_id")["balance"].last() == 0).all()


RATE = HALVES.replace({"name": "rate", "components.nrr.weight": 1, "components.kpi": {
    "name": "kpi", "metric": "expansion_arr", "level": "individual", "target": 1, "attainment": {"kind": "ratio"},
    "curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "extend"},
    "basis": {"kind": "rate", "rate": 0.01},
}})  # fmt: skip
DRAW = {"kind": "draw", "amount": 100, "recoverable": False}
MID, FROM = dt.date(2025, 8, 14), dt.date(2025, 8, 15)


@pytest.mark.parametrize(
    ("on_plans", "said"),
    [
        ([], "must name a plan"),
        ([OnPlan(HALVES, ends_on=MID)], "with a target incentive on no plan"),
        ([OnPlan(HALVES, roles=("lead",))], "OnPlan(None"),
        ([OnPlan(HALVES, ends_on=MID), OnPlan(RATE, FROM)], "components.kpi.basis"),
        ([OnPlan(HALVES, ends_on=MID), OnPlan(THIRDS.replace({"adjustments": [DRAW]}), FROM)], "paid twice"),
        ([OnPlan(HALVES, ends_on=MID), OnPlan(HALVES.replace({"title": "Other"}), FROM)], "two plans of one name"),
        ([OnPlan(HALVES), OnPlan(THIRDS.replace({"pay.proration": "months"}))], "pay.proration"),
    ],
)
def test_what_would_pay_twice_or_nobody_is_refused(on_plans: list[OnPlan], said: str, sample: cm.History) -> None:
    with pytest.raises(PlanError) as refused:
        payouts_by_plan(on_plans, sample, "2025Q3")
    assert said in str(refused.value)


def test_what_is_prorated_or_begins_with_a_quarter_is_paid(sample: cm.History) -> None:
    prorated = THIRDS.replace({"adjustments": [{**DRAW, "prorated": True}]})
    payouts_by_plan([OnPlan(HALVES, ends_on=MID), OnPlan(prorated, FROM)], sample, "2025Q3")
    payouts_by_plan([OnPlan(HALVES, ends_on=dt.date(2025, 6, 30)), OnPlan(RATE, dt.date(2025, 7, 1))], sample, "2025Q3")
    nobody = [OnPlan(HALVES, roles=("csm", "lead")), OnPlan(None)]
    assert set(payouts_by_plan(nobody, sample, "2025Q3")["plan"]) == {"halves"}
