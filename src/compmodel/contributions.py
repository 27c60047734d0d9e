"""What each account, event and count adds to the ratios of a value, by the very functions that measured them.

A metric's function is run again on cells of one account each, and of one row each, so its lines add up to numerator and
denominator by construction. Where a metric takes an account as a whole (GRR counts it at most at its opening), a line
`netting` is the difference between the account and its rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from compmodel.baselines import Windows, windows
from compmodel.books import BOOK
from compmodel.chain_lines import NETS, NO_PART, rows_of
from compmodel.components import KPI, Component
from compmodel.credit_dates import CreditRule, credit_date_words
from compmodel.crediting import kpi_credits
from compmodel.measurement import Ledger, Level, PlacedLedger, kpi_counts, kpi_members, placed, unit_rows
from compmodel.metrics import METRICS, Cells, Codes, Sums, added
from compmodel.qualifying import qualified
from compmodel.replay import Replay, due_ledger
from compmodel.tables import UNASSIGNED

Line = dict[str, Any]
TAKEN = "taken"


def contributions(run: Replay, component: Component, ratios: pd.DataFrame, people: pd.DataFrame) -> list[Line]:
    """Returns the ratios of one payee's component in a period, each with its lines, as rows of `Explanation.chain`.

    `ratios` are its rows of `run.measurements`, `people` the `payee_periods` of the run.
    Steps: `ratio`; what each `account` or `person` adds to it, those first to whom most happened; below each its own
    lines, which add up to it: `opening`, `credit` (an event), `netting`, `count`, and `pace` (a person's share of the
    period on the plan). `taken` is what a book rule took from its holder; it adds nothing.
    """
    behind = (_of_accounts if component.metric in METRICS else _of_counts)(run, component, ratios, people)
    metric, over = METRICS.get(component.metric), windows(component.baseline, run.periods)
    unit = "count" if component.form in ("count", "share") else "score"
    arr = f"{run.history.settings.reporting_currency} a year"
    units = {"unit": arr if metric else unit}
    if metric:
        unit = arr if metric.is_of_arr else "events" if metric.is_sum else "customers"
    units |= {"ratio_unit": unit}
    lines: list[Line] = []
    for number, (ratio, found) in enumerate(zip(rows_of(ratios), behind, strict=True), start=1):
        spans = [_span(over, window) for window in _windows_of(run, component, ratio, over)]
        head = _ratio_line(component, ratio) | {"window": " and ".join(spans)}
        nothing = {"denominator": np.nan} if metric and metric.is_sum else {}
        lines += [{**units, **line, **nothing, "ratio": number} for line in (head, *found)]
    return lines


def _windows_of(run: Replay, component: Component, ratio: Any, over: Windows) -> Codes:
    """The windows of a ratio: all of the period where their sums count, else its own."""
    names = [period.name for period in run.periods]
    of_period: Codes = over.of_period[names.index(ratio.period)]
    return of_period if (component.combined or "sums") == "sums" else of_period[of_period == ratio.window]


def _ratio_line(component: Component, ratio: Any) -> Line:
    """Whose ratio it is, with which share of the value."""
    of = ratio.unit_id if ratio.level == "individual" else f"{ratio.level} {ratio.unit_id}"
    of = "the company" if ratio.level == "company" else of
    if component.unit_figure == "mean_of_ratios" and ratio.level != "individual":
        of = f"{ratio.unit_id} in the {ratio.level}"
    line = {"step": "ratio", "item": of if pd.notna(ratio.unit_id) else f"no {ratio.level}", "unit": component.unit}
    line |= {"level": ratio.level, "unit_id": ratio.unit_id if pd.notna(ratio.unit_id) else ""}
    line |= {name: getattr(ratio, name) for name in ("product", "share", "numerator")}
    quotient = ratio.numerator / ratio.denominator if ratio.denominator > 0 else np.nan
    return line | {"amount": quotient, "denominator": ratio.denominator}


class _Side(NamedTuple):
    """One ledger of a ratio, with the rule that dated it, and whether its numerator and its denominator count."""

    found: PlacedLedger
    rule: CreditRule
    above: bool
    below: bool


def _of_accounts(run: Replay, component: Component, ratios: pd.DataFrame, people: pd.DataFrame) -> list[list[Line]]:
    over, rule = windows(component.baseline, run.periods), run.plan.credit_on
    in_any = np.unique([_windows_of(run, component, ratio, over) for ratio in rows_of(ratios)])
    found = _placed(Ledger(run.credits, run.books), component, in_any, people)
    found = qualified(found, component.qualifies, run.history.arr_events)
    is_ratio = not METRICS[component.metric].is_sum
    sides = [_Side(found, rule, True, is_ratio)]
    if component.baseline == "due_in_period":
        due = _Side(_placed(due_ledger(run), component, in_any, people), rule.by_due_date(), False, True)
        sides = [_Side(found, rule, True, False), due]
    behind = []
    for ratio in rows_of(ratios):
        wanted = _windows_of(run, component, ratio, over)
        level: Level = "individual" if component.unit_figure == "mean_of_ratios" else ratio.level
        members = _members(level, ratio, people)
        found_lines: list[Line] = []
        for side in sides:
            rows = unit_rows(side.found, level, ratio.unit_id, people, run.history.accounts)
            found_lines += _unit_lines(run, component, side, rows, wanted, over)
            found_lines += _taken(side.found.ledger, members, wanted, over) if side.above else []
        behind.append(_by_account(found_lines, run.history.accounts, keep_all=level == "individual"))
    return behind


def _placed(ledger: Ledger, component: Component, wanted: Codes, people: pd.DataFrame) -> PlacedLedger:
    """The ledger's rows in the windows wanted, with the row of people of each."""
    kept = [frame.take(np.flatnonzero(np.isin(frame["window"].to_numpy(), wanted))) for frame in ledger]
    credits, books = (frame[frame["baseline"] == component.baseline].reset_index(drop=True) for frame in kept)
    return placed(Ledger(credits, books), people)


