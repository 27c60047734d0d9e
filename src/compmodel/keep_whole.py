"""What it takes to be paid no less than before: the attainment at which a plan pays what the baseline paid.

Currently implemented: keep_whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from compmodel.adjustments import Condition, Kicker
from compmodel.compare import SMALLEST_TEAM, Answer, Comparison
from compmodel.metrics import Sums
from compmodel.money import Cents
from compmodel.payouts import payouts
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.settlement import Budget
from compmodel.style import count_words, percent

MOST, STEP, BAND, AT_ONCE = 300, 0.01, 10, 20
"""The grid of attainment: up to so many steps; beside aliases bands of so many; how many are tried together."""


def keep_whole(comparison: Comparison) -> Answer:
    """Returns the least attainment, in hundredths, at which each plan pays a person what the baseline paid.

    It is held in every component and period; none is given where none up to 300% does. Plans that pay by a rate, share
    an amount or look at a value are left out: there attainment does not decide. Table: one row a plan (but the
    baseline) and person; plan, title, person, team, baseline_pay (reporting currency), attainment. Beside aliases an
    attainment would tell a target: there it is one row a plan and ten points of attainment, or as many more as five
    people need; plan, title, attainment_above, attainment_to (at most; empty where none may be), n_people.
    """
    base = next(run for run in comparison.replays if run.plan.name == comparison.baseline)
    payees, owed = _cents_by_payee(base.payouts)
    is_aliased = comparison.names == "aliases"
    frames, sentences = [], []
    for run in comparison.replays:
        if run.plan.name == comparison.baseline:
            continue
        if why := _undecided(run.plan):
            sentences.append(f"{run.plan.title} is left out: {why}.")
            continue
        if is_aliased and len(payees) < SMALLEST_TEAM:
            sentences.append(f"With fewer than {SMALLEST_TEAM} people this is shown with their names only.")
            continue
        steps = _least_steps(run, payees, owed)
        never = int(np.isinf(steps).sum())
        if is_aliased:
            found = _bands(steps)
            reached = found["attainment_to"].fillna(np.inf).to_numpy(dtype=float)
            steps = np.repeat(reached, found["n_people"]) / STEP
        else:
            found = pd.DataFrame({"payee_id": payees, "baseline_pay": owed / 100, "attainment": _shares(steps)})
            found = found.merge(comparison.labels, on="payee_id", how="left")
            found = found.sort_values(["attainment", "person"], ascending=[False, True], kind="stable")
        frames.append(found.assign(plan=run.plan.name, title=run.plan.title))
        told = f"{never:,}" if never >= SMALLEST_TEAM or not is_aliased else f"fewer than {SMALLEST_TEAM}"
        sentences.append(_words(steps * STEP, run.plan.title, comparison.plans[0].title, never, told))
    every = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    what = ["attainment_above", "attainment_to", "n_people"]
    columns = ["plan", "title", *(what if is_aliased else ["person", "team", "baseline_pay", "attainment"])]
    alone = "A second plan is needed to hold against the baseline."
    return Answer(" ".join(sentences) or alone, every.reindex(columns=columns))


def _bands(steps: Sums) -> pd.DataFrame:
    """How many people need attainment of a band: above, to (which "at most" is true of as well), and people."""
    upper = np.maximum(np.ceil(steps / BAND), 1) * BAND
    bands = pd.DataFrame({"attainment_above": _shares(upper - BAND), "attainment_to": _shares(upper)})
    counted = bands.groupby(list(bands), dropna=False, sort=True).size()
    return _merged(counted.rename("n_people").reset_index())


def _merged(bands: pd.DataFrame) -> pd.DataFrame:
    """Bands from the lowest, each with the next ones until it has five people, the last few with those below.

    Whoever nothing makes whole comes last; a band with one of them in it has no upper edge.
    """
    found: list[dict[Any, Any]] = []
    for band in bands.to_dict("records"):
        if found and found[-1]["n_people"] < SMALLEST_TEAM:
            found[-1] = _joined(found[-1], band)
        else:
            found.append(band)
    if len(found) > 1 and found[-1]["n_people"] < SMALLEST_TEAM:
        last = found.pop()
        found[-1] = _joined(found[-1], last)
    return pd.DataFrame(found, columns=bands.columns)


def _joined(band: dict[Any, Any], further: dict[Any, Any]) -> dict[Any, Any]:
    n_people = band["n_people"] + further["n_people"]
    return {**band, "attainment_to": further["attainment_to"], "n_people": n_people}


def _shares(steps: Sums) -> Sums:
    """Attainment of steps; empty where no attainment is enough."""
    return np.where(np.isinf(steps), np.nan, np.round(steps * STEP, 2))


def _conditions(plan: Plan) -> list[Condition]:
    """Every gate, kicker and condition of release of a plan."""
    rules: list[object] = [*plan.adjustments, *(getattr(rule, "condition", None) for rule in plan.adjustments)]
    rules += [rule for component in plan.components for rule in component.adjustments]
    return [rule for rule in rules if isinstance(rule, Condition)]


def _undecided(plan: Plan) -> str:
    """Why attainment alone does not decide what a plan pays a person; empty where it does."""
    kinds = {component.basis.kind for component in plan.components}
    if "pool" in kinds or any(isinstance(rule, Budget) for rule in plan.adjustments):
        return "people share an amount there, so nobody's own attainment decides"
    if kinds & {"rate", "rate_of_incentive"}:
        return "it pays by a rate, which has no target to attain"
    if any(rule.of == "value" for rule in _conditions(plan)):
        return "a condition there looks at a result itself, which attainment does not tell"
    return ""


def _may_fall(plan: Plan) -> bool:
    """Whether attaining more may pay less."""
    conditions, curves = _conditions(plan), [component.curve for component in plan.components]
    is_turned = any(of.below is not None or (isinstance(of, Kicker) and of.times < 1) for of in conditions)
    takes_away = bool(conditions) and any(curve.below == "extend" for curve in curves)
    return is_turned or takes_away or any(curve.may_fall for curve in curves)


def _cents_by_payee(paid: pd.DataFrame) -> tuple[pd.Index, Cents]:
    cents = np.rint(paid["cost"] * 100).astype(np.int64).groupby(paid["payee_id"], sort=True).sum()
    return cents.index, cents.to_numpy(dtype=np.int64)


def _least_steps(run: Replay, payees: pd.Index, owed: Cents) -> Sums:
    """Each payee's least attainment on the grid that pays at least what is owed, in steps; infinite where none does."""
    if _may_fall(run.plan):
        found = np.full(len(payees), np.inf)
        for first in range(0, MOST + 1, AT_ONCE):
            steps = np.arange(first, min(first + AT_ONCE, MOST + 1))
            reaches = _paid_at(run, payees, np.repeat(steps[:, None], len(payees), axis=1)) >= owed
            least = np.where(reaches.any(axis=0), steps[reaches.argmax(axis=0)], np.inf)
            found = np.minimum(found, least)
            if np.isfinite(found).all():
                break
        return found
    low, high = np.full(len(payees), -1), np.full(len(payees), MOST)
    is_some = _paid_at(run, payees, high[None])[0] >= owed
    while (high - low > 1).any():
        middle = (low + high) // 2
        reaches = _paid_at(run, payees, middle.clip(0)[None])[0] >= owed
        low, high = np.where(reaches, low, middle), np.where(reaches, middle, high)
    return np.where(is_some, high, np.inf)


