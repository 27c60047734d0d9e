"""Compare customer-success pay plans on your own customer history.

>>> import compmodel as cm
>>> plan = cm.example_plan()
>>> dearer = plan.replace({"components.nrr.target": 1.10})
>>> dearer.component("nrr").target.default
1.1

With a folder of tables and plan files:

    history = cm.load_history("data/sample")
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    replays = cm.replay(plans, history, periods="2024Q1:2025Q4")
    comparison = cm.compare(replays, baseline="thirds")
    cm.charts.pay_change_by_payee(comparison)
    print(cm.pay_change_reasons(comparison).sentence)
    print(cm.cost_range(comparison, seed=7).sentence)
    for heading, answer, figure in cm.answered_page("sensitivity", comparison):
        print(heading, answer.sentence)
    print(cm.explain(replays[0], "P04", "2025Q4"))
"""

from compmodel import charts, style
from compmodel.break_even import break_even
from compmodel.calibration import calibrated
from compmodel.coasting import pay_by_largest_event
from compmodel.compare import (
    Answer,
    Comparison,
    compare,
    cost_by_period,
    pay_by_payee,
    pay_change_by_payee,
    payout_table,
)
from compmodel.costs import budget_headroom, cost_by, cost_of_sales
from compmodel.decisions import open_decisions
from compmodel.definitions import Definitions, compare_definitions, definition_fights, definition_grid
from compmodel.distributions import attainment_reached, distribution
from compmodel.errors import CompModelError, DataError, PlanError, Problem
from compmodel.exchange_effects import exchange_effects, exchange_split
from compmodel.explain import Explanation, explain
from compmodel.explore import grid, heatmap, sweep, tornado
from compmodel.html_tables import details_html
from compmodel.keep_whole import keep_whole
from compmodel.lab import definition_answers
from compmodel.luck import luck, reliability
from compmodel.marginal_pay import marginal_pay
from compmodel.marginal_pay_map import marginal_pay_map
from compmodel.pay_ranges import cost_range, pay_range
from compmodel.pay_swing import account_move, pay_for_retained, pay_swing
from compmodel.payout_curves import payout_curves
from compmodel.periods import Calendar, Period, period_range, trailing_range
from compmodel.plan import Plan, example_plan, load_plan, load_plans, save_plan
from compmodel.question_pages import answered_page
from compmodel.reasons import pay_change_reasons
from compmodel.regret import regret
from compmodel.replay import Replay, replay, run_record
from compmodel.retention_pay import pay_for_retention
from compmodel.scenarios import scenario_cents, scenario_results
from compmodel.sobol import sobol_indices
from compmodel.sources import load_history
from compmodel.switchboard import credit_date_switchboard
from compmodel.tables import History, Settings
from compmodel.timing import gain_from_timing, pay_between_quarters
from compmodel.transfers import OnPlan, payouts_by_plan, payouts_in_force
from compmodel.verification import verify

__all__ = [
    "Answer",
    "Calendar",
    "CompModelError",
    "Comparison",
    "DataError",
    "Definitions",
    "Explanation",
    "History",
    "OnPlan",
    "Period",
    "Plan",
    "PlanError",
    "Problem",
    "Replay",
    "Settings",
    "account_move",
    "answered_page",
    "attainment_reached",
    "break_even",
    "budget_headroom",
    "calibrated",
    "charts",
    "compare",
    "compare_definitions",
    "cost_by",
    "cost_by_period",
    "cost_of_sales",
    "cost_range",
    "credit_date_switchboard",
    "definition_answers",
    "definition_fights",
    "definition_grid",
    "details_html",
    "distribution",
    "example_plan",
    "exchange_effects",
    "exchange_split",
    "explain",
    "gain_from_timing",
    "grid",
    "heatmap",
    "keep_whole",
    "load_history",
    "load_plan",
    "load_plans",
    "luck",
    "marginal_pay",
    "marginal_pay_map",
    "open_decisions",
    "pay_between_quarters",
    "pay_by_largest_event",
    "pay_by_payee",
    "pay_change_by_payee",
    "pay_change_reasons",
    "pay_for_retained",
    "pay_for_retention",
    "pay_range",
    "pay_swing",
    "payout_curves",
    "payout_table",
    "payouts_by_plan",
    "payouts_in_force",
    "period_range",
    "regret",
    "reliability",
    "replay",
    "run_record",
    "save_plan",
    "scenario_cents",
    "scenario_results",
    "sobol_indices",
    "style",
    "sweep",
    "tornado",
    "trailing_range",
    "verify",
]
