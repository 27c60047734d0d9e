"""Resampled histories: beside a history in which accounts were physically duplicated, and with known truths."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel.account_sums import account_sums
from compmodel.chance_charts import cost_range as cost_chart
from compmodel.chance_charts import difference_range
from compmodel.chance_charts import pay_range as pay_chart
from compmodel.errors import CompModelError
from compmodel.metrics import METRICS
from compmodel.other_values import cents_of_values
from compmodel.pay_ranges import around, cost_range, how_often, pay_range, widening
from compmodel.replay import Replay, replay
from compmodel.resampling import (
    BLOCK,
    drawn_books,
    drawn_values,
    drawn_weights,
    home_books,
    resampled,
)

ROOT = Path(__file__).resolve().parents[1]
SPAN = "2025Q3:2025Q4"


@pytest.fixture(scope="module")
def runs(sample: cm.History) -> list[Replay]:
    paths = (ROOT / f"data/plans/{name}.yaml" for name in ("thirds", "halves", "team_80_20"))
    return replay(cm.load_plans(*paths), sample, SPAN)


@pytest.fixture(scope="module")
def comparison(runs: list[Replay]) -> cm.Comparison:
    return cm.compare(runs, "thirds")


def duplicated(history: cm.History, times: np.ndarray) -> cm.History:
    """The history in which each account stands so often, under names of its own: the slow way."""
    n_of = dict(zip(history.accounts["account_id"], times.tolist(), strict=True))
    tables = {}
    for name, ids in (("accounts", []), ("arr_events", ["event_id", "subscription_id"]), ("assignments", [])):
        table, copies = getattr(history, name), []
        n = table["account_id"].map(n_of)
        for copy in range(int(times.max())):
            mine = table[n > copy].copy()
            for column in ("account_id", *ids):
                mine[column] = mine[column].where(mine[column].isna(), mine[column] + f"~{copy}")
            copies.append(mine)
        tables[name] = pd.concat(copies, ignore_index=True)
    return replace(history, **tables)


def sums_of(run: Replay) -> list:
    return [(i, account_sums(run, of)) for i, of in enumerate(run.plan.components) if of.metric in METRICS]


def row_cents(run: Replay) -> np.ndarray:
    people = run.stage.people
    cents = (run.payouts["cost"] * 100).round().astype(np.int64)
    by_row = cents.groupby([run.payouts["payee_id"], run.payouts["period"]]).sum()
    return by_row.reindex(pd.MultiIndex.from_frame(people[["payee_id", "period"]])).to_numpy()


def test_a_draw_is_the_history_with_accounts_duplicated(sample: cm.History, runs: list[Replay]) -> None:
    """Values equal within floats, and pay to the cent but for ties, which the replay settles exactly."""
    sums = [sums_of(run) for run in runs]
    books = drawn_books(runs[0], [of for found in sums for _, of in found])
    weights = drawn_weights(books, len(sample.accounts), 2, seed=3)
    for draw in weights[:1]:
        for run, found in zip(runs, sums, strict=True):
            (again,) = replay([run.plan], duplicated(sample, draw), SPAN)
            value = drawn_values(run, found, draw[None])
            np.testing.assert_allclose(value[0], again.stage.results.value, rtol=1e-12)
            assert np.abs(cents_of_values(run, value)[0] - row_cents(again)).max() <= 1
    assert (weights.max(axis=1) > 2).all()
    assert not np.array_equal(*weights)


def test_what_happened_pays_what_was_paid(runs: list[Replay]) -> None:
    for run in runs:
        value = drawn_values(run, sums_of(run), np.ones((1, len(run.history.accounts)), dtype=np.uint8))
        np.testing.assert_array_equal(value[0], run.stage.results.value)
        assert np.abs(cents_of_values(run, value)[0] - row_cents(run)).max() <= 1


def test_each_book_is_drawn_as_often_as_it_has_accounts(runs: list[Replay]) -> None:
    books = drawn_books(runs[0], [of for _, of in sums_of(runs[0])])
    weights = drawn_weights(books, len(runs[0].history.accounts), 500, seed=1)
    for book in books:
        assert (weights[:, book].sum(axis=1) == len(book)).all()
    big = max(books, key=len)
    mean, variance = weights[:, big].mean(), weights[:, big].astype(float).var()
    assert mean == 1
    assert variance == pytest.approx(1 - 1 / len(big), rel=0.05)  # of a multinomial
    outside = np.setdiff1d(np.arange(weights.shape[1]), np.concatenate(books))
    assert (weights[:, outside] == 1).all()


def test_an_account_belongs_to_the_book_that_held_it_longest(sample: cm.History, runs: list[Replay]) -> None:
    home, names = home_books(sample, runs[0].periods), np.sort(sample.assignments["payee_id"].unique())
    for at in range(0, len(home), 113):
        spans = sample.assignments[sample.assignments["account_id"] == sample.accounts["account_id"].iloc[at]]
        days: dict[str, float] = {}
        for span in spans.itertuples():
            inside = pd.date_range("2025-07-01", "2025-12-31")
            held = (inside >= span.starts_on) & ~(inside > span.ends_on)
            days[span.payee_id] = days.get(span.payee_id, 0.0) + held.sum() * span.split
        most = max(days.values(), default=0)
        if most:
            assert names[home[at]] == min(name for name, n in days.items() if n == most)


def test_a_seed_gives_the_same_draws_however_many_and_in_whatever_order(
    sample: cm.History, comparison: cm.Comparison
) -> None:
    few, more = resampled(comparison, 40, seed=5), resampled(comparison, BLOCK + 10, seed=5)
    mixed = {name: getattr(sample, name).sample(frac=1, random_state=1) for name in ("accounts", "assignments")}
    shuffled = replace(sample, **{name: table.reset_index(drop=True) for name, table in mixed.items()})
    again = resampled(cm.compare(replay([*comparison.plans], shuffled, SPAN), "thirds"), 40, seed=5)
    for plan in ("thirds", "halves", "team_80_20"):
        np.testing.assert_array_equal(few.cost[plan], more.cost[plan][:40])
        np.testing.assert_array_equal(few.pay[plan], again.pay[plan])
        np.testing.assert_array_equal(more.cost[plan].sum(axis=1), more.pay[plan].sum(axis=1))
    assert not np.array_equal(few.cost["halves"], resampled(comparison, 40, seed=6).cost["halves"])


def test_stopped_work_keeps_what_is_done(comparison: cm.Comparison) -> None:
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int, seconds_left: float) -> None:
        seen.append((done, total))
        if len(seen) == 2:
            raise KeyboardInterrupt

    drawn = resampled(comparison, 5 * BLOCK, progress=progress)
    assert seen == [(BLOCK, 5 * BLOCK), (2 * BLOCK, 5 * BLOCK)]
    assert drawn.n_draws == 2 * BLOCK
    assert cost_range(comparison, drawn=drawn).sentence.endswith("Stopped after 512 of 1,280 draws.")

    def at_once(done: int, total: int, seconds_left: float) -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        resampled(comparison, 10, progress=at_once)


def test_the_table_and_the_sentence(comparison: cm.Comparison) -> None:
    drawn = resampled(comparison, 300)
    answer = cost_range(comparison, drawn=drawn)
    table = answer.table.set_index(["plan", "period"])
    cost = cm.cost_by_period(comparison).table.groupby("plan")["cost"].sum()
    for plan in ("thirds", "halves", "team_80_20"):
        assert table.loc[(plan, "Total"), "cost"] == pytest.approx(cost[plan], abs=1e-6)
        difference = drawn.cost[plan].sum(axis=1) - drawn.cost["thirds"].sum(axis=1)
        width = np.quantile(difference, 0.95) - np.quantile(difference, 0.05)
        found = table.loc[(plan, "Total"), "change_high"] - table.loc[(plan, "Total"), "change_low"]
        twice = (drawn.again[plan].sum(axis=1) - drawn.again["thirds"].sum(axis=1))[:, None]
        assert found == pytest.approx(widening(difference[:, None], twice)[0] * width / 100, abs=0.011)
    assert (answer.table["p10"] <= answer.table["p50"]).all()
    assert (answer.table["p50"] <= answer.table["p90"]).all()
    assert "KPIs stay as they were." in answer.sentence
    assert "nine times in ten" in answer.sentence
    assert ("about eight times in ten" in answer.sentence) is (how_often(drawn.book_sizes) != "nine times in ten")
    for sizes, said in (
        (
            (12,) * 9,
            "about eight times in ten. It cannot be told more surely with nine books of about twelve customers",
        ),
        ((40,), "It cannot be told more surely with one book of about 40 customers."),
        ((1,) * 9, "What chance could do to that cannot be told with nine books of about one customer each."),
    ):
        few = cost_range(comparison, drawn=replace(drawn, book_sizes=sizes))
        assert said in few.sentence
        assert "nine times in ten" not in few.sentence
        assert few.table["change_low"].isna().all() == ("cannot be told with" in said)
        figures = cost_chart(comparison, few), difference_range(comparison, few)
        lines = [of for of in (*figures[0].data, *figures[1].data) if of.error_y.array or of.error_x.array]
        assert bool(lines) == ("cannot be told with" not in said), "a line of no length would say that nothing varies"
        assert not any("nine times" in figure.to_json() or "+nan" in figure.to_json() for figure in figures)
    pay = pay_range(comparison, drawn=drawn).table
    assert pay.groupby("plan")["pay"].sum()["halves"] == pytest.approx(cost["halves"], abs=1e-6)
    assert (pay["p10"] >= 0).all()
    shown = {trace.legendgroup: list(trace.y) for trace in cost_chart(comparison, answer).data if trace.hovertemplate}
    assert set(shown) == {"thirds", "halves", "team_80_20"}
    (dots,) = difference_range(comparison, answer).data
    assert list(dots.x) == [table.loc[(plan, "Total"), "change"] for plan in ("halves", "team_80_20")]
    assert (
        list(pay_chart(comparison, pay_range(comparison, drawn=drawn)).data[0].x)
        == pay["pay"].tolist()[: len(comparison.labels)]
    )


def test_plans_that_cannot_be_told_apart(sample: cm.History) -> None:
    (plan,) = cm.load_plans(ROOT / "data/plans/halves.yaml")
    near = plan.replace({"name": "near", "title": "Near", "components.nrr.target": 1.1501})
    other = plan.replace(
        {"name": "other", "title": "Other", "credit_on.renewal": "signed_on", "credit_on.expansion": "signed_on"}
    )
    runs = replay([plan, near, other], sample, "2025Q4")
    same = plan.replace({"name": "same", "title": "Same"})
    answer = cost_range(cm.compare([*runs, *replay([same], sample, "2025Q4")], "halves"), 200)
    assert "Same costs the same in 2025Q4, and on resampled histories." in answer.sentence
    row = answer.table[(answer.table["plan"] == "other") & (answer.table["period"] == "Total")].iloc[0]
    apart = not row["change_low"] <= 0 <= row["change_high"]
    assert ("too few customers" in answer.sentence.partition("Other costs")[2].partition("Same")[0]) is not apart


def test_refusals(sample: cm.History, comparison: cm.Comparison) -> None:
    with pytest.raises(CompModelError, match="at least one"):
        resampled(comparison, 0)
    with pytest.raises(CompModelError, match=r"need too much memory\. Ask for at most"):
        resampled(comparison, 10_000_000)
    draw = {"kind": "draw", "amount": 1000, "recoverable": True}
    (plan,) = cm.load_plans(ROOT / "data/plans/halves.yaml")
    runs = replay([plan.replace({"adjustments": [draw]})], sample, "2025Q4")
    with pytest.raises(CompModelError, match="Halves settles pay over periods or people"):
        resampled(cm.compare(runs), 10)


def test_a_plan_that_cannot_be_resampled_is_left_out_and_named(sample: cm.History) -> None:
    thirds, halves = cm.load_plans(*(ROOT / f"data/plans/{name}.yaml" for name in ("thirds", "halves")))
    draw = {"kind": "draw", "amount": 1000, "recoverable": True}
    drawn = halves.replace({"name": "drawn", "title": "Drawn", "adjustments": [draw]})
    fives = halves.replace({"name": "fives", "title": "Fives", "pay.rounded_to": 5})
    runs = {run.plan.name: run for run in replay([thirds, halves, drawn, fives], sample, "2025Q4")}
    with_all, without = (
        cm.compare([runs[name] for name in names], "thirds")
        for names in (("thirds", "drawn", "halves", "fives"), ("thirds", "halves"))
    )
    said = " Drawn is left out: it settles pay over periods or people (a draw)."
    said += " Fives is left out: it rounds pay otherwise than to the cent on the total."
    for ask, chart in ((cost_range, cost_chart), (pay_range, pay_chart)):
        found, expected = ask(with_all, 60), ask(without, 60)
        assert found.sentence == expected.sentence + said
        assert set(found.table["plan"]) == {"thirds", "halves"}
        pd.testing.assert_frame_equal(found.table, expected.table)
        assert {"Drawn", "Fives"}.isdisjoint(str(trace.name) for trace in chart(with_all, found).data)
    assert len(difference_range(with_all, cost_range(with_all, 60)).data[0].x) == 1
    alone = cost_range(cm.compare([runs["thirds"], runs["drawn"]], "thirds"), 60)
    assert alone.sentence.startswith("Thirds costs ")
    assert "eight times in ten" in alone.sentence
    assert len(cost_chart(with_all, alone).data)
    with pytest.raises(CompModelError, match=r"Drawn settles .* and it is the baseline\. Choose another baseline\."):
        cost_range(cm.compare([runs["drawn"], runs["thirds"]], "drawn"), 60)


def test_memory_stays_below_the_limit(comparison: cm.Comparison) -> None:
    resampled(comparison, 10)
    tracemalloc.start()
    resampled(comparison, 2 * BLOCK)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256e6


FLOOR, CAP, STEP = (
    lambda value: np.maximum(0, (value - 1.026) / 0.15),
    lambda value: np.clip((value - 0.98) / 0.092, 0, 1),
    lambda value: (value >= 1.03).astype(float),
)
"""Curves with an edge where books are expected, about 1.026, or on both sides of it."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("curve", "n_books", "size", "least", "most_plain"),
    [
        (FLOOR, 12, 40, 0.85, 0.9),
        (CAP, 12, 40, 0.86, 0.84),
        (STEP, 12, 40, 0.86, 0.84),
        (STEP, 4, 40, 0.84, 0.84),
        (CAP, 12, 20, 0.84, 0.78),
        (STEP, 12, 12, 0.7, 0.72),  # too few customers a book: the sentence says so
    ],
)
def test_how_often_the_interval_of_a_difference_covers_the_expected_one(
    curve: Callable[[np.ndarray], np.ndarray], n_books: int, size: int, least: float, most_plain: float
) -> None:
    """Two plans on books whose customers are drawn from a known population; 90% is what is said.

    `most_plain`: as often at most does the interval that is not widened hold it.
    """
    rng, n_sims, n_draws = np.random.default_rng(8), 240, 250

    def paid(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        value = above.sum(axis=-1) / below.sum(axis=-1)
        return np.rint(100 * (1000 * curve(value) - 700 * value).sum(axis=-1)).astype(np.int64)

    def histories(n: int) -> tuple[np.ndarray, np.ndarray]:
        opening = np.exp(rng.normal(0, 0.5, (n, n_books, size)))
        growth = np.where(rng.random(opening.shape) < 0.05, -1.0, rng.exponential(0.08, opening.shape))
        return opening * (1 + growth), opening

    expected = np.mean([paid(*histories(1000)).mean() for _ in range(5)]) / 100
    hits, books = {"plain": 0, "widened": 0}, [np.arange(size) + book * size for book in range(n_books)]
    for seed in range(n_sims):
        above, below = (of[0] for of in histories(1))
        drawn, again = (
            paid(times * above, times * below)[:, None]
            for is_again in (False, True)
            for times in [drawn_weights(books, n_books * size, n_draws, seed, again=is_again).astype(float)]
            for times in [times.reshape(n_draws, n_books, size)]
        )
        for name, wider in (("plain", 1.0), ("widened", widening(drawn, again))):
            low, high = around(drawn, paid(above, below), (0.05, 0.95), wider)
            hits[name] += bool(low[0] <= expected <= high[0])
    assert least <= hits["widened"] / n_sims <= 0.95
    assert hits["plain"] / n_sims <= most_plain
    assert hits["plain"] <= hits["widened"]


def test_what_is_drawn_again_comes_from_a_draw() -> None:
    """Two from each of the first half, each as large as it, of nobody that it does not have; the first draws stay."""
    books = [np.arange(30), np.arange(30, 37)]
    first, again = (drawn_weights(books, 40, 200, 4, again=is_again) for is_again in (False, True))
    from_draw = np.repeat(first[:100], 2, axis=0)
    assert (again[from_draw == 0] == 0).all()
    for book in books:
        assert (again[:, book].sum(axis=1) == len(book)).all()
    assert not np.array_equal(again[::2], again[1::2])
    many = drawn_weights([np.arange(50)], 50, 20_000, 4, again=True).astype(float)
    outer = np.repeat(drawn_weights([np.arange(50)], 50, 20_000, 4)[:10_000], 2, axis=0)
    assert (many - outer)[:, 0].mean() == pytest.approx(0, abs=0.03)
    assert (many - outer)[:, 0].var() == pytest.approx(1 - 1 / 50, rel=0.05)  # of a multinomial, over draws


def test_where_pay_is_straight_small_books_alone_widen_the_interval() -> None:
    """Drawing from draws loses 1 in so many customers of the variance each time, and the interval gets both back."""
    k, rng = 10, np.random.default_rng(2)
    amounts = rng.normal(size=(k, 1)) * 1000
    first, again = (drawn_weights([np.arange(k)], k, 40_000, 5, again=of) @ amounts for of in (False, True))
    assert widening(first, again)[0] == pytest.approx(1 / (1 - 1 / k), rel=0.02)
    assert widening(first, first * 0).tolist() == [2.0]
    assert widening(first * 0, again).tolist() == [1.0]
    assert widening(first[:1], again[:1]).tolist() == [1.0]


def test_an_interval_is_never_more_than_twice_as_wide() -> None:
    """First draws have a variance of 9 and second ones of 8, 4.5, 2 and a half."""
    first, again = np.array([[-3], [3]]), np.array([[0], [1], [1], [2]])
    assert [widening(first, n * again).tolist() for n in (4, 3, 2, 1)] == [[1.125], [2.0], [2.0], [2.0]]
