"""Charts of a plan's levers: sweep, tornado, heatmap with its budget, Sobol bars with intervals, plans by future.

Each draws the table of its answer. The plan as it is stands in grey, or is marked.

Currently implemented: sweep_lines, tornado_bars, lever_heatmap, sobol_bars, regret_dots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from compmodel import style
from compmodel.compare import Answer
from compmodel.explore import MOVES, Move, Of
from compmodel.figures import (
    Figure,
    axis_around,
    finished_figure,
    hover_rows,
    money_axis,
    people_axis,
    plain_lines,
    plain_text,
)
from compmodel.levers import Lever
from compmodel.plan import Plan
from compmodel.trials import lever_at
from compmodel.wording import capitalised

MOST_LEVERS = 12
NAME, LEVER = (22, 3), 56
"""Letters of a line of a lever's name, and lines of it; pixels of a lever."""
SCALE = ("#e8f1f8", "#0072b2", "#0b2f4a")


def sweep_lines(plan: Plan, path: str, answer: Answer, currency: str = "") -> Figure:
    """Returns cost, and below it the share at target, as a lever moves; grey marks the plan as it is."""
    lever, table = lever_at(plan, path), answer.table
    now = table[table["is_current"]]
    said = table["value"].map(lambda value: style.number_words(value, lever.unit))
    panels = (("y", "cost", style.statement_money), ("y2", "share_at_target", lambda of: style.percent(of, 1)))
    traces: list[dict[str, Any]] = []
    for axis, name, words in panels:
        for rows, look, shown in (
            (
                table,
                {"mode": "lines+markers", "line": {"color": style.PLANS[0], "width": 2.5}, "marker": {"size": 4}},
                "",
            ),
            (now, {"mode": "markers", "marker": _now_marker()}, "as it is"),
        ):
            traces.append(
                {
                    "type": "scatter",
                    "x": rows["value"].tolist(),
                    "y": [None if of != of else of for of in rows[name].tolist()],
                    "yaxis": axis,
                    "name": shown,
                    "showlegend": bool(shown) and axis == "y",
                    "connectgaps": False,
                    "customdata": hover_rows(said.loc[rows.index], rows[name].map(words)),
                    "hovertemplate": f"{plain_text(lever.label)} %{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
                    **look,
                }
            )
    cost = money_axis(f"Cost, {currency}" if currency else "Cost", table["cost"])
    axes = {
        "xaxis": {**_lever_axis(lever), "anchor": "y2"},
        "yaxis": {**cost, "domain": [0.42, 1]},
        "yaxis2": {
            **axis_around(table["share_at_target"], "At target"),
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
            "domain": [0, 0.32],
            "nticks": 4,
        },
    }
    return finished_figure(traces, axes, height=440)


def tornado_bars(answer: Answer, currency: str = "", move: Move = "alike") -> Figure:
    """Returns what each lever moves alone, down and up: a row a lever, the largest effect first, at most twelve.

    `move` is how far the answer moved them: the title says it, and each row from where to where.
    """
    table = answer.table[answer.table["effect"] > 0].head(MOST_LEVERS)
    labels = table["label"].tolist()
    traces: list[dict[str, Any]] = []
    for end, colour, mark in (("low", style.PLANS[1], "▼ lower"), ("high", style.PLANS[0], "▲ higher")):
        words = [style.number_words(value, unit) for value, unit in zip(table[end], table["unit"], strict=True)]
        costs = [table[f"{end}_{name}"] for name in ("cost", "change")]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": mark,
                "x": [None if of != of else of for of in costs[1].tolist()],
                "y": labels,
                "marker": {"color": colour},
                "customdata": hover_rows(
                    labels, words, costs[0].map(style.statement_money), costs[1].map("{:+,.2f}".format)
                ),
                "hovertemplate": "%{customdata[0]} at %{customdata[1]}: %{customdata[3]}, cost %{customdata[2]}"
                "<extra></extra>",
            }
        )
    axis = money_axis("", pd.concat([table["low_change"], table["high_change"]])) | {"nticks": 5, "tickangle": 0}
    axis |= {"zeroline": True, "zerolinecolor": style.INK, "zerolinewidth": 1}
    spans = [
        " to ".join(style.number_words(row[end], row["unit"]) for end in ("low", "high")) for _, row in table.iterrows()
    ]
    rows = _two_line_axis(labels, spans)
    cost = f"Change of cost, {currency}" if currency else "Change of cost"
    height = 110 + LEVER * max(len(labels), 2)
    title = f"{cost}: each number {MOVES[move]}"
    return finished_figure(traces, {"xaxis": axis, "yaxis": rows}, height=height, title=title)


