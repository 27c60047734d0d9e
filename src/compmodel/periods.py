"""Fiscal periods: `Period("2025Q3")`, its first and last day, and ranges such as `"2024Q1:2025Q4"`.

A period is written `2025Q3` (quarter), `2025H1` (half), `2025M07` (seventh month of the fiscal year) or `2025`
(year). Days are inclusive at both ends. The calendar says in which month the fiscal year starts and
whether a year is named after the calendar year it starts or ends in; it is declared with the data, never guessed.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from compmodel.documents import Count
from compmodel.errors import CompModelError

MONTHS = {"Q": 3, "H": 6, "M": 1, "": 12}
_QUARTER = re.compile(r"[12][0-9]{3}Q[1-4]")
_MONTH_OR_HALF = re.compile(r"[12][0-9]{3}(M(0[1-9]|1[0-2])|H[12])")
_GAP = r"[\s_./-]*"
_YEAR_FIRST = re.compile(rf"([12][0-9]{{3}}){_GAP}[qQ]{_GAP}([1-4])")
_YEAR_LAST = re.compile(rf"[qQ]{_GAP}([1-4]){_GAP}([12][0-9]{{3}})")
_WRITTEN = re.compile(r"[12][0-9]{3}(?:Q[1-4]|H[12]|M(?:0[1-9]|1[0-2]))?")


class Calendar(BaseModel):
    """The fiscal calendar: first month of the year, and which calendar year gives it its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts_in_month: Count = Field(1, ge=1, le=12, description="First month of the fiscal year.")
    named_after: Literal["start", "end"] = Field(
        "start", description="A fiscal year is named after the calendar year it starts or ends in."
    )

    @property
    def months_ahead(self) -> int:
        """Months from the start of a calendar year to that of the fiscal year of the same name."""
        is_year_earlier = self.named_after == "end" and self.starts_in_month > 1
        return self.starts_in_month - 1 - 12 * is_year_earlier


CALENDAR_YEAR = Calendar()


