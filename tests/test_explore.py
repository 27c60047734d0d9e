"""Sweeps, grids, heatmap and tornado against plans paid one at a time; stops, resumes, settings that make no plan."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel import trials
from compmodel.explore import grid, heatmap, lever_ends, sweep, tornado
from compmodel.levers import Lever
from compmodel.style import percent, short_money
from compmodel.trials import UNTRIED, lever_at, lever_values, progress_words, tried

TARGET, FLOOR, WEIGHT = "components.nrr.target.default", "components.nrr.attainment.floor", "components.nrr.weight"
KPI = "components.kpi.target.default"


@pytest.fixture(scope="module")
def run(sample: cm.History) -> cm.Replay:
    return cm.replay(cm.load_plans("data/plans/halves.yaml"), sample, "2025Q4")[0]


def cost_of(run: cm.Replay, changes: dict[str, float]) -> float:
    """A whole replay of the changed plan, from the events on."""
    (again,) = cm.replay([run.plan.replace(changes)], run.history, "2025Q4")
    return sum(round(cost * 100) for cost in again.payouts["cost"]) / 100


def test_a_sweep_is_the_plan_paid_value_by_value(run: cm.Replay) -> None:
    answer = sweep(run, "components.nrr.target", [0.95, 1.05, 1.2])
    table = answer.table.set_index("value")
    assert list(answer.table) == ["value", "cost", "change", "share_at_target", "is_current", "said"]
    assert list(table.index) == [0.95, 1.05, 1.15, 1.2]
    assert list(table.index[table["is_current"]]) == [1.15]
    for value in (1.05, 1.15, 1.2):
        assert table.loc[value, "cost"] == cost_of(run, {TARGET: value})
        assert table.loc[value, "change"] == pytest.approx(
            table.loc[value, "cost"] - table.loc[1.15, "cost"], abs=0.001
        )
    assert np.isnan(table.loc[0.95, "cost"])
    assert "must lie above the floor" in table.loc[0.95, "said"]
    for figure in (short_money(table.loc[1.05, "cost"]), short_money(table.loc[1.2, "cost"]), "1 of 4 makes no plan"):
        assert figure in answer.sentence
    assert percent(table.loc[1.2, "share_at_target"]) in answer.sentence


def test_a_weight_leaves_the_rest_to_the_last(run: cm.Replay) -> None:
    table = sweep(run, WEIGHT, [0.3]).table.set_index("value")
    assert table.loc[0.3, "cost"] == cost_of(run, {WEIGHT: 0.3, "components.kpi.weight": 0.7})
    with pytest.raises(cm.CompModelError, match=r"KPI weight is what the other weights leave\. Move components\.nrr"):
        sweep(run, "components.kpi.weight")


def test_a_grid_holds_every_combination_and_the_plan_itself(run: cm.Replay) -> None:
    table = grid(run, {TARGET: [1.1], KPI: [9.0, 12.0]}).table
    assert len(table) == 2 * 3
    row = table[(table[TARGET] == 1.1) & (table[KPI] == 12)].iloc[0]
    assert row["cost"] == cost_of(run, {TARGET: 1.1, KPI: 12})
    assert table.loc[table["is_current"], [TARGET, KPI]].to_numpy().tolist() == [[1.15, 10]]


def test_a_heatmap_says_what_fits_the_budget(run: cm.Replay) -> None:
    answer = heatmap(run, TARGET, FLOOR, budget=190_000, values={TARGET: [1.05, 1.25], FLOOR: [0.95, 1.1]})
    table = answer.table
    fits = table[table["cost"].notna()]
    assert set(table.loc[table["cost"].isna(), ["x", "y"]].itertuples(index=False, name=None)) == {(1.05, 1.1)}
    assert fits["is_within"].tolist() == (fits["cost"] <= 190_000).tolist()
    assert answer.sentence.startswith(f"{int(fits['is_within'].sum())} of 8 combinations cost at most 190k USD.")
    assert "1 of 9 makes no plan" in answer.sentence
    with pytest.raises(cm.CompModelError, match="needs two levers"):
        heatmap(run, TARGET, "components.nrr.target")


def test_a_tornado_moves_one_lever_at_a_time(run: cm.Replay) -> None:
    answer = tornado(run, [TARGET, FLOOR, WEIGHT], "step")
    table = answer.table.set_index("path")
    assert answer.table["effect"].is_monotonic_decreasing
    now = cost_of(run, {})
    for path, low, high in ((TARGET, 1.14, 1.16), (FLOOR, 0.99, 1.01)):
        row = table.loc[path]
        assert (row["low"], row["high"], row["cost"]) == (low, high, now)
        assert (row["low_cost"], row["high_cost"]) == (cost_of(run, {path: low}), cost_of(run, {path: high}))
        for end in ("low", "high"):
            assert row[f"{end}_change"] == pytest.approx(row[f"{end}_cost"] - now, abs=0.001)
        assert row["effect"] == max(abs(row["low_change"]), abs(row["high_change"]))
    first = answer.table.iloc[0]
    own = percent(first["value"])
    assert answer.sentence.startswith(f"The {first['label']}, now {own}, moves cost most: ")
    assert "Each number is moved one step of its own lower or higher." in answer.sentence
    assert short_money(first["effect"]) in answer.sentence


def test_a_tornado_goes_to_bounds_and_tenths(run: cm.Replay) -> None:
    row = tornado(run, [FLOOR], "bounds").table.iloc[0]
    assert (row["low"], row["high"]) == (0.8, 1.2)
    assert row["said"], "a floor above the target makes no plan"
    assert np.isnan(row["high_cost"])
    row = tornado(run, [KPI], "tenth").table.iloc[0]
    assert (row["low"], row["high"]) == (9, 11)


def test_a_tornado_moves_all_alike_unless_asked_otherwise(run: cm.Replay) -> None:
    """No number by more than a tenth of itself, percentages by at most five points, and each is said."""
    answer = tornado(run)
    for row in answer.table.itertuples():
        lever = lever_at(run.plan, row.path)
        for end in (row.low, row.high):
            assert abs(end - row.value) <= (abs(row.value) / 10 or lever.step) + 1e-9
            assert row.unit != "share" or abs(end - row.value) <= 0.05 + 1e-9
    ends = answer.table.set_index("path")[["low", "high"]].apply(tuple, axis=1).to_dict()
    assert (ends[TARGET], ends[FLOOR], ends[WEIGHT], ends[KPI]) == ((1.1, 1.2), (0.95, 1.05), (0.45, 0.55), (9, 11))
    assert "Each number is moved a tenth lower or higher, percentages at most 5 points." in answer.sentence
    assert lever_ends(Lever("m", "Months", 3, 1, 24, 1, "count"), "alike") == (2, 4)
    assert lever_ends(Lever("r", "Rate", 0.01, 0.001, 0.02, 0.001, "share"), "alike") == (0.009, 0.011)
    assert lever_ends(Lever("a", "Amount", 250, 10, 500, 10, "amount"), "alike") == (225, 275)
    assert lever_ends(Lever("z", "Zero", 0, 0, 3, 0.05, "share"), "alike") == (0, 0.05)


def test_values_start_around_the_plans_own_and_go_on_where_asked(run: cm.Replay) -> None:
    table = sweep(run, TARGET).table
    assert (table["value"].min(), table["value"].max()) == (1.05, 1.25)
    assert table["cost"].notna().all()
    (kpi, weight) = (lever_values(lever_at(run.plan, path)) for path in (KPI, WEIGHT))
    assert (kpi[0], kpi[-1], weight[0], weight[-1]) == (5, 15, 0.25, 0.75)
    map_ = heatmap(run, TARGET, WEIGHT).table
    assert (map_["x"].min(), map_["y"].max()) == (1.05, 0.75)
    lever = lever_at(run.plan, TARGET)
    assert len(sweep(run, TARGET, lever.grid[::10]).table) == len({*lever.grid[::10], lever.value})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (TARGET, 0.82, "NRR: the target 82% must lie above the floor 100%."),
        ("components.nrr.curve.points.1.0", 0.0, "NRR: attainment must rise along the curve."),
        ("components.kpi.curve.points.0.1", 1.5, "KPI: doing better would pay less."),
        ("components.nrr.curve.points.0.1", 0.05, "the plan does not say what is paid below the curve's first point."),
    ],
)
def test_why_a_setting_makes_no_plan_is_said_without_paths(run: cm.Replay, path: str, value: float, said: str) -> None:
    found = trials.refusal(run.plan, {path: value})
    assert found.endswith(said)
    assert not re.search(r"components|\[|\bdefault\b", found)


def test_why_not_names_no_target_of_one_person(run: cm.Replay) -> None:
    """Moving the floor above a payee's own target would tell it."""
    nrr = "components.nrr."
    for change, value in ((f"{nrr}attainment.floor", 1.03), (f"{nrr}target.cases.0.target", 0.99)):
        for of, words in (
            ({"payee_id": "P04"}, "the target of one person must lie above the floor."),
            ({"role": "lead"}, ""),
        ):
            plan = run.plan.replace({f"{nrr}target.cases": [{**of, "target": 1.02}]})
            (found,) = trials.refusals(plan, pd.DataFrame({change: [value]}))
            target, floor = ("102%", "103%") if change.endswith("floor") else ("99%", "100%")
            assert found == f"NRR: {words or f'the target {target} must lie above the floor {floor}.'}"
    plan = run.plan.replace({f"{nrr}target.cases": [{"payee_id": "P04", "target": 1.02}], f"{nrr}target.ramp": [0.5]})
    found = trials.refusal(plan, {f"{nrr}target.ramp.0": 0.05, f"{nrr}attainment.floor": 1.005})
    assert found == "NRR: the target of one person must lie above the floor."
    assert trials.refusal(plan, {f"{nrr}target.cases.0.target": 12}).endswith("lies beyond what a target can be.")
    (own,) = cm.replay([plan], run.history, "2025Q4")
    (said,) = tornado(own, [f"{nrr}attainment.floor"]).table["said"]
    assert said == "NRR: the target of one person must lie above the floor."


