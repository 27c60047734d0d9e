"""A folder loads directly or through a mapping; someone else's export gives someone else's published figures."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from compmodel.errors import DataError
from compmodel.sources import load_history, load_table
from compmodel.tables import TABLES, History
from spoilt import BASE, problems_of, tiny

SETTINGS = (BASE / "mapping.yaml").read_text(encoding="utf-8")
EVENTS = (BASE / "arr_events.csv").read_text(encoding="utf-8")
KPIS = (BASE / "kpis.csv").read_text(encoding="utf-8")


def same(one: History, other: History) -> bool:
    return all(getattr(one, name).equals(getattr(other, name)) for name in TABLES)


def mapped(tables: str) -> str:
    return SETTINGS + "tables:\n" + tables


# The same cells as text, Parquet and Excel


def typed(name: str) -> pd.DataFrame:
    """The table with typed cells: dates as timestamps, numbers as numbers, flags as booleans."""
    frame = pd.read_csv(BASE / f"{name}.csv")
    for column in TABLES[name].columns:
        if column.name in frame and column.type == "date":
            frame[column.name] = pd.to_datetime(frame[column.name])
        if column.name in frame and column.type == "flag":
            frame[column.name] = frame[column.name].map({"yes": True, "no": False})
    return frame


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_typed_cells_load_as_their_text_does(suffix: str, tmp_path: Path) -> None:
    text, other = tiny(tmp_path / "text"), tiny(tmp_path / "other")
    for name in TABLES:
        (other / f"{name}.csv").unlink()
        if suffix == ".parquet":
            typed(name).to_parquet(other / f"{name}.parquet")
        else:
            typed(name).to_excel(other / f"{name}.xlsx", index=False)
    assert same(load_history(text), load_history(other))


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_text_cells_of_parquet_and_excel_load_as_csv_does(suffix: str, tmp_path: Path) -> None:
    text, other = tiny(tmp_path / "text"), tiny(tmp_path / "other")
    for name in TABLES:
        frame = pd.read_csv(BASE / f"{name}.csv", dtype=str)
        (other / f"{name}.csv").unlink()
        frame.to_parquet(other / f"{name}.parquet") if suffix == ".parquet" else frame.to_excel(
            other / f"{name}.xlsx", index=False
        )
    assert same(load_history(text), load_history(other))


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_problems_of_typed_cells_name_the_row_of_their_file(suffix: str, tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    frame = typed("arr_events")
    frame.loc[4, "arr_delta"] = 1000
    frame.loc[6, "renewed_arr"] = np.nan
    (folder / "arr_events.csv").unlink()
    if suffix == ".parquet":
        frame.to_parquet(folder / "arr_events.parquet")
    else:
        frame.to_excel(folder / "arr_events.xlsx", index=False)
    lines = problems_of(folder)
    assert lines[0].startswith(f"arr_events{suffix} row 6, column arr_delta has '1000', but must be negative")
    assert lines[1].startswith(f"arr_events{suffix} row 8, column renewed_arr must be given")


def test_blank_rows_are_skipped_but_counted(tmp_path: Path) -> None:
    lines = EVENTS.replace("contraction,no,-1000", "contraction,no,1000").splitlines()
    text = "\n".join([*lines[:3], "", "," * 10, *lines[3:], ""])
    assert problems_of(tiny(tmp_path, arr_events=text))[0].startswith(
        "arr_events.csv row 8, column arr_delta has '1000'"
    )


# What is in the folder


def test_other_files_are_left_alone_and_a_near_name_of_an_optional_table_is_a_warning(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / "kpis.csv").rename(folder / "kpi.csv")
    (folder / "notes.txt").write_bytes(b"\xff\xfe\x00")
    history = load_history(folder)
    assert len(history.kpis) == 0
    assert [str(warning) for warning in history.warnings] == [
        "kpi.csv was left alone, because no table has this name. Did you mean kpis?"
    ]


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        with pytest.raises(DataError, match="must be a folder that is there"):
            load_history(path)


def test_a_folder_named_as_a_file_is_no_file(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / "accounts.csv").unlink()
    (folder / "accounts.csv").mkdir()
    assert "accounts.csv must be a file that is there" in problems_of(folder)[0]


def test_a_passed_mapping_counts_instead_of_the_one_in_the_folder(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "data", mapping="titel: wrong")
    (tmp_path / "own.yaml").write_text(SETTINGS.replace("Tiny", "Own"), encoding="utf-8")
    assert load_history(folder, tmp_path / "own.yaml").settings.title == "Own company"
    assert problems_of(folder) == ["mapping.yaml: titel is not a known key. Did you mean 'title'?"]
    assert "absent.yaml cannot be read: No such file" in problems_of(folder, tmp_path / "absent.yaml")[0]


def test_one_table_loads_alone(tmp_path: Path) -> None:
    folder = tiny(tmp_path, accounts="broken")
    assert list(load_table("fx_rates", folder)["rate"]) == [1.0435, 1.0444, 1.0389]
    with pytest.raises(DataError, match="accounts needs it"):
        load_table("accounts", folder)
    with pytest.raises(DataError, match="Did you mean 'fx_rates'"):
        load_table("fx_rate", folder)
    (folder / "kpis.csv").unlink()
    with pytest.raises(DataError, match="kpis must be there"):
        load_table("kpis", folder)


# The mapping


def test_a_foreign_export_maps_to_the_same_history(tmp_path: Path) -> None:
    """Everything a mapping can say about a plain file, at once."""
    foreign = tiny(
        tmp_path / "foreign",
        mapping=mapped("""
  accounts:
    file: Kunden.csv
    delimiter: ";"
    encoding: cp1252
    missing: [k.A., "-"]
    columns: {account_id: Nr, name: Kunde, segment: Größe, region: Gebiet}
    values:
      segment: {GK: enterprise, MM: mid_market}
    keep: {Art: Kunde}
  payees:
    decimal: ","
    thousands: "."
    date_format: {starts_on: "%d.%m.%Y", ends_on: "%d/%m/%y"}
