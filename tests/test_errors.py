"""Problems read as one line with place, value, rule and fix; many are listed by kind, the first 20 and a count."""

from __future__ import annotations

import pytest

from compmodel.errors import SHOWN, CompModelError, DataError, Hints, PlanError, Problem, listing, nearest


def wrong(row: int, place: str = "a.csv", rule: str = "must be a number") -> Problem:
    return Problem(place, rule, "Write 12.50.", "arr_delta", row, "x")


def test_a_problem_names_file_row_column_value_rule_and_fix() -> None:
    assert str(wrong(7)) == "a.csv row 7, column arr_delta has 'x', but must be a number. Write 12.50."


@pytest.mark.parametrize("part", ["a.csv", "row 7", "arr_delta", "'x'", "must be a number", "Write 12.50."])
def test_each_part_is_in_the_message_of_the_error(part: str) -> None:
    assert part in str(DataError([wrong(7)]))


def test_a_problem_without_row_or_value_still_reads_as_a_sentence() -> None:
    assert "plan.yaml" in str(Problem("plan.yaml", "must hold keys", "Write title.", "components"))
    assert str(Problem("payees", "must be there", "Add payees.csv.")) == "payees must be there. Add payees.csv."


def test_what_is_told_about_a_value_contradicts_nothing() -> None:
    told = str(wrong(7, rule="which is late"))
    assert told == "a.csv row 7, column arr_delta has 'x', which is late. Write 12.50."
    assert listing([wrong(7)], "Worth a look", "thing").startswith("Worth a look (1 thing):")


def test_the_first_twenty_of_a_kind_are_shown_and_the_rest_counted() -> None:
    lines = listing([wrong(row) for row in range(2, 1_502)], "Stop").splitlines()
    assert lines[0] == "Stop (1,500 problems):"
    assert len(lines) == 1 + SHOWN + 1
    assert "row 21," in lines[SHOWN]
    assert lines[-1] == "  ... and 1,480 more of this kind in a.csv"


def test_exactly_twenty_need_no_count() -> None:
    assert "more of this kind" not in listing([wrong(row) for row in range(SHOWN)], "Stop")


def test_kinds_are_counted_apart_by_file_column_and_rule() -> None:
    problems = [wrong(row, place, rule) for row in range(25) for place in "ab" for rule in ("one", "two")]
    assert listing(problems, "Stop").count("... and 5 more of this kind") == 4


def test_problems_keep_the_order_in_which_their_kinds_were_found() -> None:
    text = listing([wrong(9), wrong(2, "b.csv"), wrong(3)], "Stop")
    assert text.index("row 9") < text.index("row 3") < text.index("b.csv")


def test_errors_carry_their_problems() -> None:
    assert DataError([wrong(2)]).problems == (wrong(2),)
    assert isinstance(PlanError([wrong(2)]), CompModelError)
    assert str(CompModelError("One sentence.")) == "One sentence."


def test_nearest_names_the_closest_or_all() -> None:
    assert nearest("expnasion", ["new", "expansion"]) == "Did you mean 'expansion'?"
    assert nearest("q", ["new", "expansion"]) == "Valid: new, expansion."


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("P99", ["P59", "P98"], "Valid: P59, P98."),
        ("1001", ["1002", "10011"], "Valid: 1002, 10011."),
        ("P99", ["P59", "Q99"], "Did you mean 'Q99'?"),
        ("P007", ["P008", "P7"], "Did you mean 'P7'?"),
        ("halves2", ["halves", "thirds"], "Did you mean 'halves'?"),
        ("acount_7", ["account_1", "account_7"], "Did you mean 'account_7'?"),
    ],
)
def test_another_number_is_no_near_name(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, known) == hint


def test_hints_are_looked_for_a_few_times_only() -> None:
    hints = Hints(f"account_{i}" for i in range(100))
    assert hints.of("acount_7") == "Did you mean 'account_7'?"
    assert hints.of("x") == ""
    said = [hints.of(f"acount_{i}") for i in range(SHOWN + 10)]
    assert said[0]
    assert not said[-1]
    assert Hints(["a", "b"]).of("x") == "Valid: a, b."


@pytest.mark.parametrize(
    ("problem", "begins"),
    [
        (Problem("periods", "is not over", "End it earlier.", value="2035Q4"), "These periods cannot be paid"),
        (Problem("plan.yaml", "cannot be read: No such file", "Check it."), "A file cannot be read"),
        (Problem("fx_rates", "has no EUR rate", "Add it."), "The data lacks what the plan needs"),
        (Problem("plan.yaml", "is missing", "Write it.", "title"), "The plan has problems"),
    ],
)
def test_an_error_begins_with_what_is_really_wrong(problem: Problem, begins: str) -> None:
    assert str(PlanError([problem])).startswith(begins)
    assert str(PlanError([problem, wrong(2)])).startswith("The plan has problems")
