"""Reports: the quarterly notebook run strictly, and a comparison as one file for people outside this machine.

Whatever leaves here shows aliases unless the caller asks for names. An unknown parameter stops a report, a failed
run leaves no file, and the same input gives the same bytes.
"""

from __future__ import annotations

import html
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import papermill
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from compmodel.blocks import Progress, block_results
from compmodel.charts import QUESTIONS
from compmodel.compare import Answer, Comparison, payout_table
from compmodel.definition_words import legend_html, read_table
from compmodel.documents import nearest_path, write_beside
from compmodel.errors import CompModelError, nearest
from compmodel.explain import Explanation
from compmodel.html_tables import details_html
from compmodel.lab import Lab
from compmodel.pages import figure_html, page_html
from compmodel.question_pages import Asked

PLOTLY_JSON = "application/vnd.plotly.v1+json"
FORMATS = (".html", ".csv", ".xlsx")
LAB_FORMATS = FORMATS[:2]
CHAIN_FORMATS = (".csv",)
PAGE_FORMATS = FORMATS[:1]
REPORTS_AT_A_TIME = 2
"""A kernel each, of some 250 MB and a core while it works."""
_QUIET = Config({"KernelManager": {"transport_encryption": "auto"}})
"""Encrypts the way to the kernel, which otherwise warns on every start that it does not."""


def render_report(notebook: Path, parameters: dict[str, Any], out: Path, show_progress: bool = False) -> Path:
    """Runs a report notebook with papermill and writes it as one offline HTML file without code; returns its path.

    Raises CompModelError for an unknown parameter, a notebook that cannot be read and whatever the notebook raises.
    """
    _check_notebook(notebook, parameters)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_beside(out, _report_page(notebook, parameters, show_progress))
    return out


def render_reports(
    notebook: Path,
    parameters: Mapping[str, Any],
    periods: Sequence[str],
    folder: Path,
    cluster: str = "",
    progress: Progress | None = None,
) -> Iterator[Path]:
    """Yields the path of a report a period as soon as it and those before it are written; two are rendered at a time.

    With a `cluster` its workers render them (`blocks.py`); they must see notebook, tables and plans under the same
    paths. Raises as `render_report`; reports that were written stay.
    """
    _check_notebook(notebook, {**parameters, "period": ""})
    folder.mkdir(parents=True, exist_ok=True)
    every = [{**parameters, "period": period} for period in periods]
    pages = block_results(partial(_report_page, notebook), every, cluster, REPORTS_AT_A_TIME, progress)
    for period, page in zip(periods, pages, strict=True):
        out = folder / f"quarterly_report_{period}.html"
        write_beside(out, page)
        yield out


def _check_notebook(notebook: Path, parameters: Mapping[str, Any]) -> None:
    if not notebook.is_file():
        fix = nearest_path(notebook, "Run this from the project's folder, or give --notebook.")
        raise CompModelError(f"{notebook} is not there. {fix}")
    if notebook.suffix != ".ipynb":
        raise CompModelError(f"{notebook} is not a notebook. Give another --notebook, which ends in .ipynb.")
    try:
        known = papermill.inspect_notebook(str(notebook))
    except (ValueError, OSError, nbformat.ValidationError):
        raise CompModelError(f"{notebook} is not a notebook that can be read. Give another --notebook.") from None
    for name in parameters:
        if name not in known:
            raise CompModelError(f"{notebook.name} has no parameter {name!r}. {nearest(name, known)}")


def _report_page(notebook: Path, parameters: Mapping[str, Any], show_progress: bool = False) -> bytes:
    """The offline page of a notebook that was run; a kernel that does not start is tried once more."""
    try:
        return _ran_page(notebook, parameters, show_progress)
    except RuntimeError:
        return _ran_page(notebook, parameters, show_progress)


def _ran_page(notebook: Path, parameters: Mapping[str, Any], show_progress: bool) -> bytes:
    logging.getLogger("papermill").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        ran = Path(folder) / "ran.ipynb"
        try:
            papermill.execute_notebook(
                str(notebook.resolve()),
                str(ran),
                parameters=dict(parameters),
                progress_bar=show_progress,
                resources={"metadata": {"path": str(notebook.parent.resolve())}},  # papermill's cwd moves this process
                config=_QUIET,
            )
        except PapermillExecutionError as error:
            known_kinds = ("CompModelError", "DataError", "PlanError")
            said = error.evalue if error.ename in known_kinds else f"The notebook failed, {error.ename}: {error.evalue}"
            raise CompModelError(str(said)) from None
        node = nbformat.read(ran, as_version=4)  # type: ignore[no-untyped-call]
    return report_html(node).encode()


def report_html(node: Any) -> str:
    """Returns an executed notebook as an offline page: its texts, figures and tables, no code and no messages."""
    title = next((c.source.splitlines()[0].lstrip("# ") for c in node.cells if c.cell_type == "markdown"), "Report")
    kept = []
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs = [_drawn(output) for output in cell.outputs if output.output_type != "stream"]
            if not cell.outputs:
                continue
        kept.append(cell)
    node.cells = kept
    exporter = HTMLExporter(
        template_name="basic", exclude_input=True, exclude_output_prompt=True, exclude_anchor_links=True
    )  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(node)
    return page_html(title, body)


