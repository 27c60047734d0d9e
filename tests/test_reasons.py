"""Why pay changes: parts that add up to the cent, whatever the plans; a split by hand; both directions agree."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import compmodel as cm
from compmodel import plan_mixes, reason_charts
from compmodel.components import Component
from compmodel.errors import CompModelError, PlanError
from compmodel.payout import PayRule
from compmodel.plan import Plan, example_plan, load_plan, parsed_plan
from compmodel.plan_mixes import GROUPS, differing_groups, free_steps, like_named, mixed_plan, stated_steps
from compmodel.reasons import EVERYONE, TOTAL, _sentence, change_split, pay_change_reasons, shapley_cents
from compmodel.replay import replay
from histories import SPAN, Company, companies, counted, employed, event, held, plan_dicts, sample_history

PUBLISHED = [
    ("thirds", "halves"),
    ("halves", "halves_signing"),
    ("halves", "flowfuse_nrr_only"),
    ("posthog_2025_04", "posthog_2025_10"),
    ("posthog_2026_07", "posthog_2026_10"),
]


def plan_of(nrr_target: object = 1.15, curve_top: float = 1, **more: Any) -> Plan:
    component = {
        "name": "nrr",
        "metric": "nrr",
        "level": "individual",
        "weight": 1,
        "target": nrr_target,
        "attainment": {"kind": "from_floor", "floor": 1.0},
        "curve": {"kind": "linear", "points": [[0, 0], [1, curve_top]], "beyond": "extend"},
        **more,
    }
    written = load_plan("data/plans/flowfuse_nrr_only.yaml").model_dump(mode="json", exclude_unset=True)
    return parsed_plan({**written, "name": "one", "components": [component]}, "one")


def named(plan: Plan, name: str) -> Plan:
    return plan.replace({"name": name, "title": name})


def company() -> Company:
    """Payee p with 200,000 of ARR that grows by 15,000: NRR 107.5% of a target incentive of 10,000 a quarter."""
    grown = event("a1", "a", "expansion", 15_000, "2025-02-01", signed_on="2025-02-01")
    return Company(
        arr_events=[event("a0", "a", "new", 200_000, "2024-01-01"), grown],
        assignments=[held("a", "p")],
        payees=[employed("p", name="Ada")],
        kpis=[counted(1, "2025-02-01", payee_id="p")],
    )


def compared(before: Plan, after: Plan, history: cm.History, span: str = SPAN, names: Any = "shown") -> cm.Comparison:
    return cm.compare(replay([before, after], history, span), before.name, names)


def test_two_groups_by_hand() -> None:
    """5,000 before; 7,500 with the target alone, 10,000 with the curve alone, 15,000 with both."""
    comparison = compared(plan_of(), named(plan_of(1.10, 2), "two"), company().history(), "2025Q1")
    stated, free = pay_change_reasons(comparison), pay_change_reasons(comparison, "shapley")
    for answer, changes in ((stated, [2_500.0, 7_500.0, 10_000.0]), (free, [3_750.0, 6_250.0, 10_000.0])):
        mine = answer.table[answer.table["person"] == "Ada"]
        assert mine["reason"].tolist() == ["targets", "curve", TOTAL]
        assert mine["change"].tolist() == changes
        assert mine["before"].tolist() == [5_000.0, 5_000.0 + changes[0], 5_000.0]
        assert mine["after"].tolist() == [5_000.0 + changes[0], 15_000.0, 15_000.0]
    assert stated.sentence == (
        "two costs 10k more than NRR only: most of it comes from the curve (+7.5k). "
        "Taken in this order: targets, curve."
    )
    assert pay_change_reasons(comparison, person="Ada").sentence.startswith("Ada gets 10k more under two than under")
    assert mine["differs"].iloc[0] == "The NRR goal falls from 115% to 110%."


def test_a_component_dropped_takes_the_weights_along() -> None:
    thirds, halves = load_plan("data/plans/thirds.yaml"), load_plan("data/plans/halves.yaml")
    steps = [("measures", "weights"), ("curve",), ("currency",)]
    assert stated_steps(thirds, halves) == free_steps(thirds, halves) == steps


def test_what_is_invalid_between_is_taken_together_whichever_way_it_is_seen() -> None:
    low, high = plan_of(1.15), plan_of(1.30, attainment={"kind": "from_floor", "floor": 1.20})
    assert stated_steps(low, high) == [("targets",), ("attainment rule",)]
    assert stated_steps(high, low) == [("targets", "attainment rule")]
    assert free_steps(low, high) == free_steps(high, low) == [("targets", "attainment rule")]


def test_adjustments_follow_the_components_they_look_at_by_any_name() -> None:
    gate = {"kind": "gate", "component": "nrr", "of": "attainment", "reaches": 1}
    halves = load_plan("data/plans/halves.yaml").replace({"components.kpi.adjustments": [gate]})
    written = halves.model_dump(mode="json", exclude_unset=True)
    written["components"][0]["name"] = "net"
    written["components"][1]["adjustments"][0]["component"] = "net"
    renamed = parsed_plan(written, "renamed")
    assert differing_groups(halves, like_named(halves, renamed)) == ()
    only_nrr = named(plan_of(), "two")
    assert stated_steps(halves, like_named(halves, only_nrr))[0] == ("measures", "weights")


def test_every_field_is_in_one_group_or_changes_no_pay() -> None:
    grouped = [
        [name for group in GROUPS.values() for name in getattr(group, part)] for part in ("component", "plan", "pay")
    ]
    others = (
        ["name", "metric"],
        ["name", "title", "source", "effective_on", "components", "open_decisions", "pay"],
        [],
    )
    for names, more, model in zip(grouped, others, (Component, Plan, PayRule), strict=True):
        assert sorted([*names, *more]) == sorted(model.model_fields)


def test_a_plan_against_itself_has_no_reasons() -> None:
    comparison = compared(plan_of(), named(plan_of(), "same"), company().history())
    for order in ("stated", "shapley"):
        answer = pay_change_reasons(comparison, order)
        assert set(answer.table["reason"]) == {TOTAL}
        assert not answer.table["change"].any()
        assert answer.sentence == "same costs the same as NRR only; the plans differ in names alone."


@pytest.mark.parametrize(("before", "after"), PUBLISHED)
@pytest.mark.parametrize("order", ["stated", "shapley"])
def test_published_plans_add_up(before: str, after: str, order: Any) -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in (before, after)]
    check(compared(*plans, sample_history(), "2025Q2:2025Q3"), order)


def check(comparison: cm.Comparison, order: Any) -> None:
    """Of every payee and period the parts add up to what the replays' own payouts differ by."""
    (plan,) = comparison.others
    split = change_split(comparison, plan, order)
    change: dict[tuple[str, str], int] = {}
    for sign, run in zip((-1, 1), comparison.replays, strict=True):
        for row in run.payouts.itertuples():
            change[row.payee_id, row.period] = change.get((row.payee_id, row.period), 0) + sign * round(row.cost * 100)
    assert dict(zip(split.keys, split.cents.sum(axis=1).tolist(), strict=True)) == change


