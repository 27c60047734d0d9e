"""Who a change in ARR counts for, and on which day.

`movements` converts events to whole cents of the reporting currency, `credit` places each on its credit date and in
the book of whoever holds the account that day, `opening_books` says what each book held when a window opened. Shares
are cut in whole cents, so all payees plus `(unassigned)` always add up to the company, to the cent.

Opening ARR is the sum of all movements credited before the window, so opening plus movements is closing for any credit
rule; it goes to a payee by the same book rule as the window's movements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import Windows
from compmodel.books import EXCLUDED, BookRule, Pick, account_shares
from compmodel.codes import categorical, order_by
from compmodel.exchange import constant_cents
from compmodel.holders import ONE_DAY, Days, Indices, Shares, Spans, Splits
from compmodel.money import Cents, nearest_cents
from compmodel.periods import Calendar, quarter_starts
from compmodel.tables import EXCHANGE, LOSSES, UNASSIGNED

INHERITED = "inherited loss"
WHOLE = 1e-6
"""An amount this near to whole cents is whole; half a million such amounts still add up to their own cents."""
_BY_CREDIT_DATE = BookRule()


def movements(events: pd.DataFrame, rates: dict[str, float]) -> pd.DataFrame:
    """Returns the events with `rate`, and `arr_cents` and `renewed_cents` in the reporting currency.

    Grain: one row an event, in the events' order. Each account's running balance is converted and rounded, and a
    movement is the difference of two balances: an account that has lost all its ARR stands at exactly 0. Accounts,
    types and currencies are categorical.
    """
    texts = {name: categorical(events[name], sort=True) for name in ("event_type", "currency")}
    events = events.assign(account_id=categorical(events["account_id"]), **texts)
    rate = events["currency"].map(rates).astype(float)
    amounts = events["arr_delta"].to_numpy() * rate.to_numpy() * 100
    arr_cents, account = nearest_cents(amounts), events["account_id"].array
    is_whole = np.ones(len(account.categories), dtype=bool)  # as all its amounts are: no balance needs to be known
    is_whole[account.codes[np.abs(amounts - arr_cents) > WHOLE]] = False
    some = np.flatnonzero(~is_whole[account.codes])
    if len(some):
        arr_cents[some] = _by_balance(
            events[["event_id", "account_id", "effective_on", "arr_delta", "currency"]].take(some), rates
        )
    renewed, renewed_cents = np.flatnonzero(events["renewed_arr"].notna()), np.zeros(len(events), dtype=np.int64)
    some_renewed, currency = (events[name].take(renewed) for name in ("renewed_arr", "currency"))
    renewed_cents[renewed] = constant_cents(some_renewed, currency, rates)
    return events.assign(rate=rate, arr_cents=arr_cents, renewed_cents=renewed_cents)


def _by_balance(events: pd.DataFrame, rates: dict[str, float]) -> Cents:
    """Movements of each account's balance in each currency, converted and rounded."""
    delta, currency = events["arr_delta"].to_numpy(), events["currency"]
    account = events["account_id"].array.codes * np.int64(len(currency)) + currency.array.codes
    order = order_by(events["event_id"], account, events["effective_on"].to_numpy(), delta < 0)
    account = account[order]
    balance = pd.Series(delta[order]).groupby(account, sort=False).cumsum()
    cents = constant_cents(balance, currency.take(order), rates)
    step = np.diff(cents, prepend=0)
    opens = np.flatnonzero(np.diff(account, prepend=-1))
    step[opens] = cents[opens]
    arr_cents = np.empty_like(step)
    arr_cents[order] = step
    return arr_cents


def share_cents(amounts: Cents, row: Indices, split: Splits) -> Cents:
    """Returns each pair's share of `amounts[row]` in whole cents; a row's shares add up to its rounded whole share.

    >>> share_cents(np.array([100]), np.array([0, 0, 0]), np.array([1 / 3, 1 / 3, 1 / 3])).tolist()
    [33, 34, 33]
    """
    cents: Cents = amounts[row]
    return _Cut.of(row, split).shares(cents)


