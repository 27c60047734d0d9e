"""Retention and KPI measures: a numerator and a denominator for each payee or team and period.

Each metric is one function from the opening books and the credits to sums, and one line in `METRICS`. The cohort is
the accounts with ARR when the period opened, company-wide; later movements of newer customers stay outside. A team's
figure is the ratio of its members' sums. Where the denominator is zero the value is empty, never infinite.

`METRICS` lists them; kpi.NAME is any KPI of the history, as a count, a share of what was scheduled, a mean or an NPS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.books import BOOK
from compmodel.tables import GAINS, LOSSES

Level = Literal["individual", "team"]
KpiForm = Literal["count", "share", "mean", "nps"]
KPI_FORMS: dict[KpiForm, tuple[str, str]] = {
    "count": ("count", "no member"),
    "share": ("share", "nothing scheduled"),
    "mean": ("score", "no score"),
    "nps": ("score", "no answer"),
}
"""Unit of a KPI's form, and what is missing where it is undefined."""
Sums = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Cells:
    """Books and credits with the cell (a unit in a period) each row adds to; amounts in cents, arrays of rows."""

    n: int
    books: pd.DataFrame
    book_cell: Codes
    credits: pd.DataFrame
    credit_cell: Codes

    def opening(self) -> Sums:
        """Returns the cohort's opening ARR of each cell."""
        cents = self.books["opening_cents"].to_numpy()
        return self.summed(cents, cents > 0)

    def summed(self, numbers: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> Sums:
        """Returns numbers of the chosen rows of the books, added up in each cell."""
        return self._sums(self.book_cell, numbers, chosen)

    def one(self) -> Sums:
        """Returns 1.00 for each cell: what an amount is over."""
        return np.full(self.n, 100.0)

    def credited(self, column: str, chosen: npt.NDArray[np.bool_]) -> Sums:
        """Returns a column of the chosen credits, added up in each cell."""
        return self._sums(self.credit_cell, self.credits[column].to_numpy(), chosen)

    def cohort(self) -> npt.NDArray[np.bool_]:
        """Tells which credits belong to accounts that had ARR when the period opened."""
        opened: npt.NDArray[np.bool_] = self.credits["opening_cents"].to_numpy() > 0
        return opened

    def of_type(self, *event_types: str) -> npt.NDArray[np.bool_]:
        """Tells which credits are of these event types."""
        return self.credits["event_type"].isin(event_types).to_numpy()

    def _sums(self, cell: Codes, cents: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> Sums:
        kept = chosen & (cell >= 0)
        return _added(cell[kept], cents[kept], self.n)


def nrr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns net revenue retention: (opening + expansion - contraction - churn of the cohort) / opening.

    Cohort form: every movement of an account with opening ARR counts, also its return within the period.
    """
    opening = cells.opening()
    return opening + cells.credited("credited_cents", cells.cohort()), opening


def grr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns gross revenue retention: each account of the cohort counts at most at its opening ARR, over opening."""
    kept = cells.cohort() & (cells.credit_cell >= 0)
    account, names = pd.factorize(cells.credits["account_id"])
    customer, where = np.unique(cells.credit_cell[kept] * len(names) + account[kept], return_inverse=True)
    net = _added(where, cells.credits["credited_cents"].to_numpy()[kept], len(customer))
    lost = _added(customer // max(len(names), 1), np.minimum(net, 0), cells.n)
    opening = cells.opening()
    return opening + lost, opening


def grr_of_totals(cells: Cells) -> tuple[Sums, Sums]:
    """Returns GRR netted over all customers: (opening - contraction - churn of the cohort) / opening.

    A customer who loses and grows within the period counts as a loss here, and as its net change in `grr`.
    """
    opening = cells.opening()
    return opening + cells.credited("credited_cents", cells.of_type(*LOSSES) & cells.cohort()), opening


def nrr_bridge(cells: Cells) -> tuple[Sums, Sums]:
    """Returns NRR as a bridge of movements: (opening + expansion - contraction - churn of everybody) / opening.

    Lets in what customers won in the period do later in it; leaves out reactivation, a class of its own.
    """
    opening = cells.opening()
    return opening + cells.credited("credited_cents", cells.of_type("expansion", *LOSSES)), opening


def logo_retention(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the customers of the cohort with ARR at the period's end over those at its start, by their splits.

    Point to point: who joined and left within the period, or left and came back, does not count.
    """
    opened = cells.books["opening_cents"].to_numpy() > 0
    kept = opened & (cells.books["closing_cents"].to_numpy() > 0)
    logos = 100 * cells.books["split"].to_numpy()  # as cents, so that a logo reads as 1
    return cells.summed(logos, kept), cells.summed(logos, opened)


def renewal_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns renewed ARR over ARR up for renewal: what was renewed plus what was lost at a renewal in the period."""
    renewed = cells.credited("renewed_cents", cells.of_type("renewal"))
    at_renewal = cells.credits["is_at_renewal"].to_numpy()
    return renewed, renewed - cells.credited("credited_cents", cells.of_type(*LOSSES) & at_renewal)


def expansion_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the expansion of the cohort over opening ARR."""
    return cells.credited("credited_cents", cells.of_type("expansion") & cells.cohort()), cells.opening()


def contraction_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the contraction of the cohort, as a positive share of opening ARR."""
    return -cells.credited("credited_cents", cells.of_type("contraction") & cells.cohort()), cells.opening()


def churn_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the churn of the cohort, without contraction, as a positive share of opening ARR."""
    return -cells.credited("credited_cents", cells.of_type("churn") & cells.cohort()), cells.opening()


def expansion_arr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the ARR of all expansions, an amount."""
    return cells.credited("credited_cents", cells.of_type("expansion")), cells.one()


def net_new_arr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns all movements of ARR together, an amount: new, expansion and reactivation less contraction and churn."""
    return cells.credited("credited_cents", cells.of_type(*GAINS, *LOSSES)), cells.one()


def quick_ratio(cells: Cells) -> tuple[Sums, Sums]:
    """Returns (new + expansion + reactivation) / (contraction + churn); empty when nothing was lost."""
    gained, lost = (cells.credited("credited_cents", cells.of_type(*types)) for types in (GAINS, LOSSES))
    return gained, -lost


@dataclass(frozen=True)
class Metric:
    """A metric's function and, for sliders, what its target is measured in, its usual bounds and step."""

    measured: Callable[[Cells], tuple[Sums, Sums]]
    title: str
    nothing: str
    unit: str = "share"
    target_bounds: tuple[float, float, float] | None = (0.8, 1.5, 0.01)
    """Lowest, highest and step of a target's slider; none where they follow the target itself."""


METRICS = {
    "nrr": Metric(nrr, "NRR", "no opening ARR"),
    "grr": Metric(grr, "GRR", "no opening ARR", target_bounds=(0.7, 1.0, 0.01)),
    "renewal_rate": Metric(renewal_rate, "Renewal rate", "no ARR up for renewal", target_bounds=(0.5, 1.0, 0.01)),
    "expansion_rate": Metric(expansion_rate, "Expansion rate", "no opening ARR", target_bounds=(0.01, 0.5, 0.01)),
    "grr_of_totals": Metric(grr_of_totals, "GRR of totals", "no opening ARR", target_bounds=(0.7, 1.0, 0.01)),
    "nrr_bridge": Metric(nrr_bridge, "NRR (bridge)", "no opening ARR"),
    "logo_retention": Metric(
        logo_retention, "Logo retention", "no customer at opening", target_bounds=(0.7, 1.0, 0.01)
    ),
    "contraction_rate": Metric(contraction_rate, "Contraction rate", "no opening ARR", target_bounds=(0.01, 0.3, 0.01)),
    "churn_rate": Metric(churn_rate, "Churn rate", "no opening ARR", target_bounds=(0.01, 0.3, 0.01)),
    "expansion_arr": Metric(expansion_arr, "Expansion ARR", "", "amount", None),
    "net_new_arr": Metric(net_new_arr, "Net new ARR", "", "amount", None),
    "quick_ratio": Metric(quick_ratio, "Quick ratio", "no loss", "ratio", (1.0, 10.0, 0.1)),
}


def measure(
    books: pd.DataFrame, credits: pd.DataFrame, people: pd.DataFrame, metric: str, level: pd.Series
) -> pd.DataFrame:
    """Returns what a retention metric says of each person and period, at the person's level.

    Grain: one row a row of `people`, in its order. `level` gives individual or team for each row.
    Columns: payee_id, period, level, unit_id, opening_arr, numerator, denominator (currency a year), value.
    """
    row_of = _Rows(people)
    book_row, credit_row = row_of(books), row_of(credits)
    found = {}
    for name, unit in (("individual", people["payee_id"]), ("team", people["team"])):
        cell, n = _cells(unit, people["period"])
        if name == "team":  # what is credited beside the books would count an account twice
            book_row, credit_row = (
                np.where(rows["kind"] == BOOK, row, -1) for rows, row in ((books, book_row), (credits, credit_row))
            )
        cells = Cells(n, books, _code_at(cell, book_row), credits, _code_at(cell, credit_row))
        numerator, denominator = METRICS[metric].measured(cells)
        opening, above, below = (_sum_at(sums, cell) / 100 for sums in (cells.opening(), numerator, denominator))
        found[name] = (opening, above, below)
    return _measured(people, level, found)


def measure_kpi(
    counts: pd.DataFrame, people: pd.DataFrame, level: pd.Series, is_lead: pd.Series, form: KpiForm = "count"
) -> pd.DataFrame:
    """Returns a KPI for each person and period, in one of four forms; at team level the ratio of its members' sums.

    count: what was attained at full-time pace, over the share of the period on the plan (for a team the mean of its
    members). share: attained over scheduled. mean: the mean score. nps: promoters (9, 10) less detractors (0 to 6) of
    100 answers (Bain's Net Promoter Score). An account's rows weigh by the split of its holder.
    `is_lead` marks whom the plan measures on the team by role: they are no members of it, unless it has no others.
    Grain: one row a row of `people`, in its order; `counts` is of `kpi_credits`.
    Columns: payee_id, period, level, unit_id, opening_arr (empty), numerator, denominator, value.
    """
    row, split = _Rows(people)(counts), counts["split"].to_numpy(dtype=float)
    score = counts["attained"].to_numpy(dtype=float)
    if form == "nps":
        score = 100.0 * ((score >= 9).astype(float) - (score <= 6))
    below = {"share": counts["scheduled"].fillna(0).to_numpy(dtype=float) * split}.get(form, split)
    known = row >= 0
    attained = _added(row[known], (score * split)[known], len(people))
    on_plan = people["proration"].to_numpy(dtype=float)
    over = on_plan if form == "count" else _added(row[known], below[known], len(people))
    team, n = _cells(people["team"], people["period"])
    may_count = (on_plan > 0) & (team >= 0)
    others = may_count & ~is_lead.to_numpy()
    has_others = _sum_at(_added(team[others], on_plan[others], n), team) > 0
    kept = np.where(has_others, others, may_count)
    sums = [_added(team[kept], of[kept], n) for of in (attained, over)]
    nothing: Sums = np.full(len(people), np.nan)
    found = {
        "individual": (nothing, attained, over),
        "team": (nothing, _sum_at(sums[0], team), _sum_at(sums[1], team)),
    }
    return _measured(people, level, found)


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
        return self.payees.get_indexer(frame["payee_id"]), self.periods.get_indexer(frame["period"])


def _cells(unit: pd.Series, period: pd.Series) -> tuple[Codes, int]:
    """Number of each unit in each period, -1 for no unit, and how many there are."""
    units, names = pd.factorize(unit)
    periods, spans = pd.factorize(period)
    return np.where(units >= 0, units * len(spans) + periods, -1), len(names) * len(spans)


def _added(cell: Codes, amounts: npt.NDArray[Any], n: int) -> Sums:
    """Amounts added up by cell; whole cents stay exact up to 90 trillion."""
    return np.bincount(cell, amounts.astype(np.float64), minlength=n).astype(np.float64)


def _code_at(codes: Codes, row: Codes) -> Codes:
    """The code of each row, -1 where there is no row."""
    return np.append(codes, -1)[row]


def _sum_at(sums: Sums, cell: Codes) -> Sums:
    """The sum of each cell, 0 where there is no cell."""
    return np.append(sums, 0.0)[cell]


def _measured(people: pd.DataFrame, level: pd.Series, found: dict[str, tuple[Sums, Sums, Sums]]) -> pd.DataFrame:
    is_team = (level == "team").to_numpy()
    opening, numerator, denominator = (
        np.where(is_team, team, own) for own, team in zip(found["individual"], found["team"], strict=True)
    )
    empty = denominator <= 0
    return people[["payee_id", "period"]].assign(
        level=level.to_numpy(),
        unit_id=people["team"].where(is_team, people["payee_id"]),
        opening_arr=opening,
        numerator=numerator,
        denominator=denominator,
        value=np.where(empty, np.nan, numerator / np.where(empty, 1, denominator)),
    )
