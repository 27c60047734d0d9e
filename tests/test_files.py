"""A file's cells come out untouched under its header, with the row each stands in; what is no such file is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from compmodel.errors import Problem
from compmodel.files import Sheet, read_sheet
from compmodel.mapping import SourceFile


def read(path: Path, table: str = "kpis", **written: str) -> Sheet:
    problems: list[Problem] = []
    sheet = read_sheet(path, SourceFile(file=path.name, **written), table, problems)
    assert problems == []
    assert sheet is not None
    return sheet


def refused(path: Path, **written: str) -> str:
    problems: list[Problem] = []
    assert read_sheet(path, SourceFile(file=path.name, **written), "kpis", problems) is None
    assert len(problems) == 1
    return str(problems[0])


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes, str], Path]:
    def write(content: str | bytes, name: str = "a.csv") -> Path:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name

    return write


Write = Callable[..., Path]


def test_cells_of_csv_stay_text(file: Write) -> None:
    sheet = read(file("id,amount,flag\n007,1.50,NA\n,nan,True\n"))
    assert sheet.frame.to_dict("list") == {"id": ["007", ""], "amount": ["1.50", "nan"], "flag": ["NA", "True"]}
    assert sheet.rows.tolist() == [2, 3]


def test_rows_are_counted_as_a_spreadsheet_does(file: Write) -> None:
    sheet = read(file('id,note\r\n\r\na,"two\r\nlines"\r\n,\r\nb,one\r\n'))
    assert sheet.frame["id"].tolist() == ["a", "b"]
    assert sheet.rows.tolist() == [3, 5]


def test_marks_and_blanks_around_names_are_dropped(file: Write) -> None:
    sheet = read(file(b"\xef\xbb\xbf id ,name,\na,b,\n"))
    assert list(sheet.frame.columns) == ["id", "name"]


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp1252", ";"), ("utf-16", "\t"), ("UTF8", "|")])
def test_encoding_and_delimiter_are_as_declared(encoding: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"id{delimiter}name\n1{delimiter}Größe, x\n".encode(encoding))
    assert read(path, encoding=encoding, delimiter=delimiter).frame["name"].tolist() == ["Größe, x"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty. Write at least the header"),
        ("\n1,2\n", "row 1 must have the column names in row 1"),
        ("a,a\n1,2\n", "row 1 must name each column once, but 'a' is there twice"),
        ("a,\n1,2\n", "row 1 must name column 2, which holds data"),
        ("a,b\n1,2\n1,2,3\n", "row 3 must have 2 cells as the header has, but has 3"),
        ("a,b\n1\n", "row 2 must have 2 cells as the header has, but has 1"),
        ("a;b\n1;2,5\n", "must be separated by ',', but seems to be separated by ';'. Write it beside"),
        ('"a";"b"\n"1";"2"\n', 'under tables: kpis: {file: a.csv, delimiter: ";"}'),
        (
            "a\tb\n1\t2\n",
            "seems to be separated by tabs. Write it beside the file in mapping.yaml, under tables: "
            'kpis: {file: a.csv, delimiter: "\\t"}.',
        ),
        ('a,b\n1,"2\n', "row 2 must be CSV: unexpected end of data"),
        (b"a\n\xe4\n", "must be text in utf-8. Save it as CSV UTF-8, or declare encoding"),
        (b"a\n\x00\n", "this file is binary or in another encoding"),
        ("a\n" + "x" * 1_000_001 + "\n", "field larger than field limit"),
    ],
)
def test_what_is_no_table_is_told(content: str | bytes, words: str, file: Write) -> None:
    assert words in refused(file(content))


def test_a_declared_separator_that_the_header_lacks_is_told(file: Write) -> None:
    assert "must be separated by ';', but seems to be separated by ','" in refused(file("a,b\n1,2\n"), delimiter=";")
    assert read(file("a;b,c\n1,2\n")).frame.columns.tolist() == ["a;b", "c"]
    assert read(file("a\n1;2\n")).frame["a"].tolist() == ["1;2"]


def test_other_kinds_of_files_are_told(file: Write, tmp_path: Path) -> None:
    assert "must be a CSV, Parquet or Excel file. Let its name end in .csv" in refused(file("x", "a.ods"))
    assert "must be a file that is there. Did you mean 'a.ods'?" in refused(tmp_path / "b.ods")
    assert "must be a file that is there" in refused(tmp_path / "no" / "folder.csv")
    assert "must be an Excel workbook" in refused(file("a,b\n1,2\n", "a.xlsx"))
    assert "must be a Parquet file" in refused(file("a,b\n1,2\n", "a.parquet"))
    assert "is empty" in refused(file("", "b.parquet"))


def test_a_workbook_takes_its_only_sheet_the_named_one_or_the_one_named_as_the_table(tmp_path: Path) -> None:
    frame, other = pd.DataFrame({"id": [1]}), pd.DataFrame({"id": [2]})
    frame.to_excel(tmp_path / "one.xlsx", sheet_name="Sheet1", index=False)
    assert read(tmp_path / "one.xlsx").frame["id"].tolist() == [1]
    with pd.ExcelWriter(tmp_path / "two.xlsx") as writer:
        frame.to_excel(writer, sheet_name="kpis", index=False)
        other.to_excel(writer, sheet_name="accounts", index=False)
    assert read(tmp_path / "two.xlsx").frame["id"].tolist() == [1]
    assert read(tmp_path / "two.xlsx", table="accounts").frame["id"].tolist() == [2]
    assert read(tmp_path / "two.xlsx", sheet="accounts").frame["id"].tolist() == [2]
    assert "must have the sheet 'acounts'. Did you mean 'accounts'?" in refused(tmp_path / "two.xlsx", sheet="acounts")
    problems: list[Problem] = []
    assert read_sheet(tmp_path / "two.xlsx", SourceFile(file="two.xlsx"), "payees", problems) is None
    assert "must say which sheet counts, because it has kpis, accounts" in str(problems[0])


def test_a_workbook_with_blank_rows_keeps_its_row_numbers(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a", None, "b"], "n": [1, None, 2]}).to_excel(tmp_path / "a.xlsx", index=False)
    sheet = read(tmp_path / "a.xlsx")
    assert sheet.frame["id"].tolist() == ["a", "b"]
    assert sheet.rows.tolist() == [2, 4]


def test_parquet_ignores_its_index(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a", "b"]}, index=[7, 9]).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").rows.tolist() == [2, 3]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_a_header_alone_is_a_table_without_rows(suffix: str, tmp_path: Path) -> None:
    frame, path = pd.DataFrame({"id": [], "n": []}), tmp_path / f"a{suffix}"
    write = {".csv": frame.to_csv, ".parquet": frame.to_parquet, ".xlsx": frame.to_excel}[suffix]
    write(path, index=False)  # type: ignore[operator]
    sheet = read(path)
    assert (len(sheet.frame), list(sheet.frame.columns)) == (0, ["id", "n"])
