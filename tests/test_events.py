"""What an event counts as, and how much of it; every figure is for the first quarter of 2025."""

from __future__ import annotations

from typing import Any

import pytest

from compmodel.errors import PlanError
from compmodel.plan import example_plan
from compmodel.replay import Replay, replay
from histories import Company, Row, counted, employed, event, held

OPENED = [event("a0", "a", "new", 100_000, "2024-01-01", subscription_id="s1", term_months=12)]
OPENED += [event("b0", "b", "new", 60_000, "2024-01-01", subscription_id="s1", term_months=24)]


def replayed(events: list[Row], rule: Row, metric: str = "nrr") -> Replay:
    company = Company(
        [*OPENED, *events],
        [held("a", "p"), held("b", "p"), held("c", "p")],
        [employed("p")],
        [counted(1, "2024-01-01", payee_id="p")],
    )
    changes = {"components.nrr.metric": metric, "components.nrr.attainment": {"kind": "ratio"}, "events": rule}
    (run,) = replay([example_plan().replace(changes)], company.history(), "2025Q1")
    return run


def numerator(events: list[Row], rule: Row, metric: str = "nrr") -> float:
    rows = replayed(events, rule, metric).payouts
    return float(rows.loc[rows["component"] == "nrr", "numerator"].iloc[0])


class TestOneOfSeveralSubscriptionsCancelled:
    """Account a cancels its second subscription and keeps the first; b shrinks to nothing."""

    EVENTS = (
        event("a1", "a", "new", 40_000, "2024-06-01", subscription_id="s2"),
        event("a2", "a", "churn", -40_000, "2025-02-01", subscription_id="s2", ends_on="2025-01-31"),
        event("b1", "b", "contraction", -60_000, "2025-02-01", subscription_id="s1", ends_on="2025-01-31"),
    )

    @pytest.mark.parametrize(
        ("churn_of", "churned", "contracted"),
        [("as_recorded", 40_000, 60_000), ("account", 60_000, 40_000), ("subscription", 100_000, 0)],
    )
    def test_churn_or_contraction(self, churn_of: str, churned: int, contracted: int) -> None:
        rule = {"churn_of": churn_of}
        assert numerator(list(self.EVENTS), rule, "churn_rate") == churned
        assert numerator(list(self.EVENTS), rule, "contraction_rate") == contracted
        assert numerator(list(self.EVENTS), rule) == 100_000

    def test_a_cancelled_subscription_is_at_nothing_in_its_own_currency(self) -> None:
        """At 1.0667 two of 101 EUR are 107.74 and 107.73 USD; cancelling the first is a churn all the same."""
        more = {"currency": "EUR"}
        two = [event(f"c{n}", "c", "new", 101, f"2024-0{n}-01", subscription_id=f"s{n}", **more) for n in (1, 2)]
        gone = event("c3", "c", "churn", -101, "2025-02-01", subscription_id="s1", currency="EUR", ends_on="2025-01-31")
        people, kpis = [employed("p")], [counted(1, "2024-01-01", payee_id="p")]
        company = Company([*two, gone], [held("c", "p")], people, kpis, rates={"USD": 1, "EUR": 1.0667})
        (run,) = replay([example_plan().replace({"events": {"churn_of": "subscription"}})], company.history(), "2025Q1")
        assert run.credits["event_type"].tolist() == ["churn"]

    def test_the_credit_date_is_that_of_what_it_counts_as(self) -> None:
        late = event("a2", "a", "churn", -30_000, "2025-02-01", notice_on="2024-12-01", ends_on="2025-01-31")
        rule = {"churn_of": "account"}
        credit_on = dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on")
        plan = example_plan().replace({"events": rule, "credit_on": {**credit_on, "churn": "notice_on"}})
        company = Company([*OPENED, late], [held("a", "p")], [employed("p")], [counted(1, "2024-01-01", payee_id="p")])
        (run,) = replay([plan], company.history(), "2025Q1")
        found = run.credits.set_index("event_id")
        assert (found.loc["a2", "event_type"], str(found.loc["a2", "credited_on"])[:10]) == (
            "contraction",
            "2025-02-01",
        )


