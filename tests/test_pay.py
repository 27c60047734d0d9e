"""What is earned and settled: random plans of every mechanic beside the slow reference, identities, pay by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import compmodel as cm
import pay_reference
from compmodel.balances import whole_parts
from compmodel.cases import Case, case_payouts
from compmodel.errors import CaseError, PlanError
from compmodel.plan import load_plan, parsed_plan, save_plan
from compmodel.replay import rates_paid
from histories import CREDIT_RULES, CURVES, Row
from reference import factor

LINE = {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "extend"}
PERIODS = ["2025Q1", "2025Q2", "2025Q3", "2025Q4"]
LONGER = [*PERIODS, "2026Q1", "2026Q2"]
LEFT_ON = st.sampled_from([None, None, "2025-06-10", "2025-12-31", "2026-01-01", "2026-06-30"])


def plan_of(components: list[Row], adjustments: list[Row] = [], **pay: Any) -> Row:  # noqa: B006
    return {
        "name": "drawn",
        "title": "Drawn",
        "source": "drawn by a test",
        "effective_on": "2025-01-01",
        "pay": {"currency": "USD", "period": "quarter", "rounding": "half_up", **pay},
        "credit_on": CREDIT_RULES[0],
        "components": components,
        "adjustments": adjustments,
        "weights_total": float(sum(c.get("weight", 0) for c in components)) or 1.0,
    }


def part(name: str = "nrr", weight: float | None = 1.0, **more: Any) -> Row:
    weighed = {} if weight is None else {"weight": weight}
    measured = {"metric": "kpi.x", "level": "individual", "target": 1, "attainment": {"kind": "ratio"}, "curve": LINE}
    return {"name": name, **weighed, **measured, **more}


def case_of(plan: Row, entries: list[Row], stage: str = "attainments") -> Case:
    expect = {"payouts": [{"payee_id": "p", "period": "2025Q1", "payout": 0}]}
    return Case.model_validate({"case": "drawn", "source": "a test", "plan": plan, stage: entries, "expect": expect})


def paid(plan: Row, entries: list[Row], stage: str = "attainments") -> pd.DataFrame:
    return case_payouts(case_of(plan, entries, stage), parsed_plan(plan, "drawn"))


def by_row(frame: pd.DataFrame) -> dict[tuple[str, str, str], Decimal]:
    keys = zip(frame["payee_id"], frame["period"], frame["component"], strict=True)
    return {key: Decimal(str(round(of, 2))) for key, of in zip(keys, frame["payout"], strict=True)}


def totals(frame: pd.DataFrame, payee: str = "p") -> list[float]:
    mine = frame[frame["payee_id"] == payee].assign(cents=(frame["payout"] * 100).round())
    return (mine.groupby("period")["cents"].sum() / 100).tolist()


# ---- random plans ------------------------------------------------------------------------------------------------

EDGES = sorted({str(at) for curve in CURVES for at, _ in curve.get("points") or curve["bands"]})
NUMBERS = st.sampled_from(EDGES).map(float) | st.integers(0, 2000).map(lambda n: n / 1000)
CONDITIONS = st.builds(
    lambda of, side, at: {"of": of, side: at},
    st.sampled_from(["attainment", "factor"]),
    st.sampled_from(["reaches", "reaches", "below"]),
    st.sampled_from([0.5, 0.9, 1.0, 1.15]),
)
LIMITS = st.sampled_from(
    [{"factor": 1.5}, {"factor": 0.25}, {"amount": 3333.33}, {"amount": 100}, {"amount": 3333.33, "prorated": True}]
)


@st.composite
def component_adjustments(draw: st.DrawFn, names: list[str], own: str) -> Row:
    kind = draw(st.sampled_from(["gate", "kicker", "cap", "floor"]))
    if kind in ("cap", "floor"):
        return {"kind": kind, **draw(LIMITS)}
    condition = draw(CONDITIONS)
    component = draw(st.sampled_from([*names, None]))
    condition["component"] = component
    if component in (None, own):
        condition["of"] = "attainment"
    extra = (
        {"otherwise": draw(st.sampled_from([0, 0.5]))} if kind == "gate" else {"times": draw(st.sampled_from([1.1, 2]))}
    )
    return {"kind": kind, **condition, **extra}


BUDGETS = [{"kind": "budget", "component": "one", "amount": of} for of in (2500.03, 1500)]
SETTLED = st.one_of(
    st.builds(lambda limit, kind: {"kind": kind, **limit}, LIMITS, st.sampled_from(["cap", "floor"])),
    st.sampled_from([
        {"kind": "guarantee", "share": 0.8}, {"kind": "guarantee", "amount": 2500.50},
        {"kind": "guarantee", "amount": 2500.50, "prorated": True},
        {"kind": "guarantee", "share": 0.8, "months": 4}, {"kind": "guarantee", "amount": 2500.50, "months": 2},
    ]),
    st.builds(
        lambda amount, recoverable, periods, prorated: {
            "kind": "draw", "amount": amount, "recoverable": recoverable, "periods": periods, "prorated": prorated,
        },
        st.sampled_from([1500, 2999.99]), st.booleans(), st.sampled_from([None, 1, 2]), st.booleans(),
    ),
    st.sampled_from([{"kind": "draw", "amount": 1000, "recoverable": True, "how": "on_top", "periods": 1}]),
    st.builds(
        lambda share, after, condition, leaving: {
            "kind": "holdback", "share": share, "released_after": after, "on_leaving": leaving, **condition,
        },
        st.sampled_from([0.2, 0.333]), st.sampled_from([1, 2, "year"]),
        st.sampled_from([{}, {"condition": {"of": "attainment", "reaches": 0.9}}]), st.sampled_from(["pay", "forfeit"]),
    ),
    st.builds(
        lambda leaving: {"kind": "minimum", "amount": 1000, "on_leaving": leaving}, st.sampled_from(["pay", "forfeit"])
    ),
    st.sampled_from([{"kind": "budget", "amount": 4000.01}, *BUDGETS]),
)  # fmt: skip


def in_order(rules: list[Row]) -> list[Row]:
    """Budgets of one component first, as a plan must write them."""
    return sorted(rules, key=lambda rule: not (rule["kind"] == "budget" and "component" in rule))


@st.composite
def pay_plans(draw: st.DrawFn, with_money: bool = True) -> Row:
    names = ["one", "two", "three"][: draw(st.integers(1, 3))]
    looked_at = [*names, OTHER]  # a component of another role, where there is one
    has_roles = draw(st.booleans())
    weights = draw(st.sampled_from({1: [[1.0]], 2: [[0.5, 0.5], [0.3, 0.7]], 3: [[0.25, 0.25, 0.5]]}[len(names)]))
    components = []
    for name, weight in zip(names, weights, strict=True):
        basis = draw(st.sampled_from([None, None, None, {"kind": "rate", "rate": 1250.05}, *POOLS]))
        more = {"basis": basis} if basis else {}
        more |= {"roles": ["csm"]} if has_roles else {}
        more["adjustments"] = draw(st.lists(component_adjustments(looked_at if has_roles else names, name), max_size=2))
        more["curve"] = draw(st.sampled_from(CURVES))
        more["attainment"] = draw(
            st.sampled_from(
                [{"kind": "ratio"}, {"kind": "ratio", "rounded_to": 0.01}, {"kind": "from_floor", "floor": 0.5}]
            )
        )
        if more["attainment"]["kind"] == "ratio":
            more["target"] = draw(
                st.sampled_from([1, 1, {"default": 1, "ramp": [0.25, 0.5]}, {"default": 1, "ramp": [0.3]}])
            )
        components.append(part(name, None if basis else weight, **more))
    total = sum(component.get("weight", 0) for component in components)
    if has_roles:
        components.append(part(OTHER, total or 1.0, roles=["ae"]))
    of_plan = draw(st.lists(CONDITIONS.map(lambda c: {"kind": "gate", **c, "of": "attainment"}), max_size=1))
    settled = in_order(draw(st.lists(SETTLED, max_size=3))) if with_money else []
    plan = plan_of(components, [*of_plan, *settled], **draw(ROUNDINGS), on_last_day=draw(st.booleans()))
    return plan | {"weights_total": total or 1.0}


OTHER = "other"
RAMPS = st.sampled_from([1, 1, {"default": 1, "ramp": [0.25, 0.5]}, {"default": 1, "ramp": [0.3]}])
POOLS = [{"kind": "pool", "amount": 5000.03, "shared": by} for by in ("equally", "value", "target_incentive")]
ROUNDINGS = st.fixed_dictionaries(
    {
        "rounding": st.sampled_from(["half_up", "half_even"]),
        "rounded_to": st.sampled_from([0.01, 0.01, 0.05, 1, 25]),
        "rounded_at": st.sampled_from(["total", "component"]),
    }
)


@st.composite
def entries_of(draw: st.DrawFn, plan: Row, stage: str) -> list[Row]:
    found = []
    for payee in ("p", "q"):
        there = sorted(draw(st.sets(st.sampled_from(LONGER), min_size=1, max_size=4)))
        hired, role = draw(st.sampled_from([None, "2024-11-20", "2025-01-16"])), draw(st.sampled_from(["csm", "ae"]))
        for period in there:
            person = {"target_incentive": draw(st.sampled_from([10000, 7777.77, 0.01])), "proration": draw(PRORATIONS)}
            person |= {"hired_on": hired, "left_on": draw(LEFT_ON)}
            person |= {"role": role, "on_last_day": draw(st.sampled_from([True, True, False]))}
            for component in plan["components"]:
                given = draw(st.none() | NUMBERS) if draw(st.integers(0, 9)) == 0 else draw(NUMBERS)
                row = {"payee_id": payee, "period": period, "component": component["name"], stage: given}
                if stage == "value" and draw(st.integers(0, 9)) == 0:
                    row["target"] = 0
                found.append({**row, **person})
    return found


PRORATIONS = st.sampled_from([1, 0.5, 0.25])


@given(data=st.data())
@settings(deadline=None)
def test_random_plans_pay_what_the_reference_pays(data: st.DataObject) -> None:
    """Every curve, adjustment and rounding; attainments on edges and thresholds; components and adjustments each."""
    plan, stage = data.draw(pay_plans()), data.draw(st.sampled_from(["attainment", "value"]))
    entries = data.draw(entries_of(plan, stage))
    assert_paid_as_by_hand(plan, entries, stage)


def assert_paid_as_by_hand(plan: Row, entries: list[Row], stage: str) -> None:
    """Payouts and balances, to the cent; a row for each component and whatever else is paid or leaves a balance."""
    found = paid(plan, entries, {"attainment": "attainments", "value": "measurements"}[stage])
    in_components = {component["name"] for component in plan["components"]}
    expected = {
        (*key, name): (pay_reference.in_currency(cents), pay_reference.in_currency(balance or 0))
        for key, parts in pay_reference.paid(plan, entries, stage).items()
        for name, (cents, balance) in parts.items()
        if cents or balance or name in in_components
    }
    balances = by_row(found.assign(payout=found["balance"].fillna(0)))
    assert {key: (of, balances[key]) for key, of in by_row(found).items()} == expected


@st.composite
def year_to_date_plans(draw: st.DrawFn) -> Row:
    """One component on the year so far, of the whole year's target or of that so far, and one on the quarter."""
    way = draw(st.sampled_from(["full_year", "elapsed"]))
    target = {"default": 4, "yearly": "adding"} if way == "elapsed" else 4
    basis = draw(st.sampled_from([{}, {}, {"basis": {"kind": "rate", "rate": 1250.05}}]))
    weight = None if basis else 0.5
    curve = draw(st.sampled_from(CURVES))
    so_far = {"metric": "expansion_arr", "baseline": "year_start", "to_date": way, "target": target, **basis}
    conditions = draw(st.lists(component_adjustments(["year"], "year"), max_size=2))
    so_far["adjustments"] = [rule for rule in conditions if rule["kind"] != "floor" and rule.get("amount") is None]
    components = [part("year", weight, curve=curve, **so_far), part("now", 0.5)]
    if draw(st.booleans()):  # a role of its own
        components[0]["roles"], components[1]["roles"] = ["csm"], ["csm", "ae"]
        components += [] if basis else [part("other", 0.5, roles=["ae"])]
    return plan_of(components, **draw(ROUNDINGS)) | {"weights_total": 0.5 if basis else 1.0}


