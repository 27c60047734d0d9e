"""How much of a spread is chance: against simulated and recorded truths, and against drawing customers for real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import compmodel as cm
from compmodel.chance_charts import luck as luck_chart
from compmodel.chance_parts import Spread, account_chance, chance_parts, spread_of
from compmodel.errors import CompModelError
from compmodel.luck import individual_spread, luck, reliability, retained_component
from compmodel.replay import replay
from compmodel.resampling import drawn_weights
from compmodel.sample import sample_truth, write_sample

ROOT = Path(__file__).resolve().parents[1]
SPAN = "2023Q1:2025Q4"


def compared(history: cm.History) -> cm.Comparison:
    return cm.compare(replay(cm.load_plans(ROOT / "data/plans/halves.yaml"), history, SPAN))


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    return compared(sample)


def simulated(seed: int, skill: float, n_people: int = 36, n_quarters: int = 6) -> tuple[Spread, float]:
    """Unequal books, quarters that move everybody of a segment alike, churn and heavy growth; and the true chance."""
    rng, spread = np.random.default_rng([seed, 1]), 0.8
    figures, person, group, quarter, books, variances, n = [], [], [], [], [], [], 0
    shocks = rng.normal(0, 0.05, (3, n_quarters))
    for i in range(n_people):
        size = int(rng.integers(12, 60))
        arr, brings, segment = np.exp(rng.normal(0, spread, size)), rng.normal(0, skill), i % 3
        books.append(np.arange(n, n + size))
        n += size
        for t in range(int(rng.integers(0, 3)), n_quarters):
            moved = np.where(rng.random(size) < 0.03, -1.0, 0.0)
            moved += np.where(rng.random(size) < 0.2, rng.exponential(0.15, size), 0.0)
            figures.append((books[-1], arr * (1 + moved + brings + shocks[segment, t]), arr))
            person.append(i)
            group.append(segment * n_quarters + t)
            quarter.append(t)
            churn, growth = 0.03 * 0.97, 0.2 * 2 * 0.15**2 - (0.2 * 0.15) ** 2
            variances.append(((arr / arr.sum()) ** 2).sum() * (churn + growth))
    made = spread_of(figures, np.array(person), np.array(group), np.array(quarter), books, n)
    return made, float(np.mean(variances))


@pytest.mark.parametrize("skill", [0.0, 0.015, 0.03])
def test_the_interval_covers_a_known_truth_about_as_often_as_it_says(skill: float) -> None:
    """90% is what it says; 40 companies tell it to within ten points. What people bring is found without bias."""
    hits, found, chance = [], [], []
    for seed in range(40):
        spread, true_chance = simulated(seed, skill)
        parts = chance_parts(spread, 300, seed)
        _, low, high = parts.chance_share()
        hits.append(low <= true_chance / (true_chance + skill**2) <= high)
        found.append(parts.people)
        chance.append(parts.period / true_chance)
    assert np.mean(hits) >= 0.8
    assert np.mean(found) == pytest.approx(skill**2, rel=0.25, abs=0.5e-4)
    assert np.mean(chance) == pytest.approx(1, abs=0.08)


def test_a_naive_estimate_is_far_off() -> None:
    """Without quarters and segments taken out, the squares of figures are mostly what moved everybody."""
    spread, true_chance = simulated(3, 0.0)
    naive = 1 - true_chance / spread.value.var()
    assert naive > 0.25
    parts = chance_parts(spread, 300)
    assert parts.chance_share()[0] > 0.9


def test_chance_is_what_drawing_customers_again_changes() -> None:
    """The closed form beside four thousand resampled books, with the draw's own shortfall taken out."""
    rng = np.random.default_rng(2)
    below = np.exp(rng.normal(0, 0.5, 60))
    above = below * (1 + rng.normal(0, 0.1, 60))
    figure, moves, share = account_chance(above, below)
    times = drawn_weights([np.arange(60)], 60, 4000, seed=1).astype(float)
    drawn = (times @ above) / (times @ below)
    squares = (share**2).sum()
    seen = (share**2 * (1 - 2 * share + squares)).sum() / squares
    assert figure == above.sum() / below.sum()
    assert (moves**2).sum() * seen == pytest.approx(drawn.var(), rel=0.1)


def test_one_large_customer_hides_its_own_chance() -> None:
    """In books with one customer of 40% the corrected squares have the true mean; the plain ones have not."""
    rng, below = np.random.default_rng(4), np.array([40.0, *[6.0] * 10])
    share = below / below.sum()
    moves = np.array([account_chance(below * (1 + of), below)[1] for of in rng.normal(0, 0.1, (4000, 11))])
    true = 0.01 * (share**2).sum()
    assert (moves**2).sum(axis=1).mean() == pytest.approx(true, rel=0.05)
    seen = (share**2 * (1 - 2 * share + (share**2).sum())).sum() / (share**2).sum()
    assert seen < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 5, 12])
