"""Who reaches threshold, target and excellence, counted row by row."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter, defaultdict
from fractions import Fraction

import pytest

import compmodel as cm
from compmodel.costs import target_incentives
from compmodel.curves import Curve
from compmodel.distributions import BANDS, attainment_reached, distribution, excellence_point, results
from compmodel.wording import in_sentence

NAMES = ("thirds", "halves", "revenue_playbook_tiers", "rate_on_arr")


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    plans = cm.load_plans(*[f"data/plans/{name}.yaml" for name in NAMES])
    return cm.compare(cm.replay(plans, sample, "2024Q1:2025Q4"), "thirds")


EXCELLENT = {"revenue_playbook_tiers": lambda row: row.factor >= 1.5}
"""Its curve names one; the others' are straight or end at target: a fifth above it."""


def test_each_mark_is_counted_from_the_payouts(comparison: cm.Comparison) -> None:
    table = attainment_reached(comparison).table
    for run in comparison.replays:
        for component in run.plan.components:
            counts, people = Counter(), set()
            for row in run.payouts.itertuples():
                if row.component != component.name:
                    continue
                people.add(row.payee_id)
                if math.isnan(row.attainment):
                    counts["n_undefined"] += 1
                    continue
                counts["n"] += 1
                counts["n_threshold"] += row.factor > 0
                counts["n_target"] += row.attainment >= 1 - 1e-9
                is_excellent = EXCELLENT.get(run.plan.name, lambda row: row.attainment >= 1.2 - 1e-9)
                counts["n_excellence"] += is_excellent(row)
            found = table[(table["plan"] == run.plan.name) & (table["component"] == component.name)]
            assert len(found) == (run.plan.name != "rate_on_arr")
            if found.empty:
                continue
            mine = found.iloc[0]
            for name in ("n", "n_undefined", "n_threshold", "n_target", "n_excellence"):
                assert mine[name] == counts[name]
            assert mine["n_people"] == len(people)
            assert mine["share_target"] == counts["n_target"] / counts["n"]


def whole_pay(run: cm.Replay) -> dict[tuple[str, str], Fraction]:
    due = {(row.payee_id, row.period): row.incentive_cents for row in target_incentives(run).itertuples()}
    paid: dict[tuple[str, str], int] = defaultdict(int)
    known = set()
    for row in run.payouts.itertuples():
        paid[row.payee_id, row.period] += round(row.payout * 100)
        if not math.isnan(row.attainment):
            known.add((row.payee_id, row.period))
    return {key: Fraction(cents, due[key]) for key, cents in paid.items() if key in known or cents}


def test_whole_pay_is_counted_in_cents(comparison: cm.Comparison) -> None:
    table = attainment_reached(comparison).table
    for run in comparison.replays[:3]:
        shares = whole_pay(run)
        mine = table[(table["plan"] == run.plan.name)].iloc[-1]
        assert (mine["component"], mine["n"]) == ("whole pay", len(shares))
        assert mine["n_threshold"] == sum(share > 0 for share in shares.values())
        assert mine["n_target"] == sum(share >= 1 for share in shares.values())
        assert mine["n_excellence"] == sum(share >= Fraction(6, 5) for share in shares.values())


@pytest.mark.parametrize("of", ["attainment", "pay"])
def test_bands_hold_every_result_once(comparison: cm.Comparison, of: str) -> None:
    table = distribution(comparison, of).table  # type: ignore[arg-type]
    edges = [-math.inf, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, math.inf]
    for run in comparison.replays[:3]:
        for name, mine in results(run).groupby("component", sort=False):
            known = [value for value in mine[of] if not math.isnan(value)]
            if name == "whole pay":
                assert sorted(known) == pytest.approx(sorted(map(float, whole_pay(run).values())), rel=1e-12)
            expected = [sum(value <= 0 for value in known)]
            expected += [
                sum(max(edges[i], 1e-300) <= v + 1e-9 * (v > 0) < edges[i + 1] for v in known) for i in range(1, 8)
            ]
            found = table[(table["plan"] == run.plan.name) & (table["component"] == name)].set_index("band")
            assert found["n"].reindex(BANDS).tolist() == expected
            assert found["n"].sum() == len(mine)
            assert found["share_of_results"].reindex(BANDS).sum() == pytest.approx(1)


def test_full_pay_of_a_component_is_full_whatever_its_cents(comparison: cm.Comparison) -> None:
    """A third of 10,000 is paid as 3,333.33, which is the whole of it."""
    run = comparison.replays[0]
    mine = results(run)
    kpi = mine[mine["component"] == "kpi"]
    assert (kpi.loc[kpi["reaches_target"], "pay"] >= 1 - 1e-12).all()


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ({"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"}, (1.2, None)),
        ({"kind": "linear", "points": [[0, 0], [1, 1], [1.4, 2]], "beyond": "extend"}, (1.4, None)),
        ({"kind": "linear", "points": [[0, 0], [1, 1], [1.2, 1.5], [1.5, 1.5]], "beyond": "hold"}, (1.2, 1.5)),
        ({"kind": "linear", "points": [[0, 0], [1, 1], [1.5, 1]], "beyond": "hold"}, (1.2, None)),
        ({"kind": "table", "bands": [[0.9, 0.5], [1.15, 1.5]], "edge": "upper", "beyond": "hold"}, (1.15, 1.5)),
        ({"kind": "marginal", "bands": [[0, 1], [1, 1.4]], "beyond": "extend"}, (1.2, None)),
        ({"kind": "marginal", "bands": [[0, 1], [1, 1.4], [1.3, 2]], "beyond": "extend"}, (1.3, None)),
    ],
)
def test_excellence_is_a_cap_or_the_last_bend_or_a_fifth_above(curve: dict[str, object], expected: object) -> None:
    assert excellence_point(Curve.model_validate(curve)) == expected