@given(data=st.data())
@settings(deadline=None)
def test_the_year_to_date_is_what_the_reference_pays(data: st.DataObject) -> None:
    plan = data.draw(year_to_date_plans())
    assert_paid_as_by_hand(plan, data.draw(entries_of(plan, "value")), "value")


@given(data=st.data())
@settings(max_examples=50)
def test_pay_that_is_not_rounded_is_what_the_reference_pays(data: st.DataObject) -> None:
    plan = data.draw(pay_plans(with_money=False)) | {"pay": plan_of([])["pay"] | {"rounding": "none"}}
    entries = data.draw(entries_of(plan, "value"))
    found = paid(plan, entries, "measurements")
    keys = zip(found["payee_id"], found["period"], found["component"], strict=True)
    ours = dict(zip(keys, found["payout"], strict=True))
    theirs = pay_reference.paid(plan, entries, "value")
    expected = {(*key, name): float(cents / 100) for key, parts in theirs.items() for name, (cents, _) in parts.items()}
    assert ours == pytest.approx(expected, rel=1e-12, abs=1e-12)
    whole = {key: sum(cents for cents, _ in parts.values()) for key, parts in theirs.items()}
    cost = (found.assign(cents=(found["cost"] * 100).round()).groupby(["payee_id", "period"])["cents"].sum()).to_dict()
    assert cost == {key: pay_reference.cents_of(of) for key, of in whole.items()}


