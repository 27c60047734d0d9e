"""A table as it was read becomes a frame with the declared types: parse the cells, then check each column.

Formats are declared, never guessed: a date is written as the mapping says (2025-07-31 unless it says otherwise), a
number with the declared signs. Typed cells of Parquet and Excel count as what they are. Column checks (empty,
allowed values, bounds) run in pandera. Every problem names file, row (the header is row 1), column, value, rule, fix.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa

from compmodel.errors import Problem, nearest
from compmodel.refusals import refusal
from compmodel.tables import DTYPES, Column, Table

ISO_DATE = "%Y-%m-%d"
Mask = npt.NDArray[np.bool_]
_FLAGS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


@dataclass(frozen=True)
class RawTable:
    """A table as read: canonical column names, values untouched, the file and row each came from.

    `files` gives the file of each row where a table was put together from several.
    """

    frame: pd.DataFrame
    file: str
    rows: npt.NDArray[np.int64]
    date_formats: Mapping[str, str] = field(default_factory=dict)
    source_columns: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    thousands: str = ""
    files: Sequence[str] = ()

    def problem(self, position: int, column: str, rule: str, fix: str) -> Problem:
        """Returns a problem of the cell in that column at the row that stands at that position."""
        value = shown(self.frame[column].iloc[position]) if column in self.frame else ""
        file = self.files[position] if len(self.files) else self.file
        return Problem(file, rule, fix, self.source_columns.get(column, column), int(self.rows[position]), value)

    def keep(self, kept: Mask) -> RawTable:
        """Returns the table with only the rows where the mask is true."""
        files = [file for file, is_kept in zip(self.files, kept, strict=False) if is_kept]
        return replace(self, frame=self.frame[kept].reset_index(drop=True), rows=self.rows[kept], files=files)


@dataclass(frozen=True)
class ParsedTable:
    """A table with its declared types, how it was read, and which rows or whether the whole have a problem."""

    frame: pd.DataFrame
    raw: RawTable
    is_bad: Mask
    is_sound: bool = True

    def good(self) -> tuple[pd.DataFrame, RawTable]:
        """Returns the rows without a problem, parsed and as read."""
        if not self.is_bad.any():
            return self.frame, self.raw
        return self.frame[~self.is_bad].reset_index(drop=True), self.raw.keep(~self.is_bad)


def shown(value: object) -> str:
    """Returns a cell as a spreadsheet shows it; nothing for an empty one."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d}" if _is_day(value) else f"{value:%Y-%m-%d %H:%M:%S%z}"
    whole = isinstance(value, float | np.floating) and np.isfinite(value) and value == int(value)
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def positions(mask: Mask | pd.Series) -> list[int]:
    """Returns where a mask is true."""
    return [int(i) for i in np.flatnonzero(mask)]


def is_in(values: pd.Series, known: Iterable[str]) -> Mask:
    """Returns which texts are known; an empty one is not. (`Series.isin` walks through Arrow strings one by one.)"""
    names = pd.Index(list(known), dtype=object).unique()
    found: Mask = names.get_indexer(pd.Index(values.astype(object))) >= 0
    return found & values.notna().to_numpy(bool)


def plain_text(values: pd.Series) -> pd.Series:
    """Returns the cells as stripped text, missing where empty: 1001 and 1001.0 are "1001"."""
    if not isinstance(values.dtype, pd.StringDtype):
        values = values.astype(object).map(shown).astype("str")
    texts = values.str.strip()
    return texts.mask(texts == "")


