"""Sobol indices: how much of the spread of cost each lever makes, alone and together with others.

Currently implemented: sobol_indices, saltelli_sample, indices, resampled_indices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.blocks import Progress
from compmodel.compare import Answer
from compmodel.errors import CompModelError
from compmodel.levers import Lever
from compmodel.paying_parts import paying_part
from compmodel.replay import Replay
from compmodel.scenarios import scenario_results
from compmodel.style import percent
from compmodel.trials import block_size, cut, in_blocks, lever_at, refusal

Floats = npt.NDArray[np.float64]
DIGITS = 6
"""Decimals of a lever's value in a sample: as short as a plan would be written."""
RESAMPLES = 200
INTERVAL = (0.05, 0.95)
"""Nine times in ten."""


class Indices(NamedTuple):
    """First and total indices, one for each input (or resamples x inputs)."""

    first: Floats
    total: Floats


@dataclass(frozen=True)
class SobolAnswer(Answer):
    """The answer, with the cost of each point tried (`points`, in the sample's order), from which to go on."""

    points: pd.DataFrame = field(default_factory=pd.DataFrame)


def saltelli_sample(k: int, n: int, seed: int) -> Floats:
    """Returns n x (k + 2) points of k inputs between 0 and 1: of each base point A, then A with one input of B, then B.

    Source: Saltelli et al. (2010), Computer Physics Communications 181, 259-270, on scrambled Sobol points.

    >>> saltelli_sample(3, 4, seed=1).shape
    (20, 3)
    """
    from scipy.stats import qmc  # noqa: PLC0415 - takes more than a second, and nothing else needs it

    base = qmc.Sobol(d=2 * k, scramble=True, rng=seed).random(n)
    found = np.repeat(base[:, None, :k], k + 2, axis=1)
    inputs = np.arange(k)
    found[:, inputs + 1, inputs] = base[:, k:]
    found[:, k + 1] = base[:, k:]
    return found.reshape(-1, k)


