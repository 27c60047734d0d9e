"""Every error of the data is reported, all together, in words that say where, what and how to mend it.

Each folder under `tests/bad` holds the files that spoil the tiny history in one way and the exact problems expected.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from compmodel.errors import SHOWN, DataError
from compmodel.sources import load_history
from compmodel.tables import TABLES, Settings, empty_table
from compmodel.validation import validated_history
from spoilt import BASE, CASES, contents, problems_of, spoilt, tiny

EVENTS = (BASE / "arr_events.csv").read_text(encoding="utf-8")
BOOKS = (BASE / "assignments.csv").read_text(encoding="utf-8")
PAYEES = (BASE / "payees.csv").read_text(encoding="utf-8")


def test_the_tiny_history_is_valid(tmp_path: Path) -> None:
    history = load_history(tiny(tmp_path))
    assert history.warnings == ()
    for table in TABLES.values():
        frame = getattr(history, table.name)
        assert len(frame) > 0
        assert list(frame.dtypes) == list(empty_table(table).dtypes), table.name
        assert list(frame.columns) == [column.name for column in table.columns]


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused_with_these_words_and_no_others(case: str, tmp_path: Path) -> None:
    folder, expected = spoilt(tmp_path, case)
    before = contents(tmp_path)
    with pytest.raises(DataError) as found:
        load_history(folder)
    assert sorted(str(problem) for problem in found.value.problems) == sorted(expected)
    for line in expected:
        assert f"\n  {line}" in str(found.value)
    assert str(found.value).startswith("The data has problems, so nothing was loaded")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("case", CASES)
def test_a_problem_of_a_cell_names_row_column_and_value_as_they_stand_in_the_file(case: str, tmp_path: Path) -> None:
    folder, expected = spoilt(tmp_path, case)
    for line in expected:
        found = re.match(r"(\w+\.csv) row (\d+), column (\w+)(?: has '([^']*)')?", line)
        if found is None or case == "duplicate_kpi":  # its value is the whole key
            continue
        file, row, column, value = found.groups()
        cells = pd.read_csv(folder / file, dtype=str, keep_default_na=False)
        assert cells.loc[int(row) - 2, column] == (value or ""), line


def test_every_kind_of_error_the_data_can_have_has_a_bad_file() -> None:
    assert len(CASES) >= 55
    wanted = {
        "unknown_column",
        "missing_column",
        "not_a_number",
        "ambiguous_date",
        "duplicate_key",
        "unknown_account",
        "unknown_payee",
        "overlapping_pay_spans",
        "overlapping_books",
        "splits_above_one",
        "positive_loss",
        "nan_amount",
        "infinite_amount",
        "currency_without_rate",
        "event_before_the_account_began",
    }
    assert wanted <= set(CASES)


def test_problems_of_all_files_and_kinds_are_reported_together(tmp_path: Path) -> None:
    cases = (
        "unknown_column",
        "ambiguous_date",
        "splits_above_one",
        "negative_pay",
        "rate_of_zero",
        "kpi_of_two_owners",
    )
    folder, expected = spoilt(tmp_path, *cases)
    assert sorted(problems_of(folder)) == sorted(expected)
    assert len(expected) == 7


def test_an_unreadable_file_does_not_hide_the_problems_of_the_others(tmp_path: Path) -> None:
    folder, expected = spoilt(tmp_path, "binary_file", "positive_loss", "missing_table")
    assert sorted(problems_of(folder)) == sorted(expected)


def test_one_mistake_is_one_problem(tmp_path: Path) -> None:
    """A new event that cannot be read says nothing about the account's later ones."""
    assert len(problems_of(tiny(tmp_path, arr_events=EVENTS.replace("new,,12000", "new,,12k")))) == 1


def test_two_bad_cells_in_a_row_are_two_problems(tmp_path: Path) -> None:
    lines = problems_of(tiny(tmp_path, arr_events=EVENTS.replace("e1,a1,new,,12000", "e1,a1,,,12k")))
    assert [line.split(" has")[0].split(" must")[0] for line in lines] == [
        "arr_events.csv row 2, column arr_delta",
        "arr_events.csv row 2, column event_type",
    ]


