"""Many settings of a plan at once pay what each plan pays alone, to the cent, however they are worked out."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compmodel import compiled, compiled_pay, pay_loops, stage_pay
from compmodel.curve_lines import curve_lines
from compmodel.errors import CompModelError
from compmodel.money import exact
from compmodel.other_values import cents_of_values
from compmodel.pay_lines import is_straight
from compmodel.plan import Plan, load_plan, parsed_plan
from compmodel.replay import Replay, repaid, replay
from compmodel.scenarios import scenario_cents, scenario_results, scenario_totals
from compmodel.tables import History
from compmodel.whole_pay import Share, decided_cents
from histories import CURVES, PERIODS, Company, companies, counted, employed, event, held
from test_pay import part, plan_of

PLANS = Path(__file__).resolve().parents[1] / "data/plans"
SPAN = "2025Q4"
NOT_BY_QUARTER = ("half_year_nrr", "opportunities")
"""Pays by the half; asks for a KPI that the sample company does not count."""
NAMES = sorted(path.stem for path in PLANS.glob("*.yaml") if path.stem not in NOT_BY_QUARTER)
STRAIGHT = [name for name in NAMES if is_straight(load_plan(PLANS / f"{name}.yaml"))]
KERNELS = ["numpy", "compiled"] if compiled.IS_COMPILED else ["numpy"]


@pytest.fixture(scope="module")
def runs(sample: History) -> dict[str, Replay]:
    return {name: replay([load_plan(PLANS / f"{name}.yaml")], sample, SPAN)[0] for name in NAMES}


def row_costs(run: Replay) -> list[int]:
    """Cost in cents of each row of people, from the rows of pay."""
    cents = np.rint(run.payouts["cost"] * 100).groupby([run.payouts["payee_id"], run.payouts["period"]]).sum()
    rows = pd.MultiIndex.from_frame(run.stage.people[["payee_id", "period"]])
    return cents.reindex(rows, fill_value=0).astype(np.int64).tolist()


def one_by_one(run: Replay, scenarios: pd.DataFrame) -> list[list[int]]:
    changes = [{path: row[path] for path in scenarios.columns} for _, row in scenarios.iterrows()]
    return [row_costs(repaid(run, run.plan.moved(each))) for each in changes]


@st.composite
def lever_scenarios(draw: st.DrawFn, plan: Plan, n: int) -> pd.DataFrame:
    """Scenarios on the levers' grids: weights that leave something, floors below targets."""
    found: dict[str, list[float]] = {}
    weights = [lever.path for lever in plan.levers() if lever.path.endswith(".weight")]
    for component in plan.components:
        path = f"components.{component.name}"
        moves = st.integers(-3, 3)
        if f"{path}.weight" in weights[:-1]:
            found[f"{path}.weight"] = [draw(st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.333])) for _ in range(n)]
        step = next(lever.step for lever in plan.levers() if lever.path == f"{path}.target.default")
        goal = component.target.default
        targets = [max(round(goal + draw(moves) * step, 6), step) for _ in range(n)]
        if component.attainment.kind == "from_floor":
            lows = [round(component.attainment.floor - draw(st.integers(0, 4)) * 0.01, 6) for _ in range(n)]
            found[f"{path}.attainment.floor"] = lows
            targets = [max(target, low + 0.01) for target, low in zip(targets, lows, strict=True)]
        found[f"{path}.target.default"] = targets
        for j in range(1, len(component.curve.points)):
            if draw(st.booleans()):
                factor = component.curve.points[j][1]
                found[f"{path}.curve.points.{j}.1"] = [factor + draw(st.sampled_from([0, 0.1, 1 / 3]))] * n
    return pd.DataFrame(found)


