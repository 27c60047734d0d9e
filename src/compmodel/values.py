"""The value that ratios make, in floats and exactly.

Ratios of one `product` are multiplied, the products of a level averaged, the levels averaged by their `share`. A ratio
over nothing is left out, and so is a level without any; a value without any ratio is empty.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.metrics import Sums, added
from compmodel.money import Array, exact


def values(ratios: pd.DataFrame, n: int) -> Sums:
    """Returns the value of each of n rows of people from their ratios, of `measure`; NaN without any ratio."""
    kept = ratios[ratios["denominator"].to_numpy() > 0]
    if not len(kept):
        return np.full(n, np.nan)
    ratio = (kept["numerator"] / kept["denominator"]).to_numpy()
    row, product, share = (kept[name].to_numpy() for name in ("row", "product", "share"))
    level = pd.factorize(kept["level"])[0]
    begins = np.flatnonzero(np.r_[True, product[1:] != product[:-1]])
    of_products = np.multiply.reduceat(ratio, begins)
    row, level, share = row[begins], level[begins], share[begins]
    begins = np.flatnonzero(np.r_[True, (row[1:] != row[:-1]) | (level[1:] != level[:-1])])
    means = np.add.reduceat(of_products, begins) / np.diff(np.r_[begins, len(row)])
    row, share = row[begins], share[begins]
    whole, over = added(row, share * means, n), added(row, share, n)
    return np.where(over > 0, whole / np.where(over > 0, over, 1), np.nan)


def exact_values(ratios: pd.DataFrame, rows: npt.NDArray[np.intp]) -> Array:
    """Returns the values of these rows of people as exact fractions; 0 without any ratio."""
    kept = ratios[ratios["row"].isin(rows) & (ratios["denominator"] > 0)]
    columns = (kept[name] for name in ("row", "level", "share", "product", "numerator", "denominator"))
    products: dict[int, dict[tuple[str, float], dict[int, Fraction]]] = defaultdict(lambda: defaultdict(dict))
    for row, level, share, product, above, below in zip(*columns, strict=True):
        mine = products[row][level, share]
        mine[product] = mine.get(product, Fraction(1)) * exact(above) / exact(below)
    return np.array([_averaged(products[row]) for row in rows], dtype=object)


def _averaged(levels: dict[tuple[str, float], dict[int, Fraction]]) -> Fraction:
    means = [(exact(share), sum(mine.values(), Fraction(0)) / len(mine)) for (_, share), mine in levels.items()]
    over = sum((share for share, _ in means), Fraction(0))
    return sum((share * mean for share, mean in means), Fraction(0)) / over if over else Fraction(0)


def described_rows(ratios: pd.DataFrame, n: int) -> pd.DataFrame:
    """Returns level, unit_id, opening_arr, numerator and denominator of each of n rows of people.

    The amounts are those of a row's one ratio, empty where it has several; `unit_id` is empty for units of two levels,
    whose level is "blend".
    """
    starts = np.searchsorted(ratios["row"], np.arange(n + 1))
    first, n_ratios = starts[:-1], np.diff(starts)
    found = ratios.take(np.minimum(first, max(len(ratios) - 1, 0))).reset_index(drop=True)
    level = ratios["level"].take(starts[1:] - 1).to_numpy()
    is_blend = found["level"].to_numpy() != level
    amounts = found[["opening_arr", "numerator", "denominator"]].mask(np.repeat((n_ratios != 1)[:, None], 3, axis=1))
    return amounts.assign(level=np.where(is_blend, "blend", level), unit_id=found["unit_id"].mask(is_blend))
