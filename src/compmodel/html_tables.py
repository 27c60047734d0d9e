"""Tables as HTML for pages and notebooks: amounts to the cent, shares as percentages, heads in words, texts escaped."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pandas as pd

from compmodel import style


def details_html(title: str, table: pd.DataFrame) -> str:
    """Returns a table that opens on a click; amounts to the cent, shares as percentages."""
    return f"<details><summary>{html.escape(title)}</summary>{table_html(table)}</details>"


def table_html(table: pd.DataFrame) -> str:
    """Returns a table with amounts to the cent, shares as percentages and heads in words; every text is escaped.

    Values, targets and amounts are shares in the rows whose `unit` is "share", and money where it is no unit of counts.
    Left out are names for machines where words stand beside them: paths, the plan's name, components with a measure.
    """
    table = _told_apart(table)
    columns = [name for name in table.columns if name != "unit" and _SAID_BY.get(name) not in table.columns]
    units = table["unit"] if "unit" in table else [""] * len(table)
    cells = {name: [_cell(name, *one) for one in zip(table[name], units, strict=True)] for name in columns}
    columns = [name for name in columns if name not in _OPTIONAL or any(cells[name])]
    texts = {
        name: not pd.api.types.is_numeric_dtype(table[name]) and not all(map(_NUMBER.fullmatch, cells[name]))
        for name in columns
    }
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


_NUMBER = re.compile(r"[-+]?[\d,.]+%?|n/a|")
_SAID_BY = {"plan": "title", "path": "label", "component": "measure", "field": "question", "metric": "jump"}
"""Columns that say for a machine what another one says in words."""
_OPTIONAL = {"person", "team", "said", "not_priced"}
"""Left out where all cells are empty."""
_SHARES = {"weight", "attainment", "factor", "proration", "share_of_cost", "company_NRR", "company_GRR"}
_SHARES |= {"cost_of_sales", "share_of_results", "share_threshold", "share_target", "share_excellence", "excellence_at"}
_SHARES |= {"pay_share", "margin", "share", "share_at_target", "attainment_above", "attainment_to", "secured_part"}
_SHARES |= {"swing_share", "relative", "nothing_share", "actual_share", "chance_share", "chance_low", "chance_high"}
_SHARES |= {"reliability", "reliability_low", "reliability_high", "jump", "next_point_pays"}
_SHARES |= {f"{name}{end}" for name in ("first", "total") for end in ("", "_low", "_high")}
_MEASURED = {"value", "target"}
_IN_UNIT = {*_MEASURED, "now", "amount", "low", "high", "cliff_at"}
_NO_MONEY = {"share", "count", "score", "ratio", ""}
_MONEY = {
    *("numerator", "denominator", "cost", "baseline_cost", "change", "pay", "baseline_pay", "payout", "gross"),
    *("target_incentive", "adjustment", "balance", "pay_in_the_plan", "pay_moved", "change_of_cost", "ARR"),
    *("at_target", "headroom_at_target", "headroom", "budget", "largest_change", "change_a_year", "opening_arr"),
    *("retained_arr", "expansion_arr", "new_arr", "arr", "arr_needed", "churned_arr", "before", "after"),
    *("low_cost", "high_cost", "low_change", "high_change", "effect", "p10", "p50", "p90", "change_low", "change_high"),
    *("least", "regret", "largest_regret", "mean_regret", "own_pay", "at_least", "pay_per_1000", "extra", "cliff_pay"),
    *("pay_without", "pay_if_sales", "extra_pay", "extra_cost", "over_budget"),
}
_DECIMALS = {"nrr_points": 2, "customers_saved": 1, "churned_customers": 1, "people_points": 1, "chance_points": 1}
_EMPTY = {"n_people": "fewer than five", "attainment_to": "none may be enough", "attainment_above": "", "share": ""}
"""What an empty cell says; of other shares and values n/a."""
_HEADINGS = {
    "title": "plan",
    "label": "number",
    "n": "results",
    "n_people": "people",
    "n_events": "events",
    "n_moves": "moves",
    "n_figures": "figures",
    "n_undefined": "without a result",
    "n_threshold": "reach threshold",
    "n_target": "reach target",
    "n_excellence": "reach excellence",
    "share_threshold": "share at threshold",
    "share_target": "share at target",
    "share_excellence": "share at excellence",
    "is_now": "as it is",
    "is_current": "as it is",
    "is_within": "within the budget",
    "said": "why not",
    "not_priced": "why it has no price",
    "low": "lower",
    "high": "higher",
    "low_cost": "cost if lower",
    "high_cost": "cost if higher",
    "low_change": "change if lower",
    "high_change": "change if higher",
    "effect": "largest change",
    "first": "alone",
    "first_low": "alone, nine times in ten from",
    "first_high": "alone, nine times in ten to",
    "total": "with others",
    "total_low": "with others, nine times in ten from",
    "total_high": "with others, nine times in ten to",
    "p10": "eight times in ten from",
    "p50": "in the middle",
    "p90": "eight times in ten to",
    "change_low": "change, likely from",
    "change_high": "change, likely to",
    "chance_low": "chance, nine times in ten from",
    "chance_high": "chance, nine times in ten to",
    "chance_share": "share by chance",
    "actual_share": "share of figures",
    "reliability": "share by people",
    "reliability_low": "people, nine times in ten from",
    "reliability_high": "people, nine times in ten to",
    "people_points": "points by people",
    "chance_points": "points by chance",
    "swing_share": "swing of pay",
    "relative": "against individual targets",
    "own_pay": "own pay",
    "next_point_pays": "next point pays, of its target incentive",
    "jump": "of it at once",
    "least": "of the best plan",
    "regret": "worse than the best plan by",
    "largest_regret": "worse by, at most",
    "mean_regret": "worse by, on average",
    "matters": "makes a difference",
    "nothing_share": "share whose pay does not move",
    "attainment_to": "attainment at most",
    "at_target": "cost at target",
    "change_a_year": "change of cost a year",
    "opening_arr": "opening ARR",
    "retained_arr": "retained ARR",
    "expansion_arr": "expansion ARR",
    "new_arr": "new ARR",
    "arr": "ARR kept and grown",
    "arr_needed": "ARR needed a year",
    "nrr_points": "points of NRR",
    "churned_customers": "customers that churn a year",
    "churned_arr": "ARR of one",
    "customers_saved": "customers saved a year",
    "pay_share": "pay, share of target incentive",
    "secured_part": "part of the period gone when secured",
    "pay_per_1000": "pay for the next 1,000",
    "account_id": "account",
    "event_id": "event",
    "credited_on": "credited on",
    "differs": "what differs",
}


def _told_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of one name that are different things: pay and slope as money, or as shares; what regret is of."""
    if "jump" in table:
        return table.drop(columns="slope").rename(columns={"pay": "next_point_pays"})
    if "regret" in table:
        table = table.drop(columns="value")
    if "effect" in table:
        table = table.rename(columns={"value": "now"})
    return table.rename(columns={"slope": "pay_per_1000"})


def _heading(name: str) -> str:
    return _HEADINGS.get(name, name).replace("_", " ")


def _cell(name: str, value: Any, unit: str) -> str:
    if value is None or value != value:
        return _EMPTY.get(name, "n/a" if name in _MEASURED | _SHARES else "")
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if name in _MONEY or (name in _IN_UNIT and unit not in _NO_MONEY):
        return f"{value:,}" if type(value) is int else style.statement_money(value)
    if name in _SHARES or (name in _IN_UNIT and unit == "share"):
        return style.percent(value, 2).replace(".00%", "%")
    if name in _DECIMALS and isinstance(value, float):
        return f"{value:,.{_DECIMALS[name]}f}"
    if isinstance(value, float) and abs(value) >= 1000:
        return f"{value:,.2f}"
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
