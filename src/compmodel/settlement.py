"""What is settled on whole cents of a person's pay, period after period: caps, guarantees, draws, holdbacks, budgets.

Each rule, in the order written, turns what is to be paid into what is paid; the difference is a line of its own. Whole
cents in, whole cents out: shares are worked out in whole numbers, half up, and what is held, owed or carried over adds
up with what is paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.adjustments import Cap, Condition, Floor, Gate, Kicker, Truths, is_met
from compmodel.documents import AMOUNT, COUNT, FACTOR, SHARE, Count, Name, Number
from compmodel.money import Array, Cents, exact

Rows = npt.NDArray[np.intp]


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Guarantee(_Rule):
    """The higher of pay and guarantee."""

    kind: Literal["guarantee"] = Field(description="Pays the higher of what is to be paid and the guarantee.")
    share: Number | None = Field(
        None, ge=0, description="As a share of the period's target incentive.", json_schema_extra=FACTOR
    )
    amount: Number | None = Field(
        None, ge=0, description="As an amount of a period, in the pay currency.", json_schema_extra=AMOUNT
    )
    months: Count | None = Field(
        None,
        ge=1,
        description="Only for a new payee's first months; a period's other months pay what they earn. Of all months "
        "unless written.",
        json_schema_extra=COUNT,
    )

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Guarantee:
        if (self.share is None) == (self.amount is None):
            raise ValueError("must have either a share or an amount. Write exactly one of the two.")
        return self


class Draw(_Rule):
    """Pay in advance of earnings."""

    kind: Literal["draw"] = Field(description="Pays at least the draw, or in advance of what will be earned.")
    amount: Number = Field(gt=0, description="The draw of a period, in the pay currency.", json_schema_extra=AMOUNT)
    recoverable: bool = Field(description="Whether what the draw adds is owed, and repaid from later pay.")
    how: Literal["top_up", "on_top"] = Field(
        "top_up",
        description="top_up: pays up to the draw; only pay above it repays. on_top: the draw comes on top of what is "
        "earned and is taken from the next pay.",
    )
    periods: Count | None = Field(
        None, ge=1, description="Only in a payee's first periods; in every one unless written.", json_schema_extra=COUNT
    )

    @model_validator(mode="after")
    def _on_top_is_owed(self) -> Draw:
        if self.how == "on_top" and not self.recoverable:
            raise ValueError("how is on_top, but recoverable is false: that is a bonus. Write how: top_up.")
        return self


class Holdback(_Rule):
    """A share of pay kept until later."""

    kind: Literal["holdback"] = Field(description="Keeps a share of pay back and releases it later.")
    share: Number = Field(
        gt=0, lt=1, description="Share of what is to be paid.", json_schema_extra=SHARE | {"lower": 0.05, "upper": 0.95}
    )
    released_after: Count | Literal["year"] = Field(
        description="Released so many periods later, or year: with the last period of the fiscal year; who is not on "
        "the plan then is not paid it.",
        json_schema_extra=COUNT,
    )
    condition: Condition | None = Field(
        None, description="Must hold in the period of release, or what was held is forfeited."
    )


class Minimum(_Rule):
    """Small amounts wait."""

    kind: Literal["minimum"] = Field(description="Pay below an amount is carried over to the next period.")
    amount: Number = Field(gt=0, description="The smallest payment, in the pay currency.", json_schema_extra=AMOUNT)


class Clawback(_Rule):
    """Pay taken back when what it was paid for is lost."""

    kind: Literal["clawback"] = Field(description="Takes back what was paid on a gain whose account leaves.")
    component: Name = Field(description="The component that paid it; its basis is a rate.")
    how: Literal["at_rate_paid", "by_elapsed_term", "schedule"] = Field(
        description="at_rate_paid: all of it. by_elapsed_term: the share of the term not served. schedule: by days "
        "served."
    )
    within_days: Count | None = Field(
        None,
        ge=1,
        description="Only losses within so many days of the gain's credit date.",
        json_schema_extra={"lever": "count"},
    )
    term_months: Count | None = Field(
        None,
        ge=1,
        description="Of by_elapsed_term: the term, where the event names none.",
        json_schema_extra={"lever": "count"},
    )
    schedule: tuple[tuple[Count, Number], ...] = Field(
        (),
        description="Of schedule: [up to this many days served, share taken back], days rising; nothing beyond.",
        json_schema_extra={"each": [{"lever": "count"}, SHARE]},
    )

    @model_validator(mode="after")
    def _schedule_is_written(self) -> Clawback:
        if (self.how == "schedule") != bool(self.schedule):
            raise ValueError("how: schedule and schedule belong together. Write both or neither.")
        days = [upto for upto, _ in self.schedule]
        if days != sorted(set(days)):
            raise ValueError("schedule must rise in days. Reorder or delete one.")
        return self

    def share(self, days_served: int, months_served: Fraction, term_months: int) -> Fraction:
        """Returns the share of what was paid that is taken back.

        >>> rule = {"kind": "clawback", "component": "x", "how": "schedule", "schedule": [[30, 0.75], [60, 0.5]]}
        >>> Clawback.model_validate(rule).share(45, Fraction(2), 12)
        Fraction(1, 2)
        """
        if self.within_days is not None and days_served > self.within_days:
            return Fraction(0)
        if self.how == "at_rate_paid":
            return Fraction(1)
        if self.how == "by_elapsed_term":
            return max(Fraction(0), 1 - months_served / term_months)
        return next((exact(share) for upto, share in self.schedule if days_served <= upto), Fraction(0))


class Budget(_Rule):
    """A pool that all pay of a period must fit in."""

    kind: Literal["budget"] = Field(
        description="Where all pay of a period exceeds the budget, everybody's shrinks alike."
    )
    amount: Number = Field(
        gt=0, description="The budget of a period, in the reporting currency.", json_schema_extra=AMOUNT
    )
    component: Name | None = Field(None, description="Of one component's pay alone; of all pay unless written.")


Settlement = Annotated[
    Gate | Kicker | Cap | Floor | Guarantee | Draw | Holdback | Minimum | Clawback | Budget,
    Field(discriminator="kind"),
]
MONEY = (Cap, Floor, Guarantee, Draw, Holdback, Minimum, Clawback, Budget)


@dataclass(frozen=True)
class Facts:
    """What settling needs of each row, a payee in a period; periods are numbered in their order.

    `base_cents`: what 100% of everything pays; `incentive_cents`: target incentive of the time on the plan.
    `new_share`: for a guarantee of new payees, the share of the row's time on the plan that lies in the months
    guaranteed, by number of months; `new_part`: of the whole period. `n_before`: periods since the payee's first.
    `is_paid`: who is paid at all. `recovered_cents`: what a clawback takes back, by position of the rule.
    `cost_rate`: reporting currency for one of the pay currency. `component_cents`: what each component was paid.
    """

    payee: Rows
    period: Rows
    is_years_last: Truths
    base_cents: Cents
    incentive_cents: Cents
    names: Sequence[str]
    results: Mapping[str, Array]
    new_share: Mapping[int, Sequence[Fraction]]
    new_part: Mapping[int, Sequence[Fraction]]
    n_before: Sequence[int]
    is_paid: Truths
    recovered_cents: Mapping[int, Cents]
    cost_rate: Sequence[Fraction]
    component_cents: Cents


def settled(earned: Cents, rules: Sequence[Any], facts: Facts) -> list[Cents]:
    """Returns what each rule adds to pay, in whole cents: one array of rows a rule, in the rules' order.

    `earned` are whole cents of rows; a payee's rows may stand anywhere. Gates and kickers have been applied before and
    add nothing. What is earned plus all that is added is what is paid.

    >>> rules = [Draw(kind="draw", amount=15, recoverable=True)]
    >>> no, twice = np.zeros(2, np.int64), np.array([0, 0])
    >>> two = Facts(twice, np.array([0, 1]), no > 0, no, no, [], {}, {}, {}, [0, 1], no == 0, {}, [], no[:, None])
    >>> settled(np.array([500, 3000]), rules, two)[0].tolist()
    [1000, -1000]
    """
    due, added = earned.copy(), []
    for position, rule in enumerate(rules):
        paid = due
        if isinstance(rule, Cap | Floor):
            limit = np.array([_limit(rule, int(base)) for base in facts.base_cents.flat]).reshape(due.shape)
            paid = (np.minimum if isinstance(rule, Cap) else np.maximum)(due, limit)
            paid = np.where(facts.is_paid, paid, due)
        elif isinstance(rule, Guarantee):
            paid = np.array([_guaranteed(rule, facts, row, int(due[row])) for row in range(len(due))], dtype=np.int64)
        elif isinstance(rule, Clawback):
            paid = due - facts.recovered_cents.get(position, np.zeros_like(due))
        elif isinstance(rule, Budget):
            paid = _within(rule, due, facts)
        elif isinstance(rule, Draw | Holdback | Minimum):
            paid = due.copy()
            for rows in _by_payee(facts):
                paid[rows] = _OVER_TIME[type(rule)](rule, due[rows].tolist(), facts, rows)
        added.append(paid - due)
        due = paid
    return added


def half_up(amount: Fraction) -> int:
    """Returns the nearest whole number, halves away from zero."""
    half = Fraction(1, 2)
    return floor(amount + half) if amount >= 0 else -floor(-amount + half)


def _limit(rule: Cap | Floor, base_cents: int) -> int:
    of = exact(rule.factor) * base_cents if rule.factor is not None else exact(rule.amount or 0) * 100
    return half_up(of)


def _guaranteed(rule: Guarantee, facts: Facts, row: int, due: int) -> int:
    share = Fraction(1) if rule.months is None else facts.new_share[rule.months][row]
    if not share or not facts.is_paid[row]:
        return due
    part = Fraction(1) if rule.months is None else facts.new_part[rule.months][row]
    whole = part * exact(rule.amount or 0) * 100
    if rule.share is not None:
        whole = share * exact(rule.share) * int(facts.incentive_cents[row])
    return due + max(0, half_up(whole) - half_up(share * due))


def _by_payee(facts: Facts) -> list[Rows]:
    """Each payee's rows in the order of periods."""
    order = np.lexsort((facts.period, facts.payee))
    begins = np.flatnonzero(np.diff(facts.payee[order], prepend=-1))
    return [rows for rows in np.split(order, begins[1:]) if len(rows)]


