"""One full comparison of two plans on the sample company, beside a plain row-by-row rival in the same run.

`make bench` prints the median of interleaved rounds: the whole from loaded tables to payouts and comparison, its
parts, and the rival, which applies the same pay rules row by row and must agree to the cent.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

import compmodel as cm
from compmodel.baselines import windows
from compmodel.credit_dates import credit_dates
from compmodel.crediting import Moves, credit, movements, opening_books
from compmodel.events import counted
from compmodel.exchange import constant_rates, pay_rates
from compmodel.people import payee_periods

ROUNDS = 15
PERIODS = "2023Q1:2025Q4"
LIMIT = 0.5


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Returns seconds and the result of one call."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def row_by_row(payouts: pd.DataFrame, plan: cm.Plan) -> pd.Series:
    """Returns the rival's payouts: the rules as an analyst writes them with DataFrame.apply."""
    rules = {component.name: component for component in plan.components}

    def pay(row: pd.Series) -> float:
        rule = rules[row["component"]]
        if not row["denominator"] > 0:
            return 0.0
        value, target = row["numerator"] / row["denominator"], rule.target.default
        floor = rule.attainment.floor if rule.attainment.kind == "from_floor" else 0.0
        factor = max((value - floor) / (target - floor), 0.0)
        if rule.curve.beyond == "hold":
            factor = min(factor, 1.0)
        return row["target_incentive"] * row["proration"] * rule.weight * factor

    return payouts.apply(pay, axis=1)


def main() -> None:
    """Prints the table; with `--tiny`, which the tests run, of one round."""
    rounds = 1 if "--tiny" in sys.argv[1:] else ROUNDS
    loading, history = timed(lambda: cm.load_history("data/sample"))
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    periods = cm.period_range(PERIODS, history.settings.calendar)
    plan = plans[1]
    currencies = [*history.arr_events["currency"].unique(), *history.payees["currency"].unique()]
    rates = constant_rates(history.fx_rates, history.settings, currencies)
    paid_at = pay_rates(history.fx_rates, history.settings, rates, periods, plan.exchange)
    moved = movements(history.arr_events, rates)
    moved = counted(moved, plan.events)
    over = windows("period_start", periods)
    moved = moved.join(credit_dates(moved, plan.credit_on, history.settings.calendar))
    moves = Moves(moved, over)
    replays = cm.replay(plans, history, PERIODS)
    parts: dict[str, Callable[[], Any]] = {
        "full comparison of two plans": lambda: cm.compare(cm.replay(plans, history, PERIODS), "thirds"),
        "  replay of one plan": lambda: cm.replay([plan], history, PERIODS),
        "    movements": lambda: movements(history.arr_events, rates),
        "    credits": lambda: credit(moves, moves.spans(history.assignments)),
        "    opening books": lambda: opening_books(moves, moves.spans(history.assignments)),
        "    people by period": lambda: payee_periods(history.payees, periods, "payee", paid_at),
        "rival: the pay rules of one plan, row by row": lambda: row_by_row(replays[1].payouts, plan),
    }
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, work in parts.items():
            seconds[name].append(timed(work)[0])
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    paid, rival = replays[1].payouts, row_by_row(replays[1].payouts, plan)
    people = paid.groupby(["payee_id", "period"])
    off = (people["payout"].sum() - rival.groupby([paid["payee_id"], paid["period"]]).sum()).abs().max()
    assert off < 0.00501, f"the rival differs by {off}"
    n_payees = replays[1].payouts["payee_id"].nunique()
    print(f"{n_payees} payees, {len(periods)} quarters, {len(history.arr_events):,} events, {rounds} rounds, medians")
    print(f"{'loading and checking the tables (once)':48} {loading * 1000:8.1f} ms")
    for name, median in medians.items():
        print(f"{name:48} {median * 1000:8.1f} ms")
    whole = medians["full comparison of two plans"]
    print(f"full comparison over the rival's one stage: {whole / medians[list(parts)[-1]]:.2f}")
    print(f"largest difference to the rival, a payee and quarter: {off:.4f} (rounding alone is at most 0.005)")
    print(f"limit {LIMIT} s: {'met' if whole < LIMIT else 'NOT met'}, {whole / LIMIT:.0%} of it used")


if __name__ == "__main__":
    main()