@pytest.mark.parametrize("order", ["stated", "shapley"])
def test_the_table_adds_up_to_the_change_of_each_person(order: Any) -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    comparison = compared(*plans, sample_history(), "2025Q2:2025Q3")
    table = pay_change_reasons(comparison, order).table
    people = dict(cm.pay_change_by_payee(comparison).table[["person", "change"]].itertuples(index=False, name=None))
    for person, mine in table.groupby("person"):
        *parts, whole = [round(amount * 100) for amount in mine["change"]]
        assert sum(parts) == whole
        if person != EVERYONE:
            assert whole == round(people[person] * 100)
    assert set(table["person"]) == {EVERYONE, *people}


@given(companies(), plan_dicts(), plan_dicts())
@pytest.mark.slow
@settings(max_examples=3)
def test_random_plans_add_up_in_the_stated_order(company: Company, one: Any, other: Any) -> None:
    before, after = parsed_plan(one, "one"), parsed_plan({**other, "name": "other"}, "other")
    try:
        comparison = compared(before, after, company.history())
    except CompModelError:
        assume(False)
    check(comparison, "stated")


@given(
    companies(),
    plan_dicts(),
    plan_dicts(),
    st.lists(st.sampled_from(list(GROUPS)), min_size=2, max_size=3, unique=True),
)
@pytest.mark.slow
@settings(max_examples=3)
def test_random_plans_add_up_in_every_order_and_flip_signs(company: Company, one: Any, other: Any, some: Any) -> None:
    before = parsed_plan(one, "one")
    try:
        after = mixed_plan(before, like_named(before, parsed_plan(other, "other")), [*some, "measures", "weights"])
        comparison = compared(before, named(after, "other"), company.history())
    except CompModelError:
        assume(False)
    check(comparison, "shapley")
    back = cm.compare(list(comparison.replays), "other", "shown")
    forth = change_split(comparison, comparison.others[0], "shapley")
    against = change_split(back, back.others[0], "shapley")
    assert against.steps == forth.steps
    np.testing.assert_array_equal(against.cents, -forth.cents)


