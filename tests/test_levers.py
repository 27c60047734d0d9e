"""Levers: every number of a plan is one or is listed with its reason, and each can be set by its path."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import compmodel as cm
from compmodel.levers import NO_LEVER, Lever, weights_moved
from compmodel.plan import Plan

PLANS = sorted(Path("data/plans").glob("*.yaml"))
RULES: list[dict[str, object]] = [
    {"kind": "gate", "of": "value", "reaches": 0.9},
    {"kind": "gate", "component": "kpi", "of": "attainment", "reaches": 0.5},
    {"kind": "kicker", "component": "kpi", "of": "value", "reaches": 10, "times": 1.2},
    {"kind": "cap", "factor": 2},
    {"kind": "floor", "amount": 100},
]
SETTLED: list[dict[str, object]] = [
    {"kind": "kicker", "of": "attainment", "reaches": 0.5, "times": 1.1},
    {"kind": "cap", "amount": 50_000},
    {"kind": "guarantee", "share": 1, "months": 3},
    {"kind": "draw", "amount": 1000, "recoverable": True, "periods": 2},
    {"kind": "holdback", "share": 0.1, "released_after": 2, "condition": {"of": "attainment", "reaches": 1}},
    {"kind": "minimum", "amount": 25},
    {"kind": "budget", "amount": 1_000_000},
]


def models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models(part)]


def is_numeric(annotation: object) -> bool:
    if annotation in (float, int):
        return True
    return any(
        is_numeric(part) for part in typing.get_args(annotation) if typing.get_origin(annotation) is not typing.Literal
    )


def numeric_fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> dict[str, object]:
    found: dict[str, object] = {}
    if model in seen:
        return found
    seen.add(model)
    for name, field in model.model_fields.items():
        if is_numeric(field.annotation):
            found[f"{model.__name__}.{name}"] = field.json_schema_extra
        for inner in models(field.annotation):
            found |= numeric_fields(inner, seen)
    return found


def test_every_numeric_field_is_a_lever_or_has_a_listed_reason() -> None:
    found = numeric_fields(Plan, set())
    declared = {
        name for name, extra in found.items() if isinstance(extra, dict) and {"unit", "lever", "each"} & set(extra)
    }
    assert len(declared) > 20
    assert sorted(set(found) - declared - set(NO_LEVER)) == []
    assert sorted(set(NO_LEVER) - set(found)) == [], "a reason for a field that is not there"
    assert declared & set(NO_LEVER) == set()


def rich_plan() -> Plan:
    return cm.example_plan().replace(
        {
            "components.nrr.adjustments": RULES,
            "components.nrr.target.by_segment": {"mid.market": 1.1, "enterprise": 1.2},
            "components.nrr.target.cases": [{"period": "H1", "target": 1.08}],
            "components.nrr.target.ramp": [0.25, 0.5],
            "components.kpi.curve": {"kind": "marginal", "bands": [[0, 1], [1, 1.4]], "beyond": "hold"},
            "components.kpi.attainment": {"kind": "scores", "scores": [[5, 0.5], [10, 1]], "edge": "lower"},
            "adjustments": SETTLED,
        }
    )


def test_all_numbers_of_a_rich_plan_are_levers_by_path() -> None:
    plan = rich_plan()
    found = {lever.path: lever for lever in plan.levers()}
    values = {path: lever.value for path, lever in found.items()}
    for path, value in {
        "components.nrr.target.by_segment.mid.market": 1.1,
        "components.nrr.target.cases.0.target": 1.08,
        "components.nrr.target.ramp.1": 0.5,
        "components.nrr.curve.points.1.0": 1.0,
        "components.nrr.adjustments.0.reaches": 0.9,
        "components.nrr.adjustments.kicker.times": 1.2,
        "components.nrr.adjustments.floor.amount": 100,
        "components.kpi.attainment.scores.1.1": 1.0,
        "components.kpi.curve.bands.1.1": 1.4,
        "adjustments.guarantee.months": 3,
        "adjustments.draw.periods": 2,
        "adjustments.holdback.condition.reaches": 1,
        "adjustments.budget.amount": 1_000_000,
    }.items():
        assert values[path] == value
    assert found["components.nrr.adjustments.kicker.reaches"].unit == "count", "of the component looked at"
    assert found["components.nrr.adjustments.1.reaches"].unit == "share", "of an attainment"
    assert plan.replace(values) == plan
    assert all(lever.label for lever in found.values())


def test_levers_are_called_as_leaders_call_them() -> None:
    """By what the plan says at that place, never by a place or a path, and no two alike."""
    plan = rich_plan()
    names = {lever.path: lever.label for lever in plan.levers()}
    for path, name in {
        "components.nrr.weight": "NRR weight",
        "components.nrr.target.default": "NRR target",
        "components.nrr.target.cases.0.target": "NRR target of H1",
        "components.nrr.target.ramp.1": "NRR target ramp, month 2",
        "components.nrr.curve.points.1.0": "NRR attainment that pays 100%",
        "components.nrr.curve.points.1.1": "NRR pay factor at 100% attained",
        "components.nrr.adjustments.1.reaches": "NRR gate 2 on KPI attainment",
        "components.nrr.adjustments.cap.factor": "NRR cap",
        "components.kpi.attainment.scores.0.0": "KPI result that attains 50%",
        "components.kpi.attainment.scores.1.1": "KPI attainment from a result of 10",
        "components.kpi.curve.bands.1.1": "KPI pay multiplier from 100% attained",
    }.items():
        assert names[path] == name
    for made in [plan, *map(cm.load_plan, PLANS)]:
        labels = [lever.label for lever in made.levers()]
        assert len(set(labels)) == len(labels)
        assert not [label for label in labels if re.search(r"[\[\]_]|\bpoint \d|\bband \d|\bcase \d", label)]


def test_points_of_one_height_are_told_apart() -> None:
    curve = {"kind": "linear", "points": [[0, 0], [0.9, 0], [1, 1]], "beyond": "hold"}
    levers = cm.example_plan().replace({"components.nrr.curve": curve}).levers()
    labels = {lever.path: lever.label for lever in levers}
    assert labels["components.nrr.curve.points.0.0"] == "NRR attainment that pays 0% (now 0%)"
    assert labels["components.nrr.curve.points.1.0"] == "NRR attainment that pays 0% (now 90%)"


def test_each_lever_is_set_by_its_path_alone() -> None:
    """What `replace` writes is what `levers` reads back, and nothing else moves."""
    plan = rich_plan()
    before = {lever.path: lever.value for lever in plan.levers()}
    n_moved = 0
    for lever in plan.levers():
        for value in (lever.value + lever.step, lever.value - lever.step):
            try:
                after = {of.path: of.value for of in plan.replace({lever.path: value}).levers()}
            except cm.PlanError:
                continue
            assert after == {**before, lever.path: pytest.approx(value)}
            n_moved += 1
            break
    assert n_moved > 0.8 * len(before)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_sliders_are_weights_default_targets_and_floors(path: Path) -> None:
    plan = cm.load_plan(path)
    ends = (".weight", ".target.default", ".attainment.floor")
    assert [lever.path for lever in plan.sliders()] == [
        lever.path for lever in plan.levers() if lever.path.endswith(ends)
    ]


@given(lower=st.integers(0, 20), steps=st.integers(0, 60), step=st.sampled_from([0.01, 0.05, 0.1, 1.0, 10.0]))
def test_a_grid_is_exact(lower: int, steps: int, step: float) -> None:
    low, high = round(lower * step, 9), round((lower + steps) * step, 9)
    grid = Lever("path", "Label", low, low, high, step, "share").grid
    assert grid == [round((lower + k) * step, 9) for k in range(steps + 1)]


def test_the_last_weight_that_is_not_moved_takes_the_rest() -> None:
    plan = cm.load_plan("data/plans/thirds.yaml")
    set_ = weights_moved(plan.components, plan.weights_total, {"components.nrr.weight": 0.4})
    assert plan.replace(set_).component("kpi").weight == pytest.approx(4 / 15, abs=1e-12)
    target = {"components.nrr.target.default": 1.2}
    assert weights_moved(plan.components, plan.weights_total, target) == target
    own = {"components.nrr.weight": 0.4, "components.kpi.weight": 0.1}
    assert weights_moved(plan.components, plan.weights_total, own) == {**own, "components.renewals.weight": 0.5}
