"""YAML is read strictly: no surprising booleans, no key lost, every refusal with its path, value, rule and fix."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from compmodel.documents import Day, Name, Number, nearest_path, parsed_model, read_yaml, write_beside
from compmodel.errors import Problem


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    height: int = Field(ge=0)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["round", "square"] = "round"
    inner: Inner | None = None
    parts: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}


def read(text: str | bytes, folder: Path) -> tuple[dict[str, object], list[str]]:
    path = folder / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    problems: list[Problem] = []
    return read_yaml(path, "x.yaml", problems), [str(problem) for problem in problems]


def refusals(written: object) -> list[str]:
    problems: list[Problem] = []
    assert parsed_model(written, Outer, "x.yaml", problems) is None
    return [str(problem) for problem in problems]


def test_only_true_and_false_are_booleans(tmp_path: Path) -> None:
    text = "on: yes\ncountry: NO\noff: Off\nflag: true\nother: False\n1: 2\n"
    assert read(text, tmp_path) == (
        {"on": "yes", "country": "NO", "off": "Off", "flag": True, "other": False, "1": 2},
        [],
    )


def test_anchors_and_merges_still_work(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc:\n  <<: *a\n  y: 3\n"
    assert read(text, tmp_path)[0] == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}}


def test_an_empty_document_is_no_problem(tmp_path: Path) -> None:
    assert read("# nothing yet\n", tmp_path) == ({}, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: {c: 1, c: 2}\n", "x.yaml row 2 must be valid YAML: the key 'c' is written twice"),
        ("a: 1\n b: 2\n", "x.yaml row 2 must be valid YAML"),
        ("a: [1, 2\n", "must be valid YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("? [a]\n: 1\n", "must be valid YAML"),
        ("a: 2025-02-30\n", "must be valid YAML: day is out of range for month"),
        ("- a\n- b\n", "must hold keys and values"),
        ("title\n", "must hold keys and values"),
        (b"\xff\xfe\x00", "must be text in UTF-8"),
        (b"a: \x01\n", "must be text in UTF-8"),
    ],
)
def test_what_is_no_document_is_told(text: str | bytes, words: str, tmp_path: Path) -> None:
    found, problems = read(text, tmp_path)
    assert found == {}
    assert len(problems) == 1
    assert words in problems[0]


def test_a_missing_document_is_told(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert read_yaml(tmp_path / "no.yaml", "no.yaml", problems) == {}
    assert str(problems[0]) == "no.yaml cannot be read: No such file or directory. Check its name and rights."


def test_a_valid_model() -> None:
    model = parsed_model({"inner": {"height": 1}}, Outer, "x.yaml", [])
    assert model is not None
    assert model.inner == Inner(height=1)


def test_all_refusals_come_with_path_value_rule_and_nearest_name() -> None:
    written = {
        "kind": "squar",
        "iner": 1,
        "inner": {"heigth": 1},
        "parts": [{"height": -1}],
        "named": {"a": {"hight": 1}},
    }
    assert refusals(written) == [
        "x.yaml: kind has 'squar', but must be one of round, square. Did you mean 'square'?",
        "x.yaml: inner.height is missing. Write it; it is never guessed.",
        "x.yaml: inner.heigth is not a known key. Did you mean 'height'?",
        "x.yaml: parts[0].height has '-1', but must be at least 0. Write 0 or more.",
        "x.yaml: named.a.height is missing. Write it; it is never guessed.",
        "x.yaml: named.a.hight is not a known key. Did you mean 'height'?",
        "x.yaml: iner is not a known key. Did you mean 'inner'?",
    ]


class Paid(BaseModel):
    """Fields in words of their own."""

    name: Name = "thirds"
    since: Day = dt.date(2025, 1, 1)
    points: tuple[tuple[Number, Number], ...] = Field(((0, 0), (1, 1)), min_length=2)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"name": "My Plan 2"}, "x.yaml: name has 'My Plan 2', but must be small letters, digits and underscores, a "),
        ({"since": 0}, "x.yaml: since has '0', but must be a day. Write it as 2025-07-31."),
        ({"since": "2025-02-30"}, "x.yaml: since has '2025-02-30', but must be a day. Write it as 2025-07-31."),
        ({"since": True}, "x.yaml: since has 'True', but must be a day."),
        ({"points": [[0, 0], [True, 1]]}, "x.yaml: points[1][0] has 'True', but must be a number, not true or false."),
        ({"points": [[0, 0], ["a", 1]]}, "x.yaml: points[1][0] has 'a', but must be a number. Write it as 1.15 or 12"),
        ({"points": [[0, 0]]}, "x.yaml: points has too few entries. Add what is missing."),
        ({"points": 3}, "x.yaml: points has '3', but must be a list. Write it as [first, second]."),
    ],
)
def test_one_mistake_is_one_problem_in_plain_words(written: object, said: str) -> None:
    problems: list[Problem] = []
    assert parsed_model(written, Paid, "x.yaml", problems) is None
    (problem,) = map(str, problems)
    assert problem.startswith(said)


def test_a_stopped_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("old", encoding="utf-8")

    def stopped(self: Path, content: bytes) -> int:
        self.touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", stopped)
        with pytest.raises(KeyboardInterrupt):
            write_beside(path, b"new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("plan.yaml", "old")]
    write_beside(path, b"new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("plan.yaml", "new")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    owed: bool = False
    months: int = Field(1, ge=1, le=12)
    code: str = Field("USD", pattern="^([A-Z]{3}|payee)$")
    one: bool | int | float | dt.date | str = ""
    edge: Literal["lower", "upper"] | tuple[Literal["lower", "upper"], ...] = "lower"


WRONG = ("maybe", 3.7, 99, -1, True, None, {}, [], [[1]], {"x": 1}, float("nan"), float("inf"))


@pytest.mark.parametrize("key", [*Strict.model_fields, "other"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_no_refusal_is_in_a_programmers_words(key: str, value: object) -> None:
    problems: list[Problem] = []
    parsed_model({key: value}, Strict, "x.yaml", problems)
    for problem in problems:
        assert not re.search(r"valid (?!:)|Input|should|parse|extra|pattern|type|literal|Correct it", str(problem))
    assert len(problems) <= 1, "one mistake is one problem"


def test_a_truth_is_true_or_false() -> None:
    problems: list[Problem] = []
    parsed_model({"owed": "maybe"}, Strict, "x.yaml", problems)
    (problem,) = map(str, problems)
    assert problem == "x.yaml: owed has 'maybe', but must be true or false. Write true or false, without quotes."


def test_a_path_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "halves.yaml").touch()
    right = str(tmp_path / "plans" / "halves.yaml")
    for near in (tmp_path / "plans" / "halvs.yaml", tmp_path / "plan" / "halves.yaml"):
        assert nearest_path(near) == f"Did you mean {right!r}?"
    assert nearest_path(tmp_path / "plans" / "x") == "Check the path."
    assert nearest_path(tmp_path / "q" / "x", "Look.") == "Look."
