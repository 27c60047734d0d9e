"""Retention figures that others have published, from our events. Each id is that of the collected case.

A case gives a period's movements; `company` makes accounts that move so. Where a source contradicts itself, `ours` says
which reading is ours and the printed figure is shown to differ. Prices by month or year become ARR in a mapping. Not
run: M040 and M041, which keep gross and net of a discount side by side; our events hold the net.
"""

from __future__ import annotations

import datetime as dt
from math import prod
from typing import Any

import pandas as pd
import pytest

from compmodel.mapping import Spans
from compmodel.plan import example_plan
from compmodel.replay import replay
from compmodel.reshaping import movements
from histories import Company, Row, counted, employed, event, held

Movements = dict[str, float]


def company(start: float, **moved: float) -> Company:
    """Accounts that open a quarter with `start` together and move as named; losses are given as positive amounts."""
    churn, back = moved.get("churn", 0), moved.get("reactivation", 0)
    rows: list[Row] = []
    if start - churn:
        rows.append(event("kept", "kept", "new", start - churn, "2024-01-01"))
    if churn:
        rows.append(event("lost", "lost", "new", churn, "2024-01-01"))
        rows.append(event("churn", "lost", "churn", -churn, "2025-02-01"))
    for name, sign in (("expansion", 1), ("contraction", -1)):
        if moved.get(name):
            rows.append(event(name, "kept", name, sign * moved[name], "2025-02-10"))
    if moved.get("new"):
        rows.append(event("fresh", "fresh", "new", moved["new"], "2025-03-01"))
    if back:
        rows.append(event("first", "back", "new", back, "2023-01-01"))
        rows.append(event("left", "back", "churn", -back, "2024-01-01"))
        rows.append(event("back", "back", "reactivation", back, "2025-03-01"))
    return owned(rows)


def owned(rows: list[Row]) -> Company:
    """A company of these events in which p holds everything."""
    accounts = sorted({row["account_id"] for row in rows})
    kpis = [counted(1, "2024-01-01", payee_id="p")]
    return Company(rows, [held(account, "p", "2020-01-01") for account in accounts], [employed("p")], kpis)


def measured(metric: str, found: Company, span: str = "2025Q1", **fields: object) -> list[float | None]:
    """The value in each quarter; none where it is undefined. `fields` are those of the component."""
    changes: Row = {"components.nrr.metric": metric, "components.nrr.attainment": {"kind": "ratio"}}
    changes |= {f"components.nrr.{name}": value for name, value in fields.items()}
    (run,) = replay([example_plan().replace(changes)], found.history(), span)
    rows = run.payouts[run.payouts["component"] == "nrr"]
    return [None if value != value else value for value in rows["value"]]


