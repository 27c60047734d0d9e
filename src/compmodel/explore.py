"""What a plan costs, and how many it pays at target, as its levers move: sweeps, grids, a tornado, a heatmap.

Every setting is paid on what the run measured. A setting that makes no plan (a target below its floor) is left empty
and said (`trials.py`); a table that was stopped can be handed in again as `known` to go on. `cluster` is the address
of a Dask scheduler whose workers do the work, `n_threads` counts threads of this machine: figures stay the same bits.

Currently implemented: sweep, grid, heatmap, tornado, combinations, with_changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.blocks import Progress
from compmodel.compare import Answer
from compmodel.errors import CompModelError, nearest
from compmodel.levers import Lever
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.style import count_words, number_words, percent, short_money
from compmodel.trials import UNTRIED, lever_at, lever_values, refusal, tried

Of = Literal["cost", "share_at_target"]
Move = Literal["alike", "step", "tenth", "bounds"]
MOVES = {
    "alike": "a tenth lower or higher, percentages at most 5 points",
    "step": "one step of its own lower or higher",
    "tenth": "a tenth lower or higher",
    "bounds": "down and up to its bounds",
}
"""How far a tornado moves each number, as it is said."""
POINTS = 0.05


def sweep(
    run: Replay,
    path: str,
    values: Sequence[float] | None = None,
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Answer:
    """Returns what the plan costs as one lever moves, around its value as far as it makes plans, or over `values`.

    Its whole range is `values=lever_at(run.plan, path).grid`. Table: one row a value; value, cost, change (against the
    plan as it is), share_at_target, is_current, said.
    Raises CompModelError for an unknown lever.
    """
    lever = lever_at(run.plan, path)
    _refuse_empty({lever.path: values})
    if values is None:
        values = [one for one in lever_values(lever) if not refusal(run.plan, {lever.path: one})]
    earlier = None if known is None else known.rename(columns={"value": lever.path})
    table = _with_changes(run, {lever.path: values}, progress, earlier, cluster, n_threads).rename(
        columns={lever.path: "value"}
    )
    fits = table[table["cost"].notna() & _asked(table, {"value": values})]
    if fits.empty:
        return Answer(f"No value of the {lever.label} makes a plan. {_unfit_words(table)}".strip(), table)
    first, last, now = fits.iloc[0], fits.iloc[-1], _current(table)
    currency = run.history.settings.reporting_currency
    ends = [number_words(row["value"], lever.unit) for row in (first, last)]
    costs = [short_money(row["cost"]) for row in (first, last)]
    shares = [percent(row["share_at_target"]) for row in (first, last)]
    said = f"As the {lever.label} goes from {ends[0]} to {ends[1]}, cost goes from {costs[0]} to {costs[1]} {currency}"
    said += f" and the share at target from {shares[0]} to {shares[1]}."
    if now is not None:
        said += f" The plan's own {number_words(lever.value, lever.unit)} costs {short_money(now['cost'])}, with "
        said += f"{percent(now['share_at_target'])} at target."
    return Answer(f"{said} {_unfit_words(table)}".strip(), table)


def grid(
    run: Replay,
    values: Mapping[str, Sequence[float] | None],
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Answer:
    """Returns what the plan costs at every combination of values of levers; None stands for values around its own.

    Table: one row a combination; a column a lever's path, cost, change (against the plan as it is), share_at_target,
    is_current, said. Raises CompModelError for an unknown lever.
    """
    levers = {lever_at(run.plan, path): own for path, own in values.items()}
    _refuse_empty({lever.path: own for lever, own in levers.items()})
    every = {lever.path: lever_values(lever) if own is None else own for lever, own in levers.items()}
    table = _with_changes(run, every, progress, known, cluster, n_threads)
    currency = run.history.settings.reporting_currency
    said = _range_words(table[_asked(table, every)], list(levers), currency, _current(table))
    return Answer(f"{said} {_unfit_words(table)}".strip(), table)


def heatmap(
    run: Replay,
    path_x: str,
    path_y: str,
    of: Of = "cost",
    budget: float | None = None,
    values: Mapping[str, Sequence[float]] | None = None,
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Answer:
    """Returns two levers against each other, with what fits a budget (reporting currency, all periods together).

    Values are those around the plan's own unless given. Table: one row a combination; x, y, cost, change,
    share_at_target, is_current, said, is_within (the budget).
    """
    if of not in get_args(Of):
        raise CompModelError(f"{of!r} is nothing that a heatmap shows. {nearest(of, get_args(Of))}")
    pair = [lever_at(run.plan, path) for path in (path_x, path_y)]
    if pair[0] == pair[1]:
        raise CompModelError(f"A heatmap needs two levers, not {pair[0].label} twice. Choose another one.")
    names = {pair[0].path: "x", pair[1].path: "y"}
    earlier = None if known is None else known.rename(columns={name: path for path, name in names.items()})
    given = {lever_at(run.plan, path).path: list(own) for path, own in (values or {}).items()}
    chosen = {path: given.get(path) for path in names}
    found = grid(run, chosen, progress, earlier, cluster, n_threads).table
    currency, asked = run.history.settings.reporting_currency, _asked(found, given)
    said = f"{_range_words(found[asked], pair, currency, _current(found), of)} "
    said = (said + _unfit_words(found, with_reason=False)).strip()
    table = found.rename(columns=names)
    table["is_within"] = table["cost"] <= (np.inf if budget is None else budget)
    if budget is not None:
        n, of_all = int(table["is_within"].sum()), int(table["cost"].notna().sum())
        said = f"{n:,} of {of_all:,} combinations cost at most {short_money(budget)} {currency}. {said}"
    return Answer(said, table)


def tornado(
    run: Replay,
    levers: Sequence[str] | None = None,
    move: Move = "alike",
    progress: Progress | None = None,
    known: pd.DataFrame | None = None,
    cluster: str = "",
    n_threads: int = 1,
) -> Answer:
    """Returns what each lever moves alone, down and up: alike, by its own step, by a tenth of it, or to its bounds.

    Alike is by a tenth, but percentages by at most five points and whole numbers by whole ones, at least one; what is 0
    moves by a step. Without `levers` all are tried but the last weight, which is the rest, and targets of one person.
    Table: one row a lever, the largest effect first; path, label, unit, value, low, high, cost, low_cost, high_cost,
    low_change, high_change, effect (the larger of the two, signs aside), said.
    """
    if move not in get_args(Move):
        raise CompModelError(f"{move!r} is no move of a lever. {nearest(move, get_args(Move))}")
    chosen = _tornado_levers(run.plan) if levers is None else [lever_at(run.plan, path) for path in levers]
    _refuse_empty(dict.fromkeys((lever.path for lever in chosen), None))
    ends = {lever.path: lever_ends(lever, move) for lever in chosen}
    own = {lever.path: lever.value for lever in chosen}
    settings = [own, *({**own, path: end} for path, both in ends.items() for end in both)]
    earlier = None if known is None else _settings_of(known, own)
    every = tried(run, pd.DataFrame(settings), progress, earlier, cluster, n_threads)
    now, found = round(float(every["cost"].iloc[0]), 2), every.iloc[1:]
    rows = []
    for i, lever in enumerate(chosen):
        (low, high), costs = ends[lever.path], [round(float(cost), 2) for cost in found["cost"].iloc[2 * i : 2 * i + 2]]
        changes = [round(cost - now, 2) for cost in costs]
        said = "; ".join(dict.fromkeys(text for text in found["said"].iloc[2 * i : 2 * i + 2] if text))
        effect = float(np.nan_to_num(np.abs(changes)).max())
        rows.append((lever.path, lever.label, lever.unit, lever.value, low, high, now, *costs, *changes, effect, said))
    columns = ["path", "label", "unit", "value", "low", "high", "cost", "low_cost", "high_cost"]
    table = pd.DataFrame(rows, columns=[*columns, "low_change", "high_change", "effect", "said"])
    table = table.sort_values("effect", ascending=False, kind="stable").reset_index(drop=True)
    untried = int((every["said"] == UNTRIED).sum())
    stopped = f" {len(every) - untried:,} of {len(every):,} tried." if untried else ""
    return Answer(_tornado_words(table, move, run.history.settings.reporting_currency) + stopped, table)


def _settings_of(known: pd.DataFrame, own: Mapping[str, float]) -> pd.DataFrame:
    """The settings behind an earlier table, as `tried` knows them."""
    rows = [{**own, "cost": cost} for cost in known["cost"].head(1)]
    for end in ("low", "high"):
        rows += [{**own, row["path"]: row[end], "cost": row[f"{end}_cost"]} for _, row in known.iterrows()]
    return pd.DataFrame(rows).dropna(subset="cost").assign(share_at_target=np.nan, said="")


def _tornado_levers(plan: Plan) -> list[Lever]:
    weights = [lever.path for lever in plan.levers() if lever.path.endswith(".weight")]
    of_one = [
        f"components.{component.name}.target.cases.{i}.target"
        for component in plan.components
        for i, case in enumerate(component.target.cases)
        if case.payee_id is not None
    ]
    return [lever for lever in plan.levers() if lever.path not in (*weights[-1:], *of_one)]


def lever_ends(lever: Lever, move: Move, times: float = 1.0) -> tuple[float, float]:
    """Returns low and high of a lever that is moved down and up, so many times as far, within its bounds.

    >>> lever_ends(Lever("a", "NRR target", 1.15, 0.8, 1.5, 0.01, "share"), "alike")
    (1.1, 1.2)
    """
    tenth = abs(lever.value) / 10
    alike = min(tenth or lever.step, POINTS) if lever.unit == "share" else tenth or lever.step
    if lever.unit == "count" and lever.value == round(lever.value):
        alike = max(1.0, round(tenth))
    by = {"alike": alike, "step": lever.step, "tenth": tenth, "bounds": np.inf}[move] * times
    low, high = max(lever.lower, lever.value - by), min(lever.upper, lever.value + by)
    return round(low, 6), round(high, 6)  # a third beside more digits is read as another number


def _tornado_words(table: pd.DataFrame, move: Move, currency: str) -> str:
    if table["cost"].isna().all():
        return "Nothing is known yet."
    moved = table[table["effect"] > 0]
    if moved.empty:
        return "None of these levers moves cost."
    first = moved.iloc[0]
    sides: list[str] = []
    for end, change in (("low", "low_change"), ("high", "high_change")):
        if abs(first[change]) > 0:
            more = "more" if first[change] > 0 else "less"
            amount = short_money(abs(first[change])) + f" {currency}" * (not sides)
            sides.append(f"{number_words(first[end], first['unit'])} costs {amount} {more}")
    own = number_words(first["value"], first["unit"])
    said = f"The {first['label']}, now {own}, moves cost most: {', '.join(sides)}."
    if len(moved) > 1:
        further = moved.iloc[1]
        ends = " to ".join(number_words(further[end], further["unit"]) for end in ("low", "high"))
        said += f" Next is the {further['label']} ({ends}), up to {short_money(further['effect'])}."
    said += f" Each number is moved {MOVES[move]}."
    still = int(((table["effect"] == 0) & (table["said"] == "")).sum())
    stuck = int(((table["said"] != "") & (table["said"] != UNTRIED)).sum())
    for n, does in (
        (still, "moves nothing" if still == 1 else "move nothing"),
        (stuck, "could not be moved both ways"),
    ):
        said += f" {count_words(n, 'number').capitalize()} {does}." if n else ""
    return said


def _with_changes(
    run: Replay,
    values: Mapping[str, Sequence[float]],
    progress: Progress | None,
    known: pd.DataFrame | None,
    cluster: str,
    n_threads: int,
) -> pd.DataFrame:
    """Every combination of values, the plan's own among them, with its change against the plan as it is."""
    settings, is_current = combinations(run, values)
    return with_changes(tried(run, settings, progress, known, cluster, n_threads), is_current)


