"""How much of the spread of individual retention is chance: what people differ by, and what their customers would.

A person's figure of a quarter is taken as what all of the segment share in that quarter, plus what the person brings,
plus chance. Chance is what drawing the customers of the book again would change: for each account its share of the
book's ARR times how far it lies from the book's own figure. A customer that is most of a book pulls the book's figure
to itself, so the sum of squares is too small, by a factor that the shares alone tell; it is divided by that (the
correction of White's variance for leverage: MacKinnon and White, J. Econometrics 29, 1985).

What people bring shows in their means over all quarters, less what their segment had in the same quarters. The squares
of these means, each weighed by how many customers stand behind it, have a known expectation for any variance of what
people bring (sums of the same matrices), from which it is solved (method of moments, DerSimonian and Laird 1986, with
covariances). A customer counts with all its quarters, so what lasts in a customer is not taken for the person's.

The interval: what each customer moves gets a sign by chance, and each person something normal; of each such draw it is
asked how much people must bring for the sum of squares found (a wild bootstrap over customers and people, inverted:
Cameron, Gelbach and Miller, Rev. Econ. Stat. 90, 2008). Drawing people's customers again would add chance twice.

Currently implemented: individual_spread, chance_parts, reliability, luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.account_sums import account_sums, multiplied
from compmodel.codes import Codes
from compmodel.compare import Answer, Comparison
from compmodel.components import Component
from compmodel.errors import CompModelError, nearest
from compmodel.metrics import METRICS, Sums
from compmodel.pay_ranges import INTERVAL
from compmodel.plan import Plan
from compmodel.replay import replay
from compmodel.resampling import drawn_books, drawn_weights
from compmodel.style import percent

if TYPE_CHECKING:
    from scipy import sparse

FEWEST_ACCOUNTS = 5
"""Customers a book must have for its quarter to count."""
LARGEST_SHARE = 0.5
"""What one customer may be of it at most: the squares of shares must add up to less."""
FEWEST_PEOPLE = 4
QUARTERS_A_YEAR = 4


class Spread(NamedTuple):
    """Individual figures of people's quarters and what chance adds to them; a row a person and quarter.

    `value`: the figure; `chance`: rows x accounts, how far each account alone moves it; `person`, `group` (those whose
    quarter is alike) and `quarter` number the rows; `share`: rows x accounts, of the book's ARR; `books`: the accounts
    drawn together.
    """

    value: Sums
    chance: sparse.csr_array
    share: sparse.csr_array
    person: Codes
    group: Codes
    quarter: Codes
    books: Sequence[Codes]


class Parts(NamedTuple):
    """Variances of a quarter's individual figure: what people bring, and chance in a quarter's and a year's figure.

    `draws` has a row a draw and these three as columns: their uncertainty.
    """

    people: float
    quarter: float
    year: float
    draws: Sums

    def chance_share(self, of: str = "quarter") -> tuple[float, float, float]:
        """Returns the share of chance in the spread of a quarter's or a year's figure, with its 90% interval."""
        at = 1 if of == "quarter" else 2
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
    quarter: Codes,
    books: Sequence[Codes],
    n_accounts: int,
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
    return Spread(values, by_chance, by_share, people, groups, quarter[rows], books)


def chance_parts(spread: Spread, n_draws: int = 2000, seed: int = 0) -> Parts:
    """Returns the variances that a spread is made of, with their uncertainty.

    Raises CompModelError when there are too few people to tell.
    """
    from scipy import sparse  # noqa: PLC0415 - slow to load

    n_people = int(spread.person.max(initial=-1)) + 1
    if n_people < FEWEST_PEOPLE:
        fix = "Choose more periods or measure more people."
        raise CompModelError(f"{n_people} people have books whose quarters can be held against each other. {fix}")
    mean, own = _mean_of(spread.person), sparse.csr_array(_mean_of(spread.person).astype(bool).T, dtype=float)
    shared, of_group = mean @ _mean_of(spread.group).astype(bool).T.astype(float), _mean_of(spread.group)
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
    in_quarter, in_year = (spread.chance**2).sum(axis=0) / len(spread.value), _in_a_year(spread)
    times = drawn_weights(spread.books, len(by_account), n_draws, seed).astype(np.float64)
    brought = multiplied(rng.standard_normal((n_draws, n_people)), skills.T)
    left = squares - (times @ by_account - by_account.sum())
    draws = [_solved(brought, turned, weight, left) ** 2, times @ in_quarter, times @ in_year]
    return Parts(people, float(in_quarter.sum()), float(in_year.sum()), np.column_stack(draws))


def _solved(brought: Sums, turned: Sums, weight: Sums, squares: Sums) -> Sums:
    """For each draw how large what people bring would be for the sum of squares that was found; 0 for none."""
    a, b, c = brought**2 @ weight, (brought * turned) @ weight, turned**2 @ weight
    root = np.sqrt(np.maximum(b**2 - a * (c - squares), 0))
    found: Sums = np.where(c < squares, (root - b) / a, 0.0)
    return found


COLUMNS = 1024
"""Accounts at a time."""


def _mean_of(number: Codes) -> sparse.csr_array:
    """The matrix that averages rows by their number."""
    from scipy import sparse  # noqa: PLC0415 - slow to load

    n = np.bincount(number)
    where = (number, np.arange(len(number)))
    return sparse.csr_array((1 / n[number], where), shape=(len(n), len(number)))


def _in_a_year(spread: Spread) -> Sums:
    """What each account adds to the variance of the mean of four quarters in a row; or a quarter of one's."""
    from scipy import sparse  # noqa: PLC0415 - slow to load

    order = np.lexsort((spread.quarter, spread.person))
    person, quarter = spread.person[order], spread.quarter[order]
    last = QUARTERS_A_YEAR - 1
    starts = np.flatnonzero((person[last:] == person[:-last]) & (quarter[last:] - quarter[:-last] == last))
    if not len(starts):
        alone: Sums = (spread.chance**2).sum(axis=0) / len(spread.value) / QUARTERS_A_YEAR
        return alone
    row = np.repeat(np.arange(len(starts)), QUARTERS_A_YEAR)
    column = order[(starts[:, None] + np.arange(QUARTERS_A_YEAR)).ravel()]
    means = sparse.csr_array((np.full(len(row), 1 / QUARTERS_A_YEAR), (row, column)), shape=(len(starts), len(order)))
    found: Sums = ((means @ spread.chance) ** 2).sum(axis=0) / len(starts)
    return found


def retained_component(plan: Plan, name: str = "") -> Component:
    """Returns the plan's component of that name, or its first that measures retention as a share of ARR.

    Raises CompModelError where there is none.
    """
    able = [c for c in plan.components if c.metric in METRICS and c.at_rest == 1 and METRICS[c.metric].is_of_arr]
    if not able:
        raise CompModelError(
            f"{plan.title} has no component that measures retention, such as nrr. Choose another plan."
        )
    found = [c for c in able if not name or c.name == name]
    if not found:
        names = [c.name for c in able]
        raise CompModelError(f"{name!r} is no component of {plan.title} on retention. {nearest(name, names)}")
    return found[0]


def individual_spread(comparison: Comparison, component: str = "") -> tuple[Spread, str]:
    """Returns the spread of individual figures of a component of the baseline plan, by the quarter, and its title.

    Whatever the plan's level and baseline, each person's own book is measured over each period by itself.
    """
    run = comparison.replays[0]
    chosen = retained_component(run.plan, component)
    alone = _measured_alone(run.plan, chosen)
    (own,) = replay([alone], run.history, f"{run.periods[0].name}:{run.periods[-1].name}")
    sums, people = account_sums(own, alone.components[0]), own.stage.people
    place: dict[int, tuple[Codes, Sums, Sums]] = {}
    for block in sums.blocks:
        place |= {
            int(cell): (block.accounts, block.above[:, j], block.below[:, j])
            for j, cell in enumerate(block.at.tolist())
        }
    ratios = sums.ratios[sums.ratios["cell"].isin(list(place))]
    rows = ratios["row"].to_numpy()
    who, quarter = people.take(rows), people["period"].map({of.name: i for i, of in enumerate(own.periods)})
    groups = pd.factorize(who["segment"].fillna("") + " " + who["period"])[0]
    number = quarter.to_numpy()[rows]
    figures = [place[cell] for cell in ratios["cell"].tolist()]
    books = drawn_books(own, [sums])
    n_accounts = len(own.history.accounts)
    return spread_of(figures, pd.factorize(who["payee_id"])[0], groups, number, books, n_accounts), chosen.title


def _measured_alone(plan: Plan, component: Component) -> Plan:
    """A plan of this component alone, on each person's own book and the period by itself."""
    plain = {"name": component.name, "metric": component.metric, "level": "individual", "weight": 1.0, "target": 1.0}
    plain |= {
        "attainment": {"kind": "ratio"},
        "curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"},
    }
    return plan.replace({"components": [plain], "adjustments": [], "open_decisions": []})


