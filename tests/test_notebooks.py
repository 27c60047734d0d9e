"""Notebooks stay thin and stripped, show no code, and run from their own folder."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted(Path("notebooks").glob("*.ipynb"))
MOST_LINES = 60
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str = "code") -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def code(path: Path) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in cells(path)))


@each
def test_it_is_stripped_and_uses_the_environments_own_kernel(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    for cell in cells(path):
        assert cell.outputs == []
        assert cell.execution_count is None
    nbformat.validate(notebook)


@each
def test_it_begins_with_a_title_and_a_question(path: Path) -> None:
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "?" in first.source


@each
def test_exactly_one_cell_holds_parameters_and_only_literals(path: Path) -> None:
    (cell,) = [cell for cell in cells(path) if "parameters" in cell.metadata.get("tags", [])]
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign | ast.AnnAssign)
        assert statement.value is not None
        ast.literal_eval(statement.value)


@each
def test_it_is_thin(path: Path) -> None:
    lines = [line for cell in cells(path) for line in cell.source.splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES
    thick = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.comprehension, ast.Try)
    assert [type(node).__name__ for node in ast.walk(code(path)) if isinstance(node, thick)] == []
    assert "groupby" not in "\n".join(lines)
    assert not [line for line in lines if re.search(r"""["'](/|[A-Z]:\\|~)""", line)], "an absolute path"


@each
def test_it_imports_only_the_package(path: Path) -> None:
    for node in ast.walk(code(path)):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= {"compmodel"}
        elif isinstance(node, ast.ImportFrom):
            assert str(node.module).startswith(("compmodel", "IPython.display"))


@each
def test_a_leader_sees_no_code(path: Path) -> None:
    for cell in cells(path):
        assert cell.metadata.get("jupyter", {}).get("source_hidden") is True


@pytest.mark.notebooks
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("01_explore_plan", "another 1,000 USD of retained ARR paid nothing"),
        ("03_sensitivity", "moves cost most"),
        ("04_team_or_individual", "so one quarter says little about the person"),
    ],
)
def test_the_pages_of_questions_run(name: str, said: str, root: Path) -> None:
    notebook = nbformat.read(f"notebooks/{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(root / "notebooks")}}).execute()
    models = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    texts = [str(model["state"].get("value", "")) for model in models]
    assert any(said in text for text in texts)
    assert not any("Not answered" in text for text in texts)


@pytest.mark.notebooks
@pytest.mark.parametrize("folder", ["notebooks", "."])
def test_the_workbench_notebook_runs_from_either_folder(folder: str, root: Path) -> None:
    notebook = nbformat.read("notebooks/02_compare_plans.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(root / folder)}}).execute()
    last = notebook.cells[-1]
    assert "application/vnd.jupyter.widget-view+json" in last.outputs[-1]["data"]
    models = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    said = [str(model["state"].get("value", "")) for model in models]
    assert any("Halves costs" in value for value in said)
