"""Targets, people of a period, and attainment."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from compmodel.attainment import AttainmentRule, Target, attain, payee_periods
from compmodel.periods import period_range
from histories import Company, Row, employed

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
            ({"kind": "ratios"}, "'ratio' or 'from_floor'"),
            ({"kind": "ratio", "base": 1}, "Extra inputs are not permitted"),
        ],
    )
    def test_rule_is_strict(self, written: Row, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            AttainmentRule.model_validate(written)


class TestTarget:
    """Targets by segment."""

    def test_a_plain_number_is_everyones(self) -> None:
        assert Target.model_validate(1.15) == Target(default=1.15)
        segments = pd.Series(["enterprise", None], dtype="str")
        assert Target.model_validate(1.15).of(segments, np.array([3, 3])).tolist() == [1.15, 1.15]

    def test_by_segment_and_none(self) -> None:
        target = Target(default=1.1, by_segment={"enterprise": 1.15, "mid_market": 1.04})
        segments = pd.Series(["mid_market", "enterprise", "smb", None], dtype="str")
        assert target.of(segments, np.full(4, 3)).tolist() == [1.04, 1.15, 1.1, 1.1]

    def test_nobody(self) -> None:
        nobody, none = pd.Series([], dtype="str"), np.array([], dtype=np.int64)
        assert Target(default=1.1, by_segment={"a": 1.0}).of(nobody, none).tolist() == []

    def test_a_yearly_target_is_for_the_months_measured(self) -> None:
        """20% a year are 5% a quarter by adding, and the fourth root of 1.2 by compounding."""
        segments, months = pd.Series(["a", "a", "b"], dtype="str"), np.array([3, 12, 6])
        adding = Target.model_validate({"default": 1.2, "by_segment": {"b": 1.1}, "yearly": "adding"})
        assert adding.of(segments, months, 1.0).tolist() == [1.05, 1.2, 1.05]
        compounding = Target.model_validate({"default": 1.2, "yearly": "compounding"})
        assert compounding.of(segments, months, 1.0).tolist() == [1.046635, 1.2, 1.095445]

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            (0, "greater than 0"),
            (-1, "greater than 0"),
            (float("inf"), "finite number"),
            ({"by_segment": {"a": 1}}, "default\n  Field required"),
            ({"default": 1, "by_segment": {"a": 0}}, "by_segment.a is 0, but a target must be above 0"),
            ({"default": 1, "by_segment": {"a": float("nan")}}, "finite number"),
            ("a lot", "valid number"),
        ],
    )
    def test_is_strict(self, written: object, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            Target.model_validate(written)


def people(spans: list[Row], currency: str = "USD", periods: str = "2025Q1") -> list[Row]:
    rates = {"USD": 1.0, "EUR": 1.0837, "SEK": 0.0067}
    payees = Company(payees=spans, rates={name: Decimal(str(rate)) for name, rate in rates.items()}).history().payees
    span = period_range(periods)
    paid_at = pd.DataFrame(rates, index=pd.Index([period.name for period in span]))
    found = payee_periods(payees, span, currency, paid_at)
    return found.astype(object).where(found.notna(), None).to_dict("records")


def one(spans: list[Row], *names: str, currency: str = "USD", period: str = "2025Q1") -> list[object]:
    (person,) = people(spans, currency, period)
    return [person[name] for name in names]


class TestPeople:
    """Who is there in a period and with what target incentive; the first quarter of 2025 has 90 days."""

    def test_a_whole_quarter(self) -> None:
        (person,) = people([employed("p", 40_000, team="north", segment="enterprise")])
        assert person == {
            "payee_id": "p", "period": "2025Q1", "role": "csm", "team": "north", "segment": "enterprise",
            "region": None, "currency": "USD", "cent_days": 4_000_000 * 90, "days_on_plan": 90, "n_days": 90,
            "proration": 1,
        }  # fmt: skip

    def test_hire_and_leaver_within_the_quarter(self) -> None:
        assert one([employed("p", starts_on="2025-02-15")], "days_on_plan", "proration") == [45, 0.5]
        assert one([employed("p", ends_on="2025-01-01")], "days_on_plan") == [1]
        assert one([employed("p", starts_on="2025-03-31")], "days_on_plan") == [1]
        assert people([employed("p", ends_on="2024-12-31"), employed("q", starts_on="2025-04-01")]) == []

    def test_a_raise_weighs_each_amount_by_its_days(self) -> None:
        spans = [employed("p", 36_500, ends_on="2025-01-30"), employed("p", 73_000, "2025-01-31")]
        assert one(spans, "cent_days", "days_on_plan") == [3_650_000 * 30 + 7_300_000 * 60, 90]

    def test_leave_and_gaps_do_not_count(self) -> None:
        """30 days at work, 28 on leave, 7 not employed, 25 at work."""
        spans = [
            employed("p", ends_on="2025-01-30"),
            employed("p", 0, "2025-01-31", ends_on="2025-02-27", role="leave"),
            employed("p", 40_000, "2025-03-07"),
        ]
        assert one(spans, "days_on_plan", "role") == [55, "csm"]

    def test_who_is_on_leave_all_quarter_is_there_without_days(self) -> None:
        assert one([employed("p", 0, role="leave")], "days_on_plan", "proration", "role") == [0, 0, "leave"]

    def test_the_first_span_with_a_target_incentive_describes_the_person(self) -> None:
        """What it leaves empty stays empty: nothing is borrowed from the other spans."""
        spans = [
            employed("p", 0, ends_on="2025-01-30", role="leave", team="east", segment="smb"),
            employed("p", 40_000, "2025-01-31", ends_on="2025-02-27", role="csm"),
            employed("p", 40_000, "2025-02-28", role="lead", team="north", segment="enterprise"),
        ]
        assert one(spans, "role", "team", "segment") == ["csm", None, None]

    def test_own_currency_is_that_of_the_last_span(self) -> None:
        """50,000 EUR at 1.0837 / 0.0067 is 8,087,313.43 SEK, in whole cents."""
        spans = [
            employed("p", 50_000, ends_on="2025-01-30", currency="EUR"),
            employed("p", 6_000_000, "2025-01-31", currency="SEK"),
        ]
        found = one(spans, "currency", "cent_days", currency="payee")
        assert found == ["SEK", 808_731_343 * 30 + 600_000_000 * 60]

    def test_pay_in_a_third_currency(self) -> None:
        """2,000 USD / 1.0837 is 1,845.529 EUR, in whole cents 1,845.53."""
        assert one([employed("p", 2000)], "currency", "cent_days", currency="EUR") == ["EUR", 184_553 * 90]

    def test_periods_stand_one_after_the_other(self) -> None:
        spans = [employed("q", starts_on="2025-04-15"), employed("p")]
        found = people(spans, periods="2025Q1:2025Q2")
        assert [(row["period"], row["payee_id"], row["days_on_plan"]) for row in found] == [
            ("2025Q1", "p", 90),
            ("2025Q2", "p", 91),
            ("2025Q2", "q", 77),
        ]

    def test_nobody(self) -> None:
        assert people([], periods="2025Q1:2025Q2") == []
