"""Payout curves: attainment to payout factor."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from compmodel.curves import Curve, flat_zones, jumps, payout_factor, payout_slope
from histories import CURVES

LINE = [[0, 0], [1, 1]]
BANDS = {"kind": "step", "points": [], "bands": [[0, 1], [0.9, 1.5]], "edge": "lower"}


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


EDGES = st.sampled_from([at for drawn in CURVES for at, _ in drawn.get("points") or drawn["bands"]]).map(
    lambda at: Fraction(str(at))
)


@given(st.sampled_from(CURVES), st.fractions(-1, 3, max_denominator=1000) | EDGES)
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
        ({"points": [[0, 0]]}, "points has too few entries"),
        ({"points": [[0.8, 0.5], [1, 1]]}, "what pays below is not written. Write below: zero or below: hold"),
        ({"points": [[0, -1], [1, 1]]}, "has factor -1, but pay is never negative"),
        ({"points": [[0, 0], [1, float("nan")]]}, "finite number"),
        ({"points": [[0, 0], [float("inf"), 1]]}, "finite number"),
        ({"points": [[0, 0], [1, 1, 1]]}, "at most 2 items"),
        ({"beyond": "stop"}, "'hold' or 'extend'"),
        ({"kind": "stairs"}, "'linear', 'table', 'step', 'marginal' or 'overage'"),
        ({"kind": "step"}, "kind is step, which has bands. Write bands"),
        ({**BANDS, "points": LINE}, "kind is step, which has bands. Write bands"),
        ({**BANDS, "edge": None}, "edge is not written. Write edge: lower or edge: upper"),
        ({"edge": "lower"}, "kind is linear, but edge is lower. Delete edge"),
        ({**BANDS, "kind": "marginal"}, "kind is marginal, but edge is lower. Delete edge"),
        ({**BANDS, "below": "zero"}, "below is of linear curves"),
        ({**BANDS, "bands": [[0, 1], [0, 2]]}, r"bands\[1\] has attainment 0, but bands must rise"),
        ({**BANDS, "bands": [[0, 1.5], [1, 1.2]]}, "at attainment 1 the curve falls"),
        ({**BANDS, "kind": "overage"}, "at attainment 1 the curve falls|no band begins at 1"),
        (
            {**BANDS, "kind": "marginal", "edge": None, "bands": [[0, 1], [1, -1], [2, 0]]},
            "at attainment 1 the curve falls",
        ),
        (
            {**BANDS, "kind": "table", "bands": [[0, -1], [1, 1]], "may_fall": True},
            "has factor -1, but pay is never negative",
        ),
        ({**BANDS, "edge": ["lower"]}, "edge has 1 entries, but there are 2 bands"),
        ({"cap": 2}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_not_a_curve(wrong: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Curve.model_validate({"kind": "linear", "points": LINE, "beyond": "hold"} | wrong)


def test_what_happens_beyond_is_never_guessed() -> None:
    with pytest.raises(ValueError, match="beyond\n  Field required"):
        Curve.model_validate({"kind": "linear", "points": LINE})


def banded(kind: str, bands: object, edge: str | None = None, beyond: str = "extend", **more: object) -> Curve:
    return Curve.model_validate({"kind": kind, "bands": bands, "edge": edge, "beyond": beyond, **more})


TIERS = [[0, 1], [1, 1.4], [1.2, 1.6]]


def test_one_table_of_bands_read_in_four_ways() -> None:
    at = ("1/2", "1.1", "1.3")
    assert factors(banded("table", TIERS, "lower"), *at) == [1, Fraction(7, 5), Fraction(8, 5)]
    assert factors(banded("step", TIERS, "lower"), *at) == [Fraction(1, 2), Fraction(77, 50), Fraction(52, 25)]
    assert factors(banded("marginal", TIERS), *at) == [Fraction(1, 2), Fraction(57, 50), Fraction(36, 25)]
    assert factors(banded("overage", TIERS, "lower"), *at) == [Fraction(1, 2), Fraction(57, 50), Fraction(37, 25)]


def test_an_edge_belongs_to_the_band_that_is_written() -> None:
    bands = [[0, 1], [1, 1.6], [1.2, 2]]  # a published plan and its own test read 120% in two ways
    assert factors(banded("step", bands, "upper"), "1.2") == [Fraction(48, 25)]
    assert factors(banded("step", bands, "lower"), "1.2") == [Fraction(12, 5)]
    assert factors(curve([[0.7, 0.5], [1, 1]], below="zero"), "0.7") == [Fraction(1, 2)]


def test_below_the_floor_pay_may_be_taken_away_where_the_plan_says_so() -> None:
    assert factors(curve(below="extend"), "-0.25", "2") == [Fraction(-1, 4), 2]


@given(st.sampled_from(CURVES), st.fractions(-1, 3, max_denominator=1000))
def test_the_slope_is_what_a_little_more_pays(written: dict, attained: Fraction) -> None:
    a_little, drawn = Fraction(1, 10**9), Curve.model_validate(written)
    at = np.array([attained, attained + a_little, attained + 2 * a_little], dtype=object)
    _, low, high = payout_factor(at, drawn)  # from just above, where an edge may leap
    assert (high - low) / a_little == payout_slope(at[:1], drawn)[0]


@pytest.mark.parametrize(
    ("drawn", "flat", "leaps"),
    [
        (curve(beyond="hold"), [(-np.inf, 0), (1, np.inf)], []),
        (curve(below="extend"), [], []),
        (curve([[0.8, 0.5], [1, 1]], below="zero"), [(-np.inf, 0.8)], [(0.8, 0, 0.5)]),
        (banded("marginal", [[0, 0], [0.95, 1], [1.5, 0]]), [(-np.inf, 0.95), (1.5, np.inf)], []),
        (
            banded("table", [[0, 0], [0.9, 0.5], [1, 1]], "lower", "hold"),
            [(-np.inf, 0.9), (0.9, 1), (1, np.inf)],
            [(0.9, 0, 0.5), (1, 0.5, 1)],
        ),
        (banded("step", [[0, 1], [1, 1.5]], "upper"), [(-np.inf, 0)], [(1, 1, 1.5)]),
    ],
)
def test_flat_zones_and_jumps(drawn: Curve, flat: list, leaps: list) -> None:
    assert flat_zones(drawn) == flat
    assert jumps(drawn) == leaps


def test_a_fall_that_is_declared_is_drawn() -> None:
    assert factors(banded("table", [[0, 1], [1, 0.5]], "lower", may_fall=True), "0.9", "1") == [1, Fraction(1, 2)]
    points = {"points": [[0, 1], [1, 0]], "below": "hold", "may_fall": True}
    assert factors(Curve.model_validate({"kind": "linear", **points, "beyond": "hold"}), "0.5") == [Fraction(1, 2)]
