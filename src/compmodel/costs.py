"""What plans cost by period, team or segment: at target, on history, over the ARR kept and grown, and in a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from compmodel.books import BOOK
from compmodel.compare import SMALLEST_TEAM, Answer, Comparison
from compmodel.errors import CompModelError, nearest
from compmodel.exchange import rate_of
from compmodel.measurement import Ledger
from compmodel.money import Array, exact_array, whole_cents
from compmodel.replay import Ledgers, Replay
from compmodel.scenarios import target_cents
from compmodel.style import percent, short_money, signed_money, signed_percent
from compmodel.tables import GAINS, LOSSES, UNASSIGNED
from compmodel.wording import listed

By = Literal["period", "team", "segment"]
IN_ALL = "in all"


def target_incentives(run: Replay) -> pd.DataFrame:
    """Returns what 100% attainment pays each person: the target incentive of the time on the plan, in whole cents.

    Grain: one row a payee and period with a target incentive. Columns: payee_id, period, team, segment,
    incentive_cents (pay currency), cost_cents (reporting currency). Rounded and converted as pay is, by the weights of
    the role's components. What is paid by a rate or from a pool is of no target incentive and not in it, nor what is
    due only on the period's last day to who is gone by then.
    """
    people, cents = run.stage.people, target_cents(run)
    rate = rate_of(run.stage.rates, people["period"], people["currency"])

    def exactly_converted(rows: Array) -> Array:
        converted: Array = exact_array(rate[rows]) * exact_array(cents[rows] / 100)
        return converted

    cost = whole_cents(rate * cents / 100, exactly_converted)
    found = people[["payee_id", "period", "team", "segment"]].assign(incentive_cents=cents, cost_cents=cost)
    return found.assign(**{name: found[name].fillna(f"no {name}") for name in ("team", "segment")})


def cost_by(comparison: Comparison, by: By = "team") -> Answer:
    """Returns what each plan costs by period, team or segment, on history and with everyone at 100%.

    Table: one row a plan and period, team or segment; plan, title, period (or team, or segment), n_people, at_target
    (the target incentive), cost (on history), baseline_cost, change. People count where they were in the period. Beside
    aliases they count where they were last, small teams are put together until they have five people, and at_target is
    empty by period and where it would be a few people's alone: it would tell who moved, or whose target it is.
    Raises CompModelError for anything else than period, team and segment.
    """
    if by not in get_args(By):
        raise CompModelError(f"{by!r} is nothing that cost is split by. {nearest(by, get_args(By))}")
    people = [_with_cost(run) for run in comparison.replays]
    is_named = comparison.names == "shown"
    if not is_named and by != "period":
        groups = _groups_shown(pd.concat(people), by)
        people = [mine.assign(**{by: mine["payee_id"].map(groups)}) for mine in people]
    sums = [mine.groupby(by)[["cost_cents", "cents"]].sum() for mine in people]
    keys = [period.name for period in comparison.periods] if by == "period" else sorted(set().union(*_keys(sums)))
    base = sums[0]["cents"].reindex(keys, fill_value=0)
    frames = []
    for plan, mine, of, is_told in zip(comparison.plans, people, sums, _told(people, by), strict=True):
        of = of.reindex(keys, fill_value=0)
        target = of["cost_cents"] / (100 if is_named or (is_told and by != "period") else np.nan)
        frame = pd.DataFrame({"plan": plan.name, "title": plan.title, by: keys})
        frame["n_people"] = mine.groupby(by)["payee_id"].nunique().reindex(keys, fill_value=0).to_numpy()
        amounts = {"at_target": target, "cost": of["cents"] / 100, "baseline_cost": base / 100}
        amounts["change"] = (of["cents"] - base) / 100
        frames.append(frame.assign(**{name: amount.to_numpy() for name, amount in amounts.items()}))
    table = pd.concat(frames, ignore_index=True)
    return Answer(_cost_said(comparison, table, by, people), table)


def _keys(frames: Sequence[pd.DataFrame]) -> list[set[str]]:
    return [set(frame.index) for frame in frames]


def _with_cost(run: Replay) -> pd.DataFrame:
    """Those of `target_incentives` whom the plan pays, with what they cost on history, in whole cents."""
    paid = run.payouts[["payee_id", "period"]].assign(cents=_whole(run.payouts["cost"]))
    cents = paid.groupby(["payee_id", "period"], sort=False, as_index=False)["cents"].sum()
    return target_incentives(run).merge(cents, on=["payee_id", "period"], validate="1:1")


def _groups_shown(people: pd.DataFrame, by: str) -> pd.Series:
    """Where each payee counts beside aliases: the last team or segment, small ones put together."""
    last = people.sort_values("period", kind="stable").drop_duplicates("payee_id", keep="last")
    group = last.set_index("payee_id")[by]
    sizes = group.value_counts().sort_index().sort_values(kind="stable")
    small = list(sizes.index[sizes < SMALLEST_TEAM])
    for name in sizes.index[len(small) :]:
        if small and sizes[small].sum() < SMALLEST_TEAM:
            small.append(name)
    return group.where(~group.isin(small), f"other {by}s")


def _told(people: Sequence[pd.DataFrame], by: str = "") -> list[bool]:
    """Whether each plan's target incentive by group, or in all, tells nobody's own.

    It would where it is of fewer than five people, or of so few more or less than in a plan before that is told.
    """
    whole = [mine[mine["cost_cents"] > 0] for mine in people]
    few, told = range(1, SMALLEST_TEAM), []
    before: list[dict[object, set[str]]] = []
    for mine in whole:
        due = mine.groupby(mine[by] if by else np.zeros(len(mine)))["payee_id"].agg(set).to_dict()
        differ = (len(who ^ other.get(group, set())) for other in before for group, who in due.items())
        told.append(not any(n in few for n in (*map(len, due.values()), *differ)))
        before += [due] if told[-1] else []
    return told


def _whole(amounts: pd.Series) -> pd.Series:
    cents: pd.Series = np.rint(amounts * 100).astype(np.int64)
    return cents


def _cost_said(comparison: Comparison, table: pd.DataFrame, by: str, people: Sequence[pd.DataFrame]) -> str:
    sentences = []
    base = float(people[0]["cents"].sum()) / 100
    for plan, of, is_told in zip(comparison.plans, people, _told(people), strict=True):
        mine = table[table["plan"] == plan.name]
        cost, target = (float(of[name].sum()) / 100 for name in ("cents", "cost_cents"))
        said = f"{plan.title} costs {short_money(cost)}"
        if target and (is_told or comparison.names == "shown"):
            if all(component.basis.is_of_incentive for component in plan.components):
                said += f", {percent(cost / target)} of the {short_money(target)} with everyone at 100%"
            else:
                said += f"; with everyone at 100% {short_money(target)} beside what is paid by a rate or from a pool"
        change = round(cost - base, 2)
        if plan.name != comparison.baseline:
            share = signed_percent(change / base) if base else ""
            relative = f" ({'under 0.1%' if share == '0.0%' else share})" if share else ""
            more = f"{short_money(abs(change))} {'more' if change > 0 else 'less'}{relative}"
            said += f"; {more if change else 'the same in all'}"
            moved = mine.loc[mine["change"].abs().sort_values(ascending=False, kind="stable").index]
            if len(moved) > 1 and moved["change"].iloc[0]:
                first = moved.iloc[0]
                said += f"; the largest change is in {first[by]} ({signed_money(first['change'])})"
        sentences.append(said + ".")
    return " ".join(sentences)


def years_of(comparison: Comparison) -> float:
    """Returns how many years the periods of a comparison are."""
    return sum(period.months for period in comparison.periods) / 12


def period_ledger(run: Replay) -> Ledger:
    """Returns what a run credits from each period's own start, whichever baselines its plan measures from."""
    if "period_start" in set(run.credits["baseline"]):
        of = (frame[frame["baseline"] == "period_start"] for frame in (run.credits, run.books))
        return Ledger(*of)
    span = f"{run.periods[0].name}:{run.periods[-1].name}"
    return Ledgers(run.history, span).of(run.plan, "period_start")


