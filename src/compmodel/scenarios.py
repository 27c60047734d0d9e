"""What one plan would pay under many settings of its numbers: a scenario axis in front of the pay stage.

`scenario_cents` and `scenario_results` are exact: to the cent what `repaid` pays each changed plan. Plans that are
straight lines of what was measured run on arrays (`stage_pay`); others, such as plans with draws or pools, are repaid
one by one. `scenario_totals` gives totals alone, unrounded, nearly independent of the number of people.

Exact means: each half cent and each place at a jump is decided in whole numbers or fractions (`half_cents`, `whole_pay`
and `one_plan` say what is proven). Assumed: values that are equal as floats are equal at jumps, and a value within
float error of a joint without a jump counts as on it. That pay is `repaid`'s to the cent is tested, not proven.

Currently implemented: scenario_cents, scenario_results, scenario_totals, unrounded_totals, cents_of_values,
converted_cents, paying_part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.clawbacks import clawbacks
from compmodel.curve_lines import conditions
from compmodel.curves import payout_slope
from compmodel.earnings import doubtful_rows, earned
from compmodel.errors import CompModelError
from compmodel.exchange import rate_of
from compmodel.money import NEAR, Array, Cents, exact, exact_array, whole_cents
from compmodel.one_plan import plan_cents
from compmodel.pay_lines import is_straight
from compmodel.payout import payout_cents
from compmodel.payouts import known_of, payouts
from compmodel.plan import Plan
from compmodel.prepared_pay import LEAST_NEAR, LOST, Prepared, prepared
from compmodel.replay import Replay, measures_alike
from compmodel.scenario_settings import Wanted, changes_of, check, numbers_of, swept, wanted_of
from compmodel.settlement import MONEY
from compmodel.stage_pay import BLOCK_BYTES, Kernel, kernel_for, paid
from compmodel.tables import TABLES

By = Literal["total", "payee_id", "period", "row"]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
MOST_BYTES = 2**25
"""Of pay of scenarios x people at a time."""


def scenario_cents(run: Replay, settings: pd.DataFrame, by: By = "total", kernel: Kernel | None = None) -> Cents:
    """Returns what the run's plan costs under each scenario, in whole cents of the reporting currency.

    `settings`: a row a scenario, a column a path of the plan's numbers as in `Plan.levers()`, such as
    components.nrr.target.default or components.nrr.curve.points.1.1. Of weights, the last component not named takes
    the rest (`Plan.moved`). Shape: scenarios, or scenarios x payees or periods (sorted), or x rows of
    `run.stage.people`. Exact: to the cent what `repaid` pays, in every cell and sum. `kernel` is for tests and
    measurements: "compiled" (needs numba), "numpy", or by size.
    Raises CompModelError naming scenario and field where a scenario is no valid plan.
    """
    groups = _groups(run, by)
    found = np.zeros((len(settings), groups.max(initial=-1) + 1), dtype=np.int64)
    order = np.argsort(groups, kind="stable")
    begins = np.flatnonzero(np.diff(groups[order], prepend=-1))
    rate = _rates(run)
    for scenarios, pay in _paid(run, settings, kernel):
        cost = converted_cents(rate, pay)
        if by == "row":
            found[scenarios] = cost
        elif len(begins):
            found[scenarios] = np.add.reduceat(cost if by == "total" else cost[:, order], begins, axis=1)
    if by != "total":
        return found
    return found[:, 0] if found.shape[1] else np.zeros(len(settings), dtype=np.int64)


def scenario_results(run: Replay, settings: pd.DataFrame, kernel: Kernel | None = None) -> pd.DataFrame:
    """Returns what each scenario costs and how many it pays. Grain: a row a scenario, with the index of `settings`.

    Columns: cost (reporting currency, exact), share_at_target (of people-periods with a target incentive in the plan's
    components, those paid at least that for their time on the plan; see `target_cents`), share_paid (those paid
    anything, of the same). Raises as `scenario_cents`.
    """
    n, target = len(settings), target_cents(run)
    is_on = target > 0
    cost, at_target, some = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
    rate = _rates(run)
    for scenarios, pay in _paid(run, settings, kernel):
        cost[scenarios] = converted_cents(rate, pay).sum(axis=1)
        at_target[scenarios] = ((pay >= target) & is_on).sum(axis=1)
        some[scenarios] = ((pay > 0) & is_on).sum(axis=1)
    n_people = max(1, int(is_on.sum()))
    columns = {"cost": cost / 100, "share_at_target": at_target / n_people, "share_paid": some / n_people}
    return pd.DataFrame(columns, index=settings.index)


def target_cents(run: Replay) -> Cents:
    """Returns what 100% attainment pays each row of `run.stage.people`, in whole cents of the pay currency.

    By the weights of the role's components, for the time on the plan, rounded as pay is.
    """
    people, rule = run.stage.people, run.plan.pay
    roles = {role: [c for c in run.plan.components if not c.roles or role in c.roles] for role in set(people["role"])}
    weights = {role: sum(exact(c.weight) for c in mine if c.basis.is_of_incentive) for role, mine in roles.items()}
    weight = np.array([weights[role] for role in people["role"]], dtype=object)
    per_year = people["period"].map({period.name: 12 // period.months for period in run.periods})
    due = people["cent_days"].where(people["on_last_day"] | (not rule.on_last_day), 0.0)
    above, below = (of.to_numpy(dtype=float) for of in (due, people["n_days"] * per_year))

    def exactly(rows: Array) -> Array:
        incentive: Array = weight[rows] * exact_array(above[rows]) / (100 * exact_array(below[rows]))
        return incentive

    unrounded, rounds = (weight.astype(float) * above / (100 * below))[:, None], rule.rounding != "none"
    return payout_cents(unrounded, lambda rows: exactly(rows)[:, None], rule if rounds else None)[:, 0]


def scenario_totals(run: Replay, settings: pd.DataFrame) -> Floats:
    """Returns the cost of each scenario without rounding anybody's pay, in the reporting currency.

    Sums of pay between places in the order of values are differences of running sums, so a scenario is a few look-ups.
    Half a cent a person and period may be missing or too much; on the benchmark's team the relative error is below
    1e-6. Plans with gates, or that are no straight lines, are paid exactly instead. Raises as `scenario_cents`.
    """
    ready = _ready(run)
    wanted = None if ready is None or any(map(conditions, run.plan.components)) else wanted_of(run.plan, settings)
    check(run.plan, settings, wanted)
    if ready is None or wanted is None or wanted.suspects.any():
        return scenario_cents(run, settings) / 100
    found = unrounded_totals(ready, wanted)
    return scenario_cents(run, settings) / 100 if found is None else found


def unrounded_totals(ready: Prepared, wanted: Wanted) -> Floats | None:
    """Returns the cost of each scenario, unrounded, from running sums; None where pay is too large."""
    n = len(wanted.which)
    totals = np.zeros(n)
    for start in range(0, n, 4096):
        some = slice(start, start + 4096)
        found = swept(ready, wanted, np.arange(n)[some])
        if found is None:
            return None
        for i, (people, lines) in enumerate(zip(ready.people, found.lines, strict=True)):
            at = ready.rate[people.order] / 100
            running = [np.concatenate([[0.0], np.cumsum(of * at)]) for of in (people.pay, people.pay_value)]
            begins = lines.begins[:, 0]
            ends = np.broadcast_to(people.begins[1:, None], begins[..., :1].shape)
            after = np.concatenate([begins[..., 1:], ends], axis=2)
            sums = [of[after] - of[begins] for of in running]
            unit = (lines.constant[:, 0] * sums[0] + lines.slope[:, 0] * sums[1]).sum(axis=(1, 2))
            totals[some] += found.weights[:, i] * unit[found.which[:, i]]
    return totals


def cents_of_values(run: Replay, value: Floats) -> Cents:
    """Returns the pay of the run's plan on other measured values, in whole cents of the reporting currency.

    `value`: draws x rows of `run.stage.people` x components, NaN where nothing was measured; a value counts as the
    decimal or fraction it was written as (`money.exact`). Shape: draws x rows. Who is on the plan, targets and opening
    ARR stay as in the run. Raises CompModelError where the plan settles pay over time or people.
    """
    plan, people = run.plan, run.stage.people
    shared = any(component.to_date or component.basis.kind == "pool" for component in plan.components)
    if not plan.pay.is_plain:
        said = f"{plan.title} rounds pay otherwise than to the cent on the total, which other values cannot follow"
        raise CompModelError(f"{said}. Write pay.rounded_to 0.01 and rounding half_up for the comparison.")
    if shared or any(isinstance(rule, MONEY) for rule in plan.adjustments):
        said = f"{plan.title} settles pay over periods or people (to_date, a pool, or adjustments in cents)"
        raise CompModelError(f"{said}, so other values need the whole history. Run replay() on each history.")
    known = known_of(plan, people, run.stage.results, {p.name: p for p in run.periods}, run.stage.rates)
    is_paid = (~known.is_absent) & (people[["on_last_day"]].to_numpy() | (not plan.pay.on_last_day))
    found = np.zeros(value.shape[:2], dtype=np.int64)
    step = max(1, MOST_BYTES // (64 * max(1, len(people) * len(plan.components))))
    for start in range(0, len(value), step):
        some = value[start : start + step]
        is_empty = np.isnan(some)
        at = known._replace(value=np.where(is_empty, 0.0, some), is_empty=is_empty)
        at = at._replace(target=np.broadcast_to(known.target, some.shape))
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
            chosen = known.rows(rows[first])._replace(
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
        found[start : start + step] = whole_cents(total, exactly, _rounding(plan)).reshape(some.shape[:2])
    return converted_cents(_rates(run), found)


def _rounding(plan: Plan) -> Literal["half_up", "half_even"]:
    return "half_even" if plan.pay.rounding == "half_even" else "half_up"


def _paid(run: Replay, settings: pd.DataFrame, kernel: Kernel | None) -> Iterator[tuple[Rows, Cents]]:
    """Some scenarios at a time with the pay of rows of people in whole cents of the pay currency."""
    ready = _ready(run)
    wanted = None if ready is None else wanted_of(run.plan, settings)
    check(run.plan, settings, wanted)
    step = max(1, MOST_BYTES // (8 * max(1, len(run.stage.people))))
    if ready is not None and wanted is not None and not wanted.suspects.any():
        order = np.lexsort(wanted.which.T[::-1])
        alone = plan_cents(ready, numbers_of(wanted, 0)) if len(settings) == 1 and not kernel else None
        if alone is not None:
            yield order, alone[None]
            return
        kernel = kernel or kernel_for(len(settings) * len(run.stage.people) * len(run.plan.components))
        for start in range(0, len(settings), min(step, 4096)):
            scenarios = order[start : start + min(step, 4096)]
            found = swept(ready, wanted, scenarios)
            if found is None:
                yield from _one_by_one(run, settings, scenarios)
            else:
                yield scenarios, paid(ready, found, kernel)
    else:
        yield from _one_by_one(run, settings, np.arange(len(settings)))


def _one_by_one(run: Replay, settings: pd.DataFrame, scenarios: Rows) -> Iterator[tuple[Rows, Cents]]:
    people = run.stage.people
    asked = pd.MultiIndex.from_frame(people[["payee_id", "period"]])
    for scenario in scenarios.tolist():
        paid_rows = _payouts(run, run.plan.moved(changes_of(settings, scenario)))
        cents = np.rint(paid_rows["payout"] * 100).groupby([paid_rows["payee_id"], paid_rows["period"]]).sum()
        yield np.array([scenario]), cents.reindex(asked, fill_value=0).to_numpy(dtype=np.int64)[None]


def _payouts(run: Replay, plan: Plan) -> pd.DataFrame:
    """What `repaid` pays, from what the pay stage needs alone: moved numbers fit a history that the plan fitted."""
    if not measures_alike(run.plan, plan):
        raise CompModelError(f"{plan.title} measures otherwise than {run.plan.title}. Run replay() for it.")
    stage = run.stage
    again = partial(stage.recovered, plan)
    return payouts(plan, stage.people, stage.results, run.periods, stage.rates, again)


def paying_part(run: Replay) -> Replay:
    """Returns the run with what scenarios and other values are paid from, and without history, ledgers and ratios.

    What a clawback takes back is in the ledgers: a plan with one takes them along.
    """
    tables = {name: getattr(run.history, name).head(0) for name in TABLES}
    stage = run.stage
    if not list(clawbacks(run.plan.adjustments)):
        stage = stage._replace(recovered=_nothing_recovered)
    history, nothing = replace(run.history, warnings=(), **tables), pd.DataFrame()
    return Replay(run.plan, history, run.periods, nothing, nothing, nothing, nothing, stage)


def _nothing_recovered(plan: Plan, cents: Cents) -> dict[int, Cents]:
    return {}


def _ready(run: Replay) -> Prepared | None:
    plan, people, results = run.plan, run.stage.people, run.stage.results
    if not is_straight(plan) or results.attainment is not None or results.target is not None or not len(people):
        return None
    known = known_of(plan, people, results, {period.name: period for period in run.periods}, run.stage.rates)
    is_paid = people["on_last_day"].to_numpy() | (not plan.pay.on_last_day)
    ratios = [
        tuple(of[name].to_numpy(dtype=float) for name in ("numerator", "denominator")) for of in results.described
    ]
    return prepared(plan.components, known, people["segment"].tolist(), is_paid, results.exactly, ratios)  # type: ignore[arg-type]


def _groups(run: Replay, by: By) -> Rows:
    people = run.stage.people
    if by == "row":
        return np.arange(len(people))
    if by == "total":
        return np.zeros(len(people), dtype=np.intp)
    found: Rows = np.unique(people[by].to_numpy(dtype=str), return_inverse=True)[1].ravel()
    return found


def _per_year(run: Replay) -> dict[str, int]:
    return {period.name: 12 // period.months for period in run.periods}


def _rates(run: Replay) -> Floats:
    people = run.stage.people
    return rate_of(run.stage.rates, people["period"], people["currency"])


def converted_cents(rate: Floats, pay: Cents) -> Cents:
    """Pay of scenarios x people in whole cents of the reporting currency, each rounded once, half up.

    Floats tell the nearest cent but near half cents, which whole numbers decide.
    """
    if (rate == 1).all():
        return pay.copy()
    cost, n = np.empty_like(pay), max(1, pay.shape[1])
    step = max(1, BLOCK_BYTES // (8 * n))
    for start in range(0, len(pay), step):
        some = pay[start : start + step]
        floats = some * rate
        nearest = np.rint(floats)
        cost[start : start + step] = nearest
        np.abs(np.subtract(floats, nearest, out=floats), out=floats)
        largest = max(-int(some.min(initial=0)), int(some.max(initial=0)))
        lost = max(LEAST_NEAR, largest * max(1.0, float(rate.max())) * LOST)
        near = np.flatnonzero(floats > 0.5 - lost)
        if len(near):
            cost[start : start + step].ravel()[near] = _exactly_converted(rate[near % n], some.ravel()[near], largest)
    return cost


def _exactly_converted(rate: Floats, pay: Cents, largest: int) -> Cents:
    cost = pay.copy()
    for one in dict.fromkeys(rate[rate != 1].tolist()):
        cells, number = np.flatnonzero(rate == one), exact(one)
        above, below = 2 * number.numerator, 2 * number.denominator
        sizes = np.abs(pay[cells])
        whole = sizes if largest * above + below < 2**62 else sizes.astype(object)
        found = ((whole * above + number.denominator) // below).astype(np.int64)
        cost[cells] = np.where(pay[cells] < 0, -found, found)
    return cost