@given(data=st.data())
@settings(deadline=None)
def test_random_settlements_are_what_the_reference_settles(data: st.DataObject) -> None:
    """One plain component and up to three rules over six quarters of two people, so that every rule bites."""
    rules, paying = in_order(data.draw(st.lists(SETTLED, min_size=1, max_size=3))), part("one")
    is_rate = data.draw(st.booleans())
    if is_rate:
        paying = part("one", None, metric="expansion_arr", basis={"kind": "rate", "rate": 3333.35})
        rules = [{"kind": "clawback", "component": "one", "how": "at_rate_paid"}, *rules]
    plan = plan_of([paying], rules) | {"weights_total": 1.0}
    attained = st.integers(0, 60).map(lambda n: n / 40)
    hired = data.draw(st.sampled_from([None, "2024-11-20", "2025-01-16"]))
    entries = [
        {"payee_id": payee, "period": period, "component": "one", "attainment": data.draw(attained)}
        | {"target_incentive": 3333.35, "proration": 1, "left_on": data.draw(LEFT_ON), "hired_on": hired}
        | ({"recovered": data.draw(st.sampled_from([0, 0, 100.5, 3000.01]))} if is_rate else {})
        for payee in ("p", "q")
        for period in data.draw(st.sampled_from([LONGER, LONGER, LONGER[:3] + LONGER[4:], LONGER[1::2]]))
    ]
    assert_paid_as_by_hand(plan, entries, "attainment")


# ---- identities --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", [c for c in CURVES if factor(Fraction(1), c) == 1], ids=lambda curve: curve["kind"])
def test_on_target_pays_the_target_incentive(curve: Row) -> None:
    found = paid(
        plan_of([part(weight=0.5, curve=curve), part("b", 0.5)]), [entry("2025Q1", 1), entry("2025Q1", 1, "b")]
    )
    assert totals(found) == [10000.0]


def entry(period: str, attainment: float | None, component: str = "nrr", **more: Any) -> Row:
    row = {"payee_id": "p", "period": period, "component": component, "attainment": attainment}
    return {**row, "target_incentive": 10000, **more}


@settings(max_examples=40)
@given(data=st.data())
def test_rows_may_stand_in_any_order(data: st.DataObject) -> None:
    plan = data.draw(pay_plans())
    entries = data.draw(entries_of(plan, "attainment"))
    shuffled = data.draw(st.permutations(entries))
    assert by_row(paid(plan, entries)) == by_row(paid(plan, shuffled))


@settings(max_examples=40)
@given(plan=pay_plans())
def test_a_plan_saved_and_loaded_is_the_same_plan(plan: Row, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("plans") / "drawn.yaml"
    written = parsed_plan(plan, "drawn")
    save_plan(written, path)
    assert load_plan(path) == written


@settings(max_examples=40)
@given(attained=st.lists(NUMBERS, min_size=4, max_size=4), share=st.sampled_from([0.2, 0.333, 0.5]))
def test_a_holdback_released_is_pay_without_it(attained: list[float], share: float) -> None:
    entries = [entry(period, at) for period, at in zip(PERIODS, attained, strict=True)]
    held = paid(plan_of([part()], [{"kind": "holdback", "share": share, "released_after": "year"}]), entries)
    assert sum(totals(held)) == pytest.approx(sum(totals(paid(plan_of([part()]), entries))), abs=1e-9)


@settings(max_examples=40)
@given(attained=st.lists(NUMBERS, min_size=3, max_size=3), draw=st.sampled_from([500, 2000.01, 9999]))
def test_draws_and_what_is_recovered_are_the_earnings_once_all_is_recovered(attained: list[float], draw: float) -> None:
    """A last quarter of 5 times the target incentive repays whatever is owed."""
    entries = [entry(period, at) for period, at in zip(PERIODS, [*attained, 5], strict=True)]
    drawn = paid(plan_of([part()], [{"kind": "draw", "amount": draw, "recoverable": True}]), entries)
    assert sum(totals(drawn)) == pytest.approx(sum(totals(paid(plan_of([part()]), entries))), abs=1e-9)


def test_inputs_are_as_they_were() -> None:
    plan = plan_of([part()], [{"kind": "draw", "amount": 10, "recoverable": True}])
    case, parsed = case_of(plan, [entry("2025Q1", 0.5)]), parsed_plan(plan, "drawn")
    before = (case.model_dump_json(), parsed.model_dump_json())
    case_payouts(case, parsed)
    assert (case.model_dump_json(), parsed.model_dump_json()) == before


# ---- binary floats round these wrongly -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("incentive", "attainment", "pays"),
    [
        (1.15, 0.9, 1.04),  # 1.035, a float just below
        (2.675, 1, 2.68),  # the classic: the float is 2.67499...
        (1000.15, 0.3, 300.05),  # 300.045
        (28.5, 0.01, 0.29),  # 0.285
        (10000, 0.3333335, 3333.34),  # 3333.335
    ],
)
def test_half_cents_are_settled_exactly(incentive: float, attainment: float, pays: float) -> None:
    found = paid(plan_of([part()]), [entry("2025Q1", attainment, target_incentive=incentive)])
    assert totals(found) == [pays]


def test_an_edge_that_floats_miss_is_reached() -> None:
    """(1.15 - 1) / (1.25 - 1) is six tenths, and 0.5999999999999996 in floats."""
    assert (1.15 - 1) / (1.25 - 1) < 0.6, "no trap for floats"
    steps = {"kind": "table", "bands": [[0, 0], [0.6, 1]], "edge": "lower", "beyond": "hold"}
    plan = plan_of([part(attainment={"kind": "from_floor", "floor": 1.0}, target=1.25, metric="kpi.y", curve=steps)])
    for value, pays in ((1.15, 10000.0), (1.1499, 0.0)):
        row = {"payee_id": "p", "period": "2025Q1", "value": value, "target_incentive": 10000}
        assert totals(paid(plan, [row], "measurements")) == [pays]


def test_thresholds_that_floats_miss_are_reached() -> None:
    """Of six tenths, of a release of what was held, and of three amounts of 10,000,000.10."""
    component = part(attainment={"kind": "from_floor", "floor": 1.0}, target=1.25, metric="kpi.y")
    row = {"payee_id": "p", "period": "2025Q1", "value": 1.15, "target_incentive": 10000}
    gate = {"kind": "gate", "of": "attainment", "reaches": 0.6}
    assert totals(paid(plan_of([{**component, "adjustments": [gate]}]), [row], "measurements")) == [6000]
    held = {"kind": "holdback", "share": 0.2, "released_after": 1, "condition": {"of": "attainment", "reaches": 0.6}}
    rows = [row, {**row, "period": "2025Q2"}]
    assert totals(paid(plan_of([component], [held]), rows, "measurements")) == [4800, 6000]
    gate = {"kind": "gate", "of": "value", "reaches": 30_000_000.3}
    arr = part(weight=None, metric="expansion_arr", basis={"kind": "rate", "rate": 0.01}, adjustments=[gate])
    rows = [{"payee_id": "p", "period": "2025Q1", "amount": 10_000_000.10}] * 3
    assert totals(paid(plan_of([arr]), rows, "credited")) == [300000.0]


