"""Charts of what plans cost: by team or period, over ARR, in a budget, to break even, and by what is undecided."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, get_args

import pandas as pd

from compmodel import style
from compmodel.break_even import break_even as break_even_answer
from compmodel.charts import cost_by_period, plan_colours
from compmodel.compare import Answer, Comparison
from compmodel.costs import IN_ALL, By
from compmodel.costs import cost_by as cost_answer
from compmodel.costs import cost_of_sales as sales_answer
from compmodel.decisions import open_decisions as decisions_answer
from compmodel.figures import (
    Figure,
    axis_around,
    finished_figure,
    hover_rows,
    money_axis,
    people_axis,
    plain_text,
    quarter_labels,
    shortened,
)

TARGET = "everyone at 100%"


def cost_by(comparison: Comparison, answer: Answer | None = None, by: By = "team") -> Figure:
    """Returns cost by period, team or segment with the difference below; a mark where everyone at 100% would be."""
    table = (answer or cost_answer(comparison, by)).table
    by = next(name for name in get_args(By) if name in table.columns)
    target = table[table["plan"] == comparison.baseline].dropna(subset="at_target")
    if by == "period":
        return _with_target(cost_by_period(comparison, Answer("", table)), table, target)
    groups, colours = list(dict.fromkeys(table[by])), plan_colours(comparison)
    traces: list[dict[str, Any]] = []
    for plan in comparison.plans:
        mine = table[table["plan"] == plan.name]
        look: dict[str, Any] = {
            "type": "bar",
            "orientation": "h",
            "name": plain_text(plan.title, 32),
            "legendgroup": plan.name,
        }
        look |= {"y": mine[by].tolist(), "offsetgroup": plan.name, "marker": {"color": colours[plan.name]}}
        money = [mine[name].map(style.statement_money) for name in ("cost", "at_target")]
        said = hover_rows(mine[by], plan.title, *money, mine["n_people"].astype(str))
        hover = "%{customdata[0]}, %{customdata[4]} people<br>%{customdata[1]} %{customdata[2]}<extra></extra>"
        traces.append({**look, "x": mine["cost"].tolist(), "customdata": said, "hovertemplate": hover})
        if plan.name == comparison.baseline:
            continue
        changes = hover_rows(mine[by], plan.title, mine["change"].map("{:+,.2f}".format))
        hover = "%{customdata[0]}<br>%{customdata[1]} less baseline %{customdata[2]}<extra></extra>"
        below = {"x": mine["change"].tolist(), "xaxis": "x2", "yaxis": "y2", "showlegend": False}
        traces.append({**look, **below, "customdata": changes, "hovertemplate": hover})
    if len(target):
        mark = {"symbol": "line-ns", "size": 16, "line": {"color": style.INK, "width": 2}}
        look = {"type": "scatter", "mode": "markers", "name": TARGET, "marker": mark, "cliponaxis": False}
        said = hover_rows(target[by], target["at_target"].map(style.statement_money))
        hover = f"%{{customdata[0]}}<br>{TARGET} %{{customdata[1]}}<extra></extra>"
        place = {"x": target["at_target"].tolist(), "y": target[by].tolist()}
        traces.append({**look, **place, "customdata": said, "hovertemplate": hover})
    n, is_alone = len(groups), not comparison.others
    rows = people_axis(groups)
    reached = pd.concat([table["cost"], target["at_target"]])
    axes = {
        "xaxis": money_axis("", reached) | {"anchor": "y"},
        "yaxis": rows | {"domain": [0 if is_alone else 0.56, 1]},
    }
    if not is_alone:
        change = money_axis("", table["change"]) | {"zeroline": True, "anchor": "y2", "side": "top"}
        axes |= {"xaxis2": change, "yaxis2": rows | {"domain": [0, 0.4], "anchor": "x2"}}
    height = 130 + n * (14 * len(comparison.plans) + 10) * (1 if is_alone else 2) + 60 * (not is_alone)
    notes = [] if is_alone else [_heading("Change against the baseline", 0.4, 30)]
    figure = finished_figure(traces, axes, height, f"Cost, {comparison.currency}", notes)
    figure.update_layout(barmode="group", bargap=0.3)
    return figure


def _with_target(figure: Figure, table: pd.DataFrame, target: pd.DataFrame) -> Figure:
    """The chart by period with a line at the target incentive, where it is told."""
    if target.empty:
        return figure
    line = {"color": style.INK, "width": 1.5, "dash": "dot"}
    figure.add_scatter(
        x=target["period"].tolist(),
        y=target["at_target"].tolist(),
        mode="lines+markers",
        name=TARGET,
        line=line,
        customdata=hover_rows(target["at_target"].map(style.statement_money)),
        hovertemplate=f"%{{x}}<br>{TARGET} %{{customdata[0]}}<extra></extra>",
    )
    axis = money_axis("", pd.concat([table["cost"], target["at_target"]]))
    figure.update_layout(yaxis={"range": axis["range"]})
    return figure


def _heading(text: str, y: float, shift: int) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": 0, "xanchor": "left", "y": y, "yanchor": "bottom", "yshift": shift}
    return {**place, "text": plain_text(text), "showarrow": False, "font": {"size": 13}}


def cost_of_sales(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns pay a year over the ARR retained and grown, a line a plan."""
    table, colours = (answer or sales_answer(comparison)).table, plan_colours(comparison)
    names = [period.name for period in comparison.periods]
    traces: list[dict[str, Any]] = []
    for plan in comparison.plans:
        mine = table[table["plan"] == plan.name]
        is_baseline = plan.name == comparison.baseline
        columns = ("cost", "arr", "retained_arr", "expansion_arr", "new_arr")
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": mine["period"].tolist(),
                "y": [share if share == share else None for share in mine["cost_of_sales"]],
                "name": plain_text(plan.title, 32),
                "legendgroup": plan.name,
                "line": {"color": colours[plan.name], "width": 3 if is_baseline else 2},
                "customdata": hover_rows(plan.title, *(mine[name].map(style.statement_money) for name in columns)),
                "hovertemplate": "%{x}<br>%{customdata[0]} %{y:.2%}: %{customdata[1]} over %{customdata[2]}<br>"
                "kept %{customdata[3]}, expanded %{customdata[4]}, new %{customdata[5]}<extra></extra>",
            }
        )
    ticks = {"type": "category", "tickvals": names, "ticktext": quarter_labels(names), "tickangle": 0}
    shares = axis_around(table["cost_of_sales"].dropna(), "") | {"tickformat": ".1%", "nticks": 6}
    title = "Pay a year, share of ARR retained and grown"
    return finished_figure(traces, {"xaxis": ticks, "yaxis": shares}, height=330, title=title)