BACK = [
    event("a1", "a", "churn", -100_000, "2025-01-10", ends_on="2025-01-09"),
    event("a2", "a", "reactivation", 70_000, "2025-03-10"),
    event("c0", "c", "new", 20_000, "2023-01-01"),
    event("c1", "c", "churn", -20_000, "2024-01-01", ends_on="2023-12-31"),
    event("c2", "c", "reactivation", 30_000, "2025-03-10"),
]
"""Account a leaves and returns within the quarter; c left long ago and returns. Opening ARR is 160,000."""


@pytest.mark.parametrize(
    ("reactivation", "nrr", "bridge", "grr", "totals", "churned"),
    [
        ("in_cohort", 130_000, 60_000, 130_000, 60_000, 100_000),
        ("own_class", 60_000, 60_000, 60_000, 60_000, 100_000),
        ("back_into_nrr", 160_000, 160_000, 130_000, 60_000, 100_000),
        ("netted", 130_000, 130_000, 130_000, 130_000, 30_000),
    ],
)
def test_reactivation(reactivation: str, nrr: int, bridge: int, grr: int, totals: int, churned: int) -> None:
    rule = {"reactivation": reactivation}
    metrics = ("nrr", "nrr_bridge", "grr", "grr_of_totals", "churn_rate")
    assert [numerator(BACK, rule, metric) for metric in metrics] == [nrr, bridge, grr, totals, churned]


@pytest.mark.parametrize(("reactivation", "gained"), [("in_cohort", 100_000), ("own_class", 0)])
def test_returns_in_the_quick_ratio(reactivation: str, gained: int) -> None:
    assert numerator(BACK, {"reactivation": reactivation}, "quick_ratio") == gained


TO_RENEWAL: Row = {"upsell": "to_renewal"}


class TestUpsell:
    """In full, or by the days left to the renewal."""

    def test_to_the_end_of_the_term_its_subscription_is_in(self) -> None:
        """The term of 24 months ends with 2025: 334 of 365 days are left on 1 February."""
        upsell = event("b1", "b", "expansion", 36_500, "2025-02-01", subscription_id="s1")
        assert numerator([upsell], {}) == 160_000 + 36_500
        assert numerator([upsell], TO_RENEWAL) == 160_000 + 33_400

    def test_its_own_due_date_goes_before(self) -> None:
        upsell = event("b1", "b", "expansion", 36_500, "2025-02-01", subscription_id="s1", due_on="2025-02-10")
        assert numerator([upsell], TO_RENEWAL) == 160_000 + 1_000

    def test_never_more_than_the_whole(self) -> None:
        upsell = event("b1", "b", "expansion", 36_500, "2025-02-01", due_on="2028-01-01")
        assert numerator([upsell], TO_RENEWAL) == 160_000 + 36_500

    def test_an_expansion_at_the_renewal_counts_in_full(self) -> None:
        upsell = event("b1", "b", "expansion", 36_500, "2025-02-01", is_at_renewal=True, due_on="2025-02-10")
        assert numerator([upsell], TO_RENEWAL) == 160_000 + 36_500

    def test_the_ledger_holds_the_whole(self) -> None:
        upsell = event("b1", "b", "expansion", 36_500, "2025-02-01", subscription_id="s1")
        (row,) = replayed([upsell], TO_RENEWAL).credits.to_dict("records")
        assert (row["credited_cents"], row["counted_cents"]) == (3_650_000, 3_340_000)

    def test_one_without_a_renewal_after_it_is_refused(self) -> None:
        """The term of twelve months of a is over, and nothing renewed it."""
        upsells = [event(f"a{n}", "a", "expansion", 10, "2025-02-01", subscription_id="s1") for n in (1, 2)]
        with pytest.raises(PlanError) as caught:
            replayed(upsells, TO_RENEWAL)
        assert len(caught.value.problems) == 1
        assert "has no renewal after a1, a2: none is known, or the last one known is past" in str(caught.value)
        assert "Fill due_on, or term_months" in str(caught.value)

    def test_one_outside_the_quarters_asked_for_is_not_in_the_way(self) -> None:
        earlier = event("a1", "a", "expansion", 10_000, "2024-06-01")
        later = event("a2", "a", "expansion", 10, "2025-04-01")
        assert numerator([earlier, later], TO_RENEWAL) == 170_000

    @pytest.mark.parametrize(("starts_on", "months", "days"), [("2024-01-31", 13, 28), ("2024-11-30", 3, 28)])
    def test_a_term_ends_within_its_last_month(self, starts_on: str, months: int, days: int) -> None:
        """A month later than 31 January is 28 February: 27 days after 1 February, the day itself is the first new."""
        start = event("c0", "c", "new", 1_000, starts_on, subscription_id="s9", term_months=months)
        upsell = event("c1", "c", "expansion", 36_500, "2025-02-01", subscription_id="s9")
        assert numerator([start, upsell], TO_RENEWAL) == 161_000 + 100 * (days - 1)


