"""Blocks of work: the same figures in order with one worker or several, one lost on the way, or no scheduler at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from distributed import Client

import compmodel as cm
from compmodel import blocks, trials
from compmodel.blocks import block_results
from compmodel.cli import main
from compmodel.errors import CompModelError
from compmodel.explore import grid, sweep
from compmodel.pay_ranges import cost_range
from compmodel.paying_parts import paying_part
from compmodel.plan import parsed_plan
from compmodel.question_commands import range_values, sweep_mark
from compmodel.reports import render_reports
from compmodel.resampling import BLOCK, Resampled, resampled
from compmodel.sobol import sobol_indices

SOURCE = str(Path(__file__).resolve().parents[1] / "src")


START = 120
"""Seconds to start, on a machine that is busy with other tests."""


class Cluster:
    """A scheduler and workers on loopback."""

    def __init__(self, folder: Path):
        self.file, self.workers, self.address = folder / "scheduler.json", [], ""
        told = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)]
        self.scheduler = self.started("scheduler", told)
        deadline = time.monotonic() + START
        while not (self.file.exists() and self.file.read_text()):
            assert time.monotonic() < deadline, f"the scheduler did not begin within {START} s"
            time.sleep(0.2)
        self.address = json.loads(self.file.read_text())["address"]

    def started(self, what: str, told: list[str]) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([SOURCE, str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.dask_{what}", *told]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **quiet)  # type: ignore[call-overload]

    def have_workers(self, n: int) -> None:
        """Exactly n workers: those that live, more where they are too few, some stopped where they are too many."""
        told = [self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1"]
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        for worker in self.workers[n:]:
            self.kill(worker)
        self.workers = self.workers[:n]
        self.workers += [self.started("worker", told) for _ in range(n - len(self.workers))]
        with Client(self.address, timeout=START) as client:
            deadline = time.monotonic() + START
            while len(client.scheduler_info(n_workers=-1)["workers"]) != n:
                assert time.monotonic() < deadline, f"the scheduler did not see {n} workers within {START} s"
                time.sleep(0.2)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        worker.kill()
        worker.wait()

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            self.kill(process)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for this file; each test says how many workers it needs, those of fewer stand first."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    yield started
    started.stop()


def sums_of_draws(seed: int) -> Any:
    """A block whose result depends on its number alone; long enough for a worker to be lost in it."""
    time.sleep(0.05)
    return np.random.default_rng(seed).normal(size=1000).cumsum()


def process_of(block: int) -> int:
    return os.getpid()


TARGET, WEIGHT = "components.nrr.target.default", "components.nrr.weight"


@pytest.fixture(scope="module")
def runs(sample: cm.History) -> list[cm.Replay]:
    return cm.replay(cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml"), sample, "2025Q3:2025Q4")


def sweep_of(run: cm.Replay, cluster: str = "", n_threads: int = 1, progress: Any = None) -> pd.DataFrame:
    """Some settings make no plan, the others cost something: 8 x 11, the plan's own among them."""
    values = {TARGET: np.linspace(0.95, 1.3, 7).round(4), WEIGHT: np.linspace(0, 1, 11).round(2)}
    return grid(run, values, progress, cluster=cluster, n_threads=n_threads).table


