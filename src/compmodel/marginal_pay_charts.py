"""Marginal pay, drawn: the payout curve with where people stood under it, pay per 1,000, the next point by curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from compmodel import style
from compmodel.charts import plan_colours
from compmodel.compare import Answer, Comparison
from compmodel.components import Component
from compmodel.curves import payout_factor, pieces
from compmodel.errors import CompModelError, nearest
from compmodel.figures import Figure, axis_around, finished_figure, hover_rows, money_axis, people_axis, plain_text
from compmodel.marginal_pay import (
    ALL,
    BAND,
    CAPPED,
    CLIFF,
    DEAD,
    LESS,
    OTHER,
    PAYS,
    curve_cliffs,
    marginal_pay,
    people_counted,
)
from compmodel.marginal_pay_map import marginal_pay_map as map_answer
from compmodel.payout_curves import TINY
from compmodel.plan import Plan
from compmodel.wording import capitalised, in_sentence, people_periods

ZONES = {
    PAYS: ("#0072b2", "circle"),
    DEAD: ("#d55e00", "x"),
    CAPPED: ("#e69f00", "square"),
    CLIFF: ("#cc79a7", "star"),
    LESS: ("#56b4e9", "triangle-down"),
    OTHER: (style.QUIET, "diamond"),
}
SHOWN = (-0.5, 2.0)
"""Attainment that is drawn; who stands further out is drawn at the end."""
MOST_FLAGS = 3
ONE_SHADE = "Filled: the next point of attainment pays; white: it pays nothing"


def marginal_pay_curve(
    comparison: Comparison, answer: Answer | None = None, plan: str = "", component: str = ""
) -> Figure:
    """Returns a component's payout curve over attainment with people's periods under it, counted by band and zone.

    The baseline's curve and counts of the same metric are drawn in grey. `plan` is the first other one unless named,
    `component` its first of ARR.
    """
    counts = people_counted((answer or marginal_pay(comparison)).table)
    drawn, part = _chosen(comparison, counts, plan, component)
    colour = plan_colours(comparison)[drawn.name]
    base = comparison.plans[0]
    same = next((c for c in base.components if c.metric == part.metric and drawn.name != base.name), None)
    mine = _of(counts, drawn.name, part.name)
    theirs = mine[:0] if same is None else _of(counts, base.name, same.name)
    span = _span(pd.concat([mine["band"], theirs["band"]]), part, *([] if same is None else [same]))
    traces = [] if same is None else [_curve(base, same, style.BASELINE, 4, span), _outline(theirs)]
    traces.append(_curve(drawn, part, colour, 2.5, span))
    traces += [_counts(mine[mine["zone"] == zone], zone) for zone in ZONES]
    factors = pd.Series([y for trace in traces for y in trace["y"] if trace.get("yaxis") != "y2"])
    n = pd.concat([pd.Series([1.0]), *(of.groupby("band")["n"].sum() for of in (mine, theirs))])
    people = people_periods(drawn.pay.period)
    axes = {
        "xaxis": {**_attainment_axis(f"Attainment of {in_sentence(part.title)}", span), "anchor": "y2"},
        "yaxis": {**axis_around(factors, "Payout"), "tickformat": ".0%", "nticks": 5, "domain": [0.42, 1]},
        "yaxis2": {**axis_around(n, capitalised(people)), "nticks": 4, "domain": [0, 0.32]},
    }
    figure = finished_figure(traces, axes, height=460, title=f"Payout curve, and {people} under it")
    figure.update_layout(barmode="stack", bargap=0.05)
    return figure


def marginal_pay_by_attainment(
    comparison: Comparison, answer: Answer | None = None, plan: str = "", component: str = ""
) -> Figure:
    """Returns pay per 1,000 of ARR by attainment, a mark a person and period; cliffs are flagged with their height.

    Beside aliases a mark is the mean of a band of attainment, as large as the people in it are many, without cliffs'
    heights. The baseline is drawn in grey; `plan` and `component` as in `marginal_pay_curve`.
    """
    table = (answer or marginal_pay(comparison)).table
    drawn, part = _chosen(comparison, table, plan, component)
    base = comparison.plans[0]
    same = next((c for c in base.components if c.metric == part.metric and drawn.name != base.name), None)
    mine = _of(table, drawn.name, part.name)
    theirs = mine[:0] if same is None else _of(table, base.name, same.name)
    drawn_at = pd.concat([of.loc[of["slope"].notna(), "attainment"] for of in (mine, theirs)])
    span = _span(drawn_at, part, *([] if same is None else [same]))
    traces = [] if same is None else [_marks(theirs, base, style.BASELINE, "circle-open")]
    for zone, (colour, symbol) in ZONES.items():
        some = mine[mine["zone"] == zone]
        if len(some):
            traces.append({**_marks(some, drawn, colour, symbol), "name": f"{plain_text(drawn.title, 20)}: {zone}"})
    flags = zip(*_flags(mine), strict=True) if "cliff_pay" in mine else ()
    notes = [
        {
            "x": attainment,
            "y": slope,
            "ax": 0,
            "ay": -24 - 16 * i,
            "text": f"{style.signed_money(height)} at once",
            "font": {"size": 11},
            "arrowcolor": style.QUIET,
            "arrowwidth": 1,
        }
        for i, (attainment, slope, height) in enumerate(flags)
    ]
    slopes = pd.Series([y for trace in traces for y in trace["y"] if y == y] or [0.0])
    amounts: dict[str, Any] = {**money_axis("", slopes), "zeroline": True}
    across = _attainment_axis(f"Attainment of {in_sentence(part.title)}", span)
    if "n" in table:
        small = f'<span style="font-size:11px;color:{style.QUIET}">'
        across["title"]["text"] += f"<br>{small}the larger a mark, the more {people_periods(drawn.pay.period)}</span>"
    axes = {"xaxis": across, "yaxis": amounts}
    title = f"Pay for the next 1,000 of ARR by {in_sentence(part.title)} alone, {comparison.currency}"
    figure = finished_figure(traces, axes, height=420, title=title, annotations=notes)
    return figure.update_layout(margin={"b": 62}) if "n" in table else figure


def marginal_pay_map(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns what the next point of attainment pays, a row a component of a plan; white pays nothing, marks jump."""
    table = (answer or map_answer(comparison)).table
    rows = list(dict.fromkeys(zip(table["plan"], table["component"], strict=True)))
    names = [f"{i}" for i in range(len(rows))]
    titles = [f"{comparison.plan(p).title}: {comparison.plan(p).component(c).title}" for p, c in rows]
    steady = (table["pay"] - table["jump"]).to_numpy()
    largest = float(np.abs(steady).max()) or 0.01
    parts = [table[(table["plan"] == p) & (table["component"] == c)] for p, c in rows]
    traces: list[dict[str, Any]] = []
    scales = {True: (style.QUIET, style.BASELINE), False: (style.LOSS, style.GAIN)}
    for is_baseline, (low, high) in scales.items():
        kept = [(plan == comparison.baseline) == is_baseline for plan, _ in rows]
        traces.append(_heat(parts, kept, names, titles, largest, (low, high)))
    row_of = dict(zip(rows, names, strict=True))
    leaps = table[table["jump"] != 0]
    leap_rows = [row_of[key] for key in zip(leaps["plan"], leaps["component"], strict=True)]
    leap_titles = [titles[int(name)] for name in leap_rows]
    marker = {"symbol": "line-ns", "size": 16, "line": {"color": style.INK, "width": 3}}
    text = leaps["jump"].map(lambda jump: ("+" if jump > 0 else "") + style.percent(jump))
    at = (leaps["attainment"] + 0.005).tolist()
    sides = ["top center" if i % 2 == 0 else "bottom center" for i in leaps.groupby(["plan", "component"]).cumcount()]
    jumps: dict[str, Any] = {"type": "scatter", "mode": "markers+text", "x": at, "y": leap_rows, "marker": marker}
    jumps |= {"text": text.tolist(), "textposition": sides, "textfont": {"size": 11}, "showlegend": False}
    facts = hover_rows(leap_titles, leaps["attainment"].map(style.percent), text)
    jumps |= {"customdata": facts, "hovertemplate": "%{customdata[0]}: %{customdata[2]} at once from %{customdata[1]}"}
    traces.append({**jumps, "name": "jump", "cliponaxis": False} if len(leaps) else {**jumps, "x": [], "y": []})
    traces[-1]["hovertemplate"] += "<extra></extra>"
    axis = {**people_axis(names), "showgrid": False}
    quiet = f'<span style="font-size:11px;color:{style.QUIET}">'
    halves = [title.rpartition(": ") for title in titles]
    axis["ticktext"] = [f"{plain_text(c, 20)}<br>{quiet}{plain_text(p, 20)}</span>" for p, _, c in halves]
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"range": [0, 1.56], "tickformat": ".0%", "nticks": 6, "tickangle": 0},
        "yaxis": axis,
    }
    shades = {round(abs(pay), 6) for pay in steady if abs(pay) > TINY}
    title = "Where the next point of attainment pays: darker pays more" if len(shades) > 1 else ONE_SHADE
    title += "; lines pay at once" if len(leaps) else ""
    return finished_figure(traces, axes, height=100 + 52 * max(len(rows), 2), title=title)


