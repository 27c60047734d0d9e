"""The target of each person and period: by default, segment, role, payee and period, for a year, or ramped.

Whatever is worked out (a yearly target's part, an average over days, a ramp) is rounded to six decimals in decimals, so
that a hand check finds the same.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import MEASURE, SHARE, Day, Number
from compmodel.errors import CompModelError
from compmodel.periods import Period

Annualising = Literal["compounding", "adding"]
YEARLY = ("Q1", "Q2", "Q3", "Q4", "H1", "H2", *(f"M{n:02d}" for n in range(1, 13)))
"""Periods of every year."""
DIGITS = Decimal("0.000001")


def _period(written: str) -> str:
    if written not in YEARLY:
        try:
            Period(written)
        except CompModelError:
            raise ValueError("must be a period. Write 2025Q3, 2025H1 or 2025, or Q3 or H1 of every year.") from None
    return written


class TargetCase(BaseModel):
    """A target of its own for whom, and when, all that is written here holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target: Number = Field(description="The target.", json_schema_extra=MEASURE)
    segment: str | None = Field(None, description="The payee's segment.")
    role: str | None = Field(None, description="The payee's role.")
    payee_id: str | None = Field(None, description="The payee.")
    period: Annotated[str, AfterValidator(_period)] | None = Field(
        None, description="A period, such as 2025Q3 or 2025H1, or one of every year, such as Q3 or H1."
    )
    starts_on: Day | None = Field(None, description="From this day on; days before it keep the target they had.")
    ends_on: Day | None = Field(None, description="Up to this day.")

    @model_validator(mode="after")
    def _of_somebody(self) -> TargetCase:
        if not self.model_fields_set - {"target"}:
            raise ValueError("names nobody and no time. Write segment, role, payee_id, period or starts_on, too.")
        return self

    def holds(self, person: Any, period: Period, day: dt.date) -> bool:
        """Tells whether it is the target of a person (a row with segment, role, payee_id) on a day of a period."""
        named = all(
            value is None or value == getattr(person, name)
            for name, value in (("segment", self.segment), ("role", self.role), ("payee_id", self.payee_id))
        )
        is_time = (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)
        return named and is_time and (self.period is None or _lies_in(period, self.period))


def _lies_in(period: Period, written: str) -> bool:
    name = written if written not in YEARLY else f"{period.opening('').name}{written}"
    outer = Period(name, period.calendar)
    return outer.starts_on <= period.starts_on and period.ends_on <= outer.ends_on


