"""ARR at other rates than one day's, worked by hand: what is exchange stands in rows of its own."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace as changed
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compmodel.errors import CompModelError, PlanError
from compmodel.exchange_effects import PARTS, exchange_effects, exchange_split
from compmodel.plan import Plan, example_plan
from compmodel.replay import Replay, replay
from histories import BOOK_RULES, CREDIT_RULES, PERIODS, SPAN, Company, Row, companies, counted, employed, event, held

RATES = {"2024-01-01": 1.05, "2024-12-27": 1.10, "2024-12-31": 1.10, "2025-02-03": 1.15, "2025-03-31": 1.20}
RATES |= {"2025-05-05": 1.25, "2025-06-30": 1.00}
EVENTS = [
    event("a0", "a", "new", 100, "2024-01-01", currency="EUR"),
    event("b0", "b", "new", 1000, "2024-01-01"),
    event("a1", "a", "expansion", 20, "2025-02-03", currency="EUR"),
    event("a2", "a", "churn", -120, "2025-05-05", currency="EUR", ends_on="2025-05-04"),
]


OTHER = ["period_end", "event_date"]


def plan_by(arr: str, pay: str = "constant", **changes: Any) -> Plan:
    fields = {"exchange": {"arr": arr, "pay": pay}, "components.nrr.attainment": {"kind": "ratio"}, **changes}
    return example_plan().replace(fields)


def replayed(arr: str, events: list[Row] = EVENTS, rates: dict[str, float] = RATES, **changes: Any) -> Replay:
    company = Company(
        events,
        [held("a", "p", "2020-01-01"), held("b", "q", "2020-01-01")],
        [employed("p", currency="EUR"), employed("q")],
        [counted(5, "2025-02-01", payee_id="p")],
        rates={"USD": 1, "EUR": 1.1},
    )
    table = pd.DataFrame(
        {"currency": "EUR", "on": pd.to_datetime(list(rates)).as_unit("s"), "rate": list(rates.values())}
    )
    history = changed(company.history(), fx_rates=table.astype({"currency": "str"}))
    (run,) = replay([plan_by(arr, **changes)], history, "2025Q1:2025Q2")
    return run


def rows(run: Replay) -> list[tuple[Any, ...]]:
    mine = run.credits[run.credits["payee_id"] == "p"].sort_values(["period", "credited_on", "event_type"])
    columns = ["period", "event_type", "rate", "credited_cents"]
    return list(mine[columns].itertuples(index=False, name=None))


def openings(run: Replay) -> list[int]:
    return run.books.loc[run.books["payee_id"] == "p", "opening_cents"].tolist()


def test_constant_rates_show_no_exchange() -> None:
    run = replayed("constant")
    assert openings(run) == [11_000, 13_200]
    assert rows(run) == [("2025Q1", "expansion", 1.1, 2_200), ("2025Q2", "churn", 1.1, -13_200)]


def test_period_ends() -> None:
    """100 EUR are 110 at the year's end and 120 in March; 20 EUR won in the quarter are 24; 120 EUR are 120 in June."""
    run = replayed("period_end")
    assert openings(run) == [11_000, 14_400]
    assert rows(run) == [
        ("2025Q1", "expansion", 1.2, 2_400),
        ("2025Q1", "exchange", 1.2, 1_000),
        ("2025Q2", "churn", 1.0, -12_000),
        ("2025Q2", "exchange", 1.0, -2_400),
    ]
    values = run.payouts.loc[(run.payouts["payee_id"] == "p") & (run.payouts["component"] == "nrr"), "value"]
    assert values.tolist() == [144 / 110, 0.0]


def test_event_dates() -> None:
    """100 at 1.05 and 20 at 1.15 are 128; losing 120 at 1.25 is 150, so 22 of exchange bring the account to 0."""
    run = replayed("event_date")
    assert openings(run) == [10_500, 12_800]
    assert rows(run) == [
        ("2025Q1", "expansion", 1.15, 2_300),
        ("2025Q2", "churn", 1.25, -15_000),
        ("2025Q2", "exchange", 1.25, 2_200),
    ]


def test_exchange_is_change_in_nrr_and_no_movement_in_the_bridge() -> None:
    metric = {"components.nrr.metric": "nrr_bridge"}
    run = replayed("period_end", **metric)
    values = run.payouts.loc[(run.payouts["payee_id"] == "p") & (run.payouts["component"] == "nrr"), "value"]
    assert values.tolist() == [(110 + 24) / 110, (144 - 120) / 144]


def test_an_account_that_moves_takes_its_exchange_along() -> None:
    """It goes with the opening ARR, whoever holds the account on the quarter's last day."""
    moved = [held("a", "p", "2020-01-01", "2025-02-20"), held("a", "q", "2025-02-21")]
    company = Company(EVENTS, moved, [employed("p"), employed("q")], rates={"USD": 1, "EUR": 1.1}, floating=True)
    company = company.but(kpis=[counted(5, "2025-02-01", payee_id="p")])
    (run,) = replay([plan_by("period_end")], company.history(), "2025Q1")
    found = run.credits.set_index("event_type")["payee_id"].to_dict()
    assert found == {"expansion": "p", "exchange": "p"}
    assert run.books.loc[run.books["account_id"] == "a", "payee_id"].tolist() == ["p"]


