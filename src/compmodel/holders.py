"""Who holds an account on a day, in which shares, from the assignments; what is nobody's goes to `(unassigned)`.

Rows are questions: an account and a day, or an account and a window of days. Texts are positions in `names`, so that
millions of rows are answered without touching one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.codes import categorical, position, positions
from compmodel.tables import UNASSIGNED

Indices = npt.NDArray[np.signedinteger[Any]]
Days = npt.NDArray[np.datetime64]
Splits = npt.NDArray[np.float64]
ONE_DAY = np.timedelta64(1, "D")
BLOCK = 2**20
"""Rows at a time, so that what is needed on the way stays small."""
LONG_AGO, NEVER = np.datetime64(-(2**40), "s"), np.datetime64(2**40, "s")
NOTHING = 5e-10
"""A share of an account up to this is the float's remainder of a sum of 1."""


@dataclass(frozen=True)
class Shares:
    """Shares of rows, ordered by row, then payee, `(unassigned)` last; the splits of a row add up to 1.

    `payee` and `holder` are positions in `names`, `why` in `reasons`, of which the first is empty: it says what took a
    share from its holder, who then is not the payee. `taken_on`, where the rule has a grace, is the day the holder took
    the account over; none where it was not taken over from anybody.
    """

    names: pd.Index
    row: Indices
    payee: Indices
    split: Splits
    holder: Indices
    reasons: pd.Index
    why: Indices
    taken_on: Days

    @classmethod
    def of_holders(cls, names: pd.Index, row: Indices, payee: Indices, split: Splits) -> Shares:
        """Returns the shares from whose holders nothing is taken."""
        why, taken_on = np.zeros(len(row), dtype=np.int8), np.broadcast_to(np.datetime64("NaT", "s"), len(row))
        return cls(names, row, payee, split, payee, pd.Index([""], dtype="str"), why, taken_on)

    @property
    def nobody(self) -> int:
        """Position of `(unassigned)` in `names`."""
        return position(UNASSIGNED, self.names)

    def taken_away(self, lost: npt.NDArray[np.bool_], why: str) -> Shares:
        """Returns the shares with those marked given to nobody, for that reason."""
        lost = lost & (self.payee != self.nobody)
        reasons = self.reasons.union(pd.Index([why], dtype="str"))
        said = np.where(lost, position(why, reasons), reasons.get_indexer(self.reasons)[self.why])
        payee = np.where(lost, self.nobody, self.payee)
        return ordered(replace(self, payee=payee, why=said, reasons=reasons))

    def columns(self) -> dict[str, pd.Categorical]:
        """Returns the columns payee_id, why, and holder_id where that is not the payee."""
        holder = np.where(self.why > 0, self.holder + 1, 0) if len(self.reasons) > 1 else self.why.copy()
        return {
            "payee_id": pd.Categorical.from_codes(self.payee, self.names),
            "why": pd.Categorical.from_codes(self.why, self.reasons),
            "holder_id": pd.Categorical.from_codes(holder, self.names.insert(0, "")),
        }


@dataclass(frozen=True)
class _Changes:
    """Days on which an account's holders may change, in the order of accounts and days, and the shares from then on."""

    account: Indices
    day: Days
    first_share: Indices
    n_shares: Indices
    shares: Shares

    @cached_property
    def next_on(self) -> Days:
        """Day of the account's next change."""
        goes_on = np.append(self.account[1:] == self.account[:-1], False)[: len(self.day)]
        days: Days = np.where(goes_on, np.roll(self.day, -1), NEVER)
        return days

    def on(self, day: np.datetime64) -> Indices:
        """Returns the position of each account's last change up to a day."""
        return np.flatnonzero((self.day <= day) & (self.next_on > day))


