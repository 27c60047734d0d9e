"""Settings of a plan's levers, tried block by block: progress with time left, a stop that keeps what is done.

A setting that makes no plan (a target below its floor) is left empty and said. The table that a stop leaves can be
handed in again as `known`, to go on from there. Blocks may be worked on by threads or by other machines (`blocks.py`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from compmodel.blocks import Progress, block_results
from compmodel.component_words import component_titles
from compmodel.errors import CompModelError, PlanError, nearest
from compmodel.levers import Lever
from compmodel.money import NEAR
from compmodel.pay_lines import is_straight
from compmodel.paying_parts import paying_part
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.scenario_settings import wanted_of
from compmodel.scenarios import scenario_results
from compmodel.style import number_words
from compmodel.wording import capitalised

Block = TypeVar("Block")
Result = TypeVar("Result")
RESULTS = ["cost", "share_at_target"]
UNTRIED = "not tried"
BLOCK_ROWS = 600_000
"""People-periods times settings of a block: some half a second to a second where arrays do the work."""
FEWEST, MOST = 64, 512
"""Settings of a block: each prepares the people anew, which costs as much as a dozen settings."""
ONE_BY_ONE = 4
"""Settings of a block where plans are paid one by one."""
MOST_VALUES = 25
"""Values of a lever that a grid tries unless they are given."""
FARTHEST, NEAREST = 10, 2
"""How many steps from the plan's own value these reach at most, and at least; in between, half that value."""
CASE = re.compile(r"target\.cases\[(\d+)\]")
TARGET_AT_FLOOR = re.compile(r"target\.\S* is (\S+), but it must lie (above|below) the floor (\S+)\.")
REFUSED = (
    (r"(points|bands)\[\d+\] has attainment|must rise", "attainment must rise along the curve"),
    (r"below the previous|the curve falls", "doing better would pay less"),
    (r"points start with factor", "the plan does not say what is paid below the curve's first point"),
    (r"weights.* add up to", "the weights would not add up to the whole"),
    (r"pay is never negative", "a pay factor cannot be below 0"),
    (r"ramp\[\d+\] is", "a month of the ramp must be above 0% and at most 100%"),
    (r"a whole number", "it must be a whole number"),
    (r"has '.*', but must be", "it lies beyond what such a number can be"),
)
"""What a rule for plan files means to somebody who moves a number."""


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