def parsed_table(table: Table, raw: RawTable, problems: list[Problem]) -> ParsedTable:
    """Returns the table with its declared types; adds what does not fit the declarations to `problems`."""
    n, names = len(problems), [column.name for column in table.columns]
    for name in raw.frame.columns:
        if name not in names:
            problems.append(Problem(raw.file, f"is not a column of {table.name}", nearest(name, names), str(name)))
    out: dict[str, pd.Series] = {}
    failed: dict[str, Mask] = {}
    is_bad = np.zeros(len(raw.frame), dtype=bool)
    for column in table.columns:
        if column.name in raw.frame.columns:
            out[column.name], failed[column.name] = _parsed(table.name, column, raw, problems)
            is_bad |= failed[column.name]
            continue
        nothing = pd.Series([False if column.type == "flag" else None] * len(raw.frame), dtype=object)
        out[column.name] = _declared(nothing, column)
        if column.empty is None:
            rule = f"is missing, and {table.name} needs it"
            problems.append(Problem(raw.file, rule, f"Add it: {column.meaning}", column.name))
            is_bad[:] = True
    frame = pd.DataFrame(out)
    _check_columns(table, frame, raw, problems, failed, is_bad)
    repeated = frame.duplicated(list(table.key)).to_numpy() & ~is_bad if table.key else np.zeros_like(is_bad)
    for i in positions(repeated):
        column_name = next(name for name in table.key if name in raw.frame.columns)
        rule, fix = f"must be the only row with this {', '.join(table.key)}", "Delete one, or correct its key."
        value = ", ".join(filter(None, (shown(frame[name].iloc[i]) for name in table.key)))
        problems.append(replace(raw.problem(i, column_name, rule, fix), value=value))
    is_bad |= repeated
    return ParsedTable(frame, raw, is_bad, is_sound=len(problems) == n)


@dataclass(frozen=True)
class _Cells:
    """The cells of a column: stripped values, which are empty, and the kind of each.

    Kinds: t text, n number, b true or false, d date, ? anything else.
    """

    values: pd.Series
    is_empty: Mask
    kinds: npt.NDArray[np.str_]

    def of(self, kind: str) -> Mask:
        mask: Mask = (self.kinds == kind) & ~self.is_empty
        return mask


def _cells(values: pd.Series) -> _Cells:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    values = values.infer_objects().reset_index(drop=True)
    dtype = values.dtype
    if isinstance(dtype, pd.StringDtype):
        values = values.str.strip()
        return _Cells(values, (values.isna() | (values == "")).to_numpy(bool), np.full(len(values), "t"))
    if not pd.api.types.is_object_dtype(dtype):
        is_number, is_date = pd.api.types.is_numeric_dtype(dtype), pd.api.types.is_datetime64_any_dtype(dtype)
        kind = "b" if pd.api.types.is_bool_dtype(dtype) else "n" if is_number else "d" if is_date else "?"
        return _Cells(values, values.isna().to_numpy(bool), np.full(len(values), kind))
    values = values.map(lambda value: value.strip() or None if isinstance(value, str) else value).astype(object)
    return _Cells(values, values.isna().to_numpy(bool), np.array([_kind(value) for value in values], dtype="U1"))


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "t"
    if isinstance(value, bool | np.bool_):
        return "b"
    if isinstance(value, int | float | Decimal | np.number):
        return "n"
    return "d" if isinstance(value, dt.date | np.datetime64) else "?"


def _parsed(table: str, column: Column, raw: RawTable, problems: list[Problem]) -> tuple[pd.Series, Mask]:
    """The column with its declared type, and which cells could not be parsed."""
    cells = _cells(raw.frame[column.name])
    parsed = _READERS[column.type](cells, raw, column)
    is_given, date_format = ~cells.is_empty, raw.date_formats.get(column.name, ISO_DATE)
    failed: Mask = parsed.isna().to_numpy(bool) & is_given
    for i in positions(failed):
        rule, fix = refusal(table, column, raw.decimal, date_format, cells.values.iloc[i])
        problems.append(raw.problem(i, column.name, rule, fix))
    if column.type == "flag":
        if column.empty is None:  # pandera sees only True and False
            for i in positions(cells.is_empty):
                problems.append(raw.problem(i, column.name, "must not be empty", "Write true or false."))
            failed |= cells.is_empty
        parsed = parsed.eq(True)
    return _declared(parsed, column), failed


def _declared(values: pd.Series, column: Column) -> pd.Series:
    dtype: Any = DTYPES[column.type]
    typed: pd.Series = values.astype(dtype)
    return typed


def _text(cells: _Cells, raw: RawTable, column: Column) -> pd.Series:
    is_text = cells.of("t")
    fitting = is_text | cells.of("n") | cells.of("b")
    texts = cells.values
    if not isinstance(texts.dtype, pd.StringDtype):
        texts = texts.astype(object).map(shown).astype("str")
    return texts.where(fitting)