"""),
    )
    (foreign / "accounts.csv").unlink()
    kunden = "Nr;Kunde;Größe;Gebiet;Art\na1;Alder;GK;EMEA;Kunde\nx;Interessent;-;-;Lead\na2;Birch;MM;EMEA;Kunde\n"
    (foreign / "Kunden.csv").write_bytes((kunden + "a3;Cedar;MM;AMER;Kunde\n").encode("cp1252"))
    payees = (
        (BASE / "payees.csv")
        .read_text(encoding="utf-8")
        .replace("30000", '"30.000,00"')
        .replace("2024-12-31", "31/12/24")
    )
    payees = payees.replace("2024-01-01", "01.01.2024").replace("2025-01-01", "1.1.2025")
    (foreign / "payees.csv").write_text(payees, encoding="utf-8")
    assert same(load_history(foreign), load_history(tiny(tmp_path / "own")))


def test_missing_markers_are_empty_cells(tmp_path: Path) -> None:
    accounts = "account_id,name,region\na1,k.A.,EMEA\na2,-,EMEA\na3,N/A,AMER\n"
    folder = tiny(tmp_path, accounts=accounts, mapping=mapped("  accounts: {missing: [k.A., '-']}\n"))
    names = load_history(folder).accounts["name"]
    assert names.isna().tolist() == [True, True, False]  # N/A is a name until it is declared
    assert names.iloc[2] == "N/A"


def test_constants_fill_columns_with_their_type(tmp_path: Path) -> None:
    mapping = mapped(
        "  arr_events: {constants: {term_months: 24, is_at_renewal: true, signed_on: 2023-11-30, reason: NO}}\n"
    )
    lines = [line.split(",") for line in EVENTS.splitlines()]
    dropped = [i for i, name in enumerate(lines[0]) if name in ("term_months", "is_at_renewal", "signed_on")]
    text = "\n".join(",".join(cell for i, cell in enumerate(line) if i not in dropped) for line in lines)
    events = load_history(tiny(tmp_path, arr_events=text, mapping=mapping)).arr_events
    assert events["is_at_renewal"].all()
    assert set(events["term_months"]) == {24.0}
    assert set(events["reason"]) == {"NO"}
    assert set(events["signed_on"]) == {pd.Timestamp("2023-11-30")}


def test_a_column_named_on_needs_no_quotes(tmp_path: Path) -> None:
    mapping = mapped("  fx_rates: {columns: {on: on, currency: currency, rate: rate}}\n")
    assert len(load_history(tiny(tmp_path, mapping=mapping)).fx_rates) == 3


def test_a_lookup_takes_a_column_from_another_file_by_key_and_may_build_on_another(tmp_path: Path) -> None:
    folder = tiny(
        tmp_path,
        mapping=mapped("""
  arr_events:
    lookups:
      site: {file: contracts.xlsx, key: event_id, match: contract, take: site}
      found_by: {file: sites.csv, delimiter: "|", key: site, take: owner}
    columns: &all {event_id: event_id, account_id: account_id, event_type: event_type, arr_delta: arr_delta,
      currency: currency, renewed_arr: renewed_arr, effective_on: effective_on, sourced_by: found_by}
