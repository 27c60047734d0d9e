"""What the next 1,000 of retained ARR pays each person where they really stood: dead zones, caps reached, cliffs.

A difference, not a slope: each person is paid again a step further, through rounding, adjustments and all.
"""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

import numpy as np
import pandas as pd

from compmodel.adjustments import Condition
from compmodel.compare import SMALLEST_TEAM, Answer, Comparison
from compmodel.components import FALLING, Component
from compmodel.curves import Curve, jumps
from compmodel.errors import CompModelError
from compmodel.money import NEAR, Array, exact
from compmodel.next_steps import (
    AT_MOST_ALL,
    Floats,
    Truths,
    at_values,
    by_component,
    moving,
    paid_further,
    pay,
    stepped,
)
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.style import count_words, percent, short_money
from compmodel.wording import people_periods

ALL = "all of ARR"
DEAD, CAPPED, CLIFF, PAYS, LESS, UNDEFINED = "dead zone", "cap reached", "cliff", "pays more", "pays less", "undefined"
OTHER = "other zones"
"""Beside aliases, zones of fewer than five people put together."""
ZONES = (DEAD, CAPPED, CLIFF, PAYS, LESS, UNDEFINED)
POINTS = 0.05
"""Attainment within which a cliff ahead counts as near."""
MOST = 1_000_000_000
"""No step of ARR is larger."""
BAND = 0.05
"""Attainment that people are counted by beside aliases."""
BESIDE = 1e-8
"""Of a result, on either side of a cliff: beyond what floats blur, below what pays a cent."""
COLUMNS = ["plan", "title", "person", "team", "period", "component", "value", "unit", "attainment", "extra", "slope"]
COLUMNS += ["zone", "cliff_at", "cliff_pay"]


class Edge(NamedTuple):
    """Where pay may jump: an attainment or a value, and whether exactly there still belongs to what is below."""

    of: str
    at: float
    is_upper: bool


def marginal_pay(comparison: Comparison, step: float = 1000, points: float = POINTS) -> Answer:
    """Returns what another `step` of ARR kept or grown would have paid each person in each period, by plan.

    Of NRR, GRR, renewals and other measures of ARR alike: the step adds to the numerator of the person's own result and
    of the team's, so it is what a person gets for the own ARR; GRR and renewals stop where all is kept, and what churns
    at nothing. Table: one row a plan, person, period and component, and one for all of them moved together ("all of
    ARR"); plan, title, person, team, period, component, value, unit, attainment, extra (pay for the step, whole cents),
    slope (pay per 1,000), zone, cliff_at (the result at which pay jumps, within the step or so many points of
    attainment), cliff_pay (by how much, alone). Amounts are in the reporting currency. Zones: dead zone (nothing more,
    below target, or with more to be had further on), cap reached (nothing more, ever), cliff, pays more, pays less,
    undefined.
    Beside aliases values and pay would tell targets, so the table counts: one row a plan, component, zone and band of
    attainment; plan, title, component, attainment (its middle), zone, n, slope (mean). Zones of fewer than five people
    are put together as "other zones" and bands with the next (attainment is then that of the mean's band), so that five
    people are in each row; what fewer than five people have altogether is left out. A mean is empty where fewer than
    five people make it other than 0, and in the bands beside it.
    Raises CompModelError for a step that is not above 0 and at most 1,000,000,000, and for points that are no share.
    """
    if not 0 < step <= MOST:
        raise CompModelError(f"step is {step:g}, but must be above 0 and at most {MOST:,}. Write 1000, for example.")
    if not (isfinite(points) and points >= 0):
        raise CompModelError(f"points is {points:g}, but must be a share of 0 or more. Write 0.05, for example.")
    frames = [_rows(comparison, run, step, points) for run in comparison.replays]
    table = pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)
    said = [
        _sentence(comparison, plan, frame, step, points) for plan, frame in zip(comparison.plans, frames, strict=True)
    ]
    return Answer(" ".join(said), people_counted(table) if comparison.names == "aliases" else table[COLUMNS])


