"""What of a pay cost, or of its change, is performance and what is exchange: parts that add up to the cent.

A plan is replayed three times: with all exchange held constant (performance), with ARR at the plan's own rates, and
with pay at the plan's own rates too. Each step's difference is the part that it brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from compmodel.errors import CompModelError, nearest
from compmodel.plan import Plan
from compmodel.replay import Replay, replay
from compmodel.tables import History

PARTS = ["performance", "arr_exchange", "pay_exchange"]


def exchange_effects(plans: Sequence[Plan], history: History, periods: str) -> pd.DataFrame:
    """Returns each payee's cost by period in parts: performance, exchange of ARR, exchange of pay.

    Grain: one row a plan, payee and period. Columns: plan, payee_id, period, performance, arr_exchange, pay_exchange,
    cost (their sum, reporting currency, whole cents). Raises PlanError or DataError as `replay` does.
    """
    constant = [plan.replace({"exchange": {"arr": "constant", "pay": "constant"}}) for plan in plans]
    own_arr = [plan.replace({"exchange": {"arr": plan.exchange.arr, "pay": "constant"}}) for plan in plans]
    steps = [[_cents(run) for run in replay(some, history, periods)] for some in (constant, own_arr, plans)]
    frames = []
    for plan, *runs in zip(plans, *steps, strict=True):
        keys = runs[0].index.union(runs[1].index).union(runs[2].index)
        at_constant, at_own_arr, whole = (run.reindex(keys, fill_value=0).to_numpy() for run in runs)
        parts = [at_constant, at_own_arr - at_constant, whole - at_own_arr, whole]
        frame = pd.DataFrame(np.column_stack(parts) / 100, index=keys, columns=[*PARTS, "cost"])
        frames.append(frame.reset_index().assign(plan=plan.name))
    table = pd.concat(frames, ignore_index=True)
    return table[["plan", "payee_id", "period", *PARTS, "cost"]]


def exchange_split(effects: pd.DataFrame, by: Literal["plan", "period"], before: str, after: str) -> pd.DataFrame:
    """Returns the change of each payee's cost between two plans or two periods, in parts that add up to it.

    `effects` are of `exchange_effects`. Grain: one row a payee. Columns: payee_id, performance, arr_exchange,
    pay_exchange, change. Raises CompModelError for a plan or period that is not among the effects.
    """
    if by == "period" and effects["plan"].nunique() > 1:
        raise CompModelError("These are effects of several plans. Choose one: effects[effects['plan'] == NAME].")
    for name in (before, after):
        known = effects[by].unique()
        if name not in known:
            raise CompModelError(f"{name!r} is no {by} of these effects. {nearest(name, known)}")
    sums = [
        (effects.loc[effects[by] == name].set_index("payee_id")[[*PARTS, "cost"]] * 100)
        .round()
        .groupby("payee_id")
        .sum()
        for name in (before, after)
    ]
    payees = sums[0].index.union(sums[1].index)
    earlier, later = (found.reindex(payees, fill_value=0) for found in sums)
    change = ((later - earlier).round() / 100).rename(columns={"cost": "change"})
    return change.rename_axis("payee_id").reset_index()


def _cents(run: Replay) -> pd.Series:
    """Cost in whole cents by payee and period."""
    cents: pd.Series = (run.payouts["cost"] * 100).round().astype(np.int64)
    return cents.groupby([run.payouts["payee_id"], run.payouts["period"]]).sum()
