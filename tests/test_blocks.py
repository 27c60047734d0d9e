"""Blocks of work: the same figures in order with one worker or several, one lost on the way, or no scheduler at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client

from compmodel.blocks import block_results
from compmodel.errors import CompModelError
from compmodel.reports import render_reports

SOURCE = str(Path(__file__).resolve().parents[1] / "src")


class Cluster:
    """A scheduler and workers on loopback."""

    def __init__(self, folder: Path):
        self.file, self.workers, self.address = folder / "scheduler.json", [], ""
        told = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)]
        self.scheduler = self.started("scheduler", told)
        for _ in range(150):
            if self.file.exists() and self.file.read_text():
                self.address = json.loads(self.file.read_text())["address"]
                return
            time.sleep(0.2)
        raise AssertionError("the scheduler did not begin within 30 s")

    def started(self, what: str, told: list[str]) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([SOURCE, str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.dask_{what}", *told]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **quiet)  # type: ignore[call-overload]

    def add_workers(self, n: int) -> None:
        told = [self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1"]
        self.workers += [self.started("worker", told) for _ in range(n)]
        with Client(self.address, timeout=30) as client:
            client.wait_for_workers(len(self.workers), timeout=30)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    yield started
    started.stop()


def sums_of_draws(seed: int) -> Any:
    """A block whose result depends on its number alone; long enough for a worker to be lost in it."""
    time.sleep(0.05)
    return np.random.default_rng(seed).normal(size=1000).cumsum()


def test_threads_give_what_one_thread_gives_in_order() -> None:
    one, four = (np.array(list(block_results(sums_of_draws, range(12), n_threads=n))) for n in (1, 4))
    assert one.shape == (12, 1000)
    assert one.tobytes() == four.tobytes()


def test_progress_counts_up_and_the_time_left_runs_out() -> None:
    told: list[tuple[int, int, float]] = []
    list(block_results(sums_of_draws, range(3), progress=lambda *of: told.append(of)))
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert told[0][2] > 0
    assert told[-1][2] == 0


def test_who_stops_keeps_what_is_done() -> None:
    found = block_results(sums_of_draws, range(1000))
    kept = [next(found) for _ in range(3)]
    found.close()
    assert np.array(kept).tobytes() == np.array([sums_of_draws(n) for n in range(3)]).tobytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_workers_give_the_same_bits_however_many_and_when_one_is_killed(cluster: Cluster) -> None:
    here = np.array(list(block_results(sums_of_draws, range(40))))
    for n in (1, 1, 2):
        cluster.add_workers(n)
        there = np.array(list(block_results(sums_of_draws, range(40), cluster.address)))
        assert there.tobytes() == here.tobytes(), f"{len(cluster.workers)} workers"
    found, told = [], []
    for result in block_results(sums_of_draws, range(40), cluster.address, progress=lambda *of: told.append(of)):
        found.append(result)
        if len(found) == 5:
            cluster.workers[0].kill()
    assert np.array(found).tobytes() == here.tobytes()
    assert [done for done, _, _ in told] == list(range(1, 41))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_reports_rendered_by_workers_are_those_of_this_machine(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_workers(1)
    notebook = Path("notebooks/quarterly_report.ipynb").resolve()
    (here,) = render_reports(notebook, {}, ["2025Q4"], tmp_path / "here")
    (there,) = render_reports(notebook, {}, ["2025Q4"], tmp_path / "there", cluster.address)
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_scheduler_without_workers_says_how_to_start_one(cluster: Cluster) -> None:
    with pytest.raises(CompModelError, match=r"has no worker\. Start one on each machine: dask worker tcp://127"):
        list(block_results(sums_of_draws, range(2), cluster.address))


@pytest.mark.parametrize("wrong", ["tcp://127.0.0.1:9", "nonsense", "http://127.0.0.1:9"])
@pytest.mark.filterwarnings("default")
def test_a_wrong_address_is_said_in_one_line(wrong: str) -> None:
    with pytest.raises(CompModelError, match="No scheduler answers at"):
        list(block_results(sums_of_draws, range(2), wrong))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CompModelError, match=r"pip install 'compmodel\[cluster\]'"):
        list(block_results(sums_of_draws, range(2), "tcp://127.0.0.1:8786"))