def budget_headroom(comparison: Comparison, answer: Answer) -> Figure:
    """Returns cost against the budget: by period with what is left below, or a bar a plan with the budget as a line."""
    table, colours = answer.table, plan_colours(comparison)
    periods = table[table["period"] != IN_ALL]
    if len(periods):
        return _budget_by_period(comparison, periods)
    titles = table["title"].map(lambda title: plain_text(title, 32)).tolist()
    money = [table[name].map(style.statement_money) for name in ("cost", "headroom", "at_target", "headroom_at_target")]
    bar: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "x": table["cost"].tolist(),
        "y": titles,
        "name": "on history",
        "marker": {"color": [colours[plan] for plan in table["plan"]]},
        "customdata": hover_rows(table["title"], *money[:2]),
        "hovertemplate": "%{customdata[0]} on history %{customdata[1]}, left %{customdata[2]}<extra></extra>",
        "showlegend": False,
    }
    mark: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [amount if amount == amount else None for amount in table["at_target"]],
        "y": titles,
        "name": TARGET,
        "marker": {"symbol": "line-ns", "size": 16, "line": {"color": style.INK, "width": 2}},
        "customdata": hover_rows(table["title"], *money[2:]),
        "hovertemplate": f"%{{customdata[0]}} {TARGET} %{{customdata[1]}}, left %{{customdata[2]}}<extra></extra>",
        "cliponaxis": False,
    }
    budget = float(table["budget"].iloc[0])
    line: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": [None], "y": [titles[0]], "name": "budget"}
    line |= {"line": {"color": style.LOSS, "width": 2, "dash": "dash"}, "hoverinfo": "skip"}
    axis = money_axis("", pd.concat([table["cost"], table["at_target"].dropna(), table["budget"]]))
    height = 130 + 40 * max(len(titles), 2)
    axes = {"xaxis": axis, "yaxis": people_axis(titles)}
    traces = [bar, *([mark] if table["at_target"].notna().any() else []), line]
    figure = finished_figure(traces, axes, height, f"Cost, {comparison.currency}")
    at = {"type": "line", "x0": budget, "x1": budget, "yref": "paper", "y0": 0, "y1": 1}
    figure.update_layout(shapes=[{**at, "line": {"color": style.LOSS, "width": 2, "dash": "dash"}}])
    return figure