class Target(BaseModel):
    """The target of a component: a default, and others by the payee's segment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    default: Number = Field(gt=0, description="Target for everyone not named below.", json_schema_extra=MEASURE)
    by_segment: dict[str, Number] = Field({}, description="Target by the payee's segment.", json_schema_extra=MEASURE)
    cases: tuple[TargetCase, ...] = Field(
        (),
        description="Targets by segment, role, payee, period or day, before those above; the first that holds counts. "
        "A target that changes within a period is averaged by days.",
    )
    yearly: Annualising | None = Field(
        None,
        description="The targets are for a year; for the months measured they are converted by compounding or adding.",
    )
    ramp: tuple[Number, ...] = Field(
        (),
        description="Share of the target in each of a new payee's first months, such as [0.25, 0.5, 0.75]; a period's "
        "is the mean of its months since the hire. Of retention, of what lies above 100%.",
        json_schema_extra=SHARE | {"lower": 0.05},
    )
    ramp_segments: tuple[str, ...] = Field(
        (), description="Only payees of these segments are ramped; all unless written."
    )
    ramp_month_until: int = Field(
        15, ge=0, le=31, description="Who is hired up to this day has the first month of the ramp in that month."
    )

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, written: object) -> object:
        return written if isinstance(written, dict | Target) else {"default": written}

    @model_validator(mode="after")
    def _above_zero(self) -> Target:
        for name, target in self.named().items():
            if not target > 0:
                raise ValueError(f"{name} is {target:g}, but a target must be above 0. Raise it.")
        for i, share in enumerate(self.ramp):
            if not 0 < share <= 1:
                raise ValueError(f"ramp[{i}] is {share:g}, but must be above 0 and at most 1. Write 0.25, for example.")
        return self

    def named(self) -> dict[str, float]:
        """Returns every target that is written, by its path within this one."""
        by_segment = {f"by_segment.{name}": target for name, target in self.by_segment.items()}
        cases = {f"cases[{i}].target": case.target for i, case in enumerate(self.cases)}
        return {"default": self.default, **by_segment, **cases}

    def of(
        self,
        people: pd.DataFrame,
        periods: dict[str, Period],
        months: npt.NDArray[Any],
        at_rest: float = 0.0,
    ) -> npt.NDArray[np.float64]:
        """Returns the target of each row of people, for the months measured; at_rest is the value where nothing moves.

        Columns of people: payee_id, period, role, segment; hired_on where there is a ramp.
        """
        found: npt.NDArray[np.float64] = np.full(len(people), float(self.default))
        if self.by_segment:
            found = np.asarray(people["segment"].map(self.by_segment).astype(float).fillna(self.default))
        if self.cases:
            rows = people.itertuples(index=False)
            found = np.array([self._by_case(row, periods[str(row.period)]) for row in rows], dtype=float)
        if self.yearly is not None:
            pairs, at = np.unique(np.column_stack([found, months]), axis=0, return_inverse=True)
            part = [period_target(yearly, int(n), self.yearly, at_rest) for yearly, n in pairs.tolist()]
            found = np.array(part, dtype=float)[at.ravel()]
        if self.ramp:
            hired = people["hired_on"].dt.date
            shares = [self._ramped(on, periods[name]) for on, name in zip(hired, people["period"], strict=True)]
            is_new = [not self.ramp_segments or segment in self.ramp_segments for segment in people["segment"]]
            each = zip(found.tolist(), shares, is_new, strict=True)
            found = np.array([_above_rest(of, share if new else Decimal(1), at_rest) for of, share, new in each])
        return found

    def _by_case(self, person: Any, period: Period) -> float:
        """The target of a person in a period, averaged by days where it changes within."""
        own = self.by_segment.get(person.segment, self.default) if isinstance(person.segment, str) else self.default
        dated = [day for case in self.cases for day in (case.starts_on, _after(case.ends_on)) if day]
        edges = sorted({period.starts_on, *(day for day in dated if period.starts_on < day <= period.ends_on)})
        total = Decimal(0)
        for first, following in zip(edges, [*edges[1:], _after(period.ends_on)], strict=True):
            held = next((case.target for case in self.cases if case.holds(person, period, first)), own)
            if len(edges) == 1:
                return held
            total += Decimal(repr(held)) * (following - first).days  # type: ignore[operator]
        return float((total / period.n_days).quantize(DIGITS, rounding=ROUND_HALF_UP))

    def _ramped(self, hired_on: dt.date, period: Period) -> Decimal:
        """The mean share of a period's months since the hire."""
        first = hired_on.year * 12 + hired_on.month - 1 + (hired_on.day > self.ramp_month_until)
        opening = period.starts_on.year * 12 + period.starts_on.month - 1
        since = [month - first for month in range(opening, opening + period.months)]
        shares = [Decimal(repr(self.ramp[n])) if n < len(self.ramp) else Decimal(1) for n in since if n >= 0]
        return sum(shares, Decimal(0)) / len(shares) if shares else Decimal(repr(self.ramp[0]))


def _after(day: dt.date | None) -> dt.date | None:
    return None if day is None else day + dt.timedelta(days=1)


def _above_rest(target: float, share: Decimal, at_rest: float) -> float:
    """A share of what a target asks for beyond rest."""
    if share == 1:
        return target
    rest = Decimal(repr(at_rest))
    return float((rest + (Decimal(repr(target)) - rest) * share).quantize(DIGITS, rounding=ROUND_HALF_UP))


def period_target(yearly: float, months: int, how: Annualising, at_rest: float = 0.0) -> float:
    """Returns a yearly target for fewer months, to six decimals; `at_rest` is the value where nothing moves (NRR: 1).

    >>> period_target(1.20, 3, "adding", at_rest=1), period_target(1.20, 3, "compounding", at_rest=1)
    (1.05, 1.046635)
    """
    year, rest, share = Decimal(repr(yearly)), Decimal(repr(at_rest)), Decimal(months) / 12
    found = year**share if how == "compounding" else rest + (year - rest) * share
    return float(found.quantize(DIGITS, rounding=ROUND_HALF_UP))