@pytest.mark.parametrize(
    ("case", "moved", "figures"),
    [
        ("M001", {"start": 27000, "expansion": 8000, "churn": 5000}, {"nrr": 30 / 27}),
        (
            "M002",
            {"start": 100000, "expansion": 15000, "contraction": 5000, "churn": 8000},
            {"nrr": 1.02, "net_new_arr": 2000, "grr_of_totals": 0.87, "churn_rate": 0.08, "expansion_rate": 0.15},
        ),
        ("M004 table", {"start": 100, "churn": 13, "expansion": 15}, {"nrr": 1.02, "grr": 0.87}),
        ("M007", {"start": 100, "new": 20, "expansion": 8, "churn": 5, "contraction": 3}, {"quick_ratio": 3.5}),
        (
            "M009",
            {"start": 100000, "new": 25000, "expansion": 10000, "churn": 8000, "contraction": 4000},
            {"quick_ratio": 35 / 12, "net_new_arr": 23000},
        ),
        (
            "M010",
            {"start": 200000, "new": 12000, "expansion": 8000, "contraction": 3000, "churn": 5000},
            {"net_new_arr": 12000},
        ),
        ("M014", {"start": 200000, "contraction": 10000, "churn": 15000}, {"grr": 0.875, "grr_of_totals": 0.875}),
        (
            "M015",
            {"start": 100000, "contraction": 6000, "churn": 8000, "expansion": 8000},
            {"grr_of_totals": 0.86},
        ),
        ("M017 first", {"start": 100000, "expansion": 10000, "churn": 5000}, {"nrr": 1.05, "net_new_arr": 5000}),
        ("M017 second", {"start": 200000, "expansion": 20000, "churn": 30000}, {"nrr": 0.95, "grr_of_totals": 0.85}),
        (
            "M018",
            {"start": 100000, "expansion": 15000, "churn": 5000},
            {"nrr": 1.1, "grr": 0.95, "expansion_rate": 0.15},
        ),
        ("M019", {"start": 100, "churn": 10}, {"grr": 0.9}),  # printed under the name NRR
        (
            "M024",
            {"start": 1000, "new": 100, "expansion": 200, "contraction": 50, "churn": 100},
            {"nrr": 1.05, "grr_of_totals": 0.85, "churn_rate": 0.1, "expansion_rate": 0.2, "net_new_arr": 150},
        ),
        (
            "M026",
            {"start": 12000, "new": 1200, "expansion": 600, "contraction": 120, "churn": 60, "reactivation": 240},
            {"net_new_arr": 1860},
        ),
        ("M030", {"start": 100, "churn": 15, "contraction": 5, "expansion": 10}, {"nrr": 0.9}),
        (
            "M031 first",
            {"start": 10000, "expansion": 2000, "contraction": 500, "churn": 1000},
            {"nrr": 1.05, "grr_of_totals": 0.85, "churn_rate": 0.1, "contraction_rate": 0.05},
        ),
        ("M031 second", {"start": 10000, "churn": 2000}, {"nrr": 0.8, "grr": 0.8, "net_new_arr": -2000}),
        ("M036 first", {"start": 10000}, {"nrr": 1.0}),
        ("M036 second", {"start": 10000, "expansion": 2000, "contraction": 500, "churn": 500}, {"nrr": 1.1}),
        ("M036 third", {"start": 10000, "contraction": 500, "churn": 2000}, {"nrr": 0.75}),
        (
            "M036 quick ratio",
            {"start": 10000, "new": 3000, "expansion": 1000, "reactivation": 500, "churn": 500, "contraction": 500},
            {"quick_ratio": 4.5},
        ),
        ("M039", {"start": 650, "contraction": 450}, {"contraction_rate": 450 / 650}),
        ("M046", {"start": 10000, "expansion": 3000, "contraction": 800}, {"quick_ratio": 3.75}),
        ("M047", {"start": 5000, "expansion": 1000}, {"expansion_rate": 0.2}),
        ("M048", {"start": 4.0, "churn": 0.2, "expansion": 1.2}, {"nrr": 1.25}),
        ("M052", {"start": 1000000, "expansion": 100000}, {"nrr": 1.1}),
    ],
)
def test_published_figures(case: str, moved: Movements, figures: dict[str, float]) -> None:
    found = company(**moved)
    assert {metric: measured(metric, found)[0] for metric in figures} == pytest.approx(figures, rel=1e-12), case


@pytest.mark.parametrize(
    ("case", "moved", "metric", "ours", "printed"),
    [
        # 25% expansion is over what was left, ours over what opened.
        ("M004 text", {"start": 100, "churn": 15, "expansion": 25}, "nrr", 1.10, 1.06),
        # The churn is taken from an end that has lost it already.
        ("M034 first", {"start": 100000, "churn": 5000, "expansion": 15000}, "nrr", 1.10, 1.05),
        ("M034 second", {"start": 100000, "churn": 5000, "expansion": 20000}, "nrr", 1.15, 1.10),
        # A ratio printed with a percent sign.
        ("M038", {"start": 5000, "expansion": 1000}, "grr", 1.0, 0.01),
    ],
)
def test_where_a_source_contradicts_itself(
    case: str, moved: Movements, metric: str, ours: float, printed: float
) -> None:
    (value,) = measured(metric, company(**moved))
    assert value == pytest.approx(ours, rel=1e-12), case
    assert value != pytest.approx(printed, rel=1e-3), case


@pytest.mark.parametrize("metric", ["nrr", "grr", "nrr_bridge", "logo_retention", "expansion_rate"])
def test_m027_nothing_at_opening_is_undefined(metric: str) -> None:
    """Others give 0 or 100%; a pay engine must do neither."""
    assert measured(metric, company(0, new=100)) == [None]


