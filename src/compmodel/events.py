"""What an event counts as, and how much of it, by the plan's rule: its kind, and the share of it that metrics count.

The ledger always holds the whole movement, so opening plus movements is closing whatever a plan leaves out; metrics
read `counted_cents`. What is one company's churn is another's contraction, so the kind may be told from the balances.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from compmodel.documents import Number
from compmodel.errors import PlanError, Problem
from compmodel.money import nearest_cents
from compmodel.tables import GAINS, LOSSES

Reactivation = Literal["in_cohort", "own_class", "back_into_nrr", "netted"]
DAYS_A_YEAR = 365


class EventRule(BaseModel):
    """What an event counts as, and how much of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    churn_of: Literal["as_recorded", "account", "subscription"] = Field(
        "as_recorded",
        description="Which loss is a churn, any other being a contraction: as recorded, one that leaves the account "
        "without ARR, or one that leaves the subscription without.",
    )
    reactivation: Reactivation = Field(
        "in_cohort",
        description="in_cohort: a return counts where the account had opening ARR. own_class: never. back_into_nrr: as "
        "a gain in NRR, whenever the account left. netted: of an account with opening ARR, against what was lost.",
    )
    upsell: Literal["annualised", "to_renewal"] = Field(
        "annualised",
        description="An expansion in mid-term counts in full, or by the days left to the renewal over 365, at most 1.",
    )
    escalators: tuple[str, ...] = Field(
        (), description="Reasons of expansions already agreed in the contract, which do not count."
    )
    sourced_by: dict[str, Annotated[Number, Field(ge=0, le=1)]] = Field(
        {}, description="Share of a gain that counts, by who sourced it, such as {sales: 0.5}; in full if not named."
    )


def counted(moved: pd.DataFrame, rule: EventRule) -> pd.DataFrame:
    """Returns the movements with the kind they count as and `counted_cents`, what metrics count of each.

    Grain: one row an event, in the events' order. Raises PlanError listing the upsells whose renewal is not known.
    """
    kinds = moved["event_type"]
    if rule.churn_of != "as_recorded":
        kinds = _told_from_balances(moved, rule.churn_of)
    is_gain = kinds.isin(GAINS).to_numpy()
    share = np.ones(len(moved))
    if rule.sourced_by:
        share = np.where(is_gain, moved["sourced_by"].map(rule.sourced_by).astype(float).fillna(1.0), 1.0)
    if rule.upsell == "to_renewal":
        is_upsell = (kinds == "expansion").to_numpy() & ~moved["is_at_renewal"].to_numpy()
        share[is_upsell] *= _to_renewal(moved, is_upsell)
    if rule.escalators:
        share[(kinds == "expansion").to_numpy() & moved["reason"].isin(rule.escalators).to_numpy()] = 0.0
    return with_counted(moved.assign(event_type=kinds), share)


def with_counted(moved: pd.DataFrame, share: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Returns the movements with `counted_share` and `counted_cents`, that share of them in whole cents."""
    cents = moved["arr_cents"].to_numpy()
    some = cents if (share == 1).all() else nearest_cents(cents.astype(float) * share)
    return moved.assign(counted_share=share, counted_cents=some)


def _told_from_balances(moved: pd.DataFrame, churn_of: str) -> pd.Series:
    """The kinds, a loss being a churn where it leaves nothing of its account or subscription."""
    owner = moved["account_id"]
    if churn_of == "subscription":
        owner = owner + "\n" + moved["subscription_id"].fillna("")
    after = _after(moved, pd.factorize(owner)[0])
    is_loss = moved["event_type"].isin(LOSSES).to_numpy()
    return moved["event_type"].mask(is_loss & (after <= 0), "churn").mask(is_loss & (after > 0), "contraction")


def _after(moved: pd.DataFrame, owner: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """ARR in cents of each event's owner after it, in the order of effective dates, gains of a day first."""
    cents = moved["arr_cents"].to_numpy()
    order = np.lexsort((moved["event_rank"].to_numpy(), cents < 0, moved["effective_on"].to_numpy(), owner))
    after = np.empty(len(moved), dtype=np.int64)
    after[order] = pd.Series(cents[order]).groupby(owner[order], sort=False).cumsum().to_numpy()
    return after


def _to_renewal(moved: pd.DataFrame, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Days from each chosen event to its contract's renewal over 365, at most 1.

    The renewal is the event's own `due_on`, or the end of the term that the last start or renewal of the subscription
    has named.
    """
    columns = ["account_id", "subscription_id", "effective_on"]
    terms = moved.loc[moved["term_months"].notna(), [*columns, "term_months"]]
    terms = terms.assign(term_starts_on=terms["effective_on"]).sort_values("effective_on", kind="stable")
    upsells = moved.loc[chosen, ["event_id", *columns, "due_on"]].reset_index(drop=True)
    by = columns[:2]
    asked = upsells.assign(position=upsells.index).sort_values("effective_on", kind="stable")
    for frame in (terms, asked):
        frame["subscription_id"] = frame["subscription_id"].fillna("")
    found = pd.merge_asof(asked, terms, on="effective_on", by=by).set_index("position").sort_index()
    months = found["term_months"].fillna(0).astype(np.int64).to_numpy()
    starts = found["term_starts_on"].to_numpy(dtype="datetime64[s]")
    ends = _months_later(starts, months)
    due = upsells["due_on"].to_numpy(dtype="datetime64[s]")
    renewal = np.where(np.isnat(due), ends, due + np.timedelta64(1, "D"))
    days = (renewal - upsells["effective_on"].to_numpy(dtype="datetime64[s]")) // np.timedelta64(1, "D")
    unknown = np.isnat(renewal) | (days <= 0)
    if unknown.any():
        rule = "has no renewal after it, which events.upsell: to_renewal needs"
        fix = "Fill due_on, or term_months of its contract's start or renewal; or write upsell: annualised."
        ids = upsells.loc[unknown, "event_id"]
        raise PlanError([Problem("arr_events", rule, fix, "event_id", value=str(name)) for name in ids])
    share: npt.NDArray[np.float64] = np.minimum(days.astype(float) / DAYS_A_YEAR, 1.0)
    return share


def _months_later(days: npt.NDArray[np.datetime64], months: npt.NDArray[Any]) -> npt.NDArray[np.datetime64]:
    """The same day of the month so many months later; the month's last where it has none such."""
    month = days.astype("datetime64[M]")
    later = month + months.astype("timedelta64[M]")
    last = (later + 1).astype("datetime64[D]") - later.astype("datetime64[D]") - np.timedelta64(1, "D")
    found: npt.NDArray[np.datetime64] = later.astype("datetime64[D]") + np.minimum(
        (days.astype("datetime64[D]") - month.astype("datetime64[D]")), last
    )
    return found.astype("datetime64[s]")