@pytest.mark.parametrize("name", STRAIGHT)
@given(data=st.data())
@settings(max_examples=2)
def test_scenarios_pay_what_each_plan_pays_alone(runs: dict[str, Replay], name: str, data: Any) -> None:
    run = runs[name]
    scenarios = data.draw(lever_scenarios(run.plan, 2))
    expected = one_by_one(run, scenarios)
    for kernel in KERNELS:
        found = scenario_cents(run, scenarios, "row", kernel)  # type: ignore[arg-type]
        assert found.tolist() == expected
    assert scenario_cents(run, scenarios).tolist() == [sum(row) for row in expected]
    for kernel in KERNELS:
        assert scenario_cents(run, scenarios[:1], "row", kernel).tolist() == expected[:1]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted({*NAMES} - {*STRAIGHT}))
def test_plans_that_are_no_straight_lines_are_repaid_one_by_one(runs: dict[str, Replay], name: str) -> None:
    run = runs[name]
    component = run.plan.components[0]
    scenarios = pd.DataFrame({f"components.{component.name}.target.default": [component.target.default * 1.1]})
    assert scenario_cents(run, scenarios, "row").tolist() == one_by_one(run, scenarios)


CONDITION = st.fixed_dictionaries(
    {"component": st.sampled_from(["a", "b"]), "of": st.sampled_from(["value", "attainment"])},
).flatmap(lambda of: st.sampled_from([0.9, 1.0, 1.05]).map(lambda reaches: {**of, "reaches": reaches}))
RULES = st.lists(
    CONDITION.map(lambda of: {"kind": "gate", "otherwise": 0.5, **of})
    | CONDITION.map(lambda of: {"kind": "kicker", "times": 1.2, **of})
    | st.sampled_from([0.0, 0.8, 1.1]).map(lambda factor: {"kind": "cap", "factor": factor}),
    max_size=3,
)


@pytest.mark.slow
@given(companies(), st.sampled_from(CURVES), RULES, RULES, st.sampled_from([0.9, 1.0, 1.1]))
@settings(max_examples=6)
def test_any_company_curve_gate_and_cap(
    company: Company, curve: dict[str, Any], ones: list[Any], others: list[Any], target: float
) -> None:
    """Edges and gates that results stand on exactly, win-backs, gaps, three currencies."""
    components = [
        part("a", 0.5, metric="nrr", curve=curve, adjustments=ones),
        part("b", 0.5, metric="kpi.customer_prs", adjustments=others),
    ]
    (run,) = replay([parsed_plan(plan_of(components), "drawn")], company.history(), f"{PERIODS[0]}:{PERIODS[-1]}")
    scenarios = pd.DataFrame({"components.a.weight": [0.5, 1 / 3], "components.a.target.default": [target, 1.05]})
    expected = one_by_one(run, scenarios)
    for kernel in KERNELS:
        assert scenario_cents(run, scenarios, "row", kernel).tolist() == expected  # type: ignore[arg-type]
        for n in range(len(scenarios)):
            assert scenario_cents(run, scenarios[n : n + 1], "row", kernel).tolist() == [expected[n]]  # type: ignore[arg-type]


def test_without_the_compiled_loop_everything_works(runs: dict[str, Replay], monkeypatch: pytest.MonkeyPatch) -> None:
    scenarios = pd.DataFrame({"components.nrr.target.default": [1.1, 1.2]})
    before = scenario_cents(runs["halves"], scenarios, "row")
    monkeypatch.setattr(compiled, "IS_COMPILED", False)
    monkeypatch.setattr(stage_pay, "COMPILED_FROM", 0)
    monkeypatch.setattr(pay_loops, "plan_cents", None)
    assert scenario_cents(runs["halves"], scenarios, "row").tolist() == before.tolist()


SMALL = st.integers(-2000, 2000)


