"""One direction: what may import what, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src/compmodel"
MODULES = sorted(path.stem for path in SOURCE.glob("*.py"))

LAYERS = [
    {"errors", "style"},
    {"documents", "blocks"},
    {"periods", "money", "codes", "html_tables", "sample_people", "figures"},
    {"targets", "adjustments", "wording"},
    {"tables"},
    {"refusals", "chain_lines"},
    {"exchange", "mapping", "parsing", "sample_contracts"},
    {"files", "reshaping", "validation", "sample"},
    {"sources"},
    {"holders"},
    {"credit_dates", "books", "baselines", "events"},
    {"revaluation"},
    {"crediting", "metrics", "attainment", "curves", "people", "basis", "settlement"},
    {"payout", "adjustment_words", "balances"},
    {"measurement", "values"},
    {"qualifying"},
    {"components"},
    {"levers", "whole_pay", "compiled", "pay_loops"},
    {"plan", "earnings", "pools"},
    {"year_to_date", "curve_lines"},
    {"pay_lines"},
    {"prepared_pay"},
    {"half_cents"},
    {"compiled_pay"},
    {"payouts", "stage_pay"},
    {"misfits", "plan_language", "plan_vocabulary", "clawbacks"},
    {"plan_differences", "curve_words"},
    {"component_words"},
    {"plan_words", "component_changes"},
    {"plan_changes"},
    {"replay"},
    {"pay_otherwise"},
    {"still_due"},
    {"component_lints", "transfers"},
    {"history_lints"},
    {"plan_lint"},
    {"plan_commands"},
    {"cases"},
    {"verification"},
    {"contributions", "chain_words", "scenario_settings", "account_sums", "paying_parts"},
    {"scenarios"},
    {"trials", "other_values"},
    {"compare", "exchange_effects", "explain"},
    {"explore"},
    {"sobol", "calibration", "keep_whole", "regret"},
    {"explore_charts"},
    {"definitions", "switchboard", "payout_curves", "plan_mixes", "costs", "decisions", "resampling"},
    {"pay_ranges"},
    {"chance_parts"},
    {"luck"},
    {"pay_swing"},
    {"reasons", "next_steps", "coasting", "timing", "break_even", "distributions", "retention_pay"},
    {"marginal_pay"},
    {"marginal_pay_map"},
    {"charts", "definition_charts", "definition_words"},
    {"chance_charts", "reason_charts", "marginal_pay_charts", "event_charts", "cost_charts", "distribution_charts"},
    {"lab"},
    {"editing", "pages", "server", "question_pages"},
    {"chart_widgets"},
    {"question_widgets"},
    {"workbench", "reports"},
    {"command_options"},
    {"question_commands"},
    {"cli", "__init__"},
]
"""A module imports only from layers listed before its own."""
RANK = {module: rank for rank, layer in enumerate(LAYERS) for module in layer}

STAGES = ("crediting", "metrics", "attainment", "curves", "payout")
BELOW_STAGES = {"errors", "periods", "money", "codes", "documents", "tables", "exchange"}
BELOW_STAGES |= {"holders", "books", "baselines", "events", "targets", "people"}
ONLY_IN = {
    "ipywidgets": {"chart_widgets", "question_widgets", "workbench"},
    "papermill": {"reports"},
    "nbconvert": {"reports"},
    "plotly": {"figures", "pages", "question_widgets", "workbench"},
    "pandera": {"parsing"},
    "numba": {"compiled"},
    "typer": {"cli", "command_options", "plan_commands", "question_commands"},
    "joblib": {"blocks"},
    "distributed": {"blocks"},
}
DEFERRED = {"distributed", "numba", "scipy"}
MOST_LINES = 350


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((SOURCE / f"{module}.py").read_text(encoding="utf-8"))


@cache
def imports(code: ast.AST) -> frozenset[tuple[str, ...]]:
    """Each import as its dotted parts; `from compmodel import charts` is ("compmodel", "charts")."""
    found = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "an import is written from the top"
            parts = tuple(str(node.module).split("."))
            found |= {(*parts, alias.name) for alias in node.names}
    return frozenset(found)


def own_imports(module: str) -> set[str]:
    return {parts[1] for parts in imports(tree(module)) if parts[0] == "compmodel"}


def packages(module: str) -> set[str]:
    return {parts[0] for parts in imports(tree(module))}


def test_every_module_has_its_layer() -> None:
    assert sorted(RANK) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_lead_in_one_direction(module: str) -> None:
    """So there are no cycles either."""
    assert [name for name in own_imports(module) if RANK[name] >= RANK[module]] == []


@pytest.mark.parametrize("module", STAGES)
def test_a_stage_knows_no_other_stage(module: str) -> None:
    assert own_imports(module) <= BELOW_STAGES


def test_plan_composes_the_models_of_the_stages_and_calls_none_of_their_functions() -> None:
    taken = {parts[2] for parts in imports(tree("plan")) if parts[0] == "compmodel" and parts[1] in STAGES}
    assert taken
    assert all(name[0].isupper() for name in taken)


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_heavy_package_is_imported_in_its_place_only(package: str) -> None:
    assert {module for module in MODULES if package in packages(module)} <= ONLY_IN[package]


def test_style_imports_no_plotting_library() -> None:
    assert packages("style") <= {"__future__"}


@pytest.mark.parametrize("module", MODULES)
def test_no_import_inside_a_function_but_of_an_optional_or_slow_package(module: str) -> None:
    functions = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert {parts[0] for function in functions for parts in imports(function)} <= DEFERRED


def test_compmodel_is_imported_without_what_is_slow_to_load() -> None:
    said = f"import sys, compmodel; print(sorted({DEFERRED} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short(module: str) -> None:
    lines = (SOURCE / f"{module}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES


def test_all_names_what_is_there() -> None:
    (names,) = (
        ast.literal_eval(node.value)
        for node in tree("__init__").body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert names == sorted(names)
    assert set(names) == {parts[-1] for parts in imports(tree("__init__"))}
