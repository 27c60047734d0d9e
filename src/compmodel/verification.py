"""Whether cases come out as expected: every difference, in words.

Cents must be equal. Any other figure is equal when ours, rounded half up to the decimals that are written, is it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml

from compmodel.cases import Case, case_payouts, case_plan, load_cases
from compmodel.errors import PlanError, Problem, nearest
from compmodel.plan import Plan
from compmodel.replay import Replay, replay
from compmodel.sources import load_history
from compmodel.tables import TABLES


class Difference(NamedTuple):
    """A figure that is not as expected, in words."""

    case: str
    said: str


def verify(path: str | Path) -> tuple[list[str], list[Difference]]:
    """Returns the names of a file's cases and every difference between what they expect and what comes out.

    Raises PlanError or DataError when a case cannot be run.
    """
    folder, cases = Path(path).parent, load_cases(path)
    found = [difference for case in cases for difference in differences(case, case_plan(case, folder))]
    return [case.case for case in cases], found


def differences(case: Case, plan: Plan) -> list[Difference]:
    """Returns every difference between what a case expects and what comes out; none where all is as expected."""
    frames: dict[str, pd.DataFrame] = {}
    if case.tables:
        run = _replayed(case, plan)
        frames = {"payouts": run.payouts, "credits": _in_currency(run.credits), "measurements": run.measurements}
    else:
        frames["payouts"] = case_payouts(case, plan)
    frames["not_payouts"] = frames["payouts"]
    found = []
    for name in type(case.expect).model_fields:
        for wanted in getattr(case.expect, name):
            if name not in frames:
                fix = "Expect payouts, or begin with tables."
                raise PlanError([Problem(case.case, f"has no {name}, as it does not begin with tables", fix)])
            said = _compared(wanted, frames[name], name == "not_payouts", f"{case.case}: expect.{name}")
            found += [Difference(case.case, one) for one in said]
    return found


def _replayed(case: Case, plan: Plan) -> Replay:
    """The replay of a case's tables, read as any folder of tables is."""
    unknown = [name for name in case.tables if name not in TABLES]
    if unknown:
        raise PlanError([Problem(case.case, "is not a table", nearest(unknown[0], TABLES), "tables", value=unknown[0])])
    settings = {
        "title": case.case,
        "reporting_currency": "USD",
        "calendar": case.calendar.model_dump(),
        **case.settings,
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mapping.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        for name, rows in case.tables.items():
            pd.DataFrame(rows).to_csv(Path(folder, f"{name}.csv"), index=False)
        history = load_history(folder)
    return replay([plan], history, str(case.periods))[0]


def _in_currency(credits: pd.DataFrame) -> pd.DataFrame:
    cents = [name for name in credits if str(name).endswith("_cents")]
    amounts = {str(name).replace("_cents", "_arr"): credits[name] / 100 for name in cents}
    return credits.drop(columns=cents).assign(**amounts)


ASKED = ("payee_id", "period", "component", "event_id", "account_id", "level", "unit_id", "payee", "window")
"""What rows are looked up by; all else is a figure."""


def _compared(wanted: Mapping[str, Any], frame: pd.DataFrame, must_differ: bool, place: str) -> list[str]:
    keys = {name: str(value) for name, value in wanted.items() if name in ASKED}
    unknown = [name for name in wanted if name not in frame.columns]
    if unknown:
        fix = nearest(unknown[0], map(str, frame.columns))
        raise PlanError([Problem(place, "is not a column of what comes out", fix, value=unknown[0])])
    mine = frame
    for name, value in keys.items():
        mine = mine[mine[name].astype("str") == value]
    where = ", ".join(f"{name} {value}" for name, value in keys.items())
    if mine.empty:
        return [f"{where}: nothing comes out"]
    figures = {name: value for name, value in wanted.items() if name not in ASKED}
    said = []
    for name, value in figures.items():
        if isinstance(value, str):
            texts = mine[name].astype("str").unique().tolist()
            is_same = texts == [value]
            ours = ", ".join(texts)
        else:
            ours_number = _sum(mine[name]) if name in SUMMED else _only(mine[name], where, name)
            is_same = _agrees(ours_number, value, name)
            ours = f"{ours_number:,.2f}" if name in SUMMED else f"{ours_number:.10g}"
        if is_same == must_differ:
            verb = "comes out too, which the source has by its own slip" if must_differ else f"comes out as {ours}"
            said.append(f"{where}: {name} {value} {verb}")
    return said


SUMMED = ("payout", "cost", "credited_arr", "counted_arr", "renewed_arr")
"""Amounts in whole cents, which are added up where several rows answer."""


def _sum(amounts: pd.Series) -> float:
    return float(np.rint(amounts.to_numpy(dtype=float) * 100).sum() / 100)


def _only(numbers: pd.Series, where: str, name: str) -> float:
    found = numbers.dropna().unique().tolist()
    if len(found) > 1:
        raise PlanError([Problem(where, f"has several values of {name}", "Name the component, too.")])
    return float(found[0]) if found else float("nan")


def _agrees(ours: float, wanted: Any, name: str) -> bool:
    """Cents must be equal; any other figure equal when rounded half up to the decimals that are written."""
    if wanted is None:
        return ours != ours
    if ours != ours:
        return False
    if name in SUMMED:
        return round(ours * 100) == Decimal(str(wanted)) * 100
    written = Decimal(str(wanted))
    digits = Decimal(1).scaleb(min(int(written.as_tuple().exponent), 0))
    return Decimal(repr(round(ours, 12))).quantize(digits, rounding=ROUND_HALF_UP) == written
