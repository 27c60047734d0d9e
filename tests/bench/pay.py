"""Pay under one and many plans beside pandas, a loop over plans and OpenFisca, each in turns in one process.

Rules: blend of individual and team, attainment from floor to target, nothing below a threshold, straight above it,
times more where another measure reached its gate, at most a cap, times weight, target incentive and time on the plan;
a person's components added and rounded half up to the cent, then converted and rounded again. All ways must agree to
the cent. `ratios.py` prints the table.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench import timed
from compmodel import compiled
from compmodel.curves import Curve
from compmodel.earnings import Known
from compmodel.periods import Period
from compmodel.plan import Plan, parsed_plan
from compmodel.prepared_pay import Prepared, prepared
from compmodel.scenario_settings import Wanted, scenario_pay, wanted_now, wanted_of
from compmodel.scenarios import converted_cents, unrounded_totals
from compmodel.stage_pay import Kernel, cost_of_attainment, kernel_for

MEASURES = ("nrr", "grr", "adoption", "renewals")
TARGET = np.array([1.15, 0.95, 0.9, 0.96])
FLOOR = np.array([1.0, 0.8, 0.5, 0.8])
THRESHOLD = np.array([0.2, 0.5, 0.5, 0.25])
CAP, TIMES, GATE = 1.5, 1.2, 0.9
WEIGHT = np.array([0.4, 0.3, 0.2, 0.1])
LEAST_SECONDS = 0.02
RATES = {"USD": 1.0, "EUR": 1.0837, "GBP": 1.2534}


class Tables(NamedTuple):
    """What is known of people: frames as an analyst has them, and the same as arrays."""

    results: pd.DataFrame
    teams: pd.DataFrame
    payees: pd.DataFrame
    days: pd.DataFrame
    fx: pd.DataFrame
    individual: np.ndarray
    team: np.ndarray
    people: pd.DataFrame


def tables(n_payees: int, n_quarters: int, seed: int = 7) -> Tables:
    """Returns a seeded team: round incentives, results of three decimals, a tenth hired within the quarter."""
    rng = np.random.default_rng(seed)
    n_teams = max(2, n_payees // 10)
    payees = pd.DataFrame(
        {
            "payee_id": [f"p{n:05d}" for n in range(n_payees)],
            "team": rng.integers(0, n_teams, n_payees),
            "currency": rng.choice(list(RATES), n_payees, p=[0.7, 0.2, 0.1]),
            "incentive": rng.integers(20, 60, n_payees) * 500.0,
        }
    )
    quarters = [f"{2016 + n // 4}Q{n % 4 + 1}" for n in range(n_quarters)]
    shape = (n_quarters, n_payees, len(MEASURES))
    center, spread = np.array([1.08, 0.91, 0.8, 0.92]), np.array([0.08, 0.06, 0.2, 0.06])
    individual = np.round(rng.normal(center, spread, shape), 3)
    by_team = np.round(rng.normal(center, spread / 2, (n_quarters, n_teams, len(MEASURES))), 3)
    n_days = np.array([Period(name).n_days for name in quarters])
    part = np.where(rng.random((n_quarters, n_payees)) < 0.1, rng.integers(20, 80, (n_quarters, n_payees)), 0)
    on_plan = np.where(part > 0, part, n_days[:, None])
    index = pd.MultiIndex.from_product([quarters, payees["payee_id"]], names=["period", "payee_id"])
    team_index = pd.MultiIndex.from_product([quarters, range(n_teams)], names=["period", "team"])
    long = {"var_name": "measure", "value_name": "value"}
    results = (
        pd.DataFrame(individual.reshape(-1, 4), index, MEASURES).reset_index().melt(["period", "payee_id"], **long)
    )
    teams = pd.DataFrame(by_team.reshape(-1, 4), team_index, MEASURES).reset_index().melt(["period", "team"], **long)
    people = index.to_frame(index=False).merge(payees, on="payee_id")
    people = people.assign(days=on_plan.ravel(), n_days=np.repeat(n_days, n_payees), segment=None)
    position = people["period"].map({name: n for n, name in enumerate(quarters)}).to_numpy()
    team = by_team[position, people["team"].to_numpy()]
    fx = pd.DataFrame({"currency": list(RATES), "rate": list(RATES.values())})
    days = people[["period", "payee_id", "days", "n_days"]]
    return Tables(
        results,
        teams.rename(columns={"value": "team_value"}),
        payees,
        days,
        fx,
        individual.reshape(-1, 4),
        team,
        people,
    )


def plan_of(weight: np.ndarray = WEIGHT, target: np.ndarray = TARGET) -> Plan:
    """Returns the rules as a plan."""
    components = []
    for i, name in enumerate(MEASURES):
        gate = {"kind": "kicker", "component": "grr", "of": "value", "reaches": GATE, "times": TIMES}
        threshold = float(THRESHOLD[i])
        components.append(
            {
                "name": name,
                "metric": f"kpi.{name}",
                "form": "share",
                "level": "individual",
                "weight": float(weight[i]),
                "target": float(target[i]),
                "attainment": {"kind": "from_floor", "floor": float(FLOOR[i])},
                "curve": {
                    "kind": "linear",
                    "points": [[threshold, threshold], [1, 1]],
                    "below": "zero",
                    "beyond": "extend",
                },
                "adjustments": [gate, {"kind": "cap", "factor": CAP}],
            }
        )
    dates = dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on")
    pay = {"currency": "payee", "period": "quarter", "rounding": "half_up"}
    head = {"name": "bench", "title": "Bench", "source": "made up", "effective_on": "2016-01-01"}
    return parsed_plan({**head, "pay": pay, "credit_on": dates, "components": components}, "bench")


def known(given: Tables) -> tuple[Known, list[tuple[np.ndarray, np.ndarray]], Callable[[Any], np.ndarray]]:
    """Returns what the pay stage knows: blended values in whole ten-thousandths, people, time on the plan."""
    whole = 7 * np.rint(given.individual * 1000) + 3 * np.rint(given.team * 1000)
    n = len(whole)
    none, column = np.zeros((n, 4)), np.ones((n, 1))
    people = given.people
    days, n_days, incentive = (people[name].to_numpy(dtype=float)[:, None] for name in ("days", "n_days", "incentive"))
    code, currencies = pd.factorize(people["currency"])
    facts = Known(
        value=whole / 10_000,
        is_empty=np.zeros((n, 4), dtype=bool),
        target=np.broadcast_to(TARGET, (n, 4)),
        months=np.full((n, 4), 3),
        opening=none,
        pool_share=none,
        cent_days=incentive * 100 * days,
        days_on_plan=days,
        n_days=n_days,
        per_year=4 * column,
        incentive_to_date=0 * column,
        rate=np.array([RATES[name] for name in currencies])[code][:, None],
        is_absent=np.zeros((n, 4), dtype=bool),
    )

    def exactly(rows: Any) -> np.ndarray:
        return np.array([[Fraction(int(of), 10_000) for of in row] for row in whole[rows]], dtype=object)

    hundredths = np.full(n, 100.0)
    return facts, [(whole[:, i] / 100, hundredths) for i in range(4)], exactly


Facts = tuple[Known, list[tuple[np.ndarray, np.ndarray]], Callable[[Any], np.ndarray]]


def ready(facts: Facts, plan: Plan) -> Prepared:
    """Returns people and results sorted and prepared, from arrays."""
    of, ratios, exactly = facts
    n = len(of.value)
    found = prepared(plan.components, of, [None] * n, np.ones(n, bool), exactly, ratios)
    assert found is not None
    return found


def one_moved(of: Prepared, wanted: Wanted, n: int, kernel: Kernel | None = None) -> np.ndarray:
    """Returns the cost in whole cents of one scenario, people being prepared and curves read."""
    kernel = kernel or kernel_for(len(of.incentive) * len(of.components), 1)
    pay = scenario_pay(of, wanted, np.array([n]), kernel)
    assert pay is not None
    return converted_cents(of.rate, pay, kernel)[0]


def pandas_plan(given: Tables, weight: np.ndarray = WEIGHT, target: np.ndarray = TARGET) -> np.ndarray:
    """Returns the same in whole cents of the reporting currency, as an analyst writes it: merge and np.select."""
    rules = pd.DataFrame(
        {"measure": MEASURES, "target": target, "floor": FLOOR, "threshold": THRESHOLD, "weight": weight}
    )
    rows = (
        given.results.merge(given.payees, on="payee_id")
        .merge(given.teams, on=["period", "team", "measure"])
        .merge(given.days, on=["period", "payee_id"])
        .merge(rules, on="measure")
        .merge(given.fx, on="currency")
    )
    value = 0.7 * rows["value"] + 0.3 * rows["team_value"]
    is_gate = rows["measure"] == "grr"
    gate = rows.loc[is_gate, ["period", "payee_id"]].assign(met=value[is_gate] >= GATE - 1e-9)
    met = rows[["period", "payee_id"]].merge(gate, on=["period", "payee_id"], how="left")["met"].to_numpy()
    attained = (value - rows["floor"]) / (rows["target"] - rows["floor"])
    factor = np.select([attained < rows["threshold"] - 1e-9, met], [0.0, TIMES * attained], attained)
    factor = np.minimum(factor, CAP)
    pay = rows["incentive"] / 4 * rows["days"] / rows["n_days"] * rows["weight"] * factor
    keys = [rows["period"], rows["payee_id"]]
    total = pay.groupby(keys).sum()
    nudge = 100 * (1 + 2.0**-47)
    cents = np.floor(total * nudge + 0.5)
    rate = rows["rate"].groupby(keys).first()
    return np.floor(cents * rate * (1 + 2.0**-47) + 0.5).to_numpy(dtype=np.int64)


def _formulas(i: int) -> dict[str, Callable[[Any, Any], Any]]:
    """OpenFisca's formulas of one measure."""
    m = MEASURES[i]

    def blend(person: Any, period: Any) -> Any:
        return 0.7 * person(f"own_{m}", period) + 0.3 * person(f"team_{m}", period)

    def attained(person: Any, period: Any) -> Any:
        return (person(f"value_{m}", period) - FLOOR[i]) / (TARGET[i] - FLOOR[i])

    def factor(person: Any, period: Any) -> Any:
        reached, met = person(f"attained_{m}", period), person("value_grr", period) >= GATE - 1e-9
        return np.minimum(np.select([reached < THRESHOLD[i] - 1e-9, met], [0.0, TIMES * reached], reached), CAP)

    return {"value": blend, "attained": attained, "factor": factor}


