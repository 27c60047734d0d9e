"""Exchange rates by a written rule: the rate of a currency on a day, never a silent reuse of an old one.

Rates are units of the reporting currency for one unit of the currency; the reporting currency itself is 1. A plan says
whether ARR and pay take one constant day's rates or those of their own days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from compmodel.errors import DataError, PlanError, Problem
from compmodel.money import Cents, exact, nearest_cents
from compmodel.periods import Period
from compmodel.tables import Settings

SHOWN = 3
"""Days without a rate that a message lists by name."""


class ExchangeRule(BaseModel):
    """At which rates ARR in other currencies is counted, and pay is converted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arr: Literal["constant", "period_end", "event_date"] = Field(
        "constant",
        description="constant: one day's rates, so exchange never shows. period_end: all ARR is revalued at each "
        "quarter's last day, so exchange shows as change in NRR and GRR, not in the bridge and the totals. event_date: "
        "each movement at the rate of its credit date.",
    )
    pay: Literal["constant", "spot"] = Field(
        "constant",
        description="Rates between currencies of pay: one constant day's, or those of the last day of the period paid.",
    )


def missing_rates(
    fx_rates: pd.DataFrame, settings: Settings, currencies: Iterable[str], on: dt.date
) -> tuple[dict[str, float], list[Problem]]:
    """Returns the rate of each currency on a day, and a problem for each that the written rule cannot supply."""
    rule, rates, problems = settings.exchange, {}, []
    for currency in sorted(set(currencies)):
        if currency == settings.reporting_currency:
            rates[currency] = 1.0
            continue
        known = fx_rates[(fx_rates["currency"] == currency) & (fx_rates["on"] <= pd.Timestamp(on))]
        gap = (pd.Timestamp(on) - known["on"].max()).days if len(known) else None
        allowed = rule.max_gap_days if rule.missing_day == "previous" else 0
        if gap is not None and gap <= allowed:
            rates[currency] = float(known["rate"].to_numpy()[known["on"].argmax()])
            continue
        found = (
            f"the last one is {gap} day{'s' * (gap != 1)} earlier"
            if gap is not None
            else "there is none on or before that day"
        )
        problems.append(
            Problem(
                "fx_rates",
                f"must give a {currency} rate on {on:%Y-%m-%d} within {allowed} days, but {found}",
                "Add the rate, or widen exchange.max_gap_days with exchange.missing_day: previous in mapping.yaml.",
                "rate",
                value=currency,
            )
        )
    return rates, problems


def rates_on(fx_rates: pd.DataFrame, settings: Settings, currencies: Iterable[str], on: dt.date) -> dict[str, float]:
    """Returns the rate of each currency on a day. Raises DataError for those the written rule cannot supply.

    >>> from compmodel.tables import TABLES, empty_table
    >>> rates_on(empty_table(TABLES["fx_rates"]), Settings(reporting_currency="USD"), ["USD"], dt.date(2025, 1, 1))
    {'USD': 1.0}
    """
    rates, problems = missing_rates(fx_rates, settings, currencies, on)
    if problems:
        raise DataError(problems)
    return rates


def constant_rates(fx_rates: pd.DataFrame, settings: Settings, currencies: Iterable[str]) -> dict[str, float]:
    """Returns the constant-currency rate of each currency: its rate on `exchange.constant_on`.

    Raises DataError when another currency occurs and no such day is declared, or has no rate.
    """
    foreign = sorted(set(currencies) - {settings.reporting_currency})
    if foreign and settings.exchange.constant_on is None:
        raise DataError(
            [
                Problem(
                    "mapping.yaml",
                    f"must declare the day whose rates convert {', '.join(foreign)} to "
                    f"{settings.reporting_currency or 'the reporting currency'}",
                    "Write exchange: {constant_on: 2024-12-31, missing_day: previous, max_gap_days: 4}.",
                    "exchange.constant_on",
                )
            ]
        )
    return rates_on(fx_rates, settings, currencies, settings.exchange.constant_on or dt.date.max)