class Spans:
    """Assignments in the order of their accounts, for finding holders; made once for credits and opening books.

    `names`: the payees and `(unassigned)`, in order. `payee` and `account` hold positions in `names` and `accounts`.
    """

    def __init__(self, assignments: pd.DataFrame, accounts: pd.Index):
        account = positions(assignments["account_id"], accounts)
        account[(assignments["ends_on"] < assignments["starts_on"]).to_numpy()] = -1
        order = np.argsort(account, kind="stable")[np.count_nonzero(account < 0) :]
        self.table, self.accounts, self.account = assignments.take(order), accounts, account[order]
        payee = categorical(self.table["payee_id"])
        self.names = pd.Index([UNASSIGNED, *payee.cat.categories], dtype="str").sort_values()
        self.payee = positions(payee, self.names).astype(np.min_scalar_type(-len(self.names) - 1))
        self.starts_on, self.ends_on = (self.table[name].to_numpy() for name in ("starts_on", "ends_on"))
        self.split = self.table["split"].to_numpy(dtype=float)

    def held(self, account: Indices, windows: tuple[Days, Days]) -> tuple[Indices, Indices]:
        """Returns row and span, for every span that holds a row's account within its window, in the order of rows."""
        n_spans, (first, last) = np.bincount(self.account, minlength=len(self.accounts)), windows
        n = n_spans[account]
        row = np.repeat(np.arange(len(n)), n)
        span = np.arange(len(row)) + ((np.cumsum(n_spans) - n_spans)[account] - (np.cumsum(n) - n))[row]
        inside = np.flatnonzero((self.starts_on[span] <= last[row]) & ~(self.ends_on[span] < first[row]))
        return row[inside], span[inside]

    def clipped(self, row: Indices, span: Indices, windows: tuple[Days, Days]) -> tuple[Days, Days]:
        """Returns the first and last day of each span within the window of its row."""
        first, last = windows
        return np.maximum(self.starts_on[span], first[row]), np.fmin(self.ends_on[span], last[row])

    def days(self, row: Indices, span: Indices, windows: tuple[Days, Days]) -> Splits:
        """Returns on how many days each span holds within the window of its row."""
        starts, ends = self.clipped(row, span, windows)
        days: Splits = (np.subtract(ends, starts) // ONE_DAY + 1).astype(np.float64)
        return days

    def shares(self, row: Indices, span: Indices, split: Splits, n: int) -> Shares:
        """Returns the shares of n rows by pairs of a row and a span, with what is left for nobody at the end."""
        left = 1 - np.bincount(row, split, minlength=n)
        nobody = np.flatnonzero(left > NOTHING)
        unassigned = np.full(len(nobody), position(UNASSIGNED, self.names), dtype=self.payee.dtype)
        payee = np.r_[self.payee[span], unassigned]
        return Shares.of_holders(self.names, np.r_[row, nobody], payee, np.r_[split, left[nobody]])

    def on_days(self, account: Indices, days: Days) -> Shares:
        """Returns the shares of accounts on days, in order: those since the last change of the account's holders."""
        known = self._changes
        first = known.on(days.min() if len(days) else NEVER)
        pairs = []
        for start in range(0, len(days) or 1, BLOCK):
            change, on = first[account[start : start + BLOCK]], days[start : start + BLOCK]
            later = np.flatnonzero(known.next_on[change] <= on)
            while len(later):
                change[later] += 1
                later = later[known.next_on[change[later]] <= on[later]]
            n, before = known.n_shares[change], known.first_share[change]
            row = np.repeat(np.arange(len(n)), n)
            before += n
            before -= np.cumsum(n)
            at = before[row]
            at += np.arange(len(row))
            row += start
            pairs.append((row, known.shares.payee[at], known.shares.split[at]))
        row, payee, split = pairs[0] if len(pairs) == 1 else map(np.concatenate, zip(*pairs, strict=True))
        return Shares.of_holders(self.names, row, payee, split)

    @cached_property
    def _changes(self) -> _Changes:
        """From long ago, and from every first day and first day after a span, who has which shares of the account."""
        every = np.arange(len(self.accounts))
        account = np.r_[every, self.account, self.account]
        day = np.r_[np.full(len(every), LONG_AGO), self.starts_on, self.ends_on + ONE_DAY]
        order = np.lexsort((day, account))
        account, day = account[order], day[order]
        is_new = np.append(True, (account[1:] != account[:-1]) | (day[1:] != day[:-1]))[: len(day)] & ~np.isnat(day)
        account, day = account[is_new], day[is_new]
        row, span = self.held(account, (day, day))
        shares = ordered(self.shares(row, span, self.split[span], len(day)), is_plain=True)
        n = np.bincount(shares.row, minlength=len(day))
        return _Changes(account, day, np.cumsum(n) - n, n, shares)


def ordered(shares: Shares, is_plain: bool = False) -> Shares:
    """Returns the shares in order, one of each payee, reason and holder; `is_plain` where none is lost."""
    nobody, n = shares.nobody, len(shares.names)
    key = shares.row * np.intp(n + 1)
    key += np.where(shares.payee == nobody, np.intp(n), shares.payee)
    if is_plain:
        order = np.argsort(key, kind="stable")
        key = key[order]
        begins = np.append(True, key[1:] != key[:-1])[: len(key)]
    else:
        holder = np.where(shares.holder == nobody, -1, shares.holder)
        order = np.lexsort((shares.taken_on.astype(np.int64), holder, shares.why, key))  # the earliest counts
        begins = np.any(np.diff(np.stack([key, shares.why, holder])[:, order], prepend=-2), axis=0)
    split, at = shares.split[order], order
    if not begins.all():
        split, at = np.add.reduceat(split, np.flatnonzero(begins)), order[begins]
    if is_plain:
        return Shares.of_holders(shares.names, shares.row[at], shares.payee[at], split)
    return Shares(
        shares.names,
        shares.row[at],
        shares.payee[at],
        split,
        shares.holder[at],
        shares.reasons,
        shares.why[at],
        shares.taken_on[at],
    )
