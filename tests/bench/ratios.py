"""Every ratio that compmodel promises in one table: pay, totals, simulated years, Sobol indices, resampled accounts.

`make bench` prints it, and `docs/benchmarks.md` keeps one run. Ours and its rival take turns in one process, and a run
stops where they do not agree. `--tiny` is what the tests run, `--large` adds 1,000 plans of 5,000 payees.
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version

import pay
import resampling
import sobol

PACKAGES = ("numpy", "pandas", "scipy", "numba", "openfisca-core", "SALib")


def lines(tiny: bool, large: bool) -> tuple[list[pay.Line], float]:
    """Returns all rows, and the largest relative error of totals."""
    found, off = pay.rows(tiny, large)
    for beside, rows in (("SALib", sobol.rows(tiny)), ("gathering rows by index", resampling.rows(tiny))):
        found += [pay.Line(work, beside, ours, theirs, target) for work, ours, theirs, _, target in rows]
    return found, off


def milliseconds(seconds: float) -> str:
    """Returns milliseconds with three digits that count."""
    number = seconds * 1000
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="only see that all ways agree, on few people")
    parser.add_argument("--large", action="store_true", help="also L: 5,000 payees, 40 quarters, 1,000 plans")
    asked = parser.parse_args()
    found, off = lines(asked.tiny, asked.large)
    print("| work | beside | ours, ms | theirs, ms | times | asked | |\n|---|---|---:|---:|---:|---:|---|")
    for row in found:
        times = row.theirs / row.ours
        numbers = f"{milliseconds(row.ours)} | {milliseconds(row.theirs)} | {times:.1f} | {row.target:g}"
        print(f"| {row.work} | {row.rival} | {numbers} | {'met' if times >= row.target else 'NOT met'} |")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"\nTotals are unrounded; largest relative error {off:.1e}.")
    print(f"Python {platform.python_version()}, {packages}.")


if __name__ == "__main__":
    sys.exit(main())