def _drawn(output: Any) -> Any:
    """Swaps a plotly output for the page's own figure, one without a single mark for nothing."""
    figure = output.get("data", {}).get(PLOTLY_JSON)
    if figure:
        is_empty = all("x" in trace and not trace["x"] for trace in figure["data"])
        output["data"] = {"text/html": "" if is_empty else figure_html(figure)}
    return output


def comparison_html(comparison: Comparison) -> str:
    """Returns a comparison as an offline page: sentence, chart and table for each question, then every payout."""
    plans = "; ".join(plan.title for plan in comparison.plans)
    body = [
        f"<h1>{html.escape(comparison.company)}: {html.escape(plans)}</h1>",
        comparison._repr_html_(),
    ]
    for heading, question, chart in QUESTIONS:
        answer = question(comparison)
        body += [f"<h2>{heading}</h2>", answer._repr_html_()]
        body += [figure_html(chart(comparison, answer))] if len(answer.table) else []
    body += ["<h2>Payouts</h2>", details_html("Every payout", payout_table(comparison))]
    return page_html(f"{comparison.company}: {plans}", "\n".join(body))


def write_definitions(lab: Lab, company: str, out: Path) -> Path:
    """Writes the definition lab by the path's ending: HTML, or CSV with a row an option."""
    check_out(out, LAB_FORMATS)
    if out.suffix.lower() == ".csv":
        fights = lab.answered[0][1].table
        write_beside(out, _plain_text(fights).to_csv(index=False, lineterminator="\n").encode())
        return out
    title = f"{company}: definitions of {lab.definitions.plan.title}"
    body = [f"<h1>{html.escape(title)}</h1>"]
    for number, (heading, answer, figure) in enumerate(lab.answered):
        body += [f"<h2>{heading}</h2>", Answer(answer.sentence, read_table(answer.table))._repr_html_()]
        body += [*[legend_html(lab.legend)] * (number == 0), figure_html(figure)]
    body.append(lab.skipped_html())
    write_beside(out, page_html(title, "\n".join(body)).encode())
    return out


def write_questions(title: str, comparison: Comparison, asked: Sequence[Asked], out: Path, note: str = "") -> Path:
    """Writes answered questions as one offline page: what is compared; heading, sentence, table and chart of each."""
    check_out(out, PAGE_FORMATS)
    plans = "; ".join(plan.title for plan in comparison.plans)
    named = "People appear by alias. " if comparison.names == "aliases" else ""
    body = [
        f"<h1>{html.escape(title)}</h1>",
        comparison._repr_html_(),
        f"<p>{html.escape(f'{named}Plans: {plans}. {note}'.strip())}</p>",
    ]
    for heading, answer, figure in asked:
        body += [f"<h2>{html.escape(heading)}</h2>", answer._repr_html_()]
        body += [figure_html(figure)] if figure is not None else []
    write_beside(out, page_html(title, "\n".join(body)).encode())
    return out


def check_out(out: Path, formats: Sequence[str] = FORMATS) -> None:
    """Raises CompModelError when nothing can be written there: ending, folder, or a folder of that name."""
    if out.suffix.lower() not in formats:
        raise CompModelError(f"{out.name!r} must end in {', '.join(formats)}. {nearest(out.suffix, formats)}")
    if not out.parent.is_dir():
        fix = nearest_path(out.parent, "Make it first, or choose another.")
        raise CompModelError(f"The folder {out.parent} is not there. {fix}")
    if out.is_dir():
        raise CompModelError(f"{out} is a folder. Give the name of a file.")


def write_comparison(comparison: Comparison, out: Path) -> Path:
    """Writes a comparison by the path's ending: HTML, CSV (every payout) or Excel (a sheet a question)."""
    check_out(out)
    if out.suffix.lower() == ".html":
        content = comparison_html(comparison).encode()
    elif out.suffix.lower() == ".csv":
        content = _plain_text(payout_table(comparison)).to_csv(index=False, lineterminator="\n").encode()
    else:
        content = _workbook(comparison)
    write_beside(out, content)
    return out


def write_chain(explanation: Explanation, out: Path) -> Path:
    """Writes the chain of an explanation as CSV, names and all; returns its path."""
    check_out(out, CHAIN_FORMATS)
    text = _plain_text(explanation.chain).to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
    write_beside(out, text.encode())
    return out


def _plain_text(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table with an apostrophe before texts that a spreadsheet would run as a formula."""
    texts = {name: table[name] for name in table.columns if table[name].dtype == "str"}
    return table.assign(**{n: text.str.replace(r"^([=+\-@\t\r])", r"'\1", regex=True) for n, text in texts.items()})


def _workbook(comparison: Comparison) -> bytes:
    sheets = {heading: question(comparison).table for heading, question, _ in QUESTIONS}
    sheets["Payouts"] = payout_table(comparison)
    buffer = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs={"options": options}) as writer:
        book: Any = writer.book
        book.set_properties({"created": pd.Timestamp(2000, 1, 1).to_pydatetime()})
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name[:31], index=False, freeze_panes=(1, 0))
            sheet: Any = writer.sheets[name[:31]]
            sheet.autofit()
    return buffer.getvalue()
