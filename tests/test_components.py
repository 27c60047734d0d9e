"""What a component may say, and what it is told when it may not."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from compmodel.components import LevelRule, level_words
from compmodel.errors import PlanError
from compmodel.periods import Period
from compmodel.plan import example_plan, load_plan, save_plan
from histories import Row


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"level": {"individual": 0.5, "teams": 0.5}}, "level.teams is not a known key"),
        ({"level": {"individual": 0.5, "team": 0.4}}, "must have shares that add up to 1"),
        ({"level": {"individual": 1.5, "team": -0.5}}, "must give each level a share of 1, above 0"),
        ({"level": {"individual": True}}, "must give each level a share of 1, above 0"),
        ({"level": {"individual": 50, "team": 50}}, "must give each level a share of 1, above 0"),
        ({"level": "teams"}, "company, or shares of them. Did you mean 'team'?"),
        ({"level": {"default": {"individual": 0.5, "teams": 0.5}}}, "not 'teams'. Did you mean 'team'?"),
        ({"baseline": "years_start"}, "Did you mean 'year_start'?"),
        ({"baseline": "month_start"}, "Write combined: chained, mean or sums with it"),
        ({"combined": "mean"}, "baseline month_start and combined belong together"),
        ({"baseline": "due_in_period"}, "due_in_period is for renewal_rate and renewal_nrr alone"),
        (
            {"metric": "renewal_rate", "baseline": "month_start", "combined": "chained"},
            "combined is chained, which is for retention alone, not renewal_rate",
        ),
        ({"metric": "expansion_arr", "baseline": "two_quarters"}, "expansion_arr is an amount"),
        ({"unit_figure": "mean_of_ratios"}, "unit_figure is of a team or more, but level is individual"),
        ({"annualised": "adding", "baseline": "trailing_twelve_months"}, "windows of one length below a year"),
        ({"annualised": "adding", "baseline": "year_start"}, "annualised is for retention over windows of one length"),
        ({"annualised": "adding", "metric": "churn_rate"}, "annualised is for retention over windows of one length"),
        ({"target": {"default": 1.1, "yearly": "compounding"}, "metric": "expansion_rate"}, "Write adding"),
        ({"target": {"default": 1.1, "yearly": "adding"}, "annualised": "adding"}, "Delete target.yearly"),
        ({"target": {"default": 1.1, "yearly": "adding"}, "metric": "renewal_rate"}, "Delete target.yearly"),
        ({"metric": "kpi.customer_prs", "baseline": "year_start"}, "is counted over the period itself"),
        ({"metric": "kpi.customer_prs", "unit_figure": "mean_of_ratios"}, "is counted over the period itself"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(changes: Row, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        example_plan().replace({f"components.nrr.{name}": value for name, value in changes.items()})
    assert said in str(caught.value)


def test_a_yearly_target_must_stay_above_the_floor() -> None:
    target = {"default": 1.12, "yearly": "adding"}
    plan = example_plan().replace({"components.nrr.target": target})
    assert plan.component("nrr").target.yearly == "adding"
    with pytest.raises(PlanError, match=r"target.default makes 1.01 in a month"):
        plan.replace({"components.nrr.attainment.floor": 1.02})


@pytest.mark.parametrize(
    ("fields", "months"),
    [
        ({}, 3),
        ({"baseline": "year_start"}, 9),
        ({"baseline": "month_start", "combined": "chained"}, 3),
        ({"baseline": "month_start", "combined": "mean"}, 1),
        ({"baseline": "two_quarters"}, 6),
    ],
)
def test_months_measured(fields: Row, months: int) -> None:
    changes = {f"components.nrr.{name}": value for name, value in fields.items()}
    assert example_plan().replace(changes).component("nrr").months(Period("2025Q3")) == months


def test_levels_by_role_as_shares() -> None:
    rule = LevelRule.model_validate({"default": "team", "by_role": {"lead": {"company": 0.4, "team": 0.6}}})
    found = {name: shares.tolist() for name, shares in rule.shares(pd.Series(["csm", "lead"])).items()}
    assert found == {"team": [1.0, 0.6], "company": [0.0, 0.4]}
    assert rule.roles_never_alone == ("lead",)


@pytest.mark.parametrize(
    ("level", "said"), [("team", "team"), ({"individual": 0.5, "team": 0.5}, "50% individual and 50% team")]
)
def test_levels_in_words(level: Any, said: str) -> None:
    assert level_words(level) == said


def test_a_blend_is_saved_as_it_was_written(tmp_path: Any) -> None:
    plan = example_plan().replace({"components.nrr.level": {"individual": "1/3", "company": "2/3"}})
    plan = plan.replace({"components.nrr.baseline": "month_start", "components.nrr.combined": "chained"})
    save_plan(plan, tmp_path / "plan.yaml")
    assert load_plan(tmp_path / "plan.yaml") == plan