def reliability(comparison: Comparison, component: str = "", n_draws: int = 2000, seed: int = 0) -> Answer:
    """Returns how much of the spread of a quarter's and of a year's individual figure is chance, and how much is not.

    Reliability is the rest: what people bring as a share of the spread. The year is the mean of four quarters.
    Table: one row a figure ("quarter", "year"); figure, people_points, chance_points (standard deviations of a
    quarter's figure, percentage points, the year's of the mean of four), chance_share, chance_low, chance_high,
    reliability, reliability_low, reliability_high (shares; 90% intervals). Raises CompModelError as `chance_parts`.
    """
    spread, title = individual_spread(comparison, component)
    parts = chance_parts(spread, n_draws, seed)
    rows = []
    for figure, chance in (("quarter", parts.quarter), ("year", parts.year)):
        share, low, high = parts.chance_share(figure)
        points = {"people_points": 100 * np.sqrt(parts.people), "chance_points": 100 * np.sqrt(chance)}
        shares = {"chance_share": share, "chance_low": low, "chance_high": high}
        rest = {"reliability": 1 - share, "reliability_low": 1 - high, "reliability_high": 1 - low}
        rows.append({"figure": figure, **points, **shares, **rest})
    table = pd.DataFrame(rows)
    return Answer(" ".join([_says(title, rows[0]), _of_year(rows[1])]), table)


def _says(title: str, row: dict[str, float]) -> str:
    low, high = (percent(row[name]) for name in ("chance_low", "chance_high"))
    much = "little" if row["chance_share"] > 0.6 else "something" if row["chance_share"] > 0.3 else "much"
    said = f"{percent(row['chance_share'])} of its spread is chance ({low.removesuffix('%')} to {high})"
    return f"A quarter's individual {title} says {much} about the person: {said}."


def _of_year(row: dict[str, float]) -> str:
    low, high = (percent(row[name]) for name in ("chance_low", "chance_high"))
    return f"Of a whole year's it is {percent(row['chance_share'])} ({low.removesuffix('%')} to {high})."


def luck(comparison: Comparison, component: str = "", n_draws: int = 2000, seed: int = 0) -> Answer:
    """Returns the spread of individual figures of a quarter against what chance alone would give.

    Figures are held against the mean of the segment in the quarter. Chance: the same books with their customers drawn
    again, around the same mean. Table: one row a class of figures; points_from, points_to (above or below the mean,
    percentage points; the outermost hold all beyond), n_quarters (of people), actual_share, chance_share (of them).
    Raises CompModelError as `chance_parts` does.
    """
    spread, title = individual_spread(comparison, component)
    parts = chance_parts(spread, n_draws, seed)
    share, low, high = parts.chance_share()
    actual = _centred(spread.value, spread.group)
    times = drawn_weights(spread.books, spread.chance.shape[1], HISTORIES, seed)
    chance = _centred(spread.chance @ (times.T.astype(np.float64) - 1), spread.group)
    edges = _edges(100 * actual)
    counts, chances = (_counted(100 * of, edges) for of in (actual, chance))
    columns = {"points_from": edges[:-1], "points_to": edges[1:], "n_quarters": counts}
    columns |= {"actual_share": counts / counts.sum(), "chance_share": chances / chances.sum()}
    row = {"chance_share": share, "chance_low": low, "chance_high": high}
    return Answer(_says(title, row), pd.DataFrame(columns))


HISTORIES = 200
"""Histories drawn for a picture of chance."""
CLASSES = 25


def _centred(values: Sums, group: Codes) -> Sums:
    mean = _mean_of(group)
    found: Sums = values - (mean @ values)[group]
    return found


def _edges(points: Sums) -> Sums:
    """Edges of classes of a round width that hold all but the outermost figures."""
    reach = float(np.quantile(np.abs(points), 0.99)) or 1.0
    steps = np.array([0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100.0])
    width = float(steps[min(int(np.searchsorted(steps, 2 * reach / CLASSES)), len(steps) - 1)])
    n = int(np.ceil(reach / width))
    edges: Sums = (np.arange(-n, n + 2, dtype=np.float64) - 0.5) * width
    return edges


def _counted(points: Sums, edges: Sums) -> npt.NDArray[np.int64]:
    inside = np.clip(points.ravel(), edges[0], np.nextafter(edges[-1], edges[0]))
    return np.histogram(inside, edges)[0].astype(np.int64)