def _rows(comparison: Comparison, run: Replay, step: float, points: float) -> pd.DataFrame:
    plan, people, which = run.plan, run.stage.people, moving(run)
    if not which:
        return pd.DataFrame(columns=[*COLUMNS, "payee_id", "is_dead"])
    paid, _ = pay(run, run.stage.results)
    value, attainment = (by_component(run, run.payouts, name) for name in ("value", "attainment"))
    frames, n = [], len(people)
    unknown_all, is_dead_any, has_cliff, highest = np.ones(n, bool), np.zeros(n, bool), np.zeros(n, bool), np.zeros(n)
    for i in which:
        component, unknown = plan.components[i], np.isnan(attainment[:, i])
        cents, further = paid_further(run, stepped(run, {i: step}))
        at, jump = _nearest_cliff(run, i, value[:, i], further[:, i], points)
        beyond = paid_further(run, at_values(run, i, _far_beyond(run, i, value[:, i])))[0]
        is_dead = ~unknown & ((attainment[:, i] < 1 - NEAR) | (beyond > paid))
        frame = people[["payee_id", "period"]].assign(component=component.name, value=value[:, i], unit=component.unit)
        frame = frame.assign(attainment=attainment[:, i], extra=cents - paid, cliff_at=at, cliff_pay=jump)
        frames.append(frame.assign(zone=_zones(cents - paid, is_dead, jump != 0, unknown), is_dead=is_dead))
        unknown_all &= unknown
        is_dead_any |= is_dead
        has_cliff |= jump != 0
        highest = np.maximum(highest, jump)
    joint = paid_further(run, stepped(run, dict.fromkeys(which, step)))[0] - paid
    last = people[["payee_id", "period"]].assign(component=ALL, value=np.nan, unit="", attainment=np.nan, extra=joint)
    zone = _zones(joint, is_dead_any, has_cliff, unknown_all)
    frames.append(last.assign(cliff_at=np.nan, cliff_pay=highest, zone=zone, is_dead=is_dead_any))
    table = pd.concat(frames, ignore_index=True).merge(comparison.labels, on="payee_id", how="left", validate="m:1")
    is_paid = pd.MultiIndex.from_frame(table[["payee_id", "period"]]).isin(
        pd.MultiIndex.from_frame(run.payouts[["payee_id", "period"]])
    )
    table = table[is_paid]  # the plan may pay nothing for a role
    money = table[["extra", "cliff_pay"]] / 100
    is_undefined = table["zone"] == UNDEFINED
    table = table.assign(**money.mask(is_undefined), plan=plan.name, title=plan.title)
    table = table.assign(slope=table["extra"] * 1000 / step, cliff_pay=table["cliff_pay"].mask(table["cliff_pay"] == 0))
    order = {period.name: n for n, period in enumerate(run.periods)}
    by = table["period"].map(order)
    return table.assign(by=by).sort_values(["person", "by"], kind="stable").drop(columns="by").reset_index(drop=True)


def _zones(extra: Array, is_dead: Truths, has_cliff: Truths, is_undefined: Truths) -> Array:
    tests = [is_undefined, has_cliff, extra < 0, extra > 0, is_dead]
    return np.select(tests, [UNDEFINED, CLIFF, LESS, PAYS, DEAD], CAPPED)


def _far_beyond(run: Replay, i: int, value: Floats) -> Floats:
    """A measured value beyond anything that a curve tells apart, or all that there is to keep."""
    component = run.plan.components[i]
    target, rule = by_component(run, run.payouts, "target")[:, i], component.attainment
    last = max(at for at, _ in (*component.curve.points, *component.curve.bands, (1.0, 0.0)))
    far = np.maximum(rule.floor + (1 + 2 * last) * np.abs(target - rule.floor), value)
    if component.metric in FALLING:
        far = np.minimum(0.0, value)
    elif component.metric in AT_MOST_ALL:
        far = np.maximum(1.0, value)
    return _before_the_year(far, _months(run, component), component)


def _months(run: Replay, component: Component) -> Array:
    by_name = {period.name: component.months(period) for period in run.periods}
    return run.stage.people["period"].map(by_name).to_numpy()


