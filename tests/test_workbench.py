"""The workbench without a browser: nothing is altered by being shown, a change reaches every sentence and figure."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

import compmodel as cm
from compmodel.plan import Plan
from compmodel.workbench import Levers, Workbench, compare_plans, open_workbench

PLANS = sorted(Path("data/plans").glob("*.yaml"))
PERIODS = "2025Q1:2025Q4"
FLOOR, WEIGHT = "components.nrr.attainment.floor", "components.nrr.weight"


@pytest.fixture
def bench(sample: cm.History) -> Workbench:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    return compare_plans(sample, plans, PERIODS, "thirds")


def everything(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def texts(widget: Any) -> str:
    """All that a page shows: texts, labels and figures."""
    found = []
    for one in everything(widget):
        found += [str(getattr(one, name, "")) for name in ("value", "description", "figure", "options")]
    return "\n".join(found)


def figures(bench: Workbench) -> list[dict[str, Any]]:
    return [json.loads(chart.plot.figure) for chart in bench.charts]


def sentences(bench: Workbench) -> list[str]:
    return [html.unescape(chart.sentence.value) for chart in bench.charts]


def move(bench: Workbench, path: str, value: object, plan: str = "halves") -> None:
    bench.levers[plan].inputs[path].value = value


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_no_control_alters_a_plan_by_being_shown(path: Path) -> None:
    plan = cm.load_plan(path)
    levers = Levers(plan)
    assert levers.changes() == {}
    assert levers.plan == plan == cm.load_plan(path)
    known = {lever.path: lever.value for lever in plan.sliders()}
    last = f"components.{plan.components[-1].name}.weight"
    assert {at: levers.inputs[at].value for at in known if at != last} == {
        at: value for at, value in known.items() if at != last
    }
    for component in plan.components:
        assert levers.inputs[f"components.{component.name}.level.default"].value == component.level.default
    assert "level.default" not in str(levers.changes())
    levers.reset()
    assert levers.changes() == {}


def test_the_page_opens_with_the_answers_of_the_comparison(bench: Workbench, sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    comparison = cm.compare(cm.replay(plans, sample, PERIODS), "thirds", "shown")
    said = [cm.cost_by_period, cm.payout_curves, cm.pay_by_payee, cm.pay_change_by_payee]
    for shown, question in zip(sentences(bench), said, strict=True):
        assert question(comparison).sentence in shown
    assert "Sample company" in bench.header.value
    assert "2025Q1 to 2025Q4" in bench.header.value
    assert bench.cards.value.count("cm-card") - 1 == 2
    assert bench.reset_button.disabled
    for figure in figures(bench):
        drawn = [trace for trace in figure["data"] if trace.get("visible", True)]
        assert not [trace for trace in drawn if "edited" in trace.get("name", "")]


def test_a_slider_changes_the_sentences_figures_and_cards(bench: Workbench) -> None:
    before, drawn = sentences(bench), figures(bench)
    move(bench, FLOOR, 0.95)
    assert "changed: NRR floor 100% → 95%" in bench.status.value
    assert "Halves, edited" in bench.cards.value
    assert all("Halves, edited" in sentence for sentence in sentences(bench))
    assert [one for one, two in zip(before, sentences(bench), strict=True) if one == two] == []
    assert [one for one, two in zip(drawn, figures(bench), strict=True) if one == two] == []
    cost = {trace["name"]: trace for trace in figures(bench)[0]["data"] if "yaxis" not in trace}
    assert sum(cost["Halves, edited"]["y"]) > sum(cost["Halves"]["y"])
    table = bench.page.shown[0].table
    edited = table[table["title"] == "Halves, edited"]
    assert cost["Halves, edited"]["y"] == list(edited["cost"])


def test_the_baseline_is_always_drawn(bench: Workbench) -> None:
    for value in (1.0, 0.9):
        move(bench, FLOOR, value)
        for figure in figures(bench)[:3]:
            assert [trace for trace in figure["data"] if trace.get("name") == "Thirds" and trace.get("visible", True)]


def test_reset_brings_the_published_plan_back(bench: Workbench) -> None:
    before = sentences(bench)
    move(bench, FLOOR, 0.9)
    move(bench, "components.kpi.level.default", "team")
    assert not bench.reset_button.disabled
    bench.reset_button.click()
    assert sentences(bench) == before
    assert bench.levers["halves"].changes() == {}
    assert bench.reset_button.disabled


def test_team_level_changes_pay_and_leaves_leads_alone(bench: Workbench) -> None:
    move(bench, "components.nrr.level.default", "team")
    assert "changed: NRR individual → team" in bench.status.value
    assert bench.page.comparison.plans[-1].component("nrr").level.by_role == {"lead": "team"}


def test_what_makes_no_plan_keeps_the_figures_and_is_said_in_words(bench: Workbench) -> None:
    before, drawn = sentences(bench), figures(bench)
    move(bench, FLOOR, 1.2)
    assert "The NRR floor 120% must lie below the NRR target, 115%" in bench.alert.value
    assert "Traceback" not in texts(bench)
    assert sentences(bench) == before
    assert figures(bench) == drawn
    move(bench, FLOOR, 1.0)
    assert bench.alert.value == ""
    assert sentences(bench) == before


def test_weights_above_one_are_said_and_the_last_weight_is_the_rest(sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/halves.yaml", "data/plans/thirds.yaml")
    bench = compare_plans(sample, plans, "2025Q4", "halves")
    levers = bench.levers["thirds"]
    assert "33.3%" in levers.rest.value
    move(bench, "components.renewals.weight", 0.5, "thirds")
    assert "16.7%" in levers.rest.value
    before = sentences(bench)
    move(bench, WEIGHT, 0.6, "thirds")
    assert "The weights add up to 110%, more than 100%. Lower" in html.unescape(bench.alert.value)
    assert sentences(bench) == before
    move(bench, WEIGHT, 0.5, "thirds")
    assert bench.alert.value == ""
    assert "<b>0%</b>" in levers.rest.value


def test_axes_grow_until_a_reset_and_people_keep_their_places(bench: Workbench) -> None:
    def ranges(figure: dict[str, Any]) -> dict[str, list[float]]:
        axes = {name: axis for name, axis in figure["layout"].items() if name.startswith(("xaxis", "yaxis"))}
        return {name: axis["range"] for name, axis in axes.items() if "range" in axis and "tickvals" not in axis}

    first = figures(bench)
    people = [figure["layout"]["yaxis"]["categoryarray"] for figure in first[2:]]
    move(bench, FLOOR, 0.8)
    wide = [ranges(figure) for figure in figures(bench)]
    for before, after in zip(map(ranges, first), wide, strict=True):
        assert all(after[name][0] <= low and high <= after[name][1] for name, (low, high) in before.items())
    assert wide[0]["yaxis"][1] > ranges(first[0])["yaxis"][1]
    assert [figure["layout"]["yaxis"]["categoryarray"] for figure in figures(bench)[2:]] == people
    move(bench, FLOOR, 1.0)
    assert [ranges(figure) for figure in figures(bench)] == wide
    bench.reset_button.click()
    move(bench, FLOOR, 0.99)
    bench.reset_button.click()
    assert [ranges(figure) for figure in figures(bench)] == list(map(ranges, first))
    move(bench, FLOOR, 0.8)
    bench.sort_button.value = True
    table = bench.page.shown[3].table
    edited = table[table["title"] == "Halves, edited"]
    assert figures(bench)[3]["layout"]["yaxis"]["categoryarray"] == list(edited["person"]) != people[1]


def test_aliases_leave_no_name(bench: Workbench, sample: cm.History) -> None:
    name = str(sample.payees["name"].iloc[0])
    assert name in texts(bench)
    for chart in bench.charts:
        chart.button.value = True
    bench.names.value = "aliases"
    shown = texts(bench)
    assert [name for name in sample.payees["name"].unique() if str(name) in shown] == []
    assert "Person 01" in shown


def test_the_table_is_one_click_away(bench: Workbench) -> None:
    chart = bench.charts[0]
    assert chart.table.value == ""
    chart.button.value = True
    assert "<table>" in chart.table.value
    before = chart.table.value
    move(bench, FLOOR, 0.95)
    assert "<table>" in chart.table.value != before
    chart.button.value = False
    assert chart.table.value == ""


def test_several_plans_are_edited_one_at_a_time(sample: cm.History) -> None:
    plans = cm.load_plans(*(f"data/plans/{name}.yaml" for name in ("thirds", "halves", "halves_signing")))
    bench = compare_plans(sample, plans, "2025Q4", "thirds")
    assert [name for _, name in bench.edited.options] == ["halves", "halves_signing"]
    move(bench, FLOOR, 0.95)
    bench.edited.value = "halves_signing"
    assert "As published" in bench.status.value
    move(bench, FLOOR, 0.9, "halves_signing")
    assert "Halves, signing dates, edited" in bench.cards.value
    assert bench.cards.value.count("cm-card") - 1 == 4
    changes = {trace["name"] for trace in figures(bench)[3]["data"] if trace["type"] == "scatter"}
    assert changes == {"Halves", "Halves, signing dates"}
    bench.edited.value = "halves"
    assert "changed: NRR floor 100% → 95%" in bench.status.value


def test_plotlys_upload_button_is_off_in_every_figure(bench: Workbench) -> None:
    move(bench, FLOOR, 0.95)
    for figure in figures(bench):
        assert figure["config"]["showSendToCloud"] is False
        assert figure["config"]["plotlyServerURL"] == ""
        assert figure["config"]["displaylogo"] is False


def test_one_plot_carries_plotly_for_all(bench: Workbench) -> None:
    sizes = [len(chart.plot.library) for chart in bench.charts]
    assert sizes[0] > 1_000_000
    assert sizes[1:] == [0, 0, 0]


def renamed(plan: Plan, title: str) -> Plan:
    return plan.model_copy(update={"title": title})


def test_names_are_escaped_wherever_they_are_shown(sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    plans = [renamed(plans[0], "<b>x</b>"), renamed(plans[1], "$5 & <i>y</i>")]
    bench = compare_plans(sample, plans, "2025Q4", "thirds")
    move(bench, FLOOR, 0.95)
    for chart in bench.charts:
        chart.button.value = True
    shown = texts(bench)
    assert "<b>x" not in shown
    assert "<i>y" not in shown
    assert "&lt;b&gt;x" in shown
    drawn = json.dumps([figure["data"] for figure in figures(bench)])
    assert "&#36;5 &amp; &lt;i&gt;y" in drawn
    assert "$5" not in drawn


def test_a_missing_baseline_names_the_nearest(sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    with pytest.raises(cm.CompModelError, match="Did you mean 'thirds'"):
        compare_plans(sample, plans, "2025Q4", "third")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "no/such/folder"}, "must be a folder that is there"),
        ({"plans": ["data/plans/none.yaml"]}, "cannot be read"),
        ({"periods": "2025Q9"}, "is not a period"),
        ({"baseline": "halve"}, "Did you mean 'halves'?"),
    ],
)
def test_a_mistake_in_the_parameters_is_a_page_in_words(changed: dict[str, Any], words: str) -> None:
    good = {"data": "data/sample", "plans": ["data/plans/thirds.yaml", "data/plans/halves.yaml"]}
    page = open_workbench(**{**good, "periods": "2025Q4", "baseline": "thirds", **changed})
    assert isinstance(page, ipywidgets.HTML)
    assert words in html.unescape(page.value)
    assert "Traceback" not in page.value


def test_paths_are_found_from_the_notebooks_folder_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "notebooks")
    page = open_workbench("data/sample", ["data/plans/thirds.yaml", "data/plans/halves.yaml"], "2025Q4", "thirds")
    assert isinstance(page, Workbench)
