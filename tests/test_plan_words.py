"""Plans in words, and what changed between two: no field without a sentence, also one that nobody has thought of."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from compmodel.books import BookRule
from compmodel.components import Component
from compmodel.errors import PlanError
from compmodel.plan import Plan, example_plan, load_plan, parsed_plan
from compmodel.plan_changes import SAME, plan_changes
from compmodel.plan_words import plan_words
from compmodel.wording import number
from histories import Row, plan_dicts

PLANS = sorted((Path(__file__).resolve().parents[1] / "data/plans").glob("*.yaml"))
HALVES, SIGNING, THIRDS = (
    load_plan(PLANS[0].parent / f"{name}.yaml") for name in ("halves", "halves_signing", "thirds")
)


def rules(before: Plan, after: Plan) -> list[str]:
    """The sentences about rules: no head line, no open decisions."""
    starts = ("From ", "No longer open", "Newly open", "Still open")
    return [line for line in plan_changes(before, after) if not line.startswith(starts)]


def test_halves_in_words() -> None:
    lines = plan_words(HALVES)
    assert lines[:4] == [
        "Halves",
        "  Source: FlowFuse handbook, pull request 4754, second text (effective dates)",
        "  Holds from 1 April 2026.",
        "  Paid each quarter in USD, rounded half up to the cent, once, on each person's total.",
    ]
    for line in (
        "NRR: 50% of target incentive",
        "  The goal is 115%.",
        "  Attainment is measured from 100% to the goal.",
        "  Pays nothing up to 100% and its full share at 115%, in a straight line between; each point above 115% adds "
        "6.7%, without a cap.",
        "  So 107.5% is 50% attained and pays 50% of its share; 118% is 120% attained and pays 120% of its share.",
        "  Attainment is measured as a share of the goal.",
        "  So 8 is 80% attained and pays 80% of its share; 12 is 120% attained and pays 100% of its share.",
        "  Churn counts on the day the term ends; contraction, renewal and expansion on the effective date.",
        "    - the effective date (as the plan pays now)",
        "    - signature",
    ):
        assert line in lines
    assert not {"Books", "Events", "Exchange"} & set(lines)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_shipped_plan_needs_no_field_descriptions(path: Path) -> None:
    assert [line for line in plan_words(load_plan(path)) if "[" in line] == []


def test_what_changed_from_effective_to_signing_dates() -> None:
    assert rules(HALVES, SIGNING) == [
        "Churn is credited on the day of notice instead of the day the term ends.",
        "Contraction is credited on the day of notice instead of the effective date.",
        "Renewals and expansions are credited on signature instead of the effective date.",
    ]


def test_what_changed_from_thirds_to_halves() -> None:
    said = plan_changes(THIRDS, HALVES)
    assert said[0].startswith("From Thirds (FlowFuse handbook, pull request 4754, first text (2026-03)) to Halves (")
    assert rules(THIRDS, HALVES) == [
        "The NRR weight rises from 33.3% to 50%.",
        "NRR now pays without a cap.",
        "The KPI weight rises from 33.3% to 50%.",
        "The renewal rate component is dropped; its weight was 33.3%.",
        "Pay is in USD instead of each person's own currency.",
    ]
    assert rules(HALVES, THIRDS)[0] == "The renewal rate component is new, with a weight of 33.3% and a goal of 100%."
    assert "Newly open: Is a renewal signed in Q4 that starts in Q1 earned in Q4 or in Q1?" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"components.nrr.target": 1.2}, "The NRR goal rises from 115% to 120%."),
        ({"components.nrr.target.by_segment": {"smb": 1.1}},
         "The NRR goal for smb is 110% instead of 115% (as for everyone)."),
        ({"components.nrr.attainment.floor": 0.95}, "The NRR floor falls from 100% to 95%."),
        ({"components.nrr.attainment": {"kind": "ratio"}},
         "NRR attainment is measured as a share of the goal instead of from 100% to the goal."),
        ({"components.nrr.curve.beyond": "hold"}, "NRR is now capped at its full share."),
        ({"components.nrr.curve.points": [[0, 0], [1, 1], [2, 2]]},
         "NRR now pays 0% of its share at 0% attained, its full share at 100% attained and 200% of its share at 200% "
         "attained; before, 0% of its share at 0% attained and its full share at 100% attained."),
        ({"components.nrr.level.default": "team"},
         "NRR is taken on the team's result instead of each person's own result."),
        ({"components.nrr.level.by_role": {}},
         "For the role lead, NRR is taken on each person's own result (as for everyone) instead of the team's result."),
        ({"components.nrr.annualised": "adding"}, "NRR is added up to a year."),
        ({"components.nrr.metric": "grr"}, "GRR is measured instead of NRR."),
        ({"books.min_days_held": 30},
         "An account counts only for a person who holds it for at least 30 instead of 0 days of the quarter."),
        ({"books.grace_first_period": True}, "A loss in the quarter of taking an account over is nobody's."),
        ({"books.house_roles": ["house"]}, "An account held in the role house credits nobody."),
        ({"events.sourced_by": {"sales": 0.5}},
         "Share of a gain that counts, by who sourced it: 50% instead of not named [events.sourced_by.sales]."),
        ({"credit_on.expansion_at_renewal": "due_on"},
         "Expansions at a renewal are credited on the day the renewal is due instead of as any other expansion."),
        ({"weights_total": 1.5, "components.nrr.weight": 1},
         ["The NRR weight rises from 50% to 100%.",
          "The weights add up to 150% instead of 100% of target incentive."]),
        ({"components.nrr.curve": {"kind": "marginal", "bands": [[0, 1], [1, 1.4], [1.2, 1.6]], "beyond": "extend"}},
         "NRR now: each slice of attainment at its own rate: up to 100% at 1, up to 120% at 1.4, above at 1.6, without "
         "a cap. Before: pays nothing up to 100% and its full share at 115%, in a straight line between; each point "
         "above 115% adds 6.7%, without a cap."),
        ({"components.nrr.adjustments": [{"kind": "gate", "component": "kpi", "of": "value", "reaches": 8}]},
         "NRR, new: nothing unless KPI reaches 8."),
        ({"adjustments": [{"kind": "cap", "factor": 2}]}, "The whole pay, new: at most 200% of what 100% pays."),
        ({"components.nrr.roles": ["csm"], "components.kpi.roles": ["csm"]},
         ["NRR is for the role csm instead of every role.", "KPI is for the role csm instead of every role."]),
        ({"components.nrr.target": {"default": 1.15, "cases": [{"target": 1.1, "segment": "smb", "period": "Q3"}]}},
         "The NRR goal is now 115%; but 110% for the segment smb in each Q3; before, 115%."),
        ({"components.nrr.target": {"default": 1.15, "ramp": [0.25, 0.5]}},
         "In their first months, the NRR goal asks 25% and 50% of new people; before, the whole."),
        ({"components.nrr.attainment.rounded_to": 0.01},
         "NRR attainment is measured from 100% to the goal, rounded half up to 1% instead of from 100% to the goal."),
        ({"pay.rounding": "none"}, "Pay is rounded not at all instead of half up to the cent."),
        ({"pay.rounded_to": 1}, "Pay is rounded to steps of 1 instead of 0.01 of its currency."),
        ({"pay.rounded_at": "component"}, "What is rounded is each component alone instead of each person's total."),
        ({"pay.period": "month"}, "Pay is worked out and paid each month instead of quarter."),
        ({"title": "Other"}, "From Halves to Other."),
        ({"name": "other"}, "From Halves (halves) to Halves (other)."),
        ({"effective_on": "2026-05-01"}, "From Halves (from 1 April 2026) to Halves (from 1 May 2026)."),
    ],
)  # fmt: skip
def test_one_change(changes: Row, said: str | list[str]) -> None:
    after, sentences = HALVES.replace(changes), [said] if isinstance(said, str) else said
    found = plan_changes(HALVES, after)
    assert found == sentences + [SAME] * sentences[0].startswith("From ")


def test_another_basis_is_said_whole() -> None:
    pool, rates = of_arr({"kind": "pool", "amount": 10000, "shared": "value"}), of_arr({"kind": "rate", "rate": 0.04})
    assert rules(pool, rates) == [
        "Expansion ARR now: reaching the goal pays 4% of expansion ARR; pays nothing at 0 and what its "
        "goal pays at 75,000, in a straight line between; capped at what its goal pays. Before: full pay is a part of "
        "a pool of 10,000 a quarter, shared by each one's own result."
    ]


def test_an_adjustment_is_held_against_the_one_of_its_kind_that_went() -> None:
    def with_gates(*reaches: float) -> Plan:
        gates = [{"kind": "gate", "component": "kpi", "of": "value", "reaches": number} for number in reaches]
        return HALVES.replace({"components.nrr.adjustments": gates})

    assert rules(with_gates(8), with_gates(9)) == [
        "NRR: nothing unless KPI reaches 9; before, nothing unless KPI reaches 8."
    ]
    assert rules(with_gates(8, 9), with_gates(9)) == ["NRR, no longer: nothing unless KPI reaches 8."]
    assert rules(with_gates(8, 9), with_gates(9, 8)) == [
        "NRR: the adjustments stand in another order, in which they are applied."
    ]
    assert rules(with_gates(8), with_gates(8, 8)) == ["NRR, new: nothing unless KPI reaches 8."]


def test_a_rule_that_came_or_went_is_told_whole() -> None:
    late = HALVES.replace({"credit_on.late": {"known_on": "closed_on", "locked_after_days": 15}})
    said = [
        "An event counts as known on the day the deal is closed.",
        "A quarter is locked 15 days after its end; what becomes known later counts in the first one still open.",
    ]
    assert rules(HALVES, late) == said
    assert rules(late, HALVES) == [f"No longer: {sentence}" for sentence in said]
    held = HALVES.replace({"books.still_held_on": -1})
    sentence = "An account counts only for a person who still holds it on the last day of the quarter."
    assert (rules(HALVES, held), rules(held, HALVES)) == ([sentence], [f"No longer: {sentence}"])


def test_an_identity_is_no_rule() -> None:
    assert plan_changes(HALVES, HALVES.replace({"source": "elsewhere"}))[1:] == [SAME]


def test_a_component_of_another_name_is_matched_by_its_metric() -> None:
    written = HALVES.model_dump(mode="json", exclude_unset=True)
    written["components"][0]["name"] = "retention"
    renamed = parsed_plan(written, "renamed")
    assert rules(HALVES, renamed) == ["The NRR component has the name retention instead of nrr."]


def test_components_in_another_order_are_said() -> None:
    turned = HALVES.model_copy(update={"components": HALVES.components[::-1]})
    assert rules(HALVES, turned) == [
        "The components stand in another order, now KPI and NRR; that can move a cent between them."
    ]


@settings(max_examples=60)
@given(plan_dicts(), plan_dicts())
def test_two_plans_differ_exactly_where_something_is_said(one: Row, other: Row) -> None:
    before, after = parsed_plan(one, "one"), parsed_plan(other, "other")
    assert plan_changes(before, before) == []
    assert bool(plan_changes(before, after)) == (before != after)
    assert [line for line in plan_words(before) if "None" in line or "{" in line] == []


@settings(max_examples=60)
@given(plan_dicts(), st.data())
def test_a_moved_lever_is_said_with_both_numbers(written: Row, data: st.DataObject) -> None:
    plan = parsed_plan(written, "drawn")
    lever = data.draw(
        st.sampled_from([lever for lever in plan.sliders() if not lever.path.endswith(".weight")] or [None])
    )
    value = data.draw(st.integers(1, 400)) / 100
    assume(value != lever.value)
    try:
        moved = plan.replace({lever.path: value})
    except PlanError:
        assume(False)
    name = lever.path.split(".")[1]
    unit = plan.component(name).unit
    (said,) = plan_changes(plan, moved)
    assert f"from {number(lever.value, unit)} to {number(value, unit)}." in said


# ---- every field -------------------------------------------------------------------------------------------------

NRR = "components.nrr"
RICH = HALVES.replace(
    {
        "credit_on.late": {"known_on": "closed_on", "locked_after_days": 15},
        "credit_on.churn": [{"later_of": ["notice_on", "ends_on"], "if_closed": "closed_on"}],
        "credit_on.contraction": {"earlier_of": ["notice_on", "ends_on"]},
        "books": {
            "exclude": [{"account_id": "a1", "because": "migrated"}, {"reason": "bankruptcy", "because": "no fault"}],
            "overlays": [{"role": "sales", "region": "EMEA", "segment": "smb", "share": 0.5}],
        },
        "events.sourced_by": {"sales": 0.5},
        f"{NRR}.target": {"default": 1.15, "by_segment": {"smb": 1.1}},
        f"{NRR}.curve": {"kind": "linear", "points": [[0.5, 0.5], [1, 1]], "beyond": "hold", "below": "zero"},
        f"{NRR}.level": {"default": "team", "by_role": {"lead": "region"}},
    }
)
MONTHLY = HALVES.replace({f"{NRR}.baseline": "month_start", f"{NRR}.combined": "chained"})
RATIO = HALVES.replace({f"{NRR}.attainment": {"kind": "ratio"}})
GRR = {"component": "nrr", "of": "value", "reaches": 1.1}
BANDS = {"kind": "step", "bands": [[0, 1], [1, 1.4]], "edge": "lower", "beyond": "extend"}
MECHANICS = HALVES.replace(
    {
        "pay.proration": "working_days",
        f"{NRR}.target": {
            "default": 1.15,
            "cases": [
                {
                    "target": 1.1,
                    "segment": "smb",
                    "role": "csm",
                    "payee_id": "p1",
                    "period": "Q1",
                    "starts_on": "2026-01-01",
                    "ends_on": "2026-12-31",
                }
            ],
            "ramp": [0.5],
        },
        f"{NRR}.curve": BANDS,
        f"{NRR}.adjustments": [
            {"kind": "gate", "of": "value", "reaches": 1.05},
            {"kind": "kicker", "of": "attainment", "reaches": 1.2, "times": 1.1},
            {"kind": "cap", "factor": 2},
            {"kind": "floor", "factor": 0.1},
        ],
        f"{NRR}.roles": ["csm", "lead"],
        "components.kpi.roles": ["csm", "lead"],
        "adjustments": [
            {"kind": "gate", **GRR},
            {"kind": "kicker", **GRR, "times": 1.1},
            {"kind": "cap", "amount": 9000},
            {"kind": "floor", "amount": 10},
            {"kind": "guarantee", "share": 0.5, "months": 3},
            {"kind": "guarantee", "amount": 500},
            {"kind": "draw", "amount": 100, "recoverable": True, "how": "top_up", "periods": 2},
            {"kind": "holdback", "share": 0.2, "released_after": 2, "condition": GRR},
            {"kind": "minimum", "amount": 10},
            {"kind": "budget", "amount": 100000},
        ],
    }
)


def of_arr(basis: Row, **fields: Any) -> Plan:
    """Halves with expansion ARR on another basis instead of the KPI."""
    written = HALVES.model_dump(mode="json", exclude_unset=True)
    nrr, kpi = written["components"]
    expansion = {**kpi, "name": "expansion", "metric": "expansion_arr", "target": 75000, "basis": basis, **fields}
    if basis["kind"] in ("rate", "pool"):
        del expansion["weight"]
        nrr["weight"] = 1
    return parsed_plan({**written, "components": [nrr, expansion]}, "of ARR")


MARGINAL = {"kind": "marginal", "bands": [[0, 1], [1, 1.4], [1.2, 1.6]], "beyond": "extend"}
RATES = of_arr({"kind": "rate", "rate": 0.04}, curve=MARGINAL)
POOL = of_arr({"kind": "pool", "amount": 10000, "shared": "equally"})
OF_INCENTIVE = of_arr({"kind": "rate_of_incentive", "over": "target", "rounded_to": 0.0001})
SCORES = HALVES.replace(
    {f"{NRR}.attainment": {"kind": "scores", "scores": [[0.9, 0.5], [1, 1]], "edge": "lower", "rounded_to": 0.01}}
)
YEAR = {"baseline": "year_start", "attainment": {"kind": "ratio"}}
TO_DATE = HALVES.replace({f"{NRR}.{name}": value for name, value in YEAR.items()} | {f"{NRR}.to_date": "full_year"})
QUALIFYING = of_arr(
    {"kind": "rate", "rate": 250},
    metric="qualifying_events",
    qualifies={
        "event_types": ["renewal"],
        "at_renewal": True,
        "min_term_months": 24,
        "min_arr": 10000,
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "sourced_by": ["csm"],
    },
)
TAKEN_BACK = [
    {"kind": "clawback", "component": "expansion", "how": "schedule", "schedule": [[30, 0.5]], "within_days": 90},
    {"kind": "budget", "amount": 9000, "component": "expansion"},
]
CLAWED = of_arr({"kind": "rate", "rate": 0.04}).replace({"adjustments": TAKEN_BACK, "pay.mix": 0.8})
BY_TERM = {"kind": "clawback", "component": "expansion", "how": "by_elapsed_term", "term_months": 12}
OF_TERM = CLAWED.replace({"adjustments": [BY_TERM]})
EDGES = {"kind": "table", "bands": [[0.9, 0.5], [1, 1]], "edge": ["lower", "upper"], "beyond": "hold"}
RAMPED = HALVES.replace(
    {f"{NRR}.curve": EDGES, f"{NRR}.target": {"default": 1.1, "ramp": [0.5], "ramp_segments": ["smb"]}}
)
BELOW = {"component": "nrr", "of": "value", "below": 1.1}
KEPT = HALVES.replace(
    {
        "pay.rounded_to": 1,
        "adjustments": [
            {"kind": "gate", **BELOW},
            {"kind": "kicker", **BELOW, "times": 1.1},
            {"kind": "holdback", "share": 0.2, "released_after": 2, "condition": BELOW, "on_leaving": "pay"},
        ],
    }
)
WALKED = (
    KEPT,
    RICH,
    MONTHLY,
    RATIO,
    MECHANICS,
    RATES,
    POOL,
    OF_INCENTIVE,
    SCORES,
    TO_DATE,
    QUALIFYING,
    CLAWED,
    OF_TERM,
)
WALKED += (RAMPED,)
SETTLED = ("Gate", "Kicker", "Cap", "Floor", "Guarantee", "Draw", "Holdback", "Minimum", "Clawback", "Budget")
FIXED = {
    "Component.weight",
    "Clawback.component",
    "Plan.weights_total",
    "Basis.kind",
    *(f"{rule}.kind" for rule in SETTLED),
}
"""Fields of one option; weights and a basis, of which several fields must change together (`test_one_change`)."""


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def fields_of(model: type[BaseModel]) -> set[str]:
    """Every field of a model that holds a value, and those of the models in it."""
    own = {f"{model.__name__}.{name}" for name, f in model.model_fields.items() if not list(models(f.annotation))}
    return own.union(*(fields_of(inner) for f in model.model_fields.values() for inner in models(f.annotation)))


def others(annotation: Any, value: Any) -> Iterator[Any]:
    """Other values of a field's type, as a plan file would hold them; some of them may be refused."""
    options = get_args(annotation)
    if get_origin(annotation) is Literal:
        yield from (option for option in options if option != value)
    elif annotation is bool:
        yield not value
    elif annotation in (int, float):
        number = value if isinstance(value, int | float) else 1
        yield from (number * 0.9, number + 0.01, number + 1, number - 1, 1 - number, 20)
    elif annotation is str:
        yield from ("EUR", "grr", "kpi", f"{value}x")
    elif annotation is dt.date:
        yield "2030-01-31"
    elif get_origin(annotation) is tuple:
        first = next(others(options[0], None), None)
        yield from ([first], [first, "paid_on"], ["paid_on", "due_on"], [*(value or []), first], [[0, 0], [1, 1.5]])
    elif get_origin(annotation) is dict:
        yield from ({"other": one} for one in others(options[1], None))
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield {
            name: next(others(f.annotation, None), 1) for name, f in annotation.model_fields.items() if f.is_required()
        }
    elif get_origin(annotation) is Annotated:
        yield from others(options[0], value)
    elif get_origin(annotation) in (types.UnionType, Union):
        for option in options:
            yield from [None] if option is type(None) else others(option, value)