@pytest.mark.skipif(not compiled.IS_COMPILED, reason="needs numba")
@given(
    st.lists(st.tuples(SMALL, SMALL, SMALL, st.integers(0, 2000)), min_size=1, max_size=3),
    st.sampled_from([1, 7, 1200, 10**6, 2**61]),
    st.sampled_from([0, 1, -1, 3]),
    st.integers(0, 10**5),
)
@example([(0, 1, 1_166_200_003, 30_011)], 1, 10, 90_000)  # in 64 bits so far above the half that it seems below
@settings(max_examples=200)
def test_compiled_half_cents_are_those_of_fractions(parts: list[Any], common: int, off: int, lower: int) -> None:
    """Pay of one row a billionth or so around a half cent, and on it; what is not decided is said, never guessed."""
    share = sum((constant + Fraction(slope * one, over or 1) for constant, slope, one, over in parts), Fraction(0))
    share /= common
    if share == 0:
        return
    incentive = Fraction(2 * lower + 1, 2) * (1 + Fraction(off, 10**10)) / abs(share)
    if max(incentive.numerator, incentive.denominator) >= 2**63:
        return
    pay, n = incentive * share, len(parts)
    cents, near, left = np.array([[floor(pay)]]), np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.intp)
    constant, slope, one, over = (np.array(of, dtype=np.int64) for of in zip(*parts, strict=True))
    pieces, none, one_of_each = (n, 1, 1, 1, 1), np.full((n, 1), -1), np.ones((n, 1), dtype=np.int64)
    whole = np.stack([one_of_each, 0 * one_of_each, one_of_each])[..., None]
    lines = compiled_pay.Lines(*np.zeros((3, *pieces)), np.zeros((n, 1, 1, 1)), np.zeros((n, 1)), whole)
    money = np.zeros(1), np.array([incentive.numerator]), np.array([incentive.denominator])
    classes = np.zeros((n, 1)), one_of_each, 0 * one_of_each, np.ones(n, dtype=np.int64), np.zeros(n), 0.0
    people = (np.zeros((n, 1)), np.zeros((n, 1), np.int16), one[:, None], over[:, None], *money, *classes)
    rules = none, np.stack([constant, slope]).reshape(2, n, 1, 1, 1), one_of_each
    plans = one_of_each.T, common * one_of_each.T, np.zeros((1, n), dtype=np.intp), np.zeros((n, 1), dtype=np.intp)
    n_left = compiled.loop(pay_loops.decide_half_cents)(left, cents, near, lines, people, rules, plans)
    is_unknown = any(slope and not over for _, slope, _, over in parts)
    assert n_left or not is_unknown
    if not n_left:
        size = floor(abs(pay) + Fraction(1, 2))
        assert cents.tolist() == [[size if share > 0 else -size]]


def test_numbers_too_large_for_compiled_loops_are_paid_to_the_cent(runs: dict[str, Replay]) -> None:
    """A weight, target and floor of nine odd decimals each, and a factor that has no few decimals."""
    run = runs["halves"]
    odd = {"nrr.weight": 0.333333331, "nrr.target.default": 1.149999937, "nrr.attainment.floor": 0.987654321}
    scenario = pd.DataFrame({f"components.{path}": [number] for path, number in odd.items()})
    for kernel in KERNELS:
        assert scenario_cents(run, scenario, "row", kernel).tolist() == one_by_one(run, scenario)  # type: ignore[arg-type]


def test_sums_by_payee_and_period_are_sums_of_rows(runs: dict[str, Replay]) -> None:
    run, scenarios = runs["thirds"], pd.DataFrame({"components.nrr.target.default": [1.1, 1.2]})
    rows, people = scenario_cents(run, scenarios, "row"), run.stage.people
    for by in ("payee_id", "period"):
        expected = pd.DataFrame(rows.T).groupby(people[by].to_numpy()).sum().T.to_numpy()
        assert scenario_cents(run, scenarios, by).tolist() == expected.tolist()  # type: ignore[arg-type]