"""),
    )
    contracts = pd.DataFrame({"contract": [f"e{i}" for i in range(1, 8)], "site": [1, 2, 2, 1, 2, None, 1]})
    contracts.to_excel(folder / "contracts.xlsx", index=False)
    (folder / "sites.csv").write_text("site|owner\n1|sales\n2|csm\n3|\n", encoding="utf-8")
    sourced = load_history(folder).arr_events["sourced_by"]
    assert sourced.fillna("").tolist() == ["sales", "csm", "csm", "sales", "csm", "", "sales"]
    (folder / "sites.csv").write_text("site|owner\n1|sales\n1|csm\n", encoding="utf-8")
    lines = problems_of(folder)
    assert lines[0].startswith("sites.csv row 3, column site has '1', but must be there once, because it is looked up.")
    assert "must be in column site of sites.csv. Add it there." in lines[1]


def test_rows_from_distinct_values_make_payees_of_teams(tmp_path: Path) -> None:
    folder = tiny(
        tmp_path,
        kpis="payee_id,account_id,kpi,on,attained\n",
        mapping=mapped("""
  payees:
    file: accounts.csv
    distinct: region
    columns: {payee_id: region, team: region}
    constants: {starts_on: 2024-01-01, role: csm, target_incentive: 40000, currency: USD}
  assignments:
    file: accounts.csv
    columns: {account_id: account_id, payee_id: region}
    values: &teams {payee_id: {EMEA: EMEA, AMER: AMER}}
    constants: {starts_on: 2024-01-01, split: 1}
"""),
    )
    history = load_history(folder)
    assert history.payees["payee_id"].tolist() == ["EMEA", "AMER"]
    assert history.assignments["payee_id"].tolist() == ["EMEA", "EMEA", "AMER"]
    assert history.warnings == ()


def test_keep_warns_about_a_value_that_does_not_occur(tmp_path: Path) -> None:
    folder = tiny(tmp_path, mapping=mapped("  kpis: {keep: {kpi: [qbr, customer_pr]}}\n"))
    history = load_history(folder)
    assert history.kpis["kpi"].tolist() == ["qbr"]
    assert [str(warning) for warning in history.warnings] == [
        "mapping.yaml: tables.kpis.keep.kpi has 'customer_pr', which does not occur in column kpi of kpis.csv. "
        "Did you mean 'customer_prs'?"
    ]


def test_rows_keep_their_number_in_the_file_after_keep_and_distinct(tmp_path: Path) -> None:
    mapping = mapped("  kpis: {keep: {kpi: qbr}}\n")
    lines = problems_of(tiny(tmp_path, mapping=mapping, kpis=KPIS.replace("qbr,2024-03-15,1", "qbr,2024-03-15,one")))
    assert lines[0].startswith("kpis.csv row 3, column attained has 'one', but must be a number")


def test_problems_name_the_columns_of_the_source(tmp_path: Path) -> None:
    accounts = "No,Customer\na1,Alder\n,Birch\na3,Cedar\n"
    mapping = mapped("  accounts: {columns: {account_id: No, name: Customer}}\n")
    assert problems_of(tiny(tmp_path, accounts=accounts, mapping=mapping))[0].startswith(
        "accounts.csv row 3, column No must"
    )


def test_a_table_may_be_put_together_from_parts_written_in_different_ways(tmp_path: Path) -> None:
    folder = tiny(
        tmp_path,
        mapping=mapped("""
  kpis:
    - {}
    - file: visits.csv
      delimiter: ";"
      date_format: "%d.%m.%Y"
      columns: {account_id: who, on: day, attained: n}
      constants: {kpi: visits}
