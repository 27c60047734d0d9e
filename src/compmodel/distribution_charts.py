"""Charts of how attainment and pay are spread, of pay against what people retained, and of what keeps people whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from compmodel import style
from compmodel.charts import plan_colours
from compmodel.compare import Answer, Comparison
from compmodel.distributions import BANDS, NORM, UNDEFINED, WHOLE, Of
from compmodel.distributions import attainment_reached as reached_answer
from compmodel.distributions import distribution as distribution_answer
from compmodel.figures import Figure, axis_around, finished_figure, hover_rows, people_axis, plain_text
from compmodel.keep_whole import keep_whole as whole_answer
from compmodel.retention_pay import THIRDS
from compmodel.retention_pay import pay_for_retention as retention_answer
from compmodel.wording import people_periods

PANEL, GAP, HEADING, AROUND = 150, 56, 28, 130
"""Pixels of a panel, between two, of the heading over one, and around them all."""
USUAL = 0.18
"""How dark the usual shares lie over the bars."""
FEW = 2.5
"""In the middle of one to four people: how dark their cell is, whose number is not told."""
SHORT_BANDS = ("0", "<25", "25", "50", "75", "100", "125", "150+", "n/a")
"""The bands by their lower edges in percent, for an axis."""


def _panels(titles: Sequence[str]) -> tuple[list[list[float]], int, list[dict[str, Any]]]:
    """Domains from the top, height of the figure, and a heading over each panel."""
    n = len(titles)
    inside = n * PANEL + (n - 1) * GAP
    tops = [1 - i * (PANEL + GAP) / inside for i in range(n)]
    domains = [[max(0.0, top - PANEL / inside), top] for top in tops]
    notes = [
        {
            "xref": "paper",
            "yref": "paper",
            "x": 0,
            "xanchor": "left",
            "y": top,
            "yanchor": "bottom",
            "text": f"<b>{plain_text(title, 44)}</b>",
            "showarrow": False,
        }
        for title, top in zip(titles, tops, strict=True)
    ]
    return domains, inside + AROUND, notes


def attainment_reached(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns how many results reach threshold, target and excellence, a panel a measure; what is usual too."""
    table = (answer or reached_answer(comparison)).table
    measures = _measures(table)
    panels = [_reached(table[table["measure"] == measure]) for measure in measures]
    figure = _bars(comparison, measures, panels, f"Share of {people_periods(comparison.period_word)}")
    shapes = [
        {
            "type": "rect",
            "layer": "above",
            "xref": f"x{i + 1 if i else ''}",
            "yref": f"y{i + 1 if i else ''}",
            "x0": at - 0.48,
            "x1": at + 0.48,
            "y0": low,
            "y1": high,
            "fillcolor": style.INK,
            "opacity": USUAL,
            "line": {"width": 0},
        }
        for i in range(len(measures))
        for at, (low, high) in enumerate(NORM.values())
    ]
    figure.update_layout(shapes=shapes)
    square = {"color": style.INK, "opacity": USUAL, "size": 12, "symbol": "square"}
    figure.add_scatter(x=[None], y=[None], mode="markers", marker=square, name="usual", hoverinfo="skip")
    return figure


def _measures(table: pd.DataFrame) -> list[str]:
    """The measures in their order, the whole pay last."""
    found = list(dict.fromkeys(table["measure"]))
    whole = table["measure"][table["component"] == WHOLE].unique().tolist()
    return [*(measure for measure in found if measure not in whole), *whole]


def _reached(mine: pd.DataFrame) -> pd.DataFrame:
    parts = [
        mine[["plan"]].assign(
            at=mark, share=mine[f"share_{mark}"], n=mine[f"n_{mark}"], of=mine["n"], people=mine["n_people"]
        )
        for mark in NORM
    ]
    return pd.concat(parts, ignore_index=True)


def distribution(comparison: Comparison, answer: Answer | None = None, of: Of = "attainment") -> Figure:
    """Returns how results spread over bands of attainment or of pay, a panel a measure, a band by its lower edge."""
    table = (answer or distribution_answer(comparison, of)).table
    names = dict(zip((*BANDS, UNDEFINED), SHORT_BANDS, strict=True))
    measures, panels = _measures(table), []
    for measure in measures:
        mine = table[table["measure"] == measure]
        panels.append(mine[["plan", "n"]].assign(share=mine["share_of_results"], at=mine["band"].map(names)))
    what = "attainment" if of == "attainment" else "share of target incentive paid"
    title = f"Share of {people_periods(comparison.period_word)} by {what}, from %"
    return _bars(comparison, measures, panels, title)


