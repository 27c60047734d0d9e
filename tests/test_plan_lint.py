"""What is worth a second look in a plan: for each warning a plan that has it, and a sibling that does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compmodel.component_lints import best_attainment
from compmodel.plan import Plan, example_plan, load_plan
from compmodel.plan_lint import Lint, lint_lines, plan_lints
from compmodel.replay import replay
from histories import SPAN, Company, Row, counted, employed, event, held

PLANS = sorted((Path(__file__).resolve().parents[1] / "data/plans").glob("*.yaml"))
LINE = {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "extend"}
CALM = example_plan().replace({"components.kpi.curve": LINE})
"""A plan in which nothing stands out."""
NRR, KPI = "components.nrr", "components.kpi"
GATE = {"kind": "gate", "of": "value", "reaches": 1.05}
EARLY = {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"}
LATE = {"kind": "linear", "points": [[0, 0], [1, 1], [2, 2]], "beyond": "hold"}


def found(plan: Plan) -> list[str]:
    return [f"{lint.path}: {lint.what}" for lint in plan_lints(plan)]


def test_nothing_stands_out_in_a_calm_plan() -> None:
    assert found(CALM) == []


def grr(**changes: Any) -> Row:
    """GRR from 80% to a goal of 95%, which is 133% attained at best, instead of NRR."""
    return {
        f"{NRR}.metric": "grr",
        f"{NRR}.target": 0.95,
        f"{NRR}.attainment": {"kind": "from_floor", "floor": 0.8},
        **{f"{NRR}.{name}": value for name, value in changes.items()},
    }


def bands(kind: str, *edges: list[float], **more: Any) -> Row:
    jumping = {"edge": "lower"} if kind in ("table", "step", "overage") else {}
    return {"kind": kind, "bands": edges, "beyond": "extend", **jumping, **more}


def points(*given: list[float], **more: Any) -> Row:
    return {"kind": "linear", "points": given, "beyond": "extend", **more}


def added(kind: str, weights: list[float]) -> Row:
    """The components of the example, and more KPIs, with these weights."""
    written = CALM.model_dump(mode="json", exclude_unset=True)["components"]
    more = [{**written[1], "name": f"{kind}{n}", "metric": f"kpi.{kind}{n}"} for n in range(len(weights) - 2)]
    return {"components": [{**c, "weight": w} for c, w in zip([*written, *more], weights, strict=True)]}


OPEN = [{"field": "pay.currency", "question": "Whose?", "options": ["USD", "payee"]}]
CASES: list[tuple[Row, Row, str]] = [
    # a cliff, and lines or slices instead
    ({f"{NRR}.curve": bands("step", [0, 1], [1, 1.4])}, {f"{NRR}.curve": bands("marginal", [0, 1], [1, 1.4])},
     "components.nrr.curve: NRR jumps by 20% of target incentive at 115%"),
    ({f"{NRR}.curve": points([0.5, 0.5], [1, 1], below="zero")}, {f"{NRR}.curve": points([0.5, 0], [1, 1])},
     "components.nrr.curve: NRR jumps by 25% of target incentive at 107.5%"),
    ({f"{KPI}.attainment": {"kind": "scores", "scores": [[8, 0.5], [10, 1]], "edge": "lower"}},
     {f"{KPI}.attainment": {"kind": "ratio"}},
     "components.kpi.attainment.scores: KPI jumps by 25% of target incentive at 8 and by 25% of target incentive at "
     "10"),
    # all or nothing, and a part
    ({f"{NRR}.adjustments": [GATE]}, {f"{NRR}.adjustments": [{**GATE, "otherwise": 0.5}]},
     "components.nrr.adjustments[0]: all or nothing for NRR: nothing unless NRR reaches 105%"),
    ({"adjustments": [{**GATE, "component": "nrr"}]},
     {"adjustments": [{**GATE, "component": "nrr", "kind": "kicker", "times": 1.1}]},
     "adjustments[0]: all or nothing for the whole pay: nothing unless NRR reaches 105%"),
    # a dead zone
    ({f"{NRR}.curve": points([0, 0], [0.8, 1], [1, 1], [1.2, 1.5])},
     {f"{NRR}.curve": points([0, 0], [0.8, 0.9], [1, 1], [1.2, 1.5])},
     "components.nrr.curve: NRR pays nothing more from 112% to 115%"),
    # an early cap; of GRR the goal may be all there is
    ({f"{NRR}.curve": EARLY}, {f"{NRR}.curve": LATE},
     "components.nrr.curve.beyond: NRR pays no more beyond its goal (115%): at most 50% of target incentive"),
    (grr(curve=EARLY), grr(curve=EARLY, target=1.0),
     "components.nrr.curve.beyond: GRR pays no more beyond its goal (95%): at most 50% of target incentive"),
    ({f"{NRR}.curve": points([0, 1], [1, 1], below="hold")}, {f"{NRR}.curve": points([0, 0.9], [1, 1], below="hold")},
     "components.nrr.curve: NRR pays the same whatever the result"),
    # out of reach
    (grr(target=1.05), grr(target=0.98),
     "components.nrr.target: GRR can be 100% at best, so the goal of 105% is out of reach"),
    (grr(curve=bands("marginal", [0, 1], [1.4, 2])), grr(curve=bands("marginal", [0, 1], [1.3, 2])),
     "components.nrr.curve.bands: GRR can be 100% at best, which is 133.33% attained: the bands at 140% are never "
     "reached, and 133.33% of its share is the most that is paid"),
    (grr(adjustments=[{**GATE, "otherwise": 0.5}]), grr(adjustments=[{**GATE, "otherwise": 0.5, "reaches": 0.9}]),
     "components.nrr.adjustments[0]: nobody can reach what is asked for GRR: only 50% of it unless GRR reaches 105%"),
    ({"adjustments": [{"kind": "holdback", "share": 0.2, "released_after": 1,
                       "condition": {"component": "kpi", "of": "factor", "reaches": 2.5}}], f"{KPI}.curve": LATE},
     {"adjustments": [{"kind": "holdback", "share": 0.2, "released_after": 1,
                       "condition": {"component": "kpi", "of": "factor", "reaches": 1.5}}], f"{KPI}.curve": LATE},
     "adjustments[0].condition: nobody can reach what is asked for the whole pay: a fifth of pay is held back and "
     "released one quarter later, if the payout factor of KPI reaches 250% then; otherwise it is lost"),
    # a cap below what the curve says
    ({f"{NRR}.curve": LATE, f"{NRR}.adjustments": [{"kind": "cap", "factor": 1}]},
     {f"{NRR}.curve": LATE, f"{NRR}.adjustments": [{"kind": "cap", "factor": 1.5}]},
     "components.nrr.curve.points: the cap of 100% on NRR is reached before the points at 200%, which pay nothing "
     "more"),
    ({f"{NRR}.adjustments": [{"kind": "cap", "factor": 0.9}]}, {f"{NRR}.adjustments": [{"kind": "cap", "factor": 2}]},
     "components.nrr.adjustments: NRR is capped at 90% of what 100% pays"),
    # falls
    ({f"{NRR}.curve": points([0, 0], [1, 1], [1.2, 0.8], may_fall=True)},
     {f"{NRR}.curve": points([0, 0], [1, 1], [1.2, 1.1], may_fall=True)},
     "components.nrr.curve.may_fall: NRR pays less for a better result somewhere on its curve"),
    ({f"{NRR}.curve": points([0, 0], [1, 1], below="extend")}, {f"{NRR}.curve": points([0, 0], [1, 1], below="zero")},
     "components.nrr.curve.below: NRR takes pay away below 100%"),
    # too many, too light
    (added("extra", [0.25, 0.25, 0.25, 0.25]), added("extra", [0.25, 0.25, 0.5]),
     "components: four components are paid"),
    (added("extra", [0.5, 0.45, 0.05]), added("extra", [0.5, 0.4, 0.1]),
     "components.extra0.weight: extra0 is 5% of target incentive"),
    # contradictions
    ({f"{NRR}.adjustments": [{"kind": "cap", "factor": 1.5}, {"kind": "floor", "factor": 1.6}]},
     {f"{NRR}.adjustments": [{"kind": "cap", "factor": 1.5}, {"kind": "floor", "factor": 0.5}]},
     "components.nrr.adjustments[1]: the floor of 160% lies above the cap of 150%"),
    ({"adjustments": [{"kind": "cap", "amount": 900}, {"kind": "guarantee", "amount": 1000}]},
     {"adjustments": [{"kind": "cap", "amount": 900}, {"kind": "guarantee", "share": 1}]},
     "adjustments[1]: the guarantee of 1,000 lies above the cap of 900"),
    ({f"{NRR}.adjustments": [GATE, {"kind": "floor", "amount": 10}]},
     {f"{NRR}.adjustments": [{"kind": "floor", "amount": 10}, GATE]},
     "components.nrr.adjustments[1]: the floor pays where the gate before it pays nothing"),
    ({f"{NRR}.adjustments": [{**GATE, "otherwise": 1}]}, {f"{NRR}.adjustments": [{**GATE, "otherwise": 0.9}]},
     "components.nrr.adjustments[0]: this gate changes no pay"),
    # open decisions
    ({"open_decisions": OPEN}, {},
     "open_decisions[0]: not settled (pay.currency): Whose? Weighed: USD; or each person's own currency. Now: USD"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "sibling", "said"), CASES)
def test_a_warning_and_a_sibling_without_it(changes: Row, sibling: Row, said: str) -> None:
    assert said in found(CALM.replace(changes))
    assert said not in found(CALM.replace(sibling))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_only_the_plans_that_were_published_as_cliffs_have_any(path: Path) -> None:
    found = {lint.path.split(".")[-1].split("[")[0] for lint in plan_lints(load_plan(path))}
    assert ("curve" in found) == (path.stem in ("flowfuse_cliff", "revenue_playbook_tiers"))
    assert found <= {"beyond", "open_decisions", "curve"}


def test_what_less_is_better_can_attain() -> None:
    churn = {f"{NRR}.metric": "churn_rate", f"{NRR}.target": 0.05}
    falling = CALM.replace({**churn, f"{NRR}.attainment": {"kind": "from_floor", "floor": 0.1}}).component("nrr")
    assert best_attainment(falling) == pytest.approx(2)
    reverse = {**churn, f"{NRR}.attainment": {"kind": "reverse"}, f"{NRR}.curve": LATE}
    assert best_attainment(CALM.replace(reverse).component("nrr")) > 100
    assert best_attainment(CALM.component("nrr")) == float("inf")


def test_lines_of_a_lint() -> None:
    assert lint_lines(Lint("pay", "what", "why", "fix")) == ["pay: What.", "  Why: Why.", "  Way out: Fix."]


# ---- on a history ------------------------------------------------------------------------------------------------


def company(prs: list[int], base_salary: int = 120_000) -> Company:
    """Six people with an account of 100,000 each and these customer PRs in every quarter."""
    ids = [f"p{n}" for n in range(6)]
    days = ("2025-02-01", "2025-05-01", "2025-08-01")
    return Company(
        arr_events=[event(f"e{one}", f"a{one}", "new", 100_000, "2024-01-01") for one in ids],
        assignments=[held(f"a{one}", one) for one in ids],
        payees=[employed(one, base_salary=base_salary) for one in ids],
        kpis=[counted(n, day, payee_id=one) for one, n in zip(ids, prs, strict=True) for day in days],
    )


def said_on(company: Company, plan: Plan) -> list[str]:
    (run,) = replay([plan], company.history(), SPAN)
    return [f"{lint.path}: {lint.what}" for lint in plan_lints(plan, run)]


GOOD = [12, 11, 10, 10, 8, 5]
MOVING = CALM.replace({f"{NRR}.attainment.floor": 0.8, f"{NRR}.target": 0.99})
"""With a goal that everybody meets, because no ARR moves."""


def test_a_goal_that_all_or_nobody_met() -> None:
    assert "components.kpi.target: 100% of people-quarters in 2025Q1 to 2025Q3 reach the KPI goal" in said_on(
        company([12] * 6), CALM
    )
    assert "components.kpi.target: 0% of people-quarters in 2025Q1 to 2025Q3 reach the KPI goal" in said_on(
        company([9] * 6), CALM
    )
    assert not [line for line in said_on(company(GOOD), CALM) if line.startswith(KPI)]
    assert "components.nrr.target: 100% of people-quarters in 2025Q1 to 2025Q3 reach the NRR goal" in said_on(
        company(GOOD), MOVING
    )


def test_a_threshold_that_few_reach() -> None:
    steep = CALM.replace({f"{KPI}.curve": points([1.15, 0], [1.2, 1])})
    said = "components.kpi.curve: only 16.7% of people-quarters in 2025Q1 to 2025Q3 are paid anything for KPI"
    assert said in said_on(company(GOOD), steep)
    assert said not in said_on(company(GOOD), CALM)


def test_a_component_that_nobody_has_a_value_for() -> None:
    renewals = CALM.replace({f"{NRR}.metric": "renewal_rate", f"{NRR}.target": 0.9, f"{NRR}.attainment.floor": 0.5})
    said = "components.nrr.metric: nobody has a value of Renewal rate in 2025Q1 to 2025Q3"
    assert said in said_on(company(GOOD), renewals)
    assert said not in said_on(company(GOOD), CALM)


@pytest.mark.parametrize(("base_salary", "is_outside"), [(120_000, False), (40_000, True), (400_000, True)])
def test_a_pay_mix_outside_the_norm(base_salary: int, is_outside: bool) -> None:
    found = [line for line in said_on(company(GOOD, base_salary), CALM) if line.startswith("pay: ")]
    assert bool(found) == is_outside


@pytest.mark.parametrize(("rate", "is_far"), [(0.1, False), (0.04, True), (0.2, True)])
def test_a_rate_that_does_not_pay_the_target_incentive(rate: float, is_far: bool) -> None:
    """100,000 of expansion ARR at 10% is the 10,000 of a quarter."""
    written = CALM.model_dump(mode="json", exclude_unset=True)
    expansion = {
        "name": "expansion",
        "metric": "expansion_arr",
        "level": "individual",
        "target": 100_000,
        "attainment": {"kind": "ratio"},
        "curve": LINE,
        "basis": {"kind": "rate", "rate": rate},
    }
    plan = Plan.model_validate({**written, "components": [expansion]})
    found = [line for line in said_on(company(GOOD), plan) if "basis.rate" in line]
    assert bool(found) == is_far
    if is_far:
        share = f"{round(1000 * rate)}%"
        assert f"whoever meets every goal is paid {share} of target incentive (the median person)" in found[0]
