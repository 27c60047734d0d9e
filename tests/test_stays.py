"""People who come and go, move between plans and change their pay currency: what is held, owed and paid then, by hand.

10,000 a quarter at 100%, unless said; a euro is 1.25 dollars.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import compmodel as cm
from compmodel.errors import PlanError
from compmodel.history_lints import history_lints
from compmodel.plan import Plan, parsed_plan
from compmodel.transfers import OnPlan, payouts_by_plan, payouts_in_force
from histories import Company, Row, counted, day, employed, event, held
from test_pay import part, plan_of

ON = {"2025Q1": "2025-02-01", "2025Q2": "2025-05-01", "2025Q3": "2025-08-01", "2025Q4": "2025-11-01"}
ON |= {"2026Q1": "2026-02-01", "2026Q2": "2026-05-01"}
YEAR, LONGER = "2025Q1:2025Q4", "2025Q1:2026Q2"
HELD = {"kind": "holdback", "share": 0.2, "released_after": 4}
SCORE = {"metric": "kpi.x", "form": "mean"}


def company(*spans: Row, scores: dict[str, float] = {}, **more: Any) -> cm.History:  # noqa: B006
    """Everybody scores 1 in each quarter, or what is said."""
    payees = sorted({row["payee_id"] for row in spans})
    kpis = [counted(scores.get(name, 1), on, "x", payee_id=payee) for name, on in ON.items() for payee in payees]
    return Company(payees=spans, kpis=kpis, rates={"USD": Decimal(1), "EUR": Decimal("1.25")}, **more).history()


def plan(*rules: Row, component: Row = SCORE, **pay: Any) -> Plan:
    return parsed_plan(plan_of([part(**component)], list(rules), **pay), "drawn")


def paid(written: Plan, history: cm.History, periods: str = YEAR, payee: str = "p") -> dict[str, float]:
    (run,) = cm.replay([written], history, periods)
    return by_quarter(run.payouts[run.payouts["payee_id"] == payee])


def by_quarter(payouts: pd.DataFrame) -> dict[str, float]:
    cents = (payouts["payout"] * 100).round()
    return (cents.groupby(payouts["period"]).sum() / 100).to_dict()


EUROS = [employed("p", ends_on="2025-06-30", currency="EUR"), employed("p", starts_on="2025-07-01")]


class TestCurrency:
    """Paid in euros in the first half of 2025, in dollars from then on."""

    def pays(self, rule: Row, **scores: float) -> list[float]:
        return list(paid(plan(rule, currency="payee"), company(*EUROS, scores=scores)).values())

    def test_what_is_held_back(self) -> None:
        """4,000 EUR are 5,000 USD; two times 2,000 USD come on top."""
        assert self.pays({**HELD, "released_after": "year"}) == [8000, 8000, 8000, 8000 + 5000 + 4000]

    def test_what_is_released_one_by_one(self) -> None:
        assert self.pays({**HELD, "released_after": 2}) == [8000, 8000, 8000 + 2500, 8000 + 2500]

    def test_what_is_owed_of_a_draw(self) -> None:
        """1,000 EUR of the second quarter are 1,250 USD; pay above the draw repays."""
        draw = {"kind": "draw", "amount": 1500, "recoverable": True}
        assert self.pays(draw, **{"2025Q2": 0.05, "2025Q3": 0.3}) == [10000, 1500, 3000 - 1250, 10000]

    def test_what_waits(self) -> None:
        """500 EUR are 625 USD, with 400 enough for a payment."""
        small = {"kind": "minimum", "amount": 1000}
        assert self.pays(small, **{"2025Q2": 0.05, "2025Q3": 0.04}) == [10000, 0, 1025, 10000]

    def test_a_balance_is_said_in_the_new_currency(self) -> None:
        (run,) = cm.replay([plan(HELD, currency="payee")], company(*EUROS), YEAR)
        kept = run.payouts[run.payouts["component"] == "holdback"]
        assert kept[["currency", "balance"]].to_numpy().tolist() == [
            ["EUR", 2000], ["EUR", 4000], ["USD", 5000 + 2000], ["USD", 9000]
        ]  # fmt: skip

    RAISED = (EUROS[0], employed("p", 50_000, "2025-07-01"))
    SOLD = [event("1", "a", "new", 1_000_000, "2024-02-01")]  # noqa: RUF012
    SOLD += [event("2", "a", "expansion", 100_000, "2025-02-01"), event("3", "a", "expansion", 100_000, "2025-08-01")]

    @pytest.mark.parametrize(("way", "yearly"), [("full_year", None), ("elapsed", "adding")])
    def test_a_year_to_date(self, way: str, yearly: str | None) -> None:
        """A quarter of 40,000 EUR, then half of 50,000 USD less 10,000 EUR.

        Elapsed: two thirds of 20,000 EUR and 12,500 USD by the third quarter, a half of 20,000 EUR and 25,000 USD then.
        """
        target = {"default": 400_000, "yearly": yearly} if yearly else 400_000
        so_far = {"metric": "expansion_arr", "baseline": "year_start", "to_date": way, "target": target}
        history = company(*self.RAISED, arr_events=self.SOLD, assignments=[held("a", "p")])
        found = list(paid(plan(component=so_far, currency="payee"), history).values())
        assert found == [10_000, 0, 12_500, 0]

    def test_what_a_clawback_takes_back(self) -> None:
        """A hundredth of 100,000 USD was paid as 800 EUR, and is taken back as 1,000 USD."""
        rate = {"weight": None, "metric": "expansion_arr", "basis": {"kind": "rate", "rate": 0.01}}
        rule = {"kind": "clawback", "component": "nrr", "how": "at_rate_paid"}
        lost = [*self.SOLD[:2], event("3", "a", "churn", -1_100_000, "2025-08-01")]
        history = company(*EUROS, arr_events=lost, assignments=[held("a", "p")])
        found = paid(plan(rule, component=rate, currency="payee"), history)
        assert found == {"2025Q1": 800, "2025Q2": 0, "2025Q3": -1000, "2025Q4": 0}


class TestStays:
    """A fifth is held back for a year; who leaves has it paid or loses it."""

    AGAIN = (employed("p", ends_on="2025-06-30"), employed("p", starts_on="2025-10-01"))
    LEAVE = (AGAIN[0], employed("p", 0, "2025-07-01", ends_on="2025-09-30", role="leave"), AGAIN[1])

    @pytest.mark.parametrize(("on_leaving", "second"), [("pay", 10_000 + 2000), ("forfeit", 8000)])
    def test_who_is_hired_again_had_left(self, on_leaving: str, second: float) -> None:
        found = paid(plan({**HELD, "on_leaving": on_leaving}), company(*self.AGAIN), LONGER)
        assert found == {"2025Q1": 8000, "2025Q2": second, "2025Q4": 8000, "2026Q1": 8000, "2026Q2": 8000}

    def test_a_leave_is_no_leaving(self) -> None:
        found = paid(plan({**HELD, "on_leaving": "forfeit"}), company(*self.LEAVE), LONGER)
        assert found == {"2025Q1": 8000, "2025Q2": 8000, "2025Q4": 8000, "2026Q1": 10_000, "2026Q2": 10_000}

    def test_who_never_comes_back_from_a_leave_left_before_it(self) -> None:
        found = paid(plan({**HELD, "on_leaving": "pay"}), company(*self.LEAVE[:2]))
        assert found == {"2025Q1": 8000, "2025Q2": 10_000 + 2000}

    def test_who_is_back_within_the_quarter_has_not_left(self) -> None:
        back = [employed("p", ends_on="2025-04-30"), employed("p", starts_on="2025-05-06")]
        assert paid(plan({**HELD, "on_leaving": "forfeit"}), company(*back), LONGER)["2026Q1"] == 10_000

    def test_what_is_owed_stays_owed_by_who_comes_back(self) -> None:
        draw = {"kind": "draw", "amount": 3000, "recoverable": True}
        found = paid(plan(draw), company(*self.AGAIN, scores={"2025Q2": 0.1}))
        assert found == {"2025Q1": 10_000, "2025Q2": 3000, "2025Q4": 8000}

    def test_a_year_is_over_for_who_is_away_at_its_end(self) -> None:
        away = [employed("p", ends_on="2025-09-30"), employed("p", 0, "2025-10-01", ends_on="2025-12-31", role="leave")]
        away.append(employed("p", starts_on="2026-01-01"))
        found = paid(plan({**HELD, "released_after": "year", "on_leaving": "forfeit"}), company(*away), LONGER)
        assert found == {"2025Q1": 8000, "2025Q2": 8000, "2025Q3": 8000, "2026Q1": 8000 + 6000, "2026Q2": 8000}

    def test_a_leave_without_an_end_is_no_leaving(self) -> None:
        away = (self.LEAVE[0], employed("p", 0, "2025-07-01", role="leave"))
        for rule in ({**HELD, "on_leaving": "forfeit"}, HELD):
            assert paid(plan(rule), company(*away)) == {"2025Q1": 8000, "2025Q2": 8000}

    def test_what_such_a_leave_holds_is_worth_a_look(self) -> None:
        for last, n in ((employed("p", 0, "2025-07-01", role="leave"), 1), (self.AGAIN[1], 0)):
            (run,) = cm.replay([plan({**HELD, "on_leaving": "pay"})], company(self.LEAVE[0], last), YEAR)
            said = [lint for lint in history_lints(run) if "stays held back" in str(lint)]
            assert len(said) == n
            assert not n or "pay of one person stays held back" in str(said[0])

    def test_a_return_too_short_to_count_settles_nothing_later(self) -> None:
        """Back from a leave for ten days that hold no 15th: the last quarter that counts pays what is due."""
        spans = (*self.LEAVE[:2], employed("p", starts_on="2025-10-01", ends_on="2025-10-10"))
        found = paid(plan({**HELD, "on_leaving": "pay"}, proration="months"), company(*spans), LONGER)
        assert found == {"2025Q1": 8000, "2025Q2": 10_000 + 2000}

    def test_a_gap_that_costs_no_month_is_none(self) -> None:
        """Away on 11 April alone."""
        spans = [employed("p", ends_on="2025-04-10"), employed("p", starts_on="2025-04-12")]
        held = {**HELD, "released_after": 2, "on_leaving": "forfeit"}
        assert paid(plan(held, proration="months"), company(*spans))["2025Q3"] == 10_000

    @pytest.mark.parametrize(
        ("left_on", "proration", "last"),
        [
            ("2025-05-31", "days", "2025Q2"),
            ("2025-06-30", "days", "2025Q2"),
            ("2025-07-01", "days", "2025Q3"),
            ("2025-07-10", "months", "2025Q2"),
            ("2025-06-29", "working_days", "2025Q2"),
        ],
    )
    def test_a_quarter_is_paid_alike_however_many_follow(self, left_on: str, proration: str, last: str) -> None:
        """Who leaves on 10 July has no month of the third quarter: all that is due is paid with the second."""
        written = plan({**HELD, "on_leaving": "pay"}, proration=proration)
        history = company(employed("p", ends_on=left_on), employed("q"))
        whole, plainly = (paid(one, history, LONGER) for one in (written, plan(proration=proration)))
        assert max(whole) == last
        assert sum(whole.values()) == pytest.approx(sum(plainly.values()), abs=1e-9)
        for upto in ("2025Q1", "2025Q2", "2025Q3", "2025Q4"):
            found = paid(written, history, f"2025Q1:{upto}")
            assert found == {name: of for name, of in whole.items() if name <= upto}


NOV = dt.date(2025, 11, 15)


class TestBetweenPlans:
    """Plan A holds a fifth back; plan B pays plainly."""

    A, B = plan({**HELD, "on_leaving": "pay"}), plan().replace({"name": "b"})

    def found(self, a: Plan, *on_plans: OnPlan, name: str = "drawn") -> dict[str, float]:
        payouts = payouts_by_plan(on_plans, company(employed("p")), YEAR)
        return by_quarter(payouts[payouts["plan"] == name])

    @pytest.mark.parametrize(("on_leaving", "second"), [("pay", 10_000), ("forfeit", 8000)])
    def test_there_and_back_again(self, on_leaving: str, second: float) -> None:
        a = plan({**HELD, "on_leaving": on_leaving})
        moves = [OnPlan(a, ends_on=dt.date(2025, 3, 31)), OnPlan(a, starts_on=dt.date(2025, 7, 1)), OnPlan(self.B)]
        assert self.found(a, *moves) == {"2025Q1": second, "2025Q3": 8000, "2025Q4": 8000}

    def test_months_on_no_plan_are_a_leave(self) -> None:
        none = OnPlan(None, dt.date(2025, 4, 1), dt.date(2025, 6, 30))
        assert self.found(self.A, none, OnPlan(self.A)) == {"2025Q1": 8000, "2025Q3": 8000, "2025Q4": 8000}

    def test_on_no_plan_for_good_is_leaving(self) -> None:
        moves = [OnPlan(self.A, ends_on=dt.date(2025, 6, 30)), OnPlan(None)]
        assert self.found(self.A, *moves) == {"2025Q1": 8000, "2025Q2": 10_000 + 2000}

    def test_the_last_day_on_any_plan_counts(self) -> None:
        """45 of 92 days on the first plan, 47 on the second."""
        a, b = (one.replace({"pay.on_last_day": True, "adjustments": []}) for one in (self.A, self.B))
        moves = [OnPlan(a, ends_on=NOV - dt.timedelta(days=1)), OnPlan(b, starts_on=NOV)]
        assert self.found(a, *moves)["2025Q4"] == round(10_000 * 45 / 92, 2)
        assert self.found(a, *moves, name="b") == {"2025Q4": round(10_000 * 47 / 92, 2)}
        left = [OnPlan(a, ends_on=NOV - dt.timedelta(days=1)), OnPlan(None)]
        assert self.found(a, *left)["2025Q4"] == 0


class TestPools:
    POOL = {"weight": None, **SCORE, "basis": {"kind": "pool", "amount": 9000, "shared": "equally"}}  # noqa: RUF012

    def test_one_amount_is_not_shared_in_several_currencies(self) -> None:
        mixed = company(employed("p"), employed("q", currency="EUR"))
        with pytest.raises(PlanError, match=r"in 2025Q1 people paid in EUR, USD share it.*Write pay.currency"):
            paid(plan(component=self.POOL, currency="payee"), mixed)
        assert paid(plan(component=self.POOL), mixed)["2025Q1"] == 4500
        one_by_one = company(employed("p", ends_on="2025-03-31"), employed("q", currency="EUR", starts_on="2025-04-01"))
        assert paid(plan(component=self.POOL, currency="payee"), one_by_one) == {"2025Q1": 9000}

    def test_who_cannot_be_paid_takes_no_share(self) -> None:
        left = company(employed("p"), employed("q", ends_on="2025-02-28"))
        assert paid(plan(component=self.POOL, on_last_day=True), left)["2025Q1"] == 9000
        assert paid(plan(component=self.POOL), left)["2025Q1"] == 4500


class TestVersions:
    """A version that ends may leave nothing behind of people who go on."""

    def paid(
        self,
        released_after: object,
        *spans: Row,
        on: str = "2025-07-01",
        scores: dict[str, float] = {},  # noqa: B006
        **more: Any,
    ) -> dict[str, float]:
        old = plan({**HELD, "released_after": released_after, "on_leaving": "pay", **more})
        new = old.replace({"effective_on": dt.date.fromisoformat(on), "adjustments": []})
        return by_quarter(payouts_in_force([old, new], company(*spans, scores=scores), LONGER))

    def test_what_is_still_held_would_be_lost(self) -> None:
        with pytest.raises(PlanError, match=r"adjustments has '2025Q2', but ends with pay held back.* one person"):
            self.paid(1, employed("p"))

    def test_what_was_forfeited_is_no_balance(self) -> None:
        """The first quarter's 2,000 are lost in the second, of which nothing is held."""
        met = {"condition": {"of": "attainment", "reaches": 0.9}}
        assert self.paid(1, employed("p"), scores={"2025Q2": 0}, **met)["2025Q2"] == 0

    def test_what_somebody_owes_who_comes_back_would_be_forgotten(self) -> None:
        draw = {"kind": "draw", "amount": 12_000, "recoverable": True}
        old = plan(draw)
        new = old.replace({"effective_on": dt.date(2025, 7, 1)})
        with pytest.raises(PlanError, match="owed of one person"):
            payouts_in_force([old, new], company(*TestStays.AGAIN), YEAR)

    def test_a_clawback_knows_one_version(self) -> None:
        old = plan(TestClawbacks.BACK, component=TestClawbacks.RATE)
        new = old.replace({"effective_on": dt.date(2025, 7, 1)})
        with pytest.raises(PlanError, match="takes back by a clawback"):
            payouts_in_force([old, new], company(employed("p"), arr_events=TestClawbacks.OPENED), YEAR)

    def test_what_leaves_nothing_is_paid(self) -> None:
        leaves = employed("p", ends_on="2025-06-30")
        assert self.paid(4, leaves) == {"2025Q1": 8000, "2025Q2": 12_000}
        found = self.paid("year", employed("p"), on="2026-01-01")
        assert list(found.values()) == [8000, 8000, 8000, 16_000, 10_000, 10_000]


