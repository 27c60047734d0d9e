"""The lab as a whole: its caveats, what it could not try, and its table on screens of any width."""

from __future__ import annotations

from pathlib import Path

import pytest

from compmodel.definition_charts import MOST_LABELS
from compmodel.lab import Lab, costs_line, definition_answers, lab_lines
from compmodel.plan import load_plan
from compmodel.reports import write_definitions
from histories import sample_history

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def lab() -> Lab:
    return definition_answers(sample_history(), load_plan(ROOT / "data/plans/halves.yaml"), "2025Q3:2025Q4")


def test_the_headline_says_that_the_goal_is_a_quarters(lab: Lab) -> None:
    fights = lab.answered[0][1]
    assert fights.table["question"].iloc[0] == "Baseline"
    assert "A goal set for a quarter is then held against" in fights.sentence


def test_why_these_credit_dates_are_drawn(lab: Lab) -> None:
    assert "moves most pay, so it is the one drawn. Under " in lab.answered[1][1].sentence


def test_what_was_not_tried_is_one_short_line_with_the_reasons_folded(lab: Lab) -> None:
    assert lab.skipped == "Not tried: Exchange of ARR: event date."
    assert "<details><summary>Not tried: Exchange of ARR: event date.</summary>" in lab.skipped_html()
    assert "fx_rates has no EUR rate for" in lab.skipped_html()


@pytest.mark.parametrize("width", [38, 45, 60, 80, 120])
def test_names_stay_whole_on_any_screen(width: int, lab: Lab) -> None:
    lines = lab_lines(lab, width)
    table = lines[: lines.index("") if "" in lines else len(lines)]
    assert max(map(len, table)) <= width
    for option in lab.answered[0][1].table["option"]:
        assert sum(line.startswith(f"  {option} ") for line in table) == 1
    assert ("NRR" in table[0]) is (width >= 80)
    assert lines[-1].startswith("A wider screen also shows ") is (width < 80)


def test_the_costs_line_says_what_moved_counts(lab: Lab) -> None:
    assert "Moved is what people get more or less over all these quarters" in costs_line(lab)


def test_the_page_ends_with_what_was_not_tried_and_has_a_legend(lab: Lab, tmp_path: Path) -> None:
    page = write_definitions(lab, "Sample", tmp_path / "lab.html").read_text(encoding="utf-8")
    assert page.index("Not tried:") > page.index("Whose pay shifts with them")
    assert "What each definition sets, and what the plan says" in page
    assert "share_moved" not in page.split("<script")[0]
    assert MOST_LABELS >= 2