def cost_of_sales(comparison: Comparison) -> Answer:
    """Returns compensation cost of sales: pay a year as a share of the ARR retained and grown.

    Counted is the ARR of accounts in somebody's book, by the plan's own credit dates and books, whether or not the plan
    pays for it: opening ARR less contraction and churn (retained_arr), expansion (expansion_arr), and new and returned
    customers (new_arr); together the ARR of the period (arr), a year's amount. Exchange differences are left out.
    Table: one row a plan and period; plan, title, period, cost, opening_arr, retained_arr, expansion_arr, new_arr, arr,
    cost_of_sales (cost times the periods of a year, over arr; empty over nothing). Raises CompModelError beside aliases
    for fewer than five people: it would be their books and pay.
    """
    n_people = len(comparison.labels)
    if comparison.names == "aliases" and n_people < SMALLEST_TEAM:
        raise CompModelError(f"The cost of sales of {n_people} would tell their books. Ask with names shown.")
    names, frames, said = [period.name for period in comparison.periods], [], []
    per_year = 12 // comparison.periods[0].months
    for run in comparison.replays:
        books, credits = period_ledger(run).books, period_ledger(run).credits
        held, moved = (of[(of["kind"] == BOOK) & (of["payee_id"] != UNASSIGNED)] for of in (books, credits))
        by_type = {
            name: moved["credited_cents"]
            .where(moved["event_type"].isin(types), 0)
            .groupby(moved["period"].astype("str"))
            .sum()
            .reindex(names, fill_value=0)
            for name, types in (("lost", LOSSES), ("expanded", ("expansion",)), ("new", set(GAINS) - {"expansion"}))
        }
        opening = held["opening_cents"].groupby(held["period"].astype("str")).sum().reindex(names, fill_value=0)
        cost = _with_cost(run).groupby("period")["cents"].sum().reindex(names, fill_value=0)
        arr = opening + sum(by_type.values())
        frames.append(
            pd.DataFrame(
                {
                    "plan": run.plan.name,
                    "title": run.plan.title,
                    "period": names,
                    "cost": cost.to_numpy() / 100,
                    "opening_arr": opening.to_numpy() / 100,
                    "retained_arr": (opening + by_type["lost"]).to_numpy() / 100,
                    "expansion_arr": by_type["expanded"].to_numpy() / 100,
                    "new_arr": by_type["new"].to_numpy() / 100,
                    "arr": arr.to_numpy() / 100,
                    "cost_of_sales": (cost * per_year / arr.where(arr > 0)).to_numpy(dtype=float),
                }
            )
        )
        whole, yearly = float(arr.sum()) / 100 / len(names), float(cost.sum()) / 100 * per_year / len(names)
        share = f", {percent(yearly / whole, 2)} of {short_money(whole)}" if whole > 0 else ", and no ARR was in a book"
        said.append(f"{run.plan.title} costs {short_money(yearly)} a year{share}")
    counted = "the ARR in people's books: kept since each period's start, plus expansion, new and returned customers"
    sentence = f"{'; '.join(said)}. Counted is {counted}, on average over the periods."
    return Answer(sentence, pd.concat(frames, ignore_index=True))