def _nearest_cliff(run: Replay, i: int, value: Floats, further: Floats, points: float) -> tuple[Floats, Floats]:
    """The first result ahead of each person at which pay jumps, near enough, and by how many cents; NaN and 0."""
    component, people = run.plan.components[i], run.stage.people
    months = _months(run, component)
    target = by_component(run, run.payouts, "target")[:, i]
    better = -1.0 if component.metric in FALLING else 1.0
    span = np.abs(target - component.attainment.floor) * points
    found, height = np.full(len(people), np.nan), np.zeros(len(people))
    for edge in pay_edges(run.plan, i):
        at = _value_at(edge, target, component)
        near = NEAR * np.maximum(1.0, np.abs(at))
        ahead = better * (at - value)
        is_near = (ahead > near) | ((np.abs(ahead) <= near) & edge.is_upper)
        is_near &= ahead <= np.maximum(better * (further - value), span) + near
        is_near &= ~(better * (at - found) >= 0)  # the nearest counts
        if not is_near.any():
            continue
        sides = []
        for side in (better, -better):
            held = np.where(is_near, at + side * BESIDE * np.maximum(1.0, np.abs(at)), np.nan)
            sides.append(paid_further(run, at_values(run, i, _before_the_year(held, months, component)))[0])
        jumped = np.where(is_near, sides[0] - sides[1], 0)
        is_jump = jumped != 0
        found, height = np.where(is_jump, at, found), np.where(is_jump, jumped, height)
    return found, height


def pay_edges(plan: Plan, i: int) -> list[Edge]:
    """Returns where a component's result may make pay jump: edges of its curve and scores, thresholds of conditions."""
    component = plan.components[i]
    rule = component.attainment
    edges = [Edge("attainment", at, is_upper) for at, _, is_upper in curve_cliffs(component.curve)]
    edges += [Edge("value", at, rule.edge == "upper") for at, _ in rule.scores]
    conditions = [(own.name, r) for own in plan.components for r in own.adjustments if isinstance(r, Condition)]
    conditions += [(component.name, r) for r in plan.conditions]
    for own, condition in conditions:
        if (condition.component or own) == component.name and condition.of != "factor":
            edges.append(Edge(condition.of, condition.threshold, False))
    return edges


def curve_cliffs(curve: Curve) -> list[tuple[float, float, bool]]:
    """Returns a curve's jumps: attainment, height in factor, and whether exactly there still pays as below.

    >>> curve = Curve(kind="table", bands=((0.9, 0.5), (1, 1)), edge=("lower", "upper"), beyond="hold")
    >>> curve_cliffs(curve)
    [(0.9, 0.5, False), (1.0, 0.5, True)]
    """
    begins = [at for at, _ in curve.points or curve.bands]
    sides = curve.edge if isinstance(curve.edge, tuple) else (curve.edge,) * len(begins)
    is_upper = {at: side == "upper" for at, side in zip(begins, sides, strict=True)}
    return [(at, float(exact(high) - exact(low)), is_upper[at]) for at, low, high in jumps(curve)]


def _value_at(edge: Edge, target: Floats, component: Component) -> Floats:
    rule = component.attainment
    if edge.of == "value":
        return np.full(len(target), edge.at)
    if rule.kind == "scores":
        return np.full(len(target), np.nan)  # attained at a score's edge, which is an edge of its own
    if rule.kind == "reverse":
        return target / edge.at if edge.at > 0 else np.full(len(target), np.nan)
    at: Floats = rule.floor + edge.at * (target - rule.floor)
    return at


def _before_the_year(held: Floats, months: Array, component: Component) -> Floats:
    """The measured value that makes this one in a year."""
    times, found = 12 // months, held
    if component.annualised == "adding":
        found = 1 + (held - 1) / times
    elif component.annualised:
        found = np.maximum(held, 0.0) ** (1 / times)
    return found


