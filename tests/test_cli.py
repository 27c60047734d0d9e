"""The command line as it is typed: clear lines, statuses, and no traceback for a user's mistake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import compmodel as cm
from compmodel.cli import main
from compmodel.plan_commands import WIDEST
from compmodel.plan_words import plan_words
from spoilt import BASE, tiny

THIRDS, HALVES = "data/plans/thirds.yaml", "data/plans/halves.yaml"
COMPARE = ["compare", "--data", "data/sample", "--plans", THIRDS, HALVES, "--periods", "2024Q1:2025Q4"]


def run(*arguments: str) -> int:
    try:
        main(list(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_compare_prints_a_table_whose_total_is_the_sum(capsys: pytest.CaptureFixture[str], sample: cm.History) -> None:
    assert run(*COMPARE, "--baseline", "thirds") == 0
    printed = capsys.readouterr().out
    replays = cm.replay(cm.load_plans(THIRDS, HALVES), sample, "2024Q1:2025Q4")
    for one in replays:
        assert f"{sum(round(cost * 100) for cost in one.payouts['cost']) / 100:,.2f}" in printed
    assert cm.cost_by_period(cm.compare(replays, "thirds")).sentence in " ".join(printed.split())


@pytest.mark.usefixtures("sample_at_hand")
def test_plans_may_follow_one_option_or_several(capsys: pytest.CaptureFixture[str]) -> None:
    each = ["compare", "--plans", THIRDS, "--plans", HALVES, "--periods", "2025Q4", "--baseline", "thirds"]
    together = ["compare", "--plans", THIRDS, HALVES, "--periods", "2025Q4", "--baseline", "thirds"]
    assert run(*each) == run(*together) == 0
    first, second = capsys.readouterr().out.split("Sample company")[1:]
    assert first == second


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.parametrize("ending", ["html", "csv", "xlsx"])
def test_compare_writes_out_without_names(ending: str, tmp_path: Path, sample: cm.History) -> None:
    out = tmp_path / f"c.{ending}"
    assert run(*COMPARE, "--baseline", "thirds", "--out", str(out)) == 0
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    content = out.read_bytes() if ending != "xlsx" else pd.read_excel(out, "Payouts").to_csv().encode()
    assert sample.payees["name"].iloc[0].encode() not in content
    assert b"Person" in content


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "no_such_folder"], "no_such_folder"),
        ([*COMPARE, "--baseline", "third"], "Did you mean 'thirds'"),
        ([*COMPARE[:-1], "2024Q5", "--baseline", "thirds"], "not a quarter"),
        ([*COMPARE[:-1], "2025Q4:2024Q1", "--baseline", "thirds"], "ends before it begins"),
        ([*COMPARE[:-1], "2024", "--baseline", "thirds"], "not a quarter"),
        ([*COMPARE, "--baseline", "thirds", "--out", "c.pdf"], "must end in"),
        (["compare", "--plans", "nope.yaml", "--periods", "2024Q1", "--baseline", "x"], "nope.yaml"),
        ([*COMPARE[:-1], "2010Q1", "--baseline", "thirds"], "begins before the first day of the data"),
        ([*COMPARE[:-1], "2026Q1", "--baseline", "thirds"], "not over on the last day of the data"),
        (["plan", "show", "nope.yaml"], "nope.yaml cannot be read"),
        (["plan", "diff", HALVES, "nope.yaml"], "nope.yaml cannot be read"),
        (["plan", "lint", HALVES, "nope.yaml"], "nope.yaml cannot be read"),
        (["plan", "lint", HALVES, "--periods", "2025Q1"], "Give --data and --periods, or neither"),
        (["plan", "list", "no_such_folder"], "no_such_folder: No such file or directory. Check the path"),
        (["plan", "list", "src"], "src holds no plan files"),
        (["report", "--period", "2025Q4", "--notebook", "README.md"], "not a notebook"),
        (["report", "--period", "2025"], "quarter"),
        (["report", "--period", "soon"], "not a quarter"),
        (["report", "--period", "2025-Q4"], "Did you mean 2025Q4?"),
        ([*COMPARE[:-1], "2024q1:2025-Q4"], "Did you mean 2024Q1:2025Q4?"),
        (["definitions", "--plan", HALVES, "--periods", "Q42025"], "Did you mean 2025Q4?"),
        (["explain", "--payee", "P04", "--plan", HALVES, "--period", "2025q4"], "Did you mean 2025Q4?"),
        (["workbench", "--periods", "2025-Q4"], "Did you mean 2025Q4?"),
        (["workbench", "--data", "no_such_folder"], "no_such_folder is not there"),
        (["workbench", "--plans", HALVES, "nope.yaml"], "nope.yaml is not there"),
        (["report", "--period", "2025Q4", "--notebook", "nope.ipynb"], "nope.ipynb"),
    ],
)
def test_a_mistake_ends_with_a_clear_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if arguments[0] == "report":
        arguments = [*arguments, "--out", str(tmp_path)]
    assert run(*arguments) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.out + captured.err
    assert not list(tmp_path.iterdir())


COMMANDS = ["check", "compare", "explain", "questions", "range", "report", "sample", "sweep", "dictionary", "workbench"]
PLAN_COMMANDS = ["plan", "plan show", "plan diff", "plan lint", "plan list"]


@pytest.mark.parametrize("command", ["", *COMMANDS, *PLAN_COMMANDS])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command.split(), "--help") == 0
    assert "Usage" in capsys.readouterr().out


def test_check_says_what_it_found(capsys: pytest.CaptureFixture[str], sample: cm.History) -> None:
    assert run("check", "data/sample") == 0
    printed, n = capsys.readouterr().out, len(sample.warnings)
    assert n > 1
    assert printed.startswith(f"Worth a look ({n} things):\n")
    assert printed.endswith(f": every rule holds; {n} things are worth a look.\n")
    assert printed.count("nobody's book") == n


@pytest.mark.parametrize(
    ("day", "said"), [("2024-01-01", "nothing stands out"), ("2024-01-02", "one thing is worth a look")]
)
def test_check_ends_with_what_stands_out(
    day: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = (BASE / "assignments.csv").read_text(encoding="utf-8").replace("a1,p1,2024-01-01", f"a1,p1,{day}")
    assert run("check", str(tiny(tmp_path, assignments=books))) == 0
    assert capsys.readouterr().out.endswith(
        f"3 accounts, 7 arr_events, 5 assignments, 4 payees, 2 kpis, 3 fx_rates: every rule holds; {said}.\n"
    )


def test_dictionary_prints_the_committed_one(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    assert run("dictionary") == 0
    assert capsys.readouterr().out == (root / "data" / "README.md").read_text(encoding="utf-8")


def test_sample_writes_the_committed_files(tmp_path: Path) -> None:
    assert run("sample", "--out", str(tmp_path / "new"), "--seed", "7") == 0
    (tmp_path / "accounts.csv").write_text("account_id\n")
    assert run("sample", "--out", str(tmp_path)) == 1
    for path in Path("data/sample").rglob("*"):
        if path.is_file():
            assert (tmp_path / "new" / path.relative_to("data/sample")).read_bytes() == path.read_bytes()


def test_the_installed_program_fails_without_a_traceback() -> None:
    program = Path(sys.executable).with_name("compmodel")
    ended = subprocess.run([program, "check", "nowhere"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_plan_show_says_a_plan_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "show", HALVES) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[:1] == ["Halves"]
    assert " ".join(printed.split()) == " ".join(" ".join(plan_words(cm.load_plan(HALVES))).split())


def test_plan_diff_says_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "diff", THIRDS, HALVES) == 0
    assert "NRR now pays without a cap.\n" in capsys.readouterr().out
    assert run("plan", "diff", HALVES, HALVES) == 0
    assert capsys.readouterr().out == "The plans pay by the same rules.\n"


def test_plan_lint_says_what_stands_out_and_goes_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("plan", "lint", HALVES) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "halves.yaml: two things are worth a second look. components.kpi.curve.beyond: KPI pays no more" in printed
    assert "Why: " in printed
    assert "Way out: " in printed
    (tmp_path / "bad.yaml").write_text("name: bad", encoding="utf-8")
    assert run("plan", "lint", str(tmp_path / "bad.yaml"), "data/plans/flowfuse_nrr_only.yaml") == 1
    captured = capsys.readouterr()
    assert "title is missing" in captured.err
    assert "nothing stands out" in " ".join(captured.out.split())


def test_plan_lint_with_a_history(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monthly = Path(HALVES).read_text(encoding="utf-8").replace("period: quarter", "period: month")
    (tmp_path / "monthly.yaml").write_text(monthly, encoding="utf-8")
    asked = ("--data", "data/sample", "--periods", "2025Q4")
    assert run("plan", "lint", HALVES, str(tmp_path / "monthly.yaml"), *asked) == 0
    captured = capsys.readouterr()
    assert "of people-quarters in 2025Q4 reach the NRR goal" in " ".join(captured.out.split())
    assert "is looked at without the history" in captured.err


def test_plan_list_names_every_file_and_what_is_wrong_with_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("plan", "list") == 0
    printed = capsys.readouterr().out
    assert [path.name for path in sorted(Path("data/plans").glob("*.yaml")) if path.name not in printed] == []
    assert max(len(line) for line in printed.splitlines() if "http" not in line) <= WIDEST
    assert "…" not in printed
    assert "Opportunities above a baseline, from 2024-01-01: baseline 100%" in " ".join(printed.split())
    (tmp_path / "good.yaml").write_text(Path(HALVES).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("name: bad", encoding="utf-8")
    assert run("plan", "list", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "NRR 50%, KPI 50%" in " ".join(printed.split())
    assert f"Does not load: {tmp_path / 'bad.yaml'}: title is missing." in " ".join(printed.split())
    assert "Traceback" not in printed


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert re.fullmatch(r"compmodel \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_the_lab_on_a_screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "45")
    assert run("definitions", "--plan", HALVES, "--periods", "2025Q4") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Halves costs ")
    assert "\n  twelve months before " in printed.out
    assert "A wider screen also shows" in printed.out
    assert "What each definition sets, and what the plan says:" in printed.out
    told = " ".join(printed.err.split())
    assert told.startswith("Not tried: Exchange of ARR: event date. fx_rates has no EUR rate for 2020-01-01")
    assert told.endswith("."), "nothing is cut off"
    assert max(map(len, printed.err.splitlines())) <= 45