def test_the_first_twenty_of_a_kind_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    more = "".join(f"x{i},a1,churn,,{i + 1},USD,,,,2024-06-01,\n" for i in range(SHOWN + 13))
    with pytest.raises(DataError) as found:
        load_history(tiny(tmp_path, arr_events=EVENTS + more))
    text = str(found.value)
    assert text.startswith(f"The data has problems, so nothing was loaded ({SHOWN + 13} problems):")
    assert text.count("must be negative for a loss") == SHOWN
    assert "... and 13 more of this kind in arr_events.csv" in text
    assert len(found.value.problems) == SHOWN + 13


def test_details_of_a_row_do_not_make_a_kind_of_their_own(tmp_path: Path) -> None:
    rows = "".join(f"y{i},a{1 + i % 2},expansion,,5,USD,,,,2023-{1 + i % 12:02d}-01,\n" for i in range(SHOWN + 5))
    with pytest.raises(DataError, match="and 5 more of this kind"):
        load_history(tiny(tmp_path, arr_events=EVENTS + rows))


def test_an_event_nobody_is_assigned_to_is_a_warning_with_the_arr_at_stake(tmp_path: Path) -> None:
    books = BOOKS.replace("a1,p1,2024-01-01", "a1,p1,2024-02-01")
    folder = tiny(tmp_path, assignments=books.replace("a2,p", "a3,p").replace("a3,p1,2024-01-01,,1\n", ""))
    warnings = [str(warning) for warning in load_history(folder).warnings]
    assert len(warnings) == 3
    assert warnings[0] == (
        "arr_events.csv row 2, column event_id has 'e1', which happened while the account was in nobody's book. Assign "
        "account a1 from 2024-01-01 (12,000.00 USD). All 3 such events add up to 7,000.00 EUR, 12,000.00 USD, signs "
        "aside."
    )
    assert warnings[1].endswith("Assign account a2 from 2024-01-01 (6,000.00 EUR).")
    assert warnings[2].endswith("Assign account a2 from 2024-07-01 (-1,000.00 EUR).")


def test_a_renewal_nobody_is_assigned_to_names_what_it_renews(tmp_path: Path) -> None:
    books = BOOKS.replace("a1,p2,2024-07-01,,1", "a1,p2,2024-07-01,2024-12-31,1")
    (warning,) = load_history(tiny(tmp_path, assignments=books)).warnings
    assert str(warning).endswith("nobody's book. Assign account a1 from 2025-01-01 (13,500.00 USD renewed).")


def test_an_account_that_is_partly_in_nobodys_book_is_a_warning(tmp_path: Path) -> None:
    books = BOOKS.replace("a2,p2,2024-01-01,,0.4", "a2,p2,2024-01-01,,0.3").replace(",0.4", ",0.3")
    assert books != BOOKS
    warnings = [str(warning) for warning in load_history(tiny(tmp_path, assignments=books)).warnings]
    assert len(warnings) == 2  # the two assignments of a2
    said = "which leaves 0.1 of the account to nobody on 2024-01-01. Raise a split, or assign the rest of account a2"
    assert all(said in warning for warning in warnings)


def test_kpis_of_who_is_not_there_and_of_a_misspelt_name_are_warnings(tmp_path: Path) -> None:
    rows = "".join(f"p1,,customer_prs,2024-0{month}-01,1,\n" for month in range(1, 8))
    kpis = "payee_id,account_id,kpi,on,attained,scheduled\n" + rows + "p1,,customer_pr,2024-08-01,1,\n"
    warnings = load_history(tiny(tmp_path, kpis=kpis + "p1,,customer_prs,2023-12-31,1,\n")).warnings
    assert [(warning.row, warning.rule) for warning in warnings] == [
        (10, "which lies outside the spans of p1 in payees"),
        (9, "which is nearly 'customer_prs', a KPI of 8 rows"),
    ]


