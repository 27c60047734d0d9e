"""Who a change in ARR counts for, and on which day."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from compmodel.plan import Plan, example_plan, load_plan
from compmodel.replay import Replay, replay
from histories import (
    BOOK_RULES,
    CREDIT_RULES,
    PERIODS,
    SPAN,
    Company,
    Row,
    companies,
    company_of,
    counted,
    employed,
    event,
    held,
    paid_cents,
    sample_history,
)

ROOT = Path(__file__).resolve().parents[1]
EFFECTIVE, SIGNING, *_ = CREDIT_RULES


def plan_by(rule: Row) -> Plan:
    return example_plan().replace({"credit_on": rule})


def replayed(company: Company, rule: Row = EFFECTIVE, span: str = SPAN) -> Replay:
    return replay([plan_by(rule)], company.history(), span)[0]


def small_company(events: Sequence[Row], assignments: Sequence[Row], **more: object) -> Company:
    tables = {"payees": [employed("p"), employed("q")], "kpis": [counted(1, "2025-01-01", payee_id="p")], **more}
    return Company(arr_events=events, assignments=assignments, **tables)


def credited(run: Replay) -> dict[tuple[str, str, str], int]:
    """Cents by event, period and payee; every combination occurs once."""
    rows = run.credits
    keys = list(zip(rows["event_id"], rows["period"], rows["payee_id"], strict=True))
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, rows["credited_cents"].tolist(), strict=True))


def opened(run: Replay) -> dict[tuple[str, str, str], int]:
    """Opening cents by account, period and payee."""
    rows = run.books
    keys = list(zip(rows["account_id"], rows["period"], rows["payee_id"], strict=True))
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, rows["opening_cents"].tolist(), strict=True))


def added(cents: dict[tuple[str, str, str], int], *parts: int) -> Counter[tuple[str, ...]]:
    """Sums over the parts of the key that are not named; sums of 0 are left out."""
    sums: Counter[tuple[str, ...]] = Counter()
    for key, amount in cents.items():
        sums[tuple(key[part] for part in parts)] += amount
    return Counter({key: amount for key, amount in sums.items() if amount})


def company_totals(
    company: Company, plan: Row, periods: list[str]
) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """What the whole company moved by event and period, and had at opening by account and period."""
    moved: Counter[tuple[str, ...]] = Counter()
    opening: Counter[tuple[str, ...]] = Counter()
    bounds = {period: reference.quarter(period) for period in periods}
    for account in company.events_of:
        for row, cents, _ in reference.movements(company, account):
            day = reference.credit_date(row, plan)
            for period, (first, last) in bounds.items():
                if first <= day <= last:
                    moved[row["event_id"], period] += cents
                if day < first:
                    opening[account, period] += cents
    nonzero = (Counter({key: cents for key, cents in sums.items() if cents}) for sums in (moved, opening))
    return tuple(nonzero)  # type: ignore[return-value]


def assert_payees_add_up_to_the_company(run: Replay, company: Company, rule: Row, periods: list[str]) -> None:
    moved, opening = company_totals(company, {"credit_on": rule}, periods)
    assert added(credited(run), 0, 1) == moved
    assert added(opened(run), 0, 1) == opening


def assert_opening_and_movements_make_closing(run: Replay, periods: list[str]) -> None:
    """For each account, so for the company: opening + movements of a period is the opening of the next."""
    account_of = dict(zip(run.credits["event_id"], run.credits["account_id"], strict=True))
    moved: Counter[tuple[str, ...]] = Counter()
    for (event_id, period, _), cents in credited(run).items():
        moved[account_of[event_id], period] += cents
    opening = added(opened(run), 0, 1)
    accounts = {account for account, _ in [*moved, *opening]}
    for account in accounts:
        for here, following in pairwise(periods):
            assert opening[account, here] + moved[account, here] == opening[account, following]


@pytest.mark.slow
class TestIdentities:
    """What holds for every company and every credit rule, to the cent."""

    @settings(max_examples=14)
    @given(companies(), st.sampled_from(CREDIT_RULES))
    def test_payees_and_unassigned_add_up_to_the_company(self, company: Company, rule: Row) -> None:
        run = replayed(company, rule)
        assert_payees_add_up_to_the_company(run, company, rule, PERIODS)
        assert_opening_and_movements_make_closing(run, PERIODS)

    @settings(max_examples=7)
    @given(companies(), st.sampled_from(CREDIT_RULES), st.randoms(use_true_random=False))
    def test_company_totals_do_not_depend_on_order_books_or_splits(self, company: Company, rule: Row, random) -> None:
        events = random.sample(company.arr_events, len(company.arr_events))
        other = company.but(arr_events=events, assignments=[held("a0", company.payees[0]["payee_id"], split=0.3)])
        run, again = replayed(company, rule), replayed(other, rule)
        assert added(credited(run), 0, 1) == added(credited(again), 0, 1)
        assert added(opened(run), 0, 1) == added(opened(again), 0, 1)

    @settings(max_examples=10)
    @given(companies(), st.sampled_from(CREDIT_RULES), st.sampled_from(["credit_date", "opening", "time_weighted"]))
    def test_a_book_that_no_account_leaves_adds_up_payee_by_payee(
        self, company: Company, rule: Row, holder: str
    ) -> None:
        """Opening and movements make the next opening of each payee and account, thirds of cents and all."""
        people = sorted({row["payee_id"] for row in company.payees})
        books = [
            held(account, name, split=Fraction(1, len(people))) for account in company.events_of for name in people
        ]
        plan = plan_by(rule).replace({"books": {"holder": holder}})
        (run,) = replay([plan], company.but(assignments=books).history(), SPAN)
        account_of = dict(zip(run.credits["event_id"], run.credits["account_id"], strict=True))
        moved: Counter[tuple[str, str, str]] = Counter()
        for (event_id, period, payee), cents in credited(run).items():
            moved[account_of[event_id], period, payee] += cents
        opening = Counter(opened(run))
        for account, _, payee in {*moved, *opening}:
            for here, following in pairwise(PERIODS):
                closing = opening[account, here, payee] + moved[account, here, payee]
                assert closing == opening[account, following, payee]

    @settings(max_examples=20)
    @given(companies(), st.sampled_from(CREDIT_RULES), st.sampled_from(BOOK_RULES))
    def test_each_payee_is_credited_what_the_reference_says(self, company: Company, rule: Row, books: Row) -> None:
        (run,) = replay([plan_by(rule).replace({"books": books})], company.history(), SPAN)
        openings, credits = reference.ledger(company, {"credit_on": rule, "books": books}, PERIODS)
        keys = ["event_id", "period", "payee_id", "why"]
        expected: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
        for row in credits:
            sums = expected[row.event["event_id"], row.period, row.payee, row.why]
            sums[0], sums[1] = sums[0] + row.cents, sums[1] + row.renewed_cents
        found = run.credits.groupby(keys)[["credited_cents", "renewed_cents"]].sum()
        assert dict(zip(found.index, found.to_numpy().tolist(), strict=True)) == expected
        opened_by: Counter[tuple[str, ...]] = Counter()
        for entry in openings:
            opened_by[entry.account, entry.period, entry.payee, entry.why] += entry.cents
        opening = run.books.groupby(["account_id", "period", "payee_id", "why"])["opening_cents"].sum()
        assert Counter(opening[opening != 0].to_dict()) == Counter({key: n for key, n in opened_by.items() if n})


@pytest.mark.parametrize("name", ["halves", "halves_signing"])
def test_the_sample_company_adds_up(name: str) -> None:
    plan = load_plan(ROOT / "data/plans" / f"{name}.yaml")
    (run,) = replay([plan], sample_history(), "2024Q1:2025Q4")
    periods = [period.name for period in run.periods]
    assert len(periods) == 8
    assert run.credits["credited_cents"].abs().sum() > 10**9
    assert_payees_add_up_to_the_company(run, company_of(sample_history()), plan.credit_on.model_dump(), periods)
    assert_opening_and_movements_make_closing(run, periods)


class TestHolders:
    """Hand-worked: who holds what, when."""

    NEW = event("new", "a", "new", 100, "2024-01-01")

    def test_a_movement_goes_to_the_holder_on_its_credit_date(self) -> None:
        """Signed in p's last days, effective when q has the account."""
        grown = event("grown", "a", "expansion", 10, "2025-02-20", signed_on="2025-02-14")
        books = [held("a", "p", ends_on="2025-02-14"), held("a", "q", "2025-02-15")]
        company = small_company([self.NEW, grown], books)
        assert credited(replayed(company)) == {("grown", "2025Q1", "q"): 1000}
        assert credited(replayed(company, SIGNING)) == {("grown", "2025Q1", "p"): 1000}

    def test_a_book_is_opened_by_the_holder_on_the_first_day(self) -> None:
        books = [held("a", "p", ends_on="2025-03-31"), held("a", "q", "2025-04-01", "2025-06-30")]
        opening = opened(replayed(small_company([self.NEW], books)))
        assert opening == {
            ("a", "2025Q1", "p"): 10000,
            ("a", "2025Q2", "q"): 10000,
            ("a", "2025Q3", reference.NOBODY): 10000,
        }

    def test_thirds_of_100_cents(self) -> None:
        """The middle third gets the cent; payees in the order of their ids, however the rows are ordered."""
        people = [employed(name) for name in "pqr"]
        books = [held("a", name, split=1 / 3) for name in "rpq"]
        company = small_company([event("new", "a", "new", 1, "2024-01-01")], books, payees=people)
        opening = opened(replayed(company, span="2025Q1"))
        assert opening == {("a", "2025Q1", "p"): 33, ("a", "2025Q1", "q"): 34, ("a", "2025Q1", "r"): 33}

    def test_what_is_left_of_the_splits_is_unassigned(self) -> None:
        books = [held("a", "p", split=0.25), held("a", "q", split=0.6)]
        opening = opened(replayed(small_company([self.NEW], books), span="2025Q1"))
        assert opening == {
            ("a", "2025Q1", "p"): 2500,
            ("a", "2025Q1", "q"): 6000,
            ("a", "2025Q1", reference.NOBODY): 1500,
        }

    def test_splits_a_hair_above_1_share_out_no_more_than_there_is(self) -> None:
        """Splits may add up to 1.000000001, which of 10 million would be a cent too much."""
        people = [employed(name) for name in "pqr"]
        books = [held("a", name, split=0.3333333336) for name in "pqr"]
        company = small_company([event("new", "a", "new", 10_000_000, "2024-01-01")], books, payees=people)
        assert added(opened(replayed(company, span="2025Q1")), 1) == {("2025Q1",): 10**9}

    def test_first_and_last_day_of_a_span_count(self) -> None:
        grown = [event(f"on {day}", "a", "expansion", 1, f"2025-02-{day}") for day in ("09", "10", "20", "21")]
        books = [held("a", "p", "2025-02-10", "2025-02-20")]
        found = credited(replayed(small_company([self.NEW, *grown], books)))
        assert {key[0]: key[2] for key in found} == {
            "on 09": reference.NOBODY,
            "on 10": "p",
            "on 20": "p",
            "on 21": reference.NOBODY,
        }