def changed(written: Any, model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """What is written with one field changed, for each field and other value; with the field."""
    for name, field in model.model_fields.items():
        value = written.get(name)
        yield from ((f"{model.__name__}.{name}", {**written, name: other}) for other in others(field.annotation, value))
        for inner in models(field.annotation):
            if isinstance(value, dict) and set(value) <= set(inner.model_fields):
                yield from ((path, {**written, name: one}) for path, one in changed(value, inner))
            for i, part in enumerate(value if isinstance(value, list) else ()):
                whole = part if isinstance(part, dict) else {"column": part}
                for path, one in changed(whole, inner) if set(whole) <= set(inner.model_fields) else ():
                    yield path, {**written, name: [*value[:i], one, *value[i + 1 :]]}


def as_written(plan: Plan) -> Row:
    """Every field of a plan, also those left out; without the weight of a component that may have none."""
    written = plan.model_dump(mode="json")
    for component, row in zip(plan.components, written["components"], strict=True):
        if not component.basis.is_of_incentive:
            del row["weight"]
    return written


@pytest.mark.slow
def test_any_changed_field_gives_a_sentence() -> None:
    said: set[str] = set()
    for plan in WALKED:
        for path, written in changed(as_written(plan), Plan):
            try:
                after = parsed_plan(written, "changed")
            except PlanError:
                continue
            if after != plan:
                found = plan_changes(plan, after)
                assert found, path
                assert found != [SAME], path
                assert all(sentence.strip() for sentence in found)
                assert plan_words(after)
                said.add(path)
    unsaid = fields_of(Plan) - said
    assert unsaid <= FIXED, "give a plan of WALKED a value from which these can be changed, or name them in FIXED"


class Bonus(BaseModel):
    """A model that nobody has written words for."""

    above: float = Field(1.2, description="Result above which a bonus is paid.", json_schema_extra={"unit": "share"})


class RicherComponent(Component):
    """A component with fields that nobody has written words for."""

    bonus: Bonus = Field(Bonus(), description="What is paid on top.")
    gates: tuple[str, ...] = Field((), description="Conditions that must hold. Each is a KPI.")


def test_a_new_field_is_said_by_its_description() -> None:
    def plan(**fields: Any) -> Plan:
        nrr = RicherComponent(**{**HALVES.components[0].model_dump(), **fields})
        return HALVES.model_copy(update={"components": (nrr, HALVES.components[1])})

    richer = plan(bonus={"above": 1.3}, gates=("csat",))
    assert rules(plan(), richer) == [
        "Result above which a bonus is paid: 130% instead of 120% [components.nrr.bonus.above].",
        "Conditions that must hold: now also csat [components.nrr.gates].",
    ]
    assert set(plan_words(richer)) - set(plan_words(plan())) == {
        "  Result above which a bonus is paid: 130% [components.nrr.bonus.above].",
        "  Conditions that must hold: csat [components.nrr.gates].",
    }


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"kind": "gate", "component": "nrr", "of": "attainment", "reaches": 0.5, "otherwise": 0.25},
         "Only 25% of it unless attainment of NRR reaches 50%."),
        ({"kind": "kicker", "component": "nrr", "of": "value", "reaches": 1.2, "times": 1.1},
         "10% more pay where NRR reaches 120%."),
        ({"kind": "gate", "of": "factor", "reaches": 0.1},
         "Nothing unless the payout factor of every component reaches 10%."),
        ({"kind": "cap", "factor": 2}, "At most 200% of what 100% pays."),
        ({"kind": "floor", "amount": 1000}, "At least 1,000 USD a quarter."),
        ({"kind": "guarantee", "share": 1, "months": 3},
         "New people are guaranteed 100% of target incentive in their first three months, or what they earn if that is "
         "more."),
        ({"kind": "guarantee", "amount": 500},
         "All are guaranteed 500 USD a quarter, or what they earn if that is more."),
        ({"kind": "draw", "amount": 500, "recoverable": True, "periods": 2},
         "Pay is topped up to a draw of 500 USD a quarter, in a person's first two quarters; what that adds is owed "
         "and repaid from later pay above it."),
        ({"kind": "draw", "amount": 500, "recoverable": True, "how": "on_top"},
         "A draw of 500 USD a quarter comes on top of what is earned, and is taken from the next pay."),
        ({"kind": "holdback", "share": 0.2, "released_after": 2,
          "condition": {"component": "nrr", "of": "value", "reaches": 1}},
         "A fifth of pay is held back and released two quarters later, if NRR reaches 100% then; otherwise it is "
         "lost."),
        ({"kind": "holdback", "share": 0.25, "released_after": "year"},
         "25% of pay is held back and released with the last pay of the year."),
        ({"kind": "holdback", "share": 0.2, "released_after": 2, "on_leaving": "forfeit"},
         "A fifth of pay is held back and released two quarters later; what is held of who leaves is lost."),
        ({"kind": "holdback", "share": 0.2, "released_after": 2, "on_leaving": "pay",
          "condition": {"component": "nrr", "of": "value", "reaches": 1}},
         "A fifth of pay is held back and released two quarters later, if NRR reaches 100% then; otherwise it is "
         "lost; who leaves is paid it with the last pay, on the same condition."),
        ({"kind": "minimum", "amount": 50}, "Pay below 50 USD waits and is added to the next quarter's."),
        ({"kind": "minimum", "amount": 50, "on_leaving": "pay"},
         "Pay below 50 USD waits and is added to the next quarter's; who leaves is paid all of it."),
        ({"kind": "gate", "component": "nrr", "of": "value", "below": 1.2}, "Nothing unless NRR is below 120%."),
        ({"kind": "kicker", "of": "attainment", "below": 0.5, "times": 0.9},
         "10% less pay where attainment of every component is below 50%."),
        ({"kind": "cap", "amount": 9000, "prorated": True},
         "At most 9,000 USD a quarter (for part of a quarter that part of it)."),
        ({"kind": "draw", "amount": 500, "recoverable": False, "prorated": True},
         "Pay is topped up to a draw of 500 USD a quarter (for part of a quarter that part of it); what that adds is "
         "never owed."),
        ({"kind": "clawback", "component": "expansion", "how": "schedule", "schedule": [[30, 0.75], [60, 0.5]]},
         "What expansion ARR paid on a gain is taken back where its account leaves: 75% up to 30 days, 50% up to 60 "
         "days and nothing later."),
        ({"kind": "budget", "amount": 90000},
         "All pay of a quarter must fit in 90,000 of the reporting currency: where it is more, everybody's shrinks "
         "alike."),
    ],
)  # fmt: skip
def test_an_adjustment_in_words(rule: Row, said: str) -> None:
    plan = of_arr({"kind": "rate", "rate": 0.04}) if rule["kind"] == "clawback" else HALVES
    lines = plan_words(plan.replace({"adjustments": [rule]}))
    assert lines[lines.index("The whole pay") + 1] == f"  {said}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"curve": {"kind": "marginal", "bands": [[0, 1], [1, 1.4], [1.2, 1.6]], "beyond": "extend"}},
         "Each slice of attainment at its own rate: up to 100% at 1, up to 120% at 1.4, above at 1.6, without a cap."),
        ({"curve": {"kind": "marginal", "bands": [[0.5, 1], [1, 1.4], [1.5, 2]], "beyond": "hold"}},
         "Each slice of attainment at its own rate: nothing up to 50%, up to 100% at 1, up to 150% at 1.4; from 150% "
         "on no more, capped at 120% of its share."),
        ({"curve": {"kind": "step", "bands": [[0, 1], [1, 1.4]], "beyond": "extend", "edge": "lower"}},
         "Retroactive: the whole attainment at the rate of the band reached: from 0% at 1, from 100% at 1.4, without a "
         "cap; exactly at an edge the band that begins there counts."),
        ({"curve": {"kind": "overage", "bands": [[0, 1], [1, 1.2], [1.5, 1.5]], "beyond": "extend", "edge": "upper"}},
         "Up to 100% at 1; all above 100% at the rate of the band reached: from 100% at 1.2, from 150% at 1.5, without "
         "a cap; exactly at an edge the band below it still counts."),
        ({"curve": {"kind": "table", "bands": [[0.5, 0.5], [1, 1]], "beyond": "hold", "edge": "lower"}},
         "Pays by band: nothing below 107.5%, 50% of its share from 107.5% and its full share from 115%; capped at its "
         "full share; exactly at an edge the band that begins there counts."),
        ({"metric": "churn_rate", "target": 0.05, "attainment": {"kind": "reverse"},
          "curve": {"kind": "linear", "points": [[0.5, 0], [1, 1]], "beyond": "hold"}},
         "Pays nothing down to 10% and its full share at 5%, in a straight line between; capped at its full share."),
        ({"metric": "churn_rate", "target": 0.05, "attainment": {"kind": "from_floor", "floor": 0.1}},
         "Attainment is measured from 10% down to the goal."),
        ({"attainment": {"kind": "scores", "scores": [[1, 0.5], [1.1, 1]], "edge": "lower"}},
         "Attainment is measured by a grid of scores: nothing below 100%, 50% from 100% and 100% from 110%; exactly on "
         "an edge the score that begins there counts."),
        ({"target": {"default": 1.15, "ramp": [0.25, 0.5]}},
         "New people's goal lies 25% and 50% of the way from 100% to this in their first two months; who is hired up "
         "to the 15th has that month as the first."),
    ],
)  # fmt: skip
def test_a_mechanic_in_words(changes: Row, said: str) -> None:
    plan = HALVES.replace({f"{NRR}.{name}": value for name, value in changes.items()})
    assert f"  {said}" in plan_words(plan)


