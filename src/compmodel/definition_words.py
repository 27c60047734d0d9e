"""What the definition lab asks, in words: what the plan itself says, and what each option sets in its place.

`legend` is a grid explained, a question at a time; `legend_html` and `legend_lines` show it on a page and on a screen.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from compmodel.definitions import BASELINES, Grid, is_as_planned
from compmodel.errors import PlanError
from compmodel.plan import Plan

WORDS = {
    "effective dates": "every event on the first day with, or without, its ARR",
    "notice and signature": "losses on the day of notice, renewals and expansions on the day of signature",
    "term end and start": "losses on the last day of the term, renewals and expansions on their first day",
    "term end and payment": "losses on the last day of the term, renewals and expansions when they are paid",
    "quarter's start": "from the ARR at the quarter's start to that at its end",
    "months chained": "each month by itself, the results of the three multiplied",
    "half's start": "from the ARR at the start of the half year, so over one quarter or two",
    "year's start": "from the ARR at the start of the year, so over one quarter to four",
    "twelve months before": "over the twelve months that end with the quarter",
    "two quarters on two": "ARR at the last two quarters' ends over that at the two ends before",
    "cohort": "what is left of the ARR of those who were customers at the start",
    "bridge of movements": "opening ARR with everybody's gains and losses, also of those who came since the start",
    "credit date": "whoever holds the account on the day that credits the event",
    "opening": "whoever held the account when the quarter began",
    "days held": "everybody who held the account, by their days of the quarter",
    "individual": "everybody by the own book",
    "team": "everybody by the team's result",
    "company": "everybody by the company's result",
    "in the cohort": "a return counts where the customer still had ARR at the start",
    "never counts": "a return counts neither in NRR nor in GRR",
    "back into NRR": "a return is a gain in NRR, whenever the customer left",
    "constant": "the rates of one day for everything",
    "period end": "the rates of each quarter's last day",
    "event date": "the rates of each event's own day",
}
"""What an option of `definition_grid` means."""
LONGER = {
    BASELINES["half's start"][0]: "as much as half a year",
    BASELINES["two quarters on two"][0]: "two quarters",
    BASELINES["year's start"][0]: "as much as a year",
    BASELINES["twelve months before"][0]: "a year",
}
"""What a goal set for a quarter is held against, by baseline."""


class Option(NamedTuple):
    """An option: its name, what it means and the fields that it writes."""

    name: str
    means: str
    writes: str


class Question(NamedTuple):
    """A question of the lab: its name, the plan's own fields, and its options."""

    name: str
    own: str
    options: tuple[Option, ...]


def legend(plan: Plan, grid: Grid) -> tuple[Question, ...]:
    """Returns what the plan says to each question of a grid, and what each option sets; its own is named as such."""
    return tuple(
        Question(
            question,
            field_words({path: _value(plan, path) for changes in options.values() for path in changes}),
            tuple(Option(name, _means(plan, name, changes), field_words(changes)) for name, changes in options.items()),
        )
        for question, options in grid.items()
    )


def _means(plan: Plan, option: str, changes: Mapping[str, object]) -> str:
    sources = changes.get("events.sourced_by")
    named = ", ".join(map(str, sources)) if isinstance(sources, Mapping) else ""
    said = f"a gain sourced by {named} counts nothing, any other in full" if named else WORDS.get(option, "")
    try:
        is_own = is_as_planned(plan, plan.replace(changes))
    except PlanError:
        is_own = False
    return f"{said}{' ' * bool(said)}(as in the plan)" if is_own else said


def _value(plan: Plan, path: str) -> object:
    """What a plan writes at the path of a field; nothing where there is no such field."""
    at: Any = plan.model_dump(mode="json")
    for name in path.split("."):
        if isinstance(at, list):
            at = next((part for part in at if part.get("name") == name), {})
        else:
            at = at.get(name) or {} if isinstance(at, dict) else {}
    return at