def _chosen(comparison: Comparison, table: pd.DataFrame, plan: str, component: str) -> tuple[Plan, Component]:
    drawn = comparison.plan(plan or next((other.name for other in comparison.others), comparison.baseline))
    known = [name for name in dict.fromkeys(table.loc[table["plan"] == drawn.name, "component"]) if name != ALL]
    ordered = [c.name for c in drawn.components if c.name in known]
    if not ordered or component not in ("", *ordered):
        fix = nearest(component, ordered) if ordered else "Choose another plan."
        raise CompModelError(f"{drawn.title} has no component {component or 'of ARR'} with marginal pay. {fix}")
    return drawn, drawn.component(component or ordered[0])


def _of(table: pd.DataFrame, plan: str, component: str) -> pd.DataFrame:
    """Those with a result of a plan's component, and the band in which they are drawn."""
    mine = table[(table["plan"] == plan) & (table["component"] == component) & table["attainment"].notna()]
    inside = mine["attainment"].clip(SHOWN[0] + BAND / 2, SHOWN[1] - BAND / 2)
    return mine.assign(band=(np.floor(inside / BAND + 1e-9) * BAND + BAND / 2).round(6))


def _span(stood: pd.Series, *parts: Component) -> tuple[float, float]:
    """The attainment that is drawn: where people stood, and the points of the curves."""
    points = [at for part in parts for at, _ in (*part.curve.points, *part.curve.bands)]
    at = np.array([0.0, 1.0, *points, *stood.dropna()]).clip(*SHOWN)
    return float(at.min()), float(at.max())


