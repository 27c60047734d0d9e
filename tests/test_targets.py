"""Targets: by segment and case, for a year, changed within a period, ramped."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from compmodel.periods import Calendar, Period
from compmodel.targets import Target
from histories import Row


def of(
    target: Target, segments: list[str | None], months: list[int] | None = None, at_rest: float = 0.0
) -> list[float]:
    people = pd.DataFrame({"segment": pd.Series(segments, dtype="str")})
    return target.of(people, {}, np.array(months or [3] * len(segments), dtype=np.int64), at_rest).tolist()


def told(written: object, period: str = "2025Q1", calendar: Calendar | None = None, **person: object) -> float:
    """The target of one person in one period."""
    within = Period(period, calendar or Calendar())
    row: Row = {"payee_id": "p", "role": "csm", "segment": None, "hired_on": pd.Timestamp("2020-01-01"), **person}
    people = pd.DataFrame([{**row, "period": period}])
    (found,) = Target.model_validate(written).of(people, {period: within}, np.array([within.months]), 1.0)
    return float(found)


class TestTarget:
    """Targets by segment."""

    def test_a_plain_number_is_everyones(self) -> None:
        assert Target.model_validate(1.15) == Target(default=1.15)
        assert of(Target.model_validate(1.15), ["enterprise", None]) == [1.15, 1.15]

    def test_by_segment_and_none(self) -> None:
        target = Target(default=1.1, by_segment={"enterprise": 1.15, "mid_market": 1.04})
        assert of(target, ["mid_market", "enterprise", "smb", None]) == [1.04, 1.15, 1.1, 1.1]

    def test_nobody(self) -> None:
        assert of(Target(default=1.1, by_segment={"a": 1.0}), []) == []

    def test_a_yearly_target_is_for_the_months_measured(self) -> None:
        """20% a year are 5% a quarter by adding, and the fourth root of 1.2 by compounding."""
        segments, months = ["a", "a", "b"], [3, 12, 6]
        adding = Target.model_validate({"default": 1.2, "by_segment": {"b": 1.1}, "yearly": "adding"})
        assert of(adding, segments, months, 1.0) == [1.05, 1.2, 1.05]
        compounding = Target.model_validate({"default": 1.2, "yearly": "compounding"})
        assert of(compounding, segments, months, 1.0) == [1.046635, 1.2, 1.095445]

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


HALVES = {
    "default": 1.05,
    "by_segment": {"smb": 0.98},
    "cases": [
        {"segment": "mid_market", "period": "H1", "target": 1.00},
        {"segment": "mid_market", "period": "H2", "target": 1.04},
        {"segment": "enterprise", "period": "H1", "target": 1.08},
        {"segment": "enterprise", "period": "2025H2", "target": 1.15},
        {"payee_id": "p", "target": 1.20},
    ],
}
RAMP = {"default": 13.0, "ramp": [0.25, 0.25, 0.5, 0.5, 0.75, 1.0]}


class TestCases:
    """Targets of their own: the first case that holds counts."""

    @pytest.mark.parametrize(
        ("period", "person", "target"),
        [
            ("2025Q2", {"segment": "mid_market"}, 1.00),
            ("2025Q3", {"segment": "mid_market"}, 1.04),
            ("2026Q4", {"segment": "enterprise", "payee_id": "q"}, 1.05),
            ("2025Q4", {"segment": "enterprise"}, 1.15),
            ("2026Q4", {"segment": "enterprise"}, 1.20),
            ("2025Q1", {"segment": "smb", "payee_id": "q"}, 0.98),
            ("2025Q1", {"payee_id": "q"}, 1.05),
        ],
    )
    def test_the_half_year_plan_by_segment(self, period: str, person: Row, target: float) -> None:
        assert told(HALVES, period, **person) == target

    def test_a_half_of_a_fiscal_year_from_february(self) -> None:
        calendar = Calendar(starts_in_month=2, named_after="end")
        written = {"default": 1, "cases": [{"period": "2022H1", "target": 2}]}
        assert [told(written, name, calendar) for name in ("2022Q2", "2022Q3")] == [2, 1]

    def test_a_target_changed_within_a_period_is_averaged_by_days(self) -> None:
        """45 days at 100% and 45 at 110%; and from the day on alone afterwards."""
        written = {"default": 1.00, "cases": [{"starts_on": dt.date(2025, 2, 15), "target": 1.10}]}
        assert told(written) == 1.05
        assert told(written, "2025Q2") == 1.10
        assert told(written, "2024Q4") == 1.00
        until = {"default": 1.00, "cases": [{"ends_on": dt.date(2025, 1, 30), "target": 1.10}]}
        assert told(until) == 1.033333

    def test_the_role_decides(self) -> None:
        written = {"default": 10, "cases": [{"role": "lead", "target": 30}]}
        assert [told(written, role=role) for role in ("csm", "lead")] == [10, 30]

    @pytest.mark.parametrize(
        ("case", "said"),
        [
            ({"target": 1}, "names nobody and no time"),
            ({"target": 1, "period": "Q5"}, "must be a period"),
            ({"target": 0, "role": "lead"}, r"cases\[0\].target is 0, but a target must be above 0"),
            ({"target": 1, "rol": "lead"}, "Extra inputs"),
        ],
    )
    def test_is_strict(self, case: Row, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            Target.model_validate({"default": 1, "cases": [case]})


class TestRamp:
    """GitLab, fiscal 2022: 25, 25, 50, 50, 75, 100%; a hire up to the 15th starts that month."""

    @pytest.mark.parametrize(
        ("hired", "quarters"),
        [("2025-01-15", [5, 10, 13]), ("2025-01-16", [4, 8, 13]), ("2024-06-01", [13, 13, 13])],
    )
    def test_by_months_since_the_hire(self, hired: str, quarters: list[float]) -> None:
        """Of 12 above 1 (where the test's metric rests) a quarter of 25, 25 and 50% asks for a third: 4."""
        on = pd.Timestamp(hired)
        assert [told(RAMP, name, hired_on=on) for name in ("2025Q1", "2025Q2", "2025Q3")] == quarters

    def test_only_of_the_segments_that_are_named(self) -> None:
        on, written = pd.Timestamp("2025-01-15"), {**RAMP, "ramp_segments": ["mid_market"]}
        assert [told(written, hired_on=on, segment=name) for name in ("mid_market", "enterprise")] == [5, 13]

    def test_of_retention_what_lies_above_100_is_ramped(self) -> None:
        assert told({"default": 1.12, "ramp": [0.5, 0.5, 0.5]}, hired_on=pd.Timestamp("2025-01-01")) == 1.06

    def test_is_strict(self) -> None:
        with pytest.raises(ValueError, match=r"ramp\[0\] is 1.5, but must be above 0 and at most 1"):
            Target.model_validate({"default": 1, "ramp": [1.5]})
