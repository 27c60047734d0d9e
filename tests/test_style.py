"""Numbers as people say them, at the edges where rounding changes the unit."""

from __future__ import annotations

import pytest

from compmodel import style


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0"),
        (0.49, "0"),
        (0.5, "1"),
        (999.4, "999"),
        (999.5, "1.0k"),
        (9_949, "9.9k"),
        (9_950, "10k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (-41_234, "-41k"),
        (12_345_678, "12.35M"),
    ],
)
def test_short_money(amount: float, said: str) -> None:
    assert style.short_money(amount) == said


def test_signed_money_has_no_sign_at_zero() -> None:
    assert [style.signed_money(amount) for amount in (0.2, -0.2, 3, -3)] == ["0", "0", "+3", "-3"]


def test_percentages_of_nothing_are_said() -> None:
    assert style.percent(float("nan")) == "n/a"
    assert style.signed_percent(float("nan")) == "n/a"
    assert style.signed_percent(-0.0004) == "0.0%"
    assert style.signed_percent(0.0006) == "+0.1%"


def test_a_share_off_the_grid_keeps_a_decimal() -> None:
    assert style.number_words(1 / 3, "share") == "33.3%"
    assert style.number_words(1.15, "share") == "115%"
    assert style.number_words(12.0, "count") == "12"


@pytest.mark.parametrize(("n", "said"), [(0, "no quarters"), (1, "one quarter"), (13, "13 quarters")])
def test_counts(n: int, said: str) -> None:
    assert style.count_words(n, "quarter") == said
