"""The commands about plan files: a plan in words, what changed between two, what stands out, which there are."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compmodel.component_words import component_titles, paid_from
from compmodel.errors import CompModelError, PlanError
from compmodel.plan import Plan, load_plan
from compmodel.plan_changes import SAME, plan_changes
from compmodel.plan_lint import lint_lines, plan_lints
from compmodel.plan_words import plan_words
from compmodel.replay import replay
from compmodel.sources import load_history
from compmodel.style import count_words

app = typer.Typer(help="Read plan files: a plan in words, what changed between two, what stands out, a list.")
WIDEST = 110
"""Columns of the widest line: longer ones are hard to read."""
ENDINGS = (".yaml", ".yml")


@app.command("show")
def show_plan(plan: Annotated[Path, typer.Argument(help="Plan file.")]) -> None:
    """Say what a plan pays for, in plain words."""
    _echo(plan_words(load_plan(plan)))


@app.command("diff")
def diff_plans(
    before: Annotated[Path, typer.Argument(help="Plan file.")],
    after: Annotated[Path, typer.Argument(help="The plan file that is held against it.")],
) -> None:
    """Say what changed from one plan to another, a sentence a change."""
    _echo(plan_changes(load_plan(before), load_plan(after)) or [SAME])


@app.command("lint")
def lint_plans(
    files: Annotated[list[Path], typer.Argument(help="Plan files.")],
    data: Annotated[Path | None, typer.Option(help="Folder of tables: also look at what it would have paid.")] = None,
    periods: Annotated[str, typer.Option(help="Periods of it, such as 2024Q1:2025Q4.")] = "",
    mapping: Annotated[Path | None, typer.Option(help="Mapping file, where it is not in the folder.")] = None,
) -> None:
    """Say what is worth a second look in plan files: cliffs, dead zones, caps, what nobody can reach, and more."""
    if (data is None) == bool(periods):
        raise CompModelError("A history is looked at over periods. Give --data and --periods, or neither.")
    history, broken = load_history(data, mapping) if data else None, []
    for path in files:
        try:
            plan = load_plan(path)
        except PlanError as error:
            broken.append(str(error))
            continue
        run = None
        if history is not None:
            try:
                (run,) = replay([plan], history, periods)
            except PlanError as error:
                typer.echo(f"{path} is looked at without the history. {error}", err=True)
        lints = plan_lints(plan, run)
        n = count_words(len(lints), "thing")
        verb = "is" if len(lints) == 1 else "are"
        _echo([f"{path}: {n} {verb} worth a second look." if lints else f"{path}: nothing stands out."])
        _echo([f"  {line}" for lint in lints for line in lint_lines(lint)])
    if broken:
        typer.echo("\n".join(broken), err=True)
        raise typer.Exit(1)


@app.command("list")
def list_plans(folder: Annotated[Path, typer.Argument(help="Folder of plan files.")] = Path("data/plans")) -> None:
    """List the plan files of a folder; of a broken one its first problem."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in ENDINGS)
    if not paths:
        raise CompModelError(
            f"{folder} holds no plan files. Give a folder of files that end in {' or '.join(ENDINGS)}."
        )
    for path in paths:
        try:
            plan = load_plan(path)
        except PlanError as error:
            _echo([path.name, f"  Does not load: {error.problems[0]}"])
        else:
            said = [f"{plan.title}, from {plan.effective_on}: {components_in_words(plan)}.", plan.source]
            _echo([path.name, *(f"  {line}" for line in said if line)])


def components_in_words(plan: Plan) -> str:
    """Returns a plan's components with their weights.

    >>> from compmodel.plan import example_plan
    >>> components_in_words(example_plan())
    'NRR 50%, KPI 50%'
    """
    named = zip(component_titles(plan), plan.components, strict=True)
    return ", ".join(
        f"{title} {paid_from(component).removesuffix(' of target incentive')}" for title, component in named
    )


def _echo(lines: list[str]) -> None:
    width = min(Console().width, WIDEST)
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        said = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        typer.echo("\n".join(said))