def field_words(fields: Mapping[str, object]) -> str:
    """Returns fields as a plan writes them, in one line: fields of one value together, components left out.

    >>> field_words({"credit_on.churn": ["notice_on", "effective_on"], "credit_on.renewal": "signed_on"})
    'credit_on: churn notice_on, else effective_on; renewal signed_on'
    >>> field_words({"components.nrr.baseline": "year_start", "components.nrr.combined": None})
    'baseline: year_start'
    """
    groups: dict[str, dict[str, list[str]]] = {}
    for path, value in fields.items():
        parts = path.split(".")
        if value in (None, {}, []):
            continue
        if parts[0] == "components":
            key, name = ".".join(parts[2:]), ""
        elif parts[0] == "credit_on":
            key, name = parts[0], parts[1]
        else:
            key, name = path, ""
        names = groups.setdefault(key, {}).setdefault(_written(value), [])
        if name and name not in names:
            names.append(name)
    return "; ".join(
        f"{key}: " + "; ".join(f"{', '.join(names)} {value}".strip() for value, names in values.items())
        for key, values in groups.items()
    )


def _written(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", else ".join(map(_written, value))
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_written(part)}' for key, part in value.items())}}}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def legend_html(asked: tuple[Question, ...]) -> str:
    """Returns a legend that opens on a click: under each question the plan's own words, then every option's."""
    parts = []
    for question in asked:
        own = f"the plan: <code>{html.escape(question.own)}</code>" if question.own else "the plan says nothing"
        rows = "".join(
            f"<li><b>{html.escape(option.name)}</b>: {html.escape(option.means)} "
            f"<code>{html.escape(option.writes)}</code></li>"
            for option in question.options
        )
        parts.append(f"<h3>{html.escape(question.name)}</h3><p>{own}</p><ul>{rows}</ul>")
    summary = "<summary>What each definition sets, and what the plan says</summary>"
    return f'<details class="legend">{summary}{"".join(parts)}</details>'


def legend_lines(asked: tuple[Question, ...], width: int) -> list[str]:
    """Returns the legend as lines of a screen: under each question the plan's own words, then every option's."""
    lines = ["What each definition sets, and what the plan says:"]
    for question in asked:
        lines += _wrapped(f"{question.name}. The plan: {question.own or 'nothing'}", 0, width)
        for option in question.options:
            lines += _wrapped(f"{option.name}: {option.means or option.writes}", 2, width)
    return lines


def _wrapped(text: str, indent: int, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 30), initial_indent=" " * indent, subsequent_indent=" " * (indent + 4))


def goal_caveat(changes: Mapping[str, object]) -> str:
    """Returns what to mind of an option with a longer baseline: the goal stays a quarter's; else nothing."""
    spans = [LONGER[value] for path, value in changes.items() if path.endswith(".baseline") and value in LONGER]
    if not spans:
        return ""
    return f"A goal set for a quarter is then held against {spans[0]}, so part of this is the goal, not the definition."


_SHOWN = {
    "rule": "",
    "event_type": "event",
    "period_from": "quarter_in_the_plan",
    "period_to": "quarter_here",
    "n_events": "events",
    "plan_pay": "pay_in_the_plan",
    "share_moved": "share_of_cost",
    "n_gain": "people_up",
    "n_lose": "people_down",
    "largest_rank_change": "most_ranks_moved",
    "nrr": "company_NRR",
    "grr": "company_GRR",
    "arr": "ARR",
}
"""The lab's columns as they are read; without a name they are left out."""
_WHOLE = ("pay_moved", "change_of_cost", "ARR")


def read_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table of the lab as it is read: heads in words, sums of many people's money whole.

    >>> read_table(pd.DataFrame({"rule": ["a"], "n_gain": [1], "share_moved": [0.5], "change": [1.6]}))
       people_up  share_of_cost  change_of_cost
    0          1            0.5               2
    """
    names = _SHOWN | ({"change": "change_of_cost"} if "share_moved" in table else {})
    shown = table.drop(columns=[name for name in table.columns if names.get(name) == ""]).rename(columns=names)
    return shown.assign(**{name: shown[name].round().astype("int64") for name in _WHOLE if name in shown})
