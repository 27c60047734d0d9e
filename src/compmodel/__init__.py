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
    print(cm.explain(replays[0], "P04", "2025Q4"))
"""

from compmodel import charts, style
from compmodel.compare import (
    Answer,
    Comparison,
    compare,
    cost_by_period,
    pay_by_payee,
    pay_change_by_payee,
    payout_table,
)
from compmodel.definitions import Definitions, compare_definitions, definition_fights, definition_grid
from compmodel.errors import CompModelError, DataError, PlanError, Problem
from compmodel.exchange_effects import exchange_effects, exchange_split
from compmodel.explain import Explanation, explain
from compmodel.html_tables import details_html
from compmodel.lab import definition_answers
from compmodel.payout_curves import payout_curves
from compmodel.periods import Calendar, Period, period_range, trailing_range
from compmodel.plan import Plan, example_plan, load_plan, load_plans, save_plan
from compmodel.replay import Replay, replay, run_record
from compmodel.sources import load_history
from compmodel.switchboard import credit_date_switchboard
from compmodel.tables import History, Settings
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
    "charts",
    "compare",
    "compare_definitions",
    "cost_by_period",
    "credit_date_switchboard",
    "definition_answers",
    "definition_fights",
    "definition_grid",
    "details_html",
    "example_plan",
    "exchange_effects",
    "exchange_split",
    "explain",
    "load_history",
    "load_plan",
    "load_plans",
    "pay_by_payee",
    "pay_change_by_payee",
    "payout_curves",
    "payout_table",
    "payouts_by_plan",
    "payouts_in_force",
    "period_range",
    "replay",
    "run_record",
    "save_plan",
    "style",
    "trailing_range",
    "verify",
]
