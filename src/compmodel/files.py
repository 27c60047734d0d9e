"""Files as they are: the cells of a CSV, Parquet or Excel file under the names of its header, with their row numbers.

Nothing is converted here; a row counts as a spreadsheet counts it, so the header is row 1. What cannot be read is a
`Problem` that says how the file differs from what it should be.
"""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openpyxl
import pandas as pd

from compmodel.errors import Problem, nearest
from compmodel.mapping import SourceFile

SUFFIXES = (".csv", ".parquet", ".xlsx")
_LONGEST_CELL = 1_000_000
_SEPARATORS = ";\t|,"


@dataclass(frozen=True)
class Sheet:
    """A file as read: cells untouched under the names of its header, and the row each came from."""

    file: str
    frame: pd.DataFrame
    rows: npt.NDArray[np.int64]

    def keep(self, kept: npt.NDArray[np.bool_]) -> Sheet:
        """Returns only the rows where the mask is true."""
        return Sheet(self.file, self.frame[kept].reset_index(drop=True), self.rows[kept])


class Unreadable(Exception):
    """The file cannot be read at all: the rule it breaks, the fix, and the row if one is to blame."""

    def __init__(self, rule: str, fix: str, row: int | None = None):
        super().__init__(rule)
        self.rule, self.fix, self.row = rule, fix, row


def read_sheet(path: Path, source: SourceFile, table: str, problems: list[Problem]) -> Sheet | None:
    """Returns the file's cells, or None after adding to `problems` what is wrong with it.

    `source` says how the file is written; `table` is the sheet to take where a workbook holds several.
    """
    reader = _READERS.get(path.suffix.lower())
    try:
        if not path.is_file():
            beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
            raise Unreadable("must be a file that is there", nearest(path.name, sorted(beside)))
        if reader is None:
            raise Unreadable("must be a CSV, Parquet or Excel file", f"Let its name end in {', '.join(SUFFIXES)}.")
        if path.stat().st_size == 0:
            raise Unreadable("is empty", "Write at least the header, or delete the file.")
        return _without_blanks(source.file, *reader(path, source, table))
    except Unreadable as found:
        problems.append(Problem(source.file, found.rule, found.fix, row=found.row))
    except OSError as error:
        problems.append(Problem(source.file, f"cannot be read: {error.strerror or error}", "Check the file's rights."))
    return None


_Read = tuple[Sequence[Any], pd.DataFrame, npt.NDArray[np.int64]]


def _read_csv(path: Path, source: SourceFile, table: str) -> _Read:
    encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else source.encoding
    try:
        text = path.read_bytes().decode(encoding)
    except UnicodeError:
        rule = f"must be text in {source.encoding}"
        raise Unreadable(rule, "Save it as CSV UTF-8, or declare encoding in mapping.yaml.") from None
    if "\0" in text:
        raise Unreadable("must be text, but this file is binary or in another encoding", "Save it as CSV UTF-8.")
    header = text.partition("\n")[0]
    other = next((sign for sign in _SEPARATORS if sign in header), "")
    if other and source.delimiter not in header:
        rule = f"must be separated by {_named(source.delimiter)}, but seems to be separated by {_named(other)}"
        keys = f"file: {source.file}, delimiter: {json.dumps(other)}"
        raise Unreadable(rule, f"Write it beside the file in mapping.yaml, under tables: {table}: {{{keys}}}.")
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter, strict=True)
    records: list[list[str]] = []
    try:
        records.extend(reader)
    except csv.Error as error:
        row = len(records) + 1
        raise Unreadable(f"must be CSV: {error}", "Check the quotes in this row.", row) from None
    if not records or not records[0]:
        raise Unreadable("must have the column names in row 1", "Write them there.", 1)
    width = len(records[0])
    rows = np.array([i for i, record in enumerate(records) if i and record], dtype=np.int64)
    for i in rows:
        if len(records[i]) != width:
            rule = f"must have {width} cells as the header has, but has {len(records[i])}"
            raise Unreadable(rule, "Quote cells that hold the delimiter, or declare delimiter.", int(i) + 1)
    columns = list(zip(*(records[i] for i in rows), strict=True)) if len(rows) else [()] * width
    frame = pd.DataFrame({i: pd.Series(cells, dtype="str") for i, cells in enumerate(columns)})
    return records[0], frame, rows + 1


