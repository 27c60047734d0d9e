"""Charts of what chance does: cost and pay on resampled histories, the spread of individual figures, swings of pay.

Currently implemented: cost_range, difference_range, pay_range, luck, pay_swing, pay_for_retained.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from compmodel import style
from compmodel.charts import plan_colours
from compmodel.compare import Answer, Comparison
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

BARE: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False}


def cost_range(comparison: Comparison, answer: Answer) -> Figure:
    """Returns cost by quarter as it happened, a line a plan in its fan, with differences as bars below.

    `answer` is of `pay_ranges.cost_range`. The fan holds eight resampled histories in ten (P10 to P90), a bar's whisker
    the difference as `how_often` says.
    """
    table, colours = answer.table[answer.table["period"] != "Total"], plan_colours(comparison)
    names, often = [period.name for period in comparison.periods], table["how_often"].iloc[0]
    traces: list[dict[str, Any]] = []
    there = set(table["plan"])  # plans may be left out
    others = [plan for plan in comparison.others if plan.name in there]
    for plan in (*others[::-1], comparison.plans[0]):
        mine, colour = table[table["plan"] == plan.name], colours[plan.name]
        common = {"x": names, "legendgroup": plan.name}
        ends = [mine[of].map(style.statement_money) for of in ("cost", "p10", "p50", "p90")]
        line = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": plain_text(plan.title, 32),
            "y": mine["cost"].tolist(),
            "line": {"color": colour, "width": 3},
            "customdata": hover_rows(plan.title, *ends),
            "hovertemplate": "%{x}<br>%{customdata[0]} %{customdata[1]}<br>eight times in ten %{customdata[2]} to "
            "%{customdata[4]}, in the middle %{customdata[3]}<extra></extra>",
            **common,
        }
        if len(names) == 1:
            bar = {"type": "bar", "offsetgroup": plan.name, "marker": {"color": colour}}
            kept = {name: of for name, of in line.items() if name not in ("mode", "line")}
            traces.insert(0, {**kept, **bar, "error_y": _whisker(mine["cost"], mine["p10"], mine["p90"], style.INK)})
            continue
        edge = {"type": "scatter", "mode": "lines", "line": {"width": 0}, **common, **BARE}
        traces.append({**edge, "y": mine["p10"].tolist()})
        traces.append({**edge, "y": mine["p90"].tolist(), "fill": "tonexty", "fillcolor": _pale(colour)})
        traces.append(line)
    ticks = {"type": "category", "tickvals": names, "ticktext": quarter_labels(names), "tickangle": 0}
    costs = money_axis(f"Cost, {comparison.currency}", table[["cost", "p90"]].max(axis=1))
    title = f"Cost, resampled eight times in ten within the {'band' if len(names) > 1 else 'line'}"
    if not others:
        return finished_figure(traces, {"xaxis": ticks, "yaxis": costs}, height=330, title=title)
    for plan in others:
        mine, colour = table[table["plan"] == plan.name], colours[plan.name]
        said = [mine[of].map(_signed_cents) for of in ("change", "change_low", "change_high")]
        traces.append(
            {
                "type": "bar",
                "x": names,
                "y": mine["change"].tolist(),
                "yaxis": "y2",
                "offsetgroup": plan.name,
                "legendgroup": plan.name,
                "showlegend": False,
                "marker": {"color": colour},
                "error_y": _whisker(mine["change"], mine["change_low"], mine["change_high"], style.INK),
                "customdata": hover_rows(plan.title, *said),
                "hovertemplate": "%{x}<br>%{customdata[0]} less baseline %{customdata[1]}<br>"
                f"{_often_words(often)}<extra></extra>",
            }
        )
    spans = pd.concat([table["change_low"], table["change_high"], table["change"]]).dropna()
    changes = {**money_axis("Change", spans), "domain": [0, 0.34]}
    changes |= {"zeroline": True, "nticks": 5}
    axes = {"xaxis": {**ticks, "anchor": "y2"}, "yaxis": {**costs, "domain": [0.42, 1]}, "yaxis2": changes}
    title += f"; its change {often} within the line" if often else ""
    return finished_figure(traces, axes, height=480, title=title)


def difference_range(comparison: Comparison, answer: Answer) -> Figure:
    """Returns how much more each plan costs than the baseline over all periods, with its interval; a row a plan.

    `answer` is of `pay_ranges.cost_range`.
    """
    table = answer.table[(answer.table["period"] == "Total") & (answer.table["plan"] != comparison.baseline)]
    titles, colours, often = table["title"].tolist(), plan_colours(comparison), answer.table["how_often"].iloc[0]
    said = [table[of].map(_signed_cents) for of in ("change", "change_low", "change_high")]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": f"as it happened, {often} within the line" if often else "as it happened",
        "x": table["change"].tolist(),
        "y": titles,
        "marker": {"color": [colours[name] for name in table["plan"]], "size": 12},
        "error_x": _whisker(table["change"], table["change_low"], table["change_high"], style.QUIET),
        "customdata": hover_rows(table["title"], *said),
        "hovertemplate": f"%{{customdata[0]}} %{{customdata[1]}}<br>{_often_words(often)}<extra></extra>",
        "showlegend": False,
    }
    axis = money_axis("", pd.concat([table["change_low"], table["change_high"], table["change"]]).dropna())
    axis |= {"zeroline": True, "zerolinecolor": style.INK, "zerolinewidth": 1}
    title = f"Cost less {comparison.plans[0].title}, {comparison.currency}"
    axes = {"xaxis": axis, "yaxis": people_axis(titles)}
    return finished_figure([dots], axes, height=110 + 44 * max(len(titles), 1), title=title)


def pay_range(comparison: Comparison, answer: Answer, plan: str = "") -> Figure:
    """Returns each person's pay under a plan (the baseline unless named), and what it is in eight draws of ten.

    `answer` is of `pay_ranges.pay_range`.
    """
    name = plan or comparison.baseline
    mine, colour = answer.table[answer.table["plan"] == name], plan_colours(comparison)[name]
    people = mine["person"].tolist()
    ends = [mine[of].map(style.statement_money) for of in ("pay", "p10", "p50", "p90")]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": plain_text(comparison.plan(name).title, 32),
        "x": mine["pay"].tolist(),
        "y": people,
        "marker": {"color": colour, "size": 8},
        "error_x": _whisker(mine["pay"], mine["p10"], mine["p90"], colour),
        "cliponaxis": False,
        "customdata": hover_rows(mine["person"], mine["team"], *ends),
        "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>%{customdata[2]}<br>eight times in ten "
        "%{customdata[3]} to %{customdata[5]}, in the middle %{customdata[4]}<extra></extra>",
    }
    axis = money_axis("", pd.concat([mine["pay"], mine["p10"], mine["p90"]]))
    low, high = axis["range"]
    axis["range"] = [low - 0.02 * (high - low), high]
    title = f"Pay, {comparison.currency}; resampled eight times in ten within the line"
    return finished_figure([dots], {"xaxis": axis, "yaxis": people_axis(people)}, title=title)


def luck(answer: Answer) -> Figure:
    """Returns the spread of individual figures as bars against what chance alone would give as a line.

    `answer` is of `luck.luck`.
    """
    table = answer.table
    middle = ((table["points_from"] + table["points_to"]) / 2).tolist()
    spans = [
        f"{low:+g} to {high:+g} points" for low, high in zip(table["points_from"], table["points_to"], strict=True)
    ]
    if len(spans) > 1:
        spans[0], spans[-1] = (
            f"{table['points_to'].iloc[0]:+g} points or less",
            f"{table['points_from'].iloc[-1]:+g} or more",
        )
    shares = [table[of].map(lambda share: style.percent(share, 1)) for of in ("actual_share", "chance_share")]
    facts: dict[str, Any] = {
        "customdata": hover_rows(spans, *shares, table["n_figures"].map("{:,}".format)),
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]} of the figures (%{customdata[3]})<br>"
        "%{customdata[2]} by chance alone<extra></extra>",
    }
    bars: dict[str, Any] = {
        "type": "bar",
        "name": "individual figures",
        "x": middle,
        "y": table["actual_share"].tolist(),
    }
    bars |= {"marker": {"color": style.BASELINE}, **facts}
    line: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": "chance alone",
        "x": middle,
        "y": table["chance_share"].tolist(),
    }
    line |= {"line": {"color": style.PLANS[0], "width": 3, "shape": "hvh"}, **facts}
    across = {
        "range": [float(table["points_from"].iloc[0]), float(table["points_to"].iloc[-1])],
        "title": {
            "text": "Points from the segment's mean",
            "standoff": 6,
            "font": {"size": 13},
        },
        "ticksuffix": "",
        "nticks": 9,
        "tickangle": 0,
    }
    both = pd.concat([table["actual_share"], table["chance_share"]])
    up = axis_around(both, "") | {"tickformat": ".0%", "nticks": 5}
    figure = finished_figure(
        [bars, line], {"xaxis": across, "yaxis": up}, height=360, title="Share of individual figures"
    )
    return figure.update_layout(bargap=0.08, margin={"b": 56})


def reliability(answer: Answer) -> Figure:
    """Returns how much of the spread of a period's and of a year's figure is chance, a bar each, with 90% intervals.

    `answer` is of `luck.reliability`.
    """
    table = answer.table
    shares = [
        table[of].map(lambda share: style.percent(share, 1)) for of in ("chance_share", "chance_low", "chance_high")
    ]
    names = [f"a {figure}'s figure" for figure in table["figure"]]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": table["chance_share"].tolist(),
        "y": names,
        "marker": {"color": style.PLANS[0]},
        "error_x": _whisker(table["chance_share"], table["chance_low"], table["chance_high"], style.INK),
        "customdata": hover_rows(names, *shares),
        "hovertemplate": "%{customdata[0]}: %{customdata[1]} of the spread is chance<br>"
        "nine times in ten %{customdata[2]} to %{customdata[3]}<extra></extra>",
        "showlegend": False,
    }
    axis = {"range": [0, 1.02], "tickformat": ".0%", "nticks": 6, "tickangle": 0, "zeroline": True}
    axes = {"xaxis": axis, "yaxis": people_axis(names)}
    title = "Share of the spread that is chance, nine times in ten within the line"
    return finished_figure([bars], axes, height=120 + 44 * max(len(names), 2), title=title)


def pay_swing(answer: Answer) -> Figure:
    """Returns how much chance swings a period's pay on each kind of target; `answer` is of `pay_swing.pay_swing`."""
    shares = answer.table["swing_share"]
    said = [shares.map(lambda share: style.percent(share, 1)), answer.table["pay"].map(style.statement_money)]
    hover = "%{customdata[0]} targets: chance swings pay by %{customdata[1]} of target incentive<br>"
    hover += "a period's pay as it happened %{customdata[2]}<extra></extra>"
    axis = axis_around(shares, "") | {"tickformat": ".0%", "nticks": 5}
    return _by_target(answer.table, shares, said, hover, axis, "Swing of a period's pay, of incentive")