def _budget_by_period(comparison: Comparison, table: pd.DataFrame) -> Figure:
    colours, names = plan_colours(comparison), [period.name for period in comparison.periods]
    traces: list[dict[str, Any]] = []
    for plan in comparison.plans:
        mine = table[table["plan"] == plan.name]
        look: dict[str, Any] = {"type": "bar", "x": mine["period"].tolist(), "name": plain_text(plan.title, 32)}
        look |= {"legendgroup": plan.name, "offsetgroup": plan.name, "marker": {"color": colours[plan.name]}}
        said = hover_rows(plan.title, *(mine[name].map(style.statement_money) for name in ("cost", "headroom")))
        hover = "%{x}<br>%{customdata[0]} %{customdata[1]}, left %{customdata[2]}<extra></extra>"
        look |= {"customdata": said, "hovertemplate": hover}
        traces.append({**look, "y": mine["cost"].tolist()})
        traces.append({**look, "y": mine["headroom"].tolist(), "yaxis": "y2", "showlegend": False})
    first = table[table["plan"] == comparison.baseline]
    line = {"color": style.LOSS, "width": 2, "dash": "dash"}
    budget = {"type": "scatter", "mode": "lines+markers", "x": names, "y": first["budget"].tolist(), "line": line}
    said = hover_rows(first["budget"].map(style.statement_money))
    hover = "%{x}<br>budget %{customdata[0]}<extra></extra>"
    traces.append({**budget, "name": "budget", "customdata": said, "hovertemplate": hover})
    ticks = {"type": "category", "tickvals": names, "ticktext": quarter_labels(names), "tickangle": 0, "anchor": "y2"}
    costs = money_axis(f"Cost, {comparison.currency}", pd.concat([table["cost"], table["budget"]]))
    left = {**money_axis("Left", table["headroom"]), "domain": [0, 0.32], "zeroline": True, "nticks": 4}
    axes = {"xaxis": ticks, "yaxis": {**costs, "domain": [0.42, 1]}, "yaxis2": left}
    return finished_figure(traces, axes, height=430)


def break_even(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns the points of the company's NRR that pay for an extra cost; left of 0 what a cheaper plan spares."""
    table = (answer or break_even_answer(comparison)).table
    titles = table["title"].map(lambda title: plain_text(title, 32)).tolist()
    points = table["nrr_points"].fillna(0.0)
    money = [table[name].map(style.statement_money) for name in ("change_a_year", "arr_needed")]
    saved = table["customers_saved"].map(lambda n: "n/a" if n != n else f"{n:+.1f}")
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": points.tolist(),
        "y": titles,
        "marker": {"color": [style.LOSS if point > 0 else style.GAIN for point in points]},
        "customdata": hover_rows(table["title"], table["nrr_points"].map("{:+.4f}".format), *money, saved),
        "hovertemplate": "%{customdata[0]}: %{customdata[1]} points of NRR<br>cost a year %{customdata[2]}, ARR a year "
        "%{customdata[3]}, customers %{customdata[4]}<extra></extra>",
        "showlegend": False,
    }
    axis = axis_around(points, "") | {"zeroline": True, "zerolinecolor": style.INK, "nticks": 6}
    title = "Points of company NRR: needed for the extra cost, or (left of 0) spare"
    if (points >= 0).all() or (points <= 0).all():
        what = "may be lost before the saving is gone" if (points < 0).any() else "pay for the extra cost"
        title = f"Points of company NRR that {what}"
    height = 120 + 36 * max(len(titles), 2)
    return finished_figure([bar], {"xaxis": axis, "yaxis": people_axis(titles)}, height, title)


