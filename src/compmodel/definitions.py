"""The definition lab: one plan under every definition that people argue about, on the same history.

A grid names the questions (credit dates, baseline, holder of a book ...) and the options of each, an option being a
change to the plan. `compare_definitions` replays the plan under them and says, for each cell, what the company's NRR
and GRR are, what is paid, and whose pay and rank move against the plan as it is. Targets stay as they are: a longer
baseline makes the same target easier, which is part of what the definition does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from compmodel.baselines import windows
from compmodel.compare import Answer, Names, people_labels
from compmodel.components import Component
from compmodel.errors import CompModelError, PlanError
from compmodel.measurement import Ledger, company_sums
from compmodel.metrics import METRICS
from compmodel.periods import Period
from compmodel.plan import Plan
from compmodel.replay import Ledgers, Replay, replays
from compmodel.style import percent, short_money
from compmodel.tables import History

Grid = Mapping[str, Mapping[str, Mapping[str, object]]]
"""Question to option to the plan's fields that the option changes; an option without changes is the plan as it is."""
AS_IS = "as in the plan"
CREDIT = "Credit dates"
CREDIT_DATES: dict[str, dict[str, object]] = {
    "effective dates": dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on"),
    "notice and signature": {
        **{name: ["notice_on", "effective_on"] for name in ("churn", "contraction")},
        **{name: ["signed_on", "effective_on"] for name in ("renewal", "expansion")},
    },
    "term end and start": {
        **{name: ["ends_on", "effective_on"] for name in ("churn", "contraction")},
        **dict.fromkeys(("renewal", "expansion"), "effective_on"),
    },
    "term end and payment": {
        **{name: ["ends_on", "effective_on"] for name in ("churn", "contraction")},
        **{name: ["paid_on", "invoiced_on", "effective_on"] for name in ("renewal", "expansion")},
    },
}
BASELINES = {
    "quarter's start": ("period_start", None),
    "months chained": ("month_start", "chained"),
    "half's start": ("half_start", None),
    "year's start": ("year_start", None),
    "twelve months before": ("trailing_twelve_months", None),
    "two quarters on two": ("two_quarters", None),
}
FORMS = {"cohort": {"nrr_bridge": "nrr"}, "bridge of movements": {"nrr": "nrr_bridge"}}
HOLDERS = {"credit date": "credit_date", "opening": "opening", "days held": "time_weighted"}


@dataclass(frozen=True)
class Definitions:
    """A plan under a grid of definitions; amounts in the reporting currency.

    `cells`: a row a cell with cell (its number; 0 is the plan as it is), the option of each question, n_changed
    (questions that differ from the plan), nrr, grr (the company's, a quarter's on average), cost, change, pay_moved
    (sum of the absolute changes by person over all periods: what only changes quarter is not in it), share_moved (of
    the plan's cost), n_gain, n_lose, largest_rank_change.
    `people`: a row a cell and person with pay, change, rank, rank_change (by pay; 1 is the highest).
    `skipped`: options that the plan or the history refuses, and why.
    """

    plan: Plan
    periods: tuple[Period, ...]
    currency: str
    questions: tuple[str, ...]
    cells: pd.DataFrame
    people: pd.DataFrame
    skipped: Mapping[str, str]
    is_complete: bool = True


def definition_grid(plan: Plan, history: History) -> dict[str, dict[str, dict[str, object]]]:
    """Returns the questions that apply to a plan and a history, with the options other than the plan's own.

    >>> from compmodel.plan import example_plan
    >>> from compmodel.tables import TABLES, empty_table, Settings
    >>> nothing = History(Settings(), *(empty_table(TABLES[name]) for name in TABLES))
    >>> list(definition_grid(example_plan(), nothing))
    ['Credit dates', 'Baseline', 'Form of NRR', 'Holder of an account', 'Level', 'Return of a customer']
    """
    retained = [component for component in plan.components if component.metric in METRICS]
    if not retained:
        return {}  # no definition of ARR moves a KPI
    cohort = [component for component in retained if component.baseline != "due_in_period"]
    windowed = [component for component in cohort if not METRICS[component.metric].is_sum]
    sources = sorted(history.arr_events["sourced_by"].dropna().unique())
    foreign = set(history.arr_events["currency"]) - {history.settings.reporting_currency}
    grid: dict[str, dict[str, dict[str, object]]] = {
        CREDIT: {
            said: {"credit_on.expansion_at_renewal": None, **{f"credit_on.{kind}": day for kind, day in rule.items()}}
            for said, rule in CREDIT_DATES.items()
        },
        "Baseline": {
            said: _of_each(windowed, {"baseline": baseline, "combined": None})
            | {f"components.{c.name}.combined": combined if c.at_rest == 1 else "sums" for c in windowed if combined}
            for said, (baseline, combined) in BASELINES.items()
        },
        "Form of NRR": {
            said: {f"components.{c.name}.metric": swap[c.metric] for c in cohort if c.metric in swap}
            for said, swap in FORMS.items()
        },
        "Holder of an account": {said: {"books.holder": holder} for said, holder in HOLDERS.items()},
        "Level": {level: _of_each(retained, {"level.default": level}) for level in ("individual", "team", "company")},
        "Return of a customer": {
            "in the cohort": {"events.reactivation": "in_cohort"},
            "never counts": {"events.reactivation": "own_class"},
            "back into NRR": {"events.reactivation": "back_into_nrr"},
        },
    }
    if len(sources) > 1:
        grid["Who sourced a gain"] = {f"{name} does not count": {"events.sourced_by": {name: 0.0}} for name in sources}
    if foreign:
        grid["Exchange of ARR"] = {
            said.replace("_", " "): {"exchange.arr": said} for said in ("constant", "period_end", "event_date")
        }
    return {question: options for question, options in grid.items() if any(options.values())}


