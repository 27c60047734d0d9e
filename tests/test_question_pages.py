"""Pages of questions: each is answered and drawn, nobody is told beside aliases, what cannot be answered says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import compmodel as cm
from compmodel.explore import MOVES
from compmodel.html_tables import table_html
from compmodel.question_pages import PAGES, Asked, answered_page, answered_question, check_page
from compmodel.reports import write_questions

PLANS = Path("data/plans")
NO_WORDS = re.compile(r"\bnan\b|\binf\b|components\[|None(?! of)|Traceback|  ")


def compared(sample: cm.History, *names: str, shown: str = "aliases", periods: str = "2025Q1:2025Q4") -> cm.Comparison:
    plans = cm.load_plans(*(PLANS / f"{name}.yaml" for name in names))
    return cm.compare(cm.replay(plans, sample, periods), names[0], shown)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pages(sample: cm.History) -> dict[str, list[Asked]]:
    comparison = compared(sample, "thirds", "halves")
    return {page: list(answered_page(page, comparison)) for page in PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_every_question_is_answered_in_words_with_its_table(pages: dict[str, list[Asked]], page: str) -> None:
    assert [one.heading for one in pages[page]] == [question.heading for question in PAGES[page]]
    for one in pages[page]:
        assert not one.answer.sentence.startswith("Not answered"), one.heading
        assert not NO_WORDS.search(one.answer.sentence), one.answer.sentence
        assert len(one.answer.table), one.heading
        assert one.figure is not None, one.heading


RAW = re.compile(r"components|\[\d|_|\bp[159]0\b|\bTrue\b|\bFalse\b|\bnan\b")


@pytest.mark.parametrize("page", PAGES)
def test_tables_are_in_words(pages: dict[str, list[Asked]], page: str) -> None:
    """No path, no name for machines, no share of 1, no p10: neither in a head nor in a cell."""
    for one in pages[page]:
        cells = re.findall(r"<t[hd] [^>]*>([^<]*)", table_html(one.answer.table))
        assert [cell for cell in cells if RAW.search(cell)] == [], one.heading


def cells_of(asked: list[Asked], heading: str) -> list[dict[str, str]]:
    (found,) = [one for one in asked if one.heading == heading]
    page = table_html(found.answer.table)
    heads = re.findall(r"<th [^>]*>([^<]*)", page)
    cells = re.findall(r"<td [^>]*>([^<]*)", page)
    return [dict(zip(heads, cells[i : i + len(heads)], strict=True)) for i in range(0, len(cells), len(heads))]


def test_shares_are_percentages_and_amounts_money(pages: dict[str, list[Asked]]) -> None:
    goal = cells_of(pages["sensitivity"], "One goal, from low to high")[0]
    assert (goal["NRR target"], goal["as it is"]) == ("105%", "no")
    assert re.fullmatch(r"[\d.]+%", goal["share at target"])
    assert re.fullmatch(r"[\d,]+\.\d\d", goal["cost"])
    moved = {row["number"]: row for row in cells_of(pages["sensitivity"], "Which number moves cost most")}
    weight = moved["NRR weight"]
    assert [weight[name] for name in ("now", "lower", "higher")] == ["50%", "45%", "55%"]
    assert moved["KPI target"]["lower"] == "9"
    assert re.fullmatch(r"-?[\d,]+\.\d\d", weight["change if lower"])
    point = cells_of(pages["explore_plan"], "Dead zones, cliffs and caps of the curves")[0]
    assert (point["component"], point["next point pays, of its target incentive"]) == ("Renewal rate", "1%")
    swing = cells_of(pages["team_or_individual"], "How much chance swings pay")[0]
    assert swing["against individual targets"] == "100%"


def test_the_title_of_the_tornado_says_how_far_and_rows_from_where_to_where(pages: dict[str, list[Asked]]) -> None:
    (figure,) = [one.figure for one in pages["sensitivity"] if one.heading == "Which number moves cost most"]
    assert figure is not None
    assert figure.layout.legend.title.text == f"Change of cost, USD: each number {MOVES['alike']}"
    assert "95% to 105%" in "".join(figure.layout.yaxis.ticktext)


def test_ranges_are_said_in_one_way(pages: dict[str, list[Asked]]) -> None:
    """P10 to P90 hold eight times in ten, the intervals of differences nine."""
    for asked in pages.values():
        for one in asked:
            shown = one.answer.sentence + table_html(one.answer.table) + (one.figure.to_json() if one.figure else "")
            assert not re.search(r"\bP[159]0\b|90% interval|in ten resamples|resamples of ten", shown), one.heading


def test_beside_aliases_nobody_is_told(pages: dict[str, list[Asked]], sample: cm.History, tmp_path: Path) -> None:
    comparison = compared(sample, "thirds", "halves")
    secrets = {*sample.payees["payee_id"], *sample.payees["name"], *sample.accounts["account_id"]}
    secrets |= {*sample.arr_events["event_id"]}
    for page, asked in pages.items():
        text = write_questions("All questions", comparison, asked, tmp_path / f"{page}.html").read_text()
        assert "People appear by alias. Plans: Thirds; Halves." in text
        words = set(
            re.findall(r"[\w-]+(?: [\w'-]+)?", re.sub(r'<script type="text/plain".*?</script>', "", text, flags=re.S))
        )
        assert words & secrets == set(), page


def test_an_answer_about_one_plan_names_it_first(pages: dict[str, list[Asked]]) -> None:
    assert {one.answer.sentence.split(": ")[0] for one in pages["sensitivity"][1:5]} == {"Halves"}
    assert {one.answer.sentence.split(": ")[0] for one in pages["team_or_individual"]} == {"Thirds"}


def test_with_names_shown_people_are_named(sample: cm.History) -> None:
    comparison = compared(sample, "thirds", "halves", shown="shown", periods="2025Q4")
    named = [one for one in answered_page("explore_plan", comparison) if "person" in one.answer.table]
    assert len(named) >= 3
    assert all(set(one.answer.table["person"].dropna()) <= {*sample.payees["name"], ""} for one in named)


def test_a_plan_that_an_answer_cannot_take_is_named_and_another_one_answered(sample: cm.History) -> None:
    thirds, halves = cm.load_plans(PLANS / "thirds.yaml", PLANS / "halves.yaml")
    draw = {"kind": "draw", "amount": 1000, "recoverable": True}
    drawn = halves.replace({"name": "drawn", "title": "Drawn", "adjustments": [draw]})
    runs = cm.replay([drawn, thirds], sample, "2025Q4")
    asked = {"All numbers at once": ("thirds",), "How much chance swings pay": ("drawn",)}
    asked["What is left of the reason to retain more"] = ("drawn",)
    questions = {one.heading: one for page in PAGES.values() for one in page}
    for heading, (baseline,) in asked.items():
        said = answered_question(questions[heading], cm.compare(runs, baseline)).answer.sentence
        assert said.startswith("Thirds: "), heading
        assert "Drawn is left out: it " in said, heading


@pytest.mark.slow
@pytest.mark.parametrize("names", [("halves",), ("flowfuse_cliff", "team_80_20"), ("rate_on_arr", "posthog_2026_10")])
def test_other_plans_are_answered_or_it_is_said_why(sample: cm.History, names: tuple[str, ...]) -> None:
    comparison = compared(sample, *names, periods="2025Q4")
    for page in PAGES:
        for one in answered_page(page, comparison):
            said = one.answer.sentence
            assert said, one.heading
            assert not NO_WORDS.search(said), said


@pytest.mark.parametrize("page", ["compare_definitions", "05_compare_definitions", "definitions"])
def test_the_page_of_definitions_names_its_command(page: str) -> None:
    with pytest.raises(cm.CompModelError, match=r"a command of their own\. Write compmodel definitions --plan"):
        check_page(page)


def test_an_unknown_page_names_the_nearest(sample: cm.History) -> None:
    with pytest.raises(cm.CompModelError, match="Did you mean 'sensitivity'"):
        list(answered_page("sensitivty", compared(sample, "halves", periods="2025Q4")))