def test_results_count_people_at_target(runs: dict[str, Replay]) -> None:
    run = runs["halves"]
    scenarios = pd.DataFrame({"components.nrr.target.default": [1.15, 1.05]}, index=["now", "easier"])
    found = scenario_results(run, scenarios)
    paid = run.payouts.groupby(["payee_id", "period"])[["payout", "target_incentive", "proration"]].agg(
        {"payout": "sum", "target_incentive": "first", "proration": "first"}
    )
    at = (paid["payout"] - (paid["target_incentive"] * paid["proration"]).round(2) > -0.005).mean()
    assert found.loc["now"].tolist() == [run.payouts["cost"].sum().round(2), at, (paid["payout"] > 0).mean()]
    assert found.loc["easier", "share_at_target"] > at


@pytest.mark.parametrize("name", STRAIGHT)
def test_totals_are_the_sums_but_for_rounding(runs: dict[str, Replay], name: str) -> None:
    run = runs[name]
    path = f"components.{run.plan.components[0].name}.target.default"
    goal = run.plan.components[0].target.default
    scenarios = pd.DataFrame({path: np.round(goal * np.array([1, 1.01, 1.02]), 4)})
    off = np.abs(scenario_totals(run, scenarios) * 100 - scenario_cents(run, scenarios))
    assert (off <= len(run.stage.people)).all()  # a cent at most each: pay and its conversion


def test_other_values_pay_what_a_history_with_them_pays(runs: dict[str, Replay]) -> None:
    """The same values give the same pay; and drawn ones that of the exact formula by hand."""
    for name in STRAIGHT:
        run = runs[name]
        value = run.stage.results.value
        assert cents_of_values(run, np.stack([value, value]))[1].tolist() == row_costs(run)
    run = runs["flowfuse_nrr_only"]
    people = run.stage.people
    value = np.round(np.random.default_rng(2).uniform(0.9, 1.3, (3, len(people), 1)), 3)
    found, expected = cents_of_values(run, value), []
    for draw in value[:, :, 0].tolist():
        of_draw = []
        for nrr, days, n_days in zip(draw, people["cent_days"], people["n_days"], strict=True):
            attained = max((exact(nrr) - 1) / Fraction(15, 100), Fraction(0))
            of_draw.append(floor(Fraction(int(days)) / (4 * int(n_days)) * attained + Fraction(1, 2)))
        expected.append(of_draw)
    is_dollars = (run.stage.rates["USD"] == 1).all() and (people["currency"] == "USD").all()
    assert is_dollars
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"components.nrr.target.default": [1.1, 0.99]}, ["scenario 1", "components[0] target.default", "floor"]),
        ({"components.nrr.weight": [0.5, 1.2]}, ["scenario 1", "weight"]),
        ({"components.nrr.target.default": [1.1, float("nan")]}, ["scenario 1"]),
        ({"components.nrr.attainment.floor": [0.9, 1.3]}, ["scenario 1", "floor"]),
        ({"components.nrr.curve.points.1.1": [1.0, -0.5]}, ["scenario 1", "points"]),
        ({"components.nrr.targt.default": [1.0, 1.1]}, ["scenario 0", "Did you mean 'target'?"]),
        ({"components.nrr.weight": [0.5, 0.5], "components.kpi.weight": [0.5, 0.6]}, ["scenario 1", "add up to 1.1"]),
    ],
)
def test_a_scenario_that_is_no_plan_is_named(runs: dict[str, Replay], changes: Any, said: list[str]) -> None:
    for work in (scenario_cents, scenario_results, scenario_totals):
        with pytest.raises(CompModelError) as error:
            work(runs["halves"], pd.DataFrame(changes))
        assert all(words in str(error.value) for words in said)


def test_a_weight_written_as_a_whole_number_is_that_weight(runs: dict[str, Replay]) -> None:
    for whole in (0, 1):
        found, expected = (
            scenario_cents(runs["halves"], pd.DataFrame({"components.nrr.weight": [weight]}), "row").tolist()
            for weight in (whole, float(whole))
        )
        assert found == expected