@pytest.mark.parametrize(
    ("pay", "said"),
    [
        ({"rounded_to": 5}, "rounded half up to steps of 5 USD, once, on each person's total"),
        ({"rounding": "half_even", "rounded_to": 1}, "rounded half to the even step of 1 USD, once, on each person's "
         "total"),
        ({"rounded_at": "component"}, "rounded half up to the cent, on each component alone"),
        ({"rounding": "none"}, "not rounded"),
    ],
)  # fmt: skip
def test_rounding_in_words(pay: Row, said: str) -> None:
    plan = HALVES.replace({f"pay.{name}": value for name, value in pay.items()})
    assert plan_words(plan)[3] == f"  Paid each quarter in USD, {said}."


def test_a_rate_in_words() -> None:
    whole = of_arr({"kind": "rate", "rate": 0.04}, curve={"kind": "marginal", "bands": [[0, 1]], "beyond": "extend"})
    assert "  Pays 4% of expansion ARR." in plan_words(whole)
    said = "  Each slice of expansion ARR at its own rate: up to 75,000 at 4%, up to 90,000 at 5.6%, above at 6.4%, "
    assert f"{said}without a cap." in plan_words(RATES)


def test_a_rule_of_another_period_says_its_own() -> None:
    lines = plan_words(HALVES.replace({"pay.period": "month", "books": {"min_days_held": 10}}))
    assert "  An account counts only for a person who holds it for at least 10 days of the month." in lines
    assert not [line for line in lines if "the quarter's movements" in line]


