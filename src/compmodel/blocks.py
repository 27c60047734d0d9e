"""The results of blocks of work: one after another, on every core, or on other machines through one call.

Blocks are cut before anybody knows how many workers there are, and results come back in the blocks' order, so figures
are the same bit for bit with one worker or a hundred, and when one of them is lost on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from joblib import Parallel, delayed, parallel_config

from compmodel.errors import CompModelError

Block = TypeVar("Block")
Result = TypeVar("Result")
PATIENCE = 10
"""Seconds that a cluster has to answer, and then to have a worker."""


class Progress(Protocol):
    """Is told how many blocks of how many are done, and the seconds left as things go."""

    def __call__(self, done: int, total: int, seconds_left: float) -> None: ...  # noqa: D102


def block_results(
    work: Callable[[Block], Result],
    blocks: Sequence[Block],
    cluster: str = "",
    n_threads: int = 1,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Yields the result of each block, in order, as soon as it and those before it are there.

    Who stops asking keeps what has come. `n_threads` is of this machine (-1: one a core); `cluster` the address of a
    Dask scheduler, such as tcp://10.0.0.5:8786, whose workers have compmodel installed.
    Raises CompModelError when the cluster does not answer, has no workers, or the extra `cluster` is not installed.

    >>> list(block_results(sum, [(1, 2), (3, 4)]))
    [3, 7]
    """
    began = time.monotonic()
    with _workers(cluster, n_threads):
        found = Parallel(return_as="generator")(delayed(work)(block) for block in blocks)
        for done, result in enumerate(found, start=1):
            if progress:
                progress(done, len(blocks), (time.monotonic() - began) / done * (len(blocks) - done))
            yield result


@contextmanager
def _workers(cluster: str, n_threads: int) -> Iterator[None]:
    if not cluster:
        with parallel_config(backend="threading", n_jobs=n_threads):
            yield
        return
    with _client(cluster), parallel_config(backend="dask"):
        yield


def _client(cluster: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        fix = "Install it with: pip install 'compmodel[cluster]'. Without --cluster this machine does the work."
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
