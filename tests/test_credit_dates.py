"""Which day an event counts on: hand-worked dates, a published rule, and the quarter a late event lands in."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import pytest
from pydantic import ValidationError

from compmodel.credit_dates import CreditDate, CreditRule, credit_dates
from compmodel.errors import PlanError
from compmodel.periods import CALENDAR_YEAR, Calendar
from compmodel.plan import example_plan, load_plan, save_plan
from compmodel.replay import replay
from histories import CREDIT_RULES, Company, Row, counted, employed, event, held

EFFECTIVE = CREDIT_RULES[0]
EVENTS = (
    event("new", "a", "new", 1000, "2024-01-01"),
    event("grown", "a", "expansion", 500, "2025-02-01", signed_on="2025-01-15", paid_on="2025-03-01"),
    event("uplift", "a", "expansion", 50, "2025-03-01", signed_on="2025-02-20", is_at_renewal=True),
    event("cut", "a", "contraction", -100, "2025-04-01", notice_on="2025-02-10", ends_on="2025-03-31"),
    event("gone", "a", "churn", -1450, "2025-07-01", ends_on="2025-06-30"),
)


def company(events: tuple[Row, ...] = EVENTS) -> Company:
    return Company(
        arr_events=events,
        payees=[employed("p")],
        assignments=[held("a", "p")],
        kpis=[counted(1, "2025-01-01", payee_id="p")],
    )


def dates(events: tuple[Row, ...] = EVENTS, calendar: Calendar = CALENDAR_YEAR, **rule: object) -> dict[str, str]:
    """The day of each event, as month and day."""
    table = company(events).history().arr_events
    found = credit_dates(table, CreditRule.model_validate({**EFFECTIVE, **rule}), calendar)
    return dict(zip(table["event_id"], found["credited_on"].dt.strftime("%m-%d"), strict=True))


class TestRules:
    """One date, several, or the first that gives a day."""

    def test_each_type_has_its_own_date(self) -> None:
        assert dates() == {"new": "01-01", "grown": "02-01", "uplift": "03-01", "cut": "04-01", "gone": "07-01"}
        named = dates(expansion="signed_on", contraction="notice_on", churn="ends_on")
        assert named == {"new": "01-01", "grown": "01-15", "uplift": "02-20", "cut": "02-10", "gone": "06-30"}

    def test_an_expansion_at_renewal_may_have_its_own(self) -> None:
        found = dates(expansion="signed_on", expansion_at_renewal="effective_on")
        assert (found["grown"], found["uplift"]) == ("01-15", "03-01")

    def test_the_first_of_a_list_that_gives_a_day_counts(self) -> None:
        chained = dates(
            expansion=["invoiced_on", "paid_on", "signed_on"], churn=["notice_on", "ends_on", "effective_on"]
        )
        assert chained == {"new": "01-01", "grown": "03-01", "uplift": "02-20", "cut": "04-01", "gone": "06-30"}

    def test_the_later_or_the_earlier_of_several(self) -> None:
        assert dates(expansion={"later_of": ["signed_on", "effective_on"]})["grown"] == "02-01"
        assert dates(expansion={"earlier_of": ["signed_on", "effective_on"]})["grown"] == "01-15"

    def test_the_later_of_an_empty_date_is_no_day(self) -> None:
        """Uplift was never paid, so the list goes on to its next rule."""
        rule = [{"later_of": ["signed_on", "paid_on"]}, "effective_on"]
        found = dates(expansion=rule)
        assert (found["grown"], found["uplift"]) == ("03-01", "03-01")
        with pytest.raises(PlanError) as error:
            dates(expansion=rule[:1])
        said = "has 'uplift', but has no day by the later of signed_on and paid_on, which credit_on.expansion needs"
        assert said in str(error.value)
        assert "credit_on: {expansion: [{later_of: [signed_on, paid_on]}, effective_on]}" in str(error.value)

    def test_events_without_a_date_are_listed(self) -> None:
        with pytest.raises(PlanError) as error:
            dates(churn="notice_on", expansion=["invoiced_on", "due_on"])
        problems = {(problem.place, problem.value) for problem in error.value.problems}
        assert problems == {("arr_events", "gone"), ("arr_events", "grown"), ("arr_events", "uplift")}
        said = str(error.value)
        assert "has 'gone', but has no day by notice_on, which credit_on.churn needs" in said
        assert "has no day by invoiced_on or due_on, which credit_on.expansion needs" in said
        assert "credit_on: {churn: [notice_on, effective_on]}" in said

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ("cancelled_on", "must be one of notice_on, signed_on, effective_on"),
            ([], "at least 1 item"),
            ({"later_of": ["signed_on"]}, "must be one date, or later_of or earlier_of with at least two"),
            ({"later_of": ["signed_on", "paid_on"], "earlier_of": ["signed_on", "paid_on"]}, "must be one date, or"),
            ({"latest_of": ["signed_on", "paid_on"]}, "Extra inputs are not permitted"),
        ],
    )
    def test_what_is_no_rule_is_refused(self, rule: object, said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            CreditRule.model_validate({**EFFECTIVE, "churn": rule})

    def test_rules_are_saved_as_they_are_written(self, tmp_path) -> None:
        rule = {
            "churn": "ends_on",
            "contraction": ["notice_on", "effective_on"],
            "renewal": {"later_of": ["signed_on", "effective_on"], "if_closed": "closed_on"},
            "expansion": [{"earlier_of": ["invoiced_on", "paid_on"]}, "effective_on"],
            "late": {"known_on": "closed_on", "locked_after_days": 10},
        }
        plan = example_plan().replace({"credit_on": rule})
        save_plan(plan, tmp_path / "plan.yaml")
        assert load_plan(tmp_path / "plan.yaml") == plan
        written = (tmp_path / "plan.yaml").read_text(encoding="utf-8")
        assert "contraction:\n  - notice_on\n  - effective_on\n" in written


class TestClosedQuarters:
    """The later of signature and start, unless that quarter was over when the deal was closed."""

    RULE: ClassVar = {"later_of": ["signed_on", "effective_on"], "if_closed": "closed_on"}

    def test_an_empty_date_falls_through_to_the_next_and_not_to_the_close_date(self) -> None:
        """Not invoiced, though closed: the effective date counts, in its own quarter."""
        deal = event("a1", "a", "expansion", 10, "2025-04-04", closed_on="2024-12-27")
        rule = [{"column": "invoiced_on", "if_closed": "closed_on"}, "effective_on"]
        company = Company([event("a0", "a", "new", 100, "2024-01-01"), deal], [held("a", "p")], [employed("p")])
        company = company.but(kpis=[counted(1, "2024-01-01", payee_id="p")])
        (run,) = replay([example_plan().replace({"credit_on.expansion": rule})], company.history(), "2025Q2")
        assert [str(day)[:10] for day in run.credits["credited_on"]] == ["2025-04-04"]

    @pytest.mark.parametrize(
        ("closed_on", "signed_on", "credited", "quarter"),
        [
            ("2026-07-15", "2026-06-27", "07-15", "Q3"),  # Hoglet
            ("2026-09-29", "2026-10-20", "10-20", "Q4"),  # Beetle
        ],
    )
    def test_the_two_contracts_of_posthogs_handbook(
        self, closed_on: str, signed_on: str, credited: str, quarter: str
    ) -> None:
        """PostHog handbook, commissions: which quarter a contract counts in."""
        events = (
            EVENTS[0],
            event("deal", "a", "expansion", 1, signed_on, signed_on=signed_on, closed_on=closed_on),
        )
        assert dates(events, expansion=self.RULE)["deal"] == credited
        plan = example_plan().replace({"credit_on": {**EFFECTIVE, "expansion": self.RULE}})
        (run,) = replay([plan], company(events).history(), "2026Q1:2026Q4")
        assert run.credits["period"].tolist() == [f"2026{quarter}"]

    def test_without_a_closing_date_the_day_stays(self) -> None:
        events = (EVENTS[0], event("deal", "a", "expansion", 1, "2026-06-27", signed_on="2026-06-01"))
        assert dates(events, expansion=self.RULE)["deal"] == "06-27"

    def test_quarters_are_those_of_the_fiscal_calendar(self) -> None:
        """With quarters from February, 31 July and 15 July are one quarter, and August begins the next."""
        for closed_on, credited in (("2026-07-31", "07-15"), ("2026-08-01", "08-01")):
            events = (
                EVENTS[0],
                event("deal", "a", "expansion", 1, "2026-07-15", signed_on="2026-06-27", closed_on=closed_on),
            )
            assert dates(events, Calendar(starts_in_month=2), expansion=self.RULE)["deal"] == credited


class TestLateEvents:
    """A quarter is locked ten days after its end; what is known later is adjusted in the next open quarter."""

    LATE: ClassVar = {"late": {"known_on": "closed_on", "locked_after_days": 10}}

    @pytest.mark.parametrize(
        ("closed_on", "credited", "origin"),
        [
            ("2025-02-20", "2025-02-10", ""),
            ("2025-04-10", "2025-02-10", ""),  # the tenth day, still open
            ("2025-04-11", "2025-04-11", "2025Q1"),
            ("2025-07-10", "2025-06-30", "2025Q1"),  # the second quarter is open for ten days yet
            ("2025-07-11", "2025-07-11", "2025Q1"),
            ("", "2025-02-10", ""),
        ],
    )
    def test_it_lands_in_the_first_open_quarter_and_names_its_own(
        self, closed_on: str, credited: str, origin: str
    ) -> None:
        deal = event("deal", "a", "expansion", 100, "2025-02-10", **({"closed_on": closed_on} if closed_on else {}))
        plan = example_plan().replace({"credit_on": {**EFFECTIVE, **self.LATE}})
        (run,) = replay([plan], company((EVENTS[0], deal)).history(), "2025Q1:2025Q4")
        (row,) = run.credits.itertuples()
        assert (row.credited_on.date(), row.origin_period) == (dt.date.fromisoformat(credited), origin)
        opening = run.books.set_index("period")["opening_cents"].to_dict()
        landed = next(name for name in ("2025Q1", "2025Q2", "2025Q3") if name == row.period)
        assert [opening[f"2025Q{n}"] > 100_000 for n in (1, 2, 3, 4)] == [f"2025Q{n}" > landed for n in (1, 2, 3, 4)]


def test_words_of_a_rule() -> None:
    assert CreditDate(column="paid_on").words() == "paid_on"
    assert CreditDate(earlier_of=("paid_on", "invoiced_on")).words() == "the earlier of paid_on and invoiced_on"
