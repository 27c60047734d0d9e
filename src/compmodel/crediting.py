"""Who a change in ARR counts for, and on which day.

`movements` converts events to whole cents of the reporting currency, `credit` places each on its credit date and in
the book of whoever holds the account that day, `opening_books` says what each book held when a window opened. Shares
are cut in whole cents, so all payees plus `(unassigned)` always add up to the company, to the cent.

Opening ARR is the sum of all movements credited before the window, so opening plus movements is closing for any credit
rule; it goes to a payee by the same book rule as the window's movements.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from compmodel.baselines import Windows
from compmodel.books import EXCLUDED, ONE_DAY, BookRule, Days, Indices, Names, Pick, Shares, Splits, account_shares
from compmodel.exchange import constant_cents
from compmodel.money import Cents, nearest_cents
from compmodel.periods import Calendar, quarter_starts
from compmodel.tables import EXCHANGE, LOSSES, UNASSIGNED

INHERITED = "inherited loss"
_BY_CREDIT_DATE = BookRule()


def movements(events: pd.DataFrame, rates: dict[str, float]) -> pd.DataFrame:
    """Returns the events with `rate`, `arr_cents`, `renewed_cents` in the reporting currency, and `event_rank`.

    Grain: one row an event, in the events' order. Each account's running balance is converted and rounded, and a
    movement is the difference of two balances: an account that has lost all its ARR stands at exactly 0.
    """
    account = pd.factorize(events["account_id"] + "\n" + events["currency"])[0]
    delta, name = events["arr_delta"].to_numpy(), pd.factorize(events["event_id"], sort=True)[0]
    order = np.lexsort([name, delta < 0, events["effective_on"].to_numpy(), account])
    balance = pd.Series(delta[order]).groupby(account[order], sort=False).cumsum()
    cents = constant_cents(balance, events["currency"].take(order), rates)
    step = np.diff(cents, prepend=0)
    opens = np.flatnonzero(np.diff(account[order], prepend=-1))
    step[opens] = cents[opens]
    arr_cents = np.empty_like(step)
    arr_cents[order] = step
    return events.assign(
        rate=events["currency"].map(rates).astype(float),
        arr_cents=arr_cents,
        renewed_cents=constant_cents(events["renewed_arr"].fillna(0.0), events["currency"], rates),
        event_rank=name,
    )


def share_cents(amounts: Cents, row: Indices, split: Splits) -> Cents:
    """Returns each pair's share of `amounts[row]` in whole cents; a row's shares add up to its rounded whole share.

    >>> share_cents(np.array([100]), np.array([0, 0, 0]), np.array([1 / 3, 1 / 3, 1 / 3])).tolist()
    [33, 34, 33]
    """
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if len(row) else np.array([], dtype=np.intp)
    running = pd.Series(split).groupby(row, sort=False).cumsum().to_numpy(dtype=float)
    through = np.where(running > 1 - 1e-9, 1.0, running)
    upto = nearest_cents(amounts[row].astype(np.float64) * through)
    before = np.r_[0, upto[:-1]] if len(row) else upto
    before[starts] = 0
    return upto - before


def credit(
    moved: pd.DataFrame, assignments: pd.DataFrame, windows: Windows, rule: BookRule = _BY_CREDIT_DATE
) -> pd.DataFrame:
    """Returns who is credited what, when, for the movements credited in the windows.

    Grain: one row an event, window, payee and reason; what is nobody's goes to the payee `(unassigned)`, and `why` says
    what took it from `holder_id`, if anybody held it. Columns: event_id, account_id, event_type, is_at_renewal,
    arr_delta, currency, rate, credited_on, origin_period (of a prior-period adjustment, else empty), window (its
    position), period, payee_id, split, why, holder_id, credited_cents, counted_cents (what of it metrics count),
    renewed_cents (reporting currency), opening_cents (the whole account's).
    """
    row, window = windows.holding(moved["credited_on"].to_numpy(dtype="datetime64[s]"))
    after = _balances(moved)[row]
    placed = moved.take(row).reset_index(drop=True)
    opening, _ = _edge_cents(moved, windows)
    account_opening = opening.to_numpy()[opening.index.get_indexer(pd.Index(placed["account_id"])), window]
    periods = windows.period_starts_on[window], windows.period_ends_on[window]
    day = placed["credited_on"].to_numpy(dtype="datetime64[s]")
    is_exchange = (placed["event_type"] == EXCHANGE).to_numpy(dtype=bool)
    if is_exchange.any():  # goes with the opening ARR it is a difference of
        codes = opening.index.get_indexer(pd.Index(placed["account_id"]))
        day = np.where(is_exchange, _opened_on(moved, windows)[codes, window], day)
    held = (day, day) if rule.holder == "credit_date" else (windows.starts_on[window], windows.ends_on[window])
    pick: Pick = "weighted" if rule.holder == "time_weighted" else "first"
    shares = account_shares(placed["account_id"], held, periods, account_opening, assignments, rule, pick)
    shares = _after_losses(shares, placed, rule, windows.periods[0].calendar)
    row, moved_cents = shares.row, placed["arr_cents"].to_numpy()
    credited = share_cents(after, row, shares.split) - share_cents(after - moved_cents, row, shares.split)
    uncounted = moved_cents - placed["counted_cents"].to_numpy()
    columns = ["event_id", "account_id", "event_type", "is_at_renewal", "arr_delta", "currency", "rate"]
    credits = placed[[*columns, "credited_on", "origin_period"]].take(row).reset_index(drop=True)
    return credits.assign(
        window=window[row],
        period=_named(window[row], windows),
        payee_id=pd.Series(shares.payee_id, dtype="str"),
        split=shares.split,
        why=_texts(shares.why, shares.why),
        holder_id=_texts(shares.holder_id, shares.why),
        credited_cents=credited,
        counted_cents=credited - share_cents(uncounted, row, shares.split) if uncounted.any() else credited,
        renewed_cents=share_cents(placed["renewed_cents"].to_numpy(), row, shares.split),
        opening_cents=account_opening[row],
    )


def _after_losses(shares: Shares, placed: pd.DataFrame, rule: BookRule, calendar: Calendar) -> Shares:
    """The shares without the movements that the rule excludes by reason, and without losses inherited in the grace."""
    for exclusion in rule.exclude:
        if exclusion.reason is not None:
            out = (placed["reason"] == exclusion.reason).to_numpy(dtype=bool)
            shares = shares.taken_away(out[shares.row], np.asarray(f"{EXCLUDED}{exclusion.because}", dtype=object))
    if rule.grace_days or rule.grace_first_period:
        is_loss = placed["event_type"].isin(LOSSES).to_numpy()[shares.row]
        day = placed["credited_on"].to_numpy(dtype="datetime64[s]")
        held = np.subtract(day[shares.row], shares.taken_on)
        inherited = held < np.timedelta64(rule.grace_days, "D")  # false where nothing was taken over
        if rule.grace_first_period:
            inherited |= shares.taken_on >= quarter_starts(day, calendar)[shares.row]
        shares = shares.taken_away(is_loss & inherited, np.asarray(INHERITED, dtype=object))
    return shares


def opening_books(
    moved: pd.DataFrame,
    assignments: pd.DataFrame,
    windows: Windows,
    rule: BookRule = _BY_CREDIT_DATE,
    credits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Returns the ARR each payee's book opened a window with, by the credit rule's own dates and the book rule.

    `credits` are those of `credit`, with which a loss in the grace takes its opening ARR along.
    Grain: one row a payee, account, window and reason with opening ARR; `(unassigned)` takes what is nobody's.
    Columns: payee_id, account_id, window (its position), period, split, why, holder_id, opening_cents, closing_cents
    (the whole account's).
    """
    opening, closing = _edge_cents(moved, windows)
    account, window = np.nonzero(opening.to_numpy())
    cents = opening.to_numpy()[account, window]
    account_id = pd.Series(opening.index.to_numpy(dtype=object)[account], dtype="str")
    periods = windows.period_starts_on[window], windows.period_ends_on[window]
    held = windows.starts_on[window], windows.ends_on[window]
    if rule.holder == "credit_date":
        day = _opened_on(moved, windows)[account, window]
        held = (day, day)
    pick: Pick = "weighted" if rule.holder == "time_weighted" else "first"
    shares = account_shares(account_id, held, periods, cents, assignments, rule, pick)
    books = pd.DataFrame(
        {
            "payee_id": pd.Series(shares.payee_id, dtype="str"),
            "account_id": account_id.take(shares.row).array,
            "window": window[shares.row],
            "period": _named(window[shares.row], windows),
            "split": shares.split,
            "why": _texts(shares.why, shares.why),
            "holder_id": _texts(shares.holder_id, shares.why),
            "opening_cents": share_cents(cents, shares.row, shares.split),
            "closing_cents": closing.to_numpy()[account, window][shares.row],
        }
    )
    return books if credits is None else _without_inherited(books, credits[credits["why"] == INHERITED])


def _without_inherited(books: pd.DataFrame, inherited: pd.DataFrame) -> pd.DataFrame:
    """The books without the opening ARR that inherited losses took: it is nobody's, as they are."""
    if inherited.empty:
        return books
    lost = -inherited.groupby(["account_id", "window", "holder_id"])["credited_cents"].sum()
    is_own = (books["why"] == "") & (books["payee_id"] != UNASSIGNED)
    mine = (
        lost.reindex(pd.MultiIndex.from_frame(books[["account_id", "window", "payee_id"]]))
        .fillna(0)
        .to_numpy(dtype=np.int64)
    )
    gone = np.where(is_own, np.minimum(mine, np.maximum(books["opening_cents"], 0)), 0)
    taken = books[gone > 0]
    moved = taken.assign(holder_id=taken["payee_id"], payee_id=UNASSIGNED, why=INHERITED, opening_cents=gone[gone > 0])
    return pd.concat([books.assign(opening_cents=books["opening_cents"] - gone), moved], ignore_index=True)


def kpi_credits(kpis: pd.DataFrame, assignments: pd.DataFrame, kpi: str, windows: Windows) -> pd.DataFrame:
    """Returns each count or score of a KPI by payee; an account's go to who holds it that day, by split.

    Grain: one row a count, window and payee, of the counts within the windows. Columns: payee_id, account_id (where the
    count is of one), on, window (its position), period, split, attained and scheduled (as they were counted, before the
    split).
    """
    named = kpis[(kpis["kpi"] == kpi).to_numpy()]
    row, window = windows.holding(named["on"].to_numpy(dtype="datetime64[s]"))
    mine = named.take(row).assign(window=window, period=_named(window, windows).array)
    is_own = mine["payee_id"].notna()
    own, of_accounts = mine[is_own], mine[~is_own]
    day = of_accounts["on"].to_numpy(dtype="datetime64[s]")
    nothing = np.zeros(len(of_accounts), dtype=np.int64)
    shares = account_shares(
        of_accounts["account_id"], (day, day), (day, day), nothing, assignments, _BY_CREDIT_DATE, "first"
    )
    held = of_accounts.take(shares.row).assign(payee_id=pd.array(shares.payee_id, dtype="str"))
    columns = ["payee_id", "account_id", "on", "window", "period", "split", "attained", "scheduled"]
    return pd.concat([own.assign(split=1.0), held.assign(split=shares.split)], ignore_index=True)[columns]


def _texts(texts: Names, why: Names) -> pd.Series:
    """The texts where a share was taken from its holder, else empty ones (quickly, where none was)."""
    if not (why != "").any():
        return pd.Series([""], dtype="str").take(np.zeros(len(texts), dtype=np.intp)).reset_index(drop=True)
    return pd.Series(np.where(why != "", texts, ""), dtype="str")


def _balances(moved: pd.DataFrame) -> Cents:
    """The whole account's ARR in cents after each movement, in the order of the credit dates."""
    account, name = pd.factorize(moved["account_id"])[0], moved["event_rank"].to_numpy()
    days = (moved["effective_on"].to_numpy(), moved["credited_on"].to_numpy())
    order = np.lexsort((name, moved["arr_cents"].to_numpy() < 0, *days, account))
    after = moved["arr_cents"].take(order).groupby(account[order]).cumsum()
    balances: Cents = np.empty(len(moved), dtype=np.int64)
    balances[order] = after.to_numpy()
    return balances


def _named(window: Indices, windows: Windows) -> pd.Series:
    """Name of the period of each window."""
    return pd.Series(windows.period_names, dtype="str").take(window).reset_index(drop=True)


def _opened_on(moved: pd.DataFrame, windows: Windows) -> Days:
    """Day whose holder has an account's opening ARR: of its last movement in the window, else the window's first.

    Rows and columns as of `_edge_cents`. A difference of exchange rates is no movement of the account's.
    """
    codes, accounts = pd.factorize(moved["account_id"])
    chosen = np.flatnonzero((moved["arr_cents"].to_numpy() != 0) & (moved["event_type"] != EXCHANGE).to_numpy())
    day = moved["credited_on"].to_numpy(dtype="datetime64[s]")[chosen]
    row, window = windows.holding(day)
    days: Days = np.full(len(accounts) * len(windows), np.datetime64("NaT", "s"))
    np.fmax.at(days, codes[chosen[row]] * len(windows) + window, day[row])
    days = days.reshape(len(accounts), len(windows))
    return np.where(np.isnat(days), windows.starts_on, days)


def _edge_cents(moved: pd.DataFrame, windows: Windows) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ARR in cents at each window's start and after its end: one row an account, one column a window."""
    after = np.add(windows.ends_on, ONE_DAY)
    edges = np.unique(np.concatenate([windows.starts_on, after]))
    step = np.searchsorted(edges, moved["credited_on"].to_numpy(dtype="datetime64[s]"), "right")
    codes, accounts = pd.factorize(moved["account_id"])
    counted, n = step < len(edges), len(edges)
    steps = np.bincount(
        codes[counted] * n + step[counted], moved["arr_cents"].to_numpy()[counted], minlength=len(accounts) * n
    )
    at_edges = np.rint(np.cumsum(steps.reshape(len(accounts), n), axis=1)).astype(np.int64)
    index = pd.Index(accounts, name="account_id")
    opening, closing = (
        pd.DataFrame(at_edges[:, np.searchsorted(edges, days)], index=index) for days in (windows.starts_on, after)
    )
    return opening, closing
