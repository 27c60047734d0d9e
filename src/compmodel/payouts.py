"""The pay of each person and period, to the cent: earnings, one rounding, and what is settled on whole cents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.adjustment_words import Names, adjustment_words, balance_words
from compmodel.balances import Facts, settled
from compmodel.components import LEVELS, Component
from compmodel.earnings import PLAN, Earned, Known, doubtful_rows, earned
from compmodel.errors import PlanError, Problem
from compmodel.exchange import carried_at, rate_of
from compmodel.measurement import KPI_FORMS
from compmodel.metrics import METRICS
from compmodel.money import Array, Cents, exact, exact_array
from compmodel.payout import payout_cents
from compmodel.people import new_months, periods_since, rows_before
from compmodel.periods import Period
from compmodel.plan import Plan
from compmodel.pools import pool_shares
from compmodel.settlement import MONEY, WITH_BALANCE, Draw, Guarantee, Holdback, Minimum
from compmodel.style import count_words
from compmodel.year_to_date import before_in_year, incentive_to_date, less_before, refuse_new_roles

COLUMNS = ["payee_id", "period", "level", "unit_id", "opening_arr", "component", "team", "currency", "weight"]
COLUMNS += ["target_incentive", "proration", "numerator", "denominator", "value", "target", "attainment", "factor"]
COLUMNS += ["gross", "adjustment", "adjustment_reason", "payout", "cost", "balance", "note"]
UNPAID = ", so nothing is paid"
Positions = npt.NDArray[np.intp]


class Results(NamedTuple):
    """What was measured of rows of people: arrays of rows x components.

    `value` is NaN where nothing was; `exactly(rows)` gives the exact values of some rows; `described` holds a frame a
    component of rows with level, unit_id, opening_arr, numerator and denominator. `attainment` is of cases that begin
    with it; `target` and `paid_before` (of the year) of those that name their own (NaN where they do not).
    """

    value: npt.NDArray[np.float64]
    exactly: Callable[[Positions], Array]
    described: Sequence[pd.DataFrame]
    attainment: npt.NDArray[np.float64] | None = None
    target: npt.NDArray[np.float64] | None = None
    paid_before: npt.NDArray[np.float64] | None = None


def payouts(
    plan: Plan,
    people: pd.DataFrame,
    results: Results,
    periods: tuple[Period, ...],
    rates: pd.DataFrame,
    recovered: Callable[[Cents], Mapping[int, Cents]] | None = None,
) -> pd.DataFrame:
    """Returns the pay of people on the plan, of `payee_periods`, all with a target incentive.

    Grain: one row a payee, period and component that the payee's role has, in the order of people, then components,
    then one for each of the plan's adjustments that changed the pay (see `Replay.payouts`). `recovered` gives what
    clawbacks take back in whole cents, by their positions in the plan's adjustments, from what components paid.
    """
    components, by_name = plan.components, {period.name: period for period in periods}
    known = known_of(plan, people, results, by_name, rates)
    floats = earned(components, known, plan.conditions)
    has_component = ~known.is_absent
    is_paid = has_component & (people[["on_last_day"]].to_numpy() | (not plan.pay.on_last_day))

    def exactly_earned(rows: Positions) -> Earned:
        at = known.rows(rows)._replace(value=_exact_values(results, rows, known))
        return earned(components, at, plan.conditions)

    every = np.arange(len(people))
    to_date = [i for i, component in enumerate(components) if component.to_date]
    so_far = None
    if to_date:
        before, carried = before_in_year(people, by_name, rates)
        refuse_new_roles(plan, people, known, before)
        so_far = less_before(exactly_earned(every).pay, to_date, known, results.paid_before, before, carried, plan.pay)

    def exactly(some: Positions) -> Array:
        pay = exactly_earned(some).pay if so_far is None else so_far[some]
        pay[~is_paid[some]] = Fraction(0)
        return pay

    released = [rule.condition for rule in plan.adjustments if isinstance(rule, Holdback) and rule.condition]
    doubt = np.flatnonzero(doubtful_rows(components, known, floats, [*plan.conditions, *released]))
    if len(doubt):
        for array, certain in zip(floats, exactly_earned(doubt), strict=True):
            array[doubt] = certain.astype(array.dtype)
    pay = np.where(is_paid, floats.pay if so_far is None else so_far.astype(float), 0.0)
    cents = payout_cents(pay, exactly, plan.pay)
    facts = _facts(plan, people, known, floats, periods, rates, cents, np.asarray(is_paid.any(axis=1)))
    facts = facts if recovered is None else replace(facts, recovered=recovered)
    found = settled(cents.sum(axis=1), plan.adjustments, facts)
    _refuse_unsaid(plan, people, facts, [of.balance for of in found])
    added = [of.added for of in found]
    amounts, cost = np.column_stack([cents, *added]) / 100, None
    if plan.pay.rounding == "none":  # then nothing is settled
        zeros = np.zeros((len(people), len(added)))
        amounts, cost = np.column_stack([pay, zeros]), np.column_stack([_cost(pay, exactly, people, rates), zeros])
    cost = _cost(amounts, lambda some: exact_array(amounts[some]), people, rates) if cost is None else cost
    rows = _component_rows(plan, people, results, known, floats, pay)
    rows = [*rows, *(_settled_rows(plan, people, i, of.balance) for i, of in enumerate(found))]
    kept = np.column_stack([has_component, *((of.added != 0) | (of.balance != 0) for of in found)]).ravel()
    order = np.arange(amounts.size).reshape(amounts.shape[::-1]).T.ravel()[kept]
    paid = pd.concat(rows, ignore_index=True).take(order).reset_index(drop=True)
    return paid.assign(payout=amounts.ravel()[kept], cost=cost.ravel()[kept])[COLUMNS]


def _has(component: Component, people: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if not component.roles:
        return np.ones(len(people), dtype=bool)
    return people["role"].isin(component.roles).to_numpy()


def known_of(
    plan: Plan, people: pd.DataFrame, results: Results, periods: dict[str, Period], rates: pd.DataFrame
) -> Known:
    """Returns what earnings of people are worked out from; periods by name, rates at which pay is converted."""
    components, names = plan.components, people["period"]
    position = names.map({name: n for n, name in enumerate(periods)}).to_numpy(dtype=np.intp)
    each = list(periods.values())
    months = [np.array([c.months(period) for period in each])[position] for c in components]
    n_months = np.column_stack(months).astype(np.int64).reshape(len(people), len(components))
    targets = [c.target.of(people, periods, n_months[:, i], c.at_rest) for i, c in enumerate(components)]
    target = np.column_stack(targets) if len(people) else np.zeros((0, len(components)))
    if results.target is not None:
        target = np.where(np.isnan(results.target), target, results.target)
    numbers = {name: people[name].to_numpy(dtype=float)[:, None] for name in ("cent_days", "days_on_plan", "n_days")}
    per_year = np.array([12.0 // period.months for period in each])[position][:, None]
    is_empty = np.isnan(results.value) if results.attainment is None else np.isnan(results.attainment)
    rate = rate_of(rates, names, people["currency"])[:, None]
    of = results.value if results.attainment is None else results.attainment
    opening = [rows["opening_arr"].fillna(0).to_numpy(dtype=float) for rows in results.described]
    has_target = (target > 0) | (results.attainment is not None)
    takes = (has_target & ~is_empty).T & (people["on_last_day"].to_numpy() | (not plan.pay.on_last_day))
    pools = [
        pool_shares(component, people, _has(component, people) & takes[i], of[:, i], opening[i], plan.pay)
        for i, component in enumerate(components)
    ]
    to_date = np.zeros((len(people), 1))
    if any(component.to_date == "elapsed" for component in components):
        to_date = incentive_to_date(people, numbers, per_year, *before_in_year(people, periods, rates))
    return Known(
        value=np.where(np.isnan(results.value), 0.0, results.value),
        is_empty=is_empty,
        target=target,
        months=n_months,
        opening=np.column_stack(opening),
        pool_share=np.column_stack(pools),
        cent_days=numbers["cent_days"],
        days_on_plan=numbers["days_on_plan"],
        n_days=numbers["n_days"],
        per_year=per_year,
        incentive_to_date=to_date,
        rate=rate,
        is_absent=~np.column_stack([_has(component, people) for component in components]),
        attainment=None if results.attainment is None else np.where(is_empty, 0.0, results.attainment),
    )


def _exact_values(results: Results, rows: Positions, known: Known) -> Array:
    return exact_array(known.value[rows]) if results.attainment is not None else results.exactly(rows)


def _facts(
    plan: Plan,
    people: pd.DataFrame,
    known: Known,
    found: Earned,
    periods: tuple[Period, ...],
    rates: pd.DataFrame,
    cents: Cents,
    is_paid: npt.NDArray[np.bool_],
) -> Facts:
    order = {period.name: n for n, period in enumerate(periods)}
    lasts = [period.ends_on == period.opening("").ends_on for period in periods]
    position = np.asarray(people["period"].map(order), dtype=np.intp)
    each, years = [periods[n] for n in position.tolist()], [period.opening("").name for period in periods]
    day = plan.pay.month_day
    guarantees = {r.months for r in plan.adjustments if isinstance(r, Guarantee) and r.months}
    months = {n: new_months(people, each, day, n) for n in guarantees}
    shares = {n: [Fraction(new, abs(held)) for new, held in of] for n, of in months.items()}
    has_money, has_draw = (any(isinstance(rule, kind) for rule in plan.adjustments) for kind in (MONEY, Draw))
    money = np.arange(len(people) if has_money else 0)
    exact_known = known.rows(money)
    proration = exact_known.proration[:, 0].tolist()
    parts = {
        n: [
            Fraction(new, p.months) if held > 0 else new * part
            for (new, held), p, part in zip(of, each, proration, strict=True)
        ]
        for n, of in months.items()
    }
    incentive = exact_known.incentive[:, 0]
    bases = earned(plan.components, exact_known).base
    bases[exact_known.is_absent] = Fraction(0)
    payee = pd.factorize(people["payee_id"], sort=True)[0]
    before = rows_before(payee, position)
    return Facts(
        payee=payee,
        period=position,
        year=pd.factorize(np.array(years, dtype=object))[0][position],
        is_years_last=np.array(lasts)[position] if len(position) else np.zeros(0, dtype=bool),
        base=[100 * sum(of, Fraction(0)) for of in bases],
        incentive=[100 * of for of in incentive],
        names=[component.name for component in plan.components],
        results={
            "value": found.value,
            "attainment": found.attainment,
            "factor": found.factor,
            "is_empty": known.has_no_result,
            "is_absent": known.is_absent,
        },
        new_share=shares,
        new_part=parts,
        n_before=periods_since(people, each, plan.pay.proration, day) if has_draw else [],
        is_paid=is_paid,
        cost_rate=[exact(rate) for rate in known.rate[:, 0]] if has_money else [],
        component_cents=cents,
        part=proration,
        leaves=people["leaves"].to_numpy(dtype=bool),
        carried=carried_at(rates, people["period"], people["currency"], before) if has_money else [],
        step=plan.pay.step_cents,
    )


def _refuse_unsaid(plan: Plan, people: pd.DataFrame, facts: Facts, balances: Sequence[Cents]) -> None:
    """Raises PlanError where somebody leaves with pay held back or carried over, and the plan says nothing of it."""
    for i, (rule, balance) in enumerate(zip(plan.adjustments, balances, strict=True)):
        rows = np.flatnonzero(facts.leaves & (balance > 0))
        if isinstance(rule, Holdback | Minimum) and len(rows):
            who = count_words(len(rows), "person", "people")
            when = people["period"].iloc[rows[0]]
            what = f"must say what becomes of pay still due when people leave the plan, as {who} did, first in {when}"
            raise PlanError(
                [Problem(f"plan {plan.name}", what, "Write pay or forfeit.", f"adjustments[{i}].on_leaving")]
            )


def _component_rows(
    plan: Plan, people: pd.DataFrame, results: Results, known: Known, found: Earned, pay: Array
) -> list[pd.DataFrame]:
    """What stands in each component's rows, pay in cents apart; a frame a component, in the order of people."""
    frames, is_away = [], ~people["on_last_day"].to_numpy() & plan.pay.on_last_day
    for i, (component, described) in enumerate(zip(plan.components, results.described, strict=True)):
        is_empty = known.is_empty[:, i]
        said = np.full(len(people), _nothing(component), dtype=object)
        for level in LEVELS[1:]:
            in_none = ((described["level"] == level) & described["unit_id"].isna()).to_numpy()
            said = np.where(in_none, f"in no {level}{UNPAID}", said)
        has_target = (known.target[:, i] > 0) | (known.attainment is not None)
        note = np.where(is_empty, said, np.where(has_target, "", f"no target{UNPAID}"))
        note = np.where(pay[:, i] == 0, note, [str(of).removesuffix(UNPAID) for of in note])  # a floor may pay it
        note = np.where(is_away, f"not on the plan on the period's last day{UNPAID}", note)
        reasons = np.array([*_reasons(component, plan), ""], dtype=object)
        why = np.where(found.changed_by[:, i] == PLAN, len(reasons) - 2, found.changed_by[:, i])
        if component.to_date:
            why = np.where((why < 0) & ~is_away, len(reasons) - 3, why)
        gross = found.gross[:, i]
        frames.append(
            described.reset_index(drop=True).assign(
                **_of_people(people),
                component=component.name,
                weight=component.weight,
                target_incentive=known.target_incentive[:, 0],
                proration=known.proration[:, 0],
                value=np.where(is_empty, np.nan, found.value[:, i]),
                target=known.target[:, i],
                attainment=np.where(is_empty | ~has_target, np.nan, found.attainment[:, i]),
                factor=found.factor[:, i],
                gross=gross,
                adjustment=np.where(pay[:, i] == gross, 0.0, pay[:, i] - gross),
                adjustment_reason=np.where(pay[:, i] == gross, "", reasons[why]),
                balance=np.nan,
                note=note,
            )
        )
    return frames


