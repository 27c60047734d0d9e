"""The questions of a notebook or an offline page, in the order a leader asks them: heading, answer and chart of each.

Notebooks, the command line and the offline page ask the same ones. A question that these plans or this history cannot
answer says why, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pandas as pd

from compmodel import (
    chance_charts,
    charts,
    cost_charts,
    distribution_charts,
    event_charts,
    explore_charts,
    marginal_pay_charts,
    reason_charts,
)
from compmodel.blocks import Progress
from compmodel.break_even import break_even
from compmodel.coasting import pay_by_largest_event
from compmodel.compare import SMALLEST_TEAM, Answer, Comparison, cost_by_period, pay_change_by_payee
from compmodel.component_words import component_titles
from compmodel.costs import cost_by, cost_of_sales
from compmodel.decisions import open_decisions
from compmodel.distributions import attainment_reached, distribution
from compmodel.errors import CompModelError, nearest
from compmodel.explore import MOVES, heatmap, lever_ends, sweep, tornado
from compmodel.explore_charts import sobol_bars
from compmodel.figures import Figure
from compmodel.keep_whole import keep_whole
from compmodel.levers import Lever
from compmodel.luck import luck, reliability
from compmodel.marginal_pay import marginal_pay
from compmodel.marginal_pay_map import marginal_pay_map
from compmodel.other_values import no_other_values
from compmodel.pay_lines import is_straight
from compmodel.pay_ranges import cost_range
from compmodel.pay_swing import pay_for_retained, pay_swing
from compmodel.plan import Plan
from compmodel.reasons import pay_change_reasons
from compmodel.regret import regret
from compmodel.replay import Replay
from compmodel.retention_pay import pay_for_retention
from compmodel.sobol import sobol_indices
from compmodel.style import count_words, number_words, percent
from compmodel.timing import gain_from_timing
from compmodel.trials import lever_at, lever_values
from compmodel.wording import listed

SOBOL_REACH = (1.0, 0.5, 0.1)
"""Parts of the tornado's moves, down and up: the largest with which every combination makes a plan is taken."""
FEW = 7
"""Values of a lever in a heatmap of a plan that is paid one setting at a time."""
Drawn = tuple[Answer, Figure | None]
Draw = Callable[[Comparison, Answer], Figure]


class Question(NamedTuple):
    """A question about a comparison: its heading, and what answers and draws it."""

    heading: str
    ask: Callable[[Comparison], Drawn]


class Asked(NamedTuple):
    """A question answered; `figure` is None where there is nothing to draw."""

    heading: str
    answer: Answer
    figure: Figure | None


def check_page(page: str) -> None:
    """Raises CompModelError for an unknown page; definitions have a command of their own, which it names."""
    if page in PAGES:
        return
    if "definition" in page.lower():
        does = "compmodel definitions --plan data/plans/halves.yaml --periods 2024Q1:2025Q4 --out definitions.html"
        raise CompModelError(
            f"{page!r} is no page of questions: definitions have a command of their own. Write {does}."
        )
    raise CompModelError(f"{page!r} is no page of questions. {nearest(page, PAGES)}")


def page_note(page: str, comparison: Comparison) -> str:
    """Returns which plan a page about one looks at, and how to choose another; nothing where there is no choice."""
    if len(comparison.plans) < 2 or page not in ONE_PLAN:
        return ""
    return ONE_PLAN[page].format(_looked_at(comparison).plan.title, comparison.plan(comparison.baseline).title)


ONE_PLAN = {
    "sensitivity": "Numbers are moved in {0}, the first plan beside the baseline; give another plan first to move its.",
    "team_or_individual": "Looked at is {1}, the baseline; to look at another plan, name it as the baseline.",
}
"""Pages about one plan: why this one."""


def answered_page(page: str, comparison: Comparison, progress: Progress | None = None) -> Iterator[Asked]:
    """Yields each question of a page as soon as it is answered.

    Raises CompModelError for an unknown page.
    """
    check_page(page)
    for done, question in enumerate(PAGES[page]):
        if progress:
            progress(done, len(PAGES[page]), float("nan"))
        yield answered_question(question, comparison)


def answered_question(question: Question, comparison: Comparison) -> Asked:
    """Returns a question answered; where that cannot be done, the answer says why.

    Beside aliases the figures of fewer than five people would tell whose they are, so these are asked for with names.
    """
    n = len(comparison.labels)
    if comparison.names == "aliases" and n < SMALLEST_TEAM and question.heading not in SHOWN_BY_SLIDERS:
        said = f"Not answered here: figures of {count_words(n, 'person', 'people')} would tell whose they are."
        return Asked(question.heading, Answer(f"{said} Ask with names shown.", pd.DataFrame()), None)
    try:
        answer, figure = question.ask(comparison)
        return Asked(question.heading, replace(answer, table=_with_titles(comparison, answer.table)), figure)
    except CompModelError as error:
        return Asked(question.heading, Answer(f"Not answered here: {error}", pd.DataFrame()), None)


