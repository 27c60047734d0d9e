"""The attainment that pays what the baseline paid: worked by hand on straight curves, and beside aliases."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel.compare import SMALLEST_TEAM
from compmodel.keep_whole import _bands, _words, keep_whole


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
    assert list(hidden.table) == ["plan", "title", "attainment_above", "attainment_to", "n_people"]
    needed = shown.table["attainment"]
    for row in hidden.table.itertuples():
        assert ((needed > row.attainment_above) & (needed <= row.attainment_to)).sum() == row.n_people
        assert row.n_people >= SMALLEST_TEAM
    assert hidden.table["n_people"].sum() == len(shown.table)
    assert hidden.sentence != shown.sentence


@pytest.mark.parametrize(
    ("needed", "bands"),
    [
        ([15, 15, 25, 25, 25, 55, 55, 55, 55, 55], [(0.1, 0.3, 5), (0.5, 0.6, 5)]),
        ([15] * 5 + [95], [(0.1, 1.0, 6)]),
        ([15] * 7 + [np.inf] * 5, [(0.1, 0.2, 7), (np.nan, np.nan, 5)]),
        ([15] * 7 + [np.inf], [(0.1, np.nan, 8)]),
        ([15, np.inf], [(0.1, np.nan, 2)]),
    ],
)
def test_no_band_beside_aliases_is_of_fewer_than_five(needed: list[float], bands: list[tuple[float, ...]]) -> None:
    found = list(_bands(np.array(needed, dtype=float)).itertuples(index=False, name=None))
    assert found == [pytest.approx(band, nan_ok=True) for band in bands]


def test_few_whom_nothing_makes_whole_are_not_counted_beside_aliases() -> None:
    said = _words(np.array([0.5] * 9 + [np.inf]), "Halves", "Thirds", 1, "fewer than 5")
    assert "For fewer than 5 of ten people no attainment" in said
    hidden = _words(np.full(8, np.inf), "Halves", "Thirds", 3, "fewer than 5")
    assert "More than half" not in hidden
    assert "too few people share" in hidden


def test_the_sentence_is_of_the_table(replays: list[cm.Replay]) -> None:
    for names in ("aliases", "shown"):
        answer = keep_whole(cm.compare(replays, "thirds", names))  # type: ignore[arg-type]
        table = answer.table
        aliased = names == "aliases"
        each = table["attainment_to"].repeat(table["n_people"]) if aliased else table["attainment"]
        half, most = (sorted(each)[math.ceil(len(each) * part) - 1] for part in (0.5, 0.9))
        said = f"half the people need at most {half:.0%} attained in every component of Halves, "
        said += f"nine of ten people at most {most:.0%}."
        assert said in answer.sentence


def capped(replays: list[cm.Replay], share: float) -> list[cm.Replay]:
    changes = {f"components.{name}.adjustments": [{"kind": "cap", "factor": share}] for name in ("nrr", "kpi")}
    plan = replays[1].plan.replace({"name": "poor", "title": "Poor", **changes})
    return [replays[0], *cm.replay([plan], replays[0].history, "2025Q3:2025Q4")]


def test_whom_nothing_makes_whole_counts_in_half_the_people(replays: list[cm.Replay]) -> None:
    """A cap at 60% of what thirds paid: between a tenth and half of the people are paid less whatever they attain."""
    runs = capped(replays, 0.6)
    answer = keep_whole(cm.compare(runs, "thirds", names="shown"))
    needed = answer.table["attainment"].fillna(np.inf).sort_values().tolist()
    n, never = len(needed), int(np.isinf(needed).sum())
    assert n / 10 < never < n / 2
    half = needed[math.ceil(n / 2) - 1]
    assert answer.sentence == (
        f"To be paid as under Thirds, half the people need at most {half:.0%} attained in every component of Poor. "
        f"For {never} of {n} people no attainment up to 300% under Poor pays as much as Thirds."
    )


def test_a_plan_that_cannot_pay_as_much_says_so(replays: list[cm.Replay]) -> None:
    answer = keep_whole(cm.compare(capped(replays, 0.1), "thirds", names="shown"))
    assert answer.table["attainment"].isna().all()
    assert answer.sentence == "Nobody can be paid as under Thirds by any attainment up to 300% under Poor."
    answer = keep_whole(cm.compare(capped(replays, 0.45), "thirds", names="shown"))
    n, of = int(answer.table["attainment"].isna().sum()), len(answer.table)
    assert of > n > of / 2
    said = "More than half the people cannot be paid as under Thirds by any attainment up to 300% under Poor"
    assert answer.sentence == f"{said}: {n} of {of} people."


def test_where_attainment_does_not_decide_a_plan_is_left_out(sample: cm.History, replays: list[cm.Replay]) -> None:
    """A rate's target is nothing to attain; a gate on a result would keep the real one."""
    gate = {"kind": "gate", "of": "value", "reaches": 1.05}
    gated = replays[1].plan.replace({"name": "gated", "title": "Gated", "components.nrr.adjustments": [gate]})
    held = {"kind": "holdback", "share": 0.1, "released_after": 1, "on_leaving": "pay"}
    held["condition"] = {"component": "nrr", "of": "value", "reaches": 1.0}
    kept = replays[1].plan.replace({"name": "kept", "title": "Kept", "adjustments": [held]})
    rate = cm.load_plans("data/plans/rate_on_arr.yaml")
    runs = [replays[0], *cm.replay([gated, kept, *rate], sample, "2025Q3:2025Q4")]
    answer = keep_whole(cm.compare(runs, "thirds", names="shown"))
    assert answer.table.empty
    assert answer.sentence == (
        "Gated is left out: a condition there looks at a result itself, which attainment does not tell. "
        "Kept is left out: a condition there looks at a result itself, which attainment does not tell. "
        "Rate on ARR managed is left out: it pays by a rate, which has no target to attain."
    )


def test_where_more_may_pay_less_the_least_is_found_all_the_same(replays: list[cm.Replay]) -> None:
    """Pay ends at 50%: who needs less needs what the plan without the end asks for, all others have none."""
    gates = {"kind": "gate", "of": "attainment", "below": 0.5}
    changes = {f"components.{name}.adjustments": [gates] for name in ("nrr", "kpi")}
    ending = replays[1].plan.replace({"name": "ending", **changes})
    runs = [*replays, *cm.replay([ending], replays[0].history, "2025Q3:2025Q4")]
    table = keep_whole(cm.compare(runs, "thirds", names="shown")).table
    least = table.pivot(index="person", columns="plan", values="attainment")
    expected = least["halves"].where(least["halves"] < 0.5)
    assert expected.notna().sum() > 5 < expected.isna().sum()
    pd.testing.assert_series_equal(least["ending"], expected, check_names=False)


def test_plans_that_share_an_amount_are_said(replays: list[cm.Replay]) -> None:
    shared = replays[1].plan.replace({"name": "shared", "adjustments": [{"kind": "budget", "amount": 100_000}]})
    runs = [replays[0], *cm.replay([shared], replays[0].history, "2025Q3:2025Q4")]
    answer = keep_whole(cm.compare(runs, "thirds"))
    assert answer.table.empty
    assert "nobody's own attainment decides" in answer.sentence
    assert keep_whole(cm.compare(replays[:1], "thirds")).sentence.startswith("A second plan")