class TestLeftOut:
    """Escalators and what others sourced."""

    UPLIFT = event("a1", "a", "expansion", 5_000, "2025-02-01", reason="escalator", sourced_by="csm")
    DEAL = event("b1", "b", "expansion", 20_001, "2025-02-01", reason="more seats", sourced_by="sales")

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            ({}, 25_001.0),
            ({"escalators": ["escalator"]}, 20_001.0),
            ({"sourced_by": {"sales": 0}}, 5_000.0),
            ({"sourced_by": {"sales": 0.5}}, 15_000.5),
            ({"sourced_by": {"csm": 0.1, "sales": 1}}, 20_501.0),
        ],
    )
    def test_what_counts(self, rule: Row, expected: float) -> None:
        assert numerator([self.UPLIFT, self.DEAL], rule) == 160_000 + expected
        assert numerator([self.UPLIFT, self.DEAL], rule, "expansion_rate") == expected

    def test_a_loss_counts_whoever_sourced_it(self) -> None:
        loss = event("a1", "a", "contraction", -5_000, "2025-02-01", ends_on="2025-01-31", sourced_by="sales")
        assert numerator([loss], {"sourced_by": {"sales": 0}}) == 155_000

    def test_the_next_opening_holds_what_was_left_out(self) -> None:
        run = replayed([self.UPLIFT, self.DEAL], {"sourced_by": {"sales": 0}, "escalators": ["escalator"]})
        assert run.books["closing_cents"].sum() == 18_500_100

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ({"sourced_by": {"sale": 0.5}}, "Did you mean 'sales'?"),
            ({"escalators": ["escalators"]}, "Did you mean 'escalator'?"),
        ],
    )
    def test_a_name_that_is_nearly_one_of_the_history_is_refused(self, rule: Row, said: str) -> None:
        with pytest.raises(PlanError, match=said.replace("?", r"\?")):
            replayed([self.UPLIFT, self.DEAL], rule)

    def test_a_name_that_is_simply_absent_is_none(self) -> None:
        assert numerator([self.DEAL], {"sourced_by": {"partner": 0.5}, "escalators": ["index"]}) == 180_001


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"churn_of": "accounts"}, "Did you mean 'account'?"),
        ({"sourced_by": {"sales": 2}}, "must be at most 1. Write 1 or less."),
        ({"sourced_bye": {}}, "Did you mean 'sourced_by'?"),
    ],
)
def test_what_a_plan_may_not_say(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError) as caught:
        example_plan().replace({"events": rule})
    assert said in str(caught.value)