def _drawn(ask: Callable[[Comparison], Answer], draw: Draw) -> Callable[[Comparison], Drawn]:
    """The answer and, where it has anything to draw, its chart."""

    def asked(comparison: Comparison) -> Drawn:
        answer = ask(comparison)
        return answer, draw(comparison, answer) if len(answer.table) else None

    return asked


def _looked_at(comparison: Comparison) -> Replay:
    """The plan that levers are moved in: the first beside the baseline, or the baseline alone."""
    name = (*comparison.others, *comparison.plans)[0].name
    return next(run for run in comparison.replays if run.plan.name == name)


def _with_titles(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    """A table in which components are called what people call them."""
    if not {"plan", "component"} <= set(table.columns):
        return table
    titles = {
        (plan.name, component.name): title
        for plan in comparison.plans
        for component, title in zip(plan.components, component_titles(plan), strict=True)
    }
    keys = zip(table["plan"], table["component"], strict=True)
    return table.assign(component=[titles.get(key, key[1]) for key in keys])


def _of_levers(answer: Answer, levers: Mapping[str, Lever]) -> Answer:
    """An answer whose columns of values are named after the levers, with the values in words."""
    words = {
        column: [number_words(value, lever.unit) for value in answer.table[column]] for column, lever in levers.items()
    }
    names = {column: lever.label for column, lever in levers.items()}
    return replace(answer, table=answer.table.assign(**words).rename(columns=names))


def _under(plan: Plan, answer: Answer) -> Answer:
    """The answer, with the one plan it is about named first."""
    return replace(answer, sentence=f"{plan.title}: {answer.sentence}")


def _of_baseline(ask: Callable[[Comparison], Answer]) -> Callable[[Comparison], Answer]:
    return lambda comparison: _under(comparison.plan(comparison.baseline), ask(comparison))


def _of_first_able(ask: Callable[[Comparison, str], Answer]) -> Callable[[Comparison], Answer]:
    """Asks about the first plan that can be paid on other values, the baseline before all others."""

    def asked(comparison: Comparison) -> Answer:
        why = {plan.name: no_other_values(plan) for plan in comparison.plans}
        plan = next((plan for plan in comparison.plans if not why[plan.name]), comparison.plans[0])
        answer = _under(plan, ask(comparison, plan.name))
        before = comparison.plans[: comparison.plans.index(plan)]
        return _leaving_out(answer, [(of, f"it {why[of.name]}") for of in before])

    return asked


def _leaving_out(answer: Answer, plans: Sequence[tuple[Plan, str]]) -> Answer:
    """The answer, with the plans that it could not be about, and why."""
    said = [f"{plan.title} is left out: {why}." for plan, why in plans]
    return replace(answer, sentence=" ".join([answer.sentence, *said]))


def _tornado(comparison: Comparison) -> Drawn:
    run = _looked_at(comparison)
    answer = tornado(run)
    return _under(run.plan, answer), explore_charts.tornado_bars(answer, comparison.currency)


def _goal(run: Replay) -> str:
    """The first target that a share of target incentive hangs on."""
    paid = [f"components.{one.name}.target." for one in run.plan.components if one.basis.kind == "target_incentive"]
    goals = [lever.path for lever in run.plan.levers() if lever.path.startswith(tuple(paid))]
    if not goals:
        raise CompModelError(f"{run.plan.title} pays by rates alone, so no goal moves its cost.")
    return goals[0]


def _sweep(comparison: Comparison) -> Drawn:
    run = _looked_at(comparison)
    goal = _goal(run)
    answer = _under(run.plan, sweep(run, goal))
    figure = explore_charts.sweep_lines(run.plan, goal, answer, comparison.currency)
    return _of_levers(answer, {"value": lever_at(run.plan, goal)}), figure


def _heatmap(comparison: Comparison) -> Drawn:
    """The first weight, or what else moves cost most, and the first goal, with the baseline's cost as the budget."""
    run = _looked_at(comparison)
    weights = [lever.path for lever in run.plan.levers() if lever.path.endswith(".weight")]
    if len(weights) < 2:  # edges of bands leave too few combinations
        weights = [path for path in tornado(run).table["path"] if not path.endswith((".weight", ".0", _goal(run)))]
    if not weights:
        raise CompModelError(f"{run.plan.title} has no two numbers that move its cost.")
    budget = float(cost_by_period(comparison).table.query("plan == @comparison.baseline")["cost"].sum())
    levers = (weights[0], _goal(run))
    few = None if is_straight(run.plan) else {path: lever_values(lever_at(run.plan, path), FEW) for path in levers}
    answer = heatmap(run, *levers, budget=round(budget, 2), values=few)
    figure = explore_charts.lever_heatmap(run.plan, *levers, answer, "cost", budget, comparison.currency)
    shown = _of_levers(answer, {name: lever_at(run.plan, path) for name, path in zip("xy", levers, strict=True)})
    return _under(run.plan, shown), figure


def _sobol(comparison: Comparison) -> Drawn:
    """The first plan of which thousands of settings are paid at once, the baseline after all others."""
    runs = {of.plan.name: of for of in comparison.replays}
    plans = [*comparison.others, comparison.plan(comparison.baseline)]
    at = next((n for n, plan in enumerate(plans) if is_straight(plan)), len(plans))
    slow = "paid one setting at a time, so thousands of settings take minutes"
    if at == len(plans):
        said = f"{listed([plan.title for plan in plans])} {'is' if at == 1 else 'are'} {slow}"
        raise CompModelError(f"{said}. In Python: cm.sobol_indices(run, levers, n=64, progress=...).")
    run = runs[plans[at].name]
    weights = [lever.path for lever in run.plan.sliders() if lever.path.endswith(".weight")]
    levers = [lever for lever in run.plan.sliders() if lever.path not in weights[-1:]]
    if len(levers) < 2:
        raise CompModelError(f"{run.plan.title} has too few weights, targets and floors to move them at once.")
    for reach in SOBOL_REACH:
        bounds = {of.path: lever_ends(of, "alike", reach) for of in levers}
        try:
            answer = sobol_indices(run, bounds, n=512)
        except CompModelError as error:
            if "make no plan" in str(error) and reach != SOBOL_REACH[-1]:
                continue
            raise
        far = MOVES["alike"] if reach == 1 else f"{percent(reach)} as far as alone above"
        named = _under(run.plan, replace(answer, sentence=f"{answer.sentence} Each is moved {far}."))
        return _leaving_out(named, [(plan, f"it is {slow}") for plan in plans[:at]]), sobol_bars(answer)
    raise AssertionError("the last reach answers or raises")


PAGES: Mapping[str, tuple[Question, ...]] = {
    "explore_plan": (
        Question(
            "Who reaches threshold, target and excellence",
            _drawn(attainment_reached, distribution_charts.attainment_reached),
        ),
        Question(
            "How pay is spread",
            _drawn(partial(distribution, of="pay"), partial(distribution_charts.distribution, of="pay")),
        ),
        Question(
            "What the next 1,000 of ARR pays", _drawn(marginal_pay, marginal_pay_charts.marginal_pay_by_attainment)
        ),
        Question(
            "Dead zones, cliffs and caps of the curves", _drawn(marginal_pay_map, marginal_pay_charts.marginal_pay_map)
        ),
        Question("Does who retains more earn more", _drawn(pay_for_retention, distribution_charts.pay_for_retention)),
        Question("What hangs on one event", _drawn(pay_by_largest_event, event_charts.pay_by_largest_event)),
        Question("What moving an event could earn", _drawn(gain_from_timing, event_charts.gain_from_timing)),
        Question("What is undecided", _drawn(open_decisions, cost_charts.open_decisions)),
    ),
    "compare_plans": (
        Question("Cost", _drawn(cost_by_period, charts.cost_by_period)),
        Question("Who gains, who loses", _drawn(pay_change_by_payee, charts.pay_change_by_payee)),
        Question("Why", _drawn(pay_change_reasons, reason_charts.pay_change_reasons)),
        Question("Cost by team", _drawn(cost_by, cost_charts.cost_by)),
        Question("Cost of the ARR kept and grown", _drawn(cost_of_sales, cost_charts.cost_of_sales)),
        Question("What pays for an extra cost", _drawn(break_even, cost_charts.break_even)),
        Question("What keeps people whole", _drawn(keep_whole, distribution_charts.keep_whole)),
    ),
    "sensitivity": (
        Question("What it might have cost", _drawn(cost_range, chance_charts.cost_range)),
        Question("Which number moves cost most", _tornado),
        Question("One goal, from low to high", _sweep),
        Question("Two numbers at once, within the baseline's cost", _heatmap),
        Question("All numbers at once", _sobol),
        Question(
            "Which plan is least bad, whatever comes",
            _drawn(regret, lambda comparison, answer: explore_charts.regret_dots(answer, comparison.currency)),
        ),
    ),
    "team_or_individual": (
        Question(
            "How much of a quarter's figure is luck",
            _drawn(_of_baseline(luck), lambda _, answer: chance_charts.luck(answer)),
        ),
        Question(
            "How far a quarter's and a year's figure can be relied on",
            _drawn(_of_baseline(reliability), lambda _, answer: chance_charts.reliability(answer)),
        ),
        Question(
            "How much chance swings pay",
            _drawn(_of_first_able(pay_swing), lambda _, answer: chance_charts.pay_swing(answer)),
        ),
        Question(
            "What is left of the reason to retain more",
            _drawn(
                _of_first_able(pay_for_retained),
                lambda comparison, answer: chance_charts.pay_for_retained(answer, comparison.currency),
            ),
        ),
    ),
}
"""The questions by the name of their notebook."""
SHOWN_BY_SLIDERS = ("Cost", "Who gains, who loses")
"""Questions that the workbench draws anyway."""
