"""Texts as whole numbers, and rows in the order of whole numbers: what lets millions of events be replayed.

Text columns of movements and ledgers are categorical: a row holds the position of its text among the few there are, so
that a text is looked up once and not once a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes = npt.NDArray[np.intp]
_BITS = 63


def positions(texts: pd.Series, among: pd.Index) -> Codes:
    """Returns the position of each text in an index of different texts, -1 where it has none.

    >>> positions(pd.Series(["b", "z"], dtype="category"), pd.Index(["a", "b"])).tolist()
    [1, -1]
    """
    if isinstance(texts.dtype, pd.CategoricalDtype):
        found: Codes = np.append(positions(pd.Series(texts.dtype.categories), among), -1)[texts.array.codes]
        return found
    codes = pd.factorize(pd.concat([pd.Series(among), texts]))[0][len(among) :]
    return np.where(codes < len(among), codes, -1)


def position(text: str, among: pd.Index) -> int:
    """Returns the position of a text in an index of different texts, -1 where it has none.

    >>> position("b", pd.Index(["a", "b"]))
    1
    """
    return int(among.get_indexer(pd.Index([text]))[0])


def categorical(texts: pd.Series, sort: bool = False) -> pd.Series:
    """Returns texts as a categorical column, its categories in the order in which they first occur, or sorted."""
    if isinstance(texts.dtype, pd.CategoricalDtype):
        return texts
    codes, names = pd.factorize(texts, sort=sort)
    return pd.Series(pd.Categorical.from_codes(codes, names), index=texts.index)


def same_text(text: str, n: int) -> pd.Categorical:
    """Returns a column of n times the same text."""
    return pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), pd.Index([text], dtype="str"))


def order_by(ids: pd.Series, *keys: npt.NDArray[Any], rows: Codes | None = None) -> Codes:
    """Returns the order of rows by whole numbers or days, the first key first; rows alike in all stand by their ids.

    `rows`: which of the ids are the rows'; all, unless given. The keys are packed into one number with the row's
    position: that is sorted several times faster than by each, and few ids are asked for.

    >>> order_by(pd.Series(["b", "a", "c"]), np.array([1, 1, 0]), np.array([2, 2, 9])).tolist()
    [2, 1, 0]
    """
    n = len(keys[0])
    rows = np.arange(n) if rows is None else rows
    n_bits = n.bit_length()
    packed, bits = np.zeros(n, dtype=np.int64), n_bits
    for key in keys if n else ():
        numbers = (key.astype("datetime64[D]") if key.dtype.kind == "M" else key).astype(np.int64, copy=False)
        low = int(numbers.min())
        width = (int(numbers.max()) - low).bit_length()
        bits += width
        if bits > _BITS:
            return np.lexsort((pd.factorize(ids.take(rows), sort=True)[0], *keys[::-1]))
        packed <<= width
        packed |= numbers - low
    packed <<= n_bits
    packed |= np.arange(n)
    packed.sort()
    order: Codes = packed & ((1 << n_bits) - 1)
    packed >>= n_bits
    alike = np.flatnonzero(packed[1:] == packed[:-1])
    tied = np.union1d(alike, alike + 1)
    rank = pd.factorize(ids.take(rows[order[tied]]), sort=True)[0]
    order[tied] = order[tied][np.lexsort((rank, packed[tied]))]
    return order