# ---- hand-worked -----------------------------------------------------------------------------------------------


class TestSettled:
    """Each way of settling, by hand; a target incentive of 10,000 a quarter."""

    def quarters(self, rule: Row, *attained: float, **person: Any) -> list[float]:
        rows = [entry(period, at, **person) for period, at in zip(PERIODS, attained, strict=False)]
        return totals(paid(plan_of([part()], [rule]), rows))

    def test_a_recoverable_draw_and_one_that_is_not(self) -> None:
        draw = {"kind": "draw", "amount": 1500}
        assert self.quarters({**draw, "recoverable": True}, 0.05, 0.3) == [1500, 2000]
        assert self.quarters({**draw, "recoverable": False}, 0.05, 0.3) == [1500, 3000]

    def test_a_draw_on_top(self) -> None:
        rule = {"kind": "draw", "amount": 1000, "recoverable": True, "how": "on_top", "periods": 1}
        assert self.quarters(rule, 0.1, 0.3) == [2000, 2000]

    def test_a_holdback_of_a_fifth_released_two_quarters_later(self) -> None:
        rule = {"kind": "holdback", "share": 0.2, "released_after": 2}
        assert self.quarters(rule, 1, 1, 0.5, 0) == [8000, 8000, 4000 + 2000, 0 + 2000]

    def test_a_holdback_is_forfeited_where_its_condition_fails(self) -> None:
        rule = {"kind": "holdback", "share": 0.2, "released_after": 1}
        rule["condition"] = {"component": "nrr", "of": "attainment", "reaches": 0.9}
        assert self.quarters(rule, 1, 0.5, 1, 1) == [8000, 4000, 8000 + 1000, 8000 + 2000]

    def test_new_people_are_guaranteed_the_higher(self) -> None:
        """PostHog: hired on 17 January, month 1 from the 15th is February; three months at 100%."""
        plan = plan_of([part()], [{"kind": "guarantee", "share": 1.0, "months": 3}], proration="months", month_day=14)
        hired = {"hired_on": "2025-01-17", "target_incentive": 30000}
        rows = [
            entry("2025Q1", 0.5, proration=2 / 3, **hired),
            entry("2025Q2", 1.0, **hired),
            entry("2025Q3", 0.5, **hired),
        ]
        assert totals(paid(plan, rows)) == [20000, 30000, 15000]
        better = [entry("2025Q1", 1.5, proration=2 / 3, **hired)]
        assert totals(paid(plan, better)) == [30000]

    def test_a_budget_shrinks_everybody_alike(self) -> None:
        plan = plan_of([part()], [{"kind": "budget", "amount": 9000}])
        rows = [entry("2025Q1", 1.0), {**entry("2025Q1", 0.5), "payee_id": "q"}]
        found = paid(plan, rows)
        assert (totals(found, "p"), totals(found, "q")) == ([6000], [3000])

    def test_small_amounts_wait(self) -> None:
        assert self.quarters({"kind": "minimum", "amount": 1000}, 0.05, 0.06, 0.05, 0) == [0, 1100, 0, 0]

    def test_who_left_before_the_last_day_is_not_paid(self) -> None:
        plan = plan_of([part()], on_last_day=True)
        found = paid(plan, [entry("2025Q1", 1, on_last_day=False, proration=0.5), entry("2025Q2", 1)])
        assert totals(found) == [0, 10000]
        assert found["note"].iloc[0] == "not on the plan on the period's last day, so nothing is paid"

    def test_the_order_of_the_rules_counts(self) -> None:
        """A guarantee compared with what is paid now tops up more than one compared with what is earned."""
        held, sure = {"kind": "holdback", "share": 0.2, "released_after": 4}, {"kind": "guarantee", "amount": 9000}
        for rules, pays in (([held, sure], 9000), ([sure, held], 7200)):
            assert totals(paid(plan_of([part()], rules), [entry("2025Q1", 0.85)])) == [pays]


class TestRounding:
    """Three thirds of 10,000 and of 10,001, rounded at each place a plan may name."""

    THIRDS = [part(name, "1/3") for name in "abc"]  # noqa: RUF012

    def pays(self, incentive: float = 10000, adjustments: list[Row] = [], **pay: Any) -> pd.DataFrame:  # noqa: B006
        plan = {**plan_of([part()], adjustments, **pay), "components": self.THIRDS}
        return paid(plan, [entry("2025Q1", 1, name, target_incentive=incentive) for name in "abc"])

    def test_nowhere(self) -> None:
        found = self.pays(rounding="none")
        assert found["payout"].tolist() == pytest.approx([10000 / 3] * 3, rel=1e-15)
        assert found["cost"].tolist() == [3333.33, 3333.34, 3333.33]

    def test_each_component_alone(self) -> None:
        assert self.pays(rounded_at="component")["payout"].tolist() == [3333.33] * 3

    def test_to_whole_units_once_and_each_component_alone(self) -> None:
        assert self.pays(10001, rounded_to=1)["payout"].tolist() == [3334, 3333, 3334]
        assert self.pays(10001, rounded_to=1, rounded_at="component")["payout"].tolist() == [3334] * 3

    def test_half_a_step_goes_up_or_to_the_even_step(self) -> None:
        for rounding, pays in (("half_up", 50), ("half_even", 0), ("half_even", 100)):
            plan = plan_of([part()], rounding=rounding, rounded_to=50)
            incentive = 25 if pays < 100 else 75
            assert totals(paid(plan, [entry("2025Q1", 1, target_incentive=incentive)])) == [pays]

    def test_what_is_settled_is_in_steps_too(self) -> None:
        held = {"kind": "holdback", "share": 0.333, "released_after": 4}
        found = self.pays(10001, [held], rounded_to=1)
        assert found["payout"].tolist() == [3334, 3333, 3334, -3330]

    def test_a_year_to_date_does_not_drift_by_a_step(self) -> None:
        """A tenth of 33.335 four times, to date: 3.3335, 6.667, 10.0005 and 13.334 to whole units."""
        component = part(metric="expansion_arr", target=10, baseline="year_start", to_date="full_year")
        rows = [
            {"payee_id": "p", "period": period, "value": value, "target_incentive": 33.335 / 4}
            for period, value in zip(PERIODS, (1, 2, 3, 4), strict=True)
        ]
        assert totals(paid(plan_of([component], rounded_to=1), rows, "measurements")) == [3, 4, 3, 3]

    def test_what_is_settled_on_cents_needs_them(self) -> None:
        with pytest.raises(PlanError, match="settled on whole cents"):
            self.pays(adjustments=[{"kind": "cap", "factor": 2}], rounding="none")


