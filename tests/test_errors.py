"""Problems read as one line with place, value, rule and fix; many are listed by kind, the first 20 and a count."""

from __future__ import annotations

import pytest

from compmodel.errors import SHOWN, CompModelError, DataError, PlanError, Problem, listing, nearest


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
