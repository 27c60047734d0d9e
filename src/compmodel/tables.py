"""The canonical tables, declared once: what a row is, each column's type, unit and meaning.

Validation, the data dictionary (`data/README.md`) and the sample company all read these declarations. Dates are
days; the last day of a span counts; an empty `ends_on` means the span is still open. Amounts are signed: a loss of
ARR is negative. A column that may be empty may also be left out of a file.

Currently declared: accounts, arr_events, assignments, payees, kpis, fx_rates.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from compmodel.documents import Count, Day
from compmodel.errors import Problem
from compmodel.periods import Calendar

GAINS = ("new", "expansion", "reactivation")
LOSSES = ("contraction", "churn")
EVENT_TYPES = (*GAINS, *LOSSES, "renewal")
EXCHANGE = "exchange"
"""What a difference of exchange rates is credited as; no event of a table is one."""
UNASSIGNED = "(unassigned)"

Type = Literal["text", "date", "number", "count", "flag"]
DTYPES: dict[Type, str] = {
    "text": "str",
    "date": "datetime64[s]",
    "number": "float64",
    "count": "float64",
    "flag": "bool",
}


@dataclass(frozen=True)
class Column:
    """One declared column. `empty` says what an empty cell means; None forbids empty cells."""

    name: str
    type: Type
    meaning: str
    unit: str = ""
    empty: str | None = None
    allowed: tuple[str, ...] = ()
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Table:
    """One declared table: its name, what a row is, its key and its columns."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    is_required: bool = True

    def column(self, name: str) -> Column:
        """Returns the declared column of that name."""
        return next(column for column in self.columns if column.name == name)


_ACCOUNT = Column("account_id", "text", "The customer.")
_CURRENCY = Column("currency", "text", "ISO 4217 code of the amounts in the row.")

TABLES = {
    table.name: table
    for table in (
        Table(
            "accounts",
            "a customer",
            ("account_id",),
            (
                _ACCOUNT,
                Column("name", "text", "The customer's name.", empty="nameless"),
                Column("segment", "text", "Market segment, such as enterprise.", empty="no segment"),
                Column("region", "text", "Sales region.", empty="no region"),
            ),
        ),
        Table(
            "arr_events",
            "a change in a contract",
            ("event_id",),
            (
                Column("event_id", "text", "The event."),
                _ACCOUNT,
                Column("subscription_id", "text", "The subscription within the account.", empty="not told apart"),
                Column("event_type", "text", "The kind of movement.", allowed=EVENT_TYPES),
                Column(
                    "is_at_renewal", "flag", "Whether the change was made as part of a renewal decision.", empty="no"
                ),
                Column("reason", "text", "Why, in the company's words.", empty="not recorded"),
                Column(
                    "arr_delta",
                    "number",
                    "Change of annual recurring revenue: positive for new, expansion and reactivation, negative for "
                    "contraction and churn, 0 for a renewal (an uplift is an expansion row of its own).",
                    unit="currency a year",
                ),
                _CURRENCY,
                Column(
                    "renewed_arr",
                    "number",
                    "ARR that a renewal renews, before any uplift, after any cut (which has a row of its own).",
                    unit="currency a year",
                    empty="not a renewal",
                    at_least=0,
                ),
                Column("term_months", "count", "Length of the new term.", unit="months", empty="unknown", at_least=0),
                Column("sourced_by", "text", "Who found the deal, such as csm or sales.", empty="not recorded"),
                Column("notice_on", "date", "Day the customer gave notice of a loss.", empty="no notice"),
                Column("signed_on", "date", "Day the contract or amendment was signed.", empty="not signed"),
                Column("effective_on", "date", "First day on which the changed ARR holds."),
                Column("due_on", "date", "Day the renewal was due.", empty="nothing was due"),
                Column("ends_on", "date", "Last day of the term that ends with a loss.", empty="not a loss"),
                Column("invoiced_on", "date", "Day the change was first invoiced.", empty="not invoiced"),
                Column("paid_on", "date", "Day that invoice was paid.", empty="not paid"),
                Column("closed_on", "date", "Day the deal or loss was closed in the CRM.", empty="on time"),
            ),
        ),
        Table(
            "assignments",
            "an account in a payee's book over a span of days",
            ("account_id", "payee_id", "starts_on"),
            (
                _ACCOUNT,
                Column("payee_id", "text", "The payee who holds the account."),
                Column("starts_on", "date", "First day in the book."),
                Column("ends_on", "date", "Last day in the book.", empty="still held"),
                Column("role", "text", "In which role it is held.", empty="not recorded"),
                Column("split", "number", "Share of the account credited to the payee.", "0 to 1", above=0, at_most=1),
                Column("reason", "text", "Why the account moved.", empty="not recorded"),
            ),
        ),
        Table(
            "payees",
            "a payee over a span of days with the same role, team and pay (leave is a span with target_incentive 0)",
            ("payee_id", "starts_on"),
            (
                Column("payee_id", "text", "The person paid."),
                Column("name", "text", "The person's name.", empty="nameless"),
                Column("starts_on", "date", "First day of the span."),
                Column("ends_on", "date", "Last day of the span.", empty="still in place"),
                Column("role", "text", "Role, such as csm, lead or leave."),
                Column("team", "text", "Team whose result a team target uses.", empty="in no team"),
                Column(
                    "segment",
                    "text",
                    "Segment that chooses the payee's target and a segment's result.",
                    empty="no segment",
                ),
                Column("region", "text", "Region whose result a regional target uses.", empty="no region"),
                Column("manager_id", "text", "The payee's manager, a payee too.", empty="none in this table"),
                Column("base_salary", "number", "Fixed pay.", "currency a year", empty="unknown", at_least=0),
                Column("target_incentive", "number", "What 100% attainment pays.", "currency a year", at_least=0),
                _CURRENCY,
            ),
        ),
        Table(
            "kpis",
            "a count or score on a day, of a payee or of an account (exactly one of the two)",
            ("payee_id", "account_id", "kpi", "on"),
            (
                Column("payee_id", "text", "The payee measured.", empty="an account is measured"),
                Column("account_id", "text", "The customer measured.", empty="a payee is measured"),
                Column("kpi", "text", "Name of the KPI, such as customer_prs."),
                Column("on", "date", "Day it counts."),
                Column("attained", "number", "Count or score reached."),
                Column("scheduled", "number", "Count that was scheduled.", empty="nothing scheduled", at_least=0),
            ),
            is_required=False,
        ),
        Table(
            "fx_rates",
            "a currency on a day",
            ("currency", "on"),
            (
                _CURRENCY,
                Column("on", "date", "Day of the rate."),
                Column("rate", "number", "Units of the reporting currency for one unit.", "rate", above=0),
            ),
            is_required=False,
        ),
    )
}