def _number(cells: _Cells, raw: RawTable, column: Column) -> pd.Series:
    numbers = np.full(len(cells.values), np.nan)
    typed, texts = cells.of("n"), cells.of("t")
    if typed.any():
        numbers[typed] = cells.values[typed].astype("float64")
    if texts.any():
        numbers[texts] = _written_numbers(cells.values[texts].astype("str"), raw.decimal, raw.thousands)
    numbers[~np.isfinite(numbers)] = np.nan
    if column.type == "count":
        numbers[numbers % 1 != 0] = np.nan
    return pd.Series(numbers)


def _written_numbers(texts: pd.Series, decimal: str, thousands: str) -> npt.NDArray[np.float64]:
    whole = "[0-9]+" if not thousands else f"(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+)"
    point = re.escape(decimal)
    fits = texts.str.fullmatch(f"[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?").to_numpy(bool)
    if thousands:
        texts = texts.str.replace(thousands, "", regex=False)
    if decimal != ".":
        texts = texts.str.replace(decimal, ".", regex=False)
    numbers = np.full(len(texts), np.nan)
    numbers[fits] = texts[fits].astype("float64")
    return numbers


def _date(cells: _Cells, raw: RawTable, column: Column) -> pd.Series:
    declared = raw.date_formats.get(column.name, ISO_DATE)
    days = np.full(len(cells.values), np.datetime64("NaT", "s"))
    texts, typed = cells.of("t"), cells.of("d")
    if texts.any():
        days[texts] = pd.to_datetime(cells.values[texts], format=declared, errors="coerce").to_numpy("datetime64[s]")
    if typed.any() and cells.values.dtype == object:
        days[typed] = [
            np.datetime64(day.isoformat()[:10] if _is_day(day) else "NaT", "s") for day in cells.values[typed]
        ]
    elif typed.any() and cells.values.dt.tz is None:
        stamps = cells.values[typed]
        days[typed] = stamps.where(stamps == stamps.dt.normalize()).to_numpy("datetime64[s]")
    return pd.Series(days.astype("datetime64[D]").astype("datetime64[s]"))


def _is_day(value: dt.date) -> bool:
    return not isinstance(value, dt.datetime) or (value.tzinfo is None and value.time() == dt.time())


def _flag(cells: _Cells, raw: RawTable, column: Column) -> pd.Series:
    if cells.of("b").all():
        return cells.values
    return plain_text(cells.values).str.lower().map(_FLAGS).astype(object)


_READERS: dict[str, Callable[[_Cells, RawTable, Column], pd.Series]] = {
    "text": _text,
    "date": _date,
    "number": _number,
    "count": _number,
    "flag": _flag,
}


def _check_columns(
    table: Table,
    frame: pd.DataFrame,
    raw: RawTable,
    problems: list[Problem],
    failed: Mapping[str, Mask],
    is_bad: Mask,
) -> None:
    """Adds what pandera finds: empty cells, values outside the allowed ones or the bounds; marks the rows as bad."""
    declared = {name: _pandera_column(table.column(name)) for name in failed}
    schema = pa.DataFrameSchema({name: rule for name, rule in declared.items() if rule.checks or not rule.nullable})
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as found:
        cases: Any = found.failure_cases
        for case in cases.sort_values("index", kind="stable").itertuples(index=False):
            i, column = int(case.index), table.column(str(case.column))
            if failed[column.name][i]:
                continue  # already said while parsing
            if case.check == "not_nullable":
                rule, fix = "must not be empty", f"Give it: {column.meaning}"
            elif column.allowed:
                rule = f"must be one of {', '.join(column.allowed)}"
                fix = nearest(str(case.failure_case), column.allowed)
            else:
                rule, fix = f"must be {_bounds(column)}", "Correct the value."
            problems.append(raw.problem(i, column.name, rule, fix))
            is_bad[i] = True


def _pandera_column(column: Column) -> pa.Column:
    checks = []
    if column.allowed:
        checks.append(pa.Check.isin(column.allowed))
    if column.at_least is not None:
        checks.append(pa.Check.ge(column.at_least))
    if column.above is not None:
        checks.append(pa.Check.gt(column.above))
    if column.at_most is not None:
        checks.append(pa.Check.le(column.at_most))
    return pa.Column(DTYPES[column.type], checks=checks, nullable=column.empty is not None)


def _bounds(column: Column) -> str:
    said = {"at least": column.at_least, "above": column.above, "at most": column.at_most}
    return " and ".join(f"{word} {bound:g}" for word, bound in said.items() if bound is not None)
