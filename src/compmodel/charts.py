"""Charts: a comparison in, a plotly figure out, drawn from the same tables as the sentences.

The baseline is always drawn, in grey. Figures hold no state and change no global; `FIGURE_CONFIG` takes the upload
button off plotly's toolbar and must go with every figure that is shown or exported. Names are escaped: plotly reads
tags and `$` formulas in its texts. Every trace of a plan has the plan's name as its `legendgroup`. A chart computes
its answer unless it is handed in.

Currently implemented: cost_by_period, pay_by_payee, pay_change_by_payee, payout_curves.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compmodel import style
from compmodel.compare import OUTCOMES, Answer, Comparison
from compmodel.compare import cost_by_period as cost_answer
from compmodel.compare import pay_by_payee as pay_answer
from compmodel.compare import pay_change_by_payee as change_answer
from compmodel.compare import payout_curves as curves_answer
from compmodel.components import KPI

FIGURE_CONFIG: dict[str, Any] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["sendDataToCloud", "sendChartToCloud", "lasso2d", "select2d", "autoScale2d"],
}
Figure = go.Figure
"""What every chart returns; other modules need not know plotly."""
_ROW = 18
"""Pixels a person."""
_SYMBOLS = ("circle", "diamond", "square", "x", "triangle-up", "star")


def plan_colours(comparison: Comparison) -> dict[str, str]:
    """Returns the colour of each plan: grey for the baseline, then the palette in the plans' order."""
    others = {plan.name: style.PLANS[i % len(style.PLANS)] for i, plan in enumerate(comparison.others)}
    return {comparison.baseline: style.BASELINE, **others}


def cost_by_period(comparison: Comparison, answer: Answer | None = None) -> go.Figure:
    """Returns cost by quarter, the baseline as a line (of one quarter as a bar), with the difference as bars below."""
    table, colours = (answer or cost_answer(comparison)).table, plan_colours(comparison)
    names = [period.name for period in comparison.periods]
    traces: list[dict[str, Any]] = []
    for plan in sorted(comparison.plans, key=lambda plan: len(names) > 1 and plan.name == comparison.baseline):
        mine, colour = table[table["plan"] == plan.name], colours[plan.name]
        common = {"x": mine["period"].tolist(), "name": _text(plan.title, 32), "legendgroup": plan.name}
        cost: dict[str, Any] = {
            "y": mine["cost"].tolist(),
            "customdata": _hover(plan.title, mine["cost"].map(style.statement_money)),
            "hovertemplate": "%{x}<br>%{customdata[0]} %{customdata[1]}<extra></extra>",
        }
        bar = {"type": "bar", "marker": {"color": colour}, "offsetgroup": plan.name, **common}
        if plan.name == comparison.baseline:
            line = {"type": "scatter", "mode": "lines+markers", "line": {"color": colour, "width": 3}, **common}
            traces.append({**(line if len(names) > 1 else bar), **cost})
            continue
        change: dict[str, Any] = {
            "y": mine["change"].tolist(),
            "customdata": _hover(plan.title, mine["change"].map("{:+,.2f}".format)),
            "hovertemplate": "%{x}<br>%{customdata[0]} less baseline %{customdata[1]}<extra></extra>",
        }
        traces.append({**bar, **cost})
        traces.append({**bar, **change, "yaxis": "y2", "showlegend": False})
    ticks = {"type": "category", "tickvals": names, "ticktext": _quarters(names), "tickangle": 0}
    costs = _money_axis(f"Cost, {comparison.currency}", table["cost"])
    if not comparison.others:
        return _finished(traces, {"xaxis": ticks, "yaxis": costs}, height=300)
    changes = {**_money_axis("Change", table["change"]), "domain": [0, 0.32], "zeroline": True, "nticks": 4}
    axes = {"xaxis": {**ticks, "anchor": "y2"}, "yaxis": {**costs, "domain": [0.42, 1]}, "yaxis2": changes}
    return _finished(traces, axes, height=430)