def _of_people(people: pd.DataFrame) -> dict[str, Any]:
    return {
        "payee_id": people["payee_id"].array,
        "period": people["period"].array,
        "team": people["team"].to_numpy(dtype=object),
        "currency": people["currency"].to_numpy(dtype=object),
    }


def _settled_rows(plan: Plan, people: pd.DataFrame, position: int, balance: Cents) -> pd.DataFrame:
    """What stands in the rows of one of the plan's adjustments, its amount apart."""
    nothing = dict.fromkeys(
        ("opening_arr", "numerator", "denominator", "value", "target", "attainment", "factor"), np.nan
    )
    rule = plan.adjustments[position]
    return pd.DataFrame(
        {
            **_of_people(people),
            **nothing,
            "level": "individual",
            "unit_id": people["payee_id"].to_numpy(dtype=object),
            "component": plan.adjustment_names[position],
            **dict.fromkeys(("weight", "target_incentive", "proration", "gross", "adjustment"), np.nan),
            "adjustment_reason": adjustment_words(rule, _names(plan)),
            "balance": balance / 100 if isinstance(rule, WITH_BALANCE) else np.nan,
            "note": [balance_words(rule, cents / 100) for cents in balance.tolist()],
        }
    )


def _reasons(component: Component, plan: Plan) -> list[str]:
    """What changed a component's pay, by position; then: paid before, a condition of the plan, not paid at all."""
    before = "Less what was paid of the year before"
    own = [adjustment_words(rule, _names(plan, component.name)) for rule in component.adjustments]
    of_plan = "; ".join(adjustment_words(rule, _names(plan)) for rule in plan.conditions)
    if component.to_date:
        own, of_plan = [f"{words}. {before}" for words in own], f"{of_plan}. {before}"
    return [*own, before, of_plan]


def _names(plan: Plan, own: str = "") -> Names:
    """How sentences name the plan's components; `own` is the one that has the rule."""
    titles, units = ({c.name: getattr(c, of) for c in plan.components} for of in ("title", "unit"))
    currency = "" if plan.pay.currency == "payee" else plan.pay.currency
    return Names(titles, units, own, plan.pay.period, currency)


def _nothing(component: Component) -> str:
    metric = METRICS.get(component.metric)
    nothing = (metric.nothing if metric else KPI_FORMS[component.form][1]) or "nothing measured"
    return f"{nothing} in the period{UNPAID}"


def _cost(
    pay: npt.NDArray[np.float64], exactly: Callable[[Positions], Array], people: pd.DataFrame, rates: pd.DataFrame
) -> npt.NDArray[np.float64]:
    """Pay in the reporting currency, whole cents; each payee's row adds up to its rounded converted total."""
    rate = rate_of(rates, people["period"], people["currency"])[:, None]
    return payout_cents(rate * pay, lambda some: exact_array(rate[some]) * exactly(some)) / 100
