"""The attainment that pays what the baseline paid: worked by hand on straight curves, and beside aliases."""

from __future__ import annotations

import math

import pytest

import compmodel as cm
from compmodel.keep_whole import keep_whole


@pytest.fixture(scope="module")
def replays(sample: cm.History) -> list[cm.Replay]:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    return cm.replay(plans, sample, "2025Q3:2025Q4")


def test_on_a_straight_curve_it_is_pay_over_target_incentive(replays: list[cm.Replay]) -> None:
    """Halves pays attainment x target incentive up to 100%, so the least attainment is that quotient, rounded up."""
    table = keep_whole(cm.compare(replays, "thirds", names="shown")).table
    assert list(table) == ["plan", "title", "person", "team", "baseline_pay", "attainment"]
    paid = replays[1].payouts.drop_duplicates(["payee_id", "period"])
    incentive = (paid["target_incentive"] * paid["proration"]).groupby(paid["payee_id"]).sum()
    names = replays[1].history.payees.drop_duplicates("payee_id", keep="last").set_index("payee_id")["name"]
    in_usd = paid.groupby("payee_id")["currency"].first() == "USD"
    n_checked = 0
    for payee, person in names.items():
        row = table[table["person"] == person]
        if payee in incentive and in_usd[payee] and len(row) == 1 and row["attainment"].iloc[0] <= 1:
            least = row["baseline_pay"].iloc[0] / incentive[payee]
            assert least - 1e-4 <= row["attainment"].iloc[0] < least + 0.0101
            n_checked += 1
    assert n_checked > 20


def test_beside_aliases_no_person_stands(replays: list[cm.Replay]) -> None:
    shown, hidden = (keep_whole(cm.compare(replays, "thirds", names=names)) for names in ("shown", "aliases"))
    assert list(hidden.table) == ["plan", "title", "attainment", "n_people"]
    assert hidden.table["n_people"].sum() == len(shown.table)
    assert hidden.sentence == shown.sentence


def test_the_sentence_is_of_the_table(replays: list[cm.Replay]) -> None:
    answer = keep_whole(cm.compare(replays, "thirds"))
    each = answer.table["attainment"].repeat(answer.table["n_people"]).sort_values().tolist()
    half, most = (each[math.ceil(len(each) * part) - 1] for part in (0.5, 0.9))
    assert f"half the people need at most {half:.0%} of everything under Halves, nine in ten at most {most:.0%}." in (
        answer.sentence
    )


def test_a_plan_that_cannot_pay_as_much_says_so(replays: list[cm.Replay]) -> None:
    poor = replays[1].plan.replace(
        {
            "name": "poor",
            "components.nrr.adjustments": [{"kind": "cap", "factor": 0.1}],
            "components.kpi.adjustments": [{"kind": "cap", "factor": 0.1}],
        }
    )
    runs = [replays[0], *cm.replay([poor], replays[0].history, "2025Q3:2025Q4")]
    answer = keep_whole(cm.compare(runs, "thirds", names="shown"))
    n = int(answer.table["attainment"].isna().sum())
    assert n > 40
    assert f"For {n} people no attainment up to 300% under Halves pays as much as Thirds." in answer.sentence


def test_plans_that_share_an_amount_are_said(replays: list[cm.Replay]) -> None:
    shared = replays[1].plan.replace({"name": "shared", "adjustments": [{"kind": "budget", "amount": 100_000}]})
    runs = [replays[0], *cm.replay([shared], replays[0].history, "2025Q3:2025Q4")]
    answer = keep_whole(cm.compare(runs, "thirds"))
    assert answer.table.empty
    assert "nobody's own attainment decides" in answer.sentence
    assert keep_whole(cm.compare(replays[:1], "thirds")).sentence.startswith("A second plan")