def _of_each(components: Sequence[Component], fields: Mapping[str, object]) -> dict[str, object]:
    return {f"components.{c.name}.{field}": value for c in components for field, value in fields.items()}


def compare_definitions(
    history: History,
    grid: Grid,
    plan: Plan,
    periods: str,
    crossed: bool = True,
    names: Names = "aliases",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Definitions:
    """Returns the plan under the grid's definitions: every combination, or one question at a time.

    `progress` is told how many cells are done, of how many; an interrupt keeps what is done (`is_complete` is False).
    Options that leave the plan as it is are merged with it; those that the plan or the data refuse are `skipped`.
    Raises PlanError or DataError when the plan itself cannot be replayed.
    """
    designs, skipped = _designs(plan, grid, crossed)
    ledgers = Ledgers(history, periods)
    (base,) = replays([plan], ledgers)
    labels = people_labels(base, names)
    rows: list[dict[str, Any]] = []
    frames: list[pd.DataFrame] = []
    is_complete = True
    pay = _pay(base, labels)
    try:
        for number, (options, design) in enumerate(designs):
            try:
                (run,) = [base] if design == plan else replays([design], ledgers)
            except CompModelError as error:
                skipped[_said(options)] = _reason(error)
                progress(number + 1, len(designs))
                continue
            mine = _people(_pay(run, labels), pay)
            frames.append(mine.assign(cell=len(rows)))
            rows.append({"cell": len(rows), **options, **_company(run), **_totals(mine, pay)})
            progress(number + 1, len(designs))
    except KeyboardInterrupt:
        is_complete = False
    cells = pd.DataFrame(rows)
    cells.insert(1 + len(grid), "n_changed", (cells[list(grid)] != AS_IS).sum(axis=1))
    people = pd.concat(frames, ignore_index=True)[["cell", "person", "team", "pay", "change", "rank", "rank_change"]]
    currency = history.settings.reporting_currency
    return Definitions(plan, base.periods, currency, tuple(grid), cells, people, skipped, is_complete)


def _designs(plan: Plan, grid: Grid, crossed: bool) -> tuple[list[tuple[dict[str, str], Plan]], dict[str, str]]:
    """The options of each cell with its plan, the plan as it is first; what the plan refuses, with the reason."""
    skipped: dict[str, str] = {}
    allowed: dict[str, list[tuple[str, Mapping[str, object]]]] = {}
    for question, written in grid.items():
        allowed[question] = [(AS_IS, {})]
        for option, changes in written.items():
            try:
                if not is_as_planned(plan, plan.replace(changes)):
                    allowed[question].append((option, changes))
            except PlanError as error:
                skipped[f"{question}: {option}"] = _reason(error)
    found = []
    for chosen in itertools.product(*allowed.values()):
        options = dict(zip(grid, (option for option, _ in chosen), strict=True))
        if crossed or sum(option != AS_IS for option in options.values()) <= 1:
            try:
                found.append(
                    (options, plan.replace({path: value for _, change in chosen for path, value in change.items()}))
                )
            except PlanError as error:
                skipped[_said(options)] = _reason(error)
    return found, skipped


def is_as_planned(plan: Plan, design: Plan) -> bool:
    """Whether a design is the plan, but for dates that stand in for others: where the plan can be paid, none does."""
    own, others = plan.credit_on.by_type(), design.credit_on.by_type()
    is_dated_alike = own.keys() == others.keys() and all(others[kind][: len(own[kind])] == own[kind] for kind in own)
    return is_dated_alike and design.model_copy(update={"credit_on": plan.credit_on}) == plan


def _said(options: Mapping[str, str]) -> str:
    return "; ".join(f"{question}: {option}" for question, option in options.items() if option != AS_IS)


def _reason(error: CompModelError) -> str:
    first, *more = getattr(error, "problems", ()) or (str(error),)
    return f"{first}{f' And {len(more)} more like it.' if more else ''}"


def _pay(run: Replay, labels: pd.DataFrame) -> pd.DataFrame:
    """Cost in whole cents of each person of the labels, in their order."""
    cents = (run.payouts["cost"] * 100).round().groupby(run.payouts["payee_id"]).sum()
    return labels.assign(cents=labels["payee_id"].map(cents).fillna(0).astype(np.int64))


def _people(pay: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    rank, own = (of["cents"].rank(method="min", ascending=False).astype(int) for of in (pay, base))
    return pd.DataFrame(
        {
            "person": pay["person"],
            "team": pay["team"],
            "pay": pay["cents"] / 100,
            "change": (pay["cents"] - base["cents"]) / 100,
            "rank": rank,
            "rank_change": own - rank,
        }
    )


def _totals(mine: pd.DataFrame, base: pd.DataFrame) -> dict[str, float]:
    cents, whole = (mine["change"] * 100).round(), float(base["cents"].sum())
    return {
        "cost": float((mine["pay"] * 100).round().sum() / 100),
        "change": float(cents.sum() / 100),
        "pay_moved": float(cents.abs().sum() / 100),
        "share_moved": float(cents.abs().sum() / whole) if whole else float("nan"),
        "n_gain": int((cents > 0).sum()),
        "n_lose": int((cents < 0).sum()),
        "largest_rank_change": int(mine["rank_change"].abs().max()) if len(mine) else 0,
    }


def _company(run: Replay) -> dict[str, float]:
    """The company's NRR and GRR as the plan measures retention, empty where it does not.

    Each is the mean of the quarters' results, weighted by the ARR that each opened with.
    """
    measured = [component for component in run.plan.components if component.metric in METRICS]
    cohort = [component for component in measured if component.baseline != "due_in_period"] or measured
    cohort = [component for component in cohort if component.at_rest == 1] or cohort
    if not cohort:
        return {"nrr": float("nan"), "grr": float("nan")}
    baseline, combined = cohort[0].baseline, cohort[0].combined or "sums"
    ledger = Ledger(run.credits[run.credits["baseline"] == baseline], run.books[run.books["baseline"] == baseline])
    form = "nrr_bridge" if any(component.metric == "nrr_bridge" for component in cohort) else "nrr"
    over = windows(baseline, run.periods)
    found = {}
    for said, metric in (("nrr", form), ("grr", "grr")):
        sums = company_sums(ledger, over, metric, run.plan.events.reactivation)
        above, below = (of.reshape(len(run.periods), -1) for of in sums)
        if combined == "sums":
            above, below = (of.sum(axis=1, keepdims=True) for of in (above, below))
        known = below > 0
        ratio = above / np.where(known, below, 1)
        n_known = np.maximum(known.sum(axis=1), 1)
        chained, mean = np.where(known, ratio, 1).prod(axis=1), np.where(known, ratio, 0).sum(axis=1) / n_known
        weight = np.maximum(below[:, 0], 0)
        result = chained if combined == "chained" else mean
        found[said] = float((result * weight).sum() / weight.sum()) if weight.any() else float("nan")
    return found


def definition_fights(definitions: Definitions) -> Answer:
    """Returns which questions move pay on this history and which do not, each against the plan as it is.

    Table: one row a question and option, largest first, of the cells that change nothing else: question, option,
    share_moved (of the plan's cost), pay_moved, change, n_gain, n_lose, largest_rank_change, nrr, grr.
    """
    single = definitions.cells[definitions.cells["n_changed"] == 1]
    options = single[list(definitions.questions)]
    is_changed = (options != AS_IS).to_numpy()
    where = is_changed.argmax(axis=1) if len(single) else np.array([], dtype=np.intp)
    columns = ["share_moved", "pay_moved", "change", "n_gain", "n_lose", "largest_rank_change", "nrr", "grr"]
    table = single[columns].assign(
        question=[definitions.questions[i] for i in where],
        option=[options.iloc[row, i] for row, i in enumerate(where)],
    )
    largest = table.groupby("question")["share_moved"].transform("max")
    table = table.assign(largest=largest).sort_values(
        ["largest", "question", "share_moved"], ascending=[False, True, False], kind="stable"
    )
    table = table[["question", "option", *columns]].reset_index(drop=True)
    return Answer(_fights_said(definitions, table), table)


def _fights_said(definitions: Definitions, table: pd.DataFrame) -> str:
    if table.empty:
        return f"Nothing else than {definitions.plan.title} was tried, so nothing is known of other definitions."
    first, last = table.iloc[0], table.drop_duplicates("question").iloc[-1]
    if not first["pay_moved"]:
        return f"No definition tried moves any pay under {definitions.plan.title}."
    span = " to ".join(dict.fromkeys((definitions.periods[0].name, definitions.periods[-1].name)))
    said = (
        f"What matters most is {first['question']}: {first['option']} moves {short_money(first['pay_moved'])} "
        f"{definitions.currency} of pay "
        f"from or to people, {percent(first['share_moved'], 1)} of what {definitions.plan.title} costs in {span}, "
        f"up for {int(first['n_gain'])} and down for {int(first['n_lose'])}."
    )
    if len(definitions.periods) > 1:
        said += " What one person gets in another quarter instead is not counted as moved."
    said += " Targets stay as they are."
    if last["question"] != first["question"]:
        said += f" What matters least is {last['question']}: at most {percent(last['share_moved'], 1)} of pay moves."
    return said if definitions.is_complete else f"{said} It was stopped before all were tried."
