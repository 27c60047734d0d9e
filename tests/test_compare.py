"""Questions about plans against each other, checked against plain sums of the payouts."""

from __future__ import annotations

import dataclasses
import html
import re
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd
import pytest

import compmodel as cm
from compmodel.cli import main
from compmodel.compare import OUTCOMES, _outcomes, people_labels, totals
from compmodel.html_tables import table_html


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


def test_tables_have_the_columns_that_are_documented(comparison: cm.Comparison) -> None:
    for question in (cm.cost_by_period, cm.pay_by_payee, cm.pay_change_by_payee, cm.payout_curves):
        documented = " ".join(str(question.__doc__).split("Table: ")[1].split()).split("; ")[1].rstrip(".")
        columns = re.sub(r" \([^)]*\)", "", documented).split(", ")
        assert list(question(comparison).table.columns) == columns


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
    assert change < 0 == counts["unchanged"]
    assert answer.sentence == (
        f"Over the eight quarters to 2025Q4, with {len(people)} people on the plans at some time, "
        f"Thirds costs {cm.style.short_money(base)}. Halves costs {cm.style.short_money(base + change)}, "
        f"{cm.style.short_money(-change)} less ({cm.style.signed_percent(change / base)}); "
        f"{counts['gains']} people gain, {counts['loses']} lose."
    )


def test_a_quarter_says_its_own_figures_and_people(sample: cm.History, replays: list[cm.Replay]) -> None:
    comparison = cm.compare(cm.replay([run.plan for run in replays[:2]], sample, "2025Q4"), baseline="thirds")
    table, n = cm.cost_by_period(comparison).table, len(cm.pay_change_by_payee(comparison).table)
    costs = dict(zip(table["plan"], table["cost"].map(cm.style.short_money), strict=True))
    said = f"In 2025Q4, with {n} people on the plans, Thirds costs {costs['thirds']}. Halves costs {costs['halves']}, "
    assert cm.cost_by_period(comparison).sentence.startswith(said)
    assert comparison.facts == ("2025Q4", f"{n} people on the plans", "amounts in USD")
    before = cm.compare(replays[:2], baseline="thirds")
    assert before.facts[:2] == (
        "2024Q1 to 2025Q4",
        f"{before.pay['person'].nunique()} people on the plans at some time",
    )
    assert before.pay["person"].nunique() > n


@pytest.mark.parametrize(
    ("word", "span", "said"),
    [("month", "2025M11:2025M12", "two months"), ("half", "2025H1:2025H2", "two halves"), ("year", "2024:2025", "two")],
)
def test_periods_are_called_as_the_plan_pays(sample: cm.History, word: str, span: str, said: str) -> None:
    plan = cm.load_plan("data/plans/halves.yaml").replace({"pay.period": word, "open_decisions": []})
    comparison = cm.compare(cm.replay([plan], sample, span))
    cost, pay = cm.cost_by_period(comparison).sentence, cm.pay_by_payee(comparison).sentence
    assert cost.startswith(f"Over the {said}")
    assert pay.startswith(f"Pay over {said}")
    assert "quarter" not in cost + pay


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (["gains", "gains", "loses", "unchanged"], "2 people gain, 1 loses, 1 unchanged"),
        (["gains", "loses", "loses"], "1 person gains, 2 lose"),
        (["loses", "loses"], "2 people lose"),
        (["loses"], "1 person loses"),
        (["unchanged", "unchanged"], "nobody gains or loses"),
    ],
)
def test_who_gains_and_loses_is_said_without_zeros(outcomes: list[str], said: str) -> None:
    assert _outcomes(pd.Series(outcomes)) == said


def test_a_plan_against_itself_changes_nothing(sample: cm.History) -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    same = plan.replace({"name": "same", "title": "Same"})
    comparison = cm.compare(cm.replay([plan, same], sample, "2025Q1"), baseline="halves")
    people = cm.pay_change_by_payee(comparison)
    assert set(people.table["outcome"]) == {"unchanged"}
    assert cm.cost_by_period(comparison).sentence.endswith(". Same costs the same; nobody gains or loses.")
    assert people.sentence == "Under Same nobody gains or loses."


def test_one_plan_alone_is_said(replays: list[cm.Replay]) -> None:
    comparison = cm.compare(replays[:1], baseline="thirds")
    cost, change = cm.cost_by_period(comparison), cm.pay_change_by_payee(comparison)
    total = cm.style.short_money(cost.table["cost"].sum())
    assert cost.sentence.endswith(f"people on the plans at some time, Thirds costs {total}.")
    assert change.sentence == "Thirds is the only plan; a second one makes a comparison."
    assert change.table.empty
    assert "<table>" not in change._repr_html_()


