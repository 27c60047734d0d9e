"""Hand-worked cases that Finance can write: a plan, what happened, and what must come out, to the cent.

A case begins at any stage: with tables of events, with measured values, with credited amounts, or with attainments, and
runs through the same stages as a replay.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import Day, Number, parsed_model, read_yaml
from compmodel.errors import CaseError, Problem, nearest
from compmodel.money import Array, exact, exact_array
from compmodel.payout import LETTERS
from compmodel.payouts import Results, payouts
from compmodel.people import LONG_AGO
from compmodel.periods import Calendar, Period, period_range
from compmodel.plan import Plan, load_plan, parsed_plan


class Entry(BaseModel):
    """What is known of a person in a period; what a later row leaves out is as in the person's first of the period."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    payee_id: str = Field(description="Who.")
    period: str = Field(description="When, such as 2025Q3 or 2025M07; of the plan's kind.")
    component: str | None = Field(None, description="Of which component; the plan's only one unless written.")
    value: Number | None = Field(None, description="In measurements: the result; left out, nothing was measured.")
    attainment: Number | None = Field(None, description="In attainments: the attainment.")
    amount: Number | None = Field(None, description="In credited: an amount; a component's amounts are added up.")
    target: Number | None = Field(None, description="A target of its own instead of the plan's.")
    opening_arr: Number | None = Field(None, description="ARR managed when the period opens.")
    target_incentive: Number | None = Field(None, description="Of the period, before proration; 0 unless written.")
    yearly_incentive: Number | None = Field(None, description="Instead: of the year.")
    proration: Number | None = Field(None, gt=0, le=1, description="Share of the period on the plan; 1 unless written.")
    hired_on: Day | None = Field(None, description="First day; long ago unless written.")
    left_on: Day | None = Field(None, description="Last day on the plan; stays unless written.")
    on_last_day: bool | None = Field(None, description="On the plan on the period's last day; true unless written.")
    role: str | None = Field(None, description="Role.")
    team: str | None = Field(None, description="Team.")
    segment: str | None = Field(None, description="Segment.")
    paid_before: Number | None = Field(None, description="Of to_date: what was paid of the year before.")
    recovered: Number | None = Field(None, description="What the plan's clawback takes back.")


STAGES = {"measurements": "value", "credited": "amount", "attainments": "attainment"}
"""The lists a case may begin with, and the column that each needs."""
OF_PERSON = (
    "target_incentive",
    "yearly_incentive",
    "proration",
    "hired_on",
    "left_on",
    "on_last_day",
    "role",
    "team",
    "segment",
)


class Expected(BaseModel):
    """What must come out, or must not: rows with payee_id, period, component if it matters, and the figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    payouts: tuple[dict[str, Any], ...] = Field(
        (), description="Figures as payout_table calls them; without component, the pay of the whole period."
    )
    not_payouts: tuple[dict[str, Any], ...] = Field(
        (), description="Figures that a source prints by its own slip: ours must differ."
    )
    credits: tuple[dict[str, Any], ...] = Field((), description="Of tables of events: rows of the credits.")
    measurements: tuple[dict[str, Any], ...] = Field((), description="Of tables of events: rows of the measurements.")

    @model_validator(mode="after")
    def _expects_something(self) -> Expected:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("expects nothing. Write payouts, for example.")
        return self


class Case(BaseModel):
    """One case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: str = Field(description="What it shows, in a sentence.")
    source: str = Field(description="Where the figures are from, or who worked them out.")
    plan: str | dict[str, Any] = Field(description="A plan file, seen from the case's folder, or the plan itself.")
    changes: dict[str, Any] = Field(
        {}, description="Changes to the plan, by path, such as components.nrr.target: 1.10."
    )
    calendar: Calendar = Field(Calendar(), description="The fiscal calendar; the calendar year unless written.")
    measurements: tuple[Entry, ...] = Field((), description="Begin with measured values.")
    credited: tuple[Entry, ...] = Field((), description="Begin with credited amounts.")
    attainments: tuple[Entry, ...] = Field((), description="Begin with attainments.")
    tables: dict[str, list[dict[str, Any]]] = Field(
        {}, description="Begin with events: tables of a history, row by row."
    )
    settings: dict[str, Any] = Field({}, description="With tables: what mapping.yaml says, such as reporting_currency.")
    periods: str | None = Field(None, description="With tables: the periods, such as 2025Q1:2025Q4.")
    expect: Expected = Field(description="What must come out.")

    @model_validator(mode="after")
    def _begins_once(self) -> Case:
        begun = [name for name in (*STAGES, "tables") if getattr(self, name)]
        if len(begun) != 1:
            found = ", ".join(begun) or "nothing"
            raise ValueError(f"begins with {found}. Write exactly one of {', '.join(STAGES)} and tables.")
        for i, entry in enumerate(getattr(self, begun[0]) if begun[0] in STAGES else ()):
            for name, needed in STAGES.items():
                if name != begun[0] and getattr(entry, needed) is not None:
                    raise ValueError(f"{begun[0]}[{i}] has {needed}, which is of {name}. Write {STAGES[begun[0]]}.")
        if bool(self.tables) != (self.periods is not None):
            raise ValueError("tables and periods belong together. Write both or neither.")
        return self


