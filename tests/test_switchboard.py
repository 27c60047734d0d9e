"""Amounts and pay that other credit dates move: totals stay, over all time, to the cent."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compmodel.plan import example_plan
from compmodel.replay import replay
from compmodel.switchboard import credit_date_switchboard
from histories import CREDIT_RULES, SPAN, Company, Row, companies, counted, employed, event, held
from test_definitions import COMPANY


def as_changes(rule: Row) -> Row:
    return {f"credit_on.{name}": way for name, way in rule.items()}


def test_an_expansion_signed_in_march_that_starts_in_april() -> None:
    by = {"signature": {"credit_on.expansion": "signed_on"}}
    flow, pay = credit_date_switchboard(COMPANY.history(), example_plan(), by, "2025Q1:2025Q2", "shown")
    rows = flow.table[flow.table["period_from"] != flow.table["period_to"]].to_dict("records")
    assert rows == [
        {
            "rule": "signature",
            "event_type": "expansion",
            "period_from": "2025Q2",
            "period_to": "2025Q1",
            "n_events": 1,
            "arr": 15_000.0,
        }
    ]
    assert "one event of 4 change quarter against NRR and KPI, half each, 0 of them into or out of" in flow.sentence
    moved = pay.table.set_index(["person", "period"])["change"]
    assert moved["Ada", "2025Q1"] == 5_000
    assert moved["Ada", "2025Q2"] == -5_000
    assert "10k of pay shifts, counted in each quarter by itself; 0 of it moves from or to people" in pay.sentence
    assert pay.sentence.endswith("no people get more than under NRR and KPI, half each and no people less, 0 in all.")


def test_one_quarter_is_called_so() -> None:
    by = {"signature": {"credit_on.expansion": "signed_on"}}
    flow, pay = credit_date_switchboard(COMPANY.history(), example_plan(), by, "2025Q1")
    assert "1 of them into or out of this quarter" in flow.sentence
    assert pay.sentence.startswith("Under signature, 5.0k of pay changes in 2025Q1: one person get")


def test_quarters_outside_the_periods() -> None:
    late = event("c1", "a", "contraction", -1_000, "2025-07-01", notice_on="2025-06-30", ends_on="2025-06-30")
    early = event("c2", "a", "contraction", -2_000, "2025-01-01", notice_on="2024-12-31", ends_on="2024-12-31")
    company = COMPANY.but(arr_events=[*COMPANY.arr_events, late, early])
    by = {"notice": {"credit_on.contraction": ["notice_on", "effective_on"]}}
    flow, _ = credit_date_switchboard(company.history(), example_plan(), by, "2025Q1:2025Q2")
    moved = flow.table[flow.table["period_from"] != flow.table["period_to"]]
    assert list(zip(moved["period_from"], moved["period_to"], moved["arr"], strict=True)) == [
        ("2025Q1", "earlier", -2_000.0),
        ("later", "2025Q2", -1_000.0),
    ]


@settings(max_examples=10)
@given(companies(), st.sampled_from(CREDIT_RULES), st.sampled_from(CREDIT_RULES))
def test_nothing_is_lost(company: Company, rule: Row, other: Row) -> None:
    plan = example_plan().replace({"credit_on": rule})
    paid = company.but(payees=[{**row, "target_incentive": 40_000} for row in company.payees])
    flow, pay = credit_date_switchboard(paid.history(), plan, {"other": {"credit_on": other}}, SPAN, "shown")
    runs = replay([plan, plan.replace({"credit_on": other})], paid.history(), SPAN)
    for column, run in zip(("period_from", "period_to"), runs, strict=True):
        sums = (flow.table["arr"] * 100).round().groupby(flow.table[column]).sum()
        inside = flow.table[flow.table["event_type"] != "renewal"]
        sums = (inside["arr"] * 100).round().groupby(inside[column]).sum()
        credited = run.credits.groupby("period")["credited_cents"].sum()
        for period in credited.index:
            assert sums.get(period, 0) == credited[period]
    assert flow.table["n_events"].sum() == len(company.arr_events)
    cost = [(run.payouts["cost"] * 100).round().sum() for run in runs]
    assert (pay.table["change"] * 100).round().sum() == cost[1] - cost[0]


@pytest.mark.parametrize("names", ["aliases", "shown"])
def test_names(names: str) -> None:
    by = {"signature": {"credit_on.expansion": "signed_on"}}
    _, pay = credit_date_switchboard(COMPANY.history(), example_plan(), by, "2025Q1", names)  # type: ignore[arg-type]
    assert set(pay.table["person"]) == ({"Ada", "Bea"} if names == "shown" else {"Person 1", "Person 2"})


def test_the_dates_are_those_of_what_an_event_counts_as() -> None:
    """A churn of one of two subscriptions counts as a contraction, so the churn's date says nothing of it."""
    events = [
        event("a0", "a", "new", 100, "2024-01-01", subscription_id="1"),
        event("a1", "a", "new", 100, "2024-01-01", subscription_id="2"),
        event(
            "a2", "a", "churn", -100, "2025-04-01", subscription_id="2", ends_on="2025-03-31", notice_on="2025-01-01"
        ),
    ]
    company = Company(events, [held("a", "p")], [employed("p")], [counted(1, "2024-01-01", payee_id="p")])
    plan = example_plan().replace({"events": {"churn_of": "account"}})
    flow, _ = credit_date_switchboard(company.history(), plan, {"notice": {"credit_on.churn": "notice_on"}}, SPAN)
    assert isinstance(flow.table, pd.DataFrame)
    assert (flow.table["period_from"] == flow.table["period_to"]).all()
