"""The results of blocks of work: one after another, on every core, or on other machines through one call.

Blocks are cut before anybody knows how many workers there are, and results come back in the blocks' order, so figures
are the same bit for bit with one worker or a hundred, and when one of them is lost on the way.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config

from compmodel.errors import CompModelError

Block = TypeVar("Block")
Result = TypeVar("Result")
Progress = Callable[[int, int, float], object]
"""Is told how many are done, of how many, and the seconds left as things go."""
PATIENCE = 10
"""Seconds that a cluster has to answer, and then to have a worker."""


def block_results(
    work: Callable[[Block], Result],
    blocks: Sequence[Block],
    cluster: str = "",
    n_threads: int = 1,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Yields the result of each block, in order, as soon as it and those before it are there.

    Who stops asking keeps what has come; `progress` is told of a result once whoever asked has taken it. `n_threads` is
    of this machine (-1: one a core); `cluster` the address of a Dask scheduler, such as tcp://10.0.0.5:8786, whose
    workers have compmodel installed. `work`, with all that it holds, goes to a worker once, not with each block.
    Raises CompModelError when the cluster does not answer, has no workers, or the extra `cluster` is not installed.

    >>> list(block_results(sum, [(1, 2), (3, 4)]))
    [3, 7]
    """
    began = time.monotonic()
    with _workers(cluster, n_threads, work) as there:
        found = Parallel(return_as="generator")(delayed(_result)(there, (block,)) for block in blocks)
        try:
            for done, result in enumerate(found, start=1):
                yield result
                if progress:
                    progress(done, len(blocks), (time.monotonic() - began) / done * (len(blocks) - done))
        finally:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # of what a stop leaves undone
                found.close()


def _result(work: Callable[[Block], Result], blocks: tuple[Block]) -> Result:
    """The result of one block, in a tuple lest joblib spread it over workers as data that is lost with them."""
    return work(blocks[0])


def _same(work: Any) -> Any:
    """A task that gives what it was given: unlike scattered data it is made again when its worker is lost."""
    return work


@contextmanager
def _workers(cluster: str, n_threads: int, work: Any) -> Iterator[Any]:
    """Sets where blocks are worked on, and gives the work as it is known there."""
    if not cluster:
        with parallel_config(backend="threading", n_jobs=n_threads):
            yield work
        return
    with _client(cluster) as client, parallel_config(backend="dask") as setting:
        backend: Any = setting["backend"]
        n_cores = backend.effective_n_jobs
        backend.effective_n_jobs = lambda n_jobs: max(2, n_cores(n_jobs))  # for one, joblib would do the work here
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that work is larger than 10 MB
            there = client.submit(_same, work, pure=False)
        yield there


def _client(cluster: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        fix = "In the project's folder: pip install -e '.[cluster]', or uv pip install. Or leave --cluster out."
        raise CompModelError(f"--cluster {cluster} needs dask and distributed. {fix}") from error
    make: Any = Client
    try:
        client: Any = make(cluster, timeout=PATIENCE, set_as_default=True)
    except (OSError, ValueError, TimeoutError, TypeError) as error:
        fix = "Check the address that the scheduler printed when it began, such as tcp://10.0.0.5:8786."
        raise CompModelError(f"No scheduler answers at {cluster!r} within {PATIENCE} s. {fix}") from error
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        client.close()
        fix = f"Start one on each machine: dask worker {cluster}"
        raise CompModelError(f"The scheduler at {cluster!r} has no worker. {fix}") from error
    return client