def block_size(run: Replay, settings: pd.DataFrame) -> int:
    """Returns how many of these settings a block has, whoever works on it: by people, plan and levers alone."""
    if not is_straight(run.plan) or (len(settings) and wanted_of(run.plan, settings.head(1)) is None):
        return ONE_BY_ONE
    return min(max(BLOCK_ROWS // max(1, len(run.stage.people)), FEWEST), MOST)


def in_blocks(
    work: Callable[[Block], Result],
    blocks: Sequence[Block],
    cluster: str = "",
    n_threads: int = 1,
    progress: Progress | None = None,
    done: int = 0,
) -> list[Result]:
    """Returns what `work` makes of blocks that know their length, in order; an interrupt keeps those that are there.

    `progress` is told rows, not blocks; `done` rows were there before, and count. Raises as `block_results`.
    """
    ends = np.cumsum([done, *map(len, blocks)]).tolist()  # type: ignore[arg-type]

    def told(n: int, _: int, seconds_left: float) -> None:
        if progress is not None:
            progress(ends[n], ends[-1], seconds_left)

    found: list[Result] = []
    try:
        for result in block_results(work, blocks, cluster, n_threads, told):
            found.append(result)  # an interrupt keeps what is in the list
    except KeyboardInterrupt:
        pass
    return found


def cut(settings: pd.DataFrame, size: int) -> list[pd.DataFrame]:
    """Returns settings in blocks of so many rows, the last one as it comes."""
    return [settings.iloc[start : start + size] for start in range(0, len(settings), size)]


def tried(
    run: Replay,
    settings: pd.DataFrame,
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> pd.DataFrame:
    """Returns the settings (a column a lever's path) with what each costs; the last weight takes what others leave.

    Grain: one row a setting. Columns: the settings, cost (reporting currency), share_at_target (of people-periods), and
    said: why a setting makes no plan, or "not tried" where the work was stopped. Rows found in `known`, an earlier
    table, are taken from it. `cluster` and `n_threads` are as of `block_results`, which also says what it raises.
    """
    paths = list(settings.columns)
    settings = settings.reset_index(drop=True)
    nothing = pd.DataFrame({**dict.fromkeys(RESULTS, np.nan), "said": UNTRIED}, index=settings.index)
    if known is not None and set(paths) <= set(known.columns):
        kept = known[known["said"] != UNTRIED].drop_duplicates(paths)
        nothing = settings.merge(kept[[*paths, *RESULTS, "said"]], on=paths, how="left")[[*RESULTS, "said"]]
        nothing["said"] = nothing["said"].fillna(UNTRIED)
    todo = np.flatnonzero((nothing["said"] == UNTRIED).to_numpy())
    blocks = cut(settings.take(todo).reset_index(drop=True), block_size(run, settings))
    work = partial(_tried_block, paying_part(run))
    found = in_blocks(work, blocks, cluster, n_threads, progress, len(settings) - len(todo))
    if found:
        done = pd.concat(found, ignore_index=True)
        nothing.loc[todo[: len(done)], [*RESULTS, "said"]] = done[[*RESULTS, "said"]].to_numpy()
    return pd.concat([settings, nothing.astype(dict.fromkeys(RESULTS, float))], axis=1)


def _tried_block(run: Replay, settings: pd.DataFrame) -> pd.DataFrame:
    """What settings cost, and of how many people-periods at target, or why they make no plan."""
    some = settings.reset_index(drop=True)
    said = refusals(run.plan, some)
    fits = np.array([not problem for problem in said])
    found = pd.DataFrame(np.nan, index=some.index, columns=RESULTS)
    if fits.any():
        found.loc[fits, RESULTS] = scenario_results(run, some[fits])[RESULTS].to_numpy()
    return found.assign(said=said)


def refusals(plan: Plan, settings: pd.DataFrame) -> list[str]:
    """Returns of each setting why it makes no plan; nothing where it makes one."""
    wanted = wanted_of(plan, settings) if is_straight(plan) else None
    looked_at = np.ones(len(settings), dtype=bool) if wanted is None else wanted.suspects
    rows = settings.to_dict("records")
    return [refusal(plan, row) if is_odd else "" for row, is_odd in zip(rows, looked_at, strict=True)]


def refusal(plan: Plan, changes: Mapping[Any, Any]) -> str:
    """Returns why a setting of levers makes no plan, in a leader's words; nothing where it makes one."""
    try:
        plan.moved(changes)
    except PlanError as error:
        return _in_words(plan, str(error.problems[0]).removeprefix(f"plan {plan.name}: "))
    return ""


def _in_words(plan: Plan, problem: str) -> str:
    """A problem of a plan file by the name of its component and in its unit, without paths and fixes."""
    place = re.match(r"components\[(\d+)\]", problem)
    component = plan.components[int(place[1])] if place else None
    name = f"{component_titles(plan)[int(place[1])]}: " if place else ""
    case = CASE.search(problem)
    if component and case and component.target.cases[int(case[1])].payee_id is not None:  # a target nobody else reads
        side = re.search(r"must lie (above|below)", problem)
        what = f"must lie {side[1]} the floor" if side else "lies beyond what a target can be"
        return f"{name}the target of one person {what}."
    if component and (found := TARGET_AT_FLOOR.search(problem)):
        target, floor = (number_words(float(number), component.unit) for number in found.group(1, 3))
        return f"{name}the target {target} must lie {found[2]} the floor {floor}."
    for rule, words in REFUSED:
        if re.search(rule, problem):
            return capitalised(f"{name}{words}.")
    return name + problem[place.end() if place else 0 :].lstrip(". ").replace("_", " ")


def lever_at(plan: Plan, path: str) -> Lever:
    """Returns the lever of a path, of a component's target also without `.default`. Raises CompModelError."""
    levers = {lever.path: lever for lever in plan.levers()}
    found = levers.get(path) or levers.get(f"{path}.default")
    if found is None:
        known = [name.removesuffix(".default") for name in levers]
        raise CompModelError(f"{path!r} is no lever of {plan.title}. {nearest(path, known)}")
    weights = [name for name in levers if name.endswith(".weight")]
    if found.path in weights[1:] and found.path == weights[-1]:
        others = " or ".join(weights[:-1])
        raise CompModelError(f"{found.label} is what the other weights leave. Move {others} instead.")
    return found


def lever_values(lever: Lever, most: int = MOST_VALUES) -> list[float]:
    """Returns at most so many values of a lever's grid around its own, evenly apart, its own among them.

    They reach half the plan's value to either side, but at least two and at most ten steps.
    """
    reach = min(max(abs(lever.value) / 2, NEAREST * lever.step), FARTHEST * lever.step) + NEAR
    grid = [value for value in lever.grid if NEAR < abs(value - lever.value) <= reach]
    grid = sorted([*grid, lever.value])
    stride = -(-len(grid) // most)
    return grid[grid.index(lever.value) % stride :: stride]
