"""What plans cost by period, team and segment, checked row by row against the payees, the payouts and the ledger."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel.compare import Answer
from compmodel.costs import budget_headroom, cost_by, cost_of_sales, target_incentives
from compmodel.payouts import payouts

SPAN = "2024Q1:2025Q4"


def cents(amount: float) -> int:
    return round(amount * 100)


def half_up(amount: Fraction) -> int:
    return math.floor(amount + Fraction(1, 2))


@pytest.fixture(scope="module")
def replays(sample: cm.History) -> list[cm.Replay]:
    names = ("thirds", "halves", "rate_on_arr", "posthog_2024_11")
    return cm.replay(cm.load_plans(*[f"data/plans/{name}.yaml" for name in names]), sample, SPAN)


@pytest.fixture(scope="module")
def shown(replays: list[cm.Replay]) -> cm.Comparison:
    return cm.compare(replays, "thirds", "shown")


@pytest.fixture(scope="module")
def aliased(replays: list[cm.Replay]) -> cm.Comparison:
    return cm.compare(replays, "thirds")


def written_incentives(run: cm.Replay) -> dict[tuple[str, str], int]:
    """Target incentive in whole cents of the reporting currency, from the payees table day by day."""
    history, found = run.history, {}
    on = history.fx_rates[history.fx_rates["on"] == "2022-12-30"].set_index("currency")["rate"]
    rates = {"USD": Fraction(1), **{name: Fraction(repr(float(rate))) for name, rate in on.items()}}
    for period in run.periods:
        first, last = pd.Timestamp(period.starts_on), pd.Timestamp(period.ends_on)
        for payee, spans in history.payees.groupby("payee_id"):
            yearly, days = Fraction(0), 0
            for span in spans.itertuples():
                end = last if pd.isna(span.ends_on) else min(span.ends_on, last)
                held = (end - max(span.starts_on, first)).days + 1
                if held > 0 and span.target_incentive > 0:
                    yearly += Fraction(repr(span.target_incentive)) * held
                    days, currency = days + held, span.currency
            if days:
                own = half_up(yearly / (last - first + pd.Timedelta(days=1)).days / 4 * 100)
                found[str(payee), period.name] = half_up(own * rates[currency])
    return found


def test_target_incentives_are_those_of_the_payees_table(replays: list[cm.Replay]) -> None:
    """Of a plan that pays everybody in the own currency."""
    run = replays[0]
    assert run.plan.pay.currency == "payee"
    found = {(row.payee_id, row.period): row.cost_cents for row in target_incentives(run).itertuples()}
    assert found == written_incentives(run)


@pytest.mark.parametrize("name", ["thirds", "halves", "posthog_2024_11"])
def test_target_incentives_are_what_the_pay_stage_pays_at_100(replays: list[cm.Replay], name: str) -> None:
    (run,) = [run for run in replays if run.plan.name == name]
    stage = run.stage
    ones = np.ones_like(stage.results.value)
    paid = payouts(run.plan, stage.people, stage.results._replace(attainment=ones), run.periods, stage.rates)
    sums = paid.assign(cents=np.rint(paid["cost"] * 100)).groupby(["payee_id", "period"])["cents"].sum()
    target = target_incentives(run).set_index(["payee_id", "period"])["cost_cents"]
    pd.testing.assert_series_equal(sums.sort_index(), target.sort_index(), check_dtype=False, check_names=False)


def test_who_has_only_a_rate_has_no_target_incentive_in_the_plan(replays: list[cm.Replay]) -> None:
    found = target_incentives(replays[2])
    roles = replays[2].stage.people["role"]
    assert set(roles) == {"csm", "lead"}
    assert set(found.loc[roles == "lead", "cost_cents"]) == {0}
    assert (found.loc[roles == "csm", "cost_cents"] > 0).all()


def by_hand(run: cm.Replay, by: str) -> dict[str, int]:
    segments = run.history.payees.set_index("payee_id")["segment"].to_dict()
    sums: dict[str, int] = defaultdict(int)
    for row in run.payouts.itertuples():
        sums[segments[row.payee_id] if by == "segment" else getattr(row, by)] += cents(row.cost)
    return dict(sums)


@pytest.mark.parametrize("by", ["period", "team", "segment"])
def test_cost_is_the_sum_of_the_payouts(shown: cm.Comparison, aliased: cm.Comparison, by: str) -> None:
    """In the sample nobody changes team or segment, and no team is small: aliases hide nothing of the cost."""
    for comparison in (shown, aliased):
        table = cost_by(comparison, by).table  # type: ignore[arg-type]
        base = by_hand(comparison.replays[0], by)
        for run in comparison.replays:
            mine = table[table["plan"] == run.plan.name]
            assert {getattr(row, by): cents(row.cost) for row in mine.itertuples()} == by_hand(run, by)
            assert {getattr(row, by): cents(row.baseline_cost) for row in mine.itertuples()} == base
            assert all(cents(row.change) == cents(row.cost) - cents(row.baseline_cost) for row in mine.itertuples())


def test_cost_at_target_adds_up_whatever_it_is_split_by(shown: cm.Comparison) -> None:
    for run in shown.replays:
        whole = int(target_incentives(run)["cost_cents"].sum())
        for by in ("period", "team", "segment"):
            table = cost_by(shown, by).table  # type: ignore[arg-type]
            assert sum(map(cents, table[table["plan"] == run.plan.name]["at_target"])) == whole


def test_people_are_counted_once_each(shown: cm.Comparison) -> None:
    table = cost_by(shown, "team").table
    for run in shown.replays:
        n = run.payouts.groupby("team")["payee_id"].nunique()
        mine = table[table["plan"] == run.plan.name].set_index("team")["n_people"]
        assert mine.to_dict() == n.to_dict()


def moved(run: cm.Replay, teams: dict[str, str], last_only: str = "") -> cm.Replay:
    """The run with people in other teams, all the time or in one period only."""
    people = run.stage.people
    here = people["payee_id"].isin(teams) & (people["period"].eq(last_only) if last_only else True)
    people = people.assign(team=people["team"].mask(here, people["payee_id"].map(teams)))
    team = people.set_index(["payee_id", "period"])["team"]
    of = team.reindex(pd.MultiIndex.from_frame(run.payouts[["payee_id", "period"]])).to_numpy()
    return dataclasses.replace(run, stage=run.stage._replace(people=people), payouts=run.payouts.assign(team=of))


def test_named_people_count_where_they_were_and_aliased_ones_where_they_were_last(replays: list[cm.Replay]) -> None:
    run = replays[1]
    payee = run.payouts.loc[run.payouts["period"] == "2025Q4", "payee_id"].iloc[0]
    others = [name for name in run.payouts["team"].unique() if name != run.payouts["team"].iloc[0]]
    changed = moved(run, {payee: others[0]}, "2025Q4")
    for names, spread in (("shown", True), ("aliases", False)):
        table = cost_by(cm.compare([changed], names=names), "team").table  # type: ignore[arg-type]
        found = {row.team: cents(row.cost) for row in table.itertuples()}
        assert (found == by_hand(changed, "team")) == spread
        assert sum(found.values()) == sum(by_hand(run, "team").values())


def test_small_teams_are_put_together_until_they_tell_nobody(replays: list[cm.Replay]) -> None:
    run = moved(replays[1], {"P11": "Solo", "P12": "Duo", "P13": "Duo"})
    answer = cost_by(cm.compare([run]), "team")
    table = answer.table.set_index("team")
    assert {"Solo", "Duo"} & set(table.index) == set()
    assert (table["n_people"] >= 5).all()
    assert table["at_target"].notna().all()
    assert "Solo" not in answer.sentence
    assert {"Solo", "Duo"} <= set(cost_by(cm.compare([run], names="shown"), "team").table["team"])


def test_aliases_tell_no_target(replays: list[cm.Replay], aliased: cm.Comparison) -> None:
    """By period a joiner's would show; against a plan that pays one person less, that person's."""
    assert cost_by(aliased, "period").table["at_target"].isna().all()
    table = cost_by(aliased, "team").table  # one lead a team has no target incentive in the rate plan
    assert table.groupby("plan")["at_target"].agg(lambda of: of.notna().all()).to_dict() == {
        "thirds": True,
        "halves": True,
        "posthog_2024_11": True,
        "rate_on_arr": False,
    }
    few = replays[1].payouts["payee_id"].unique()[:3]
    run = replays[1]
    small = dataclasses.replace(
        run,
        payouts=run.payouts[run.payouts["payee_id"].isin(few)],
        stage=run.stage._replace(people=run.stage.people[run.stage.people["payee_id"].isin(few)]),
    )
    answer = cost_by(cm.compare([small]), "segment")
    assert answer.table["at_target"].isna().all()
    assert "everyone at 100%" not in answer.sentence
    budget = budget_headroom(cm.compare([small]), 1e6)
    assert budget.table["at_target"].isna().all()
    assert "everyone at 100%" not in budget.sentence


def test_aliases_hide_every_name_and_id(sample: cm.History, aliased: cm.Comparison) -> None:
    answers = [cost_by(aliased, by) for by in ("period", "team", "segment")]  # type: ignore[arg-type]
    answers += [cost_of_sales(aliased), budget_headroom(aliased, 1e6)]
    written = "".join(answer.sentence + answer.table.to_csv() for answer in answers)
    secrets = [*sample.payees["name"].dropna().unique(), *sample.payees["payee_id"].unique()]
    assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", written)] == []


def test_the_sentence_says_the_figures(shown: cm.Comparison) -> None:
    answer = cost_by(shown, "segment")
    table = answer.table
    sums = table.groupby("plan")[["cost", "at_target", "change"]].sum()
    mine = table[table["plan"] == "halves"].set_index("segment")["change"]
    most = mine.abs().idxmax()
    money, share = cm.style.short_money, cm.style.percent
    halves = sums.loc["halves"]
    assert (
        f"Halves costs {money(halves['cost'])}, {share(halves['cost'] / halves['at_target'])} of the "
        f"{money(halves['at_target'])} with everyone at 100%; {money(-halves['change'])} less"
    ) in answer.sentence
    assert f"the largest change is in {most} ({cm.style.signed_money(mine[most])})" in answer.sentence


def test_an_unknown_split_names_the_nearest(shown: cm.Comparison) -> None:
    with pytest.raises(cm.CompModelError, match="Did you mean 'team'"):
        cost_by(shown, "teams")  # type: ignore[arg-type]


def test_the_arr_of_books_is_that_of_the_ledger_row_by_row(shown: cm.Comparison) -> None:
    table = cost_of_sales(shown).table
    for run in shown.replays[:2]:
        for period in ("2024Q1", "2025Q3"):
            sums: dict[str, int] = defaultdict(int)
            for row in run.books.itertuples():
                if row.period == period and row.kind == "book" and row.payee_id != "(unassigned)":
                    sums["opening"] += row.opening_cents
            for row in run.credits.itertuples():
                if row.period == period and row.kind == "book" and row.payee_id != "(unassigned)":
                    sums[row.event_type] += row.credited_cents
            (mine,) = table[(table["plan"] == run.plan.name) & (table["period"] == period)].to_dict("records")
            assert cents(mine["opening_arr"]) == sums["opening"]
            assert cents(mine["retained_arr"]) == sums["opening"] + sums["churn"] + sums["contraction"]
            assert cents(mine["expansion_arr"]) == sums["expansion"]
            assert cents(mine["new_arr"]) == sums["new"] + sums["reactivation"]
            whole = sum(sums[name] for name in sums)
            assert cents(mine["arr"]) == whole
            assert mine["cost_of_sales"] == pytest.approx(4 * by_hand(run, "period")[period] / whole, rel=1e-12)


def test_the_books_of_a_plan_that_measures_otherwise_are_found(sample: cm.History) -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    yearly = plan.replace({"components.nrr.baseline": "year_start"})
    tables = [
        cost_of_sales(cm.compare(cm.replay([one], sample, "2025Q1:2025Q2"))).table.drop(
            columns=["cost", "cost_of_sales"]
        )
        for one in (plan, yearly)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_a_budget_for_all_and_by_period(shown: cm.Comparison, aliased: cm.Comparison) -> None:
    cost, target = by_hand(shown.replays[1], "period"), int(target_incentives(shown.replays[1])["cost_cents"].sum())
    table = budget_headroom(shown, 1_700_000.55).table
    (mine,) = table[table["plan"] == "halves"].to_dict("records")
    assert mine["period"] == "in all"
    assert cents(mine["headroom"]) == 170_000_055 - sum(cost.values())
    assert cents(mine["headroom_at_target"]) == 170_000_055 - target
    budget = {name: 200_000 + i * 1000.25 for i, name in enumerate(cost)}
    answer = budget_headroom(aliased, budget)
    rows = answer.table[answer.table["plan"] == "halves"].set_index("period")
    assert {name: cents(rows["headroom"][name]) for name in budget} == {
        name: cents(amount) - cost[name] for name, amount in budget.items()
    }
    assert rows["at_target"].notna().to_dict() == {**dict.fromkeys(budget, False), "in all": True}
    assert cents(rows["headroom"]["in all"]) == sum(map(cents, budget.values())) - sum(cost.values())
    over = [name for name, amount in budget.items() if cents(amount) < cost[name]]
    assert over
    assert f"over it in {', '.join(over[:-1])} and {over[-1]}" in answer.sentence.split("Halves")[1]


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"2024Q9": 1.0}, "names '2024Q9', which is no period here"),
        ({"2024Q1": 1.0}, "no amount for 2024Q2"),
        (float("nan"), "an amount of 0 or more"),
        (-1.0, "an amount of 0 or more"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(shown: cm.Comparison, budget: float, said: str) -> None:
    with pytest.raises(cm.CompModelError, match=said):
        budget_headroom(shown, budget)


def test_columns_are_those_documented(shown: cm.Comparison) -> None:
    documented_as(cost_by, cost_by(shown, "period"), {"period (or team, or segment)": "period"})
    documented_as(cost_of_sales, cost_of_sales(shown))
    documented_as(budget_headroom, budget_headroom(shown, 1.0))


def documented_as(question: object, answer: Answer, said: dict[str, str] | None = None) -> None:
    documented = " ".join(str(question.__doc__).split("Table: ")[1].split()).split("; ", 1)[1].split(". ")[0]
    for old, new in (said or {}).items():
        documented = documented.replace(old, new)
    columns = re.sub(r" \([^)]*\)", "", documented).rstrip(".").split(", ")
    assert list(answer.table.columns) == columns


def test_pay_by_a_rate_is_no_share_of_the_cost_at_target(shown: cm.Comparison) -> None:
    said = cost_by(shown).sentence
    rate = said.split("Rate on ARR managed costs ")[1].split(". ")[0]
    assert "beside what is paid by a rate or from a pool" in rate
    assert "% of the" not in rate
    assert "% of the" in said.split("Halves costs ")[1].split(". ")[0]


def test_a_small_change_is_not_said_as_none(replays: list[cm.Replay]) -> None:
    run = replays[0]
    plan = run.plan.replace({"name": "less", "title": "Less"})
    less = dataclasses.replace(run, plan=plan, payouts=run.payouts.assign(cost=run.payouts["cost"].round(2)))
    most = less.payouts["cost"].idxmax()
    less.payouts.loc[most, "cost"] -= 57
    assert "; 57 less (under 0.1%)" in cost_by(cm.compare([run, less], "thirds", "shown")).sentence


def test_beside_aliases_the_books_of_fewer_than_five_are_refused(replays: list[cm.Replay]) -> None:
    run = replays[1]
    few = dataclasses.replace(run, payouts=run.payouts[run.payouts["payee_id"].isin(["P11", "P12", "P13", "P14"])])
    with pytest.raises(cm.CompModelError, match=r"The cost of sales of 4 would tell .* Ask with names shown"):
        cost_of_sales(cm.compare([few]))
    assert len(cost_of_sales(cm.compare([few], names="shown")).table) == 8
