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

from compmodel.codes import categorical, order_by
from compmodel.documents import Number
from compmodel.errors import PlanError, Problem
from compmodel.money import nearest_cents
from compmodel.tables import GAINS, LOSSES

Reactivation = Literal["in_cohort", "own_class", "back_into_nrr", "netted"]
DAYS_A_YEAR = 365
SMALLEST_AMOUNT = 0.005
"""What is below half a cent is nothing, also after sums of floats."""


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
        description="in_cohort: a return counts in NRR and GRR where the account had opening ARR. own_class: in "
        "neither, nor in the quick ratio. back_into_nrr: as a gain in NRR and its bridge, whenever the account left. "
        "netted: of an account with opening ARR, against what was lost, in every loss too.",
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
    """Returns the movements with the kind they count as, `counted_share` and `counted_cents`, what metrics count.

    Grain: one row an event, in the events' order. The share of an upsell whose renewal is not known is empty: see
    `refuse_unknown`.
    """
    kinds = moved["event_type"]
    if rule.churn_of != "as_recorded":
        kinds = _told_from_balances(moved, rule.churn_of)
    share = np.ones(len(moved))
    if rule.sourced_by:
        is_gain = kinds.isin(GAINS).to_numpy()
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
    some = cents if (share == 1).all() else nearest_cents(cents.astype(float) * np.nan_to_num(share, nan=1.0))
    return moved.assign(counted_share=share, counted_cents=some)


def refuse_unknown(moved: pd.DataFrame, first: np.datetime64, last: np.datetime64) -> None:
    """Raises PlanError when an upsell credited from the first to the last day has no known share of a year."""
    on = moved["credited_on"].to_numpy(dtype="datetime64[s]")
    names = moved.loc[moved["counted_share"].isna().to_numpy() & (first <= on) & (on <= last), "event_id"].tolist()
    if names:
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        rule = f"has no renewal after {listed}: none is known, or the last one known is past"
        fix = "Fill due_on, or term_months of the contract's start or renewal; or write events.upsell: annualised."
        raise PlanError([Problem("arr_events", rule, fix, "due_on")])


def _told_from_balances(moved: pd.DataFrame, churn_of: str) -> pd.Series:
    """The kinds, a loss being a churn where it leaves nothing of its account or subscription."""
    kinds = moved["event_type"].astype("str")
    account = moved["account_id"].astype("str")
    if churn_of == "account":
        is_gone = _after(moved, account, moved["arr_cents"].to_numpy()) <= 0
    else:  # in its own currency: cents of the reporting one end at 0 for the account, not for each subscription
        owner = account + "\n" + moved["subscription_id"].fillna("") + "\n" + moved["currency"].astype("str")
        is_gone = _after(moved, owner, moved["arr_delta"].to_numpy()) < SMALLEST_AMOUNT
    is_loss = kinds.isin(LOSSES).to_numpy()
    return categorical(kinds.mask(is_loss & is_gone, "churn").mask(is_loss & ~is_gone, "contraction"))


def _after(moved: pd.DataFrame, owner: pd.Series, amounts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Balance of each event's owner after it, in the order of effective dates, gains of a day first."""
    number = pd.factorize(owner)[0]
    order = order_by(moved["event_id"], number, moved["effective_on"].to_numpy(), amounts < 0)
    after = np.empty_like(amounts)
    after[order] = pd.Series(amounts[order]).groupby(number[order], sort=False).cumsum().to_numpy()
    return after


def _to_renewal(moved: pd.DataFrame, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Days from each chosen event to its contract's renewal over 365, at most 1.

    The renewal is the event's own `due_on`, or the end of the term that the last start or renewal of the subscription
    has named.
    """
    columns = ["account_id", "subscription_id", "effective_on"]
    begins = moved["term_months"].notna() & moved["event_type"].isin(["new", "renewal", "reactivation"])
    terms = moved.loc[begins, [*columns, "term_months"]]
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
    known = ~np.isnat(renewal)
    days = np.zeros(len(upsells))
    days[known] = (renewal - upsells["effective_on"].to_numpy(dtype="datetime64[s]"))[known] // np.timedelta64(1, "D")
    share: npt.NDArray[np.float64] = np.where(days > 0, np.minimum(days / DAYS_A_YEAR, 1.0), np.nan)
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
