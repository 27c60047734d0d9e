"""Figures in the house style: axes, hover labels, texts without tags or formulas, one way to finish a figure.

`FIGURE_CONFIG` takes the upload button off plotly's toolbar and must go with every figure that is shown or exported.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from compmodel import style

FIGURE_CONFIG: dict[str, Any] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": [
        *("sendDataToCloud", "sendChartToCloud", "lasso2d", "select2d", "autoScale2d", "pan2d", "zoomIn2d", "zoomOut2d")
    ],
}
FITTED = r"""
// Narrow screens: titles and headings on more lines, fewer or shorter ticks. Nothing is cut off.
function fitted(layout, width) {
  if (width >= 560) return layout;
  const letters = (pixels) => Math.max(16, Math.floor(pixels / 7.4));
  const seen = (words) => words.replace(/<[^>]*>/g, "").replace(/&#?\w+;/g, "x").length;
  const lines = (text, most) => {
    if (!text || /<br>|<span/.test(text)) return text;
    const found = [""];
    for (const word of text.split(" ")) {
      const longer = found.at(-1) ? `${found.at(-1)} ${word}` : word;
      if (seen(longer) > most && found.at(-1)) found.push(word);
      else found[found.length - 1] = longer;
    }
    return found.join("<br>");
  };
  const axes = Object.keys(layout).filter((name) => name.startsWith("xaxis")).map((name) => layout[name]);
  const headings = (layout.annotations ?? []).filter((note) => note.xref === "paper" && note.xanchor === "left");
  const titles = [layout, layout.legend, ...axes].map((titled) => titled?.title).filter(Boolean);
  for (const title of titles) title.text = lines(title.text, letters(width - 16));
  const beside = width - (layout.margin?.l ?? 80) - 16;
  for (const note of headings) Object.assign(note, { text: lines(note.text, letters(beside)), align: "left" });
  if (axes.length > 1) axes.forEach((axis) => { axis.nticks = 3; });
  if (layout.meta?.narrow) Object.assign(layout.xaxis, layout.meta.narrow);
  return layout;
}
"""
"""What the scripts that draw figures do first."""
Figure: TypeAlias = go.Figure
"""What every chart returns; other modules need not know plotly."""
ROW = 18
"""Pixels a person."""
LONGEST = 140
"""Letters of a title, which a narrow screen has on more lines."""


def shortened(text: str, limit: int = 32) -> str:
    """Returns a text of at most so many letters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plain_text(text: str, limit: int = 80) -> str:
    """Returns a text as plotly shows it: shortened, no tag, no formula."""
    return html.escape(shortened(text, limit), quote=False).replace("$", "&#36;")


def plain_lines(text: str, width: int, most: int = 2) -> str:
    """Returns a text on at most so many lines of so many letters, as plotly shows it.

    >>> plain_lines("NRR pay factor at 100% attained", 20)
    'NRR pay factor at<br>100% attained'
    """
    lines = wrap(text, width) or [""]
    kept = [*lines[: most - 1], shortened(" ".join(lines[most - 1 :]), width)][: len(lines)]
    return "<br>".join(plain_text(line) for line in kept)


def quarter_labels(periods: Sequence[str]) -> list[str]:
    """Returns quarters as short as a phone needs twelve of them: the year under the first of each, if it has room."""
    years = [period[:4] for period in periods]
    firsts = [i for i, year in enumerate(years) if year not in years[:i] and years[i + 1 : i + 2] in ([year], [])]
    return [f"{period[4:]}<br>{period[:4]}" if i in firsts else period[4:] for i, period in enumerate(periods)]


def year_labels(periods: Sequence[str]) -> list[str]:
    """Returns the labels of more quarters than a phone has room for: the year under the first of each, the rest empty.

    >>> year_labels(["2024Q3", "2024Q4", "2025Q1"])
    ['<br>2024', '', '<br>2025']
    """
    years = [period[:4] for period in periods]
    return [f"<br>{year}" if year not in years[:i] else "" for i, year in enumerate(years)]


def quarters_axis(quarters: Sequence[str], before: Sequence[str] = (), after: Sequence[str] = ()) -> dict[str, Any]:
    """Returns an axis of quarters between other columns, each of which is shown under its own name."""
    columns = [*before, *quarters, *after]
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": columns,
        "tickvals": columns,
        "ticktext": [*before, *quarter_labels(quarters), *after],
        "tickangle": 0,
    }


def hover_rows(*columns: Iterable[str] | str) -> list[list[str]]:
    """Returns rows of escaped texts for a hover label; a single text is repeated."""
    n = max(len(list(column)) for column in columns if not isinstance(column, str))
    filled = [[column] * n if isinstance(column, str) else list(column) for column in columns]
    return [[plain_text(text) for text in row] for row in zip(*filled, strict=True)]


def axis_around(values: pd.Series, title: str) -> dict[str, Any]:
    """Returns an axis whose range holds 0 and every value, with a little air."""
    low, high = (float(np.nan_to_num(end)) for end in (values.min(), values.max()))
    low, high = min(low, 0.0), max(high, 0.0)
    air = 0.05 * (high - low) or 100.0
    return {
        "title": {"text": plain_text(title), "standoff": 6, "font": {"size": 13}},
        "range": [low - air * (low < 0), high + air * (high > 0 or low == high)],
    }


def money_axis(title: str, values: pd.Series) -> dict[str, Any]:
    """Returns an axis of amounts, from or through 0."""
    return {**axis_around(values, title), "tickformat": "~s", "rangemode": "tozero"}


def people_axis(people: Sequence[str]) -> dict[str, Any]:
    """Returns an axis of people from the top, long names shortened in the middle: namesakes differ at the end."""
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(people),
        "tickvals": list(people),
        "ticktext": [plain_text(person if len(person) <= 24 else f"{person[:14]}…{person[-9:]}") for person in people],
        "range": [len(people) - 0.5, -0.5],
        "automargin": True,
    }


def finished_figure(
    traces: list[dict[str, Any]],
    axes: dict[str, dict[str, Any]],
    height: int = 0,
    title: str = "",
    annotations: Sequence[dict[str, Any]] = (),
) -> go.Figure:
    """Returns the figure in the house style; without a height it is as tall as its people need.

    The legend, with the title over it, stands above all else; plotly makes room for the rows it takes.
    """
    people = axes["yaxis"].get("tickvals")
    lines = {"gridcolor": style.GRID, "zeroline": False, "zerolinecolor": style.QUIET}
    layout: dict[str, Any] = {name: {**lines, **axis} for name, axis in axes.items()}
    if people is not None:
        layout["xaxis"]["side"] = "top"
    height = height or 110 + ROW * max(len(people or ()), 6)
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
            "title": {"text": plain_text(title, LONGEST), "side": "top", "font": {"size": 13}},
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
    if title and not any(trace.get("showlegend", trace["type"] != "heatmap") for trace in traces):
        place = {"x": 0.01, "xanchor": "left", "y": 1 - 12 / height, "yanchor": "top", "font": {"size": 13}}
        layout["title"] = {"text": plain_text(title, LONGEST), **place}
    return go.Figure({"data": traces, "layout": layout})
