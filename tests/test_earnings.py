"""One formula on arrays: a thousand variants in one call are the variants one by one."""

from __future__ import annotations

import numpy as np
import pytest

from compmodel.earnings import Earned, Known, earned
from compmodel.plan import parsed_plan
from histories import CURVES
from test_pay import part, plan_of

ROWS, VARIANTS = 5, 1000


def known(value: np.ndarray, target: np.ndarray) -> Known:
    column = np.ones((ROWS, 1))
    shape = (ROWS, value.shape[-1])
    return Known(
        value=value,
        is_empty=np.zeros(shape, dtype=bool),
        target=target,
        months=np.full(shape, 3),
        opening=np.zeros(shape),
        pool_share=np.zeros(shape),
        cent_days=4_000_000 * 45 * column,
        days_on_plan=45 * column,
        n_days=90 * column,
        per_year=4 * column,
        incentive_to_date=0 * column,
        rate=column,
        is_absent=np.zeros(shape, dtype=bool),
    )


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve["kind"])
def test_variants_on_a_leading_axis_are_the_variants_one_by_one(curve: dict) -> None:
    gate = {"kind": "gate", "component": "b", "of": "attainment", "reaches": 0.9, "otherwise": 0.5}
    components = [part("a", 0.5, curve=curve, adjustments=[gate, {"kind": "cap", "factor": 1.2}]), part("b", 0.5)]
    plan = parsed_plan(plan_of(components), "drawn")
    rng = np.random.default_rng(3)
    value = rng.uniform(0, 2, (VARIANTS, ROWS, 2))
    target = rng.uniform(0.5, 1.5, (VARIANTS, 1, 2)) * np.ones((VARIANTS, ROWS, 2))
    every = earned(plan.components, known(value, target), plan.conditions)
    assert every.pay.shape == (VARIANTS, ROWS, 2)
    for i in range(0, VARIANTS, 97):
        one = earned(plan.components, known(value[i], target[i]), plan.conditions)
        for name in Earned._fields:
            np.testing.assert_array_equal(getattr(every, name)[i], getattr(one, name))
    assert len(np.unique(every.pay)) > VARIANTS


def test_what_factor_1_pays_is_prorated_target_incentive() -> None:
    plan = parsed_plan(plan_of([part("a", 0.5), part("b", 0.5)]), "drawn")
    found = earned(plan.components, known(np.full((ROWS, 2), 0.8), np.ones((ROWS, 2))))
    assert found.base.tolist() == [[2500.0, 2500.0]] * ROWS
    assert found.pay.tolist() == [[2000.0, 2000.0]] * ROWS
