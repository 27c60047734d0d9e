"""Accounts drawn again inside books: weights and a product of matrices a book, beside gathering rows by index.

Both make their own draws and work out every payee's NRR of every quarter in every draw; the means over draws must
agree. `make bench` prints the medians of interleaved rounds.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from compmodel.account_sums import multiplied
from compmodel.resampling import BLOCK, drawn_weights

TARGET = 5.0


def company(payees: int, accounts: int, quarters: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns what accounts close and open each quarter with, in cents: payees x accounts x quarters."""
    rng = np.random.default_rng(1)
    below = np.rint(np.exp(rng.normal(13, 0.8, (payees, accounts, quarters))))
    return np.rint(below * (1 + rng.normal(0.02, 0.1, below.shape))), below


def by_weights(above: np.ndarray, below: np.ndarray, n_draws: int) -> np.ndarray:
    """Returns the mean NRR of each payee and quarter over draws, by weights drawn once and dense products."""
    payees, k, quarters = above.shape
    books = [np.arange(k) + book * k for book in range(payees)]
    total = np.zeros((payees, quarters))
    for number in range(-(-n_draws // BLOCK)):
        weights = drawn_weights(books, payees * k, BLOCK, 0, number)[: n_draws - number * BLOCK]
        for book, mine in enumerate(books):
            times = weights.T[mine].astype(np.float64)
            total[book] += (multiplied(above[book].T, times) / multiplied(below[book].T, times)).sum(axis=1)
    return total / n_draws


def by_gathering(above: np.ndarray, below: np.ndarray, n_draws: int) -> np.ndarray:
    """Returns the same by taking the rows drawn and adding them up."""
    payees, k, quarters = above.shape
    rng, total = np.random.default_rng(0), np.zeros((payees, quarters))
    for _ in range(n_draws):
        drawn = rng.integers(0, k, size=(payees, k))[:, :, None]
        total += np.take_along_axis(above, drawn, 1).sum(axis=1) / np.take_along_axis(below, drawn, 1).sum(axis=1)
    return total / n_draws


def rows(tiny: bool = False) -> list[tuple[str, float, float, float, float]]:
    """Returns work, our seconds, the rival's, their ratio and the target: medians of interleaved rounds."""
    size, n_draws, rounds = ((6, 10, 4), 200, 1) if tiny else ((200, 50, 12), 10_000, 3)
    above, below = company(*size)
    ours, rival = [], []
    for _ in range(rounds):
        found = []
        for work, seconds in ((by_weights, ours), (by_gathering, rival)):
            start = time.perf_counter()
            found.append(work(above, below, n_draws))
            seconds.append(time.perf_counter() - start)
        np.testing.assert_allclose(*found, rtol=0.05)
    mine, theirs = statistics.median(ours), statistics.median(rival)
    name = f"bootstrap, {n_draws:,} draws, {' x '.join(map(str, size))}"
    return [(name, mine, theirs, theirs / mine, TARGET)]


def main() -> None:
    """Prints the table."""
    for work, ours, rival, ratio, target in rows():
        print(f"{work}: {ours:.2f} s beside {rival:.2f} s, {ratio:.1f} times (target {target:g})")


if __name__ == "__main__":
    main()
