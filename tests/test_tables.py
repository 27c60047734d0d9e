"""The declared tables are well formed, and the committed data dictionary is the one they generate."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from compmodel.mapping import mapping_language
from compmodel.tables import DTYPES, TABLES, History, Table, data_dictionary, empty_table

EVERY_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_the_committed_data_dictionary_is_the_generated_one(root: Path) -> None:
    committed = (root / "data" / "README.md").read_text(encoding="utf-8")
    generated = data_dictionary() + mapping_language()
    assert committed == generated, "write it again: compmodel dictionary > data/README.md"


def test_the_dictionary_names_every_column_and_its_meaning() -> None:
    text = data_dictionary()
    for table in TABLES.values():
        assert f"\n## {table.name}\n" in text
        for column in table.columns:
            assert f"| `{column.name}` | {column.type} |" in text
            assert column.meaning in text


def test_a_history_holds_every_table() -> None:
    names = {field.name for field in dataclasses.fields(History)}
    assert names == {*TABLES, "settings", "warnings"}


@EVERY_TABLE
def test_columns_are_declared_once_and_described_in_a_sentence(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    for column in table.columns:
        assert column.meaning.endswith("."), column.name
        assert "|" not in column.meaning + column.unit + (column.empty or ""), column.name


@EVERY_TABLE
def test_keys_are_columns_that_are_filled(table: Table) -> None:
    for name in table.key:
        assert table.column(name).empty is None or table.name == "kpis"


@EVERY_TABLE
def test_names_tell_the_type(table: Table) -> None:
    for column in table.columns:
        assert (column.name == "on" or column.name.endswith("_on")) == (column.type == "date"), column.name
        assert column.name.startswith("is_") == (column.type == "flag"), column.name
        assert column.type != "text" or not column.name.endswith(("_arr", "_rate")), column.name


@EVERY_TABLE
def test_an_empty_table_has_the_declared_types(table: Table) -> None:
    frame = empty_table(table)
    assert len(frame) == 0
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        column.name: DTYPES[column.type] for column in table.columns
    }