def indices(outcomes: Floats, k: int) -> Indices:
    """Returns the indices from what a model makes of the points of `saltelli_sample`; 0 where nothing varies.

    Source: Saltelli et al. (2010), table 2: (b) for first and (f) for total indices; outcomes are centred first.
    """
    return _of_weights(outcomes, k, np.ones((1, len(outcomes) // (k + 2))), 0)


def resampled_indices(outcomes: Floats, k: int, n_resamples: int, seed: int) -> Indices:
    """Returns the indices of base points drawn with replacement: arrays of resamples x inputs."""
    n = len(outcomes) // (k + 2)
    drawn = np.random.default_rng(seed).integers(n, size=(n, n_resamples))
    drawn += n * np.arange(n_resamples)
    times = np.bincount(drawn.ravel(), minlength=n * n_resamples).reshape(n_resamples, n)
    return _of_weights(outcomes, k, times.astype(float))


def _of_weights(outcomes: Floats, k: int, times: Floats, only: int | None = None) -> Indices:
    """The indices where each base point counts so many times: every sum is one product of matrices."""
    spread = outcomes.std()
    centred = (outcomes - outcomes.mean()) / (spread or 1.0)
    of_points = centred.reshape(-1, k + 2)
    a, ab, b = of_points[:, :1], of_points[:, 1:-1], of_points[:, -1:]
    terms = np.hstack([b * (ab - a), (a - ab) ** 2, a + b, a**2 + b**2])
    means = times @ terms / times.sum(axis=1, keepdims=True)
    variance = means[:, -1:] / 2 - (means[:, -2:-1] / 2) ** 2
    is_some = variance > np.finfo(float).eps
    first, total = (
        np.divide(of, variance, out=np.zeros_like(of), where=is_some & np.full(of.shape, True))
        for of in (means[:, :k], means[:, k : 2 * k] / 2)
    )
    return Indices(first, total) if only is None else Indices(first[only], total[only])


def sobol_indices(
    run: Replay,
    levers: Sequence[str] | Mapping[str, tuple[float, float]],
    n: int = 2**12,
    seed: int = 1,
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> SobolAnswer:
    """Returns how much of the spread of cost each lever makes when all move at once, evenly between their bounds.

    `levers` are paths, or paths with a lowest and highest value; `n`, a power of 2, counts base points, each paid
    levers + 2 times. `known` are the `points` of an earlier answer that was stopped. Table: one row a lever, the
    largest total first; path, label, unit, low, high, first, first_low, first_high, total, total_low, total_high
    (shares of the variance of cost; low and high hold nine resamples in ten). `cluster` and `n_threads` as of `grid`.
    Raises CompModelError where some
    corner of the bounds makes no plan.
    """
    if n < 2 or n & (n - 1):
        raise CompModelError(f"n is {n}, but Sobol points come in powers of 2. Write {2 ** max(1, n.bit_length())}.")
    chosen = [lever_at(run.plan, path) for path in levers]
    if len({lever.path for lever in chosen}) < max(len(chosen), 2):
        raise CompModelError("Sobol indices need two levers or more, each once. Name others.")
    given = (
        [levers[path] for path in levers] if isinstance(levers, Mapping) else [(of.lower, of.upper) for of in chosen]
    )
    low, high = np.array(given, dtype=float).T
    _refuse_corners(run, chosen, given)
    k = len(chosen)
    settings = np.round(low + saltelli_sample(k, n, seed) * (high - low), DIGITS)
    frame = pd.DataFrame(settings, columns=[lever.path for lever in chosen])
    for lever, (lowest, _) in zip(chosen, given, strict=True):
        if lever.unit == "count" and refusal(run.plan, {lever.path: lowest + 0.5}):
            frame[lever.path] = frame[lever.path].round()  # months and periods are whole
    before = 0 if known is None else _same_so_far(known, frame)
    blocks = cut(frame.iloc[before:], block_size(run, frame))
    found = in_blocks(partial(_costs, paying_part(run)), blocks, cluster, n_threads, progress, before)
    costs = [] if known is None else [known["cost"].iloc[:before].to_numpy(dtype=float)]
    cost = np.concatenate([*costs, *found, np.zeros(0)])
    n_done = len(cost) // (k + 2)
    points = frame.iloc[: len(cost)].assign(cost=cost)
    if n_done < 2:
        return SobolAnswer(
            f"{n_done} of {n:,} points tried, too few to tell.", _table(chosen, given, None, None), points
        )
    whole = cost[: n_done * (k + 2)]
    table = _table(chosen, given, indices(whole, k), resampled_indices(whole, k, RESAMPLES, seed))
    stopped = f" {n_done:,} of {n:,} points tried." if n_done < n else ""
    return SobolAnswer(_words(table) + stopped, table, points)


def _costs(run: Replay, settings: pd.DataFrame) -> Floats:
    return scenario_results(run, settings)["cost"].to_numpy(dtype=float)


def _table(
    levers: Sequence[Lever], given: Sequence[tuple[float, float]], found: Indices | None, again: Indices | None
) -> pd.DataFrame:
    table = pd.DataFrame({name: [getattr(lever, name) for lever in levers] for name in ("path", "label", "unit")})
    table[["low", "high"]] = np.array(given, dtype=float)
    for i, name in enumerate(Indices._fields):
        table[name] = np.nan if found is None else found[i]
        ends = np.full((2, len(levers)), np.nan) if again is None else np.quantile(again[i], INTERVAL, axis=0)
        table[f"{name}_low"], table[f"{name}_high"] = ends
    return table.sort_values("total", ascending=False, kind="stable").reset_index(drop=True)


def _words(table: pd.DataFrame) -> str:
    if not (table["total"] > 0).any():
        return "None of these levers moves cost."
    first = table.iloc[0]
    ends = f"({percent(first['total_low'])} to {percent(first['total_high'])} nine times in ten)"
    said = f"The {first['label']} makes {percent(first['total'])} of the spread of cost {ends}; "
    said += f"without acting together with others {percent(first['first'])}."
    others = [f"{row['label']} {percent(row['total'])}" for _, row in table.iloc[1:4].iterrows()]
    together = max(0.0, 1 - float(table["first"].sum()))
    said += f" Then: {', '.join(others)}."
    return said + f" {percent(together)} comes from levers acting together."


def _same_so_far(known: pd.DataFrame, frame: pd.DataFrame) -> int:
    """How many points an earlier answer tried of this very sample."""
    n = len(known)
    if set(known) != {*frame, "cost"} or n > len(frame) or not (known[list(frame)] == frame.iloc[:n]).all(axis=None):
        raise CompModelError("known is of another sample. Give the same levers, bounds, n and seed, or leave it out.")
    return n


def _refuse_corners(run: Replay, levers: Sequence[Lever], given: Sequence[tuple[float, float]]) -> None:
    """Stops where bounds hold settings that make no plan: pairs of levers at their corners, and all at their ends."""
    own = {lever.path: lever.value for lever in levers}
    ends = {lever.path: tuple(map(float, both)) for lever, both in zip(levers, given, strict=True)}
    corners = [{path: both[end] for path, both in ends.items()} for end in (0, 1)]
    for one, other in combinations(levers, 2):
        for x, y in product(ends[one.path], ends[other.path]):
            corners.append({**own, one.path: x, other.path: y})
    for corner in corners:
        if problem := refusal(run.plan, corner):
            fix = "Give narrower bounds: {path: (low, high)}."
            raise CompModelError(f"Between these bounds lie settings that make no plan: {problem} {fix}")