@pytest.mark.parametrize("arr", OTHER)
def test_missing_rates_stop_with_the_days_and_currencies(arr: str) -> None:
    with pytest.raises(PlanError) as caught:
        replayed(arr, rates={"2024-12-27": 1.10})
    said = {
        "period_end": "has no EUR rate for 2024-12-31, 2025-03-31, 2025-06-30. Add the rates",
        "event_date": "has no EUR rate for 2024-01-01, 2025-02-03, 2025-05-05. Add the rates",
    }
    assert said[arr] in str(caught.value)


def test_many_missing_days_are_counted() -> None:
    many = [event(f"a{n}", "a", "expansion", 1, dt.date(2025, 1, n), currency="EUR") for n in range(1, 9)]
    with pytest.raises(PlanError, match="2025-01-01, 2025-01-02, 2025-01-03 and 5 more days up to 2025-01-08"):
        replayed("event_date", [*EVENTS[:2], *many], {"2024-12-27": 1.10, "2024-01-01": 1.0})


@settings(max_examples=12)
@given(
    companies(),
    st.sampled_from(CREDIT_RULES),
    st.sampled_from(BOOK_RULES),
    st.sampled_from(["period_end", "event_date"]),
)
def test_opening_and_movements_make_closing_at_any_rates(company: Company, rule: Row, books: Row, arr: str) -> None:
    plan = plan_by(arr, credit_on=rule, books=books)
    (run,) = replay([plan], company.history(), SPAN)
    keys = ["account_id", "period"]
    opened = run.books.groupby(keys)["opening_cents"].sum().to_dict()
    moved = run.credits.groupby(keys)["credited_cents"].sum().to_dict()
    closed = run.books.groupby(keys)["closing_cents"].first().to_dict()
    for account in {name for name, _ in [*opened, *moved]}:
        for here, following in pairwise(PERIODS):
            closing = opened.get((account, here), 0) + moved.get((account, here), 0)
            assert closing == opened.get((account, following), 0)
            assert closing == closed.get((account, here), closing)


class TestEffects:
    """Pay in parts: performance, exchange of ARR, exchange of pay."""

    COMPANY = Company(
        EVENTS,
        [held("a", "p"), held("b", "q")],
        [employed("p", currency="EUR"), employed("q")],
        [counted(7, "2025-02-01", payee_id="p"), counted(3, "2025-05-01", payee_id="q")],
        rates={"USD": 1, "EUR": 1.1},
        floating=True,
    )

    def effects(self) -> pd.DataFrame:
        plans = [
            plan_by("constant", name="steady", **{"pay.currency": "payee"}),
            plan_by("period_end", "spot", name="floating", **{"pay.currency": "payee"}),
        ]
        return exchange_effects(plans, self.COMPANY.history(), "2025Q1:2025Q2")

    def test_they_add_up_to_the_cost(self) -> None:
        found = self.effects()
        cents = (found[[*PARTS, "cost"]] * 100).round().astype(int)
        assert (cents[PARTS].sum(axis=1) == cents["cost"]).all()
        steady = cents[found["plan"] == "steady"]
        assert not steady[["arr_exchange", "pay_exchange"]].any(axis=None)
        assert steady["performance"].tolist() == cents.loc[found["plan"] == "floating", "performance"].tolist()
        mine = cents[(found["plan"] == "floating") & (found["payee_id"] == "p")]
        assert (mine["arr_exchange"] != 0).any()
        assert (mine["pay_exchange"] != 0).any()

    def test_pay_exchange_is_the_rates_difference(self) -> None:
        """A KPI of 70% pays 3,500 EUR whatever ARR does; the rest of the difference is the NRR's."""
        company = self.COMPANY.but(arr_events=EVENTS[1:2])
        plans = [plan_by("constant", "spot", name="spot", **{"pay.currency": "payee"})]
        found = exchange_effects(plans, company.history(), "2025Q1").set_index("payee_id")
        spot = company.rate_on("EUR", dt.date(2025, 3, 31))
        assert found.loc["p", "performance"] == 3_850.00
        assert found.loc["p", "pay_exchange"] == round(3_500 * (float(spot) - 1.1), 2)

    @pytest.mark.parametrize(
        ("by", "before", "after"), [("plan", "steady", "floating"), ("period", "2025Q1", "2025Q2")]
    )
    def test_a_change_splits_exactly(self, by: Any, before: str, after: str) -> None:
        found = self.effects()
        if by == "period":
            with pytest.raises(CompModelError, match="effects of several plans"):
                exchange_split(found, by, before, after)
            found = found[found["plan"] == "floating"]
        split = exchange_split(found, by, before, after)
        cents = (split.set_index("payee_id") * 100).round().astype(int)
        assert (cents[PARTS].sum(axis=1) == cents["change"]).all()
        cost = (found.groupby([by, "payee_id"])["cost"].sum() * 100).round().astype(int)
        assert cents["change"].to_dict() == (cost[after] - cost[before]).to_dict()

    def test_a_plan_that_is_not_there(self) -> None:
        with pytest.raises(CompModelError, match=r"Did you mean 'floating'\?"):
            exchange_split(self.effects(), "plan", "steady", "floatin")
