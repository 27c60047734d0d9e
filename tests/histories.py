"""Companies for tests: small ones written by hand, and random valid ones for property-based tests.

A `Company` holds plain rows, which the reference reads; `history()` sends the same rows through validation, which the
package reads. Random ones hold moves between payees, splits, gaps nobody holds, win-backs, several events on a day,
empty periods, three currencies, hires, leavers, leave and raises in mid-quarter, KPIs of payees and of accounts.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from compmodel.exchange import constant_rates
from compmodel.sources import load_history
from compmodel.tables import TABLES, Exchange, History, Settings
from compmodel.validation import RawTable, validated_history

# The same examples on every machine and in every run; a failure prints how to repeat it.
settings.register_profile(
    "same_every_time",
    derandomize=True,
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("unshrunk", settings.get_profile("same_every_time"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same_every_time"))

Row = dict[str, Any]
PERIODS = ["2025Q1", "2025Q2", "2025Q3"]
SPAN = "2025Q1:2025Q3"
DAY = dt.timedelta(days=1)
PUBLISHED = dt.date(2024, 12, 27)
"""A Friday; the constant rates wanted are those of the Sunday."""


def day(written: str | dt.date) -> dt.date:
    return written if isinstance(written, dt.date) else dt.date.fromisoformat(written)


def event(event_id: str, account_id: str, kind: str, delta: object, effective_on: str | dt.date, **more: Any) -> Row:
    """An event; dates may be given as text. A renewal's delta is the ARR it renews."""
    dates = {name: day(value) for name, value in more.items() if name.endswith("_on")}
    is_renewal = kind == "renewal"
    return {
        "event_id": event_id,
        "account_id": account_id,
        "event_type": kind,
        "arr_delta": Decimal(0) if is_renewal else Decimal(str(delta)),
        "renewed_arr": Decimal(str(delta)) if is_renewal else None,
        "currency": "USD",
        "effective_on": day(effective_on),
        **more,
        **dates,
    }


def held(account_id: str, payee_id: str, starts_on: str = "2024-01-01", ends_on: str = "", split: object = 1) -> Row:
    return {
        "account_id": account_id,
        "payee_id": payee_id,
        "starts_on": day(starts_on),
        "ends_on": day(ends_on) if ends_on else None,
        "split": split,
    }


def employed(payee_id: str, yearly: object = 40_000, starts_on: str = "2024-01-01", **more: Any) -> Row:
    """A payee's span; 40,000 a year is a target incentive of 10,000 a quarter."""
    if "ends_on" in more:
        more["ends_on"] = day(more["ends_on"])
    return {
        "payee_id": payee_id,
        "starts_on": day(starts_on),
        "role": "csm",
        "target_incentive": Decimal(str(yearly)),
        "currency": "USD",
        **more,
    }


def counted(attained: object, on: str, kpi: str = "customer_prs", **whose: str) -> Row:
    return {"kpi": kpi, "on": day(on), "attained": Decimal(str(attained)), **whose}


