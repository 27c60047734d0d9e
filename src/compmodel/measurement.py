"""What a metric or KPI says of each person and period: the ratios that a value is made of (`values.py`).

A value is usually one ratio. Several months, a blend of levels, or a team's mean of ratios make it several; the rows
are `Replay.measurements`, so a value can be worked out by hand from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import Windows
from compmodel.books import BOOK, EXCLUDED
from compmodel.codes import categorical, positions
from compmodel.events import Reactivation
from compmodel.metrics import METRICS, Cells, Codes, Sums, added

Level = Literal["individual", "team", "segment", "region", "company"]
Combined = Literal["sums", "mean", "chained"]
UnitFigure = Literal["ratio_of_sums", "mean_of_ratios"]
KpiForm = Literal["count", "share", "mean", "nps"]
KPI_FORMS: dict[KpiForm, tuple[str, str]] = {
    "count": ("count", "no member"),
    "share": ("share", "nothing scheduled"),
    "mean": ("score", "no score"),
    "nps": ("score", "no answer"),
}
"""Unit of a KPI's form, and what is missing where it is undefined."""
NO_UNIT = np.array([None], dtype=object)


class Ledger(NamedTuple):
    """Credits and opening books of one credit rule, book rule, event rule and baseline."""

    credits: pd.DataFrame
    books: pd.DataFrame


class PlacedLedger(NamedTuple):
    """A ledger with the row of people that each of its rows belongs to, -1 for none; found once for all components."""

    ledger: Ledger
    credit_row: Codes
    book_row: Codes


def placed(ledger: Ledger, people: pd.DataFrame) -> PlacedLedger:
    """Returns the ledger with the row of people of each of its credits and books."""
    rows = _Rows(people)
    return PlacedLedger(ledger, rows(ledger.credits), rows(ledger.books))


class Measured(NamedTuple):
    """How a component measures: its metric, levels with the share of each person, and how ratios are put together."""

    metric: str
    levels: Mapping[Level, Sums]
    combined: Combined = "sums"
    figure: UnitFigure = "ratio_of_sums"
    reactivation: Reactivation = "in_cohort"


def measure(
    ledger: PlacedLedger,
    people: pd.DataFrame,
    accounts: pd.DataFrame,
    windows: Windows,
    how: Measured,
    due: PlacedLedger | None,
) -> pd.DataFrame:
    """Returns the ratios of a retention metric for each person and period.

    `due`, where given, is the ledger by due dates, whose denominator counts.
    Grain: one row a ratio, in the order of `people`. Columns: row (of people), payee_id, period, level, unit_id,
    window, product, share, opening_arr, numerator, denominator (currency a year).
    """
    position = pd.Index([period.name for period in windows.periods]).get_indexer(pd.Index(people["period"]))
    frames = []
    for level, share in how.levels.items():
        at = np.flatnonzero(share > 0)
        unit = units(level, people, accounts)
        if how.figure == "mean_of_ratios" and level != "individual":
            codes = unit.of_people if level == "company" else pd.factorize(people[level])[0]
            measured, at, share = _members(codes, people, at, share)
            unit = units("individual", people, accounts)
        else:
            measured = at
        found = _unit_sums(ledger, unit, windows, how)
        if due is not None:
            found = (*found[:2], _unit_sums(due, unit, windows, how)[2])
        of_period, code = windows.of_period[position[at]], np.append(unit.of_people, -1)[measured]
        cells = np.where(code >= 0, code, unit.n)[:, None] * len(windows)
        sums = [np.r_[of, np.zeros(len(windows))][cells + of_period] / 100 for of in found]
        ids = np.concatenate([unit.ids, NO_UNIT])[measured]
        frames.append(_ratios(people, at, level, ids, share[at], sums, of_period, how.combined))
    return _ordered(frames)


def company_sums(ledger: Ledger, windows: Windows, metric: str, reactivation: Reactivation) -> tuple[Sums, Sums]:
    """Returns a metric's numerator and denominator for the whole company, in cents: arrays of windows."""
    cells = [
        np.where((rows["kind"] == BOOK) & ~rows["why"].str.startswith(EXCLUDED), rows["window"].astype(np.intp), -1)
        for rows in (ledger.books, ledger.credits)
    ]
    known = Cells(len(windows), ledger.books, cells[0], ledger.credits, cells[1], reactivation)
    return METRICS[metric].measured(known)


class Units(NamedTuple):
    """Numbers of units (payees, teams, segments ...): of each row of people, and of each account where those count."""

    of_people: Codes
    ids: npt.NDArray[np.object_]
    n: int
    of_account: pd.Series | None
    counts_beside: bool


