"""What a metric or KPI says of each person and period: the ratios a value is made of, and the value.

A value is usually one ratio. Several months, a blend of levels, or a team's mean of ratios make it several: ratios of
one `product` are multiplied, products are averaged by `share`. A ratio over nothing is left out, and a value without
any ratio is empty. The rows are `Replay.measurements`, so a value can be worked out by hand from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import Windows
from compmodel.books import BOOK
from compmodel.events import Reactivation
from compmodel.metrics import METRICS, Cells, Codes, Sums, added
from compmodel.money import Array, exact

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
        unit = _units(level, people, accounts)
        if how.figure == "mean_of_ratios" and level != "individual":
            measured, at, share = _members(unit.of_people, people, at, share)
            unit = _units("individual", people, accounts)
        else:
            measured = at
        found = _unit_sums(ledger, unit, windows, how)
        if due is not None:
            found = (*found[:2], _unit_sums(due, unit, windows, how)[2])
        of_period = windows.of_period[position[measured]]
        cells = np.where(unit.of_people[measured] >= 0, unit.of_people[measured], unit.n)[:, None] * len(windows)
        sums = [np.r_[of, np.zeros(len(windows))][cells + of_period] / 100 for of in found]
        frames.append(_ratios(people, at, measured, level, unit.ids, share[at], sums, of_period, how.combined))
    return _ordered(frames)


class _Units(NamedTuple):
    """Numbers of units (payees, teams, segments ...): of each row of people, and of each account where those count."""

    of_people: Codes
    ids: npt.NDArray[np.object_]
    n: int
    of_account: pd.Series | None
    counts_beside: bool


def _units(level: Level, people: pd.DataFrame, accounts: pd.DataFrame) -> _Units:
    if level in ("individual", "team"):
        column = people["payee_id" if level == "individual" else "team"]
        codes, names = pd.factorize(column)
        return _Units(codes, column.to_numpy(dtype=object), len(names), None, level == "individual")
    if level == "company":
        codes, names = np.zeros(len(people), dtype=np.intp), pd.Index(["company"])
        of_account = pd.Series(0, index=accounts["account_id"])
    else:
        names = pd.Index(accounts[level].dropna().unique())
        codes = names.get_indexer(pd.Index(people[level]))
        of_account = pd.Series(names.get_indexer(pd.Index(accounts[level])), index=accounts["account_id"])
    return _Units(codes, np.array([*names, None], dtype=object)[codes], len(names), of_account, False)


def unit_rows(
    found: PlacedLedger, level: Level, unit_id: object, people: pd.DataFrame, accounts: pd.DataFrame
) -> tuple[Codes, Codes]:
    """Returns the positions of the ledger's books and of its credits that count for a unit; none for no unit."""
    unit = _units(level, people, accounts)
    number = unit.of_people[unit.ids == unit_id].max(initial=-1)
    books, credits = (np.flatnonzero((codes == number) & (codes >= 0)) for codes in _unit_codes(found, unit))
    return books, credits


def _unit_codes(found: PlacedLedger, unit: _Units) -> tuple[Codes, Codes]:
    """The unit of each of the ledger's books and credits; -1 for none."""
    ledger, codes = found.ledger, []
    for frame, row in ((ledger.books, found.book_row), (ledger.credits, found.credit_row)):
        if unit.of_account is None:
            code = np.append(unit.of_people, -1)[row]
        else:
            code = unit.of_account.to_numpy()[unit.of_account.index.get_indexer(pd.Index(frame["account_id"]))]
        if not unit.counts_beside:  # what is credited beside the books would count an account twice
            code = np.where(frame["kind"] == BOOK, code, -1)
        codes.append(code)
    return codes[0], codes[1]


def _unit_sums(found: PlacedLedger, unit: _Units, windows: Windows, how: Measured) -> tuple[Sums, Sums, Sums]:
    """Opening ARR, numerator and denominator in cents of each unit and window."""
    credits, books = found.ledger
    book_cell, credit_cell = (
        np.where(code >= 0, code * len(windows) + frame["window"].to_numpy(), -1)
        for frame, code in zip((books, credits), _unit_codes(found, unit), strict=True)
    )
    known = Cells(unit.n * len(windows), books, book_cell, credits, credit_cell, how.reactivation)
    return known.opening(), *METRICS[how.metric].measured(known)


