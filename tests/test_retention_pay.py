"""Pay against what people retained: an independent count of pairs, and other people's rank correlation."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

import compmodel as cm
from compmodel.compare import SMALLEST_TEAM
from compmodel.costs import target_incentives
from compmodel.retention_pay import pay_for_retention, rank_agreement, rank_correlation, retained_by_payee


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml", "data/plans/rate_on_arr.yaml")
    return cm.compare(cm.replay(plans, sample, "2025Q1:2025Q4"), "thirds", "shown")


def by_hand(run: cm.Replay) -> dict[str, tuple[int, int]]:
    """What each person's accounts opened with and kept, from the ledger's rows."""
    opened, kept = defaultdict(int), defaultdict(int)
    on_plan = set(run.stage.people[["payee_id", "period"]].itertuples(index=False, name=None))
    for row in run.books.itertuples():
        if (row.payee_id, row.period) in on_plan and row.opening_cents > 0:
            opened[row.payee_id] += row.opening_cents
            kept[row.payee_id] += row.opening_cents
    for row in run.credits.itertuples():
        if (row.payee_id, row.period) in on_plan and row.opening_cents > 0:
            kept[row.payee_id] += row.counted_cents
    return {payee: (opened[payee], kept[payee]) for payee in opened}


def test_what_people_retained_is_that_of_the_ledger(comparison: cm.Comparison) -> None:
    run = comparison.replays[0]
    expected = by_hand(run)
    n = run.stage.people.groupby("payee_id").size()
    found = retained_by_payee(run).set_index("payee_id").dropna()
    assert set(found.index) == set(expected)
    for payee, (opened, kept) in expected.items():
        assert found["nrr"][payee] == pytest.approx(kept / opened, rel=1e-12)
        assert found["retained_arr"][payee] == pytest.approx(kept / 100 / n[payee], rel=1e-12)


@pytest.mark.parametrize("of", ["nrr", "retained_arr"])
def test_pairs_and_correlation_are_counted_the_slow_way(comparison: cm.Comparison, of: str) -> None:
    retained = retained_by_payee(comparison.replays[0]).set_index("payee_id")[of].dropna()
    agreement = rank_agreement(comparison, of, n_draws=50).set_index("plan")  # type: ignore[arg-type]
    for run in comparison.replays:
        cost, due = defaultdict(int), defaultdict(int)
        for row in run.payouts.itertuples():
            cost[row.payee_id] += round(row.cost * 100)
        for row in target_incentives(run).itertuples():
            due[row.payee_id] += row.cost_cents
        people = [payee for payee in retained.index if payee in cost and due[payee]]
        share = {payee: cost[payee] / due[payee] for payee in people}
        pairs = [(a, b) for a in people for b in people if retained[a] > retained[b]]
        mine = agreement.loc[run.plan.name]
        assert mine["n_people"] == len(people)
        assert mine["n_pairs"] == len(pairs)
        assert mine["n_against"] == sum(share[a] < share[b] for a, b in pairs)
        values = [retained[payee] for payee in people], [share[payee] for payee in people]
        assert mine["correlation"] == pytest.approx(spearmanr(*values).statistic, abs=1e-9)
        assert mine["low"] <= mine["correlation"] <= mine["high"]
        tau = kendalltau(*values).statistic  # without ties: 1 less twice the share of pairs against
        assert 1 - 2 * mine["n_against"] / mine["n_pairs"] == pytest.approx(tau, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=12))
def test_rank_correlation_is_spearman_s_with_ties(points: list[tuple[int, int]]) -> None:
    one, other = np.array(points, dtype=float).T
    (found,) = rank_correlation(one[None], other[None])
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)


def test_the_interval_is_the_slow_bootstrap_s(comparison: cm.Comparison) -> None:
    table = pay_for_retention(comparison).table
    mine = table[table["plan"] == "halves"]
    found = rank_agreement(comparison, seed=3, n_draws=200).set_index("plan").loc["halves"]
    order = retained_by_payee(comparison.replays[0])["payee_id"].map(comparison.labels.set_index("payee_id")["person"])
    points = mine.set_index("person").reindex([person for person in order if person in set(mine["person"])])
    rng, drawn = np.random.default_rng(3), []
    for rows in rng.integers(0, len(points), (200, len(points))):
        drawn.append(spearmanr(points["retained"].iloc[rows], points["pay_share"].iloc[rows]).statistic)
    assert (found["low"], found["high"]) == pytest.approx(tuple(np.quantile(drawn, [0.05, 0.95])), abs=1e-9)


def test_the_same_seed_gives_the_same_and_another_another(comparison: cm.Comparison) -> None:
    first, again, other = (rank_agreement(comparison, seed=seed, n_draws=100) for seed in (7, 7, 8))
    assert first.equals(again)
    assert not first["low"].equals(other["low"])


def test_it_is_said_in_plain_words(comparison: cm.Comparison) -> None:
    answer = pay_for_retention(comparison, n_draws=200)
    row = rank_agreement(comparison, n_draws=200).set_index("plan").loc["halves"]
    against = f"{row['n_against']:,} of {row['n_pairs']:,} pairs of people"
    share = cm.style.percent(row["n_against"] / row["n_pairs"])
    said = f"in {against} ({share}) the one with the higher own NRR earned the smaller share"
    assert said in answer.sentence
    assert "1 is the same order, 0 no relation" in answer.sentence
    for jargon in ("Spearman", "bootstrap", "correlation", "interval"):
        assert jargon not in answer.sentence


def test_beside_aliases_people_are_counted_by_thirds_only(sample: cm.History, comparison: cm.Comparison) -> None:
    aliased = cm.compare(comparison.replays, "thirds")
    answer = pay_for_retention(aliased, n_draws=50)
    assert list(answer.table.columns) == ["plan", "title", "retained_third", "pay_third", "n_people"]
    n = rank_agreement(comparison, n_draws=1).set_index("plan")["n_people"]
    counted = answer.table["n_people"].dropna()
    assert ((counted == 0) | (counted >= SMALLEST_TEAM)).all()
    assert answer.table["n_people"].isna().any(), "no cell here is of one to four people"
    for plan, mine in answer.table.groupby("plan"):
        hidden = int(mine["n_people"].isna().sum())
        assert hidden <= n[plan] - mine["n_people"].sum() < SMALLEST_TEAM * hidden
    shown = pay_for_retention(comparison, n_draws=50).table
    mine = shown[shown["plan"] == "halves"]
    best = mine.nlargest(len(mine) // 3, "retained")
    both = len(set(best["person"]) & set(mine.nlargest(len(mine) // 3, "pay_share")["person"]))
    cell = answer.table.set_index(["plan", "retained_third", "pay_third"])["n_people"]["halves", "high", "high"]
    assert abs(cell - both) <= 1
    written = answer.sentence + answer.table.to_csv()
    secrets = [*sample.payees["name"].dropna().unique(), *sample.payees["payee_id"].unique()]
    assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", written)] == []


def test_too_few_people_tell_nothing(comparison: cm.Comparison) -> None:
    run = comparison.replays[1]
    for names, n in (("aliases", 4), ("shown", 2)):
        books = run.books[run.books["payee_id"] != "(unassigned)"]["payee_id"].astype("str")
        few = run.payouts["payee_id"].isin(sorted(set(books) & set(run.payouts["payee_id"]))[:n])
        small = cm.compare([dataclasses.replace(run, payouts=run.payouts[few])], names=names)  # type: ignore[arg-type]
        answer = pay_for_retention(small, n_draws=20)
        assert answer.sentence.startswith("Under Halves too few people differ in their own NRR to tell.")
        assert "pay follows" not in answer.sentence
        assert answer.table.empty == (names == "aliases")


def test_another_measure_names_the_nearest(comparison: cm.Comparison) -> None:
    with pytest.raises(cm.CompModelError, match="Did you mean 'nrr'"):
        pay_for_retention(comparison, "nr")  # type: ignore[arg-type]


def test_no_draws_are_refused(comparison: cm.Comparison) -> None:
    for question in (pay_for_retention, rank_agreement):
        with pytest.raises(cm.CompModelError, match=r"^0 draws were asked for; at least one is needed"):
            question(comparison, n_draws=0)