def load_cases(path: str | Path) -> list[Case]:
    """Returns the cases of a file: one alone, or several under `cases`. Raises CaseError with every problem."""
    place, problems = str(path), list[Problem]()
    written = read_yaml(Path(path), place, problems)
    exactly = read_yaml(Path(path), place, [], exact_numbers=True)
    if problems:
        raise CaseError(problems)
    several = [written]
    if isinstance(written.get("cases"), list):
        several, beside = written["cases"], sorted(set(written) - {"cases"})
        if beside or not several:
            rule, fix = "must hold cases alone, and at least one", "Move what stands beside cases into each of them."
            raise CaseError([Problem(place, rule, fix, value=", ".join(beside))])
    figures = exactly["cases"] if isinstance(exactly.get("cases"), list) else [exactly]
    found = []
    for i, one in enumerate(several):
        if isinstance(one, dict) and "expect" in one:
            one = {**one, "expect": figures[i]["expect"]}
        case = parsed_model(one, Case, place if len(several) == 1 else f"{place}: cases[{i}]", problems)
        if case is not None:
            found.append(case)
    if problems:
        raise CaseError(problems)
    return found


def case_plan(case: Case, folder: Path) -> Plan:
    """Returns the plan of a case. Raises PlanError."""
    named = isinstance(case.plan, str)
    plan = load_plan(folder / str(case.plan)) if named else parsed_plan(case.plan, f"the plan of {case.case!r}")
    return plan.replace(case.changes) if case.changes else plan


def case_payouts(case: Case, plan: Plan) -> pd.DataFrame:
    """Returns what a case pays, of one that does not begin with tables: rows as of `payouts`.

    Raises CaseError when an entry does not fit the plan.
    """
    name = next(name for name in STAGES if getattr(case, name))
    entries: Sequence[Entry] = getattr(case, name)
    periods = _periods(case, plan, entries)
    people = _people(entries, periods, plan.pay.month_day)
    rows = {key: row for row, key in enumerate(zip(people["payee_id"], people["period"], strict=True))}
    n = len(plan.components)
    fields = (STAGES[name], "target", "opening_arr", "paid_before")
    found = {field: np.full((len(people), n), np.nan) for field in fields}
    for entry in entries:
        row, i = rows[entry.payee_id, entry.period], _component(plan, entry, case)
        when = next(n for n, period in enumerate(periods) if period.name == entry.period)
        begun = periods[when].starts_on == periods[when].opening("").starts_on
        begun = begun or any((entry.payee_id, before.name) in rows for before in periods[:when])
        _refuse_unused(entry, plan, i, case, begun)
        for field, array in found.items():
            given = getattr(entry, field)
            if given is not None and field == STAGES[name] != "amount" and not np.isnan(array[row, i]):
                whose = f"{entry.payee_id} {entry.period} {plan.components[i].name}"
                raise CaseError([Problem(case.case, f"has two {name} of one component", "Delete one.", value=whose)])
            if given is not None:
                is_sum = field == "amount" and not np.isnan(array[row, i])
                array[row, i] = float(exact(array[row, i]) + exact(given)) if is_sum else given
    of_stage = found[STAGES[name]]
    described = [
        pd.DataFrame(
            {
                "level": "individual",
                "unit_id": people["payee_id"],
                "opening_arr": found["opening_arr"][:, i],
                "numerator": np.nan,
                "denominator": np.nan,
            }
        )
        for i in range(n)
    ]
    value = np.zeros_like(of_stage) if name == "attainments" else of_stage

    def exactly(some: np.ndarray[Any, Any]) -> Array:
        return exact_array(np.where(np.isnan(value[some]), 0.0, value[some]))

    attained = of_stage if name == "attainments" else None
    results = Results(value, exactly, described, attained, found["target"], found["paid_before"])
    currencies = {plan.pay.currency, "USD"} - {"payee"}
    rates = pd.DataFrame(1.0, index=[period.name for period in periods], columns=sorted(currencies))
    people["currency"] = plan.pay.currency if plan.pay.currency != "payee" else "USD"
    is_clawback = [i for i, rule in enumerate(plan.adjustments) if rule.kind == "clawback"]
    recovered = np.rint(people["recovered"].fillna(0).to_numpy(dtype=float) * 100).astype(np.int64)
    return payouts(plan, people, results, periods, rates, lambda _: dict.fromkeys(is_clawback[:1], recovered))


