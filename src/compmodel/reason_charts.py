"""Why pay differs from the baseline, drawn: from the baseline's pay, reason by reason, to the plan's."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from compmodel import style
from compmodel.charts import plan_colours
from compmodel.compare import Answer, Comparison
from compmodel.figures import Figure, finished_figure, hover_rows, people_axis, plain_lines, plain_text
from compmodel.reasons import EVERYONE, TOTAL
from compmodel.reasons import pay_change_reasons as reasons_answer
from compmodel.wording import capitalised

ROW = 34
"""Pixels a reason."""
SMALLEST_SPAN = 0.005
"""Of pay: a change of next to nothing must not fill the chart."""
LEAST = 10.0
"""Of money: smaller spans have axes in thousandths."""
AIR = 0.3
"""Of the span, beside the bars: room for the amounts on a phone."""


def pay_change_reasons(
    comparison: Comparison, answer: Answer | None = None, plan: str = "", person: str = ""
) -> Figure:
    """Returns a waterfall from the baseline (grey) to `plan`, or the first other one: a bar a reason, top to bottom.

    Drawn is the change of pay, from 0 at the baseline, so no bar is cut off; what the two plans pay stands beside their
    names. Of one `person` where named.
    """
    answer = answer or reasons_answer(comparison, person=person)
    drawn = comparison.plan(plan or next((other.name for other in comparison.others), comparison.baseline))
    table = answer.table
    mine = table[(table["plan"] == drawn.name) & (table["person"] == (person or EVERYONE))]
    parts, whole = mine[mine["reason"] != TOTAL], mine[mine["reason"] == TOTAL]
    colours, titles = plan_colours(comparison), (comparison.plans[0].title, drawn.title)
    rows = ["baseline", *parts["reason"], *(["plan"] if len(whole) else [])]
    alone = round(float(comparison.pay.loc[comparison.pay["plan"] == comparison.baseline, "cost"].sum()), 2)
    base, reached = (float(whole[name].iloc[0]) if len(whole) else alone for name in ("before", "after"))
    traces = [_connectors(parts, rows, base), _end(base, 0.0, rows, titles[0], colours[comparison.baseline])]
    looks = (("▲ more", parts["change"] > 0, style.GAIN), ("▼ less", parts["change"] < 0, style.LOSS))
    traces += [_bars(parts[some], said, colour, base) for said, some, colour in looks if some.any()]
    total = round(reached - base, 2)
    traces += [_end(reached, total, rows[-1:], titles[1], colours[drawn.name])] if len(whole) else []
    shown = pd.concat([parts["before"] - base, parts["after"] - base, pd.Series([0.0, total])])
    low, high = float(shown.min()), float(shown.max())
    span = max(high - low, SMALLEST_SPAN * max(abs(base), abs(reached)), LEAST)
    low, high = low - (span - (high - low)) / 2, high + (span - (high - low)) / 2
    room = [AIR * span * bool(any((parts["change"] < 0) == is_loss)) for is_loss in (True, False)]
    axis: dict[str, Any] = {"range": [low - max(room[0], 0.08 * span), high + max(room[1], 0.08 * span)]}
    axis |= {"tickformat": "~s", "nticks": 5, "tickangle": 0, "zeroline": True}
    axes = {"xaxis": axis, "yaxis": people_axis(rows)}
    quiet = f'<span style="font-size:11px;color:{style.QUIET}">'
    ends = [
        f"{plain_text(title, 22)}<br>{quiet}{style.short_money(pay)}</span>"
        for title, pay in zip(titles, (base, reached), strict=True)
    ]
    reasons = [plain_lines(capitalised(reason), 16) for reason in parts["reason"]]
    axes["yaxis"]["ticktext"] = [ends[0], *reasons, ends[1]][: len(rows)]
    of = f" of {person}" if person else ""
    title = f"Change of pay{of} from {titles[0]}, {comparison.currency}"
    return finished_figure(traces, axes, height=120 + ROW * len(rows), title=title, annotations=_labels(parts, base))


def _end(pay: float, at: float, rows: list[str], title: str, colour: str) -> dict[str, Any]:
    """One end: a mark; the baseline's goes on as a line through every row."""
    n = len(rows)
    return {
        "type": "scatter",
        "mode": "lines+markers" if n > 1 else "markers",
        "name": plain_text(title, 32),
        "x": [at] * n,
        "y": rows,
        "line": {"color": colour, "width": 1.5, "dash": "dot"},
        "marker": {"color": colour, "size": [13, *[0] * (n - 1)], "symbol": "diamond", "opacity": 1},
        "customdata": hover_rows([title] * n, style.statement_money(pay)),
        "hovertemplate": "%{customdata[0]} %{customdata[1]}<extra></extra>",
        "cliponaxis": False,
    }


def _bars(parts: pd.DataFrame, said: str, colour: str, base: float) -> dict[str, Any]:
    facts = (parts["change"].map("{:+,.2f}".format), parts["after"].map(style.statement_money))
    return {
        "type": "bar",
        "orientation": "h",
        "name": said,
        "x": parts["change"].tolist(),
        "base": (parts["before"] - base).round(2).tolist(),
        "y": parts["reason"].tolist(),
        "marker": {"color": colour},
        "customdata": hover_rows(parts["reason"].map(capitalised), *facts, parts["differs"]),
        "hovertemplate": "%{customdata[0]} %{customdata[1]}, to %{customdata[2]}<br>%{customdata[3]}<extra></extra>",
    }


def _connectors(parts: pd.DataFrame, rows: list[str], base: float) -> dict[str, Any]:
    """From each row's pay down to the next row's bar."""
    ends = [round(pay - base, 2) for pay in (*parts["before"], *parts["after"].tolist()[-1:])]
    x = [pay for end in ends for pay in (end, end, None)]
    y = [row for pair in pairwise(rows) for row in (*pair, None)] if ends else []
    line = {"color": style.QUIET, "width": 1}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", "showlegend": False}


def _labels(parts: pd.DataFrame, base: float) -> list[dict[str, Any]]:
    """Each change beside its bar, on the side to which it goes."""
    return [
        {
            "x": round(after - base, 2),
            "y": reason,
            "text": style.signed_money(change),
            "showarrow": False,
            "xanchor": "left" if change >= 0 else "right",
            "xshift": 4 if change >= 0 else -4,
            "font": {"size": 12},
        }
        for reason, change, after in zip(parts["reason"], parts["change"], parts["after"], strict=True)
    ]