class _Cut(NamedTuple):
    """Where rows are cut: positions of the pairs with less than all of their row, of which some begin a row.

    `through` is the share of the row up to and with each such pair.
    """

    at: Indices
    begins: npt.NDArray[np.bool_]
    through: Splits

    @classmethod
    def of(cls, row: Indices, split: Splits) -> _Cut:
        """Returns where the rows of these pairs are cut."""
        begins = np.append(True, row[1:] != row[:-1])[: len(row)]
        at = np.flatnonzero(~(begins & np.append(begins, True)[1:] & (split == 1)))
        running = pd.Series(split[at]).groupby(row[at], sort=False).cumsum().to_numpy(dtype=float)
        return cls(at, begins[at], np.where(running > 1 - 1e-9, 1.0, running))

    def shares(self, cents: Cents) -> Cents:
        """Returns the pairs' shares of cents, which hold all of its row for each pair and are written over."""
        cents[self.at] = self.pieces(cents[self.at])
        return cents

    def pieces(self, amounts: Cents) -> Cents:
        """Returns the shares of the pairs that are cut."""
        upto = nearest_cents(amounts.astype(np.float64) * self.through)
        return upto - np.where(self.begins, 0, np.append(0, upto[:-1]))


class Moves:
    """Movements with their days, and where these lie in the windows.

    `event` and `window` are pairs of a movement and a window that holds its day, in the events' order. `opening` and
    `closing`: the account's ARR in cents at the start and after the end of each window, one row an account (in the
    order of the categories), one column a window.
    """

    def __init__(self, moved: pd.DataFrame, windows: Windows):
        self.events, self.windows = moved, windows
        self.account = categorical(moved["account_id"]).array
        self.day = moved["credited_on"].to_numpy(dtype="datetime64[s]")
        self.arr_cents = moved["arr_cents"].to_numpy()
        self.is_exchange = (moved["event_type"] == EXCHANGE).to_numpy(dtype=bool)
        n_edges = np.searchsorted(windows.edges, self.day, "right")
        self.event, self.window = windows.holding_after(n_edges)
        self.opening, self.closing = self._at_edges(n_edges)

    def _at_edges(self, n_edges: Indices) -> tuple[Cents, Cents]:
        edges, n_accounts = self.windows.edges, len(self.account.categories)
        n = len(edges) + 1
        cell = self.account.codes * np.intp(n) + n_edges
        moved = np.bincount(cell, self.arr_cents, minlength=n_accounts * n).reshape(n_accounts, n)
        at_edges = np.rint(np.cumsum(moved, axis=1)).astype(np.int64)
        days = self.windows.starts_on, np.add(self.windows.ends_on, ONE_DAY)
        opening, closing = (at_edges[:, np.searchsorted(edges, of)] for of in days)
        return opening, closing

    def cells(self, event: Indices, window: Indices) -> Indices:
        """Returns where the events' accounts and windows stand in `opening`, counted through."""
        cells: Indices = self.account.codes[event] * np.intp(len(self.windows)) + window
        return cells

    def spans(self, assignments: pd.DataFrame) -> Spans:
        """Returns the assignments of the accounts that moved."""
        return Spans(assignments, self.account.categories)

    def opened_on(self) -> Days:
        """Returns the day whose holder has an account's opening ARR, as `opening`: see `opening_books`.

        That of its last movement in the window, else the window's first. An exchange difference is no movement.
        """
        days: Days = np.tile(self.windows.starts_on, (len(self.opening), 1))
        never = np.iinfo(np.int64).min
        moved_on = np.where((self.arr_cents == 0) | self.is_exchange, never, self.day.view(np.int64))[self.event]
        np.maximum.at(days.view(np.int64).ravel(), self.cells(self.event, self.window), moved_on)
        return days

    def balances(self, events: Indices) -> Cents:
        """Returns the whole account's ARR in cents after each of some movements, in the order of the credit dates."""
        is_asked = np.zeros(len(self.account.categories), dtype=bool)
        is_asked[self.account.codes[events]] = True
        some = np.flatnonzero(is_asked[self.account.codes])
        account, cents = self.account.codes[some].astype(np.int64), self.arr_cents[some]
        days = self.day[some], self.events["effective_on"].to_numpy()[some]
        order = order_by(self.events["event_id"], account, *days, cents < 0, self.is_exchange[some], rows=some)
        balances: Cents = np.zeros(len(self.events), dtype=np.int64)
        balances[some[order]] = pd.Series(cents[order]).groupby(account[order], sort=False).cumsum().to_numpy()
        return balances[events]


