"""What a replay pays when somebody's result is a step further: the same pay stage on moved values, to the cent.

A step is ARR kept or grown in a person's own book within the period. It adds to the numerator of the person's own
ratio, and of the team's, segment's or company's where those are measured; of several months to the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.components import FALLING, Component
from compmodel.metrics import METRICS
from compmodel.money import Array, exact_array
from compmodel.payouts import Results, payouts
from compmodel.replay import Replay
from compmodel.settlement import Budget, Clawback, Draw, Holdback, Minimum
from compmodel.values import exact_values, values

Truths = npt.NDArray[np.bool_]
Cents = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
KEYS = ["payee_id", "period"]
AT_MOST_ALL = ("grr", "grr_of_totals", "renewal_rate")
"""Metrics in which nothing more than all can be kept."""
NOT_MOVED = ("quick_ratio",)
"""A ratio of gains to losses, in which ARR kept and ARR grown count on different sides."""


def moving(run: Replay) -> list[int]:
    """Returns the positions of the components that pay anything on ARR, so that a step of it moves them."""
    return [
        i
        for i, component in enumerate(run.plan.components)
        if component.metric in METRICS
        and METRICS[component.metric].is_of_arr
        and component.metric not in NOT_MOVED
        and (component.weight or not component.basis.is_of_incentive)
    ]


def stepped(run: Replay, steps: dict[int, float]) -> Results:
    """Returns the results of a run with each person's own ARR moved by a step, by position of component."""
    people = run.stage.people
    row_of = pd.Series(np.arange(len(people)), index=pd.MultiIndex.from_frame(people[KEYS].astype(object)))
    ratios = []
    for i, component in enumerate(run.plan.components):
        mine = run.measurements[run.measurements["component"] == component.name]
        row = row_of.reindex(pd.MultiIndex.from_frame(mine[KEYS].astype(object))).to_numpy()
        mine = mine[~np.isnan(row)].assign(row=row[~np.isnan(row)].astype(np.intp)).reset_index(drop=True)
        ratios.append(_moved(mine, component, steps[i]) if i in steps else mine)
    value = np.column_stack([values(of, len(people)) for of in ratios])

    def exactly(rows: npt.NDArray[np.intp]) -> Array:
        return np.column_stack([exact_values(of, rows) for of in ratios])

    return Results(value, exactly, run.stage.results.described)


def _moved(ratios: pd.DataFrame, component: Component, step: float) -> pd.DataFrame:
    by = [ratios["row"], ratios["level"]]
    is_own = ratios["window"] == ratios["window"].groupby(by).transform("max")
    if component.unit_figure == "mean_of_ratios":
        is_own &= (ratios["level"] == "individual") | (ratios["unit_id"] == ratios["payee_id"])
    above, below = (ratios[name].to_numpy(dtype=float) for name in ("numerator", "denominator"))
    further: Floats
    if component.metric in FALLING:
        further = np.minimum(above, np.maximum(above - step, 0.0))
    else:
        further = above + step
        if component.metric in AT_MOST_ALL:
            further = np.maximum(above, np.minimum(further, below))
    return ratios.assign(numerator=np.where(is_own, np.round(further, 6), above))


def at_values(run: Replay, component: int, value: Floats) -> Results:
    """Returns the results of a run with one component's values (before they are annualised) as given, NaN as it was."""
    base = run.stage.results
    is_set = ~np.isnan(value)
    found = base.value.copy()
    found[is_set, component] = value[is_set]

    def exactly(rows: npt.NDArray[np.intp]) -> Array:
        kept = base.exactly(rows)
        some = np.flatnonzero(is_set[rows])
        kept[some, component] = exact_array(value[rows[some]])
        return kept

    return base._replace(value=found, exactly=exactly)


def paid_further(run: Replay, further: Results) -> tuple[Cents, Floats]:
    """Returns each person's pay in cents (reporting currency) and values, each moved in turn where it is not alone.

    Where pay hangs on periods before (draws, a year to date) a period is moved while the others stay; where people
    share a pool or a budget, a person is. What is paid later for it is not counted.
    """
    base, n = run.stage.results, len(run.stage.people)
    cents, held = np.zeros(n, dtype=np.int64), np.full(base.value.shape, np.nan)
    for turn in _turns(run):
        chosen = turn[:, None]

        def exactly(rows: npt.NDArray[np.intp], turn: Truths = turn) -> Array:
            return np.where(turn[rows][:, None], further.exactly(rows), base.exactly(rows))

        results = base._replace(value=np.where(chosen, further.value, base.value), exactly=exactly)
        paid, found = pay(run, results)
        cents[turn], held[turn] = paid[turn], found[turn]
    return cents, held


def pay(run: Replay, results: Results) -> tuple[Cents, Floats]:
    """Returns what results pay: cents of each row of people in the reporting currency, values of each component."""
    stage = run.stage
    recovered = partial(stage.recovered, run.plan)
    paid = payouts(run.plan, stage.people, results, run.periods, stage.rates, recovered)
    keys = pd.MultiIndex.from_frame(stage.people[KEYS].astype(object))
    cents = np.rint(paid["cost"] * 100).groupby([paid[name].astype(object) for name in KEYS]).sum()
    return cents.reindex(keys, fill_value=0).to_numpy(dtype=np.int64), by_component(run, paid, "value")


def by_component(run: Replay, paid: pd.DataFrame, column: str) -> Floats:
    """Returns a column of payouts as an array of people x components, NaN where a person has no such component."""
    keys = pd.MultiIndex.from_frame(run.stage.people[KEYS].astype(object))
    found = []
    for component in run.plan.components:
        mine = paid[paid["component"] == component.name]
        index = pd.MultiIndex.from_frame(mine[KEYS].astype(object))
        found.append(pd.Series(mine[column].to_numpy(dtype=float), index=index).reindex(keys).to_numpy())
    return np.column_stack(found)


def _turns(run: Replay) -> Sequence[Truths]:
    """Which rows of people are moved at once: all, a period's, or one by one."""
    plan, people = run.plan, run.stage.people
    shares = any(component.basis.shared == "value" for component in plan.components)
    if shares or any(isinstance(rule, Budget) for rule in plan.adjustments):
        return list(np.eye(len(people), dtype=bool))
    carries = any(isinstance(rule, Draw | Holdback | Minimum | Clawback) for rule in plan.adjustments)
    if carries or any(component.to_date for component in plan.components):
        return [np.asarray(people["period"] == period.name) for period in run.periods]
    return [np.ones(len(people), dtype=bool)]