def _bars(comparison: Comparison, measures: Sequence[str], panels: Sequence[pd.DataFrame], title: str) -> Figure:
    """A panel a measure of bars by plan, all to one scale; rows of plan, at, share and n."""
    colours = plan_colours(comparison)
    domains, height, notes = _panels(measures or [""])
    every = pd.concat([panel["share"] for panel in panels]) if panels else pd.Series(dtype=float)
    traces: list[dict[str, Any]] = []
    axes: dict[str, dict[str, Any]] = {}
    shown: set[str] = set()
    for i, domain in enumerate(domains):
        number = str(i + 1) if i else ""
        panel = panels[i] if panels else pd.DataFrame(columns=["plan", "at", "share", "n"])
        at = [name for name in (*NORM, *SHORT_BANDS) if name in set(panel["at"])]
        axes[f"xaxis{number}"] = {
            "type": "category",
            "categoryarray": at,
            "tickvals": at,
            "categoryorder": "array",
            "anchor": f"y{number}",
            "tickangle": 0,
            "tickfont": {"size": 11},
            "showgrid": False,
        }
        shares = axis_around(every.dropna(), "") | {"tickformat": ".0%", "nticks": 5, "domain": domain}
        axes[f"yaxis{number}"] = {**shares, "anchor": f"x{number}"}
        for plan in comparison.plans:
            mine = panel[panel["plan"] == plan.name]
            if mine.empty:
                continue
            traces.append(
                {
                    "type": "bar",
                    "x": mine["at"].tolist(),
                    "y": mine["share"].fillna(0.0).tolist(),
                    "name": plain_text(plan.title, 32),
                    "legendgroup": plan.name,
                    "offsetgroup": plan.name,
                    "showlegend": plan.name not in shown,
                    "marker": {"color": colours[plan.name]},
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                    "customdata": hover_rows(plan.title, mine["n"].map("{:,}".format), mine["share"].map(_percent)),
                    "hovertemplate": "%{x}<br>%{customdata[0]} %{customdata[2]} (%{customdata[1]})<extra></extra>",
                }
            )
            shown.add(plan.name)
    figure = finished_figure(traces, axes, height, title, notes)
    figure.update_layout(bargap=0.3, legend={"y": 1 + HEADING / (height - AROUND)})
    return figure


def _percent(share: float) -> str:
    return style.percent(share, 1)


def pay_for_retention(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns each person's pay over what they retained, a dot a person and plan; beside aliases, people by thirds."""
    table, colours = (answer or retention_answer(comparison)).table, plan_colours(comparison)
    if comparison.names == "aliases":
        return _by_thirds(comparison, table)
    is_share = bool(len(table)) and float(table["retained"].median()) < 100
    traces: list[dict[str, Any]] = []
    for plan in comparison.plans:
        mine = table[table["plan"] == plan.name]
        retained = mine["retained"].map(_percent if is_share else style.statement_money)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": mine["retained"].tolist(),
                "y": mine["pay_share"].tolist(),
                "name": plain_text(plan.title, 32),
                "legendgroup": plan.name,
                "marker": {"color": colours[plan.name], "size": 8, "line": {"color": style.PAPER, "width": 1}},
                "cliponaxis": False,
                "customdata": hover_rows(
                    mine["person"], mine["team"], plan.title, retained, mine["pay_share"].map(_percent)
                ),
                "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>retained %{customdata[3]}, "
                "%{customdata[2]} pays %{customdata[4]}<extra></extra>",
            }
        )
    low, high = (float(end) for end in (table["retained"].min(), table["retained"].max()))
    air = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    across: dict[str, Any] = {"range": [low - air, high + air]} if len(table) else {}
    across |= {
        "tickformat": ".0%" if is_share else "~s",
        "title": {"text": "Own NRR" if is_share else "Own ARR retained"},
    }
    pay = axis_around(table["pay_share"], "") | {"tickformat": ".0%", "zeroline": True}
    axes = {"xaxis": across, "yaxis": pay}
    return finished_figure(traces, axes, 430, "Pay, share of target incentive")


