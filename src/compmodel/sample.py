"""The sample company: sixty payees and twelve quarters drawn from one seed, and the truth that real data never shows.

Six teams (two regions, three segments) of seven seats and a lead. Accounts belong to seats; seats are filled, left,
covered and filled again. Each contract lives term by term: it is renewed early or late, grows, shrinks, ends, may come
back. Whoever holds an account adds a small true skill to a lot of luck.

Conventions: effective history from 2023-01-01 to 2025-12-31 and nothing signed or noticed later; `ends_on` and `due_on`
are the last day of a term, `effective_on` the first day after it; an account's `new` event carries the ARR it had at
the start of 2023. Days are ordinals until the tables are built. Only uniform numbers are drawn from the generator and
every amount is rounded, so a seed gives the same bytes everywhere.

Currently implemented: sample_tables, sample_truth, write_sample.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from compmodel.documents import write_beside
from compmodel.errors import CompModelError
from compmodel.sample_contracts import account_kpis, assignment_rows, drawn_contract
from compmodel.sample_people import (
    ACCOUNT_NAMES,
    CHURN_SKILL_SD,
    CURRENCIES,
    END,
    EPOCH,
    FIRST_NAMES,
    GROWTH_SKILL_SD,
    LAST_NAMES,
    RATES,
    SEGMENTS,
    SETTINGS,
    WINDFALL,
    Draw,
    Row,
    Skills,
    Tables,
    day_of,
    drawn_team,
    payee_kpis,
    payee_rows,
)
from compmodel.tables import DTYPES, LOSSES, TABLES, Column


def _fx_rows(draw: Draw) -> list[Row]:
    rows = []
    for currency, rate in RATES.items():
        for day in range(day_of("2022-12-01"), END + 1):
            if dt.date.fromordinal(day).weekday() < 5:
                rows.append({"currency": currency, "on": day, "rate": round(rate, 4)})
                rate *= math.exp(draw.normal(0.0045) - 0.004 * math.log(rate / RATES[currency]))
    return rows


def _cells(values: pd.Series, column: Column) -> pd.Series:
    if column.type == "date":
        days = [None if pd.isna(day) else np.datetime64(int(day) - EPOCH, "D") for day in values]
        values = pd.Series(np.array(days, dtype="datetime64[s]"))
    typed: pd.Series = values.astype(np.dtype(DTYPES[column.type]) if column.type != "text" else "str")
    return typed


def _table(name: str, rows: list[Row]) -> pd.DataFrame:
    columns = TABLES[name].columns
    frame = pd.DataFrame(rows, columns=[column.name for column in columns])
    frame = frame.sort_values(list(TABLES[name].key), ignore_index=True)
    return pd.DataFrame({column.name: _cells(frame[column.name], column) for column in columns})


def _company(seed: int) -> tuple[Tables, Skills]:
    staff, names = Draw(seed, 1), Draw(seed, 2)
    teams = [drawn_team(n, *pair, staff) for n, pair in enumerate(product(CURRENCIES, SEGMENTS))]
    skills = {i: (staff.normal(CHURN_SKILL_SD), staff.normal(GROWTH_SKILL_SD)) for t in teams for i in t.ids[1:]}
    people = [" ".join(n) for n in zip(*(names.shuffled(w.split()) for w in (FIRST_NAMES, LAST_NAMES)), strict=True)]
    titles = names.shuffled(list(product(*(words.split() for words in ACCOUNT_NAMES))))
    rows: dict[str, list[Row]] = {name: [] for name in TABLES} | {"fx_rates": _fx_rows(Draw(seed, 3))}
    for n, team in enumerate(teams):
        rows["payees"] += payee_rows(team, people[10 * n : 10 * n + 10], staff)
        rows["kpis"] += payee_kpis(team, Draw(seed, 4, n))
        for k in range(team.segment.n_opening + team.segment.n_later):
            number = len(rows["accounts"]) + 1
            c = drawn_contract(team, f"A{number:04d}", k < team.segment.n_opening, skills, Draw(seed, 5, number))
            account = {"account_id": c.account_id, "segment": team.segment.name, "region": team.region}
            rows["accounts"].append(account | {"name": " ".join(titles[number])})
            rows["arr_events"] += c.rows
            rows["assignments"] += assignment_rows(c)
            rows["kpis"] += account_kpis(c)
    rows["arr_events"].sort(key=lambda row: (row["effective_on"], row["account_id"]))
    booked = Draw(seed, 6)
    for n, row in enumerate(rows["arr_events"], start=1):
        # Most are closed in the CRM within the week; one in thirty is forgotten, often beyond the quarter.
        closed = (row["signed_on"] if "signed_on" in row else row["notice_on"]) + booked.between(0, 5)
        closed += booked.between(20, 100) * booked.chance(1 / 30)
        row |= {"event_id": f"E{n:05d}", "closed_on": closed if closed <= END else None}
    return {name: _table(name, rows[name]) for name in TABLES}, skills


@dataclass(frozen=True)
class SampleTruth:
    """What only a sample can know: `summary` for the whole company, `payees` one row a CSM."""

    summary: dict[str, float]
    payees: pd.DataFrame


def _quarters(tables: Tables) -> tuple[pd.DataFrame, pd.Series]:
    """Returns ARR by account at the start of each quarter and after the last, and each event's size, in USD."""
    events, fx = tables["arr_events"], tables["fx_rates"]
    constant = fx[fx["on"] == pd.Timestamp(yaml.safe_load(SETTINGS)["exchange"]["constant_on"])]
    size = events["arr_delta"] * events["currency"].map(constant.set_index("currency")["rate"]).fillna(1.0)
    edges = pd.date_range("2023-01-01", "2026-01-01", freq="QS")
    after = pd.Series(edges.searchsorted(events["effective_on"], side="right"), name="quarter")
    moved = size.groupby([events["account_id"], after]).sum().unstack(fill_value=0)
    return moved.iloc[:, : len(edges)].cumsum(axis=1).set_axis(edges, axis=1).round(2), size


