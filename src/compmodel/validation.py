"""A `History` from tables as they were read: each parsed and checked by itself, then against the others.

Every problem is reported together with file, row (as a spreadsheet counts: the header is row 1), column, value,
rule and fix; a row that is wrong in itself is left out of the checks across rows, so that one mistake is one problem.
What only deserves a look, such as ARR in nobody's book, comes back as a warning.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from compmodel.errors import DataError, Hints, Problem
from compmodel.exchange import missing_rates
from compmodel.parsing import ParsedTable, RawTable, is_in, parsed_table, positions, shown
from compmodel.tables import GAINS, LOSSES, TABLES, History, Settings, Table, empty_table

__all__ = ["ADD", "RawTable", "doubtful_amounts", "split_totals", "validated_history"]

ADD = "Add {0}.csv, .parquet or .xlsx, or name its file under tables in mapping.yaml (data/README.md shows how)."
_OPEN = pd.Timestamp("9999-12-31")
_DAY = pd.Timedelta(days=1)
_FEW = 5
_REFERENCES = (
    ("arr_events", "account_id", "accounts"),
    ("assignments", "account_id", "accounts"),
    ("assignments", "payee_id", "payees"),
    ("payees", "manager_id", "payees"),
    ("kpis", "payee_id", "payees"),
    ("kpis", "account_id", "accounts"),
)
_Tables = Mapping[str, ParsedTable]


def validated_history(
    raw: Mapping[str, RawTable],
    settings: Settings,
    problems: Iterable[Problem] = (),
    unread: Collection[str] = (),
    warnings: Iterable[Problem] = (),
) -> History:
    """Returns the history when every rule holds. Raises DataError with every problem found.

    `problems` and `warnings` are those of reading the files; `unread` names the tables they already speak of.
    """
    problems = list(problems)
    tables: dict[str, ParsedTable] = {}
    for table in TABLES.values():
        if table.name in raw:
            tables[table.name] = parsed_table(table, raw[table.name], problems)
            continue
        nothing = empty_table(table)
        is_missing = table.is_required and table.name not in unread
        if is_missing:
            problems.append(Problem(table.name, "must be there", ADD.format(table.name)))
        source = RawTable(nothing, table.name, np.empty(0, dtype=np.int64))
        is_sound = not is_missing and table.name not in unread
        tables[table.name] = ParsedTable(nothing, source, np.empty(0, dtype=bool), is_sound)
    for check in (_references, _payee_spans, _book_spans, _kpi_owners, _signs, _beginnings, _balances):
        problems += check(tables)
    problems += _currencies(tables, settings)
    if problems:
        raise DataError(problems)
    frames = {name: table.frame for name, table in tables.items()}
    if not settings.reporting_currency:
        used = {*frames["arr_events"]["currency"].unique(), *frames["payees"]["currency"].unique()}
        settings = settings.model_copy(update={"reporting_currency": min(used, default="")})
    found = (*warnings, *_unassigned(tables), *_left_behind(tables, settings), *_partly_held(tables))
    found = (*found, *_kpi_doubts(tables))
    return History(settings=settings, warnings=found, **frames)


def doubtful_amounts(table: Table, raw: RawTable) -> Iterable[Problem]:
    """Yields a warning for each column of amounts in which every decimal sign could as well stand between thousands."""
    sign, other = raw.decimal, "," if raw.decimal == "." else "."
    looks_like_thousands = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}{re.escape(sign)}[0-9]{{3}}")
    for column in table.columns:
        if raw.thousands or "currency" not in column.unit or column.name not in raw.frame:
            continue
        cells = enumerate(raw.frame[column.name])
        dotted = {i: cell.strip() for i, cell in cells if isinstance(cell, str) and sign in cell}
        if dotted and all(looks_like_thousands.fullmatch(cell) for cell in dotted.values()):
            i, cell = next(iter(dotted.items()))
            rows = ", ".join(str(raw.rows[j]) for j in [*dotted][:_FEW])
            rows += f" and {len(dotted) - _FEW:,} more" * (len(dotted) > _FEW)
            read = float(cell.replace(sign, "."))
            rule = f"which is read as {read:g}: each '{sign}' of the column has three digits after it (rows: {rows})"
            place = f'tables: {{{table.name}: {{thousands: "{sign}", decimal: "{other}"}}}}'
            fix = f"If it means {cell.replace(sign, '')}, declare that in mapping.yaml: {place}."
            yield raw.problem(i, column.name, rule, fix)


def _references(tables: _Tables) -> Iterable[Problem]:
    for name, column, target in _REFERENCES:
        rows, source = tables[name].good()
        key = "account_id" if target == "accounts" else "payee_id"
        known = tables[target].frame[key].dropna().unique()
        if len(known) == 0:
            continue  # the target is missing, unreadable or empty, which is said once
        hint = Hints(known)
        for i in positions(rows[column].notna() & ~is_in(rows[column], known)):
            fix = f"Add it to {target}, or correct it. {hint.of(rows[column].iloc[i])}".strip()
            yield source.problem(i, column, f"must be in {target}", fix)


def _payee_spans(tables: _Tables) -> Iterable[Problem]:
    return _span_problems(*tables["payees"].good(), ["payee_id"])


def _book_spans(tables: _Tables) -> Iterable[Problem]:
    books, source = tables["assignments"].good()
    problems = _span_problems(books, source, ["account_id", "payee_id"])
    if problems:
        return problems
    total = split_totals(books, ["account_id", "role"])
    rule = "must leave the splits of an account on a day at or below 1 together"
    return [
        source.problem(
            int(i),
            "split",
            rule,
            f"Account {books['account_id'].iloc[i]} has {total[i]:g} on {books['starts_on'].iloc[i]:%Y-%m-%d}: "
            "end the earlier assignment the day before, or lower a split.",
        )
        for i in total.index[total > 1 + 1e-9]
    ]


def split_totals(books: pd.DataFrame, by: list[str]) -> pd.Series:
    """Returns for each assignment, by position, the splits on its first day of those that agree with it in columns."""
    spans = books.reset_index(drop=True).assign(ends_on=books["ends_on"].fillna(_OPEN).array).reset_index(names="i")
    pairs = spans[["i", *by, "starts_on"]].merge(
        spans[[*by, "starts_on", "ends_on", "split"]], on=by, suffixes=("", "_other")
    )
    active = pairs[(pairs["starts_on_other"] <= pairs["starts_on"]) & (pairs["starts_on"] <= pairs["ends_on"])]
    return active.groupby("i")["split"].sum()


def _span_problems(spans: pd.DataFrame, source: RawTable, key: list[str]) -> list[Problem]:
    problems = [
        source.problem(i, "ends_on", "must not be before starts_on", f"It starts on {_day(spans, 'starts_on', i)}.")
        for i in positions(spans["ends_on"] < spans["starts_on"])
    ]
    ordered = spans.assign(ends_on=spans["ends_on"].fillna(_OPEN)).sort_values([*key, "starts_on"], kind="stable")
    groups = ordered.groupby(key, sort=False)["ends_on"]
    latest = groups.cummax().groupby([ordered[name] for name in key], sort=False).shift()
    for i in sorted(ordered.index[(latest >= ordered["starts_on"]).to_numpy()]):
        rule = f"must start after the earlier spans of the same {' and '.join(key)} have ended"
        fix = f"End the earlier span before {_day(spans, 'starts_on', i)}, or delete this one."
        problems.append(source.problem(i, "starts_on", rule, fix))
    return problems


def _day(frame: pd.DataFrame, column: str, i: int) -> str:
    return shown(frame[column].iloc[i])


def _kpi_owners(tables: _Tables) -> Iterable[Problem]:
    kpis, source = tables["kpis"].good()
    for i in positions(kpis["payee_id"].notna() == kpis["account_id"].notna()):
        rule = "must name either a payee or an account, not both and not neither"
        yield source.problem(i, "payee_id", rule, "Fill exactly one of payee_id and account_id.")


def _signs(tables: _Tables) -> Iterable[Problem]:
    events, source = tables["arr_events"].good()
    kind, delta = events["event_type"], events["arr_delta"]
    for wrong, rule, fix in (
        (kind.isin(LOSSES) & (delta >= 0), "must be negative for a loss", "Write the loss with a minus sign."),
        (kind.isin(GAINS) & (delta <= 0), "must be positive for a gain", "Write it without a minus sign."),
        (
            (kind == "renewal") & (delta != 0),
            "must be 0 for a renewal",
            "Put the uplift in an expansion row with is_at_renewal true.",
        ),
    ):
        for i in positions(wrong):
            yield source.problem(i, "arr_delta", rule, f"The row is of type {kind.iloc[i]}. {fix}")
    for i in positions((kind == "renewal") & events["renewed_arr"].isna()):
        fix = "Give the ARR that was renewed, before uplift."
        yield source.problem(i, "renewed_arr", "must be given for a renewal", fix)


def _whole_accounts(tables: _Tables) -> tuple[pd.DataFrame, RawTable]:
    """Events of the known accounts whose every event is good; none when a bad event names no account."""
    table, accounts = tables["arr_events"], tables["accounts"]
    account_id = table.frame["account_id"]
    whole = np.ones(len(table.frame), dtype=bool)
    if accounts.is_sound:
        whole &= is_in(account_id, accounts.frame["account_id"])
    if table.is_bad.any():
        suspects = account_id[table.is_bad]
        whole &= ~is_in(account_id, suspects.unique()) & ~suspects.isna().any()
    return table.frame[whole].reset_index(drop=True), table.raw.keep(whole)


def _beginnings(tables: _Tables) -> Iterable[Problem]:
    events, source = _whole_accounts(tables)
    new_on = events["effective_on"].where(events["event_type"] == "new")
    first = new_on.groupby(events["account_id"]).transform("min")
    for i in positions(events["effective_on"] < first):
        fix = f"It began on {first.iloc[i]:%Y-%m-%d}: correct the date, or date its new event earlier."
        yield source.problem(i, "effective_on", "must not lie before the account began", fix)
    for i in positions(first.isna() & ~events["account_id"].duplicated()):
        rule = "must belong to an account with an event of type new"
        fix = f"Give account {events['account_id'].iloc[i]} a new event with its ARR at the start of the history."
        yield source.problem(i, "event_type", rule, fix)


def _balances(tables: _Tables) -> Iterable[Problem]:
    events, source = _whole_accounts(tables)
    has_begun = (events["event_type"] == "new").groupby(events["account_id"]).transform("any")
    ordered = events[has_begun.astype(bool)].assign(is_loss=events["arr_delta"] < 0)
    ordered = ordered.sort_values(["account_id", "currency", "effective_on", "is_loss", "event_id"])
    balance = ordered.groupby(["account_id", "currency"])["arr_delta"].cumsum()
    for i in sorted(balance.index[(balance < -0.005).to_numpy()]):
        fix = f"Account {events['account_id'].iloc[i]} would stand at {balance[i]:,.2f}: check its earlier events."
        yield source.problem(i, "arr_delta", "must not take the account's ARR below zero", fix)


def _currencies(tables: _Tables, settings: Settings) -> Iterable[Problem]:
    fx_rates, fx_source = tables["fx_rates"].good()
    for i in positions((fx_rates["currency"] == settings.reporting_currency) & (fx_rates["rate"] != 1)):
        fix = (
            "A rate is units of the reporting currency for one unit of the currency: check the direction, or delete it."
        )
        yield fx_source.problem(i, "rate", f"must be 1 for the reporting currency {settings.reporting_currency}", fix)
    amounts = {name: tables[name].good() for name in ("arr_events", "payees")}
    used = sorted({currency for rows, _ in amounts.values() for currency in rows["currency"].unique()})
    foreign = [currency for currency in used if currency != settings.reporting_currency]
    if not settings.reporting_currency:
        if len(used) > 1:
            rule = f"must be declared, because the history holds {', '.join(used)}"
            yield Problem("mapping.yaml", rule, "Write reporting_currency: USD, for example.", "reporting_currency")
    elif foreign and settings.exchange.constant_on is None:
        rule = f"must be declared to convert {', '.join(foreign)} to {settings.reporting_currency}"
        fix = "Write exchange: {constant_on: 2024-12-31, missing_day: previous, max_gap_days: 4}."
        yield Problem("mapping.yaml", rule, fix, "exchange.constant_on")
    elif foreign and settings.exchange.constant_on is not None and tables["fx_rates"].is_sound:
        _, missing = missing_rates(fx_rates, settings, foreign, settings.exchange.constant_on)
        counts = {name: sum(int((rows["currency"] == name).sum()) for rows, _ in amounts.values()) for name in foreign}
        if missing and fx_rates.empty:
            rule = f"must be there with the rates of {', '.join(f'{name} ({n:,} rows)' for name, n in counts.items())}"
            yield Problem("fx_rates", f"{rule} in {settings.reporting_currency}", ADD.format("fx_rates"))
            return
        for problem in missing:
            if counts[problem.value] > _FEW:
                rule = f"{problem.rule}; {counts[problem.value]:,} rows of arr_events and payees need it"
                yield Problem("fx_rates", rule, problem.fix, "rate", value=problem.value)
                continue
            for rows, source in amounts.values():
                for i in positions(rows["currency"] == problem.value):
                    yield source.problem(i, "currency", f"needs a rate: fx_rates {problem.rule}", problem.fix)


def _unassigned(tables: _Tables) -> Iterable[Problem]:
    events, books = tables["arr_events"].frame, tables["assignments"].frame
    held = events[["account_id", "effective_on"]].reset_index(names="i").merge(books, on="account_id")
    inside = (held["starts_on"] <= held["effective_on"]) & ~(held["ends_on"] < held["effective_on"])
    nobody = np.ones(len(events), dtype=bool)
    nobody[held.loc[inside, "i"]] = False
    if nobody.any():
        lost = events[nobody]
        size = lost["renewed_arr"].where(lost["event_type"] == "renewal", lost["arr_delta"])
        rule = "which happened while the account was in nobody's book"
        together = f" All {len(lost)} such events add up to {_sums(size.abs(), lost['currency'])}, signs aside."
        for i in positions(nobody):
            fix = f"Assign account {lost['account_id'][i]} from {_day(events, 'effective_on', i)} "
            fix += f"({size[i]:,.2f} {lost['currency'][i]}{' renewed' * (lost['event_type'][i] == 'renewal')})."
            yield tables["arr_events"].raw.problem(i, "event_id", rule, fix + together * (len(lost) > 1))
            together = ""


def _left_behind(tables: _Tables, settings: Settings) -> Iterable[Problem]:
    """Assignments that run on with ARR in them after the payee's last span."""
    books, spans = tables["assignments"].frame, tables["payees"].frame
    left = spans["ends_on"].fillna(_OPEN).groupby(spans["payee_id"]).max().rename("left_on").reset_index()
    held = books.reset_index(names="i").merge(left, on="payee_id")
    runs_on = held["left_on"] < held["ends_on"].fillna(_OPEN)
    events = tables["arr_events"].frame[["account_id", "effective_on", "arr_delta", "currency"]]
    data_ends_on = pd.Timestamp(settings.data_ends_on or max(events["effective_on"].max(), books["starts_on"].max()))
    held = held[runs_on & (held["left_on"] < data_ends_on)].merge(events, on="account_id")
    held = held[held["effective_on"] <= held["ends_on"].fillna(_OPEN)]
    is_early = (held["effective_on"] <= held["left_on"] + _DAY) | (held["effective_on"] <= held["starts_on"])
    size = (held["arr_delta"] * held["split"]).where(is_early, held["arr_delta"].abs() * held["split"])
    groups: Any = held.assign(size=size, is_early=is_early).groupby(["i", "payee_id", "left_on"])
    for (i, payee_id, left_on), rows in groups:
        then, since = (_sums(some["size"], some["currency"]) for some in (rows[rows.is_early], rows[~rows.is_early]))
        if then or since:
            rule = "which is still in the book of a payee who has left"
            at_stake = f"with {then} of ARR" if then else f"and {since} moved since"
            fix = f"{payee_id} left on {left_on:%Y-%m-%d}, {at_stake}: end the assignment and give the "
            yield tables["assignments"].raw.problem(i, "account_id", rule, fix + "account to somebody.")