def test_the_sample_companys_truth_lies_in_the_interval(seed: int, sample: cm.History, tmp_path: Path) -> None:
    """True skill is recorded in points a year, so a quarter's is a fourth; true chance as its deviation a quarter."""
    history = sample
    if seed != 7:
        write_sample(tmp_path / "other", seed)
        history = cm.load_history(tmp_path / "other")
    truth = sample_truth(seed).summary
    people, chance = (truth["nrr_effect_sd_points_a_year"] / 4) ** 2, truth["luck_sd_points_a_quarter"] ** 2
    table = reliability(compared(history)).table.set_index("figure")
    for figure, of_chance in (("quarter", chance), ("year", chance / 4)):
        row = table.loc[figure]
        assert row["chance_low"] <= of_chance / (of_chance + people) <= row["chance_high"]
        assert row["reliability"] == pytest.approx(1 - row["chance_share"])
    assert table.loc["quarter", "chance_points"] == pytest.approx(truth["luck_sd_points_a_quarter"], rel=0.3)


def test_the_picture_is_its_table(comparison: cm.Comparison) -> None:
    answer = luck(comparison)
    spread, _ = individual_spread(comparison)
    assert answer.table["n_figures"].sum() == len(spread.value)
    assert answer.table[["actual_share", "chance_share"]].sum().tolist() == pytest.approx([1, 1])
    bars, line = luck_chart(answer).data
    assert list(bars.y) == answer.table["actual_share"].tolist()
    assert list(line.y) == answer.table["chance_share"].tolist()
    assert answer.sentence.endswith(", so one quarter says little about the person.")
    assert luck(comparison).table.equals(answer.table)


def test_the_spread_is_that_of_the_replay(comparison: cm.Comparison) -> None:
    """Its figures are the individual values paid, of books with five customers or more."""
    spread, _ = individual_spread(comparison)
    run = comparison.replays[0]
    paid = run.stage.results.value[:, 0][(run.stage.people["role"] != "lead").to_numpy()]
    known = paid[np.isfinite(paid)]
    assert np.abs(spread.value[:, None] - known).min(axis=1).max() < 1e-12
    assert 0.85 < len(spread.value) / np.isfinite(paid).sum() < 1
    np.testing.assert_allclose(spread.share.sum(axis=1), 1)
    np.testing.assert_allclose(spread.chance.sum(axis=1), 0, atol=1e-12)


def test_refusals(sample: cm.History, comparison: cm.Comparison) -> None:
    plan = comparison.plans[0]
    with pytest.raises(CompModelError, match="no component of Halves on retention"):
        retained_component(plan, "nrrr")
    only_kpi = plan.replace(
        {"components": [plan.component("kpi").model_dump() | {"weight": 1.0}], "open_decisions": []}
    )
    with pytest.raises(CompModelError, match="no component that measures retention"):
        retained_component(only_kpi)
    nobody = spread_of([], *(np.zeros(0, dtype=np.intp) for _ in range(3)), [], 3)
    with pytest.raises(CompModelError, match="0 people have books"):
        chance_parts(nobody)
    for question in (luck, reliability):
        with pytest.raises(CompModelError, match=r"^0 draws were asked for; at least one is needed"):
            question(comparison, n_draws=0)


@pytest.mark.parametrize("per_year", [1, 2, 12])
def test_a_year_is_the_mean_of_its_periods(per_year: int) -> None:
    """The slow way: every run of a year's periods in a row of one person; none of twelve, so independent ones."""
    spread, _ = simulated(5, 0.01, n_people=8)
    spread = spread._replace(per_year=per_year)
    place = {(p, t): i for i, (p, t) in enumerate(zip(spread.person, spread.period, strict=True))}
    chance, found = spread.chance.toarray(), []
    for p, t in place:
        rows = [place.get((p, t + i)) for i in range(per_year)]
        if None not in rows:
            found.append((chance[rows].mean(axis=0) ** 2).sum())
    expected = np.mean(found) if found else (chance**2).sum(axis=1).mean() / 12
    assert chance_parts(spread, 10).year == pytest.approx(expected)


@pytest.mark.parametrize(("word", "span", "per_year"), [("month", "2025M01:2025M12", 12), ("year", "2023:2025", 1)])
def test_a_plan_of_another_period_is_said_by_it(sample: cm.History, word: str, span: str, per_year: int) -> None:
    plan = cm.load_plan(ROOT / "data/plans/halves.yaml").replace({"pay.period": word, "open_decisions": []})
    comparison = cm.compare(replay([plan], sample, span))
    spread, _ = individual_spread(comparison)
    assert spread.per_year == per_year
    answer = reliability(comparison, n_draws=50)
    assert answer.table["figure"].tolist() == (["month", "year"] if word == "month" else ["year"])
    assert answer.sentence.startswith(
        "Over a whole year" if word == "month" else f"Of what sets people's own NRR apart in a {word}, "
    )
    drawn = luck(comparison, n_draws=50)
    assert "quarter" not in answer.sentence + drawn.sentence + luck_chart(drawn).to_json()


def test_renewals_are_retention_too(sample: cm.History) -> None:
    plan = cm.load_plan(ROOT / "data/plans/halves.yaml")
    renewed = plan.replace({"components.nrr.metric": "renewal_rate", "open_decisions": []})
    answer = reliability(cm.compare(replay([renewed], sample, SPAN)), n_draws=50)
    assert answer.sentence.startswith("Over a whole year")
    assert "people's own renewal rate apart" in answer.sentence
    assert answer.table["chance_share"].between(0, 1).all()