def people_counted(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of `marginal_pay` as it is beside aliases; unchanged where it already is."""
    if "n" in table:
        return table
    band = np.floor(table["attainment"] / BAND + NEAR) * BAND
    rows = []
    for (plan, title, component), mine in table.assign(band=band).groupby(["plan", "title", "component"], sort=False):
        for zone, some in mine.groupby(_zones_shown(mine)):
            bands = _bands_of_five(some)
            n_paid = [of.loc[of["slope"].notna() & (of["slope"] != 0), "person"].nunique() for of in bands]
            is_told = not any(0 < n < SMALLEST_TEAM for n in n_paid)  # a sum of all bands would tell the one left out
            for of, n in zip(bands, n_paid, strict=True):
                slope = round(of["slope"].mean(), 2) if is_told or not n else np.nan
                middle = np.floor(of["band"].mean() / BAND + NEAR) * BAND + BAND / 2  # where its people are on average
                rows.append((plan, title, component, round(middle, 6), zone, len(of), slope))
    found = pd.DataFrame(rows, columns=["plan", "title", "component", "attainment", "zone", "n", "slope"])
    order = {name: i for i, name in enumerate(dict.fromkeys(table["plan"]))}
    keys = ["by", "component", "attainment", "zone"]
    return (
        found.assign(by=found["plan"].map(order)).sort_values(keys, kind="stable", ignore_index=True).drop(columns="by")
    )


def _zones_shown(mine: pd.DataFrame) -> pd.Series:
    """The zone that each row counts in: those of fewer than five people are put together, with the next if need be."""
    sizes = mine.groupby("zone")["person"].nunique().sort_values(kind="stable")
    few = list(sizes.index[sizes < SMALLEST_TEAM])
    for zone in sizes.index[len(few) :]:
        if few and mine.loc[mine["zone"].isin(few), "person"].nunique() < SMALLEST_TEAM:
            few.append(zone)
    return mine["zone"].where(~mine["zone"].isin(few), OTHER)


def _bands_of_five(some: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows by band, each band with the next ones until it has five people, the last few with those below; or none."""
    found: list[pd.DataFrame] = []
    for _, of in some.groupby("band", dropna=False):
        if found and found[-1]["person"].nunique() < SMALLEST_TEAM:
            found[-1] = pd.concat([found[-1], of])
        else:
            found.append(of)
    if len(found) > 1 and found[-1]["person"].nunique() < SMALLEST_TEAM:
        found[-2:] = [pd.concat(found[-2:])]
    return [of for of in found if of["person"].nunique() >= SMALLEST_TEAM]


def _sentence(comparison: Comparison, plan: Plan, rows: pd.DataFrame, step: float, points: float) -> str:
    whole = rows[rows["component"] == ALL]
    known = whole[whole["zone"] != UNDEFINED]
    if not len(known):
        return f"{plan.title} pays nobody on a measure of ARR here, so no further ARR pays."

    def is_few(some: pd.Series | pd.Index[int]) -> bool:
        return comparison.names == "aliases" and 0 < whole.loc[some, "person"].nunique() < SMALLEST_TEAM

    def share_words(some: pd.Series, share: str) -> str:
        if is_few(some[some].index):
            return "for fewer than five people"
        return "for all but fewer than five people" if is_few(some[~some].index) else f"in {share}"

    if is_few(whole["zone"] != UNDEFINED):
        return f"{plan.title} measures ARR for fewer than five people, so nothing of it is shown beside aliases."
    n, of = len(known), people_periods(plan.pay.period, len(known))
    nothing = known["extra"] == 0
    share = share_words(nothing, percent(nothing.mean()))
    said = (
        f"Under {plan.title} another {step:,.0f} {comparison.currency} of retained ARR paid nothing {share} of {n} {of}"
    )
    is_dead = known["is_dead"].astype(bool) & nothing
    parts = [(is_dead, "in a dead zone"), (nothing & ~is_dead, "with the cap reached")]
    is_told = not any(is_few(some[some].index) for some in (is_dead, nothing & ~is_dead, ~nothing))  # one tells another
    shares = [f"{_share(some)} {words}" for some, words in parts if some.any() and is_told]
    said += f" ({', '.join(shares)})" if shares else ""
    near = known["zone"] == CLIFF
    if near.any():
        highest = f", worth up to {short_money(known['cliff_pay'].max())}" if comparison.names == "shown" else ""
        where = share_words(near, _share(near))
        said += f"; a cliff lay within the step or {points * 100:g} points {where}{highest}"
    n_none = len(whole) - n
    none = "some of fewer than five people" if is_few(whole["zone"] == UNDEFINED) else count_words(n_none, "other")
    return said + (f"; {none} had nothing measured" if n_none else "") + "."


def _share(some: pd.Series) -> str:
    """A share that is not none is never said as 0%."""
    return percent(some.mean(), int(0 < some.mean() < 0.01))
