"""Fiscal periods and their ranges."""

from __future__ import annotations

import datetime as dt

import pytest

from compmodel.errors import CompModelError
from compmodel.periods import Calendar, Period, checked_quarters, period_edges, period_range, trailing_range

FEBRUARY = Calendar(starts_in_month=2, named_after="end")
"""Fiscal 2022 runs from February 2021 to January 2022."""


@pytest.mark.parametrize(
    ("name", "calendar", "starts_on", "ends_on"),
    [
        ("2025Q1", Calendar(), "2025-01-01", "2025-03-31"),
        ("2025Q4", Calendar(), "2025-10-01", "2025-12-31"),
        ("2024Q1", Calendar(), "2024-01-01", "2024-03-31"),
        ("2024M02", Calendar(), "2024-02-01", "2024-02-29"),
        ("2025H2", Calendar(), "2025-07-01", "2025-12-31"),
        ("2025", Calendar(), "2025-01-01", "2025-12-31"),
        ("2022Q1", FEBRUARY, "2021-02-01", "2021-04-30"),
        ("2022Q4", FEBRUARY, "2021-11-01", "2022-01-31"),
        ("2022M12", FEBRUARY, "2022-01-01", "2022-01-31"),
        ("2022H2", FEBRUARY, "2021-08-01", "2022-01-31"),
        ("2022", FEBRUARY, "2021-02-01", "2022-01-31"),
        ("2022Q1", Calendar(starts_in_month=2), "2022-02-01", "2022-04-30"),
        ("2022Q4", Calendar(starts_in_month=7, named_after="end"), "2022-04-01", "2022-06-30"),
        ("2022", Calendar(named_after="end"), "2022-01-01", "2022-12-31"),
    ],
)
def test_first_and_last_day(name: str, calendar: Calendar, starts_on: str, ends_on: str) -> None:
    period = Period(name, calendar)
    assert (period.starts_on.isoformat(), period.ends_on.isoformat()) == (starts_on, ends_on)
    assert period.n_days == (dt.date.fromisoformat(ends_on) - dt.date.fromisoformat(starts_on)).days + 1


def test_months() -> None:
    assert [Period(name).months for name in ("2025M01", "2025Q1", "2025H1", "2025")] == [1, 3, 6, 12]


@pytest.mark.parametrize(
    "name",
    [
        "2025Q0",
        "2025Q5",
        "2025Q03",
        "2025H3",
        "2025M13",
        "2025M00",
        "2025M7",
        "2025q1",
        "25Q1",
        "Q1",
        "",
        " 2025Q1",
        "2025Q1:2025Q2",
        "2025-Q1",
        "2025Q",
        "0000Q1",
        "9999Q4",
        "٢٠٢٥Q1",
        "2025Q1\n",
    ],
)
def test_what_is_not_a_period(name: str) -> None:
    with pytest.raises(CompModelError) as error:
        Period(name)
    assert str(error.value) == (
        f"{name!r} is not a period. Write a quarter 2025Q3, a half 2025H1, a month 2025M07 or a year 2025."
    )


@pytest.mark.parametrize("calendar", [Calendar(), FEBRUARY])
@pytest.mark.parametrize("name", ["2025Q3", "2025H1", "2025M11", "2025"])
def test_periods_follow_each_other_without_gap(name: str, calendar: Calendar) -> None:
    first = Period(name, calendar)
    for n in range(-14, 14):
        here, following = first.shift(n), first.shift(n + 1)
        assert here.ends_on + dt.timedelta(days=1) == following.starts_on
        assert here == Period(here.name, calendar)
        assert here.ordinal == first.ordinal + n


@pytest.mark.parametrize(
    ("name", "n", "shifted"),
    [
        ("2025Q4", 1, "2026Q1"),
        ("2025Q1", -1, "2024Q4"),
        ("2025M12", 2, "2026M02"),
        ("2025H2", -3, "2024H1"),
        ("2025", 3, "2028"),
        ("2025Q2", 0, "2025Q2"),
    ],
)
def test_shift(name: str, n: int, shifted: str) -> None:
    assert Period(name, FEBRUARY).shift(n) == Period(shifted, FEBRUARY)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("2024Q3:2025Q1", ["2024Q3", "2024Q4", "2025Q1"]),
        ("2025M11 : 2026M01", ["2025M11", "2025M12", "2026M01"]),
        ("2024:2025", ["2024", "2025"]),
        ("2025Q1", ["2025Q1"]),
        ("2025Q1:2025Q1", ["2025Q1"]),
    ],
)
def test_ranges(written: str, names: list[str]) -> None:
    assert [period.name for period in period_range(written)] == names


@pytest.mark.parametrize("written", ["2025Q1:2025H1", "2025Q1:2025Q2:2025Q3", "2024:2025Q1"])
def test_what_is_not_a_range(written: str) -> None:
    with pytest.raises(CompModelError, match="is not a range of periods"):
        period_range(written)


def test_a_range_is_not_written_backwards() -> None:
    with pytest.raises(CompModelError, match=r"'2025Q2:2025Q1' ends before it begins\. Write 2025Q1:2025Q2\."):
        period_range("2025Q2:2025Q1")


@pytest.mark.parametrize("written", ["2025Q1:", ":2025Q1", "", "2025Q1-2025Q2"])
def test_a_range_of_no_periods(written: str) -> None:
    with pytest.raises(CompModelError, match="is not a period"):
        period_range(written)


def test_trailing_range() -> None:
    assert trailing_range("2025Q1", 8) == "2023Q2:2025Q1"
    assert trailing_range("2025Q1", 1) == "2025Q1:2025Q1"


def test_edges_are_the_first_days_and_the_day_after() -> None:
    edges = period_edges(period_range("2022Q3:2022Q4", FEBRUARY))
    assert edges.astype(str).tolist() == ["2021-08-01", "2021-11-01", "2022-02-01"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"starts_in_month": 0}, "starts_in_month"),
        ({"starts_in_month": 13}, "starts_in_month"),
        ({"named_after": "middle"}, "'start' or 'end'"),
        ({"start": 2}, "Extra inputs are not permitted"),
    ],
)
def test_calendar_is_strict(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Calendar.model_validate(wrong)


@pytest.mark.parametrize("written", ["2025-Q4", "2025q4", "Q42025", "q4 2025", "2025 Q4"])
def test_a_mistyped_quarter_is_recognised(written: str) -> None:
    for most in (1, 2):
        with pytest.raises(CompModelError, match=r"is not a quarter, .* Did you mean 2025Q4\?$"):
            checked_quarters(written, most)


@pytest.mark.parametrize("written", ["2025H7", "2025", "2025Q5", "", "2024Q1:2025", "2024Q1:2024Q2:2024Q3"])
def test_only_quarters_are_offered_where_only_quarters_will_do(written: str) -> None:
    with pytest.raises(CompModelError) as error:
        checked_quarters(written)
    assert str(error.value).endswith("Write 2025Q4, or 2024Q1:2025Q4 for several.")


def test_quarters_pass_without_their_spaces() -> None:
    assert checked_quarters("2024Q1 : 2025Q4 ") == "2024Q1:2025Q4"


@pytest.mark.parametrize("written", ["2025M01:2025M12", "2025M04", "2025H1:2025H2"])
def test_commands_say_where_months_and_halves_are_taken(written: str) -> None:
    with pytest.raises(CompModelError, match=r"commands take plans that pay by quarter\. In Python replay\(\) takes"):
        checked_quarters(written)
