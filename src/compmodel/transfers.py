"""Who is on which plan, and what each is paid where people move from one plan to another.

Every plan measures the whole period and pays for the days on it, so a person's shares of the period add up to the time
on any plan. What a plan pays whatever the days would be paid twice, so there a move must wait for the next period.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from compmodel.adjustments import Cap, Floor
from compmodel.clawbacks import clawbacks
from compmodel.components import KPI
from compmodel.errors import PlanError, Problem
from compmodel.misfits import misfits
from compmodel.payouts import COLUMNS
from compmodel.people import FAR_AWAY
from compmodel.periods import Period, period_range
from compmodel.plan import Plan
from compmodel.replay import Ledgers, Replay, people_of, rates_paid, replay, replay_spans
from compmodel.settlement import Draw, Guarantee
from compmodel.still_due import still_due
from compmodel.style import count_words
from compmodel.tables import History

ONE_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class OnPlan:
    """Who is on a plan from when to when, both inclusive; None is no plan. What is left empty is everybody or ever."""

    plan: Plan | None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    payees: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def holds(self, span: Any) -> bool:
        """Tells whether it is of a span of the payees table, which it holds for wholly or not at all."""
        named = ((self.payees, span.payee_id), (self.roles, span.role), (self.teams, span.team))
        if not all(not names or of in names for names, of in named):
            return False
        begun = self.starts_on is None or pd.Timestamp(self.starts_on) <= span.starts_on
        return begun and (self.ends_on is None or span.starts_on <= pd.Timestamp(self.ends_on))


def payouts_by_plan(on_plans: Sequence[OnPlan], history: History, periods: str) -> pd.DataFrame:
    """Returns what everybody is paid by the plan they are on, day by day; of several that hold the first counts.

    Grain: as `Replay.payouts`, by plan, with `plan`, its name; `proration` is the share of the period on that plan.
    Each plan begins with nothing held or owed, and who moves to another leaves it, to come back or not; what is owed of
    a draw stays owed by who comes back. There on a period's last day is who is on any plan then. Raises PlanError where
    somebody with a target incentive is on no plan and not said to be, where a move in mid-period would pay twice, or as
    `replay`.
    """
    plans = {of.plan.name: of.plan for of in on_plans if of.plan is not None}
    _refuse_unlike([of.plan for of in on_plans if of.plan is not None], plans)
    ledgers = Ledgers(history, periods)
    spans = _spans(on_plans, history.payees)
    _refuse_planless(spans, ledgers.periods)
    problems = misfits(list(plans.values()), history, ledgers.periods)
    if problems:
        raise PlanError(problems)
    frames = []
    for name, plan in plans.items():
        is_mine, others = spans["plan"] == name, set(plans) - {name}
        elsewhere = spans["plan"].isin(others) & (spans["target_incentive"] > 0)
        mine = spans.assign(target_incentive=spans["target_incentive"].where(is_mine, 0.0), on_other_plan=elsewhere)
        is_over = (spans["plan"] == NO_PLAN) & spans["ends_on"].isna()
        mine["ends_on"] = mine["ends_on"].mask(is_over, pd.Timestamp(FAR_AWAY))  # on no plan for good: left
        _refuse_paid_twice(plan, mine, history, ledgers.periods)
        run = replay_spans(plan, ledgers, mine.drop(columns="plan"))
        frames.append(run.payouts.assign(plan=name))
    return pd.concat(frames, ignore_index=True)[["plan", *COLUMNS]]


NO_PLAN, UNSAID = "", "?"


def _spans(on_plans: Sequence[OnPlan], payees: pd.DataFrame) -> pd.DataFrame:
    """The spans of the payees table, cut where a plan begins or ends, with the name of the plan."""
    edges = {pd.Timestamp(of.starts_on) for of in on_plans if of.starts_on}
    edges |= {pd.Timestamp(of.ends_on) + ONE_DAY for of in on_plans if of.ends_on}
    rows = []
    for span in payees.to_dict("records"):
        last = span["ends_on"]
        inside = [day for day in sorted(edges) if span["starts_on"] < day and not day > last]
        firsts = [span["starts_on"], *inside]
        for first, following in zip(firsts, [*inside, None], strict=True):
            rows.append({**span, "starts_on": first, "ends_on": last if following is None else following - ONE_DAY})
    found = pd.DataFrame(rows, columns=payees.columns).astype(payees.dtypes.to_dict())
    plans = []
    for one in found.itertuples(index=False):
        held = next((of for of in on_plans if of.holds(one)), None)
        plans.append(UNSAID if held is None else NO_PLAN if held.plan is None else held.plan.name)
    return found.assign(plan=plans)


def _refuse_unlike(every: Sequence[Plan], plans: dict[str, Plan]) -> None:
    """Raises PlanError where shares of a period could not add up to 1, or one name stands for two plans."""
    if not plans:
        raise PlanError([Problem("on_plans", "must name a plan", "Add OnPlan(plan).")])
    for plan in every:
        if plan != plans[plan.name]:
            fix = "Rename one, or write the versions' days."
            raise PlanError([Problem("on_plans", "has two plans of one name", fix, value=plan.name)])
        first = next(iter(plans.values()))
        for name in ("period", "proration", "month_day"):
            if getattr(plan.pay, name) != getattr(first.pay, name):
                rule = f"must be as in plan {first.name} for shares of a period to add up"
                value = str(getattr(plan.pay, name))
                raise PlanError([Problem(f"plan {plan.name}", rule, "Write the same.", f"pay.{name}", value=value)])
        if any(component.to_date for component in plan.components) and len(plans) > 1:
            rule, fix = "pays the year so far, which is of one plan alone", "Delete to_date."
            raise PlanError([Problem(f"plan {plan.name}", rule, fix, "components")])


def _refuse_planless(spans: pd.DataFrame, periods: tuple[Period, ...]) -> None:
    first, last = pd.Timestamp(periods[0].starts_on), pd.Timestamp(periods[-1].ends_on)
    there = (spans["starts_on"] <= last) & ~(spans["ends_on"] < first) & (spans["target_incentive"] > 0)
    lost = spans[there & (spans["plan"] == UNSAID)]
    if len(lost):
        who = count_words(lost["payee_id"].nunique(), "person", "people")
        day, role = max(lost["starts_on"].iloc[0], first), lost["role"].iloc[0]
        rule = f"leaves {who} with a target incentive on no plan, first in the role {role} from {day:%Y-%m-%d}"
        raise PlanError([Problem("on_plans", rule, "Add OnPlan(plan, ...) for them, or OnPlan(None, ...).")])


def _refuse_paid_twice(plan: Plan, spans: pd.DataFrame, history: History, periods: tuple[Period, ...]) -> None:
    """Raises PlanError where somebody is on the plan for part of the time there, and it pays something whole."""
    paths = list(_paid_whole(plan))
    if not paths:
        return
    rates = rates_paid(plan, history, periods)
    whole, mine = (people_of(plan, history, periods, rates, payees) for payees in (history.payees, spans))
    days = mine["days_on_plan"].to_numpy()
    moved = np.flatnonzero((days > 0) & (days < whole["days_on_plan"].to_numpy()))
    if len(moved):
        rule = f"pays the same for part of a {plan.pay.period}, so a person who changes plan within one is paid twice"
        fix = f"Let the change begin with a {plan.pay.period}, or write prorated where it is an amount."
        raise PlanError([Problem(f"plan {plan.name}", rule, fix, paths[0], value=str(mine["period"].iloc[moved[0]]))])


def _paid_whole(plan: Plan) -> Iterator[str]:
    """Paths of what a plan pays whatever the days on it: rates on ARR, pools, amounts that are not prorated."""
    for component in plan.components:
        basis = component.basis
        is_of_count = basis.kind == "rate" and component.metric.startswith(KPI) and component.form == "count"
        if (basis.kind in ("rate", "pool") and not is_of_count) or basis.over == "opening_arr":
            yield f"components.{component.name}.basis"
    lists = [(f"components.{component.name}.adjustments", component.adjustments) for component in plan.components]
    for path, rules in [*lists, ("adjustments", plan.adjustments)]:
        for i, rule in enumerate(rules):
            if isinstance(rule, Cap | Floor | Guarantee | Draw) and rule.amount is not None and not rule.prorated:
                if isinstance(rule, Guarantee) and rule.months is not None:
                    continue  # of the months on the plan
                yield f"{path}[{i}].amount"


def payouts_in_force(versions: Sequence[Plan], history: History, periods: str) -> pd.DataFrame:
    """Returns the payouts of a plan that changes: each period by the version in force on its first day.

    Grain: as `Replay.payouts`, with `version`, the day the version holds from. Each version begins with nothing held or
    owed. Raises PlanError when none is in force at first, when one ends with pay held back, carried over or owed of
    people who go on, or has a clawback, or as `replay`.
    """
    ordered = sorted(versions, key=lambda plan: plan.effective_on)
    found: list[tuple[Plan, list[str]]] = []
    for period in period_range(periods, history.settings.calendar):
        held = [plan for plan in ordered if plan.effective_on <= period.starts_on]
        if not held:
            fix = f"Begin with {ordered[0].effective_on} or later, or add an older version."
            raise PlanError([Problem("periods", "has no version of the plan in force yet", fix, value=period.name)])
        if not found or found[-1][0] is not held[-1]:
            found.append((held[-1], []))
        found[-1][1].append(period.name)
    frames = []
    for plan, names in found:
        (run,) = replay([plan], history, f"{names[0]}:{names[-1]}")
        if plan is not found[-1][0]:
            _refuse_left_over(run)
        frames.append(run.payouts.assign(version=pd.Timestamp(plan.effective_on)))
    return pd.concat(frames, ignore_index=True)


def _refuse_left_over(run: Replay) -> None:
    """Raises PlanError where people who go on have a balance, of which the next version knows nothing."""
    spans = run.history.payees
    is_later = spans["ends_on"].isna() | (spans["ends_on"] > pd.Timestamp(run.periods[-1].ends_on))
    later = spans.loc[is_later & (spans["target_incentive"] > 0), "payee_id"]
    found = still_due(run)["payee_id"]
    due = found[found.isin(later)]
    problems, at = [], run.periods[-1].name
    if len(due):
        who = count_words(due.nunique(), "person", "people")
        rule = f"ends with pay held back, carried over or owed of {who}, of which the next version knows nothing"
        fix = "Let it release all before, such as with released_after: year, or replay each version alone."
        problems.append(Problem(f"plan {run.plan.name}", rule, fix, "adjustments", value=at))
    if any(True for _ in clawbacks(run.plan.adjustments)):
        rule = "takes back by a clawback, and the next version knows nothing of what was paid"
        problems.append(Problem(f"plan {run.plan.name}", rule, "Replay each version alone.", "adjustments", value=at))
    if problems:
        raise PlanError(problems)