@dataclass(frozen=True)
class Company:
    """Rows of the tables, and the constant rate of each currency in USD."""

    arr_events: Sequence[Row] = ()
    assignments: Sequence[Row] = ()
    payees: Sequence[Row] = ()
    kpis: Sequence[Row] = ()
    accounts: Sequence[Row] = ()
    rates: Mapping[str, Decimal | float] = field(default_factory=lambda: {"USD": Decimal(1)})
    floating: bool = False
    """Whether rates change: every third day from 2023 to 2026; on `PUBLISHED` they are `rates`."""

    def history(self) -> History:
        """The validated history of these rows; of the same rows the same one, which tests treat as read-only."""
        return _history_of(_Written(repr(self), self))

    def _validated(self) -> History:
        named = {row["account_id"]: row for row in self.accounts}
        accounts = sorted({*named, *(row["account_id"] for row in (*self.arr_events, *self.assignments))})
        foreign = {currency: rate for currency, rate in self.rates.items() if currency != "USD"}
        days = [PUBLISHED]
        if self.floating:
            days = [PUBLISHED + n * DAY for n in range(-720, 720, 3)]
        tables = {
            "accounts": [named.get(account_id, {"account_id": account_id}) for account_id in accounts],
            "arr_events": self.arr_events,
            "assignments": self.assignments,
            "payees": self.payees,
            "kpis": self.kpis,
            "fx_rates": [
                {"currency": name, "on": on, "rate": self.published(name, on)} for name in foreign for on in days
            ],
        }
        exchange = Exchange(constant_on=PUBLISHED + 2 * DAY, missing_day="previous", max_gap_days=3)
        return validated_history(
            {name: raw_table(name, rows) for name, rows in tables.items()},
            Settings(title="Test company", reporting_currency="USD", exchange=exchange),
        )

    @cached_property
    def events_of(self) -> dict[str, list[Row]]:
        """Events by account."""
        return _by_account(self.arr_events)

    @cached_property
    def spans_of(self) -> dict[str, list[Row]]:
        """Assignments by account."""
        return _by_account(self.assignments)

    def published(self, currency: str, on: dt.date) -> Decimal | float:
        """The rate published on a day; a made-up one but on `PUBLISHED`."""
        n = (on - PUBLISHED).days
        return (
            round(Decimal(self.rates[currency]) * (1000 + n * 7919 % 101 - 50 * (n != 0)) / 1000, 4)
            if n
            else self.rates[currency]
        )

    def rate_on(self, currency: str, on: dt.date) -> Decimal | float:
        """The last rate published up to a day."""
        while currency != "USD" and (on - PUBLISHED).days % 3:
            on -= DAY
        return Decimal(1) if currency == "USD" else self.published(currency, on)

    def attribute(self, account_id: str, name: str) -> str | None:
        """The account's segment or region."""
        return next((row.get(name) for row in self.accounts if row["account_id"] == account_id), None)

    def but(self, **tables: Any) -> Company:
        """The same company with other tables."""
        return replace(self, **tables)


@dataclass(frozen=True)
class _Written:
    """A company that is told from others by all that is written in it."""

    written: str
    company: Company = field(compare=False)


@lru_cache(maxsize=64)
def _history_of(one: _Written) -> History:
    return one.company._validated()


def _by_account(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["account_id"]].append(row)
    return found


def raw_table(name: str, rows: Sequence[Row]) -> RawTable:
    """Rows as a reader would hand them to validation."""
    columns = [column.name for column in TABLES[name].columns]
    assert all(set(row) <= set(columns) for row in rows)
    cells = {column: [_cell(row.get(column)) for row in rows] for column in columns}
    frame = pd.DataFrame({column: pd.Series(values, dtype=object) for column, values in cells.items()})
    return RawTable(frame, f"{name}.csv", np.arange(len(rows), dtype=np.int64) + 2)


def _cell(value: object) -> object:
    return float(value) if isinstance(value, Fraction) else value


# ---- random companies --------------------------------------------------------------------------------------------

FIRST, LAST = dt.date(2024, 9, 1), dt.date(2025, 11, 15)
EDGES = [dt.date(2025, month, 1) for month in (1, 4, 7, 10)]
DAYS = st.sampled_from([*EDGES, *(edge - DAY for edge in EDGES)]) | st.dates(FIRST, LAST)
PAYEES = ["p1", "p2", "p3", "p4"]
RATES = {"USD": Decimal(1), "EUR": Decimal("1.0837"), "SEK": Decimal("0.0937")}
CURRENCIES = st.sampled_from(["USD", "USD", "EUR", "SEK"])
CENTS = st.integers(1, 30_000_000) | st.sampled_from([1, 2, 100, 10_000_000])
SPLITS = [
    [1],
    [1],
    [1],
    [Fraction(1, 2)] * 2,
    [Fraction(1, 3)] * 3,
    [Decimal("0.7")],
    [Decimal("0.25"), Decimal("0.6")],
    [],
]
INCENTIVES = [Decimal(text) for text in ("40000", "40000", "33333.33", "17777.78", "10", "0.02", "0")]


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """A valid company with up to 4 payees and 5 accounts, its events within 15 months around `PERIODS`."""
    payees = draw(st.lists(st.sampled_from(PAYEES), min_size=1, unique=True))
    accounts = [f"a{i}" for i in range(draw(st.integers(1, 5)))]
    events = [row for account in accounts for row in draw(account_events(account))]
    kpis = draw(kpi_counts(payees, accounts))
    return Company(
        accounts=[draw(account_rows(account)) for account in accounts],
        arr_events=draw(st.permutations(events)),
        assignments=[row for account in accounts for row in draw(account_book(account, payees))],
        payees=[row for payee in payees for row in draw(payee_spans(payee))],
        kpis=[*kpis, counted(1, "2024-01-01", payee_id=payees[0])],  # the KPI exists, whatever was drawn
        rates=RATES,
        floating=True,
    )


