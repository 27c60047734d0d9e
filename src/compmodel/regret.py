"""Plans ranked over many futures: what each costs where expansion, losses or a large customer turn out otherwise.

A future changes what happened, and every plan is measured and paid again on it: movements are scaled in the ledger,
after crediting, so ratios and amounts of ARR follow; customers' numbers and KPIs stay as they were. What comes up for
renewal stays, too: what more is lost at a renewal is not renewed, up to all that was, and what is lost less is.

Currently implemented: regret, FUTURES, future_replays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np
import pandas as pd

from compmodel.baselines import Baseline
from compmodel.blocks import Progress
from compmodel.books import BOOK
from compmodel.compare import Answer, Comparison
from compmodel.errors import CompModelError, nearest
from compmodel.measurement import Ledger
from compmodel.plan import Plan
from compmodel.replay import Ledgers, Replay, replays
from compmodel.style import count_words, short_money
from compmodel.tables import LOSSES, History
from compmodel.trials import in_blocks

Criterion = Literal["cost", "gap to budget"]
DATES = ["notice_on", "signed_on", "effective_on", "due_on", "ends_on", "invoiced_on", "paid_on", "closed_on"]


@dataclass(frozen=True)
class Future:
    """What turns out otherwise: expansion and losses (contraction and churn) times a factor; the largest customer."""

    name: str
    expansion: float = 1.0
    losses: float = 1.0
    loses_largest: bool = False

    def __post_init__(self) -> None:
        if self.expansion < 0 or self.losses < 0:
            raise CompModelError(f"The future {self.name!r} has a factor below 0. Write 0 or more.")


FUTURES = (
    Future("as it was"),
    Future("half the expansion", expansion=0.5),
    Future("1.5 times the expansion", expansion=1.5),
    Future("half the losses", losses=0.5),
    Future("twice the losses", losses=2.0),
    Future("half the expansion, twice the losses", 0.5, 2.0),
    Future("half the expansion, half the losses", 0.5, 0.5),
    Future("1.5 times the expansion, half the losses", 1.5, 0.5),
    Future("1.5 times the expansion, twice the losses", 1.5, 2.0),
    Future("the largest customer lost", loses_largest=True),
)
"""Growth, churn and concentration shifts around what happened."""


class _FutureLedgers(Ledgers):
    """Ledgers in which expansion and losses are scaled after crediting."""

    def __init__(self, history: History, periods: str, future: Future):
        super().__init__(history, periods)
        self._future = future

    def of(self, plan: Plan, baseline: Baseline, due: bool = False) -> Ledger:
        ledger = super().of(plan, baseline, due)
        credits, future = ledger.credits, self._future
        of_type = credits["event_type"].astype(str)
        factor = np.select([of_type == "expansion", of_type.isin(LOSSES)], [future.expansion, future.losses], 1.0)
        columns = ["credited_cents", "counted_cents"]
        scaled = credits.assign(**{name: np.rint(credits[name] * factor).astype(np.int64) for name in columns})
        return ledger._replace(credits=_renewed_otherwise(credits, scaled))


def _renewed_otherwise(credits: pd.DataFrame, scaled: pd.DataFrame) -> pd.DataFrame:
    """The scaled credits, with a renewal beside each loss at a renewal, of what is lost less; no event of its own."""
    at = np.flatnonzero((credits["event_type"].isin(LOSSES) & credits["is_at_renewal"]).to_numpy())
    less = (scaled["counted_cents"] - credits["counted_cents"]).to_numpy()[at]
    if not less.any():
        return scaled
    whose = [credits[name].astype("str") for name in ("kind", "payee_id")]
    of = pd.MultiIndex.from_arrays([*whose, credits["window"]])
    renewed = credits["renewed_cents"].where(credits["event_type"] == "renewal", 0).groupby(of).sum()
    lost = -pd.Series(less).groupby(of[at]).sum().reindex(renewed.index, fill_value=0)
    part = np.where(lost > renewed, renewed / lost.where(lost > 0, 1), 1.0)  # nobody renews less than nothing
    less = np.rint(less * part[renewed.index.get_indexer(of[at])]).astype(np.int64)
    kinds = pd.CategoricalDtype([*dict.fromkeys([*scaled["event_type"].astype("str").unique(), "renewal"])])
    nothing = dict.fromkeys(["credited_cents", "counted_cents", "split"], 0)
    fresh = scaled.take(at).assign(event_type="renewal", renewed_cents=less, **nothing)
    both = pd.concat([of.assign(event_type=of["event_type"].astype("str")) for of in (scaled, fresh)])
    types = {name: kind for name, kind in scaled.dtypes.items() if name != "event_type"}
    return both.astype({**types, "event_type": kinds}).reset_index(drop=True)


def future_replays(plans: Sequence[Plan], history: History, periods: str, future: Future) -> Iterator[Replay]:
    """Yields a replay of each plan on a future. Raises as `replay`."""
    if future.loses_largest:
        history = without_largest(plans[0], history, periods)
    return replays(plans, _FutureLedgers(history, periods, future))


def without_largest(plan: Plan, history: History, periods: str) -> History:
    """Returns the history in which the customer with most ARR when the periods begin leaves in the middle of the first.

    What happened to it later did not happen. Nothing changes where nobody has ARR then.
    """
    ledgers = Ledgers(history, periods)
    first, books = ledgers.periods[0], ledgers.of(plan, "period_start").books
    opening = books[(books["period"] == first.name) & (books["kind"] == BOOK)]
    by_account = opening.groupby(opening["account_id"].astype(str))["opening_cents"].sum().sort_index()
    if by_account.empty or by_account.max() <= 0:
        return history
    largest = str(by_account.idxmax())
    events = history.arr_events
    leaves_on = pd.Timestamp(first.starts_on) + (pd.Timestamp(first.ends_on) - pd.Timestamp(first.starts_on)) // 2
    leaves_on = leaves_on.normalize()
    is_mine = events["account_id"] == largest
    is_before = events["effective_on"] < pd.Timestamp(first.starts_on)
    mine = events[is_mine & is_before]
    left = mine.groupby("subscription_id", dropna=False)["arr_delta"].sum()
    last = mine.drop_duplicates("subscription_id", keep="last").set_index("subscription_id", drop=False)
    churn = last.assign(
        event_id=[f"future-{n}" for n in range(len(last))],
        event_type="churn",
        arr_delta=-left.reindex(last.index).to_numpy(),
        renewed_arr=np.nan,
        is_at_renewal=False,
        **dict.fromkeys(DATES, leaves_on),
    )
    churn = churn[churn["arr_delta"] < 0].astype(events.dtypes.to_dict())
    kept = events[~is_mine | is_before]
    return replace(history, arr_events=pd.concat([kept, churn], ignore_index=True))


def regret(
    comparison: Comparison,
    futures: Sequence[Future] = FUTURES,
    criterion: Criterion = "cost",
    budget: float | None = None,
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Answer:
    """Returns how much worse each plan is than the best one, future by future, and which is least bad at worst.

    `criterion` is what a plan is judged by: its cost, or how far its cost lies from `budget` (both over all periods, in
    the reporting currency); regret is that less the least of any plan in the same future. Results beyond cost, such as
    what people do for their pay, are not counted. `cluster` and `n_threads` as of `blocks.block_results`; the whole
    history goes to the workers. Table: one row a plan and future; plan, title, future, cost, value,
    least, regret, largest_regret and mean_regret (of the plan). `known` is the table of an answer that was stopped.
    """
    if criterion not in get_args(Criterion):
        raise CompModelError(f"{criterion!r} is no criterion. {nearest(criterion, get_args(Criterion))}")
    if (criterion == "gap to budget") != (budget is not None):
        raise CompModelError("The criterion 'gap to budget' and budget belong together. Give both or neither.")
    if budget is not None and not 0 < budget < float("inf"):
        raise CompModelError(f"budget is {budget:g}, but must be an amount above 0. Write what the plans may cost.")
    names = [future.name for future in futures]
    if not names or len(set(names)) < len(names):
        raise CompModelError("Futures need names of their own. Give one or more, each with another name.")
    costs = _costs(comparison, futures, progress, known, cluster, n_threads)
    value = costs["cost"] if budget is None else (costs["cost"] - budget).abs().round(2)
    costs = costs.assign(value=value)
    costs["least"] = costs.groupby("future")["value"].transform("min")
    costs["regret"] = (costs["value"] - costs["least"]).round(2)
    of_plan = costs.groupby("plan")["regret"]
    costs["largest_regret"], costs["mean_regret"] = of_plan.transform("max"), of_plan.transform("mean").round(2)
    table = costs.sort_values(["largest_regret", "mean_regret"], kind="stable").reset_index(drop=True)
    n = table["future"].nunique()
    stopped = f" {n:,} of {len(futures):,} futures tried." if n < len(futures) else ""
    return Answer((_words(table, budget, comparison.currency) if n else "No future was tried.") + stopped, table)


def _costs(
    comparison: Comparison,
    futures: Sequence[Future],
    progress: Progress | None,
    known: pd.DataFrame | None,
    cluster: str,
    n_threads: int,
) -> pd.DataFrame:
    """What each plan costs in each future."""
    columns = ["plan", "title", "future", "cost"]
    plans, run = comparison.plans, comparison.replays[0]
    span = f"{run.periods[0].name}:{run.periods[-1].name}"
    before = pd.DataFrame(columns=columns) if known is None else known[columns]
    before = before[before["future"].isin([future.name for future in futures])]
    todo = [(future,) for future in futures if future.name not in set(before["future"])]
    work = partial(_costs_in, plans, run.history, span)
    found = in_blocks(work, todo, cluster, n_threads, progress, len(futures) - len(todo))
    blocks = [before, *(pd.DataFrame(of, columns=columns) for of in found)]
    every = pd.concat([block for block in blocks if len(block)] or [before], ignore_index=True)
    order = {future.name: i for i, future in enumerate(futures)}
    places = {plan.name: i for i, plan in enumerate(plans)}
    keys = every.assign(place=every["plan"].map(places), turn=every["future"].map(order))
    return every.loc[keys.sort_values(["place", "turn"]).index].reset_index(drop=True).astype({"cost": float})


def _costs_in(
    plans: Sequence[Plan], history: History, span: str, future: tuple[Future]
) -> list[tuple[str, str, str, float]]:
    """Plan, title, future and cost of each plan in one future."""
    return [
        (again.plan.name, again.plan.title, future[0].name, int(np.rint(again.payouts["cost"] * 100).sum()) / 100)
        for again in future_replays(plans, history, span, future[0])
    ]


def _words(table: pd.DataFrame, budget: float | None, currency: str) -> str:
    n = count_words(table["future"].nunique(), "future")
    plans = table.drop_duplicates("plan")
    what = (
        "above the cheapest plan" if budget is None else f"further from the budget of {short_money(budget)} {currency}"
    )
    said = []
    for _, plan in plans.iterrows():
        mine = table[table["plan"] == plan["plan"]]
        worst = mine.loc[mine["regret"].idxmax(), "future"]
        largest, mean = short_money(plan["largest_regret"]), short_money(plan["mean_regret"])
        if not plan["largest_regret"]:
            said.append(f"{plan['title']} is never beaten")
        elif not any(" at worst " in one for one in said):
            said.append(f"{plan['title']} is at worst {largest} {currency} {what} ({worst}), {mean} on average")
        else:
            said.append(f"{plan['title']} at worst {largest} ({worst}), {mean} on average")
    judged = "cost alone" if budget is None else "the distance from the budget alone"
    if len(plans) == 1:
        return f"{plans.iloc[0]['title']} is the only plan; give a second one to hold it against. Judged by {judged}."
    return f"Over {n}, judged by {judged}: {'; '.join(said)}. KPIs and logo retention stay as they were in all of them."
