"""The language of mapping files: frozen, closed, and the committed mappings are written in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from compmodel import mapping
from compmodel.errors import DataError
from compmodel.mapping import SourceMapping, TableMapping, load_mapping
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
