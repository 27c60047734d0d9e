"""How much of the spread of individual retention is chance, and how much is not; `chance_parts.py` tells the two apart.

Currently implemented: individual_spread, reliability, luck.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.account_sums import account_sums
from compmodel.chance_parts import Spread, chance_parts, mean_of, spread_of
from compmodel.codes import Codes
from compmodel.compare import Answer, Comparison
from compmodel.components import Component
from compmodel.errors import CompModelError, nearest
from compmodel.metrics import METRICS, Sums
from compmodel.plan import Plan
from compmodel.replay import replay
from compmodel.resampling import drawn_books, drawn_weights
from compmodel.style import percent
from compmodel.wording import in_sentence

OF_RENEWALS = ("renewal_rate", "renewal_nrr")
"""Metrics of retention that are 0 where nothing is up for renewal."""


def retained_component(plan: Plan, name: str = "") -> Component:
    """Returns the plan's component of that name, or its first that measures retention of ARR as a share, renewals last.

    Raises CompModelError where there is none.
    """
    able = [
        c
        for c in plan.components
        if c.metric in METRICS and METRICS[c.metric].is_of_arr and (c.at_rest == 1 or c.metric in OF_RENEWALS)
    ]
    if not able:
        said = f"{plan.title} has no component that measures retention of ARR, such as nrr or renewal_rate"
        raise CompModelError(f"{said}. Choose another plan.")
    found = [c for c in able if not name or c.name == name]
    if not found:
        names = [c.name for c in able]
        raise CompModelError(f"{name!r} is no component of {plan.title} on retention. {nearest(name, names)}")
    return min(found, key=lambda c: c.metric in OF_RENEWALS)  # renewals only where nothing else is there


def individual_spread(comparison: Comparison, component: str = "") -> tuple[Spread, str]:
    """Returns the spread of individual figures of a component of the baseline plan, by the period, and its title.

    Whatever the plan's level and baseline, each person's own book is measured over each period by itself.
    """
    run = comparison.replays[0]
    chosen = retained_component(run.plan, component)
    alone = _measured_alone(run.plan, chosen)
    (own,) = replay([alone], run.history, f"{run.periods[0].name}:{run.periods[-1].name}")
    sums, people = account_sums(own, alone.components[0]), own.stage.people
    place: dict[int, tuple[Codes, Sums, Sums]] = {}
    for block in sums.blocks:
        place |= {
            int(cell): (block.accounts, block.above[:, j], block.below[:, j])
            for j, cell in enumerate(block.at.tolist())
        }
    ratios = sums.ratios[sums.ratios["cell"].isin(list(place))]
    rows = ratios["row"].to_numpy()
    who, at = people.take(rows), people["period"].map({of.name: i for i, of in enumerate(own.periods)})
    groups = pd.factorize(who["segment"].fillna("") + " " + who["period"])[0]
    number = at.to_numpy()[rows]
    figures = [place[cell] for cell in ratios["cell"].tolist()]
    books = drawn_books(own, [sums])
    n_accounts, per_year = len(own.history.accounts), 12 // own.periods[0].months
    person = pd.factorize(who["payee_id"])[0]
    return spread_of(figures, person, groups, number, books, n_accounts, per_year), chosen.title


def _measured_alone(plan: Plan, component: Component) -> Plan:
    """A plan of this component alone, on each person's own book and the period by itself."""
    plain = {"name": component.name, "metric": component.metric, "level": "individual", "weight": 1.0, "target": 1.0}
    plain |= {
        "attainment": {"kind": "ratio"},
        "curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"},
    }
    return plan.replace({"components": [plain], "adjustments": [], "open_decisions": []})