def _named(separator: str) -> str:
    return "tabs" if separator == "\t" else f"'{separator}'"


def _read_excel(path: Path, source: SourceFile, table: str) -> _Read:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and other things that are no data
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            sheet = book[_sheet_name(book.sheetnames, source, table)]
            sheet.reset_dimensions()
            records = [list(record) for record in sheet.iter_rows(values_only=True)]
            book.close()
    except (Unreadable, OSError):
        raise
    except Exception:  # openpyxl lets through whatever its parsers raise on a file that is no workbook
        raise Unreadable("must be an Excel workbook (.xlsx)", "Save it as .xlsx again, or as CSV UTF-8.") from None
    if not records or all(cell is None for cell in records[0]):
        raise Unreadable("must have the column names in row 1", "Write them there.", 1)
    width = max(len(record) for record in records)
    cells = [record + [None] * (width - len(record)) for record in records]
    frame = pd.DataFrame(
        {i: pd.Series(list(column), dtype=object) for i, column in enumerate(zip(*cells[1:], strict=True))}
    )
    if not len(cells[1:]):
        frame = pd.DataFrame({i: pd.Series(dtype=object) for i in range(width)})
    return cells[0], frame, np.arange(len(frame), dtype=np.int64) + 2


def _sheet_name(names: Sequence[str], source: SourceFile, table: str) -> str:
    wanted = source.sheet or (table if table in names else names[0])
    if wanted not in names:
        raise Unreadable(f"must have the sheet {wanted!r}", nearest(wanted, names))
    if not source.sheet and wanted != table and len(names) > 1:
        rule = f"must say which sheet counts, because it has {', '.join(names)}"
        raise Unreadable(rule, f"Name one {table}, or declare sheet in mapping.yaml.")
    return wanted


def _read_parquet(path: Path, source: SourceFile, table: str) -> _Read:
    try:
        frame = pd.read_parquet(path)
    except OSError:
        raise
    except Exception:  # pyarrow has errors of its own for each way a file can be broken
        raise Unreadable("must be a Parquet file", "Export it again.") from None
    header = list(frame.columns)
    frame.columns = pd.RangeIndex(len(header))
    return header, frame.reset_index(drop=True), np.arange(len(frame), dtype=np.int64) + 2


_READERS: dict[str, Callable[[Path, SourceFile, str], _Read]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".xlsx": _read_excel,
}


def _without_blanks(file: str, header: Sequence[Any], frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> Sheet:
    """The sheet without blank rows and blank nameless columns. Raises Unreadable when the names are unclear."""
    names = ["" if name is None else str(name).strip() for name in header]
    for i, name in enumerate(names):
        if not name and _is_filled(frame[i]).any():
            raise Unreadable(f"must name column {i + 1}, which holds data", "Write its name into row 1.", 1)
        if name and name in names[:i]:
            raise Unreadable(f"must name each column once, but {name!r} is there twice", "Rename or delete one.", 1)
    named = pd.DataFrame({name: frame[i] for i, name in enumerate(names) if name})
    sheet, kept = Sheet(file, named, rows), np.zeros(len(rows), dtype=bool)
    for _, cells in named.items():
        kept |= _is_filled(cells)
        if kept.all():
            return sheet
    return sheet.keep(kept)


def _is_filled(cells: pd.Series) -> npt.NDArray[np.bool_]:
    filled: npt.NDArray[np.bool_] = (cells.notna() & (cells != "")).to_numpy(bool)
    return filled
