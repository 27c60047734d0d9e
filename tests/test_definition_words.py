"""Every option of the lab is said in words, and its tables read as those of a comparison."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from compmodel.definition_words import field_words, goal_caveat, legend, legend_html, legend_lines, read_table
from compmodel.definitions import BASELINES, definition_grid
from compmodel.html_tables import table_html
from compmodel.plan import load_plan
from histories import sample_history

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", ["halves", "thirds", "halves_signing", "retain_and_expand", "flowfuse_nrr_only"])
def test_every_option_means_something_and_the_plans_own_is_marked(name: str) -> None:
    plan = load_plan(ROOT / f"data/plans/{name}.yaml")
    asked = legend(plan, definition_grid(plan, sample_history()))
    assert [option for question in asked for option in question.options if not option.means] == []
    own = {question.name: [o.name for o in question.options if "as in the plan" in o.means] for question in asked}
    assert own["Exchange of ARR"] == ["constant"]
    assert ("notice and signature" in own["Credit dates"]) is (name in ("halves_signing", "flowfuse_nrr_only"))


def test_the_plans_own_words_stand_beside_what_an_option_writes() -> None:
    plan = load_plan(ROOT / "data/plans/halves.yaml")
    asked = {question.name: question for question in legend(plan, definition_grid(plan, sample_history()))}
    dates = asked["Credit dates"]
    assert dates.own == "credit_on: churn ends_on; contraction, renewal, expansion effective_on"
    assert dates.options[1].writes == (
        "credit_on: churn, contraction notice_on, else effective_on; renewal, expansion signed_on, else effective_on"
    )
    assert asked["Baseline"].own == "baseline: period_start"
    assert asked["Who sourced a gain"].own == ""


def test_field_words_of_a_way_that_is_no_column() -> None:
    rule = {"credit_on.churn": [{"later_of": ["ends_on", "notice_on"]}]}
    assert field_words(rule) == "credit_on: churn {later_of: ends_on, else notice_on}"


def test_a_legend_on_a_page_and_on_a_screen() -> None:
    plan = load_plan(ROOT / "data/plans/halves.yaml")
    asked = legend(plan, {"<Goal>": {"<i>": {"components.nrr.target": 1.2}}})
    page = legend_html(asked)
    assert page.startswith('<details class="legend">')
    assert "&lt;Goal&gt;" in page
    assert "<i>" not in page
    assert max(map(len, legend_lines(legend(plan, definition_grid(plan, sample_history())), 60))) <= 60


def test_a_goal_held_against_a_year_is_said() -> None:
    year, own = BASELINES["twelve months before"][0], BASELINES["quarter's start"][0]
    assert "held against a year" in goal_caveat({"components.nrr.baseline": year})
    assert goal_caveat({"components.nrr.baseline": own}) == ""


def test_a_table_reads_in_words_percent_and_whole_money() -> None:
    row = {"question": "Level", "option": "team", "share_moved": 0.3208, "pay_moved": 525367.6, "change": 1e-12}
    page = table_html(read_table(pd.DataFrame([{**row, "n_gain": 1200, "nrr": 1.015}])))
    assert '<th class="number">share of cost</th>' in page
    texts = (">32.08%<", ">525,368<", ">0<", ">1,200<", ">101.50%<", "company NRR")
    assert [text for text in texts if text not in page] == []