def bits(drawn: Resampled) -> bytes:
    every = [*drawn.cost.items(), *drawn.pay.items(), *drawn.again.items()]
    return b"".join(name.encode() + cents.tobytes() for name, cents in every)


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
def test_a_scheduler_without_workers_says_how_to_start_one(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.have_workers(0)
    monkeypatch.setattr(blocks, "PATIENCE", 4)
    with pytest.raises(CompModelError, match=r"has no worker\. Start one on each machine: dask worker tcp://127"):
        list(block_results(sums_of_draws, range(2), cluster.address))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_reports_rendered_by_workers_are_those_of_this_machine(cluster: Cluster, tmp_path: Path) -> None:
    cluster.have_workers(1)
    notebook = Path("notebooks/quarterly_report.ipynb").resolve()
    (here,) = render_reports(notebook, {}, ["2025Q4"], tmp_path / "here")
    (there,) = render_reports(notebook, {}, ["2025Q4"], tmp_path / "there", cluster.address)
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_workers_give_the_same_bits_however_many_and_when_some_are_killed(
    cluster: Cluster, runs: list[cm.Replay], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trials, "block_size", lambda run, settings: 16)
    comparison = cm.compare(runs, "thirds")
    swept, drawn = sweep_of(runs[1]), bits(resampled(comparison, 3 * BLOCK + 9, seed=3))
    sums = np.array(list(block_results(sums_of_draws, range(40))))
    for n in (1, 2, 4):
        cluster.have_workers(n)
        there = np.array(list(block_results(sums_of_draws, range(40), cluster.address)))
        assert there.tobytes() == sums.tobytes(), f"{n} workers"
        where = set(block_results(process_of, range(8), cluster.address))
        assert os.getpid() not in where, "one worker does the work, too, and not this process"
        pd.testing.assert_frame_equal(sweep_of(runs[1], cluster.address), swept, check_exact=True)
        assert bits(resampled(comparison, 3 * BLOCK + 9, 3, cluster=cluster.address)) == drawn
    bounds = {TARGET: (1.05, 1.3), WEIGHT: (0.2, 0.8)}
    here, there = (sobol_indices(runs[1], bounds, 32, cluster=at) for at in ("", cluster.address))
    pd.testing.assert_frame_equal(there.points, here.points, check_exact=True)

    found: list[Any] = []
    counted: list[int] = []
    for result in block_results(sums_of_draws, range(40), cluster.address, progress=lambda *of: counted.append(of[0])):
        found.append(result)
        if len(found) == 5:
            cluster.kill(cluster.workers[0])
    assert np.array(found).tobytes() == sums.tobytes(), "one killed of four"
    assert counted == list(range(1, 41))

    told: list[tuple[int, int]] = []
    doomed = cluster.workers[2:4]

    def kill(done: int, total: int, seconds_left: float) -> None:
        told.append((done, total))
        assert seconds_left >= 0
        if len(told) in (1, 4) and doomed:
            cluster.kill(doomed.pop())

    pd.testing.assert_frame_equal(sweep_of(runs[1], cluster.address, progress=kill), swept, check_exact=True)
    assert told[0] == (16, len(swept))
    assert told[-1] == (len(swept), len(swept))
    assert len(told) == -(-len(swept) // 16)
    told.clear()
    cluster.have_workers(2)
    doomed = cluster.workers[:1]
    assert bits(resampled(comparison, 3 * BLOCK + 9, 3, kill, cluster.address)) == drawn, "one killed of two"
    assert told == [(BLOCK, 777), (2 * BLOCK, 777), (3 * BLOCK, 777), (777, 777)]

    def stop(done: int, total: int, seconds_left: float) -> None:
        raise KeyboardInterrupt

    with warnings.catch_warnings(action="error"):
        part = sweep_of(runs[1], cluster.address, progress=stop)
    assert (part["said"] != "not tried").sum() == 16
    out = tmp_path / "a.csv"
    asked = ["--lever", f"{TARGET}=1.05:1.3:0.05", "--periods", "2025Q3:2025Q4", "--out", str(out)]
    with pytest.raises(SystemExit, match="0"):
        main(["sweep", "--plan", "data/plans/halves.yaml", *asked, "--cluster", cluster.address])
    table = sweep(runs[1], TARGET, range_values(TARGET, "1.05:1.3:0.05")).table.rename(columns={"value": TARGET})
    table = table.assign(sweep=sweep_mark(runs[1], [TARGET]))
    assert out.read_text() == table.to_csv(index=False, lineterminator="\n")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_sweep_is_the_same_in_blocks_of_any_size_and_on_threads(
    size: int, runs: list[cm.Replay], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sweep_of(runs[1])
    assert {"", "not tried"}.isdisjoint(whole.loc[whole["cost"].isna(), "said"])
    monkeypatch.setattr(trials, "block_size", lambda run, settings: size)
    pd.testing.assert_frame_equal(sweep_of(runs[1], n_threads=2), whole, check_exact=True)


def test_draws_are_the_same_on_threads(runs: list[cm.Replay]) -> None:
    comparison = cm.compare(runs, "thirds")
    assert bits(resampled(comparison, BLOCK + 9, n_threads=2)) == bits(resampled(comparison, BLOCK + 9))


def test_what_is_sent_is_small_and_pays_alike(runs: list[cm.Replay], sample: cm.History) -> None:
    """Without history, ledgers and ratios; of a plan that is no straight line, paid one by one, too."""
    run = runs[1]
    assert len(cloudpickle.dumps(paying_part(run))) < len(cloudpickle.dumps(run)) / 10
    draw = {"kind": "draw", "amount": 1000, "recoverable": True}
    written = run.plan.model_dump(mode="json", exclude_unset=True)
    rate = {"metric": "expansion_arr", "level": "individual", "basis": {"kind": "rate", "rate": 0.02}, "target": 1}
    rate |= {"name": "nrr", "attainment": {"kind": "ratio"}, "curve": written["components"][0]["curve"]}
    kpi = written["components"][1] | {"weight": 1}
    after = {"kind": "clawback", "component": "nrr", "how": "at_rate_paid"}
    taken_back = parsed_plan({**written, "components": [rate, kpi], "adjustments": [after]}, "rate")
    whole = trials.scenario_results
    settings = pd.DataFrame({TARGET: [1.1, 1.2]})
    for plan in (run.plan, run.plan.replace({"adjustments": [draw]}), taken_back):
        (run,) = cm.replay([plan], sample, "2025Q1:2025Q4")
        assert (run.payouts["component"] == "clawback").any() == (plan is taken_back)
        sent = cloudpickle.loads(cloudpickle.dumps(paying_part(run)))
        pd.testing.assert_frame_equal(whole(sent, settings), whole(run, settings), check_exact=True)
        for target, cost in zip(settings[TARGET], whole(sent, settings)["cost"], strict=True):
            (again,) = cm.replay([run.plan.replace({TARGET: target})], sample, "2025Q1:2025Q4")
            assert cost == sum(round(of * 100) for of in again.payouts["cost"]) / 100


@pytest.mark.filterwarnings("default")
def test_sweeps_and_draws_say_a_wrong_address(runs: list[cm.Replay]) -> None:
    for work in (
        lambda at: sweep(runs[1], TARGET, [1.1], cluster=at),
        lambda at: cost_range(cm.compare(runs, "thirds"), 10, cluster=at),
    ):
        with pytest.raises(CompModelError, match="No scheduler answers at 'nonsense'"):
            work("nonsense")


@pytest.mark.parametrize("wrong", ["tcp://127.0.0.1:9", "nonsense", "http://127.0.0.1:9"])
@pytest.mark.filterwarnings("default")
def test_a_wrong_address_is_said_in_one_line(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "PATIENCE", 1)
    with pytest.raises(CompModelError, match=r"No scheduler answers at .* within 1 s"):
        list(block_results(sums_of_draws, range(2), wrong))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CompModelError, match=r"pip install -e '\.\[cluster\]'"):
        list(block_results(sums_of_draws, range(2), "tcp://127.0.0.1:8786"))