def constant_cents(local: pd.Series, currency: pd.Series, rates: dict[str, float]) -> Cents:
    """Returns local amounts in whole cents of the reporting currency, each rounded once, halves away from zero."""
    return nearest_cents(local.to_numpy(dtype=float) * currency.map(rates).to_numpy(dtype=float) * 100)


def rates_by_day(
    fx_rates: pd.DataFrame, settings: Settings, currency: pd.Series, days: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.float64]:
    """Returns the rate of each row's currency on its day, by the written rule.

    Raises PlanError with a problem for each currency, listing the days for which the rule gives no rate.
    """
    rates = np.ones(len(days))
    rule, problems = settings.exchange, []
    allowed = np.timedelta64(rule.max_gap_days if rule.missing_day == "previous" else 0, "D")
    for name in sorted(set(currency.unique()) - {settings.reporting_currency}):
        mine = (currency == name).to_numpy(dtype=bool)
        known = fx_rates[fx_rates["currency"] == name].sort_values("on")
        published = known["on"].to_numpy(dtype="datetime64[s]")
        at = np.searchsorted(published, days[mine], "right") - 1
        on = np.append(published, np.datetime64("NaT", "s"))[at]
        is_known = (at >= 0) & (np.subtract(days[mine], on) <= allowed)
        rates[mine] = np.where(is_known, np.append(known["rate"].to_numpy(dtype=float), np.nan)[at], np.nan)
        missing = np.unique(days[mine][~is_known]).astype("datetime64[D]").astype(str).tolist()
        if missing:
            listed = ", ".join(missing[:SHOWN])
            n_more = len(missing) - SHOWN
            if n_more > 0:
                listed += f" and {n_more:,} more day{'s' * (n_more > 1)} up to {missing[-1]}"
            fix = "Add the rates, or widen exchange.max_gap_days with exchange.missing_day: previous in mapping.yaml."
            problems.append(Problem("fx_rates", f"has no {name} rate for {listed}", fix))
    if problems:
        raise PlanError(problems)
    return rates


def pay_rates(
    fx_rates: pd.DataFrame,
    settings: Settings,
    constant: dict[str, float],
    periods: tuple[Period, ...],
    rule: ExchangeRule,
) -> pd.DataFrame:
    """Returns the rates at which pay is converted: one row a period, one column a currency.

    Raises PlanError where the rule asks for a period's last day and there is no rate.
    """
    names = pd.Index([period.name for period in periods], name="period")
    if rule.pay == "constant":
        return pd.DataFrame(constant, index=names)
    currencies = pd.Series(list(constant)).repeat(len(periods))
    days = np.tile(np.array([period.ends_on for period in periods], dtype="datetime64[s]"), len(constant))
    found = rates_by_day(fx_rates, settings, currencies, days)
    return pd.DataFrame(found.reshape(len(constant), len(periods)).T, index=names, columns=list(constant))


def carried_at(
    rates: pd.DataFrame, period: pd.Series, currency: pd.Series, before: npt.NDArray[np.intp]
) -> list[Fraction]:
    """Returns what one unit of pay of the row `before` is in each row's currency, at the row's rates; exact.

    1 where the currency is the same, or `before` is -1.
    """
    names = currency.to_numpy(dtype=object)
    old = np.where(before < 0, names, names[before])
    found = [Fraction(1)] * len(names)
    moved = np.flatnonzero(old != names)
    at = period.iloc[moved]
    pairs = zip(rate_of(rates, at, pd.Series(old[moved])), rate_of(rates, at, currency.iloc[moved]), strict=True)
    for row, (was, is_now) in zip(moved.tolist(), pairs, strict=True):
        found[row] = exact(was) / exact(is_now)
    return found


def rate_of(rates: pd.DataFrame, period: pd.Series, currency: pd.Series) -> npt.NDArray[np.float64]:
    """Returns the rate of each row's currency in its period, from `pay_rates`."""
    rows, columns = (
        index.get_indexer(pd.Index(wanted)) for index, wanted in ((rates.index, period), (rates.columns, currency))
    )
    found: npt.NDArray[Any] = rates.to_numpy(dtype=float)[rows, columns]
    return found