def lever_heatmap(
    plan: Plan,
    path_x: str,
    path_y: str,
    answer: Answer,
    of: Of = "cost",
    budget: float | None = None,
    currency: str = "",
) -> Figure:
    """Returns two levers against each other, the plan as it is marked, the budget as a line; grey makes no plan."""
    levers, table = [lever_at(plan, path) for path in (path_x, path_y)], answer.table
    shown = table.pivot(index="y", columns="x", values=of)
    costs, shares = (table.pivot(index="y", columns="x", values=name) for name in ("cost", "share_at_target"))
    said = table.pivot(index="y", columns="x", values="said")
    place: dict[str, list[Any]] = {"x": shown.columns.tolist(), "y": shown.index.tolist()}
    facts = []
    for y in place["y"]:
        at = [f"{_words(levers[0], x)}, {_words(levers[1], y)}" for x in place["x"]]
        found = [
            why if why else f"{style.statement_money(cost)}, {style.percent(share, 1)} at target"
            for cost, share, why in zip(costs.loc[y], shares.loc[y], said.loc[y], strict=True)
        ]
        facts.append(hover_rows(at, found))
    low, high = (float(np.nan_to_num(end)) for end in (table[of].min(), table[of].max()))
    words = style.short_money if of == "cost" else style.percent
    scale = {
        "orientation": "h",
        "thickness": 10,
        "len": 0.7,
        "outlinewidth": 0,
        "x": 0.5,
        "y": -0.17,
        "yanchor": "top",
        "ypad": 4,
        "tickvals": [low, (low + high) / 2, high] if low < high else [low],
        "ticktext": [words(end) for end in ((low, (low + high) / 2, high) if low < high else (low,))],
    }
    heat = {
        "type": "heatmap",
        **place,
        "z": _empty_as_none(shown),
        "zmin": low,
        "zmax": high if high > low else low + 1,
        "colorscale": [[i / 2, colour] for i, colour in enumerate(SCALE)],
        "colorbar": scale,
        "hoverongaps": True,
        "customdata": facts,
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    }
    traces: list[dict[str, Any]] = [heat]
    if budget is not None:
        level = {"coloring": "none", "start": budget, "end": budget, "size": 1}
        line = {"color": style.PLANS[1], "width": 4, "smoothing": 0}
        traces.append(
            {
                "type": "contour",
                **place,
                "z": _empty_as_none(costs),
                "contours": level,
                "line": line,
                "hoverinfo": "skip",
                "showscale": False,
                "showlegend": False,
            }
        )
        traces.append({**_legend_only(f"budget {style.short_money(budget)}"), "mode": "lines", "line": line})
    now = table[table["is_current"]]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": now["x"].tolist(),
            "y": now["y"].tolist(),
            "name": "as it is",
            "marker": _now_marker(),
            "hoverinfo": "skip",
        }
    )
    if table[of].isna().any():
        marker = {"color": style.GRID, "size": 12, "symbol": "square"}
        traces.append({**_legend_only("no plan"), "mode": "markers", "marker": marker})
    axes = {
        "xaxis": _lever_axis(levers[0]) | _edges(shown.columns),
        "yaxis": _lever_axis(levers[1]) | _edges(shown.index),
    }
    axes = {name: {**axis, "showgrid": False} for name, axis in axes.items()}
    title = "At target" if of != "cost" else f"Cost, {currency}" if currency else "Cost"
    figure = finished_figure(traces, axes, height=440, title=title)
    figure.update_layout(plot_bgcolor=style.GRID)
    return figure


def sobol_bars(answer: Answer) -> Figure:
    """Returns each lever's share of the spread of cost, alone and with others, with intervals; the largest first."""
    table = answer.table.head(MOST_LEVERS)
    labels = table["label"].tolist()
    traces: list[dict[str, Any]] = []
    for name, colour, words in (("total", style.PLANS[0], "with others"), ("first", style.PLANS[4], "alone")):
        ends = [table[f"{name}_{end}"].map(lambda share: style.percent(share, 1)) for end in ("low", "high")]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": words,
                "x": table[name].tolist(),
                "y": labels,
                "marker": {"color": colour},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "color": style.INK,
                    "thickness": 1.5,
                    "width": 4,
                    "array": (table[f"{name}_high"] - table[name]).tolist(),
                    "arrayminus": (table[name] - table[f"{name}_low"]).tolist(),
                },
                "customdata": hover_rows(labels, table[name].map(lambda share: style.percent(share, 1)), *ends),
                "hovertemplate": f"%{{customdata[0]}} {words}: %{{customdata[1]}} (%{{customdata[2]}} to "
                "%{customdata[3]})<extra></extra>",
            }
        )
    ends_of_all = pd.concat([table[f"{name}_{end}"] for name in ("first", "total") for end in ("low", "high")])
    axis = axis_around(ends_of_all, "") | {"tickformat": ".0%", "nticks": 4, "tickangle": 0, "zeroline": True}
    spans = [
        " to ".join(style.number_words(row[end], row["unit"]) for end in ("low", "high")) for _, row in table.iterrows()
    ]
    height = 110 + LEVER * max(len(labels), 2)
    axes = {"xaxis": axis, "yaxis": _two_line_axis(labels, spans)}
    figure = finished_figure(traces, axes, height=height, title="Share of the spread of cost")
    figure.update_layout(barmode="group", bargap=0.35)
    return figure