def test_settled_pay_cannot_take_other_values(runs: dict[str, Replay]) -> None:
    run = runs["posthog_2025_04"]
    with pytest.raises(CompModelError, match="settles pay over periods or people"):
        cents_of_values(run, run.stage.results.value[None])


def test_memory_does_not_grow_with_scenarios(sample: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compmodel.scenarios.MOST_BYTES", 2**18)
    (run,), peaks = replay([load_plan(PLANS / "halves.yaml")], sample, "2023Q1:2025Q4"), []
    assert len(run.stage.people) > 500
    for n in (300, 300, 3000):
        scenarios = pd.DataFrame({"components.nrr.target.default": np.round(1.05 + np.arange(n) * 1e-4, 4)})
        tracemalloc.start()
        scenario_cents(run, scenarios, kernel="numpy")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 2700 * 8 * 100  # some numbers a scenario, but none for each person


@given(
    st.integers(0, 10**9),
    st.integers(1, 400),
    st.lists(
        st.tuples(st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 300), st.integers(1, 5000)), max_size=3
    ),
)
@settings(max_examples=60)
def test_whole_numbers_decide_as_fractions(incentive: int, over: int, lines: list[Any]) -> None:
    """Pay of a / 12 x (c + s x (v - 1)), v = n / 1000: the nearest cent, halves away from zero."""
    total, shares = Fraction(0), []
    for constant, slope, span, above in lines:
        value = Fraction(above, 1000)
        total += Fraction(1, 12) * (Fraction(constant, 2) + Fraction(slope, 2) * (value - 1) * Fraction(1000, span))
        numbers = [1, 12, constant, slope, 2, span, 1000, 1000, value.numerator, value.denominator]
        shares.append(Share(*(np.array([number]) for number in numbers)))
    pay = total * Fraction(incentive, over)
    nearest = floor(abs(pay) + Fraction(1, 2)) * (-1 if pay < 0 else 1)
    near = float(floor(abs(pay)) + 0.5) * (-1 if pay < 0 else 1)
    if abs(pay - Fraction(near)) < Fraction(1, 20_000):
        found, is_proven = decided_cents(np.array([near]), np.array([incentive]), np.array([over]), shares)
        assert not is_proven[0] or found[0] == nearest


def test_ties_are_proven_on_round_numbers() -> None:
    """A tenth of round inputs are exact half cents; none may need fractions, and all go up."""
    incentive, above = np.meshgrid(np.arange(1000, 2000) * 5, np.arange(1000, 1100))
    one = np.ones(incentive.size, dtype=np.int64)
    share = Share(one, 3 * one, 0 * one, one, one, 3 * one, 20 * one, 20 * one, above.ravel(), 1000 * one)
    exact_tenths = incentive.ravel() * (above.ravel() - 1000) * 20  # of a 9 x 1000th of a cent
    is_tie = exact_tenths % 9000 == 4500
    assert is_tie.mean() > 0.001
    pay = exact_tenths[is_tie] / 9000
    shares = [Share(*(np.asarray(of)[is_tie] for of in share))]
    found, is_proven = decided_cents(pay, incentive.ravel()[is_tie], one[is_tie], shares)
    assert is_proven.all()
    assert (found == np.floor(pay + 0.5)).all()


def test_a_cap_that_meets_a_falling_line_splits_it() -> None:
    curve = {"kind": "linear", "points": [[0, 2], [1, 1]], "below": "hold", "beyond": "extend", "may_fall": True}
    written = part("a", 1, curve=curve, adjustments=[{"kind": "cap", "factor": 1.5}])
    component = parsed_plan(plan_of([written]), "drawn").components[0]
    (lines,) = curve_lines(component, component.curve).exact
    for at in (Fraction(-1), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(3)):
        line = [one for one in lines if one.at is None or one.at <= at][-1]
        assert line.constant + line.slope * at == min(Fraction(3, 2), 2 - max(at, Fraction(0)))


