"""The day on which each event counts, by the plan's rule for its type.

A rule is a date column, `later_of` or `earlier_of` several, or a list of these of which the first that gives a day
counts. An event known only after its period was locked lands in the next open one and names the period it is from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from compmodel.codes import same_text
from compmodel.errors import PlanError, Problem, nearest
from compmodel.periods import Calendar, quarter, quarter_of

DateColumn = Literal[
    "notice_on", "signed_on", "effective_on", "due_on", "ends_on", "invoiced_on", "paid_on", "closed_on"
]
AT_RENEWAL = "expansion_at_renewal"
DUE = ("churn", "contraction", "renewal")
"""What may have a due date of its own."""
Days = npt.NDArray[np.datetime64]
Positions = npt.NDArray[np.intp]
Quarters = npt.NDArray[np.int64]


class CreditDate(BaseModel):
    """One way to find an event's day: a column, or the later or the earlier of several.

    >>> CreditDate.model_validate({"later_of": ["signed_on", "effective_on"]}).words()
    'the later of signed_on and effective_on'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: DateColumn | None = Field(None, description="The date that counts; may be written alone.")
    later_of: tuple[DateColumn, ...] = Field((), description="The latest of these counts; none may be empty.")
    earlier_of: tuple[DateColumn, ...] = Field((), description="The earliest of these counts; none may be empty.")
    if_closed: DateColumn | None = Field(
        None, description="Counts instead where the day found lies in a quarter before this date's."
    )

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, written: object) -> object:
        if isinstance(written, str) and written not in get_args(DateColumn):
            columns = get_args(DateColumn)
            raise ValueError(f"must be one of {', '.join(columns)}. {nearest(written, columns)}")
        return written if isinstance(written, dict | CreditDate) else {"column": written}

    @model_validator(mode="after")
    def _one_way(self) -> CreditDate:
        n_ways = (self.column is not None) + (len(self.later_of) > 0) + (len(self.earlier_of) > 0)
        if n_ways != 1 or 1 in (len(self.later_of), len(self.earlier_of)):
            raise ValueError(
                "must be one date, or later_of or earlier_of with at least two. "
                "Write {later_of: [signed_on, effective_on]}, for example."
            )
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> object:
        return self.column if self.column and not self.if_closed else handler(self)

    def words(self) -> str:
        """Returns the rule in words, without the exception for closed quarters."""
        if self.column:
            return self.column
        kind, columns = ("later", self.later_of) if self.later_of else ("earlier", self.earlier_of)
        return f"the {kind} of {' and '.join(columns)}"

    def days(self, events: pd.DataFrame, some: npt.NDArray[np.intp], calendar: Calendar) -> Days:
        """Returns the day of the events at these positions; none where a date it needs is empty."""
        columns = (self.column,) if self.column else self.later_of or self.earlier_of
        found, *others = (events[column].to_numpy(dtype="datetime64[s]")[some] for column in columns)
        for other in others:
            found = (np.minimum if self.earlier_of else np.maximum)(found, other)
        if self.if_closed:
            closed_on = events[self.if_closed].to_numpy(dtype="datetime64[s]")[some]
            is_closed = quarter_of(found, calendar) < quarter_of(closed_on, calendar)
            found = np.where(is_closed & ~np.isnat(closed_on) & ~np.isnat(found), closed_on, found)
        return found


DateRule = Annotated[
    tuple[CreditDate, ...],
    BeforeValidator(lambda rule: rule if isinstance(rule, list | tuple) else (rule,)),
    Field(min_length=1),
]


class LateRule(BaseModel):
    """When a quarter is locked, and how it is known that an event came too late for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    known_on: DateColumn = Field(description="Day an event became known; one without it was on time.")
    locked_after_days: int = Field(ge=0, description="Days after a quarter's end until it is locked.")


class CreditRule(BaseModel):
    """The date that credits each type of event: a date, or a list of which the first that gives a day counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    churn: DateRule = Field(description="Day a churn counts.")
    contraction: DateRule = Field(description="Day a contraction counts.")
    renewal: DateRule = Field(description="Day a renewal counts.")
    expansion: DateRule = Field(description="Day an expansion counts.")
    expansion_at_renewal: DateRule | None = Field(
        None, description="Day an expansion made with a renewal counts; as any other unless written."
    )
    new: DateRule = Field((CreditDate(column="effective_on"),), description="Day a new customer counts.")
    reactivation: DateRule = Field((CreditDate(column="effective_on"),), description="Day a returning customer counts.")
    late: LateRule | None = Field(None, description="What happens to events known after their quarter was locked.")

    def by_due_date(self) -> CreditRule:
        """Returns the rule by which what was due counts on its due date, and anything else as before."""
        due = CreditDate(column="due_on")
        kinds = {name: (due, *ways) for name, ways in self.by_type().items() if name in DUE}
        return self.model_copy(update=kinds)

    def by_type(self) -> dict[str, tuple[CreditDate, ...]]:
        """Returns the rule of each type of event; expansion_at_renewal is a type of its own only where written."""
        names = ("churn", "contraction", "renewal", "expansion", "new", "reactivation")
        found = {name: getattr(self, name) for name in names}
        return found | ({AT_RENEWAL: self.expansion_at_renewal} if self.expansion_at_renewal else {})


