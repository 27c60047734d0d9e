"""Why pay differs from the baseline, drawn: from the baseline's pay, reason by reason, to the plan's."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from compmodel import style
from compmodel.charts import plan_colours
from compmodel.compare import Answer, Comparison
from compmodel.figures import Figure, finished_figure, hover_rows, people_axis, plain_text, shortened
from compmodel.reasons import EVERYONE, TOTAL
from compmodel.reasons import pay_change_reasons as reasons_answer
from compmodel.wording import capitalised

ROW = 34
"""Pixels a reason."""
SMALLEST_SPAN = 0.05
"""Of pay: a change of next to nothing must not fill the chart."""
AIR = 0.3
"""Of the span, beside the bars: room for the amounts on a phone."""


def pay_change_reasons(
    comparison: Comparison, answer: Answer | None = None, plan: str = "", person: str = ""
) -> Figure:
    """Returns a waterfall from the baseline (grey) to `plan`, or the first other one: a bar a reason, top to bottom.

    Bars float between pay before and after their reason, so their lengths compare; the ends are marks, not bars, and
    the axis need not begin at 0. Of one `person` where named.
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
    traces = [_connectors(parts, rows), _end(base, rows, titles[0], colours[comparison.baseline])]
    looks = (("▲ more", parts["change"] > 0, style.GAIN), ("▼ less", parts["change"] < 0, style.LOSS))
    traces += [_bars(parts[some], said, colour) for said, some, colour in looks if some.any()]
    traces += [_end(reached, rows[-1:], titles[1], colours[drawn.name])] if len(whole) else []
    shown = pd.concat([parts["before"], parts["after"], pd.Series([base, reached])])
    low, high = float(shown.min()), float(shown.max())
    span = max(high - low, SMALLEST_SPAN * max(abs(low), abs(high)), 1.0)
    low, high = low - (span - (high - low)) / 2, high + (span - (high - low)) / 2
    room = [AIR * span * bool(any((parts["change"] < 0) == is_loss)) for is_loss in (True, False)]
    axis: dict[str, Any] = {"range": [low - max(room[0], 0.08 * span), high + max(room[1], 0.08 * span)]}
    axis |= {"tickformat": "~s", "nticks": 5, "tickangle": 0}
    axes = {"xaxis": axis, "yaxis": people_axis(rows)}
    said = [titles[0], *map(capitalised, parts["reason"]), titles[1]][: len(rows)]
    axes["yaxis"]["ticktext"] = [plain_text(_wrapped(text)).replace("\n", "<br>") for text in said]
    of = f" of {person}" if person else ""
    title = f"Pay{of}, {comparison.currency}"
    return finished_figure(traces, axes, height=120 + ROW * len(rows), title=title, annotations=_labels(parts))


def _wrapped(text: str) -> str:
    """A name on two lines where it is long."""
    if len(text) <= 18:
        return text
    at = text.rfind(" ", 0, 19)
    return shortened(text, 22) if at < 0 else f"{text[:at]}\n{shortened(text[at + 1 :], 22)}"


def _end(pay: float, rows: list[str], title: str, colour: str) -> dict[str, Any]:
    """One end: a mark; the baseline's goes on as a line through every row."""
    n = len(rows)
    return {
        "type": "scatter",
        "mode": "lines+markers" if n > 1 else "markers",
        "name": plain_text(title, 32),
        "x": [pay] * n,
        "y": rows,
        "line": {"color": colour, "width": 1.5, "dash": "dot"},
        "marker": {"color": colour, "size": [13, *[0] * (n - 1)], "symbol": "diamond", "opacity": 1},
        "customdata": hover_rows([title] * n, style.statement_money(pay)),
        "hovertemplate": "%{customdata[0]} %{customdata[1]}<extra></extra>",
        "cliponaxis": False,
    }


def _bars(parts: pd.DataFrame, said: str, colour: str) -> dict[str, Any]:
    facts = (parts["change"].map("{:+,.2f}".format), parts["after"].map(style.statement_money))
    return {
        "type": "bar",
        "orientation": "h",
        "name": said,
        "x": parts["change"].tolist(),
        "base": parts["before"].tolist(),
        "y": parts["reason"].tolist(),
        "marker": {"color": colour},
        "customdata": hover_rows(parts["reason"].map(capitalised), *facts, parts["differs"]),
        "hovertemplate": "%{customdata[0]} %{customdata[1]}, to %{customdata[2]}<br>%{customdata[3]}<extra></extra>",
    }


def _connectors(parts: pd.DataFrame, rows: list[str]) -> dict[str, Any]:
    """From each row's pay down to the next row's bar."""
    ends = [*parts["before"].tolist(), *parts["after"].tolist()[-1:]]
    x = [pay for end in ends for pay in (end, end, None)]
    y = [row for pair in pairwise(rows) for row in (*pair, None)] if ends else []
    line = {"color": style.QUIET, "width": 1}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", "showlegend": False}


def _labels(parts: pd.DataFrame) -> list[dict[str, Any]]:
    """Each change beside its bar, on the side to which it goes."""
    return [
        {
            "x": after,
            "y": reason,
            "text": style.signed_money(change),
            "showarrow": False,
            "xanchor": "left" if change >= 0 else "right",
            "xshift": 4 if change >= 0 else -4,
            "font": {"size": 12},
        }
        for reason, change, after in zip(parts["reason"], parts["change"], parts["after"], strict=True)
    ]