"""),
    )
    (folder / "visits.csv").write_text("who;day;n\na1;2.3.2024;4\na3;03.03.2024;5\n", encoding="utf-8")
    kpis = load_history(folder).kpis
    assert kpis["kpi"].tolist() == ["customer_prs", "qbr", "visits", "visits"]
    assert kpis["on"].iloc[2] == pd.Timestamp("2024-03-02")
    (folder / "visits.csv").write_text("who;day;n\na1;2.3.2024;4\na9;03.03.2024;5\n", encoding="utf-8")
    assert problems_of(folder)[0].startswith("visits.csv row 3, column account_id has 'a9', but must be in accounts")
    (folder / "visits.csv").write_text("who;day;n\na1;2.3.2024;4\na1;2.3.2024;?\n", encoding="utf-8")
    assert problems_of(folder)[0].startswith("visits.csv row 3, column n has '?', but must be a number")


def test_a_table_may_be_left_out(tmp_path: Path) -> None:
    folder = tiny(tmp_path, kpis="another,table\n1,2\n", mapping=mapped("  kpis: null\n"))
    assert len(load_history(folder).kpis) == 0


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ("  accounts: {constants: {name: x}, columns: {account_id: account_id, name: name}}", ["is in columns too"]),
        ("  accounts: {wide: {base: EUR, quote: units_per_base}}", ["tables.accounts.wide is only for fx_rates"]),
        ("  accounts: {encoding: utf-9}", ["tables.accounts.encoding has 'utf-9', but must be a known encoding"]),
        ("  accounts: {delimiter: '||'}", ["tables.accounts.delimiter has '||'"]),
        ("  payees: {date_format: '%d.%m.'}", ["tables.payees.date_format", "must name day, month and year"]),
        ("  payees: {decimal: ',', thousands: ','}", ["must not use one sign for decimal and thousands"]),
        ("  accounts: {values: {nmae: {a: b}}}", ["values.nmae is not a column of accounts. Did you mean 'name'?"]),
        ("  kpis: {columns: {kpi: kpi}, date_format: {on: '%Y'}}", ["must name day, month and year"]),
        ("  kpis: {lookups: {x: {key: kpi, take: y}}}", ["tables.kpis.lookups.x.file is missing"]),
        ("  kpis: {keep: {kip: [qbr]}}", ["tables.kpis.keep.kip has 'kip'", "Did you mean 'kpi'?"]),
        ("  kpis: {distinct: [kip]}", ["tables.kpis.distinct has 'kip'", "Did you mean 'kpi'?"]),
        ("  kpis: {lookups: {x: {file: accounts.csv, key: acount_id, take: nme}}}", ["lookups.x.key", "'account_id'"]),
        ("  accounts: {columns: {account_id: account_id}, values: {name: {a: b}}}", ["must be mapped to be changed"]),
        ("  arr_events: {from_spans: {start: a, end: b}}", ["from_spans.amount is missing", "data_ends_on is missing"]),
        ("  accounts: 3", ["tables.accounts has '3'"]),
        ("  accounts: [3]", ["tables.accounts[0] has '3'"]),
    ],
)
def test_what_is_wrong_in_a_mapping_is_said_with_its_path(tables: str, words: list[str], tmp_path: Path) -> None:
    lines = "\n".join(problems_of(tiny(tmp_path, mapping=mapped(tables + "\n"))))
    for word in words:
        assert word in lines
    assert "mapping.yaml" in lines


SPANS = """
  arr_events:
    file: items.csv
    columns: {account_id: who, currency: money}
    from_spans: {start: since, end: until, amount: mrr, times: 12, per: account, data_ends_on: 2024-12-31}
