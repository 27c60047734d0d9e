"""Which credited events a component counts or pays for: SPIFFs for multi-year renewals, bounties on certain deals."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from compmodel.documents import Count, Day, Number
from compmodel.measurement import Ledger, PlacedLedger

EventType = Literal["new", "expansion", "contraction", "churn", "reactivation", "renewal"]
TINY = 1e-6


class Qualifies(BaseModel):
    """What an event must be to qualify; all that is written must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    event_types: tuple[EventType, ...] = Field(min_length=1, description="Types of event, as the plan counts them.")
    at_renewal: bool | None = Field(None, description="Only events at a renewal, or only others.")
    min_term_months: Count | None = Field(None, ge=1, description="Term of at least so many months.")
    min_arr: Number | None = Field(
        None, gt=0, description="The whole event moves or renews at least so much ARR (reporting currency)."
    )
    starts_on: Day | None = Field(None, description="Credited on this day or later.")
    ends_on: Day | None = Field(None, description="Credited on this day or before.")
    sourced_by: tuple[str, ...] = Field((), description="Sourced by one of these.")

    def of(self, credits: pd.DataFrame, events: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Tells which credits are of events that qualify."""
        row = events.iloc[pd.Index(events["event_id"]).get_indexer(pd.Index(credits["event_id"]))]
        found = credits["event_type"].isin(self.event_types).to_numpy(copy=True)
        if self.at_renewal is not None:
            found &= credits["is_at_renewal"].to_numpy() == self.at_renewal
        if self.min_term_months is not None:
            found &= (row["term_months"].fillna(0) >= self.min_term_months).to_numpy()
        if self.min_arr is not None:
            local = np.fmax(row["arr_delta"].abs().to_numpy(dtype=float), row["renewed_arr"].to_numpy(dtype=float))
            found &= local * credits["rate"].to_numpy() >= self.min_arr - TINY
        on = credits["credited_on"]
        if self.starts_on is not None:
            found &= (on >= pd.Timestamp(self.starts_on)).to_numpy()
        if self.ends_on is not None:
            found &= (on <= pd.Timestamp(self.ends_on)).to_numpy()
        if self.sourced_by:
            found &= row["sourced_by"].isin(self.sourced_by).to_numpy()
        return found


def qualified(found: PlacedLedger, rule: Qualifies | None, events: pd.DataFrame) -> PlacedLedger:
    """Returns a ledger with the credits alone that qualify; as it is without a rule."""
    if rule is None:
        return found
    kept = np.flatnonzero(rule.of(found.ledger.credits, events))
    credits = found.ledger.credits.take(kept).reset_index(drop=True)
    return PlacedLedger(Ledger(credits, found.ledger.books), found.credit_row[kept], found.book_row)
