"""Levels, blends and means: the ratios a value is made of; every figure is for the first quarter of 2025."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from compmodel.plan import example_plan, parsed_plan
from compmodel.replay import Replay, replay
from histories import SPAN, Company, Row, companies, counted, employed, event, held, plan_dicts

ACCOUNTS = [
    {"account_id": "a", "segment": "enterprise", "region": "EMEA"},
    {"account_id": "b", "segment": "enterprise", "region": "Americas"},
    {"account_id": "c", "segment": "small", "region": "EMEA"},
    {"account_id": "d"},
]
EVENTS = [
    *(
        event(f"{name}0", name, "new", arr, "2024-01-01")
        for name, arr in zip("abcd", (100, 300, 400, 200), strict=True)
    ),
    event("a1", "a", "expansion", 20, "2025-02-01"),
    event("b1", "b", "contraction", -30, "2025-02-01", ends_on="2025-01-31"),
    event("c1", "c", "expansion", 40, "2025-02-01"),
    event("d1", "d", "churn", -200, "2025-02-01", ends_on="2025-01-31"),
]
"""NRR by account: 120%, 90%, 110%, 0% of 100, 300, 400 and 200."""
BOOKS = [held("a", "p"), held("b", "q"), held("c", "r")]
PEOPLE = [
    employed("p", team="north", segment="enterprise", region="EMEA"),
    employed("q", team="north", segment="enterprise"),
    employed("r", team="south", segment="large", region="EMEA"),
    employed("s", team="north"),
]


def replayed(level: Any, changes: Row | None = None, **tables: Any) -> Replay:
    found = Company(EVENTS, BOOKS, PEOPLE, [counted(4, "2025-02-01", payee_id="p")], ACCOUNTS).but(**tables)
    fields = {"components.nrr.attainment": {"kind": "ratio"}, "components.nrr.level": level, **(changes or {})}
    (run,) = replay([example_plan().replace(fields)], found.history(), "2025Q1")
    return run


def values(level: Any, changes: Row | None = None, component: str = "nrr", **tables: Any) -> dict[str, float | None]:
    rows = replayed(level, changes, **tables).payouts
    rows = rows[rows["component"] == component]
    return {
        name: None if value != value else value for name, value in zip(rows["payee_id"], rows["value"], strict=True)
    }


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("individual", {"p": 1.2, "q": 0.9, "r": 1.1, "s": None}),
        ("team", {"p": 390 / 400, "q": 390 / 400, "r": 1.1, "s": 390 / 400}),
        ("segment", {"p": 390 / 400, "q": 390 / 400, "r": None, "s": None}),
        ("region", {"p": 560 / 500, "q": None, "r": 560 / 500, "s": None}),
        ("company", dict.fromkeys("pqrs", 830 / 1000)),
    ],
)
def test_levels(level: str, expected: dict[str, float | None]) -> None:
    """A segment's, region's and the company's result hold every account, also those in nobody's book, such as d."""
    assert values(level) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ({"individual": 0.5, "team": 0.5}, {"p": (1.2 + 0.975) / 2, "q": (0.9 + 0.975) / 2, "r": 1.1, "s": 0.975}),
        ({"individual": "1/3", "company": "2/3"}, {"p": (1.2 + 1.66) / 3, "q": 2.56 / 3, "r": 2.76 / 3, "s": 0.83}),
        (
            {"default": "individual", "by_role": {"csm": {"team": 0.2, "region": 0.8}}},
            {"p": 0.195 + 0.896, "q": 0.975, "r": 0.22 + 0.896, "s": 0.975},
        ),
    ],
)  # fmt: skip
def test_blends(level: Any, expected: dict[str, float]) -> None:
    """Who has no opening ARR alone is measured on the rest of the blend."""
    assert values(level) == pytest.approx(expected)


@pytest.mark.parametrize("level", ["company", "segment"])
def test_what_is_excluded_counts_for_nobody(level: str) -> None:
    """Without b, which lost 30 of 300."""
    books = {"books.exclude": [{"account_id": "b", "because": "insolvent"}]}
    whole = values(level)["p"]
    assert (whole, values(level, books)["p"]) == ((0.83, 560 / 700) if level == "company" else (390 / 400, 1.2))


def test_a_mean_of_ratios() -> None:
    """Not 390 of 400: the mean of 120% and 90%. A member without opening ARR does not count."""
    mean = {"components.nrr.unit_figure": "mean_of_ratios"}
    assert values("team", mean) == pytest.approx({"p": 1.05, "q": 1.05, "r": 1.1, "s": 1.05})
    assert values("company", mean) == pytest.approx(dict.fromkeys("pqrs", 3.2 / 3))
    blend = values({"individual": 0.5, "team": 0.5}, mean)
    assert blend == pytest.approx({"p": (1.2 + 1.05) / 2, "q": (0.9 + 1.05) / 2, "r": 1.1, "s": 1.05})
    lonely = [*PEOPLE, employed("t")]
    rows = replayed("team", mean, payees=lonely).payouts.set_index(["payee_id", "component"])
    assert rows.loc[("t", "nrr"), "note"] == "in no team, so nothing is paid"


def test_a_mean_of_ratios_is_of_people_also_where_no_account_is_of_their_region() -> None:
    people = [employed("p", region="APAC"), employed("q", region="APAC")]
    mean = {"components.nrr.unit_figure": "mean_of_ratios"}
    books = {"payees": people, "assignments": BOOKS[:2]}
    assert values("region", mean, **books) == pytest.approx({"p": 1.05, "q": 1.05})
    assert values("region", **books) == {"p": None, "q": None}


def test_a_blended_kpi_is_the_own_count_and_the_mean_of_the_others() -> None:
    assert values("team", {"components.kpi.level": {"individual": 0.25, "team": 0.75}}, "kpi") == {
        "p": 0.25 * 4 + 0.75 * 4 / 3,
        "q": 0.75 * 4 / 3,
        "r": 0.0,
        "s": 0.75 * 4 / 3,
    }
    assert values("team", {"components.kpi.level": "company"}, "kpi") == dict.fromkeys("pqrs", 1.0)


def test_what_is_in_no_segment_says_so() -> None:
    rows = replayed("region").payouts
    assert set(rows.loc[rows["value"].isna(), "note"]) == {"in no region, so nothing is paid"}


def test_the_measurements_are_what_a_value_is_made_of() -> None:
    rows = replayed({"individual": 0.5, "team": 0.5}).measurements
    mine = rows[(rows["payee_id"] == "p") & (rows["component"] == "nrr")]
    columns = ["level", "unit_id", "share", "opening_arr", "numerator", "denominator"]
    assert mine[columns].to_numpy().tolist() == [
        ["individual", "p", 0.5, 100.0, 120.0, 100.0],
        ["team", "north", 0.5, 400.0, 390.0, 400.0],
    ]
    paid = replayed({"individual": 0.5, "team": 0.5}).payouts.iloc[0]
    assert paid["level"] == "blend"
    assert paid[["unit_id", "opening_arr", "numerator", "denominator"]].isna().all()


@settings(max_examples=12)
@given(companies(), plan_dicts())
def test_values_follow_from_the_measurements(company: Company, written: Row) -> None:
    """Worked out row by row, as somebody with the table and a calculator would."""
    plan = parsed_plan(written, "drawn")
    (run,) = replay([plan], company.history(), SPAN)
    paid = run.payouts.set_index(["payee_id", "period", "component"])["value"]
    for key, rows in run.measurements.groupby(["payee_id", "period", "component"]):
        if key not in paid.index or plan.component(key[2]).annualised:
            continue
        weighed, over = 0.0, 0.0
        for _, of_level in rows[rows["denominator"] > 0].groupby("level"):
            products = [
                (ratios["numerator"] / ratios["denominator"]).prod() for _, ratios in of_level.groupby("product")
            ]
            weighed += of_level["share"].iloc[0] * sum(products) / len(products)
            over += of_level["share"].iloc[0]
        expected = weighed / over if over else np.nan
        assert paid[key] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