def combinations(run: Replay, values: Mapping[str, Sequence[float]]) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Returns every combination of values of levers by path, the plan's own values among them, and which is its own."""
    _refuse_empty(values)
    own = {path: lever_at(run.plan, path).value for path in values}
    axes = [sorted({*map(float, of), own[path]}) for path, of in values.items()]
    settings = pd.DataFrame(list(product(*axes)), columns=list(values))
    return settings, np.all(settings.to_numpy() == list(own.values()), axis=1)


def with_changes(found: pd.DataFrame, is_current: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Returns settings tried, with change (against the plan as it is) and is_current."""
    now = found["cost"].to_numpy()[is_current]
    change = (found["cost"] - float(now[0])).round(2)
    place = list(found.columns).index("cost")
    found.insert(place + 1, "change", change)
    found.insert(place + 3, "is_current", is_current)
    return found


def _refuse_empty(values: Mapping[str, Sequence[float] | None]) -> None:
    """Stops where no lever is named, or one has no value to try."""
    empty = [path for path, own in values.items() if own is not None and not len(own)]
    if empty or not values:
        what = f"{empty[0]} has no value to try" if empty else "No lever is named"
        raise CompModelError(f"{what}. Name a lever of plan.levers() and at least one value.")


def _current(table: pd.DataFrame) -> pd.Series | None:
    now = table[table["is_current"] & table["cost"].notna()]
    return None if now.empty else now.iloc[0]


def _asked(found: pd.DataFrame, values: Mapping[str, Sequence[float]]) -> pd.Series:
    """Which rows are of values asked for, and not of the plan's own alone."""
    rows = pd.Series(True, index=found.index)
    for name, of in values.items():
        rows &= found[name].isin(list(map(float, of)))
    return rows


def _range_words(
    table: pd.DataFrame, levers: Sequence[Lever], currency: str, now: pd.Series | None, of: Of = "cost"
) -> str:
    fits = table[table[of].notna()]
    if fits.empty:
        return "No combination makes a plan."
    words, said = short_money if of == "cost" else percent, list[str]()
    for at in (int(fits[of].argmin()), int(fits[of].argmax())):
        row = fits.iloc[at]
        where = ", ".join(f"{lever.label} {number_words(row[lever.path], lever.unit)}" for lever in levers)
        said.append(f"{words(row[of])}{f' {currency}' * (of == 'cost' and not said)} ({where})")
    own = "" if now is None else f" The plan as it is {'costs' if of == 'cost' else 'has'} {words(now[of])}."
    return f"{'Cost' if of == 'cost' else 'The share at target'} runs from {said[0]} to {said[1]}.{own}"


def _unfit_words(table: pd.DataFrame, with_reason: bool = True) -> str:
    """How many settings were not tried, and how many make no plan, and why the first; nothing where all are well."""
    untried, unfit = table["said"] == UNTRIED, (table["said"] != "") & (table["said"] != UNTRIED)
    said = []
    if untried.any():
        said.append(f"{len(table) - int(untried.sum()):,} of {len(table):,} tried.")
    if unfit.any():
        make = "makes" if unfit.sum() == 1 else "make"
        reason = f" ({table.loc[unfit, 'said'].iloc[0].rstrip('.')})" if with_reason else ""
        said.append(f"{int(unfit.sum()):,} of {len(table):,} {make} no plan{reason}.")
    return " ".join(said)
