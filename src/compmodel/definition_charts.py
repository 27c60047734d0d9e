"""The definition lab's charts: which definition fights matter, which amounts change quarter, whose pay moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from compmodel import style
from compmodel.figures import (
    Figure,
    axis_around,
    finished_figure,
    hover_rows,
    money_axis,
    people_axis,
    plain_text,
    quarters_axis,
    year_labels,
)
from compmodel.switchboard import AFTER, BEFORE

KINDS = {
    "churn": "#d55e00",
    "contraction": "#e69f00",
    "renewal": "#0072b2",
    "expansion": "#009e73",
    "reactivation": "#cc79a7",
    "new": "#56b4e9",
}

MOST_LABELS = 6
"""Quarters that a phone has room to name each."""
COLOUR_SCALE = 40
"""Pixels of the scale below the people."""
ALL = "all"


def definition_fights(table: pd.DataFrame) -> Figure:
    """Returns how much pay each option moves, a row a question, the largest first; of `definitions.definition_fights`.

    A bar reaches to the option that moves most; each option is a mark on it.
    """
    largest = table.drop_duplicates("question")
    questions = largest["question"].tolist()
    bar = {
        "type": "bar",
        "orientation": "h",
        "name": "most",
        "x": largest["share_moved"].tolist(),
        "y": questions,
        "marker": {"color": style.GRID},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    facts = hover_rows(
        table["question"],
        table["option"],
        table["share_moved"].map(lambda share: style.percent(share, 1)),
        table["pay_moved"].map(style.statement_money),
        table["change"].map("{:+,.2f}".format),
        table["nrr"].map(lambda share: style.percent(share, 1)),
        table["grr"].map(lambda share: style.percent(share, 1)),
    )
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": "an option",
        "x": table["share_moved"].tolist(),
        "y": table["question"].tolist(),
        "marker": {"color": style.PLANS[0], "size": 10, "line": {"color": style.PAPER, "width": 1}},
        "showlegend": False,
        "customdata": facts,
        "hovertemplate": "%{customdata[0]}: %{customdata[1]}<br>moves %{customdata[2]} of pay (%{customdata[3]}), "
        "cost %{customdata[4]}<br>company NRR %{customdata[5]}, GRR %{customdata[6]}<extra></extra>",
    }
    axis = axis_around(table["share_moved"], "") | {"tickformat": ".0%", "nticks": 6}
    rows = people_axis(questions)
    quiet = f'<span style="font-size:11px;color:{style.QUIET}">'
    said = zip(largest["question"], largest["option"], strict=True)
    rows["ticktext"] = [f"{plain_text(q, 24)}<br>{quiet}{plain_text(option, 26)}</span>" for q, option in said]
    title = "Pay moved, share of cost"
    return finished_figure(
        [bar, marks], {"xaxis": axis, "yaxis": rows}, height=100 + 42 * max(len(questions), 2), title=title
    )


def amounts_moved(flow: pd.DataFrame, rule: str) -> Figure:
    """Returns the amounts that a rule credits to another quarter: arriving above, leaving below, by type of event.

    `flow` is the first table of `credit_date_switchboard`; an amount is the ARR changed, or renewed.
    """
    mine = flow[(flow["rule"] == rule) & (flow["period_from"] != flow["period_to"])]
    inside = sorted({*flow["period_from"], *flow["period_to"]} - {BEFORE, AFTER})
    quarters = [BEFORE, *inside, AFTER]
    traces: list[dict[str, Any]] = []
    reached = [0.0]
    for kind in (kind for kind in KINDS if kind in set(mine["event_type"])):
        some = mine[mine["event_type"] == kind]
        sides = []
        for column, sign in (("period_to", 1), ("period_from", -1)):
            sums = (some["arr"].abs() * sign).groupby(some[column]).sum().reindex(quarters, fill_value=0.0)
            counts = some["n_events"].groupby(some[column]).sum().reindex(quarters, fill_value=0)
            sides.append((sums, counts, "arrive" if sign > 0 else "leave"))
        for sums, counts, said in sides:
            facts = hover_rows(kind, said, sums.abs().map(style.statement_money), counts.map("{:,}".format))
            traces.append(
                {
                    "type": "bar",
                    "name": kind,
                    "legendgroup": kind,
                    "showlegend": said == "arrive",
                    "x": quarters,
                    "y": sums.tolist(),
                    "marker": {"color": KINDS[kind]},
                    "customdata": facts,
                    "hovertemplate": "%{x}: %{customdata[3]} events, %{customdata[2]} of %{customdata[0]} "
                    "%{customdata[1]}<extra></extra>",
                }
            )
    stacked = pd.DataFrame([trace["y"] for trace in traces])
    reached += [float(stacked.clip(lower=0).sum().max()), float(stacked.clip(upper=0).sum().min())] if traces else []
    axes = {
        "xaxis": quarters_axis(inside, ["before"], ["after"]) | {"categoryarray": quarters, "tickvals": quarters},
        "yaxis": {**money_axis("", pd.Series(reached)), "zeroline": True},
    }
    title = "ARR in (up) and out (down)"
    figure = finished_figure(traces, axes, height=360, title=title)
    figure.update_layout(barmode="relative", meta=narrow_labels(["before", *year_labels(inside), "after"], quarters))
    return figure


def narrow_labels(labels: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    """Returns what the page puts in place of a chart's labels on a phone; nothing where all have room."""
    return {"narrow": {"ticktext": list(labels)}} if len(columns) > MOST_LABELS else {}


