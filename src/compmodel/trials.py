"""Settings of a plan's levers, tried block by block: progress with time left, a stop that keeps what is done.

A setting that makes no plan (a target below its floor) is left empty and said. The table that a stop leaves can be
handed in again as `known`, to go on from there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from compmodel.errors import CompModelError, PlanError, nearest
from compmodel.levers import Lever
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.scenarios import scenario_results

Progress = Callable[[int, int, float], None]
"""Called with how many settings are done, how many there are, and the seconds left."""
RESULTS = ["cost", "share_at_target"]
UNTRIED = "not tried"
BLOCK_SECONDS = 0.5
MOST_VALUES = 25
"""Values of a lever that a grid tries unless they are given."""


def progress_words(done: int, total: int, seconds_left: float) -> str:
    """Returns how far work is, in words.

    >>> progress_words(412, 1000, 75.2)
    '412 of 1,000 tried, about 76 s left'
    """
    left = int(-(-seconds_left // 1))
    return f"{done:,} of {total:,} tried" + (f", about {left:,} s left" if done < total else "")


def show_progress(done: int, total: int, seconds_left: float) -> None:
    """Writes how far work is on one line of the terminal, or below a notebook's cell."""
    sys.stderr.write(f"\r{progress_words(done, total, seconds_left):<60}" + "\n" * (done >= total))
    sys.stderr.flush()


def in_blocks(
    work: Callable[[slice], pd.DataFrame], n: int, progress: Progress | None, done: int = 0
) -> list[pd.DataFrame]:
    """Returns what `work` makes of the rows from 0 to n, block by block; an interrupt keeps the blocks before it.

    Blocks take about half a second each. `done` rows were there before, and count in what `progress` is told.
    """
    found: list[pd.DataFrame] = []
    began, at, size = time.perf_counter(), 0, 1
    try:
        while at < n:
            found.append(work(slice(at, min(at + size, n))))
            at = min(at + size, n)
            seconds = time.perf_counter() - began
            if progress is not None:
                progress(done + at, done + n, seconds / at * (n - at))
            size = max(1, min(4 * size, 4096, int(at / max(seconds, 1e-9) * BLOCK_SECONDS)))
    except KeyboardInterrupt:
        pass
    return found


def tried(
    run: Replay,
    settings: pd.DataFrame,
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Returns the settings (a column a lever's path) with what each costs; the last weight takes what others leave.

    Grain: one row a setting. Columns: the settings, cost (reporting currency), share_at_target (of people-periods), and
    said: why a setting makes no plan, or "not tried" where the work was stopped. Rows found in `known`, an earlier
    table, are taken from it.
    """
    paths = list(settings.columns)
    settings = settings.reset_index(drop=True)
    nothing = pd.DataFrame({**dict.fromkeys(RESULTS, np.nan), "said": UNTRIED}, index=settings.index)
    if known is not None and set(paths) <= set(known.columns):
        kept = known[known["said"] != UNTRIED].drop_duplicates(paths)
        nothing = settings.merge(kept[[*paths, *RESULTS, "said"]], on=paths, how="left")[[*RESULTS, "said"]]
        nothing["said"] = nothing["said"].fillna(UNTRIED)
    todo = np.flatnonzero((nothing["said"] == UNTRIED).to_numpy())

    def work(rows: slice) -> pd.DataFrame:
        some = settings.take(todo[rows]).reset_index(drop=True)
        said = [refusal(run.plan, row) for row in some.to_dict("records")]
        fits = np.array([not problem for problem in said])
        found = pd.DataFrame(np.nan, index=some.index, columns=RESULTS)
        if fits.any():
            found.loc[fits, RESULTS] = scenario_results(run, some[fits])[RESULTS].to_numpy()
        return found.assign(said=said)

    blocks = in_blocks(work, len(todo), progress, len(settings) - len(todo))
    if blocks:
        done = pd.concat(blocks, ignore_index=True)
        nothing.loc[todo[: len(done)], [*RESULTS, "said"]] = done[[*RESULTS, "said"]].to_numpy()
    return pd.concat([settings, nothing.astype(dict.fromkeys(RESULTS, float))], axis=1)


def refusal(plan: Plan, changes: Mapping[Any, Any]) -> str:
    """Returns why a setting of levers makes no plan, in words; nothing where it makes one."""
    try:
        plan.moved(changes)
    except PlanError as error:
        return str(error.problems[0]).removeprefix(f"plan {plan.name}: ")
    return ""


def lever_at(plan: Plan, path: str) -> Lever:
    """Returns the lever of a path, of a component's target also without `.default`. Raises CompModelError."""
    levers = {lever.path: lever for lever in plan.levers()}
    found = levers.get(path) or levers.get(f"{path}.default")
    if found is None:
        raise CompModelError(f"{path!r} is no lever of {plan.title}. {nearest(path, levers)}")
    weights = [name for name in levers if name.endswith(".weight")]
    if found.path in weights[1:] and found.path == weights[-1]:
        others = " or ".join(weights[:-1])
        raise CompModelError(f"{found.label} is what the other weights leave. Move {others} instead.")
    return found


def lever_values(lever: Lever, most: int = MOST_VALUES) -> list[float]:
    """Returns at most so many values of a lever's grid, evenly apart, with its own value among them."""
    grid = [value for value in lever.grid if abs(value - lever.value) > 1e-9]
    grid = sorted([*grid, lever.value])
    stride = -(-len(grid) // most)
    return grid[grid.index(lever.value) % stride :: stride]