def credit(moves: Moves, spans: Spans, rule: BookRule = _BY_CREDIT_DATE) -> pd.DataFrame:
    """Returns who is credited what, when, for the movements credited in the windows.

    Grain: one row an event, window, payee and reason; what is nobody's goes to the payee `(unassigned)`, and `why` says
    what took it from `holder_id`, if anybody held it. Columns: event_id, account_id, event_type, is_at_renewal,
    arr_delta, currency, rate, credited_on, origin_period (of a prior-period adjustment, else empty), window (its
    position), period, payee_id, split, why, holder_id, credited_cents, counted_cents (what of it metrics count),
    renewed_cents (reporting currency), opening_cents (the whole account's). Texts are categorical, but for event_id.
    """
    moved, windows, window, day = moves.events, moves.windows, moves.window, moves.day[moves.event]
    opening = moves.opening.ravel()
    if moves.is_exchange.any():  # goes with the opening ARR it is a difference of
        opened_on = moves.opened_on().ravel()[moves.cells(moves.event, window)]
        day = np.where(moves.is_exchange[moves.event], opened_on, day)
    held = (day, day) if rule.holder == "credit_date" else (windows.starts_on[window], windows.ends_on[window])
    periods = (windows.period_starts_on[window], windows.period_ends_on[window]) if rule.shuts_out else held
    pick: Pick = "weighted" if rule.holder == "time_weighted" else "first"
    account = moves.account.codes[moves.event]
    cents = opening[moves.cells(moves.event, window)] if rule.shuts_out else opening
    shares = account_shares(spans, account, held, periods, cents, rule, pick)
    if rule.has_grace or rule.exclude:
        shares = _after_losses(shares, moved.take(moves.event), rule, windows.periods[0].calendar)
    event, window, cut = moves.event[shares.row], window[shares.row], _Cut.of(shares.row, shares.split)
    credited, after = moves.arr_cents[event], moves.balances(event[cut.at])
    credited[cut.at] = cut.pieces(after) - cut.pieces(after - credited[cut.at])
    uncounted = moves.arr_cents - moved["counted_cents"].to_numpy()
    columns = ["event_id", "account_id", "event_type", "is_at_renewal", "arr_delta", "currency", "rate"]
    columns_of = {
        **{name: moved[name].array.take(event) for name in (*columns, "credited_on", "origin_period")},
        "window": window,
        "period": _named(window, windows),
        **shares.columns(),
        "split": shares.split,
        "credited_cents": credited,
        "renewed_cents": cut.shares(moved["renewed_cents"].to_numpy()[event]),
        "opening_cents": opening[moves.cells(event, window)],
    }
    credits = pd.DataFrame(columns_of, copy=False)
    all_counts = credits["credited_cents"]
    return credits.assign(counted_cents=all_counts - cut.shares(uncounted[event]) if uncounted.any() else all_counts)