def _drawn(rule: Draw, due: list[int], facts: Facts, rows: Rows) -> list[int]:
    draw, owed, paid = half_up(exact(rule.amount) * 100), 0, []
    for earned, row in zip(due, rows.tolist(), strict=True):
        is_new = rule.periods is None or facts.n_before[row] < rule.periods
        granted = draw if is_new and facts.is_paid[row] else 0
        if rule.how == "on_top":
            repaid = min(owed, max(earned, 0))
            owed += granted - repaid
            paid.append(earned - repaid + granted)
        elif granted and earned < granted:
            owed += granted - earned
            paid.append(granted)
        else:
            repaid = min(owed, max(earned - granted, 0))
            owed -= repaid
            paid.append(earned - repaid)
        owed *= rule.recoverable
    return paid


def _held_back(rule: Holdback, due: list[int], facts: Facts, rows: Rows) -> list[int]:
    paid, held = [], []
    period = facts.period[rows].tolist()
    met = np.ones(len(due), dtype=bool)
    if rule.condition is not None:
        met = is_met(rule.condition, facts.results, facts.names, None)[rows]
    for n, earned in enumerate(due):
        kept = half_up(exact(rule.share) * earned) if earned > 0 else 0
        held.append((period[n], kept))
        paid.append(earned - kept)
        if rule.released_after == "year":
            ripe = held if facts.is_years_last[rows[n]] else []
        else:
            ripe = [(since, kept) for since, kept in held if period[n] - since >= rule.released_after]
        paid[n] += sum(kept for _, kept in ripe) if met[n] else 0
        held = [one for one in held if one not in ripe]
    return paid


def _carried(rule: Minimum, due: list[int], facts: Facts, rows: Rows) -> list[int]:
    least, carried, paid = half_up(exact(rule.amount) * 100), 0, []
    for earned in due:
        whole = earned + carried
        paid.append(whole if whole >= least else 0)
        carried = whole - paid[-1]
    return paid


_OVER_TIME: Mapping[type, Any] = {Draw: _drawn, Holdback: _held_back, Minimum: _carried}


def _within(rule: Budget, due: Cents, facts: Facts) -> Cents:
    """Everybody's pay of a period times budget over all of it, where that is less; the whole never exceeds it."""
    paid, of = due.copy(), due
    if rule.component is not None:
        of = facts.component_cents[:, list(facts.names).index(rule.component)]
    for period in np.unique(facts.period):
        rows = np.flatnonzero(facts.period == period).tolist()
        costs = [facts.cost_rate[row] * int(of[row]) for row in rows]
        budget, whole = exact(rule.amount) * 100, sum(costs, Fraction(0))
        if whole > budget:
            for row in rows:
                paid[row] -= int(of[row]) - floor(int(of[row]) * budget / whole)
    return paid