def test_decisions_hold_the_option_that_the_plan_pays_by() -> None:
    assert [(one.field, one.now) for one in HALVES.decisions()] == [("credit_on.renewal", "effective_on")]
    attainment, currency = THIRDS.decisions()
    assert attainment.now == {"kind": "from_floor", "floor": 0.8}
    assert (currency.options, currency.position, currency.now) == (("USD", "payee"), 1, "payee")
    (neither,) = HALVES.replace({"credit_on.renewal": "paid_on"}).decisions()
    assert (neither.position, neither.now) == (None, None)
    assert example_plan().decisions() == ()


@pytest.mark.parametrize(
    ("field", "options", "said"),
    [
        ("components.nrr.target", [1.15, 1.2], ["default 115% (as the plan pays now)", "default 120%"]),
        ("components.nrr.target.default", [1.1, 1.2], ["110%", "120%"]),
        ("components.nrr.weight", [0.5, 0.7], ["50% (as the plan pays now)", "70%"]),
        ("components.nrr.level.by_role.lead", ["team", "region"],
         ["the team's result (as the plan pays now)", "the region's result"]),
        ("components.nrr.curve.beyond", ["hold", "extend"], ["hold", "extend (as the plan pays now)"]),
        ("components", [1, 2], ["1", "2"]),
        ("nowhere.at.all", [1, 2], ["1", "2"]),
    ],
)  # fmt: skip
def test_options_are_told_as_the_plan_would_hold_them(field: str, options: list[Any], said: list[str]) -> None:
    plan = HALVES.replace({"open_decisions": [{"field": field, "question": "Which?", "options": options}]})
    assert plan_words(plan)[-3:] == ["  Which?", *(f"    - {words}" for words in said)]


def test_books_are_told_where_they_differ() -> None:
    plan = HALVES.replace({"books": BookRule(still_held_on=-2, lead_share=0.1, min_days_held=30).model_dump()})
    assert plan_words(plan)[plan_words(plan).index("Books") + 1 :][:3] == [
        "  An account counts only for a person who holds it for at least 30 days of the quarter.",
        "  An account counts only for a person who still holds it on the second-to-last day of the quarter.",
        "  A manager is also credited 10% of what each of their people is credited.",
    ]
