"""The commands that may take long: a plan under many settings of its levers, and plans on resampled histories.

Both show how far they are, can be stopped, keep what is done, and run on other machines where --cluster says so.
"""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from compmodel.command_options import (
    SAMPLE,
    Baseline,
    Cluster,
    Data,
    Mapping,
    Names,
    NamesOption,
    OnePlan,
    OutTable,
    Periods,
    Plans,
    asked_of_one,
    checked_out,
    compared,
    progress_bar,
)
from compmodel.compare import Answer
from compmodel.documents import write_beside
from compmodel.errors import CompModelError
from compmodel.explore import grid, sweep
from compmodel.levers import Lever
from compmodel.money import exact
from compmodel.pay_ranges import cost_range
from compmodel.plan import Plan
from compmodel.plan_commands import WIDEST
from compmodel.question_pages import PAGES, answered_page, check_page, page_note
from compmodel.replay import Replay, replay
from compmodel.reports import CHAIN_FORMATS, PAGE_FORMATS, write_questions
from compmodel.trials import RESULTS, UNTRIED, lever_at, lever_values

MOST_SETTINGS = 1_000_000
"""Combinations of one sweep: more are rows that nobody reads, and memory."""
STOPPED = 130
"""Status of a program that was interrupted."""


def sweep_plan(
    context: typer.Context,
    plan: OnePlan,
    lever: Annotated[
        list[str],
        typer.Option(
            help="A number of the plan: PATH for values around its own, or PATH=LOW:HIGH:STEP. Several make a grid."
        ),
    ],
    periods: Periods,
    out: Annotated[Path, typer.Option(help="Write the table as .csv.")],
    data: Data = SAMPLE,
    mapping: Mapping = None,
    resume: Annotated[Path | None, typer.Option(help="The .csv of a sweep that was stopped, to go on from.")] = None,
    cluster: Cluster = "",
) -> None:
    """Show what a plan costs as its numbers move; Ctrl-C writes what is done."""
    outs = checked_out(out, CHAIN_FORMATS)
    design, history, periods, values = asked_of_one(context, plan, periods, data, mapping, outs, (lever, _moved))
    (run,) = replay([design], history, periods)
    known = known_settings(resume, run, list(values)) if resume else None
    with progress_bar("Settings") as progress:
        if len(values) == 1:
            ((path, own),) = values.items()
            earlier = None if known is None else known.rename(columns={path: "value"})
            found = sweep(run, path, own, progress, earlier, cluster)
            answer = Answer(found.sentence, found.table.rename(columns={"value": path}))
        else:
            answer = grid(run, values, progress, known, cluster)
    n_done = int((answer.table["said"] != UNTRIED).sum())
    _say(answer.sentence)
    table = answer.table.assign(sweep=sweep_mark(run, list(values)))
    write_beside(out, table.to_csv(index=False, lineterminator="\n").encode())
    if n_done == len(answer.table):
        typer.echo(f"Written: {out}")
        return
    typer.echo(f"Stopped. Written: {out}, with what is done. Add --resume {out} to go on.", err=True)
    raise typer.Exit(STOPPED)


def cost_ranges(
    context: typer.Context,
    plans: Plans,
    periods: Periods,
    baseline: Baseline = "",
    data: Data = SAMPLE,
    mapping: Mapping = None,
    draws: Annotated[int, typer.Option(help="How many histories are drawn; few are rough.", min=100)] = 2000,
    seed: Annotated[int, typer.Option(help="Same seed, same draws.", min=0)] = 0,
    cluster: Cluster = "",
    out: OutTable = None,
) -> None:
    """Show what plans cost on resampled histories, and whether chance alone could make their difference."""
    outs = checked_out(out, CHAIN_FORMATS)
    comparison = compared(context, plans, periods, baseline, data, mapping, Names.aliases, outs)
    done = [0]
    with progress_bar("Draws") as progress:

        def told(n: int, total: int, seconds_left: float) -> None:
            done[0] = n
            progress(n, total, seconds_left)

        answer = cost_range(comparison, draws, seed, told, cluster=cluster)
    _say(answer.sentence)
    if out:
        write_beside(out, answer.table.to_csv(index=False, lineterminator="\n").encode())
        typer.echo(f"Written: {out}")
    if done[0] < draws:
        raise typer.Exit(STOPPED)


def answer_questions(
    context: typer.Context,
    page: Annotated[str, typer.Argument(help=f"Which questions: {', '.join(PAGES)}.")],
    plans: Plans,
    periods: Periods,
    baseline: Baseline = "",
    data: Data = SAMPLE,
    mapping: Mapping = None,
    out: Annotated[Path | None, typer.Option(help="Also write it as .html, with charts and tables.")] = None,
    names: NamesOption = Names.aliases,
) -> None:
    """Answer the questions of a notebook in sentences, and as one file that opens offline."""
    more = (checked_out(out, PAGE_FORMATS), (page, check_page))
    comparison = compared(context, plans, periods, baseline, data, mapping, names, *more)
    asked = []
    note = page_note(page, comparison)
    _say(f"{comparison.company}, {', '.join(comparison.facts)}. {note}".strip())
    with progress_bar("Questions") as progress:
        for one in answered_page(page, comparison, progress):
            asked.append(one)
            _say(f"{one.heading}. {one.answer.sentence}")
    if out:
        title = f"{comparison.company}: {page.replace('_', ' ')}"
        typer.echo(f"Written: {write_questions(title, comparison, asked, out, note)}")


