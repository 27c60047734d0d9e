"""The charts of levers draw the tables of their answers, also where a table is poor; no text becomes a tag."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel.explore_charts import lever_heatmap, regret_dots, sobol_bars, sweep_lines, tornado_bars
from compmodel.figures import Figure

TARGET, KPI = "components.nrr.target.default", "components.kpi.target.default"
PLAN = cm.example_plan()
NOTHING = np.nan


def sweep_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "value": [0.95, 1.1, 1.15, 1.2],
            "cost": [NOTHING, 120.5, 100, -5],
            "change": [NOTHING, 20.5, 0, -105],
            "share_at_target": [NOTHING, 0.5, 0.4, 0],
            "is_current": [False, False, True, False],
            "said": ["must lie above the floor", "", "", ""],
        }
    )


def heat_table() -> pd.DataFrame:
    found = pd.DataFrame([(x, y) for x in (1.0, 1.15, 1.3) for y in (8.0, 10.0)], columns=["x", "y"])
    found["cost"] = [NOTHING, NOTHING, 120.0, 100.0, 80.0, 60.0]
    found["share_at_target"] = [NOTHING, NOTHING, 0.5, 0.4, 0.2, 0.0]
    found["is_current"] = (found["x"] == 1.15) & (found["y"] == 10)
    found["said"] = np.where(found["x"] == 1.0, "must lie above <b>the floor</b>", "")
    return found


def tornado_table(n: int = 2, label: str = "NRR target") -> pd.DataFrame:
    rows = [
        (f"p{i}", f"{label} {i}", "share", 1.15, 1.14, 1.16, 100.0, 109.0 - i, NOTHING if i else 92.0, 9.0 - i,
         NOTHING if i else -8.0, 9.0 - i, "")
        for i in range(n)
    ]  # fmt: skip
    columns = ["path", "label", "unit", "value", "low", "high", "cost", "low_cost", "high_cost", "low_change"]
    return pd.DataFrame(rows, columns=[*columns, "high_change", "effect", "said"])


def drawn(figure: Figure) -> list[dict[str, object]]:
    """The traces as they are sent to the page."""
    return json.loads(figure.to_json())["data"]


def numbers(values: object) -> list[float | None]:
    if isinstance(values, dict):  # plotly packs arrays
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"]).tolist()
    return list(values)  # type: ignore[call-overload]


def test_a_sweep_draws_cost_and_share_with_a_gap_and_the_present_value() -> None:
    line, now, shares, _ = drawn(sweep_lines(PLAN, TARGET, cm.Answer("", sweep_table()), "USD"))
    assert numbers(line["y"]) == [None, 120.5, 100, -5]
    assert (numbers(now["x"]), numbers(now["y"])) == ([1.15], [100])
    assert numbers(shares["y"]) == [None, 0.5, 0.4, 0]
    assert line["customdata"][1] == ["110%", "120.50"]


def test_a_tornado_draws_both_ways_the_largest_first() -> None:
    low, high = drawn(tornado_bars(cm.Answer("", tornado_table()), "USD"))
    assert numbers(low["x"]) == [9, 8]
    assert numbers(high["x"]) == [-8, None]
    assert low["y"] == ["NRR target 0", "NRR target 1"]
    assert low["customdata"][0] == ["NRR target 0", "114%", "109.00", "+9.00"]
    assert len(drawn(tornado_bars(cm.Answer("", tornado_table(9))))[0]["y"]) == 9


def test_a_heatmap_leaves_out_what_makes_no_plan_and_marks_budget_and_present() -> None:
    answer = cm.Answer("", heat_table())
    heat, contour, *legend, now = drawn(lever_heatmap(PLAN, TARGET, KPI, answer, budget=90.0, currency="USD"))
    assert heat["z"] == [[None, 120.0, 80.0], [None, 100.0, 60.0]]
    assert contour["contours"]["start"] == contour["contours"]["end"] == 90
    assert contour["z"] == heat["z"]
    assert [one["name"] for one in (*legend, now)] == ["budget 90", "as it is", "no plan"]
    assert (numbers(legend[1]["x"]), numbers(legend[1]["y"])) == ([1.15], [10])
    assert heat["customdata"][0][1] == ["NRR target 115%, KPI target 8", "120.00, 50.0% at target"]
    assert "<b>" not in json.dumps(heat["customdata"])
    shares = drawn(lever_heatmap(PLAN, TARGET, KPI, answer, of="share_at_target"))
    assert shares[0]["z"] == [[None, 0.5, 0.2], [None, 0.4, 0.0]]


def sobol_table() -> pd.DataFrame:
    figures = {"first": [0.6, -0.01], "first_low": [0.5, -0.05], "first_high": [0.7, 0.03]}
    figures |= {"total": [0.7, 0.1], "total_low": [0.6, 0.05], "total_high": [0.85, 0.2]}
    levers = {"path": ["a", "b"], "label": ["NRR target", "KPI target"], "unit": ["share", "count"]}
    return pd.DataFrame({**levers, "low": [1.05, 8], "high": [1.25, 12], **figures})


def test_sobol_bars_carry_their_intervals() -> None:
    total, first = drawn(sobol_bars(cm.Answer("", sobol_table())))
    assert numbers(total["x"]) == [0.7, 0.1]
    assert numbers(first["x"]) == [0.6, -0.01]
    np.testing.assert_allclose(numbers(total["error_x"]["array"]), [0.15, 0.1])
    np.testing.assert_allclose(numbers(total["error_x"]["arrayminus"]), [0.1, 0.05])


def regret_table(title: str = "Thirds") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plan": ["halves", "halves", "thirds", "thirds"],
            "title": ["Halves", "Halves", title, title],
            "future": ["as it was", "half"] * 2,
            "cost": [100.0, 90, 110, 85],
            "value": [100.0, 90, 110, 85],
            "least": [100.0, 85, 100, 85],
            "regret": [0.0, 5, 10, 0],
            "largest_regret": [5.0, 5, 10, 10],
            "mean_regret": [2.5, 2.5, 5, 5],
        }
    )


def test_regret_dots_show_each_future_the_mean_and_the_largest() -> None:
    dots, mean, largest = drawn(regret_dots(cm.Answer("", regret_table()), "USD"))
    assert numbers(dots["x"]) == [0, 5, 10, 0]
    assert numbers(mean["x"]) == [2.5, 5]
    assert numbers(largest["x"]) == [5, 10]
    assert dots["customdata"][1] == ["Halves", "half", "5.00", "90.00"]


@pytest.mark.parametrize("rows", [0, 1])
def test_poor_tables_are_drawn(rows: int) -> None:
    lone = {"x": [1.15], "y": [10.0], "cost": [NOTHING], "share_at_target": [NOTHING], "is_current": [True]}
    heat = pd.DataFrame({**lone, "said": ["not tried"]}).iloc[:rows]
    for figure in (
        sweep_lines(PLAN, TARGET, cm.Answer("", sweep_table().iloc[:rows])),
        tornado_bars(cm.Answer("", tornado_table().iloc[:rows])),
        lever_heatmap(PLAN, TARGET, KPI, cm.Answer("", heat), budget=1.0),
        sobol_bars(cm.Answer("", sobol_table().iloc[:rows])),
        regret_dots(cm.Answer("", regret_table("<b>A very long title of a plan that nobody can read</b>").iloc[:rows])),
    ):
        assert figure.layout.height > 0
        assert "<b>A" not in figure.to_json()
