"""Charts: a comparison in, a plotly figure out, drawn from the same tables as the sentences.

The baseline is always drawn, in grey. Figures hold no state and change no global. Every trace of a plan has the plan's
name as its `legendgroup`. A chart computes its answer unless it is handed in.

Currently implemented: cost_by_period, pay_by_payee, pay_change_by_payee, payout_curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from compmodel import style
from compmodel.compare import OUTCOMES, Answer, Comparison
from compmodel.compare import cost_by_period as cost_answer
from compmodel.compare import pay_by_payee as pay_answer
from compmodel.compare import pay_change_by_payee as change_answer
from compmodel.components import KPI
from compmodel.figures import (
    Figure,
    axis_around,
    finished_figure,
    hover_rows,
    money_axis,
    people_axis,
    plain_text,
    quarter_labels,
)
from compmodel.payout_curves import payout_curves as curves_answer

_SYMBOLS = ("circle", "diamond", "square", "x", "triangle-up", "star")


def plan_colours(comparison: Comparison) -> dict[str, str]:
    """Returns the colour of each plan: grey for the baseline, then the palette in the plans' order."""
    others = {plan.name: style.PLANS[i % len(style.PLANS)] for i, plan in enumerate(comparison.others)}
    return {comparison.baseline: style.BASELINE, **others}


def cost_by_period(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns cost by quarter, the baseline as a line (of one quarter as a bar), with the difference as bars below."""
    table, colours = (answer or cost_answer(comparison)).table, plan_colours(comparison)
    names = [period.name for period in comparison.periods]
    traces: list[dict[str, Any]] = []
    for plan in sorted(comparison.plans, key=lambda plan: len(names) > 1 and plan.name == comparison.baseline):
        mine, colour = table[table["plan"] == plan.name], colours[plan.name]
        common = {"x": mine["period"].tolist(), "name": plain_text(plan.title, 32), "legendgroup": plan.name}
        cost: dict[str, Any] = {
            "y": mine["cost"].tolist(),
            "customdata": hover_rows(plan.title, mine["cost"].map(style.statement_money)),
            "hovertemplate": "%{x}<br>%{customdata[0]} %{customdata[1]}<extra></extra>",
        }
        bar = {"type": "bar", "marker": {"color": colour}, "offsetgroup": plan.name, **common}
        if plan.name == comparison.baseline:
            line = {"type": "scatter", "mode": "lines+markers", "line": {"color": colour, "width": 3}, **common}
            traces.append({**(line if len(names) > 1 else bar), **cost})
            continue
        change: dict[str, Any] = {
            "y": mine["change"].tolist(),
            "customdata": hover_rows(plan.title, mine["change"].map("{:+,.2f}".format)),
            "hovertemplate": "%{x}<br>%{customdata[0]} less baseline %{customdata[1]}<extra></extra>",
        }
        traces.append({**bar, **cost})
        traces.append({**bar, **change, "yaxis": "y2", "showlegend": False})
    ticks = {"type": "category", "tickvals": names, "ticktext": quarter_labels(names), "tickangle": 0}
    costs = money_axis(f"Cost, {comparison.currency}", table["cost"])
    if not comparison.others:
        return finished_figure(traces, {"xaxis": ticks, "yaxis": costs}, height=300)
    changes = {**money_axis("Change", table["change"]), "domain": [0, 0.32], "zeroline": True, "nticks": 4}
    axes = {"xaxis": {**ticks, "anchor": "y2"}, "yaxis": {**costs, "domain": [0.42, 1]}, "yaxis2": changes}
    return finished_figure(traces, axes, height=430)


def pay_by_payee(comparison: Comparison, answer: Answer | None = None) -> Figure:
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
                "name": plain_text(plan.title, 32),
                "legendgroup": plan.name,
                "marker": {"color": colours[plan.name], "size": 9, "symbol": _SYMBOLS[i % len(_SYMBOLS)]},
                "cliponaxis": False,
                "customdata": hover_rows(mine["person"], mine["team"], plan.title, money),
                "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>"
                "%{customdata[2]} %{customdata[3]}<extra></extra>",
            }
        )
    axis = money_axis("", table["pay"])
    low, high = axis["range"]
    axis["range"] = [low - 0.02 * (high - low), high]  # a mark at 0 must not lie on a name
    axes = {"xaxis": axis, "yaxis": people_axis(people)}
    return finished_figure(traces, axes, title=f"Pay, {comparison.currency}")


def pay_change_by_payee(
    comparison: Comparison,
    answer: Answer | None = None,
    plan: str = "",
    order: Sequence[str] = (),
) -> Figure:
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
        name = plain_text(f"{mark} {outcome}{under}", 32)
        bar = {"type": "bar", "orientation": "h", "name": name, "marker": {"color": colour}}
        traces.append({**bar, **_changes(part, drawn.title)})
    for i, other in enumerate(comparison.plans):
        if other.name not in (drawn.name, comparison.baseline):
            edge = {"color": style.PAPER, "width": 1}
            marker = {"color": colours[other.name], "size": 9, "symbol": _SYMBOLS[i % len(_SYMBOLS)], "line": edge}
            look = {"type": "scatter", "mode": "markers", "name": plain_text(other.title, 32), "marker": marker}
            traces.append(
                {**look, "legendgroup": other.name, **_changes(table[table["plan"] == other.name], other.title)}
            )
    axis = money_axis("", table["change"])
    axis |= {"zeroline": True, "zerolinecolor": style.INK, "zerolinewidth": 1}
    title = f"Change of pay, {comparison.currency}"
    return finished_figure(traces, {"xaxis": axis, "yaxis": people_axis(people)}, title=title)


def payout_curves(comparison: Comparison, answer: Answer | None = None) -> Figure:
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
            **axis_around(table["factor"], ""),
            "domain": [max(0, 1 - i * step - (step - 0.13)), 1 - i * step],
            "tickformat": ".0%",
            "nticks": 4,
        }
        place = {"xref": f"x{number} domain", "yref": f"y{number} domain", "x": 0.01, "y": 1, "yanchor": "top"}
        notes.append({**place, "text": f"<b>{plain_text(titles[name], 40)}</b>", "showarrow": False})
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
                "name": plain_text(title, 32),
                "legendgroup": plan,
                "showlegend": plan not in shown,
                "line": {"color": colours[plan], **look},
                "customdata": hover_rows([title] * len(mine), titles[metric]),
                "hovertemplate": "%{customdata[0]}<br>%{customdata[1]} at %{x} pays %{y:.0%}<extra></extra>",
                "xaxis": f"x{panel}",
                "yaxis": f"y{panel}",
            }
        )
        shown.add(plan)
    height = max(430, 80 + 130 * len(metrics))
    return finished_figure(traces, axes, height, title="Share of target incentive", annotations=notes)


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


def _changes(rows: pd.DataFrame, title: str) -> dict[str, Any]:
    money = [rows[name].map(style.statement_money) for name in ("baseline_pay", "pay")]
    return {
        "x": rows["change"].tolist(),
        "y": rows["person"].tolist(),
        "customdata": hover_rows(rows["person"], rows["team"], title, rows["change"].map("{:+,.2f}".format), *money),
        "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>%{customdata[2]} %{customdata[3]}: "
        "from %{customdata[4]} to %{customdata[5]}<extra></extra>",
    }
