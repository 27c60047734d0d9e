"""The lab's charts draw the tables behind their sentences, with texts as texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from compmodel.definition_charts import amounts_moved, definition_fights, pay_moved
from compmodel.lab import Lab, definition_answers
from compmodel.plan import load_plan
from compmodel.reports import write_definitions
from histories import sample_history

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def lab() -> Lab:
    plan = load_plan(ROOT / "data/plans/halves.yaml")
    return definition_answers(sample_history(), plan, "2025Q1:2025Q4")


def drawn(figure: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(figure.to_json())
    return found


def test_the_questions_in_order(lab: Lab) -> None:
    headings = [heading for heading, _, _ in lab.answered]
    assert headings == ["Which definitions matter here", "Which amounts change quarter", "Whose pay shifts with them"]


def test_fights(lab: Lab) -> None:
    _, answer, figure = lab.answered[0]
    bar, marks = drawn(figure)["data"]
    assert marks["x"] == answer.table["share_moved"].tolist()
    assert bar["x"] == sorted(bar["x"], reverse=True)
    assert bar["y"] == list(dict.fromkeys(answer.table["question"]))
    assert drawn(figure)["layout"]["title"]["text"] == "Pay moved, share of cost"


def test_amounts(lab: Lab) -> None:
    """What arrives anywhere has left somewhere else, of each type."""
    _, answer, figure = lab.answered[1]
    traces = drawn(figure)["data"]
    for kind in {trace["name"] for trace in traces}:
        up, down = (sum(trace["y"]) for trace in traces if trace["name"] == kind)
        assert up == pytest.approx(-down, rel=1e-12)
        moved = answer.table[(answer.table["event_type"] == kind)]
        moved = moved[moved["period_from"] != moved["period_to"]]
        assert up == pytest.approx(moved["arr"].abs().sum(), rel=1e-12)
    assert traces[0]["x"] == ["earlier", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "later"]


def test_pay(lab: Lab) -> None:
    _, answer, figure = lab.answered[2]
    (heat,) = drawn(figure)["data"]
    assert heat["x"] == ["2025Q1", "2025Q2", "2025Q3", "2025Q4", "all"]
    assert sum(row[-1] for row in heat["z"]) == pytest.approx(answer.table["change"].sum(), abs=1e-6)
    totals = [row[-1] for row in heat["z"]]
    assert totals == sorted(totals, reverse=True)
    assert len(heat["y"]) == answer.table["person"].nunique()


def test_the_colours_have_numbers(lab: Lab) -> None:
    (heat,) = drawn(lab.answered[2][2])["data"]
    assert heat["colorbar"]["tickvals"] == [heat["zmin"], 0, heat["zmax"]]
    assert [said[0] for said in heat["colorbar"]["ticktext"]] == ["-", "0", "+"]


def test_one_quarter_needs_no_sum(lab: Lab) -> None:
    pay = lab.answered[2][1].table
    pay = pay[pay["period"] == "2025Q4"]
    (heat,) = drawn(pay_moved(pay, pay["rule"].iloc[0]))["data"]
    assert heat["x"] == ["2025Q4"]


def test_many_quarters_are_named_by_their_years_on_a_phone(lab: Lab) -> None:
    flow, rule = lab.answered[1][1].table, lab.answered[1][1].table["rule"].iloc[0]
    assert not drawn(pay_moved(lab.answered[2][1].table, rule))["layout"].get("meta")
    earlier = flow.assign(period_to=flow["period_to"].str.replace("2025", "2024"))
    figure = drawn(amounts_moved(pd.concat([flow, earlier]), rule))["layout"]
    narrow = figure["meta"]["narrow"]["ticktext"]
    assert narrow == ["before", "<br>2024", "", "", "", "<br>2025", "", "", "", "after"]
    assert len(narrow) == len(figure["xaxis"]["tickvals"])


def test_tags_in_names_stay_text(lab: Lab) -> None:
    fights = lab.answered[0][1].table.assign(option="<b>$bold$</b>")
    text = json.dumps(drawn(definition_fights(fights)))
    assert "<b>$" not in text
    pay = lab.answered[2][1].table
    pay = pay.assign(person=pay["person"].replace("Person 01", "<i>x</i>"))
    rule = pay["rule"].iloc[0]
    assert "<i>x" not in json.dumps(drawn(pay_moved(pay, rule))["data"][0]["customdata"])


def test_nothing_moves(lab: Lab) -> None:
    """A rule that moves nothing is an empty chart and no error."""
    flow, pay = lab.answered[1][1].table, lab.answered[2][1].table
    still = flow.assign(period_to=flow["period_from"])
    assert drawn(amounts_moved(still, flow["rule"].iloc[0]))["data"] == []
    assert drawn(pay_moved(pay.assign(change=0.0), pay["rule"].iloc[0]))["data"][0]["zmax"] == 1.0


def test_the_file_holds_aliases_and_opens_alone(lab: Lab, tmp_path: Any) -> None:
    page = write_definitions(lab, "Sample <company>", tmp_path / "lab.html").read_text(encoding="utf-8")
    assert "Sample &lt;company&gt;: definitions of Halves" in page
    assert "Usha Yilmaz" not in page
    assert page.count('class="plot"') == 3
    table = write_definitions(lab, "Sample", tmp_path / "lab.csv").read_text(encoding="utf-8")
    assert table.splitlines()[0].startswith("question,option,share_moved,pay_moved,change")
    assert len(table.splitlines()) == 1 + len(lab.answered[0][1].table)
