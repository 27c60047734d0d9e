"""Settings of one or two levers that meet a budget, a share at target, or both; the nearest where there are none.

Every value of the levers' own grids is paid, so the answer is exact on the grid and needs no curve to be well behaved.

Currently implemented: calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from compmodel.blocks import Progress
from compmodel.compare import Answer
from compmodel.errors import CompModelError
from compmodel.explore import grid
from compmodel.levers import Lever
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.style import number_words, percent, short_money
from compmodel.trials import UNTRIED, lever_at
from compmodel.wording import listed

NEAR = 1e-9


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
    meets and is_chosen. `cluster` and `n_threads` as of `grid`.
    Raises CompModelError without a goal, with an unknown lever, or where no setting makes a plan.
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
    table = grid(run, every, progress, known, cluster, n_threads).table
    cost, share = (table[name].to_numpy(dtype=float) for name in ("cost", "share_at_target"))
    over = np.zeros(len(table)) if budget is None else cost - budget
    short = np.zeros(len(table)) if share_at_target is None else share_at_target - share
    meets = (np.nan_to_num(over, nan=np.inf) <= 0) & (np.nan_to_num(short, nan=np.inf) <= NEAR)
    off = (over / (budget or 1.0), short)
    gap = np.sum([np.abs(of) if meets.any() else np.maximum(of, 0) for of in off], axis=0)
    steps = np.sum([np.abs(table[lever.path] - lever.value) / lever.step for lever in levers], axis=0)
    eligible = np.flatnonzero(meets if meets.any() else ~np.isnan(cost))
    if not len(eligible):
        raise CompModelError(f"No setting of {listed([lever.label for lever in levers])} makes a plan. Give others.")
    at = min(eligible, key=lambda i: (round(float(gap[i]), 12), round(float(steps[i]), 9), i))
    table = table.assign(over_budget=over.round(2), short_of_share=short, meets=meets)
    table["is_chosen"] = np.arange(len(table)) == at
    row = table.iloc[int(at)]
    plan = run.plan.moved({lever.path: row[lever.path] for lever in levers})
    goal = _goal_words(budget, share_at_target)
    said = _found_words(row, levers, run.plan, goal, bool(meets.any()), len(table))
    untried = int((table["said"] == UNTRIED).sum())
    said += f" {len(table) - untried:,} of {len(table):,} tried." if untried else ""
    return Calibrated(said, table, plan, bool(meets.any()), float(row["cost"]), float(row["share_at_target"]))


def _goal_words(budget: float | None, share: float | None) -> str:
    goals = [] if budget is None else [f"cost at most {short_money(budget)}"]
    return " and ".join(goals + ([] if share is None else [f"have at least {percent(share, 1)} at target"]))


def _found_words(row: pd.Series, levers: Sequence[Lever], plan: Plan, goal: str, is_met: bool, n: int) -> str:
    at = " and ".join(f"{lever.label} {number_words(row[lever.path], lever.unit)}" for lever in levers)
    figures = (
        f"it costs {short_money(row['cost'])} with {percent(row['share_at_target'], 1)} of people-periods at target"
    )
    if is_met:
        return f"To {goal}, {plan.title} needs {at}: {figures}."
    misses = [f"{short_money(row['over_budget'])} over the budget"] if row["over_budget"] > 0 else []
    misses += [f"{percent(row['short_of_share'], 1)} of people-periods short"] if row["short_of_share"] > NEAR else []
    return f"None of {n:,} settings lets {plan.title} {goal}. The nearest is {at}: {figures}, {listed(misses)}."
