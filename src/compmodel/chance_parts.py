"""What a spread of individual figures is made of: what people bring, and what their customers would by chance.

A person's figure of a period is taken as what all of the segment share in that period, plus what the person brings,
plus chance. Chance is what drawing the customers of the book again would change: for each account its share of the
book's ARR times how far it lies from the book's own figure. A customer that is most of a book pulls the book's figure
to itself, so the sum of squares is too small, by a factor that the shares alone tell; it is divided by that (the
correction of White's variance for leverage: MacKinnon and White, J. Econometrics 29, 1985).

What people bring shows in their means over all periods, less what their segment had in the same periods. The squares
of these means, each weighed by how many customers stand behind it, have a known expectation for any variance of what
people bring (sums of the same matrices), from which it is solved (method of moments, DerSimonian and Laird 1986, with
covariances). A customer counts with all its periods, so what lasts in a customer is not taken for the person's.

The interval: what each customer moves gets a sign by chance, and each person something normal; of each such draw it is
asked how much people must bring for the sum of squares found (a wild bootstrap over customers and people, inverted:
Cameron, Gelbach and Miller, Rev. Econ. Stat. 90, 2008). Drawing people's customers again would add chance twice.

Currently implemented: account_chance, spread_of, chance_parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from compmodel.account_sums import multiplied
from compmodel.codes import Codes
from compmodel.compare import refuse_few_draws
from compmodel.errors import CompModelError
from compmodel.metrics import Sums
from compmodel.pay_ranges import INTERVAL
from compmodel.resampling import drawn_weights

if TYPE_CHECKING:
    from scipy import sparse

FEWEST_ACCOUNTS = 5
"""Customers a book must have for its period to count."""
LARGEST_SHARE = 0.5
"""What one customer may be of it at most: the squares of shares must add up to less."""
FEWEST_PEOPLE = 4


class Spread(NamedTuple):
    """Individual figures of people's periods and what chance adds to them; a row a person and period.

    `value`: the figure; `chance`: rows x accounts, how far each account alone moves it; `person`, `group` (those whose
    period is alike) and `period` number the rows; `share`: rows x accounts, of the book's ARR; `books`: the accounts
    drawn together; `per_year`: periods a year.
    """

    value: Sums
    chance: sparse.csr_array
    share: sparse.csr_array
    person: Codes
    group: Codes
    period: Codes
    books: Sequence[Codes]
    per_year: int = 4


class Parts(NamedTuple):
    """Variances of a period's individual figure: what people bring, and chance in a period's and a year's figure.

    `draws` has a row a draw and these three as columns: their uncertainty.
    """

    people: float
    period: float
    year: float
    draws: Sums

    def chance_share(self, of: Literal["period", "year"] = "period") -> tuple[float, float, float]:
        """Returns the share of chance in the spread of a period's or a year's figure, with its 90% interval."""
        at = 1 if of == "period" else 2
        low, high = np.quantile(_share(self.draws[:, at], self.draws[:, 0]), INTERVAL)
        here = float(_share(np.array([self[at]]), np.array([self.people]))[0])
        return here, float(min(low, here)), float(max(high, here))


def _share(chance: Sums, people: Sums) -> Sums:
    whole = chance + people
    found: Sums = np.divide(chance, whole, out=np.zeros_like(whole), where=whole > 0)
    return found


def account_chance(above: Sums, below: Sums) -> tuple[float, Sums, Sums]:
    """Returns a book's figure, how far each account alone moves it, and each one's share of the book.

    >>> figure, moves, _ = account_chance(np.array([90.0, 110.0]), np.array([100.0, 100.0]))
    >>> figure, float((moves**2).sum().round(6))
    (1.0, 0.01)
    """
    whole = below.sum()
    figure, share = above.sum() / whole, below / whole
    moved = (above - figure * below) / whole
    squares = (share**2).sum()
    seen = (share**2 * (1 - 2 * share + squares)).sum()  # of what the squares would be around the true figure
    return float(figure), moved * np.sqrt(squares / seen) if seen > 0 else 0 * moved, share


def spread_of(
    figures: Sequence[tuple[Codes, Sums, Sums]],
    person: Codes,
    group: Codes,
    period: Codes,
    books: Sequence[Codes],
    n_accounts: int,
    per_year: int = 4,
) -> Spread:
    """Returns the spread of figures, each made of accounts (positions, numerators, denominators).

    Left out: books of fewer than five customers or with one that is most of it, and whoever is alone in a group.
    """
    from scipy import sparse  # noqa: PLC0415 - slow to load

    found = []
    for at, (accounts, above, below) in enumerate(figures):
        if (below > 0).sum() >= FEWEST_ACCOUNTS:
            value, chance, share = account_chance(above, below)
            if (share**2).sum() <= LARGEST_SHARE:
                found.append((at, value, accounts, chance, share))
    of_group = pd.Series([group[at] for at, *_ in found], dtype=np.intp)
    kept = [row for row, n in zip(found, of_group.map(of_group.value_counts()), strict=True) if n > 1]
    rows = np.array([at for at, *_ in kept], dtype=np.intp)
    row = np.repeat(np.arange(len(kept)), [len(accounts) for _, _, accounts, _, _ in kept])
    empty = np.zeros(0)
    column, chance, share = (np.concatenate([empty, *(of[i] for of in kept)]) for i in (2, 3, 4))
    shape, where = (len(kept), n_accounts), (row, column.astype(np.intp))
    people, groups = (pd.factorize(of[rows], sort=True)[0] for of in (person, group))
    values = np.array([of for _, of, *_ in kept])
    by_chance, by_share = (sparse.csr_array((of, where), shape=shape) for of in (chance, share))
    return Spread(values, by_chance, by_share, people, groups, period[rows], books, per_year)


def chance_parts(spread: Spread, n_draws: int = 2000, seed: int = 0) -> Parts:
    """Returns the variances that a spread is made of, with their uncertainty.

    Raises CompModelError for no draws, and when there are too few people to tell.
    """
    from scipy import sparse  # noqa: PLC0415 - slow to load

    refuse_few_draws(n_draws)
    n_people = int(spread.person.max(initial=-1)) + 1
    if n_people < FEWEST_PEOPLE:
        fix = "Choose more periods or measure more people."
        raise CompModelError(f"{n_people} people have books whose figures can be held against each other. {fix}")
    mean, own = mean_of(spread.person), sparse.csr_array(mean_of(spread.person).astype(bool).T, dtype=float)
    shared, of_group = mean @ mean_of(spread.group).astype(bool).T.astype(float), mean_of(spread.group)
    centred = mean @ spread.value - shared @ (of_group @ spread.value)
    skills = (mean @ own - shared @ (of_group @ own)).toarray()  # what each person's own moves whose mean
    weight = 1 / ((mean @ spread.share) ** 2).sum(axis=1)  # how many equal customers stand behind a mean
    weight = weight / weight.mean()
    rng = np.random.default_rng([seed, n_draws])
    by_account, turned = np.zeros(spread.chance.shape[1]), np.zeros((n_draws, n_people))
    chance_mean, chance_group = sparse.csc_array(mean @ spread.chance), sparse.csc_array(of_group @ spread.chance)
    for start in range(0, len(by_account), COLUMNS):
        piece = slice(start, start + COLUMNS)
        moved = (chance_mean[:, piece] - shared @ chance_group[:, piece]).toarray()
        by_account[piece] = weight @ moved**2
        signs = (2 * rng.integers(0, 2, (n_draws, moved.shape[1])) - 1).astype(np.float64)
        turned += multiplied(signs, moved.T)
    squares, per_variance = float(weight @ centred**2), float(weight @ (skills**2).sum(axis=1))
    people = max(0.0, (squares - by_account.sum()) / per_variance)
    in_period, in_year = (spread.chance**2).sum(axis=0) / len(spread.value), _in_a_year(spread)
    times = drawn_weights(spread.books, len(by_account), n_draws, seed).astype(np.float64)
    brought = multiplied(rng.standard_normal((n_draws, n_people)), skills.T)
    left = squares - (times @ by_account - by_account.sum())
    draws = [_solved(brought, turned, weight, left) ** 2, times @ in_period, times @ in_year]
    return Parts(people, float(in_period.sum()), float(in_year.sum()), np.column_stack(draws))


def _solved(brought: Sums, turned: Sums, weight: Sums, squares: Sums) -> Sums:
    """For each draw how large what people bring would be for the sum of squares that was found; 0 for none."""
    a, b, c = brought**2 @ weight, (brought * turned) @ weight, turned**2 @ weight
    root = np.sqrt(np.maximum(b**2 - a * (c - squares), 0))
    found: Sums = np.where(c < squares, (root - b) / a, 0.0)
    return found


COLUMNS = 1024
"""Accounts at a time."""


def mean_of(number: Codes) -> sparse.csr_array:
    """The matrix that averages rows by their number."""
    from scipy import sparse  # noqa: PLC0415 - slow to load

    n = np.bincount(number)
    where = (number, np.arange(len(number)))
    return sparse.csr_array((1 / n[number], where), shape=(len(n), len(number)))


def _in_a_year(spread: Spread) -> Sums:
    """What each account adds to the variance of the mean of a year's periods in a row; or a part of one period's."""
    from scipy import sparse  # noqa: PLC0415 - slow to load

    order, n = np.lexsort((spread.period, spread.person)), spread.per_year
    person, period = spread.person[order], spread.period[order]
    first, last = slice(max(len(order) - n + 1, 0)), slice(n - 1, None)
    starts = np.flatnonzero((person[last] == person[first]) & (period[last] - period[first] == n - 1))
    if not len(starts):
        alone: Sums = (spread.chance**2).sum(axis=0) / len(spread.value) / n
        return alone
    row = np.repeat(np.arange(len(starts)), n)
    column = order[(starts[:, None] + np.arange(n)).ravel()]
    means = sparse.csr_array((np.full(len(row), 1 / n), (row, column)), shape=(len(starts), len(order)))
    found: Sums = ((means @ spread.chance) ** 2).sum(axis=0) / len(starts)
    return found