def pay_by_payee(comparison: Comparison, answer: Answer | None = None) -> go.Figure:
    """Returns each person's pay under each plan: a dot a plan, people in the order of the baseline's pay."""
    table, colours = (answer or pay_answer(comparison)).table, plan_colours(comparison)
    people = table.loc[table["plan"] == comparison.baseline, "person"].tolist()
    spans = table.groupby("person")["pay"].agg(["min", "max"]).reindex(people)
    ends = {"x": [x for low, high in spans.to_numpy().tolist() for x in (low, high, None)]}
    ends["y"] = [person for person in people for _ in range(3)]
    line = {"color": style.GRID, "width": 3}
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "line": line, "hoverinfo": "skip", "showlegend": False, **ends}
    ]
    for i, plan in enumerate(comparison.plans):
        mine = table[table["plan"] == plan.name]
        money = mine["pay"].map(style.statement_money)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": mine["pay"].tolist(),
                "y": mine["person"].tolist(),
                "name": _text(plan.title, 32),
                "legendgroup": plan.name,
                "marker": {"color": colours[plan.name], "size": 9, "symbol": _SYMBOLS[i % len(_SYMBOLS)]},
                "cliponaxis": False,
                "customdata": _hover(mine["person"], mine["team"], plan.title, money),
                "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>"
                "%{customdata[2]} %{customdata[3]}<extra></extra>",
            }
        )
    axis = _money_axis("", table["pay"])
    low, high = axis["range"]
    axis["range"] = [low - 0.02 * (high - low), high]  # a mark at 0 must not lie on a name
    axes = {"xaxis": axis, "yaxis": _people_axis(people)}
    return _finished(traces, axes, title=f"Pay, {comparison.currency}")


def pay_change_by_payee(
    comparison: Comparison,
    answer: Answer | None = None,
    plan: str = "",
    order: Sequence[str] = (),
) -> go.Figure:
    """Returns who gains and who loses against the baseline: a bar a person, largest gain first.

    The bars are of `plan`, or the first that is not the baseline, with the others as marks on them; `order` lists
    people from the top.
    """
    table, colours = (answer or change_answer(comparison)).table, plan_colours(comparison)
    drawn = comparison.plan(plan or next((other.name for other in comparison.others), comparison.baseline))
    mine = table[table["plan"] == drawn.name]
    people = list(order) or mine["person"].tolist()
    traces: list[dict[str, Any]] = []
    looks = zip(OUTCOMES, (style.GAIN, style.LOSS, style.SAME), "▲▼=", strict=True)
    under = f" under {drawn.title}" if len(comparison.others) > 1 else ""
    for outcome, colour, mark in looks:
        part = mine[mine["outcome"] == outcome]
        name = _text(f"{mark} {outcome}{under}", 32)
        bar = {"type": "bar", "orientation": "h", "name": name, "marker": {"color": colour}}
        traces.append({**bar, **_changes(part, drawn.title)})
    for i, other in enumerate(comparison.plans):
        if other.name not in (drawn.name, comparison.baseline):
            edge = {"color": style.PAPER, "width": 1}
            marker = {"color": colours[other.name], "size": 9, "symbol": _SYMBOLS[i % len(_SYMBOLS)], "line": edge}
            look = {"type": "scatter", "mode": "markers", "name": _text(other.title, 32), "marker": marker}
            traces.append(
                {**look, "legendgroup": other.name, **_changes(table[table["plan"] == other.name], other.title)}
            )
    axis = _money_axis("", table["change"])
    axis |= {"zeroline": True, "zerolinecolor": style.INK, "zerolinewidth": 1}
    title = f"Change of pay, {comparison.currency}"
    return _finished(traces, {"xaxis": axis, "yaxis": _people_axis(people)}, title=title)


