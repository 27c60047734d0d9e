"""Pay against performance: does who retains more ARR earn more?"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import windows
from compmodel.compare import SMALLEST_TEAM, Answer, Comparison, refuse_few_draws
from compmodel.costs import period_ledger, target_incentives
from compmodel.errors import CompModelError, nearest
from compmodel.measurement import Measured, measure, placed
from compmodel.replay import Replay
from compmodel.style import count_words, percent

Performance = Literal["nrr", "retained_arr"]
WORDS = {"nrr": "own NRR", "retained_arr": "own retained ARR"}
THIRDS = ("low", "middle", "high")
FEWEST = 3
"""People of whom an order says anything."""


def retained_by_payee(run: Replay) -> pd.DataFrame:
    """Returns what each person's own book retained over all periods.

    Grain: one row a payee with a target incentive. Columns: payee_id, nrr (ARR kept and expanded of the accounts that
    opened each period, over that opening ARR, added up over the periods; empty without any), retained_arr (the ARR kept
    and expanded, of the periods on average; reporting currency).
    """
    people, over = run.stage.people, windows("period_start", run.periods)
    how = Measured("nrr", {"individual": np.ones(len(people))}, reactivation=run.plan.events.reactivation)
    found = measure(placed(period_ledger(run), people), people, run.history.accounts, over, how, None)
    sums = found.groupby("payee_id")[["numerator", "denominator"]].sum()
    n = found.groupby("payee_id").size()
    nrr, kept = sums["numerator"] / sums["denominator"].where(sums["denominator"] > 0), sums["numerator"] / n
    return pd.DataFrame({"nrr": nrr, "retained_arr": kept.where(nrr.notna())}).reset_index()


def _points(comparison: Comparison, of: Performance) -> list[pd.DataFrame]:
    """For each plan the people with a book and a target incentive: retained, pay_share, and the rank of each."""
    if of not in get_args(Performance):
        raise CompModelError(f"{of!r} is no measure of retention here. {nearest(of, get_args(Performance))}")
    retained = retained_by_payee(comparison.replays[0]).set_index("payee_id")[of]
    frames = []
    for run in comparison.replays:
        cents = np.rint(run.payouts["cost"] * 100).groupby(run.payouts["payee_id"]).sum()
        due = target_incentives(run).groupby("payee_id")["cost_cents"].sum()
        points = pd.DataFrame({"retained": retained, "pay_share": cents / due.where(due > 0)}).dropna()
        ranks = {f"{name}_rank": points[name].round(12).rank().to_numpy() for name in points}
        frames.append(points.assign(**ranks).rename_axis("payee_id").reset_index())
    return frames


def pay_for_retention(comparison: Comparison, of: Performance = "nrr", seed: int = 7, n_draws: int = 2000) -> Answer:
    """Returns whether people who retain more ARR earn more, as a share of their target incentive, over all periods.

    `of`: "nrr" or "retained_arr", of the person's own book by the baseline plan's credit dates, under every plan alike.
    Table, with names shown: one row a plan and person; plan, title, person, team, retained (nrr, or ARR), pay_share,
    retained_rank, pay_share_rank (1 is the lowest, equals share the mean). Beside aliases: one row a plan, third of the
    people by what they retained and third by pay_share; plan, title, retained_third, pay_third (of three), n_people
    (empty where it is one to four).
    The sentence is worked out by `rank_agreement`. Raises CompModelError for another measure or no draws.
    """
    found = _points(comparison, of)
    agreement = _agreement(comparison, found, seed, n_draws)
    frames = []
    for plan, points in zip(comparison.plans, found, strict=True):
        shown = points.merge(comparison.labels, on="payee_id", how="left", validate="1:1")
        if comparison.names == "shown":
            columns = ["person", "team", "retained", "pay_share", "retained_rank", "pay_share_rank"]
            shown = shown.sort_values(["retained_rank", "person"], kind="stable")[columns]
        else:
            shown = _thirds(points if len(points) >= SMALLEST_TEAM else points[:0])
        frames.append(pd.DataFrame({"plan": plan.name, "title": plan.title}, index=shown.index).join(shown))
    table = pd.concat(frames, ignore_index=True)
    return Answer(_said(comparison, agreement, of), table)


def _thirds(points: pd.DataFrame) -> pd.DataFrame:
    """How many people of each third by retention are in each third by pay."""
    n = max(len(points), 1)
    third = {
        name: np.minimum((3 * (points[f"{name}_rank"] - 0.5) / n).astype(int), 2) for name in ("retained", "pay_share")
    }
    rows = [
        (THIRDS[i], THIRDS[j], int(((third["retained"] == i) & (third["pay_share"] == j)).sum()))
        for i in range(3)
        for j in range(3)
    ]
    table = pd.DataFrame(rows if len(points) else [], columns=["retained_third", "pay_third", "n_people"])
    is_few = (table["n_people"] > 0) & (table["n_people"] < SMALLEST_TEAM)
    return table.assign(n_people=table["n_people"].astype(float).mask(is_few))


def rank_agreement(comparison: Comparison, of: Performance = "nrr", seed: int = 7, n_draws: int = 2000) -> pd.DataFrame:
    """Returns how far the order of people by pay follows their order by what they retained.

    Grain: one row a plan. Columns: plan, title, n_people, n_left_out (on the plan without a book or a target
    incentive), n_pairs (of people who retained differently), n_against (the one who retained more earned less),
    correlation (of ranks, Spearman: 1 the same order, 0 no relation, -1 the reverse), low, high (nine in ten draws of
    as many people with replacement lie between; `seed`, `n_draws`). Empty where fewer than three people, or all alike.
    Source: Spearman (1904); Efron (1979) for the percentile interval.
    """
    return _agreement(comparison, _points(comparison, of), seed, n_draws)


def _agreement(comparison: Comparison, found: list[pd.DataFrame], seed: int, n_draws: int) -> pd.DataFrame:
    refuse_few_draws(n_draws)
    rows: list[dict[str, Any]] = []
    for run, points in zip(comparison.replays, found, strict=True):
        ranks = points[["retained_rank", "pay_share_rank"]].to_numpy(dtype=float).T
        n_pairs, n_against = _pairs(*ranks)
        n, rng = len(points), np.random.default_rng(seed)
        drawn = rng.integers(0, n, (n_draws, n)) if n >= FEWEST else np.zeros((0, 0), dtype=np.intp)
        found_draws = rank_correlation(ranks[0][drawn], ranks[1][drawn]) if n >= FEWEST else np.zeros(0)
        known = found_draws[~np.isnan(found_draws)]
        low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (float("nan"), float("nan"))
        rows.append(
            {
                "plan": run.plan.name,
                "title": run.plan.title,
                "n_people": n,
                "n_left_out": run.payouts["payee_id"].nunique() - n,
                "n_pairs": n_pairs,
                "n_against": n_against,
                "correlation": float(rank_correlation(ranks[:1], ranks[1:])[0]) if n >= FEWEST else float("nan"),
                "low": float(low),
                "high": float(high),
            }
        )
    return pd.DataFrame(rows)


def rank_correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the correlation of the ranks in each row of two arrays; NaN where a row is all alike.

    >>> rank_correlation(np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 30.0, 20.0]])).tolist()
    [0.5]
    """
    x, y = (pd.DataFrame(of).rank(axis=1).to_numpy() for of in (one, other))
    x, y = (of - of.mean(axis=1, keepdims=True) for of in (x, y))
    size = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    found: npt.NDArray[np.float64] = (x * y).sum(axis=1) / np.where(size > 0, size, np.nan)
    return found