def budget_headroom(comparison: Comparison, budget: float | Mapping[str, float]) -> Answer:
    """Returns what each plan leaves of a budget, or lacks, on history and with everyone at 100%.

    `budget`: an amount in the reporting currency for all periods together, or one for each period by its name.
    Table: one row a plan and period ("in all" last, or alone); plan, title, period, budget, cost, headroom (budget less
    cost on history), at_target, headroom_at_target. Beside aliases the last two are in all only.
    Raises CompModelError where a period has no amount, or a name is no period.
    """
    names = [period.name for period in comparison.periods]
    amounts: dict[str, float] = {}
    if isinstance(budget, Mapping):
        wrong = [name for name in budget if name not in names]
        missing = [name for name in names if name not in budget]
        if wrong:
            raise CompModelError(f"The budget names {wrong[0]!r}, which is no period here. {nearest(wrong[0], names)}")
        if missing:
            raise CompModelError(f"The budget has no amount for {listed(missing)}. Add it, or give one amount in all.")
        amounts = {name: float(budget[name]) for name in names}
    whole = sum(round(amount * 100) for amount in amounts.values()) / 100 if amounts else float(budget)  # type: ignore[arg-type]
    if not all(np.isfinite(amount) and amount >= 0 for amount in [*amounts.values(), whole]):
        raise CompModelError("A budget must be an amount of 0 or more. Correct it.")
    by_period = {plan: of.set_index("period") for plan, of in cost_by(comparison, "period").table.groupby("plan")}
    rows, said = [], []
    people = [_with_cost(run) for run in comparison.replays]
    for plan, of, is_told in zip(comparison.plans, people, _told(people), strict=True):
        mine, is_known = by_period[plan.name], is_told or comparison.names == "shown"
        target = float(of["cost_cents"].sum()) / 100 if is_known else float("nan")
        cost = float(_whole(mine["cost"]).sum()) / 100
        lines = [(name, amounts[name], mine["cost"][name], mine["at_target"][name]) for name in amounts]
        for period, amount, spent, at_target in [*lines, (IN_ALL, whole, cost, target)]:
            left, left_at_target = round(amount - spent, 2), round(amount - at_target, 2)
            rows.append((plan.name, plan.title, period, amount, spent, left, at_target, left_at_target))
        over = [name for name, amount, spent, _ in lines if spent > amount]
        text = f"{plan.title} {_left(whole - cost)} on history"
        text += f" and {_left(whole - target)} with everyone at 100%" if target == target else ""
        said.append(f"{text}{f'; over it in {listed(over)}' if over else ''}")
    columns = ["plan", "title", "period", "budget", "cost", "headroom", "at_target", "headroom_at_target"]
    sentence = f"Of a budget of {short_money(whole)}, {'; '.join(said)}."
    return Answer(sentence, pd.DataFrame(rows, columns=columns))


def _left(amount: float) -> str:
    if abs(amount) < 0.005:
        return "leaves nothing"
    return f"leaves {short_money(amount)}" if amount > 0 else f"lacks {short_money(-amount)}"
