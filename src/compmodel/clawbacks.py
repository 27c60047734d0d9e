"""What a clawback takes back on a history: of the pay for each gain, a share, when the gain's account leaves.

Pay for a gain is its part of what the component paid that person in that period, so it is taken back at the rate paid,
in the period of the loss or, of who is on leave then, in the next one. An account leaves with its last ARR, or with the
gain's own subscription. Gains credited before the periods replayed are not known; who has left the plan since, hired
again or not, pays nothing back, nor who is paid by a team's figure, in which their own gains are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.balances import half_up
from compmodel.books import EXCLUDED
from compmodel.chain_lines import rows_of
from compmodel.components import Component
from compmodel.events import SMALLEST_AMOUNT
from compmodel.money import Cents, exact
from compmodel.settlement import Clawback
from compmodel.tables import GAINS, UNASSIGNED

MONTHS_A_YEAR = 12


def recovered_cents(
    rule: Clawback,
    component: Component,
    cents: Cents,
    people: pd.DataFrame,
    credits: pd.DataFrame,
    events: pd.DataFrame,
    rates: pd.DataFrame,
    step: int = 1,
) -> Cents:
    """Returns what is taken back in each row of people, in whole steps of so many cents.

    `cents` is what the component paid in each row; `credits` are those of its baseline; `rates` convert pay, of the
    period in which it is taken back. What is taken of a row's pay over time adds up to no more than it, to the cent.
    """
    rows: dict[str, list[tuple[str, int]]] = {}
    is_own = component.level.shares(people["role"]).get("individual", np.zeros(len(people))) == 1
    for period, row, payee in sorted(zip(people["period"], range(len(people)), people["payee_id"], strict=True)):
        rows.setdefault(payee, []).append((period, row))  # names of periods rise with time
    gains, lost = _gains(component, credits, events), _lost(credits, events)
    wholes = gains.groupby(["payee_id", "period"], observed=True)["cents"].sum().to_dict()
    currency, leaves = people["currency"].tolist(), people["leaves"].tolist()
    taken: dict[int, dict[tuple[str, int], Fraction]] = {}  # by the row that paid, then by when and where it is taken
    for gain in rows_of(gains):
        mine = rows.get(str(gain.payee_id), [])
        left = next((one for one in lost.get(str(gain.account_id), ()) if one.ends(gain)), None)
        paid_in = next((row for period, row in mine if period == gain.period), None)
        if left is None or paid_in is None or not is_own[paid_in]:
            continue
        since = max(left.period, str(gain.period))
        at, row = next(((period, row) for period, row in mine if period >= since), ("", -1))
        if row < 0 or any(leaves[before] for period, before in mine if gain.period <= period < at):
            continue
        paid = Fraction(int(cents[paid_in]) * int(gain.cents), int(wholes[gain.payee_id, gain.period]))
        if currency[paid_in] != currency[row]:
            paid *= exact(float(rates.loc[at, currency[paid_in]])) / exact(float(rates.loc[at, currency[row]]))
        term = rule.term_months or MONTHS_A_YEAR
        if gain.term_months > 0:
            term = int(gain.term_months)
        days, months = (left.on - gain.credited_on).days, _months(gain.credited_on, left.on)
        of_row = taken.setdefault(paid_in, {})
        of_row[at, row] = of_row.get((at, row), Fraction(0)) + paid * rule.share(days, max(Fraction(0), months), term)
    found = np.zeros(len(people), dtype=np.int64)
    for of_row in taken.values():
        so_far, before = Fraction(0), 0
        for (_, row), amount in sorted(of_row.items()):
            so_far += amount
            upto = half_up(so_far / step) * step
            found[row] += upto - before
            before = upto
    return found


def _gains(component: Component, credits: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """What a component paid for: a row a credit with payee, account, period, day, cents and the event's term."""
    mine = credits[credits["payee_id"] != UNASSIGNED]
    if component.qualifies is not None:
        mine = mine[component.qualifies.of(mine, events)]
    amount = mine["counted_cents"].where(mine["event_type"].isin(GAINS), mine["renewed_cents"])
    if component.metric == "expansion_arr":
        amount = amount.where(mine["event_type"] == "expansion", 0)
    at = pd.Index(events["event_id"]).get_indexer(pd.Index(mine["event_id"]))
    of_event = {name: events[name].take(at).to_numpy() for name in ("term_months", "effective_on")}
    found = mine.assign(cents=amount, subscription=_subscriptions(events)[at], **of_event)
    return found[found["cents"] > 0]


class _Loss(NamedTuple):
    """A churn: when it takes effect, when and in which period it counts, and the subscription that ends with it.

    `subscription`: None where all of the account ends.
    """

    effective_on: pd.Timestamp
    on: pd.Timestamp
    period: str
    subscription: str | None

    def ends(self, gain: Any) -> bool:
        """Tells whether what was gained is gone with it."""
        return self.subscription in (None, gain.subscription) and bool(self.effective_on > gain.effective_on)


def _subscriptions(events: pd.DataFrame) -> npt.NDArray[Any]:
    """The subscription of each event; what is not told apart is one of its own."""
    named: npt.NDArray[Any] = events["subscription_id"].fillna("").to_numpy(dtype=object)
    return named


def _lost(credits: pd.DataFrame, events: pd.DataFrame) -> dict[str, list[_Loss]]:
    """Each account's churns in order, that leave nothing of it or of their subscription and count for somebody."""
    of = events[["event_id", "account_id", "effective_on", "arr_delta"]].assign(subscription=_subscriptions(events))
    of = of.sort_values("effective_on", kind="stable")
    is_out = credits["why"].astype("str").str.startswith(EXCLUDED)
    churns = credits[(credits["event_type"] == "churn") & ~is_out].drop_duplicates("event_id")
    at = of.take(pd.Index(of["event_id"]).get_indexer(pd.Index(churns["event_id"])))
    gone = []
    for owner in (["account_id"], ["account_id", "subscription"]):
        of_day = of.groupby([*owner, "effective_on"])["arr_delta"].sum()
        is_left = of_day.groupby(level=list(range(len(owner)))).cumsum() < SMALLEST_AMOUNT
        gone.append(is_left.reindex(pd.MultiIndex.from_frame(at[[*owner, "effective_on"]])).to_numpy(dtype=bool))
    found: dict[str, list[_Loss]] = {}
    for loss, event, whole, part in zip(rows_of(churns), rows_of(at), *gone, strict=True):
        if whole or part:
            one = _Loss(event.effective_on, loss.credited_on, str(loss.period), None if whole else event.subscription)
            found.setdefault(str(loss.account_id), []).append(one)
    return {account: sorted(mine, key=lambda one: (one.effective_on, one.on)) for account, mine in found.items()}


def _months(first: pd.Timestamp, last: pd.Timestamp) -> Fraction:
    """Whole months served."""
    return Fraction((last.year - first.year) * MONTHS_A_YEAR + last.month - first.month - (last.day < first.day))


def clawbacks(adjustments: Sequence[Any]) -> Iterator[tuple[int, Clawback]]:
    """Returns a plan's clawbacks with their positions among its adjustments."""
    return ((position, rule) for position, rule in enumerate(adjustments) if isinstance(rule, Clawback))