def openfisca_plan(given: Tables) -> Callable[[], np.ndarray]:
    """Returns the same rules in OpenFisca with float64, a month for each quarter; pay in whole cents, not converted."""
    from openfisca_core import entities, periods, simulation_builder, taxbenefitsystems, variables
    from openfisca_core.variables import config

    config.VALUE_TYPES[float]["dtype"] = np.float64
    person = entities.build_entity(key="person", plural="people", label="", is_person=True)
    home = entities.build_entity(key="home", plural="homes", label="", roles=[{"key": "member", "plural": "members"}])
    system = taxbenefitsystems.TaxBenefitSystem([person, home])

    def add(name: str, formula: Any = None) -> None:
        members = {"value_type": float, "entity": person, "definition_period": periods.DateUnit.MONTH}
        if formula is not None:
            members["formula"] = formula
        system.add_variable(type(name, (variables.Variable,), {**members, "label": name}))

    for name in ("incentive", "share", *(f"{kind}_{m}" for m in MEASURES for kind in ("own", "team"))):
        add(name)
    for i in range(len(MEASURES)):
        for kind, formula in _formulas(i).items():
            add(f"{kind}_{MEASURES[i]}", formula)

    def total(person: Any, period: Any) -> Any:
        found = sum(WEIGHT[i] * person(f"factor_{m}", period) for i, m in enumerate(MEASURES))
        pay = person("incentive", period) / 4 * person("share", period) * found
        return np.floor(pay * 100 * (1 + 2.0**-47) + 0.5)

    add("cents", total)
    n_payees = len(given.payees)
    n_quarters = len(given.people) // n_payees
    months = [f"{2000 + n // 12}-{n % 12 + 1:02d}" for n in range(n_quarters)]
    inputs = {"incentive": given.people["incentive"].to_numpy()}
    inputs["share"] = (given.people["days"] / given.people["n_days"]).to_numpy()
    for i, m in enumerate(MEASURES):
        inputs[f"own_{m}"], inputs[f"team_{m}"] = given.individual[:, i], given.team[:, i]

    def work() -> np.ndarray:
        simulation = simulation_builder.SimulationBuilder().build_default_simulation(system, count=n_payees)
        for n, month in enumerate(months):
            for name, values in inputs.items():
                simulation.set_input(name, month, values[n * n_payees : (n + 1) * n_payees])
        return np.concatenate([simulation.calculate("cents", month) for month in months]).astype(np.int64)

    return work