def _after_losses(shares: Shares, placed: pd.DataFrame, rule: BookRule, calendar: Calendar) -> Shares:
    """The shares without the movements that the rule excludes by reason, and without losses inherited in the grace."""
    for exclusion in rule.exclude:
        if exclusion.reason is not None:
            out = (placed["reason"] == exclusion.reason).to_numpy(dtype=bool)
            shares = shares.taken_away(out[shares.row], f"{EXCLUDED}{exclusion.because}")
    if rule.grace_days or rule.grace_first_period:
        is_loss = placed["event_type"].isin(LOSSES).to_numpy()[shares.row]
        day = placed["credited_on"].to_numpy(dtype="datetime64[s]")
        held = np.subtract(day[shares.row], shares.taken_on)
        inherited = held < np.timedelta64(rule.grace_days, "D")  # false where nothing was taken over
        if rule.grace_first_period:
            inherited |= shares.taken_on >= quarter_starts(day, calendar)[shares.row]
        shares = shares.taken_away(is_loss & inherited, INHERITED)
    return shares


def opening_books(
    moves: Moves,
    spans: Spans,
    rule: BookRule = _BY_CREDIT_DATE,
    credits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Returns the ARR each payee's book opened a window with, by the credit rule's own dates and the book rule.

    `credits` are those of `credit`, with which a loss in the grace takes its opening ARR along.
    Grain: one row a payee, account, window and reason with opening ARR; `(unassigned)` takes what is nobody's.
    Columns: payee_id, account_id, window (its position), period, split, why, holder_id, opening_cents, closing_cents
    (the whole account's). Texts are categorical.
    """
    windows, cell = moves.windows, np.flatnonzero(moves.opening)
    account, window = np.divmod(cell, len(windows))
    cents = moves.opening.ravel()[cell]
    if rule.holder == "credit_date":
        day = moves.opened_on().ravel()[cell]
        held = (day, day)
    else:
        held = windows.starts_on[window], windows.ends_on[window]
    periods = (windows.period_starts_on[window], windows.period_ends_on[window]) if rule.shuts_out else held
    pick: Pick = "weighted" if rule.holder == "time_weighted" else "first"
    shares = account_shares(spans, account, held, periods, cents, rule, pick)
    at = shares.row
    fresh = {
        "account_id": pd.Categorical.from_codes(account[at], dtype=moves.account.dtype),
        "window": window[at],
        "period": _named(window[at], windows),
        **shares.columns(),
        "split": shares.split,
        "opening_cents": share_cents(cents, at, shares.split),
        "closing_cents": moves.closing.ravel()[cell[at]],
    }
    books = pd.DataFrame(fresh, copy=False)
    return books if credits is None else _without_inherited(books, credits)


def _without_inherited(books: pd.DataFrame, credits: pd.DataFrame) -> pd.DataFrame:
    """The books without the opening ARR that inherited losses took: it is nobody's, as they are."""
    is_inherited = credits["why"] == INHERITED
    if not is_inherited.any():
        return books
    inherited = credits[is_inherited]
    texts = ["payee_id", "account_id", "why", "holder_id"]
    books, inherited = books.astype(dict.fromkeys(texts, "str")), inherited.astype(dict.fromkeys(texts, "str"))
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
    mine = named.take(row).assign(window=window, period=_named(window, windows))
    is_own = mine["payee_id"].notna()
    own, of_accounts = mine[is_own], mine[~is_own]
    day = of_accounts["on"].to_numpy(dtype="datetime64[s]")
    nothing = np.zeros(len(of_accounts), dtype=np.int64)
    account = categorical(of_accounts["account_id"]).array
    spans = Spans(assignments, account.categories)
    shares = account_shares(spans, account.codes, (day, day), (day, day), nothing, _BY_CREDIT_DATE, "first")
    held = of_accounts.take(shares.row).assign(payee_id=shares.columns()["payee_id"].astype("str"))
    columns = ["payee_id", "account_id", "on", "window", "period", "split", "attained", "scheduled"]
    return pd.concat([own.assign(split=1.0), held.assign(split=shares.split)], ignore_index=True)[columns]


def _named(window: Indices, windows: Windows) -> pd.Categorical:
    """Name of the period of each window."""
    names = pd.Index([period.name for period in windows.periods], dtype="str")
    codes = windows.period.astype(np.min_scalar_type(-len(names)))  # the smallest whole numbers that hold them
    return pd.Categorical.from_codes(codes[window], names)
