"""What a plan would have paid on a history: credit, measure, attain, pay, one line each.

`replay` runs plans over periods and returns a `Replay` for each: the credits, the measurements and the payouts, every
one a frame whose rows add up by hand. Cents near a tie are settled by the same stage functions on exact fractions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.attainment import attain, payee_periods
from compmodel.books import BOOK, BookRule, assignments_by_kind
from compmodel.credit_dates import CreditRule, credit_dates
from compmodel.crediting import credit, kpi_credits, movements, opening_books
from compmodel.curves import payout_factor
from compmodel.errors import Hints, PlanError, Problem, nearest
from compmodel.exchange import constant_rates, missing_rates
from compmodel.metrics import KPI_FORMS, METRICS, measure, measure_kpi
from compmodel.money import Array, Cents, exact_array
from compmodel.payout import gross_pay, payout_cents
from compmodel.periods import Period, period_edges, period_range
from compmodel.plan import KPI, Component, Plan
from compmodel.tables import TABLES, UNASSIGNED, History
from compmodel.validation import split_totals

NOT_HUNDREDTHS = frozenset(
    ("BHD", "CLP", "ISK", "JOD", "JPY", "KRW", "KWD", "OMR", "PYG", "TND", "UGX", "VND", "XAF", "XOF")
)
"""The commoner currencies whose minor unit is none or a thousandth (ISO 4217)."""
UNCOUNTED = "nobody's count is in the data"
CENTS_A_YEAR = 400
"""A quarter's amount in currency is the yearly one in cents over this."""


@dataclass(frozen=True)
class Replay:
    """One plan on one history.

    `credits`: a row an event, payee, reason and kind. `books`: a row a payee, account, period, reason and kind.
    `payouts`: a row a payee, period and component with target_incentive, proration, weight, numerator, denominator,
    value, target, attainment, factor, gross (unrounded), payout (whole cents, in `currency`), cost (in the reporting
    currency), team, and a note.
    """

    plan: Plan
    history: History
    periods: tuple[Period, ...]
    credits: pd.DataFrame
    books: pd.DataFrame
    payouts: pd.DataFrame


def replay(plans: Sequence[Plan], history: History, periods: str) -> list[Replay]:
    """Returns a replay of each plan over a range of quarters such as "2024Q1:2025Q4".

    Raises PlanError or DataError when a plan asks for what the history cannot give.
    """
    span = period_range(periods, history.settings.calendar)
    if span[0].letter != "Q":
        fix = "Write quarters, such as 2024Q1:2025Q4."
        raise PlanError([Problem("periods", "must be quarters, which is how the plans pay", fix, value=periods)])
    problems = [*_unknown_names(plans, history), *_outside(span, history), *_minor_units(plans, history)]
    problems += [*_unknown_in_books(plans, history), *_overfull(plans, history)]
    problems += _unconvertible(plans, history)
    if problems:
        raise PlanError(problems)
    pay = {plan.pay.currency for plan in plans} - {"payee"}
    currencies = [*history.arr_events["currency"].unique(), *history.payees["currency"].unique(), *pay]
    rates = constant_rates(history.fx_rates, history.settings, currencies)
    moved = movements(history.arr_events, rates)
    ledgers: dict[tuple[CreditRule, BookRule], tuple[pd.DataFrame, pd.DataFrame]] = {}  # plans often share both rules
    for plan in plans:
        rules = plan.credit_on, plan.books
        if rules not in ledgers:
            ledgers[rules] = _credited(plan, history, moved, span)
    return [_replay_one(plan, history, span, *ledgers[plan.credit_on, plan.books], rates) for plan in plans]


def _replay_one(
    plan: Plan,
    history: History,
    periods: tuple[Period, ...],
    credits: pd.DataFrame,
    books: pd.DataFrame,
    rates: dict[str, float],
) -> Replay:
    people = payee_periods(history.payees, periods, plan.pay.currency, rates)
    measured = [_measured(component, history, credits, books, people, periods) for component in plan.components]
    paid = payouts(plan, people, measured, rates)
    return Replay(plan, history, periods, credits, books, _with_uncounted(paid, plan, history, periods))