def _partly_held(tables: _Tables) -> Iterable[Problem]:
    """Accounts of which some days a part is in nobody's book."""
    books = tables["assignments"].frame
    total = split_totals(books, ["account_id"])
    for i in total.index[total < 1 - 1e-9]:
        fix = f"Raise a split, or assign the rest of account {books['account_id'].iloc[i]} to somebody."
        rule = f"which leaves {1 - total[i]:.4g} of the account to nobody on {_day(books, 'starts_on', i)}"
        yield tables["assignments"].raw.problem(int(i), "split", rule, fix)


def _kpi_doubts(tables: _Tables) -> Iterable[Problem]:
    """Counts on days on which the payee is not employed, and rare names that nearly are common ones."""
    kpis, source, spans = tables["kpis"].frame, tables["kpis"].raw, tables["payees"].frame
    own = kpis[kpis["payee_id"].notna()].reset_index(names="i").merge(spans, on="payee_id")
    is_there = (own["starts_on"] <= own["on"]) & ~(own["ends_on"] < own["on"])
    for i in sorted(set(own["i"]) - set(own.loc[is_there, "i"])):
        fix = "Correct the day or the payee, or extend the span in payees."
        rule = f"which lies outside the spans of {kpis['payee_id'].iloc[i]} in payees"
        yield source.problem(int(i), "on", rule, fix)
    n_rows = kpis["kpi"].value_counts()
    for name in n_rows.index:
        for near in difflib.get_close_matches(name, n_rows.index[n_rows > n_rows[name]], n=1, cutoff=0.85):
            rule = f"which is nearly {near!r}, a KPI of {n_rows[near]:,} rows"
            yield source.problem(positions(kpis["kpi"] == name)[0], "kpi", rule, "Correct it if that is meant.")


def _sums(amounts: pd.Series, currencies: pd.Series) -> str:
    """The total of each currency that has one."""
    totals = amounts.groupby(currencies).sum().round(2)
    return ", ".join(f"{total:,.2f} {currency}" for currency, total in totals.items() if total)
