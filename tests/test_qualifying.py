"""SPIFFs and clawbacks by hand: which events qualify, what they pay, and what is taken back when the account leaves."""

from __future__ import annotations

import pytest

from compmodel.errors import PlanError
from compmodel.explain import explain
from compmodel.plan import Plan, parsed_plan
from compmodel.replay import Replay, replay
from compmodel.transfers import payouts_in_force
from histories import Company, Row, employed, event, held
from test_pay import part, plan_of

EVENTS = [
    event("a1", "a", "new", 1000, "2023-01-01"),
    event("b1", "b", "new", 5000, "2023-01-01"),
    event("c1", "c", "new", 9000, "2023-01-01"),
    event("a2", "a", "renewal", 1000, "2025-01-01", term_months=36, sourced_by="csm"),
    event("b2", "b", "renewal", 5000, "2025-02-01", term_months=12, sourced_by="sales"),
    event("c2", "c", "renewal", 9000, "2025-03-31", term_months=24, sourced_by="csm"),
    event("b3", "b", "expansion", 2500, "2025-02-01", is_at_renewal=True),
    event("c3", "c", "expansion", 600, "2025-03-15", term_months=12),
    event("c4", "c", "churn", -9600, "2025-06-20"),
]
BOOKS = [held("a", "p"), held("b", "p", split=0.5), held("b", "q", split=0.5), held("c", "p")]


def company(*more: Row) -> Company:
    return Company([*EVENTS, *more], BOOKS, [employed("p"), employed("q")])


def counting(metric: str = "qualifying_events", rate: float = 100, **qualifies: object) -> Plan:
    rule = {"event_types": ["renewal"], **qualifies}
    component = part("spiff", None, metric=metric, qualifies=rule, basis={"kind": "rate", "rate": rate})
    return parsed_plan(plan_of([component]), "drawn")


def run_of(plan: Plan, periods: str = "2025Q1") -> Replay:
    return replay([plan], company().history(), periods)[0]


def paid(run: Replay, payee: str = "p") -> list[float]:
    return run.payouts[run.payouts["payee_id"] == payee]["payout"].tolist()


@pytest.mark.parametrize(
    ("qualifies", "of_p", "of_q"),
    [
        ({}, 250, 50),
        ({"min_term_months": 24}, 200, 0),
        ({"min_term_months": 25}, 100, 0),
        ({"min_arr": 5000}, 150, 50),
        ({"starts_on": "2025-02-01"}, 150, 50),
        ({"starts_on": "2025-02-02"}, 100, 0),
        ({"ends_on": "2025-03-30"}, 150, 50),
        ({"sourced_by": ["sales"]}, 50, 50),
        ({"event_types": ["expansion"]}, 150, 50),
        ({"event_types": ["expansion"], "at_renewal": True}, 50, 50),
        ({"event_types": ["expansion"], "at_renewal": False}, 100, 0),
        ({"event_types": ["churn"]}, 0, 0),
    ],
)
def test_what_is_written_must_hold(qualifies: Row, of_p: float, of_q: float) -> None:
    run = run_of(counting(**qualifies))
    assert (paid(run), paid(run, "q")) == ([of_p], [of_q])


def test_the_arr_that_qualifies_is_renewed_or_moved() -> None:
    run = run_of(counting("qualifying_arr", 0.01, event_types=["renewal", "expansion"]))
    assert paid(run) == [10 + 25 + 90 + 12.5 + 6]
    assert paid(run, "q") == [25 + 12.5]


def test_an_explanation_counts_the_events() -> None:
    run = run_of(counting(min_arr=5000))
    chain = explain(run, "p", "2025Q1").chain
    credits = chain[chain["step"] == "credit"]
    assert sorted(zip(credits["event_id"], credits["numerator"], strict=True)) == [("b2", 0.5), ("c2", 1.0)]
    assert chain[chain["step"] == "ratio"]["ratio_unit"].tolist() == ["events"]


def test_qualifies_goes_with_its_metrics_alone() -> None:
    for wrong in (part(qualifies={"event_types": ["renewal"]}), part(metric="qualifying_events")):
        with pytest.raises(PlanError, match="qualifies do not go together"):
            parsed_plan(plan_of([wrong]), "drawn")


def clawing(**rule: object) -> Plan:
    component = part("exp", None, metric="expansion_arr", basis={"kind": "rate", "rate": 0.1})
    return parsed_plan(plan_of([component], [{"kind": "clawback", "component": "exp", **rule}]), "drawn")


@pytest.mark.parametrize(
    ("rule", "back"),
    [
        ({"how": "at_rate_paid"}, -60),
        ({"how": "at_rate_paid", "within_days": 97}, -60),
        ({"how": "at_rate_paid", "within_days": 96}, None),
        ({"how": "by_elapsed_term"}, -45),  # 3 of 12 months served
        ({"how": "schedule", "schedule": [[90, 1.0], [120, 0.25]]}, -15),
        ({"how": "schedule", "schedule": [[90, 1.0]]}, None),
    ],
)
def test_pay_on_a_gain_is_taken_back_when_the_account_leaves(rule: Row, back: float | None) -> None:
    """C grew by 600 on 15 March, paid 60 of p's 185, and left on 20 June, 97 days later; b stayed."""
    run = run_of(clawing(**rule), "2025Q1:2025Q2")
    mine = run.payouts[run.payouts["payee_id"] == "p"]
    taken = mine[mine["component"] == "clawback"]
    assert taken["payout"].tolist() == ([] if back is None else [back])
    assert taken["period"].tolist() == ([] if back is None else ["2025Q2"])
    assert mine[mine["component"] == "exp"]["payout"].tolist() == [185, 0]


def test_an_explanation_holds_what_the_plan_adds() -> None:
    run = run_of(clawing(how="at_rate_paid"), "2025Q1:2025Q2")
    explanation = explain(run, "p", "2025Q2")
    parts = explanation.chain[explanation.chain["step"] == "component"]
    assert parts["amount"].tolist() == [0, -60]
    assert explanation.chain[explanation.chain["step"] == "payout"]["amount"].tolist() == [-60]
    assert "-60.00 by the plan's clawback" in explanation.sentence
    assert any("clawback" in line.lower() and "-60.00" in line for line in explanation.lines())


def test_each_period_is_paid_by_the_version_in_force() -> None:
    old = counting().model_copy(update={"effective_on": counting().effective_on.replace(year=2024)})
    new = counting(rate=300).model_copy(update={"effective_on": old.effective_on.replace(year=2025, month=4)})
    history = company(event("a3", "a", "renewal", 1000, "2025-05-01")).history()
    found = payouts_in_force([new, old], history, "2025Q1:2025Q2")
    mine = found[found["payee_id"] == "p"]
    assert mine["payout"].tolist() == [250, 300]
    assert mine["version"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-01", "2025-04-01"]
    with pytest.raises(PlanError, match=r"has no version of the plan in force yet\. Begin with 2024-01-01"):
        payouts_in_force([new, old], history, "2023Q4:2025Q2")