def _members(level: Level, ratio: Any, people: pd.DataFrame) -> list[str]:
    """Whose shares a rule may have taken: nobody's of a whole company, where what is nobody's counts too."""
    if level == "individual":
        return [ratio.unit_id]
    mine = (people["team"] == ratio.unit_id) & (people["period"] == ratio.period)
    return people.loc[mine, "payee_id"].tolist() if level == "team" else []


def _unit_lines(
    run: Replay, component: Component, side: _Side, rows: tuple[Codes, Codes], wanted: Codes, over: Windows
) -> list[Line]:
    """The opening, credit and netting lines of a unit over the windows wanted."""
    ledger = side.found.ledger
    books, credits = (frame.take(at) for frame, at in zip((ledger.books, ledger.credits), rows, strict=True))
    books, credits = (frame[frame["window"].isin(wanted)].reset_index(drop=True) for frame in (books, credits))
    n, k = len(books), len(credits)
    row_sums = _sums(component, run, books, np.arange(n), credits, n + np.arange(k), n + k)
    keys = pd.concat([books[["window", "account_id"]], credits[["window", "account_id"]]], ignore_index=True)
    code, owners = pd.MultiIndex.from_frame(keys).factorize()
    owner_sums = _sums(component, run, books, code[:n], credits, code[n:], len(owners))
    above, below = (sums * keeps for sums, keeps in zip(row_sums, (side.above, side.below), strict=True))
    opening = [
        {
            "step": "opening",
            "item": "" if book.kind == BOOK else book.kind,
            "window": book.window,
            "account_id": book.account_id,
            "payee_id": book.payee_id,
            "split": book.split,
            "amount": book.opening_cents / 100,
            "note": "",
        }
        for book in rows_of(books)
    ]
    moved = _credit_lines(run, component, credits, side, above[n:], below[n:])
    lines = [
        {**line, "numerator": over_it / 100 + 0.0, "denominator": under / 100 + 0.0}  # never -0.0
        for line, over_it, under in zip([*opening, *moved], above, below, strict=True)
        if over_it or under or (line["step"] == "credit" and side.above)
    ]
    for (window, account), *nets in zip(
        owners,
        side.above * (owner_sums[0] - added(code, row_sums[0], len(owners))),
        side.below * (owner_sums[1] - added(code, row_sums[1], len(owners))),
        strict=True,
    ):
        if any(abs(net) > 1e-6 for net in nets):
            whose = {"window": window, "account_id": account}
            for line in lines:
                if line["note"].startswith(NO_PART) and line["counted"] and whose.items() <= line.items():
                    line["note"] = NETS
            net_of = {"numerator": nets[0] / 100, "denominator": nets[1] / 100}
            lines.append({"step": "netting", **whose, **net_of, "note": "the account counts as a whole"})
    return [{**line, "window": _span(over, line["window"])} for line in lines]