def credit_dates(events: pd.DataFrame, rule: CreditRule, calendar: Calendar) -> pd.DataFrame:
    """Returns the day each event counts and, for a prior-period adjustment, the quarter it is from.

    Grain: one row an event, in the events' order. Columns: credited_on; origin_period, empty unless the event was known
    only after that quarter was locked (then credited_on lies in the first quarter still open). Raises PlanError listing
    the events without a day.
    """
    dates: Days = np.full(len(events), np.datetime64("NaT", "s"))
    for _, _, placed, days in _by_way(events, rule, calendar):
        dates[placed] = days
    problems: list[Problem] = []
    if np.isnat(dates).any():
        kinds = _kinds(events, rule)
        for kind, ways in rule.by_type().items():
            said = f"has no day by {' or '.join(way.words() for way in ways)}, which credit_on.{kind} needs"
            fix = f"Fill the date, or give a list such as credit_on: {{{kind}: [{_written(ways[0])}, effective_on]}}."
            without = events["event_id"][(kinds == kind) & np.isnat(dates)]
            problems += [Problem("arr_events", said, fix, "event_id", value=str(name)) for name in without]
    if problems:
        raise PlanError(problems)
    origin = same_text("", len(dates))
    if rule.late is not None:
        dates, origin = _landed(dates, events, rule.late, calendar)
    return pd.DataFrame({"credited_on": dates, "origin_period": origin}, index=events.index)


def credit_date_words(events: pd.DataFrame, rule: CreditRule, calendar: Calendar) -> list[str]:
    """Returns the rule that placed each event: the way that gave its day, what it stands in for, and why it came late.

    A word an event, in the events' order; empty where no way gives a day.
    """
    words = np.full(len(events), "", dtype=object)
    dates: Days = np.full(len(events), np.datetime64("NaT", "s"))
    for ways, n, placed, days in _by_way(events, rule, calendar):
        way, dates[placed] = ways[n], days
        is_closed = days != way.model_copy(update={"if_closed": None}).days(events, placed, calendar)
        said = np.where(is_closed, f"{way.if_closed}, as the quarter of {way.words()} was closed", way.words())
        words[placed] = said + (f", for want of {' and of '.join(way.words() for way in ways[:n])}" if n else "")
    if rule.late is not None:
        origin = np.asarray(_landed(dates, events, rule.late, calendar)[1], dtype=object)
        late = origin != ""
        words[late] += ", moved because it was known (" + rule.late.known_on + ") after " + origin[late] + " was locked"
    found: list[str] = words.tolist()
    return found


def _kinds(events: pd.DataFrame, rule: CreditRule) -> pd.Series:
    """The type of each event, as the rule tells them apart."""
    kinds = events["event_type"]
    if not rule.expansion_at_renewal:
        return kinds
    return kinds.astype("str").mask((kinds == "expansion") & events["is_at_renewal"], AT_RENEWAL)


def _by_way(
    events: pd.DataFrame, rule: CreditRule, calendar: Calendar
) -> Iterator[tuple[tuple[CreditDate, ...], int, Positions, Days]]:
    """For each type's ways in turn: all of them, the number of this one, the events it places, and their days."""
    kinds = _kinds(events, rule)
    for kind, ways in rule.by_type().items():
        mine = np.flatnonzero(kinds == kind)
        for n, way in enumerate(ways):
            days = way.days(events, mine, calendar)
            is_empty = np.isnat(days)
            if not is_empty.any():
                yield ways, n, mine, days
                break
            yield ways, n, mine[~is_empty], days[~is_empty]
            mine = mine[is_empty]


def _written(way: CreditDate) -> str:
    if way.column:
        return way.column
    return f"{{{'later_of' if way.later_of else 'earlier_of'}: [{', '.join(way.later_of or way.earlier_of)}]}}"


def _landed(dates: Days, events: pd.DataFrame, late: LateRule, calendar: Calendar) -> tuple[Days, pd.Categorical]:
    """The days, moved into the first quarter that was still open when the event became known; the quarter left."""
    known = events[late.known_on].to_numpy(dtype="datetime64[s]")
    # A quarter is open to what is known up to so many days after its end.
    still_open = quarter_of(np.subtract(known, np.timedelta64(late.locked_after_days, "D")), calendar)
    own = quarter_of(dates, calendar)
    is_late = ~np.isnat(known) & (still_open > own)
    open_quarters, at = np.unique(still_open[is_late], return_inverse=True)
    bounds = [(quarter(n, calendar).starts_on, quarter(n, calendar).ends_on) for n in open_quarters.tolist()]
    first, last = np.array(bounds, dtype="datetime64[s]").reshape(-1, 2)[at].T
    landed, origin = dates.copy(), np.zeros(len(dates), dtype=np.intp)
    landed[is_late] = np.clip(known[is_late], first, last)
    own_quarters, at = np.unique(own[is_late], return_inverse=True)
    origin[is_late] = at + 1
    names = pd.Index(["", *(quarter(n, calendar).name for n in own_quarters.tolist())], dtype="str")
    return landed, pd.Categorical.from_codes(origin, names)