def _periods(case: Case, plan: Plan, entries: Sequence[Entry]) -> tuple[Period, ...]:
    names = {entry.period for entry in entries}
    periods = sorted((Period(name, case.calendar) for name in names), key=lambda period: period.starts_on)
    wrong = [period.name for period in periods if period.letter != LETTERS[plan.pay.period]]
    if wrong:
        fix = f"Write a {plan.pay.period}, or another pay.period."
        raise CaseError([Problem(case.case, "is no period by which the plan pays", fix, "period", value=wrong[0])])
    return period_range(f"{periods[0].name}:{periods[-1].name}", case.calendar)


def _months_held(period: Period, hired_on: dt.date | None, left_on: dt.date | None, month_day: int) -> int:
    """Months of a period in which somebody is there on a day, as `payee_periods` writes them."""
    first = period.starts_on.year * 12 + period.starts_on.month - 1
    days = [dt.date(month // 12, month % 12 + 1, month_day) for month in range(first, first + period.months)]
    is_held = [(hired_on or dt.date.min) <= day <= (left_on or dt.date.max) for day in days]
    return sum(held << n for n, held in enumerate(is_held))


def _people(entries: Sequence[Entry], periods: tuple[Period, ...], month_day: int) -> pd.DataFrame:
    """One row a person and period, in the order of the entries, as `payee_periods` makes them."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        row = known.setdefault((entry.payee_id, entry.period), {})
        row |= {
            name: getattr(entry, name)
            for name in (*OF_PERSON, "recovered")
            if getattr(entry, name) is not None and name not in row
        }
    by_name = {period.name: period for period in periods}
    rows = []
    for (payee, period), row in known.items():
        share, left_on = row.get("proration", 1.0), row.get("left_on")
        yearly = row.get("yearly_incentive", row.get("target_incentive", 0.0) * (12 // by_name[period].months))
        rows.append(
            {
                "payee_id": payee,
                "period": period,
                **{name: row.get(name) for name in ("role", "team", "segment")},
                "region": None,
                "hired_on": pd.Timestamp(row.get("hired_on", LONG_AGO)),
                "leaves": left_on is not None and left_on <= by_name[period].ends_on,
                "months_held": _months_held(by_name[period], row.get("hired_on"), left_on, month_day),
                "on_last_day": row.get("on_last_day", left_on is None or left_on >= by_name[period].ends_on),
                "cent_days": yearly * 100 * share,
                "days_on_plan": share,
                "n_days": 1.0,
                "proration": share,
                "recovered": row.get("recovered"),
            }
        )
    return pd.DataFrame(rows)


def _refuse_unused(entry: Entry, plan: Plan, i: int, case: Case, begun: bool) -> None:
    """Raises CaseError for what is entered and would not count, or without what it counts with.

    `begun`: the payee has a row before in the case, or none is missing.
    """
    to_date = plan.components[i].to_date
    is_alone = "needs the payee's earlier rows of the year, whose target incentive counts" * (not begun)
    n_clawbacks = sum(rule.kind == "clawback" for rule in plan.adjustments)
    found = {
        "recovered": entry.recovered is not None and n_clawbacks != 1 and "needs a plan with one clawback",
        "paid_before": entry.paid_before is not None
        and ("needs a component to_date" if not to_date else to_date == "elapsed" and is_alone),
        "yearly_incentive": None not in (entry.yearly_incentive, entry.target_incentive)
        and "stands beside target_incentive",
    }
    fixes = {is_alone: "Write them."}
    problems = [
        Problem(case.case, rule, fixes.get(rule, "Delete it."), column=name) for name, rule in found.items() if rule
    ]
    if problems:
        raise CaseError(problems)


def _component(plan: Plan, entry: Entry, case: Case) -> int:
    names = [component.name for component in plan.components]
    if entry.component is None and len(names) == 1:
        return 0
    if entry.component not in names:
        fix = nearest(str(entry.component), names) if entry.component else f"Write one of {', '.join(names)}."
        raise CaseError(
            [Problem(case.case, "must name a component of the plan", fix, "component", value=entry.component or "")]
        )
    return names.index(entry.component)
