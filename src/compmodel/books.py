"""Whose book an account is in, by the plan's rule: shares of each account over days, and why a share is nobody's.

A book may follow the account to whoever holds it on the day, stay with the holder at opening, or be weighted by days.
Opening ARR and movements follow the same rule. What a rule takes from a payee goes to `(unassigned)` with the reason,
so the shares of an account always add up to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import Number
from compmodel.tables import UNASSIGNED

Indices = npt.NDArray[np.intp]
Days = npt.NDArray[np.datetime64]
Splits = npt.NDArray[np.float64]
Names = npt.NDArray[np.object_]
BOOK = "book"
EXCLUDED = "excluded: "
ONE_DAY = np.timedelta64(1, "D")
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

    @model_validator(mode="after")
    def _a_day_of_the_quarter(self) -> BookRule:
        if self.still_held_on is not None and not 1 <= abs(self.still_held_on) <= 90:
            raise ValueError("still_held_on must be 1 to 90, or -1 to -90 from the quarter's end. Correct it.")
        return self


@dataclass(frozen=True)
class Shares:
    """Shares of rows, ordered by row, then payee, `(unassigned)` last; the splits of a row add up to 1.

    `why` says what took a share from `holder_id`, who then is not the payee. `taken_on`, where the rule has a grace, is
    the day the holder took the account over; none where it was not taken over from anybody.
    """

    row: Indices
    payee_id: Names
    split: Splits
    why: Names
    holder_id: Names
    taken_on: Days

    def taken_away(self, lost: npt.NDArray[np.bool_], why: Names) -> Shares:
        """Returns the shares with those marked given to nobody, for that reason."""
        lost = lost & (self.payee_id != UNASSIGNED)
        payee, said = np.where(lost, UNASSIGNED, self.payee_id), np.where(lost, why, self.why)
        return _ordered(self.row, payee, self.split, said, self.holder_id, self.taken_on)


def account_shares(
    account_id: pd.Series,
    windows: tuple[Days, Days],
    quarters: tuple[Days, Days],
    opening_cents: npt.NDArray[np.int64],
    assignments: pd.DataFrame,
    rule: BookRule,
    pick: Pick,
) -> Shares:
    """Returns who has which share of each row's account over its window of days.

    Arrays of rows: `windows` and `quarters` are first and last days. `pick` takes the holders on the first held day of
    the window, or weighs all by days over the days on which anybody held it. A holder whom the rule shuts out for the
    quarter loses the share to `(unassigned)`.
    """
    row, span, days = _held(account_id, windows, assignments)
    splits = assignments["split"].to_numpy(dtype=float)[span]
    if pick == "weighted":
        split = splits * days / _held_days(row, span, windows, assignments)
        kept = np.ones(len(row), dtype=bool)
    else:
        starts, ends = _clipped(row, span, windows, assignments)
        day = _first_of_row(starts, row)
        kept, split = (starts <= day) & (day <= ends), splits
    row, span, split = row[kept], span[kept], split[kept]
    payee = assignments["payee_id"].to_numpy(dtype=object)[span]
    why = _shut_out(row, payee, span, account_id, quarters, opening_cents, assignments, rule)
    left = 1 - np.bincount(row, split, minlength=len(account_id))
    nobody = np.flatnonzero(np.round(left, 9) > 0)
    has_grace = rule.grace_days or rule.grace_first_period
    taken_on = _taken_on(assignments)[span] if has_grace else np.full(len(span), np.datetime64("NaT", "s"))
    return _ordered(
        np.r_[row, nobody],
        np.r_[np.where(why == "", payee, UNASSIGNED), np.full(len(nobody), UNASSIGNED, dtype=object)],
        np.r_[split, left[nobody]],
        np.r_[why, np.full(len(nobody), "", dtype=object)],
        np.r_[payee, np.full(len(nobody), "", dtype=object)],
        np.r_[taken_on, np.full(len(nobody), np.datetime64("NaT", "s"))],
    )


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


def _held(
    account_id: pd.Series, windows: tuple[Days, Days], assignments: pd.DataFrame
) -> tuple[Indices, Indices, Splits]:
    """Row, assignment and days held, for every assignment that holds a row's account within its window."""
    account, names = pd.factorize(assignments["account_id"])
    order = np.argsort(account, kind="stable")
    codes = account[order]
    rows = pd.Index(names).get_indexer(pd.Index(account_id))
    first, last = np.searchsorted(codes, rows, "left"), np.searchsorted(codes, rows, "right")
    n_spans = np.where(rows >= 0, last - first, 0)
    row = np.repeat(np.arange(len(rows)), n_spans)
    span = order[np.arange(n_spans.sum()) + np.repeat(first - (np.cumsum(n_spans) - n_spans), n_spans)]
    starts, ends = _clipped(row, span, windows, assignments)
    inside = starts <= ends
    days = np.subtract(ends, starts)[inside] // ONE_DAY + 1
    return row[inside], span[inside], days.astype(np.float64)


