"""What plans cost and people are paid on resampled histories: ranges, and the difference of plans with its interval.

A resampled book has its luck and the draw's on top, so it swings more than books do, and a curve that pays gains and
not losses pays more for that on average. Ranges and intervals are therefore moved until their mean is what happened.

A bootstrap swings too little where results sit on an edge of a curve, because each book is drawn from where its luck
left it, beyond the edge as often as not, and where books are small (by 1 in so many customers). So the interval of a
difference is widened by what drawing from draws loses once more (`widening`); P10 and P90 are those of the draws as
they are. In simulations with a floor, a cap or a step where books are expected, it held the truth in 85 to 92 of a
hundred with four books or more of 20 customers (69 to 89 without), and in 75 to 91 with fewer books or with 5 to 19
customers in each, which is said (`how_often`); below that no interval is given. Where most books are expected below
where pay begins it is too wide.

Currently implemented: cost_range, pay_range, around, how_often, widening.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import ge
from typing import Any

import numpy as np
import pandas as pd

from compmodel.blocks import Progress
from compmodel.compare import Answer, Comparison
from compmodel.metrics import Sums
from compmodel.money import Cents
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.resampling import Resampled, pay_parts, resampled
from compmodel.style import count_words, percent, short_money, signed_money, signed_percent

INTERVAL = (0.05, 0.95)
NINE, ABOUT_EIGHT, UNKNOWN = "nine times in ten", "about eight times in ten", ""
RANGE = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


def cost_range(
    comparison: Comparison,
    n_draws: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
    drawn: Resampled | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Answer:
    """Returns what each plan costs on resampled histories, and in which interval its difference from the baseline lies.

    `drawn` is of `resampled`, where it is there already; `cluster` and `n_threads` as there; raises as that does.
    Plans that cannot be paid on resampled histories are left out and named.
    Table: one row a plan and period, then period "Total"; plan, title, period, cost (what happened), p10, p50, p90,
    change (from the baseline, as it happened), change_low, change_high, all amounts, and how_often the truth lies
    between these two, by `how_often`; empty, as these are, where there are too few customers to tell.
    """
    drawn = drawn or resampled(comparison, n_draws, seed, progress, cluster, n_threads)
    periods = [*(period.name for period in comparison.periods), "Total"]
    frames = []
    base = _with_total(drawn.cost[comparison.baseline]), _actual_cost(comparison, comparison.baseline)
    for plan in _drawn_plans(comparison, drawn):
        cost, actual = _with_total(drawn.cost[plan.name]), _actual_cost(comparison, plan.name)
        twice = drawn.again or drawn.cost
        wider = widening(cost - base[0], _with_total(twice[plan.name] - twice[comparison.baseline]))
        low, high = around(cost - base[0], actual - base[1], INTERVAL, wider)
        if how_often(drawn.book_sizes) == UNKNOWN:
            low, high = low * np.nan, high * np.nan
        columns = {"cost": actual / 100} | dict(zip(RANGE, around(cost, actual, RANGE.values()), strict=True))
        columns |= {"change": (actual - base[1]) / 100, "change_low": low, "change_high": high}
        columns |= {"how_often": how_often(drawn.book_sizes)}
        frames.append(pd.DataFrame({"plan": plan.name, "title": plan.title, "period": periods, **columns}))
    table = pd.concat(frames, ignore_index=True)
    return Answer(_cost_sentence(comparison, drawn, table), table)


def _cost_sentence(comparison: Comparison, drawn: Resampled, table: pd.DataFrame) -> str:
    of_all: dict[Any, Any] = table[table["period"] == "Total"].set_index("plan").to_dict("index")
    own: dict[str, Any] = of_all[comparison.baseline]
    n, currency = len(comparison.periods), comparison.currency
    over = f"over {comparison.period_count}" if n > 1 else f"in {comparison.periods[0].name}"
    said = []
    others = _drawn_plans(comparison, drawn)[1:]
    for plan in others:
        row = of_all[plan.name]
        low, high = row["change_low"], row["change_high"]
        if not (row["change"] or np.nan_to_num(low) or np.nan_to_num(high)):
            said.append(f"{plan.title} costs the same {over}, and on resampled histories.")
            continue
        relative = f" ({signed_percent(row['change'] / own['cost'])})" if own["cost"] else ""
        more = "more" if row["change"] >= 0 else "less"
        difference = f"{short_money(abs(row['change']))} {currency} {more} than {own['title']}"
        said.append(f"{plan.title} costs {difference} {over}{relative}.")
        if row["how_often"] == UNKNOWN:
            continue
        span = f"between {signed_money(low)} and {signed_money(high)} {row['how_often']}"
        few = ": too few customers to tell the two apart" if low <= 0 <= high else ""
        said.append(f"Had chance fallen otherwise, the difference would lie {span}{few}.")
    if not others:
        span = f"between {short_money(own['p10'])} and {short_money(own['p90'])} eight times in ten"
        said = [f"{own['title']} costs {short_money(own['cost'])} {currency} {over}."]
        said.append(f"On resampled histories it costs {span}.")
    often, sizes = how_often(drawn.book_sizes), drawn.book_sizes
    if others and often != NINE:
        each = f"about {count_words(int(np.median(sizes)), 'customer')}{' each' * (len(sizes) > 1)}" if sizes else ""
        what = "It cannot be told more surely" if often else "What chance could do to that cannot be told"
        said.append(f"{what} with {count_words(len(sizes), 'book')}{' of ' * bool(each)}{each}.")
    return " ".join([*said, *_how(comparison, drawn)])


def _drawn_plans(comparison: Comparison, drawn: Resampled) -> list[Plan]:
    """The plans that were paid on the draws, the baseline first."""
    return [plan for plan in comparison.plans if plan.name in drawn.cost]


def _how(comparison: Comparison, drawn: Resampled) -> list[str]:
    """What else a reader must know of the draws."""
    said = ["KPIs stay as they were."] if drawn.has_kpis else []
    said += [f"{comparison.plan(name).title} is left out: it {why}." for name, why in drawn.left_out.items()]
    if drawn.n_draws < drawn.asked:
        said.append(f"Stopped after {drawn.n_draws:,} of {drawn.asked:,} draws.")
    return said


def pay_range(
    comparison: Comparison,
    n_draws: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
    drawn: Resampled | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Answer:
    """Returns what each person is paid on resampled histories, over all periods.

    `drawn` is of `resampled`, where it is there already; `cluster` and `n_threads` as there; raises as that does.
    Table: one row a plan and person, people in the order of the baseline's pay; plan, title, person, team, pay (what
    happened), p10, p50, p90, amounts. Where everybody's pay in every draw is too much to keep, draws are paid twice.
    """
    drawn = drawn or resampled(comparison, n_draws, seed, progress, cluster, n_threads)
    plans, runs = _drawn_plans(comparison, drawn), {run.plan.name: run for run in comparison.replays}
    actual = {plan.name: _pay_cents(runs[plan.name], comparison) for plan in plans}
    ends = {name: np.zeros((len(RANGE), len(cents))) for name, cents in actual.items()}
    for people, pays in pay_parts(comparison, drawn, progress, cluster, n_threads):
        for name, mine in pays.items():
            paid = actual[name][people]
            least = np.minimum(mine.min(axis=0), paid) / 100  # nobody is paid less than in any draw
            ends[name][:, people] = np.maximum(around(mine, paid, RANGE.values()), least)
    order = np.lexsort((comparison.labels["person"].to_numpy(dtype=object), -actual[comparison.baseline]))
    frames: list[pd.DataFrame] = []
    said: list[str] = []
    for plan in plans:
        found = {"pay": actual[plan.name] / 100} | dict(zip(RANGE, ends[plan.name], strict=True))
        frame = comparison.labels[["person", "team"]].assign(plan=plan.name, title=plan.title, **found).take(order)
        frames.append(frame)
        some = frame[frame["pay"] > 0]
        width = float(((some["p90"] - some["p10"]) / 2 / some["pay"]).median()) if len(some) else 0.0
        said.append(
            f"{percent(width)} under {plan.title}" if said else f"{percent(width)} of what it was under {plan.title}"
        )
    table = pd.concat(frames, ignore_index=True)
    when = f"a {comparison.period_word}" if len(comparison.periods) == 1 else comparison.period_count
    sentence = f"Eight times in ten chance alone keeps pay over {when} within {', '.join(said)}"
    columns = ["plan", "title", "person", "team", "pay", *RANGE]
    return Answer(" ".join([f"{sentence}, for the person in the middle.", *_how(comparison, drawn)]), table[columns])


def _pay_cents(run: Replay, comparison: Comparison) -> Cents:
    """What each of the comparison's labels was paid over all periods."""
    cents = (run.payouts["cost"] * 100).round().astype(np.int64).groupby(run.payouts["payee_id"]).sum()
    return cents.reindex(comparison.labels["payee_id"], fill_value=0).to_numpy().astype(np.int64)


