"""Whose book an account is in, by the plan's rule: shares of each account over days, and why a share is nobody's.

A book may follow the account to whoever holds it on the day, stay with the holder at opening, or be weighted by days.
Opening ARR and movements follow the same rule. What a rule takes from a payee goes to `(unassigned)` with the reason,
so the shares of an account always add up to 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.codes import position
from compmodel.documents import Number
from compmodel.holders import ONE_DAY, Days, Indices, Shares, Spans, Splits, ordered

Names = npt.NDArray[np.object_]
BOOK = "book"
EXCLUDED = "excluded: "
Pick = Literal["first", "weighted"]
Holder = Literal["credit_date", "opening", "time_weighted"]


class Exclusion(BaseModel):
    """An account, or events of a reason, that count for nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str | None = Field(None, description="The account left out.")
    reason: str | None = Field(
        None, description="The events' reason, such as bankruptcy, whose movements are left out."
    )
    because: str = Field(min_length=1, description="Why, as it will stand in the statement.")

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Exclusion:
        if (self.account_id is None) == (self.reason is None):
            raise ValueError("must name either an account_id or a reason. Write exactly one of the two.")
        return self


class Overlay(BaseModel):
    """Credit beside the books: all accounts of a region or segment to everyone in a role."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    role: str = Field(description="Role of the payees credited, on the credit date.")
    region: str | None = Field(None, description="Only accounts of this region.")
    segment: str | None = Field(None, description="Only accounts of this segment.")
    share: Number = Field(1.0, gt=0, le=1, description="Share of each movement.")


class BookRule(BaseModel):
    """Whose book an account counts in, and what takes it out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    holder: Holder = Field(
        "credit_date",
        description="credit_date: a movement goes to the holder on its day, the account's opening ARR to the holder on "
        "the day of its last movement, on the quarter's first day where nothing moved. opening: both to the holder on "
        "the quarter's first day. time_weighted: both by days held.",
    )
    min_days_held: int = Field(0, ge=0, description="Days of the quarter an account must be held to count.")
    still_held_on: int | None = Field(
        None, description="Day of the quarter on which it must still be held: 1 is the first, -1 the last."
    )
    grace_days: int = Field(0, ge=0, description="Losses within so many days of taking an account over are nobody's.")
    grace_first_period: bool = Field(False, description="Losses in the quarter of taking an account over are nobody's.")
    min_account_arr: Number = Field(
        0.0, ge=0, description="Accounts with less opening ARR (reporting currency) are out."
    )
    house_roles: tuple[str, ...] = Field((), description="Roles of assignments that credit nobody.")
    exclude: tuple[Exclusion, ...] = Field((), description="What counts for nobody, each with its reason.")
    double_credit: tuple[str, ...] = Field(
        (), description="Roles of assignments credited in full beside the book, so that splits may exceed 1."
    )
    overlays: tuple[Overlay, ...] = Field((), description="Regions or segments credited to a role beside the books.")
    lead_share: Number = Field(0.0, ge=0, le=1, description="Share of each credit also given to the payee's manager.")

    @property
    def has_grace(self) -> bool:
        """Whether a holder may be spared a loss."""
        return bool(self.grace_days or self.grace_first_period)

    @property
    def shuts_out(self) -> bool:
        """Whether a holder may lose an account's share."""
        of_time = self.min_days_held or self.still_held_on is not None
        return bool(of_time or self.min_account_arr or self.house_roles or self.exclude)

    @model_validator(mode="after")
    def _a_day_of_the_quarter(self) -> BookRule:
        if self.still_held_on is not None and not 1 <= abs(self.still_held_on) <= 90:
            raise ValueError("still_held_on must be 1 to 90, or -1 to -90 from the quarter's end. Correct it.")
        return self


