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
from compmodel.plan import Plan, parsed_plan
from compmodel.transfers import OnPlan, payouts_by_plan, payouts_in_force
from histories import Company, Row, counted, employed, event, held
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

    def paid(self, released_after: object, *spans: Row, on: str = "2025-07-01") -> dict[str, float]:
        old = plan({**HELD, "released_after": released_after, "on_leaving": "pay"})
        new = old.replace({"effective_on": dt.date.fromisoformat(on), "adjustments": []})
        return by_quarter(payouts_in_force([old, new], company(*spans), LONGER))

    def test_what_is_still_held_would_be_lost(self) -> None:
        with pytest.raises(PlanError, match=r"adjustments has '2025Q2', but ends with pay held back.* one person"):
            self.paid(1, employed("p"))

    def test_what_leaves_nothing_is_paid(self) -> None:
        leaves = employed("p", ends_on="2025-06-30")
        assert self.paid(4, leaves) == {"2025Q1": 8000, "2025Q2": 12_000}
        found = self.paid("year", employed("p"), on="2026-01-01")
        assert list(found.values()) == [8000, 8000, 8000, 16_000, 10_000, 10_000]