def test_m009_nothing_lost_is_undefined() -> None:
    assert measured("quick_ratio", company(100, new=20)) == [None]


def logos(opening: int, lost: int, new: int = 0, new_and_lost: int = 0, back: int = 0) -> Company:
    """Customers of 100 each; `back` are lost and return, `new_and_lost` come and go, within the quarter."""
    rows = [event(f"a{i}", f"a{i}", "new", 100, "2024-01-01") for i in range(opening)]
    rows += [event(f"gone{i}", f"a{i}", "churn", -100, "2025-02-01") for i in range(lost + back)]
    rows += [event(f"back{i}", f"a{i}", "reactivation", 100, "2025-03-01") for i in range(lost, lost + back)]
    rows += [event(f"n{i}", f"n{i}", "new", 100, "2025-01-15") for i in range(new + new_and_lost)]
    rows += [event(f"left{i}", f"n{i}", "churn", -100, "2025-02-15") for i in range(new_and_lost)]
    return owned(rows)


@pytest.mark.parametrize(
    ("case", "customers", "retained"),
    [
        ("M006", {"opening": 100, "lost": 10, "back": 1, "new_and_lost": 1}, 0.90),
        ("M011", {"opening": 100, "lost": 10, "new": 20}, 0.90),
        ("M013", {"opening": 100, "lost": 10}, 0.90),
        ("M024", {"opening": 10, "lost": 1}, 0.90),
        ("M032 first", {"opening": 100, "lost": 20, "new": 10}, 0.80),
        ("M032 third", {"opening": 30, "lost": 3, "new": 3}, 0.90),
    ],
)
def test_logo_retention(case: str, customers: dict[str, int], retained: float) -> None:
    assert measured("logo_retention", logos(**customers)) == [pytest.approx(retained, rel=1e-12)], case


def test_m032_no_customer_at_opening_is_undefined_and_not_100_percent() -> None:
    assert measured("logo_retention", logos(0, 0, new=10)) == [None]


class TestSnapshots:
    """M035: four snapshots of five customers; here each lies at the start of a quarter."""

    SNAPSHOTS = (
        {"A": 100, "B": 50, "C": 30},
        {"A": 120, "B": 50, "C": 30, "D": 40},
        {"A": 120, "B": 35, "D": 40, "E": 60},
        {"A": 150, "B": 35, "C": 30, "D": 40, "E": 60},
    )

    def company(self) -> Company:
        rows: list[Row] = []
        known: dict[str, float] = {}
        seen: set[str] = set()
        for n, snapshot in enumerate(self.SNAPSHOTS):
            on = ("2024-12-31", "2025-02-01", "2025-05-01", "2025-08-01")[n]
            for name in sorted({*known, *snapshot}):
                before, now = known.get(name, 0), snapshot.get(name, 0)
                gained = "expansion" if before else "reactivation" if name in seen else "new"
                kind = gained if now > before else "contraction" if now else "churn"
                if now != before:
                    rows.append(event(f"{name}{n}", name, kind, now - before, on))
            known, seen = snapshot, seen | set(snapshot)
        return owned(rows)

    @pytest.mark.parametrize(
        ("metric", "by_quarter"),
        [
            ("net_new_arr", [60, 15, 60]),
            ("nrr", [200 / 180, 195 / 240, 285 / 255]),
            ("nrr_bridge", [200 / 180, 195 / 240, 285 / 255]),
            ("grr", [1.0, 0.8125, 1.0]),
            ("logo_retention", [1.0, 0.75, 1.0]),
        ],
    )
    def test_quarter_by_quarter(self, metric: str, by_quarter: list[Any]) -> None:
        assert measured(metric, self.company(), "2025Q1:2025Q3") == pytest.approx(by_quarter, rel=1e-12)

    @pytest.mark.parametrize(("metric", "whole"), [("nrr", 215 / 180), ("grr", 165 / 180), ("logo_retention", 1.0)])
    def test_from_the_first_to_the_last(self, metric: str, whole: float) -> None:
        """119.4% from point to point, in which C left and returned; the quarters chained make 100.9%."""
        found = measured(metric, self.company(), "2025Q3", baseline="year_start")
        assert found == [pytest.approx(whole, rel=1e-12)]
        by_quarter = [value or 0 for value in measured(metric, self.company(), "2025Q1:2025Q3")]
        assert prod(by_quarter) < whole
        assert metric != "nrr" or round(prod(by_quarter), 3) == 1.009


