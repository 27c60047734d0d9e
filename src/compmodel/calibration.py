"""Settings of one or two levers that meet a budget, a share at target, or both; the nearest where there are none.

Where the whole grid is paid within about a second, it is, and the answer is that of all its values. Else a coarse grid
is paid first. Where cost and share at target go one way along it, values between two that were paid are paid only where
the answer may lie there, by halves, each a further test that they do go one way; where they do not, every value is. A
turn may hide between values that were paid, so the sentence says how many were.

Currently implemented: calibrated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.blocks import Progress
from compmodel.compare import Answer
from compmodel.errors import CompModelError
from compmodel.explore import combinations, with_changes
from compmodel.levers import Lever
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.style import number_words, percent, short_money
from compmodel.trials import BLOCK_ROWS, ONE_BY_ONE, RESULTS, UNTRIED, block_size, lever_at, refusals, tried
from compmodel.wording import listed, people_periods

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
NEAR = 1e-9
COARSE = 8
"""Spans into which values of a lever are cut at first."""


@dataclass(frozen=True)
class Calibrated(Answer):
    """The plan found, or the nearest; `is_met` tells which. The table is every setting tried, and how far off."""

    plan: Plan
    is_met: bool
    cost: float
    share_at_target: float


def calibrated(
    run: Replay,
    paths: str | Sequence[str],
    budget: float | None = None,
    share_at_target: float | None = None,
    values: Mapping[str, Sequence[float]] | None = None,
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Calibrated:
    """Returns the plan, with one or two levers moved, that meets a budget, a share at target, or both.

    `budget` is the most it may cost over all periods (reporting currency), `share_at_target` the least share of
    people-periods at target. Of settings that meet them it is the one that comes nearest to them, then the one fewest
    steps away. Table: one row a setting; as of `grid`, with over_budget (reporting currency), short_of_share,
    meets and is_chosen; empty where a setting was not paid, which the sentence says. `cluster` and `n_threads` as of
    `grid`. Raises CompModelError without a goal, with an unknown lever, or where no setting makes a plan.
    """
    if budget is None and share_at_target is None:
        raise CompModelError("Nothing to meet. Give budget, share_at_target or both.")
    levers = [lever_at(run.plan, path) for path in ([paths] if isinstance(paths, str) else paths)]
    if not 1 <= len(levers) <= 2 or len({lever.path for lever in levers}) < len(levers):
        raise CompModelError("Calibration moves one lever, or two. Name one or two paths.")
    if budget is not None and not budget > 0:
        raise CompModelError(f"budget is {budget:g}, but must be above 0. Write the most the plan may cost.")
    if share_at_target is not None and not 0 <= share_at_target <= 1:
        raise CompModelError(f"share_at_target is {share_at_target:g}, but is a share of 1. Write 0.6, for example.")
    given = {lever_at(run.plan, path).path: of for path, of in (values or {}).items()}
    every = {lever.path: given.get(lever.path, lever.grid) for lever in levers}
    settings, is_current = combinations(run, every)
    steps = np.sum([np.abs(settings[lever.path] - lever.value) / lever.step for lever in levers], axis=0)
    goals = _Goals(budget, share_at_target, steps)
    pay = partial(tried, run, known=known, cluster=cluster, n_threads=n_threads)
    is_fast = block_size(run, settings) > ONE_BY_ONE and len(settings) * len(run.stage.people) <= BLOCK_ROWS
    found, is_stopped = _searched(run.plan, settings, goals, is_current, pay, progress, is_fast)
    table = with_changes(found, is_current)
    cost, share = (table[name].to_numpy(dtype=float) for name in ("cost", "share_at_target"))
    over, short = goals.missed(cost, share)
    meets = goals.met(over, short)
    gap = goals.gap(over, short, bool(meets.any()))
    eligible = np.flatnonzero(meets if meets.any() else ~np.isnan(cost)).tolist()
    if not eligible:
        raise CompModelError(f"No setting of {listed([lever.label for lever in levers])} makes a plan. Give others.")
    at = min(eligible, key=lambda i: (round(float(gap[i]), 12), *goals.turn(i)))
    table = table.assign(over_budget=over.round(2), short_of_share=short, meets=meets)
    table["is_chosen"] = np.arange(len(table)) == at
    row = table.iloc[int(at)]
    plan = run.plan.moved({lever.path: row[lever.path] for lever in levers})
    goal = _goal_words(budget, share_at_target)
    said = _found_words(row, levers, run.plan, goal, bool(meets.any()), len(table))
    untried = int((table["said"] == UNTRIED).sum())
    if is_stopped:
        said += f" {len(table) - untried:,} of {len(table):,} tried."
    elif untried:
        said += (
            f" {untried:,} of {len(table):,} settings lie between paid ones and were not paid: from one to the next "
        )
        said += "cost and share are taken to go one way."
    return Calibrated(said, table, plan, bool(meets.any()), float(row["cost"]), float(row["share_at_target"]))


@dataclass(frozen=True)
class _Goals:
    """What settings are judged by; `steps` away from the plan, by setting."""

    budget: float | None
    share: float | None
    steps: Floats

    def missed(self, cost: Floats, share: Floats) -> tuple[Floats, Floats]:
        """By how much settings lie above the budget and below the share; NaN for what was not paid."""
        nothing = np.where(np.isnan(cost), np.nan, 0.0)
        return (
            nothing if self.budget is None else cost - self.budget,
            nothing if self.share is None else self.share - share,
        )

    @staticmethod
    def met(over: Floats, short: Floats) -> npt.NDArray[np.bool_]:
        """Whether settings meet both goals."""
        found: npt.NDArray[np.bool_] = (over <= 0) & (short <= NEAR)
        return found

    def gap(self, over: Floats, short: Floats, is_met: bool) -> Floats:
        """How far settings lie from the goals, on either side where they are met."""
        off = (over / (self.budget or 1.0), short)
        found: Floats = np.sum([np.abs(of) if is_met else np.maximum(of, 0) for of in off], axis=0)
        return found

    def turn(self, i: int) -> tuple[float, int]:
        """What decides between settings that are alike."""
        return round(float(self.steps[i]), 9), i


def _searched(
    plan: Plan,
    settings: pd.DataFrame,
    goals: _Goals,
    is_current: npt.NDArray[np.bool_],
    pay: Callable[..., pd.DataFrame],
    progress: Progress | None,
    is_fast: bool,
) -> tuple[pd.DataFrame, bool]:
    """The settings, those that the answer needs paid, and whether the work was stopped; all where that is fast."""
    n, said = len(settings), np.array(refusals(plan, settings), dtype=object)
    found = pd.concat([settings, pd.DataFrame(np.nan, index=settings.index, columns=RESULTS)], axis=1)
    found["said"] = np.where(said == "", UNTRIED, said)
    lines = _lines(settings, np.flatnonzero(said == ""))
    steps = [1 if is_fast else max(1, len(line) // COARSE) for line in lines]
    coarse = [i for line, step in zip(lines, steps, strict=True) for i in (*line[::step], line[-1])]
    todo = sorted({*np.flatnonzero(is_current).tolist(), *coarse})
    stops: list[bool] = []
    while todo:
        done = n - int((found["said"] == UNTRIED).sum())

        def told(now: int, _: int, left: float, done: int = done) -> None:
            try:
                if progress:
                    progress(done + now, n, left)
            except KeyboardInterrupt:
                stops.append(True)
                raise

        paid = pay(settings.iloc[todo], told)
        for name in (*RESULTS, "said"):
            found.loc[todo, name] = paid[name].to_numpy()
        if stops or (paid["said"] == UNTRIED).any():
            return found, True
        todo = _needed(found, goals, lines)
    return found, False


def _lines(settings: pd.DataFrame, fits: Rows) -> list[list[int]]:
    """The settings that make plans in lines along the lever of most values, in its order."""
    along = max(settings.columns, key=lambda path: settings[path].nunique())
    some = settings.iloc[fits].sort_values([*settings.columns.drop(along), along])
    others = list(settings.columns.drop(along))
    groups = [of for _, of in some.groupby(others)] if others else [some]
    return [of.index.tolist() for of in groups if len(of)]


def _needed(found: pd.DataFrame, goals: _Goals, lines: list[list[int]]) -> list[int]:
    """The settings to pay next: between paid ones, where the answer may lie; all where results do not go one way."""
    cost, share = (found[name].to_numpy(dtype=float) for name in RESULTS)
    over, short = goals.missed(cost, share)
    meets, is_paid = goals.met(over, short), ~np.isnan(cost)
    spans = []
    for line in lines:
        at = [k for k, i in enumerate(line) if is_paid[i]]
        for of in (cost, share):
            moves = np.diff(of[[line[k] for k in at]])
            if (moves > 0).any() and (moves < 0).any():
                return [i for every in lines for i in every if not is_paid[i]]
        spans += [(line[a], line[b], line[a + 1 : b]) for a, b in pairwise(at) if b > a + 1]
    could_meet = [bool(goals.met(*(np.fmin(of[a], of[b]) for of in (over, short)))) for a, b, _ in spans]
    is_met = bool(meets.any())
    if not is_met and any(could_meet):
        return sorted(
            inside[len(inside) // 2] for (_, _, inside), could in zip(spans, could_meet, strict=True) if could
        )
    gap = goals.gap(over, short, is_met)
    best = min(
        (round(float(gap[i]), 12), *goals.turn(i)) for i in np.flatnonzero(meets if is_met else is_paid).tolist()
    )
    todo = []
    for (a, b, inside), could in zip(spans, could_meet, strict=True):
        if is_met and not could:
            continue
        ends = [sorted((float(of[a]), float(of[b]))) for of in (over, short)]
        over_there, short_there = (np.array(min(high, 0.0) if is_met else low) for low, high in ends)
        least = float(goals.gap(over_there, short_there, is_met))
        first = min(goals.turn(i) for i in inside)
        if (round(least, 12), *first) < best:
            is_flat = all(low == high for low, high in ends)
            todo.append(first[1] if is_flat else inside[len(inside) // 2])
    return sorted(todo)


def _goal_words(budget: float | None, share: float | None) -> str:
    goals = [] if budget is None else [f"cost at most {short_money(budget)}"]
    return " and ".join(goals + ([] if share is None else [f"have at least {percent(share, 1)} at target"]))


def _found_words(row: pd.Series, levers: Sequence[Lever], plan: Plan, goal: str, is_met: bool, n: int) -> str:
    at = " and ".join(f"{lever.label} {number_words(row[lever.path], lever.unit)}" for lever in levers)
    people = people_periods(plan.pay.period)
    figures = f"it costs {short_money(row['cost'])} with {percent(row['share_at_target'], 1)} of {people} at target"
    if is_met:
        return f"To {goal}, {plan.title} needs {at}: {figures}."
    misses = [f"{short_money(row['over_budget'])} over the budget"] if row["over_budget"] > 0 else []
    misses += [f"{percent(row['short_of_share'], 1)} of {people} short"] if row["short_of_share"] > NEAR else []
    return f"None of {n:,} settings lets {plan.title} {goal}. The nearest is {at}: {figures}, {listed(misses)}."