class TestNewHires:
    """First months and periods are those that count."""

    SURE = {"kind": "guarantee", "share": 1.0, "months": 1}  # noqa: RUF012

    def first(self, rule: Row, *spans: Row, score: float = 0, **pay: Any) -> float:
        return paid(plan(rule, **pay), company(*spans, scores={"2025Q1": score, "2025Q2": score}))["2025Q1"]

    def test_of_who_leaves_within_the_period(self) -> None:
        """January alone is theirs: a third of the quarter, all of it guaranteed; an amount is of January, too."""
        left = employed("p", starts_on="2025-01-01", ends_on="2025-02-10")
        assert self.first(self.SURE, left, proration="months") == 3333.33
        amount = {"kind": "guarantee", "amount": 3000, "months": 1}
        assert self.first(amount, left, score=0.3, proration="months") == 1000
        assert self.first({**amount, "months": 3}, left, proration="months") == 1000

    def test_of_who_is_on_leave_after_the_first_month(self) -> None:
        """31 of 90 days, all of them in January."""
        spans = [employed("p", starts_on="2025-01-01", ends_on="2025-01-31"), employed("p", 0, "2025-02-01")]
        assert self.first(self.SURE, *spans) == round(10_000 * 31 / 90, 2)

    def test_of_who_is_there_for_parts_of_months(self) -> None:
        """22 days by days, the 15th of no month among them: all of it is new."""
        short = employed("p", starts_on="2025-01-20", ends_on="2025-02-10")
        assert self.first(self.SURE, short) == round(10_000 * 22 / 90, 2)
        assert self.first({"kind": "guarantee", "amount": 9000, "months": 1}, short) == 2200

    @pytest.mark.parametrize(
        ("hired", "proration", "quarter"),
        [
            ("2025-03-20", "months", "2025Q2"),
            ("2025-03-29", "working_days", "2025Q1"),  # a Saturday: Monday 31 March counts
            ("2025-06-28", "working_days", "2025Q2"),
            ("2025-03-20", "days", "2025Q1"),
        ],
    )
    def test_a_draw_of_the_first_period_is_of_the_first_that_counts(
        self, hired: str, proration: str, quarter: str
    ) -> None:
        rule = {"kind": "draw", "amount": 20_000, "recoverable": False, "periods": 1}
        found = paid(plan(rule, proration=proration), company(employed("p", starts_on=hired)))
        assert [name for name, pay in found.items() if pay == 20_000] == [quarter]

    def test_working_days_roll_into_the_next_month(self) -> None:
        """Hired on Sunday 31 August, the first month that counts is September."""
        rule = {"kind": "draw", "amount": 20_000, "recoverable": False, "periods": 1}
        written = plan(rule, period="month", proration="working_days")
        found = paid(written, company(employed("p", starts_on="2025-08-31")), "2025M08:2025M10")
        assert [name for name, pay in found.items() if pay == 20_000] == ["2025M09"]

    def test_a_guarantee_of_first_months_goes_along_with_a_move(self) -> None:
        """Hired in January, moved in mid-February: January and then March are each paid once."""
        sure = {"kind": "guarantee", "amount": 9000, "months": 3}
        a, b = (plan(sure, proration="months").replace({"name": name}) for name in ("a", "b"))
        moves = [OnPlan(a, ends_on=dt.date(2025, 2, 14)), OnPlan(b, starts_on=dt.date(2025, 2, 15))]
        history = company(employed("p", starts_on="2025-01-01"), scores={"2025Q1": 0})
        found = payouts_by_plan(moves, history, "2025Q1")
        assert found.groupby("plan")["payout"].sum().to_dict() == {"a": 3000, "b": 6000}