def printed(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    """What `compmodel compare` says as it ends with that status."""
    with pytest.raises(SystemExit) as stop:
        main(["compare", *arguments])
    said = capsys.readouterr()
    assert stop.value.code == status
    return said.err if status else said.out


def test_one_plan_is_printed_once_and_is_its_own_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    halves, thirds = "data/plans/halves.yaml", "data/plans/thirds.yaml"
    alone = printed(capsys, 0, "--plans", halves, "--periods", "2025Q3:2025Q4")
    assert [alone.count(said) for said in ("2025Q3", "Total", "Change", "makes a comparison")] == [1, 1, 0, 1]
    assert alone.endswith("Halves is the only plan; a second one makes a comparison.\n")
    said = "Which plan are the others held against? Give one as --baseline: halves, thirds.\n"
    assert printed(capsys, 1, "--plans", halves, thirds, "--periods", "2025Q4") == said


def test_the_figures_of_five_plans_fit_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, sample: cm.History
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("flowfuse_nrr_only", "halves", "halves_signing", "retain_and_expand", "thirds")
    paths = [f"data/plans/{name}.yaml" for name in names]
    told = printed(capsys, 0, "--plans", *paths, "--periods", "2025Q4", "--baseline", "thirds")
    costs = cm.cost_by_period(cm.compare(cm.replay(cm.load_plans(*paths), sample, "2025Q4"), "thirds")).table["cost"]
    assert [cost for cost in costs.map(cm.style.statement_money) if cost not in told] == []
    assert "…" not in told


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
    assert list(table.columns) == ["plan", "person", "team", "period", "cost"]
    assert not table.duplicated(["plan", "person", "period"]).any()  # one total: a component's would tell the target
    named = cm.payout_table(cm.compare(replays, "thirds", "shown"))
    totals = named.groupby(["plan", "period"])["cost"].sum().round(2)
    assert table.groupby(["plan", "period"])["cost"].sum().round(2).equals(totals)


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
    unbounded = sample.settings.model_copy(update={"data_starts_on": None})
    with pytest.raises(cm.CompModelError, match="Nobody has a target incentive in 2010Q1"):
        cm.compare(cm.replay(plans, dataclasses.replace(sample, settings=unbounded), "2010Q1"), "thirds")


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


def test_curves_are_said_plan_by_plan_in_the_sliders_words(replays: list[cm.Replay]) -> None:
    assert cm.payout_curves(cm.compare(replays[:2], "thirds")).sentence == (
        "Thirds: 33.3% on Renewal rate from 80% to 100%; 33.3% on NRR from 100% to 115%; 33.3% on KPI up to 10. "
        "Halves: 50% on NRR from 100% to 115% and beyond; 50% on KPI up to 10."
    )


def test_a_curve_that_ends_beyond_its_target_is_said_to_its_end(sample: cm.History, replays: list[cm.Replay]) -> None:
    curve = {"kind": "linear", "points": [[0, 0], [1, 1], [2, 1.5]], "beyond": "hold"}
    plan = replays[1].plan.replace(
        {"components.kpi.curve": curve, "components.nrr.curve": {**curve, "beyond": "extend"}}
    )
    assert cm.payout_curves(cm.compare(cm.replay([plan], sample, "2025Q4"))).sentence == (
        "Halves: 50% on NRR from 100% to 130% (150% paid) and beyond; 50% on KPI up to 20 (150% paid)."
    )


def test_a_comparison_says_that_its_data_are_worth_a_look(replays: list[cm.Replay]) -> None:
    comparison = cm.compare(replays[:2], "thirds")
    assert comparison.doubts == "Six things in the data are worth a look: compmodel check lists them."
    assert comparison.doubts in comparison._repr_html_()


def test_a_component_without_weight_is_neither_said_nor_drawn(sample: cm.History, replays: list[cm.Replay]) -> None:
    plan = replays[1].plan.replace({"components.nrr.weight": 1, "components.kpi.weight": 0})
    curves = cm.payout_curves(cm.compare(cm.replay([plan], sample, "2025Q4"), "halves"))
    assert curves.sentence == "Halves: 100% on NRR from 100% to 115% and beyond."
    assert set(curves.table["component"]) == {"nrr"}


def test_tables_print_shares_as_percentages_and_counts_plainly(replays: list[cm.Replay]) -> None:
    comparison = cm.compare(replays, "halves", names="shown")
    payouts = cm.payout_table(comparison)
    nrr = payouts[(payouts["component"] == "nrr") & payouts["value"].between(1.05, 1.15)].head(1)
    cells = re.findall(r"<t[hd] class[^>]*>([^<]*)", table_html(nrr))
    shown = dict(zip(cells[: len(cells) // 2], cells[len(cells) // 2 :], strict=True))
    for name in ("value", "target", "attainment", "factor", "weight", "proration"):
        assert shown[name] == f"{nrr[name].iloc[0]:.2%}".replace(".00%", "%")
    assert (shown["target"], shown["weight"]) == ("115%", "50%")
    assert "unit" not in shown
    curve = cm.payout_curves(comparison).table
    kpi = table_html(curve[(curve["component"] == "kpi") & (curve["value"] == 10.0)].head(1))
    assert re.findall(r"<td[^>]*>([^<]*)", kpi)[-3:] == ["10", "100%", "50%"]


def test_payouts_have_a_balance_where_a_plan_leaves_one(sample: cm.History, replays: list[cm.Replay]) -> None:
    held = {"kind": "holdback", "share": 0.1, "released_after": 2, "on_leaving": "pay"}
    plan = cm.load_plan("data/plans/halves.yaml").replace({"adjustments": [held]})
    runs = cm.replay([plan], sample, "2025Q3:2025Q4")
    table = cm.payout_table(cm.compare(runs, "halves", names="shown"))
    kept = table["balance"].dropna()
    assert kept.sum() == pytest.approx(runs[0].payouts["balance"].sum())
    assert (kept > 0).any()
    assert f">{cm.style.statement_money(kept.max())}<" in table_html(table)
    assert "balance" not in cm.payout_table(cm.compare(replays[:1], names="shown"))
    assert "balance" not in cm.payout_table(cm.compare(runs)), "beside aliases it would tell the target"


def test_an_answer_shows_itself_escaped(replays: list[cm.Replay]) -> None:
    plan = replays[0].plan.replace({"title": "<b>x</b> & $5", "name": "ugly"})
    ugly = cm.replay([replays[0].plan, plan], replays[0].history, "2025Q4")
    shown = cm.cost_by_period(cm.compare(ugly, baseline="thirds"))._repr_html_()
    assert "<b>" not in shown
    assert html.escape("<b>x</b> & $5") in shown
