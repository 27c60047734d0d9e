"""Questions about plans against each other, checked against plain sums of the payouts."""

from __future__ import annotations

import dataclasses
import html
from decimal import ROUND_HALF_UP, Decimal

import pytest

import compmodel as cm
from compmodel.compare import OUTCOMES, people_labels, totals


def cents(amount: float) -> int:
    return round(amount * 100)


@pytest.fixture(scope="module")
def replays(sample: cm.History) -> list[cm.Replay]:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml", "data/plans/halves_signing.yaml")
    return cm.replay(plans, sample, "2024Q1:2025Q4")


@pytest.fixture(scope="module")
def comparison(replays: list[cm.Replay]) -> cm.Comparison:
    return cm.compare(replays, baseline="halves")


def by_hand(run: cm.Replay, column: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in run.payouts.itertuples():
        sums[getattr(row, column)] = sums.get(getattr(row, column), 0) + cents(row.cost)
    return sums


def test_the_baseline_stands_first_and_every_plan_is_there(comparison: cm.Comparison) -> None:
    assert [plan.name for plan in comparison.plans] == ["halves", "thirds", "halves_signing"]
    assert [plan.name for plan in comparison.others] == ["thirds", "halves_signing"]


def test_cost_by_period_is_the_sum_of_the_payouts(comparison: cm.Comparison, replays: list[cm.Replay]) -> None:
    table = cm.cost_by_period(comparison).table
    for run in replays:
        expected = by_hand(run, "period")
        mine = table[table["plan"] == run.plan.name]
        assert {row.period: cents(row.cost) for row in mine.itertuples()} == expected
    for row in table.itertuples():
        assert cents(row.change) == cents(row.cost) - cents(row.baseline_cost)


def test_totals_add_up_over_periods(comparison: cm.Comparison, replays: list[cm.Replay]) -> None:
    found = {row.plan: cents(row.cost) for row in totals(cm.cost_by_period(comparison).table).itertuples()}
    assert found == {run.plan.name: sum(by_hand(run, "period").values()) for run in replays}


def test_changes_by_payee_add_up_to_the_change_in_cost(comparison: cm.Comparison) -> None:
    people = cm.pay_change_by_payee(comparison).table
    total = totals(cm.cost_by_period(comparison).table).set_index("plan")["change"]
    for plan in comparison.others:
        assert sum(map(cents, people[people["plan"] == plan.name]["change"])) == cents(total[plan.name])
    assert set(people["outcome"]) <= set(OUTCOMES)
    assert ((people["change"] > 0) == (people["outcome"] == "gains")).all()
    assert ((people["change"] < 0) == (people["outcome"] == "loses")).all()


def test_the_sentence_says_the_figures_of_the_table(replays: list[cm.Replay]) -> None:
    comparison = cm.compare(replays[:2], baseline="thirds", names="shown")
    answer, people = cm.cost_by_period(comparison), cm.pay_change_by_payee(comparison).table
    change = answer.table[answer.table["plan"] == "halves"]["change"].sum()
    base = answer.table[answer.table["plan"] == "thirds"]["cost"].sum()
    counts = people["outcome"].value_counts().reindex(OUTCOMES, fill_value=0)
    word = "more" if change > 0 else "less"
    assert answer.sentence == (
        f"Halves costs {cm.style.short_money(abs(change))} {word} over eight quarters, "
        f"{cm.style.signed_percent(change / base)}; {counts['gains']} people gain, {counts['loses']} lose, "
        f"{counts['unchanged']} unchanged."
    )


def test_a_plan_against_itself_changes_nothing(sample: cm.History) -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    same = plan.replace({"name": "same", "title": "Same"})
    comparison = cm.compare(cm.replay([plan, same], sample, "2025Q1"), baseline="halves")
    people = cm.pay_change_by_payee(comparison)
    assert set(people.table["outcome"]) == {"unchanged"}
    assert cm.cost_by_period(comparison).sentence.startswith("Same costs the same over one quarter; 0 people gain")
    assert "largest" not in people.sentence


def test_one_plan_alone_is_said(replays: list[cm.Replay]) -> None:
    comparison = cm.compare(replays[:1], baseline="thirds")
    assert "only plan" in cm.cost_by_period(comparison).sentence
    assert cm.pay_change_by_payee(comparison).table.empty


def test_aliases_hide_every_name_and_id(sample: cm.History, replays: list[cm.Replay]) -> None:
    comparison = cm.compare(replays, baseline="thirds", names="aliases")
    answers = [cm.cost_by_period, cm.pay_by_payee, cm.pay_change_by_payee, cm.payout_curves]
    written = comparison.pay.to_csv() + cm.payout_table(comparison).to_csv()
    written += "".join(question(comparison).sentence + question(comparison).table.to_csv() for question in answers)
    for secret in [*sample.payees["name"].dropna().unique(), *sample.payees["payee_id"].unique()]:
        assert secret not in written
    named = cm.compare(replays, baseline="thirds", names="shown")
    assert sorted(cm.pay_by_payee(named).table["pay"]) == sorted(cm.pay_by_payee(comparison).table["pay"])


def test_aliases_do_not_follow_the_order_of_the_ids(replays: list[cm.Replay]) -> None:
    labels = people_labels(replays[0], "aliases")
    assert labels["person"].is_unique
    assert not labels.sort_values("payee_id")["person"].is_monotonic_increasing


def test_aliased_rows_stand_in_the_order_of_the_aliases(replays: list[cm.Replay]) -> None:
    table = cm.payout_table(cm.compare(replays, "thirds"))
    assert table.groupby("plan")["person"].agg(lambda people: people.is_monotonic_increasing).all()
    assert list(table.columns) == ["plan", "person", "team", "period", "component", "cost", "note"]


def test_aliases_cannot_be_worked_out_from_the_ids_alone(sample: cm.History, replays: list[cm.Replay]) -> None:
    raised = dataclasses.replace(sample, payees=sample.payees.assign(base_salary=sample.payees["base_salary"] + 1))
    other = dataclasses.replace(replays[0], history=raised)
    assert (people_labels(other, "aliases")["person"] != people_labels(replays[0], "aliases")["person"]).any()


def test_a_small_team_is_not_named_beside_aliases(replays: list[cm.Replay]) -> None:
    paid = replays[0].payouts
    few = paid["payee_id"].isin(["P11", "P12", "P13", "P14"])
    run = dataclasses.replace(replays[0], payouts=paid.assign(team=paid["team"].mask(few, "Few")))
    assert "Few" in set(people_labels(run, "shown")["team"])
    aliased = people_labels(run, "aliases")["team"].value_counts()
    assert "Few" not in aliased
    assert 1 <= aliased["a small team"] <= 4


def test_an_unknown_way_of_naming_is_refused(replays: list[cm.Replay]) -> None:
    with pytest.raises(cm.CompModelError, match=r"no way to name people. Did you mean 'aliases'"):
        cm.compare(replays, "thirds", names="alias")  # type: ignore[arg-type]


def test_people_who_share_a_name_stay_apart(sample: cm.History, replays: list[cm.Replay]) -> None:
    names = (
        sample.payees["payee_id"].map({"P12": "Ann", "P13": "Ann", "P14": "Ann (P13)"}).fillna(sample.payees["name"])
    )
    run = dataclasses.replace(replays[0], history=dataclasses.replace(sample, payees=sample.payees.assign(name=names)))
    assert people_labels(run, "shown")["person"].is_unique


def test_periods_that_pay_nobody_are_refused(sample: cm.History, replays: list[cm.Replay]) -> None:
    plans = [replays[0].plan, replays[1].plan]
    with pytest.raises(cm.CompModelError, match="Nobody has a target incentive in 2010Q1"):
        cm.compare(cm.replay(plans, sample, "2010Q1"), "thirds")


def test_cost_is_the_converted_total_rounded_once(replays: list[cm.Replay], sample: cm.History) -> None:
    """Pay in euros and pounds at the constant rates of the sample's own file, in decimals."""
    on = sample.fx_rates[sample.fx_rates["on"] == "2022-12-30"].set_index("currency")["rate"]
    paid = replays[0].payouts
    for _, rows in paid[paid["currency"] != "USD"].groupby(["payee_id", "period"]):
        total = sum(Decimal(repr(payout)) for payout in rows["payout"])
        exact = total * Decimal(repr(float(on[rows["currency"].iloc[0]])))
        assert sum(map(cents, rows["cost"])) == int((exact * 100).quantize(Decimal(1), ROUND_HALF_UP))


def test_an_unknown_baseline_names_the_nearest(replays: list[cm.Replay]) -> None:
    with pytest.raises(cm.CompModelError, match="Did you mean 'thirds'"):
        cm.compare(replays, baseline="third")


def test_replays_of_other_periods_are_refused(sample: cm.History, replays: list[cm.Replay]) -> None:
    other = cm.replay([replays[1].plan], sample, "2024Q1")
    with pytest.raises(cm.CompModelError, match="same history and periods"):
        cm.compare([replays[0], *other], baseline="thirds")


def test_curves_pass_through_the_plan_s_own_points(comparison: cm.Comparison) -> None:
    table = cm.payout_curves(comparison).table
    for plan in comparison.plans:
        mine = table[(table["plan"] == plan.name) & (table["component"] == "nrr")]
        factor = dict(zip(mine["value"].round(9), mine["factor"].round(9), strict=True))
        assert factor[1.0] == 0.0
        assert factor[1.15] == 1.0
        assert (max(factor.values()) > 1) == (plan.name != "thirds")


def test_an_answer_shows_itself_escaped(replays: list[cm.Replay]) -> None:
    plan = replays[0].plan.replace({"title": "<b>x</b> & $5", "name": "ugly"})
    ugly = cm.replay([replays[0].plan, plan], replays[0].history, "2025Q4")
    shown = cm.cost_by_period(cm.compare(ugly, baseline="thirds"))._repr_html_()
    assert "<b>" not in shown
    assert html.escape("<b>x</b> & $5") in shown