@dataclass(frozen=True)
class Period:
    """One fiscal period; `starts_on` and `ends_on` are its first and last day.

    >>> Period("2025Q3").ends_on
    datetime.date(2025, 9, 30)
    >>> Period("2022Q1", Calendar(starts_in_month=2, named_after="end")).starts_on
    datetime.date(2021, 2, 1)
    """

    name: str
    calendar: Calendar = CALENDAR_YEAR

    def __post_init__(self) -> None:
        """Raises CompModelError when the name is not a period."""
        if not _WRITTEN.fullmatch(self.name):
            raise CompModelError(
                f"{self.name!r} is not a period. Write a quarter 2025Q3, a half 2025H1, a month 2025M07 or a year 2025."
            )

    @property
    def letter(self) -> str:
        """Q, H, M, or nothing for a year."""
        return self.name[4:5]

    @property
    def months(self) -> int:
        """Length in months."""
        return MONTHS[self.letter]

    @property
    def ordinal(self) -> int:
        """Count of periods of this kind since fiscal year 0."""
        return int(self.name[:4]) * (12 // self.months) + int(self.name[5:] or 1) - 1

    @property
    def starts_on(self) -> dt.date:
        """First day."""
        return self._month_start(self.ordinal)

    @property
    def ends_on(self) -> dt.date:
        """Last day."""
        return self._month_start(self.ordinal + 1) - dt.timedelta(days=1)

    @property
    def n_days(self) -> int:
        """Days in the period."""
        return (self.ends_on - self.starts_on).days + 1

    def shift(self, n: int) -> Period:
        """Returns the period n later (earlier when negative).

        >>> Period("2025Q4").shift(1).name
        '2026Q1'
        """
        return self._numbered(self.ordinal + n, self.letter)

    def opening(self, letter: str) -> Period:
        """Returns the month ("M"), quarter ("Q"), half ("H") or year ("") that this period's first day lies in.

        >>> Period("2025Q3").opening("H").name, Period("2025Q3").opening("M").name
        ('2025H2', '2025M07')
        """
        return self._numbered(self.ordinal * self.months // MONTHS[letter], letter)

    def _numbered(self, ordinal: int, letter: str) -> Period:
        year, number = divmod(ordinal, 12 // MONTHS[letter])
        width = "02d" if letter == "M" else "d"
        return Period(f"{year:04d}" + (f"{letter}{number + 1:{width}}" if letter else ""), self.calendar)

    def _month_start(self, ordinal: int) -> dt.date:
        months = ordinal * self.months + self.calendar.months_ahead
        return dt.date(months // 12, months % 12 + 1, 1)


def _meant(written: str) -> str:
    """The quarter that is meant by another way to write one; nothing where none is."""
    year_first, year_last = _YEAR_FIRST.fullmatch(written.strip()), _YEAR_LAST.fullmatch(written.strip())
    if year_first:
        return f"{year_first[1]}Q{year_first[2]}"
    return f"{year_last[2]}Q{year_last[1]}" if year_last else ""


def checked_quarters(written: str, most: int = 2) -> str:
    """Returns a quarter or, where `most` is 2, a range of them, without spaces.

    Raises CompModelError, with what is meant where that is clear, when it is neither.

    >>> checked_quarters("2024Q1:2025Q4")
    '2024Q1:2025Q4'
    """
    ends = [end.strip() for end in written.split(":")]
    is_range = 1 < len(ends) <= most
    if len(ends) <= most and all(map(_QUARTER.fullmatch, ends)):
        return ":".join(ends)
    if len(ends) <= most and all(map(_MONTH_OR_HALF.fullmatch, ends)):
        said = f"{written!r} is not of quarters, and commands take plans that pay by quarter"
        raise CompModelError(f"{said}. In Python replay() takes months and halves, too.")
    meant = [end if _QUARTER.fullmatch(end) else _meant(end) for end in ends]
    known = "Write 2025Q4, or 2024Q1:2025Q4 for several." if most > 1 else "Write 2025Q4, for example."
    fix = f"Did you mean {':'.join(meant)}?" if all(meant) and len(meant) <= most else known
    what = "is not a range of quarters" if is_range else "is not a quarter"
    raise CompModelError(f"{written!r} {what}, which is what the plans pay. {fix}")


def period_range(written: str, calendar: Calendar = CALENDAR_YEAR) -> tuple[Period, ...]:
    """Returns the periods from first to last of a range such as "2024Q1:2025Q4"; one name gives one period.

    Raises CompModelError when an end is not a period, the ends differ in kind, or the first is later.

    >>> [p.name for p in period_range("2024Q3:2025Q1")]
    ['2024Q3', '2024Q4', '2025Q1']
    """
    ends = [Period(name.strip(), calendar) for name in str(written).split(":")]
    first, last = ends[0], ends[-1]
    if len(ends) == 2 and first.letter == last.letter and first.ordinal > last.ordinal:
        raise CompModelError(f"{written!r} ends before it begins. Write {last.name}:{first.name}.")
    if len(ends) > 2 or first.letter != last.letter:
        raise CompModelError(f"{written!r} is not a range of periods. Write it FIRST:LAST, such as 2024Q1:2025Q4.")
    return tuple(first.shift(n) for n in range(last.ordinal - first.ordinal + 1))


def trailing_range(last: str, n: int, calendar: Calendar = CALENDAR_YEAR, since: dt.date = dt.date.min) -> str:
    """Returns the range of the n periods that end with `last`, without those that begin before `since`.

    >>> trailing_range("2025Q4", 8)
    '2024Q1:2025Q4'
    >>> trailing_range("2025Q4", 8, since=dt.date(2024, 4, 1))
    '2024Q2:2025Q4'
    """
    first = Period(last, calendar).shift(1 - n)
    while first.starts_on < since and first.name != last:
        first = first.shift(1)
    return f"{first.name}:{last}"


def period_edges(periods: tuple[Period, ...]) -> npt.NDArray[np.datetime64]:
    """Returns the first day of each of consecutive periods and the day after the last: length n + 1, days."""
    days = [period.starts_on for period in periods] + [periods[-1].ends_on + dt.timedelta(days=1)]
    return np.array(days, dtype="datetime64[D]")


def quarter_of(days: npt.NDArray[np.datetime64], calendar: Calendar = CALENDAR_YEAR) -> npt.NDArray[np.int64]:
    """Returns the `ordinal` of the quarter each day lies in; far below any for an empty day.

    >>> quarter_of(np.array(["2025-07-31"], dtype="datetime64[s]")).tolist() == [Period("2025Q3").ordinal]
    True
    """
    months = days.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    ordinals: npt.NDArray[np.int64] = (months - calendar.months_ahead) // 3
    return ordinals


def quarter_starts(days: npt.NDArray[np.datetime64], calendar: Calendar = CALENDAR_YEAR) -> npt.NDArray[np.datetime64]:
    """Returns the first day of the quarter each day lies in, in seconds; days may not be empty.

    >>> quarter_starts(np.array(["2025-07-31"], dtype="datetime64[s]")).astype(str).tolist()
    ['2025-07-01T00:00:00']
    """
    months = quarter_of(days, calendar) * 3 + calendar.months_ahead - 1970 * 12
    return months.astype("datetime64[M]").astype("datetime64[s]")


def quarter(ordinal: int, calendar: Calendar = CALENDAR_YEAR) -> Period:
    """Returns the quarter of that ordinal."""
    return Period(f"{ordinal // 4:04d}Q{ordinal % 4 + 1}", calendar)