class TestAYear:
    """Losses of a quarter or a month, in a year: two sources add or round where the figure compounds."""

    LOSS = company(200000, contraction=10000, churn=15000)

    def test_m014(self) -> None:
        """12.5% a quarter is 41.4% a year; the source multiplies by four and says 50%."""
        assert measured("grr_of_totals", self.LOSS, annualised="compounding") == [pytest.approx(1 - 0.41381836)]
        assert measured("grr_of_totals", self.LOSS, annualised="adding") == [0.5]

    def test_m021(self) -> None:
        """5% a month is 45.96% a year; the source prints 45.95."""
        rows = [event("a0", "a", "new", 100_000, "2024-01-01")]
        lost = (5_000.0, 4_750.0, 4_512.5)
        rows += [event(f"a{n}", "a", "contraction", -lost[n - 1], f"2025-0{n}-10") for n in (1, 2, 3)]
        monthly = {"baseline": "month_start", "combined": "chained", "annualised": "compounding"}
        (kept,) = measured("grr", owned(rows), **monthly)
        assert kept == pytest.approx(0.95**12, rel=1e-12)
        assert round(100 * (1 - (kept or 0)), 2) == 45.96


class TestLateRenewal:
    """M045: 100 due in January and 100 due in February, both closed in February; here quarters."""

    EVENTS = (
        event("a0", "a", "new", 100, "2024-01-01"),
        event("b0", "b", "new", 100, "2024-01-01"),
        event("a1", "a", "renewal", 100, "2025-01-15", due_on="2025-01-15", signed_on="2025-04-10"),
        event("b1", "b", "renewal", 100, "2025-04-20", due_on="2025-04-20", signed_on="2025-04-20"),
    )

    @pytest.mark.parametrize(
        ("credited", "by_quarter"),
        [("due_on", [1.0, 1.0]), ("signed_on", [None, 1.0])],
    )
    def test_one_date_for_both_sides(self, credited: str, by_quarter: list[float | None]) -> None:
        """Whatever the date, numerator and denominator follow it: never 0% and then 200%."""
        plan = example_plan().replace(
            {
                "components.nrr.metric": "renewal_rate",
                "components.nrr.attainment": {"kind": "ratio"},
                "credit_on.renewal": credited,
            }
        )
        (run,) = replay([plan], owned(list(self.EVENTS)).history(), "2025Q1:2025Q2")
        values = run.payouts[run.payouts["component"] == "nrr"]["value"]
        assert [None if value != value else value for value in values] == by_quarter


def test_m043_renewal_rate_of_what_was_up_for_renewal() -> None:
    """4 million up for renewal, 0.5 lost and 0.3 downgraded at it: 80%."""
    rows = [
        event("a0", "a", "new", 3_500_000, "2024-01-01"),
        event("b0", "b", "new", 500_000, "2024-01-01"),
        event("a1", "a", "contraction", -300_000, "2025-02-01", is_at_renewal=True),
        event("a2", "a", "renewal", 3_200_000, "2025-02-01"),
        event("b1", "b", "churn", -500_000, "2025-02-01", is_at_renewal=True),
    ]
    assert measured("renewal_rate", owned(rows)) == [0.8]

    def test_closed_over_due_gives_nothing_and_then_twice(self) -> None:
        """The published reading: what was closed over what was due, 0% and then 200%."""
        found = owned(list(self.EVENTS))
        changes = {"credit_on.renewal": "signed_on", "components.nrr.attainment": {"kind": "ratio"}}
        changes |= {"components.nrr.metric": "renewal_rate", "components.nrr.baseline": "due_in_period"}
        (run,) = replay([example_plan().replace(changes)], found.history(), "2025Q1:2025Q2")
        assert run.payouts.loc[run.payouts["component"] == "nrr", "value"].tolist() == [0.0, 2.0]