def _attainment_axis(title: str, span: tuple[float, float]) -> dict[str, Any]:
    air = 0.03 + BAND / 2
    ends = [span[0] - air, span[1] + air]
    return {"title": {"text": plain_text(title), "standoff": 6}, "range": ends, "tickformat": ".0%", "tickangle": 0}


def _flags(mine: pd.DataFrame) -> tuple[list[float], list[float], list[float]]:
    """Attainment, pay per 1,000 and height of the highest cliffs ahead of somebody."""
    highest = mine[mine["cliff_pay"].notna()].sort_values("cliff_pay", ascending=False, kind="stable")[:MOST_FLAGS]
    return highest["attainment"].clip(*SHOWN).tolist(), highest["slope"].tolist(), highest["cliff_pay"].tolist()


def _curve(plan: Plan, component: Component, colour: str, width: float, span: tuple[float, float]) -> dict[str, Any]:
    curve = component.curve
    leaps = np.array([at for at, _, _ in curve_cliffs(curve)])
    low, high = span[0] - BAND, span[1] + BAND
    corners = np.concatenate([pieces(curve, is_exact=False).at, leaps - TINY, leaps + TINY, [low, high]])
    at = np.unique(corners[(corners >= low) & (corners <= high)])
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain_text(plan.title, 32),
        "legendgroup": plan.name,
        "x": at.tolist(),
        "y": payout_factor(at, curve).tolist(),
        "line": {"color": colour, "width": width},
        "customdata": hover_rows([plan.title] * len(at), component.title),
        "hovertemplate": "%{customdata[0]}, %{customdata[1]}: %{x:.0%} pays %{y:.0%}<extra></extra>",
    }


