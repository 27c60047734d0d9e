"""The language of mapping files: frozen, closed, and the committed mappings are written in it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from pydantic import BaseModel, ValidationError

from compmodel import mapping
from compmodel.errors import DataError
from compmodel.mapping import Lookup, SourceMapping, Spans, TableMapping, Wide, load_mapping, mapping_language
from compmodel.sources import load_history
from compmodel.tables import Settings

MODELS = [model for model in vars(mapping).values() if isinstance(model, type) and issubclass(model, BaseModel)]


@pytest.mark.parametrize("name", ["synthetic_b2b_saas", "ecb_fx"])
def test_the_committed_mappings_load(name: str, root: Path) -> None:
    assert load_mapping(root / "data" / "mappings" / f"{name}.yaml").tables


def test_the_settings_are_those_of_the_file(root: Path) -> None:
    settings = load_mapping(root / "data" / "mappings" / "ecb_fx.yaml").settings
    assert type(settings) is Settings
    assert (settings.reporting_currency, settings.exchange.missing_day, settings.exchange.max_gap_days) == (
        "USD",
        "previous",
        4,
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_models_are_frozen_closed_and_described(model: type[BaseModel]) -> None:
    if model in (BaseModel, TableMapping.__mro__[2]):
        return
    assert model.model_config.get("frozen")
    assert model.model_config.get("extra") == "forbid"
    for name, field in model.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_a_mapping_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        SourceMapping().title = "Other"  # type: ignore[misc]


def test_one_part_is_a_list_of_one_and_null_leaves_a_table_out(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("tables: {kpis: null, payees: {}, accounts: [{}, {file: b.csv}]}\n")
    tables = load_mapping(path).tables
    assert tables["kpis"] is None
    assert tables["payees"] == (TableMapping(),)
    assert [part.file for part in tables["accounts"] or ()] == ["", "b.csv"]


def test_problems_of_names_and_of_values_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("calendar: {starts_in_month: 13}\ntables: {payes: {}, kpis: {columns: {om: day}, sheet: [1]}}\n")
    with pytest.raises(DataError) as found:
        load_mapping(path, "m.yaml")
    assert [str(problem).split(" ")[1] for problem in found.value.problems] == [
        "calendar.starts_in_month",
        "tables.kpis.sheet",
        "tables.payes",
        "tables.kpis.columns.om",
    ]


@pytest.mark.parametrize("model", [SourceMapping, TableMapping, Lookup, Spans, Wide], ids=lambda model: model.__name__)
def test_the_language_describes_every_key_and_the_words_it_takes(model: type[BaseModel]) -> None:
    text = mapping_language()
    for name, field in model.model_fields.items():
        if name not in ("calendar", "exchange"):  # whose keys are named with a dot
            assert re.search(rf"^\| `{name}` \| .* \| .+\. \|$", text, re.M), name
            assert model is Lookup or f"| {field.description}" in text
    for row in (
        "| `exchange.max_gap_days` | `0` | How many days back",
        "| `calendar.named_after` | `start` | A fiscal year is named after the calendar year it starts or ends in. "
        "Write `start` or `end`. |",
        "| `per` | (must be there) | Whose total says churn or contraction. Write `account` or `subscription`. |",
    ):
        assert f"\n{row}" in text


def test_the_example_of_the_language_loads_as_it_says(tmp_path: Path) -> None:
    files = dict(re.findall(r"^`(\S+)`\n\n```\w+\n(.*?)```$", mapping_language(), re.M | re.S))
    assert files.keys() == {"customers.csv", "deals.csv", "mapping.yaml"}
    files["payees.csv"] = (
        "payee_id,starts_on,role,target_incentive,currency\n"
        "Kim,2025-01-01,csm,20000,EUR\nLee,2025-01-01,csm,20000,EUR\n"
    )
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    history = load_history(tmp_path)
    assert history.warnings == ()
    assert history.settings.title == "Our company"
    assert history.accounts[["account_id", "name", "segment"]].to_numpy().tolist() == [
        ["1001", "Alder", "enterprise"],
        ["1002", "Birch", "mid_market"],
    ]
    columns = ["event_id", "account_id", "event_type", "arr_delta", "currency", "effective_on"]
    assert history.arr_events[columns].to_numpy().tolist() == [
        ["D-1", "1001", "new", 24_000.0, "EUR", pd.Timestamp("2025-01-01")],
        ["D-2", "1002", "new", 6_500.0, "EUR", pd.Timestamp("2025-02-01")],
        ["D-3", "1001", "expansion", 1_500.5, "EUR", pd.Timestamp("2025-06-15")],
    ]
    assert history.assignments[["account_id", "payee_id", "split"]].to_numpy().tolist() == [
        ["1001", "Kim", 1.0],
        ["1002", "Lee", 1.0],
    ]
