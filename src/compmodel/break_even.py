"""By how much NRR must rise for a plan's extra cost to pay for itself."""

from __future__ import annotations

from math import isfinite

import pandas as pd

from compmodel.baselines import windows
from compmodel.books import BOOK
from compmodel.compare import Answer, Comparison, cost_by_period, due_words, totals
from compmodel.costs import period_ledger, years_of
from compmodel.errors import CompModelError
from compmodel.measurement import company_sums
from compmodel.style import percent, short_money, statement_money


def break_even(comparison: Comparison, margin: float = 1.0, years: float = 1.0) -> Answer:
    """Returns what a plan's extra cost must bring in retained or expanded ARR to pay for itself.

    `margin` is the share of ARR that is left to pay for it (1.0 counts revenue as it is); `years` is how long ARR, once
    kept, stays and is counted, without interest. Opening ARR and churn are the company's, by the baseline plan's credit
    dates; what the plan itself would pay for the higher NRR is not in the extra cost.
    Table: one row a plan but the baseline; plan, title, change_a_year (cost, against the baseline), margin, years,
    opening_arr (of the periods, on average), arr_needed (a year), nrr_points (of the company's yearly NRR, in points of
    100), churned_customers (a year), churned_arr (of one, on average), customers_saved (a year; empty where none
    churned). Below 0: what a cheaper plan may lose before its savings are gone.
    Source: change_a_year / (margin x years) = arr_needed; arr_needed / opening_arr x 100 = nrr_points.
    Raises CompModelError unless margin is above 0 and at most 1, and years are above 0.
    """
    if not 0 < margin <= 1:
        raise CompModelError(f"margin is {margin!r}, but must be above 0 and at most 1, such as 0.8. Correct it.")
    if not (isfinite(years) and years > 0):
        raise CompModelError(f"years is {years!r}, but must be above 0, such as 3. Correct it.")
    run, span = comparison.replays[0], years_of(comparison)
    ledger = period_ledger(run)
    _, opened = company_sums(ledger, windows("period_start", run.periods), "nrr", run.plan.events.reactivation)
    opening = float(opened.mean()) / 100
    lost = ledger.credits[(ledger.credits["event_type"] == "churn") & (ledger.credits["kind"] == BOOK)]
    n_lost = len(lost[["account_id", "period"]].drop_duplicates())
    size = -float(lost["credited_cents"].sum()) / 100 / n_lost if n_lost else float("nan")
    sums = totals(cost_by_period(comparison).table).set_index("plan")["change"]
    rows = []
    for plan in comparison.others:
        extra = float(sums[plan.name]) / span
        needed = extra / (margin * years)
        points = needed / opening * 100 if opening > 0 else float("nan")
        rows.append(
            {
                "plan": plan.name,
                "title": plan.title,
                "change_a_year": extra,
                "margin": margin,
                "years": years,
                "opening_arr": opening,
                "arr_needed": needed,
                "nrr_points": points,
                "churned_customers": n_lost / span,
                "churned_arr": size,
                "customers_saved": needed / size if n_lost and size > 0 else float("nan"),
            }
        )
    columns = ["plan", "title", "change_a_year", "margin", "years", "opening_arr", "arr_needed", "nrr_points"]
    columns += ["churned_customers", "churned_arr", "customers_saved"]
    table = pd.DataFrame(rows, columns=columns)
    due = [words for run in comparison.replays if (words := due_words(run))]  # postponed is not saved
    return Answer(" ".join([_said(comparison, table), *due]), table)


def _said(comparison: Comparison, table: pd.DataFrame) -> str:
    base = comparison.plans[0].title
    if table.empty:
        return f"{base} is the only plan; a second one has an extra cost to pay for."
    said = []
    for row in table.to_dict("records"):
        extra, title = row["change_a_year"], row["title"]
        size, arr = _money(extra), f"{_money(row['arr_needed'])} of ARR a year"
        points = f"{_at_least(abs(row['nrr_points']), 2)} points"
        arr += _customers(row["customers_saved"], row["churned_customers"])
        if not round(extra, 2):
            said.append(f"{title} costs the same as {base}, so nothing has to be made up for.")
        elif row["nrr_points"] != row["nrr_points"]:
            said.append(f"{title} costs {size} a year {'more' if extra > 0 else 'less'}, but no ARR was open: no NRR.")
        elif extra > 0:
            paid = f"it pays for itself once the company's NRR is {points} higher, which is {arr}"
            said.append(f"{title} costs {size} a year more than {base}: {paid}.")
        else:
            spare = f"the company's NRR may fall by {points} a year before that is gone"
            said.append(f"{title} saves {size} a year against {base}; {spare}, which is {arr}.")
    first = table.iloc[0]
    kept = "a year" if first["years"] == 1 else f"{first['years']:g} years"
    money = "as revenue" if first["margin"] == 1 else f"at a margin of {percent(first['margin'])}"
    if (table["change_a_year"] < 0).all():
        return f"{' '.join(said)} ARR lost is counted for {kept}, {money}; pay saved by it is not counted."
    return f"{' '.join(said)} ARR kept is counted for {kept}, {money}; pay for the higher NRR itself is not counted."


def _customers(saved: float, churned: float) -> str:
    """The same in customers: of those that churn for an extra cost, beside them for savings, nothing where none do."""
    if saved != saved:
        return ""
    lost, n = _count(churned), _count(abs(saved))
    churn = "that churns in a year" if lost == "1" else "that churn in a year"
    of = f"{lost} customer{'' if lost == '1' else 's'} {churn}"
    if saved < 0:
        return f", or {n} customer{'' if n == '1' else 's'} more than the {lost} {churn}"
    return f", or more than all {of}" if saved > churned else f", or {n} of the {of}"


def _count(n: float) -> str:
    """Customers, which are whole where they are many."""
    return f"{n:,.0f}" if n >= 9.95 else _at_least(n, 1).removesuffix(".0")


def _at_least(number: float, places: int) -> str:
    """A number that is not said as 0 where it is more."""
    least = 10**-places
    return f"under {least:g}" if 0 < number < least / 2 else f"{number:.{places}f}"


def _money(amount: float) -> str:
    return short_money(abs(amount)) if abs(amount) >= 0.5 else statement_money(abs(amount))