def from_prices(*prices: tuple[str, str, str | None, float], times: float = 12) -> pd.DataFrame:
    """The movements of a mapping of priced spans: customer, first day, day after the last, price."""
    frame = pd.DataFrame(prices, columns=["account_id", "start", "end", "amount"])
    for name in ("start", "end"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    frame["end"] -= pd.Timedelta(days=1)
    rows = frame.assign(subscription_id=[f"s{i}" for i in range(len(frame))], currency="USD")
    rule = {
        "start": "s",
        "end": "e",
        "amount": "a",
        "times": times,
        "per": "account",
        "data_ends_on": dt.date(2030, 1, 1),
    }
    return movements(rows, Spans.model_validate(rule))


class TestPrices:
    """Monthly and yearly prices as ARR."""

    @pytest.mark.parametrize(
        ("case", "monthly", "yearly", "mrr"),
        [
            ("M023", [100] * 100, [600] * 50, 12_500),
            ("M028 active", [29, 99], [1200], 228),
            ("M028 with trials", [29, 99], [], 128),
            ("M028 plans", [29, 29, 99], [290], 181 + 1 / 6),
            ("M036", [199, 499], [], 698),
            ("M036 yearly", [], [9990], 832.5),
            ("M036 with an add-on", [499, 50], [], 549),
        ],
    )
    def test_arr_is_twelve_times_mrr(self, case: str, monthly: list[float], yearly: list[float], mrr: float) -> None:
        total = 0.0
        for prices, times in ((monthly, 12), (yearly, 1)):
            spans = [(f"c{i}", "2025-01-01", None, float(price)) for i, price in enumerate(prices)]
            total += from_prices(*spans, times=times)["arr_delta"].sum() if spans else 0
        assert total == pytest.approx(12 * mrr, rel=1e-12), case

    def test_m050(self) -> None:
        """Three customers month by month; an upgrade is our expansion, a downgrade our contraction."""
        one = [("2018-11", "2019-02", 50), ("2019-04", "2019-06", 50), ("2019-06", "2019-08", 75)]
        five = [("2018-11", "2018-12", 50), ("2018-12", "2019-03", 25), ("2019-07", "2019-08", 50)]
        five += [("2019-08", "2019-09", 25), ("2019-09", "2019-10", 50), ("2019-10", "2019-12", 25)]
        five += [("2019-12", "2020-01", 40)]
        ten = [("2018-04", "2018-05", 80), ("2018-09", "2018-10", 50), ("2018-10", "2019-04", 25)]
        ten += [("2019-04", "2019-05", 50), ("2019-05", "2019-06", 25), ("2019-06", "2019-11", 50)]
        ten += [("2019-11", "2019-12", 25), ("2019-12", "2020-01", 35)]
        spans = [
            (name, f"{start}-01", f"{end}-01", float(price))
            for name, rows in (("1", one), ("5", five), ("10", ten))
            for start, end, price in rows
        ]
        found = from_prices(*spans, times=1)
        told = {
            name: [f"{row.effective_on:%Y-%m} {row.event_type} {row.arr_delta:g}" for row in rows.itertuples()]  # type: ignore[str-format]
            for name, rows in found.groupby("account_id")
        }
        assert told["1"] == [
            "2018-11 new 50",
            "2019-02 churn -50",
            "2019-04 reactivation 50",
            "2019-06 expansion 25",
            "2019-08 churn -75",
        ]
        assert told["5"] == [
            "2018-11 new 50",
            "2018-12 contraction -25",
            "2019-03 churn -25",
            "2019-07 reactivation 50",
            "2019-08 contraction -25",
            "2019-09 expansion 25",
            "2019-10 contraction -25",
            "2019-12 expansion 15",
            "2020-01 churn -40",
        ]
        assert told["10"] == [
            "2018-04 new 80",
            "2018-05 churn -80",
            "2018-09 reactivation 50",
            "2018-10 contraction -25",
            "2019-04 expansion 25",
            "2019-05 contraction -25",
            "2019-06 expansion 25",
            "2019-11 contraction -25",
            "2019-12 expansion 10",
            "2020-01 churn -35",
        ]
