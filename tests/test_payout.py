"""Pay from factors, rounded once on a payee's total."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compmodel.payout import PayRule, payout_cents
from reference import round_half_up


def rounded(*rows: list[str]) -> list[list[int]]:
    """Cents of each component from amounts in currency, given as text."""
    exact = np.array([[Fraction(amount) for amount in row] for row in rows], dtype=object)
    return payout_cents(exact.astype(float), lambda at: exact[at]).tolist()


def test_three_thirds_of_10_000_are_10_000() -> None:
    assert rounded(["10000/3"] * 3) == [[333333, 333334, 333333]]


def test_the_total_is_rounded_and_the_components_follow() -> None:
    assert rounded(["0.005", "0.005"]) == [[1, 0]]
    assert rounded(["0.004", "0.004", "0.004"]) == [[0, 1, 0]]
    assert rounded(["0.004", "0.004"], ["2.675", "0"]) == [[0, 1], [268, 0]]


def test_a_component_that_earns_nothing_is_paid_nothing() -> None:
    assert rounded(["0.0149", "0", "0.0001"]) == [[1, 0, 1]]


def test_a_total_that_is_a_tie_only_as_a_sum() -> None:
    """0.1 / 3 and the rest up to 0.285 add up to half a cent, and 0.285 x 100 as a float lies below it."""
    first = Fraction("0.1") / 3
    second = Fraction("0.285") - first
    assert (float(first) + float(second)) * 100 < 28.5, "no trap for floats"
    assert rounded([str(first), str(second)]) == [[3, 26]]


def test_nobody_is_paid_nothing() -> None:
    assert payout_cents(np.zeros((0, 2)), lambda at: np.zeros((len(at), 2), dtype=object)).shape == (0, 2)


@given(st.lists(st.fractions(0, 10**7, max_denominator=5000), min_size=1, max_size=4))
def test_components_are_differences_of_rounded_running_totals(amounts: list[Fraction]) -> None:
    (cents,) = rounded([str(amount) for amount in amounts])
    assert np.cumsum(cents).tolist() == [round_half_up(100 * sum(amounts[: i + 1])) for i in range(len(amounts))]
    assert min(cents) >= 0


def test_halves_to_the_even_cent_where_the_plan_says_so() -> None:
    even = PayRule(currency="USD", period="year", rounding="half_even")
    ties = np.array([[Fraction("0.285")], [Fraction("0.275")], [Fraction("-0.285")], [Fraction("0.2851")]])
    found = payout_cents(ties.astype(float), lambda at: ties[at], even)
    assert found.ravel().tolist() == [28, 28, -28, 29]
    assert payout_cents(ties.astype(float), lambda at: ties[at]).ravel().tolist() == [29, 28, -29, 29]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"currency": "usd"}, "currency"),
        ({"currency": "own"}, "currency"),
        ({"period": "week"}, "'month', 'quarter', 'half' or 'year'"),
        ({"rounding": "bankers"}, "'half_up', 'half_even' or 'none'"),
        ({"proration": "weeks"}, "'days', 'working_days' or 'months'"),
        ({"month_day": 31}, "less than or equal to 28"),
        ({"per": "quarter"}, "Extra inputs"),
        ({"rounded_to": 0.005}, "not whole cents"),
        ({"rounded_to": 0}, "greater than 0"),
        ({"rounding": "none", "rounded_to": 1}, "say nothing"),
        ({"rounding": "none", "rounded_at": "component"}, "say nothing"),
    ],
)
def test_pay_rule_is_strict(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PayRule.model_validate({"currency": "USD", "period": "quarter", "rounding": "half_up"} | wrong)
