"""Texts as whole numbers: the packed order is the order by each key in turn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compmodel.codes import categorical, order_by, position, positions, same_text


def sorted_in_turn(ids: list[str], keys: list[list[int]]) -> list[int]:
    return sorted(range(len(ids)), key=lambda row: (*(key[row] for key in keys), ids[row]))


KEYS = st.integers(0, 12).flatmap(
    lambda n: st.tuples(
        st.permutations([f"e{i}" for i in range(n)]),
        st.lists(st.lists(st.integers(-3, 3), min_size=n, max_size=n), min_size=1, max_size=3),
    )
)


@given(drawn=KEYS)
def test_order_by_is_the_order_by_each_key_and_then_the_ids(drawn: tuple[list[str], list[list[int]]]) -> None:
    ids, keys = drawn
    arrays = [np.array(key, dtype=np.int64) for key in keys]
    assert order_by(pd.Series(ids, dtype="str"), *arrays).tolist() == sorted_in_turn(ids, keys)


@pytest.mark.parametrize("large", [2**20, 2**61])
def test_keys_too_wide_for_one_number_give_the_same_order(large: int) -> None:
    ids, keys = ["c", "b", "a", "d"], [[large, -large, large, 0], [1, large, 1, -large]]
    arrays = [np.array(key, dtype=np.int64) for key in keys]
    assert order_by(pd.Series(ids, dtype="str"), *arrays).tolist() == sorted_in_turn(ids, keys)


def test_days_and_truths_are_keys_too() -> None:
    days = np.array(["2025-03-01", "2025-02-01", "2025-03-01"], dtype="datetime64[s]")
    assert order_by(pd.Series(["a", "b", "c"]), days, np.array([True, True, False])).tolist() == [1, 2, 0]


def test_rows_say_which_ids_are_meant() -> None:
    ids, same = pd.Series(["z", "c", "b", "a"]), np.zeros(3, dtype=np.int64)
    assert order_by(ids, same, rows=np.array([0, 2, 3])).tolist() == [2, 1, 0]


def test_positions_of_texts_and_of_categories_agree() -> None:
    texts, among = pd.Series(["b", "x", "a", "b"], dtype="str"), pd.Index(["a", "b", "c"])
    assert positions(texts, among).tolist() == positions(categorical(texts), among).tolist() == [1, -1, 0, 1]
    assert (position("c", among), position("x", among)) == (2, -1)


def test_a_categorical_column_reads_as_its_texts() -> None:
    texts = pd.Series(["b", "a", "b"], dtype="str")
    assert categorical(texts).tolist() == ["b", "a", "b"]
    assert categorical(texts).cat.categories.tolist() == ["b", "a"]
    assert categorical(texts, sort=True).cat.categories.tolist() == ["a", "b"]
    assert categorical(categorical(texts, sort=True)).cat.categories.tolist() == ["a", "b"]
    assert list(same_text("x", 2)) == ["x", "x"]
