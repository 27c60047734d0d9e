"""Who a change in ARR counts for, and on which day.

`movements` converts events to whole cents of the reporting currency, `credit` places each on its credit date and in
the book of whoever holds the account that day, `opening_books` says what each book held when a period opened. Shares
are cut in whole cents, so all payees plus `(unassigned)` always add up to the company, to the cent.

A book is opened by the holder on the period's first day; a movement goes to the holder on its credit date. Opening
ARR is the sum of all movements credited before the period, so opening plus movements is closing for any credit rule.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from compmodel.errors import PlanError, Problem
from compmodel.exchange import constant_cents
from compmodel.money import Cents, nearest_cents
from compmodel.periods import Period, period_edges
from compmodel.tables import UNASSIGNED

DateColumn = Literal["notice_on", "signed_on", "effective_on", "due_on", "ends_on", "invoiced_on", "paid_on"]
DateRule = Annotated[
    tuple[DateColumn, ...],
    BeforeValidator(lambda rule: (rule,) if isinstance(rule, str) else rule),
    Field(min_length=1),
]
Indices = npt.NDArray[np.intp]
Payees = npt.NDArray[np.object_]
Splits = npt.NDArray[np.float64]


class CreditRule(BaseModel):
    """The date that credits each type of event: one column, or a list of which the first filled one counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    churn: DateRule = Field(description="Day a churn counts.")
    contraction: DateRule = Field(description="Day a contraction counts.")
    renewal: DateRule = Field(description="Day a renewal counts.")
    expansion: DateRule = Field(description="Day an expansion counts.")
    new: DateRule = Field(("effective_on",), description="Day a new customer counts.")
    reactivation: DateRule = Field(("effective_on",), description="Day a returning customer counts.")


def credit_dates(events: pd.DataFrame, rule: CreditRule) -> pd.Series:
    """Returns the credit date of each event, in the events' order. Raises PlanError listing events without one."""
    dates = np.full(len(events), np.datetime64("NaT", "s"))
    kinds, problems = events["event_type"].to_numpy(dtype=object), []
    for event_type in CreditRule.model_fields:
        columns: tuple[str, ...] = getattr(rule, event_type)
        mine = np.flatnonzero(kinds == event_type)
        for column in columns:
            empty = mine[np.isnat(dates[mine])]
            dates[empty] = events[column].to_numpy()[empty]
        for event_id in events["event_id"].take(mine[np.isnat(dates[mine])]):
            problems.append(
                Problem(
                    "arr_events",
                    f"has no {' or '.join(columns)}, which credit_on.{event_type} needs",
                    f"Fill the date, or give a list such as credit_on: {{{event_type}: [{columns[0]}, effective_on]}}.",
                    "event_id",
                    value=str(event_id),
                )
            )
    if problems:
        raise PlanError(problems)
    return pd.Series(dates, index=events.index)


def movements(events: pd.DataFrame, rates: dict[str, float]) -> pd.DataFrame:
    """Returns the events with `rate`, and `arr_cents`, `renewed_cents` in the reporting currency.

    Grain: one row an event, in the events' order. Each account's running balance is converted and rounded, and a
    movement is the difference of two balances: an account that has lost all its ARR stands at exactly 0.
    """
    account = pd.factorize(events["account_id"] + "\n" + events["currency"])[0]
    delta, name = events["arr_delta"].to_numpy(), pd.factorize(events["event_id"], sort=True)[0]
    order = np.lexsort([name, delta < 0, events["effective_on"].to_numpy(), account])
    balance = pd.Series(delta[order]).groupby(account[order], sort=False).cumsum()
    cents = constant_cents(balance, events["currency"].take(order), rates)
    step = np.diff(cents, prepend=0)
    opens = np.flatnonzero(np.diff(account[order], prepend=-1))
    step[opens] = cents[opens]
    arr_cents = np.empty_like(step)
    arr_cents[order] = step
    return events.assign(
        rate=events["currency"].map(rates).astype(float),
        arr_cents=arr_cents,
        renewed_cents=constant_cents(events["renewed_arr"].fillna(0.0), events["currency"], rates),
    )


