"""The people of each period: who is on a plan for which part of it, with which target incentive.

A payee's `proration` is the days (or working days, or months) with a target incentive over those of the period; the
period's target incentive is the yearly amount, averaged over them, over the periods a year.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.exchange import rate_of
from compmodel.holders import ONE_DAY
from compmodel.periods import Period

Proration = Literal["days", "working_days", "months"]


def payee_periods(
    payees: pd.DataFrame,
    periods: tuple[Period, ...],
    currency: str,
    rates: pd.DataFrame,
    proration: Proration = "days",
    month_day: int = 15,
) -> pd.DataFrame:
    """Returns the people of each period: role, team, segment, region and target incentive while on the plan.

    Grain: one row a payee and period in which the payee has a span. Role, team, segment and region are those of the
    first span with a target incentive, or of the first span. `currency` is a code, or "payee" for each payee's own
    (that of the last span in the period). An amount in another currency is converted to whole cents a year at `rates`,
    of `pay_rates`.
    Columns: payee_id, period, role, team, segment, region, currency, cent_days (yearly target incentive in cents, times
    days, added up), days_on_plan, n_days (in working days or months where `proration` says so), proration, hired_on
    (first day of the payee's first span), on_last_day (on a plan on the period's last day), leaves (whose stay on the
    plan ends, so that nothing of it lies in a later period; see `_stay_ends`), months_held (on the plan by `month_day`:
    1 for the period's first month, 2 for the second, 4 for the third and so on, added up).
    `payees` may say in a column `on_other_plan` which spans are on another plan; their target incentive is 0.
    """
    spans = payees.sort_values(["payee_id", "starts_on"], kind="stable").reset_index(drop=True)
    spans["hired_on"] = spans.groupby("payee_id")["starts_on"].transform("min")
    if "on_other_plan" not in spans:
        spans["on_other_plan"] = False
    spans["stay_ends"] = _stay_ends(spans, proration, month_day)
    first = np.array([period.starts_on for period in periods], dtype="datetime64[s]")
    last = np.array([period.ends_on for period in periods], dtype="datetime64[s]")
    starts = np.maximum(spans["starts_on"].to_numpy()[:, None], first)
    ends = np.fmin(spans["ends_on"].to_numpy()[:, None], last)
    position, span = np.nonzero((starts <= ends).T)
    here = spans.take(span).reset_index(drop=True)
    here["period"] = np.array([period.name for period in periods], dtype=object)[position]
    by = [position, here["payee_id"]]
    here["pay_currency"] = here["currency"].groupby(by).transform("last") if currency == "payee" else currency
    opens, closes = starts.T[position, span], ends.T[position, span]
    held = _units(opens, closes, proration, month_day)
    has_incentive = here["target_incentive"].to_numpy() > 0
    here["days_on_plan"] = np.where(has_incentive, held, 0)
    is_there = has_incentive | here["on_other_plan"].to_numpy()
    here["on_last_day"] = is_there & (closes == last[position])
    stay_ends, ended = here["stay_ends"].to_numpy(dtype="datetime64[D]"), last.astype("datetime64[D]")[position]
    is_known = ~np.isnat(stay_ends)
    after: Any = ended + ONE_DAY
    later = _units(after, np.where(is_known, stay_ends, ended), proration, month_day)
    n_months = np.array([period.months for period in periods], dtype=np.int64)[position]
    months_held = _months_held(opens, closes, first[position], n_months, month_day)
    here["months_held"] = np.where(has_incentive, months_held, 0)
    here["stays"] = has_incentive & ~(is_known & (later <= 0))
    here["n_days"] = _units(first, last, proration, month_day)[position]
    here["cent_days"] = (_yearly_cents(here, rates) * here["days_on_plan"]).round()
    is_idle, payee = here["days_on_plan"].to_numpy() == 0, pd.factorize(here["payee_id"])[0]
    order = np.lexsort((np.arange(len(here)), is_idle, payee, position))
    people = here.take(order)
    firsts = people.drop_duplicates(["period", "payee_id"]).reset_index(drop=True)
    grouped = people.groupby(["period", "payee_id"], sort=False)
    sums = grouped[["cent_days", "days_on_plan", "on_last_day", "stays", "months_held"]].sum().reset_index(drop=True)
    columns = ["payee_id", "period", "role", "team", "segment", "region", "n_days", "hired_on"]
    found = firsts[columns].assign(currency=firsts["pay_currency"].astype("str"), **sums.drop(columns="stays"))
    return found.assign(
        period=found["period"].astype("str"),
        proration=found["days_on_plan"] / found["n_days"],
        on_last_day=found["on_last_day"] > 0,
        leaves=(sums["stays"] == 0) & (found["days_on_plan"] > 0),
    )


def _stay_ends(spans: pd.DataFrame, proration: Proration, month_day: int) -> npt.NDArray[Any]:
    """The last day of each span's stay on the plan, missing where that has no end.

    A stay goes on over spans without a target incentive, such as a leave, and ends with the last one that has some and
    counts (in days, working days or months), unless the payee's spans have no end. Who comes back after time in no
    span, or from another plan, begins anew.
    """
    if spans.empty:
        return spans["ends_on"].to_numpy(dtype="datetime64[D]")
    payee, elsewhere = pd.factorize(spans["payee_id"])[0], spans["on_other_plan"].to_numpy(dtype=bool)
    starts, ends = (spans[name].to_numpy(dtype="datetime64[D]") for name in ("starts_on", "ends_on"))
    closed: Any = np.where(np.isnat(ends), FAR_AWAY, ends)
    opens: Any = starts
    away = _units(closed[:-1] + ONE_DAY, opens[1:] - ONE_DAY, proration, month_day) > 0
    begins = np.concatenate([[True], (np.diff(payee) != 0) | away | elsewhere[1:] | elsewhere[:-1]])
    stay, on_plan = np.cumsum(begins) - 1, spans["target_incentive"].to_numpy() > 0
    counts = on_plan & (_units(opens, closed, proration, month_day) > 0)
    last = np.full((2, stay[-1] + 1), -1)
    for ends_at, is_some in zip(last, (on_plan, counts), strict=True):
        np.maximum.at(ends_at, stay, np.where(is_some, np.arange(len(stay)), -1))
    of_stay = np.where(last[1] >= 0, last[1], last[0])
    has_end = np.ones(stay[-1] + 1, dtype=bool)
    has_end[stay[np.isnat(ends)]] = False
    found: npt.NDArray[Any] = np.where((of_stay >= 0) & has_end, ends[of_stay], np.datetime64("NaT", "D"))[stay]
    return found


FAR_AWAY = np.datetime64("2999-12-31")


def _months_held(
    starts: npt.NDArray[Any],
    ends: npt.NDArray[Any],
    first: npt.NDArray[Any],
    n_months: npt.NDArray[Any],
    month_day: int,
) -> npt.NDArray[np.int64]:
    """Which months are a span's, cut to its period of so many months, as `payee_periods` adds them up."""
    found, opening = np.zeros(len(starts), dtype=np.int64), first.astype("datetime64[M]")
    for month in range(n_months.max(initial=0)):
        opens = (opening + month).astype("datetime64[D]")
        closes = (opening + month + 1).astype("datetime64[D]") - ONE_DAY
        is_held = _units(np.maximum(starts, opens), np.minimum(ends, closes), "months", month_day) > 0
        found |= ((month < n_months) & is_held).astype(np.int64) << month
    return found


def rows_before(payee: npt.NDArray[Any], position: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Returns each payee's row before each one, by the position of periods; -1 for none.

    >>> rows_before(np.array(["a", "b", "a"]), np.array([4, 2, 3])).tolist()
    [2, -1, -1]
    """
    codes = pd.factorize(payee)[0]
    order = np.lexsort((position, codes))
    is_same = np.diff(codes[order]) == 0
    found = np.full(len(order), -1, dtype=np.intp)
    found[order[1:][is_same]] = order[:-1][is_same]
    return found


def _units(
    starts: npt.NDArray[np.datetime64], ends: npt.NDArray[np.datetime64], proration: Proration, month_day: int
) -> npt.NDArray[Any]:
    """Days, working days or months of spans; a month is the span's that holds its `month_day`."""
    first, after = starts.astype("datetime64[D]"), ends.astype("datetime64[D]") + ONE_DAY
    if proration == "days":
        found: npt.NDArray[Any] = (after - first) // ONE_DAY
    elif proration == "working_days":
        found = np.busday_count(first, after)
    else:
        back = np.timedelta64(month_day - 1, "D")  # a month begins on its day
        opens = (first - back).astype("datetime64[M]").astype(np.int64)
        opens += (first - back).astype("datetime64[D]") > opens.astype("datetime64[M]").astype("datetime64[D]")
        closes = (after - ONE_DAY - back).astype("datetime64[M]").astype(np.int64)
        found = np.maximum(closes - opens + 1, 0)
    return found


def new_months(people: pd.DataFrame, periods: list[Period], month_day: int, n: int) -> list[tuple[int, int]]:
    """Returns of each person's period the months held among the first n since the hire, and all months held.

    Of who is there for part of a month alone, 1 of -1: all of the time, where it lies before these months end.

    >>> people = pd.DataFrame({"hired_on": pd.to_datetime(["2025-01-17"]), "months_held": [7]})
    >>> new_months(people, [Period("2025Q2")], 14, 3)
    [(1, 3)]
    """
    found = []
    for hired, held, period in zip(people["hired_on"].dt.date, people["months_held"], periods, strict=True):
        first = hired.year * 12 + hired.month - 1 + (hired.day > month_day)
        opening = period.starts_on.year * 12 + period.starts_on.month - 1
        since = [opening + month for month in range(period.months) if held >> month & 1]
        new = sum(month < first + n for month in since) if since else int(opening < first + n)
        found.append((new, len(since) or -1))
    return found


LONG_AGO = pd.Timestamp("1900-01-01")
"""Hired on a day that is not known."""


def periods_since(people: pd.DataFrame, periods: list[Period], proration: Proration, month_day: int) -> list[int]:
    """Returns how many periods lie between each person's first that counts and this one; of unknown hires, those seen.

    >>> people = pd.DataFrame({"hired_on": pd.to_datetime(["2025-02-03"]), "payee_id": ["p"]})
    >>> periods_since(people, [Period("2025Q3")], "days", 15)
    [2]
    """
    found = []
    payee = people["payee_id"]
    for hired_on, of, period in zip(people["hired_on"], payee, periods, strict=True):
        if hired_on <= LONG_AGO:
            others = zip(payee, periods, strict=True)
            found.append(sum(other == of and one.starts_on < period.starts_on for other, one in others))
            continue
        hired = hired_on
        if proration == "working_days":
            hired = pd.Timestamp(np.busday_offset(hired_on.to_datetime64().astype("datetime64[D]"), 0, "forward"))
        months = 12 * (period.starts_on.year - hired.year) + period.starts_on.month - hired.month
        months -= proration == "months" and hired.day > month_day
        found.append(max(0, (months + period.months - 1) // period.months))
    return found


def _yearly_cents(spans: pd.DataFrame, rates: pd.DataFrame) -> pd.Series:
    """Yearly target incentive in whole cents of the pay currency; converted ones rounded as a pay letter would be."""
    cents = spans["target_incentive"] * 100
    own, paid = (rate_of(rates, spans["period"], spans[name]) for name in ("currency", "pay_currency"))
    factor = own / paid
    converted = np.floor(cents * factor + 0.5 + 1e-7)
    return cents.where(spans["currency"] == spans["pay_currency"], converted)