def _sums(
    component: Component, run: Replay, books: pd.DataFrame, of_books: Codes, credits: pd.DataFrame, of: Codes, n: int
) -> tuple[Sums, Sums]:
    """Numerator and denominator of each of n cells, by the metric's own function."""
    cells = Cells(n, books, of_books, credits, of, run.plan.events.reactivation)
    return METRICS[component.metric].measured(cells)


def _credit_lines(
    run: Replay, component: Component, credits: pd.DataFrame, side: _Side, above: Sums, below: Sums
) -> list[Line]:
    """A line an event: who was credited, on which day by which rule, which share, at which rate, how much."""
    events = run.history.arr_events
    at = pd.Index(events["event_id"]).get_indexer(pd.Index(credits["event_id"]))
    of_events = events.take(at).reset_index(drop=True).assign(event_type=credits["event_type"])
    words = credit_date_words(of_events, side.rule, run.history.settings.calendar)
    in_cohort, each = credits.assign(opening_cents=credits["opening_cents"].clip(lower=1)), np.arange(len(credits))
    would = _sums(component, run, run.books.iloc[:0], each[:0], in_cohort, each, len(each))
    would_count = (side.above & (would[0] != 0)) | (side.below & (would[1] != 0))
    lines = []
    rows = zip(rows_of(credits), of_events["renewed_arr"], words, above, below, would_count, strict=True)
    for row, renewed, said, over, under, would in rows:
        is_renewal = row.event_type == "renewal"
        lines.append(
            {
                "step": "credit",
                "item": row.event_type if row.kind == BOOK else f"{row.event_type}, {row.kind}",
                "window": row.window,
                "account_id": row.account_id,
                "payee_id": row.payee_id,
                "event_id": row.event_id,
                "credited_on": row.credited_on,
                "rule": said or "a change of exchange rates",
                "origin_period": row.origin_period,
                "split": row.split,
                "local_amount": renewed if is_renewal else row.arr_delta,
                "currency": row.currency,
                "rate": row.rate,
                "amount": _credited(row),
                "counted": _credited(row) if is_renewal else row.counted_cents / 100,
                "note": "" if over or under else _why_nothing(component, row, would),
            }
        )
    return lines


def _why_nothing(component: Component, row: Any, would_count: bool) -> str:
    if row.credited_cents and not row.counted_cents:
        return "the plan's events rule leaves it out"
    if would_count:
        return "the account had no ARR when the window opened"
    return f"{NO_PART} {component.title}"