def around(drawn: Cents, actual: Cents, at: Iterable[float], wider: Sums | float = 1.0) -> Sums:
    """Returns quantiles over draws, moved until the draws' mean is what happened; amounts, in whole cents.

    They lie `wider` times as far from it as drawn.

    >>> around(np.array([[100], [200], [600]]), np.array([200]), [0.5])
    array([[1.]])
    """
    found: Sums = np.rint(actual + (np.quantile(drawn, list(at), axis=0) - drawn.mean(axis=0)) * wider) / 100
    return found


WIDEST = 2.0
ENOUGH = {NINE: (4, 20, 80), ABOUT_EIGHT: (1, 5, 30)}
"""Books, customers of the middle one and customers of all that an interval must have to hold so often."""


def how_often(book_sizes: Sequence[int]) -> str:
    """Returns how often the interval of a difference holds, in words; nothing where customers are too few to tell.

    >>> how_often([20] * 4), how_often([8] * 4), how_often([4] * 12)
    ('nine times in ten', 'about eight times in ten', '')
    """
    has = len(book_sizes), np.median([*book_sizes] or [0]), sum(book_sizes)
    return next((words for words, least in ENOUGH.items() if all(map(ge, has, least))), UNKNOWN)


def widening(drawn: Cents, again: Cents) -> Sums:
    """Returns how many times as wide as draws are spread an interval must be, from 1 to 2.

    `again`: draws from draws, two rows of each, a column a figure as of `drawn`. An iterated bootstrap (Beran,
    Biometrika 74, 1987; Hall and Martin, Biometrika 75, 1988) would widen by the root of the first draws' variance over
    the second's. The loss shrinks from level to level, so what histories lost to the first draws was about twice that
    (extrapolated as in Cook and Stefanski, J. Am. Stat. Assoc. 89, 1994): by the ratio itself.

    >>> widening(np.array([[-3], [3]]), np.array([[0], [5], [-2], [3]])).tolist()
    [1.0]
    """
    pairs = again[: len(again) // 2 * 2].reshape(-1, 2, again.shape[1]).astype(np.float64)
    first, second = drawn.var(axis=0), ((pairs[:, 0] - pairs[:, 1]) ** 2).sum(axis=0) / 2 / max(len(pairs), 1)
    found: Sums = np.divide(first, second, out=np.full_like(first, WIDEST), where=second > 0)
    return np.where((first > 0) & (len(pairs) > 0), np.clip(found, 1.0, WIDEST), 1.0)


def _with_total(cents: Cents) -> Cents:
    return np.column_stack([cents, cents.sum(axis=1)])


def _actual_cost(comparison: Comparison, plan: str) -> Cents:
    mine = comparison.pay[comparison.pay["plan"] == plan]
    cents = (mine["cost"] * 100).round().astype(np.int64).groupby(mine["period"]).sum()
    by_period = cents.reindex([period.name for period in comparison.periods], fill_value=0).to_numpy()
    return np.append(by_period, by_period.sum())
