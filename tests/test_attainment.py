"""Attainment: the actual against the target."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from compmodel.attainment import AttainmentRule, attain, doubtful
from histories import Row

FROM_100 = AttainmentRule(kind="from_floor", floor=1.0)
RATIO = AttainmentRule(kind="ratio")


class TestAttain:
    """Actual against target."""

    @pytest.mark.parametrize(
        ("rule", "value", "target", "attained"),
        [
            (RATIO, "1.15", "1.25", "0.92"),
            (FROM_100, "1.15", "1.25", "0.6"),
            (FROM_100, "1.075", "1.15", "0.5"),
            (FROM_100, "1", "1.15", "0"),
            (FROM_100, "0.97", "1.15", "-0.2"),
            (FROM_100, "1.18", "1.15", "1.2"),
            (RATIO, "-0.5", "0.5", "-1"),
            (RATIO, "0", "10", "0"),
            (AttainmentRule(kind="from_floor", floor=0.0), "0.3", "1.2", "0.25"),
        ],
    )
    def test_published_and_edge_cases(self, rule: AttainmentRule, value: str, target: str, attained: str) -> None:
        exact = attain(*(np.array([Fraction(number)], dtype=object) for number in (value, target)), rule)
        assert exact.tolist() == [Fraction(attained)]
        floats = attain(np.array([float(value)]), np.array([float(target)]), rule)
        assert floats == pytest.approx(float(attained), abs=1e-12)

    def test_an_unknown_value_stays_unknown(self) -> None:
        for rule in (RATIO, FROM_100):
            assert np.isnan(attain(np.array([np.nan]), np.array([1.15]), rule)).all()

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ({"kind": "ratio", "floor": 1.0}, "floor is given, but kind is ratio"),
            ({"kind": "from_floor"}, "kind is from_floor, but no floor is written. Write floor: 1.00"),
            ({"kind": "from_floor", "floor": float("nan")}, "finite number"),
            ({"kind": "ratios"}, "'ratio', 'from_floor', 'reverse' or 'scores'"),
            ({"kind": "ratio", "base": 1}, "Extra inputs are not permitted"),
        ],
    )
    def test_rule_is_strict(self, written: Row, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            AttainmentRule.model_validate(written)


def attained(rule: dict, *pairs: tuple[str, str]) -> list[Fraction]:
    """Attainment of values and targets, exactly; floats agree wherever they are not in doubt."""
    written = AttainmentRule.model_validate(rule)
    value, target = (np.array([Fraction(text) for text in side], dtype=object) for side in zip(*pairs, strict=True))
    floats = attain(value.astype(float), target.astype(float), written)
    sure = ~doubtful(value.astype(float), target.astype(float), written)
    exact = attain(value, target, written)
    assert floats[sure] == pytest.approx(exact[sure].astype(float), abs=1e-12)
    return exact.tolist()


class TestOtherKinds:
    """Lower is better, score grids, rounded attainment."""

    def test_lower_is_better(self) -> None:
        """A discount of 4.5% against a target of 5% is 111.11%: a textbook that prints 110% added the points."""
        assert attained({"kind": "reverse"}, ("4.5", "5"), ("5", "5"), ("10", "5")) == [
            Fraction(10, 9),
            1,
            Fraction(1, 2),
        ]

    def test_nothing_where_lower_is_better_is_far_beyond_any_curve(self) -> None:
        assert attained({"kind": "reverse"}, ("0", "5")) == [1000]

    def test_from_a_floor_above_the_target(self) -> None:
        """Churn of 10% attains nothing, of 5% everything."""
        rule = {"kind": "from_floor", "floor": 0.10}
        assert attained(rule, ("0.10", "0.05"), ("0.075", "0.05"), ("0.04", "0.05")) == [
            0,
            Fraction(1, 2),
            Fraction(6, 5),
        ]

    def test_scores(self) -> None:
        rule = {"kind": "scores", "scores": [[0.8, 0.5], [0.9, 1.0], [0.95, 1.5]], "edge": "lower"}
        asked = [(value, "1") for value in ("0.79", "0.8", "0.9", "0.94", "0.95", "2")]
        assert attained(rule, *asked) == [0, Fraction(1, 2), 1, 1, Fraction(3, 2), Fraction(3, 2)]
        upper = attained({**rule, "edge": "upper"}, *asked)
        assert upper == [0, 0, Fraction(1, 2), 1, 1, Fraction(3, 2)]

    def test_rounded_half_up(self) -> None:
        rule = {"kind": "ratio", "rounded_to": 0.01}
        asked = attained(rule, ("0.925", "1"), ("0.9249", "1"), ("1.15", "1.25"), ("0.285", "1"))
        assert asked == [Fraction(93, 100), Fraction(92, 100), Fraction(92, 100), Fraction(29, 100)]

    def test_floats_are_in_doubt_at_edges_and_at_halves(self) -> None:
        rule = AttainmentRule(kind="scores", scores=((0.3, 1.0),), edge="lower")
        assert doubtful(np.array([0.1 + 0.2, 0.31]), np.ones(2), rule).tolist() == [True, False]
        rule = AttainmentRule(kind="ratio", rounded_to=0.01)
        assert doubtful(np.array([0.285, 0.286]), np.ones(2), rule).tolist() == [True, False]

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ({"kind": "scores"}, "kind scores, scores and edge belong together"),
            ({"kind": "ratio", "scores": [[1, 1]], "edge": "lower"}, "belong together"),
            ({"kind": "scores", "scores": [[1, 1], [1, 2]], "edge": "lower"}, "scores must rise"),
            ({"kind": "reverse", "floor": 1}, "floor is given, but kind is reverse"),
            ({"kind": "ratio", "rounded_to": 0}, "greater than 0"),
        ],
    )
    def test_is_strict(self, written: Row, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            AttainmentRule.model_validate(written)