class TestBalances:
    """What is held, owed or carried over stands in a row of its own, also where nothing is paid there."""

    def found(self, rule: Row, *attained: float, **person: Any) -> list[tuple[float, float]]:
        rows = [entry(period, at, **person) for period, at in zip(PERIODS, attained, strict=False)]
        frame = paid(plan_of([part()], [rule]), rows)
        mine = frame[frame["component"] == rule["kind"]]
        return list(zip(mine["payout"].tolist(), mine["balance"].tolist(), strict=True))

    def test_what_is_held_back(self) -> None:
        rule = {"kind": "holdback", "share": 0.2, "released_after": 2}
        assert self.found(rule, 1, 1, 1, 0) == [(-2000, 2000), (-2000, 4000), (0, 4000), (2000, 2000)]

    def test_what_is_owed_of_a_draw(self) -> None:
        rule = {"kind": "draw", "amount": 1000, "recoverable": True}
        assert self.found(rule, 0.04, 0.1, 0.15) == [(600, -600), (0, -600), (-500, -100)]

    def test_what_waits(self) -> None:
        assert self.found({"kind": "minimum", "amount": 1000}, 0.05, 0, 0.06) == [(-500, 500), (0, 500), (500, 0)]

    def test_a_row_says_it(self) -> None:
        rule = {"kind": "holdback", "share": 0.2, "released_after": 2}
        frame = paid(plan_of([part()], [rule]), [entry(period, 1) for period in PERIODS[:3]])
        assert frame[frame["component"] == "holdback"]["note"].tolist()[1:] == ["then held back: 4,000.00"] * 2

    def test_components_have_none(self) -> None:
        assert paid(plan_of([part()]), [entry("2025Q1", 1)])["balance"].isna().all()

    @settings(max_examples=50)
    @given(attained=st.lists(NUMBERS, min_size=4, max_size=4), rule=st.deferred(lambda: KEPT))
    def test_what_was_added_and_is_still_due_make_nothing(self, attained: list[float], rule: Row) -> None:
        """Whatever is not lost: all that a rule kept or advanced is in its balance."""
        rows = [entry(period, at) for period, at in zip(PERIODS, attained, strict=True)]
        frame = paid(plan_of([part()], [rule]), rows)
        mine = frame[frame["component"] == rule["kind"]].set_index("period").reindex(PERIODS)
        running = mine["payout"].fillna(0).cumsum() + mine["balance"].fillna(0)
        assert running.abs().max() < 1e-6


KEPT = st.sampled_from(
    [
        {"kind": "holdback", "share": 0.333, "released_after": 2},
        {"kind": "holdback", "share": 0.2, "released_after": "year"},
        {"kind": "draw", "amount": 1500.01, "recoverable": True},
        {"kind": "draw", "amount": 999.99, "recoverable": True, "how": "on_top", "periods": 2},
        {"kind": "minimum", "amount": 4000},
    ]
)


class TestLeavers:
    """Who leaves in May, with a fifth of the first quarter held back; 10,000 a quarter."""

    def pays(self, rule: Row, *attained: float, left_on: str = "2025-05-31", **more: Any) -> list[float]:
        rows = [entry(period, at, left_on=left_on) for period, at in zip(PERIODS, attained, strict=False)]
        rows.append({**entry("2025Q4", 1), "payee_id": "q"})
        return totals(paid(plan_of([part()], [{**rule, **more}]), rows))

    HELD = {"kind": "holdback", "share": 0.2, "released_after": 4}  # noqa: RUF012

    def test_what_is_held_is_paid_or_lost(self) -> None:
        assert self.pays(self.HELD, 1, 0.5, on_leaving="pay") == [8000, 5000 + 2000]
        assert self.pays(self.HELD, 1, 0.5, on_leaving="forfeit") == [8000, 4000]

    def test_only_where_the_condition_holds(self) -> None:
        held = {**self.HELD, "condition": {"of": "attainment", "reaches": 0.6}}
        assert self.pays(held, 1, 0.5, on_leaving="pay") == [8000, 4000]
        assert self.pays(held, 1, 0.6, on_leaving="pay") == [8000, 6000 + 2000]

    def test_small_amounts_are_paid_or_lost(self) -> None:
        small = {"kind": "minimum", "amount": 1000}
        assert self.pays(small, 0.03, 0.04, on_leaving="pay") == [0, 700]
        assert self.pays(small, 0.03, 0.04, on_leaving="forfeit") == [0, 0]
        assert self.pays(small, 0.03, 0.14, on_leaving="forfeit") == [0, 1700]

    def test_who_stays_beyond_the_periods_is_still_held_back(self) -> None:
        assert self.pays(self.HELD, 1, 0.5, left_on="2026-01-01", on_leaving="pay") == [8000, 4000]

    def test_a_plan_that_does_not_say_is_refused_where_it_happens(self) -> None:
        for rule in (self.HELD, {"kind": "minimum", "amount": 5500}):
            with pytest.raises(PlanError) as refused:
                self.pays(rule, 1, 0.5)
            assert "must say what becomes of pay still due when people leave the plan, as one person did" in str(
                refused.value
            )
            assert "Write pay or forfeit" in str(refused.value)
        assert self.pays(self.HELD, 1, 0.5, left_on="2026-01-01") == [8000, 4000]
        assert self.pays({"kind": "minimum", "amount": 5000}, 1, 0.5) == [10000, 5000]


class TestBelow:
    """Conditions that hold below a threshold."""

    @pytest.mark.parametrize(("attained", "pays"), [(0.5, 2500), (0.8999, 4499.5), (0.9, 9000), (None, 0)])
    def test_a_kicker_of_slow_quarters(self, attained: float | None, pays: float) -> None:
        rule = {"kind": "kicker", "of": "attainment", "below": 0.9, "times": 0.5}
        assert totals(paid(plan_of([part(adjustments=[rule])]), [entry("2025Q1", attained)])) == [pays]

    def test_a_gate_on_another_component(self) -> None:
        """Paid only while escalations stay below ten; without a count nothing is known, so nothing is paid."""
        gate = {"kind": "gate", "component": "escalations", "of": "value", "below": 10}
        components = [part(adjustments=[gate]), part("escalations", None, basis={"kind": "rate", "rate": 0})]
        for count, pays in ((9, 10000), (10, 0), (None, 0)):
            rows = [{"payee_id": "p", "period": "2025Q1", "component": "nrr", "value": 1, "target_incentive": 10000}]
            rows.append({"payee_id": "p", "period": "2025Q1", "component": "escalations", "value": count})
            assert totals(paid(plan_of(components), rows, "measurements")) == [pays]

    def test_a_threshold_that_floats_miss_is_not_below(self) -> None:
        component = part(attainment={"kind": "from_floor", "floor": 1.0}, target=1.25, metric="kpi.y")
        gate = {"kind": "gate", "of": "attainment", "below": 0.6}
        row = {"payee_id": "p", "period": "2025Q1", "value": 1.15, "target_incentive": 10000}
        assert totals(paid(plan_of([{**component, "adjustments": [gate]}]), [row], "measurements")) == [0]

    @pytest.mark.parametrize("sides", [{}, {"reaches": 1, "below": 2}])
    def test_exactly_one_threshold(self, sides: Row) -> None:
        with pytest.raises(PlanError, match="either reaches or below"):
            parsed_plan(plan_of([part(adjustments=[{"kind": "gate", "of": "attainment", **sides}])]), "drawn")


