"""What a plan would have paid on a history: credit, measure, attain, pay, one line each.

`replay` runs plans over periods and returns a `Replay` for each: the credits, the measurements and the payouts, every
one a frame whose rows add up by hand. Cents near a tie are settled by the same stage functions on exact fractions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import Baseline, windows
from compmodel.books import BOOK, assignments_by_kind
from compmodel.clawbacks import clawbacks, recovered_cents
from compmodel.codes import same_text
from compmodel.components import KPI, Component
from compmodel.credit_dates import credit_dates
from compmodel.crediting import Moves, credit, kpi_credits, movements, opening_books
from compmodel.errors import CompModelError, PlanError
from compmodel.events import counted, refuse_unknown
from compmodel.exchange import constant_rates, pay_rates
from compmodel.measurement import (
    Ledger,
    Measured,
    PlacedLedger,
    measure,
    measure_kpi,
    placed,
)
from compmodel.metrics import METRICS
from compmodel.misfits import misfits
from compmodel.money import Array, Cents
from compmodel.payouts import Results, payouts
from compmodel.people import payee_periods
from compmodel.periods import Period, period_edges, period_range, quarter, quarter_of
from compmodel.plan import Plan
from compmodel.qualifying import qualified
from compmodel.revaluation import revalued
from compmodel.tables import TABLES, UNASSIGNED, History
from compmodel.values import described_rows, exact_values, values

UNCOUNTED = "nobody's count is in the data"
MOST_LEDGERS = 16
"""Kept at a time; the oldest goes first."""


class Stage(NamedTuple):
    """What pay is worked out from, once people are measured: a plan that measures alike is paid from the same.

    `people` are those on the plan (`payee_periods`), rows of `results`; `rates` those at which pay is converted;
    `recovered` gives what a plan's clawbacks take back from what components paid.
    """

    people: pd.DataFrame
    results: Results
    rates: pd.DataFrame
    recovered: Callable[[Plan, Cents], dict[int, Cents]]


@dataclass(frozen=True)
class Replay:
    """One plan on one history.

    `credits`: a row an event, window, payee, reason and kind; of every `baseline` the plan measures from. `books`: a
    row a payee, account, window, reason and kind, likewise. `measurements`: a row a ratio that a value is made of, by
    component (see `measure`). `payouts`: a row a payee, period and component with target_incentive, proration, weight,
    numerator and denominator (empty where the value is made of several ratios), value, target, attainment, factor,
    gross (unrounded), adjustment and its reason, payout (in `currency`, whole cents unless the plan does not round),
    cost (whole cents of the reporting currency), team, and a note; and a row for each of the plan's adjustments that
    changed the pay or leaves a `balance`: what is then still due to the person, held back or carried over; negative,
    what the person owes of a draw.
    """

    plan: Plan
    history: History
    periods: tuple[Period, ...]
    credits: pd.DataFrame
    books: pd.DataFrame
    measurements: pd.DataFrame
    payouts: pd.DataFrame
    stage: Stage = field(repr=False)


def replay(plans: Sequence[Plan], history: History, periods: str) -> list[Replay]:
    """Returns a replay of each plan over a range of periods such as "2024Q1:2025Q4", of the kind the plans pay by.

    Raises PlanError or DataError when a plan asks for what the history cannot give.
    """
    ledgers = Ledgers(history, periods)
    problems = misfits(plans, history, ledgers.periods)
    if problems:
        raise PlanError(problems)
    return [_replay_one(plan, ledgers) for plan in plans]


def replays(plans: Sequence[Plan], ledgers: Ledgers) -> Iterator[Replay]:
    """Yields a replay of each plan over the ledgers' periods, worked out when it is asked for; raises as `replay`."""
    for plan in plans:
        problems = misfits([plan], ledgers.history, ledgers.periods)
        if problems:
            raise PlanError(problems)
        yield _replay_one(plan, ledgers)