def _moved(asked_of: tuple[Plan, list[str]]) -> dict[str, list[float]]:
    """The values of each lever asked for. Raises CompModelError with what is wrong with any of them."""
    (plan, asked), levers, said = asked_of, [], []
    for one in asked:
        try:
            name, span = _parts(one)
            levers.append((lever_at(plan, name), span))
            lever_ranges(levers[-1:])
        except CompModelError as error:
            said.append(str(error))
    if said:
        raise CompModelError("\n".join(said))
    return lever_ranges(levers)


def lever_ranges(asked: list[tuple[Lever, str]]) -> dict[str, list[float]]:
    """Returns the values of each lever asked for, by path: of LOW:HIGH:STEP, or some around its own.

    Raises CompModelError for a range that is none, a lever named twice, and more combinations than a table should have.
    """
    found: dict[str, list[float]] = {}
    n = 1
    for lever, span in asked:
        if lever.path in found:
            raise CompModelError(f"--lever {lever.path} is given twice. Give each lever once.")
        found[lever.path] = range_values(lever.path.removesuffix(".default"), span) if span else lever_values(lever)
        n *= len({*found[lever.path], lever.value})
    if n > MOST_SETTINGS:
        fix = "Take larger steps or fewer levers."
        raise CompModelError(f"These levers make {n:,} combinations; at most {MOST_SETTINGS:,} are tried. {fix}")
    return found


def range_values(path: str, span: str) -> list[float]:
    """Returns the values from LOW to HIGH in steps, exactly as they would be written.

    >>> range_values("components.nrr.target", "1.1:1.2:0.05")
    [1.1, 1.15, 1.2]
    """
    fix = f"Write --lever {path}=LOW:HIGH:STEP, such as 1.05:1.25:0.01."
    try:
        first, last, by = span.split(":")
        low, high, step = (exact(float(part)) for part in (first, last, by))
    except (ValueError, OverflowError):
        raise CompModelError(f"--lever {path}={span} is no range. {fix}") from None
    if high < low:
        swapped = f"Swap the two: --lever {path}={last}:{first}:{by.strip().removeprefix('-')}."
        raise CompModelError(f"--lever {path}={span} goes down, from {first} to {last}, but LOW comes first. {swapped}")
    if step <= 0:
        raise CompModelError(f"--lever {path}={span} holds no value, as its STEP must be above 0. {fix}")
    if (high - low) / step > MOST_SETTINGS:
        raise CompModelError(f"--lever {path}={span} holds more than {MOST_SETTINGS:,} values. Take a larger step.")
    return [float(low + k * step) for k in range(int((high - low) / step) + 1)]


def sweep_mark(run: Replay, levers: list[str]) -> str:
    """Returns twelve letters that tell a sweep from those of other plans, histories, periods or levers."""
    stage, digest = run.stage, hashlib.sha256(run.plan.model_dump_json().encode())
    for frame in (stage.people, stage.rates, *stage.results.described, run.payouts):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    digest.update(stage.results.value.tobytes())
    digest.update("\n".join(sorted(levers)).encode())
    return digest.hexdigest()[:12]


def known_settings(path: Path, run: Replay, levers: list[str]) -> pd.DataFrame:
    """Returns the table of an earlier sweep of these levers on this plan, history and periods.

    Raises CompModelError where it is of others, by the mark that the sweep wrote.
    """
    fix = "Give the --out file of the sweep that was stopped, with the same plan, levers, data and periods."
    try:
        known = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError):
        raise CompModelError(f"{path} is not the table of a sweep. {fix}") from None
    missing = [name for name in (*levers, *RESULTS, "said", "sweep") if name not in known]
    if missing:
        raise CompModelError(f"{path} has no column {missing[0]}. {fix}")
    try:
        for name in (*levers, *RESULTS):
            known[name] = [float(cell or "nan") for cell in known[name]]  # exactly as it was written
    except ValueError:
        raise CompModelError(f"{path} holds text where numbers belong. {fix}") from None
    if set(known["sweep"]) != {sweep_mark(run, levers)}:
        raise CompModelError(f"{path} is of another plan, history, periods or levers. {fix}")
    return known


def _parts(written: str) -> tuple[str, str]:
    name, sign, span = written.partition("=")
    if sign and not span:
        raise CompModelError(f"--lever {written} has no range. Write --lever {name}=1.05:1.25:0.01, or the path alone.")
    return name.strip(), span.strip()


def _say(sentence: str) -> None:
    typer.echo("\n".join(textwrap.wrap(sentence, min(Console().width, WIDEST))))
