"""The definition lab for one plan: what each question found and its chart, and what its options mean, in words.

`definition_answers` is the whole lab as the page and the file show it; `lab_lines` is its table on a screen.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, NamedTuple

from compmodel.compare import Answer, Names
from compmodel.definition_charts import amounts_moved, definition_fights, pay_moved
from compmodel.definition_words import Question, goal_caveat, legend
from compmodel.definitions import CREDIT, Definitions, Grid, compare_definitions, definition_grid
from compmodel.definitions import definition_fights as fights_answer
from compmodel.figures import Figure, shortened
from compmodel.plan import Plan
from compmodel.style import percent, statement_money
from compmodel.switchboard import credit_date_switchboard
from compmodel.tables import History


class Lab(NamedTuple):
    """The definition lab for one plan: what was tried, each question's heading, answer and figure, and the legend."""

    definitions: Definitions
    answered: tuple[tuple[str, Answer, Figure], ...]
    legend: tuple[Question, ...] = ()

    @property
    def skipped(self) -> str:
        """What could not be tried, in one line; nothing where everything was."""
        return f"Not tried: {'; '.join(self.definitions.skipped)}." if self.definitions.skipped else ""

    def skipped_html(self) -> str:
        """Returns what could not be tried as a line that opens on a click, with the reasons; nothing where all was."""
        reasons = "".join(
            f"<li>{html.escape(option)}: {html.escape(reason)}</li>"
            for option, reason in self.definitions.skipped.items()
        )
        return f"<details><summary>{html.escape(self.skipped)}</summary><ul>{reasons}</ul></details>" if reasons else ""


def definition_answers(
    history: History,
    plan: Plan,
    periods: str,
    names: Names = "aliases",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Lab:
    """Returns the lab for a plan: one definition changed at a time, and the credit dates that move most pay.

    Raises PlanError or DataError as `replay` does.
    """
    grid = definition_grid(plan, history)
    definitions = compare_definitions(history, grid, plan, periods, crossed=False, names=names, progress=progress)
    fights = _with_caveat(fights_answer(definitions), grid)
    answered = [("Which definitions matter here", fights, definition_fights(fights.table))]
    dates = fights.table.loc[fights.table["question"] == CREDIT, "option"].tolist()
    if dates and definitions.is_complete:
        rule = dates[0]
        flow, pay = credit_date_switchboard(history, plan, {rule: grid[CREDIT][rule]}, periods, names)
        why = f"Of the credit dates tried, {rule} moves most pay, so it is the one drawn."
        flow = Answer(f"{why} {flow.sentence}", flow.table)
        answered.append(("Which amounts change quarter", flow, amounts_moved(flow.table, rule)))
        answered.append(("Whose pay shifts with them", pay, pay_moved(pay.table, rule)))
    return Lab(definitions, tuple(answered), legend(plan, grid))


def _with_caveat(fights: Answer, grid: Grid) -> Answer:
    """The answer with what to mind of the option that moves most."""
    if fights.table.empty:
        return fights
    first = fights.table.iloc[0]
    caveat = goal_caveat(grid[first["question"]][first["option"]]) if first["pay_moved"] else ""
    return Answer(fights.sentence.replace("Targets stay as they are.", caveat), fights.table) if caveat else fights


_COLUMNS = ("%", "Moved", "Change", "Up", "Down", "NRR", "GRR")


def lab_lines(lab: Lab, width: int) -> list[str]:
    """Returns the lab's table as lines of at most so many letters; columns that have no room are named below it.

    The names of options are written whole wherever they fit beside the first column.
    """
    own = lab.definitions.cells.iloc[0]
    company = [percent(own[name], 1) for name in ("nrr", "grr")]
    rows: list[tuple[str, list[str]]] = [("As in the plan", [*[""] * 5, *company])]
    for question, options in lab.answered[0][1].table.groupby("question", sort=False):
        rows.append((str(question), [""] * len(_COLUMNS)))
        found: list[Any] = list(options.itertuples())
        for row in found:
            moved = [percent(row.share_moved, 1), f"{row.pay_moved:,.0f}", f"{row.change:+,.0f}"]
            company = [percent(row.nrr, 1), percent(row.grr, 1)]
            rows.append((f"  {row.option}", [*moved, str(row.n_gain), str(row.n_lose), *company]))
    widths = [max(len(cells[i]) for _, cells in [("", list(_COLUMNS)), *rows]) + 3 for i in range(len(_COLUMNS))]
    names = max(len("Definition"), *(len(name) for name, _ in rows))
    n = max(1, sum(names + sum(widths[: i + 1]) <= width for i in range(len(_COLUMNS))))
    names = min(names, max(width - sum(widths[:n]), 10))
    lines = [
        shortened(name, names).ljust(names)
        + "".join(cell.rjust(room) for cell, room in zip(cells[:n], widths, strict=False))
        for name, cells in [("Definition", list(_COLUMNS)), *rows]
    ]
    lines.insert(1, "-" * len(lines[0]))
    if n < len(_COLUMNS):
        lines += ["", f"A wider screen also shows {', '.join(_COLUMNS[n:])}."]
    return [line.rstrip() for line in lines]


def costs_line(lab: Lab) -> str:
    """Returns what the plan costs as it is, and what the table's columns count, in words."""
    definitions = lab.definitions
    cost = f"{statement_money(definitions.cells.iloc[0]['cost'])} {definitions.currency}"
    over = " over all these quarters" if len(definitions.periods) > 1 else ""
    return (
        f"{definitions.plan.title} costs {cost}; each definition is changed alone, and targets are left as they are. "
        f"Moved is what people get more or less{over}, signs aside, and % its share of the cost; Up "
        "and Down are people. NRR and GRR are the company's, a quarter's on average."
    )