class TestClawbacks:
    """A hundredth of expansion ARR is paid, and all of it taken back when the account leaves."""

    RATE = {"weight": None, "metric": "expansion_arr", "basis": {"kind": "rate", "rate": 0.01}}  # noqa: RUF012
    BACK = {"kind": "clawback", "component": "nrr", "how": "at_rate_paid"}  # noqa: RUF012
    OPENED = [event("a0", "a", "new", 1_000_000, "2024-02-01"), event("b0", "b", "new", 1_000_000, "2024-02-01")]  # noqa: RUF012
    GREW = [event("a1", "a", "expansion", 100_000, "2025-02-01"), event("b1", "b", "expansion", 100_000, "2025-02-01")]  # noqa: RUF012

    def pays(self, events: list[Row], *spans: Row, rules: list[Row] | None = None, **more: Any) -> dict[str, float]:
        books = more.pop("assignments", [held("a", "p"), held("b", "p")])
        written = plan(*(rules or [self.BACK]), component=self.RATE).replace(more)
        history = company(*(spans or (employed("p"),)), arr_events=[*self.OPENED, *events], assignments=books)
        return paid(written, history)

    def test_of_double_credit_each_gain_is_its_own(self) -> None:
        """Credited 100,000 on an own account and as much on another's: 2,000 are paid, 1,000 of it for each."""
        spans = (employed("p", role="se"), employed("q"))
        books = [held("a", "p"), held("b", "q"), {**held("b", "p"), "role": "se"}]
        for lost in ("a", "b"):
            gone = event("x", lost, "churn", -1_100_000, "2025-08-01")
            found = self.pays([*self.GREW, gone], *spans, assignments=books, **{"books.double_credit": ["se"]})
            assert (found["2025Q1"], found["2025Q3"]) == (2000, -1000), lost

    def test_of_a_teams_figure_nothing_is_taken_back(self) -> None:
        """A lead's own gain is a part of the team's 200,000, which are not taken apart; the member's is taken back."""
        by_role = {**self.RATE, "level": {"default": "individual", "by_role": {"lead": "team"}}}
        gone = [event(f"{of}2", of, "churn", -1_100_000, "2025-08-01") for of in "ab"]
        spans = (employed("p", role="lead", team="t"), employed("q", team="t"))
        books = [held("a", "p"), held("b", "q")]
        history = company(*spans, arr_events=[*self.OPENED, *self.GREW, *gone], assignments=books)
        written = plan(self.BACK, component=by_role)
        assert [paid(written, history, payee=payee)["2025Q3"] for payee in "pq"] == [0, -1000]
        assert paid(written, history)["2025Q1"] == 2000

    @pytest.mark.parametrize("first", [0, 1])
    def test_what_a_budget_left_unpaid_is_not_taken_back(self, first: int) -> None:
        rules = [self.BACK, {"kind": "budget", "component": "nrr", "amount": 400}]
        gone = event("x", "a", "churn", -1_100_000, "2025-08-01")
        found = self.pays([self.GREW[0], gone], rules=rules[first:] + rules[:first])
        assert (found["2025Q1"], found["2025Q3"]) == (400, -400)

    def test_two_budgets_of_a_component_are_the_smaller(self) -> None:
        rules = [{"kind": "budget", "component": "nrr", "amount": amount} for amount in (400, 300)]
        assert self.pays(self.GREW[:1], rules=rules)["2025Q1"] == 300

    def test_three_gains_lost_on_a_day_leave_no_cent(self) -> None:
        """3 x 33,333 at a hundredth of a percent are 10.00, of which each is 3.3333."""
        small = {**self.RATE, "basis": {"kind": "rate", "rate": 0.0001}}
        grew = [event(f"e{n}", "a", "expansion", 33_333, "2025-02-01") for n in range(3)]
        gone = event("x", "a", "churn", -1_099_999, "2025-08-01")
        history = company(employed("p"), arr_events=[*self.OPENED, *grew, gone], assignments=[held("a", "p")])
        found = paid(plan(self.BACK, component=small), history)
        assert (found["2025Q1"], found["2025Q3"]) == (10, -10)

    def test_a_term_of_no_months_is_no_term(self) -> None:
        """Six of twelve months were served."""
        grew = {**self.GREW[0], "term_months": 0}
        gone = event("x", "a", "churn", -1_100_000, "2025-08-01")
        assert self.pays([grew, gone], rules=[{**self.BACK, "how": "by_elapsed_term"}])["2025Q3"] == -500

    AWAY = (employed("p", ends_on="2025-06-30"), employed("p", 0, "2025-07-01", ends_on="2025-09-30", role="leave"))
    BACK_AGAIN = employed("p", starts_on="2025-10-01")

    def test_who_is_on_leave_pays_back_on_return_and_who_left_does_not(self) -> None:
        gone = event("x", "a", "churn", -1_100_000, "2025-08-01")
        on_leave = self.pays([self.GREW[0], gone], *self.AWAY, self.BACK_AGAIN)
        assert on_leave == {"2025Q1": 1000, "2025Q2": 0, "2025Q4": -1000}
        again = self.pays([self.GREW[0], gone], self.AWAY[0], self.BACK_AGAIN)
        assert again == {"2025Q1": 1000, "2025Q2": 0, "2025Q4": 0}

    def test_an_account_that_stays_with_a_subscription_less_has_not_left(self) -> None:
        """The gain's own subscription must go, or all of the account."""
        grew = {**self.GREW[0], "subscription_id": "s1"}
        bought = {**event("s", "a", "expansion", 50_000, "2024-05-01"), "subscription_id": "s2"}
        for lost, amount, back in (("s2", 50_000, 0), ("s1", 100_000, -1000)):
            gone = {**event("x", "a", "churn", -amount, "2025-08-01"), "subscription_id": lost}
            assert self.pays([bought, grew, gone])["2025Q3"] == back, lost

    @pytest.mark.parametrize(
        ("gain", "loss", "amount", "back"),
        [
            (None, None, 50_000, 0),  # called a churn, and 1,050,000 stay
            ("s1", "s1", 50_000, 0),
            ("s2", None, 100_000, 0),  # s2 stands
            ("s1", None, 1_100_000, -1000),
        ],
    )
    def test_what_is_called_a_churn_and_leaves_the_gain_takes_nothing_back(
        self, gain: str | None, loss: str | None, amount: float, back: float
    ) -> None:
        grew = {**self.GREW[0], "subscription_id": gain}
        gone = {**event("x", "a", "churn", -amount, "2025-08-01"), "subscription_id": loss}
        assert self.pays([grew, gone])["2025Q3"] == back

    @pytest.mark.parametrize(
        ("more", "paid", "back"), [({}, 333.33, [-166.67, -166.66]), ({"rounded_to": 25}, 325, [-175, -150])]
    )
    def test_what_is_taken_over_time_is_what_was_paid(self, more: Row, paid: float, back: list[float]) -> None:
        """Two gains of 16,666.50, lost one after the other."""
        grew = [event(f"{of}2", of, "expansion", 16_666.5, "2025-02-01") for of in "ab"]
        lost = [event(f"{of}3", of, "churn", -1_016_666.5, on) for of, on in (("a", "2025-08-01"), ("b", "2025-11-01"))]
        found = self.pays([*grew, *lost], **{f"pay.{name}": of for name, of in more.items()})
        assert [found[name] for name in ("2025Q1", "2025Q3", "2025Q4")] == [paid, *back]

    def test_what_is_known_lost_before_it_is_paid_is_taken_back_with_the_pay(self) -> None:
        """Paid on what was invoiced in September; the notice of May counts its loss in the second quarter."""
        grew = {**self.GREW[0], "effective_on": day("2025-02-01"), "invoiced_on": day("2025-09-01")}
        gone = event("x", "a", "churn", -1_100_000, "2025-12-01", notice_on="2025-05-01")
        dates = {"credit_on.expansion": "invoiced_on", "credit_on.churn": "notice_on"}
        found = self.pays([grew, gone], **dates)
        assert found["2025Q2"] == found["2025Q3"] == 0

    def test_a_churn_that_counts_for_nobody_takes_nothing_back(self) -> None:
        gone = {**event("x", "a", "churn", -1_100_000, "2025-08-01"), "reason": "bankruptcy"}
        out = {"books.exclude": [{"reason": "bankruptcy", "because": "nobody could have kept it"}]}
        assert self.pays([self.GREW[0], gone])["2025Q3"] == -1000
        assert self.pays([self.GREW[0], gone], **out)["2025Q3"] == 0

    def test_two_clawbacks_of_a_component_are_refused(self) -> None:
        with pytest.raises(PlanError, match="two clawbacks, which would take twice"):
            plan(self.BACK, self.BACK, component=self.RATE)