def rates_paid(plan: Plan, history: History, periods: tuple[Period, ...]) -> pd.DataFrame:
    """Returns the rates at which a plan converts pay: one row a period, one column a currency."""
    pay = {plan.pay.currency} - {"payee"}
    currencies = [*history.arr_events["currency"].unique(), *history.payees["currency"].unique(), *pay]
    constant = constant_rates(history.fx_rates, history.settings, currencies)
    return pay_rates(history.fx_rates, history.settings, constant, periods, plan.exchange)


def people_of(
    plan: Plan,
    history: History,
    periods: tuple[Period, ...],
    paid_at: pd.DataFrame,
    payees: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Returns the people of each period, of `payee_periods`, as the plan pays them at these rates."""
    pay, spans = plan.pay, history.payees if payees is None else payees
    return payee_periods(spans, periods, pay.currency, paid_at, pay.proration, pay.month_day)


def due_ledger(run: Replay) -> Ledger:
    """Returns the ledger by due dates of a run, which holds what `due_in_period` is over; it is not kept in the run."""
    span = f"{run.periods[0].name}:{run.periods[-1].name}"
    return Ledgers(run.history, span).of(run.plan, "due_in_period", due=True)


def _replay_one(plan: Plan, ledgers: Ledgers) -> Replay:
    return replay_spans(plan, ledgers, ledgers.history.payees)


DESCRIBED = ["role", "team", "segment", "region"]


def replay_spans(plan: Plan, ledgers: Ledgers, spans: pd.DataFrame) -> Replay:
    """Returns a replay that pays for the days of these spans alone, and measures people over all their time.

    `spans`: the payees table, cut, with a target incentive of 0 where somebody is not on the plan, and `on_other_plan`.
    """
    history, periods = ledgers.history, ledgers.periods
    paid_at = rates_paid(plan, history, periods)
    people = on_plan = people_of(plan, history, periods, paid_at)
    if spans is not history.payees:
        on_plan = people_of(plan, history, periods, paid_at, spans)
        is_on = on_plan["proration"] > 0
        people = people.assign(**{name: on_plan[name].where(is_on, people[name]) for name in DESCRIBED})
    retained = [component for component in plan.components if component.metric in METRICS] or plan.components[:1]
    every = {component.baseline: placed(ledgers.of(plan, component.baseline), people) for component in retained}
    measured = [_measured(component, plan, history, people, ledgers, every) for component in plan.components]
    rows = np.flatnonzero((on_plan["proration"] > 0).to_numpy())
    paying = on_plan.take(rows).reset_index(drop=True)

    def recovered(payer: Plan, cents: Cents) -> dict[int, Cents]:
        found, by_name = {}, [component.name for component in payer.components]
        for position, rule in clawbacks(payer.adjustments):
            i = by_name.index(rule.component)
            component, of = payer.components[i], (history.arr_events, paid_at, payer.pay.step_cents)
            credits = every[component.baseline].ledger.credits
            found[position] = recovered_cents(rule, component, cents[:, i], paying, credits, *of)
        return found

    stage = Stage(paying, _results(people, rows, measured), paid_at, recovered)
    names = [component.name for component in plan.components]
    return Replay(
        plan,
        history,
        periods,
        _stacked([found.ledger.credits for found in every.values()]),
        _stacked([found.ledger.books for found in every.values()]),
        _stacked([rows.assign(component=name) for name, rows in zip(names, measured, strict=True)]),
        _paid(plan, history, periods, stage),
        stage,
    )


def _paid(plan: Plan, history: History, periods: tuple[Period, ...], stage: Stage) -> pd.DataFrame:
    paid = payouts(plan, stage.people, stage.results, periods, stage.rates, lambda cents: stage.recovered(plan, cents))
    return _with_uncounted(paid, plan, history, periods)


MEASURING = {"metric", "form", "qualifies", "level", "baseline", "combined", "unit_figure"}
"""Fields of a component that say what is measured; all others say how it is paid."""


def measures_alike(one: Plan, other: Plan) -> bool:
    """Tells whether two plans measure the same people by the same components, so that they differ in pay alone.

    >>> from compmodel.plan import example_plan
    >>> plan = example_plan()
    >>> measures_alike(plan, plan.replace({"components.nrr.target": 1.10}))
    True
    >>> measures_alike(plan, plan.replace({"components.nrr.level": "team"}))
    False
    """
    return _measuring(one) == _measuring(other)


def _measuring(plan: Plan) -> tuple[object, ...]:
    pay = plan.pay
    whole = (plan.credit_on, plan.books, plan.events, plan.exchange, pay.currency, pay.period)
    parts = [tuple(getattr(component, name) for name in sorted(MEASURING)) for component in plan.components]
    return (*whole, pay.proration, pay.month_day, *parts)


def repaid(run: Replay, plan: Plan) -> Replay:
    """Returns a replay of a plan that measures as the run's does, without crediting and measuring again.

    Raises CompModelError when the plan measures otherwise, PlanError when it asks for what the history cannot give.
    """
    if not measures_alike(run.plan, plan):
        raise CompModelError(f"{plan.title} measures otherwise than {run.plan.title}. Run replay() for it.")
    problems = misfits([plan], run.history, run.periods)
    if problems:
        raise PlanError(problems)
    return replace(run, plan=plan, payouts=_paid(plan, run.history, run.periods, run.stage))


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


class Ledgers:
    """The ledgers of a history over a range of periods; plans and components of the same rules share one."""

    def __init__(self, history: History, periods: str):
        """Raises CompModelError when the periods are none, DataError when a rate is missing."""
        self.history, self.periods = history, period_range(periods, history.settings.calendar)
        rates = constant_rates(history.fx_rates, history.settings, history.arr_events["currency"].unique())
        self._moved = movements(history.arr_events, rates)
        self._found: dict[tuple[str, ...], Ledger] = {}

    def of(self, plan: Plan, baseline: Baseline, due: bool = False) -> Ledger:
        """Returns the ledger of a plan's rules from a baseline, by due dates where asked."""
        rule = plan.credit_on.by_due_date() if due else plan.credit_on
        key = (baseline, *(model.model_dump_json() for model in (rule, plan.books, plan.events)), plan.exchange.arr)
        if key not in self._found:
            history, events = self.history, counted(self._moved, plan.events)
            over = windows(baseline, self.periods)
            moved = events.join(credit_dates(events, rule, history.settings.calendar))
            refuse_unknown(moved, over.starts_on.min(), over.ends_on.max())
            first = quarter(quarter_of(over.starts_on[:1], history.settings.calendar)[0], history.settings.calendar)
            ends = quarter(
                quarter_of(over.period_ends_on[-1:], history.settings.calendar)[0], history.settings.calendar
            )
            moved = revalued(moved, history.fx_rates, history.settings, plan.exchange, first, ends)
            if len(self._found) >= MOST_LEDGERS:
                del self._found[next(iter(self._found))]
            self._found[key] = _credited(plan, history, moved, baseline, self.periods)
        return self._found[key]


def _credited(
    plan: Plan, history: History, moved: pd.DataFrame, baseline: Baseline, periods: tuple[Period, ...]
) -> Ledger:
    """Credits and opening books, those of the books first, then what is credited beside them."""
    credits: list[pd.DataFrame] = []
    books: list[pd.DataFrame] = []
    moves = Moves(moved, windows(baseline, periods))
    for kind, assignments in assignments_by_kind(history.assignments, history.accounts, history.payees, plan.books):
        spans = moves.spans(assignments)
        mine = credit(moves, spans, plan.books)
        opening = opening_books(moves, spans, plan.books, mine)
        for found, rows in ((credits, mine), (books, opening)):
            kept = rows if kind == BOOK else rows[rows["payee_id"] != UNASSIGNED]
            found.append(kept.assign(kind=same_text(kind, len(kept)), baseline=same_text(baseline, len(kept))))
    return Ledger(_stacked(credits), _stacked(books))


def _measured(
    component: Component,
    plan: Plan,
    history: History,
    people: pd.DataFrame,
    ledgers: Ledgers,
    placed_from: dict[Baseline, PlacedLedger],
) -> pd.DataFrame:
    """The ratios of one component for each row of people."""
    levels = component.level.shares(people["role"])
    over = windows(component.baseline, ledgers.periods)
    if component.metric in METRICS:
        due = None
        if component.baseline == "due_in_period":
            due = placed(ledgers.of(plan, component.baseline, due=True), people)
        combined = component.combined or "sums"
        how = Measured(component.metric, levels, combined, component.unit_figure, plan.events.reactivation)
        mine = qualified(placed_from[component.baseline], component.qualifies, history.arr_events)
        return measure(mine, people, history.accounts, over, how, due)
    counts = kpi_credits(history.kpis, history.assignments, component.metric.removeprefix(KPI), over)
    is_lead = people["role"].isin(component.level.roles_never_alone)
    return measure_kpi(counts, people, levels, is_lead, component.form)


def _with_uncounted(paid: pd.DataFrame, plan: Plan, history: History, periods: tuple[Period, ...]) -> pd.DataFrame:
    """The payouts, with a note where a KPI has no count of anybody in a period: an export may be missing."""
    note, kpis = paid["note"].copy(), history.kpis
    edges = period_edges(periods).astype("datetime64[s]")
    for component in plan.components:
        if component.metric in METRICS:
            continue
        on = kpis["on"].to_numpy()[(kpis["kpi"] == component.metric.removeprefix(KPI)).to_numpy()]
        counted = set(np.searchsorted(edges, on, "right").tolist())
        empty = [period.name for i, period in enumerate(periods, start=1) if i not in counted]
        if not empty:
            continue
        note[(note == "") & (paid["component"] == component.name) & paid["period"].isin(empty)] = UNCOUNTED
    return paid.assign(note=note)


def _results(people: pd.DataFrame, rows: npt.NDArray[np.intp], measured: Sequence[pd.DataFrame]) -> Results:
    """What was measured of some rows of people, from each component's ratios."""

    def exactly(some: npt.NDArray[np.intp]) -> Array:
        return np.column_stack([exact_values(ratios, rows[some]) for ratios in measured])

    return Results(
        np.column_stack([values(ratios, len(people))[rows] for ratios in measured]),
        exactly,
        [described_rows(ratios, len(people)).take(rows).reset_index(drop=True) for ratios in measured],
    )


def run_record(replays: Sequence[Replay]) -> pd.DataFrame:
    """Returns what a run was made of: plans, tables and settings with their sizes and hashes.

    Grain: one row a plan, table or setting. Columns: kind, name, rows, sha256 (first 16 digits).
    """
    history, periods = replays[0].history, replays[0].periods
    records = [("plan", run.plan.name, len(run.plan.components), run.plan.model_dump_json()) for run in replays]
    for name in TABLES:
        table: pd.DataFrame = getattr(history, name)
        records.append(("table", name, len(table), table.to_csv(index=False, lineterminator="\n")))
    records.append(("settings", history.settings.title, 1, history.settings.model_dump_json()))
    records.append(("periods", f"{periods[0].name}:{periods[-1].name}", len(periods), ""))
    records.append(("package", f"compmodel {version('compmodel')}", 1, ""))
    rows = [
        (kind, name, n, hashlib.sha256(text.encode()).hexdigest()[:16] if text else "")
        for kind, name, n, text in records
    ]
    return pd.DataFrame(rows, columns=["kind", "name", "rows", "sha256"])