@pytest.mark.parametrize(
    ("left_on", "behind"),
    [
        ("2024-05-31", {"a1": "13,500.00 USD", "a2": "2,400.00 EUR", "a3": "3,000.50 USD"}),
        ("2024-05-30", {"a1": "12,000.00 USD", "a2": "2,400.00 EUR", "a3": "3,000.50 USD"}),
        ("2024-06-30", {"a2": "2,000.00 EUR", "a3": "3,000.50 USD"}),  # a1 was given away in time
        ("2024-08-31", {"a2": "2,000.00 EUR"}),  # a3 is lost on the next day
        ("2025-12-31", {}),  # the data end then
        ("2024-01-05", {"a1": "12,000.00 USD", "a2": "2,400.00 EUR", "a3": "3,000.50 USD"}),  # a3 is given afterwards
    ],
)
def test_an_account_left_in_the_book_of_who_has_left_is_a_warning(
    left_on: str, behind: dict[str, str], tmp_path: Path
) -> None:
    payees = PAYEES.replace("p1,Ash,2024-01-01,,", f"p1,Ash,2024-01-01,{left_on},")
    books = BOOKS.replace("a3,p1,2024-01-01", "a3,p1,2024-02-01")
    mapping = (BASE / "mapping.yaml").read_text(encoding="utf-8") + "data_ends_on: 2025-12-31\n"
    history = load_history(tiny(tmp_path, payees=payees, assignments=books, mapping=mapping))
    rows = {"a1": 2, "a2": 5, "a3": 6}
    assert [str(warning) for warning in history.warnings if warning.place == "assignments.csv"] == [
        f"assignments.csv row {rows[name]}, column account_id has '{name}', which is still in the book of a payee who "
        f"has left. p1 left on {left_on}, with {arr} of ARR: end the assignment and give the account to somebody."
        for name, arr in behind.items()
    ]


def test_where_there_is_nothing_nobody_has_left() -> None:
    assert validated_history({}, Settings(), unread=TABLES.keys()).warnings == ()


def test_who_comes_back_has_not_left(tmp_path: Path) -> None:
    payees = PAYEES.replace("p1,Ash,2024-01-01,,", "p1,Ash,2024-01-01,2024-05-31,")
    back = "p1,Ash,2024-09-01,,csm,north,p3,20000,USD\n"
    assert load_history(tiny(tmp_path, payees=payees + back)).warnings == ()


def dotted(*amounts: str, separator: str = ",") -> str:
    """The payees with these target incentives."""
    head, *rows = PAYEES.splitlines()
    cells = [row.split(",") for row in rows]
    assert len(amounts) == len(rows)
    rows = [[*row[:7], amount, row[8]] for row, amount in zip(cells, amounts, strict=True)]
    return "\n".join(separator.join(row) for row in [head.split(","), *rows])


def test_amounts_with_three_digits_behind_each_point_are_a_warning_whose_fix_is_right(tmp_path: Path) -> None:
    folder = tiny(tmp_path, payees=dotted("20.000", "20.000", "950", "30.500"))
    history = load_history(folder)
    assert history.payees["target_incentive"].tolist() == [20, 20, 950, 30.5]
    assert [str(warning) for warning in history.warnings] == [
        "payees.csv row 2, column target_incentive has '20.000', which is read as 20: each '.' of the column has three "
        "digits after it (rows: 2, 3, 5). If it means 20000, declare that in mapping.yaml: "
        'tables: {payees: {thousands: ".", decimal: ","}}.'
    ]
    with (folder / "mapping.yaml").open("a", encoding="utf-8") as file:
        file.write('tables: {payees: {thousands: ".", decimal: ","}}\n')
    history = load_history(folder)
    assert (history.payees["target_incentive"].tolist(), history.warnings) == ([20_000, 20_000, 950, 30_500], ())


@pytest.mark.parametrize(
    "amounts",
    [
        ("20.000", "20.000", "22.50", "30.000"),
        ("20.000", "20.000", "2200.000", "30.000"),
        ("20.000", "20.000", "0.125", "30.000"),
        ("20.000", "20.000", "22.000", "30.0005"),
        ("20000", "20000", "22000", "30000"),
    ],
)
def test_amounts_that_cannot_all_be_thousands_are_no_warning(amounts: tuple[str, ...], tmp_path: Path) -> None:
    assert load_history(tiny(tmp_path, payees=dotted(*amounts))).warnings == ()


