"""The command line: each command calls one function, and ends a user's mistake with a clear line and status 1."""

from __future__ import annotations

import sys
import textwrap
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from compmodel import style
from compmodel.command_options import (
    PLANS,
    SAMPLE,
    Baseline,
    Cluster,
    Command,
    Data,
    Mapping,
    Names,
    NamesOption,
    OnePlan,
    OutTable,
    Periods,
    Plans,
    asked_of_one,
    checked,
    checked_out,
    compared,
    os_words,
    progress_bar,
    there,
)
from compmodel.compare import Comparison, cost_by_period, pay_change_by_payee, totals
from compmodel.definition_words import legend_lines
from compmodel.errors import CompModelError, listing
from compmodel.explain import explain
from compmodel.lab import Lab, costs_line, definition_answers, lab_lines
from compmodel.mapping import mapping_language
from compmodel.periods import checked_quarters, period_range
from compmodel.plan_commands import app as plan_app
from compmodel.plan_language import plan_language
from compmodel.question_commands import answer_questions, cost_ranges, sweep_plan
from compmodel.replay import replay
from compmodel.reports import (
    CHAIN_FORMATS,
    FORMATS,
    LAB_FORMATS,
    render_report,
    render_reports,
    write_chain,
    write_comparison,
    write_definitions,
)
from compmodel.sample import write_sample
from compmodel.server import serve_workbench
from compmodel.sources import load_history
from compmodel.tables import data_dictionary
from compmodel.verification import Difference, verify

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(plan_app, name="plan", no_args_is_help=True)
app.command("questions", cls=Command)(answer_questions)
app.command("sweep", cls=Command)(sweep_plan)
app.command("range", cls=Command)(cost_ranges)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"compmodel {version('compmodel')}")
        raise typer.Exit


