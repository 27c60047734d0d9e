"""What components earn, from values to unrounded pay: one formula on arrays for a replay, a case or many variants.

Arrays have rows (a payee in a period) and components on their last two axes and any axes before them. They hold floats
or exact fractions; `doubtful_rows` says where floats alone cannot decide, at an edge or a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel.adjustments import Condition, Gate, Kicker, adjusted, near_threshold
from compmodel.attainment import attain, doubtful, yearly_value
from compmodel.basis import base_pay
from compmodel.components import KPI, Component
from compmodel.curves import jumps, payout_factor
from compmodel.metrics import METRICS
from compmodel.money import NEAR, Array, exact_array


class Known(NamedTuple):
    """What earnings are worked out from; arrays of rows x components, or of rows x 1.

    By component: `value` (0 where `is_empty`), `target`, `months` measured, `opening` ARR managed, `pool_share`, and
    `attainment` where a case is given it, so that values and targets do not count. By row: `cent_days` (yearly target
    incentive in cents, times days), `days_on_plan`, `n_days`, periods `per_year`, `incentive_to_date` (of the fiscal
    year so far) and `rate` (reporting currency for one of the pay currency). `is_absent`: of a component that the
    person's role does not have.
    """

    value: Array
    is_empty: npt.NDArray[np.bool_]
    target: Array
    months: npt.NDArray[np.intp]
    opening: Array
    pool_share: Array
    cent_days: Array
    days_on_plan: Array
    n_days: Array
    per_year: Array
    incentive_to_date: Array
    rate: Array
    is_absent: npt.NDArray[np.bool_]
    attainment: Array | None = None

    @property
    def target_incentive(self) -> Array:
        """Target incentive of a whole period, in the pay currency."""
        incentive: Array = self.cent_days / (self.days_on_plan * (100 * self.per_year))
        return incentive

    @property
    def has_no_result(self) -> npt.NDArray[np.bool_]:
        """Whether a component has no value, or no target to hold it against."""
        no_target: npt.NDArray[np.bool_] = (self.target <= 0).astype(bool) & (self.attainment is None)
        return self.is_empty | no_target

    @property
    def proration(self) -> Array:
        """Share of the period on the plan."""
        share: Array = self.days_on_plan / self.n_days
        return share

    @property
    def incentive(self) -> Array:
        """Target incentive of the time on the plan."""
        incentive: Array = self.target_incentive * self.proration
        return incentive

    def rows(self, some: npt.NDArray[np.intp]) -> Known:
        """Returns the same of some rows, exactly; rows are the first axis."""
        taken = {name: array[some] for name, array in self._asdict().items() if array is not None}
        plain = ("is_empty", "is_absent", "months")
        return Known(**{name: of if name in plain else exactly(of) for name, of in taken.items()})


def exactly(array: Array) -> Array:
    """Returns an array as exact fractions."""
    return array if array.dtype == object else exact_array(array)


class Earned(NamedTuple):
    """Arrays of rows x components: `base` is what factor 1 pays, `gross` base x factor, `pay` gross as adjusted.

    `changed_by` is the position of the last of the component's adjustments that changed its pay, -1 for none.
    """

    value: Array
    attainment: Array
    factor: Array
    base: Array
    gross: Array
    pay: Array
    changed_by: npt.NDArray[np.int8]


def earned(components: Sequence[Component], known: Known, of_plan: Sequence[Gate | Kicker] = ()) -> Earned:
    """Returns what each component earns, unrounded; `of_plan` are gates and kickers of the whole plan, applied last.

    A component that has no value (or a target of 0) earns nothing.
    """
    names = [component.name for component in components]
    is_empty = known.has_no_result
    target = np.where(known.target > 0, known.target, known.target * 0 + 1)
    value = known.value.copy()
    attainment, factor, base = np.empty_like(value), np.empty_like(value), np.empty_like(value)
    for i, component in enumerate(components):
        if component.annualised:
            value[..., i] = in_a_year(value[..., i], known.months[..., i], component)
        if known.attainment is None:
            attainment[..., i] = attain(value[..., i], target[..., i], component.attainment)
        else:
            attainment[..., i] = known.attainment[..., i]
        factor[..., i] = payout_factor(attainment[..., i], component.curve)
        base[..., i] = _base(component, i, known, target[..., i])
    factor = np.where(is_empty, 0 * factor, factor)
    gross = base * factor
    results = {"value": value, "attainment": attainment, "factor": factor}
    results |= {"is_empty": is_empty, "is_absent": known.is_absent, "proration": known.proration[..., 0]}
    pay, changed_by = gross.copy(), np.full(gross.shape, -1, dtype=np.int8)
    for i, component in enumerate(components):
        if component.adjustments:
            rules = component.adjustments
            found = adjusted(pay[..., i], base[..., i], rules, results, names, i)
            pay[..., i], changed_by[..., i] = found
    for rule in of_plan:
        whole, met = adjusted(pay[..., 0] * 0 + 1, base[..., 0], [rule], results, names, None)  # type: ignore[arg-type]
        pay = pay * whole[..., None]
        changed_by[(met >= 0)[..., None] & (gross != 0)] = PLAN
    return Earned(value, attainment, factor, base, gross, pay, changed_by)


PLAN = 100
"""Position that stands for a gate or kicker of the whole plan."""


def in_a_year(value: Array, months: npt.NDArray[np.intp], component: Component) -> Array:
    """Returns values of so many months as those of a year, by the component's way of annualising."""
    found, months = value.copy(), np.broadcast_to(months, value.shape)
    for n in np.unique(months) if component.annualised else ():
        here = months == n
        found[here] = yearly_value(value[here], int(n), component.annualised)  # type: ignore[arg-type]
    return found


