"""What one plan would pay under many settings of its numbers: a scenario axis in front of the pay stage.

`scenario_cents` and `scenario_results` are exact: to the cent what `repaid` pays each changed plan. Plans that are
straight lines of what was measured run on arrays (`stage_pay`); others, such as plans with draws or pools, are repaid
one by one. `scenario_totals` gives totals alone, unrounded, nearly independent of the number of people.

Exact means: each half cent and each place at a jump is decided in whole numbers or fractions (`half_cents` and
`whole_pay` say what is proven). Assumed: values that are equal as floats are equal at jumps, and a value within
float error of a joint without a jump counts as on it. That pay is `repaid`'s to the cent is tested, not proven.

People are paid a part at a time (`paying_parts`), and a part's scenarios some at a time, so memory grows neither with
scenarios nor, beside the run itself, with people.

Currently implemented: scenario_cents, scenario_results, scenario_totals, unrounded_totals, target_cents, known_in,
rates_in, added_by, converted_cents.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel import compiled
from compmodel.curve_lines import conditions
from compmodel.earnings import Known
from compmodel.errors import CompModelError
from compmodel.exchange import rate_of
from compmodel.money import Array, Cents, exact, exact_array
from compmodel.pay_lines import is_straight
from compmodel.paying_parts import parts_of_people
from compmodel.payout import payout_cents
from compmodel.payouts import known_of, payouts
from compmodel.plan import Plan
from compmodel.prepared_pay import LEAST_NEAR, LOST, Prepared, prepared
from compmodel.replay import Replay, measures_alike
from compmodel.scenario_settings import Wanted, changes_of, check, scenario_pay, swept, wanted_of
from compmodel.stage_pay import BLOCK_BYTES, Kernel, kernel_for

By = Literal["total", "payee_id", "period", "row"]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
MOST_BYTES = 2**25
"""Of pay of scenarios x people at a time."""
MOST_FOUND = 256_000_000
"""Bytes of scenarios x payees, periods or rows that one answer may have."""


def scenario_cents(run: Replay, settings: pd.DataFrame, by: By = "total", kernel: Kernel | None = None) -> Cents:
    """Returns what the run's plan costs under each scenario, in whole cents of the reporting currency.

    `settings`: a row a scenario, a column a path of the plan's numbers as in `Plan.levers()`, such as
    components.nrr.target.default or components.nrr.curve.points.1.1. Of weights, the last component not named takes
    the rest (`Plan.moved`). Shape: scenarios, or scenarios x payees or periods (sorted), or x rows of
    `run.stage.people`. Exact: to the cent what `repaid` pays, in every cell and sum. `kernel` is for tests and
    measurements: "compiled" (needs numba), "numpy", or by size.
    Raises CompModelError naming scenario and field where a scenario is no valid plan, and where by payee or row so
    many settings would fill more than 256 MB.
    """
    groups = _groups(run, by)
    n = groups.max(initial=-1) + 1
    if 8 * n * len(settings) > MOST_FOUND and by != "total":
        fix = f"Ask for {max(1, MOST_FOUND // (8 * n)):,} settings at a time, or by total."
        raise CompModelError(f"{len(settings):,} settings of {n:,} amounts each fill more than 256 MB. {fix}")
    found = np.zeros((len(settings), max(n, 1)), dtype=np.int64)
    for rows, _, every in _paid_parts(run, settings, kernel):
        for scenarios, _, cost in every:
            there, sums = added_by(cost, groups[rows])
            found[np.ix_(scenarios, there)] += sums
    return found[:, 0] if by == "total" else found[:, :n]


def scenario_results(run: Replay, settings: pd.DataFrame, kernel: Kernel | None = None) -> pd.DataFrame:
    """Returns what each scenario costs and how many it pays. Grain: a row a scenario, with the index of `settings`.

    Columns: cost (reporting currency, exact), share_at_target (of people-periods with a target incentive in the plan's
    components, those paid at least that for their time on the plan; see `target_cents`), share_paid (those paid
    anything, of the same). Raises as `scenario_cents`.
    """
    cost, at_target, some = (np.zeros(len(settings), dtype=np.int64) for _ in range(3))
    n_on = 0
    for _, part, every in _paid_parts(run, settings, kernel):
        target = target_cents(part)
        is_on = target > 0
        n_on += int(is_on.sum())
        for scenarios, pay, converted in every:
            cost[scenarios] += converted.sum(axis=1)
            at_target[scenarios] += ((pay >= target) & is_on).sum(axis=1)
            some[scenarios] += ((pay > 0) & is_on).sum(axis=1)
    n_people = max(1, n_on)
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
    by_lines = is_straight(run.plan) and not any(map(conditions, run.plan.components))
    wanted = wanted_of(run.plan, settings) if by_lines else None
    check(run.plan, settings, wanted)
    if wanted is None or wanted.suspects.any():
        return scenario_cents(run, settings) / 100
    totals = np.zeros(len(settings))
    for _, part in parts_of_people(run):
        ready = _ready(part)
        found = None if ready is None else unrounded_totals(ready, wanted)
        totals += scenario_cents(part, settings) / 100 if found is None else found
    return totals


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


def _paid_parts(
    run: Replay, settings: pd.DataFrame, kernel: Kernel | None
) -> Iterator[tuple[Rows, Replay, Iterator[tuple[Rows, Cents, Cents]]]]:
    """Some rows of people at a time with their run, and their pay and cost of some scenarios at a time."""
    wanted = wanted_of(run.plan, settings) if is_straight(run.plan) else None
    check(run.plan, settings, wanted)
    if wanted is not None and wanted.suspects.any():
        wanted = None
    kernel = kernel or kernel_for(len(run.stage.people) * len(run.plan.components), len(settings))
    for rows, part in parts_of_people(run):
        yield rows, part, _paid(part, settings, wanted, kernel)


def _paid(
    run: Replay, settings: pd.DataFrame, wanted: Wanted | None, kernel: Kernel
) -> Iterator[tuple[Rows, Cents, Cents]]:
    """Some scenarios at a time with the pay of rows of people in whole cents, in the pay and reporting currency."""
    ready, rate = None if wanted is None else _ready(run), rates_in(run)
    if ready is None or wanted is None:
        yield from _one_by_one(run, settings, np.arange(len(settings)), rate)
        return
    order = np.lexsort(wanted.which.T[::-1])
    step = min(4096, max(1, MOST_BYTES // (8 * len(run.stage.people))))
    for start in range(0, len(settings), step):
        scenarios = order[start : start + step]
        pay = scenario_pay(ready, wanted, scenarios, kernel)
        if pay is None:
            yield from _one_by_one(run, settings, scenarios, rate)
        else:
            yield scenarios, pay, converted_cents(rate, pay, kernel)


def _one_by_one(
    run: Replay, settings: pd.DataFrame, scenarios: Rows, rate: Floats
) -> Iterator[tuple[Rows, Cents, Cents]]:
    people = run.stage.people
    asked = pd.MultiIndex.from_frame(people[["payee_id", "period"]])
    for scenario in scenarios.tolist():
        paid_rows = _payouts(run, run.plan.moved(changes_of(settings, scenario)))
        cents = np.rint(paid_rows["payout"] * 100).groupby([paid_rows["payee_id"], paid_rows["period"]]).sum()
        pay = cents.reindex(asked, fill_value=0).to_numpy(dtype=np.int64)[None]
        yield np.array([scenario]), pay, converted_cents(rate, pay)


def _payouts(run: Replay, plan: Plan) -> pd.DataFrame:
    """What `repaid` pays, from what the pay stage needs alone: moved numbers fit a history that the plan fitted."""
    if not measures_alike(run.plan, plan):
        raise CompModelError(f"{plan.title} measures otherwise than {run.plan.title}. Run replay() for it.")
    stage = run.stage
    again = partial(stage.recovered, plan)
    return payouts(plan, stage.people, stage.results, run.periods, stage.rates, again)


def _ready(run: Replay) -> Prepared | None:
    plan, people, results = run.plan, run.stage.people, run.stage.results
    if not is_straight(plan) or results.attainment is not None or results.target is not None or not len(people):
        return None
    known = known_in(run)
    is_paid = people["on_last_day"].to_numpy() | (not plan.pay.on_last_day)
    ratios = [
        tuple(of[name].to_numpy(dtype=float) for name in ("numerator", "denominator")) for of in results.described
    ]
    return prepared(plan.components, known, people["segment"].tolist(), is_paid, results.exactly, ratios)  # type: ignore[arg-type]


def known_in(run: Replay) -> Known:
    """Returns what earnings of the run's people are worked out from."""
    by_name = {period.name: period for period in run.periods}
    return known_of(run.plan, run.stage.people, run.stage.results, by_name, run.stage.rates)


