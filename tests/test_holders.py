"""Who holds an account on a day: beside a reading of every span, a row at a time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compmodel import holders
from compmodel.holders import Shares, Spans
from compmodel.tables import UNASSIGNED

START = dt.date(2025, 1, 1)
ACCOUNTS = pd.Index(["a", "b", "c"], dtype="str")
SPANS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "elsewhere"]),
        st.sampled_from(["p", "q", "r"]),
        st.integers(0, 5),
        st.none() | st.integers(-2, 5),
        st.sampled_from([0.25, 0.5, 1.0]),
    ),
    max_size=6,
)
Span = tuple[str, str, int, int | None, float]


def day(n: int) -> dt.date:
    return START + dt.timedelta(days=n)


def table(spans: list[Span]) -> pd.DataFrame:
    ends = [None if length is None else day(start + length) for _, _, start, length, _ in spans]
    return pd.DataFrame(
        {
            "account_id": pd.Series([span[0] for span in spans], dtype="str"),
            "payee_id": pd.Series([span[1] for span in spans], dtype="str"),
            "starts_on": np.array([day(span[2]) for span in spans], dtype="datetime64[s]"),
            "ends_on": np.array(ends, dtype="datetime64[s]"),
            "split": [span[4] for span in spans],
        }
    )


def read(shares: Shares) -> list[tuple[int, str, float]]:
    return list(zip(shares.row.tolist(), shares.names[shares.payee], shares.split.tolist(), strict=True))


def slowly(spans: list[Span], asked: list[tuple[str, int]]) -> list[tuple[int, str, float]]:
    """Each question answered by looking at every span."""
    found = []
    for row, (account, on) in enumerate(asked):
        mine: dict[str, float] = defaultdict(float)
        for held, payee, start, length, split in spans:
            if held == account and start <= on and (length is None or on <= start + length):
                mine[payee] += split
        left = 1 - sum(mine.values())
        found += [(row, payee, mine[payee]) for payee in sorted(mine)]
        found += [(row, UNASSIGNED, left)] if left > 0 else []
    return found


@given(spans=SPANS, asked=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(-1, 12)), max_size=12))
def test_holders_on_days_are_those_of_reading_every_span(spans: list[Span], asked: list[tuple[str, int]]) -> None:
    account = ACCOUNTS.get_indexer(pd.Index([name for name, _ in asked], dtype="str"))
    days = np.array([day(on) for _, on in asked], dtype="datetime64[s]")
    assert read(Spans(table(spans), ACCOUNTS).on_days(account, days)) == slowly(spans, asked)


def test_rows_in_several_blocks_are_those_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "BLOCK", 3)
    spans: list[Span] = [("a", "p", 0, 9, 0.5), ("a", "q", 0, None, 0.5), ("b", "q", 5, 2, 1.0)]
    asked = [(account, on) for on in (0, 4, 5, 7, 8, 10) for account in ("a", "b")]
    days = np.array([day(on) for _, on in asked], dtype="datetime64[s]")
    account = ACCOUNTS.get_indexer(pd.Index([name for name, _ in asked]))
    assert read(Spans(table(spans), ACCOUNTS).on_days(account, days)) == slowly(spans, asked)


def test_what_is_taken_away_is_nobodys_and_says_from_whom_and_why() -> None:
    spans = Spans(table([("a", "p", 0, None, 0.5), ("a", "q", 0, None, 0.5)]), ACCOUNTS)
    shares = spans.on_days(np.array([0]), np.array([day(3)], dtype="datetime64[s]"))
    lost = shares.taken_away(np.array([False, True]), "bankrupt")
    columns = pd.DataFrame(lost.columns())
    assert columns.to_numpy().tolist() == [["p", "", ""], [UNASSIGNED, "bankrupt", "q"]]
    assert lost.split.tolist() == [0.5, 0.5]
