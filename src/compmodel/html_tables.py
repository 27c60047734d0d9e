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
    """Returns a table with amounts to the cent and shares as percentages; every text is escaped.

    Values, targets and amounts are shares in the rows whose `unit` is "share", and money where it is no unit of counts.
    """
    columns = [name for name in table.columns if name != "unit" and not (name == "plan" and "title" in table.columns)]
    texts = {name: not pd.api.types.is_numeric_dtype(table[name]) for name in columns}
    units = table["unit"] if "unit" in table else [""] * len(table)
    cells = {name: [_cell(name, *one) for one in zip(table[name], units, strict=True)] for name in columns}
    head = "".join(f'<th class="{"text" if texts[n] else "number"}">{html.escape(_heading(n))}</th>' for n in columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"text" if texts[name] else "number"}">{html.escape(cell)}</td>'
            for name, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in zip(*(cells[name] for name in columns), strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


_SHARES = {"weight", "attainment", "factor", "proration", "share_of_cost", "company_NRR", "company_GRR"}
_SHARES |= {"cost_of_sales", "share_of_results", "share_threshold", "share_target", "share_excellence", "excellence_at"}
_SHARES |= {"pay_share", "margin"}
_MEASURED = {"value", "target"}
_IN_UNIT = {*_MEASURED, "amount"}
_NO_MONEY = {"share", "count", "score", "ratio", ""}
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
    "pay_in_the_plan",
    "pay_moved",
    "change_of_cost",
    "ARR",
    "at_target",
    "headroom_at_target",
    "headroom",
    "budget",
    "largest_change",
    "change_a_year",
    "opening_arr",
    "retained_arr",
    "expansion_arr",
    "new_arr",
    "arr",
    "arr_needed",
    "churned_arr",
}


def _heading(name: str) -> str:
    return {"title": "plan"}.get(name, name).replace("_", " ")


def _cell(name: str, value: Any, unit: str) -> str:
    if value is None or value != value:
        return "n/a" if name in _MEASURED | _SHARES else ""
    if name in _MONEY or (name in _IN_UNIT and unit not in _NO_MONEY):
        return f"{value:,}" if type(value) is int else style.statement_money(value)
    if name in _SHARES or (name in _IN_UNIT and unit == "share"):
        return style.percent(value, 2).replace(".00%", "%")
    if isinstance(value, float) and abs(value) >= 1000:
        return f"{value:,.2f}"
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
