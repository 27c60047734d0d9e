"""Windows of days a period's pay is measured over, by the plan's baseline: from when a book's opening ARR is taken.

A quarter's pay may be measured over the quarter, over its months, from the start of the half or the year, over twelve
months, or over two quarters against the two before. A window opens on its first day and closes on its last.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from compmodel.periods import Period

Baseline = Literal[
    "period_start",
    "month_start",
    "half_start",
    "year_start",
    "trailing_twelve_months",
    "two_quarters",
    "due_in_period",
]
BASELINE_WORDS: dict[Baseline, str] = {
    "period_start": "the quarter's movements over ARR at its start",
    "month_start": "each month's movements over ARR at its start",
    "half_start": "movements of the half so far over ARR at its start",
    "year_start": "movements of the year so far over ARR at its start",
    "trailing_twelve_months": "movements of twelve months over ARR before them",
    "two_quarters": "ARR at the last two quarters' ends over ARR at the two before, for the same customers",
    "due_in_period": "renewed in the quarter over ARR due for renewal in it; credit renewals by signed_on or due_on "
    "with it, or one due on a quarter's last day counts as renewed in the next",
}
Indices = npt.NDArray[np.signedinteger[Any]]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Windows:
    """Windows in the order of their days, the same number for each period; arrays of windows.

    `period` is the position of the period that a window pays, with that period's own first and last day.
    """

    periods: tuple[Period, ...]
    period: Indices
    starts_on: Days
    ends_on: Days
    period_starts_on: Days
    period_ends_on: Days

    def __len__(self) -> int:
        """How many windows there are."""
        return len(self.period)

    @property
    def of_period(self) -> Indices:
        """Windows of each period: periods x windows."""
        return np.arange(len(self)).reshape(len(self.periods), -1)

    @property
    def period_names(self) -> npt.NDArray[np.object_]:
        """Name of the period of each window."""
        return np.array([period.name for period in self.periods], dtype=object)[self.period]

    @property
    def edges(self) -> Days:
        """The days on which a window opens or the first after one has closed, in order."""
        return np.unique(np.concatenate([self.starts_on, np.add(self.ends_on, np.timedelta64(1, "D"))]))

    def holding(self, days: Days) -> tuple[Indices, Indices]:
        """Returns the position of each day and of a window that holds it: a pair for every such window, by day."""
        return self.holding_after(np.searchsorted(self.edges, days, "right"))

    def holding_after(self, n_edges: Indices) -> tuple[Indices, Indices]:
        """Returns the same for days of which it is known how many edges were before or on them."""
        edges = np.append(np.datetime64("0001-01-01", "s"), self.edges)
        first_of = np.searchsorted(self.ends_on, edges, "left")
        n_of = np.maximum(np.searchsorted(self.starts_on, edges, "right") - first_of, 0)
        n_windows = n_of.astype(np.int8)[n_edges]
        if n_of.max() <= 1:
            row = np.flatnonzero(n_windows)
            return row, first_of.astype(np.int32)[n_edges[row]]
        row = np.repeat(np.arange(len(n_edges)), n_windows)
        before = np.cumsum(n_windows, dtype=np.intp) - n_windows
        return row, first_of[n_edges[row]] + np.arange(len(row)) - before[row]


def windows(baseline: Baseline, periods: tuple[Period, ...]) -> Windows:
    """Returns the windows of consecutive quarters.

    >>> from compmodel.periods import period_range
    >>> windows("year_start", period_range("2025Q1:2025Q3")).starts_on.astype("datetime64[D]").astype(str).tolist()
    ['2025-01-01', '2025-01-01', '2025-01-01']
    """
    spans = [_spans(baseline, period) for period in periods]
    position = np.repeat(np.arange(len(periods)), [len(found) for found in spans])
    starts, ends = np.array([span for found in spans for span in found], dtype="datetime64[s]").T
    edges = np.array([(period.starts_on, period.ends_on) for period in periods], dtype="datetime64[s]")
    return Windows(periods, position, starts, ends, *edges[position].T)


def window_months(baseline: Baseline, period: Period) -> int:
    """Returns the length of each window of a quarter, in months.

    >>> window_months("year_start", Period("2025Q3"))
    9
    """
    first, last = _spans(baseline, period)[0]
    return 12 * (last.year - first.year) + last.month - first.month + 1


def _spans(baseline: Baseline, period: Period) -> list[tuple[dt.date, dt.date]]:
    """First and last day of each window of a quarter."""
    first, last = period.starts_on, period.ends_on
    if baseline == "month_start":
        months = [period.opening("M").shift(n) for n in range(period.months)]
        return [(month.starts_on, month.ends_on) for month in months]
    if baseline == "two_quarters":
        before = period.shift(-1)
        return [(period.shift(-2).starts_on, before.ends_on), (before.starts_on, last)]
    if baseline == "trailing_twelve_months":
        return [(period.opening("M").shift(period.months - 12).starts_on, last)]
    if baseline in ("half_start", "year_start"):
        return [(period.opening("H" if baseline == "half_start" else "").starts_on, last)]
    return [(first, last)]