@st.composite
def account_rows(draw: st.DrawFn, account: str) -> Row:
    segment, region = draw(st.sampled_from(["enterprise", None])), draw(st.sampled_from(["EMEA", "Americas", None]))
    return {"account_id": account, "segment": segment, "region": region}


@st.composite
def account_events(draw: st.DrawFn, account: str) -> list[Row]:
    """One or two subscriptions, each in its own currency, each from new through any movements its balance allows."""
    rows: list[Row] = []
    for currency in draw(st.lists(CURRENCIES, min_size=1, max_size=2, unique=True)):
        balance = 0
        for i, on in enumerate(sorted(draw(st.lists(DAYS, min_size=1, max_size=7)))):
            kinds = ["renewal", "expansion", "contraction", "churn"] if balance > 1 else ["reactivation"]
            kind = draw(st.sampled_from(kinds)) if i else "new"
            moved = draw(CENTS)
            if kind in ("renewal", "contraction"):
                moved = 1 + moved % (balance - 1)  # never all of it
            elif kind == "churn":
                moved = balance
            sign = -1 if kind in ("contraction", "churn") else 1
            balance += 0 if kind == "renewal" else sign * moved
            event_id = f"{account}-{currency}-{i}"
            amount = Decimal(sign * moved) / 100
            more = {"currency": currency, "subscription_id": currency, **draw(event_dates(kind, on))}
            rows.append(event(event_id, account, kind, amount, on, **more))
    return rows


@st.composite
def event_dates(draw: st.DrawFn, kind: str, on: dt.date) -> Row:
    """The dates that the rules of `CREDIT_RULES` need, before or after the effective date, and some they may miss."""
    around = st.integers(-100, 40).map(lambda n: on + n * DAY) | st.just(on)
    dates = {name: draw(st.none() | around) for name in ("invoiced_on", "paid_on", "closed_on")}
    if kind in ("contraction", "churn"):
        dates |= {"notice_on": draw(around), "ends_on": on - DAY, "is_at_renewal": draw(st.booleans())}
    if kind in ("renewal", "expansion"):
        dates |= {"signed_on": draw(around), "is_at_renewal": kind == "renewal" or draw(st.booleans())}
        dates |= {"due_on": on + draw(st.integers(0, 500)) * DAY if kind == "expansion" else draw(st.none() | around)}
    if kind in ("contraction", "churn"):
        dates |= {"due_on": draw(st.none() | around)}
    else:
        dates |= {"sourced_by": draw(st.sampled_from([None, "csm", "sales"]))}
    dates |= {"reason": draw(st.sampled_from([None, "price", "bankruptcy"]))}
    return {name: value for name, value in dates.items() if value is not None}


@st.composite
def account_book(draw: st.DrawFn, account: str, payees: list[str]) -> list[Row]:
    """Who holds the account: spans one after the other, each of one or more payees, or of nobody."""
    rows = []
    starts = [dt.date(2024, 1, 1), *sorted(draw(st.sets(DAYS, max_size=4)))]
    for starts_on, following in zip(starts, [*starts[1:], None], strict=True):
        splits = draw(st.sampled_from([splits for splits in SPLITS if len(splits) <= len(payees)]))
        gap = draw(st.sampled_from([0, 0, 20]))
        ends_on = max(starts_on, following - (1 + gap) * DAY) if following else None
        for payee, split in zip(draw(st.permutations(payees)), splits, strict=False):
            row = held(account, payee, starts_on.isoformat(), split=split)
            rows.append({**row, "ends_on": ends_on, "role": draw(st.sampled_from(["csm", "csm", "house", None]))})
    return rows