def _clipped(row: Indices, span: Indices, windows: tuple[Days, Days], assignments: pd.DataFrame) -> tuple[Days, Days]:
    """First and last day of each assignment within the window of its row."""
    first, last = windows
    starts = np.maximum(assignments["starts_on"].to_numpy()[span], first[row])
    return starts, np.fmin(assignments["ends_on"].to_numpy()[span], last[row])


def _first_of_row(days: Days, row: Indices) -> Days:
    """The first day of each row's pairs, for each pair; pairs stand in the order of their rows."""
    if not len(row):
        return days
    begins = np.r_[True, row[1:] != row[:-1]]
    first = np.minimum.reduceat(days.astype(np.int64), np.flatnonzero(begins))
    each: Days = first[np.cumsum(begins) - 1].astype(days.dtype)
    return each


def _held_days(row: Indices, span: Indices, windows: tuple[Days, Days], assignments: pd.DataFrame) -> Splits:
    """For each pair, on how many days of its row's window anybody held the account."""
    starts, ends = _clipped(row, span, windows, assignments)
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
    payee: Names,
    span: Indices,
    account_id: pd.Series,
    quarters: tuple[Days, Days],
    opening_cents: npt.NDArray[np.int64],
    assignments: pd.DataFrame,
    rule: BookRule,
) -> Names:
    """Why each pair's share is not its holder's; empty where it is."""
    why = np.full(len(row), "", dtype=object)
    if rule.min_days_held or rule.still_held_on is not None:
        first, last = quarters
        held_row, held_span, days = _held(account_id, quarters, assignments)
        holder = assignments["payee_id"].to_numpy(dtype=object)[held_span]
        keys = pd.MultiIndex.from_arrays([held_row, holder])
        mine = pd.MultiIndex.from_arrays([row, payee])
        n_days = pd.Series(days, index=keys).groupby(level=[0, 1]).sum().reindex(mine).fillna(0).to_numpy()
        if rule.still_held_on is not None:
            from_start = rule.still_held_on > 0
            day = (
                first + (rule.still_held_on - 1) * ONE_DAY if from_start else last + (rule.still_held_on + 1) * ONE_DAY
            )
            starts, ends = _clipped(held_row, held_span, quarters, assignments)
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
        why[assignments["role"].isin(rule.house_roles).to_numpy()[span]] = "house account"
    for exclusion in rule.exclude:
        if exclusion.account_id is not None:
            why[(account_id == exclusion.account_id).to_numpy()[row]] = f"{EXCLUDED}{exclusion.because}"
    return why


def _ordered(row: Indices, payee: Names, split: Splits, why: Names, holder: Names, taken_on: Days) -> Shares:
    """The shares in order, those of one payee for one reason and from one holder added up."""
    parts = (holder, why, payee) if (why != "").any() else (payee,)
    key = [pd.factorize(names, sort=True)[0] for names in parts]
    order = np.lexsort((taken_on.astype(np.int64), *key, payee == UNASSIGNED, row))  # the earliest taking over counts
    codes = np.stack([row, *key])[:, order]
    begins = np.flatnonzero(np.r_[True, (codes[:, 1:] != codes[:, :-1]).any(axis=0)][: len(row)])
    split = np.add.reduceat(split[order], begins) if len(row) else split
    at = order[begins]
    return Shares(row[at], payee[at], split, why[at], holder[at], taken_on[at])