def payout_curves(comparison: Comparison, answer: Answer | None = None) -> go.Figure:
    """Returns the payout curves of the components with a weight, one panel a metric, one line a plan."""
    table, colours = (answer or curves_answer(comparison)).table, plan_colours(comparison)
    titles = _panel_titles(comparison, table)
    metrics = list(titles)
    axes: dict[str, dict[str, Any]] = {}
    notes: list[dict[str, Any]] = []
    step = 1.13 / len(metrics)
    for i, name in enumerate(metrics):
        number, mine = str(i + 1) if i else "", table[table["metric"] == name]
        axes[f"xaxis{number}"] = {
            "anchor": f"y{number}",
            "tickformat": ".0%" if mine["unit"].iloc[0] == "share" else "",
            "range": [float(mine["value"].min()), float(mine["value"].max())],
            "nticks": 7,
            "tickangle": 0,
            "ticks": "outside",
            "tickcolor": style.GRID,
        }
        axes[f"yaxis{number}"] = {
            **_axis(table["factor"], ""),
            "domain": [max(0, 1 - i * step - (step - 0.13)), 1 - i * step],
            "tickformat": ".0%",
            "nticks": 4,
        }
        place = {"xref": f"x{number} domain", "yref": f"y{number} domain", "x": 0.01, "y": 1, "yanchor": "top"}
        notes.append({**place, "text": f"<b>{_text(titles[name], 40)}</b>", "showarrow": False})
    traces: list[dict[str, Any]] = []
    shown: set[str] = set()
    for key, mine in table.groupby(["plan", "component"], sort=False):
        plan, metric = str(key[0]), mine["metric"].iloc[0]
        is_baseline = plan == comparison.baseline
        title = comparison.plan(plan).title
        look = {"width": 4 if is_baseline else 2.5, "dash": "solid" if is_baseline else "dash"}
        panel = metrics.index(metric) + 1
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": mine["value"].tolist(),
                "y": mine["factor"].tolist(),
                "name": _text(title, 32),
                "legendgroup": plan,
                "showlegend": plan not in shown,
                "line": {"color": colours[plan], **look},
                "customdata": _hover([title] * len(mine), titles[metric]),
                "hovertemplate": "%{customdata[0]}<br>%{customdata[1]} at %{x} pays %{y:.0%}<extra></extra>",
                "xaxis": f"x{panel}",
                "yaxis": f"y{panel}",
            }
        )
        shown.add(plan)
    height = max(430, 80 + 130 * len(metrics))
    return _finished(traces, axes, height, title="Share of target incentive", annotations=notes)


QUESTIONS = (
    ("Cost", cost_answer, cost_by_period),
    ("Who gains, who loses", change_answer, pay_change_by_payee),
    ("Pay by person", pay_answer, pay_by_payee),
    ("Payout curves", curves_answer, payout_curves),
)
"""Heading, answer and chart of each question, in the order a leader asks them."""


def _panel_titles(comparison: Comparison, table: pd.DataFrame) -> dict[str, str]:
    """What people call each metric; KPIs of one title are told apart by what they count."""
    firsts = table.drop_duplicates("metric")[["metric", "plan", "component"]].to_numpy()
    plans = {metric: (comparison.plan(plan), component) for metric, plan, component in firsts}
    titles = {metric: plan.component(name).title for metric, (plan, name) in plans.items()}
    counted = {metric: metric.removeprefix(KPI).replace("_", " ") for metric in titles}
    said = list(titles.values())
    return {m: f"{title}: {counted[m]}" if said.count(title) > 1 else title for m, title in titles.items()}


def _short(text: str, limit: int = 32) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _text(text: str, limit: int = 80) -> str:
    """Text as plotly shows it: shortened, no tag, no formula."""
    return html.escape(_short(text, limit), quote=False).replace("$", "&#36;")


def _quarters(periods: Sequence[str]) -> list[str]:
    """Quarters as short as twelve of them must be on a phone: the year under the first of each, where there is room."""
    years = [period[:4] for period in periods]
    firsts = [i for i, year in enumerate(years) if year not in years[:i] and years[i + 1 : i + 2] in ([year], [])]
    return [f"{period[4:]}<br>{period[:4]}" if i in firsts else period[4:] for i, period in enumerate(periods)]