def _members(unit: Codes, people: pd.DataFrame, at: Codes, share: Sums) -> tuple[Codes, Codes, Sums]:
    """For each measured row, the rows of everyone of its unit in its period: member, row, and the shares."""
    period, names = pd.factorize(people["period"])
    cell = np.where(unit >= 0, unit * len(names) + period, -1)
    order = np.argsort(cell, kind="stable")
    first, last = (np.searchsorted(cell[order], cell[at], side) for side in ("left", "right"))
    n = np.where(cell[at] >= 0, last - first, 0)
    before = np.cumsum(n) - n
    member = order[np.repeat(first - before, n) + np.arange(n.sum())]
    return member, np.repeat(at, n), share


def _ratios(
    people: pd.DataFrame,
    at: Codes,
    measured: Codes,
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
    who = people.take(at)
    frame = {
        "row": at,
        "payee_id": who["payee_id"].array,
        "period": who["period"].array,
        "level": np.full(n, level, dtype=object),
        "unit_id": ids[measured],
        "share": share,
    }
    found = pd.DataFrame(frame).take(np.repeat(np.arange(n), k)).reset_index(drop=True)
    opening, above, below = (of.ravel() for of in sums)
    return found.assign(window=window.ravel(), product=product, opening_arr=opening, numerator=above, denominator=below)


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


def values(ratios: pd.DataFrame, n: int) -> Sums:
    """Returns the value of each of n rows of people: products of ratios averaged by share; NaN without any ratio."""
    below = ratios["denominator"].to_numpy()
    kept = ratios[below > 0]
    if not len(kept):
        return np.full(n, np.nan)
    ratio, product = (kept["numerator"] / kept["denominator"]).to_numpy(), kept["product"].to_numpy()
    begins = np.flatnonzero(np.r_[True, product[1:] != product[:-1]])
    row, share = kept["row"].to_numpy()[begins], kept["share"].to_numpy()[begins]
    whole, over = added(row, share * np.multiply.reduceat(ratio, begins), n), added(row, share, n)
    return np.where(over > 0, whole / np.where(over > 0, over, 1), np.nan)


def described_rows(ratios: pd.DataFrame, n: int) -> pd.DataFrame:
    """Returns level, unit_id, opening_arr, numerator and denominator of each of n rows of people.

    The amounts are those of a row's one ratio, empty where it has several; `unit_id` is empty for units of two levels,
    whose level is "blend".
    """
    starts = np.searchsorted(ratios["row"], np.arange(n + 1))
    first, n_ratios = starts[:-1], np.diff(starts)
    found = ratios.take(np.minimum(first, max(len(ratios) - 1, 0))).reset_index(drop=True)
    level = ratios["level"].take(starts[1:] - 1).to_numpy()
    is_blend = found["level"].to_numpy() != level
    amounts = found[["opening_arr", "numerator", "denominator"]].mask(np.repeat((n_ratios != 1)[:, None], 3, axis=1))
    return amounts.assign(level=np.where(is_blend, "blend", level), unit_id=found["unit_id"].mask(is_blend))


def exact_values(ratios: pd.DataFrame, rows: npt.NDArray[np.intp]) -> Array:
    """Returns the values of these rows of people as exact fractions; 0 without any ratio."""
    kept = ratios[ratios["row"].isin(rows) & (ratios["denominator"] > 0)]
    products: dict[tuple[int, int], tuple[Fraction, Fraction]] = {}
    columns = (kept[name] for name in ("row", "product", "share", "numerator", "denominator"))
    for row, product, share, above, below in zip(*columns, strict=True):
        _, before = products.get((row, product), (Fraction(0), Fraction(1)))
        products[row, product] = exact(share), before * exact(above) / exact(below)
    found = []
    for row in rows:
        mine = [part for (of, _), part in products.items() if of == row]
        over = sum((share for share, _ in mine), Fraction(0))
        found.append(sum((share * ratio for share, ratio in mine), Fraction(0)) / over if over else Fraction(0))
    return np.array(found, dtype=object)


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
        frames.append(_ratios(people, at, at, level, ids, share[at], of_rows, period[at][:, None], "sums"))
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
        self.rows = np.full((len(self.payees) + 1, len(self.periods) + 1), -1, dtype=np.intp)
        self.rows[self._at(people)] = np.arange(len(people))

    def __call__(self, frame: pd.DataFrame) -> Codes:
        rows: Codes = self.rows[self._at(frame)]
        return rows

    def _at(self, frame: pd.DataFrame) -> tuple[Codes, Codes]:
        return self.payees.get_indexer(pd.Index(frame["payee_id"])), self.periods.get_indexer(pd.Index(frame["period"]))
