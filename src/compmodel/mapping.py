"""The language of `mapping.yaml`: a history's settings, and the way from another system's export to our tables.

`load_mapping` returns a frozen `SourceMapping`; `mapping_language` describes every key, with an example.
"""

from __future__ import annotations

import codecs
import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from compmodel.documents import Day, Number, key_table, parsed_model, read_yaml
from compmodel.errors import DataError, Problem, nearest
from compmodel.tables import TABLES, Settings, Table

EVERY = "*"
SPAN_DATES = ("start", "end")
SPAN_COLUMNS = ("account_id", "subscription_id", "currency")
BUILT = ("event_id", "event_type", "is_at_renewal", "arr_delta", "effective_on", "ends_on")
_PER_COLUMN = ("columns", "constants", "values", "date_format")


def _text(written: object) -> object:
    if isinstance(written, bool):
        return str(written)
    return str(written) if isinstance(written, int | float | dt.date) else written


def _texts(written: object) -> object:
    return tuple(written) if isinstance(written, list) else (written,) if isinstance(written, str) else written


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_texts)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceFile(_Part):
    """A file in the folder and how it is written."""

    file: str = Field("", description="Name of the file; without it, the table's own name.")
    delimiter: str = Field(
        ",", min_length=1, max_length=1, description='What separates the cells of a CSV file; a tab is written "\\t".'
    )
    encoding: str = Field("utf-8", description="Encoding of a CSV file.")
    sheet: str = Field("", description="Sheet of a workbook; without it, its only one or the one named as the table.")
    missing: Texts = Field((), description="Texts that stand for an empty cell, such as N/A.")

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError:
            raise ValueError("must be a known encoding. Write utf-8 or cp1252, for example.") from None
        return name


class Lookup(SourceFile):
    """A column taken from another file by key; it joins the source's columns under its name in `lookups`."""

    file: str = Field(min_length=1, description="The other file.")
    key: str = Field(description="Column of this file that holds the key.")
    match: str = Field("", description="Column of the other file that holds it; without it, the same name.")
    take: str = Field(description="Column of the other file to take.")


class Spans(_Part):
    """Movements built from spans of items: where an account's total changes there is an event."""

    start: str = Field(description="Column with the first day of the span.")
    end: str = Field(description="Column with its last day; empty means that it still runs.")
    amount: str = Field(description="Column with the recurring amount.")
    times: Number = Field(gt=0, description="What makes the amount ARR: 12 for a monthly one.")
    per: Literal["account", "subscription"] = Field(description="Whose total says churn or contraction.")
    data_ends_on: Day = Field(description="Last day of the data: a span that ends then or later still runs.")
    at_renewal: tuple[Literal["expansion", "contraction", "churn"], ...] = Field(
        (), description="Types of event that are part of a renewal decision in this source."
    )


class Wide(_Part):
    """Rates with a column for each currency, all against one base currency."""

    base: str = Field(min_length=3, max_length=3, description="The base currency.")
    quote: Literal["units_per_base", "base_per_unit"] = Field(
        description="A cell says how many units make 1 base, or how much base makes 1 unit."
    )