def _by_thirds(comparison: Comparison, table: pd.DataFrame) -> Figure:
    plans = [plan for plan in comparison.plans if plan.name in set(table["plan"])]
    domains, height, notes = _panels([plan.title for plan in plans] or [""])
    most = float(table["n_people"].max()) if table["n_people"].notna().any() else 1.0
    traces: list[dict[str, Any]] = []
    axes: dict[str, dict[str, Any]] = {"xaxis": {}, "yaxis": {}}
    for i, plan in enumerate(plans):
        number = str(i + 1) if i else ""
        mine = table[table["plan"] == plan.name]
        counts = mine.pivot(index="pay_third", columns="retained_third", values="n_people")
        grid = counts.reindex(index=list(THIRDS), columns=list(THIRDS)).fillna(FEW).to_numpy().tolist()
        said = [["1 to 4" if n == FEW else f"{n:.0f}" for n in row] for row in grid]
        traces.append(
            {
                "type": "heatmap",
                "x": list(THIRDS),
                "y": list(THIRDS),
                "z": grid,
                "zmin": 0,
                "zmax": most or 1,
                "colorscale": [[0, style.PAPER], [1, style.PLANS[4]]],
                "showscale": False,
                "xgap": 2,
                "ygap": 2,
                "text": said,
                "texttemplate": "%{text}",
                "hovertemplate": "retained %{x}, paid %{y}: %{text} people<extra></extra>",
                "xaxis": f"x{number}",
                "yaxis": f"y{number}",
            }
        )
        text = {"text": "retained" if i == len(plans) - 1 else "", "standoff": 4, "font": {"size": 13}}
        axes[f"xaxis{number}"] = {"type": "category", "anchor": f"y{number}", "title": text, "tickvals": list(THIRDS)}
        axes[f"yaxis{number}"] = {"type": "category", "anchor": f"x{number}", "domain": domains[i]}
    figure = finished_figure(traces, axes, height, "People by third: pay (up), retained", notes)
    figure.update_layout(legend={"y": 1 + HEADING / (height - AROUND)})
    return figure


def keep_whole(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns the attainment at which each plan pays what the baseline paid: a dot a person and plan, by attainment.

    Whom no attainment keeps whole has no dot. Beside aliases: how many people need how much, a bar a band and plan.
    """
    table, colours = (answer or whole_answer(comparison)).table, plan_colours(comparison)
    is_counted = "n_people" in table
    by, value = ("attainment_above", "n_people") if is_counted else ("attainment", "attainment")
    table = table.assign(row=_band_words(table) if is_counted else table["person"])
    table = table.sort_values(by, ascending=is_counted, kind="stable")
    said = table[value].map("{:,} people".format if is_counted else style.percent)
    look: dict[str, Any] = {"type": "scatter", "mode": "markers", "cliponaxis": False}
    traces: list[dict[str, Any]] = []
    for plan in comparison.others:
        mine = table[table["plan"] == plan.name]
        bar = {"type": "bar", "orientation": "h", "offsetgroup": plan.name}
        traces.append(
            {
                **(bar if is_counted else look),
                "name": plain_text(plan.title, 32),
                "marker": {"color": colours[plan.name]} | ({} if is_counted else {"size": 9}),
                "x": [None if of != of else of for of in mine[value].tolist()],
                "y": mine["row"].tolist(),
                "customdata": hover_rows(mine["row"], plan.title, said.loc[mine.index]),
                "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}: %{customdata[2]}<extra></extra>",
            }
        )
    order = list(dict.fromkeys(table["row"]))
    title = "People by the attainment that pays them as before"
    if not is_counted:
        without = "; no dot: none does" if table["attainment"].isna().any() else ""
        title = f"Attainment that pays each person as before{without}"
    axis = axis_around(table[value].dropna(), "") | {"nticks": 6, "tickangle": 0, "zeroline": True}
    axis |= {} if is_counted else {"tickformat": ".0%"}
    height = 110 + (20 + 12 * len(comparison.others)) * max(len(order), 2) if is_counted else 0
    figure = finished_figure(traces, {"xaxis": axis, "yaxis": people_axis(order)}, height, title)
    return figure.update_layout(barmode="group", bargap=0.3)


def _band_words(table: pd.DataFrame) -> list[str]:
    """Bands of attainment in words."""
    said = []
    for low, high in zip(table["attainment_above"], table["attainment_to"], strict=True):
        more = f"over {style.percent(low)}, or none" if low == low else "none is enough"
        said.append(f"{style.percent(low)} to {style.percent(high)}" if high == high else more)
    return said
