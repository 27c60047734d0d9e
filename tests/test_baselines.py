"""Windows of each baseline, and what NRR is from each on one small company."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compmodel.baselines import BASELINE_WORDS, window_months, windows
from compmodel.periods import CALENDAR_YEAR, Calendar, Period, period_range
from compmodel.plan import example_plan
from compmodel.replay import replay
from histories import Company, Row, counted, employed, event, held

FEBRUARY = Calendar(starts_in_month=2, named_after="end")


def spans(baseline: Any, period: str, calendar: Calendar = CALENDAR_YEAR) -> list[str]:
    found = windows(baseline, period_range(period, calendar))
    days = [found.starts_on.astype("datetime64[D]").astype(str), found.ends_on.astype("datetime64[D]").astype(str)]
    return [f"{first}/{last}" for first, last in zip(*days, strict=True)]


@pytest.mark.parametrize(
    ("baseline", "expected", "months"),
    [
        ("period_start", ["2025-07-01/2025-09-30"], 3),
        ("due_in_period", ["2025-07-01/2025-09-30"], 3),
        ("month_start", ["2025-07-01/2025-07-31", "2025-08-01/2025-08-31", "2025-09-01/2025-09-30"], 1),
        ("half_start", ["2025-07-01/2025-09-30"], 3),
        ("year_start", ["2025-01-01/2025-09-30"], 9),
        ("trailing_twelve_months", ["2024-10-01/2025-09-30"], 12),
        ("two_quarters", ["2025-01-01/2025-06-30", "2025-04-01/2025-09-30"], 6),
    ],
)
def test_the_windows_of_a_quarter(baseline: Any, expected: list[str], months: int) -> None:
    assert spans(baseline, "2025Q3") == expected
    assert window_months(baseline, Period("2025Q3")) == months
    assert baseline in BASELINE_WORDS


def test_halves_and_years_are_those_of_the_fiscal_calendar() -> None:
    """GitLab's fiscal 2022 began in February 2021."""
    assert spans("year_start", "2022Q2", FEBRUARY) == ["2021-02-01/2021-07-31"]
    assert spans("half_start", "2022Q3", FEBRUARY) == ["2021-08-01/2021-10-31"]
    assert spans("month_start", "2022Q4", FEBRUARY)[-1] == "2022-01-01/2022-01-31"


@pytest.mark.parametrize("baseline", BASELINE_WORDS)
def test_a_day_is_held_by_every_window_around_it(baseline: Any) -> None:
    found = windows(baseline, period_range("2024Q1:2025Q4"))
    days = np.arange("2023-01-01", "2026-03-01", dtype="datetime64[D]").astype("datetime64[s]")
    row, window = found.holding(days)
    pairs = {
        (i, j) for i, day in enumerate(days) for j in range(len(found)) if found.starts_on[j] <= day <= found.ends_on[j]
    }
    assert set(zip(row.tolist(), window.tolist(), strict=True)) == pairs
    assert len(row) == len(pairs)
    assert (np.diff(row) >= 0).all()


def company(*events: Row) -> Company:
    accounts = sorted({row["account_id"] for row in events})
    kpis = [counted(1, "2024-01-01", payee_id="p")]
    return Company(list(events), [held(name, "p", "2020-01-01") for name in accounts], [employed("p")], kpis)


GROWING = company(
    event("a0", "a", "new", 100_000, "2023-01-01"),
    event("a1", "a", "expansion", 10_000, "2024-11-01"),
    event("a2", "a", "expansion", 11_000, "2025-02-01"),
    event("a3", "a", "contraction", -22_000, "2025-05-01"),
    event("b0", "b", "new", 50_000, "2025-04-01"),
    event("b1", "b", "expansion", 5_000, "2025-08-01"),
)
"""ARR of a at the quarters' ends: 110, 121, 99, 99 thousand; b, new on 1 April: 50, 55."""


