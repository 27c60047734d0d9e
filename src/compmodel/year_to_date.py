"""Components that pay the year to date: what lies in the year so far, and what of it was paid before."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.earnings import Known
from compmodel.errors import PlanError, Problem
from compmodel.exchange import carried_at
from compmodel.money import Array, exact, exact_array
from compmodel.payout import PayRule
from compmodel.people import rows_before
from compmodel.periods import Period
from compmodel.plan import Plan

Positions = npt.NDArray[np.intp]


def before_in_year(
    people: pd.DataFrame, periods: dict[str, Period], rates: pd.DataFrame
) -> tuple[Positions, list[Fraction]]:
    """Returns the payee's row before each one in the same fiscal year, -1 for none, and `carried_at` of it."""
    years = np.array([period.opening("").name for period in periods.values()])
    position = np.asarray(people["period"].map({name: n for n, name in enumerate(periods)}), dtype=np.intp)
    found = rows_before(people["payee_id"].to_numpy(dtype=object), position)
    found = np.where(years[position] == years[position[found]], found, -1)
    return found, carried_at(rates, people["period"], people["currency"], found)


def incentive_to_date(
    people: pd.DataFrame,
    numbers: dict[str, Array],
    per_year: Array,
    before: Positions,
    carried: Sequence[Fraction],
) -> Array:
    """Returns target incentive x proration of the fiscal year up to and with each row, exactly.

    `before` is the payee's row before each one in the year; `carried` is of `carried_at`.
    """
    terms = exact_array(numbers["cent_days"]) / (exact_array(numbers["n_days"]) * exact_array(per_year) * 100)
    found: Array = terms.copy()
    for row in _in_time(before):
        if before[row] >= 0:
            found[row, 0] += found[before[row], 0] * carried[row]
    return found


def refuse_new_roles(plan: Plan, people: pd.DataFrame, known: Known, before: Positions) -> None:
    """Raises PlanError where somebody gets or loses a component to date within a fiscal year: its results are older."""
    for i, component in enumerate(plan.components):
        absent = known.is_absent[:, i]
        changed = np.flatnonzero((before >= 0) & (absent != absent[before]))
        if component.to_date and len(changed):
            rule = "is of the year so far, and somebody comes into or leaves its roles within a year"
            fix = "Delete roles or to_date, or let the role begin with a year."
            value = str(people["period"].iloc[changed[0]])
            raise PlanError(
                [Problem(f"plan {plan.name}", rule, fix, f"components.{component.name}.roles", value=value)]
            )


def less_before(
    pay: Array,
    to_date: Sequence[int],
    known: Known,
    paid_before: npt.NDArray[np.float64] | None,
    before: Positions,
    carried: Sequence[Fraction],
    rule: PayRule,
) -> Array:
    """Returns pay of components to date less what was paid of the year before, each rounded by the rule; exact.

    `to_date`: positions of these components; `paid_before`: what a case names, NaN where it does not. Where nothing is
    measured, or there is no target, the year so far stays as it was.
    """
    found, nothing = pay.copy(), known.has_no_result
    order = _in_time(before)
    for i in to_date:
        so_far: dict[int, Fraction] = {-1: Fraction(0)}
        for row in order:
            given = np.nan if paid_before is None else paid_before[row, i]
            paid = exact(given) if given == given else rule.rounded(so_far[int(before[row])] * carried[row])
            so_far[row] = paid if nothing[row, i] else rule.rounded(pay[row, i])
            found[row, i] = so_far[row] - paid
    return found


def _in_time(before: Positions) -> list[int]:
    """Rows, none ahead of the one before it."""
    depth, at = np.zeros(len(before), dtype=np.intp), before.copy()
    while (at >= 0).any():
        depth += at >= 0
        at = np.where(at >= 0, before[at], -1)
    order: list[int] = np.argsort(depth, kind="stable").tolist()
    return order
