"""Pay on resampled histories: what each plan might have cost had other customers like these been in the books.

Whole customers are drawn inside books, with replacement, each with all its quarters and events (a cluster bootstrap,
stratified by book: Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). A customer belongs
to the book that held it longest in the periods and counts for whoever held it when, so teams, segments and the company
are sums of the resampled books. Every plan sees the same draws. KPIs stay as they were, and so do the ARR that a rate
is worked out from and everything about people.

Where plans are compared, half the draws are drawn again, twice each: how much less these second draws swing than the
first tells how much less the first swing than histories do (the iterated bootstrap: Beran, Biometrika 74, 1987).

Plans that cannot be paid on other values are left out, with the reason. People are paid a part at a time, and
everybody's pay in every draw is kept only where it is small; `pay_parts` gives it some people at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from compmodel.account_sums import AccountSums, Weights, account_sums, sums_of_rows, values_of
from compmodel.blocks import Progress
from compmodel.codes import Codes, positions
from compmodel.compare import Comparison
from compmodel.errors import CompModelError
from compmodel.holders import ONE_DAY
from compmodel.metrics import METRICS, Sums
from compmodel.money import Cents
from compmodel.other_values import cents_of_values, no_other_values
from compmodel.paying_parts import PART, of_people, paying_part
from compmodel.periods import Period
from compmodel.replay import Replay
from compmodel.scenarios import added_by
from compmodel.style import count_words
from compmodel.tables import History
from compmodel.trials import in_blocks

BLOCK = 256
"""Draws made at a time, so that a seed gives the same draws however many are asked for."""
MOST_BYTES = 100_000_000
"""Of the arrays of one piece of work, and of all that is kept."""
ALL = slice(None)


@dataclass(frozen=True)
class Resampled:
    """Pay on resampled histories, whole cents of the reporting currency, by plan.

    `cost`: draws x periods; `pay`: draws x payees, in the order of the comparison's labels, nothing where that would be
    above 100 MB (see `pay_parts`). `asked` draws were asked for; fewer are there when the work was stopped. `left_out`:
    why plans are not there, by name, as said of them. `again`: cost of draws from draws, two rows of each that was
    drawn from; none of one plan alone. `book_sizes`: customers of each book.
    """

    cost: dict[str, Cents]
    pay: dict[str, Cents]
    asked: int
    has_kpis: bool
    seed: int
    left_out: dict[str, str]
    again: dict[str, Cents]
    book_sizes: tuple[int, ...]

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


def drawn_weights(
    books: Sequence[Codes],
    n_accounts: int,
    n_draws: int,
    seed: int,
    number: int = 0,
    some: slice = ALL,
    again: bool = False,
) -> Weights:
    """Returns how often each account is drawn: each book as many times as it has accounts; those in no book once.

    `books`: positions of the accounts of each; `number`: of the block of draws, of which `some` are returned. `again`:
    drawn from the accounts of a draw, two draws in a row from each of the block's first half.

    >>> drawn_weights([np.array([0, 1, 2])], 4, 2, seed=0).sum(axis=1).tolist()
    [4, 4]
    """
    rng, once_more = np.random.default_rng([seed, number]), np.random.default_rng([seed, number, 1])
    weights = np.ones((n_accounts, len(range(n_draws)[some])), dtype=np.uint8)  # an account's draws lie together
    for book in books:
        k = len(book)
        drawn = rng.integers(0, k, size=(k, n_draws), dtype=np.uint32).astype(np.intp)
        if again:
            at = once_more.integers(0, k, size=(k, n_draws), dtype=np.uint32).astype(np.intp)
            drawn = drawn[at, np.arange(n_draws) // 2]
        drawn *= n_draws
        drawn += np.arange(n_draws)
        times = np.bincount(drawn.ravel(), minlength=n_draws * k)
        weights[book] = np.minimum(times, 255).reshape(k, n_draws)[:, some]
    return weights.T


class _Part(NamedTuple):
    """Some people of a plan: their rows, what accounts add to their results, and their periods and payees."""

    rows: Codes
    sums: list[tuple[int, AccountSums]]
    period: Codes
    payee: Codes


class _Paid(NamedTuple):
    """Of a block of draws and a plan: cost by period, pay by payee, and cost by period of what is drawn again."""

    cost: Cents
    pay: Cents
    again: Cents


class _Drawing(NamedTuple):
    """What draws are made and paid from: each plan's paying part, and groups of people, each with a part a plan.

    `ends`: up to which payee each group goes.
    """

    seed: int
    n_accounts: int
    books: list[Codes]
    runs: list[Replay]
    groups: list[list[_Part]]
    ends: list[int]
    n_periods: int


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
    Raises CompModelError for fewer than one draw, more than memory has room for, a baseline that cannot be paid on
    other values, and a cluster that does not answer.
    """
    if n_draws < 1:
        raise CompModelError(f"{n_draws} draws were asked for; at least one is needed. Write n_draws=2000.")
    runs, left_out = _able(comparison)
    is_compared = len(runs) > 1
    most = MOST_BYTES // (8 * len(runs) * len(comparison.periods) * (1 + is_compared))
    if n_draws > most:
        plans = count_words(len(runs), "plan")
        raise CompModelError(f"{n_draws:,} draws of {plans} need too much memory. Ask for at most {most:,}.")
    n_payees = len(comparison.labels)
    keeps_pay = 8 * len(runs) * n_draws * n_payees <= MOST_BYTES
    drawing = _drawing(comparison, runs, seed)
    work = partial(_paid_draws, drawing, range(len(drawing.groups)), keeps_pay, is_compared)
    found = in_blocks(work, blocks_of(n_draws), cluster, n_threads, progress)
    if not found:
        raise KeyboardInterrupt
    has_kpis = any(component.metric not in METRICS for run in runs for component in run.plan.components)
    costs, pays, again = _by_plan(runs, found)
    pays, again = pays if keeps_pay else {}, again if is_compared else {}
    sizes = tuple(len(book) for book in drawing.books)
    return Resampled(costs, pays, n_draws, has_kpis, seed, left_out, again, sizes)


