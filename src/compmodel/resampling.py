"""Pay on resampled histories: what each plan might have cost had other customers like these been in the books.

Whole customers are drawn inside books, with replacement, each with all its quarters and events (a cluster bootstrap,
stratified by book: Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). A customer belongs
to the book that held it longest in the periods and counts for whoever held it when, so teams, segments and the company
are sums of the resampled books. Every plan sees the same draws. KPIs stay as they were, and so do the ARR that a rate
is worked out from and everything about people.

Currently implemented: home_books, drawn_weights, drawn_books, drawn_values, resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.account_sums import AccountSums, Weights, account_sums, values_of
from compmodel.blocks import Progress
from compmodel.codes import Codes, positions
from compmodel.compare import Comparison
from compmodel.errors import CompModelError
from compmodel.holders import ONE_DAY
from compmodel.metrics import METRICS, Sums
from compmodel.money import Cents
from compmodel.periods import Period
from compmodel.replay import Replay
from compmodel.scenarios import cents_of_values, paying_part
from compmodel.style import count_words
from compmodel.tables import History
from compmodel.trials import in_blocks

BLOCK = 256
"""Draws made at a time, so that a seed gives the same draws however many are asked for."""
MOST_BYTES = 100_000_000
"""Of the arrays of one piece of work, and of all that is kept."""


@dataclass(frozen=True)
class Resampled:
    """Pay on resampled histories, whole cents of the reporting currency, by plan.

    `cost`: draws x periods; `pay`: draws x payees, in the order of the comparison's labels. `asked` draws were asked
    for; fewer are there when the work was stopped.
    """

    cost: dict[str, Cents]
    pay: dict[str, Cents]
    asked: int
    has_kpis: bool

    @property
    def n_draws(self) -> int:
        """How many histories were drawn."""
        return len(next(iter(self.cost.values())))


def home_books(history: History, periods: Sequence[Period], beside: Sequence[str] = ()) -> Codes:
    """Returns the number of the book that each account belongs to: of whoever held it longest in the periods.

    `beside`: roles that are credited beside the books. Days weigh by split; of two alike the first by id. Accounts that
    nobody held are a book of their own, the last.
    """
    accounts = pd.Index(history.accounts["account_id"])
    held = history.assignments[~history.assignments["role"].isin(list(beside))]
    first, last = (np.datetime64(day, "s") for day in (periods[0].starts_on, periods[-1].ends_on))
    starts, ends = np.maximum(held["starts_on"].to_numpy(), first), np.fmin(held["ends_on"].to_numpy(), last)
    days = np.maximum((ends - starts) // ONE_DAY + 1, 0) * held["split"].to_numpy(dtype=float)
    payee, names = pd.factorize(held["payee_id"], sort=True)
    account = positions(held["account_id"], accounts)
    of = pd.DataFrame({"account": account, "payee": payee, "days": days})
    sums = of[(account >= 0) & (days > 0)].groupby(["account", "payee"], as_index=False)["days"].sum()
    longest = sums.sort_values(["days", "payee"], ascending=[False, True]).drop_duplicates("account")
    home = np.full(len(accounts), len(names), dtype=np.intp)
    home[longest["account"].to_numpy()] = longest["payee"].to_numpy()
    return home


def drawn_weights(books: Sequence[Codes], n_accounts: int, n_draws: int, seed: int, number: int = 0) -> Weights:
    """Returns how often each account is drawn: each book as many times as it has accounts; those in no book once.

    `books`: positions of the accounts of each; `number`: of the block of draws.

    >>> drawn_weights([np.array([0, 1, 2])], 4, 2, seed=0).sum(axis=1).tolist()
    [4, 4]
    """
    rng = np.random.default_rng([seed, number])
    weights = np.ones((n_accounts, n_draws), dtype=np.uint8)  # an account's draws lie together
    for book in books:
        k = len(book)
        drawn = rng.integers(0, k, size=(k, n_draws), dtype=np.uint32).astype(np.intp)
        drawn *= n_draws
        drawn += np.arange(n_draws)
        times = np.bincount(drawn.ravel(), minlength=n_draws * k)
        weights[book] = np.minimum(times, 255).reshape(k, n_draws)
    return weights.T


class _Drawing(NamedTuple):
    """What draws are made and paid from: of each plan the run's paying part, its accounts' sums, rows and columns."""

    seed: int
    n_accounts: int
    books: list[Codes]
    plans: list[tuple[Replay, list[tuple[int, AccountSums]], Codes, Codes]]
    n_columns: tuple[int, int]


def resampled(
    comparison: Comparison,
    n_draws: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Resampled:
    """Returns every plan's pay on resampled histories, the same draws for all.

    `progress(done, total, seconds_left)` is told draws after each block of them. Stopped by KeyboardInterrupt, it
    returns what is done. `cluster` and `n_threads` are as of `blocks.block_results`; figures stay the same bits.
    Raises CompModelError for fewer than one draw, more than memory has room for, plans that it cannot pay, and a
    cluster that does not answer.
    """
    runs, people = comparison.replays, comparison.labels["payee_id"]
    if n_draws < 1:
        raise CompModelError(f"{n_draws} draws were asked for; at least one is needed. Write n_draws=2000.")
    most = MOST_BYTES // (8 * len(runs) * (len(people) + len(comparison.periods)))
    if n_draws > most:
        plans = count_words(len(runs), "plan")
        fix = f"Ask for at most {most:,}, or compare fewer plans."
        raise CompModelError(f"{n_draws:,} draws of {plans} and {len(people):,} people need too much memory. {fix}")
    sums = [_sums_of(run) for run in runs]
    books = drawn_books(runs[0], [of for found in sums for _, of in found])
    n_accounts = len(runs[0].history.accounts)
    payees = pd.Index(people)
    each = [(paying_part(run), of, *_columns(run, payees)) for run, of in zip(runs, sums, strict=True)]
    drawing = _Drawing(seed, n_accounts, books, each, (len(comparison.periods), len(payees)))
    blocks = [range(start, min(start + BLOCK, n_draws)) for start in range(0, n_draws, BLOCK)]
    found = in_blocks(partial(_paid_draws, drawing), blocks, cluster, n_threads, progress)
    if not found:
        raise KeyboardInterrupt
    names = [run.plan.name for run in runs]
    costs, pays = (
        {name: np.concatenate([block[p][i] for block in found]) for p, name in enumerate(names)} for i in range(2)
    )
    has_kpis = any(component.metric not in METRICS for run in runs for component in run.plan.components)
    return Resampled(costs, pays, n_draws, has_kpis)


def drawn_books(run: Replay, sums: Sequence[AccountSums]) -> list[Codes]:
    """Returns the accounts of each book, of those that add anything to these sums."""
    home = home_books(run.history, run.periods, run.plan.books.double_credit)
    some = np.unique(np.concatenate([of.accounts for of in sums] or [np.zeros(0, dtype=np.intp)]))
    ids = run.history.accounts["account_id"].to_numpy(dtype=object)
    some = some[np.argsort(ids[some])] if len(some) else some  # the order of rows in a file draws nothing
    return [some[home[some] == book] for book in np.unique(home[some])]


def drawn_values(run: Replay, sums: Sequence[tuple[int, AccountSums]], weights: Weights) -> Sums:
    """Returns the values of a replay's rows with accounts counted so often: draws x rows x components.

    `sums` are of the components at these positions; what the others measured stays as it was.
    """
    actual = run.stage.results.value
    found = np.repeat(actual[None], len(weights), axis=0)
    for i, of in sums:
        found[..., i] = values_of(of, weights)
    return found


def _sums_of(run: Replay) -> list[tuple[int, AccountSums]]:
    components = enumerate(run.plan.components)
    return [(i, account_sums(run, component)) for i, component in components if component.metric in METRICS]


def _columns(run: Replay, payees: pd.Index) -> tuple[Codes, Codes]:
    """Which period and which payee each row of people is."""
    names = pd.Index([period.name for period in run.periods])
    return positions(run.stage.people["period"], names), positions(run.stage.people["payee_id"], payees)


def _paid_draws(given: _Drawing, draws: range) -> list[tuple[Cents, Cents]]:
    """Cost by period and pay by payee of a block of draws, of each plan, in pieces that fit the memory."""
    weights = drawn_weights(given.books, given.n_accounts, BLOCK, given.seed, draws.start // BLOCK)[: len(draws)]
    found = []
    for run, sums, period, payee in given.plans:
        cost, pay = (np.zeros((len(weights), n), dtype=np.int64) for n in given.n_columns)
        widest = max([len(block.accounts) for _, of in sums for block in of.blocks], default=0)
        numbers = max([2 * of.n_cells + 6 * len(of.ratios) for _, of in sums], default=0) + widest
        size = max(1, MOST_BYTES // (8 * (numbers + 12 * len(period) * len(run.plan.components))))
        for start in range(0, len(weights), size):
            cents = cents_of_values(run, drawn_values(run, sums, weights[start : start + size]))
            for into, of in ((cost, period), (pay, payee)):
                into[start : start + size] = _added_by(cents, of, into.shape[1])
        found.append((cost, pay))
    return found


def _added_by(cents: Cents, group: npt.NDArray[Any], n: int) -> Cents:
    """Cents of rows added up by group, as whole numbers; draws x groups."""
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    found = np.zeros((len(cents), n), dtype=np.int64)
    found[:, group[order][begins]] = np.add.reduceat(cents[:, order], begins, axis=1)
    return found