def dated(moved: pd.DataFrame, rule: CreditRule) -> pd.DataFrame:
    """Returns the movements with the day each is credited, `credited_on`. Raises PlanError for events without one."""
    return moved.assign(credited_on=credit_dates(moved, rule))


def held_by(account_id: pd.Series, on: pd.Series, assignments: pd.DataFrame) -> tuple[Indices, Indices]:
    """Returns pairs (row, assignment): positions of each row and of every assignment that holds its account that day.

    Pairs are ordered by row, then payee.
    """
    account, names = pd.factorize(assignments["account_id"])
    payee = pd.factorize(assignments["payee_id"], sort=True)[0]
    order = np.lexsort((assignments["starts_on"].to_numpy(), payee, account))
    codes = account[order]
    rows = pd.Index(names).get_indexer(pd.Index(account_id))
    first, last = np.searchsorted(codes, rows, "left"), np.searchsorted(codes, rows, "right")
    n_spans = np.where(rows >= 0, last - first, 0)
    row = np.repeat(np.arange(len(rows)), n_spans)
    span = order[np.arange(n_spans.sum()) + np.repeat(first - (np.cumsum(n_spans) - n_spans), n_spans)]
    day = on.to_numpy()[row]
    starts, ends = assignments["starts_on"].to_numpy()[span], assignments["ends_on"].to_numpy()[span]
    inside = (starts <= day) & ~(ends < day)
    return row[inside], span[inside]


def holders(account_id: pd.Series, on: pd.Series, assignments: pd.DataFrame) -> tuple[Indices, Payees, Splits]:
    """Returns (row, payee_id, split): who holds each row's account that day, `(unassigned)` for what is left of it."""
    row, span = held_by(account_id, on, assignments)
    split = assignments["split"].to_numpy()[span]
    left = 1 - np.bincount(row, split, minlength=len(account_id))
    nobody = np.flatnonzero(np.round(left, 9) > 0)
    payee = np.r_[assignments["payee_id"].to_numpy(dtype=object)[span], np.full(len(nobody), UNASSIGNED, dtype=object)]
    row, split = np.r_[row, nobody], np.r_[split, left[nobody]]
    order = np.argsort(row, kind="stable")
    return row[order], payee[order], split[order]


def share_cents(amounts: Cents, row: Indices, split: npt.NDArray[np.float64]) -> Cents:
    """Returns each pair's share of `amounts[row]` in whole cents; a row's shares add up to its rounded whole share.

    >>> share_cents(np.array([100]), np.array([0, 0, 0]), np.array([1 / 3, 1 / 3, 1 / 3])).tolist()
    [33, 34, 33]
    """
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if len(row) else np.array([], dtype=np.intp)
    running = pd.Series(split).groupby(row, sort=False).cumsum().to_numpy(dtype=float)
    through = np.where(running > 1 - 1e-9, 1.0, running)
    upto = nearest_cents(amounts[row].astype(np.float64) * through)
    before = np.r_[0, upto[:-1]] if len(row) else upto
    before[starts] = 0
    return upto - before


def credit(moved: pd.DataFrame, assignments: pd.DataFrame, periods: tuple[Period, ...]) -> pd.DataFrame:
    """Returns who is credited what, when, for the movements credited in the periods.

    Grain: one row an event and payee; what nobody holds goes to the payee `(unassigned)`.
    Columns: event_id, account_id, event_type, is_at_renewal, arr_delta, currency, rate, credited_on, period, payee_id,
    split, credited_cents, renewed_cents (reporting currency), opening_cents (the whole account's).
    """
    position = _period_of(moved["credited_on"], periods)
    inside = (position >= 0) & (position < len(periods))
    placed, position = moved[inside].reset_index(drop=True), position[inside]
    opening = _opening_cents(moved, periods)
    accounts = opening.index.get_indexer(pd.Index(placed["account_id"]))
    row, payee_id, split = holders(placed["account_id"], placed["credited_on"], assignments)
    columns = ["event_id", "account_id", "event_type", "is_at_renewal", "arr_delta", "currency", "rate", "credited_on"]
    credits = placed[columns].take(row).reset_index(drop=True)
    return credits.assign(
        period=_named(position[row], periods),
        payee_id=pd.Series(payee_id, dtype="str"),
        split=split,
        credited_cents=share_cents(placed["arr_cents"].to_numpy(), row, split),
        renewed_cents=share_cents(placed["renewed_cents"].to_numpy(), row, split),
        opening_cents=opening.to_numpy()[accounts, position][row],
    )