def values(span: str, changes: Row, found: Company = GROWING, metric: str = "nrr") -> list[float | None]:
    fields = {f"components.nrr.{name}": value for name, value in changes.items()}
    plan = example_plan().replace({"components.nrr.metric": metric, "components.nrr.attainment.floor": 0.0, **fields})
    (run,) = replay([plan], found.history(), span)
    rows = run.payouts[run.payouts["component"] == "nrr"]
    return [None if value != value else value for value in rows["value"]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [121 / 110, 99 / 121, (99 + 55) / (99 + 50)]),
        ({"baseline": "year_start"}, [121 / 110, 99 / 110, 99 / 110]),
        ({"baseline": "half_start"}, [121 / 110, 99 / 110, (99 + 55) / (99 + 50)]),
        ({"baseline": "trailing_twelve_months"}, [121 / 100, 99 / 100, 99 / 100]),
        ({"baseline": "two_quarters"}, [(110 + 121) / (100 + 100), (121 + 99) / (100 + 110), (99 + 99) / (110 + 121)]),
        ({"baseline": "month_start", "combined": "chained"}, [121 / 110, 149 / 171, 154 / 149]),
        (
            {"baseline": "month_start", "combined": "mean"},
            [(2 + 121 / 110) / 3, (2 + 149 / 171) / 3, (2 + 154 / 149) / 3],
        ),
        (
            {"baseline": "month_start", "combined": "sums"},
            [(110 + 2 * 121) / (2 * 110 + 121), (121 + 2 * 149) / (121 + 171 + 149), (149 + 2 * 154) / (149 * 2 + 154)],
        ),
        ({"annualised": "adding"}, [1 + 4 * (121 / 110 - 1), 1 + 4 * (99 / 121 - 1), 1 + 4 * (154 / 149 - 1)]),
        ({"annualised": "compounding"}, [(121 / 110) ** 4, (99 / 121) ** 4, (154 / 149) ** 4]),
        (
            {"baseline": "two_quarters", "annualised": "compounding"},
            [(231 / 200) ** 2, (220 / 210) ** 2, (198 / 231) ** 2],
        ),
    ],
)
def test_nrr_from_each_baseline(changes: Row, expected: list[float]) -> None:
    assert values("2025Q1:2025Q3", changes) == pytest.approx(expected, rel=1e-12)


def test_months_without_opening_arr_are_left_out() -> None:
    late = company(event("a0", "a", "new", 100_000, "2025-02-15"), event("a1", "a", "expansion", 10_000, "2025-03-15"))
    chained = {"baseline": "month_start", "combined": "chained"}
    assert values("2025Q1", chained, late) == [1.1]
    assert values("2025Q1", {**chained, "combined": "mean"}, late) == [1.1]
    assert values("2024Q4", chained, late) == [None]


class TestDueInPeriod:
    """A renewal due in the first quarter and closed in the second, and one that is due and closed in the second."""

    TWO = company(
        event("a0", "a", "new", 100, "2024-01-01"),
        event("b0", "b", "new", 100, "2024-01-01"),
        event("a1", "a", "renewal", 100, "2025-04-10", due_on="2025-03-31", closed_on="2025-04-10"),
        event("b1", "b", "renewal", 100, "2025-04-20", due_on="2025-04-30", closed_on="2025-04-20"),
    )

    def rates(self, renewal: str, baseline: str) -> list[float | None]:
        plan = example_plan().replace({"credit_on.renewal": renewal, "components.nrr.metric": "renewal_rate"})
        plan = plan.replace({"components.nrr.attainment.floor": 0.0, "components.nrr.baseline": baseline})
        (run,) = replay([plan], self.TWO.history(), "2025Q1:2025Q2")
        rows = run.payouts[run.payouts["component"] == "nrr"]
        return [None if value != value else value for value in rows["value"]]

    def test_by_due_date_by_close_date_and_one_over_the_other(self) -> None:
        """M045: closed over due gives 0% and then 200%."""
        assert self.rates("due_on", "period_start") == [1.0, 1.0]
        assert self.rates("closed_on", "period_start") == [None, 1.0]
        assert self.rates("closed_on", "due_in_period") == [0.0, 2.0]