class TestWholeBudgets:
    """Budgets and pools leave no cent."""

    def test_a_budget_of_three_alike_goes_up_first_by_name(self) -> None:
        plan = plan_of([part()], [{"kind": "budget", "amount": 100}])
        rows = [{**entry("2025Q1", 1), "payee_id": payee} for payee in "cab"]
        found = paid(plan, rows)
        assert [totals(found, payee) for payee in "abc"] == [[33.34], [33.33], [33.33]]

    def test_a_pool_of_three_alike(self) -> None:
        plan = plan_of([part(weight=None, basis={"kind": "pool", "amount": 100, "shared": "equally"})])
        rows = [{**entry("2025Q1", 1), "payee_id": payee} for payee in "cab"]
        assert [totals(paid(plan, rows), payee) for payee in "abc"] == [[33.34], [33.33], [33.33]]

    @settings(max_examples=30)
    @given(st.lists(NUMBERS.filter(bool), min_size=1, max_size=6), st.sampled_from([0.01, 1, 25]))
    def test_all_of_it_is_paid(self, attained: list[float], step: float) -> None:
        rows = [{**entry("2025Q1", at), "payee_id": f"p{i}"} for i, at in enumerate(attained)]
        found = paid(plan_of([part()], [{"kind": "budget", "amount": 1000}], rounded_to=step), rows)
        whole = round(found[found["component"] == "nrr"]["payout"].sum(), 2)
        assert round(found["payout"].sum(), 2) == min(1000, whole)
        pool = {"kind": "pool", "amount": 1000, "shared": "value"}
        flat = {"kind": "linear", "points": [[0, 1], [1, 1]], "beyond": "hold", "below": "hold"}
        shared = paid(plan_of([part(weight=None, basis=pool, curve=flat)], rounded_to=step), rows)
        assert round(shared["payout"].sum(), 2) == 1000

    def test_a_budget_of_several_currencies_is_spent_to_the_cent(self, sample: cm.History) -> None:
        """Of the sample company's quarter; each in their own currency, at exact rates."""
        path = Path(__file__).resolve().parents[1] / "data/plans/halves.yaml"
        budget = {"kind": "budget", "amount": 100_000}
        plan = cm.load_plan(path).replace({"pay.currency": "payee", "adjustments": [budget]})
        (run,) = cm.replay([plan], sample, "2025Q4")
        rates = rates_paid(plan, sample, run.periods).loc["2025Q4"]
        cents = (run.payouts["payout"] * 100).round().astype(int).groupby(run.payouts["currency"]).sum()
        assert len(cents) > 1
        cost = sum(Fraction(str(rates[currency])) * int(of) for currency, of in cents.items())
        assert 0 <= 100_000 * 100 - cost < 1

    def test_pay_in_several_currencies_stays_within(self) -> None:
        """Two of three shares of a third each cost 3 a cent: what is left, 1.33, buys no more than the last."""
        third = [Fraction(10, 3)] * 2
        assert whole_parts([*third, Fraction(10, 3)], Fraction(70, 3), [Fraction(3)] * 2 + [Fraction(1)]) == [3, 3, 4]


class TestProrated:
    """Amounts for half a quarter."""

    @pytest.mark.parametrize(
        ("rule", "whole", "half"),
        [
            ({"kind": "draw", "amount": 6000, "recoverable": False}, 6000, 3000),
            ({"kind": "guarantee", "amount": 6000}, 6000, 3000),
            ({"kind": "floor", "amount": 6000}, 6000, 3000),
            ({"kind": "cap", "amount": 150.01}, 150.01, 75.01),
        ],
    )
    def test_an_amount(self, rule: Row, whole: float, half: float) -> None:
        rows = [entry("2025Q1", 0.1, proration=0.5)]
        for prorated, pays in ((False, whole), (True, half)):
            written = {**rule, "prorated": prorated}
            assert totals(paid(plan_of([part()], [written]), rows)) == [pays]
            if rule["kind"] in ("floor", "cap"):
                assert totals(paid(plan_of([part(adjustments=[written])]), rows)) == [pays]

    def test_what_is_of_the_time_there_anyhow(self) -> None:
        for rule in ({"kind": "cap", "factor": 1}, {"kind": "guarantee", "share": 1}):
            with pytest.raises(PlanError, match="Delete prorated"):
                parsed_plan(plan_of([part()], [{**rule, "prorated": True}]), "drawn")
        months = {"kind": "guarantee", "amount": 1, "months": 2, "prorated": True}
        with pytest.raises(PlanError, match="Delete prorated"):
            parsed_plan(plan_of([part()], [months]), "drawn")


class TestBases:
    """What the factor is a factor of."""

    def test_a_rate_on_credited_arr(self) -> None:
        plan = plan_of([part(weight=None, metric="expansion_arr", basis={"kind": "rate", "rate": 0.04})])
        rows = [{"payee_id": "p", "period": "2025Q1", "amount": amount} for amount in (75000, 40000)]
        assert totals(paid(plan, rows, "credited")) == [4600]

    def test_a_rate_derived_and_rounded_loses_5_at_target(self) -> None:
        basis = {"kind": "rate_of_incentive", "over": "target", "rounded_to": 0.0001}
        plan = plan_of([part(metric="expansion_arr", target=150000, basis=basis)])
        row = {"payee_id": "p", "period": "2025Q1", "value": 150000, "target_incentive": 80000}
        assert totals(paid(plan, [row], "measurements")) == [79995]

    def test_a_rate_over_the_arr_managed(self) -> None:
        """A fifth of a 100,000 package over 4.8 million of ARR is 20,000 / 4,800,000 a year on what renews."""
        basis = {"kind": "rate_of_incentive", "over": "opening_arr"}
        plan = plan_of([part(metric="expansion_arr", target=1, basis=basis)])
        row = {
            "payee_id": "p",
            "period": "2025Q1",
            "value": 1_200_000,
            "opening_arr": 4_800_000,
            "target_incentive": 5000,
        }
        assert totals(paid(plan, [row], "measurements")) == [5000]

    @pytest.mark.parametrize(("shared", "parts"), [("equally", [5000, 5000]), ("target_incentive", [7500, 2500])])
    def test_a_pool(self, shared: str, parts: list[float]) -> None:
        plan = plan_of([part(weight=None, basis={"kind": "pool", "amount": 10000, "shared": shared})])
        rows = [{**entry("2025Q1", 1), "target_incentive": 3000}]
        rows.append({**entry("2025Q1", 1), "payee_id": "q", "target_incentive": 1000})
        found = paid(plan, rows)
        assert totals(found, "p") + totals(found, "q") == parts

    def test_a_component_of_a_role(self) -> None:
        plan = plan_of([part(), part("bounty", None, basis={"kind": "rate", "rate": 500}, roles=["ae"])])
        rows = [entry("2025Q1", 1, role="csm"), entry("2025Q1", 3, "bounty")]
        assert totals(paid(plan, rows)) == [10000]
        assert totals(paid(plan, [{**row, "role": "ae"} for row in rows])) == [11500]

    def test_the_year_to_date_less_what_was_paid(self) -> None:
        """1.1 million of a yearly target of a million is paid at 1.4 above it: 22,800 in all, 2,800 now."""
        tiers = {"kind": "marginal", "bands": [[0, 1], [1, 1.4], [1.2, 1.6]], "beyond": "extend"}
        component = part(
            metric="expansion_arr", target=1_000_000, curve=tiers, baseline="year_start", to_date="full_year"
        )
        rows = [
            {"payee_id": "p", "period": period, "value": value, "target_incentive": 20000 / 12}
            for period, value in (("2025M01", 100_000), ("2025M02", 200_000), ("2025M03", 500_000))
        ]
        rows.append({**rows[0], "period": "2025M11", "value": 1_100_000, "paid_before": 20000})
        found = paid(plan_of([component], period="month"), rows, "measurements")
        assert totals(found) == [2000, 2000, 6000, 2800]