def test_every_order_is_averaged_as_by_walking_each() -> None:
    """Against a slow walk through all orders of four groups, each plan in between replayed by itself."""
    before, history = plan_of(), company().history()
    after = plan_of(1.07, 2, level="team")
    after = named(after.replace({"adjustments": [{"kind": "guarantee", "amount": 777.77}]}), "two")
    split = change_split(compared(before, after, history, "2025Q1"), after, "shapley")
    n = len(split.steps)
    assert n >= 4

    mixes = [frozenset(i for i in range(n) if k >> i & 1) for k in range(1 << n)]
    plans = [mixed_plan(before, after, [r for i in mix for r in split.steps[i]]) for mix in mixes]
    runs = replay(plans, history, "2025Q1")
    known = {mix: round(run.payouts["cost"].sum() * 100) for mix, run in zip(mixes, runs, strict=True)}
    walks = list(permutations(range(n)))
    sums = [0] * n
    for walk in walks:
        for at, i in enumerate(walk):
            sums[i] += known[frozenset(walk[: at + 1])] - known[frozenset(walk[:at])]
    exactly = [Fraction(of, len(walks)) for of in sums]
    (parts,) = split.cents.tolist()
    assert all(abs(part - of) < 1 for part, of in zip(parts, exactly, strict=True))
    assert sum(parts) == sum(exactly)


@given(st.lists(st.integers(-10_000, 10_000), min_size=8, max_size=8))
def test_cents_left_over_go_the_same_way_in_both_directions(paid: list[int]) -> None:
    every = [tuple(i for i in range(3) if k >> i & 1) for k in range(8)]
    forth = {mix: np.array([of]) for mix, of in zip(every, paid, strict=True)}
    back = {tuple(sorted({0, 1, 2} - {*mix})): of for mix, of in forth.items()}
    (parts,) = shapley_cents(forth, 3).tolist()
    assert sum(parts) == paid[-1] - paid[0]
    assert shapley_cents(back, 3).tolist() == [[-part for part in parts]]


def test_beside_aliases_only_the_company_is_split() -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    comparison = compared(*plans, sample_history(), "2025Q4", "aliases")
    assert set(pay_change_reasons(comparison).table["person"]) == {EVERYONE}
    with pytest.raises(CompModelError, match="would tell the target"):
        pay_change_reasons(comparison, person=comparison.labels["person"].iloc[0])
    one = compared(plan_of(), named(plan_of(1.10), "two"), company().history(), "2025Q1", "aliases")
    with pytest.raises(CompModelError, match="would tell whose they are"):
        pay_change_reasons(one)


@pytest.mark.parametrize("order", ["stated", "shapley"])
def test_beside_aliases_no_goal_of_one_person_is_told(order: Any) -> None:
    """What differs names neither a payee nor a goal of the payee's own; with names shown it does."""
    own = {"default": 1.08, "cases": [{"payee_id": "P04", "target": 1.02}, {"role": "lead", "target": 1.09}]}
    decision = {"question": "P04?", "field": "components.nrr.target.cases.0.target", "options": [1.02, 1.03]}
    both = named(plan_of(own), "two")
    open_ = both.replace({"open_decisions": [decision]})
    others = {"default": 1.08, "cases": [{"payee_id": "P04", "target": 1.03}, own["cases"][1]]}  # type: ignore[index]
    told, texts = {"shown": "102% for payee P04", "aliases": "The NRR goals of single people are others."}, []
    for before, after in ((plan_of(), open_), (both, plan_of(1.08)), (plan_of(own), named(plan_of(others), "two"))):
        for names, said in told.items():
            comparison = compared(before, after, sample_history(), "2025Q4", names)
            answer = pay_change_reasons(comparison, order)
            text = f"{answer.sentence} {' '.join(answer.table['differs'])}"
            assert said in text
            texts += [text] if names == "aliases" else []
    for text in texts:
        assert not re.search(r"P04|102%|103%|payee", text), text
    assert "goal is now 108%; but 109% for the role lead" in texts[0]
    higher = named(both.replace({"components.nrr.target.default": 1.1}), "three")
    answer = pay_change_reasons(compared(both, higher, sample_history(), "2025Q4", "aliases"), order)
    assert answer.table["differs"].str.cat() == "The NRR goal rises from 108% to 110%."