def regret_dots(answer: Answer, currency: str = "") -> Figure:
    """Returns how much worse than the best one each plan is in every future, a dot each; the least bad plan first."""
    table = answer.table
    is_of_cost = "value" not in table or (table["value"] == table["cost"]).all()
    worse = "above the cheapest plan" if is_of_cost else "further from the budget than the best plan"
    plans = table.drop_duplicates("plan")
    titles = plans["title"].tolist()
    marker = {"color": style.BASELINE, "size": 9, "opacity": 0.7}
    amounts = [table[name].map(style.statement_money) for name in ("regret", "cost")]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": "one future",
        "x": table["regret"].tolist(),
        "y": table["title"].tolist(),
        "marker": marker,
        "cliponaxis": False,
        "customdata": hover_rows(table["title"], table["future"], *amounts),
        "hovertemplate": f"%{{customdata[0]}}, %{{customdata[1]}}: %{{customdata[2]}} {worse}, cost %{{customdata[3]}}"
        "<extra></extra>",
    }
    traces: list[dict[str, Any]] = [dots]
    for name, column, colour, symbol in (
        ("on average", "mean_regret", style.PLANS[0], "diamond"),
        ("at worst", "largest_regret", style.LOSS, "line-ns"),
    ):
        look: dict[str, Any] = {"color": colour, "size": 13 if symbol == "diamond" else 18, "symbol": symbol}
        look |= {"line": {"color": colour, "width": 4}} if symbol == "line-ns" else {}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": plans[column].tolist(),
                "y": titles,
                "marker": look,
                "cliponaxis": False,
                "customdata": hover_rows(titles, plans[column].map(style.statement_money)),
                "hovertemplate": f"%{{customdata[0]}}: {name} %{{customdata[1]}} {worse}<extra></extra>",
            }
        )
    axis = money_axis("", table["regret"])
    low, high = axis["range"]
    axis["range"] = [low - 0.05 * (high - low), high]  # a dot at 0 must not lie on a name
    title = capitalised(worse) + (f", {currency}" if currency else "")
    height = 120 + 44 * max(len(titles), 2)
    return finished_figure(traces, {"xaxis": axis, "yaxis": people_axis(titles)}, height=height, title=title)


def _now_marker() -> dict[str, Any]:
    return {"color": style.BASELINE, "size": 12, "line": {"color": style.PAPER, "width": 2}}


def _legend_only(name: str) -> dict[str, Any]:
    return {"type": "scatter", "x": [None], "y": [None], "name": name, "showlegend": True}


def _words(lever: Lever, value: float) -> str:
    return f"{lever.label} {style.number_words(value, lever.unit)}"


def _empty_as_none(table: pd.DataFrame) -> list[list[float | None]]:
    return [[None if of != of else of for of in row] for row in table.to_numpy(dtype=float).tolist()]


def _lever_axis(lever: Lever) -> dict[str, Any]:
    title = {"text": plain_text(lever.label, 40), "standoff": 6, "font": {"size": 13}}
    format_ = ".0%" if lever.unit == "share" and lever.step >= 0.01 else ".1%" if lever.unit == "share" else "~s"
    return {
        "title": title,
        "tickformat": format_,
        "nticks": 7,
        "tickangle": 0,
        "ticks": "outside",
        "tickcolor": style.GRID,
    }


def _edges(values: pd.Index) -> dict[str, Any]:
    """A range that ends with the outer cells."""
    at = values.to_numpy(dtype=float) if len(values) else np.zeros(1)
    first, last = (at[1] - at[0], at[-1] - at[-2]) if len(at) > 1 else (1.0, 1.0)
    return {"range": [float(at[0] - first / 2), float(at[-1] + last / 2)]}


def _two_line_axis(labels: Sequence[str], below: Sequence[str]) -> dict[str, Any]:
    """Rows of levers with their values under each name."""
    axis = people_axis(labels)
    quiet = f'<span style="font-size:11px;color:{style.QUIET}">'
    axis["ticktext"] = [
        f"{plain_lines(one, *NAME)}<br>{quiet}{plain_text(two, 28)}</span>"
        for one, two in zip(labels, below, strict=True)
    ]
    return axis
