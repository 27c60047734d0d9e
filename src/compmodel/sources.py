"""A `History` from a folder of CSV, Parquet or Excel files, directly or through a mapping.

Each canonical table is the file of its name (`accounts.csv`, `.parquet` or `.xlsx`), unless the mapping says where
else it comes from (`mapping.py` describes the language). The mapping is `mapping.yaml` in the folder, or the file
passed as `mapping`, which then counts alone. Other files in the folder are left alone. Every source ends in
validation, and nothing is guessed: an ambiguous file, column or value is an error.

The way of a table: read the file, add `lookups`, `keep` rows, keep the first of `distinct` rows, take `columns`, map
`values`, add `constants`, then build movements `from_spans` or rates from a `wide` layout.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from compmodel.documents import nearest_path
from compmodel.errors import DataError, Hints, Problem, nearest
from compmodel.files import SUFFIXES, Sheet, read_sheet
from compmodel.mapping import EVERY, SPAN_DATES, SourceFile, SourceMapping, Spans, TableMapping, Wide, load_mapping
from compmodel.parsing import RawTable, is_in, parsed_table, plain_text, positions
from compmodel.reshaping import movements, owner_columns, rates
from compmodel.tables import TABLES, Column, History, Table
from compmodel.validation import ADD, doubtful_amounts, validated_history

_NEAR = 0.75
_CURRENCY = re.compile("[A-Z]{3}")


def load_history(folder: str | Path, mapping: str | Path | None = None) -> History:
    """Returns the history of a folder, validated; its warnings say what deserves a look.

    `mapping` is a mapping file to use instead of the folder's own `mapping.yaml`. Raises DataError with every problem.

    >>> load_history("no/such/folder")
    Traceback (most recent call last):
    compmodel.errors.DataError: There is no such folder, so nothing was loaded (1 problem):
      no/such/folder must be a folder that is there. Check the path.
    """
    source = _Folder(folder, mapping)
    raw = {name: table for name in TABLES if (table := source.table(name)) is not None}
    return validated_history(raw, source.mapping.settings, source.problems, source.unread, source.warnings)


def load_table(name: str, folder: str | Path, mapping: str | Path | None = None) -> pd.DataFrame:
    """Returns one canonical table of a folder with its declared types, checked by itself only.

    Raises DataError with every problem of that table.
    """
    if name not in TABLES:
        raise DataError([Problem(str(folder), "is not a table", nearest(name, TABLES), value=name)])
    source = _Folder(folder, mapping)
    raw = source.table(name)
    if raw is None and not source.problems:
        source.problems.append(Problem(name, "must be there", ADD.format(name)))
    parsed = parsed_table(TABLES[name], raw, source.problems) if raw is not None else None
    if source.problems or parsed is None:
        raise DataError(source.problems)
    return parsed.frame


class _Folder:
    """One folder while it is read: the problems, warnings and unreadable tables so far."""

    def __init__(self, folder: str | Path, mapping: str | Path | None):
        self.path = Path(folder)
        if not self.path.is_dir():
            raise DataError([Problem(str(folder), "must be a folder that is there", nearest_path(self.path))])
        own = self.path / "mapping.yaml"
        self.place = own.name if mapping is None else str(mapping)
        is_there = mapping is not None or own.exists()
        self.mapping = load_mapping(mapping or own, self.place) if is_there else SourceMapping()
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.unread: set[str] = set()
        self._sheets: dict[SourceFile, Sheet | None] = {}

    def table(self, name: str) -> RawTable | None:
        """Returns the table as read; None when there is none or it cannot be read (then `unread` names it)."""
        written = self.mapping.tables.get(name, (TableMapping(),))
        many = written is not None and len(written) > 1
        n = len(self.problems)
        parts = [self._part(name, part, f"tables.{name}{f'[{i}]' * many}") for i, part in enumerate(written or ())]
        good = [part for part in parts if part is not None]
        raw = self._joined(name, good) if many and len(good) == len(parts) else next(iter(good), None)
        if len(self.problems) > n:
            self.unread.add(name)
            return None
        if raw is not None and TABLES[name].is_required and not len(raw.rows):
            fix = "Export it with its rows, or correct keep in mapping.yaml if that drops them all."
            self.problems.append(Problem(raw.file, "holds no row", fix))
        return raw

    def _part(self, name: str, part: TableMapping, at: str) -> RawTable | None:
        """One part of a table through all the steps; None after adding what is wrong."""
        n = len(self.problems)
        sheet = self._sheet(part, part.file or self._found(name), name)
        selected = self._selected(sheet, part, at, name) if sheet else None
        raw = self._canonical(selected, part, at, name) if selected else None
        if raw:
            self.warnings += doubtful_amounts(_spans_table(part.from_spans) if part.from_spans else TABLES[name], raw)
        if raw and part.from_spans:
            raw = self._from_spans(raw, part, part.from_spans)
        elif raw and part.wide:
            raw = self._from_wide(raw, part.wide)
        return raw if len(self.problems) == n else None

    def _joined(self, name: str, parts: list[RawTable]) -> RawTable:
        """The parts under each other, each parsed as it is written."""
        frames = [parsed_table(TABLES[name], part, self.problems).frame for part in parts]
        files = [part.file for part in parts for _ in part.rows]
        rows = np.concatenate([part.rows for part in parts])
        return RawTable(pd.concat(frames, ignore_index=True), ", ".join(dict.fromkeys(files)), rows, files=files)

    def _found(self, name: str) -> str:
        """The name of the table's own file, or nothing; adds what is wrong or near."""
        there = [name + suffix for suffix in SUFFIXES if (self.path / (name + suffix)).exists()]
        if len(there) == 1:
            return there[0]
        if there:
            rule = f"must be in one file, but {' and '.join(there)} are there"
            self.problems.append(Problem(name, rule, "Delete one, or name the right one in mapping.yaml."))
            return ""
        mapped = {part.file for parts in self.mapping.tables.values() for part in parts or ()}
        others = {path.stem.lower(): path.name for path in self.path.iterdir() if path.name not in mapped}
        stems = sorted(stem for stem in others if stem == name or stem not in TABLES)
        near = [others[stem] for stem in difflib.get_close_matches(name, stems, n=1, cutoff=_NEAR)]
        if TABLES[name].is_required:
            hint = f" If {near[0]!r} is it, rename it or name it there." if near else ""
            self.problems.append(Problem(name, "must be there", ADD.format(name) + hint))
        elif near:
            rule = "was left alone, because no table has this name"
            self.warnings.append(Problem(near[0], rule, f"Did you mean {name}?"))
        return ""

    def _sheet(self, source: SourceFile, file: str, table: str) -> Sheet | None:
        """The file as read, with missing markers taken out; None after adding what is wrong."""
        if not file:
            return None
        written = {name: getattr(source, name) for name in SourceFile.model_fields}
        key = SourceFile(**{**written, "file": file})
        if key not in self._sheets:
            sheet = read_sheet(self.path / file, key, table, self.problems)
            if sheet and key.missing:
                for column, cells in sheet.frame.items():
                    sheet.frame[column] = cells.mask(cells.isin(key.missing))
            self._sheets[key] = sheet
        return self._sheets[key]

    def _has(self, sheet: Sheet, column: str, at: str) -> bool:
        if column in sheet.frame.columns:
            return True
        fix = nearest(column, sheet.frame.columns)
        self.problems.append(Problem(self.place, f"must be a column of {sheet.file}", fix, at, value=column))
        return False

    def _selected(self, sheet: Sheet, part: TableMapping, at: str, table: str) -> Sheet | None:
        """The sheet with its lookups, reduced to the rows to keep."""
        n = len(self.problems)
        sheet = replace(sheet, frame=sheet.frame.copy(deep=False))
        for name, lookup in part.lookups.items():
            other, place, match = self._sheet(lookup, lookup.file, table), f"{at}.lookups.{name}", lookup.match
            has_key = self._has(sheet, lookup.key, f"{place}.key")
            if other is None or not has_key:
                continue
            has_match = self._has(other, match or lookup.key, f"{place}.{'match' if match else 'key'}")
            if self._has(other, lookup.take, f"{place}.take") and has_match:
                sheet.frame[name] = self._taken(sheet, lookup.key, other, match or lookup.key, lookup.take)
        for column, values in part.keep.items():
            if self._has(sheet, column, f"{at}.keep.{column}"):
                texts = plain_text(sheet.frame[column])
                for value in sorted(set(values) - set(texts)):
                    fix = Hints(texts.dropna().unique()).of(value) or "Correct or delete it."
                    rule = f"which does not occur in column {column} of {sheet.file}"
                    self.warnings.append(Problem(self.place, rule, fix, f"{at}.keep.{column}", value=value))
                sheet = sheet.keep(texts.isin(values).to_numpy(bool))
        has_distinct = [self._has(sheet, column, f"{at}.distinct") for column in part.distinct]
        if has_distinct and all(has_distinct):
            sheet = sheet.keep(~sheet.frame.duplicated(list(part.distinct)).to_numpy())
        return sheet if len(self.problems) == n else None

    def _taken(self, sheet: Sheet, key: str, other: Sheet, match: str, take: str) -> pd.Series:
        """The column of the other sheet for each key of this one, empty for an empty key."""
        theirs, mine = plain_text(other.frame[match]), plain_text(sheet.frame[key])
        repeated = (theirs.notna() & theirs.duplicated()).to_numpy(bool)
        for i in positions(repeated):
            rule = "must be there once, because it is looked up"
            row = int(other.rows[i])
            self.problems.append(Problem(other.file, rule, "Delete one of the rows.", match, row, theirs.iloc[i]))
        usable = theirs.notna().to_numpy(bool) & ~repeated
        known = pd.Series(other.frame[take].to_numpy()[usable], index=pd.Index(theirs[usable]))
        self._unknown(sheet, key, mine, known.index, f"must be in column {match} of {other.file}", "Add it there.")
        return mine.map(known)

    def _unknown(self, sheet: Sheet, column: str, texts: pd.Series, known: pd.Index, rule: str, fix: str) -> None:
        """Adds a problem for each filled cell whose text is not known."""
        hint = Hints(known)
        for i in positions(texts.notna() & ~is_in(texts, known)):
            text = texts.iloc[i]
            said = f"{fix} {hint.of(text)}".strip()
            self.problems.append(Problem(sheet.file, rule, said, column, int(sheet.rows[i]), text))

    def _canonical(self, sheet: Sheet, part: TableMapping, at: str, name: str) -> RawTable | None:
        """The columns under their canonical names, with values mapped and constants added."""
        n, frame = len(self.problems), sheet.frame
        theirs = dict(part.columns) or {column: column for column in frame.columns}
        places = {ours: f"{at}.columns.{ours}" for ours in theirs}
        if part.from_spans:
            used = {key: getattr(part.from_spans, key) for key in (*SPAN_DATES, "amount")}
            theirs, places = theirs | used, places | {key: f"{at}.from_spans.{key}" for key in used}
        if part.wide:
            taken = set(theirs.values()) if part.columns else set()
            currencies = [column for column in frame.columns if column not in taken]
            theirs = (theirs if part.columns else {}) | {currency: currency for currency in currencies}
        theirs = {ours: column for ours, column in theirs.items() if self._has(sheet, column, places.get(ours, at))}
        out = pd.DataFrame({ours: frame[column] for ours, column in theirs.items()}, index=frame.index)
        for column in (*part.values, *(part.date_format.keys() - {EVERY})):
            if column not in theirs:
                rule, fix = "must be mapped to be changed", f"Add {column} to columns, or delete it here."
                self.problems.append(Problem(self.place, rule, fix, at, value=column))
        for column in part.values.keys() & theirs.keys():
            texts, known = plain_text(out[column]), part.values[column]
            fix = f"Add it to {at}.values.{column} of the mapping."
            self._unknown(sheet, theirs[column], texts, pd.Index(list(known)), "must be in the value map", fix)
            out[column] = texts.map(known).astype("str")
        dates = [*SPAN_DATES, *(column.name for column in TABLES[name].columns if column.type == "date")]
        formats = dict.fromkeys(dates, part.date_format[EVERY]) if EVERY in part.date_format else {}
        raw = RawTable(
            _with_constants(out, part),
            sheet.file,
            sheet.rows,
            formats | part.date_format,
            theirs,
            part.decimal,
            part.thousands,
        )
        return raw if len(self.problems) == n else None

    def _from_spans(self, raw: RawTable, part: TableMapping, rule: Spans) -> RawTable | None:
        """The movements of the spans, as arr_events; None after adding what is wrong."""
        table = _spans_table(rule)
        names = [column.name for column in table.columns]
        parsed = parsed_table(table, replace(raw, frame=raw.frame.filter(names)), self.problems)
        if not parsed.is_sound:
            return None
        spans, owner = parsed.frame, owner_columns(rule)
        first = spans.groupby(owner)["currency"].transform("first")
        data_ends_on = pd.Timestamp(rule.data_ends_on)
        for wrong, column, said, fix in (
            (spans["end"] < spans["start"], "end", "must not lie before the span's start", "Correct one of the two."),
            (
                spans["start"] > data_ends_on,
                "start",
                f"must not lie after data_ends_on ({data_ends_on:%Y-%m-%d})",
                _END,
            ),
            (spans["currency"] != first, "currency", f"must be one for each {' and '.join(owner)}", _ONE_CURRENCY),
        ):
            for i in positions(wrong):
                self.problems.append(raw.problem(i, column, said, fix))
        built = movements(spans, rule)
        frame = _with_constants(built.drop(columns="position"), part)
        return RawTable(frame, raw.file, raw.rows[built["position"].to_numpy()])

    def _from_wide(self, raw: RawTable, rule: Wide) -> RawTable | None:
        """The rates of a column for each currency, as fx_rates; None after adding what is wrong."""
        currencies = [name for name in raw.frame.columns if name != "on"]
        for name in currencies:
            if not _CURRENCY.fullmatch(name):
                problem = Problem(raw.file, "must be a currency code such as USD", "Map or rename it.", name, 1)
                self.problems.append(problem)
        reporting, known = self.mapping.reporting_currency, [*currencies, rule.base]
        if reporting not in known:
            fix = nearest(reporting, known) if reporting else "Write reporting_currency: USD, for example."
            said = "must be declared and have rates, because wide rates are crossed to it"
            self.problems.append(Problem(self.place, said, fix, "reporting_currency", value=reporting))
        parsed = parsed_table(_wide_table(currencies), raw, self.problems)
        if not parsed.is_sound or reporting not in known:
            return None
        built = rates(parsed.frame, rule, reporting)
        return RawTable(
            built.drop(columns="position"),
            raw.file,
            raw.rows[built["position"].to_numpy()],
            source_columns=raw.source_columns,
        )


_END = "Correct it, or set data_ends_on to the last day of the data."
_ONE_CURRENCY = "Build the movements per subscription, or use amounts in one currency."


def _with_constants(frame: pd.DataFrame, part: TableMapping) -> pd.DataFrame:
    added = {name: pd.Series([value] * len(frame), index=frame.index) for name, value in part.constants.items()}
    return frame.assign(**added)


def _spans_table(rule: Spans) -> Table:
    subscription = Column(
        "subscription_id", "text", "The subscription.", empty=None if rule.per == "subscription" else "not told apart"
    )
    columns = (
        TABLES["arr_events"].column("account_id"),
        subscription,
        TABLES["arr_events"].column("currency"),
        Column("start", "date", "First day of the span."),
        Column("end", "date", "Last day of the span.", empty="still running"),
        Column("amount", "number", "Recurring amount.", "currency", at_least=0),
    )
    return Table("arr_events", "an item over a span of days", (), columns)


def _wide_table(currencies: list[str]) -> Table:
    rated = (Column(name, "number", "Rate against the base currency.", empty="no rate", above=0) for name in currencies)
    return Table("fx_rates", "a day", ("on",), (TABLES["fx_rates"].column("on"), *rated))