def _counts(mine: pd.DataFrame, zone: str) -> dict[str, Any]:
    n = mine.groupby("band")["n"].sum()
    return {
        "type": "bar",
        "name": zone,
        "x": n.index.tolist(),
        "y": n.tolist(),
        "width": BAND * 0.9,
        "yaxis": "y2",
        "marker": {"color": ZONES[zone][0]},
        "showlegend": bool(len(n)),
        "hovertemplate": f"{zone}: %{{y}} at about %{{x:.0%}}<extra></extra>",
    }


def _outline(mine: pd.DataFrame) -> dict[str, Any]:
    """The baseline's counts as one grey line of steps."""
    n = mine.groupby("band")["n"].sum()
    at = (np.arange(round(SHOWN[0] / BAND), round(SHOWN[1] / BAND)) * BAND + BAND / 2).round(6)
    line = {"color": style.BASELINE, "width": 2, "shape": "hvh"}
    counted = n.reindex(at, fill_value=0).tolist()
    trace = {"type": "scatter", "mode": "lines", "x": at.tolist(), "y": counted, "yaxis": "y2", "line": line}
    return {**trace, "showlegend": False, "hovertemplate": "baseline: %{y} at about %{x:.0%}<extra></extra>"}


def _marks(mine: pd.DataFrame, plan: Plan, colour: str, symbol: str) -> dict[str, Any]:
    is_counted = "n" in mine
    size = (6 + 2 * np.sqrt(mine["n"])).clip(upper=26).tolist() if is_counted else 8
    whose = mine["n"].map("{:,} of them".format) if is_counted else mine["person"] + ", " + mine["period"]
    facts = (mine["attainment"].map(style.percent), mine["slope"].map(style.statement_money), mine["zone"])
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain_text(plan.title, 32),
        "x": mine["attainment"].clip(*SHOWN).tolist(),
        "y": mine["slope"].tolist(),
        "marker": {"color": colour, "symbol": symbol, "size": size, "opacity": 0.75},
        "customdata": hover_rows(whose, plan.title, *facts) if len(mine) else [],
        "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>at %{customdata[2]}: %{customdata[3]} for 1,000, "
        "%{customdata[4]}<extra></extra>",
    }


def _heat(
    parts: list[pd.DataFrame],
    kept: list[bool],
    names: list[str],
    titles: list[str],
    largest: float,
    colours: tuple[str, str],
) -> dict[str, Any]:
    """The rows that are kept, in shades; all others empty, since both heatmaps need every row."""
    facts = [
        hover_rows(title, part["attainment"].map(style.percent), part["pay"].map(lambda share: style.percent(share, 2)))
        for title, part in zip(titles, parts, strict=True)
    ]
    each = zip(parts, kept, strict=True)
    return {
        "type": "heatmap",
        "x": (parts[0]["attainment"] + 0.005).tolist(),
        "y": names,
        "z": [(part["pay"] - part["jump"]).tolist() if is_kept else [None] * len(part) for part, is_kept in each],
        "zmid": 0,
        "zmin": -largest,
        "zmax": largest,
        "colorscale": [[0, colours[0]], [0.5, style.PAPER], [1, colours[1]]],
        "showscale": False,
        "hoverongaps": False,
        "ygap": 26,
        "customdata": facts,
        "hovertemplate": "%{customdata[0]}<br>the point after %{customdata[1]} pays %{customdata[2]} of its target "
        "incentive<extra></extra>",
    }
