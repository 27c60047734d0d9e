"""How attainment and pay are spread: who reaches threshold, target and excellence, against what is usual.

A result is of a person in a period; those without one (no ARR, nothing scheduled) are counted apart.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.compare import SMALLEST_TEAM, Answer, Comparison
from compmodel.components import Component
from compmodel.costs import target_incentives
from compmodel.curves import Curve, payout_factor, pieces
from compmodel.errors import CompModelError, nearest
from compmodel.money import NEAR
from compmodel.replay import Replay
from compmodel.style import percent
from compmodel.wording import in_sentence, listed, people_periods

Of = Literal["attainment", "pay"]
WHOLE = "whole pay"
EXCELLENT = 1.2
"""Excellence where a curve names none above target: a fifth above it."""
NORM = {"threshold": (0.85, 0.95), "target": (0.60, 0.70), "excellence": (0.05, 0.15)}
"""Shares of people usual in a plan: about 90% reach threshold, 60 to 70% target, about 10% excellence.

"About" is taken as five points to either side.
"""
MOST_SAID = 4
"""Measures of a plan that one sentence can hold."""
EDGES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
BANDS = ("0 or less", "under 25%", *(f"{low} to {low + 25}%" for low in (25, 50, 75, 100, 125)), "150% or more")
UNDEFINED = "no result"


def results(run: Replay) -> pd.DataFrame:
    """Returns what each person reached in each period: by component, and of the whole pay.

    Grain: one row a payee, period and component, and one of `WHOLE`. Columns: payee_id, period, component, attainment
    (empty without a result; of the whole pay its share of the target incentive), pay (unrounded, as a share of the
    component's target incentive, or of the whole; empty without a result or target incentive), reaches_threshold,
    reaches_target, reaches_excellence. Components that pay the year so far are left out, and the whole pay of their
    plans: what they pay in a period is no share of its target incentive.
    """
    paid, frames = run.payouts, []
    incentive = target_incentives(run)[["payee_id", "period", "incentive_cents"]]
    keys = ["payee_id", "period"]
    for component in (component for component in run.plan.components if not component.to_date):
        mine = paid[paid["component"] == component.name].reset_index(drop=True)
        attained, factor = (mine[name].to_numpy(dtype=float) for name in ("attainment", "factor"))
        pay = (mine["gross"] + mine["adjustment"]).to_numpy(dtype=float)
        base = (mine["weight"] * mine["target_incentive"] * mine["proration"]).to_numpy(dtype=float)
        is_known = ~np.isnan(attained)
        has_share = (is_known | (pay != 0)) & (base > 0) & component.basis.is_of_incentive
        share = np.where(has_share, pay / np.where(base > 0, base, 1.0), np.nan)
        reached = [factor > 0, attained >= 1 - NEAR, _excels(component.curve, attained, factor)]
        frames.append(_rows(mine[keys], component.name, attained, share, [of & is_known for of in reached]))
    if any(component.to_date for component in run.plan.components):
        nothing = np.zeros(0)
        none = _rows(paid[keys].iloc[:0], WHOLE, nothing, nothing, [nothing > 0] * len(NORM))
        return pd.concat(frames or [none], ignore_index=True)
    cents = paid.assign(cents=np.rint(paid["payout"] * 100).astype(np.int64), is_known=paid["attainment"].notna())
    whole = cents.groupby(keys, sort=False, as_index=False)[["cents", "is_known"]].agg(
        {"cents": "sum", "is_known": "any"}
    )
    whole = whole.merge(incentive, on=keys, how="left", validate="1:1")
    due, all_pay = (whole[name].to_numpy() for name in ("incentive_cents", "cents"))
    is_known = (whole["is_known"].to_numpy() | (all_pay != 0)) & (due > 0)
    reached = [all_pay > 0, all_pay >= due, all_pay * 10 >= due * round(10 * EXCELLENT)]
    share = np.where(is_known, all_pay / np.where(due > 0, due, 1), np.nan)
    frames.append(_rows(whole[keys], WHOLE, share, share, [of & is_known for of in reached]))
    return pd.concat(frames, ignore_index=True)


def _rows(
    who: pd.DataFrame,
    component: str,
    attained: npt.NDArray[np.float64],
    pay: npt.NDArray[np.float64],
    reached: list[npt.NDArray[np.bool_]],
) -> pd.DataFrame:
    marks = dict(zip((f"reaches_{mark}" for mark in NORM), reached, strict=True))
    return who.assign(component=component, attainment=attained, pay=pay, **marks)


def _excels(curve: Curve, attained: npt.NDArray[np.float64], factor: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether each reaches excellence: a cap above target, else the curve's last bend above it, else 120%."""
    point, cap = excellence_point(curve)
    found: npt.NDArray[np.bool_] = attained >= point - NEAR if cap is None else factor >= cap - NEAR
    return found


def excellence_point(curve: Curve) -> tuple[float, float | None]:
    """Returns the attainment that is excellent by a curve, and the factor that must be paid there, if it is a cap.

    >>> excellence_point(Curve(kind="linear", points=((0, 0), (1, 1), (1.4, 2)), beyond="hold"))
    (1.4, 2.0)
    >>> excellence_point(Curve(kind="linear", points=((0, 0), (1, 1)), beyond="extend"))
    (1.2, None)
    """
    bends = [*(at for at, _ in curve.points), *map(float, pieces(curve, is_exact=False).at)]
    last = max(bends)
    if last <= 1:
        return EXCELLENT, None
    far = np.array([last + 1000])
    cap = float(payout_factor(far, curve)[0])
    if cap <= 1:
        return EXCELLENT, None
    if curve.beyond == "extend":
        return last, None
    paid = payout_factor(np.array(bends), curve)
    return min([at for at, factor in zip(bends, paid, strict=True) if factor >= cap - NEAR], default=last), cap


def attainment_reached(comparison: Comparison) -> Answer:
    """Returns how many results reach threshold, target and excellence, by component and of the whole pay.

    Threshold: the payout factor is above 0. Target: attainment is at least 100%. Excellence: a cap above 100% is paid,
    or else the last point of the curve above target is reached, or else 120% (excellence_at says which, in attainment).
    Of the whole pay: paid anything, at least the target incentive, at least 120% of it. Left out and named are what a
    rate or a pool pays, whose target is nobody's to reach, and what `results` leaves out.
    Table: one row a plan and component, the whole pay last; plan, title, component, measure (its title), n_people, n
    (results: people times periods), n_undefined (people-periods without a result, not in n), n_threshold, n_target,
    n_excellence, share_threshold, share_target, share_excellence (of n), excellence_at. Beside aliases what
    fewer than five people have is left out.
    """
    rows, few = [], 0
    for run in comparison.replays:
        titles = {component.name: component for component in run.plan.components}
        for name, mine in results(run).groupby("component", sort=False):
            component = titles.get(str(name))
            if component and not _has_goal(component):
                continue
            if comparison.names == "aliases" and mine["payee_id"].nunique() < SMALLEST_TEAM:
                few += 1
                continue
            n = int(mine["attainment"].notna().sum())
            counts = {mark: int(mine[f"reaches_{mark}"].sum()) for mark in NORM}
            rows.append(
                {
                    "plan": run.plan.name,
                    "title": run.plan.title,
                    "component": str(name),
                    "measure": _measure(run, component),
                    "n_people": mine["payee_id"].nunique(),
                    "n": n,
                    "n_undefined": len(mine) - n,
                    **{f"n_{mark}": count for mark, count in counts.items()},
                    **{f"share_{mark}": count / n if n else float("nan") for mark, count in counts.items()},
                    "excellence_at": excellence_point(component.curve)[0] if component else EXCELLENT,
                }
            )
    marks = [*(f"n_{mark}" for mark in NORM), *(f"share_{mark}" for mark in NORM)]
    columns = ["plan", "title", "component", "measure", "n_people", "n", "n_undefined", *marks, "excellence_at"]
    table = pd.DataFrame(rows, columns=columns)
    return Answer(_reached_said(comparison, table, few), table)


def _has_goal(component: Component) -> bool:
    """Whether the target is one to reach: what a rate is a rate of, or a pool is shared by, only divides."""
    return component.basis.kind == "target_incentive" or component.basis.over == "target"


def _left_out(run: Replay, is_of_attainment: bool = True) -> list[str]:
    """What is not shown of a plan, and why."""
    paid = set(run.payouts["component"])
    mine = [component for component in run.plan.components if component.name in paid]
    so_far = [in_sentence(_measure(run, component)) for component in mine if component.to_date]
    without = [in_sentence(_measure(run, c)) for c in mine if not (c.to_date or _has_goal(c))]
    said = []
    if without and is_of_attainment:
        verb = "is" if len(without) == 1 else "are"
        why = "because a rate or a pool has no target to reach"
        said.append(f"{run.plan.title}: {listed(without)} {verb} left out, {why}.")
    if so_far:
        which = listed([*so_far, "the whole pay"])
        said.append(f"{run.plan.title}: {which} are left out, because pay for the year so far is of no one period.")
    return said


def _measure(run: Replay, component: Component | None) -> str:
    """What people call a component; two of one title carry their names."""
    if component is None:
        return WHOLE.capitalize()
    titles = [other.title for other in run.plan.components]
    return component.title if titles.count(component.title) == 1 else f"{component.title} ({component.name})"


def _reached_said(comparison: Comparison, table: pd.DataFrame, few: int) -> str:
    """Who reaches the target under each plan, against what is usual; the table says the rest."""
    said, people = [], people_periods(comparison.period_word)
    for run in comparison.replays:
        mine = table[(table["plan"] == run.plan.name) & (table["n"] > 0)].to_dict("records")
        goals = [row for row in mine if row["component"] != WHOLE] or mine
        parts = [
            f"{_share(row['share_target'])}{' do' * (not i)} at {in_sentence(row['measure'])}"
            for i, row in enumerate(goals)
        ]
        if len(parts) > MOST_SAID:
            goals.sort(key=lambda row: row["share_target"])
            ends = [f"{_share(row['share_target'])} ({in_sentence(row['measure'])})" for row in (goals[0], goals[-1])]
            parts = [f"from {' to '.join(ends)} do"]
        if parts:
            said.append(f"Under {run.plan.title} {listed(parts)}.")
    if said:
        said = [f"60 to 70% of {people} should reach the target.", *said]
    elif not few:
        said = ["Nobody has a result that could reach a target here."]
    for run in comparison.replays:
        said += _left_out(run)
    return " ".join([*said, *(["What fewer than five people have is left out."] if few else [])])


def _share(share: float) -> str:
    return "under 1%" if 0 < share < 0.005 else percent(share)


def distribution(comparison: Comparison, of: Of = "attainment") -> Answer:
    """Returns how attainment, or pay as a share of the target incentive, is spread, by component and of the whole pay.

    Pay by a rate or from a pool is no share of a target incentive and stands in the whole pay alone; nor has it a
    target to attain. Left out and named is what `results` leaves out.
    Table: one row a plan, component and band, the whole pay last; plan, title, component, measure (its title), band
    (lower edges belong to it; "no result" last, where any), n (people-periods), share_of_results (of
    those with one; of "no result" of all). Beside aliases what fewer than five people have is left out.
    Raises CompModelError for anything else than attainment and pay.
    """
    if of not in get_args(Of):
        raise CompModelError(f"{of!r} is nothing that is spread here. {nearest(of, get_args(Of))}")
    rows, said, n_few, people = [], [], 0, people_periods(comparison.period_word)
    for run in comparison.replays:
        titles = {component.name: component for component in run.plan.components}
        for name, mine in results(run).groupby("component", sort=False):
            component = titles.get(str(name))
            is_shown = component is None or (
                _has_goal(component) if of == "attainment" else component.basis.is_of_incentive
            )
            is_few = comparison.names == "aliases" and mine["payee_id"].nunique() < SMALLEST_TEAM
            n_few += is_few
            if is_few or not is_shown:
                continue
            value = mine[of].to_numpy(dtype=float)
            known = value[~np.isnan(value)]
            counts = np.bincount(_band(known), minlength=len(BANDS)).tolist()
            n_none, measure = len(value) - len(known), _measure(run, component)
            head = (run.plan.name, run.plan.title, str(name), measure)
            rows += [
                (*head, band, n, n / len(known) if len(known) else float("nan"))
                for band, n in zip(BANDS, counts, strict=True)
            ]
            rows += [(*head, UNDEFINED, n_none, n_none / len(value))] if n_none else []
            if len(known) and (name == WHOLE) == (of == "pay"):
                nothing, full = counts[0] / len(known), sum(counts[EDGES.index(1.0) + 1 :]) / len(known)
                said.append(
                    f"Under {run.plan.title} {_share(nothing)} of {len(known):,} {people} are paid nothing and "
                    f"{_share(full)} at least the target incentive."
                    if name == WHOLE
                    else f"Under {run.plan.title} {in_sentence(measure)} attains nothing in {_share(nothing)} of "
                    f"{len(known):,} {people} and the target in {_share(full)}."
                )
        said += _left_out(run, of == "attainment")
    table = pd.DataFrame(rows, columns=["plan", "title", "component", "measure", "band", "n", "share_of_results"])
    few = "Fewer than five people are paid, so nothing is shown beside aliases."
    none = f"Nobody has {'a target to attain' if of == 'attainment' else 'a target incentive'} here."
    return Answer(" ".join(said) or (few if n_few else none), table)


def _band(value: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The position of each value's band; 0 or less is a band of its own, other lower edges belong to theirs."""
    band: npt.NDArray[np.intp] = np.searchsorted(np.array(EDGES[1:]) - NEAR, value, "right") + 1
    return np.where(value <= 0, 0, band)