"""
ITEMS = """who,money,since,until,mrr
a1,USD,2024-01-01,,100.00
a2,EUR,2024-01-01,2024-06-30,50
a3,USD,2024-02-01,2024-12-31,25
a2,EUR,2024-09-01,,60
"""


def test_movements_come_from_spans(tmp_path: Path) -> None:
    folder = tiny(tmp_path, mapping=mapped(SPANS))
    (folder / "items.csv").write_text(ITEMS, encoding="utf-8")
    events = load_history(folder).arr_events
    assert events[["event_id", "event_type", "arr_delta", "currency"]].to_numpy().tolist() == [
        ["a1:2024-01-01", "new", 1200.0, "USD"],
        ["a2:2024-01-01", "new", 600.0, "EUR"],
        ["a2:2024-07-01", "churn", -600.0, "EUR"],
        ["a2:2024-09-01", "reactivation", 720.0, "EUR"],
        ["a3:2024-02-01", "new", 300.0, "USD"],
    ]


def test_amounts_of_spans_may_be_doubtful_too(tmp_path: Path) -> None:
    folder = tiny(tmp_path, mapping=mapped(SPANS))
    (folder / "items.csv").write_text(ITEMS.replace("100.00", "1.500"), encoding="utf-8")
    (warning,) = load_history(folder).warnings
    assert str(warning).startswith("items.csv row 2, column mrr has '1.500', which is read as 1.5")
    assert 'tables: {arr_events: {thousands: ".", decimal: ","}}' in warning.fix


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("2024-06-30", "2023-06-30", "row 3, column until has '2023-06-30', but must not lie before the span's start"),
        ("2024-09-01", "2025-01-01", "row 5, column since has '2025-01-01', but must not lie after data_ends_on"),
        ("EUR,2024-09", "USD,2024-09", "row 5, column money has 'USD', but must be one for each account_id"),
        ("100.00", "-100.00", "row 2, column mrr has '-100.00', but must be at least 0"),
        ("a3,USD", ",USD", "row 4, column who must not be empty"),
        ("a3,USD", "a9,USD", "row 4, column account_id has 'a9', but must be in accounts"),
    ],
)
def test_what_is_wrong_in_a_span_is_said_with_its_row(old: str, new: str, problem: str, tmp_path: Path) -> None:
    folder = tiny(tmp_path, mapping=mapped(SPANS))
    (folder / "items.csv").write_text(ITEMS.replace(old, new), encoding="utf-8")
    lines = problems_of(folder)
    assert len(lines) == 1
    assert lines[0].startswith(f"items.csv {problem}")


WIDE = "  fx_rates: {missing: N/A, columns: {on: day}, wide: {base: EUR, quote: units_per_base}}\n"


def test_rates_come_from_a_column_for_each_currency(tmp_path: Path) -> None:
    rates = "day,USD,GBP,\n2024-12-31,1.0389,0.8292,\n2024-12-30,N/A,0.83,\n"
    history = load_history(tiny(tmp_path, mapping=mapped(WIDE), fx_rates=rates))
    assert history.fx_rates["currency"].tolist() == ["GBP", "EUR"]
    assert history.fx_rates["rate"].tolist() == pytest.approx([1.252894, 1.0389], abs=1e-6)


@pytest.mark.parametrize(
    ("rates", "problem"),
    [
        ("day,USD,Gbp\n2024-12-31,1.04,0.83\n", "fx_rates.csv row 1, column Gbp must be a currency code such as USD"),
        ("day,USD\n2024-12-31,1.04\n2024-12-30,-\n", "fx_rates.csv row 3, column USD has '-', but must be a number"),
        ("day,USD\n2024-12-31,1.04\n2024-12-30,0\n", "fx_rates.csv row 3, column USD has '0', but must be above 0"),
        (
            "day,USD\n2024-12-31,1.04\n2024-12-31,1\n",
            "fx_rates.csv row 3, column day has '2024-12-31', but must be the",
        ),
        (
            "day,GBP\n2024-12-31,0.83\n",
            "mapping.yaml: reporting_currency has 'USD', but must be declared and have rates",
        ),
    ],
)
def test_what_is_wrong_in_wide_rates_is_said(rates: str, problem: str, tmp_path: Path) -> None:
    lines = problems_of(tiny(tmp_path, mapping=mapped(WIDE), fx_rates=rates))
    assert len(lines) == 1
    assert lines[0].startswith(problem)


# The public export


@pytest.fixture(scope="module")
def export(root: Path, shared_data: Path) -> History:
    folder = shared_data / "synthetic_b2b_saas" / "source"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    history = load_history(folder, root / "data" / "mappings" / "synthetic_b2b_saas.yaml")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    return history


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> Path:
    return shared_data / "synthetic_b2b_saas" / "expected"


def moved(history: History) -> list[tuple[str, str, str, float]]:
    """Movements as (month, account, kind, MRR), in order of day."""
    events = history.arr_events[history.arr_events["event_type"] != "renewal"].sort_values("effective_on")
    rows: list[Any] = list(events.itertuples())
    return [(f"{row.effective_on:%Y-%m-01}", row.account_id, row.event_type, row.arr_delta / 12) for row in rows]


def balances_before(history: History, day: pd.Timestamp) -> dict[str, float]:
    """MRR of each active account at the end of the day before, from the signed amounts alone."""
    total: dict[str, float] = defaultdict(float)
    rows: list[Any] = list(history.arr_events.itertuples())
    for row in rows:
        if row.effective_on < day:
            total[row.account_id] += row.arr_delta / 12
    return {account: amount for account, amount in total.items() if amount > 1e-6}


def test_the_monthly_bridge_of_the_export_equals_the_published_one(export: History, expected: Path) -> None:
    bridge = pd.read_csv(expected / "mrr_bridge.csv")
    assert len(bridge) == 30
    movements, closing = moved(export), 0.0
    for month in bridge.itertuples():
        sums: dict[str, float] = defaultdict(float)
        for when, _, kind, amount in movements:
            sums[kind] += amount if when == month.month else 0.0
        assert closing == pytest.approx(month.opening_mrr, abs=0.01)
        assert sums["new"] == pytest.approx(month.new_mrr, abs=0.01)
        assert sums["expansion"] == pytest.approx(month.expansion_mrr, abs=0.01)
        assert sums["contraction"] == pytest.approx(month.contraction_mrr, abs=0.01)
        assert sums["churn"] == pytest.approx(month.churned_mrr, abs=0.01)
        assert sums["reactivation"] == pytest.approx(month.reactivation_mrr, abs=0.01)
        closing += sum(sums.values())
        assert closing == pytest.approx(month.closing_mrr, abs=0.01)
    assert {when for when, *_ in movements} <= set(bridge["month"])


def test_each_movement_of_the_export_is_the_published_one(export: History, expected: Path) -> None:
    published = pd.read_csv(expected / "account_mrr_movements.csv")
    published = published[published["movement_type"] != "no_change"]
    rows: list[Any] = list(published.itertuples())
    theirs = {(row.month, row.account_id, row.movement_type): row.movement_mrr for row in rows}
    ours = {movement[:3]: movement[3] for movement in moved(export)}
    assert ours.keys() == theirs.keys()
    assert max(abs(ours[key] - theirs[key]) for key in theirs) < 0.01


def test_monthly_retention_of_the_export_equals_the_published_one(export: History, expected: Path) -> None:
    months: list[Any] = list(pd.read_csv(expected / "revenue_retention.csv").itertuples())
    compared = 0
    for month in months:
        start = pd.Timestamp(str(month.month))
        opening, closing = balances_before(export, start), balances_before(export, start + pd.offsets.MonthBegin())
        if not opening:
            assert np.isnan(month.net_revenue_retention)
            continue
        retention = of_cohort(opening, closing)
        assert retention["nrr"] == pytest.approx(month.net_revenue_retention, abs=1e-6)
        assert retention["grr"] == pytest.approx(month.gross_revenue_retention, abs=1e-6)
        compared += 1
    assert compared == 27


def of_cohort(opening: dict[str, float], closing: dict[str, float]) -> dict[str, float]:
    held = {account: closing.get(account, 0.0) for account in opening}
    total = sum(opening.values())
    return {
        "opening_accounts": len(opening),
        "opening_mrr_eur": total,
        "closing_mrr_same_accounts_eur": sum(held.values()),
        "nrr": sum(held.values()) / total,
        "grr": sum(min(held[account], opening[account]) for account in opening) / total,
        "logo_retention": sum(amount > 0 for amount in held.values()) / len(opening),
    }


def test_quarterly_figures_by_region_of_the_export_equal_the_expected_ones(export: History, expected: Path) -> None:
    regions = dict(zip(export.accounts["account_id"], export.accounts["region"], strict=True))
    rows: list[Any] = list(pd.read_csv(expected / "quarterly_by_region.csv").itertuples())
    assert len(rows) > 50
    for row in rows:
        quarter = pd.Period(row.quarter)
        opening, closing = (balances_before(export, day) for day in (quarter.start_time, (quarter + 1).start_time))
        mine = {account: mrr for account, mrr in opening.items() if row.region_id in ("ALL", regions[account])}
        figures = of_cohort(mine, closing)
        for name, tolerance in {"opening_accounts": 0, "nrr": 1e-6, "grr": 1e-6, "logo_retention": 1e-6}.items():
            assert figures[name] == pytest.approx(getattr(row, name), abs=tolerance), (row.quarter, row.region_id, name)
        for name in ("opening_mrr_eur", "closing_mrr_same_accounts_eur"):
            assert figures[name] == pytest.approx(getattr(row, name), abs=0.01), (row.quarter, row.region_id, name)
        pay = 10_000 * max(0.0, (figures["nrr"] - 1) / 0.15)
        assert pay == pytest.approx(row.payout_target10000_floor100_goal115, abs=0.01)


def test_the_end_of_the_data_is_no_churn(export: History) -> None:
    """Five subscriptions of the export have ended, one of them on the last day of its data."""
    churn = export.arr_events[export.arr_events["event_type"] == "churn"]
    assert len(churn) == 4
    assert churn["effective_on"].max() == pd.Timestamp("2026-06-01")
    assert (churn["ends_on"] == churn["effective_on"] - pd.Timedelta(days=1)).all()
    assert churn["is_at_renewal"].all()


def test_the_teams_of_the_export_are_payees_whose_books_hold_every_account(export: History, shared_data: Path) -> None:
    contacts = pd.read_csv(shared_data / "synthetic_b2b_saas" / "source" / "customer_success_interactions.csv")
    assert len(export.payees) == 6
    assert set(contacts["owner_team"]) <= set(export.payees["payee_id"])
    assert set(export.payees["target_incentive"]) == {40_000.0}
    assert len(export.assignments) == len(export.accounts) == 250
    assert export.warnings == ()
    team = export.assignments.set_index("account_id")["payee_id"]
    assert (contacts["account_id"].map(team) == contacts["owner_team"]).all()


def test_kpis_renewals_and_rates_of_the_export_are_there(export: History) -> None:
    assert set(export.kpis["kpi"]) == {"customer_prs"}
    assert export.kpis["attained"].sum() == 25
    renewals = export.arr_events[export.arr_events["event_type"] == "renewal"]
    assert len(renewals) == 34
    assert renewals[["signed_on", "due_on", "renewed_arr"]].notna().all().all()
    assert len(export.fx_rates) == 240 + 1  # its own, and the dollar of the mapping


def test_loading_the_export_twice_gives_the_same_history(export: History, root: Path, shared_data: Path) -> None:
    mapping = root / "data" / "mappings" / "synthetic_b2b_saas.yaml"
    again = load_history(shared_data / "synthetic_b2b_saas" / "source", mapping)
    assert same(export, again)
    assert export.arr_events["event_id"].iloc[0] == "account_00000001:2025-01-01"


def test_a_wrong_name_in_the_export_mapping_is_told(root: Path, shared_data: Path, tmp_path: Path) -> None:
    mapping = (root / "data" / "mappings" / "synthetic_b2b_saas.yaml").read_text(encoding="utf-8")
    (tmp_path / "m.yaml").write_text(mapping.replace("mrr_eur", "mmr_eur").replace("dach:", "dahc:"), encoding="utf-8")
    lines = problems_of(shared_data / "synthetic_b2b_saas" / "source", tmp_path / "m.yaml")
    amount = [line for line in lines if "from_spans.amount has 'mmr_eur'" in line]
    assert len(amount) == 1
    assert "must be a column of subscription_items.csv. Did you mean 'mrr_eur'?" in amount[0]
    regions = [line for line in lines if "column region_id has 'dach', but must be in the value map" in line]
    assert len(regions) == 89 + 1  # the accounts of the region, for their books, and its team
    assert all("Did you mean 'dahc'?" in line or "Valid:" in line for line in regions)
    assert len(lines) == 91


# Speed


@pytest.mark.slow
def test_a_large_folder_loads_in_well_under_a_second(tmp_path: Path) -> None:
    write_large(tmp_path)
    load_history(tmp_path)
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        history = load_history(tmp_path)
        taken.append(time.perf_counter() - start)
    assert (len(history.accounts), len(history.arr_events), len(history.assignments)) == (1800, 12_000, 4000)
    assert min(taken) < 2, f"{min(taken):.2f} s"  # half a second on an idle machine


def write_large(folder: Path) -> None:
    accounts = [f"A{i:05d}" for i in range(1800)]
    day = pd.Timestamp("2022-01-01")
    events = pd.DataFrame({"account_id": [accounts[i % 1800] for i in range(12_000)]})
    events["event_id"] = [f"E{i}" for i in range(len(events))]
    events["event_type"] = ["new"] * 1800 + ["expansion"] * (len(events) - 1800)
    events["effective_on"] = [day + pd.Timedelta(days=i // 1800 * 60) for i in range(len(events))]
    for column in ("notice_on", "signed_on", "due_on", "invoiced_on", "paid_on"):
        events[column] = events["effective_on"]
    events = events.assign(arr_delta=1234.56, currency="USD", is_at_renewal="no", sourced_by="csm", term_months=12)
    events.to_csv(folder / "arr_events.csv", index=False)
    pd.DataFrame({"account_id": accounts, "name": accounts}).to_csv(folder / "accounts.csv", index=False)
    spans = [("2022-01-01", "2022-12-31"), ("2023-01-01", "2023-12-31"), ("2024-01-01", "")]
    books = [(accounts[i % 1800], f"P{(i + i // 1800) % 60}", *spans[i // 1800], 1) for i in range(4000)]
    columns = ["account_id", "payee_id", "starts_on", "ends_on", "split"]
    pd.DataFrame(books, columns=columns).to_csv(folder / "assignments.csv", index=False)
    payees = pd.DataFrame({"payee_id": [f"P{i}" for i in range(60)]})
    payees = payees.assign(starts_on="2022-01-01", role="csm", target_incentive=1, currency="USD")
    payees.to_csv(folder / "payees.csv", index=False)