def _paid_at(run: Replay, payees: pd.Index, steps: Cents) -> Cents:
    """What each payee costs where every component attains so many steps in every period, in whole cents.

    Shape of both: trials x payees. The people of each trial are others, so all are paid at once.
    """
    stage, n = run.stage, len(steps)
    rows = np.tile(np.arange(len(stage.people)), n)
    of_rows = steps[:, payees.get_indexer(pd.Index(stage.people["payee_id"]))].ravel()
    held = np.repeat(np.round(of_rows * STEP, 2)[:, None], len(run.plan.components), axis=1)
    people = stage.people.take(rows).reset_index(drop=True)
    trial = pd.Series(np.repeat(np.arange(n), len(stage.people)).astype(str))
    people["payee_id"] = trial + " " + people["payee_id"].astype(str)
    described = [of.take(rows).reset_index(drop=True) for of in stage.results.described]
    results = stage.results._replace(value=stage.results.value[rows], described=described, attainment=held)
    who, cents = _cents_by_payee(payouts(run.plan, people, results, run.periods, stage.rates))
    every = [f"{i} {payee}" for i in range(n) for payee in payees]
    return pd.Series(cents, index=who).reindex(every, fill_value=0).to_numpy(dtype=np.int64).reshape(steps.shape)


def _words(attainment: Sums, title: str, baseline: str, never: int, told: str) -> str:
    """What half and nine in ten of all the people need; `never` are those whom nothing makes whole, as `told`."""
    n = len(attainment)
    half, most = (float(np.sort(attainment)[-(-n * part // 10) - 1]) for part in (5, 9))
    people, limit = count_words(n, "person", "people"), percent(MOST * STEP)
    if 2 * never > n:
        who = "Nobody can" if never == n else "More than half the people cannot"
        said = f"{who} be paid as under {baseline} by any attainment up to {limit} under {title}"
        return f"{said}: {never:,} of {people}." if never < n else f"{said}."
    need = f"it takes attainment under {title} that too few people share to be told"
    if np.isfinite(half):
        need = f"half the people need at most {percent(half)} attained in every component of {title}"
    said = f"To be paid as under {baseline}, {need}"
    said += f", nine of ten people at most {percent(most)}." if np.isfinite(most) else "."
    none = f" For {told} of {people} no attainment up to {limit} under {title} pays as much as {baseline}."
    return said + none * (never > 0)