def account_shares(
    spans: Spans,
    account: Indices,
    windows: tuple[Days, Days],
    quarters: tuple[Days, Days],
    opening_cents: npt.NDArray[np.int64],
    rule: BookRule,
    pick: Pick,
) -> Shares:
    """Returns who has which share of each row's account over its window of days.

    Arrays of rows: `account` (its position), `windows` and `quarters` (first and last days). `pick` takes the holders
    on the first held day of the window, or weighs all by days over the days on which anybody held it. A holder whom
    the rule shuts out for the quarter loses the share to `(unassigned)`.
    """
    is_plain = not (rule.shuts_out or rule.has_grace)
    if is_plain and windows[0] is windows[1]:
        return spans.on_days(account, windows[0])
    row, span = spans.held(account, windows)
    split = spans.split[span]
    if pick == "weighted":
        split = split * spans.days(row, span, windows) / _held_days(row, span, windows, spans)
    else:
        starts, ends = spans.clipped(row, span, windows)
        day = _first_of_row(starts, row)
        kept = (starts <= day) & (day <= ends)
        row, span, split = row[kept], span[kept], split[kept]
    shares = spans.shares(row, span, split, len(account))
    n_nobody = len(shares.row) - len(row)
    if rule.has_grace:
        never = np.full(n_nobody, np.datetime64("NaT", "s"))
        shares = replace(shares, taken_on=np.r_[_taken_on(spans.table)[span], never])
    if rule.shuts_out:
        said = _shut_out(row, span, spans, account, quarters, opening_cents, rule)
        why, reasons = pd.factorize(np.r_[said, np.full(n_nobody + 1, "", dtype=object)], sort=True)
        payee = np.where(why[:-1] > 0, shares.nobody, shares.payee)
        shares = replace(shares, payee=payee, why=why[:-1], reasons=pd.Index(reasons, dtype="str"))
    return ordered(shares, is_plain)


def assignments_by_kind(
    assignments: pd.DataFrame, accounts: pd.DataFrame, payees: pd.DataFrame, rule: BookRule
) -> list[tuple[str, pd.DataFrame]]:
    """Returns the assignments of the books and, beside them, those of each further kind of credit.

    Kinds: "book", whose shares and `(unassigned)` add up to the company; "double credit", a table for each role;
    "overlay", a table for each payee; "lead". Columns as in assignments.
    """
    role = assignments["role"].fillna("")
    found = [(BOOK, assignments[~role.isin(rule.double_credit)])]
    found += [("double credit", assignments[role == name]) for name in rule.double_credit]
    for overlay in rule.overlays:
        covered = pd.Series(True, index=accounts.index)
        for column in ("region", "segment"):
            wanted = getattr(overlay, column)
            covered &= wanted is None or accounts[column] == wanted
        spans = payees[payees["role"] == overlay.role][["payee_id", "starts_on", "ends_on", "role"]]
        for _, mine in spans.groupby("payee_id"):
            crossed = accounts.loc[covered, ["account_id"]].merge(mine, how="cross")
            found.append(("overlay", crossed.assign(split=overlay.share)))
    if rule.lead_share:
        found.append(("lead", _of_leads(found[0][1], payees, rule.lead_share)))
    return [(kind, spans.reset_index(drop=True)) for kind, spans in found]


def _of_leads(books: pd.DataFrame, payees: pd.DataFrame, share: float) -> pd.DataFrame:
    """The assignments as those of each payee's manager, over the days on which both hold."""
    managed = payees.loc[payees["manager_id"].notna(), ["payee_id", "manager_id", "starts_on", "ends_on"]]
    both = books.merge(managed, on="payee_id", suffixes=("", "_managed"))
    starts = both[["starts_on", "starts_on_managed"]].max(axis=1)
    ends = both[["ends_on", "ends_on_managed"]].min(axis=1)  # an open end is later than any day
    led = both.assign(payee_id=both["manager_id"], starts_on=starts, ends_on=ends, split=both["split"] * share)
    return led.loc[~(ends < starts), books.columns]


