"""Tables as HTML for pages and notebooks: amounts to the cent, shares as percentages, every text escaped."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from compmodel import style


def details_html(title: str, table: pd.DataFrame) -> str:
    """Returns a table that opens on a click; amounts to the cent, shares as percentages."""
    return f"<details><summary>{html.escape(title)}</summary>{table_html(table)}</details>"


def table_html(table: pd.DataFrame) -> str:
    """Returns a table with amounts to the cent and shares as percentages; every text is escaped."""
    columns = [name for name in table.columns if not (name == "plan" and "title" in table.columns)]
    texts = {name: not pd.api.types.is_numeric_dtype(table[name]) for name in columns}
    cells = {name: table[name].map(_formatter(name)) for name in columns}
    head = "".join(f'<th class="{"text" if texts[n] else "number"}">{html.escape(_heading(n))}</th>' for n in columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"text" if texts[name] else "number"}">{html.escape(str(cell))}</td>'
            for name, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in zip(*(cells[name] for name in columns), strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


_SHARES = {"weight", "attainment", "factor", "proration"}
_MONEY = {
    "numerator",
    "denominator",
    "cost",
    "baseline_cost",
    "change",
    "pay",
    "baseline_pay",
    "payout",
    "gross",
    "target_incentive",
}


def _heading(name: str) -> str:
    return {"title": "plan"}.get(name, name).replace("_", " ")


def _formatter(name: str) -> Any:
    if name in _SHARES:
        return lambda share: style.percent(share, 2)
    if name in _MONEY:
        return style.statement_money
    return lambda value: (
        "" if value is None or value != value else f"{value:,.6g}" if isinstance(value, float) else value
    )