def added_by(cents: Cents, group: Rows) -> tuple[Rows, Cents]:
    """Returns the groups there are, ascending, and cents of rows added up by them; draws or scenarios x groups.

    >>> there, sums = added_by(np.array([[1, 2, 3]]), np.array([2, 0, 2]))
    >>> there.tolist(), sums.tolist()
    ([0, 2], [[2, 4]])
    """
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    if not len(begins):
        return group, cents
    ordered = cents if (np.diff(group) >= 0).all() else cents[:, order]
    return group[order][begins], np.add.reduceat(ordered, begins, axis=1)


def _groups(run: Replay, by: By) -> Rows:
    people = run.stage.people
    if by == "row":
        return np.arange(len(people))
    if by == "total":
        return np.zeros(len(people), dtype=np.intp)
    found: Rows = np.unique(people[by].to_numpy(dtype=str), return_inverse=True)[1].ravel()
    return found


def rates_in(run: Replay) -> Floats:
    """Returns the rate at which each row of people's pay is converted to the reporting currency."""
    people = run.stage.people
    return rate_of(run.stage.rates, people["period"], people["currency"])


def converted_cents(rate: Floats, pay: Cents, kernel: Kernel = "numpy") -> Cents:
    """Pay of scenarios x people in whole cents of the reporting currency, each rounded once, half up.

    Floats tell the nearest cent but near half cents, which whole numbers decide.
    """
    if (rate == 1).all():
        return pay.copy()
    if kernel == "compiled":
        cost, near = np.empty_like(pay), np.empty(pay.size, dtype=np.intp)
        near = near[: compiled.loop(compiled.fill_converted)(cost, near, pay, rate, LEAST_NEAR, LOST)]
        if len(near):
            some = pay.ravel()[near]
            largest = int(np.abs(some).max())
            cost.ravel()[near] = _exactly_converted(rate[near % len(rate)], some, largest)
        return cost
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
