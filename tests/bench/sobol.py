"""Sobol samples and indices beside SALib's, which they equal: 2^14 base points of ten inputs, rounds interleaved."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from SALib.analyze import sobol as their_analysis
from SALib.sample import sobol as their_sampling

from compmodel.sobol import indices, resampled_indices, saltelli_sample

ROUNDS = 3
RESAMPLES = 100
Row = tuple[str, float, float, float, float]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Returns seconds and the result of one call."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def rows(tiny: bool = False) -> list[Row]:
    """Returns (work, our seconds, the rival's, ratio, target): medians of interleaved rounds; results must agree."""
    k, n, rounds = (3, 2**5, 1) if tiny else (10, 2**14, ROUNDS)
    problem = {"num_vars": k, "names": [f"x{i}" for i in range(k)], "bounds": [[0, 1]] * k}
    sample = saltelli_sample(k, n, 1)
    outcomes = np.exp(sample @ np.linspace(0, 2, k)) * (1 + sample[:, 0])

    def ours() -> Any:
        return indices(outcomes, k), resampled_indices(outcomes, k, RESAMPLES, 1)

    def theirs() -> Any:
        return their_analysis.analyze(problem, outcomes, calc_second_order=False, num_resamples=RESAMPLES, seed=1)

    works: dict[str, tuple[Callable[[], Any], Callable[[], Any], float]] = {
        "Sobol sampling": (
            lambda: saltelli_sample(k, n, 1),
            lambda: their_sampling.sample(problem, n, calc_second_order=False, seed=np.random.default_rng(1)),
            8.0,
        ),
        "Sobol indices": (ours, theirs, 8.0),
    }
    found: list[Row] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (mine, rival, target) in works.items():
            pairs = [(timed(mine), timed(rival)) for _ in range(rounds)]
            _agree(name, pairs[0][0][1], pairs[0][1][1])
            us, them = (statistics.median(pair[i][0] for pair in pairs) for i in (0, 1))
            found.append((f"{name}, 2^{n.bit_length() - 1} points, k = {k}", us, them, them / us, target))
    return found


def _agree(name: str, mine: Any, theirs: Any) -> None:
    if name == "Sobol sampling":
        np.testing.assert_array_equal(mine, theirs)
        return
    np.testing.assert_allclose(mine[0].first, theirs["S1"], atol=1e-12, rtol=0)
    np.testing.assert_allclose(mine[0].total, theirs["ST"], atol=1e-12, rtol=0)


def main() -> None:
    """Prints the table."""
    for work, us, them, ratio, target in rows():
        print(f"{work:40} {us * 1000:9.1f} ms, SALib {them * 1000:9.1f} ms, ratio {ratio:6.1f}, target {target:g}")


if __name__ == "__main__":
    main()