def _hover(*columns: Iterable[str] | str) -> list[list[str]]:
    """Rows of escaped texts for a hover label; a single text is repeated."""
    n = max(len(list(column)) for column in columns if not isinstance(column, str))
    filled = [[column] * n if isinstance(column, str) else list(column) for column in columns]
    return [[_text(text) for text in row] for row in zip(*filled, strict=True)]


def _changes(rows: pd.DataFrame, title: str) -> dict[str, Any]:
    money = [rows[name].map(style.statement_money) for name in ("baseline_pay", "pay")]
    return {
        "x": rows["change"].tolist(),
        "y": rows["person"].tolist(),
        "customdata": _hover(rows["person"], rows["team"], title, rows["change"].map("{:+,.2f}".format), *money),
        "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>%{customdata[2]} %{customdata[3]}: "
        "from %{customdata[4]} to %{customdata[5]}<extra></extra>",
    }


def _axis(values: pd.Series, title: str) -> dict[str, Any]:
    """An axis whose range holds 0 and every value, with a little air."""
    low, high = (float(np.nan_to_num(end)) for end in (values.min(), values.max()))
    low, high = min(low, 0.0), max(high, 0.0)
    air = 0.05 * (high - low) or 100.0
    return {
        "title": {"text": _text(title), "standoff": 6, "font": {"size": 13}},
        "range": [low - air * (low < 0), high + air * (high > 0 or low == high)],
    }


def _money_axis(title: str, values: pd.Series) -> dict[str, Any]:
    return {**_axis(values, title), "tickformat": "~s", "rangemode": "tozero"}


def _people_axis(people: Sequence[str]) -> dict[str, Any]:
    """People from top to bottom, long names shortened in the middle, because namesakes differ at the end."""
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(people),
        "tickvals": list(people),
        "ticktext": [_text(person if len(person) <= 24 else f"{person[:14]}…{person[-9:]}") for person in people],
        "range": [len(people) - 0.5, -0.5],
        "automargin": True,
    }


def _finished(
    traces: list[dict[str, Any]],
    axes: dict[str, dict[str, Any]],
    height: int = 0,
    title: str = "",
    annotations: Sequence[dict[str, Any]] = (),
) -> go.Figure:
    """The figure in the house style; without a height it is as tall as its people need.

    The legend, with the title over it, stands above all else; plotly makes room for the rows it takes.
    """
    people = axes["yaxis"].get("tickvals")
    lines = {"gridcolor": style.GRID, "zeroline": False, "zerolinecolor": style.QUIET}
    layout: dict[str, Any] = {name: {**lines, **axis} for name, axis in axes.items()}
    if people is not None:
        layout["xaxis"]["side"] = "top"
    height = height or 110 + _ROW * max(len(people or ()), 6)
    few = max(len(layout["xaxis" if people is None else "yaxis"].get("tickvals", ())), 1)
    top, bottom, ticks = (50, 44, 6) if people is None else (84, 16, 28)
    layout |= {
        "template": "none",
        "height": height,
        "font": {"family": style.FONT, "size": 13, "color": style.INK},
        "paper_bgcolor": style.PAPER,
        "plot_bgcolor": style.PAPER,
        "margin": {"l": 68, "r": 16, "t": top, "b": bottom},
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "title": {"text": _text(title), "side": "top", "font": {"size": 13}},
            "yanchor": "bottom",
            "y": 1 + ticks / (height - top - bottom),
            "x": 0,
        },
        "barmode": "group" if people is None else "overlay",
        "bargap": max(0.25, 1 - few / 5),
        "hoverlabel": {"font": {"family": style.FONT}, "namelength": -1},
        "uirevision": "kept",
        "annotations": list(annotations),
    }
    return go.Figure({"data": traces, "layout": layout})
