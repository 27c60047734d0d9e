"""Exact numbers and whole cents."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compmodel.money import exact, exact_array, nearest_cents, whole_cents
from reference import round_half_up


@pytest.mark.parametrize(
    ("number", "fraction"),
    [
        (0.0, "0"),
        (1.15, "23/20"),
        (-1.15, "-23/20"),
        (1e-07, "1/10000000"),
        (1 / 3, "1/3"),
        (2 / 3, "2/3"),
        (0.1 + 0.2, "3/10"),
        (7 * (1 / 3), "7/3"),
        (45 / 92 + 1 + 30 / 92, "167/92"),
        (232 / 69, "232/69"),  # a repeating fraction that a float happens to write with 15 digits
        (123456789.01, "12345678901/100"),
        (9999999999.99, "999999999999/100"),
    ],
)
def test_exact_is_the_number_that_was_meant(number: float, fraction: str) -> None:
    assert exact(number) == Fraction(fraction)


@given(st.integers(-(10**13), 10**13))
def test_exact_knows_every_amount_in_cents(cents: int) -> None:
    assert exact(cents / 100) == Fraction(cents, 100)


@given(st.integers(1, 366), st.integers(1, 366))
def test_exact_knows_days_over_days(days: int, of: int) -> None:
    assert exact(days / of) == Fraction(days, of)


def test_exact_array_keeps_the_shape() -> None:
    found = exact_array(np.array([[0.5, 1.15], [1 / 3, 0.0]]))
    assert found.tolist() == [[Fraction(1, 2), Fraction(23, 20)], [Fraction(1, 3), 0]]


def cents_of(*amounts: str) -> list[int]:
    exact_amounts = np.array([Fraction(amount) for amount in amounts], dtype=object)
    return whole_cents(exact_amounts.astype(float), lambda at: exact_amounts[at]).tolist()


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("1.005", 101), ("0.285", 29), ("8.575", 858), ("0.145", 15), ("10.075", 1008), ("1.255", 126), ("0.575", 58)],
)
def test_half_cents_that_floats_round_down_go_up(amount: str, cents: int) -> None:
    assert floor(float(amount) * 100 + 0.5) == cents - 1, "no trap for floats"
    assert cents_of(amount) == [cents]


@pytest.mark.parametrize(
    ("amount", "cents"), [("2.675", 268), ("1.115", 112), ("0.615", 62), ("5.015", 502), ("0.125", 13)]
)
def test_half_cents_that_round_would_take_down_go_up(amount: str, cents: int) -> None:
    assert round(float(amount), 2) == (cents - 1) / 100, "no trap for round()"
    assert cents_of(amount) == [cents]


def test_halves_go_away_from_zero_on_both_sides() -> None:
    assert cents_of("0.005", "-0.005", "0.0049999999", "-0.0049999999", "0.0050000001", "0") == [1, -1, 0, 0, 1, 0]


def test_only_amounts_near_a_tie_are_worked_out_again() -> None:
    asked: list[int] = []

    def exactly(positions: np.ndarray) -> np.ndarray:
        asked.extend(positions.tolist())
        return np.array([Fraction("8.575")], dtype=object)

    assert whole_cents(np.array([1.0, 8.575, 2.3349, 2.3351]), exactly).tolist() == [100, 858, 233, 234]
    assert asked == [1]


@given(st.lists(st.fractions(-(10**9), 10**9, max_denominator=10_000), min_size=1, max_size=20))
def test_half_up_equals_exact_arithmetic(amounts: list[Fraction]) -> None:
    assert cents_of(*map(str, amounts)) == [round_half_up(amount * 100) for amount in amounts]


def test_nearest_cents_forgives_what_a_float_loses() -> None:
    assert nearest_cents(np.array([0.5, -0.5, 1.005 * 100, -1.005 * 100, 2.4999, -0.0])).tolist() == [
        1,
        -1,
        101,
        -101,
        2,
        0,
    ]