def _first_of_row(days: Days, row: Indices) -> Days:
    """The first day of each row's pairs, for each pair; pairs stand in the order of their rows."""
    if not len(row):
        return days
    begins = np.r_[True, row[1:] != row[:-1]]
    first = np.minimum.reduceat(days.astype(np.int64), np.flatnonzero(begins))
    each: Days = first[np.cumsum(begins) - 1].astype(days.dtype)
    return each


def _held_days(row: Indices, span: Indices, windows: tuple[Days, Days], spans: Spans) -> Splits:
    """For each pair, on how many days of its row's window anybody held the account."""
    starts, ends = spans.clipped(row, span, windows)
    order = np.lexsort((starts, row))
    sorted_row, sorted_ends = row[order], pd.Series(ends[order])
    before = sorted_ends.groupby(sorted_row).cummax().groupby(sorted_row).shift().to_numpy()
    fresh_from = np.fmax(starts[order], before + ONE_DAY)
    fresh = np.maximum(np.subtract(ends[order], fresh_from) // ONE_DAY + 1, 0)
    n_days: Splits = np.bincount(sorted_row, fresh.astype(float), minlength=len(windows[0])).astype(float)
    return n_days[row]


def _taken_on(assignments: pd.DataFrame) -> Days:
    """Day each assignment's payee took the account over from another; none for its first holder.

    Spans of one payee that follow each other without a day between are one holding.
    """
    spans = assignments[["account_id", "payee_id", "starts_on", "ends_on"]].reset_index(drop=True)
    spans = spans.sort_values(["account_id", "payee_id", "starts_on"])
    by = spans.groupby(["account_id", "payee_id"])["ends_on"]
    begins = (spans["starts_on"] > by.shift() + pd.Timedelta(days=1)) | ~spans.duplicated(["account_id", "payee_id"])
    taken_on = spans["starts_on"].groupby(begins.cumsum()).transform("first")
    first = spans.groupby("account_id")["starts_on"].transform("min")
    return taken_on.where(taken_on > first).sort_index().to_numpy(dtype="datetime64[s]")


def _shut_out(
    row: Indices,
    span: Indices,
    spans: Spans,
    account: Indices,
    quarters: tuple[Days, Days],
    opening_cents: npt.NDArray[np.int64],
    rule: BookRule,
) -> Names:
    """Why each pair's share is not its holder's; empty where it is."""
    why = np.full(len(row), "", dtype=object)
    if rule.min_days_held or rule.still_held_on is not None:
        first, last = quarters
        held_row, held_span = spans.held(account, quarters)
        days = spans.days(held_row, held_span, quarters)
        keys = pd.MultiIndex.from_arrays([held_row, spans.payee[held_span]])
        mine = pd.MultiIndex.from_arrays([row, spans.payee[span]])
        n_days = pd.Series(days, index=keys).groupby(level=[0, 1]).sum().reindex(mine).fillna(0).to_numpy()
        if rule.still_held_on is not None:
            from_start = rule.still_held_on > 0
            day = (
                first + (rule.still_held_on - 1) * ONE_DAY if from_start else last + (rule.still_held_on + 1) * ONE_DAY
            )
            starts, ends = spans.clipped(held_row, held_span, quarters)
            on_day = (starts <= day[held_row]) & (day[held_row] <= ends)
            still = pd.Series(on_day, index=keys).groupby(level=[0, 1]).any().reindex(mine, fill_value=False).to_numpy()
            why[~still] = [f"not held on {str(on)[:10]}" for on in day[row[~still]]]
        short = n_days < rule.min_days_held
        why[short] = [f"held {n:.0f} of {rule.min_days_held} days" for n in n_days[short]]
    if rule.min_account_arr:
        why[opening_cents[row] < round(rule.min_account_arr * 100)] = (
            f"below {rule.min_account_arr:,.0f} of opening ARR"
        )
    if rule.house_roles:
        why[spans.table["role"].isin(rule.house_roles).to_numpy()[span]] = "house account"
    for exclusion in rule.exclude:
        if exclusion.account_id is not None:
            why[account[row] == position(exclusion.account_id, spans.accounts)] = f"{EXCLUDED}{exclusion.because}"
    return why
