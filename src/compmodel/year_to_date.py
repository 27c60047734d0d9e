"""Components that pay the year to date: what lies in the year so far, and what of it was paid before."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.components import Component
from compmodel.earnings import Known
from compmodel.errors import PlanError, Problem
from compmodel.money import Array, exact, exact_array
from compmodel.payout import PayRule
from compmodel.periods import Period
from compmodel.plan import Plan

Positions = npt.NDArray[np.intp]


def incentive_to_date(
    components: Sequence[Component],
    people: pd.DataFrame,
    numbers: dict[str, Array],
    per_year: Array,
    periods: dict[str, Period],
) -> Array:
    """Returns target incentive x proration of the fiscal year up to and with each row, exactly."""
    if not any(component.to_date == "elapsed" for component in components):
        return np.zeros((len(people), 1))
    terms = exact_array(numbers["cent_days"]) / (exact_array(numbers["n_days"]) * exact_array(per_year) * 100)
    years = [periods[name].opening("").name for name in people["period"]]
    begins = [periods[name].starts_on for name in people["period"]]
    found = np.empty((len(people), 1), dtype=object)
    for row, (payee, year, on) in enumerate(zip(people["payee_id"], years, begins, strict=True)):
        same = (people["payee_id"].to_numpy() == payee) & (np.array(years) == year) & (np.array(begins) <= on)
        found[row, 0] = sum(terms[same, 0], Fraction(0))
    return found


def rows_before(people: pd.DataFrame, periods: dict[str, Period]) -> Positions:
    """Returns the payee's row before each one in the same fiscal year, -1 for none."""
    found, last = np.full(len(people), -1, dtype=np.intp), dict[tuple[str, str], int]()
    begins = [periods[name].starts_on for name in people["period"]]
    for row in np.argsort(np.array(begins, dtype="datetime64[D]"), kind="stable").tolist():
        key = (people["payee_id"].iloc[row], periods[people["period"].iloc[row]].opening("").name)
        found[row], last[key] = last.get(key, -1), row
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
    rule: PayRule,
) -> Array:
    """Returns pay of components to date less what was paid of the year before, each rounded by the rule; exact.

    `to_date`: positions of these components; `paid_before`: what a case names, NaN where it does not. Where nothing is
    measured the year so far stays as it was.
    """
    found = pay.copy()
    order = sorted(range(len(pay)), key=lambda row: _depth(before, row))
    for i in to_date:
        so_far: dict[int, Fraction] = {-1: Fraction(0)}
        for row in order:
            given = np.nan if paid_before is None else paid_before[row, i]
            paid = exact(given) if given == given else so_far[int(before[row])]
            is_some = not known.is_empty[row, i]
            so_far[row] = rule.rounded(pay[row, i]) if is_some else paid
            found[row, i] = so_far[row] - paid
    return found


def _depth(before: Positions, row: int) -> int:
    """How many rows of the year come before."""
    n = 0
    while before[row] >= 0:
        row, n = int(before[row]), n + 1
    return n