class TestRoles:
    """What a person's role does not have cannot be missed, and adds to no limit."""

    NRR, ARR = part("nrr", 1, roles=["csm"]), part("arr", 1, roles=["ae"])

    def of_csm(self, rule: Row, attained: float) -> list[float]:
        rows = [entry("2025Q1", attained, role="csm"), entry("2025Q1", 0.1, "arr")]
        return totals(paid(plan_of([self.NRR, self.ARR], [rule]) | {"weights_total": 1}, rows))

    def test_limits_are_of_the_own_components(self) -> None:
        assert self.of_csm({"kind": "cap", "factor": 1.5}, 3) == [15000]
        assert self.of_csm({"kind": "floor", "factor": 0.5}, 0) == [5000]

    def test_every_component_is_every_one_of_the_role(self) -> None:
        assert self.of_csm({"kind": "gate", "of": "attainment", "reaches": 0.9}, 1) == [10000]
        assert self.of_csm({"kind": "gate", "of": "attainment", "reaches": 0.9}, 0.8) == [0]

    def test_a_component_that_the_role_lacks_is_not_reached(self) -> None:
        kicker = {"kind": "kicker", "component": "arr", "of": "attainment", "reaches": 0, "times": 2}
        assert self.of_csm(kicker, 1) == [10000]


def test_a_cap_that_is_not_reached_changes_nothing() -> None:
    curve = {"kind": "linear", "points": [[0, 0], [1, 1], [2, 3]], "beyond": "extend"}
    found = paid(plan_of([part(curve=curve, adjustments=[{"kind": "cap", "factor": 1.2}])]), [entry("2025Q1", 1.1)])
    assert found[["payout", "adjustment", "adjustment_reason"]].to_numpy().tolist() == [[12000, 0, ""]]


def test_a_draw_of_a_first_period_is_of_the_hire() -> None:
    rule = {"kind": "draw", "amount": 12000, "recoverable": True, "periods": 1}
    for hired, pays in (("2024-05-01", [10000]), ("2025-05-01", [12000])):
        assert totals(paid(plan_of([part()], [rule]), [entry("2025Q2", 1, hired_on=hired)])) == pays


def test_a_draw_that_is_over_forgives_nothing() -> None:
    """What a clawback takes stays taken."""
    rate = part("exp", None, metric="expansion_arr", basis={"kind": "rate", "rate": 0.01})
    rules = [
        {"kind": "clawback", "component": "exp", "how": "at_rate_paid"},
        {"kind": "draw", "amount": 15, "recoverable": False, "periods": 1},
    ]
    rows = [entry(period, 1, "exp", recovered=of) for period, of in (("2025Q1", 0), ("2025Q2", 7))]
    assert totals(paid(plan_of([rate], rules), rows)) == [15, 0.01 - 7]


def test_a_guaranteed_amount_is_of_the_months_that_are_new() -> None:
    """9,000 a quarter for the first three months is 9,000 in all, hired on 1 February."""
    plan = plan_of([part()], [{"kind": "guarantee", "amount": 9000, "months": 3}], proration="months")
    hired = {"hired_on": "2025-02-01"}
    rows = [entry("2025Q1", 0, proration=2 / 3, **hired), entry("2025Q2", 0, **hired)]
    assert totals(paid(plan, rows)) == [6000, 3000]


YEAR = {"metric": "expansion_arr", "baseline": "year_start", "to_date": "full_year", "target": 4}


def test_a_kicker_on_the_year_so_far_is_paid_on_all_of_it() -> None:
    """A tenth more once 3 of 4 are reached: 10,000 a unit, then 33,000 in all, of which 20,000 were paid."""
    kicker = {"kind": "kicker", "of": "value", "reaches": 3, "times": 1.1}
    rows = [
        {"payee_id": "p", "period": period, "value": value, "target_incentive": 10000}
        for period, value in zip(PERIODS, (1, 2, 3, 2), strict=True)
    ]
    found = paid(plan_of([part(**YEAR, adjustments=[kicker])]), rows, "measurements")
    assert totals(found) == [10000, 10000, 13000, -13000]
    said = "10% more pay where kpi.x reaches 3. Less what was paid of the year before"
    assert found["adjustment_reason"].iloc[2] == said.replace("kpi.x", "expansion ARR")


def test_a_role_that_changes_within_a_year_to_date_is_refused() -> None:
    plan = plan_of([part(**YEAR, roles=["csm"]), part("other", 1.0, roles=["ae"])]) | {"weights_total": 1.0}
    rows = [
        {"payee_id": "p", "period": period, "component": "nrr", "value": 1, "target_incentive": 10000, "role": role}
        for period, role in zip(PERIODS, ("csm", "csm", "ae"), strict=False)
    ]
    assert totals(paid(plan, rows[:2], "measurements")) == [10000, 0]
    with pytest.raises(PlanError, match="comes into or leaves its roles within a year"):
        paid(plan, rows, "measurements")


def test_who_is_not_paid_is_guaranteed_nothing() -> None:
    rows = [entry("2025Q1", 1, on_last_day=False)]
    for rule in ({"kind": "guarantee", "share": 0.8}, {"kind": "draw", "amount": 1000, "recoverable": True}):
        assert totals(paid(plan_of([part()], [rule], on_last_day=True), rows)) == [0]


def test_a_year_to_date_without_a_result_stays_as_it_was_and_drifts_by_no_cent() -> None:
    component = part(metric="expansion_arr", target=4, baseline="year_start", to_date="full_year")
    rows = [
        {"payee_id": "p", "period": period, "value": value, "target_incentive": 33.335}
        for period, value in zip(PERIODS, (1, None, 3, 4), strict=True)
    ]
    assert totals(paid(plan_of([component]), rows, "measurements")) == [33.34, 0, 66.67, 33.33]