def reliability(comparison: Comparison, component: str = "", n_draws: int = 2000, seed: int = 0) -> Answer:
    """Returns how much of the spread of a period's and of a year's individual figure is chance, and how much is not.

    Reliability is the rest: what people bring as a share of the spread. The year is the mean of its periods; a plan
    that pays by the year has the one figure.
    Table: one row a figure (the plan's period, such as "quarter", and "year"); figure, people_points, chance_points
    (standard deviations of a period's figure, percentage points, the year's of the mean), chance_share, chance_low,
    chance_high, reliability, reliability_low, reliability_high (shares; 90% intervals). Raises as `chance_parts`.
    """
    spread, title = individual_spread(comparison, component)
    parts, period = chance_parts(spread, n_draws, seed), comparison.period_word
    rows = []
    for figure in (period, "year") if spread.per_year > 1 else (period,):
        is_of_period = figure == period
        chance = parts.period if is_of_period else parts.year
        share, low, high = parts.chance_share("period" if is_of_period else "year")
        points = {"people_points": 100 * np.sqrt(parts.people), "chance_points": 100 * np.sqrt(chance)}
        shares = {"chance_share": share, "chance_low": low, "chance_high": high}
        rest = {"reliability": 1 - share, "reliability_low": 1 - high, "reliability_high": 1 - low}
        rows.append({"figure": figure, **points, **shares, **rest})
    said = _of_year(title, period, rows) if len(rows) > 1 else _says(title, period, rows[0])
    return Answer(said, pd.DataFrame(rows))


def _says(title: str, period: str, row: dict[str, float]) -> str:
    return (
        f"Of what sets people's own {in_sentence(title)} apart in a {period}, {percent(row['chance_share'])} is luck "
        f"({_between(row)}), so one {period} {_much(row)} about the person."
    )


def _of_year(title: str, period: str, rows: list[dict[str, float]]) -> str:
    shares = [percent(row["chance_share"]) for row in rows]
    return (
        f"Over a whole year {shares[1]} of what sets people's own {in_sentence(title)} apart is luck "
        f"({_between(rows[1])}), against {shares[0]} in a {period}, so a year {_much(rows[1])} about the person."
    )


def _between(row: dict[str, float]) -> str:
    low, high = (percent(row[name]) for name in ("chance_low", "chance_high"))
    return f"between {low} and {high} nine times in ten"


def _much(row: dict[str, float]) -> str:
    words = [
        "little" if row[name] > 0.6 else "something" if row[name] > 0.3 else "much"
        for name in ("chance_share", "chance_low", "chance_high")
    ]
    return f"{'says' if len(set(words)) == 1 else 'may say'} {words[0]}"


def luck(comparison: Comparison, component: str = "", n_draws: int = 2000, seed: int = 0) -> Answer:
    """Returns the spread of individual figures of a period against what chance alone would give.

    Figures are held against the mean of the segment in the period. Chance: the same books with their customers drawn
    again, around the same mean. Table: one row a class of figures; points_from, points_to (above or below the mean,
    percentage points; the outermost hold all beyond), n_figures (people-periods), actual_share, chance_share (of them).
    Raises CompModelError as `chance_parts` does.
    """
    spread, title = individual_spread(comparison, component)
    parts = chance_parts(spread, n_draws, seed)
    share, low, high = parts.chance_share()
    actual = _centred(spread.value, spread.group)
    times = drawn_weights(spread.books, spread.chance.shape[1], HISTORIES, seed)
    chance = _centred(spread.chance @ (times.T.astype(np.float64) - 1), spread.group)
    edges = _edges(100 * actual)
    counts, chances = (_counted(100 * of, edges) for of in (actual, chance))
    columns = {"points_from": edges[:-1], "points_to": edges[1:], "n_figures": counts}
    columns |= {"actual_share": counts / counts.sum(), "chance_share": chances / chances.sum()}
    row = {"chance_share": share, "chance_low": low, "chance_high": high}
    return Answer(_says(title, comparison.period_word, row), pd.DataFrame(columns))


HISTORIES = 200
"""Histories drawn for a picture of chance."""
CLASSES = 25


def _centred(values: Sums, group: Codes) -> Sums:
    mean = mean_of(group)
    found: Sums = values - (mean @ values)[group]
    return found


def _edges(points: Sums) -> Sums:
    """Edges of classes of a round width that hold all but the outermost figures."""
    reach = float(np.quantile(np.abs(points), 0.99)) or 1.0
    steps = np.array([0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100.0])
    width = float(steps[min(int(np.searchsorted(steps, 2 * reach / CLASSES)), len(steps) - 1)])
    n = int(np.ceil(reach / width))
    edges: Sums = (np.arange(-n, n + 2, dtype=np.float64) - 0.5) * width
    return edges


def _counted(points: Sums, edges: Sums) -> npt.NDArray[np.int64]:
    inside = np.clip(points.ravel(), edges[0], np.nextafter(edges[-1], edges[0]))
    return np.histogram(inside, edges)[0].astype(np.int64)