@st.composite
def payee_spans(draw: st.DrawFn, payee: str) -> list[Row]:
    """A payee's spans: hire, raises, changes of role, team or currency, leave, gaps, perhaps an end."""
    rows = []
    hired = draw(st.sampled_from([dt.date(2024, 1, 1)] * 3) | DAYS)
    starts = sorted({hired, *draw(st.lists(DAYS, max_size=3))})
    for starts_on, following in zip(starts, [*starts[1:], None], strict=True):
        gap = draw(st.sampled_from([0, 0, 0, 15]))
        leaves = draw(st.none() | st.integers(0, 200))
        last = following - (1 + gap) * DAY if following else None if leaves is None else starts_on + leaves * DAY
        rows.append(
            employed(
                payee,
                draw(st.sampled_from(INCENTIVES)),
                starts_on.isoformat(),
                role=draw(st.sampled_from(["csm", "csm", "lead"])),
                team=draw(st.sampled_from(["north", "north", "south", None])),
                segment=draw(st.sampled_from(["enterprise", None])),
                currency=draw(CURRENCIES),
                region=draw(st.sampled_from(["EMEA", None])),
            )
            | {"ends_on": last and max(starts_on, last)}
        )
    return rows


@st.composite
def kpi_counts(draw: st.DrawFn, payees: list[str], accounts: list[str]) -> list[Row]:
    """Counts and scores of payees and of accounts, one a day."""
    owners = st.sampled_from([("payee_id", name) for name in payees] + [("account_id", name) for name in accounts])
    keys = draw(st.sets(st.tuples(owners, DAYS), max_size=8))
    scores = st.sampled_from(["0", "1", "2", "3", "7", "12", "4.35", "0.5"])
    return [counted(draw(scores), on.isoformat(), **{whose: name}) for (whose, name), on in sorted(keys)]


# ---- random plans ------------------------------------------------------------------------------------------------