def test_a_year_to_date_without_a_target_stays_as_it_was() -> None:
    component = part(metric="expansion_arr", target=4, baseline="year_start", to_date="full_year")
    rows = [
        {"payee_id": "p", "period": period, "value": value, "target_incentive": 10000}
        for period, value in zip(PERIODS, (1, 2, 3), strict=False)
    ]
    rows[1]["target"] = 0
    assert totals(paid(plan_of([component]), rows, "measurements")) == [10000, 0, 20000]


def test_a_component_without_a_target_fulfils_no_condition() -> None:
    """Nothing was measured against nothing, so what was held in the first quarter is lost in the second."""
    held = {"kind": "holdback", "share": 0.2, "released_after": 1, "condition": {"of": "value", "reaches": 0.5}}
    rows = [{"payee_id": "p", "period": period, "value": 1, "target_incentive": 10000} for period in PERIODS[:3]]
    rows[1]["target"] = 0
    assert totals(paid(plan_of([part()], [held]), rows, "measurements")) == [8000, 0, 8000]


@pytest.mark.parametrize(
    ("rule", "attained", "pays"),
    [
        ({"kind": "guarantee", "share": 0.5}, 0, 250),  # 500.005 x 0.5 is 250.0025; half of 500.01 would be 250.01
        ({"kind": "floor", "factor": 0.5}, 0, 250),
        ({"kind": "cap", "factor": 0.5}, 1, 250),
    ],
)
def test_shares_of_target_incentive_are_rounded_once(rule: Row, attained: float, pays: float) -> None:
    rows = [entry("2025Q1", attained, target_incentive=1000.01, proration=0.5)]
    assert totals(paid(plan_of([part()], [rule]), rows)) == [pays]


def test_a_budget_neither_counts_nor_shrinks_what_somebody_owes() -> None:
    """9,000 for what earns 12,000; 500 that a clawback takes from a third person stay 500."""
    rate = part("exp", None, metric="expansion_arr", basis={"kind": "rate", "rate": 0.01})
    rules = [{"kind": "clawback", "component": "exp", "how": "at_rate_paid"}, {"kind": "budget", "amount": 9000}]
    rows = [entry("2025Q1", of, "exp", payee_id=payee) for payee, of in (("p", 800_000), ("q", 400_000), ("r", 0))]
    rows = [{**row, "attainment": None, "value": row["attainment"]} for row in rows]
    rows = [{name: of for name, of in row.items() if of is not None} for row in rows]
    rows[2]["recovered"] = 500
    found = paid(plan_of([rate], rules), rows, "measurements")
    assert [totals(found, payee) for payee in "pqr"] == [[6000], [3000], [-500]]


def test_who_has_no_target_takes_no_share_of_a_pool() -> None:
    plan = plan_of([part(weight=None, basis={"kind": "pool", "amount": 100, "shared": "equally"})])
    rows = [{"payee_id": payee, "period": "2025Q1", "value": 1} for payee in "pq"]
    rows[1]["target"] = 0
    found = paid(plan, rows, "measurements")
    assert [totals(found, payee) for payee in "pq"] == [[100], [0]]


def test_what_is_entered_and_would_not_count_is_refused() -> None:
    for more, said in (
        ({"recovered": 3}, "recovered needs a plan with one clawback"),
        ({"paid_before": 3}, "paid_before needs a component to_date"),
        ({"yearly_incentive": 3}, "yearly_incentive stands beside target_incentive"),
    ):
        with pytest.raises(CaseError) as refused:
            paid(plan_of([part()]), [entry("2025Q1", 1, **more)])
        assert said in str(refused.value)


def test_pay_before_of_the_year_so_far_needs_its_quarters() -> None:
    """Of the time so far: without the first quarter's row its target incentive would be missing."""
    target = {"default": 4, "yearly": "adding"}
    so_far = part(metric="expansion_arr", target=target, baseline="year_start", to_date="elapsed")
    rows = [
        {"payee_id": "p", "period": period, "value": value, "target_incentive": 10000}
        for period, value in zip(PERIODS, (1, 2), strict=False)
    ]
    rows[1]["paid_before"] = 10000
    with pytest.raises(CaseError, match=r"needs the payee's earlier rows of the year.*Write them"):
        paid(plan_of([so_far]), rows[1:], "measurements")
    assert totals(paid(plan_of([so_far]), rows, "measurements")) == [10000, 10000]


def test_a_floor_without_a_result_pays_and_does_not_say_nothing_is_paid() -> None:
    found = paid(plan_of([part(adjustments=[{"kind": "floor", "factor": 0.5}])]), [entry("2025Q1", None)])
    assert found[["payout", "note"]].to_numpy().tolist() == [[5000, "no member in the period"]]


def test_what_does_not_go_together_is_refused() -> None:
    for wrong, said in (
        (plan_of([part(weight=None)]), "weight is missing"),
        (plan_of([part(basis={"kind": "rate", "rate": 1})]), "basis rate has no weight"),
        (plan_of([part(adjustments=[{"kind": "gate", "component": "nr", "of": "value", "reaches": 1}])]), "'nr'"),
        (plan_of([part(adjustments=[{"kind": "cap"}])]), "either a factor or an amount"),
        (plan_of([part()], [{"kind": "drow", "amount": 1}]), "adjustments"),
        (
            plan_of([part()], [{"kind": "cap", "amount": 1}, {"kind": "gate", "of": "value", "reaches": 1}]),
            "Write those",
        ),
        (plan_of([part(attainment={"kind": "reverse"})]), "Write curve.beyond: hold"),
        (plan_of([part("a", 0.5), part("b", 0.5, roles=["ae"])]), "weights add up to 0.5"),
        (plan_of([part(metric="grr", target={"default": 0.9, "ramp": [0.5]})]), "would ask more of new people"),
        (plan_of([part(basis={"kind": "rate_of_incentive", "over": "opening_arr"})]), "rate on an amount of ARR"),
        (plan_of([part(**YEAR, adjustments=[{"kind": "floor", "factor": 1}])]), "to_date cannot go with a floor"),
        (plan_of([part(**YEAR, adjustments=[{"kind": "cap", "amount": 1}])]), "to_date cannot go with a floor"),
        (
            plan_of([part("a", 0.5, **YEAR), part("b", 0.5)], [{"kind": "gate", "of": "value", "reaches": 1}]),
            "needs all components to_date",
        ),
        (
            plan_of(
                [
                    part("a", 0.5, **YEAR, adjustments=[{"kind": "gate", "component": "b", "of": "value", "below": 1}]),
                    part("b", 0.5),
                ]
            ),
            "a is to_date, but its gate looks at b, which is not",
        ),
        (plan_of([part()], [{"kind": "clawback", "component": "nrr", "how": "at_rate_paid"}]), "a clawback is of what"),
        (
            plan_of([part()], [{"kind": "cap", "factor": 1}, {"kind": "budget", "amount": 1, "component": "nrr"}]),
            "Reor",
        ),
    ):
        with pytest.raises(PlanError, match=said):
            parsed_plan(wrong, "drawn")
