"""Whether cases come out as expected: every difference, in words.

Cents must be equal. Any other figure is equal when ours, rounded half up to the decimals that are written, is it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml

from compmodel.cases import Case, case_payouts, case_plan, load_cases
from compmodel.errors import CaseError, CompModelError, Problem, nearest
from compmodel.plan import Plan
from compmodel.replay import Replay, replay
from compmodel.sources import load_history
from compmodel.style import pay_money
from compmodel.tables import TABLES


class Difference(NamedTuple):
    """A figure that is not as expected, in words."""

    case: str
    said: str


def verify(path: str | Path) -> tuple[list[str], list[Difference]]:
    """Returns the names of a file's cases and every difference between what they expect and what comes out.

    A case that cannot be run is a difference, too. Raises CaseError when the file is no case file.
    """
    folder, cases = Path(path).parent, load_cases(path)
    found = []
    for case in cases:
        try:
            found += differences(case, case_plan(case, folder))
        except CompModelError as error:
            found.append(Difference(case.case, f"cannot be run. {error}"))
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
                raise CaseError([Problem(case.case, f"has no {name}, as it does not begin with tables", fix)])
            said = _compared(wanted, frames[name], name == "not_payouts", f"{case.case}: expect.{name}")
            found += [Difference(case.case, one) for one in said]
    return found


def _replayed(case: Case, plan: Plan) -> Replay:
    """The replay of a case's tables, read as any folder of tables is."""
    unknown = [name for name in case.tables if name not in TABLES]
    if unknown:
        raise CaseError([Problem(case.case, "is not a table", nearest(unknown[0], TABLES), "tables", value=unknown[0])])
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
        raise CaseError([Problem(place, "is not a column of what comes out", fix, value=unknown[0])])
    mine = frame
    for name, value in keys.items():
        mine = mine[mine[name].astype("str") == value]
    where = ", ".join(f"{name} {value}" for name, value in keys.items())
    if mine.empty:
        return [f"{where}: nothing comes out"]
    figures = {name: value for name, value in wanted.items() if name not in ASKED}
    if not figures:
        raise CaseError([Problem(place, "names a row but no figure", "Write payout, for example.", value=where)])
    found = []
    for name, value in figures.items():
        is_same, ours = _same(mine[name], value, name, f"{place}: {where}")
        if is_same == must_differ:
            verb = "comes out too, which the source has by its own slip" if must_differ else f"comes out as {ours}"
            notes = "; ".join(filter(None, mine["note"].unique())) if "note" in mine and not must_differ else ""
            found.append(f"{where}: {name} {value} {verb}" + (f" ({notes})" if notes else ""))
    return found


def _same(column: pd.Series, wanted: Any, name: str, where: str) -> tuple[bool, str]:
    """Whether a figure is as wanted, and ours in words."""
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if is_number and wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, int | float | Decimal)):
        raise CaseError([Problem(where, "must be a number", "Write it as 5000.00 or 0.92.", name, value=str(wanted))])
    if is_number:
        ours = _sum(column) if name in SUMMED else _only(column, where, name)
        return _agrees(ours, wanted, name), pay_money(ours) if name in SUMMED else f"{ours:.10g}"
    texts = sorted({str(text)[:10] if isinstance(text, pd.Timestamp) else str(text) for text in column})
    return texts == [str(wanted)], ", ".join(texts)


WHOLE = 6
"""Decimals to which a figure must agree that is written without any."""
SUMMED = ("payout", "cost", "credited_arr", "counted_arr", "renewed_arr")
"""Amounts in whole cents, which are added up where several rows answer."""


_LOST = 1e-4
"""Cents that floats may lose."""


def _sum(amounts: pd.Series) -> float:
    """Whole cents are added up as such; pay that a plan does not round as it is."""
    cents = np.rint(amounts.to_numpy(dtype=float) * 100)
    is_whole = (np.abs(amounts.to_numpy(dtype=float) * 100 - cents) < _LOST).all()
    return float(cents.sum() / 100) if is_whole else math.fsum(amounts)


def _only(numbers: pd.Series, where: str, name: str) -> float:
    found = numbers.dropna().unique().tolist()
    if len(found) > 1:
        raise CaseError([Problem(where, f"has several values of {name}", "Name the component, too.")])
    return float(found[0]) if found else float("nan")


def _agrees(ours: float, wanted: Any, name: str) -> bool:
    """Cents must be equal; any other figure equal when rounded half up to the decimals that are written."""
    if wanted is None:
        return ours != ours
    if ours != ours:
        return False
    if name in SUMMED and abs(ours * 100 - round(ours * 100)) < _LOST:
        return round(ours * 100) == Decimal(str(wanted)) * 100
    written = Decimal(str(wanted))
    places = -int(written.as_tuple().exponent)
    digits = Decimal(1).scaleb(-places if places > 0 else -WHOLE)
    return Decimal(repr(round(ours, 12))).quantize(digits, rounding=ROUND_HALF_UP) == written