class TableMapping(SourceFile):
    """The way from a file to a canonical table."""

    decimal: str = Field(".", min_length=1, max_length=1, description="Decimal sign.")
    thousands: str = Field("", max_length=1, description="Sign between thousands; none unless written.")
    columns: dict[str, str] = Field({}, description="Canonical column: source column. Without it, all by their names.")
    constants: dict[str, bool | int | float | dt.date | str] = Field({}, description="Canonical column: one value.")
    values: dict[str, dict[str, Text]] = Field({}, description="Canonical column: {source value: canonical value}.")
    date_format: dict[str, str] = Field(
        {},
        description="How dates are written (%d day, %m month, %Y year): one format, or canonical column: format.",
    )
    keep: dict[str, Texts] = Field({}, description="Source column: the values whose rows are kept.")
    distinct: Texts = Field((), description="Source columns: the first row of each distinct value is kept.")
    lookups: dict[str, Lookup] = Field({}, description="New source column: where to take it from, in this order.")
    from_spans: Spans | None = Field(None, description="For arr_events: build the movements from spans.")
    wide: Wide | None = Field(None, description="For fx_rates: a column for each currency.")

    @field_validator("date_format", mode="before")
    @classmethod
    def _for_every_column(cls, written: object) -> object:
        return {EVERY: written} if isinstance(written, str) else written

    @field_validator("date_format")
    @classmethod
    def _names_a_day(cls, formats: dict[str, str]) -> dict[str, str]:
        for written in formats.values():
            day = dt.datetime(2025, 12, 31)
            try:
                has_year = "%Y" in written or "%y" in written  # without one, newer Pythons warn
                is_day = has_year and dt.datetime.strptime(day.strftime(written), written) == day
            except ValueError:
                is_day = False
            if not is_day:
                raise ValueError(f"must name day, month and year, unlike {written!r}. Write %d.%m.%Y, for example.")
        return formats

    @model_validator(mode="after")
    def _tells_signs_apart(self) -> TableMapping:
        if self.decimal == self.thousands:
            raise ValueError("must not use one sign for decimal and thousands. Correct one of the two.")
        return self


def _parts(written: object) -> object:
    return written if isinstance(written, list) or written is None else [written]


class SourceMapping(Settings):
    """Settings of a history and the way to its tables."""

    tables: dict[str, Annotated[tuple[TableMapping, ...] | None, BeforeValidator(_parts)]] = Field(
        {}, description="Table: the keys below; null leaves it out, a list of such keys puts it together from parts."
    )

    @property
    def settings(self) -> Settings:
        """The settings alone."""
        return Settings(**{name: getattr(self, name) for name in Settings.model_fields})


def load_mapping(path: str | Path, place: str = "") -> SourceMapping:
    """Returns the mapping of a YAML file. Raises DataError with every problem: path, value, nearest name and fix."""
    place, problems = place or str(path), list[Problem]()
    written = read_yaml(Path(path), place, problems)
    mapping = parsed_model(written, SourceMapping, place, problems)
    problems = [_of_single_part(problem, written) for problem in problems]
    tables = written.get("tables")
    for name, parts in (tables if isinstance(tables, dict) else {}).items():
        if name not in TABLES:
            problems.append(Problem(place, "is not a table", nearest(name, TABLES), f"tables.{name}"))
            continue
        for i, part in enumerate(parts if isinstance(parts, list) else [parts]):
            at = f"tables.{name}[{i}]" if isinstance(parts, list) else f"tables.{name}"
            if isinstance(part, dict):
                problems += _name_problems(TABLES[name], part, place, at)
    if problems or mapping is None:
        raise DataError(problems)
    return mapping


def _of_single_part(problem: Problem, written: dict[str, Any]) -> Problem:
    """The problem with the path as it was written: a table that is no list of parts has no [0]."""
    name = problem.column.removeprefix("tables.").split("[")[0]
    if not problem.column.startswith("tables.") or isinstance(written["tables"].get(name), list):
        return problem
    path = problem.column.replace("[0]", "", 1)
    return Problem(problem.place, problem.rule, problem.fix, path, problem.row, problem.value)


def _name_problems(table: Table, part: dict[str, Any], place: str, at: str) -> list[Problem]:
    """Canonical names that do not exist, contradict each other or cannot be mapped to."""
    names, problems = [column.name for column in table.columns], list[Problem]()
    spans = isinstance(part.get("from_spans"), dict)
    not_carried = {*names} - {*SPAN_COLUMNS}
    columns = part.get("columns") if isinstance(part.get("columns"), dict) else {}
    for key in _PER_COLUMN:
        written: Any = part.get(key)
        known = [*names, *SPAN_DATES] if key == "date_format" and spans else names
        for name in written if isinstance(written, dict) else ():
            if name not in known:
                fix = nearest(name, known)
                problems.append(Problem(place, f"is not a column of {table.name}", fix, f"{at}.{key}.{name}"))
            elif spans and name in (BUILT if key == "constants" else not_carried if key == "columns" else ()):
                rule, fix = "is built or left empty by from_spans", f"Map only {', '.join(SPAN_COLUMNS)}."
                problems.append(Problem(place, rule, fix, f"{at}.{key}.{name}"))
            elif key == "constants" and name in (columns or ()):
                rule, fix = "is in columns too", "Delete one of the two."
                problems.append(Problem(place, rule, fix, f"{at}.{key}.{name}"))
            elif key == "values" and isinstance(written[name], dict) and table.column(name).allowed:
                problems += _value_problems(table.column(name).allowed, written[name], place, f"{at}.{key}.{name}")
    for key, only in (("from_spans", "arr_events"), ("wide", "fx_rates")):
        if part.get(key) is not None and table.name != only:
            problems.append(Problem(place, f"is only for {only}", "Delete it here.", f"{at}.{key}"))
    return problems


