"""Scenarios of a plan's numbers as arrays: each component's distinct settings, which of them each has, and weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from compmodel.compiled_pay import Rules, compiled_cents, packed
from compmodel.components import LARGEST_SHARE, Component
from compmodel.curve_lines import curve_lines
from compmodel.curves import Curve
from compmodel.errors import SHOWN, CompModelError, PlanError
from compmodel.levers import UNEQUAL, taking_the_rest, weight_path
from compmodel.money import Cents, exact
from compmodel.pay_lines import Settings
from compmodel.plan import Plan
from compmodel.prepared_pay import Prepared, Sweep, sweep
from compmodel.stage_pay import Kernel, paid

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
PATH = re.compile(
    r"components\.(\w+)\.(weight|target(?:\.default)?|attainment\.floor|curve\.(?:points|bands)\.\d+\.[01])"
)


class Wanted(NamedTuple):
    """Scenarios as arrays: of each component its settings, which of them each scenario has, and weights.

    `rules`: curves and conditions as compiled loops read them, None where they cannot.
    """

    settings: tuple[Settings, ...]
    which: npt.NDArray[np.intp]
    weights: Floats
    rules: Rules | None
    suspects: npt.NDArray[np.bool_]


def changes_of(settings: pd.DataFrame, scenario: int) -> dict[str, object]:
    """Returns what a scenario changes, by path."""
    row = {str(path): settings[path].iloc[scenario] for path in settings.columns}
    return {path: number.item() if isinstance(number, np.generic) else number for path, number in row.items()}


def check(plan: Plan, settings: pd.DataFrame, wanted: Wanted | None) -> None:
    """Raises for scenarios that are no valid plan: those that look so, the first, or every one."""
    n = len(settings)
    suspects = np.flatnonzero(wanted.suspects) if wanted is not None else np.arange(n)
    problems = []
    for scenario in dict.fromkeys([*suspects.tolist(), *range(min(1, n))]):
        try:
            plan.moved(changes_of(settings, scenario))
        except PlanError as error:
            problems += [replace(of, place=f"scenario {settings.index[scenario]}") for of in error.problems]
        if len(problems) >= SHOWN:
            break
    if problems:
        raise CompModelError(problems)


def wanted_of(plan: Plan, settings: pd.DataFrame) -> Wanted | None:
    """Scenarios as arrays, None where they change what arrays do not hold."""
    names = [component.name for component in plan.components]
    by_component: dict[str, dict[str, Floats]] = {name: {} for name in names}
    for path in settings.columns:
        found = PATH.fullmatch(str(path))
        if not found or found[1] not in names or settings[path].dtype.kind not in "fiu":
            return None
        by_component[found[1]][found[2].removesuffix(".default")] = settings[path].to_numpy(dtype=float)
    for component in plan.components:
        moved, target = by_component[component.name], component.target
        if "target" in moved and (target.cases or target.yearly or target.ramp):
            return None
        if "attainment.floor" in moved and component.attainment.kind != "from_floor":
            return None
    return _wanted(plan, by_component, len(settings))


def wanted_now(plan: Plan) -> Wanted:
    """Returns one scenario, which changes nothing."""
    return _wanted(plan, {component.name: {} for component in plan.components}, 1)


def _wanted(plan: Plan, moved: dict[str, dict[str, Floats]], n: int) -> Wanted:
    suspects = np.zeros(n, dtype=bool)
    found = [_settings(component, moved[component.name], suspects) for component in plan.components]
    settings, which = tuple(of for of, _ in found), np.column_stack([here for _, here in found])
    weights = _weights(plan, moved, n, suspects)
    return Wanted(settings, which, weights, packed(plan.components, settings), suspects)


def _settings(component: Component, moved: dict[str, Floats], suspects: npt.NDArray[np.bool_]) -> tuple[Settings, Rows]:
    """A component's distinct settings and which each scenario has; marks scenarios that look invalid."""
    n, of_curve = len(suspects), sorted(path for path in moved if path.startswith("curve."))
    now = {"target": component.target.default, "attainment.floor": component.attainment.floor}
    if not any(path in moved for path in (*now, *of_curve)):
        target, floor = (np.array([float(value)]) for value in now.values())
        nothing = np.zeros(n, dtype=np.intp)
        return Settings(target, floor, np.zeros(1, np.intp), (curve_lines(component, component.curve),)), nothing
    columns = [moved.get(path, np.full(n, value)) for path, value in now.items()]
    columns += [moved[path] for path in of_curve]
    for column in columns:
        suspects |= ~np.isfinite(column)
    rows, which = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    target, floor = rows[:, 0], rows[:, 1]
    others = min([math for name, math in component.target.named().items() if name != "default"], default=np.inf)
    is_odd = ~(target > 0) | ~(target > floor) | ~(others > floor)
    if component.unit == "share":
        is_odd |= (target > LARGEST_SHARE) | (floor > LARGEST_SHARE)
    curves, curve_of = [curve_lines(component, component.curve)], np.zeros(len(rows), dtype=np.intp)
    if of_curve:
        distinct, curve_of = np.unique(rows[:, 2:], axis=0, return_inverse=True)
        now_lines, curves = curves[0], []
        for c, numbers in enumerate(distinct.tolist()):
            found = _curve(component.curve, of_curve, numbers)
            is_odd |= (found is None) & (curve_of.ravel() == c)
            curves.append(curve_lines(component, found) if found else now_lines)
    which = which.ravel()
    suspects |= is_odd[which]
    return Settings(target, floor, curve_of.ravel(), tuple(curves)), which


