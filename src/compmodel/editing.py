"""One version of a plan, edited by sliders, against the plans as published: from the sliders' state to what is shown.

Pure functions without widgets: `edited_plan` applies the changes, `answered` gives every sentence, table and figure of
the page, and the rest are its pieces as HTML, escaped. `slider_options` never alters a value by showing it.

Currently implemented: edited_plan, changes_in_words, slider_options, answered, header_html, cards_html, status_html,
problems_html.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from compmodel import charts, style
from compmodel.compare import (
    OUTCOMES,
    Comparison,
    Names,
    compare,
    cost_by_period,
    pay_by_payee,
    pay_change_by_payee,
)
from compmodel.errors import CompModelError, PlanError, Problem
from compmodel.figures import Figure
from compmodel.levers import Lever
from compmodel.money import exact
from compmodel.payout_curves import payout_curves
from compmodel.plan import Plan
from compmodel.replay import Replay, measures_alike, repaid, replay

EDITED = "edited"
HEADINGS = ("Cost by quarter", "Payout curves", "Pay by person", "Who gains, who loses")


@dataclass(frozen=True)
class Shown:
    """One question as shown: heading, sentence, the table behind it and its figure, if there is anything to draw."""

    heading: str
    sentence: str
    table: pd.DataFrame
    figure: Figure | None


@dataclass(frozen=True)
class Page:
    """Everything the page shows of one state: the comparison with the edited plan last, what was changed, the answers.

    `is_changed` tells whether the edited plan differs from the published one; if not, nothing of it is drawn.
    """

    comparison: Comparison
    published: Plan
    changes: tuple[str, ...]
    shown: tuple[Shown, ...]

    @property
    def asked_about(self) -> Comparison:
        """What further questions are about: the edited plan is among the plans where it was changed."""
        plans = [plan.name for plan in self.comparison.plans]
        return self.comparison if self.changes else _only(self.comparison, plans[:-1])

    @property
    def is_changed(self) -> bool:
        """Whether anything was changed."""
        return bool(self.changes)


def edited_plan(plan: Plan, changes: Mapping[str, Any]) -> Plan:
    """Returns the plan with the fields at these paths changed; the last component's weight is what the others leave.

    Raises PlanError when the result is no valid plan, for what sliders can do in the sliders' words.
    """
    if not changes:
        return plan
    moved = {
        lever.path: dataclasses.replace(lever, value=changes.get(lever.path, lever.value)) for lever in plan.sliders()
    }
    *weights, _ = (lever for path, lever in moved.items() if path.endswith(".weight"))
    rest = 1 - sum((exact(lever.value) for lever in weights), Fraction(0))
    problems = []
    if rest < 0:
        said = f"add up to {style.percent(float(1 - rest))}, more than 100%"
        problems.append(Problem("the weights", said, f"Lower {' or '.join(lever.label for lever in weights)}."))
    for path, floor in moved.items():
        target = moved[path.replace("attainment.floor", "target.default")]
        if path.endswith(".floor") and floor.value >= target.value:
            said = f"{style.number_words(floor.value, floor.unit)} must lie below the {target.label}, "
            said += style.number_words(target.value, target.unit)
            problems.append(Problem(f"the {floor.label}", said, "Lower the floor or raise the target."))
    if problems:
        raise PlanError(problems)
    return plan.moved(changes)


def changes_in_words(plan: Plan, edited: Plan) -> tuple[str, ...]:
    """Returns what differs between two versions of a plan, such as "NRR floor 100% → 95%"."""
    said = []
    for before, after in zip(plan.sliders(), edited.sliders(), strict=True):
        if before.value != after.value:
            values = (style.number_words(lever.value, lever.unit) for lever in (before, after))
            said.append(f"{before.label} {' → '.join(values)}")
    for old, new in zip(plan.components, edited.components, strict=True):
        if old.level.default != new.level.default:
            said.append(f"{old.title} {old.level.default} → {new.level.default}")
    return tuple(said)


def slider_options(lever: Lever) -> list[tuple[str, float]]:
    """Returns a slider's labels and values: the declared grid and the lever's own value, exactly as it is."""
    values = sorted({lever.value, *(value for value in lever.grid if abs(value - lever.value) > 1e-9)})
    options = {style.number_words(value, lever.unit): value for value in values if value != lever.value}
    own = style.number_words(lever.value, lever.unit)
    if own in options:
        own = f"{lever.value * 100:.10g}%" if lever.unit == "share" else repr(lever.value)
    return sorted([*options.items(), (own, lever.value)], key=lambda option: option[1])


def answered(
    replays: Sequence[Replay],
    baseline: str,
    published: Plan,
    edited: Plan,
    names: Names = "shown",
    is_sorted_again: bool = False,
) -> Page:
    """Returns the page for the replays of the plans as published and one version of the plan being edited.

    People keep their places whatever the edited plan does, unless `is_sorted_again`. Raises PlanError when the history
    cannot give what the edited plan asks for.
    """
    run = next(run for run in replays if run.plan.name == published.name)
    changes = changes_in_words(published, edited)
    title = f"{published.title}, edited" if changes else published.title
    edited = edited.model_copy(update={"name": _free_name(replays), "title": title})
    periods = f"{run.periods[0].name}:{run.periods[-1].name}"
    if changes:
        again = repaid(run, edited) if measures_alike(run.plan, edited) else replay([edited], run.history, periods)[0]
    else:
        again = dataclasses.replace(run, plan=edited)
    every = compare([*replays, dataclasses.replace(again, periods=run.periods)], baseline, names)
    drawn = (cost_by_period(every), payout_curves(every), pay_by_payee(every), pay_change_by_payee(every))
    ranked = drawn[-1].table
    order = ranked.loc[ranked["plan"] == (edited.name if is_sorted_again else published.name), "person"].tolist()
    figures = (
        charts.cost_by_period(every, drawn[0]),
        charts.payout_curves(every, drawn[1]),
        charts.pay_by_payee(every, drawn[2]),
        charts.pay_change_by_payee(every, drawn[3], edited.name, order),
    )
    for heading, figure in zip(HEADINGS, figures, strict=True):
        twin = published.name if heading == HEADINGS[-1] else edited.name
        figure.for_each_trace(lambda trace: trace.update(visible=bool(changes)), {"legendgroup": twin})
    told = drawn
    if not changes:
        known = _only(every, [run.plan.name for run in replays])
        told = (cost_by_period(known), payout_curves(known), pay_by_payee(known), pay_change_by_payee(known))
    shown = (Shown(h, a.sentence, a.table, f) for h, a, f in zip(HEADINGS, told, figures, strict=True))
    return Page(every, published, changes, tuple(shown))


def _free_name(replays: Sequence[Replay]) -> str:
    name = EDITED
    while name in {run.plan.name for run in replays}:
        name += "_"
    return name


def _only(comparison: Comparison, names: Sequence[str]) -> Comparison:
    plans = tuple(plan for plan in comparison.plans if plan.name in names)
    runs = tuple(run for run in comparison.replays if run.plan.name in names)
    pay = comparison.pay[comparison.pay["plan"].isin(names)]
    return dataclasses.replace(comparison, plans=plans, pay=pay, replays=runs)


def header_html(comparison: Comparison) -> str:
    """Returns the page's head: product, company, periods, people and teams, currency."""
    span, people, currency = comparison.facts
    facts = (span, f"{people}, in {style.count_words(comparison.pay['team'].nunique(), 'team')}", currency)
    said = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts)
    return f"<h1><b>compmodel</b> <span>{html.escape(comparison.company)}</span></h1><ul>{said}</ul>"


