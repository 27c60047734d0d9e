"""Charts draw the tables' figures, always with the baseline, and offer no upload."""

from __future__ import annotations

import dataclasses

import plotly
import pytest

import compmodel as cm
from compmodel.charts import QUESTIONS, plan_colours
from compmodel.figures import FIGURE_CONFIG, quarter_labels


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml", "data/plans/halves_signing.yaml")
    return cm.compare(cm.replay(plans, sample, "2025Q1:2025Q4"), "thirds")


def test_cost_bars_and_the_baseline_line_are_the_table(comparison: cm.Comparison) -> None:
    table = cm.cost_by_period(comparison).table
    figure = cm.charts.cost_by_period(comparison)
    for plan in comparison.plans:
        mine = table[table["plan"] == plan.name]
        kind = "scatter" if plan.name == comparison.baseline else "bar"
        (trace,) = [t for t in figure.data if t.name == plan.title and t.type == kind and t.yaxis in (None, "y")]
        assert list(trace.y) == list(mine["cost"])
        assert list(trace.x) == list(mine["period"])
    changes = [list(trace.y) for trace in figure.data if trace.yaxis == "y2"]
    assert changes == [list(table[table["plan"] == plan.name]["change"]) for plan in comparison.others]


def test_everyone_is_drawn_under_every_plan(comparison: cm.Comparison) -> None:
    table = cm.pay_by_payee(comparison).table
    figure = cm.charts.pay_by_payee(comparison)
    for plan in comparison.plans:
        (trace,) = [t for t in figure.data if t.name == plan.title]
        assert dict(zip(trace.y, trace.x, strict=True)) == dict(
            table[table["plan"] == plan.name][["person", "pay"]].itertuples(index=False, name=None)
        )


def test_gainers_and_losers_are_told_apart_by_colour_and_mark(comparison: cm.Comparison) -> None:
    figure = cm.charts.pay_change_by_payee(comparison)
    gains, loses, same = figure.data[:3]
    assert all(change > 0 for change in gains.x)
    assert all(change < 0 for change in loses.x)
    assert all(change == 0 for change in same.x)
    assert len({trace.marker.color for trace in (gains, loses, same)}) == 3
    titles = ["▲ gains under Halves", "▼ loses under Halves", "= unchanged under Halves"]
    assert [trace.name for trace in (gains, loses, same)] == titles


def test_every_other_plan_is_drawn_against_the_baseline(comparison: cm.Comparison) -> None:
    table = cm.pay_change_by_payee(comparison).table
    figure = cm.charts.pay_change_by_payee(comparison)
    bars, marks = [t for t in figure.data if t.type == "bar"], [t for t in figure.data if t.type == "scatter"]
    drawn = {"halves": [pair for bar in bars for pair in zip(bar.y, bar.x, strict=True)]}
    drawn |= {mark.legendgroup: list(zip(mark.y, mark.x, strict=True)) for mark in marks}
    assert list(drawn) == [plan.name for plan in comparison.others]
    for plan, points in drawn.items():
        mine = table[table["plan"] == plan]
        assert dict(points) == dict(zip(mine["person"], mine["change"], strict=True))


def test_panels_carry_the_sliders_titles(comparison: cm.Comparison, sample: cm.History) -> None:
    def panels(compared: cm.Comparison) -> list[str]:
        return [note.text for note in cm.charts.payout_curves(compared).layout.annotations]

    assert panels(comparison) == ["<b>Renewal rate</b>", "<b>NRR</b>", "<b>KPI</b>"]
    other = comparison.plan("halves").replace({"components.kpi.metric": "kpi.business_reviews"})
    changed = [plan if plan.name != "halves" else other for plan in comparison.plans]
    two_counts = dataclasses.replace(comparison, plans=tuple(changed))
    assert panels(two_counts)[2:] == ["<b>KPI: customer prs</b>", "<b>KPI: business reviews</b>"]


def test_a_single_plan_has_no_empty_panel_and_one_quarter_no_line(sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    alone = cm.charts.cost_by_period(cm.compare(cm.replay(plans[:1], sample, "2025Q1:2025Q4"), "thirds"))
    assert [axis.title.text for axis in alone.select_yaxes()] == ["Cost, USD"]
    quarter = cm.charts.cost_by_period(cm.compare(cm.replay(plans, sample, "2025Q4"), "thirds"))
    assert [(trace.name, trace.type) for trace in quarter.data if trace.showlegend is None] == [
        ("Thirds", "bar"),
        ("Halves", "bar"),
    ]


@pytest.mark.parametrize(
    ("periods", "ticks"),
    [
        (["2024Q3", "2024Q4", "2025Q1"], ["Q3<br>2024", "Q4", "Q1<br>2025"]),
        (["2024Q4", "2025Q1", "2025Q2"], ["Q4", "Q1<br>2025", "Q2"]),
        (["2025Q4"], ["Q4<br>2025"]),
    ],
)
def test_each_year_is_written_once_where_there_is_room(periods: list[str], ticks: list[str]) -> None:
    assert quarter_labels(periods) == ticks


def test_namesakes_stay_apart_on_the_axis(comparison: cm.Comparison) -> None:
    names = {p: f"Maximiliane-Alexandrine von Hohenberg ({p})" for p in comparison.pay["person"].unique()}
    figure = cm.charts.pay_by_payee(
        dataclasses.replace(comparison, pay=comparison.pay.assign(person=comparison.pay["person"].map(names)))
    )
    labels = figure.layout.yaxis.ticktext
    assert len(set(labels)) == len(names)
    assert max(map(len, labels)) == 24


def test_the_baseline_is_grey_and_every_plan_has_its_own_colour(comparison: cm.Comparison) -> None:
    colours = plan_colours(comparison)
    assert colours["thirds"] == cm.style.BASELINE
    assert len(set(colours.values())) == len(comparison.plans)


@pytest.mark.parametrize("chart", [chart for _, _, chart in QUESTIONS])
def test_no_axis_is_cut_off_and_no_template_is_global(chart: object, comparison: cm.Comparison) -> None:
    before = plotly.io.templates.default
    figure = chart(comparison)  # type: ignore[operator]
    assert plotly.io.templates.default == before
    for axis in (*figure.select_yaxes(), *figure.select_xaxes()):
        if axis.title.text and comparison.currency in axis.title.text:
            assert axis.rangemode == "tozero"


def test_no_upload_is_offered() -> None:
    assert FIGURE_CONFIG["showSendToCloud"] is False
    assert FIGURE_CONFIG["plotlyServerURL"] == ""
