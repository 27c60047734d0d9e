"""Sweeps and ranges as they are typed: tables that hold, stops that keep what is done, mistakes told in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

import compmodel as cm
from compmodel import question_commands, trials
from compmodel.cli import main
from compmodel.explore import grid
from compmodel.pay_ranges import cost_range
from compmodel.question_commands import range_values

PLAN, THIRDS = "data/plans/halves.yaml", "data/plans/thirds.yaml"
TARGET, WEIGHT = "components.nrr.target.default", "components.nrr.weight"
TWO = ["--lever", "components.nrr.target=1.05:1.2:0.05", "--lever", f"{WEIGHT}=0.4:0.6:0.1"]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def swept(out: Path, *more: str, periods: str = "2025Q4", plan: str = PLAN) -> int:
    return run("sweep", "--plan", plan, "--periods", periods, "--out", str(out), *more)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the next work stop after so many blocks, as Ctrl-C would."""

    def after(n: int) -> None:
        @contextmanager
        def bar(title: str) -> Iterator[Callable[..., None]]:
            told = []

            def tell(*of: float) -> None:
                told.append(of)
                if len(told) == n:
                    raise KeyboardInterrupt

            yield tell

        monkeypatch.setattr(question_commands, "progress_bar", bar)

    return after


def test_a_sweep_writes_the_table_and_says_the_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sample: cm.History
) -> None:
    (replayed,) = cm.replay(cm.load_plans(PLAN), sample, "2025Q4")
    answer = grid(replayed, {TARGET: [1.05, 1.1, 1.15, 1.2], WEIGHT: [0.4, 0.5, 0.6]})
    assert swept(tmp_path / "a.csv", *TWO) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(answer.sentence)
    found = read(tmp_path / "a.csv").astype({"cost": float})
    assert list(found) == [TARGET, WEIGHT, "cost", "change", "share_at_target", "is_current", "said", "sweep"]
    assert found["cost"].tolist() == answer.table["cost"].tolist()
    assert swept(tmp_path / "b.csv", "--lever", TARGET) == 0
    assert 0 < len(read(tmp_path / "b.csv")) <= 26
    assert "As the NRR target goes from" in capsys.readouterr().out


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.parametrize("levers", [TWO, TWO[:2]])
def test_a_stop_writes_what_is_done_and_resume_goes_on(
    levers: list[str],
    tmp_path: Path,
    stopped: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, part, rest = (tmp_path / f"{name}.csv" for name in ("whole", "part", "rest"))
    assert swept(whole, *levers) == 0
    monkeypatch.setattr(trials, "block_size", lambda run, settings: 1)
    with monkeypatch.context():
        stopped(2)
        assert swept(part, *levers) == 130
    told = capsys.readouterr()
    assert f"Stopped. Written: {part}" in told.err
    assert f"2 of {len(read(whole))} tried." in " ".join(told.out.split())
    assert (read(part)["said"] != "not tried").sum() == 2
    stopped(10_000)
    tried: list[int] = []
    real = trials.scenario_results
    monkeypatch.setattr(trials, "scenario_results", lambda run, of: tried.append(len(of)) or real(run, of))
    assert swept(rest, *levers, "--resume", str(part)) == 0
    assert sum(tried) == len(read(whole)) - 2, "what was done is not done again"
    assert rest.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("sample_at_hand")
def test_an_earlier_table_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    earlier, out = tmp_path / "a.csv", tmp_path / "b.csv"
    assert swept(earlier, *TWO) == 0
    for more, periods, said in (
        (TWO, "2025Q3", "is of another plan, history, periods or levers"),
        (["--lever", "components.kpi.target=8:12:1"], "2025Q4", "has no column components.kpi.target.default"),
    ):
        assert swept(out, *more, "--resume", str(earlier), periods=periods) == 1
        assert said in capsys.readouterr().err
    assert swept(out, *TWO[:2], "--resume", str(earlier)) == 1, "fewer levers would take the first row of each value"
    assert "periods or levers" in capsys.readouterr().err
    budget = "\nadjustments:\n  - kind: budget\n    amount: 1000\n"  # every setting costs it, under any plan
    plans = [tmp_path / f"{name}.yaml" for name in ("one", "other")]
    plans[0].write_text(Path(PLAN).read_text() + budget)
    plans[1].write_text(plans[0].read_text().replace("1.15", "1.16"))
    assert swept(earlier, "--lever", f"{TARGET}=1.1:1.2:0.1", plan=str(plans[0])) == 0
    lever = ["--lever", f"{TARGET}=1.1:1.3:0.1"]
    assert swept(out, *lever, "--resume", str(earlier), plan=str(plans[0])) == 0
    out.unlink()
    assert swept(out, *lever, "--resume", str(earlier), plan=str(plans[1])) == 1
    assert "is of another plan" in capsys.readouterr().err
    earlier.write_text("")
    assert swept(out, *TWO, "--resume", str(earlier)) == 1
    assert "is not the table of a sweep" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.parametrize(
    ("lever", "said"),
    [
        ("components.nrr.taget", "'components.nrr.taget' is no lever of Halves. Did you mean"),
        ("components.nrr.target=1:2", "is no range. Write --lever"),
        ("components.nrr.target=a:b:c", "is no range"),
        ("components.nrr.target=nan:1:inf", "is no range"),
        ("components.nrr.target=1.2:1.1:0.1", "Swap the two: --lever components.nrr.target=1.1:1.2:0.1."),
        ("components.nrr.target=1.1:1.2:0", "holds no value"),
        ("components.nrr.target=", "has no range"),
        ("components.nrr.target=1:2:0.0000001", "more than 1,000,000 values"),
        ("components.kpi.weight", "is what the other weights leave"),
    ],
)
def test_a_mistaken_lever_is_told_in_a_line(
    lever: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept(tmp_path / "a.csv", "--lever", lever) == 1
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("sample_at_hand")
def test_too_many_combinations_twice_a_lever_and_wrong_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = ["--lever", f"{TARGET}=1:2:0.0005", "--lever", f"{WEIGHT}=0:1:0.001"]
    assert swept(tmp_path / "a.csv", *many) == 1
    assert "make 2,003,001 combinations; at most 1,000,000 are tried" in capsys.readouterr().err
    assert swept(tmp_path / "a.csv", *TWO, *TWO[:2]) == 1
    assert "is given twice" in capsys.readouterr().err
    assert swept(tmp_path / "a.xlsx", *TWO) == 1
    assert "must end in .csv" in capsys.readouterr().err
    assert swept(tmp_path / "a.csv", *TWO, "--resume", "nope.csv") == 1
    assert "nope.csv: No such file or directory" in capsys.readouterr().err


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.filterwarnings("default")
def test_a_wrong_address_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert swept(tmp_path / "a.csv", *TWO, "--cluster", "nonsense") == 1
    told = capsys.readouterr().err
    assert "No scheduler answers at 'nonsense'" in told
    assert len(told.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_range_is_the_one_of_python_and_a_stop_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sample: cm.History, stopped: Callable[[int], None]
) -> None:
    out = tmp_path / "r.csv"
    asked = ["range", "--plans", THIRDS, PLAN, "--baseline", "thirds", "--periods", "2025Q4", "--out", str(out)]
    comparison = cm.compare(cm.replay(cm.load_plans(THIRDS, PLAN), sample, "2025Q4"), "thirds")
    answer = cost_range(comparison, 100, seed=4)
    assert run(*asked, "--draws", "100", "--seed", "4") == 0
    assert " ".join(capsys.readouterr().out.split()).startswith(answer.sentence)
    assert out.read_text() == answer.table.to_csv(index=False, lineterminator="\n")
    stopped(1)
    assert run(*asked, "--draws", "600") == 130
    assert "Stopped after 256 of 600 draws." in " ".join(capsys.readouterr().out.split())


def test_values_of_a_range_are_as_they_would_be_written() -> None:
    assert range_values("a", "0.1:0.7:0.1") == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert range_values("a", "1:1:5") == [1.0]
    assert range_values("a", "1:2:0.6") == [1.0, 1.6]


def test_all_that_is_wrong_with_a_command_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    levers = ["--lever", "components.nrr.taget", "--lever", "components.kpi.target=12:8:1"]
    assert run("sweep", "--plans", PLAN, *levers, "--periods", "2025Q9") == 1
    told = capsys.readouterr().err.splitlines()
    parts = ("--out is missing", "'2025Q9' is not", "taget' is no lever of Halves. Did you mean", "=8:12:1.")
    assert [part in line for part, line in zip(parts, told, strict=True)] == [True] * 4, told


def test_one_plan_or_several_either_spelling(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sweep", "--plans", PLAN, THIRDS, "--periods", "2025Q4", "--out", str(tmp_path / "a.csv"), *TWO) == 1
    assert "about one plan, but 2 are given" in capsys.readouterr().err
    asked = ["range", "--plan", THIRDS, PLAN, "--baseline", "halvs", "--periods", "2025Q4"]
    assert run(*asked) == 1
    assert "Did you mean 'halves'?" in capsys.readouterr().err


def test_a_sweep_does_not_say_that_the_plans_own_value_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept(tmp_path / "a.csv", "--lever", "components.nrr.target=1.2:1.3:0.05") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("As the NRR target goes from 120% to 130%, ")
    assert "The plan's own 115% costs " in said


def test_a_wrong_baseline_is_told_with_what_else_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("range", "--plans", THIRDS, PLAN, "--baseline", "halvs", "--periods", "2025Q9") == 1
    told = capsys.readouterr().err.splitlines()
    parts = ("'2025Q9' is not", "Did you mean 'halves'?")
    assert [part in line for part, line in zip(parts, told, strict=True)] == [True] * 2, told
