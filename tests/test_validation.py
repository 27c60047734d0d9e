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
from compmodel.tables import TABLES, empty_table
from spoilt import BASE, CASES, contents, problems_of, spoilt, tiny

EVENTS = (BASE / "arr_events.csv").read_text(encoding="utf-8")
HEADER = EVENTS.splitlines()[0]


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
    books = (BASE / "assignments.csv").read_text(encoding="utf-8").replace("a1,p1,2024-01-01", "a1,p1,2024-02-01")
    folder = tiny(tmp_path, assignments=books.replace("a2,p", "a3,p").replace("a3,p1,2024-01-01,,1\n", ""))
    warnings = [str(warning) for warning in load_history(folder).warnings]
    assert len(warnings) == 3
    assert warnings[0] == (
        "arr_events.csv row 2, column event_id has 'e1', but happened while the account was in nobody's book (ARR "
        "moved by such events: 7,000.00 EUR, 12,000.00 USD). Assign account a1 from 2024-01-01."
    )


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


def test_tables_with_a_header_alone_are_empty_not_wrong(tmp_path: Path) -> None:
    books = (BASE / "assignments.csv").read_text(encoding="utf-8").splitlines()[0] + "\n"
    history = load_history(tiny(tmp_path, arr_events=HEADER + "\n", assignments=books))
    assert len(history.arr_events) == 0
    assert history.settings.reporting_currency == "USD"


def test_many_unknown_accounts_are_told_quickly(tmp_path: Path) -> None:
    rows = "".join(f"z{i},acc{i},new,,1,USD,,,,2024-01-01,\n" for i in range(6000))
    accounts = "account_id\na1\na2\na3\n" + "".join(f"account{i}\n" for i in range(2000))
    assert len(problems_of(tiny(tmp_path, arr_events=EVENTS + rows, accounts=accounts))) == 6000
