"""What went wrong, all of it at once, in words that say what to do.

A `Problem` is one finding: its place, the value found, the rule it breaks and the fix. The errors below carry
many problems and print them grouped by rule, the first `SHOWN` of each kind and the count of the rest.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

SHOWN = 20


@dataclass(frozen=True)
class Problem:
    """One finding: the file or path it is in, the row and column if there are any, value, rule and fix.

    A rule that begins with "which" tells something about the value; any other contradicts it.
    """

    place: str
    rule: str
    fix: str
    column: str = ""
    row: int | None = None
    value: str = ""

    def __str__(self) -> str:
        """One line: place, row, column, value, rule, fix."""
        where = self.place if self.row is None else f"{self.place} row {self.row}"
        if self.column:
            where += f", column {self.column}" if self.row is not None else f": {self.column}"
        joint = "," if self.rule.startswith("which ") else ", but"
        found = f" has {self.value!r}{joint}" if self.value else ""
        return f"{where}{found} {self.rule}. {self.fix}"


class CompModelError(Exception):
    """Base of the errors a user's input can cause; `problems` holds every finding."""

    headline = "compmodel cannot go on"
    elsewhere: ClassVar[dict[str, str]] = {
        "cannot be read": "A file cannot be read, so nothing was done",
        "must be a folder that is there": "There is no such folder, so nothing was loaded",
    }
    """Headlines of problems that are not the document's own, by the beginning of their rule or by their place."""

    def __init__(self, problems: Iterable[Problem] | str):
        """Takes the problems, or one sentence."""
        self.problems = () if isinstance(problems, str) else tuple(problems)
        super().__init__(problems if isinstance(problems, str) else listing(self.problems, self._begins()))

    def _begins(self) -> str:
        """What is really wrong: the document, or what was asked of it."""
        known = self.elsewhere
        said = {known.get(of.place) or known.get(of.rule.partition(":")[0], self.headline) for of in self.problems}
        return said.pop() if len(said) == 1 else self.headline


class DataError(CompModelError):
    """The tables of a history break their declared rules."""

    headline = "The data has problems, so nothing was loaded"


class PlanError(CompModelError):
    """A plan file breaks its declared rules, or asks for what the history cannot give."""

    headline = "The plan has problems, so nothing was paid"
    _lacking = "The data lacks what the plan needs, so nothing was paid"
    elsewhere: ClassVar[dict[str, str]] = CompModelError.elsewhere | {
        "periods": "These periods cannot be paid",
        "arr_events": _lacking,
        "fx_rates": _lacking,
        "on_plans": "It is not clear who is on which plan, so nothing was paid",
    }


class CaseError(CompModelError):
    """A case file breaks its declared rules, or expects what cannot come out."""

    headline = "The case has problems, so it was not verified"


def listing(problems: Iterable[Problem], headline: str, thing: str = "problem") -> str:
    """Returns the problems as text, grouped by kind, the first 20 of each and the count of the rest.

    >>> print(listing([Problem("a.csv", "must be a number", "Write 12.50.", "arr_delta", 2, "x")], "Stop"))
    Stop (1 problem):
      a.csv row 2, column arr_delta has 'x', but must be a number. Write 12.50.
    """
    kinds: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault((problem.place, problem.column, problem.rule), []).append(problem)
    total = sum(map(len, kinds.values()))
    lines = [f"{headline} ({total:,} {thing}{'s' * (total != 1)}):"]
    for found in kinds.values():
        lines += [f"  {problem}" for problem in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"  ... and {len(found) - SHOWN:,} more of this kind in {found[0].place}")
    return "\n".join(lines)


def nearest(name: str, names: Iterable[str]) -> str:
    """Returns a hint that names the closest valid name, or all of them when none is close.

    >>> nearest("chrun", ["churn", "new"])
    "Did you mean 'churn'?"
    >>> nearest("x", ["churn", "new"])
    'Valid: churn, new.'
    """
    valid = [str(candidate) for candidate in names]
    letters, number = _spelt(str(name))
    # another number is no likelier than any other: P59 for P99 would be arbitrary, P7 for P007 is not
    likely = [known for known in valid if _spelt(known)[0] != letters or _spelt(known)[1] == number]
    close = difflib.get_close_matches(str(name), likely, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Valid: {', '.join(valid)}."


def _spelt(name: str) -> tuple[str, list[str]]:
    """The name with 0 in place of each number, and the numbers."""
    return re.sub(r"\d+", "0", name), [digits.lstrip("0") for digits in re.findall(r"\d+", name)]


class Hints:
    """The nearest valid name for a value, looked for only for the first values, because looking is slow."""

    def __init__(self, known: Iterable[str]):
        self._known = [str(name) for name in known][:5000]
        self._said: dict[str, str] = {}

    def of(self, value: str) -> str:
        """Returns a hint, or nothing when no name is close and there are too many to list."""
        if value not in self._said:
            close = nearest(value, self._known) if len(self._said) < SHOWN else ""
            self._said[value] = close if close.startswith("Did") or len(self._known) <= SHOWN else ""
        return self._said[value]
