"""Exchange rates by a written rule: the rate of a currency on a day, never a silent reuse of an old one.

Rates are units of the reporting currency for one unit of the currency; the reporting currency itself is 1.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pandas as pd

from compmodel.errors import DataError, Problem
from compmodel.money import Cents, nearest_cents
from compmodel.tables import Settings


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