def pay_for_retained(answer: Answer, currency: str) -> Figure:
    """Returns what of an extra retained reaches one's own pay on each kind of target.

    `answer` is of `pay_swing.pay_for_retained`.
    """
    own = answer.table["own_pay"]
    said = [own.map(style.statement_money), answer.table["nothing_share"].map(style.percent)]
    hover = "%{customdata[0]} targets: own pay moves by %{customdata[1]}<br>"
    hover += "for %{customdata[2]} of cases by nothing<extra></extra>"
    title = f"Own pay for the extra retained, {currency}"
    return _by_target(answer.table, own, said, hover, money_axis("", own), title)


def _by_target(
    table: pd.DataFrame, sizes: pd.Series, said: list[pd.Series], hover: str, axis: dict[str, Any], title: str
) -> Figure:
    """A bar a kind of target, individual ones in grey."""
    targets = table["target"].tolist()
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": sizes.tolist(),
        "y": targets,
        "marker": {"color": [style.BASELINE, *[style.PLANS[0]] * (len(targets) - 1)]},
        "customdata": hover_rows(table["target"], *said),
        "hovertemplate": hover,
        "showlegend": False,
    }
    axes = {"xaxis": axis, "yaxis": people_axis(targets)}
    return finished_figure([bars], axes, height=110 + 40 * len(targets), title=title)


def _signed_cents(amount: float) -> str:
    return f"{amount:+,.2f}" if amount == amount else ""


def _often_words(often: str) -> str:
    return f"{often} %{{customdata[2]}} to %{{customdata[3]}}" if often else ""


def _whisker(middle: pd.Series, low: pd.Series, high: pd.Series, colour: str) -> dict[str, Any]:
    if low.isna().all():  # nothing is known: a line of no length would say that nothing varies
        return {"visible": False}
    up, down = ((of.clip(lower=0).fillna(0)).tolist() for of in (high - middle, middle - low))
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": colour, "thickness": 1.5}


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