def _credited(
    plan: Plan, history: History, events: pd.DataFrame, periods: tuple[Period, ...]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Credits and opening books, those of the books first, then what is credited beside them."""
    moved = events.join(credit_dates(events, plan.credit_on, history.settings.calendar))
    credits: list[pd.DataFrame] = []
    books: list[pd.DataFrame] = []
    kinds = assignments_by_kind(history.assignments, history.accounts, history.payees, plan.books)
    for kind, assignments in kinds:
        mine = credit(moved, assignments, periods, plan.books)
        opening = opening_books(moved, assignments, periods, plan.books, mine)
        for found, rows in ((credits, mine), (books, opening)):
            kept = rows if kind == BOOK else rows[rows["payee_id"] != UNASSIGNED]
            found.append(kept.assign(kind=kind))
    if len(kinds) == 1:
        return credits[0], books[0]
    return pd.concat(credits, ignore_index=True), pd.concat(books, ignore_index=True)


def _measured(
    component: Component,
    history: History,
    credits: pd.DataFrame,
    books: pd.DataFrame,
    people: pd.DataFrame,
    periods: tuple[Period, ...],
) -> pd.DataFrame:
    """Measurements of one component, a row a row of people."""
    rule = component.level
    level = people["role"].map(lambda role: rule.by_role.get(role, rule.default))
    if component.metric in METRICS:
        return measure(books, credits, people, component.metric, level)
    counts = kpi_credits(history.kpis, history.assignments, component.metric.removeprefix(KPI), periods)
    is_lead = people["role"].map(lambda role: rule.by_role.get(role) == "team").astype(bool)
    return measure_kpi(counts, people, level, is_lead, component.form)


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


def payouts(
    plan: Plan, people: pd.DataFrame, measured: Sequence[pd.DataFrame], rates: dict[str, float]
) -> pd.DataFrame:
    """Returns the pay of each person on the plan in a period.

    Grain: one row a payee, period and component (see `Replay.payouts`), in the order of people, then components.
    """
    on_plan = (people["proration"] > 0).to_numpy()
    people = people[on_plan].reset_index(drop=True)
    measured = [rows[on_plan].reset_index(drop=True) for rows in measured]
    n = len(plan.components)
    numbers = {name: np.column_stack([rows[name] for rows in measured]) for name in ("numerator", "denominator")}
    numbers["target"] = np.column_stack([component.target.of(people["segment"]) for component in plan.components])
    for name in ("cent_days", "days_on_plan", "n_days"):
        numbers[name] = np.repeat(people[[name]].to_numpy(dtype=float), n, axis=1)
    floats = _paid(plan, numbers)

    def exactly(rows: npt.NDArray[np.intp]) -> Array:
        some = {name: exact_array(values[rows]) for name, values in numbers.items()}
        return _paid(plan, some)["gross"]

    cents = payout_cents(floats["gross"], exactly)
    order = np.arange(len(people) * n).reshape(n, len(people)).T.ravel()
    stacked = pd.concat(measured, ignore_index=True).iloc[order].reset_index(drop=True)
    names = np.tile([component.name for component in plan.components], len(people))
    empty = numbers["denominator"].ravel() <= 0
    paid = stacked.drop(columns=["numerator", "denominator", "value"]).assign(
        component=names,
        team=np.repeat(people["team"].to_numpy(dtype=object), n),
        currency=np.repeat(people["currency"].to_numpy(dtype=object), n),
        weight=np.tile([component.weight for component in plan.components], len(people)),
        target_incentive=floats["target_incentive"].ravel(),
        proration=floats["proration"].ravel(),
        numerator=numbers["numerator"].ravel(),
        denominator=numbers["denominator"].ravel(),
        value=np.where(empty, np.nan, floats["value"].ravel()),
        target=numbers["target"].ravel(),
        attainment=np.where(empty, np.nan, floats["attainment"].ravel()),
        factor=floats["factor"].ravel(),
        gross=floats["gross"].ravel(),
        payout=cents.ravel() / 100,
        cost=_converted(cents, people["currency"], rates).ravel() / 100,
    )
    in_no_team = ((paid["level"] == "team") & paid["unit_id"].isna()).to_numpy()
    said = np.where(in_no_team, "in no team, so nothing is paid", _nothing(plan, len(people)))
    return paid.assign(note=np.where(empty, said, ""))


def _converted(cents: Cents, currency: pd.Series, rates: dict[str, float]) -> Cents:
    """Payouts in whole cents of the reporting currency; each payee's row adds up to its rounded converted total."""
    rate = currency.map(rates).to_numpy(dtype=float)[:, None]

    def exactly(rows: npt.NDArray[np.intp]) -> Array:
        return exact_array(rate[rows]) * exact_array(cents[rows] / 100)

    return payout_cents(rate * cents / 100, exactly)


def _paid(plan: Plan, numbers: dict[str, Array]) -> dict[str, Array]:
    """Value, attainment, factor and unrounded pay: payee-periods x components, floats or exact fractions."""
    is_empty = numbers["denominator"] <= 0
    value = numbers["numerator"] / np.where(is_empty, 1, numbers["denominator"])
    attainment, factor = np.empty_like(value), np.empty_like(value)
    weight = np.array([component.weight for component in plan.components])
    for i, component in enumerate(plan.components):
        attainment[:, i] = attain(value[:, i], numbers["target"][:, i], component.attainment)
        factor[:, i] = payout_factor(attainment[:, i], component.curve)
    factor = np.where(is_empty, 0 * factor, factor)
    weights = exact_array(weight) if value.dtype == object else weight
    target_incentive = numbers["cent_days"] / (numbers["days_on_plan"] * CENTS_A_YEAR)
    proration = numbers["days_on_plan"] / numbers["n_days"]
    return {
        "value": value,
        "attainment": attainment,
        "factor": factor,
        "target_incentive": target_incentive,
        "proration": proration,
        "gross": gross_pay(target_incentive, proration, weights, factor),
    }


def _nothing(plan: Plan, n_people: int) -> npt.NDArray[np.str_]:
    said = [METRICS[c.metric].nothing if c.metric in METRICS else KPI_FORMS[c.form][1] for c in plan.components]
    return np.tile([f"{reason} in the period, so nothing is paid" for reason in said], n_people)


def _unknown_names(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """KPIs that nobody counted, and segments and roles that nearly are ones of the history."""
    counted = sorted(history.kpis["kpi"].unique())
    for plan in plans:
        for component in plan.components:
            place, path = f"plan {plan.name}", f"components.{component.name}"
            kpi = component.metric.removeprefix(KPI)
            if component.metric not in METRICS and kpi not in counted:
                fix = nearest(kpi, counted) if counted else "Add a kpis table."
                rule = "is not counted in the history's kpis table"
                yield Problem(place, rule, fix, f"{path}.metric", value=component.metric)
            for where, written, known in (
                ("target.by_segment", component.target.by_segment, history.payees["segment"].dropna().unique()),
                ("level.by_role", component.level.by_role, history.payees["role"].unique()),
            ):
                for name in sorted(set(written) - set(known)):
                    close = get_close_matches(name, sorted(set(known) - set(written)), n=1, cutoff=0.75)
                    if close:  # a name that is simply absent is no mistake
                        rule = f"is no {where.rpartition('_')[2]} of the history"
                        yield Problem(place, rule, f"Did you mean {close[0]!r}?", f"{path}.{where}", value=name)


def _outside(periods: tuple[Period, ...], history: History) -> Iterator[Problem]:
    """Periods that begin before the first day of the data or end after the last, where the history declares them."""
    first = history.settings.data_starts_on
    if first is not None and periods[0].starts_on < first:
        rule = f"begins before the first day of the data, {first:%Y-%m-%d}, so its pay is not known"
        yield Problem("periods", rule, "Begin the range later, or correct data_starts_on.", value=periods[0].name)
    last = history.settings.data_ends_on
    if last is not None and periods[-1].ends_on > last:
        rule = f"is not over on the last day of the data, {last:%Y-%m-%d}, so its pay is not known"
        yield Problem("periods", rule, "End the range earlier, or correct data_ends_on.", value=periods[-1].name)


def _unknown_in_books(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """What a book rule names and the history does not know: the rule would silently do nothing."""
    accounts = history.accounts
    for plan in plans:
        named = [("exclude", rule.account_id, accounts["account_id"]) for rule in plan.books.exclude]
        for overlay in plan.books.overlays:
            named += [("overlays", overlay.role, history.payees["role"])]
            named += [("overlays", getattr(overlay, name), accounts[name]) for name in ("region", "segment")]
        for where, value, column in named:
            known = column.dropna().unique()
            if value is not None and value not in known:
                rule, fix = f"is no {str(column.name).removesuffix('_id')} of the history", Hints(known).of(value)
                yield Problem(f"plan {plan.name}", rule, fix or "Correct or delete it.", f"books.{where}", value=value)


def _overfull(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """Plans by which the books hold more than the whole of an account."""
    for plan in plans:
        (_, books), *_ = assignments_by_kind(history.assignments, history.accounts, history.payees, plan.books)
        n_roles = books["role"].nunique(dropna=False)
        if n_roles < 2 or not books.drop_duplicates(["account_id", "role"])["account_id"].duplicated().any():
            continue  # one role alone was checked with the data
        total = split_totals(books, ["account_id"])
        over = books.loc[total.index[total > 1 + 1e-9]]
        if len(over):
            first, n = over.iloc[0], over["account_id"].nunique()
            where = f"such as {first['account_id']!r} on {first['starts_on']:%Y-%m-%d}"
            rule = f"credits more than the whole of {n} account{'s' * (n != 1)}, {where}"
            roles = ", ".join(sorted(set(over["role"].dropna()))[1:]) or "ROLE"
            fix = f"Write books: {{double_credit: [{roles}]}} to credit a role beside the book, or lower a split."
            yield Problem(f"plan {plan.name}", rule, fix, "books.double_credit")


def _unconvertible(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """Currencies of pay for which the history has no rate; those of its own amounts were checked with the data."""
    settings, known = history.settings, {*history.arr_events["currency"], *history.payees["currency"], "payee"}
    for plan in plans:
        currency, on = plan.pay.currency, settings.exchange.constant_on
        if currency in known | {settings.reporting_currency}:
            continue
        if on is None or missing_rates(history.fx_rates, settings, [currency], on)[1]:
            fix = "Write currency: payee, or add its rate to fx_rates and declare exchange.constant_on."
            yield Problem(f"plan {plan.name}", "has no rate in this history", fix, "pay.currency", value=currency)


def _minor_units(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """Currencies of pay whose smallest unit is not a hundredth."""
    own = set(history.payees["currency"])
    for plan in plans:
        for currency in sorted((own if plan.pay.currency == "payee" else {plan.pay.currency}) & NOT_HUNDREDTHS):
            rule = f"pays in {currency}, whose smallest unit is not a hundredth; such pay cannot be rounded yet"
            yield Problem(f"plan {plan.name}", rule, "Choose another pay.currency.", "pay.currency")


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