def test_a_declared_sign_and_a_rate_are_not_doubted(tmp_path: Path) -> None:
    mapping = (BASE / "mapping.yaml").read_text(encoding="utf-8") + 'tables: {payees: {thousands: ","}}\n'
    payees = dotted("20.000", "20.000", "22.000", "30.000")
    rates = "currency,on,rate\nEUR,2024-12-31,1.039\n"
    kpis = "payee_id,account_id,kpi,on,attained,scheduled\np1,,nps,2024-03-31,4.125,5.000\n"
    books = BOOKS.replace(",0.6", ",0.600").replace(",0.4", ",0.400")
    folder = tiny(tmp_path, mapping=mapping, payees=payees, fx_rates=rates, kpis=kpis, assignments=books)
    assert load_history(folder).warnings == ()


def test_doubtful_amounts_name_the_first_rows_and_count_the_others(tmp_path: Path) -> None:
    more = "".join(f"m{i},a1,expansion,,1.{i}00,USD,,,,2024-06-01,\n" for i in range(7))
    (warning,) = load_history(tiny(tmp_path, arr_events=EVENTS.replace("3000.50", "3.000") + more)).warnings
    assert (warning.row, warning.value, warning.column) == (4, "3.000", "arr_delta")
    assert warning.rule.endswith("(rows: 4, 7, 9, 10, 11 and 4 more)")


def test_amounts_with_a_comma_are_doubtful_as_well(tmp_path: Path) -> None:
    mapping = (BASE / "mapping.yaml").read_text(encoding="utf-8") + 'tables: {payees: {decimal: ",", delimiter: ";"}}\n'
    payees = dotted("20,000", "20,000", "22,000", "30,000", separator=";")
    (warning,) = load_history(tiny(tmp_path, mapping=mapping, payees=payees)).warnings
    assert warning.rule.startswith("which is read as 20: each ',' of the column has three digits after it")
    assert 'If it means 20000, declare that in mapping.yaml: tables: {payees: {thousands: ",",' in warning.fix


def test_an_event_on_the_first_and_last_day_of_a_span_is_assigned(tmp_path: Path) -> None:
    books = "account_id,payee_id,starts_on,ends_on,split\n" + "".join(
        f"a{i},p1,{day},{day},1\n"
        for i, days in {
            1: ("2024-01-01", "2024-06-01", "2025-01-01"),
            2: ("2024-01-01", "2024-07-01"),
            3: ("2024-02-01", "2024-09-01"),
        }.items()
        for day in days
    )
    assert load_history(tiny(tmp_path, assignments=books)).warnings == ()


def test_overlaps_are_found_behind_a_short_span_inside_a_long_one(tmp_path: Path) -> None:
    head = "payee_id,starts_on,ends_on,role,target_incentive,currency\n"
    spans = ["2024-01-01,", "2024-02-01,2024-02-10", "2024-03-01,2024-03-10"]
    rows = "".join(f"p{i},{span},csm,1,USD\n" for i in (1, 2) for span in spans)
    lines = problems_of(tiny(tmp_path, payees=head + rows + "p3,2024-01-01,,lead,1,USD\n"))
    assert [line.split(",")[0] for line in lines] == [f"payees.csv row {row}" for row in (3, 4, 6, 7)]


def test_spans_of_a_payee_may_not_share_a_day(tmp_path: Path) -> None:
    payees = (BASE / "payees.csv").read_text(encoding="utf-8")
    lines = problems_of(tiny(tmp_path, payees=payees.replace("2024-12-31", "2025-01-01")))
    assert [line.split(" has")[0] for line in lines] == ["payees.csv row 4, column starts_on"]


def test_splits_that_add_up_to_one_through_rounding_are_valid(tmp_path: Path) -> None:
    third = "".join(f"a1,p{i},2024-01-01,,0.3333333333\n" for i in (1, 2)) + "a1,p3,2024-01-01,,0.3333333334\n"
    books = (BASE / "assignments.csv").read_text(encoding="utf-8").splitlines()
    load_history(tiny(tmp_path, assignments="\n".join([books[0], *books[3:]]) + "\n" + third))


