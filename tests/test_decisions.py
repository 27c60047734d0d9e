"""What is undecided, priced: each option against a replay of its own, cents exactly."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest

import compmodel as cm
from compmodel.decisions import _worth, open_decisions
from histories import Company, counted, employed, event, held
from test_pay import part, plan_of

SPANS = {"quarter": "2025Q1:2025Q4", "half": "2025H1:2025H2"}
UNDECIDED = sorted(path.stem for path in Path("data/plans").glob("*.yaml") if cm.load_plan(path).open_decisions)


@pytest.fixture(scope="module")
def history(sample: cm.History) -> cm.History:
    """The sample with counts of opportunities, which one of the published plans pays for."""
    prs = sample.kpis[sample.kpis["kpi"] == "customer_prs"]
    return dataclasses.replace(sample, kpis=pd.concat([sample.kpis, prs.assign(kpi="opportunities")]))


def by_hand(run: cm.Replay) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in run.payouts.itertuples():
        sums[row.payee_id, row.period] += round(row.cost * 100)
    return sums


@pytest.mark.parametrize("name", UNDECIDED)
def test_each_option_is_priced_as_a_replay_of_it(history: cm.History, name: str) -> None:
    plan = cm.load_plan(f"data/plans/{name}.yaml")
    span = SPANS[plan.pay.period]
    (run,) = cm.replay([plan], history, span)
    comparison = cm.compare([run], names="shown")
    rows = open_decisions(comparison).table.to_dict("records")
    person = comparison.labels.set_index("payee_id")["person"]
    options = [(decision, option) for decision in plan.decisions() for option in decision.options]
    assert len(rows) == len(options)
    before = by_hand(run)
    for row, (decision, option) in zip(rows, options, strict=True):
        (other,) = cm.replay([plan.decided(decision.field, option)], history, span)
        after = by_hand(other)
        change = {key: after.get(key, 0) - before.get(key, 0) for key in {**before, **after}}
        people: dict[str, int] = defaultdict(int)
        for (payee, _), cents in change.items():
            people[person[payee]] += cents
        assert row["not_priced"] == ""
        assert (row["field"], row["is_now"]) == (decision.field, option == decision.now)
        assert round(row["cost"] * 100) == sum(after.values())
        assert round(row["change"] * 100) == sum(change.values())
        assert row["n_people"] == len({payee for (payee, _), cents in change.items() if cents})
        assert abs(round(row["largest_change"] * 100)) == max(map(abs, people.values()))
        if row["person"]:
            assert round(row["largest_change"] * 100) == people[row["person"]]


def test_every_published_decision_is_looked_at() -> None:
    assert len(UNDECIDED) >= 8


def test_what_is_undecided_is_said(history: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    answer = open_decisions(cm.compare(cm.replay(plans, history, "2025Q1:2025Q4"), "thirds", "shown"))
    mine = answer.table[answer.table["field"] == "components.renewals.attainment"]
    worth = cm.style.short_money(mine["cost"].max() - mine["cost"].min())
    other = mine[~mine["is_now"]].iloc[0]
    assert answer.sentence.startswith("Three fields are undecided, of which one matters here. Thirds, ")
    assert (
        f'"Do renewals pay from the first one, or only above 80%?" is worth {worth} USD and moves '
        f"{other['n_people']:.0f} people's pay, "
        f"at most by +{cm.style.short_money(other['largest_change'])} USD ({other['person']})."
    ) in answer.sentence
    rest = answer.sentence.split("What makes no difference here: ")[1]
    assert rest.endswith("(moves nobody's pay).")  # NRR counts no renewals
    rounded = answer.table[answer.table["field"] == "pay.currency"]
    cents = rounded["cost"].max() - rounded["cost"].min()
    assert 'own currency?" (only rounding, ' in rest
    assert cents < 1
    assert not rounded["matters"].any()


def test_what_is_worth_cents_has_its_currency_too() -> None:
    rows = [{"cost": cost, "n_people": 26, "largest_change": 0.05, "person": ""} for cost in (10.0, 10.15)]
    assert _worth(rows, "EUR") == "is worth 0.15 EUR and moves 26 people's pay, at most by +0.05 EUR"


def test_nothing_undecided_is_said(history: cm.History) -> None:
    plan = cm.load_plan("data/plans/retain_and_expand.yaml")
    answer = open_decisions(cm.compare(cm.replay([plan], history, "2025Q4")))
    assert answer.sentence == f"Nothing is undecided in {plan.title}."
    assert answer.table.empty


def test_what_cannot_be_priced_is_said_with_its_reason(history: cm.History) -> None:
    decision = {
        "field": "components.kpi.metric",
        "question": "Which count?",
        "options": ["kpi.customer_prs", "kpi.qbr", "kpi.csat"],
    }
    refused = {"field": "components.kpi.target", "question": "How many?", "options": [12, -3]}
    plan = cm.load_plan("data/plans/halves.yaml").replace({"open_decisions": [decision, refused]})
    answer = open_decisions(cm.compare(cm.replay([plan], history, "2025Q4")))
    rows = answer.table.to_dict("records")
    assert [bool(row["not_priced"]) for row in rows] == [False, True, False, False, True]
    assert "kpis table" in rows[1]["not_priced"]
    assert pd.isna(rows[1]["cost"])
    assert "kpi.qbr cannot be priced" in answer.sentence
    assert "the plan now pays by none of these" in answer.sentence.split("How many?")[1]


def test_aliases_hide_names_and_whose_pay_few_options_move(sample: cm.History, history: cm.History) -> None:
    decision = {
        "field": "components.nrr.level.by_role",
        "question": "Are leads measured on the company?",
        "options": [{"lead": "team"}, {"lead": "company"}],
    }
    asked = cm.load_plan("data/plans/halves.yaml").replace({"open_decisions": [decision]})
    (run,) = cm.replay([asked], history, "2025Q4")
    leads = run.stage.people.loc[run.stage.people["role"] == "lead", "payee_id"]
    kept = history.payees[~history.payees["payee_id"].isin(leads.iloc[3:])]
    comparison = cm.compare(cm.replay([asked], dataclasses.replace(history, payees=kept), "2025Q4"))
    table = open_decisions(comparison).table
    assert table["option"].tolist() == ["lead the team's result", "lead the company's result"]
    moved = table.iloc[-1]
    assert 1 <= moved["n_people"] < 5
    assert moved["person"] == ""
    named = open_decisions(cm.compare(comparison.replays, names="shown")).table.iloc[-1]
    assert named["person"] in set(sample.payees["name"])
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/team_80_20.yaml")
    answer = open_decisions(cm.compare(cm.replay(plans, sample, "2025Q4"), "thirds"))
    written = answer.sentence + answer.table.to_csv()
    secrets = [*sample.payees["name"].dropna().unique(), *sample.payees["payee_id"].unique()]
    assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", written)] == []


def test_columns_are_those_documented(history: cm.History) -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    answer = open_decisions(cm.compare(cm.replay([plan], history, "2025Q4")))
    documented = " ".join(str(open_decisions.__doc__).split("Table: ")[1].split()).split("; ", 1)[1].split(" Beside")[0]
    columns = re.sub(r" \([^)]*\)", "", documented).rstrip(".").split(", ")
    assert list(answer.table.columns) == columns


def test_beside_aliases_nobody_is_named_however_many_are_moved(sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    shown = cm.compare(cm.replay(plans, sample, "2025Q4"), "thirds", "shown")
    assert (open_decisions(shown).table["person"] != "").any()
    aliased = cm.compare(shown.replays, "thirds")
    answer = open_decisions(aliased)
    assert (answer.table["n_people"] >= 5).any()
    assert (answer.table["person"] == "").all()
    assert not [person for person in aliased.labels["person"] if person in answer.sentence]


def test_five_cents_are_rounding_and_six_matter() -> None:
    """A dollar a quarter at a goal of 1, 95 cents at 1.05 and 94 at 1.06."""
    kpis = [counted(1, "2025-01-15", "x", payee_id="p")]
    company = Company([event("a0", "a", "new", 1, "2024-01-01")], [held("a", "p")], [employed("p", 4)], kpis)
    decision = {"field": "components.a.target", "question": "Which goal?", "options": [1, 1.05, 1.06]}
    plan = cm.plan.parsed_plan({**plan_of([part("a", 1)]), "open_decisions": [decision]}, "drawn")
    table = open_decisions(cm.compare(cm.replay([plan], company.history(), "2025Q1"))).table
    assert table["change"].tolist() == [0, -0.05, -0.06]
    assert table["matters"].tolist() == [False, False, True]