def opening_books(moved: pd.DataFrame, assignments: pd.DataFrame, periods: tuple[Period, ...]) -> pd.DataFrame:
    """Returns the ARR each payee held when each period opened, by the credit rule's own dates.

    Grain: one row a payee, account and period with opening ARR; `(unassigned)` takes what nobody holds.
    Columns: payee_id, account_id, period, split, opening_cents.
    """
    opening = _opening_cents(moved, periods)
    account, position = np.nonzero(opening.to_numpy())
    account_id = pd.Series(opening.index.to_numpy(dtype=object)[account], dtype="str")
    starts = pd.Series(period_edges(periods)[:-1].astype("datetime64[s]"))
    row, payee_id, split = holders(account_id, starts.take(position), assignments)
    return pd.DataFrame(
        {
            "payee_id": pd.Series(payee_id, dtype="str"),
            "account_id": account_id.take(row).array,
            "period": _named(position[row], periods),
            "split": split,
            "opening_cents": share_cents(opening.to_numpy()[account, position], row, split),
        }
    )


def kpi_credits(kpis: pd.DataFrame, assignments: pd.DataFrame, kpi: str, periods: tuple[Period, ...]) -> pd.DataFrame:
    """Returns each count of a KPI by payee; an account's counts go to who holds it that day, by split.

    Grain: one row a count and payee, of the counts within the periods. Columns: payee_id, period, attained.
    """
    position = _period_of(kpis["on"], periods)
    inside = (kpis["kpi"] == kpi).to_numpy() & (position >= 0) & (position < len(periods))
    mine = kpis[inside].assign(period=_named(position[inside], periods).array)
    is_own = mine["payee_id"].notna()
    own, of_accounts = mine[is_own], mine[~is_own]
    row, payee_id, split = holders(of_accounts["account_id"], of_accounts["on"], assignments)
    held = of_accounts.take(row).assign(payee_id=pd.array(payee_id, dtype="str"))
    held["attained"] *= split
    return pd.concat([own, held], ignore_index=True)[["payee_id", "period", "attained"]]


def _named(position: Indices, periods: tuple[Period, ...]) -> pd.Series:
    names = pd.Series([period.name for period in periods], dtype="str")
    return names.take(position).reset_index(drop=True)


def _period_of(on: pd.Series, periods: tuple[Period, ...]) -> Indices:
    """Position of the period each day falls in: -1 before the first, n after the last."""
    edges = period_edges(periods).astype("datetime64[s]")
    return np.searchsorted(edges, on.to_numpy().astype("datetime64[s]"), "right") - 1


def _opening_cents(moved: pd.DataFrame, periods: tuple[Period, ...]) -> pd.DataFrame:
    """Opening ARR in cents: one row an account, one column a period."""
    n = len(periods)
    position = _period_of(moved["credited_on"], periods)
    codes, accounts = pd.factorize(moved["account_id"])
    counted = position < n - 1
    cell = codes[counted] * n + position[counted] + 1
    steps = np.bincount(cell, moved["arr_cents"].to_numpy()[counted], minlength=len(accounts) * n)
    opening = np.cumsum(steps.reshape(len(accounts), n), axis=1)
    return pd.DataFrame(np.rint(opening).astype(np.int64), index=pd.Index(accounts, name="account_id"))
