"""What each account adds to the ratios of a component, as arrays: a value of other weights is a product of matrices.

A metric's own function is run on cells of one account each, in one unit and window, so its sums with every weight 1
are those of the replay. Where a team's figure is asked for, an account that changed hands in it counts once, as there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import windows
from compmodel.codes import positions
from compmodel.components import Component
from compmodel.measurement import Ledger, Level, PlacedLedger, placed, unit_codes, units
from compmodel.metrics import METRICS, Cells, Codes, Sums, added
from compmodel.qualifying import qualified
from compmodel.replay import Replay, due_ledger, people_of

Weights = npt.NDArray[np.uint8]
"""How often each account counts: draws x accounts of the history."""

ONE_THREAD = 250_000
"""Multiplications that OpenBLAS does on one thread; more wake a second one for microseconds of work."""


class Block(NamedTuple):
    """A unit: its accounts, where its ratios stand, and what each account adds to them (accounts x ratios, cents)."""

    accounts: Codes
    at: Codes
    above: Sums
    below: Sums


class AccountSums(NamedTuple):
    """A component's ratios of the rows paid, and the blocks of the cells they are read from.

    `ratios` has a row a ratio, in order: row (of those paid), product, share, level, and `cell`, where its sums stand;
    `n_cells` cells, the last of which is empty. `is_sum`: it is an amount or a count, over nothing.
    """

    ratios: pd.DataFrame
    blocks: list[Block]
    n_cells: int
    n_rows: int
    is_sum: bool

    @property
    def accounts(self) -> Codes:
        """Positions of the accounts that add anything."""
        return np.unique(np.concatenate([block.accounts for block in self.blocks] or [np.zeros(0, dtype=np.intp)]))


def account_sums(run: Replay, component: Component) -> AccountSums:
    """Returns what each account adds to the ratios of a component of a replay; of a metric, not of a KPI."""
    people = people_of(run.plan, run.history, run.periods, run.stage.rates)
    paid = np.flatnonzero((people["proration"] > 0).to_numpy())
    ratios = run.measurements[run.measurements["component"] == component.name]
    position = np.full(len(people), -1)
    position[paid] = np.arange(len(paid))
    row = position[ratios["row"].to_numpy()]
    kept = row >= 0
    ratios = ratios[kept].assign(row=row[kept]).reset_index(drop=True)
    every = Ledger(
        *(of[of["baseline"] == component.baseline].reset_index(drop=True) for of in (run.credits, run.books))
    )
    found = qualified(placed(every, people), component.qualifies, run.history.arr_events)
    due = placed(due_ledger(run), people) if component.baseline == "due_in_period" else None
    over = windows(component.baseline, run.periods)
    column = np.arange(len(over))
    if (component.combined or "sums") == "sums":
        column = over.of_period[:, -1][over.period]
    blocks: list[Block] = []
    cell, n_cells = np.full(len(ratios), -1, dtype=np.intp), 0
    for level in ratios["level"].unique():
        mine = np.flatnonzero((ratios["level"] == level).to_numpy())
        of: Level = level if component.unit_figure == "ratio_of_sums" else "individual"
        every_unit = units(of, people, run.history.accounts)
        known = np.flatnonzero(every_unit.of_people >= 0)
        number = dict(zip(every_unit.ids[known], every_unit.of_people[known].tolist(), strict=True))
        unit = np.array([number.get(name, -1) for name in ratios["unit_id"].to_numpy(dtype=object)[mine]])
        at = n_cells + unit * len(over) + ratios["window"].to_numpy()[mine]
        cell[mine] = np.where(unit >= 0, at, -1)
        asked = np.unique(cell[mine])
        for block in _blocks(run, component, of, found, people, column, due):
            wanted = np.isin(block.at + n_cells, asked)
            if wanted.any():
                blocks.append(
                    Block(block.accounts, block.at[wanted] + n_cells, block.above[:, wanted], block.below[:, wanted])
                )
        n_cells += (max(number.values(), default=-1) + 1) * len(over)
    columns = ratios[["row", "product", "share", "level"]].assign(cell=np.where(cell < 0, n_cells, cell))
    return AccountSums(columns, blocks, n_cells + 1, len(paid), METRICS[component.metric].is_sum)


def sums_of_rows(sums: AccountSums, rows: Codes) -> AccountSums:
    """Returns the sums behind some of the rows paid, ascending; units that they share with others stay whole."""
    position = np.full(sums.n_rows, -1)
    position[rows] = np.arange(len(rows))
    row = position[sums.ratios["row"].to_numpy()]
    ratios, row = sums.ratios[row >= 0], row[row >= 0]
    cell, empty = ratios["cell"].to_numpy(), sums.n_cells - 1
    is_asked = np.zeros(sums.n_cells, dtype=bool)
    is_asked[cell] = True
    blocks = [block for block in sums.blocks if is_asked[block.at].any()]
    cells = np.unique(np.concatenate([cell[cell < empty], *(block.at for block in blocks)]))
    number = np.full(sums.n_cells, len(cells))
    number[cells] = np.arange(len(cells))
    blocks = [block._replace(at=number[block.at]) for block in blocks]
    ratios = ratios.assign(row=row, cell=number[cell]).reset_index(drop=True)
    return sums._replace(ratios=ratios, blocks=blocks, n_cells=len(cells) + 1, n_rows=len(rows))


def _blocks(
    run: Replay,
    component: Component,
    level: Level,
    found: PlacedLedger,
    people: pd.DataFrame,
    column: Codes,
    due: PlacedLedger | None,
) -> list[Block]:
    """The blocks of a level, cells counted through units x windows; a window's sums stand in its `column`."""
    key, above, below = _sums_by_account(run, component, level, found, people, len(column))
    if due is not None:
        due_key, _, due_below = _sums_by_account(run, component, level, due, people, len(column))
        key, above, below = np.r_[key, due_key], np.r_[above, 0 * due_below], np.r_[0 * below, due_below]
    if not len(key):
        return []
    order = np.argsort(key, kind="stable")
    key, above, below = key[order], above[order], below[order]
    (cell, account), blocks = np.divmod(key, len(run.history.accounts)), []
    unit, window = np.divmod(cell, len(column))
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    for first, last in zip(starts, np.r_[starts[1:], len(unit)], strict=True):
        accounts, i = np.unique(account[first:last], return_inverse=True)
        at, j = np.unique(unit[first] * len(column) + column[window[first:last]], return_inverse=True)
        shape, where = (len(accounts), len(at)), i * len(at) + j
        sums = (added(where, of[first:last], shape[0] * shape[1]).reshape(shape) for of in (above, below))
        blocks.append(Block(accounts, at, *sums))
    return blocks


