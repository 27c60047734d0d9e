"""The people of a period: who is there, for which part of it, with what target incentive."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from compmodel.people import payee_periods
from compmodel.periods import period_range
from histories import Company, Row, employed


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
            "proration": 1, "hired_on": pd.Timestamp("2024-01-01"), "on_last_day": True, "leaves": False,
            "months_held": 0b111,
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


class TestProration:
    """What part of a period counts: days, working days, or months that belong to whoever holds their day."""

    def shares(self, proration: str, *spans: Row, month_day: int = 15, periods: str = "2025Q1") -> list[float]:
        payees = Company(payees=spans).history().payees
        rates = pd.DataFrame({"USD": 1.0}, index=[period.name for period in period_range(periods)])
        found = payee_periods(payees, period_range(periods), "USD", rates, proration, month_day)  # type: ignore[arg-type]
        return found["proration"].round(6).tolist()

    def test_working_days(self) -> None:
        """The first quarter of 2025 has 64 of them; from Friday 28 March there are two left."""
        assert self.shares("working_days", employed("p")) == [1]
        assert self.shares("working_days", employed("p", starts_on="2025-03-28")) == [0.03125]

    def test_the_15th_in_and_the_14th_out(self) -> None:
        """GitLab counts a hire up to the 15th in that month, PostHog up to the 14th."""
        hires = [
            employed(name, starts_on=on) for name, on in (("a", "2025-01-14"), ("b", "2025-01-15"), ("c", "2025-01-16"))
        ]
        assert self.shares("months", *hires) == [1, 1, round(2 / 3, 6)]
        assert self.shares("months", *hires, month_day=14) == [1, round(2 / 3, 6), round(2 / 3, 6)]

    def test_over_the_end_of_the_year(self) -> None:
        hired = employed("p", starts_on="2025-12-20")
        assert self.shares("months", hired, month_day=14, periods="2025Q4:2026Q1") == [0, 1]

    def test_a_month_belongs_to_one_span_alone(self) -> None:
        """Who moves between plans or leaves has the months whose day they are there."""
        leaver = employed("p", ends_on="2025-02-14")
        follower = employed("q", starts_on="2025-02-15")
        assert self.shares("months", leaver, follower) == [round(1 / 3, 6), round(2 / 3, 6)]

    def test_there_on_the_last_day(self) -> None:
        payees = Company(payees=[employed("p", ends_on="2025-03-30"), employed("q")]).history().payees
        rates = pd.DataFrame({"USD": 1.0}, index=["2025Q1"])
        assert payee_periods(payees, period_range("2025Q1"), "USD", rates)["on_last_day"].tolist() == [False, True]
