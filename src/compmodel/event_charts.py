"""Charts of what single events mean for pay: the share that hangs on the largest, and what moving one could earn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from compmodel import style
from compmodel.charts import plan_colours
from compmodel.coasting import pay_by_largest_event as largest_answer
from compmodel.compare import Answer, Comparison
from compmodel.figures import Figure, axis_around, finished_figure, hover_rows, plain_text
from compmodel.timing import gain_from_timing as timing_answer
from compmodel.timing import moves_by_size

PANELS = (
    ("share", "Share of a payout hanging on one event"),
    ("secured_part", "Part of the period gone when secured"),
)
GOLDEN = 0.618034
"""Spreads marks of one row evenly and the same every time."""


def pay_by_largest_event(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns a mark a payout, a row a plan: by the share that hangs on one event, and by when it was secured."""
    table, colours = (answer or largest_answer(comparison)).table, plan_colours(comparison)
    plans = [plan for plan in comparison.plans if plan.name in set(table["plan"])]
    height = 130 + 2 * (34 + 52 * max(len(plans), 1))
    gap = 40 / (height - 94)
    axes: dict[str, dict[str, Any]] = {}
    notes, shapes, traces = [], [], []
    for i, (column, title) in enumerate(PANELS):
        number = str(i + 1) if i else ""
        top = 1 - i * (1 + gap) / 2
        bounds = {"range": [-0.02, 1.02], "tickformat": ".0%", "nticks": 6, "anchor": f"y{number}", "tickangle": 0}
        low, high = float(np.nan_to_num(table[column].min())), float(np.nan_to_num(table[column].max()))
        bounds["range"] = [min(-0.02, low - 0.02), max(1.02, high + 0.02)]
        axes[f"xaxis{number}"] = bounds
        rows = {"range": [len(plans) - 0.5, -1.0], "showticklabels": False, "showgrid": False}
        axes[f"yaxis{number}"] = {**rows, "domain": [max(0.0, top - (1 - gap) / 2), top]}
        place = {"xref": f"x{number} domain", "yref": f"y{number} domain", "x": 0, "y": 1, "yanchor": "top"}
        notes.append({**place, "text": f"<b>{title}</b>", "showarrow": False, "xanchor": "left"})
        line = {"color": style.QUIET, "width": 1, "dash": "dot"}
        half = {"type": "line", "xref": f"x{number}", "yref": f"y{number} domain", "x0": 0.5, "x1": 0.5}
        shapes.append({**half, "y0": 0, "y1": 0.84, "line": line, "layer": "below"})
        for row, plan in enumerate(plans):
            mine = table[table["plan"] == plan.name].sort_values(column, kind="stable")
            spread = (np.arange(len(mine)) * GOLDEN % 1 - 0.5) * 0.7
            said = mine[column].map(style.percent)
            facts = [hover_rows(plan.title, said, *_details(mine))] if len(mine) else [[]]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": mine[column].tolist(),
                    "y": (row + spread).tolist(),
                    "name": plain_text(plan.title, 32),
                    "legendgroup": plan.name,
                    "showlegend": i == 0,
                    "marker": {"color": colours[plan.name], "size": 6, "opacity": 0.6},
                    "cliponaxis": False,
                    "customdata": facts[0],
                    "hovertemplate": "%{customdata[0]}: %{customdata[1]}%{customdata[2]}<extra></extra>",
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                }
            )
    figure = finished_figure(traces, axes, height, annotations=notes)
    figure.update_layout(shapes=shapes, margin={"l": 24})
    return figure


def _details(mine: pd.DataFrame) -> tuple[list[str]]:
    """Whose payout and which event it is, where the table tells."""
    if "person" not in mine:
        return ([""] * len(mine),)
    money = (mine[name].map(style.statement_money) for name in ("pay", "pay_without"))
    columns = (mine[name].tolist() for name in ("person", "period", "event_type", "event_id"))
    said = [
        f", {person}, {period}: {pay}, {without} without {f'{kind} {name}' if name else 'any one event'}"
        for person, period, kind, name, pay, without in zip(*columns, *money, strict=True)
    ]
    return (said,)


def gain_from_timing(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns how many people could be paid at least so much more by moving one event: a bar a plan and amount."""
    table, colours = (answer or timing_answer(comparison)).table, plan_colours(comparison)
    table = table if "at_least" in table else moves_by_size(table)
    traces: list[dict[str, Any]] = []
    for plan in comparison.plans:
        mine = table[table["plan"] == plan.name]
        if mine.empty:
            continue
        counts = [mine[name].map("{:,}".format) for name in ("n_people", "n_moves")]
        traces.append(
            {
                "type": "bar",
                "x": mine["at_least"].map(_amount).tolist(),
                "y": mine["n_people"].tolist(),
                "name": plain_text(plan.title, 32),
                "legendgroup": plan.name,
                "marker": {"color": colours[plan.name]},
                "text": mine["n_people"].astype("str").tolist(),
                "textposition": "outside",
                "textangle": 0,
                "textfont": {"size": 11},
                "cliponaxis": False,
                "customdata": hover_rows(plan.title, *counts, mine["at_least"].map(style.statement_money)),
                "hovertemplate": "%{customdata[0]}: %{customdata[1]} people, by one of %{customdata[2]} moves, "
                "%{customdata[3]} or more<extra></extra>",
            }
        )
    steps = [_amount(least) for least in sorted(set(table["at_least"]))]
    ticks = {"type": "category", "categoryorder": "array", "categoryarray": steps, "tickvals": steps, "tickangle": 0}
    ticks["title"] = {
        "text": f"Extra pay of one move, at least, {comparison.currency}",
        "standoff": 8,
        "font": {"size": 13},
    }
    people = {**axis_around(table["n_people"].astype(float), "People"), "rangemode": "tozero"}
    nothing = {"text": "No move of one event would pay more.", "showarrow": False, "xref": "paper", "yref": "paper"}
    notes = [] if traces else [{**nothing, "x": 0.5, "y": 0.5}]
    figure = finished_figure(
        traces, {"xaxis": ticks, "yaxis": people}, height=340 if traces else 120, annotations=notes
    )
    figure.update_layout(margin={"b": 60}, xaxis={"visible": bool(traces)}, yaxis={"visible": bool(traces)})
    return figure


def _amount(least: float) -> str:
    return style.short_money(least).replace(".0", "") if least else "any"
