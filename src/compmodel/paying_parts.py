"""What scenarios and draws are paid from: a run without its history, and its people a part at a time.

People are cut so that no array of settings x people and periods x components grows with the company. A person's
periods stay together, because balances run over them; where pay is shared between people nobody is cut off.

Currently implemented: paying_part, parts_of_people, of_people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.clawbacks import clawbacks
from compmodel.money import Cents
from compmodel.pay_otherwise import pays_alone
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.tables import TABLES

Rows = npt.NDArray[np.intp]
PART = 2**16
"""People and periods times components of a part: some 100 MB while it is paid under many settings."""


def paying_part(run: Replay) -> Replay:
    """Returns the run with what scenarios and other values are paid from, and without history, ledgers and ratios.

    What a clawback takes back is in the ledgers: a plan with one takes them along.
    """
    tables = {name: getattr(run.history, name).head(0) for name in TABLES}
    stage = run.stage
    if not list(clawbacks(run.plan.adjustments)):
        stage = stage._replace(recovered=_nothing_recovered)
    history, nothing = replace(run.history, warnings=(), **tables), pd.DataFrame()
    return Replay(run.plan, history, run.periods, nothing, nothing, nothing, nothing, stage)


def _nothing_recovered(plan: Plan, cents: Cents) -> dict[int, Cents]:
    return {}


def parts_of_people(run: Replay) -> Iterator[tuple[Rows, Replay]]:
    """Yields rows of `run.stage.people`, ascending, and the run of these people alone; a small run as it is.

    Each part pays its rows to the cent what the whole run does, so sums of cents over parts are the run's. A person is
    never cut; a plan that shares a pool or budget, or takes back by clawbacks, is one part.
    """
    people, n_components = run.stage.people, len(run.plan.components)
    most = max(1, PART // n_components)
    if len(people) <= most or not pays_alone(run.plan):
        yield np.arange(len(people)), run
        return
    payee = pd.factorize(people["payee_id"])[0]
    n_rows = np.bincount(payee)
    part = ((np.cumsum(n_rows) - n_rows) // most)[payee]  # of whole people, in the order of their first rows
    order = np.argsort(part, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        yield rows, of_people(run, rows)


def of_people(run: Replay, rows: Rows) -> Replay:
    """Returns the run with these rows of `run.stage.people` alone, whole people each; of what it is paid from."""
    stage, of = run.stage, run.stage.results
    given = {name: getattr(of, name) for name in ("attainment", "target", "paid_before")}
    results = of._replace(
        value=of.value[rows],
        exactly=lambda some: of.exactly(rows[some]),
        described=[frame.take(rows).reset_index(drop=True) for frame in of.described],
        **{name: array[rows] for name, array in given.items() if array is not None},
    )
    people = stage.people.take(rows).reset_index(drop=True)
    return replace(run, stage=stage._replace(people=people, results=results))