class Exchange(BaseModel):
    """How amounts in other currencies are converted to the reporting currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    constant_on: Day | None = Field(None, description="Day whose rates convert all ARR and pay (constant currency).")
    missing_day: Literal["previous", "error"] = Field(
        "error", description="On a day without a rate: use the previous published one, or stop."
    )
    max_gap_days: Count = Field(0, ge=0, description="How many days back the previous rate may lie; more is an error.")


class Settings(BaseModel):
    """What a history says about itself once: title, reporting currency, calendar, exchange rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field("Untitled company", description="Name shown above charts and reports.")
    reporting_currency: str = Field("", description="ISO 4217 code in which companies and plans are compared.")
    calendar: Calendar = Field(Calendar(), description="The fiscal calendar.")
    exchange: Exchange = Field(Exchange(), description="The rule for other currencies.")
    data_starts_on: Day | None = Field(
        None, description="First day of the data, of KPIs too; a period that starts earlier is refused."
    )
    data_ends_on: Day | None = Field(None, description="Last day of the data; a period that ends later is refused.")


@dataclass(frozen=True)
class History:
    """A company's validated tables, its settings and the warnings found while loading; treat it as read-only."""

    settings: Settings
    accounts: pd.DataFrame
    arr_events: pd.DataFrame
    assignments: pd.DataFrame
    payees: pd.DataFrame
    kpis: pd.DataFrame
    fx_rates: pd.DataFrame
    warnings: tuple[Problem, ...] = field(default=())

    @property
    def first_day(self) -> dt.date:
        """The first day the history covers: as declared, else that of its first event."""
        first = self.arr_events["effective_on"].min()
        return self.settings.data_starts_on or (first.date() if len(self.arr_events) else dt.date.min)


def empty_table(table: Table) -> pd.DataFrame:
    """Returns the table with its declared columns and no row."""
    return pd.DataFrame({c.name: pd.Series(dtype=DTYPES[c.type]) for c in table.columns})


def data_dictionary() -> str:
    """Returns the declarations as the part of `data/README.md` on the tables.

    >>> "| `arr_delta` | number |" in data_dictionary()
    True
    """
    lines = [
        "# Data dictionary",
        "",
        "Generated from `src/compmodel/tables.py` and `mapping.py` by `compmodel dictionary`; do not edit by hand.",
        "A folder holds one file a table (CSV, Parquet or Excel, named after the table) and may hold a `mapping.yaml`",
        "with settings and, for another system's export, the way to these tables: see [below](#mappingyaml). Dates are",
        "written 2025-07-31 unless it declares a format. A column that may be empty may be left out.",
    ]
    for table in TABLES.values():
        need = "" if table.is_required else " Optional."
        lines += ["", f"## {table.name}", "", f"A row is {table.row}. Key: {', '.join(table.key)}.{need}", ""]
        lines += ["| column | type | unit or values | empty means | meaning |", "|---|---|---|---|---|"]
        for column in table.columns:
            unit = ", ".join(column.allowed) or column.unit
            empty = "(never empty)" if column.empty is None else column.empty
            lines.append(f"| `{column.name}` | {column.type} | {unit} | {empty} | {column.meaning} |")
    return "\n".join(lines) + "\n"