def _base(component: Component, i: int, known: Known, target: Array) -> Array:
    weight = exact_array(np.array(component.weight))[()] if target.dtype == object else component.weight
    yearly = known.target_incentive[..., 0] * known.per_year[..., 0] * weight
    incentive = known.incentive[..., 0] * weight
    if component.to_date:
        so_far = known.incentive_to_date[..., 0].astype(target.dtype)
        incentive = yearly if component.to_date == "full_year" else so_far * weight
    share = known.pool_share[..., i].astype(target.dtype)
    base = base_pay(component.basis, incentive, yearly, target, known.opening[..., i], share)
    if component.basis.kind == "rate":
        metric = METRICS.get(component.metric)
        if metric is not None and metric.unit == "amount":
            base = base / known.rate[..., 0]
        elif component.metric.startswith(KPI) and component.form == "count":
            base = base * known.proration[..., 0]  # the value is at full-time pace, what is paid for is not
    return base


def doubtful_rows(
    components: Sequence[Component], known: Known, found: Earned, of_plan: Sequence[Condition] = ()
) -> npt.NDArray[np.bool_]:
    """Tells the rows in which floats cannot say on which side of an edge or threshold a result lies."""
    names = [component.name for component in components]
    results = {"value": found.value, "attainment": found.attainment, "factor": found.factor}
    doubt = np.zeros(found.value.shape[:-1], dtype=bool)
    for i, component in enumerate(components):
        value, target, attainment = (of[..., i] for of in (found.value, known.target, found.attainment))
        doubt |= doubtful(value, np.where(target > 0, target, 1.0), component.attainment)
        for at, _, _ in jumps(component.curve):
            doubt |= np.abs(attainment - at) < NEAR * max(1.0, abs(at))
        doubt |= component.basis.rounded_to is not None
        for rule in component.adjustments:
            if isinstance(rule, Condition):
                doubt |= near_threshold(rule, results, names, i)
    for condition in of_plan:
        doubt |= near_threshold(condition, results, names, None)
    return doubt
