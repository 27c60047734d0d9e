"""The definition lab: cells are the plans they name, and what moves is added up by hand."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from compmodel.definitions import (
    AS_IS,
    Definitions,
    compare_definitions,
    definition_fights,
    definition_grid,
    is_as_planned,
)
from compmodel.errors import PlanError
from compmodel.plan import Plan, example_plan, load_plan
from compmodel.replay import replay
from histories import SPAN, Company, Row, companies, counted, employed, event, held, sample_history

ROOT = Path(__file__).resolve().parents[1]
SIGNED: Row = {"credit_on.expansion": "signed_on"}
GRID: dict[str, dict[str, Row]] = {
    "Credit dates": {"signature": SIGNED},
    "Holder": {"opening": {"books.holder": "opening"}, "as it is already": {"books.holder": "credit_date"}},
    "Baseline": {"year": {"components.nrr.baseline": "year_start"}},
}
COMPANY = Company(
    [
        event("a0", "a", "new", 100_000, "2024-01-01"),
        event("b0", "b", "new", 100_000, "2024-01-01"),
        event("a1", "a", "expansion", 15_000, "2025-04-01", signed_on="2025-03-20"),
        event("b1", "b", "contraction", -10_000, "2025-02-01", ends_on="2025-01-31"),
    ],
    [held("a", "p"), held("b", "q")],
    [employed("p", name="Ada"), employed("q", name="Bea")],
    [counted(1, "2024-01-01", payee_id="p")],
)
"""By effective dates p reaches the goal in the second quarter and is paid 5,000; q is paid nothing."""


def lab(grid: dict[str, dict[str, Row]] = GRID, crossed: bool = True, **more: Any) -> Definitions:
    return compare_definitions(
        COMPANY.history(), grid, more.pop("plan", example_plan()), "2025Q1:2025Q2", crossed, **more
    )


def test_every_combination_is_a_cell_and_the_first_is_the_plan() -> None:
    cells = lab().cells
    options = list(cells[list(GRID)].itertuples(index=False, name=None))
    assert options == list(itertools.product([AS_IS, "signature"], [AS_IS, "opening"], [AS_IS, "year"]))
    assert cells["n_changed"].tolist() == [0, 1, 1, 2, 1, 2, 2, 3]
    assert cells.loc[0, ["change", "pay_moved", "n_gain", "n_lose"]].tolist() == [0, 0, 0, 0]


def test_one_at_a_time() -> None:
    assert lab(crossed=False).cells["n_changed"].tolist() == [0, 1, 1, 1]


def test_what_a_cell_says_is_what_its_plan_pays() -> None:
    """Signed in March, the expansion counts in the first quarter: 5,000 stay 5,000. The year's pays again in Q2."""
    found = lab()
    for row in found.cells.to_dict("records"):
        changes: Row = {}
        for question, options in GRID.items():
            changes |= options.get(row[question], {})
        (run,) = replay([example_plan().replace(changes)], COMPANY.history(), "2025Q1:2025Q2")
        assert row["cost"] == run.payouts["cost"].sum()
        mine = found.people[found.people["cell"] == row["cell"]]
        assert mine["pay"].sum() == row["cost"]
        assert mine["change"].sum() == pytest.approx(row["change"], abs=1e-9)
        assert mine["change"].abs().sum() == pytest.approx(row["pay_moved"], abs=1e-9)
    costs = found.cells.set_index(list(GRID))["cost"]
    assert costs[AS_IS, AS_IS, AS_IS] == 5_000
    assert costs["signature", AS_IS, AS_IS] == 5_000
    assert costs["signature", AS_IS, "year"] == 10_000


def test_the_companys_figures() -> None:
    """Q1: 190 of 200 thousand; Q2: 205 of 190; of the year's cohort 190 and 205 of 200."""
    cells = lab().cells.set_index(list(GRID))
    assert cells.loc[(AS_IS, AS_IS, AS_IS), "nrr"] == (190 + 205) / (200 + 190)
    assert cells.loc[(AS_IS, AS_IS, "year"), "nrr"] == (190 + 205) / (200 + 200)
    assert cells.loc[(AS_IS, AS_IS, AS_IS), "grr"] == (190 + 190) / (200 + 190)


def test_ranks() -> None:
    """Level team gives both the same, so p, who was first, shares the first place, and q rises by one."""
    team = {"Level": {"company": {"components.nrr.level": "company"}}}
    people = lab(team).people
    mine = people[people["cell"] == 1].set_index("person")
    assert mine["rank"].tolist() == [1, 1]
    assert sorted(mine["rank_change"]) == [0, 1]


def test_people_carry_aliases_unless_names_are_asked_for() -> None:
    assert set(lab().people["person"]) == {"Person 1", "Person 2"}
    assert set(lab(names="shown").people["person"]) == {"Ada", "Bea"}


def test_what_is_refused_is_skipped_with_the_reason() -> None:
    grid = {
        "Baseline": {"months": {"components.nrr.baseline": "month_start"}, "year": GRID["Baseline"]["year"]},
        "Dates": {"payment": {"credit_on.expansion": "paid_on"}},
    }
    found = lab(grid)
    assert found.cells["n_changed"].tolist() == [0, 1]
    assert list(found.skipped) == ["Baseline: months", "Dates: payment", "Baseline: year; Dates: payment"]
    assert "combined belong together" in found.skipped["Baseline: months"]
    assert "has no day by paid_on" in found.skipped["Dates: payment"]


