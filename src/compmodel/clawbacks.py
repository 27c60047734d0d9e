"""What a clawback takes back on a history: of the pay for each gain, a share, when the gain's account leaves.

Pay for a gain is its part of what the component paid that person in that period, so it is taken back at the rate paid,
in the period of the loss or, of who is on leave then, in the next one. An account leaves with its last ARR, or with the
gain's own subscription. Gains credited before the periods replayed are not known, and who has left the plan since,
hired again or not, pays nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
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
) -> Cents:
    """Returns what is taken back in each row of people, in whole cents.

    `cents` is what the component paid in each row; `credits` are those of its baseline; `rates` convert pay, of the
    period in which it is taken back.
    """
    rows: dict[str, list[tuple[str, int]]] = {}
    for period, row, payee in sorted(zip(people["period"], range(len(people)), people["payee_id"], strict=True)):
        rows.setdefault(payee, []).append((period, row))  # names of periods rise with time
    gains, lost = _gains(component, credits, events), _lost(credits, events)
    wholes = gains.groupby(["payee_id", "period"], observed=True)["cents"].sum().to_dict()
    found, currency, leaves = [Fraction(0)] * len(people), people["currency"].tolist(), people["leaves"].tolist()
    for gain in rows_of(gains):
        mine = rows.get(str(gain.payee_id), [])
        left = next((one for one in lost.get(str(gain.account_id), ()) if one.ends(gain)), None)
        paid_in = next((row for period, row in mine if period == gain.period), None)
        if left is None or paid_in is None:
            continue
        at, row = next(((period, row) for period, row in mine if period >= left.period), ("", -1))
        if row < 0 or any(leaves[before] for period, before in mine if gain.period <= period < at):
            continue
        paid = Fraction(int(cents[paid_in]) * int(gain.cents), int(wholes[gain.payee_id, gain.period]))
        if currency[paid_in] != currency[row]:
            paid *= exact(float(rates.loc[at, currency[paid_in]])) / exact(float(rates.loc[at, currency[row]]))
        term = rule.term_months or MONTHS_A_YEAR
        if gain.term_months > 0:
            term = int(gain.term_months)
        days = (left.on - gain.credited_on).days
        found[row] += paid * rule.share(days, _months(gain.credited_on, left.on), term)
    return np.array([half_up(whole) for whole in found], dtype=np.int64)


def _gains(component: Component, credits: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """What a component paid for: a row a credit with payee, account, period, day, cents and the event's term."""
    mine = credits[credits["payee_id"] != UNASSIGNED]
    if component.qualifies is not None:
        mine = mine[component.qualifies.of(mine, events)]
    amount = mine["counted_cents"].where(mine["event_type"].isin(GAINS), mine["renewed_cents"])
    if component.metric == "expansion_arr":
        amount = amount.where(mine["event_type"] == "expansion", 0)
    at = pd.Index(events["event_id"]).get_indexer(pd.Index(mine["event_id"]))
    of_event = {name: events[name].take(at).to_numpy() for name in ("term_months", "subscription_id")}
    found = mine.assign(cents=amount, **of_event)
    return found[found["cents"] > 0]


class _Loss(NamedTuple):
    """A churn: when and in which period it counts, and the subscription that ends, empty where the account does."""

    on: pd.Timestamp
    period: str
    subscription_id: object

    def ends(self, gain: Any) -> bool:
        """Tells whether what was gained is gone with it."""
        return self.subscription_id in (None, gain.subscription_id) and bool(self.on > gain.credited_on)


def _lost(credits: pd.DataFrame, events: pd.DataFrame) -> dict[str, list[_Loss]]:
    """Each account's churns in order, but those that count for nobody."""
    is_out = credits["why"].astype("str").str.startswith(EXCLUDED)
    churns = credits[(credits["event_type"] == "churn") & ~is_out].drop_duplicates("event_id")
    of = events[["event_id", "account_id", "effective_on", "arr_delta", "subscription_id"]]
    balance = of.sort_values("effective_on", kind="stable").groupby(["account_id", "effective_on"])["arr_delta"].sum()
    left = balance.groupby(level=0).cumsum() < SMALLEST_AMOUNT
    at = of.take(pd.Index(of["event_id"]).get_indexer(pd.Index(churns["event_id"])))
    is_last = left.reindex(pd.MultiIndex.from_frame(at[["account_id", "effective_on"]])).to_numpy(dtype=bool)
    subscriptions = zip(at["subscription_id"], is_last | at["subscription_id"].isna(), strict=True)
    named = [None if is_whole else subscription for subscription, is_whole in subscriptions]
    found: dict[str, list[_Loss]] = {}
    for loss, subscription_id in zip(rows_of(churns), named, strict=True):
        one = _Loss(loss.credited_on, str(loss.period), subscription_id)
        found.setdefault(str(loss.account_id), []).append(one)
    return {account: sorted(mine, key=lambda one: one.on) for account, mine in found.items()}


def _months(first: pd.Timestamp, last: pd.Timestamp) -> Fraction:
    """Whole months served."""
    return Fraction((last.year - first.year) * MONTHS_A_YEAR + last.month - first.month - (last.day < first.day))


def clawbacks(adjustments: Sequence[Any]) -> Iterator[tuple[int, Clawback]]:
    """Returns a plan's clawbacks with their positions among its adjustments."""
    return ((position, rule) for position, rule in enumerate(adjustments) if isinstance(rule, Clawback))