def _value_problems(allowed: tuple[str, ...], written: dict[str, Any], place: str, at: str) -> list[Problem]:
    rule = f"must be one of {', '.join(allowed)}"
    return [
        Problem(place, rule, nearest(str(value), allowed), f"{at}.{source}", value=str(value))
        for source, value in written.items()
        if str(value) not in allowed
    ]


_LANGUAGE = """
## mapping.yaml

A folder whose files are not written as above needs a `mapping.yaml` beside them, or one passed with `--mapping`. It
holds what the history says about itself and, under `tables`, the way to each table that is not simply the file of its
name. Nothing is guessed: an unknown key, a column that is not there and a word without a translation are refused.

{top}

### A table under tables

A canonical column is one of this dictionary, a source column one of the file. The keys work in this order: the file is
read; `lookups` add columns, `keep` and `distinct` choose rows, `columns` rename, `values` translate, `constants` fill;
then `from_spans` or `wide` reshape.

{table}

### A column under lookups

The new column stands under its name in `lookups` and can be used in `columns`. `delimiter`, `encoding`, `sheet` and
`missing` say how the other file is written, as above.

{lookup}

### from_spans, for arr_events

{spans}

### wide, for fx_rates

{wide}

### An example

`customers.csv`

```csv
No;Customer;Size;Manager
1001;Alder;L;Kim
1002;Birch;S;Lee
```

`deals.csv`

```csv
Deal;No;Kind;Amount;Start
D-1;1001;Initial;24.000,00;01.01.2025
D-2;1002;Initial;6.500,00;01.02.2025
D-3;1001;Upsell;1.500,50;15.06.2025
```

`mapping.yaml`

```yaml
title: Our company
reporting_currency: EUR
tables:
  accounts:
    file: customers.csv
    delimiter: ";"
    columns: {account_id: No, name: Customer, segment: Size}
    values: {segment: {L: enterprise, S: mid_market}}
  arr_events:
    file: deals.csv
    delimiter: ";"
    decimal: ","
    thousands: "."
    date_format: "%d.%m.%Y"
    columns: {event_id: Deal, account_id: No, event_type: Kind, arr_delta: Amount, effective_on: Start}
    values: {event_type: {Initial: new, Upsell: expansion}}
    constants: {currency: EUR}
  assignments:
    file: customers.csv
    delimiter: ";"
    columns: {account_id: No, payee_id: Manager}
    constants: {starts_on: 2025-01-01, split: 1}
```

The last deal becomes an `expansion` of 1,500.50 EUR that is effective on 2025-06-15. `payees` is not under `tables`,
so it is read from `payees.csv`. [A longer mapping](mappings/synthetic_b2b_saas.yaml) has lookups and spans.
"""


def mapping_language() -> str:
    """Returns the part of `data/README.md` on `mapping.yaml`: each key as its field describes it, and an example."""
    models: dict[str, type[BaseModel]] = {"top": SourceMapping, "table": TableMapping, "spans": Spans, "wide": Wide}
    text = _LANGUAGE.replace("{lookup}", key_table(Lookup, SourceFile.model_fields.keys() - {"file"}))
    for name, model in models.items():
        text = text.replace(f"{{{name}}}", key_table(model))
    return text
