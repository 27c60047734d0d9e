"""What one plan would pay had other values been measured: draws of values in, whole cents of each person out.

People are paid a part at a time (`paying_parts`), and a part's draws some at a time.

Currently implemented: cents_of_values, no_other_values.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from compmodel.curves import payout_slope
from compmodel.earnings import Known, doubtful_rows, earned
from compmodel.errors import CompModelError
from compmodel.money import NEAR, Array, Cents, exact_array, whole_cents
from compmodel.paying_parts import PART, parts_of_people
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.scenarios import MOST_BYTES, converted_cents, known_in, rates_in
from compmodel.settlement import MONEY
from compmodel.wording import listed

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


def cents_of_values(run: Replay, value: Floats) -> Cents:
    """Returns the pay of the run's plan on other measured values, in whole cents of the reporting currency.

    `value`: draws x rows of `run.stage.people` x components, NaN where nothing was measured; a value counts as the
    decimal or fraction it was written as (`money.exact`). Shape: draws x rows. Who is on the plan, targets and opening
    ARR stay as in the run. Raises CompModelError where the plan settles pay over periods or people, or
    rounds otherwise than to the cent on the total.
    """
    if why := no_other_values(run.plan):
        said = f"{run.plan.title} {why}, so it cannot be paid on other values than were measured"
        raise CompModelError(f"{said}. Leave it out; on one history at a time it can be paid, in Python by replay().")
    found = np.zeros(value.shape[:2], dtype=np.int64)
    step = max(1, MOST_BYTES // (64 * max(1, min(PART, value[:1].size))))
    for rows, part in parts_of_people(run):
        known, rate = known_in(part), rates_in(part)
        for start in range(0, len(value), step):
            some = slice(start, start + step)
            if len(rows) == value.shape[1]:
                found[some] = converted_cents(rate, _cents_of_known(part, known, value[some]))
            else:
                found[some, rows] = converted_cents(rate, _cents_of_known(part, known, value[some, rows]))
    return found


def no_other_values(plan: Plan) -> str:
    """Returns why a plan cannot be paid on other measured values, as said of it; nothing where it can."""
    if not plan.pay.is_plain:
        return "rounds pay otherwise than to the cent on the total"
    shared = ["a year to date" for component in plan.components if component.to_date]
    shared += ["a pool" for component in plan.components if component.basis.kind == "pool"]
    shared += [f"a {rule.kind}" for rule in plan.adjustments if isinstance(rule, MONEY)]
    return f"settles pay over periods or people ({listed(list(dict.fromkeys(shared)))})" if shared else ""


def _cents_of_known(run: Replay, of: Known, value: Floats) -> Cents:
    """Pay of some draws x rows in whole cents of the pay currency; `of` is known of the run as it was measured."""
    plan, people = run.plan, run.stage.people
    is_paid = (~of.is_absent) & (people[["on_last_day"]].to_numpy() | (not plan.pay.on_last_day))
    is_empty = np.isnan(value)
    at = of._replace(value=np.where(is_empty, 0.0, value), is_empty=is_empty)
    at = at._replace(target=np.broadcast_to(of.target, value.shape))
    floats = earned(plan.components, at, plan.conditions)
    pay = np.where(is_paid, floats.pay, 0.0)
    doubt = doubtful_rows(plan.components, at, floats, plan.conditions)

    alike = np.where(is_empty, np.nan, at.value)
    if not plan.conditions and not any(component.adjustments for component in plan.components):
        for i, component in enumerate(plan.components):  # where a curve is flat, values pay alike
            attained, curve = floats.attainment[..., i], component.curve
            slopes = [payout_slope(attained + off, curve) for off in (-NEAR, 0.0, NEAR)]
            is_flat = (np.abs(slopes).max(axis=0) == 0) & ~doubt & ~is_empty[..., i]
            alike[..., i] = np.where(is_flat, -1e9 - floats.factor[..., i], alike[..., i])

    def exactly(cells: Rows, at: Array = at.value, is_empty: Array = is_empty, alike: Array = alike) -> Array:
        draws, rows = np.divmod(cells, len(people))
        keys = np.column_stack([rows, np.nan_to_num(alike[draws, rows], nan=1e300)])
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        chosen = of.rows(rows[first])._replace(
            value=exact_array(at[draws[first], rows[first]]), is_empty=is_empty[draws[first], rows[first]]
        )
        exact_pay = earned(plan.components, chosen, plan.conditions).pay
        exact_pay[~is_paid[rows[first]]] *= 0
        whole: Array = exact_pay.sum(axis=1)[inverse.ravel()]
        return whole

    total = pay.sum(axis=-1).ravel()
    doubted = np.flatnonzero(doubt.ravel())
    if len(doubted):
        total[doubted] = exactly(doubted).astype(float)
    return whole_cents(total, exactly, _rounding(plan)).reshape(value.shape[:2])


def _rounding(plan: Plan) -> Literal["half_up", "half_even"]:
    return "half_even" if plan.pay.rounding == "half_even" else "half_up"