def test_the_sentence_is_short_and_says_who_reaches_the_target(comparison: cm.Comparison) -> None:
    answer = attainment_reached(comparison)
    row = answer.table[(answer.table["plan"] == "thirds") & (answer.table["component"] == "nrr")].iloc[0]
    assert row["share_threshold"] < 0.85
    assert row["share_target"] < 0.6
    assert row["share_excellence"] < 0.05
    assert answer.sentence.startswith("60 to 70% of people-quarters should reach the target. Under Thirds ")
    said = answer.sentence.split("Under Thirds ")[1].split("Under Halves ")[0]
    assert f"{cm.style.percent(row['share_target'])} at NRR" in said
    assert said.count("%") == 3, "the target of each measure, and nothing else"
    assert len(answer.sentence) < 400


def test_few_people_are_left_out_beside_aliases(comparison: cm.Comparison) -> None:
    run = comparison.replays[1]
    few = run.payouts["payee_id"].isin(["P11", "P12", "P13", "P14"])
    small = dataclasses.replace(run, payouts=run.payouts[few | (run.payouts["component"] == "nrr")])
    aliased, shown = cm.compare([small]), cm.compare([small], names="shown")
    assert set(attainment_reached(aliased).table["component"]) == {"nrr", "whole pay"}
    assert set(attainment_reached(shown).table["component"]) == {"nrr", "kpi", "whole pay"}
    assert attainment_reached(aliased).sentence.endswith("What fewer than five people have is left out.")
    assert set(distribution(aliased).table["component"]) == {"nrr", "whole pay"}
    alone = cm.compare([dataclasses.replace(run, payouts=run.payouts[few])])
    assert attainment_reached(alone).table.empty
    assert distribution(alone).table.empty


def test_no_person_is_in_the_tables(sample: cm.History, comparison: cm.Comparison) -> None:
    for answer in (attainment_reached(comparison), distribution(comparison, "pay")):
        written = answer.sentence + answer.table.to_csv()
        secrets = [*sample.payees["name"].dropna().unique(), *sample.payees["payee_id"].unique()]
        assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", written)] == []


def test_an_unknown_spread_names_the_nearest(comparison: cm.Comparison) -> None:
    with pytest.raises(cm.CompModelError, match="Did you mean 'attainment'"):
        distribution(comparison, "attainments")  # type: ignore[arg-type]


def test_what_a_rate_pays_is_held_against_no_norm(comparison: cm.Comparison) -> None:
    """Its target only divides; a rate worked out from the incentive is still a share of it."""
    answer = attainment_reached(comparison)
    assert set(answer.table.loc[answer.table["plan"] == "rate_on_arr", "component"]) == {"whole pay"}
    managed, multi_year = (in_sentence(c.title) for c in comparison.plans[3].components[:2])
    left = f"{managed} (managed) and {multi_year} are left out, because a rate or a pool has no target"
    assert left in answer.sentence
    assert left in distribution(comparison).sentence
    found = {of: distribution(comparison, of).table.set_index("plan") for of in ("attainment", "pay")}
    assert set(found["attainment"].loc["rate_on_arr", "component"]) == {"whole pay"}
    assert set(found["pay"].loc["rate_on_arr", "component"]) == {"managed", "whole pay"}


@pytest.mark.parametrize("kept", ["", "kpi"])
def test_pay_of_the_year_so_far_is_no_share_of_a_period(sample: cm.History, kept: str) -> None:
    """By the fourth quarter it is three and four quarters' worth of pay, and was shown as 300% of one's."""
    parts = [
        {
            "name": name,
            "metric": "nrr",
            "level": "individual",
            "weight": 1 / 2 if kept else 1,
            "target": 1.15,
            "attainment": {"kind": "from_floor", "floor": 1.0},
            "curve": {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"},
            **({"baseline": "year_start", "to_date": "full_year"} if name == "nrr" else {}),
        }
        for name in filter(None, ("nrr", kept))
    ]
    plan = cm.load_plan("data/plans/halves.yaml").replace(
        {"components": parts, "adjustments": [], "open_decisions": []}
    )
    comparison = cm.compare(cm.replay([plan], sample, "2025Q1:2025Q4"))
    for answer in (attainment_reached(comparison), distribution(comparison), distribution(comparison, "pay")):
        assert set(answer.table["component"]) == set(filter(None, [kept]))
        assert "and the whole pay are left out, because pay for the year so far" in answer.sentence