def _sums_by_account(
    run: Replay, component: Component, level: Level, found: PlacedLedger, people: pd.DataFrame, n_windows: int
) -> tuple[Codes, Sums, Sums]:
    """Numerator and denominator of each unit, window and account, by the metric's own function; keys packed."""
    accounts = pd.Index(run.history.accounts["account_id"])
    codes = unit_codes(found, units(level, people, run.history.accounts))
    keys = []
    for rows, code in zip((found.ledger.books, found.ledger.credits), codes, strict=True):
        packed = (code.astype(np.int64) * n_windows + rows["window"].to_numpy()) * len(accounts)
        keys.append(np.where(code >= 0, packed + positions(rows["account_id"], accounts), -1))
    key, cell = np.unique(np.concatenate(keys), return_inverse=True)
    if not len(key):
        return np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0)
    cell -= key[0] == -1
    key = key[key >= 0]
    n = len(keys[0])
    known = Cells(len(key), found.ledger.books, cell[:n], found.ledger.credits, cell[n:], run.plan.events.reactivation)
    return key, *METRICS[component.metric].measured(known)


def multiplied(left: Sums, right: Sums) -> Sums:
    """Returns the matrix product, in pieces so small that no library spreads them over threads, which cost more."""
    found, step = np.empty((len(left), right.shape[1])), max(16, ONE_THREAD // max(left.size, 1))
    for start in range(0, right.shape[1], step):
        piece = slice(start, start + step)
        np.matmul(left, right[:, piece], out=found[:, piece])
    return found


def values_of(sums: AccountSums, weights: Weights) -> Sums:
    """Returns the values of rows paid with each account counted so often: draws x rows; NaN where nothing is measured.

    As `values`, with draws in front.
    """
    n_draws, ratios = len(weights), sums.ratios
    found = np.full((sums.n_rows, n_draws), np.nan)
    both = np.zeros((sums.n_cells, 2, n_draws))
    for block in sums.blocks:
        mine = weights.T[block.accounts].astype(np.float64)
        both[block.at, 0], both[block.at, 1] = multiplied(block.above.T, mine), multiplied(block.below.T, mine)
    if sums.is_sum:
        both[:, 1] = 100.0
    cell = ratios["cell"].to_numpy()
    over, under = both[cell, 0] / 100, both[cell, 1] / 100
    known = under > 0
    ratio = np.divide(over, under, out=np.full_like(over, np.nan), where=known)
    row, product, share = (ratios[name].to_numpy() for name in ("row", "product", "share"))
    if len(row) == len(np.unique(row)):
        found[row] = ratio
        return found.T
    level = pd.factorize(ratios["level"])[0]
    begins = np.flatnonzero(np.r_[True, np.diff(product) != 0])
    ratio = np.multiply.reduceat(np.where(known, ratio, 1.0), begins)
    known = np.logical_or.reduceat(known, begins)
    row, level, share = row[begins], level[begins], share[begins]
    begins = np.flatnonzero(np.r_[True, (np.diff(row) != 0) | (np.diff(level) != 0)])
    n = np.add.reduceat(known, begins, dtype=np.intp)
    mean = np.add.reduceat(np.where(known, ratio, 0.0), begins) / np.maximum(n, 1)
    row, shares = row[begins], share[begins, None] * (n > 0)
    begins = np.flatnonzero(np.r_[True, np.diff(row) != 0])
    whole, over = (np.add.reduceat(of, begins) for of in (shares * mean, shares))
    found[row[begins]] = np.divide(whole, over, out=np.full_like(whole, np.nan), where=over > 0)
    return found.T
