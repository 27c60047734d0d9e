"""Cells of any kind become the declared types: text as its format says, typed cells as what they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from compmodel.errors import Problem
from compmodel.parsing import RawTable, is_in, parsed_table, plain_text, shown
from compmodel.tables import Column, Table, Type

DAY = pd.Timestamp("2025-07-31")


def parsed(kind: Type, cells: Any, empty: str | None = "nothing", **written: Any) -> tuple[pd.Series, list[Problem]]:
    table = Table("t", "a row", (), (Column("c", kind, "The cell.", empty=empty),))
    values = cells if isinstance(cells, pd.Series) else pd.Series(cells, dtype=object)
    formats = {"c": written.pop("date_format")} if "date_format" in written else {}
    rows = np.arange(len(values), dtype=np.int64) + 2
    problems: list[Problem] = []
    raw = RawTable(pd.DataFrame({"c": values}), "t.csv", rows, formats, **written)
    return parsed_table(table, raw, problems).frame["c"], problems


def value(kind: Type, cell: Any, **written: Any) -> Any:
    values, problems = parsed(kind, [cell], **written)
    assert problems == []
    return values.iloc[0]


def refused(kind: Type, cell: Any, **written: Any) -> Problem:
    values, problems = parsed(kind, [cell], **written)
    assert len(problems) == 1, values
    return problems[0]


@pytest.mark.parametrize("cell", [12.5, "12.5", " 12.50 ", "+12.5", "1.25e1", Decimal("12.5"), np.float32(12.5)])
def test_numbers(cell: object) -> None:
    assert value("number", cell) == 12.5


@pytest.mark.parametrize(
    "cell", ["12,5", "1 2", "12.5%", "$12", "1_000", "0x10", "twelve", "1e", "--1", "٣", True, DAY, "1.2.3"]
)
def test_what_is_no_number(cell: object) -> None:
    assert refused("number", cell).rule == "must be a number"


@pytest.mark.parametrize("cell", ["NaN", "nan", "inf", "-Infinity", float("inf"), float("-inf")])
def test_what_is_not_finite(cell: object) -> None:
    assert refused("number", cell).rule == "must be a finite number"


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands", "number"),
    [
        ("1.234.567,89", ",", ".", 1234567.89),
        ("1234567,89", ",", ".", 1234567.89),
        ("1 234,5", ",", " ", 1234.5),
        ("1,234", ".", ",", 1234),
        ("-1'234.5", ".", "'", -1234.5),
        (1234.5, ",", ".", 1234.5),
    ],
)
def test_signs_of_numbers_are_as_declared(cell: object, decimal: str, thousands: str, number: float) -> None:
    assert value("number", cell, decimal=decimal, thousands=thousands) == number


def test_the_fix_of_a_number_is_written_with_the_declared_sign_and_says_where_to_declare() -> None:
    assert refused("number", "-12 EUR", decimal=",").fix == (
        "Write it as 1234,50, with no currency sign or words (a minus sign is allowed), or say in mapping.yaml how "
        'numbers are written: tables: {t: {decimal: ",", thousands: "."}}, for example.'
    )


@pytest.mark.parametrize(
    ("cell", "declare"),
    [
        ("1,500", 'tables: {t: {thousands: ","}} if this is 1500, or {decimal: ","} there if it is 1.500.'),
        ("-20 000", 'tables: {t: {thousands: " "}} if this is 20000.'),
        ("1.234,50", 'tables: {t: {decimal: ",", thousands: "."}}.'),
        ("24,5", 'tables: {t: {decimal: ","}}.'),
        ("1,234,567.80", 'tables: {t: {decimal: ".", thousands: ","}}.'),
    ],
)
def test_what_to_declare_follows_from_the_number_and_names_both_readings(cell: str, declare: str) -> None:
    assert refused("number", cell).fix.endswith(f"how numbers are written: {declare}")


@pytest.mark.parametrize("cell", ["1,23", "1,2345", "12,34,567", ",123", "1.5.0"])
def test_thousands_stand_in_threes(cell: str) -> None:
    assert refused("number", cell, thousands=",").rule == "must be a number"


@pytest.mark.parametrize("cell", [3, "3", 3.0, "3.0"])
def test_counts(cell: object) -> None:
    assert value("count", cell) == 3.0


def test_a_part_of_one_is_no_count() -> None:
    assert refused("count", "3.5").rule == "must be a whole number"


@pytest.mark.parametrize("cell", ["2025-07-31", DAY, dt.date(2025, 7, 31), dt.datetime(2025, 7, 31)])
def test_days(cell: object) -> None:
    assert value("date", cell) == DAY


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_columns_of_timestamps(unit: str) -> None:
    cells = pd.Series(np.array(["2025-07-31", "NaT"], dtype=f"datetime64[{unit}]"))
    values, problems = parsed("date", cells)
    assert (values.iloc[0], values.isna().tolist(), problems) == (DAY, [False, True], [])
    assert str(values.dtype) == "datetime64[s]"


@pytest.mark.parametrize(
    ("stamp", "words"),
    [
        (
            "2025-07-31 12:00:00",
            "'2025-07-31 12:00:00', but must be a day without a time of day. Export the day alone.",
        ),
        (
            "2025-07-31 00:00:00+09:00",
            "'2025-07-31 00:00:00+0900', but must be a day without a time zone. "
            "Convert it to the company's own days before the export.",
        ),
    ],
)
def test_a_time_of_day_and_a_time_zone_are_not_cut_off(stamp: str, words: str) -> None:
    """As a column of timestamps (Parquet), and as cells beside others (Excel)."""
    column = pd.Series(pd.to_datetime([stamp, None]))
    beside: list[object] = [pd.Timestamp(stamp).to_pydatetime(), "2025-07-31"]
    for cells, is_empty in ((column, [True, True]), (beside, [True, False])):
        values, problems = parsed("date", cells)
        assert [str(problem) for problem in problems] == [f"t.csv row 2, column c has {words}"]
        assert values.isna().tolist() == is_empty


@pytest.mark.parametrize("cell", ["31.07.2025", "07/31/2025", "2025-02-30", "2025/07/31", "25-07-31"])
def test_dates_in_another_format_are_ambiguous(cell: str) -> None:
    assert "ambiguous or not a day" in refused("date", cell).rule


@pytest.mark.parametrize("cell", ["2025-07", "2025", "soon", "2025-07-31T10:00", "20250731", 45869, 45869.0, True])
def test_what_is_no_day(cell: object) -> None:
    assert refused("date", cell).rule == "must be a day written as 2025-07-31 (%Y-%m-%d)"


def test_dates_in_a_declared_format_are_read_by_it_alone() -> None:
    assert value("date", "01/02/2025", date_format="%d/%m/%Y") == pd.Timestamp("2025-02-01")
    assert value("date", "01/02/2025", date_format="%m/%d/%Y") == pd.Timestamp("2025-01-02")
    assert value("date", "2025-07-31 10:11:12", date_format="%Y-%m-%d %H:%M:%S") == DAY
    problem = refused("date", "31/07/2025", date_format="%m/%d/%Y")
    assert "an existing day written as 07/31/2025 (%m/%d/%Y), so" in problem.rule
    assert problem.fix.endswith('tables: {t: {date_format: "%d/%m/%Y"}}.')
    both = 'tables: {t: {date_format: "%d.%m.%Y"}} if this is 2025-06-01, or "%m.%d.%Y" there if it is 2025-01-06.'
    assert refused("date", "01.06.2025").fix.endswith(both)


def test_the_end_of_time_is_a_day() -> None:
    assert value("date", "9999-12-31") == pd.Timestamp("9999-12-31")


@pytest.mark.parametrize(
    ("cell", "flag"),
    [
        ("Yes", True),
        ("no", False),
        ("TRUE", True),
        ("0", False),
        (1, True),
        (0.0, False),
        (True, True),
        (np.False_, False),
    ],
)
def test_flags(cell: object, flag: bool) -> None:
    assert value("flag", cell) == flag


@pytest.mark.parametrize("cell", ["maybe", "2", 2, "y", DAY])
def test_what_is_no_flag(cell: object) -> None:
    assert refused("flag", cell).rule == "must be true or false"


def test_an_empty_flag_is_no_where_it_may_be_empty() -> None:
    assert value("flag", "") == np.False_
    assert refused("flag", None, empty=None).rule == "must not be empty"


@pytest.mark.parametrize(
    ("cell", "text"), [(" a b ", "a b"), (1001, "1001"), (1001.0, "1001"), (1.5, "1.5"), ("NA", "NA"), ("null", "null")]
)
def test_texts(cell: object, text: str) -> None:
    assert value("text", cell) == text


def test_a_date_in_a_text_column_is_told() -> None:
    problem = refused("text", DAY)
    assert (problem.value, problem.fix) == ("2025-07-31", "Format the cell as text.")


@pytest.mark.parametrize("cell", ["", "   ", None, np.nan, pd.NaT, pd.NA])
@pytest.mark.parametrize("kind", ["text", "date", "number", "count"])
def test_empty_cells(cell: object, kind: Type) -> None:
    assert pd.isna(value(kind, cell))
    assert refused(kind, cell, empty=None).rule == "must not be empty"


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("text", pd.Series(["a", "b", "a"], dtype="category"), ["a", "b", "a"]),
        ("text", pd.Series(["a", "b", "c"], dtype="string"), ["a", "b", "c"]),
        ("text", pd.Series([1, 2, 3]), ["1", "2", "3"]),
        ("number", pd.Series([1, 2, 3], dtype="Int64"), [1, 2, 3]),
        ("number", pd.Series([1, 2, 3], dtype="int8"), [1, 2, 3]),
        ("count", pd.Series([1.0, 2.0, 3.0], dtype="float32"), [1, 2, 3]),
        ("flag", pd.Series([True, False, True], dtype="boolean"), [True, False, True]),
        ("flag", pd.Series([1, 0, 1]), [True, False, True]),
        ("number", pd.Series([1, "2", Decimal(3)], dtype=object), [1, 2, 3]),
    ],
)
def test_typed_columns(kind: Type, cells: pd.Series, expected: list[Any]) -> None:
    values, problems = parsed(kind, cells)
    assert (values.tolist(), problems) == (expected, [])


def test_a_nullable_flag_column_with_a_gap() -> None:
    values, problems = parsed("flag", pd.Series([True, None], dtype="boolean"))
    assert (values.tolist(), problems) == ([True, False], [])


def test_a_bad_cell_names_its_row_and_value() -> None:
    problem = parsed("number", ["1", "x", "3"])[1][0]
    assert (problem.place, problem.row, problem.column, problem.value) == ("t.csv", 3, "c", "x")


def test_cells_are_shown_as_a_spreadsheet_does() -> None:
    cells = [None, np.nan, pd.NaT, DAY, DAY + pd.Timedelta(hours=1), 5.0, 5.5, "x", True]
    assert [shown(cell) for cell in cells] == ["", "", "", "2025-07-31", "2025-07-31 01:00:00", "5", "5.5", "x", "True"]


def test_plain_text_and_lookups_in_it() -> None:
    texts = plain_text(pd.Series([1001, 1001.0, " a ", "", None], dtype=object))
    assert texts.fillna("(empty)").tolist() == ["1001", "1001", "a", "(empty)", "(empty)"]
    assert is_in(texts, ["a", "b", "a"]).tolist() == [False, False, True, False, False]