CREDIT_RULES = [
    dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on"),
    {"churn": "notice_on", "contraction": "notice_on", "renewal": "signed_on", "expansion": "signed_on"},
    {
        "churn": "ends_on",
        "contraction": ["paid_on", "notice_on"],
        "renewal": ["paid_on", "invoiced_on", "signed_on"],
        "expansion": ["invoiced_on", "effective_on"],
        "new": ["paid_on", "effective_on"],
        "reactivation": ["invoiced_on", "effective_on"],
    },
    {
        "churn": {"earlier_of": ["notice_on", "ends_on"]},
        "contraction": [{"later_of": ["paid_on", "invoiced_on"]}, "effective_on"],
        "renewal": {"later_of": ["signed_on", "effective_on"], "if_closed": "closed_on"},
        "expansion": "signed_on",
        "expansion_at_renewal": [{"column": "invoiced_on", "if_closed": "closed_on"}, "effective_on"],
        "late": {"known_on": "closed_on", "locked_after_days": 15},
    },
]
BOOK_RULES: list[Row] = [
    {},
    {"holder": "opening", "grace_days": 40, "exclude": [{"reason": "bankruptcy", "because": "nobody could help"}]},
    {"holder": "time_weighted", "min_days_held": 30, "house_roles": ["house"]},
    {"still_held_on": -2, "grace_first_period": True, "min_account_arr": 500},
    {"holder": "time_weighted", "grace_days": 60, "still_held_on": 1},
    {"min_days_held": 20, "exclude": [{"account_id": "a0", "because": "the chief executive's own"}]},
]
EVENT_RULES: list[Row] = [
    {},
    {"churn_of": "account", "reactivation": "own_class"},
    {"churn_of": "subscription", "reactivation": "netted", "sourced_by": {"sales": 0.5}},
    {"reactivation": "back_into_nrr", "escalators": ["price"], "upsell": "to_renewal"},
]
EXCHANGE_RULES: list[Row] = [{}, {"arr": "period_end"}, {"arr": "event_date", "pay": "spot"}, {"pay": "spot"}]
WEIGHTS = [["1"], ["0.5", "0.5"], ["1/3"] * 3, ["0.35", "0.25", "0.4"], ["0.05", "0", "0.95"]]
LEVELS: list[Any] = [
    "individual",
    "team",
    {"default": "individual", "by_role": {"lead": "team"}},
    {"individual": 0.5, "team": 0.3, "company": 0.2},
    {"default": {"individual": "1/3", "segment": "2/3"}, "by_role": {"lead": "region"}},
    "company",
]
BASELINES: list[Row] = [
    {},
    {},
    {"annualised": "compounding"},
    {"baseline": "month_start", "combined": "chained"},
    {"baseline": "month_start", "combined": "mean", "annualised": "adding"},
    {"baseline": "month_start", "combined": "sums"},
    {"baseline": "half_start"},
    {"baseline": "year_start"},
    {"baseline": "trailing_twelve_months"},
    {"baseline": "two_quarters", "annualised": "adding"},
]
"""Ways to measure; a rate is not annualised."""
CURVES = [
    {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"},
    {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "extend"},
    {"kind": "linear", "points": [[0.8, 0.3], [1, 1], [1.4, 2]], "beyond": "extend", "below": "hold"},
    {"kind": "linear", "points": [[0.5, 0], [0.9, 0.5], [1, 0.5], [1.2, 1.75]], "beyond": "hold"},
    {"kind": "linear", "points": [[0.7, 0.5], [1, 1]], "beyond": "extend", "below": "zero", "edge": "upper"},
    {"kind": "linear", "points": [[0, 0], [1, 1], [1.5, 1.25]], "beyond": "extend", "below": "extend"},
    {"kind": "table", "bands": [[0, 0], [0.9, 0.5], [1, 1], [1.15, 1.5]], "beyond": "hold", "edge": "lower"},
    {"kind": "table", "bands": [[0.8, 0.25], [1, 1]], "beyond": "extend", "edge": "upper"},
    {"kind": "table", "bands": [[0.9, 0.5], [1, 1], [1.15, 2]], "beyond": "hold", "edge": ["lower", "upper", "upper"]},
    {"kind": "step", "bands": [[0, 1], [1, 1.6], [1.2, 2]], "beyond": "extend", "edge": "upper"},
    {"kind": "step", "bands": [[0.5, 0.5], [1, 1.25]], "beyond": "hold", "edge": "lower"},
    {"kind": "marginal", "bands": [[0, 1], [1, 1.4], [1.2, 1.6]], "beyond": "extend"},
    {"kind": "marginal", "bands": [[0, 0], [0.95, 1], [1, 1.2], [1.5, 0]], "beyond": "hold"},
    {"kind": "overage", "bands": [[0, 1], [1, 1.5], [1.25, 2]], "beyond": "extend", "edge": "lower"},
    {"kind": "overage", "bands": [[0, 0.5], [0.6, 0.8], [1, 1], [1.1, 1.5]], "beyond": "hold", "edge": "upper"},
]
METRICS = ["nrr", "nrr", "grr", "renewal_rate", "expansion_rate", "churn_rate", "kpi.customer_prs"]


@st.composite
def plan_dicts(draw: st.DrawFn) -> Row:
    """A valid plan as its file holds it: any metrics, levels, weights, curves, crediting and pay currency."""
    components = [draw(components_of(i, weight)) for i, weight in enumerate(draw(st.sampled_from(WEIGHTS)))]
    currency = draw(st.sampled_from(["USD", "payee", "EUR"]))
    return {
        "name": "random",
        "title": "Random",
        "source": "drawn by a test",
        "effective_on": "2025-01-01",
        "pay": {"currency": currency, "period": "quarter", "rounding": "half_up"},
        "credit_on": draw(st.sampled_from(CREDIT_RULES)),
        "books": draw(st.sampled_from(BOOK_RULES)),
        "events": draw(st.sampled_from(EVENT_RULES)),
        "exchange": draw(st.sampled_from(EXCHANGE_RULES)),
        "components": components,
    }


@st.composite
def components_of(draw: st.DrawFn, i: int, weight: str) -> Row:
    metric, level = draw(st.sampled_from(METRICS)), draw(st.sampled_from(LEVELS))
    goals = ["10", "3", "0.7"] if metric.startswith("kpi") else ["1.15", "0.9", "1.04", "0.3"]
    target: Any = draw(st.sampled_from(goals))
    if draw(st.booleans()):
        target = {"default": target, "by_segment": {"enterprise": draw(st.sampled_from(goals))}}
    attainment: Row = draw(st.sampled_from([{"kind": "ratio"}, {"kind": "from_floor", "floor": 0.25}]))
    measured: Row = {}
    if not metric.startswith("kpi"):
        measured = dict(draw(st.sampled_from(BASELINES)))
        if metric not in ("nrr", "grr"):
            measured.pop("annualised", None)
        if metric == "renewal_rate" and draw(st.booleans()):
            measured = {"baseline": "due_in_period"}
        if draw(st.booleans()) and level != "individual":
            measured["unit_figure"] = "mean_of_ratios"
        if measured.get("combined") == "chained" and metric not in ("nrr", "grr"):
            measured["combined"] = "sums"
    if "annualised" not in measured and metric != "renewal_rate" and draw(st.booleans()):
        how = draw(st.sampled_from(["adding", "compounding"])) if metric in ("nrr", "grr") else "adding"
        target = {**(target if isinstance(target, dict) else {"default": target}), "yearly": how}
        attainment = {"kind": "ratio"}
    return {
        "name": f"c{i}",
        "metric": metric,
        "level": level,
        "weight": weight,
        "target": target,
        "attainment": attainment,
        # A hundredfold quarter compounded to a year is beyond any amount.
        "curve": CURVES[0] if measured.get("annualised") == "compounding" else draw(st.sampled_from(CURVES)),
        **measured,
    }


# ---- the sample company ------------------------------------------------------------------------------------------

SAMPLE = Path(__file__).resolve().parents[1] / "data/sample"


@cache
def sample_history() -> History:
    """The committed sample company; skips the test where it is not there."""
    if not SAMPLE.is_dir():
        pytest.skip("data/sample is not there; compmodel sample --out data/sample makes it")
    return load_history(SAMPLE)


def company_of(history: History, kpi: str = "customer_prs") -> Company:
    """The rows of a history, with one of its KPIs."""
    currencies = {*history.arr_events["currency"], *history.payees["currency"]}
    return Company(
        arr_events=_rows(history.arr_events),
        assignments=_rows(history.assignments),
        payees=_rows(history.payees),
        kpis=_rows(history.kpis[history.kpis["kpi"] == kpi]),
        rates=constant_rates(history.fx_rates, history.settings, currencies),
    )


def _rows(table: pd.DataFrame) -> list[Row]:
    """Rows as plain values: days as dates, empty cells as None."""
    dates = table.select_dtypes("datetime64").columns
    plain = table.assign(**{name: table[name].dt.date for name in dates}).astype(object)
    return plain.where(plain.notna(), None).to_dict("records")


# ---- what a replay says, in whole cents --------------------------------------------------------------------------


def whole_cents(amount: float) -> int:
    """An amount that must be whole cents, as cents."""
    cents = round(amount * 100)
    assert cents / 100 == amount, f"{amount!r} is not whole cents"
    return cents


def paid_cents(payouts: pd.DataFrame) -> dict[tuple[str, str, str], int]:
    """Payouts in cents by payee, period and component."""
    keys = zip(payouts["payee_id"], payouts["period"], payouts["component"], strict=True)
    found = {key: whole_cents(amount) for key, amount in zip(keys, payouts["payout"], strict=True)}
    assert len(found) == len(payouts)
    return found