def pay_parts(
    comparison: Comparison,
    drawn: Resampled,
    progress: Progress | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Iterator[tuple[slice, dict[str, Cents]]]:
    """Yields some people at a time, of the comparison's labels, and their pay by plan: draws x these people.

    Where it was not kept it is worked out again from the same draws; a stop then ends it. `progress` as of `resampled`.
    """
    if drawn.pay:
        yield ALL, drawn.pay
        return
    runs, n = _able(comparison)[0], drawn.n_draws
    drawing, first = _drawing(comparison, runs, drawn.seed), 0
    most, n_groups = MOST_BYTES // (8 * len(runs) * n), len(drawing.groups)
    while first < n_groups:
        begin = drawing.ends[first - 1] if first else 0
        last = max(first + 1, sum(end - begin <= most for end in drawing.ends))

        def told(done: int, _: int, left: float, first: int = first, last: int = last) -> None:
            if progress:  # as if every group took as long
                all_done = (n * first + done * (last - first)) / n_groups
                progress(int(all_done), n, left + (left + 1) * (n_groups - last) / (last - first))

        work = partial(_paid_draws, drawing, range(first, last), True, False)
        found = in_blocks(work, blocks_of(n), cluster, n_threads, told)
        if sum(len(cost) for block in found for cost, *_ in block[:1]) < n:
            raise KeyboardInterrupt
        yield slice(begin, drawing.ends[last - 1]), _by_plan(runs, found)[1]
        first = last


def _able(comparison: Comparison) -> tuple[list[Replay], dict[str, str]]:
    """The runs that can be paid on other values, and why the others cannot; raises where the baseline is among them."""
    why = {run.plan.name: no_other_values(run.plan) for run in comparison.replays}
    if said := why[comparison.baseline]:
        fix = "Choose another baseline." if comparison.others else "Ask about another plan."
        what = f"{comparison.plans[0].title} {said}, so it cannot be paid on resampled histories"
        raise CompModelError(f"{what}{', and it is the baseline' if comparison.others else ''}. {fix}")
    runs = [run for run in comparison.replays if not why[run.plan.name]]
    return runs, {name: said for name, said in why.items() if said}


def _by_plan(runs: Sequence[Replay], found: Sequence[list[_Paid]]) -> list[dict[str, Cents]]:
    """Cost, pay and cost once more of all blocks by plan."""
    joined = [[np.concatenate([block[p][i] for block in found]) for p in range(len(runs))] for i in range(3)]
    return [dict(zip([run.plan.name for run in runs], of, strict=True)) for of in joined]


def _drawing(comparison: Comparison, runs: Sequence[Replay], seed: int) -> _Drawing:
    """The draws' accounts, and people in groups of about `PART` results, whole people each, in the labels' order."""
    sums = [_sums_of(run) for run in runs]
    books = drawn_books(comparison.replays[0], [of for found in sums for _, of in found])
    payees = pd.Index(comparison.labels["payee_id"])
    columns, size = [_columns(run, payees) for run in runs], np.zeros(len(payees), dtype=np.intp)
    for run, (_, payee) in zip(runs, columns, strict=True):
        n_rows = np.bincount(payee[payee >= 0], minlength=len(payees))
        np.maximum(size, n_rows * len(run.plan.components), out=size)
    group = (np.cumsum(size) - size) // PART
    ends = [*(np.flatnonzero(np.diff(group)) + 1).tolist(), len(payees)]
    groups: list[list[_Part]] = []
    for begin, end in zip([0, *ends], ends, strict=False):
        parts = []
        for of, (period, payee) in zip(sums, columns, strict=True):
            is_mine = (payee >= begin) & (payee < end)
            rows = np.flatnonzero(is_mine | (len(ends) == 1))
            mine = of if len(ends) == 1 else [(i, sums_of_rows(one, rows)) for i, one in of]
            parts.append(_Part(rows, mine, period[rows], payee[rows]))
        groups.append(parts)
    n_accounts = len(comparison.replays[0].history.accounts)
    paying = [paying_part(run) for run in runs]
    return _Drawing(seed, n_accounts, books, paying, groups, ends, len(comparison.periods))


def block_weights(
    books: Sequence[Codes], n_accounts: int, draws: range, seed: int, again: bool = False
) -> Iterator[tuple[slice, Weights]]:
    """Yields the weights of a block's draws, counted from its first, as many at a time as fit the memory."""
    step = max(1, MOST_BYTES // max(1, n_accounts))
    for start in range(0, len(draws), step):
        some = slice(start, min(start + step, len(draws)))
        yield some, drawn_weights(books, n_accounts, BLOCK, seed, draws.start // BLOCK, some, again)


def blocks_of(n_draws: int) -> list[range]:
    """Returns draws in the blocks that they are made in."""
    return [range(start, min(start + BLOCK, n_draws)) for start in range(0, n_draws, BLOCK)]


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


def drawn_cents(run: Replay, sums: Sequence[tuple[int, AccountSums]], weights: Weights) -> Cents:
    """Returns the cost of each row with accounts counted so often, in pieces that fit the memory: draws x rows."""
    cells = run.stage.results.value.size
    widest = max([len(block.accounts) for _, of in sums for block in of.blocks], default=0)
    numbers = max([2 * of.n_cells + 6 * len(of.ratios) for _, of in sums], default=0) + widest
    step = max(1, MOST_BYTES // (8 * (numbers + 12 * cells)))
    found = np.empty((len(weights), len(run.stage.people)), dtype=np.int64)
    for start in range(0, len(weights), step):
        some = slice(start, start + step)
        found[some] = cents_of_values(run, drawn_values(run, sums, weights[some]))
    return found


def _paid_draws(given: _Drawing, groups: range, keeps_pay: bool, is_doubled: bool, draws: range) -> list[_Paid]:
    """Cost by period, if kept pay by payee, and if doubled cost once more, of some groups in a block; of each plan."""
    n, first = len(draws), given.ends[groups.start - 1] if groups.start else 0
    n_paid = given.ends[groups.stop - 1] - first if keeps_pay else 0
    shapes = [(n, given.n_periods), (n, n_paid), (n * is_doubled, given.n_periods)]
    found = [_Paid(*(np.zeros(shape, dtype=np.int64) for shape in shapes)) for _ in given.runs]
    for again in (False, True)[: 1 + is_doubled]:
        for some, weights in block_weights(given.books, given.n_accounts, draws, given.seed, again):
            for group in groups:
                for run, part, paid in zip(given.runs, given.groups[group], found, strict=True):
                    mine = run if len(given.groups) == 1 else of_people(run, part.rows)
                    cents = drawn_cents(mine, part.sums, weights)
                    there, sums = added_by(cents, part.period)
                    (paid.again if again else paid.cost)[some, there] += sums
                    if keeps_pay and not again:
                        there, sums = added_by(cents, part.payee - first)
                        paid.pay[some, there] += sums
    return found
