"""Retention figures that others have published, from our events. Each id is that of the collected case.

A case gives a period's movements; `company` makes accounts that move so. Where a source contradicts itself, `ours` says
which reading is ours and the printed figure is shown to differ. Not run: annual from monthly prices (M023, M026, M028,
M036, M040, M041), which is a mapping's `times`, and annualised losses (M014, M021), which wait for yearly targets.
"""

from __future__ import annotations

from typing import Any

import pytest

from compmodel.plan import example_plan
from compmodel.replay import replay
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


def measured(metric: str, found: Company, span: str = "2025Q1") -> list[float | None]:
    """The value in each quarter; none where it is undefined."""
    changes = {"components.nrr.metric": metric, "components.nrr.attainment": {"kind": "ratio"}}
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