def pay_moved(pay: pd.DataFrame, rule: str, order: Sequence[str] = ()) -> Figure:
    """Returns whose pay a rule shifts between quarters: a row a person, a column a quarter, of several the sum too.

    `pay` is the second table of `credit_date_switchboard`; people stand by the sum of their changes.
    """
    mine = pay[pay["rule"] == rule]
    table = mine.pivot_table(index="person", columns="period", values="change", aggfunc="sum", fill_value=0.0)
    whole = table.sum(axis=1).round(2)
    people = list(order) or whole.sort_values(ascending=False, kind="stable").index.tolist()
    quarters = table.columns.tolist()
    sums = [ALL] if len(quarters) > 1 else []
    columns = [*quarters, *sums]
    shown = table.assign(**{ALL: whole}).loc[people, columns]
    largest = float(np.abs(shown.to_numpy()).max()) if len(shown) else 0.0
    facts = [hover_rows(person, columns, [f"{change:+,.2f}" for change in shown.loc[person]]) for person in people]
    heat = {
        "type": "heatmap",
        "x": columns,
        "y": people,
        "z": shown.to_numpy().tolist(),
        "zmid": 0,
        "zmin": -largest or -1.0,
        "zmax": largest or 1.0,
        "colorscale": [[0, style.LOSS], [0.5, style.PAPER], [1, style.GAIN]],
        "xgap": 1,
        "ygap": 1,
        "colorbar": {
            "orientation": "h",
            "thickness": 10,
            "len": 0.7,
            "outlinewidth": 0,
            "nticks": 5,
            "x": 0.5,
            "y": 0,
            "yanchor": "top",
            "ypad": 8,
            "tickvals": [-largest, 0, largest] if largest else [0],
            "ticktext": [style.signed_money(largest * share) for share in (-1, 0, 1)] if largest else ["0"],
        },
        "customdata": facts,
        "hovertemplate": "%{customdata[0]}, %{customdata[1]}: %{customdata[2]}<extra></extra>",
    }
    axis = quarters_axis(quarters, after=sums)
    axis["ticktext"] = [*axis["ticktext"][: len(quarters)], *(f"<b>{said}</b>" for said in sums)]
    title = "Change of pay: blue more, orange less"
    height = 130 + COLOUR_SCALE + 18 * max(len(people), 6)
    figure = finished_figure([heat], {"xaxis": axis, "yaxis": people_axis(people)}, height=height, title=title)
    labels = [*year_labels(quarters), *(f"<b>{said}</b>" for said in sums)]
    figure.update_layout(margin={"b": 16 + COLOUR_SCALE}, meta=narrow_labels(labels, columns))
    return figure