def test_what_is_asked_for_wrongly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compared(plan_of(), named(plan_of(1.10, 2), "two"), company().history(), "2025Q1")
    with pytest.raises(CompModelError, match="Did you mean 'shapley'"):
        pay_change_reasons(comparison, "shaply")  # type: ignore[arg-type]
    with pytest.raises(CompModelError, match=r"'Adda' is not paid in these periods. Did you mean 'Ada'"):
        pay_change_reasons(comparison, person="Adda")
    monkeypatch.setattr(plan_mixes, "MOST_GROUPS", 1)
    with pytest.raises(CompModelError, match=r'differ in 2 ways .* order="stated"'):
        pay_change_reasons(comparison, "shapley")


def test_a_mix_keeps_the_plan_it_begins_with() -> None:
    before = example_plan()
    after = before.replace({"components.nrr.target": 1.10, "credit_on.churn": "notice_on"})
    assert mixed_plan(before, after, []) == before
    assert mixed_plan(before, after, GROUPS) == after
    with pytest.raises(PlanError):
        mixed_plan(*(load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")), ["measures"])


def test_the_waterfall_leads_from_the_baseline_to_the_plan() -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    comparison = compared(*plans, sample_history(), "2025Q4")
    answer = pay_change_reasons(comparison)
    figure = reason_charts.pay_change_reasons(comparison, answer)
    mine = answer.table[answer.table["person"] == EVERYONE]
    ends = {trace.name: trace.x[0] for trace in figure.data if trace.type == "scatter" and trace.name}
    before = mine["before"].iloc[0]
    assert ends == {"Thirds": 0, "Halves": round(mine["after"].iloc[-1] - before, 2)}
    low, high = figure.layout.xaxis.range
    assert low < 0 < high, "an axis without its 0 cuts bars off"
    bars = {y: (base, x) for t in figure.data if t.type == "bar" for y, base, x in zip(t.y, t.base, t.x, strict=True)}
    parts = mine[mine["reason"] != TOTAL]
    assert bars == {row.reason: (round(row.before - before, 2), row.change) for row in parts.itertuples() if row.change}
    labels = figure.layout.yaxis.ticktext
    for label, pay in ((labels[0], before), (labels[-1], mine["after"].iloc[-1])):
        assert cm.style.short_money(pay) in label
    alone = cm.compare(comparison.replays[:1], "thirds", "shown")
    assert pay_change_reasons(alone).sentence == "Thirds is the only plan; a second one makes a comparison."
    assert pay_change_reasons(alone).table.empty
    (mark,) = [trace for trace in reason_charts.pay_change_reasons(alone).data if trace.name]
    assert list(mark.x) == [0]


def test_what_is_less_than_a_unit_is_said_to_the_cent_or_not_at_all() -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    comparison = compared(*plans, sample_history(), "2025Q4")

    def said(*parts: float) -> str:
        names = ["measures", "curves", "currency"][: len(parts)]
        mine = pd.DataFrame({"person": EVERYONE, "reason": [*names, TOTAL], "change": [*parts, round(sum(parts), 2)]})
        return _sentence(comparison, comparison.others[0], mine)

    title = f"{plans[1].title} costs "
    assert said(1200, -0.3) == f"{title}1.2k more than {plans[0].title}: most of it comes from the measures (+1.2k)."
    assert "; 300 comes back through the curves." in said(1200, -300)
    assert said(0.3) == f"{title}0.30 more than {plans[0].title}: all of it comes from the measures (+0.30)."
    assert ": 0.20 more through the measures, 0.20 less through the curves." in said(0.2, -0.2)


def test_reasons_that_are_said_add_up_to_the_change() -> None:
    """Of large parts against each other "most of it" would name a part far above the whole, and hide another."""
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    comparison = compared(*plans, sample_history(), "2025Q4")

    def said(*parts: float) -> str:
        mine = pd.DataFrame(
            {"person": EVERYONE, "reason": [*"abcd"[: len(parts)], TOTAL], "change": [*parts, sum(parts)]}
        )
        return _sentence(comparison, comparison.others[0], mine).partition(": ")[2]

    assert (
        said(102_000, -126_000, 25_000, -3)
        == "-126k through the b, +102k through the a and +25k through the c, the rest is small."
    )
    assert said(102_000, -126_000, 25_000, -0.06).endswith("+25k through the c.")
    assert said(-73_000, 6_100) == "most of it comes from the a (-73k); 6.1k comes back through the b."