def test_a_plan_that_cannot_be_replayed_is_an_error() -> None:
    with pytest.raises(PlanError, match="is not counted"):
        lab(plan=example_plan().replace({"components.kpi.metric": "kpi.visits"}))


def test_an_interrupt_keeps_what_is_done() -> None:
    def stop(done: int, total: int) -> None:
        assert total == 8
        if done == 3:
            raise KeyboardInterrupt

    found = lab(progress=stop)
    assert (len(found.cells), found.is_complete) == (3, False)
    moved = found.cells.assign(pay_moved=1.0)
    said = definition_fights(dataclasses.replace(found, cells=moved)).sentence
    assert said.endswith("It was stopped before all were tried.")


def test_where_nothing_moves_nothing_matters() -> None:
    assert definition_fights(lab()).sentence == "No definition tried moves any pay under NRR and KPI, half each."
    kpi_only = example_plan().replace(
        {"components": [example_plan().model_dump(mode="json")["components"][1] | {"weight": 1}]}
    )
    assert definition_grid(kpi_only, COMPANY.history()) == {}


def test_the_companys_figure_of_chained_months_is_a_quarters() -> None:
    """Within these quarters the cohort of each month is the quarter's, so months chained are the quarter."""
    months = {"Baseline": {"months": {"components.nrr.baseline": "month_start", "components.nrr.combined": "chained"}}}
    cells = lab(months).cells
    assert cells["nrr"].tolist() == pytest.approx([(190 + 205) / (200 + 190)] * 2, rel=1e-12)


def test_which_fights_matter() -> None:
    """A goal of 107.5% pays p twice; signing dates move 5,000 to another quarter, which is neither more nor less."""
    answer = definition_fights(lab({**GRID, "Goal": {"107.5%": {"components.nrr.target": 1.075}}}))
    moved = dict(zip(answer.table["question"], answer.table["pay_moved"], strict=True))
    assert moved == {"Goal": 5_000.0, "Baseline": 0.0, "Credit dates": 0.0, "Holder": 0.0}
    assert next(iter(moved)) == "Goal"
    assert answer.sentence.startswith(
        "What matters most is Goal: 107.5% moves 5.0k USD of pay from or to people, 100.0% of what"
    )
    assert "up for 1 and down for 0. What one person gets in another quarter instead is not counted" in answer.sentence
    assert answer.sentence.endswith("What matters least is Holder: at most 0.0% of pay moves.")


def test_nothing_tried_says_so() -> None:
    assert "nothing is known of other definitions" in definition_fights(lab({})).sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", ["halves", "thirds", "halves_signing", "retain_and_expand", "flowfuse_nrr_only"])
def test_the_grid_of_each_plan_file_leaves_the_plan_itself_out(name: str) -> None:
    plan = load_plan(ROOT / f"data/plans/{name}.yaml")
    grid = definition_grid(plan, sample_history())
    assert {"Credit dates", "Baseline", "Holder of an account", "Level", "Exchange of ARR"} <= set(grid)
    found = compare_definitions(sample_history(), grid, plan, "2025Q4", crossed=False)
    assert (found.cells["n_changed"] <= 1).all()
    assert list(found.skipped) == ["Exchange of ARR: event date"]
    assert found.cells["pay_moved"].gt(0).any()


@settings(max_examples=5)
@given(companies())
def test_the_companys_figures_do_not_depend_on_books(company: Company) -> None:
    grid = {"Holder": {"opening": {"books.holder": "opening"}, "days": {"books.holder": "time_weighted"}}}
    plan: Plan = example_plan().replace({"components.nrr.attainment": {"kind": "ratio"}})
    paid = company.but(payees=[{**row, "target_incentive": 40_000} for row in company.payees])
    cells = compare_definitions(paid.history(), grid, plan, SPAN).cells
    assert cells["nrr"].nunique(dropna=False) == 1
    assert cells["grr"].nunique(dropna=False) == 1


@pytest.mark.parametrize(
    ("dates", "is_own"),
    [
        ({"credit_on.churn": ["notice_on", "effective_on"]}, True),
        ({"credit_on.churn": ["effective_on", "notice_on"]}, False),
        ({"credit_on.churn": ["notice_on", "effective_on"], "books.holder": "opening"}, False),
        ({"credit_on.expansion_at_renewal": "signed_on"}, False),
        ({}, True),
    ],
)
def test_a_date_to_fall_back_on_leaves_the_plan_as_it_is(dates: Row, is_own: bool) -> None:
    plan = load_plan(ROOT / "data/plans/halves_signing.yaml")
    assert is_as_planned(plan, plan.replace(dates)) is is_own


def test_an_option_that_the_plan_has_already_is_not_tried() -> None:
    plan = load_plan(ROOT / "data/plans/halves_signing.yaml")
    grid = {"Credit dates": definition_grid(plan, sample_history())["Credit dates"]}
    found = compare_definitions(sample_history(), grid, plan, "2025Q4", crossed=False)
    assert "notice and signature" not in set(found.cells["Credit dates"])
    assert len(found.cells) == 4
