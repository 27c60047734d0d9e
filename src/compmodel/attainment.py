"""Targets, the people they apply to, and attainment: the actual against the target.

`ratio` is actual over target (115% of a 125% goal is 92%); `from_floor` is (actual - floor) over (target - floor),
so 115% between a floor of 100% and a goal of 125% is 60%. A payee's `proration` is the days with a target incentive
over the days of the period; the period's target incentive is the day-weighted yearly amount over the periods a year.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import Number
from compmodel.exchange import rate_of
from compmodel.money import Array, exact
from compmodel.periods import Period

Annualising = Literal["compounding", "adding"]


def period_target(yearly: float, months: int, how: Annualising, at_rest: float = 0.0) -> float:
    """Returns a yearly target for fewer months, to six decimals; `at_rest` is the value where nothing moves (NRR: 1).

    >>> period_target(1.20, 3, "adding", at_rest=1), period_target(1.20, 3, "compounding", at_rest=1)
    (1.05, 1.046635)
    """
    year, rest, share = Decimal(repr(yearly)), Decimal(repr(at_rest)), Decimal(months) / 12
    found = year**share if how == "compounding" else rest + (year - rest) * share
    return float(found.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP))


def yearly_value(value: Array, months: int, how: Annualising, at_rest: float = 1.0) -> Array:
    """Returns what a value of so many months (1, 2, 3, 4, 6 or 12) makes in a year; floats or exact fractions.

    A retention below 0 compounds as 0.

    >>> quarter = np.array([0.875])
    >>> yearly_value(quarter, 3, "adding").tolist(), yearly_value(quarter, 3, "compounding").tolist()
    ([0.5], [0.586181640625])
    """
    times, rest = 12 // months, type(value.flat[0])(at_rest) if value.size else at_rest
    if how == "adding":
        return rest + (value - rest) * times
    floored: Array = np.maximum(value, 0 * value) ** times
    return floored


class Target(BaseModel):
    """The target of a component: a default, and others by the payee's segment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    default: Number = Field(gt=0, description="Target for everyone not named below.")
    by_segment: dict[str, Number] = Field({}, description="Target by the payee's segment.")
    yearly: Annualising | None = Field(
        None,
        description="The targets are for a year; for the months measured they are converted by compounding or adding.",
    )

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, written: object) -> object:
        return written if isinstance(written, dict | Target) else {"default": written}

    @model_validator(mode="after")
    def _above_zero(self) -> Target:
        for segment, target in self.by_segment.items():
            if not target > 0:
                raise ValueError(f"by_segment.{segment} is {target:g}, but a target must be above 0. Raise it.")
        return self

    def of(self, segments: pd.Series, months: npt.NDArray[Any], at_rest: float = 0.0) -> npt.NDArray[np.float64]:
        """Returns the target of each payee from the payee's segment, for the months measured."""
        written: npt.NDArray[np.float64] = np.asarray(segments.map(self.by_segment).astype(float).fillna(self.default))
        if self.yearly is None:
            return written
        pairs, at = np.unique(np.column_stack([written, months]), axis=0, return_inverse=True)
        found = [period_target(yearly, int(n), self.yearly, at_rest) for yearly, n in pairs.tolist()]
        return np.array(found, dtype=float)[at.ravel()]


