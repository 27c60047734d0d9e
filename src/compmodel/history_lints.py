"""What is worth a second look in a plan on a history: goals that all or nobody met, no values, pay mix, rates.

Norms of sales and success plans: about nine tenths of people reach the threshold, 60 to 70% their goal, a tenth
excellence; fixed pay is 70 to 80% of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from compmodel.component_lints import Lint
from compmodel.component_words import component_titles
from compmodel.components import Component
from compmodel.replay import Replay
from compmodel.still_due import still_due
from compmodel.style import count_words
from compmodel.wording import number, people_periods

ALL, NOBODY, FEW = 0.95, 0.05, 10
"""Shares of people's periods that reach 100%; below so many of them nothing is said."""
MIX = (0.7, 0.8)
"""Fixed pay in the whole, from 70/30 to 80/20."""
FAR = (0.8, 1.25)
"""What on-target pay may be of target incentive."""
NORM = "usually nine tenths reach the threshold, 60 to 70% the goal and a tenth excellence"


def history_lints(run: Replay) -> Iterator[Lint]:
    """Returns what stands out when a plan is paid on a history."""
    for component, title in zip(run.plan.components, component_titles(run.plan), strict=True):
        yield from _attained(run, component, title)
    yield from _rates(run)
    yield from _pay_mix(run)
    yield from _held_in_absence(run)


def _held_in_absence(run: Replay) -> Iterator[Lint]:
    """Pay held back or carried over of who is on the plan no more and whose last span has no end."""
    spans = run.history.payees.sort_values("starts_on", kind="stable").drop_duplicates("payee_id", keep="last")
    away = spans.loc[spans["ends_on"].isna() & (spans["target_incentive"] == 0), "payee_id"]
    due = still_due(run)
    n = due.loc[(due["balance"] > 0) & due["payee_id"].isin(away), "payee_id"].nunique()
    if n:
        yield Lint(
            "adjustments",
            f"pay of {count_words(n, 'person', 'people')} stays held back or carried over, who last had a target "
            "incentive and are in the payees table without an end",
            "on leave they keep it until they come back; who has left the plan is never paid it",
            "write ends_on of their last span where they have left",
        )


def _attained(run: Replay, component: Component, title: str) -> Iterator[Lint]:
    rows = run.payouts[run.payouts["component"] == component.name]
    path, period = f"components.{component.name}", run.plan.pay.period
    attained, span = rows["attainment"].dropna(), _span(run)
    if len(rows) and attained.empty:
        yield Lint(
            f"{path}.metric",
            f"nobody has a value of {title} in {span}",
            "it pays nothing to anybody, whatever its weight",
            "check the data it is measured on, or measure something that is there",
        )
    if len(attained) < FEW:
        return
    reached, positive = float((attained >= 1).mean()), float((rows["factor"][attained.index] > 0).mean())
    if reached > ALL or reached < NOBODY:
        is_easy = reached > ALL
        fix = f"{'raise' if is_easy else 'lower'} the goal to what about two thirds would have reached"
        if not is_easy and _may_be_yearly(component):
            fix += ", or write target.yearly if it is meant for a year: it is held against a single period"
        yield Lint(
            f"{path}.target",
            f"{number(round(reached, 3), 'share')} of {people_periods(period)} in {span} reach the {title} goal",
            f"{'it is paid like salary' if is_easy else 'it pays hardly anybody in full'}; {NORM}",
            fix,
        )
    elif positive < 0.5:
        yield Lint(
            f"{path}.curve",
            f"only {number(round(positive, 3), 'share')} of {people_periods(period)} in {span} are paid anything for "
            f"{title}",
            f"most people stand below its threshold and have little to gain; {NORM}",
            "lower the threshold (the floor of attainment, or the curve's first point)",
        )


def _may_be_yearly(component: Component) -> bool:
    """Whether a goal that reads like a year's is held against less than a year."""
    is_short = component.baseline in ("period_start", "month_start", "half_start")
    return is_short and component.at_rest == 1 and not component.annualised and not component.target.yearly


def _span(run: Replay) -> str:
    first, last = run.periods[0].name, run.periods[-1].name
    return first if first == last else f"{first} to {last}"


def _rates(run: Replay) -> Iterator[Lint]:
    """On-target pay where a component pays a rate: weights of incentive and rates of targets, over target incentive."""
    rated = [component for component in run.plan.components if component.basis.kind == "rate"]
    rows = run.payouts[run.payouts["component"].isin([c.name for c in run.plan.components])]
    rows = rows[rows["target_incentive"] > 0]
    if not rated or rows.empty:
        return
    rates = {component.name: component.basis.rate or 0.0 for component in rated}
    incentive = rows["target_incentive"]
    at_target = rows["weight"] * incentive + rows["component"].map(rates).fillna(0.0) * rows["target"]
    keys = [rows["payee_id"], rows["period"]]
    shares = at_target.groupby(keys).sum() / incentive.groupby(keys).first()
    usual = float(shares.median())
    if FAR[0] <= usual <= FAR[1]:
        return
    names = " and ".join(f"components.{name}" for name in rates)
    yield Lint(
        f"{names}.basis.rate",
        f"whoever meets every goal is paid {number(round(usual, 2), 'share')} of target incentive (the median person)",
        "pay letters promise target incentive for meeting the goals, and budgets are made with it",
        "set the rate to the part of target incentive it is meant to pay, over the goal",
    )


def _pay_mix(run: Replay) -> Iterator[Lint]:
    first = pd.Timestamp(run.periods[0].starts_on)
    last = pd.Timestamp(run.periods[-1].ends_on)
    payees = run.history.payees
    is_here = (payees["starts_on"] <= last) & (payees["ends_on"].isna() | (payees["ends_on"] >= first))
    known = payees[is_here & (payees["target_incentive"] > 0) & (payees["base_salary"] > 0)]
    if known["payee_id"].nunique() < 5:  # a mix of few would tell whose it is
        return
    latest = known.sort_values("starts_on", kind="stable").drop_duplicates("payee_id", keep="last")
    fixed = latest["base_salary"] / (latest["base_salary"] + latest["target_incentive"])
    outside, usual = float(((fixed < MIX[0] - 1e-9) | (fixed > MIX[1] + 1e-9)).mean()), round(float(fixed.median()), 2)
    if outside > 0.25:
        mix = f"{number(100 * usual)}/{number(100 - 100 * usual)}"
        yield Lint(
            "pay",
            f"{number(round(outside, 2), 'share')} of people have a pay mix outside 70/30 to 80/20 (median {mix})",
            "less variable pay moves nobody; more puts a living at risk over what one person cannot decide alone",
            "change base salaries or target incentives; a plan cannot",
        )
