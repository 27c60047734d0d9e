"""What several commands share: their options, all that is wrong with a command in one answer, how far work is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from typer.core import TyperCommand

from compmodel.compare import Comparison, chosen_baseline, compare
from compmodel.documents import nearest_path
from compmodel.errors import CompModelError
from compmodel.periods import checked_quarters
from compmodel.plan import Plan, load_plan, load_plans
from compmodel.replay import replay
from compmodel.reports import check_out
from compmodel.sources import load_history
from compmodel.tables import History


class Names(StrEnum):
    """Whether people appear by name or by alias."""

    aliases = "aliases"
    shown = "shown"


PLANS = ("--plans", "--plan")
"""Either is understood by every command: a plan is a plan, however many there may be."""
Data = Annotated[Path, typer.Option(help="Folder of tables.")]
Mapping = Annotated[Path | None, typer.Option(help="Mapping file, where it is not in the folder.")]
Plans = Annotated[list[Path], typer.Option(*PLANS, help="Plan files; give several after one --plans.")]
OnePlan = Annotated[list[Path], typer.Option(*PLANS[::-1], help="Plan file.")]
Periods = Annotated[str, typer.Option(help="Quarters, such as 2024Q1:2025Q4.")]
Baseline = Annotated[str, typer.Option(help="Name of the plan the others are held against; one alone is it.")]
Cluster = Annotated[
    str, typer.Option(help="Address of a Dask scheduler, such as tcp://10.0.0.5:8786, whose workers do the work.")
]
NamesOption = Annotated[Names, typer.Option(help="Aliases, unless you ask for names.")]
OutTable = Annotated[Path | None, typer.Option(help="Also write the table as .csv.")]
SAMPLE = Path("data/sample")


class Command(TyperCommand):
    """A command whose missing options are told by `checked`, together with all else that is wrong with it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Takes what is missing as not given, and keeps its names; help still says what is needed."""
        needed = [option for option in self.params if option.required and "--help" not in args]
        for option in needed:
            option.required = False
        try:
            rest = super().parse_args(ctx, args)
        finally:
            for option in needed:
                option.required = True
        ctx.meta["missing"] = [of for of in needed if not ctx.params.get(str(of.name))]
        return rest


Check = tuple[Any, Callable[[Any], Any]]
"""A value as it was given, and what makes something of it or raises what is wrong."""


def checked(context: typer.Context, *each: Check) -> list[Any]:
    """Returns what each check makes of its value, None of a value that is not given.

    Raises one CompModelError with what is missing and what every check refuses.
    """
    missing = context.meta.get("missing", [])
    said = [f"{of.opts[0]} is missing: {of.help}" for of in missing]
    found: list[Any] = []
    for value, check in each:
        found.append(None)
        try:
            found[-1] = check(value) if value else None
        except CompModelError as error:
            said.append(str(error))
        except OSError as error:
            said.append(os_words(error))
    if said:
        raise CompModelError("\n".join(dict.fromkeys(said)))
    return found


def os_words(error: OSError) -> str:
    """Returns what is wrong with a file, in a line."""
    return f"{error.filename or 'A file'}: {error.strerror or error}. Check the path and its rights."


def there(path: Path) -> Path:
    """Returns the path of what is there. Raises CompModelError with the nearest name."""
    if not path.exists():
        raise CompModelError(f"{path} is not there. {nearest_path(path)}")
    return path


def asked_of_one(
    context: typer.Context,
    paths: list[Path],
    periods: str,
    data: Path,
    mapping: Path | None,
    out: Check,
    levers: Check = (None, str),
    most: int = 2,
) -> tuple[Plan, History, str, Any]:
    """Returns plan, history, periods and levers of a command that is about one plan; raises as `checked`.

    `levers` are checked against the plan, where that can be read.
    """
    plans: list[Plan] = []
    _, periods, moved, history, _ = checked(
        context,
        (paths, lambda of: plans.append(one_plan(of))),
        (periods, lambda written: checked_quarters(written, most)),
        (levers[0], lambda of: levers[1]((plans[0], of)) if plans else None),
        (data, lambda folder: load_history(folder, mapping)),
        out,
    )
    return plans[0], history, periods, moved


def one_plan(paths: list[Path]) -> Plan:
    """Returns the plan of a command that is about one. Raises CompModelError where several are given."""
    if len(paths) > 1:
        named = ", ".join(map(str, paths))
        raise CompModelError(f"This command is about one plan, but {len(paths)} are given: {named}. Give one of them.")
    return load_plan(paths[0])


def compared(
    context: typer.Context,
    plans: list[Path],
    periods: str,
    baseline: str,
    data: Path,
    mapping: Path | None,
    names: Names = Names.aliases,
    *more: Check,
) -> Comparison:
    """Returns the comparison that a command is about; `more` is checked with it, so that all problems are told."""
    periods, designs, history, *_ = checked(
        context,
        (periods, checked_quarters),
        (plans, lambda paths: _held_against(load_plans(*paths), baseline)),
        (data, lambda folder: load_history(folder, mapping)),
        *more,
    )
    return compare(replay(designs, history, periods), baseline, names.value)


def _held_against(plans: list[Plan], baseline: str) -> list[Plan]:
    chosen_baseline([plan.name for plan in plans], baseline)
    return plans


def checked_out(out: Path | None, formats: tuple[str, ...]) -> Check:
    """Returns the check of a file to write, as `checked` takes it."""
    return out, lambda path: check_out(path, formats)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[..., None]]:
    """Gives what is told how many are done of how many; drawn with the time left, on a terminal only."""
    stderr = Console(stderr=True)
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total, *_: bar.update(task, completed=done, total=total)
