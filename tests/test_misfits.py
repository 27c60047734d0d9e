"""What a plan asks for that a history cannot give is refused before anything is paid."""

from __future__ import annotations

from pathlib import Path

import pytest

from compmodel.errors import PlanError
from compmodel.plan import example_plan, load_plan
from compmodel.replay import replay
from histories import Company, counted, employed, held, sample_history

PLANS = Path(__file__).resolve().parents[1] / "data/plans"


def test_a_misspelt_segment_or_role_is_refused_and_an_absent_one_is_not() -> None:
    people = [employed("p", segment="enterprise", role="csm"), employed("q", role="leave")]
    history = Company([], [], people, [counted(1, "2025-02-01", payee_id="p")]).history()
    plan = example_plan().replace({"components.nrr.level": {"default": "individual", "by_role": {"lead": "team"}}})
    replay([plan], history, "2025Q1")
    wrong = plan.replace({"components.nrr.target": {"default": 1.15, "by_segment": {"enterprize": 1.05}}})
    with pytest.raises(
        PlanError, match=r"has 'enterprize', but is no segment of the history. Did you mean 'enterprise'"
    ):
        replay([wrong], history, "2025Q1")


def test_a_period_that_is_not_over_in_the_data_is_refused() -> None:
    history = sample_history()
    plan = load_plan(PLANS / "halves.yaml")
    assert replay([plan], history, "2025Q4")
    with pytest.raises(PlanError, match=r"2026Q1.*is not over on the last day of the data, 2025-12-31"):
        replay([plan], history, "2025Q4:2026Q1")


def test_a_baseline_that_opens_before_the_data_is_refused() -> None:
    """The sample's data starts with 2023, so twelve months are whole from 2023Q4 on."""
    plan = load_plan(PLANS / "halves.yaml").replace({"components.nrr.baseline": "trailing_twelve_months"})
    assert replay([plan], sample_history(), "2023Q4")
    with pytest.raises(
        PlanError, match=r"'trailing_twelve_months', but measures from 2022-10-01, before the first day"
    ):
        replay([plan], sample_history(), "2023Q3:2023Q4")


def test_pay_in_a_currency_without_hundredths_is_refused() -> None:
    plan = load_plan(PLANS / "halves.yaml").replace({"pay.currency": "JPY"})
    with pytest.raises(PlanError, match="pays in JPY, whose smallest unit is not a hundredth"):
        replay([plan], sample_history(), "2025Q4")


@pytest.mark.parametrize("key", ["house_roles", "double_credit"])
def test_a_misspelt_role_of_an_assignment_is_refused_and_an_absent_one_is_not(key: str) -> None:
    books = [{**held("a", "p"), "role": "house"}]
    company = Company([], books, [employed("p")], [counted(1, "2025-02-01", payee_id="p")])
    plan = example_plan()
    assert replay([plan.replace({f"books.{key}": ["solutions"]})], company.history(), "2025Q1")
    with pytest.raises(
        PlanError, match=rf"books.{key} has 'houses', but is no role of any assignment. Did you mean 'h"
    ):
        replay([plan.replace({f"books.{key}": ["houses"]})], company.history(), "2025Q1")
