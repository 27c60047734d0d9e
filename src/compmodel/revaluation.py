"""Movements of ARR at rates other than a constant day's: exchange differences as movements of their own.

`period_end` values every balance at the rate of its quarter's last day, so a change of rates moves the opening ARR by
an `exchange` row. `event_date` values each movement at the rate of its credit date; where a balance ends, what the
rates have left of it goes by an `exchange` row too. So opening plus movements is closing, and what is lost is at 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.codes import categorical, order_by, positions
from compmodel.events import with_counted
from compmodel.exchange import ExchangeRule, rates_by_day
from compmodel.money import Cents, nearest_cents
from compmodel.periods import Period, quarter, quarter_of
from compmodel.tables import EXCHANGE, Settings

Codes = npt.NDArray[np.int64]


def revalued(
    moved: pd.DataFrame,
    fx_rates: pd.DataFrame,
    settings: Settings,
    rule: ExchangeRule,
    opens_in: Period,
    ends_in: Period,
) -> pd.DataFrame:
    """Returns the movements, with their credit dates, at the rates of the rule, and an `exchange` row for differences.

    Of `period_end` what was credited before the quarter `opens_in` is valued at the rate of the day before it. What is
    credited after the quarter `ends_in` is left out: no window reaches it.
    Grain: one row an event or exchange difference; columns as of the movements. Raises PlanError with the days and
    currencies for which there is no rate.
    """
    if rule.arr == "constant":
        return moved
    moved = moved[(moved["credited_on"] <= pd.Timestamp(ends_in.ends_on)).to_numpy()]
    moved = moved.assign(event_type=categorical(moved["event_type"]).cat.add_categories(EXCHANGE))
    local = moved["currency"] == settings.reporting_currency
    ours, foreign = moved[local.to_numpy()], moved[~local.to_numpy()].reset_index(drop=True)
    if foreign.empty:
        return moved
    account, currency = (categorical(foreign[name]).array for name in ("account_id", "currency"))
    owner = pd.factorize(account.codes * np.int64(len(currency.categories)) + currency.codes)[0]
    days = (foreign["credited_on"].to_numpy(dtype="datetime64[s]"), foreign["effective_on"].to_numpy())
    delta = foreign["arr_delta"].to_numpy(dtype=float)
    order = order_by(foreign["event_id"], owner, *days, delta < 0)
    foreign, owner = foreign.take(order).reset_index(drop=True), owner[order]
    if rule.arr == "event_date":
        found = _at_event_dates(foreign, owner, fx_rates, settings)
    else:
        found = _at_period_ends(foreign, owner, fx_rates, settings, opens_in, ends_in)
    return pd.concat([ours, found], ignore_index=True)


def _at_event_dates(foreign: pd.DataFrame, owner: Codes, fx_rates: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    day = foreign["credited_on"].to_numpy(dtype="datetime64[s]")
    rates = rates_by_day(fx_rates, settings, foreign["currency"], day)
    local = foreign["arr_delta"].to_numpy(dtype=float)
    cents = nearest_cents(local * rates * 100)
    # An owner whose local balance is nothing keeps nothing: what the rates have left since it was nothing last goes.
    ends = np.flatnonzero(np.abs(_running(local, owner)) < 0.005)
    booked = _running(cents, owner)[ends]
    left = -np.diff(booked, prepend=0)
    fresh = np.flatnonzero(np.diff(owner[ends], prepend=-1))
    left[fresh] = -booked[fresh]
    rows = foreign.take(ends[left != 0])
    differences = _exchange_rows(rows, rows["event_id"], day[ends[left != 0]], rates[ends[left != 0]], left[left != 0])
    return pd.concat([_valued(foreign, rates, cents), differences], ignore_index=True)


def _at_period_ends(
    foreign: pd.DataFrame, owner: Codes, fx_rates: pd.DataFrame, settings: Settings, opens_in: Period, ends_in: Period
) -> pd.DataFrame:
    calendar, base = settings.calendar, opens_in.ordinal - 1
    n = ends_in.ordinal - base + 1
    at = np.clip(quarter_of(foreign["credited_on"].to_numpy(dtype="datetime64[s]"), calendar) - base, 0, n - 1)
    ends_on = np.array([quarter(base + i, calendar).ends_on for i in range(n)], dtype="datetime64[s]")
    names = sorted(foreign["currency"].unique())
    by_currency = rates_by_day(fx_rates, settings, pd.Series(names).repeat(n), np.tile(ends_on, len(names)))
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    currency = positions(foreign["currency"], pd.Index(names))
    rate_at = by_currency.reshape(len(names), n)[currency[first]]  # owners x quarters
    local = foreign["arr_delta"].to_numpy(dtype=float)
    n_owners = len(first)
    ending = np.bincount(owner * n + at, local, minlength=n_owners * n).reshape(n_owners, n).cumsum(axis=1)
    opening = nearest_cents(ending[:, :-1] * rate_at[:, 1:] * 100)
    step = opening - nearest_cents(ending[:, :-1] * rate_at[:, :-1] * 100)
    rates = rate_at[owner, at]
    after = nearest_cents(_running(local, owner) * rates * 100)
    fresh = np.diff(owner * n + at, prepend=-1) != 0  # the first of its owner in a quarter
    before = np.where(
        fresh, np.column_stack([np.zeros(n_owners, dtype=np.int64), opening])[owner, at], np.r_[0, after[:-1]]
    )
    who, when = np.nonzero(step)
    rows = foreign.take(first[who])
    quarters = pd.Series([quarter(base + i, calendar).name for i in range(n)], dtype="str").take(when + 1)
    account_id, currency_of = (rows[name].astype("str") for name in ("account_id", "currency"))
    said = account_id + " " + currency_of + pd.Series((" " + quarters).array, index=rows.index)
    differences = _exchange_rows(rows, said, ends_on[when + 1], rate_at[who, when + 1], step[who, when])
    return pd.concat([_valued(foreign, rates, after - before), differences], ignore_index=True)


def _running(amounts: npt.NDArray[np.generic], owner: Codes) -> npt.NDArray[np.float64]:
    """Balance of each owner after each row."""
    return pd.Series(amounts).groupby(owner, sort=False).cumsum().to_numpy()


def _valued(rows: pd.DataFrame, rates: npt.NDArray[np.float64], cents: Cents) -> pd.DataFrame:
    renewed = nearest_cents(rows["renewed_arr"].fillna(0.0).to_numpy(dtype=float) * rates * 100)
    return with_counted(
        rows.assign(rate=rates, arr_cents=cents, renewed_cents=renewed), rows["counted_share"].to_numpy()
    )


def _exchange_rows(
    rows: pd.DataFrame, said: pd.Series, days: npt.NDArray[np.datetime64], rates: npt.NDArray[np.float64], cents: Cents
) -> pd.DataFrame:
    """The differences as movements of their own: of no amount in the local currency, in their own order."""
    event_id = pd.Series(pd.Series(said).array + " exchange", index=rows.index)
    return rows.assign(
        event_id=event_id,
        event_type=pd.Series(EXCHANGE, index=rows.index, dtype=rows["event_type"].dtype),
        is_at_renewal=False,
        arr_delta=0.0,
        reason=None,
        sourced_by=None,
        rate=rates,
        arr_cents=cents,
        counted_share=1.0,
        counted_cents=cents,
        renewed_cents=0,
        effective_on=days,
        credited_on=days,
        origin_period=pd.Series("", index=rows.index, dtype=rows["origin_period"].dtype),
    )