class TestAmounts:
    """Hand-worked: conversion and opening ARR."""

    def test_an_account_that_lost_everything_stands_at_exactly_0(self) -> None:
        """Three thirds of 100 EUR at 1.0837 are 3 x 36.12 = 108.36 one by one, but the balance is worth 108.37."""
        rates = {"USD": 1, "EUR": 1.0837}
        steps = [("new", "33.33"), ("expansion", "33.33"), ("expansion", "33.34"), ("churn", "-100.00")]
        events = [
            event(f"e{i}", "a", kind, delta, f"2025-0{i + 1}-01", currency="EUR", ends_on="2025-03-31")
            for i, (kind, delta) in enumerate(steps)
        ]
        run = replayed(small_company(events, [held("a", "p")], rates=rates))
        assert added(credited(run), 0) == {("e0",): 3612, ("e1",): 3612, ("e2",): 3613, ("e3",): -10837}
        assert added(opened(run), 1) == {("2025Q2",): 10837}

    def test_same_day_gains_come_before_losses(self) -> None:
        """Churn and win-back on one day, the churn's id first: the balance goes 0.50, 1.00, 0.50, never through 0."""
        events = [
            event("new", "a", "new", "0.50", "2024-01-01", currency="EUR"),
            event("b", "a", "churn", "-0.50", "2025-02-01", currency="EUR", ends_on="2025-01-31"),
            event("c", "a", "reactivation", "0.50", "2025-02-01", currency="EUR"),
        ]
        run = replayed(small_company(events, [held("a", "p")], rates={"USD": 1, "EUR": 1.01}))
        assert added(credited(run), 0) == {("c",): 50, ("b",): -50}  # 51 -> 101 -> 51; 50.5 rounds up to 51
        assert added(opened(run), 1) == {("2025Q1",): 51, ("2025Q2",): 51, ("2025Q3",): 51}

    def test_a_notice_before_the_period_takes_the_account_out_of_the_opening(self) -> None:
        events = [
            event("new", "a", "new", 100, "2024-01-01"),
            event("grown", "a", "expansion", 50, "2025-05-01", signed_on="2025-05-01"),
            event("gone", "a", "churn", -150, "2025-08-01", notice_on="2025-02-01", ends_on="2025-07-31"),
        ]
        run = replayed(small_company(events, [held("a", "p")]), SIGNING)
        assert added(opened(run), 1) == {("2025Q1",): 10000, ("2025Q2",): -5000}
        assert added(credited(run), 0, 1) == {("gone", "2025Q1"): -15000, ("grown", "2025Q2"): 5000}