def units(level: Level, people: pd.DataFrame, accounts: pd.DataFrame) -> Units:
    """Returns the units of a level."""
    if level in ("individual", "team"):
        column = people["payee_id" if level == "individual" else "team"]
        codes, names = pd.factorize(column)
        return Units(codes, column.to_numpy(dtype=object), len(names), None, level == "individual")
    if level == "company":
        codes, names = np.zeros(len(people), dtype=np.intp), pd.Index(["company"])
        of_account = pd.Series(0, index=accounts["account_id"])
    else:
        names = pd.Index(accounts[level].dropna().unique())
        codes = names.get_indexer(pd.Index(people[level]))
        of_account = pd.Series(names.get_indexer(pd.Index(accounts[level])), index=accounts["account_id"])
    return Units(codes, np.concatenate([names.to_numpy(dtype=object), NO_UNIT])[codes], len(names), of_account, False)


def unit_rows(
    found: PlacedLedger, level: Level, unit_id: object, people: pd.DataFrame, accounts: pd.DataFrame
) -> tuple[Codes, Codes]:
    """Returns the positions of the ledger's books and of its credits that count for a unit; none for no unit."""
    unit = units(level, people, accounts)
    number = unit.of_people[unit.ids == unit_id].max(initial=-1)
    books, credits = (np.flatnonzero((codes == number) & (codes >= 0)) for codes in unit_codes(found, unit))
    return books, credits


def unit_codes(found: PlacedLedger, unit: Units) -> tuple[Codes, Codes]:
    """Returns the unit of each of the ledger's books and credits; -1 for none."""
    ledger = found.ledger
    codes: list[Codes] = []
    for frame, row in ((ledger.books, found.book_row), (ledger.credits, found.credit_row)):
        if unit.of_account is None:
            code = np.append(unit.of_people, -1).astype(np.int32)[row]
        else:
            code = unit.of_account.to_numpy()[positions(frame["account_id"], unit.of_account.index)]
            code = np.where(frame["why"].str.startswith(EXCLUDED), -1, code)  # counts for nobody
        if not unit.counts_beside:  # what is credited beside the books would count an account twice
            code = np.where(frame["kind"] == BOOK, code, -1)
        codes.append(code)
    return codes[0], codes[1]


def _unit_sums(found: PlacedLedger, unit: Units, windows: Windows, how: Measured) -> tuple[Sums, Sums, Sums]:
    """Opening ARR, numerator and denominator in cents of each unit and window."""
    credits, books = found.ledger
    book_cell, credit_cell = (
        np.where(code >= 0, code.astype(np.intp) * len(windows) + frame["window"].to_numpy(), -1)
        for frame, code in zip((books, credits), unit_codes(found, unit), strict=True)
    )
    known = Cells(unit.n * len(windows), books, book_cell, credits, credit_cell, how.reactivation)
    return known.opening(), *METRICS[how.metric].measured(known)


def _members(unit: Codes, people: pd.DataFrame, at: Codes, share: Sums) -> tuple[Codes, Codes, Sums]:
    """For each measured row, the rows of everyone of its unit in its period (-1 in no unit): member, row, shares."""
    period, names = pd.factorize(people["period"])
    cell = np.where(unit >= 0, unit * len(names) + period, -1)
    order = np.argsort(cell, kind="stable")
    first, last = (np.searchsorted(cell[order], cell[at], side) for side in ("left", "right"))
    in_none = cell[at] < 0
    first, n = np.where(in_none, len(order), first), np.where(in_none, 1, last - first)
    before = np.cumsum(n) - n
    member = np.append(order, -1)[np.repeat(first - before, n) + np.arange(n.sum())]
    return member, np.repeat(at, n), share


def _ratios(
    people: pd.DataFrame,
    at: Codes,
    level: str,
    ids: npt.NDArray[np.object_],
    share: Sums,
    sums: list[Sums],
    of_period: Codes,
    combined: Combined,
) -> pd.DataFrame:
    """One level's ratios: `sums` are opening, numerator and denominator of rows x windows."""
    n, k = of_period.shape
    if combined == "sums":
        sums, window, k = [of.sum(axis=1, keepdims=True) for of in sums], of_period[:, -1:], 1
    else:
        window = of_period
    product = np.repeat(np.arange(n), k) if combined == "chained" else np.arange(n * k)
    who, each = people.take(at), np.repeat(np.arange(n), k)
    opening, above, below = (of.ravel() for of in sums)
    return pd.DataFrame(
        {
            "row": at[each],
            "payee_id": who["payee_id"].array.take(each),
            "period": who["period"].array.take(each),
            "level": pd.Series([level], dtype="str").array.take(np.zeros(n * k, dtype=np.intp)),
            "unit_id": ids[each],
            "window": window.ravel(),
            "product": product,
            "share": share[each],
            "opening_arr": opening,
            "numerator": above,
            "denominator": below,
        }
    )