def test_a_company_without_people_costs_nothing() -> None:
    nobody = Company([event("a0", "a", "new", 1, "2024-01-01")], [held("a", "p")], [employed("p", 0)])
    (run,) = replay([load_plan(PLANS / "flowfuse_nrr_only.yaml")], nobody.history(), "2025Q1")
    assert scenario_cents(run, pd.DataFrame({"components.nrr.target.default": [1.1, 1.2]})).tolist() == [0, 0]


def test_a_result_that_stands_on_a_jump_is_paid_as_having_reached_it() -> None:
    """NRR of 110 / 100 where the curve begins to pay at 1.1: the float of the edge lies beside it."""
    events = [event("a0", "a", "new", 100, "2024-01-01"), event("a1", "a", "expansion", 10, "2025-02-01")]
    company = Company(events, [held("a", "p")], [employed("p", 1)])
    curve = {"kind": "linear", "points": [[1, 1], [2, 2]], "below": "zero", "beyond": "extend"}
    plan = parsed_plan(plan_of([part("a", 1, metric="nrr", curve=curve)]), "drawn")
    (run,) = replay([plan], company.history(), "2025Q1")
    assert run.payouts["value"].tolist() == [1.1]
    for beside, is_reached in ((1.11, False), (1.1 + 3e-9, False), (1.1 - 1.5e-9, True), (1.1 - 1e-8, True)):
        scenarios = pd.DataFrame({"components.a.target.default": [1.1, beside]})
        expected = one_by_one(run, scenarios)
        assert expected == [[25], [25 * is_reached]]
        for kernel in KERNELS:
            assert scenario_cents(run, scenarios, "row", kernel).tolist() == expected  # type: ignore[arg-type]
            assert scenario_cents(run, scenarios[:1], "row", kernel).tolist() == expected[:1]  # type: ignore[arg-type]


def counts(**attained: int) -> Company:
    """Somebody of each name with so many counted in January, and 10,000 a quarter."""
    rows = [counted(n, "2025-01-15", "x", payee_id=name) for name, n in attained.items()]
    return Company([event("a0", "a", "new", 1, "2024-01-01")], [held("a", "p")], [*map(employed, attained)], rows)


def test_a_result_that_stands_on_an_upper_edge_has_not_passed_it() -> None:
    """100% belongs to the band below; beyond it the last band goes on as a line. Whoever has 100% is paid a quarter."""
    curve = {"kind": "table", "bands": [[0.8, 0.25], [1, 1]], "beyond": "extend", "edge": "upper"}
    (run,) = replay([parsed_plan(plan_of([part("a", 1, curve=curve)]), "drawn")], counts(p=1, q=2).history(), "2025Q1")
    scenarios = pd.DataFrame({"components.a.target.default": [1.0, 0.999]})
    expected = one_by_one(run, scenarios)
    assert [row[0] for row in expected] == [250_000, 1_000_000]
    for kernel in KERNELS:
        assert scenario_cents(run, scenarios, "row", kernel).tolist() == expected  # type: ignore[arg-type]
        assert scenario_cents(run, scenarios[:1], "row", kernel).tolist() == expected[:1]  # type: ignore[arg-type]


def test_a_gate_on_the_attainment_of_another_moves_with_its_target() -> None:
    gate = {"kind": "gate", "component": "a", "of": "attainment", "reaches": 1, "otherwise": 0}
    components = [part("a", 0.5), part("b", 0.5, adjustments=[gate])]
    (run,) = replay([parsed_plan(plan_of(components), "drawn")], counts(p=3).history(), "2025Q1")
    scenarios = pd.DataFrame({"components.a.target.default": [2.0, 4.0, 3.0]})
    expected = one_by_one(run, scenarios)
    is_reached = [row[0] > 1_000_000 for row in expected]
    assert is_reached == [True, False, True]
    for kernel in KERNELS:
        assert scenario_cents(run, scenarios, "row", kernel).tolist() == expected  # type: ignore[arg-type]
