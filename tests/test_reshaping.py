"""Movements built from spans add up to the spans on every day; wide rates are crossed the right way round."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compmodel.mapping import Spans, Wide
from compmodel.reshaping import movements, rates

END = dt.date(2025, 12, 31)


def rule(**changes: Any) -> Spans:
    written = {"start": "s", "end": "e", "amount": "a", "times": 12, "per": "account", "data_ends_on": END}
    return Spans.model_validate(written | changes)


def spans(*rows: tuple[str, str, str | None, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "start", "end", "amount"])
    frame["start"] = pd.to_datetime(frame["start"]).astype("datetime64[s]")
    frame["end"] = pd.to_datetime(frame["end"]).astype("datetime64[s]")
    return frame.assign(subscription_id=[f"s{i}" for i in range(len(frame))], currency="EUR")


def told(events: pd.DataFrame) -> list[tuple[str, str, float]]:
    rows: list[Any] = list(events.itertuples())
    return [(f"{row.effective_on:%Y-%m-%d}", row.event_type, row.arr_delta) for row in rows]


def test_each_kind_of_movement() -> None:
    events = movements(
        spans(
            ("a", "2025-01-01", "2025-06-30", 10),  # new, then gone
            ("a", "2025-03-01", "2025-04-30", 5),  # expansion, then contraction
            ("a", "2025-09-01", None, 7.5),  # back again
        ),
        rule(),
    )
    assert told(events) == [
        ("2025-01-01", "new", 120),
        ("2025-03-01", "expansion", 60),
        ("2025-05-01", "contraction", -60),
        ("2025-07-01", "churn", -120),
        ("2025-09-01", "reactivation", 90),
    ]
    ends = events["ends_on"].dt.strftime("%Y-%m-%d").fillna("").tolist()
    assert ends == ["", "", "2025-04-30", "2025-06-30", ""]
    assert events["event_id"].tolist()[:2] == ["a:2025-01-01", "a:2025-03-01"]
    assert events["position"].tolist() == [0, 1, 1, 0, 2]
    assert not events["is_at_renewal"].any()


def test_a_change_of_items_on_one_day_is_one_event_or_none() -> None:
    same = spans(("a", "2025-01-01", "2025-05-31", 10), ("a", "2025-06-01", None, 10))
    assert told(movements(same, rule())) == [("2025-01-01", "new", 120)]
    more = spans(("a", "2025-01-01", "2025-05-31", 10), ("a", "2025-06-01", None, 12))
    assert told(movements(more, rule()))[1:] == [("2025-06-01", "expansion", 24)]


@pytest.mark.parametrize(("end", "is_over"), [("2025-12-30", True), ("2025-12-31", False), ("2026-02-28", False)])
def test_where_the_data_ends_nothing_ends(end: str, is_over: bool) -> None:
    kinds = movements(spans(("a", "2025-01-01", end, 10)), rule())["event_type"].tolist()
    assert kinds == (["new", "churn"] if is_over else ["new"])


def test_a_subscription_may_be_the_owner_of_its_movements() -> None:
    two = spans(("a", "2025-01-01", None, 10), ("a", "2025-01-01", "2025-03-31", 5))
    assert told(movements(two, rule()))[-1] == ("2025-04-01", "contraction", -60)
    events = movements(two, rule(per="subscription", at_renewal=["churn"]))
    assert told(events)[-1] == ("2025-04-01", "churn", -60)
    assert events["event_id"].iloc[-1] == "a:s1:2025-04-01"
    assert events["is_at_renewal"].tolist() == [False, False, True]


def test_tenths_that_do_not_add_up_in_floats_leave_no_crumbs() -> None:
    thirds = spans(*[("a", "2025-01-01", "2025-05-31", 0.1)] * 3, ("a", "2025-06-01", "2025-08-31", 0.3))
    assert told(movements(thirds, rule())) == [("2025-01-01", "new", 3.6), ("2025-09-01", "churn", -3.6)]


def test_spans_without_an_amount_move_nothing() -> None:
    assert len(movements(spans(("a", "2025-01-01", "2025-05-31", 0)), rule())) == 0
    assert len(movements(spans(("a", "2025-01-01", None, 1)).iloc[:0], rule())) == 0


DAYS = st.integers(0, 60)
ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), DAYS, DAYS | st.none(), st.integers(0, 30_000)), min_size=1, max_size=12
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(ROWS)
def test_the_movements_of_an_account_add_up_to_its_spans_on_every_day(rows: list[Any]) -> None:
    first = pd.Timestamp("2025-11-01")
    data_end = first + pd.Timedelta(days=50)
    written = [
        (account, start, None if length is None else start + length, cents / 100)
        for account, start, length, cents in rows
    ]
    frame = spans(
        *[
            (
                account,
                str(first + pd.Timedelta(days=start)),
                end if end is None else str(first + pd.Timedelta(days=end)),
                mrr,
            )
            for account, start, end, mrr in written
        ]
    )
    events = movements(frame, rule(data_ends_on=data_end.date()))
    assert events["event_id"].is_unique
    for account in "abc":
        mine, has_been, total = events[events["account_id"] == account], False, 0.0
        moved: dict[int, list[tuple[str, float]]] = {}
        for on, kind, delta in zip(mine["effective_on"], mine["event_type"], mine["arr_delta"], strict=True):
            moved.setdefault((on - first).days, []).append((kind, delta))
        assert set(moved) <= set(range(125))
        for day in range(125):
            here = (
                amount * 12
                for owner, start, end, amount in written
                if owner == account and start <= day and (end is None or end >= 50 or day <= end)
            )
            today = moved.get(day, [])
            total += sum(delta for _, delta in today)
            assert total == pytest.approx(sum(here), abs=0.01)
            for kind, _ in today:
                assert (kind == "new") == (not has_been)
                assert (kind == "churn") == (abs(total) < 0.001)
                has_been = True


def units(**columns: list[float]) -> pd.DataFrame:
    days = pd.to_datetime(["2025-07-01", "2025-07-02"]).as_unit("s")
    return pd.DataFrame({"on": days, **columns})


def test_rates_are_crossed_to_the_reporting_currency_by_hand() -> None:
    crossed = rates(units(USD=[1.2, 1.25], GBP=[0.8, 0.5]), Wide(base="EUR", quote="units_per_base"), "USD")
    assert crossed["currency"].tolist() == ["GBP", "EUR", "GBP", "EUR"]
    assert crossed["rate"].tolist() == pytest.approx([1.5, 1.2, 2.5, 1.25])
    assert crossed["position"].tolist() == [0, 0, 1, 1]


def test_rates_quoted_the_other_way_are_crossed_the_other_way() -> None:
    crossed = rates(units(USD=[0.8, 0.5], GBP=[1.2, 1.25]), Wide(base="EUR", quote="base_per_unit"), "USD")
    assert crossed["rate"].tolist() == pytest.approx([1.5, 1.25, 2.5, 2.0])


def test_the_base_may_be_the_reporting_currency() -> None:
    crossed = rates(units(USD=[1.25, 2.0]), Wide(base="EUR", quote="units_per_base"), "EUR")
    assert dict(zip(crossed["currency"], crossed["rate"], strict=True)) == {"USD": 0.5}
    assert crossed["rate"].tolist() == [0.8, 0.5]


def test_a_day_without_the_reporting_currency_has_no_rate_at_all() -> None:
    nothing = float("nan")
    crossed = rates(units(USD=[nothing, 1.25], GBP=[0.8, nothing]), Wide(base="EUR", quote="units_per_base"), "USD")
    assert crossed["on"].dt.day.tolist() == [2]
    assert crossed["currency"].tolist() == ["EUR"]
