"""Charts draw the tables' figures, always with the baseline, and offer no upload."""

from __future__ import annotations

import plotly
import pytest

import compmodel as cm
from compmodel.charts import FIGURE_CONFIG, QUESTIONS, plan_colours


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
    gains, loses, same = figure.data
    assert all(change > 0 for change in gains.x)
    assert all(change < 0 for change in loses.x)
    assert all(change == 0 for change in same.x)
    assert len({trace.marker.color for trace in figure.data}) == 3
    assert [trace.name[0] for trace in figure.data] == ["▲", "▼", "="]


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
