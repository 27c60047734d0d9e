"""The tiny valid history under `tests/bad/base`, and ways to spoil it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from compmodel.errors import DataError
from compmodel.sources import load_history

BAD = Path(__file__).parent / "bad"
BASE = BAD / "base"
CASES = sorted(path.name for path in BAD.iterdir() if path.is_dir() and path.name != BASE.name)
NOT_DATA = ("expected.txt", "without.txt")


def tiny(folder: Path, **files: str) -> Path:
    """Write the tiny history into a folder, with some files (named without ending) replaced; return the folder."""
    shutil.copytree(BASE, folder, dirs_exist_ok=True)
    for name, text in files.items():
        suffix = ".yaml" if name == "mapping" else ".csv"
        (folder / (name + suffix)).write_text(text, encoding="utf-8")
    return folder


def spoilt(folder: Path, *cases: str) -> tuple[Path, list[str]]:
    """Write the tiny history with the files of bad cases over it; return the folder and the problems to expect."""
    tiny(folder)
    expected: list[str] = []
    for case in cases:
        shutil.copytree(BAD / case, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_DATA))
        without = BAD / case / "without.txt"
        for name in without.read_text(encoding="utf-8").split() if without.exists() else ():
            (folder / name).unlink()
        expected += (BAD / case / "expected.txt").read_text(encoding="utf-8").splitlines()
    return folder, expected


def problems_of(folder: Path, mapping: Path | None = None) -> list[str]:
    """Return the problems that stop the folder from loading, as lines."""
    with pytest.raises(DataError) as found:
        load_history(folder, mapping)
    return [str(problem) for problem in found.value.problems]


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file of a folder with its bytes and time of change."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }
