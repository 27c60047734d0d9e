"""What the next 1,000 of ARR pays: by hand at floors, caps and cliffs, and as a replay with one more expansion says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import compmodel as cm
from compmodel import marginal_pay_charts as charts
from compmodel.compare import Comparison
from compmodel.errors import CompModelError
from compmodel.marginal_pay import (
    ALL,
    CAPPED,
    CLIFF,
    COLUMNS,
    DEAD,
    LESS,
    OTHER,
    PAYS,
    UNDEFINED,
    ZONES,
    _sentence,
    curve_cliffs,
    marginal_pay,
    people_counted,
)
from compmodel.marginal_pay_map import marginal_pay_map
from compmodel.plan import Plan, load_plan, parsed_plan
from compmodel.replay import replay
from compmodel.style import percent
from histories import CURVES, PERIODS, SPAN, Company, employed, event, held, sample_history

EFFECTIVE = dict.fromkeys(("churn", "contraction", "renewal", "expansion"), "effective_on")


def plan_of(
    curve: Any = None, metric: str = "nrr", level: Any = "individual", target: object = 1.15, **more: Any
) -> Plan:
    adjustments, floor = more.pop("settled", []), more.pop("floor", 1.0)
    component = {
        "name": "part",
        "metric": metric,
        "level": level,
        "weight": 1,
        "target": target,
        "attainment": {"kind": "from_floor", "floor": floor} if floor is not None else {"kind": "ratio"},
        "curve": curve or {"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "hold"},
        **more,
    }
    written = load_plan("data/plans/halves.yaml").model_dump(mode="json", exclude_unset=True)
    written |= {"name": "one", "title": "One", "components": [component], "adjustments": adjustments}
    return parsed_plan({**written, "credit_on": EFFECTIVE, "open_decisions": []}, "one")


def company(*moves: float) -> Company:
    """A payee for each move of the first quarter of 2025, with 200,000 of ARR before it and 10,000 of incentive."""
    rows: dict[str, list[Any]] = {"arr_events": [], "assignments": [], "payees": []}
    for i, move in enumerate(moves):
        account, payee, day = f"a{i}", f"p{i}", "2025-02-10"
        rows["arr_events"].append(event(f"n{i}", account, "new", 200_000, "2024-01-01"))
        if move:
            kind = "expansion" if move > 0 else "contraction"
            dates = {"notice_on": day, "ends_on": day, "signed_on": day}
            rows["arr_events"].append(event(f"m{i}", account, kind, move, day, **dates))
        rows["assignments"].append(held(account, payee))
        rows["payees"].append(employed(payee, name=f"{move:g}"))
    return Company(**rows)


def rows(plan: Plan, of: Company, **how: Any) -> pd.DataFrame:
    comparison = cm.compare(replay([plan], of.history(), "2025Q1"), plan.name, "shown")
    return marginal_pay(comparison, **how).table


def by_move(plan: Plan, *moves: float) -> dict[float, Any]:
    """The row of each move; all of ARR together say the same of the one component."""
    table = rows(plan, company(*moves))
    whole = table[table["component"] == ALL].set_index("person")
    found = {float(row.person): row for row in table[table["component"] == "part"].itertuples()}
    for move, row in found.items():
        assert (row.extra, row.zone) == tuple(whole.loc[f"{move:g}", ["extra", "zone"]])
    return found


def test_dead_zone_and_cap_by_hand() -> None:
    """NRR pays nothing at 100%, all of 10,000 at 115% and no more; 1,000 of 200,000 is half a point."""
    expected = {
        -4_000: (0.0, DEAD),  # 98%, and 98.5% pays no more
        -500: (166.67, PAYS),  # 99.75% to 100.25%: only what lies above the floor
        0: (333.33, PAYS),  # exactly on the floor: half a point of fifteen
        15_000: (333.33, PAYS),
        29_500: (166.67, PAYS),  # to the cap and no further
        30_000: (0.0, CAPPED),  # exactly at the cap
        40_000: (0.0, CAPPED),
    }
    found = by_move(plan_of(), *expected)
    assert {move: (row.extra, row.zone) for move, row in found.items()} == expected
    assert all(row.slope == row.extra for row in found.values())


def test_a_cliff_by_hand() -> None:
    expected = {
        20_000: (0.0, DEAD, None),  # 110%: the cliff is 33 points of attainment away
        28_999: (0.0, CLIFF, 10_000.0),  # 1 short
        29_000: (10_000.0, CLIFF, 10_000.0),  # the step ends exactly on the edge, which belongs to what begins there
        29_500: (10_000.0, CLIFF, 10_000.0),
        30_000: (0.0, CAPPED, None),  # on the edge nothing more comes
    }
    table = {"kind": "table", "bands": [[1, 1]], "edge": "lower", "beyond": "hold"}
    for move, row in by_move(plan_of(table), *expected).items():
        extra, zone, height = expected[int(move)]
        assert (row.extra, row.zone) == (extra, zone)
        assert row.cliff_pay == height if height else row.cliff_pay != row.cliff_pay
        assert row.cliff_at == 1.15 if height else row.cliff_at != row.cliff_at


def test_exactly_on_an_upper_edge_the_cliff_is_still_ahead() -> None:
    table = {"kind": "table", "bands": [[0.5, 0.2], [1, 1]], "edge": "upper", "beyond": "hold"}
    row = by_move(plan_of(table), 30_000)[30_000]
    assert (row.extra, row.zone, row.cliff_pay) == (8_000.0, CLIFF, 8_000.0)


def test_a_gate_is_a_cliff_and_a_closed_one_a_dead_zone() -> None:
    found = by_move(plan_of(adjustments=[{"kind": "gate", "of": "value", "reaches": 1.10}]), 19_500, 5_000)
    assert (found[19_500].extra, found[19_500].zone, found[19_500].cliff_at) == (6_833.33, CLIFF, 1.10)
    assert abs(found[19_500].cliff_pay - 6_666.67) <= 0.01  # 10 of 15 points, which were closed before
    assert (found[5_000].extra, found[5_000].zone) == (0.0, DEAD)


def test_flat_with_more_beyond_is_a_dead_zone_also_above_target() -> None:
    table = {"kind": "table", "bands": [[0.9, 0.5], [1, 1], [1.3, 2]], "edge": "lower", "beyond": "hold"}
    found = by_move(plan_of(table), 31_000, 45_000)
    assert [found[move].zone for move in (31_000, 45_000)] == [DEAD, CAPPED]


def test_where_all_is_kept_nothing_more_can_be() -> None:
    plan = plan_of({"kind": "linear", "points": [[0, 0], [1, 1]], "beyond": "extend"}, "grr", target=0.9, floor=0.5)
    found = {move: (row.extra, row.zone) for move, row in by_move(plan, -400, -4_000, 0).items()}
    assert found == {-4_000: (125.0, PAYS), -400: (50.0, PAYS), 0: (0.0, CAPPED)}  # of 400 lost only 400 can be kept


def test_falling_pay_and_nothing_measured() -> None:
    falls = {"kind": "linear", "points": [[0, 0], [1, 1], [2, 0]], "beyond": "hold", "may_fall": True}
    assert by_move(plan_of(falls), 40_000)[40_000].zone == LESS
    nobody = company(0).but(assignments=[])
    found = rows(plan_of(), nobody)
    assert found["zone"].tolist() == [UNDEFINED, UNDEFINED]
    assert found["extra"].isna().all()


BOOKS = Company(
    arr_events=[
        event("a0", "a", "new", 200_000, "2024-01-01"),
        event("b0", "b", "new", 120_000, "2024-01-01"),
        event("c0", "c", "new", 80_000, "2024-01-01"),
        event("a1", "a", "expansion", 27_500, "2025-02-03", signed_on="2025-02-03"),
        event("b1", "b", "expansion", 17_400, "2025-05-03", signed_on="2025-05-03"),
        event("c1", "c", "contraction", -4_000, "2025-05-03", notice_on="2025-05-03", ends_on="2025-05-02"),
        event("a2", "a", "contraction", -9_000, "2025-08-03", notice_on="2025-08-03", ends_on="2025-08-02"),
        event("c2", "c", "expansion", 11_111.11, "2025-08-03", signed_on="2025-08-03"),
    ],
    assignments=[held("a", "p"), held("b", "q"), held("c", "r")],
    payees=[
        employed("p", name="Ada", team="t"),
        employed("q", 33_333.33, name="Bo", team="t"),
        employed("r", 17_777.78, name="Cy", team="u"),
    ],
)


WAYS = {
    **{f"curve {i}": plan_of(CURVES[i]) for i in (0, 2, 4, 7, 8, 9, 12, 14)},
    "team": plan_of(CURVES[2], level="team"),
    "blend": plan_of(CURVES[2], level={"individual": 0.5, "team": 0.3, "company": 0.2}),
    "mean of ratios": plan_of(CURVES[2], level={"individual": 0.5, "team": 0.5}, unit_figure="mean_of_ratios"),
    "annualised": plan_of(CURVES[0], annualised="compounding", target=1.6),
    "half": plan_of(CURVES[1], baseline="half_start"),
    "two quarters": plan_of(CURVES[1], baseline="two_quarters"),
    "months": plan_of(CURVES[1], baseline="month_start", combined="chained"),
    "expansion rate": plan_of(CURVES[1], "expansion_rate", target=0.1, floor=None),
    "net new": plan_of(CURVES[1], "net_new_arr", target=20_000, floor=None),
    "draw": plan_of(CURVES[1], settled=[{"kind": "draw", "amount": 3_000, "recoverable": True}]),
    "budget": plan_of(CURVES[1], settled=[{"kind": "budget", "amount": 5_000}]),
}


@pytest.fixture(scope="module")
def by_event() -> list[tuple[str, str, list[pd.Series]]]:
    """The slow way: histories with 1,000 more late in a quarter, in somebody's account, replayed; pay of each way."""
    plans = [plan.replace({"name": f"p{i}"}) for i, plan in enumerate(WAYS.values())]
    found = []
    for account, payee, n in (("a", "p", 0), ("b", "q", 1), ("c", "r", 2), ("b", "q", 0), ("a", "p", 2)):
        day = f"2025-{3 * n + 3:02d}-20"
        more = event("more", account, "expansion", 1_000, day, signed_on=day)
        runs = replay(plans, BOOKS.but(arr_events=[*BOOKS.arr_events, more]).history(), SPAN)
        found.append((payee, PERIODS[n], [run.payouts.groupby(["payee_id", "period"])["cost"].sum() for run in runs]))
    return found


@pytest.fixture(scope="module")
def history() -> cm.History:
    return BOOKS.history()


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_one_more_expansion_pays_as_much_through_the_whole_replay(way: str, history: cm.History, by_event: Any) -> None:
    comparison = cm.compare(replay([WAYS[way]], history, SPAN), "one", "shown")
    found = marginal_pay(comparison).table
    extra = {(r.person, r.period): r.extra for r in found[found["component"] == ALL].itertuples()}
    names = {row["payee_id"]: row["name"] for row in BOOKS.payees}
    base = comparison.replays[0].payouts.groupby(["payee_id", "period"])["cost"].sum()
    for payee, period, paid in by_event:
        slowly = paid[list(WAYS).index(way)][payee, period] - base[payee, period]
        assert extra[names[payee], period] == round(slowly, 2), (payee, period)


def test_on_the_sample_the_sentence_counts_the_table() -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    comparison = cm.compare(replay(plans, sample_history(), "2025Q3:2025Q4"), "thirds", "shown")
    answer = marginal_pay(comparison, 10_000)
    assert list(answer.table.columns) == COLUMNS
    for plan in comparison.plans:
        mine = answer.table[(answer.table["plan"] == plan.name) & (answer.table["component"] == ALL)]
        known = mine[mine["zone"] != UNDEFINED]
        share = cm.style.percent((known["extra"] == 0).mean())
        said = (
            f"Under {plan.title} another 10,000 USD of retained ARR paid nothing in {share} of {len(known)} "
            "people-quarters"
        )
        assert said in answer.sentence
        assert len(mine) == len(comparison.replays[0].stage.people)
    parts = answer.table[answer.table["component"] == "nrr"]
    assert set(parts["component"]) == {"nrr"}
    np_slope = (parts["slope"] - parts["extra"] / 10).abs().max()
    assert np_slope < 1e-9


def test_beside_aliases_people_are_counted_and_nobody_is_told() -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    replays = replay(plans, sample_history(), "2025Q3:2025Q4")
    shown, aliased = (marginal_pay(cm.compare(replays, "thirds", names)).table for names in ("shown", "aliases"))
    assert list(aliased.columns) == ["plan", "title", "component", "attainment", "zone", "n", "slope"]
    assert aliased["n"].sum() == len(shown)
    assert aliased["n"].min() >= 5
    by = ["plan", "component", "zone"]
    people = shown.groupby(by)["person"].nunique()
    kept = {key: n for key, n in shown.groupby(by).size().items() if people[key] >= 5}
    found = aliased[aliased["zone"] != OTHER].groupby(by)["n"].sum().to_dict()
    assert found.items() <= kept.items()
    assert len(found) >= len(kept) - 1
    assert aliased["slope"].notna().any()


@pytest.mark.parametrize("seed", range(8))
def test_beside_aliases_five_people_are_in_every_row(seed: int) -> None:
    """Tables of chance: nobody counted twice, nobody lost but where fewer than five are in all, five in each row."""
    rng = np.random.default_rng(seed)
    n, n_people = int(rng.integers(6, 120)), int(rng.integers(3, 30))
    whole = {"plan": "a", "title": "A", "component": "nrr", "slope": 1.0, "extra": 1.0}
    table = pd.DataFrame({"person": rng.integers(0, n_people, n).astype(str), "zone": rng.choice(ZONES, n)}).assign(
        **whole
    )
    table["attainment"] = np.where(table["zone"] == "undefined", np.nan, rng.normal(1, 0.2, n))
    table["slope"] = np.arange(n) + 1.0
    found = people_counted(table)
    assert found["n"].sum() == (n if table["person"].nunique() >= 5 else 0)
    assert (found["n"] * found["slope"]).sum() == pytest.approx(len(found) and table["slope"].sum(), abs=0.01 * n)
    assert (found["n"] >= 5).all()
    alone = table.assign(person="x" + table["person"].where(table["person"].astype(int) < 3, "0"))
    assert people_counted(alone).empty
    assert list(people_counted(found)) == list(found)


def test_beside_aliases_no_share_of_fewer_than_five_people_is_said() -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves")]
    history = sample_history()
    for span in ("2025Q3", "2025Q1:2025Q4"):
        replays = replay(plans, history, span)
        shown = marginal_pay(cm.compare(replays, "thirds", "shown")).table
        said = marginal_pay(cm.compare(replays, "thirds")).sentence.split("Under ")[1:]
        for plan, words in zip(plans, said, strict=True):
            whole = shown[(shown["plan"] == plan.name) & (shown["component"] == "all of ARR")]
            near, nothing = whole[whole["zone"] == "cliff"], whole[whole["extra"] == 0]
            for some, told in ((near, "a cliff lay within the step or 5 points in"), (nothing, "paid nothing in")):
                n_people = some["person"].nunique()
                assert (told in words) is (n_people >= 5 or (not n_people and "nothing" in told)), (span, words)


def test_beside_aliases_a_mean_that_few_people_make_is_empty() -> None:
    """One of 48 people is paid: the mean times 48 would be that one's pay."""
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "halves", "flowfuse_cliff")]
    replays = replay(plans, sample_history(), "2025Q4")
    shown = marginal_pay(cm.compare(replays, "thirds", "shown")).table
    cliff = shown[(shown["plan"] == "flowfuse_cliff") & (shown["component"] == ALL)]
    assert (len(cliff), (cliff["slope"] != 0).sum()) == (48, 1)
    answer = marginal_pay(cm.compare(replays, "thirds"))
    mine = answer.table[answer.table["plan"] == "flowfuse_cliff"]
    assert mine["slope"].fillna(0).eq(0).all(), "nothing but 0 and empty"
    assert mine.loc[mine["component"] == ALL, "slope"].isna().all()
    words = answer.sentence.split("Under ")[-1]
    assert words == (
        "NRR cliff another 1,000 USD of retained ARR paid nothing for all but fewer than five people "
        "of 48 people-quarters."
    )
    assert answer.table.loc[answer.table["plan"] == "halves", "slope"].notna().all()


@pytest.mark.parametrize("n_paid", range(8))
def test_a_mean_is_empty_in_the_bands_beside_a_hidden_one_too(n_paid: int) -> None:
    """Six paid people in one band, some in another: with the sum of both, one band would tell the other."""
    slopes = [*[7.0] * 6, *[9.0] * n_paid, *[0.0] * (12 - n_paid), *[0.0] * 6]
    table = pd.DataFrame({"slope": slopes, "attainment": np.repeat([0.51, 1.01, 1.51], [6, 12, 6])})
    table = table.assign(plan="a", title="A", component="nrr", zone=PAYS, person=[str(i) for i in range(24)])
    found = people_counted(table)
    assert found["n"].tolist() == [6, 12, 6]
    told = [7.0, round(9 * n_paid / 12, 2), 0.0]
    assert found["slope"].fillna(-1).tolist() == ([-1, -1, 0] if 1 <= n_paid <= 4 else told)


def said_of(dead: int = 0, capped: int = 0, pays: int = 0, near: int = 0, unmeasured: int = 0) -> str:
    """The sentence beside aliases where so many people of "One" are in each zone, a period each."""
    zones = [DEAD] * dead + [CAPPED] * capped + [PAYS] * pays + [CLIFF] * near + [UNDEFINED] * unmeasured
    table = pd.DataFrame({"zone": zones, "component": ALL, "cliff_pay": 10.0})
    table = table.assign(person=[str(i) for i in range(len(zones))], is_dead=table["zone"] == DEAD)
    table["extra"] = table["zone"].isin([PAYS, CLIFF]) * 5.0
    comparison = Comparison.__new__(Comparison)
    for name, value in {"names": "aliases", "currency": "USD"}.items():
        object.__setattr__(comparison, name, value)
    start = "Under One another 1,000 USD of retained ARR paid nothing "
    return _sentence(comparison, plan_of(), table, 1000, 0.05).removeprefix(start)


@pytest.mark.parametrize("n", range(1, 5))
def test_beside_aliases_one_to_four_people_are_fewer_than_five_in_every_clause(n: int) -> None:
    few, rest, of = "for fewer than five people", "for all but fewer than five people", f"of {40 + n} people-quarters"
    dead, both = percent(40 / (40 + n)), "in 100%"
    assert said_of(dead=n, pays=40) == f"{few} {of}."
    assert said_of(capped=n, pays=40) == f"{few} {of}."
    assert said_of(dead=40, pays=n) == f"{rest} {of}."
    assert said_of(capped=40, pays=n) == f"{rest} {of}."
    assert said_of(dead=40, capped=n) == f"{both} {of}.", "the one part would tell the other"
    assert said_of(dead=n, capped=40) == f"{both} {of}."
    assert said_of(dead=20, capped=20, pays=n) == f"{rest} {of}."
    cliff = "; a cliff lay within the step or 5 points"
    assert said_of(near=n, pays=40) == f"in 0% {of}{cliff} {few}."
    assert said_of(near=40, pays=n) == f"in 0% {of}{cliff} {rest}."
    none = "some of fewer than five people had nothing measured"
    assert said_of(dead=40, unmeasured=n) == f"in 100% of 40 people-quarters (100% in a dead zone); {none}."
    hidden = "One measures ARR for fewer than five people, so nothing of it is shown beside aliases."
    assert said_of(pays=n) == said_of(pays=n, unmeasured=40) == said_of(dead=n) == hidden
    assert dead not in said_of(dead=40, pays=n)


def test_beside_aliases_five_people_are_told_in_every_clause() -> None:
    said = "in 60% of 50 people-quarters (50% in a dead zone, 10% with the cap reached)"
    assert said_of(25, 5, 15, 5, 5) == (
        f"{said}; a cliff lay within the step or 5 points in 10%; five others had nothing measured."
    )
    assert said_of(5, 5, 40) == "in 20% of 50 people-quarters (10% in a dead zone, 10% with the cap reached)."
    assert said_of(45, 0, 5) == "in 90% of 50 people-quarters (90% in a dead zone)."


def test_a_step_must_be_something() -> None:
    with pytest.raises(CompModelError, match="step is 0, but must be above 0"):
        rows(plan_of(), company(0), step=0)


def test_a_plan_without_arr_pays_nothing_for_it() -> None:
    halves = load_plan("data/plans/halves.yaml").replace({"components.nrr.weight": 0, "components.kpi.weight": 1})
    comparison = cm.compare(replay([halves], sample_history(), "2025Q4"), "halves", "shown")
    assert marginal_pay(comparison).sentence == "Halves pays nobody on a measure of ARR here, so no further ARR pays."
    with pytest.raises(CompModelError, match="has no component of ARR"):
        charts.marginal_pay_curve(comparison)


def test_the_map_by_hand(history: cm.History) -> None:
    """A jump to 50% at 90%, then straight to 100% at 100%, then nothing more."""
    curve = {"kind": "linear", "points": [[0.9, 0.5], [1, 1]], "beyond": "hold", "below": "zero", "edge": "lower"}
    comparison = cm.compare(replay([plan_of(curve)], history, "2025Q1"), "one", "shown")
    answer = marginal_pay_map(comparison)
    table = answer.table.set_index("attainment")
    assert len(table) == 151
    assert list(table.loc[0.88, ["slope", "pay", "jump"]]) == [0.0, 0.0, 0.0]
    assert list(table.loc[0.89, ["slope", "pay", "jump"]]) == [0.0, 0.5, 0.5]
    assert list(table.loc[0.9, ["slope", "pay", "jump"]]) == [5.0, 0.05, 0.0]
    assert list(table.loc[1.0, ["slope", "pay", "jump"]]) == [0.0, 0.0, 0.0]
    assert (
        answer.sentence
        == "One: NRR pays nothing more up to 90% attained and from 100% attained on, and 50% at once at 90%."
    )


@pytest.mark.parametrize("written", CURVES)
def test_the_map_is_steady_but_for_its_jumps(written: Any, history: cm.History) -> None:
    """Without its jumps a point pays what its slopes on both ends allow."""
    plan = plan_of(written)
    comparison = cm.compare(replay([plan], history, "2025Q1"), "one", "shown")
    table = marginal_pay_map(comparison).table
    steady, slope = (table["pay"] - table["jump"]).to_numpy(), table["slope"].to_numpy() / 100
    ends = [slope[:-1], slope[1:]]
    assert (steady[:-1] >= pd.DataFrame(ends).min().to_numpy() - 1e-12).all()
    assert (steady[:-1] <= pd.DataFrame(ends).max().to_numpy() + 1e-12).all()
    inside = [height for at, height, _ in curve_cliffs(plan.components[0].curve) if 0 < at <= 1.5]
    assert abs(table["jump"].sum() - sum(inside)) < 1e-12


def test_charts_draw_the_tables_with_the_baseline_in_grey() -> None:
    plans = [load_plan(f"data/plans/{name}.yaml") for name in ("thirds", "revenue_playbook_tiers")]
    comparison = cm.compare(replay(plans, sample_history(), "2025Q3:2025Q4"), "thirds", "shown")
    answer = marginal_pay(comparison)
    mine = answer.table[(answer.table["plan"] == plans[1].name) & (answer.table["component"] == "nrr")]
    curve = charts.marginal_pay_curve(comparison, answer)
    bars = {trace.name: sum(trace.y) for trace in curve.data if trace.type == "bar" and len(trace.y)}
    assert bars == mine.loc[mine["zone"] != UNDEFINED, "zone"].value_counts().to_dict()
    assert curve.data[0].line.color == cm.style.BASELINE
    stood = answer.table.loc[answer.table["component"] == "nrr", "attainment"].dropna()
    low, high = curve.layout.xaxis.range
    assert min(stood.min(), 0.0) - 0.1 <= low <= max(stood.min(), -0.5) + 0.1, "no wider than where people stood"
    assert high <= max(stood.max(), 1.0, *(at for at, _ in plans[1].component("nrr").curve.bands)) + 0.1
    marks = charts.marginal_pay_by_attainment(comparison, answer)
    assert marks.data[0].marker.color == cm.style.BASELINE
    assert sum(len(trace.x) for trace in marks.data[1:]) == sum(bars.values())
    flags = [note.text for note in marks.layout.annotations]
    assert flags[0] == f"{cm.style.signed_money(mine['cliff_pay'].max())} at once"
    drawn = charts.marginal_pay_map(comparison)
    jumps = next(trace for trace in drawn.data if trace.type == "scatter")
    assert list(jumps.text) == ["+50%", "+50%", "+50%"]
    assert drawn.layout.title.text == f"{charts.ONE_SHADE}; lines pay at once", "all that is steady has one slope"
    steps = {"kind": "marginal", "bands": [[0, 1], [1, 1.4]], "beyond": "extend"}
    steeper = plans[0].replace({"name": "steeper", "components.kpi.curve": steps})
    two = charts.marginal_pay_map(cm.compare(replay([steeper], sample_history(), "2025Q4")))
    assert two.layout.title.text == "Where the next point of attainment pays: darker pays more"


def test_only_those_whom_the_plan_pays_are_counted() -> None:
    """The rate is for CSMs; leads are on no component of it."""
    (run,) = replay([load_plan("data/plans/rate_on_arr.yaml")], sample_history(), "2025Q4")
    paid = set(run.payouts["payee_id"])
    assert paid < set(run.stage.people["payee_id"])
    table = marginal_pay(cm.compare([run], names="shown")).table
    assert table["person"].notna().all()
    assert table["team"].notna().all()
    assert (table["component"] == ALL).sum() == len(paid)


@pytest.mark.parametrize("how", [{"step": math.inf}, {"step": math.nan}, {"points": math.inf}, {"points": -0.1}])
def test_steps_and_points_must_be_of_this_world(how: dict[str, float]) -> None:
    with pytest.raises(CompModelError, match=r"is (inf|nan|-0.1), but must be .* for example"):
        rows(plan_of(), company(0), **how)


def test_one_person_is_said_as_one() -> None:
    comparison = cm.compare(replay([plan_of()], company(500).history(), "2025Q1"), "one", "shown")
    assert marginal_pay(comparison).sentence.endswith("paid nothing in 0% of 1 person-quarter.")