def test_a_tornado_leaves_out_the_rest_and_targets_of_one_person(run: cm.Replay) -> None:
    from compmodel.explore import _tornado_levers

    plan = run.plan.replace(
        {"components.nrr.target.cases": [{"payee_id": "P04", "target": 1.1}, {"role": "lead", "target": 1.1}]}
    )
    paths = [lever.path for lever in _tornado_levers(plan)]
    assert "components.nrr.target.cases.1.target" in paths
    assert "components.nrr.target.cases.0.target" not in paths
    assert "components.kpi.weight" not in paths


def test_a_stop_keeps_what_is_done_and_the_table_goes_on(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [1.05, 1.1, 1.2, 1.25, 1.3]
    whole = sweep(run, TARGET, values)
    calls: list[int] = []
    real = trials.scenario_results

    def stopped(run: cm.Replay, settings: pd.DataFrame) -> pd.DataFrame:
        calls.append(len(settings))
        if sum(calls) > 3:
            raise KeyboardInterrupt
        return real(run, settings)

    monkeypatch.setattr(trials, "scenario_results", stopped)
    monkeypatch.setattr(trials, "block_size", lambda run, settings: 2)
    part = sweep(run, TARGET, values)
    n_done = int((part.table["said"] != UNTRIED).sum())
    assert 1 <= n_done < 6
    assert f"{n_done} of 6 tried." in part.sentence
    calls.clear()
    monkeypatch.setattr(
        trials, "scenario_results", lambda run, settings: calls.append(len(settings)) or real(run, settings)
    )
    told: list[tuple[int, int]] = []
    rest = sweep(run, TARGET, values, progress=lambda done, total, left: told.append((done, total)), known=part.table)
    assert sum(calls) == 6 - n_done, "what was done is not done again"
    assert told[-1] == (6, 6)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    pd.testing.assert_frame_equal(rest.table, whole.table)
    assert rest.sentence == whole.sentence


def test_a_stopped_tornado_goes_on(run: cm.Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    levers = [TARGET, FLOOR]
    whole = tornado(run, levers)
    calls: list[int] = []
    real = trials.scenario_results
    monkeypatch.setattr(
        trials, "scenario_results", lambda run, settings: calls.append(len(settings)) or real(run, settings)
    )
    known = whole.table.copy()
    known.loc[known["path"] == FLOOR, ["high_cost", "high_change"]] = np.nan
    pd.testing.assert_frame_equal(tornado(run, levers, known=known).table, whole.table)
    assert sum(calls) == 1


def test_unknown_levers_are_told_with_the_nearest(run: cm.Replay) -> None:
    with pytest.raises(cm.CompModelError, match=r"'components\.nrr\.taget' is no lever of Halves\. Did you mean"):
        sweep(run, "components.nrr.taget")


def test_values_of_a_grid_are_few_and_hold_the_own_one(run: cm.Replay) -> None:
    for lever in run.plan.levers():
        values = lever_values(lever, 10)
        assert len(values) <= 10
        assert lever.value in values
        assert set(values) <= {*lever.grid, lever.value}
    assert lever_at(run.plan, "components.nrr.target").path == TARGET


def test_nothing_moves_nothing(run: cm.Replay) -> None:
    (again,) = cm.replay(
        [run.plan.replace({"components.nrr.weight": 0, "components.kpi.weight": 1})], run.history, "2025Q4"
    )
    assert tornado(again, [FLOOR]).sentence == "None of these levers moves cost."


def test_no_setting_makes_a_plan(run: cm.Replay) -> None:
    found = tried(run, pd.DataFrame({TARGET: [0.9, 0.95]}))
    assert found["cost"].isna().all()
    assert found["said"].str.contains("floor").all()


def test_progress_in_words() -> None:
    assert progress_words(412, 1000, 0.4) == "412 of 1,000 tried, about 1 s left"
    assert progress_words(1000, 1000, 0) == "1,000 of 1,000 tried"


def test_what_cannot_be_asked_is_said(run: cm.Replay) -> None:
    for ask, said in (
        (lambda: sweep(run, "components.nrr.target", []), "has no value to try"),
        (lambda: grid(run, {}), "No lever is named"),
        (lambda: tornado(run, []), "No lever is named"),
        (lambda: tornado(run, move="steps"), "'steps' is no move of a lever. Did you mean 'step'"),  # type: ignore[arg-type]
        (lambda: heatmap(run, TARGET, FLOOR, of="costs"), "nothing that a heatmap shows. Did you mean 'cost'"),  # type: ignore[arg-type]
    ):
        with pytest.raises(cm.CompModelError) as refused:
            ask()
        assert said in str(refused.value)
