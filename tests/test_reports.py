"""Reports and exports: strict, offline, private unless asked, the same bytes twice, nothing half-written."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import compmodel as cm
from compmodel.reports import PLOTLY_JSON, comparison_html, render_report, render_reports, report_html, write_comparison

NOTEBOOK = Path("notebooks/quarterly_report.ipynb")


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    return cm.compare(cm.replay(plans, sample, "2025Q3:2025Q4"), "thirds", names="aliases")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_report(NOTEBOOK, {"period": "2025Q4"}, tmp_path_factory.mktemp("report") / "report.html")


PLOTLY = re.compile(r'<script type="text/plain" id="plotly">.*?</script>', re.DOTALL)


def secrets_in(page: str, history: cm.History) -> list[str]:
    text = PLOTLY.sub("", page)
    known = {*history.payees["name"].dropna(), *history.payees["payee_id"], *history.accounts["account_id"]}
    return sorted(
        known & set(re.findall(r"\b[A-Z]\d+\b", text)) | {name for name in known if " " in name and name in text}
    )


@pytest.mark.notebooks
def test_the_report_holds_no_code_and_asks_for_nothing(report: Path) -> None:
    page = report.read_text()
    assert "import compmodel" not in page
    assert "cm.replay" not in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", PLOTLY.sub("", page))
    assert "default-src 'none'" in page
    assert len(page) < 4_000_000


@pytest.mark.notebooks
def test_the_report_is_about_its_quarter_and_then_those_before_it(report: Path) -> None:
    page = report.read_text()
    headings = re.findall(r"<h2[^>]*>([^<]*)", page)
    assert headings[:3] == [
        "What the quarter costs",
        "Who gains, who loses in the quarter",
        "The quarters up to it, for context",
    ]
    said = re.findall(r'<p class="sentence">([^<]*)', page)
    assert re.fullmatch(
        r"In 2025Q4, with 48 people on the plans, Thirds costs 210k\. Halves costs 203k, 6\.9k less \(-3\.3%\); "
        r"\d+ people gain, \d+ lose\.",
        said[0],
    )
    assert said[2].startswith("Over the eight quarters to 2025Q4, with 56 people on the plans at some time, Thirds ")
    assert ">2025Q4:2025Q4<" in page
    assert ">2024Q1:2025Q4<" in page


@pytest.mark.notebooks
def test_the_report_names_nobody_unless_asked(report: Path, sample: cm.History, tmp_path: Path) -> None:
    page = report.read_text()
    assert secrets_in(page, sample) == []
    named = render_report(NOTEBOOK, {"names": "shown"}, tmp_path / "named.html").read_text()
    assert sample.payees["name"].iloc[0] in secrets_in(named, sample)


@pytest.mark.notebooks
def test_the_same_report_twice_is_the_same_bytes_alone_and_in_a_batch(report: Path, tmp_path: Path) -> None:
    told: list[int] = []
    paths = list(
        render_reports(NOTEBOOK, {}, ["2025Q3", "2025Q4"], tmp_path, progress=lambda done, *_: told.append(done))
    )
    assert [path.name for path in paths] == ["quarterly_report_2025Q3.html", "quarterly_report_2025Q4.html"]
    assert paths[1].read_bytes() == report.read_bytes()
    assert paths[0].read_bytes() != report.read_bytes()
    assert told == [1, 2]


def test_an_unknown_parameter_stops_the_report(tmp_path: Path) -> None:
    with pytest.raises(cm.CompModelError, match=r"no parameter 'perod'. Did you mean 'period'"):
        render_report(NOTEBOOK, {"perod": "2025Q4"}, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.notebooks
def test_a_failed_run_leaves_no_file_and_says_why(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("the last good one")
    with pytest.raises(cm.CompModelError, match="not one of the plans compared"):
        render_report(NOTEBOOK, {"baseline": "thrids"}, out)
    assert out.read_text() == "the last good one"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_csv_holds_every_payout_to_the_cent(comparison: cm.Comparison, tmp_path: Path) -> None:
    read = pd.read_csv(write_comparison(comparison, tmp_path / "c.csv"), dtype={"cost": "str"})
    expected = cm.payout_table(comparison)
    assert len(read) == len(expected)
    assert [round(float(p) * 100) for p in read["cost"]] == [round(p * 100) for p in expected["cost"]]


def test_excel_has_a_sheet_a_question_and_the_same_bytes_twice(comparison: cm.Comparison, tmp_path: Path) -> None:
    first = write_comparison(comparison, tmp_path / "a.xlsx").read_bytes()
    assert first == write_comparison(comparison, tmp_path / "b.xlsx").read_bytes()
    sheets = pd.read_excel(io.BytesIO(first), sheet_name=None)
    assert list(sheets) == ["Cost", "Who gains, who loses", "Pay by person", "Payout curves", "Payouts"]
    assert round(sheets["Payouts"]["cost"].sum() * 100) == round(comparison.pay["cost"].sum() * 100)


def test_a_name_that_looks_like_a_formula_stays_text(comparison: cm.Comparison, tmp_path: Path) -> None:
    evil = comparison.pay.assign(person='=HYPERLINK("http://x")')
    ugly = cm.Comparison(**{**vars(comparison), "pay": evil})
    book = zipfile.ZipFile(write_comparison(ugly, tmp_path / "a.xlsx"))
    assert not any(b"<f>" in book.read(name) for name in book.namelist())
    csv = write_comparison(ugly, tmp_path / "a.csv").read_text()
    assert ",=HYPERLINK" not in csv
    assert ',"=HYPERLINK' not in csv


def test_html_escapes_what_people_typed(comparison: cm.Comparison) -> None:
    evil = comparison.pay.assign(person="<script>alert(1)</script>", team="</script><b>")
    page = comparison_html(cm.Comparison(**{**vars(comparison), "pay": evil, "company": "<i>A & B</i>"}))
    assert "<script>alert" not in page
    assert "<i>A" not in page
    assert "</script><b>" not in page


def test_one_plan_alone_draws_no_empty_chart(sample: cm.History) -> None:
    replays = cm.replay([cm.load_plan("data/plans/halves.yaml")], sample, "2025Q3:2025Q4")
    page = comparison_html(cm.compare(replays, "halves"))
    assert page.count('<div class="plot"') == 3
    assert page.count("makes a comparison") == 1
    node = nbformat.v4.new_notebook()
    comparison = cm.compare(replays, "halves")
    for chart in (cm.charts.pay_by_payee, cm.charts.pay_change_by_payee):
        drawn = {PLOTLY_JSON: json.loads(chart(comparison).to_json())}
        cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", drawn)])
        node.cells.append(cell)
    assert report_html(node).count('<div class="plot"') == 1


def test_an_unknown_ending_or_folder_is_said(comparison: cm.Comparison, tmp_path: Path) -> None:
    with pytest.raises(cm.CompModelError, match=r"must end in .html, .csv, .xlsx"):
        write_comparison(comparison, tmp_path / "c.pdf")
    with pytest.raises(cm.CompModelError, match="is not there"):
        write_comparison(comparison, tmp_path / "nowhere" / "c.csv")