def drawn_plans(n: int, seed: int = 3) -> pd.DataFrame:
    """Returns scenarios: weights in steps of 5%, every target on its own grid of a thousandth."""
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(17, [0.4, 0.3, 0.2, 0.1], n)[:, :3] * 0.05
    drawn = {f"components.{m}.weight": np.round(weights[:, i], 2) for i, m in enumerate(MEASURES[:3])}
    for i, m in enumerate(MEASURES):
        drawn[f"components.{m}.target.default"] = np.round(TARGET[i] + rng.integers(-20, 21, n) / 1000, 3)
    return pd.DataFrame(drawn)


def heatmap_plans(n_weights: int, n_targets: int) -> pd.DataFrame:
    """Returns scenarios: weight of NRR by its target."""
    weights, targets = 0.02 * np.arange(1, n_weights + 1), 1.1 + 0.002 * np.arange(n_targets)
    both = np.array([(weight, target) for weight in np.round(weights, 2) for target in np.round(targets, 3)])
    return pd.DataFrame(both, columns=["components.nrr.weight", "components.nrr.target.default"])


def swept(of: Prepared, plan: Plan, plans: pd.DataFrame, kernel: Kernel) -> np.ndarray:
    """Returns the cost of each scenario in whole cents."""
    wanted = wanted_of(plan, plans)
    assert wanted is not None
    step = max(1, 2**25 // (8 * len(of.incentive)))
    order = np.lexsort(wanted.which.T[::-1])
    cost = np.empty(len(plans), dtype=np.int64)
    for start in range(0, len(plans), step):
        some = order[start : start + step]
        found = scenario_pay(of, wanted, some, kernel)
        assert found is not None
        cost[some] = converted_cents(of.rate, found, kernel).sum(axis=1)
    return cost


def looped(of: Prepared, plan: Plan, plans: pd.DataFrame, kernel: Kernel) -> np.ndarray:
    """Returns the same by the one-plan path, a plan after the other."""
    wanted = wanted_of(plan, plans)
    assert wanted is not None
    return np.array([one_moved(of, wanted, n, kernel).sum() for n in range(len(plans))])


def simulated_years(n_payees: int, n_years: int, seed: int = 5) -> tuple[Curve, np.ndarray, np.ndarray]:
    """Returns a curve with an accelerator, yearly attainment of years x payees, and target incentives."""
    rng = np.random.default_rng(seed)
    curve = Curve(kind="linear", points=((0.5, 0.0), (1.0, 1.0), (1.5, 2.5)), beyond="hold")
    return curve, rng.normal(0.95, 0.25, (n_years, n_payees)), rng.integers(20, 60, n_payees) * 500.0


def numpy_years(curve: Curve, attainment: np.ndarray, incentive: np.ndarray) -> np.ndarray:
    """Returns P10, P50 and P90 of a year's cost, in plain numpy."""
    at, factor = np.array(curve.points).T
    return np.quantile((np.interp(attainment, at, factor) * incentive).sum(axis=1), [0.1, 0.5, 0.9])


def our_years(curve: Curve, attainment: np.ndarray, incentive: np.ndarray) -> np.ndarray:
    """Returns the same by `cost_of_attainment`."""
    return np.quantile(cost_of_attainment(curve, attainment, incentive), [0.1, 0.5, 0.9])


class Line(NamedTuple):
    """A row of the table: the work, its rival, median seconds of both, the ratio asked for."""

    work: str
    rival: str
    ours: float
    theirs: float
    target: float


def medians(rounds: int, *ways: Callable[[], Any], warm: int = 1) -> list[float]:
    """Returns the median seconds of each way; they take turns, first so many times without being timed.

    In its turn a way that takes less than 20 ms is repeated for as long, as timeit does, and the mean counts.
    """
    seconds: list[list[float]] = [[] for _ in ways]
    for n in range(1 - warm, rounds + 1):
        for taken, way in zip(seconds, ways, strict=True):
            gc.collect()
            spent, times = timed(way)[0], 1
            while spent < LEAST_SECONDS:
                spent += timed(way)[0]
                times += 1
            if n > 0:
                taken.append(spent / times)
    return [statistics.median(taken) for taken in seconds]


def same(one: np.ndarray, other: np.ndarray, what: str) -> None:
    """Stops unless two ways agree in every cent."""
    assert (one == other).all(), f"{what}: {(one != other).sum()} of {one.size} differ"


def one_plan_lines(name: str, given: Tables, rounds: int, target: float, with_openfisca: bool) -> list[Line]:
    """Returns the rows of one plan; all ways agree to the cent."""
    plan = plan_of()
    facts = known(given)
    of = ready(facts, plan)
    moved, now = wanted_of(plan, pd.DataFrame({"components.nrr.target.default": TARGET[:1]})), wanted_now(plan)
    assert moved is not None
    ours: dict[str, Callable[[], Any]] = {
        "a lever moved": lambda: one_moved(of, moved, 0),
        "from arrays": lambda: one_moved(ready(facts, plan), now, 0),
        "from frames": lambda: one_moved(ready(known(given), plan), now, 0),
        "from frames and a plan": lambda: one_moved(ready(known(given), plan), wanted_now(plan), 0),
    }
    rivals: dict[str, Callable[[], Any]] = {"pandas merge + np.select": lambda: pandas_plan(given)}
    for way, work in ours.items():
        same(work(), pandas_plan(given), f"one plan {name}, {way}, pandas")
    if with_openfisca:
        rival = openfisca_plan(given)
        unconverted = replace(of, rate=np.ones_like(of.rate))
        same(one_moved(unconverted, now, 0), rival(), f"one plan {name}, OpenFisca")
        rivals["OpenFisca-core, float64"] = rival
    found = medians(rounds, *ours.values(), *rivals.values())
    of_rivals = dict(zip(rivals, found[len(ours) :], strict=True))
    return [
        Line(f"one plan, {name}, {way}", other, seconds, theirs, target if other.startswith("pandas") else 60)
        for other, theirs in of_rivals.items()
        for way, seconds in zip(ours, found, strict=False)
    ]


def many_plans_lines(
    name: str,
    given: Tables,
    plans: pd.DataFrame,
    n_looped: int,
    n_pandas: int,
    rounds: int,
    targets: tuple[float, float],
) -> list[Line]:
    """Returns the rows of many plans; the loop is timed over `n_looped` plans, pandas over `n_pandas`, and scaled."""
    plan = plan_of()
    of = ready(known(given), plan)
    some = plans.iloc[:n_looped]
    kernels: list[Kernel] = ["numpy", "compiled"] if compiled.IS_COMPILED else ["numpy"]
    one = looped(of, plan, some, kernels[-1])
    for kernel in kernels:
        same(swept(of, plan, some, kernel), one, f"{name}, {kernel}")

    def by_pandas() -> None:
        for n in range(n_pandas):
            weight, target = WEIGHT.copy(), TARGET.copy()
            for i, m in enumerate(MEASURES):
                weight[i] = plans.get(f"components.{m}.weight", pd.Series(WEIGHT[i], plans.index)).iloc[n]
                target[i] = plans.get(f"components.{m}.target.default", pd.Series(TARGET[i], plans.index)).iloc[n]
            weight[-1] = round(1 - weight[:-1].sum(), 9)
            same(np.array([pandas_plan(given, weight, target).sum()]), one[n : n + 1], f"{name}, pandas")

    ways: list[Callable[[], Any]] = [by_pandas if n_pandas else (lambda: None)]
    ways += [lambda kernel=kernel: looped(of, plan, some, kernel) for kernel in kernels]  # type: ignore[misc]
    ways += [lambda kernel=kernel: swept(of, plan, plans, kernel) for kernel in kernels]  # type: ignore[misc]
    pandas, *found = medians(rounds, *ways)
    loops, ours = found[: len(kernels)], found[len(kernels) :]
    rows = []
    for kernel, seconds, loop in zip(kernels, ours, loops, strict=True):
        work = f"{len(plans):,} plans, {name} ({kernel})"
        rows.append(
            Line(work, f"a loop of the one-plan path ({kernel})", seconds, loop * len(plans) / n_looped, targets[0])
        )
        if n_pandas:
            rows.append(Line(work, "a loop of pandas", seconds, pandas * len(plans) / n_pandas, targets[1]))
    return rows


def totals_lines(given: Tables, n_plans: int, rounds: int) -> tuple[list[Line], float]:
    """Returns the rows of totals alone, and their largest relative error."""
    plan = plan_of()
    plain = {f"components.{m}.adjustments": [{"kind": "cap", "factor": CAP}] for m in MEASURES}
    plan = plan.replace(plain)
    of, plans = ready(known(given), plan), drawn_plans(n_plans)
    kernels: list[Kernel] = ["numpy", "compiled"] if compiled.IS_COMPILED else ["numpy"]
    exact = swept(of, plan, plans, kernels[-1]) / 100

    def totals() -> np.ndarray:
        found = wanted_of(plan, plans)
        assert found is not None
        return unrounded_totals(of, found)

    off = float(np.abs(totals() / exact - 1).max())
    ways = [lambda kernel=kernel: swept(of, plan, plans, kernel) for kernel in kernels]  # type: ignore[misc]
    ours, *theirs = medians(rounds, totals, *ways)
    work = f"totals of {n_plans:,} plans, {len(of.incentive):,} people-quarters"
    rivals = zip(kernels, theirs, strict=True)
    return [Line(work, f"the blocked kernel ({kernel})", ours, seconds, 15) for kernel, seconds in rivals], off


def years_line(n_payees: int, n_years: int, rounds: int) -> Line:
    """Returns the row of simulated years; both ways agree to 1e-9."""
    given = simulated_years(n_payees, n_years)
    assert np.allclose(our_years(*given), numpy_years(*given), rtol=1e-9)
    ours, theirs = medians(rounds, lambda: our_years(*given), lambda: numpy_years(*given), warm=0)
    return Line(f"{n_payees} payees x {n_years:,} simulated years", "plain numpy, all at once", ours, theirs, 3)


def rows(tiny: bool = False, large: bool = False) -> tuple[list[Line], float]:
    """Returns the rows of pay, and the largest relative error of totals."""
    if tiny:
        small = tables(20, 4)
        found = one_plan_lines("tiny", small, 1, 1, with_openfisca=True)
        found += many_plans_lines("tiny", small, drawn_plans(12), 12, 3, 1, (1, 1))
        found += many_plans_lines("tiny heatmap", small, heatmap_plans(3, 4), 12, 0, 1, (1, 1))
        lines, off = totals_lines(small, 12, 1)
        return [*found, *lines, years_line(10, 1000, 1)], off
    small = tables(200, 12)
    found = one_plan_lines("S", small, 25, 30, with_openfisca=True)
    found += many_plans_lines("M", small, drawn_plans(1000), 200, 10, 5, (2.5, 100))
    found += many_plans_lines("M, heatmap 25 x 40", small, heatmap_plans(25, 40), 200, 0, 5, (8, 1))
    lines, off = totals_lines(tables(2000, 12), 1000, 3)
    found += [*lines, years_line(500, 100_000, 3)]
    most = tables(5000, 40)
    found += one_plan_lines("L", most, 3, 8, with_openfisca=False)
    if large:
        found += many_plans_lines("L", most, drawn_plans(1000), 20, 0, 1, (1, 1))
    return found, off
