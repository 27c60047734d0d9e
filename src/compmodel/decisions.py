"""What a plan has not decided yet, priced: each option on the same history, against the plan as it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from compmodel.compare import Answer, Comparison
from compmodel.errors import CompModelError
from compmodel.plan import Decision, Plan
from compmodel.plan_words import option_words
from compmodel.replay import Ledgers, Replay, measures_alike, repaid, replays
from compmodel.style import count_words, short_money, statement_money
from compmodel.wording import capitalised

COLUMNS = ["plan", "title", "field", "question", "option", "is_now", "cost", "change", "n_people", "largest_change"]
COLUMNS += ["matters", "person", "not_priced"]
ROUNDING = 5
"""Cents of a person's pay of a period: what an option changes by no more is rounding."""


def open_decisions(comparison: Comparison) -> Answer:
    """Returns what each option of each undecided field costs, and whose pay it changes, against the plan as it stands.

    Table: one row a plan, field and option, as the plans list them; plan, title, field, question, option (in words),
    is_now (the plan pays by it), cost, change (of cost), n_people (whose pay of any period differs), largest_change (of
    one person over all periods, with its sign), matters (to anybody by more than a few cents of rounding), person
    (whose), not_priced (why the history cannot price it, empty where it can). Beside aliases person is empty: an option
    changes one component, whose pay would tell the target.
    """
    ledgers = Ledgers(comparison.replays[0].history, f"{comparison.periods[0].name}:{comparison.periods[-1].name}")
    rows: list[dict[str, Any]] = []
    for run in comparison.replays:
        for decision in run.plan.decisions():
            rows += _priced(comparison, run, decision, ledgers)
    table = pd.DataFrame(rows, columns=COLUMNS)
    return Answer(_said(comparison, table), table)


def _priced(comparison: Comparison, run: Replay, decision: Decision, ledgers: Ledgers) -> list[dict[str, Any]]:
    """A row an option of one decision."""
    before, rows = _cents(run), []
    for position, option in enumerate(decision.options):
        nothing = dict.fromkeys(("cost", "change", "n_people", "largest_change"), float("nan"))
        row: dict[str, Any] = {
            "plan": run.plan.name,
            "title": run.plan.title,
            "field": decision.field,
            "question": decision.question,
            "option": option_words(run.plan, decision.field, option),
            "is_now": position == decision.position,
            **nothing,
            "matters": None,
            "person": "",
            "not_priced": "",
        }
        try:
            after = (
                before if row["is_now"] else _cents(_replayed(run, run.plan.decided(decision.field, option), ledgers))
            )
        except CompModelError as error:
            problems = getattr(error, "problems", ()) or (error,)
            rows.append({**row, "not_priced": str(problems[0])})
            continue
        every = before.index.union(after.index)
        change = after.reindex(every, fill_value=0) - before.reindex(every, fill_value=0)
        rows.append({**row, "cost": float(after.sum()) / 100, **_changed(comparison, change)})
    return rows


def _replayed(run: Replay, design: Plan, ledgers: Ledgers) -> Replay:
    if measures_alike(run.plan, design):
        return repaid(run, design)
    (found,) = replays([design], ledgers)
    return found


def _cents(run: Replay) -> pd.Series:
    """Cost in whole cents by payee and period."""
    cents: pd.Series = np.rint(run.payouts["cost"] * 100).astype(np.int64)
    return cents.groupby([run.payouts["payee_id"], run.payouts["period"]]).sum()


def _changed(comparison: Comparison, change: pd.Series) -> dict[str, Any]:
    """What an option changes: in all, for how many people, and for whom most (of equals the first by how they show)."""
    person = comparison.labels.set_index("payee_id")["person"]
    payee = change.index.get_level_values("payee_id")
    n_people = payee[change.to_numpy() != 0].nunique()
    by_person = change.groupby(person.reindex(payee).fillna("somebody else").to_numpy()).sum()
    most = by_person.abs().sort_values(ascending=False, kind="stable").index[:1]
    largest = int(by_person.reindex(most).sum())
    is_named = largest != 0 and comparison.names == "shown"
    return {
        "change": float(change.sum()) / 100,
        "n_people": n_people,
        "largest_change": largest / 100,
        "matters": bool(change.abs().max() > ROUNDING),
        "person": str(most[0]) if is_named else "",
    }


def _said(comparison: Comparison, table: pd.DataFrame) -> str:
    fields = table.drop_duplicates(["plan", "field", "question"])
    if fields.empty:
        titles = " or ".join(plan.title for plan in comparison.plans)
        return f"Nothing is undecided in {titles}."
    n, many, few = len(fields), [], []
    for _, mine in table.groupby(["plan", "field", "question"], sort=False):
        options: list[dict[str, Any]] = mine.to_dict("records")  # type: ignore[assignment]
        named = f'{options[0]["title"]}, "{options[0]["question"]}"'
        if any(row["matters"] or row["not_priced"] for row in options):
            many.append(f"{named} {'; '.join(_parts(options, comparison.currency))}.")
        else:
            few.append(f"{named} ({_rounding(options, comparison.currency)})")
    said = f"{capitalised(count_words(n, 'field'))} {'is' if n == 1 else 'are'} undecided"
    said += f", of which {count_words(len(many), 'matters', 'matter')} here." if many and few else "."
    return " ".join([said, *many, *([f"What makes no difference here: {'; '.join(few)}."] if few else [])])


def _parts(options: list[dict[str, Any]], currency: str) -> list[str]:
    priced = [row for row in options if not row["not_priced"]]
    parts = [_worth(priced, currency)] if len(priced) > 1 else []
    parts += [] if any(row["is_now"] for row in options) else ["the plan now pays by none of these"]
    unpriced = [row for row in options if row["not_priced"]]
    return parts + [f"{row['option']} cannot be priced ({row['not_priced'].rstrip('.')})" for row in unpriced]


def _rounding(options: list[dict[str, Any]], currency: str) -> str:
    """Why an undecided field makes no difference."""
    costs = [row["cost"] for row in options]
    if not max(row["n_people"] for row in options):
        return "moves nobody's pay"
    span = statement_money(max(costs) - min(costs))
    return f"only rounding, {span} {currency} in all" if span != "0.00" else "only rounding, nothing in all"


def _worth(priced: list[dict[str, Any]], currency: str) -> str:
    """What an undecided field is worth: the span of its options' costs."""
    costs = [row["cost"] for row in priced]
    n_people = int(max(row["n_people"] for row in priced))
    most = max(priced, key=lambda row: abs(row["largest_change"]))
    if not n_people:
        return "moves nobody's pay here"
    people = f"{count_words(n_people, 'person', 'people')}'s"
    worth = _amount(max(costs) - min(costs))
    text = f"is worth {worth} {currency} and moves {people} pay"
    text = f"costs the same in all but moves {people} pay" if worth == "0" else text
    if most["largest_change"]:
        sign, of = "+" if most["largest_change"] > 0 else "-", f" ({most['person']})" if most["person"] else ""
        text += f", at most by {sign}{_amount(abs(most['largest_change']))} {currency}{of}"
    return text


def _amount(amount: float) -> str:
    return short_money(amount) if amount >= 1 or not round(amount, 2) else statement_money(amount)
