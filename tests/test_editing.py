"""From the sliders' state to what is shown: no value is altered, weights add up, mistakes are said in words."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import compmodel as cm
from compmodel.editing import answered, changes_in_words, edited_plan, slider_options
from compmodel.levers import Lever
from compmodel.money import exact

PLANS = sorted(Path("data/plans").glob("*.yaml"))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_slider_offers_the_plans_own_value_exactly(path: Path) -> None:
    plan = cm.load_plan(path)
    for lever in plan.sliders():
        options = slider_options(lever)
        labels, values = zip(*options, strict=True)
        assert lever.value in values
        assert list(values) == sorted(set(values))
        assert len(set(labels)) == len(labels)
        assert values[0] <= lever.lower
        assert values[-1] >= lever.upper - lever.step
    assert edited_plan(plan, {}) == plan == cm.load_plan(path)


@pytest.mark.parametrize(
    ("value", "label"),
    [(1 / 3, "33.3%"), (0.5, "50%"), (0.123456, "12.3%"), (0.50001, "50.0%"), (0.05 + 0.1, "15%"), (2.0, "200%")],
)
def test_a_value_off_the_grid_is_an_option_of_its_own(value: float, label: str) -> None:
    options = slider_options(Lever("path", "Label", value, 0.0, 1.0, 0.05, "share"))
    assert dict(options)[label] == value
    assert len(options) in (21, 22)


def test_a_label_that_is_taken_is_written_out() -> None:
    options = slider_options(Lever("path", "Label", 0.0505, 0.0, 1.0, 0.001, "share"))
    assert dict(options)["5.05%"] == 0.0505
    assert dict(options)["5.1%"] == 0.051


def test_the_grid_is_decimal() -> None:
    options = slider_options(Lever("path", "Label", 1.0, 0.8, 1.2, 0.01, "share"))
    assert [value for _, value in options] == [n / 100 for n in range(80, 121)]


def test_the_last_weight_is_what_the_others_leave() -> None:
    plan = cm.load_plan("data/plans/thirds.yaml")
    edited = edited_plan(plan, {"components.renewals.weight": 0.5})
    weights = [exact(component.weight) for component in edited.components]
    assert weights == [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    assert changes_in_words(plan, edited) == ("Renewal rate weight 33.3% → 50%", "KPI weight 33.3% → 16.7%")


def test_what_was_changed_is_said_in_words() -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    changes = {"components.nrr.attainment.floor": 0.95, "components.kpi.level.default": "team"}
    edited = edited_plan(plan, changes)
    assert changes_in_words(plan, edited) == ("NRR floor 100% → 95%", "KPI individual → team")
    assert edited.component("kpi").level.by_role == plan.component("kpi").level.by_role
    assert changes_in_words(plan, plan) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"components.renewals.weight": 0.8, "components.nrr.weight": 0.5},
            ["add up to 130%, more than 100%", "Lower Renewal rate weight or NRR weight"],
        ),
        (
            {"components.nrr.attainment.floor": 1.15},
            ["the NRR floor 115% must lie below the NRR target, 115%", "Lower the floor or raise the target"],
        ),
    ],
)
def test_what_makes_no_plan_is_said_in_words(changes: dict[str, float], words: list[str]) -> None:
    with pytest.raises(cm.PlanError) as caught:
        edited_plan(cm.load_plan("data/plans/thirds.yaml"), changes)
    assert [word for word in words if word not in str(caught.value)] == []


def test_nothing_of_an_unchanged_plan_is_told_twice(sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    replays = cm.replay(plans, sample, "2025Q3:2025Q4")
    page = answered(replays, "thirds", plans[1], plans[1])
    comparison = cm.compare(replays, "thirds", "shown")
    questions = (cm.cost_by_period, cm.payout_curves, cm.pay_by_payee, cm.pay_change_by_payee)
    assert [shown.sentence for shown in page.shown] == [question(comparison).sentence for question in questions]
    assert all("edited" not in shown.sentence for shown in page.shown)
    for shown, question in zip(page.shown, questions, strict=True):
        assert shown.table.equals(question(comparison).table)


def test_one_plan_alone_can_be_edited_against_itself(sample: cm.History) -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    replays = cm.replay([plan], sample, "2025Q4")
    shown = answered(replays, "halves", plan, plan).shown
    assert shown[0].sentence.endswith("people on the plans, Halves costs 203k.")
    assert shown[3].sentence == "Halves is the only plan; a second one makes a comparison."
    edited = edited_plan(plan, {"components.nrr.target.default": 1.05})
    assert "Halves costs 203k. Halves, edited costs " in answered(replays, "halves", plan, edited).shown[0].sentence


def test_every_plan_that_is_drawn_is_described(sample: cm.History) -> None:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    replays = cm.replay(plans, sample, "2025Q4")
    edited = edited_plan(plans[1], {"components.nrr.weight": 1.0, "components.nrr.attainment.floor": 0.95})
    curves = answered(replays, "thirds", plans[1], edited).shown[1]
    assert curves.sentence.endswith(
        "Halves: 50% on NRR from 100% to 115% and beyond; 50% on KPI up to 10. "
        "Halves, edited: 100% on NRR from 95% to 115% and beyond."
    )
    drawn = {trace.name for trace in curves.figure.data if trace.visible is not False}
    assert drawn == {"Thirds", "Halves", "Halves, edited"}