def cards_html(page: Page) -> str:
    """Returns a card a plan: its cost, the change against the baseline and who gains and loses."""
    comparison, colours = page.comparison, charts.plan_colours(page.comparison)
    sums = page.shown[0].table.groupby("plan")[["cost", "baseline_cost", "change"]].sum()
    rows: dict[Hashable, dict[Hashable, float]] = sums.round(2).to_dict("index")
    people = page.shown[-1].table
    cards = []
    for plan in comparison.plans if page.changes else comparison.plans[:-1]:
        row, outcome = rows[plan.name], people[people["plan"] == plan.name]["outcome"].value_counts()
        said, who, is_baseline = "", "is what the others are held against", plan.name == comparison.baseline
        if not is_baseline:
            relative = row["change"] / row["baseline_cost"] if row["baseline_cost"] else float("nan")
            share = f" {style.signed_percent(relative)}" if relative == relative else ""
            said = f"{style.signed_money(row['change'])}{share}" if row["change"] else "costs the same"
            counts = zip("▲▼=", OUTCOMES, ("gain", "lose", "unchanged"), strict=True)
            who = "".join(f'<i class="{o}"><b>{m} {int(outcome.get(o, 0))}</b> {word}</i>' for m, o, word in counts)
        mark = " <small>baseline</small>" if is_baseline else ""
        cards.append(
            f'<div class="cm-card" style="border-top-color: {colours[plan.name]}">'
            f"<h3>{html.escape(plan.title)}{mark}</h3>"
            f'<p class="cm-cost"><strong>{style.short_money(row["cost"])}</strong><em>{said}</em></p>'
            f'<p class="cm-who">{who}</p></div>'
        )
    return f'<div class="cm-cards">{"".join(cards)}</div>'


def status_html(page: Page) -> str:
    """Returns the line that says what was changed."""
    if not page.changes:
        return '<p class="cm-status">As published. Move a slider to try a change.</p>'
    return f'<p class="cm-status cm-changed">changed: {html.escape(", ".join(page.changes))}</p>'


def problems_html(error: CompModelError, headline: str = "") -> str:
    """Returns an error as lines of a page: what is wrong and what to do."""
    lines = str(error).splitlines() if not headline else [headline, *map(_sentence, error.problems or [error])]
    return f'<div class="cm-alert" role="alert">{"".join(f"<p>{html.escape(line)}</p>" for line in lines)}</div>'


def _sentence(problem: Problem | CompModelError) -> str:
    said = str(problem)
    return said[:1].upper() + said[1:]
