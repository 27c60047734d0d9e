"""Canonical rows from exports of another shape: movements from spans of items, rates from a column for each currency.

Both are pure: a parsed frame and the rule of the mapping in, a frame out, with `position` naming the source row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from compmodel.mapping import Spans, Wide
from compmodel.tables import LOSSES

DAY = pd.Timedelta(days=1)


def owner_columns(rule: Spans) -> list[str]:
    """Returns the columns that say whose total the movements are of."""
    return ["account_id", "subscription_id"] if rule.per == "subscription" else ["account_id"]


def movements(spans: pd.DataFrame, rule: Spans) -> pd.DataFrame:
    """Returns the movements of spans: on each day on which an owner's total goes from a to b there is one event.

    From nothing it is `new` the first time and `reactivation` later, to nothing it is `churn`. A span that ends on the
    last day of the data or later still runs. The total is rounded to the cent, so that the events add up to it.

    Grain: one row an owner and day of change. Columns: event_id, the owner's, event_type, is_at_renewal, arr_delta,
    currency, effective_on, ends_on (the day before, for a loss), position (first span behind the change).
    """
    owner = owner_columns(rule)
    ends_on = spans["end"].where(spans["end"] < pd.Timestamp(rule.data_ends_on))
    named = spans[[*owner, "currency"]].assign(position=np.arange(len(spans)))
    gained = named.assign(effective_on=spans["start"], amount=spans["amount"])
    lost = named.assign(effective_on=ends_on + DAY, amount=-spans["amount"])[ends_on.notna()]
    days = pd.concat([gained, lost], ignore_index=True).groupby([*owner, "currency", "effective_on"], as_index=False)
    moved = days.agg(amount=("amount", "sum"), position=("position", "min"))
    keys = [moved[name] for name in owner]
    after = np.rint(moved.groupby(keys)["amount"].cumsum() * rule.times * 100)
    before = after.groupby(keys).shift(fill_value=0.0)
    has_been = (after > 0).groupby(keys).cummax().groupby(keys).shift(fill_value=False)
    kinds = [(before == 0) & ~has_been, before == 0, after == 0, after > before]
    moved["event_type"] = np.select(kinds, ["new", "reactivation", "churn", "expansion"], "contraction")
    moved["is_at_renewal"] = moved["event_type"].isin(rule.at_renewal)
    moved["arr_delta"] = (after - before) / 100
    moved["ends_on"] = (moved["effective_on"] - DAY).where(moved["event_type"].isin(LOSSES))
    written = [*keys, moved["effective_on"].dt.strftime("%Y-%m-%d")]
    moved["event_id"] = written[0].str.cat([*written[1:]], sep=":")
    events: pd.DataFrame = moved[after != before].drop(columns="amount").reset_index(drop=True)
    return events


def rates(units: pd.DataFrame, rule: Wide, reporting_currency: str) -> pd.DataFrame:
    """Returns fx_rates from a column `on` and a column for each currency, crossed to the reporting currency.

    A day on which the reporting currency has no rate has none for anyone. The base currency is added; the reporting
    currency itself is left out, because it is always 1.

    Grain: one row a day and currency. Columns: currency, on, rate, position.

    >>> units = pd.DataFrame({"on": pd.to_datetime(["2025-07-01"]), "USD": [1.2], "GBP": [0.8]})
    >>> crossed = rates(units, Wide(base="EUR", quote="units_per_base"), "USD")
    >>> dict(zip(crossed["currency"], crossed["rate"].round(4)))
    {'GBP': 1.5, 'EUR': 1.2}
    """
    table = units.drop(columns="on").assign(**{rule.base: 1.0})
    reporting = table[reporting_currency].to_numpy(dtype=float)[:, None]
    others = [currency for currency in table.columns if currency != reporting_currency]
    cells = table[others].to_numpy(dtype=float)
    crossed = reporting / cells if rule.quote == "units_per_base" else cells / reporting
    row, column = np.nonzero(np.isfinite(crossed))
    return pd.DataFrame(
        {
            "currency": pd.Series(np.array(others, dtype=object)[column], dtype="str"),
            "on": units["on"].array[row],
            "rate": crossed[row, column],
            "position": row,
        }
    )
