"""Retention metrics: each a function from the opening books and the credits to a numerator and a denominator.

One function and one line in `METRICS` a metric. The cohort is the accounts with ARR when the window opened,
company-wide; later movements of newer customers stay outside. What an event rule leaves out is in the ledger and not
in `counted_cents`. Where the denominator is zero the value is empty, never infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.events import Reactivation
from compmodel.tables import GAINS, LOSSES

Sums = npt.NDArray[np.float64]
Codes = npt.NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Cells:
    """Books and credits with the cell (a unit in a window) each row adds to; amounts in cents, arrays of rows."""

    n: int
    books: pd.DataFrame
    book_cell: Codes
    credits: pd.DataFrame
    credit_cell: Codes
    reactivation: Reactivation = "in_cohort"

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

    def moved(self, chosen: npt.NDArray[np.bool_]) -> Sums:
        """Returns what counts of the chosen movements, added up in each cell."""
        return self.credited("counted_cents", chosen)

    def cohort(self) -> npt.NDArray[np.bool_]:
        """Tells which credits belong to accounts that had ARR when the window opened."""
        opened: npt.NDArray[np.bool_] = self.credits["opening_cents"].to_numpy() > 0
        return opened & ~self.of_type("reactivation") if self.reactivation == "own_class" else opened

    def losses(self) -> npt.NDArray[np.bool_]:
        """Tells which credits are losses; a customer's return is one, of the other sign, where the plan nets it."""
        lost = self.of_type(*LOSSES)
        return lost | (self.of_type("reactivation") & self.cohort()) if self.reactivation == "netted" else lost

    def returns(self) -> npt.NDArray[np.bool_]:
        """Tells which credits are returns of customers that the plan lets back into NRR."""
        if self.reactivation != "back_into_nrr":
            return np.zeros(len(self.credits), dtype=bool)
        return self.of_type("reactivation")

    def of_type(self, *event_types: str) -> npt.NDArray[np.bool_]:
        """Tells which credits are of these event types."""
        return self.credits["event_type"].isin(event_types).to_numpy()

    def _sums(self, cell: Codes, cents: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> Sums:
        return added(np.where(chosen & (cell >= 0), cell, self.n), cents, self.n + 1)[: self.n]


def nrr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns net revenue retention: (opening + expansion - contraction - churn of the cohort) / opening.

    Cohort form: every movement of an account with opening ARR counts, also its return within the window.
    """
    opening = cells.opening()
    return opening + cells.moved(cells.cohort() | cells.returns()), opening


def grr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns gross revenue retention: each account of the cohort counts at most at its opening ARR, over opening."""
    kept = cells.cohort() & (cells.credit_cell >= 0)
    account, names = pd.factorize(cells.credits["account_id"])
    customer, where = np.unique(cells.credit_cell[kept] * len(names) + account[kept], return_inverse=True)
    net = added(where, cells.credits["counted_cents"].to_numpy()[kept], len(customer))
    lost = added(customer // max(len(names), 1), np.minimum(net, 0), cells.n)
    opening = cells.opening()
    return opening + lost, opening


def grr_of_totals(cells: Cells) -> tuple[Sums, Sums]:
    """Returns GRR netted over all customers: (opening - contraction - churn of the cohort) / opening.

    A customer who loses and grows within the window counts as a loss here, and as its net change in `grr`.
    """
    opening = cells.opening()
    return opening + cells.moved(cells.losses() & cells.cohort()), opening


def nrr_bridge(cells: Cells) -> tuple[Sums, Sums]:
    """Returns NRR as a bridge of movements: (opening + expansion - contraction - churn of everybody) / opening.

    Lets in what customers won in the window do later in it; leaves out reactivation, a class of its own.
    """
    opening = cells.opening()
    return opening + cells.moved(cells.of_type("expansion") | cells.losses() | cells.returns()), opening


def logo_retention(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the customers of the cohort with ARR at the window's end over those at its start, by their splits.

    Point to point: who joined and left within the window, or left and came back, does not count.
    """
    opened = cells.books["opening_cents"].to_numpy() > 0
    kept = opened & (cells.books["closing_cents"].to_numpy() > 0)
    logos = 100 * cells.books["split"].to_numpy()  # as cents, so that a logo reads as 1
    return cells.summed(logos, kept), cells.summed(logos, opened)


def renewal_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns renewed ARR over ARR up for renewal: what was renewed plus what was lost at a renewal in the window."""
    renewed = cells.credited("renewed_cents", cells.of_type("renewal"))
    at_renewal = cells.credits["is_at_renewal"].to_numpy()
    return renewed, renewed - cells.moved(cells.of_type(*LOSSES) & at_renewal)


def renewal_nrr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns renewed ARR and expansion at the renewal over ARR up for renewal: NRR of what was up in the window."""
    renewed, up = renewal_rate(cells)
    at_renewal = cells.credits["is_at_renewal"].to_numpy()
    return renewed + cells.moved(cells.of_type("expansion") & at_renewal), up


def expansion_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the expansion of the cohort over opening ARR."""
    return cells.moved(cells.of_type("expansion") & cells.cohort()), cells.opening()


def contraction_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the contraction of the cohort, as a positive share of opening ARR."""
    return -cells.moved(cells.of_type("contraction") & cells.cohort()), cells.opening()


def churn_rate(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the churn of the cohort, without contraction, as a positive share of opening ARR."""
    return -cells.moved(cells.losses() & ~cells.of_type("contraction") & cells.cohort()), cells.opening()


def expansion_arr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the ARR of all expansions, an amount."""
    return cells.moved(cells.of_type("expansion")), cells.one()


def net_new_arr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns all movements of ARR together, an amount: new, expansion and reactivation less contraction and churn."""
    return cells.moved(cells.of_type(*GAINS, *LOSSES)), cells.one()


def quick_ratio(cells: Cells) -> tuple[Sums, Sums]:
    """Returns (new + expansion + reactivation) / (contraction + churn); empty when nothing was lost.

    Without reactivation where the plan has it as a class of its own.
    """
    gains = ("new", "expansion") if cells.reactivation == "own_class" else GAINS
    return cells.moved(cells.of_type(*gains)), -cells.moved(cells.of_type(*LOSSES))


def qualifying_events(cells: Cells) -> tuple[Sums, Sums]:
    """Returns how many events qualify, by their splits, a count."""
    return 100 * cells.credited("split", np.ones(len(cells.credits), dtype=bool)), cells.one()


def qualifying_arr(cells: Cells) -> tuple[Sums, Sums]:
    """Returns the ARR of the events that qualify, an amount: what a renewal renews, what any other moves."""
    renewals = cells.of_type("renewal")
    return cells.credited("renewed_cents", renewals) + cells.moved(~renewals), cells.one()


def added(cell: Codes, amounts: npt.NDArray[Any], n: int) -> Sums:
    """Returns amounts added up by cell; whole cents stay exact up to 90 trillion."""
    return np.bincount(cell, amounts.astype(np.float64, copy=False), minlength=n).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Metric:
    """A metric's function and, for sliders, what its target is measured in, its usual bounds and step."""

    measured: Callable[[Cells], tuple[Sums, Sums]]
    title: str
    nothing: str
    unit: str = "share"
    target_bounds: tuple[float, float, float] | None = (0.8, 1.5, 0.01)
    """Lowest, highest and step of a target's slider; none where they follow the target itself."""
    at_rest: float = 0.0
    """The value where nothing moves, from which a year is counted: 1 for retention."""
    is_of_arr: bool = True
    """Whether numerator and denominator are ARR; they are customers otherwise."""

    @property
    def is_sum(self) -> bool:
        """Whether it is an amount or a count, over nothing."""
        return self.unit in ("amount", "count")


QUALIFYING = ("qualifying_events", "qualifying_arr")
"""Metrics of the events that a component's `qualifies` names."""
METRICS = {
    "nrr": Metric(nrr, "NRR", "no opening ARR", at_rest=1.0),
    "grr": Metric(grr, "GRR", "no opening ARR", target_bounds=(0.7, 1.0, 0.01), at_rest=1.0),
    "renewal_rate": Metric(renewal_rate, "Renewal rate", "no ARR up for renewal", target_bounds=(0.5, 1.0, 0.01)),
    "expansion_rate": Metric(expansion_rate, "Expansion rate", "no opening ARR", target_bounds=(0.01, 0.5, 0.01)),
    "renewal_nrr": Metric(renewal_nrr, "NRR of renewals", "no ARR up for renewal"),
    "grr_of_totals": Metric(
        grr_of_totals, "GRR of totals", "no opening ARR", target_bounds=(0.7, 1.0, 0.01), at_rest=1.0
    ),
    "nrr_bridge": Metric(nrr_bridge, "NRR (bridge)", "no opening ARR", at_rest=1.0),
    "logo_retention": Metric(
        logo_retention,
        "Logo retention",
        "no customer at opening",
        target_bounds=(0.7, 1.0, 0.01),
        at_rest=1.0,
        is_of_arr=False,
    ),
    "contraction_rate": Metric(contraction_rate, "Contraction rate", "no opening ARR", target_bounds=(0.01, 0.3, 0.01)),
    "churn_rate": Metric(churn_rate, "Churn rate", "no opening ARR", target_bounds=(0.01, 0.3, 0.01)),
    "expansion_arr": Metric(expansion_arr, "Expansion ARR", "", "amount", None),
    "net_new_arr": Metric(net_new_arr, "Net new ARR", "", "amount", None),
    QUALIFYING[0]: Metric(qualifying_events, "Qualifying events", "", "count", None, is_of_arr=False),
    QUALIFYING[1]: Metric(qualifying_arr, "Qualifying ARR", "", "amount", None),
    "quick_ratio": Metric(quick_ratio, "Quick ratio", "no loss", "ratio", (1.0, 10.0, 0.1)),
}