def test_a_minimum_is_no_rounded_one() -> None:
    """10 is less than 12, also where pay is in steps of 5."""
    small = {"kind": "minimum", "amount": 12}
    history = company(employed("p", 40))
    assert list(paid(plan(small, rounded_to=5), history).values()) == [0, 20, 0, 20]


def test_a_year_to_date_at_moving_rates_is_refused() -> None:
    so_far = {"metric": "expansion_arr", "baseline": "year_start", "to_date": "full_year", "target": 400_000}
    with pytest.raises(PlanError, match=r"exchange.pay is spot.*Write constant"):
        parsed_plan(plan_of([part(**so_far)]) | {"exchange": {"pay": "spot"}}, "drawn")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({**HELD, "released_after": 2}, "At the end 4.0k more is held back or carried over under Drawn."),
        (
            {"kind": "draw", "amount": 11_000, "recoverable": True},
            "Of what Drawn costs people still owe 4.0k at the end.",
        ),
    ],
)
def test_a_cost_says_what_it_does_not_hold_yet(rule: Row, said: str) -> None:
    """2,000 of each of the last two quarters, or 1,000 of each of the four."""
    plain = plan().replace({"name": "plain", "title": "Plain"})
    comparison = cm.compare(cm.replay([plain, plan(rule)], company(employed("p")), YEAR), "plain", "shown")
    answer = cm.cost_by_period(comparison)
    assert answer.sentence.endswith(said)
    assert cm.break_even(comparison).sentence.endswith(said)  # what is postponed is not saved
    assert cm.cost_by_period(cm.compare(comparison.replays[:1], "plain", "shown")).sentence.count("At the end") == 0
