"""What several commands share: their options, and a bar that shows how far work is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress


class Names(StrEnum):
    """Whether people appear by name or by alias."""

    aliases = "aliases"
    shown = "shown"


Data = Annotated[Path, typer.Option(help="Folder of tables.")]
Mapping = Annotated[Path | None, typer.Option(help="Mapping file, where it is not in the folder.")]
Plans = Annotated[list[Path], typer.Option(help="Plan files; give several after one --plans.")]
Periods = Annotated[str, typer.Option(help="Quarters, such as 2024Q1:2025Q4.")]
Baseline = Annotated[str, typer.Option(help="Name of the plan the others are held against; one alone is it.")]
Cluster = Annotated[
    str, typer.Option(help="Address of a Dask scheduler, such as tcp://10.0.0.5:8786, whose workers do the work.")
]
NamesOption = Annotated[Names, typer.Option(help="Aliases, unless you ask for names.")]
SAMPLE = Path("data/sample")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[..., None]]:
    """Gives what is told how many are done of how many; drawn with the time left, on a terminal only."""
    stderr = Console(stderr=True)
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total, *_: bar.update(task, completed=done, total=total)