def _pairs(retained: npt.NDArray[np.float64], pay: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Pairs of people who retained differently, and those of them in which who retained more earned less."""
    n_pairs = n_against = 0
    for mine, paid in zip(retained, pay, strict=True):
        more = retained > mine
        n_pairs += int(more.sum())
        n_against += int((more & (pay < paid)).sum())
    return n_pairs, n_against


def _said(comparison: Comparison, agreement: pd.DataFrame, of: Performance) -> str:
    said, is_rated = [], False
    for row in agreement.to_dict("records"):
        n = int(row["n_people"])
        if n < (SMALLEST_TEAM if comparison.names == "aliases" else FEWEST) or not row["n_pairs"]:
            said.append(f"Under {row['title']} too few people differ in their {WORDS[of]} to tell.")
            continue
        share = row["n_against"] / row["n_pairs"]
        text = (
            f"Under {row['title']} {_verdict(row['low'], row['high'])}: in {row['n_against']:,} of {row['n_pairs']:,} "
        )
        text += (
            f"pairs of people ({percent(share)}) the one with the higher {WORDS[of]} earned the smaller share of the "
        )
        text += "target incentive"
        if row["correlation"] == row["correlation"]:
            is_rated = True
            text += f"; pay follows retention to {row['correlation']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        said.append(f"{text}.")
    if is_rated:
        said.append("Here 1 is the same order, 0 no relation, -1 the reverse; with as many other people like these it")
        said.append("would lie between the figures in brackets nine times in ten.")
    left = int(agreement["n_left_out"].max())
    said += [f"Not counted: {count_words(left, 'person', 'people')} without a book."] if left else []
    return " ".join(said)


def _verdict(low: float, high: float) -> str:
    if low > 0.5:
        return "who retains more earns more"
    if low > 0:
        return "who retains more mostly earns more"
    return (
        "who retains more earns less" if high < 0 else "it cannot be told from chance that who retains more earns more"
    )