def _curve(curve: Curve, paths: Sequence[str], numbers: Sequence[float]) -> Curve | None:
    """The curve with these numbers, None where it is no valid one."""
    written = curve.model_dump(mode="json", exclude_unset=True)
    try:
        for path, number in zip(paths, numbers, strict=True):
            _, name, i, j = path.split(".")
            written[name][int(i)][int(j)] = number
        return Curve.model_validate(written)
    except (ValidationError, KeyError, IndexError):
        return None


def _weights(plan: Plan, moved: dict[str, dict[str, Floats]], n: int, suspects: npt.NDArray[np.bool_]) -> Floats:
    """Weights of scenarios x components, the last not named taking the rest, as `Plan.moved` has it."""
    weights = np.empty((n, len(plan.components)))
    changed = []
    for i, component in enumerate(plan.components):
        weights[:, i] = moved[component.name].get("weight", component.weight)
        changed += [weight_path(component)] if "weight" in moved[component.name] else []
    paths = [weight_path(component) for component in plan.components]
    last = taking_the_rest(paths, changed)
    if last is not None:
        at = paths.index(last)
        others = np.delete(weights, at, axis=1)
        wholes, whole = np.rint(others * 1e9), np.rint(plan.weights_total * 1e9)
        weights[:, at] = (whole - wholes.sum(axis=1)) / 1e9
        is_long = ~((wholes / 1e9 == others).all(axis=1) & (whole / 1e9 == plan.weights_total))
        for s in np.flatnonzero(is_long & np.isfinite(others).all(axis=1)).tolist():
            weights[s, at] = float(exact(plan.weights_total) - sum(map(exact, others[s].tolist())))
    elif changed:
        suspects |= np.abs(weights.sum(axis=1) - plan.weights_total) > UNEQUAL / 2
    suspects |= ~((weights >= 0) & (weights <= 1)).all(axis=1)
    if any(component.roles for component in plan.components) and changed:
        suspects |= True
    return weights


def swept(ready: Prepared, wanted: Wanted, scenarios: Rows) -> Sweep | None:
    """The lines of some scenarios, each with the settings they have alone."""
    every, which = [], np.zeros((len(scenarios), len(wanted.settings)), dtype=np.intp)
    for i, settings in enumerate(wanted.settings):
        if len(settings.target) == 1:
            every.append(settings)
            continue
        used, which[:, i] = np.unique(wanted.which[scenarios, i], return_inverse=True)
        curves, curve = np.unique(settings.curve[used], return_inverse=True)
        every.append(
            Settings(
                settings.target[used], settings.floor[used], curve.ravel(), tuple(settings.curves[c] for c in curves)
            )
        )
    return sweep(ready, every, which, wanted.weights[scenarios])


def scenario_pay(ready: Prepared, wanted: Wanted, scenarios: Rows, kernel: Kernel) -> Cents | None:
    """Returns pay in whole cents of the pay currency, scenarios x people; None where pay is too large."""
    pay = None
    if kernel == "compiled":
        which, weights = wanted.which[scenarios], wanted.weights[scenarios]
        pay = compiled_cents(ready, wanted.rules, wanted.settings, which, weights)
    if pay is None:
        found = swept(ready, wanted, scenarios)
        pay = None if found is None else paid(ready, found)
    return pay