def test_a_gain_and_a_loss_of_one_day_count_in_this_order(tmp_path: Path) -> None:
    swap = "s1,a1,contraction,,-13000,USD,,,,2024-06-01,\n"
    load_history(tiny(tmp_path, arr_events=EVENTS + swap))
    assert (
        "would stand at -500.00" in problems_of(tiny(tmp_path, arr_events=EVENTS + swap.replace("13000", "14000")))[0]
    )


@pytest.mark.parametrize(
    ("old", "words"), [("expansion,no,1500", "for a gain"), ("contraction,no,-1000", "for a loss")]
)
def test_nothing_is_neither_a_gain_nor_a_loss(old: str, words: str, tmp_path: Path) -> None:
    lines = problems_of(tiny(tmp_path, arr_events=EVENTS.replace(old, old.rsplit(",", 1)[0] + ",0")))
    assert len(lines) == 1
    assert words in lines[0]


def test_an_only_currency_needs_no_declaration(tmp_path: Path) -> None:
    payees = (BASE / "payees.csv").read_text(encoding="utf-8").replace("EUR", "USD")
    history = load_history(tiny(tmp_path, arr_events=EVENTS.replace("EUR", "USD"), payees=payees, mapping=""))
    assert history.settings.reporting_currency == "USD"


def test_optional_tables_and_columns_may_be_left_out(tmp_path: Path) -> None:
    folder = tiny(tmp_path, accounts="account_id\na1\na2\na3\n")
    (folder / "kpis.csv").unlink()
    history = load_history(folder)
    assert history.accounts["segment"].isna().all()
    assert len(history.kpis) == 0
    assert not history.arr_events["is_at_renewal"].iloc[0]


def test_a_table_with_a_header_alone_is_a_problem_where_it_is_required(tmp_path: Path) -> None:
    only_headers = {name: (BASE / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0] + "\n" for name in TABLES}
    assert [line.split(".csv holds no row. ")[0] for line in problems_of(tiny(tmp_path, **only_headers))] == [
        name for name, table in TABLES.items() if table.is_required
    ]
    optional = {name: only_headers[name] for name in ("kpis", "fx_rates")}
    history = load_history(
        tiny(tmp_path / "b", **optional, payees=PAYEES.replace("EUR", "USD"), arr_events=EVENTS.replace("EUR", "USD"))
    )
    assert (len(history.kpis), len(history.fx_rates)) == (0, 0)


def test_a_keep_that_drops_every_row_is_a_problem(tmp_path: Path) -> None:
    mapping = (BASE / "mapping.yaml").read_text(encoding="utf-8") + "tables: {accounts: {keep: {region: APAC}}}\n"
    assert problems_of(tiny(tmp_path, mapping=mapping)) == [
        "accounts.csv holds no row. Export it with its rows, or correct keep in mapping.yaml if that drops them all."
    ]


def test_many_unknown_accounts_are_told_quickly(tmp_path: Path) -> None:
    rows = "".join(f"z{i},acc{i},new,,1,USD,,,,2024-01-01,\n" for i in range(6000))
    accounts = "account_id\na1\na2\na3\n" + "".join(f"account{i}\n" for i in range(2000))
    assert len(problems_of(tiny(tmp_path, arr_events=EVENTS + rows, accounts=accounts))) == 6000


def test_a_missing_file_of_rates_is_one_line(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / "fx_rates.csv").unlink()
    (line,) = problems_of(folder)
    assert line.startswith("fx_rates must be there with the rates of EUR (4 rows) in USD. Add fx_rates.csv")


def test_a_rate_that_many_rows_need_is_one_line(tmp_path: Path) -> None:
    more = "".join(f"m{i},a1,expansion,,{i + 1},CHF,,,,2024-06-01,\n" for i in range(7))
    (line,) = problems_of(tiny(tmp_path, arr_events=EVENTS + more))
    assert "must give a CHF rate on 2024-12-31" in line
    assert "7 rows of arr_events and payees need it" in line