def _ordered(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The ratios of all levels in the order of people, products numbered through."""
    if len(frames) == 1:
        return frames[0]
    upto = 0
    for i, frame in enumerate(frames):
        frames[i] = frame.assign(product=frame["product"] + upto)
        upto += int(frame["product"].max()) + 1 if len(frame) else 0
    every = pd.concat(frames, ignore_index=True)
    return every.sort_values("row", kind="stable").reset_index(drop=True)


def measure_kpi(
    counts: pd.DataFrame,
    people: pd.DataFrame,
    levels: Mapping[Level, Sums],
    is_lead: pd.Series,
    form: KpiForm = "count",
) -> pd.DataFrame:
    """Returns the ratios of a KPI for each person and period, in one of four forms; of a unit the ratio of sums.

    count: what was attained at full-time pace, over the share of the period on the plan (for a team the mean of its
    members). share: attained over scheduled. mean: the mean score. nps: promoters (9, 10) less detractors (0 to 6) of
    100 answers (Bain's Net Promoter Score). An account's rows weigh by the split of its holder.
    `is_lead` marks whom the plan never measures alone: they are no members of a unit, unless it has no others.
    Grain and columns as of `measure`; opening_arr is empty. `counts` is of `kpi_credits`, over the periods themselves.
    """
    row, above, below = kpi_counts(counts, people, form)
    known = row >= 0
    attained, over = (added(row[known], of[known], len(people)) for of in (above, below))
    over = people["proration"].to_numpy(dtype=float) if form == "count" else over
    period = pd.factorize(people["period"])[0]
    frames = []
    for level, share in levels.items():
        at = np.flatnonzero(share > 0)
        ids, sums = people["payee_id"].to_numpy(dtype=object), [attained, over]
        if level != "individual":
            column = pd.Series("company", index=people.index) if level == "company" else people[level]
            ids, (unit, kept) = column.to_numpy(dtype=object), kpi_members(level, people, is_lead)
            n = int(unit.max(initial=-1)) + 1
            sums = [np.append(added(unit[kept], of[kept], n), 0.0)[unit] for of in sums]
        nothing = np.full((len(at), 1), np.nan)
        of_rows = [nothing, *(of[at][:, None] for of in sums)]
        frames.append(_ratios(people, at, level, ids[at], share[at], of_rows, period[at][:, None], "sums"))
    return _ordered(frames)


def kpi_counts(counts: pd.DataFrame, people: pd.DataFrame, form: KpiForm) -> tuple[Codes, Sums, Sums]:
    """Returns of each count the row of people it is of, and what it adds above and below the line.

    Below the line of a count at full-time pace stand the members' shares of the period on the plan instead.
    """
    split, score = (counts[name].to_numpy(dtype=float) for name in ("split", "attained"))
    if form == "nps":
        score = 100.0 * ((score >= 9).astype(float) - (score <= 6))
    below = {"share": counts["scheduled"].fillna(0).to_numpy(dtype=float) * split, "count": 0 * split}.get(form, split)
    return _Rows(people)(counts), score * split, below


def kpi_members(level: Level, people: pd.DataFrame, is_lead: pd.Series) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Returns the unit of each row of people in its period, -1 for none, and who counts in it.

    Those on the plan count, without leads where there are others; an individual always does.
    """
    if level == "individual":
        return np.arange(len(people)), np.ones(len(people), dtype=bool)
    period, names = pd.factorize(people["period"])
    codes = np.zeros(len(people), dtype=np.intp) if level == "company" else pd.factorize(people[level])[0]
    unit = np.where(codes >= 0, codes * len(names) + period, -1)
    on_plan = people["proration"].to_numpy(dtype=float)
    may_count = (on_plan > 0) & (unit >= 0)
    others = may_count & ~is_lead.to_numpy()
    n = int(unit.max(initial=-1)) + 1
    has_others = np.append(added(unit[others], on_plan[others], n), 0.0)[unit] > 0
    return unit, np.where(has_others, others, may_count)


class _Rows:
    """Finds the row of `people` for each payee and period of another frame; -1 where there is none."""

    def __init__(self, people: pd.DataFrame):
        self.payees, self.periods = pd.Index(people["payee_id"].unique()), pd.Index(people["period"].unique())
        self.rows = np.full((len(self.payees) + 1, len(self.periods) + 1), -1, dtype=np.int32)
        at = positions(people["payee_id"], self.payees), positions(people["period"], self.periods)
        self.rows[at] = np.arange(len(people))

    def __call__(self, frame: pd.DataFrame) -> Codes:
        payee, period = (categorical(frame[name]).array for name in ("payee_id", "period"))
        at = self.payees.get_indexer(payee.categories), self.periods.get_indexer(period.categories)
        rows: Codes = self.rows[np.ix_(*at)].ravel()[payee.codes * np.intp(len(at[1])) + period.codes]
        return rows
