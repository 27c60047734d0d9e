"""People paid a part at a time: the same cents as all at once, a person never cut, and memory that does not grow."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel import other_values, paying_parts, resampling, scenarios
from compmodel.account_sums import account_sums, sums_of_rows, values_of
from compmodel.other_values import cents_of_values
from compmodel.pay_ranges import cost_range, pay_range
from compmodel.pay_swing import pay_swing
from compmodel.paying_parts import parts_of_people
from compmodel.replay import Replay, replay
from compmodel.resampling import drawn_weights, resampled
from compmodel.scenarios import scenario_cents, scenario_results, scenario_totals

PLANS = Path("data/plans")
DRAW = {"kind": "draw", "amount": 1000, "recoverable": True}
N_DRAWS = 31
TARGET = "components.nrr.target.default"


@pytest.fixture(scope="module")
def runs(sample: cm.History) -> dict[str, Replay]:
    plans = cm.load_plans(*(PLANS / f"{name}.yaml" for name in ("thirds", "halves", "team_80_20")))
    plans.append(plans[1].replace({"name": "drawn", "title": "Drawn", "adjustments": [DRAW]}))
    plans.append(plans[1].replace({"name": "even", "title": "Even", "pay.rounding": "half_even"}))
    return {run.plan.name: run for run in replay(plans, sample, "2025Q1:2025Q4")}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def cut(size: int) -> None:
        for module in (paying_parts, resampling, other_values):
            monkeypatch.setattr(module, "PART", size)

    return cut


def company(run: Replay, times: int) -> Replay:
    """The run with everybody so often, under names of their own; what it is paid from alone."""
    stage, results = run.stage, run.stage.results
    at = np.tile(np.arange(len(stage.people)), times)
    people = stage.people.take(at).reset_index(drop=True)
    copy = np.repeat(np.arange(times), len(stage.people)).astype(str)
    people = people.assign(payee_id=people["payee_id"].to_numpy(dtype=object) + np.char.add("~", copy).astype(object))
    described = [frame.take(at).reset_index(drop=True) for frame in results.described]
    many = results._replace(
        value=results.value[at], exactly=lambda some: results.exactly(at[some]), described=described
    )
    return replace(run, stage=stage._replace(people=people, results=many))


@pytest.mark.parametrize("size", [40, 150])
def test_parts_hold_everybody_once_and_whole_people(
    runs: dict[str, Replay], small_parts: Callable[[int], None], size: int
) -> None:
    for name, run in runs.items():
        small_parts(size)
        parts = list(parts_of_people(run))
        assert len(parts) > 1, name
        assert sorted(np.concatenate([rows for rows, _ in parts]).tolist()) == list(range(len(run.stage.people)))
        payees = [set(part.stage.people["payee_id"]) for _, part in parts]
        assert sum(map(len, payees)) == run.stage.people["payee_id"].nunique()
        for rows, part in parts:
            assert (np.diff(rows) > 0).all()
            some = np.arange(len(rows))[:3]
            assert part.stage.results.exactly(some).tolist() == run.stage.results.exactly(rows[some]).tolist()


def test_pay_that_people_share_is_not_cut(sample: cm.History, small_parts: Callable[[int], None]) -> None:
    (plan,) = cm.load_plans(PLANS / "halves.yaml")
    budget = {"kind": "budget", "amount": 100_000}
    (run,) = replay([plan.replace({"adjustments": [budget]})], sample, "2025Q4")
    small_parts(1)
    assert [part for _, part in parts_of_people(run)] == [run]


@pytest.mark.parametrize("name", ["thirds", "halves", "team_80_20", "drawn", "even"])
def test_settings_cut_by_people_cost_the_same_cents(
    runs: dict[str, Replay], small_parts: Callable[[int], None], name: str
) -> None:
    run = runs[name]
    is_slow = name in ("drawn", "even")
    n, ways = (1, ("payee_id",)) if is_slow else (9, ("total", "payee_id", "period", "row"))
    settings = pd.DataFrame({TARGET: np.round(1.05 + 0.013 * np.arange(n), 4)})
    if name == "team_80_20":
        settings = pd.DataFrame({run.plan.levers()[1].path: [run.plan.levers()[1].value]})
    whole = [scenario_cents(run, settings, by) for by in ways]  # type: ignore[arg-type]
    results, totals = scenario_results(run, settings), scenario_totals(run, settings)
    small_parts(200 if is_slow else 60)
    for by, expected in zip(ways, whole, strict=True):
        assert scenario_cents(run, settings, by).tolist() == expected.tolist(), by  # type: ignore[arg-type]
        if not is_slow:
            assert scenario_cents(run, settings[:1], by).tolist() == expected[:1].tolist(), by  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(scenario_results(run, settings), results, check_exact=True)
    np.testing.assert_allclose(scenario_totals(run, settings), totals, rtol=1e-12)


def test_other_values_and_draws_cut_by_people_pay_the_same_cents(
    runs: dict[str, Replay], small_parts: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with draws made some at a time, and everybody's pay in every draw worked out again instead of kept."""
    monkeypatch.setattr(resampling, "BLOCK", 24)
    comparison = cm.compare([runs[name] for name in ("thirds", "team_80_20")], "thirds")
    run = runs["thirds"]
    value = np.stack([run.stage.results.value * of for of in (1, 0.97, 1.02)])
    whole, drawn = cents_of_values(run, value), resampled(comparison, N_DRAWS, seed=4)
    answers = [cost_range(comparison, drawn=drawn), pay_range(comparison, drawn=drawn), pay_swing(comparison, "", 20)]
    small_parts(250)
    assert cents_of_values(run, value).tolist() == whole.tolist()
    kept = resampled(comparison, N_DRAWS, seed=4)
    for name in ("thirds", "team_80_20"):
        np.testing.assert_array_equal(kept.cost[name], drawn.cost[name])
        np.testing.assert_array_equal(kept.pay[name], drawn.pay[name])
    monkeypatch.setattr(resampling, "MOST_BYTES", 20_000)
    again, told = resampled(comparison, N_DRAWS, seed=4), []
    assert not again.pay
    small = [cost_range(comparison, drawn=again), pay_swing(comparison, "", 20)]
    small.insert(1, pay_range(comparison, drawn=again, progress=lambda *of: told.append(of)))
    for one, other in zip(small, answers, strict=True):
        assert one.sentence == other.sentence
        pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    assert [done for done, *_ in told] == sorted(done for done, *_ in told)
    assert len(told) > 2
    assert told[-1] == (N_DRAWS, N_DRAWS, 0)

    def stop(*_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pay_range(comparison, drawn=again, progress=stop)


def test_sums_of_some_rows_measure_what_all_do(runs: dict[str, Replay]) -> None:
    for name in ("thirds", "team_80_20"):
        run = runs[name]
        weights = np.random.default_rng(3).integers(0, 4, (5, len(run.history.accounts))).astype(np.uint8)
        rows = np.sort(np.random.default_rng(1).permutation(len(run.stage.people))[:31])
        for component in run.plan.components[:1]:
            sums = account_sums(run, component)
            np.testing.assert_array_equal(
                values_of(sums_of_rows(sums, rows), weights), values_of(sums, weights)[:, rows]
            )


def test_draws_of_a_block_may_be_made_some_at_a_time() -> None:
    books = [np.arange(3, 40), np.arange(3)]
    whole = drawn_weights(books, 44, 20, seed=7)
    parts = [drawn_weights(books, 44, 20, 7, 0, slice(start, min(start + 6, 20))) for start in range(0, 20, 6)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def peak(work: Callable[[], object]) -> int:
    work()
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_does_not_grow_with_people(
    runs: dict[str, Replay], small_parts: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 2 million rows more than 100 bytes a row would be 200 MB; all people at once take some 400."""
    monkeypatch.setattr(scenarios, "MOST_BYTES", 2**18)
    monkeypatch.setattr(other_values, "MOST_BYTES", 2**18)
    settings = pd.DataFrame({TARGET: np.round(1.05 + 0.01 * np.arange(4), 4)})
    few, many = company(runs["halves"], 10), company(runs["halves"], 50)
    n_more = len(many.stage.people) - len(few.stage.people)
    assert n_more > 7_000

    def growth(ask: Callable[[Replay], object]) -> float:
        return (peak(lambda: ask(many)) - peak(lambda: ask(few))) / n_more

    asks: list[Callable[[Replay], object]] = [
        lambda run: scenario_results(run, settings, kernel="numpy"),
        lambda run: scenario_totals(run, settings),
        lambda run: scenario_cents(run, settings, "payee_id", kernel="numpy"),
        lambda run: cents_of_values(run, run.stage.results.value[None]),
    ]
    at_once = [growth(ask) for ask in asks]
    small_parts(2_000)
    cut = [growth(ask) for ask in asks]
    assert min(at_once) > 300, at_once
    assert max(cut) < 100, cut


def test_too_many_amounts_at_once_are_refused(runs: dict[str, Replay], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "MOST_FOUND", 8 * 300)
    settings = pd.DataFrame({TARGET: np.linspace(1.05, 1.2, 40)})
    with pytest.raises(cm.CompModelError, match=r"40 settings of \d+ amounts each fill more than 256 MB\. Ask for 6 "):
        scenario_cents(runs["halves"], settings, "payee_id")
    assert len(scenario_cents(runs["halves"], settings)) == 40