def _luck(tables: Tables, arr: pd.DataFrame, segment: pd.Series) -> pd.Series:
    """Returns the variance of a quarter's NRR that equal skill leaves, by payee: the mean over the quarters."""
    change = (arr.shift(-1, axis=1) / arr.where(arr > 0) - 1).iloc[:, :-1].stack()
    variance = change.groupby(segment.reindex(change.index.get_level_values(0)).to_numpy()).var()
    books, found = tables["assignments"], []
    for edge in arr.columns[:-1]:
        held = books[(books["starts_on"] <= edge) & ~(books["ends_on"] < edge)].set_index("account_id")
        weight = held["split"] * arr[edge].reindex(held.index)
        share = weight / weight.groupby(held["payee_id"]).transform("sum")
        luck = share**2 * variance.reindex(segment.reindex(held.index)).to_numpy()
        found.append(luck.groupby(held["payee_id"]).sum())
    by_payee: pd.Series = pd.concat(found).groupby(level=0).mean()
    return by_payee


def _truth(seed: int, tables: Tables, skills: Skills) -> SampleTruth:
    arr, size = _quarters(tables)
    segment = tables["accounts"].set_index("account_id")["segment"]
    events = tables["arr_events"].assign(size=size, segment=tables["arr_events"]["account_id"].map(segment))
    events = events[events["effective_on"].between(arr.columns[0], arr.columns[-1])]
    opening = arr.iloc[:, :-1].sum(axis=1).groupby(segment).sum() / 4
    grown = (events["event_type"] == "expansion") & (events["reason"] != WINDFALL)
    lost = events["event_type"].isin(LOSSES)
    loss_rate, growth_rate = (events[rows].groupby("segment")["size"].sum() / opening for rows in (lost, grown))
    payees = pd.DataFrame([{"payee_id": i, "churn_skill": a, "growth_skill": b} for i, (a, b) in skills.items()])
    mine = payees["payee_id"].map(tables["payees"].drop_duplicates("payee_id").set_index("payee_id")["segment"])
    kept = mine.map(loss_rate) * np.expm1(-payees["churn_skill"])
    gained = mine.map(growth_rate) * np.expm1(payees["growth_skill"])
    luck = _luck(tables, arr, segment)
    payees["nrr_effect_points"] = 100 * (kept + gained)
    payees["luck_sd_points"] = 100 * np.sqrt(payees["payee_id"].map(luck))
    summary = {
        "seed": seed,
        "churn_skill_sd": CHURN_SKILL_SD,
        "growth_skill_sd": GROWTH_SKILL_SD,
        "nrr_effect_sd_points_a_year": round(float(payees["nrr_effect_points"].std(ddof=0)), 2),
        "luck_sd_points_a_quarter": round(float(100 * np.sqrt(luck.mean())), 2),
    }
    return SampleTruth(summary, payees.round(4))


def _written(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _csv(table: pd.DataFrame) -> str:
    """Returns the table as CSV: LF, ISO dates, at most four decimals, flags as true and false."""
    return table.astype(object).map(_written, na_action="ignore").to_csv(index=False, lineterminator="\n")


def sample_tables(seed: int = 7) -> Tables:
    """Returns the sample company's canonical tables by name, with the declared columns and types.

    *Grain*: as declared in `tables.TABLES`; each is ordered by its key. The same seed gives the same tables.

    >>> sample_tables(7)["payees"]["payee_id"].nunique()
    60
    """
    return _company(seed)[0]


def sample_truth(seed: int = 7) -> SampleTruth:
    """Returns the truth behind the sample company: each CSM's true effect, and the luck that hides it.

    *Grain*: `payees` has one row a CSM. Columns: payee_id, churn_skill and growth_skill (logs of the factors on losses,
    turned round, and on expansions: positive is better), nrr_effect_points (what both add to a year's NRR),
    luck_sd_points (the standard deviation of a quarter's NRR in books as concentrated when all are equally good).

    >>> len(sample_truth(7).payees)
    54
    """
    return _truth(seed, *_company(seed))


def _texts(seed: int) -> dict[str, str]:
    """Each file of the sample company."""
    tables, skills = _company(seed)
    truth = _truth(seed, tables, skills)
    texts = {f"{name}.csv": _csv(table) for name, table in tables.items()}
    texts |= {"mapping.yaml": SETTINGS, "truth/payees.csv": _csv(truth.payees)}
    return texts | {"truth/truth.yaml": yaml.safe_dump(truth.summary, sort_keys=False)}


def _is_untouched(folder: Path) -> bool:
    """Tells whether a folder holds a sample company as it was written."""
    try:
        seed = int(yaml.safe_load((folder / "truth/truth.yaml").read_text(encoding="utf-8"))["seed"])
        return all((folder / name).read_bytes() == text.encode() for name, text in _texts(seed).items())
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return False


def write_sample(folder: Path | str, seed: int = 7) -> None:
    """Writes the sample company: a CSV file a table, mapping.yaml, and the truth in a folder of its own.

    Each file is written beside its place and renamed, so a reader never sees half of one. Raises CompModelError
    rather than overwrite a folder that holds other tables, or a sample that somebody has changed.
    """
    folder = Path(folder)
    if folder.is_file() or (any(folder.glob("*.csv")) and not _is_untouched(folder)):
        raise CompModelError(f"{folder} holds something that is no sample company. Choose an empty or new folder.")
    texts = _texts(seed)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_beside(folder / name, text.encode())
