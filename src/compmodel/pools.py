"""What part of a pool each person has: in whole steps of pay, so that the parts add up to the pool."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.balances import whole_parts
from compmodel.components import Component
from compmodel.errors import PlanError, Problem
from compmodel.money import Array, exact, exact_array
from compmodel.payout import PayRule


def pool_shares(
    component: Component,
    people: pd.DataFrame,
    takes: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float64],
    opening: npt.NDArray[np.float64],
    pay: PayRule,
) -> Array:
    """Returns each row's part of the pool of its period, among who takes one; exact fractions.

    All zero where the component is no pool. Of equal remainders the larger part is rounded up, then the first payee_id.
    Raises PlanError where a pool, one amount, is shared by people who are paid in several currencies.
    """
    found = np.full(len(people), Fraction(0), dtype=object)
    if component.basis.kind != "pool":
        return found
    incentive = (people["cent_days"] / people["n_days"]).to_numpy(dtype=float)
    of = {"equally": np.ones(len(people)), "target_incentive": incentive, "opening_arr": opening, "value": value}
    by = np.where(takes, np.maximum(of[component.basis.shared or "equally"], 0.0), 0.0)
    parts, cents = exact_array(by), exact(component.basis.amount or 0) * 100
    by_id, names = np.argsort(people["payee_id"].to_numpy(dtype=object), kind="stable"), people["period"].to_numpy()
    _refuse_currencies(component, people[by > 0])
    for period in people["period"].unique():
        rows = by_id[names[by_id] == period]
        whole = sum(parts[rows], Fraction(0))
        if not whole or not cents:
            continue
        shares = [part / whole * cents for part in parts[rows]]
        if pay.rounding != "none":
            shares = [Fraction(part) for part in whole_parts(shares, cents, [Fraction(1)] * len(rows), pay.step_cents)]
        found[rows] = [share / cents for share in shares]
    return found


def _refuse_currencies(component: Component, people: pd.DataFrame) -> None:
    for period, currencies in people.groupby("period", sort=False)["currency"]:
        if currencies.nunique() > 1:
            rule = f"is one amount, and in {period} people paid in {', '.join(sorted(currencies.unique()))} share it"
            fix, place = "Write pay.currency, one for all.", f"components.{component.name}.basis.amount"
            raise PlanError([Problem("a pool", rule, fix, place, value=f"{component.basis.amount:,g}")])