class TestRenewalSignedInQ4ThatStartsInQ1:
    """Account a is renewed, account b is lost at its renewal; both terms end with the year."""

    COMPANY = small_company(
        [
            event("a1", "a", "new", 100_000, "2025-01-01"),
            event("b1", "b", "new", 20_000, "2025-01-01"),
            event("a2", "a", "renewal", 100_000, "2026-01-01", signed_on="2025-12-10"),
            event(
                "b2", "b", "churn", -20_000, "2026-01-01",
                notice_on="2025-11-30", ends_on="2025-12-31", is_at_renewal=True,
            ),
        ],
        [held("a", "p"), held("b", "p")],
        payees=[employed("p")],
    )  # fmt: skip

    @pytest.mark.parametrize(("name", "period"), [("halves", "2026Q1"), ("halves_signing", "2025Q4")])
    def test_its_arr_is_renewed(self, name: str, period: str) -> None:
        plan = load_plan(ROOT / "data/plans" / f"{name}.yaml")
        (run,) = replay([plan], self.COMPANY.history(), "2025Q3:2026Q2")
        rows = run.credits[run.credits["event_id"] == "a2"]
        assert rows[["period", "payee_id", "renewed_cents"]].to_numpy().tolist() == [[period, "p", 10_000_000]]

    @pytest.mark.parametrize(
        ("name", "q4", "q1"),
        [
            ("halves", 0, 500_000),  # Q4: only b was up, and lost. Q1: only a was up, and renewed.
            ("halves_signing", 416_667, 0),  # Q4: 100,000 of 120,000 renewed. Q1: nothing was up.
        ],
    )
    def test_what_a_renewal_rate_pays(self, name: str, q4: int, q1: int) -> None:
        plan = load_plan(ROOT / "data/plans" / f"{name}.yaml").replace(
            {
                "components.nrr.metric": "renewal_rate",
                "components.nrr.target": 1.0,
                "components.nrr.attainment": {"kind": "ratio"},
            }
        )
        (run,) = replay([plan], self.COMPANY.history(), "2025Q4:2026Q1")
        paid = paid_cents(run.payouts)
        assert (paid["p", "2025Q4", "nrr"], paid["p", "2026Q1", "nrr"]) == (q4, q1)
        notes = run.payouts.set_index(["period", "component"])["note"]
        nothing = "no ARR up for renewal in the period, so nothing is paid"
        assert (notes["2026Q1", "nrr"] == nothing) == (name == "halves_signing")


def test_plain_pandas_finds_the_same_sums_on_thousands_of_events() -> None:
    """The two rivals of `make bench`, groupby and merge, agree to the cent for every payee and quarter."""
    command = [sys.executable, str(ROOT / "tests" / "bench" / "events.py"), "--agree"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