class AttainmentRule(BaseModel):
    """How the actual is held against the target."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["ratio", "from_floor"] = Field(description="Plain ratio, or measured from a floor to the target.")
    floor: Number = Field(
        0.0,
        description="Result that counts as nothing attained; only with from_floor.",
        json_schema_extra={"unit": "share", "lower": 0.8, "upper": 1.2, "step": 0.01},
    )

    @model_validator(mode="after")
    def _floor_belongs(self) -> AttainmentRule:
        if self.kind == "ratio" and self.floor:
            raise ValueError("floor is given, but kind is ratio. Write kind: from_floor or delete the floor.")
        if self.kind == "from_floor" and "floor" not in self.model_fields_set:
            raise ValueError("kind is from_floor, but no floor is written. Write floor: 1.00, for example.")
        return self


def attain(value: Array, target: Array, rule: AttainmentRule) -> Array:
    """Returns attainment (1.0 is on target) for values and targets of the same shape; NaN stays NaN.

    Source: FlowFuse pull request 4754 (`from_floor`), Retain and expand (`ratio`).

    >>> attain(np.array([1.15]), np.array([1.25]), AttainmentRule(kind="from_floor", floor=1.0)).round(4).tolist()
    [0.6]
    """
    if rule.kind == "ratio":
        return np.divide(value, target)
    floor = exact(rule.floor) if value.dtype == object else rule.floor
    return np.divide(value - floor, target - floor)


def payee_periods(
    payees: pd.DataFrame, periods: tuple[Period, ...], currency: str, rates: pd.DataFrame
) -> pd.DataFrame:
    """Returns the people of each period: role, team, segment, region and target incentive while on the plan.

    Grain: one row a payee and period in which the payee has a span. Role, team, segment and region are those of the
    first span with a target incentive, or of the first span. `currency` is a code, or "payee" for each payee's own
    (that of the last span in the period). An amount in another currency is converted to whole cents a year at `rates`,
    of `pay_rates`.
    Columns: payee_id, period, role, team, segment, region, currency, cent_days (yearly target incentive in cents, times
    days, added up), days_on_plan, n_days, proration.
    """
    spans = payees.sort_values(["payee_id", "starts_on"], kind="stable").reset_index(drop=True)
    first = np.array([period.starts_on for period in periods], dtype="datetime64[s]")
    last = np.array([period.ends_on for period in periods], dtype="datetime64[s]")
    starts = np.maximum(spans["starts_on"].to_numpy()[:, None], first)
    ends = np.fmin(spans["ends_on"].to_numpy()[:, None], last)
    days = (ends - starts) // np.timedelta64(1, "D") + 1
    position, span = np.nonzero(days.T > 0)
    here = spans.take(span).reset_index(drop=True)
    here["period"] = np.array([period.name for period in periods], dtype=object)[position]
    by = [position, here["payee_id"]]
    here["pay_currency"] = here["currency"].groupby(by).transform("last") if currency == "payee" else currency
    here["days_on_plan"] = np.where(here["target_incentive"] > 0, days.T[position, span], 0)
    here["n_days"] = np.array([period.n_days for period in periods])[position]
    here["cent_days"] = (_yearly_cents(here, rates) * here["days_on_plan"]).round()
    is_idle, payee = here["days_on_plan"].to_numpy() == 0, pd.factorize(here["payee_id"])[0]
    order = np.lexsort((np.arange(len(here)), is_idle, payee, position))
    people = here.take(order)
    firsts = people.drop_duplicates(["period", "payee_id"]).reset_index(drop=True)
    sums = people.groupby(["period", "payee_id"], sort=False)[["cent_days", "days_on_plan"]].sum()
    columns = ["payee_id", "period", "role", "team", "segment", "region", "n_days"]
    found = firsts[columns].assign(currency=firsts["pay_currency"].astype("str"), **sums.reset_index(drop=True))
    return found.assign(period=found["period"].astype("str"), proration=found["days_on_plan"] / found["n_days"])


def _yearly_cents(spans: pd.DataFrame, rates: pd.DataFrame) -> pd.Series:
    """Yearly target incentive in whole cents of the pay currency; converted ones rounded as a pay letter would be."""
    cents = spans["target_incentive"] * 100
    own, paid = (rate_of(rates, spans["period"], spans[name]) for name in ("currency", "pay_currency"))
    factor = own / paid
    converted = np.floor(cents * factor + 0.5 + 1e-7)
    return cents.where(spans["currency"] == spans["pay_currency"], converted)
