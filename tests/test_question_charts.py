"""The charts of cost and of spread draw the tables behind their sentences, with texts as texts, for any history."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

import compmodel as cm
from compmodel import chance_charts, cost_charts, distribution_charts
from compmodel.break_even import break_even
from compmodel.compare import SMALLEST_TEAM
from compmodel.costs import budget_headroom, cost_by, cost_of_sales
from compmodel.decisions import open_decisions
from compmodel.distributions import NORM, attainment_reached, distribution
from compmodel.keep_whole import keep_whole
from compmodel.luck import reliability
from compmodel.retention_pay import pay_for_retention

UGLY = "<b>A very long title</b> & $5 of a plan that nobody would read to its end"


@pytest.fixture(scope="module")
def replays(sample: cm.History) -> list[cm.Replay]:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    return cm.replay([plans[0], plans[1].replace({"title": UGLY})], sample, "2025Q3:2025Q4")


@pytest.fixture(scope="module")
def shown(replays: list[cm.Replay]) -> cm.Comparison:
    return cm.compare(replays, "thirds", "shown")


@pytest.fixture(scope="module")
def aliased(replays: list[cm.Replay]) -> cm.Comparison:
    return cm.compare(replays, "thirds")


def drawn(figure: Any) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = json.loads(figure.to_json())["data"]
    return traces


@pytest.mark.parametrize("by", ["team", "segment"])
def test_cost_its_difference_and_the_target_are_drawn(shown: cm.Comparison, by: str) -> None:
    answer = cost_by(shown, by)  # type: ignore[arg-type]
    base, other, change, target = drawn(cost_charts.cost_by(shown, answer))
    first, second = (answer.table[answer.table["plan"] == plan.name] for plan in shown.plans)
    assert (base["x"], base["y"]) == (first["cost"].tolist(), first[by].tolist())
    assert other["x"] == second["cost"].tolist()
    assert (change["x"], change["xaxis"]) == (second["change"].tolist(), "x2")
    assert target["x"] == first["at_target"].tolist()
    assert base["marker"]["color"] == cm.style.BASELINE


def test_cost_by_period_has_the_target_where_it_is_told(shown: cm.Comparison, aliased: cm.Comparison) -> None:
    table = cost_by(shown, "period").table
    names = [trace["name"] for trace in drawn(cost_charts.cost_by(shown, by="period"))]
    assert names[-1] == "everyone at 100%"
    last = drawn(cost_charts.cost_by(shown, by="period"))[-1]
    assert last["y"] == table[table["plan"] == "thirds"]["at_target"].tolist()
    assert "everyone at 100%" not in [trace["name"] for trace in drawn(cost_charts.cost_by(aliased, by="period"))]


def test_cost_of_sales_is_a_line_a_plan(shown: cm.Comparison) -> None:
    table = cost_of_sales(shown).table
    for trace, plan in zip(drawn(cost_charts.cost_of_sales(shown)), shown.plans, strict=True):
        assert trace["y"] == table[table["plan"] == plan.name]["cost_of_sales"].tolist()


def test_a_budget_is_a_line(shown: cm.Comparison) -> None:
    answer = budget_headroom(shown, 500_000)
    figure = cost_charts.budget_headroom(shown, answer)
    assert drawn(figure)[0]["x"] == answer.table["cost"].tolist()
    assert figure.layout.shapes[0].x0 == 500_000
    by_period = budget_headroom(shown, {"2025Q3": 230_000, "2025Q4": 220_000})
    traces = drawn(cost_charts.budget_headroom(shown, by_period))
    halves = by_period.table[(by_period.table["plan"] == "halves") & (by_period.table["period"] != "in all")]
    assert traces[3]["y"] == halves["headroom"].tolist()
    assert traces[-1]["y"] == [230_000, 220_000]


def test_points_to_break_even_are_drawn(shown: cm.Comparison) -> None:
    (bar,) = drawn(cost_charts.break_even(shown))
    assert bar["x"] == break_even(shown).table["nrr_points"].tolist()


def test_every_option_has_a_bar_under_its_question(shown: cm.Comparison) -> None:
    answer = open_decisions(shown)
    figure = cost_charts.open_decisions(shown, answer)
    (bar,) = drawn(figure)
    assert bar["x"] == answer.table["change"].tolist()
    assert len(figure.layout.annotations) == len(answer.table.drop_duplicates(["plan", "field"]))
    labels = "".join(figure.layout.yaxis.ticktext)
    assert labels.count("as the plan pays now") == int(answer.table["is_now"].sum())


def test_what_is_reached_is_drawn_beside_what_is_usual(shown: cm.Comparison) -> None:
    table = attainment_reached(shown).table
    figure = distribution_charts.attainment_reached(shown)
    bars = [trace for trace in drawn(figure) if trace["type"] == "bar"]
    assert len(bars) == len(table)
    for bar in bars:
        assert bar["x"] == list(NORM)
    by_plan = {"thirds": [], "halves": []}
    for bar in bars:
        by_plan[bar["legendgroup"]].append(bar["y"])
    for plan, found in by_plan.items():
        expected = table[table["plan"] == plan][[f"share_{mark}" for mark in NORM]].to_numpy().tolist()
        assert found == expected
    assert [(shape.y0, shape.y1) for shape in figure.layout.shapes[:3]] == list(NORM.values())


def test_the_spread_is_drawn(shown: cm.Comparison) -> None:
    answer = distribution(shown, "pay")
    bars = drawn(distribution_charts.distribution(shown, answer, "pay"))
    table = answer.table
    assert sum(len(bar["y"]) for bar in bars) == len(table)
    (whole,) = [bar for bar in bars if bar["legendgroup"] == "halves" and bar["yaxis"] == "y4"]
    mine = table[(table["plan"] == "halves") & (table["component"] == "whole pay")]
    assert whole["y"] == mine["share_of_results"].tolist()


def test_pay_is_drawn_over_what_people_retained(shown: cm.Comparison, aliased: cm.Comparison) -> None:
    answer = pay_for_retention(shown, n_draws=20)
    for trace, plan in zip(drawn(distribution_charts.pay_for_retention(shown, answer)), shown.plans, strict=True):
        mine = answer.table[answer.table["plan"] == plan.name]
        assert (trace["x"], trace["y"]) == (mine["retained"].tolist(), mine["pay_share"].tolist())
    answer = pay_for_retention(aliased, n_draws=20)
    maps = drawn(distribution_charts.pay_for_retention(aliased, answer))
    counts = answer.table.set_index(["plan", "retained_third", "pay_third"])["n_people"]
    for trace, plan in zip(maps, aliased.plans, strict=True):
        for y, row in zip(trace["y"], trace["z"], strict=True):
            told = [counts[plan.name, x, y] for x in trace["x"]]
            assert row == [n if n == n else distribution_charts.FEW for n in told]
        said = [text for row in trace["text"] for text in row]
        assert said.count("1 to 4") == int(counts[plan.name].isna().sum())


def test_what_keeps_people_whole_is_drawn(shown: cm.Comparison, aliased: cm.Comparison) -> None:
    answer = keep_whole(shown)
    (dots,) = drawn(distribution_charts.keep_whole(shown, answer))
    told = {(row.person, row.attainment) for row in answer.table.itertuples()}
    assert set(zip(dots["y"], dots["x"], strict=True)) == told
    answer = keep_whole(aliased)
    (bars,) = drawn(distribution_charts.keep_whole(aliased, answer))
    assert bars["x"] == answer.table["n_people"].tolist()
    assert min(bars["x"]) >= SMALLEST_TEAM
    never = answer.table.tail(1).assign(attainment_above=float("nan"), attainment_to=float("nan"), n_people=5)
    one = dataclasses.replace(answer, table=never)
    assert drawn(distribution_charts.keep_whole(aliased, one))[0]["y"] == ["none is enough"]


def test_reliability_is_drawn_with_its_interval(aliased: cm.Comparison) -> None:
    answer = reliability(aliased, n_draws=50)
    (bars,) = drawn(chance_charts.reliability(answer))
    assert bars["x"] == answer.table["chance_share"].tolist()
    ends = [round(x + more, 9) for x, more in zip(bars["x"], bars["error_x"]["array"], strict=True)]
    assert ends == answer.table["chance_high"].round(9).tolist()
    assert bars["y"] == ["a quarter's figure", "a year's figure"]


def every_chart(comparison: cm.Comparison) -> list[Any]:
    figures = [cost_charts.cost_by(comparison, by=by) for by in ("period", "team", "segment")]  # type: ignore[arg-type]
    figures += [cost_charts.budget_headroom(comparison, budget_headroom(comparison, 0.0))]
    if comparison.names == "shown" or len(comparison.labels) >= SMALLEST_TEAM:  # refused otherwise
        figures += [cost_charts.cost_of_sales(comparison)]
    figures += [cost_charts.break_even(comparison)]
    figures += [cost_charts.open_decisions(comparison), distribution_charts.attainment_reached(comparison)]
    figures += [distribution_charts.distribution(comparison), distribution_charts.pay_for_retention(comparison)]
    figures += [distribution_charts.keep_whole(comparison)]
    return figures


def test_texts_are_texts(shown: cm.Comparison, aliased: cm.Comparison) -> None:
    for comparison in (shown, aliased):
        for figure in every_chart(comparison):
            assert "<b>A very long" not in json.dumps(json.loads(figure.to_json()), ensure_ascii=False)


@pytest.mark.parametrize("names", ["shown", "aliases"])
def test_one_person_one_plan_and_no_pay_can_be_drawn(replays: list[cm.Replay], names: Any) -> None:
    run = replays[0]
    mine = run.payouts["payee_id"] == run.payouts["payee_id"].iloc[0]
    unpaid = run.payouts[mine].assign(payout=0.0, cost=0.0, gross=0.0, adjustment=0.0, factor=0.0)
    plan = run.plan.replace({"open_decisions": []})
    for payouts in (run.payouts[mine], unpaid):
        alone = cm.compare([dataclasses.replace(run, plan=plan, payouts=payouts)], names=names)
        assert all(figure.to_json() for figure in every_chart(alone))


def test_every_table_can_be_read_on_a_page(shown: cm.Comparison, aliased: cm.Comparison) -> None:
    for comparison in (shown, aliased):
        answers = [cost_by(comparison, "period"), cost_of_sales(comparison), budget_headroom(comparison, 5e5)]
        answers += [break_even(comparison), open_decisions(comparison), attainment_reached(comparison)]
        answers += [distribution(comparison), pay_for_retention(comparison, n_draws=20)]
        pages = [answer._repr_html_() for answer in answers]
        assert all("<table>" in page and "<b>A very" not in page for page in pages)
        cost = answers[0].table["cost"].iloc[0]
        assert cm.style.statement_money(cost) in pages[0]