@app.callback()
def _options(
    is_version_asked: Annotated[
        bool, typer.Option("--version", help="Say the version and end.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Compare customer-success pay plans on your own customer history."""


class Words(StrEnum):
    """What the dictionary is of."""

    tables = "tables"
    plans = "plans"


WIDEST = 110
"""Columns of the widest explanation: beyond, its amounts would stand too far from the names."""
THIRDS, HALVES = Path("data/plans/thirds.yaml"), Path("data/plans/halves.yaml")


@app.command("check")
def check_data(folder: Annotated[Path, typer.Argument(help="Folder of tables.")], mapping: Mapping = None) -> None:
    """Check a folder of tables: every problem with file, row, value, rule and fix."""
    history = load_history(folder, mapping)
    n = len(history.warnings)
    if n:
        typer.echo(listing(history.warnings, "Worth a look", "thing"))
    tables = ("accounts", "arr_events", "assignments", "payees", "kpis", "fx_rates")
    counts = ", ".join(f"{len(getattr(history, name)):,} {name}" for name in tables)
    found = f"{n:,} things are worth a look" if n > 1 else "one thing is worth a look" if n else "nothing stands out"
    typer.echo(f"{folder} holds {counts}: every rule holds; {found}.")


@app.command("compare", cls=Command)
def compare_plans(
    context: typer.Context,
    plans: Plans,
    periods: Periods,
    baseline: Baseline = "",
    data: Data = SAMPLE,
    mapping: Mapping = None,
    out: Annotated[Path | None, typer.Option(help="Also write it as .html, .csv or .xlsx.")] = None,
    names: NamesOption = Names.aliases,
) -> None:
    """Compare plans on a history: what each costs, who gains and who loses."""
    comparison = compared(context, plans, periods, baseline, data, mapping, names, checked_out(out, FORMATS))
    _print_comparison(comparison)
    if out:
        typer.echo(f"Written: {write_comparison(comparison, out)}")


@app.command("definitions", cls=Command)
def definitions(
    context: typer.Context,
    plan: OnePlan,
    periods: Periods,
    data: Data = SAMPLE,
    mapping: Mapping = None,
    out: Annotated[Path | None, typer.Option(help="Also write it as .html or .csv.")] = None,
    names: NamesOption = Names.aliases,
) -> None:
    """Show which definitions move pay on a history: credit dates, baseline, holder, level and more, each alone."""
    design, history, periods, _ = asked_of_one(context, plan, periods, data, mapping, checked_out(out, LAB_FORMATS))
    with progress_bar("Definitions") as progress:
        lab = definition_answers(history, design, periods, names.value, progress)
    _print_fights(lab)
    if out:
        typer.echo(f"Written: {write_definitions(lab, history.settings.title, out)}")


@app.command("explain", cls=Command)
def explain_pay(
    context: typer.Context,
    payee: Annotated[str, typer.Option(help="The person's payee_id, such as P04.")],
    period: Annotated[str, typer.Option(help="The quarter, such as 2025Q4.")],
    plan: OnePlan,
    data: Data = SAMPLE,
    mapping: Mapping = None,
    out: OutTable = None,
) -> None:
    """Explain one person's pay down to the deals behind it, by name: for this screen only."""
    outs = checked_out(out, CHAIN_FORMATS)
    design, history, period, _ = asked_of_one(context, plan, period, data, mapping, outs, most=1)
    (run,) = replay([design], history, period)
    explanation = explain(run, payee, period)
    for line in explanation.lines(min(Console().width, WIDEST)):
        typer.echo(line)
    if out:
        typer.echo(f"\nWritten: {write_chain(explanation, out)}. It holds the pay of a named person: keep it private.")


@app.command("verify")
def verify_cases(files: Annotated[list[Path], typer.Argument(help="Case files.")]) -> None:
    """Run hand-worked cases: what they pay, to the cent, against what they expect; status 1 where they differ."""
    found: list[Difference] = []
    for path in files:
        try:
            cases, differences = verify(path)
        except CompModelError as error:
            typer.echo(str(error), err=True)
            found.append(Difference(path.name, "cannot be read"))
            continue
        wrong = {difference.case for difference in differences}
        for case in cases:
            typer.echo(f"{'differs' if case in wrong else 'agrees '}  {path.name}: {case}")
            for difference in differences:
                if difference.case == case:
                    typer.echo(f"         {difference.said}")
        found += differences
    if found:
        raise typer.Exit(1)


@app.command("report", cls=Command)
def quarterly_report(
    context: typer.Context,
    period: Annotated[str, typer.Option(help="The quarter, such as 2025Q4, or 2025Q1:2025Q4 for a report each.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("reports"),
    data: Data = SAMPLE,
    mapping: Mapping = None,
    plans: Plans = [THIRDS, HALVES],  # noqa: B006 - typer copies it
    baseline: Baseline = "",
    names: NamesOption = Names.aliases,
    notebook: Annotated[Path, typer.Option(help="The report's notebook.")] = Path("notebooks/quarterly_report.ipynb"),
    cluster: Cluster = "",
) -> None:
    """Render the quarterly report as one HTML file that opens offline; several quarters give a file each."""
    (quarters,) = checked(context, (period, lambda of: [one.name for one in period_range(checked_quarters(of))]))
    parameters: dict[str, Any] = {
        "data": str(data.resolve()),
        "mapping": str(mapping.resolve()) if mapping else "",
        "plans": [str(path.resolve()) for path in plans],
        "baseline": baseline or ("thirds" if plans == [THIRDS, HALVES] else ""),
        "names": names.value,
    }
    if len(quarters) == 1 and not cluster:
        parameters["period"] = quarters[0]
        path = out / f"quarterly_report_{quarters[0]}.html"
        typer.echo(f"Written: {render_report(notebook, parameters, path, show_progress=sys.stderr.isatty())}")
        return
    with progress_bar("Reports") as progress:
        for path in render_reports(notebook.resolve(), parameters, quarters, out, cluster, progress):
            typer.echo(f"Written: {path}")


@app.command("sample", cls=Command)
def sample_company(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 7,
) -> None:
    """Write the sample company's tables."""
    checked(context)
    write_sample(out, seed)
    typer.echo(f"Written: {out}")


@app.command("dictionary")
def dictionary(
    of: Annotated[Words, typer.Argument(help="The words of tables and mappings, or of plan files.")] = Words.tables,
) -> None:
    """Print the data dictionary, or the words of a plan file."""
    typer.echo(plan_language() if of is Words.plans else data_dictionary() + mapping_language(), nl=False)


@app.command("workbench")
def workbench(
    context: typer.Context,
    notebook: Annotated[Path, typer.Option(help="The workbench notebook.")] = Path("notebooks/02_compare_plans.ipynb"),
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of tables.")] = None,
    mapping: Mapping = None,
    plans: Plans = [],  # noqa: B006 - typer copies it
    periods: Periods = "",
    baseline: Baseline = "",
) -> None:
    """Open the workbench in the browser, on this machine only; what is not given is as the notebook says."""
    paths = [(path, there) for path in (notebook, data, mapping, *plans)]
    periods, *_ = checked(context, (periods, checked_quarters), *paths)
    chosen = {
        "data": str(data.resolve()) if data else None,
        "mapping": str(mapping.resolve()) if mapping else None,
        "plans": [str(path.resolve()) for path in plans] if plans else None,
        "periods": periods,
        "baseline": baseline,
    }
    raise typer.Exit(serve_workbench(notebook, port, parameters={k: v for k, v in chosen.items() if v}))


def _each_plan(arguments: list[str]) -> list[str]:
    """Writes `--plans a b` as `--plans a --plans b`, which is what the parser takes; --plan likewise."""
    spread: list[str] = []
    option = ""
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if sign and name in PLANS:
            option, argument = name, value
        elif argument.startswith("-"):
            option = argument
        if option in PLANS and argument != option and spread[-1:] != [option]:
            spread.append(option)
        spread.append(argument)
    return spread


def _print_comparison(comparison: Comparison) -> None:
    cost = cost_by_period(comparison)
    names = [period.name for period in comparison.periods]
    rows: list[Any] = [*cost.table.itertuples(), *totals(cost.table).itertuples()]
    table = Table("Period", "Plan", "Cost", *(["Change", "%"] if comparison.others else []))
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for period in [*names, "Total"] if len(names) > 1 else names:
        if period == "Total":
            table.add_section()
        for row in (row for row in rows if row.period == period):
            first, changes = period, []
            if row.plan != comparison.baseline:
                share = style.signed_percent(row.change / (row.baseline_cost or float("nan")))
                first, changes = "", [f"{row.change:+,.2f}", share]
            table.add_row(first, row.title, style.statement_money(row.cost), *changes)
    console = Console(highlight=False, markup=False, soft_wrap=False)
    console.print(f"{comparison.company}, cost in {comparison.currency}")
    console.print(table)
    for sentence in (cost.sentence, pay_change_by_payee(comparison).sentence):
        typer.echo(sentence)
    if comparison.doubts:
        typer.echo(comparison.doubts, err=True)


def _print_fights(lab: Lab) -> None:
    width = min(Console().width, WIDEST)
    for line in [*textwrap.wrap(costs_line(lab), width), "", *lab_lines(lab, width), ""]:
        typer.echo(line)
    for _, answer, _ in lab.answered:
        typer.echo(answer.sentence)
    for line in ["", *legend_lines(lab.legend, width)]:
        typer.echo(line)
    if lab.skipped:
        said = f"{lab.skipped} {'; '.join(lab.definitions.skipped.values())}"
        typer.echo("\n" + "\n".join(textwrap.wrap(said, width, break_on_hyphens=False)), err=True)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line."""
    try:
        app(_each_plan(sys.argv[1:] if arguments is None else arguments))
    except CompModelError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None
    except OSError as error:
        typer.echo(os_words(error), err=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        typer.echo("Stopped; nothing was left half-written.", err=True)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