LABELS = 186
"""Pixels for an option's words beside its bar."""


def open_decisions(comparison: Comparison, answer: Answer | None = None) -> Figure:
    """Returns what each option of what is undecided adds to the cost: one bar an option, under its question."""
    table = (answer or decisions_answer(comparison)).table
    keys: list[str] = []
    labels: list[str] = []
    questions: list[tuple[str, str]] = []
    bars: dict[str, dict[str, Any]] = {}
    for i, (_, mine) in enumerate(table.groupby(["plan", "field", "question"], sort=False)):
        first = mine.iloc[0]
        keys.append(f"question {i}")
        labels.append("")
        questions.append((keys[-1], f"{shortened(first['title'], 28)}: {first['question']}"))
        options: list[dict[str, Any]] = mine.to_dict("records")  # type: ignore[assignment]
        for j, row in enumerate(options):
            key = f"option {i}.{j}"
            keys.append(key)
            labels.append(_label(row))
            bars[key] = row
    rows = list(bars.values())
    change = pd.Series([row["change"] for row in rows], dtype=float).fillna(0.0)
    said = hover_rows(
        [row["option"] for row in rows],
        [style.statement_money(row["cost"]) if row["cost"] == row["cost"] else "n/a" for row in rows],
        [f"{row['change']:+,.2f}" if row["change"] == row["change"] else row["not_priced"] for row in rows],
        [f"{row['largest_change']:+,.2f} {row['person']}".rstrip() if row["n_people"] else "nobody" for row in rows],
    )
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": change.tolist(),
        "y": list(bars),
        "marker": {"color": [style.BASELINE if row["is_now"] else style.PLANS[0] for row in rows]},
        "customdata": said,
        "hovertemplate": "%{customdata[0]}<br>costs %{customdata[1]} (%{customdata[2]}), "
        "most for %{customdata[3]}<extra></extra>",
        "showlegend": False,
    }
    axis = money_axis("", change) | {"zeroline": True, "zerolinecolor": style.INK, "nticks": 5}
    axes = {"xaxis": axis, "yaxis": people_axis(keys) | {"ticktext": labels, "automargin": False}}
    notes = [_question(key, text) for key, text in questions]
    height = 110 + 50 * max(len(keys), 2)
    title = f"Change of cost, {comparison.currency}"
    figure = finished_figure([bar], axes, height, title, notes)
    figure.update_layout(margin={"l": LABELS})
    return figure


def _question(key: str, text: str) -> dict[str, Any]:
    lines = _lines(text, 44, 3)
    place = {"xref": "paper", "x": 0, "xanchor": "left", "xshift": 8 - LABELS, "y": key, "align": "left"}
    text = f"<b>{'<br>'.join(lines)}</b>"
    return {**place, "text": text, "showarrow": False, "font": {"size": 12}, "bgcolor": style.PAPER}


def _label(row: dict[str, Any]) -> str:
    """An option's words, and what it moves."""
    if row["not_priced"]:
        moved = "cannot be priced"
    elif row["is_now"]:
        moved = "as the plan pays now"
    elif row["n_people"] and not row["matters"]:
        moved = "only rounding"
    elif row["n_people"]:
        change = row["change"]
        cost = style.signed_money(change) if abs(change) >= 1 or not change else f"{change:+.2f}"
        moved = f"{cost}, {style.count_words(int(row['n_people']), 'person', 'people')}"
    else:
        moved = "moves nobody's pay"
    quiet = f'<span style="font-size:11px;color:{style.QUIET}">{moved}</span>'
    return "<br>".join(
        [f'<span style="font-size:11px">{line}</span>' for line in _lines(row["option"], 28, 2)] + [quiet]
    )


def _lines(text: str, width: int, most: int) -> Sequence[str]:
    lines = wrap(text, width)
    kept = lines[:most]
    if len(lines) > most:
        kept[-1] += "…"
    return [plain_text(line) for line in kept]