def _taken(ledger: Ledger, members: list[str], wanted: Codes, over: Windows) -> list[Line]:
    """What a book rule took from the members, and why."""
    lines = []
    for frame, is_event in ((ledger.books, False), (ledger.credits, True)):
        mine = (frame["payee_id"] == UNASSIGNED) & frame["holder_id"].isin(members) & (frame["why"] != "")
        for row in rows_of(frame[mine & frame["window"].isin(wanted)]):
            line = {"step": TAKEN, "window": _span(over, row.window), "account_id": row.account_id}
            line |= {"payee_id": row.holder_id, "split": row.split, "note": row.why}
            if is_event:
                line |= {name: getattr(row, name) for name in ("event_id", "credited_on", "origin_period")}
                line |= {"item": row.event_type, "amount": _credited(row)}
            else:
                line |= {"item": "opening ARR", "amount": row.opening_cents / 100}
            lines.append(line)
    return lines


def _credited(row: Any) -> float:
    """What was credited of an event; of a renewal, which moves nothing, the ARR it renews."""
    return float(row.renewed_cents if row.event_type == "renewal" else row.credited_cents) / 100


def _by_account(lines: list[Line], accounts: pd.DataFrame, keep_all: bool) -> list[Line]:
    """The lines below their accounts, those to which most happened first; what was taken comes last."""
    names = dict(zip(accounts["account_id"], accounts["name"].fillna(""), strict=True))
    owned: dict[str, list[Line]] = {}
    for line in lines:
        if line["step"] != TAKEN:
            owned.setdefault(line["account_id"], []).append(line)
    groups = []
    for account, mine in owned.items():
        above, below = (round(sum(line[side] for line in mine), 9) for side in ("numerator", "denominator"))
        moved = sum(abs(line["numerator"]) + abs(line["denominator"]) for line in mine if line["step"] == "credit")
        if above or below or moved or keep_all:
            holders = {line["payee_id"] for line in mine if "payee_id" in line}
            holder = holders.pop() if len(holders) == 1 else ""
            total = {"step": "account", "item": names[account], "account_id": account, "payee_id": holder}
            total |= {"numerator": above, "denominator": below}
            groups.append(((-moved, -abs(above - below), -abs(below), account), [total, *mine]))
    ordered = [line for _, group in sorted(groups, key=lambda group: group[0]) for line in group]
    return ordered + [line for line in lines if line["step"] == TAKEN]


def _of_counts(run: Replay, component: Component, ratios: pd.DataFrame, people: pd.DataFrame) -> list[list[Line]]:
    history, over = run.history, windows(component.baseline, run.periods)
    counts = kpi_credits(history.kpis, history.assignments, component.metric.removeprefix(KPI), over)
    row, above, below = kpi_counts(counts, people, component.form)
    is_lead = people["role"].isin(component.level.roles_never_alone)
    behind = []
    for ratio in rows_of(ratios):
        lines: list[Line] = []
        unit, kept = kpi_members(ratio.level, people, is_lead)
        mine = unit[ratio.row]
        for member in np.flatnonzero(kept & (unit == mine) & (mine >= 0)):
            at = np.flatnonzero(row == member)
            found = [
                {
                    "step": "count",
                    "item": component.metric.removeprefix(KPI),
                    "account_id": "" if pd.isna(count.account_id) else count.account_id,
                    "credited_on": count.on,
                    "split": count.split,
                    "amount": count.attained,
                    "numerator": over_it,
                    "denominator": under,
                    "note": "" if pd.isna(count.scheduled) else f"of {count.scheduled:g} scheduled",
                }
                for count, over_it, under in zip(rows_of(counts.take(at)), above[at], below[at], strict=True)
            ]
            person = people.iloc[member]
            if component.form == "count":
                days = f"{person['days_on_plan']} of {person['n_days']} days on the plan"
                found.append({"step": "pace", "numerator": 0.0, "denominator": person["proration"], "note": days})
            total = {side: sum(line[side] for line in found) for side in ("numerator", "denominator")}
            lines += [{"payee_id": person["payee_id"], **line} for line in ({"step": "person", **total}, *found)]
        behind.append(lines)
    return behind


def _span(over: Windows, window: int) -> str:
    return f"{str(over.starts_on[window])[:10]} to {str(over.ends_on[window])[:10]}"
