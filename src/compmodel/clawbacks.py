"""What a clawback takes back on a history: of the pay for each gain, a share, when the gain's account churns.

Pay for a gain is its part of what the component paid that person in that period, so it is taken back at the rate paid.
Gains credited before the periods replayed are not known, and who has left the plan pays nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from compmodel.balances import half_up
from compmodel.books import BOOK
from compmodel.chain_lines import rows_of
from compmodel.components import Component
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
    rows = {key: row for row, key in enumerate(zip(people["payee_id"], people["period"], strict=True))}
    gains, churned = _gains(component, credits, events), _churned(credits)
    wholes = gains.groupby(["payee_id", "period"], observed=True)["cents"].sum().to_dict()
    found, currency = np.zeros(len(people), dtype=np.int64), people["currency"].tolist()
    for gain in rows_of(gains):
        paid_in = rows.get((str(gain.payee_id), str(gain.period)))
        later = ((on, period) for on, period in churned.get(str(gain.account_id), ()) if on > gain.credited_on)
        left = next(later, None)  # an account leaves a gain once
        row = rows.get((str(gain.payee_id), left[1])) if left else None
        if paid_in is None or row is None or left is None:
            continue
        on = left[0]
        paid = Fraction(int(cents[paid_in]) * int(gain.cents), int(wholes[gain.payee_id, gain.period]))
        if currency[paid_in] != currency[row]:
            was, is_now = (exact(float(rates.loc[left[1], currency[at]])) for at in (paid_in, row))
            paid *= was / is_now
        term = int(gain.term_months) if gain.term_months == gain.term_months else rule.term_months or MONTHS_A_YEAR
        days = (on - gain.credited_on).days
        found[row] += half_up(paid * rule.share(days, _months(gain.credited_on, on), term))
    return found


def _gains(component: Component, credits: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """What a component paid for: a row a credit with payee, account, period, day, cents and the event's term."""
    mine = credits[(credits["kind"] == BOOK) & (credits["payee_id"] != UNASSIGNED)]
    if component.qualifies is not None:
        mine = mine[component.qualifies.of(mine, events)]
    amount = mine["counted_cents"].where(mine["event_type"].isin(GAINS), mine["renewed_cents"])
    if component.metric == "expansion_arr":
        amount = amount.where(mine["event_type"] == "expansion", 0)
    at = pd.Index(events["event_id"]).get_indexer(pd.Index(mine["event_id"]))
    found = mine.assign(cents=amount, term_months=events["term_months"].take(at).astype(float).to_numpy())
    return found[found["cents"] > 0]


def _churned(credits: pd.DataFrame) -> dict[str, list[tuple[Any, str]]]:
    """Days on which each account churned, with their periods, in order."""
    losses = credits[credits["event_type"] == "churn"].sort_values("credited_on", kind="stable")
    found: dict[str, list[tuple[Any, str]]] = {}
    for loss in rows_of(losses.drop_duplicates("event_id")):
        found.setdefault(str(loss.account_id), []).append((loss.credited_on, str(loss.period)))
    return found


def _months(first: pd.Timestamp, last: pd.Timestamp) -> Fraction:
    """Whole months served."""
    return Fraction((last.year - first.year) * MONTHS_A_YEAR + last.month - first.month - (last.day < first.day))


def clawbacks(adjustments: Sequence[Any]) -> Iterator[tuple[int, Clawback]]:
    """Returns a plan's clawbacks with their positions among its adjustments."""
    return ((position, rule) for position, rule in enumerate(adjustments) if isinstance(rule, Clawback))
