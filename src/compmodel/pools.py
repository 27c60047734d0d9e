"""What part of a pool each person has: in whole steps of pay, so that the parts add up to the pool."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.balances import whole_parts
from compmodel.components import Component
from compmodel.money import Array, exact, exact_array
from compmodel.payout import PayRule


def pool_shares(
    component: Component,
    people: pd.DataFrame,
    has_it: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float64],
    opening: npt.NDArray[np.float64],
    pay: PayRule,
) -> Array:
    """Returns each row's part of the pool of its period, among who has the component and a value; exact fractions.

    All zero where the component is no pool. Of equal remainders the larger part is rounded up, then the first payee_id.
    """
    found = np.full(len(people), Fraction(0), dtype=object)
    if component.basis.kind != "pool":
        return found
    incentive = (people["cent_days"] / people["n_days"]).to_numpy(dtype=float)
    of = {"equally": np.ones(len(people)), "target_incentive": incentive, "opening_arr": opening, "value": value}
    takes, by = has_it & ~np.isnan(value), of[component.basis.shared or "equally"]
    parts, cents = exact_array(np.where(takes, np.maximum(by, 0.0), 0.0)), exact(component.basis.amount or 0) * 100
    by_id, names = np.argsort(people["payee_id"].to_numpy(dtype=object), kind="stable"), people["period"].to_numpy()
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
