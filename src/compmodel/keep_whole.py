"""What it takes to be paid no less than before: the attainment at which a plan pays what the baseline paid.

Currently implemented: keep_whole.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from compmodel.compare import SMALLEST_TEAM, Answer, Comparison
from compmodel.metrics import Sums
from compmodel.money import Cents
from compmodel.payouts import payouts
from compmodel.replay import Replay
from compmodel.settlement import Budget
from compmodel.style import count_words, percent

MOST = 3.0
STEP = 0.01


def keep_whole(comparison: Comparison) -> Answer:
    """Returns the least attainment, in hundredths, at which each plan pays a person what the baseline paid.

    It is held in every component and period; none is given where none up to 300% does. Table: one row a plan (but
    the baseline) and person; plan, title, person, team, baseline_pay (reporting currency), attainment. Beside aliases
    an attainment would tell a target: there it is one row a plan and attainment; plan, title, attainment, n_people;
    and nothing of fewer than five people.
    """
    base = next(run for run in comparison.replays if run.plan.name == comparison.baseline)
    frames, sentences = [], []
    for run in comparison.replays:
        if run.plan.name == comparison.baseline:
            continue
        if any(isinstance(rule, Budget) for rule in run.plan.adjustments) or any(
            component.basis.kind == "pool" for component in run.plan.components
        ):
            sentences.append(f"Under {run.plan.title} people share an amount, so nobody's own attainment decides.")
            continue
        payees, owed = _cents_by_payee(base.payouts)
        if comparison.names == "aliases" and len(payees) < SMALLEST_TEAM:
            sentences.append(f"With fewer than {SMALLEST_TEAM} people this is shown with their names only.")
            continue
        found = pd.DataFrame({"payee_id": payees, "baseline_pay": owed / 100})
        found["attainment"] = _least_attainment(run, payees, owed)
        found = found.merge(comparison.labels, on="payee_id", how="left").assign(
            plan=run.plan.name, title=run.plan.title
        )
        frames.append(found)
        sentences.append(_words(found["attainment"], run.plan.title, comparison.plans[0].title))
    every = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    columns = ["plan", "title", "person", "team", "baseline_pay", "attainment"]
    if comparison.names == "aliases":
        columns = ["plan", "title", "attainment", "n_people"]
        if len(every):
            counted = every.groupby(columns[:-1], dropna=False, sort=True).size()
            every = counted.rename("n_people").reset_index()
    elif len(every):
        every = every.sort_values(["plan", "attainment", "person"], ascending=[True, False, True], kind="stable")
    alone = "A second plan is needed to hold against the baseline."
    return Answer(" ".join(sentences) or alone, every.reindex(columns=columns).reset_index(drop=True))


def _cents_by_payee(paid: pd.DataFrame) -> tuple[pd.Index, Cents]:
    cents = np.rint(paid["cost"] * 100).astype(np.int64).groupby(paid["payee_id"], sort=True).sum()
    return cents.index, cents.to_numpy(dtype=np.int64)


def _least_attainment(run: Replay, payees: pd.Index, owed: Cents) -> Sums:
    """Each payee's least attainment on the grid that pays at least what is owed, by halving; NaN where none does."""
    low, high = np.full(len(payees), -1), np.full(len(payees), round(MOST / STEP))
    is_some = _paid_at(run, payees, high * STEP) >= owed
    while (high - low > 1).any():
        middle = (low + high) // 2
        reaches = _paid_at(run, payees, middle.clip(0) * STEP) >= owed
        low, high = np.where(reaches, low, middle), np.where(reaches, middle, high)
    return np.where(is_some, np.round(high * STEP, 2), np.nan)


def _paid_at(run: Replay, payees: pd.Index, attainment: Sums) -> Cents:
    """What each payee costs where every component attains so much in every period, in whole cents."""
    stage = run.stage
    of_rows = np.round(attainment, 2)[payees.get_indexer(pd.Index(stage.people["payee_id"]))]
    held = np.repeat(of_rows[:, None], len(run.plan.components), axis=1)
    results = stage.results._replace(attainment=held)
    paid = payouts(
        run.plan, stage.people, results, run.periods, stage.rates, lambda cents: stage.recovered(run.plan, cents)
    )
    who, cents = _cents_by_payee(paid)
    return pd.Series(cents, index=who).reindex(payees, fill_value=0).to_numpy(dtype=np.int64)


def _words(attainment: pd.Series, title: str, baseline: str) -> str:
    known = attainment.dropna().sort_values()
    never = int(attainment.isna().sum())
    said = ""
    if len(known):
        half, most = (float(known.iloc[-(-len(known) * part // 10) - 1]) for part in (5, 9))
        said = f"To be paid as under {baseline}, half the people need at most {percent(half)} of everything under "
        said += f"{title}, nine in ten at most {percent(most)}."
    if never:
        who = count_words(never, "person", "people")
        said += f" For {who} no attainment up to {percent(MOST)} under {title} pays as much as {baseline}."
    return said.strip()
