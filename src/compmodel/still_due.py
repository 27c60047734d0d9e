"""What is still held back, carried over or owed when a replay ends."""

from __future__ import annotations

import pandas as pd

from compmodel.exchange import rate_of
from compmodel.replay import Replay


def still_due(run: Replay) -> pd.DataFrame:
    """Returns the balances of each person's last period in a run: due to the person, or negative, owed.

    Grain: one row a payee and adjustment that leaves one. Columns: payee_id, period, component, balance (pay currency),
    cost (the same in the reporting currency, at the period's rates, whole cents).
    """
    last = run.stage.people.groupby("payee_id")["period"].last()
    is_last = run.payouts["period"].to_numpy() == last.reindex(run.payouts["payee_id"]).to_numpy()
    rows = run.payouts[is_last & (run.payouts["balance"].fillna(0) != 0).to_numpy()].reset_index(drop=True)
    rate = rate_of(run.stage.rates, rows["period"], rows["currency"])
    found: pd.DataFrame = rows[["payee_id", "period", "component", "balance"]]
    return found.assign(cost=(rows["balance"] * rate).round(2))
