"""Payout curves: attainment to payout factor."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from compmodel.curves import Curve, payout_factor
from histories import CURVES

LINE = [[0, 0], [1, 1]]


def curve(points: object = LINE, beyond: str = "extend", below: str | None = None) -> Curve:
    return Curve.model_validate({"kind": "linear", "points": points, "beyond": beyond, "below": below})


def factors(written: Curve, *attained: str) -> list[Fraction]:
    exact = payout_factor(np.array([Fraction(at) for at in attained], dtype=object), written)
    floats = payout_factor(np.array([float(Fraction(at)) for at in attained]), written)
    np.testing.assert_allclose(floats, exact.astype(float), rtol=0, atol=1e-12)
    return list(exact)


def test_a_line_through_the_origin_is_attainment_itself() -> None:
    assert factors(curve(), "0", "1/3", "1", "6/5") == [0, Fraction(1, 3), 1, Fraction(6, 5)]


def test_beyond_the_last_point() -> None:
    assert factors(curve(beyond="hold"), "1", "1.2", "40") == [1, 1, 1]
    assert factors(curve([[0, 0], [1, 1], [2, 3]]), "3", "2.5") == [5, 4]


def test_below_the_first_point_its_factor_holds() -> None:
    assert factors(curve([[0.5, 0.2], [1, 1]], below="hold"), "-1", "0", "0.5", "0.75") == [Fraction(1, 5)] * 3 + [
        Fraction(3, 5)
    ]


def test_below_the_first_point_nothing_is_paid_if_the_plan_says_so() -> None:
    threshold = curve([[0.8, 0.5], [1, 1]], below="zero")
    assert factors(threshold, "-1", "0.79", "0.8", "1") == [0, 0, Fraction(1, 2), 1]


def test_a_corner_belongs_to_both_lines() -> None:
    kinked = curve([[0.8, 0.3], [1, 1], [1.4, 2]], "hold", below="hold")
    assert factors(kinked, "0.8", "0.9", "1", "1.2", "1.4", "1.5") == [
        Fraction(3, 10),
        Fraction(13, 20),
        1,
        Fraction(3, 2),
        2,
        2,
    ]


def test_an_unknown_result_stays_unknown() -> None:
    assert np.isnan(payout_factor(np.array([np.nan]), curve())).all()
    assert np.isnan(payout_factor(np.array([np.nan]), curve(beyond="hold"))).all()


def test_the_shape_is_kept() -> None:
    assert payout_factor(np.array([[0.5], [2.0]]), curve(beyond="hold")).tolist() == [[0.5], [1.0]]
    assert payout_factor(np.array([]), curve()).shape == (0,)


@given(st.sampled_from(CURVES), st.fractions(-1, 3, max_denominator=1000))
def test_equals_the_reference(written: dict, attained: Fraction) -> None:
    assert factors(Curve.model_validate(written), str(attained)) == [reference.factor(attained, written)]


@given(st.sampled_from(CURVES), st.floats(-1, 3), st.floats(-1, 3))
def test_doing_better_never_pays_less(written: dict, one: float, other: float) -> None:
    low, high = payout_factor(np.array(sorted([one, other])), Curve.model_validate(written))
    assert low <= high


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"points": [[0, 0], [1, 1], [1, 2]]}, r"points\[2\] has attainment 1, but points must rise"),
        ({"points": [[0, 0], [1, 1], [0.9, 2]]}, r"\(the previous is 1\). Reorder or delete one"),
        ({"points": [[0, 0.5], [1, 0.4]]}, "has factor 0.4, below the previous 0.5, so doing better would pay less"),
        ({"points": [[0, 0]]}, "at least 2 items"),
        ({"points": [[0.8, 0.5], [1, 1]]}, "what pays below is not written. Write below: zero or below: hold"),
        ({"points": [[0, -1], [1, 1]]}, "has factor -1, but pay is never negative"),
        ({"points": [[0, 0], [1, float("nan")]]}, "finite number"),
        ({"points": [[0, 0], [float("inf"), 1]]}, "finite number"),
        ({"points": [[0, 0], [1, 1, 1]]}, "at most 2 items"),
        ({"beyond": "stop"}, "'hold' or 'extend'"),
        ({"kind": "step"}, "'linear'"),
        ({"cap": 2}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_not_a_curve(wrong: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Curve.model_validate({"kind": "linear", "points": LINE, "beyond": "hold"} | wrong)


def test_what_happens_beyond_is_never_guessed() -> None:
    with pytest.raises(ValueError, match="beyond\n  Field required"):
        Curve.model_validate({"kind": "linear", "points": LINE})
