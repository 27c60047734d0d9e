"""The benchmarks run, on few people, and every way on their pages gives the rival's result; they must not rot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def printed(name: str, *asked: str) -> str:
    """What a benchmark prints; it stops where two ways do not agree."""
    command = [sys.executable, str(ROOT / "tests" / "bench" / name), *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_way_of_the_table_agrees_with_its_rival() -> None:
    """Pay with pandas and OpenFisca to the cent; years to 1e-9, Sobol to 1e-12, and bootstrap means, as promised."""
    pytest.importorskip("openfisca_core")
    pytest.importorskip("SALib")
    table = printed("ratios.py", "--tiny")
    for work in ("a lever moved", "from arrays", "from frames", "12 plans, tiny", "heatmap", "totals of 12 plans"):
        assert work in table
    for beside in ("pandas merge", "OpenFisca", "a loop of pandas", "the blocked kernel", "SALib", "gathering rows"):
        assert beside in table
    assert float(table.split("largest relative error ")[1].split()[0].rstrip(".")) < 1e-5


def test_the_full_comparison_agrees_with_row_by_row() -> None:
    assert "largest difference to the rival" in printed("bench.py", "--tiny")
