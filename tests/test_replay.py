"""What plans pay, end to end from events: published figures, half cents, and any company against the reference."""

from __future__ import annotations

from decimal import Decimal
from math import floor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from compmodel.errors import CompModelError, PlanError
from compmodel.plan import Plan, example_plan, load_plan, parsed_plan
from compmodel.replay import UNCOUNTED, Replay, repaid, replay, run_record
from compmodel.tables import TABLES, History
from histories import (
    CREDIT_RULES,
    PERIODS,
    SPAN,
    Company,
    Row,
    companies,
    company_of,
    counted,
    employed,
    event,
    held,
    paid_cents,
    plan_dicts,
    sample_history,
)

PLANS = Path(__file__).resolve().parents[1] / "data/plans"
REFERRED = ("flowfuse_cliff", "flowfuse_nrr_only", "halves", "halves_signing", "retain_and_expand", "thirds")
REFERRED += ("revenue_playbook_tiers", "team_80_20")
"""Plan files of whose rules the reference knows every one; the others have cases."""


def cents_by_component(company: Company, plan: Plan, period: str = "2025Q1") -> dict[str, int]:
    """What payee p is paid in a period, in cents; the reference, fed with the same rows, says the same."""
    (run,) = replay([plan], company.history(), period)
    paid = {component: cents for (payee, _, component), cents in paid_cents(run.payouts).items() if payee == "p"}
    written = plan.model_dump(mode="json")
    expected = reference.payouts(company, written, [period])
    assert paid == {component: cents * 100 for (payee, _, component), cents in expected.items() if payee == "p"}
    return paid


def company(*events: Row, yearly: object = 40_000, kpi: object = 0) -> Company:
    """Payee p with a book of 200,000 at the start of 2025 and a target incentive of 10,000 a quarter."""
    return Company(
        arr_events=[event("a0", "a", "new", 200_000, "2024-01-01"), *events],
        assignments=[held("a", "p")],
        payees=[employed("p", yearly)],
        kpis=[counted(kpi, "2025-02-01", payee_id="p")],
    )


def grown(delta: object, **more: Any) -> Row:
    return event("a1", "a", "expansion", delta, "2025-02-01", signed_on="2025-02-01", **more)


def shrunk(delta: object, **more: Any) -> Row:
    dates = {"notice_on": "2025-02-01", "ends_on": "2025-02-28"}
    return event("a2", "a", "contraction", delta, "2025-03-01", **dates, **more)


class TestPublishedFigures:
    """Of a target incentive of 10,000 a quarter."""

    @pytest.mark.parametrize(
        ("events", "nrr", "cents"),
        [
            ([shrunk(-4_000)], 0.98, 0),
            ([], 1.0, 0),
            ([grown(15_000)], 1.075, 500_000),
            ([grown(30_000)], 1.15, 1_000_000),
            ([grown(36_000)], 1.18, 1_200_000),
        ],
    )
    def test_flowfuse_nrr_only(self, events: list[Row], nrr: float, cents: int) -> None:
        plan = load_plan(PLANS / "flowfuse_nrr_only.yaml")
        assert cents_by_component(company(*events), plan) == {"nrr": cents}
        (run,) = replay([plan], company(*events).history(), "2025Q1")
        assert run.payouts["value"].tolist() == [nrr]

    def test_retain_and_expand(self) -> None:
        """85 of 100 up for renewal are renewed and NRR is 115%: 85/90 and 115/125, half each, are 93.22%."""
        events = [
            event("a1", "a", "renewal", 85_000, "2025-03-01"),
            shrunk(-15_000, is_at_renewal=True),
            event("a3", "a", "expansion", 45_000, "2025-03-01"),
        ]
        paid = cents_by_component(company(*events), load_plan(PLANS / "retain_and_expand.yaml"))
        assert paid == {"renewals": 472_222, "nrr": 460_000}
        assert sum(paid.values()) == 932_222

    def test_thirds_on_target_pay_exactly_the_target_incentive(self) -> None:
        events = [
            event("a1", "a", "renewal", 200_000, "2025-02-01"),
            event("a2", "a", "expansion", 30_000, "2025-02-01"),
        ]
        paid = cents_by_component(company(*events, kpi=10), load_plan(PLANS / "thirds.yaml"))
        assert paid == {"renewals": 333_333, "nrr": 333_334, "kpi": 333_333}

    def test_halves_pay_above_target_on_nrr_only(self) -> None:
        paid = cents_by_component(company(grown(36_000), kpi=14), load_plan(PLANS / "halves.yaml"))
        assert paid == {"nrr": 600_000, "kpi": 500_000}

    def test_thirds_pay_nothing_above_target(self) -> None:
        events = [
            event("a1", "a", "renewal", 200_000, "2025-02-01"),
            event("a2", "a", "expansion", 60_000, "2025-02-01"),
        ]
        assert sum(cents_by_component(company(*events, kpi=14), load_plan(PLANS / "thirds.yaml")).values()) == 1_000_000


class TestHalfCents:
    """Ties go up, also where the float that was computed lies below the tie."""

    @pytest.mark.parametrize(
        ("yearly", "delta", "cents"),
        [
            ("40000.20", 15_000, 500_003),  # 10,000.05 x (107.5% - 100%) / 15% = 5,000.025
            ("40000.20", 3_000, 100_001),  # 10,000.05 x (101.5% - 100%) / 15% = 1,000.005
        ],
    )
    def test_a_tie_that_floats_lose(self, yearly: str, delta: int, cents: int) -> None:
        written = company(grown(delta), yearly=Decimal(yearly))
        plan = load_plan(PLANS / "flowfuse_nrr_only.yaml")
        (run,) = replay([plan], written.history(), "2025Q1")
        (gross,) = run.payouts["gross"]
        assert floor(gross * 100 + 0.5) == cents - 1, "no trap for floats"
        assert cents_by_component(written, plan) == {"nrr": cents}

    @pytest.mark.parametrize(("yearly", "cents"), [("0.02", 1), ("0.01", 0), ("0.06", 2), ("0.05", 1)])
    def test_tiny_pay(self, yearly: str, cents: int) -> None:
        """A quarter of 0.02 is half a cent, of 0.06 one and a half."""
        plan = load_plan(PLANS / "flowfuse_nrr_only.yaml")
        assert cents_by_component(company(grown(30_000), yearly=Decimal(yearly)), plan) == {"nrr": cents}

    def test_the_total_is_rounded_not_each_component(self) -> None:
        """Each half of 10,000.01 is 5,000.005: rounded one by one they would pay 10,000.02."""
        paid = cents_by_component(company(grown(30_000), yearly="40000.04", kpi=10), load_plan(PLANS / "halves.yaml"))
        assert paid == {"nrr": 500_001, "kpi": 500_000}


class TestProration:
    """Pay for the days with a target incentive; the first quarter of 2025 has 90 days."""

    def test_hire_within_the_quarter(self) -> None:
        late = company(grown(30_000)).but(payees=[employed("p", 40_000, "2025-03-02")])
        assert cents_by_component(late, load_plan(PLANS / "flowfuse_nrr_only.yaml")) == {"nrr": 333_333}

    def test_raise_within_the_quarter(self) -> None:
        """30 days of 40,000 and 60 days of 52,000 a year are (30 x 10,000 + 60 x 13,000) / 90 = 12,000."""
        spans = [employed("p", 40_000, ends_on="2025-01-30"), employed("p", 52_000, "2025-01-31")]
        raised = company(grown(30_000)).but(payees=spans)
        assert cents_by_component(raised, load_plan(PLANS / "flowfuse_nrr_only.yaml")) == {"nrr": 1_200_000}

    def test_who_is_not_on_the_plan_has_no_row(self) -> None:
        people = [employed("p"), employed("q", 0, role="leave"), employed("r", starts_on="2025-04-01")]
        (run,) = replay([example_plan()], company().but(payees=people).history(), "2025Q1")
        assert run.payouts["payee_id"].tolist() == ["p", "p"]

    def test_targets_by_segment(self) -> None:
        """Mid-market needs 107.5%, enterprise 115%; both reached 107.5%."""
        goal = {"default": 1.15, "by_segment": {"mid_market": 1.075}}
        plan = load_plan(PLANS / "flowfuse_nrr_only.yaml").replace({"components.nrr.target": goal})
        for segment, cents in {"mid_market": 1_000_000, "enterprise": 500_000, None: 500_000}.items():
            people = [employed("p", segment=segment)]
            assert cents_by_component(company(grown(15_000)).but(payees=people), plan) == {"nrr": cents}


class TestCurrencies:
    """Everybody in one currency, or each in their own; costs in the reporting currency."""

    EURO = company(grown(30_000)).but(
        payees=[employed("p", 40_000, currency="EUR")], rates={"USD": Decimal(1), "EUR": Decimal("1.083735")}
    )

    @pytest.mark.parametrize(
        ("currency", "cents", "cost"),
        [
            ("payee", 1_000_000, 1_083_735),
            ("EUR", 1_000_000, 1_083_735),
            ("USD", 1_083_735, 1_083_735),
        ],
    )
    def test_pay_and_cost(self, currency: str, cents: int, cost: int) -> None:
        plan = load_plan(PLANS / "flowfuse_nrr_only.yaml").replace({"pay.currency": currency})
        assert cents_by_component(self.EURO, plan) == {"nrr": cents}
        (run,) = replay([plan], self.EURO.history(), "2025Q1")
        assert run.payouts["currency"].tolist() == ["EUR" if currency == "payee" else currency]
        assert run.payouts["cost"].tolist() == [cost / 100]

    def test_half_cents_of_cost_go_up(self) -> None:
        """3, 5 and 7 cents at 1.5 are 4.5, 7.5 and 10.5; rounding to even would make them 4, 8 and 10."""
        plan = load_plan(PLANS / "flowfuse_nrr_only.yaml").replace({"pay.currency": "payee"})
        for yearly, cost in (("0.12", 5), ("0.20", 8), ("0.28", 11)):
            cheap = company(grown(30_000)).but(
                payees=[employed("p", yearly, currency="EUR")], rates={"USD": Decimal(1), "EUR": Decimal("1.5")}
            )
            (run,) = replay([plan], cheap.history(), "2025Q1")
            assert run.payouts["cost"].tolist() == [cost / 100]

    def test_a_pay_currency_without_a_rate_is_an_error(self) -> None:
        plan = example_plan().replace({"pay.currency": "GBP"})
        with pytest.raises(
            PlanError, match=r"pay.currency has 'GBP', but has no rate in this history\. Write currency: "
        ):
            replay([plan], company().history(), "2025Q1")


def test_a_quarter_in_which_nobody_is_counted_says_so() -> None:
    """An export of KPIs may be missing: the pay is 0 and the note tells."""
    counts = company(kpi=7).history()
    (run,) = replay([example_plan()], counts, "2025Q1:2025Q2")
    kpi = run.payouts[run.payouts["component"] == "kpi"].set_index("period")
    assert kpi["note"].to_dict() == {"2025Q1": "", "2025Q2": "nobody's count is in the data"}
    assert kpi.loc["2025Q2", "payout"] == 0


@pytest.fixture(scope="module")
def history() -> History:
    return company(grown(30_000), shrunk(-1_000, is_at_renewal=True), kpi=7).history()


CHANGES: tuple[dict[str, object], ...] = (
    {"components.nrr.target.default": 1.2},
    {"components.nrr.attainment.floor": 0.95, "components.nrr.weight": 0.3, "components.kpi.weight": 0.7},
    {"components.kpi.adjustments": [{"kind": "gate", "component": "nrr", "of": "value", "reaches": 1.0}]},
    {
        "adjustments": [{"kind": "holdback", "share": 0.2, "released_after": 1, "on_leaving": "pay"}],
        "pay.rounding": "half_even",
    },
    {"pay.rounded_to": 5},
)


@pytest.mark.parametrize("changes", CHANGES)
def test_a_plan_that_measures_alike_is_paid_again_as_if_replayed(sample: History, changes: dict[str, object]) -> None:
    plan = load_plan(PLANS / "halves.yaml")
    (run,), changed = replay([plan], sample, "2025Q1:2025Q4"), plan.replace(changes)
    again, (whole,) = repaid(run, changed), replay([changed], sample, "2025Q1:2025Q4")
    pd.testing.assert_frame_equal(again.payouts, whole.payouts)
    assert not again.payouts["payout"].equals(run.payouts["payout"])


def test_a_plan_that_measures_otherwise_is_not_paid_again(sample: History) -> None:
    plan = load_plan(PLANS / "halves.yaml")
    (run,) = replay([plan], sample, "2025Q4")
    for changes in ({"components.nrr.level": "team"}, {"credit_on.churn": "notice_on"}, {"pay.currency": "EUR"}):
        with pytest.raises(CompModelError, match="Halves measures otherwise"):
            repaid(run, plan.replace(changes))


class TestRuns:
    """Runs can be repeated, change nothing, and say what they cannot do."""

    def test_twice_gives_identical_frames_and_leaves_the_inputs_alone(self, history: History) -> None:
        before = {name: getattr(history, name).copy(deep=True) for name in TABLES}
        plans = [load_plan(PLANS / f"{name}.yaml") for name in REFERRED]
        first, second = replay(plans, history, SPAN), replay(plans, history, SPAN)
        for one, other in zip(first, second, strict=True):
            for name in ("credits", "books", "payouts"):
                pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
        for name, table in before.items():
            pd.testing.assert_frame_equal(getattr(history, name), table, check_exact=True)
        pd.testing.assert_frame_equal(run_record(first), run_record(second))

    def test_plans_do_not_influence_each_other(self, history: History) -> None:
        plans = [load_plan(PLANS / f"{name}.yaml") for name in ("thirds", "halves", "halves_signing")]
        together = replay(plans, history, SPAN)
        for plan, run in zip(plans, together, strict=True):
            pd.testing.assert_frame_equal(run.payouts, replay([plan], history, SPAN)[0].payouts, check_exact=True)

    def test_a_period_pays_the_same_alone_and_among_others(self, history: History) -> None:
        (run,) = replay([example_plan()], history, "2024Q3:2025Q3")
        (alone,) = replay([example_plan()], history, "2025Q1")
        among = run.payouts[run.payouts["period"] == "2025Q1"].reset_index(drop=True)
        pd.testing.assert_frame_equal(among, alone.payouts, check_exact=True)

    @pytest.mark.parametrize("span", ["2010Q1:2010Q2", "2030Q4"])
    def test_periods_without_anything(self, history: History, span: str) -> None:
        (run,) = replay([example_plan()], history, span)
        assert run.credits.empty
        assert run.payouts["payout"].sum() == 0
        assert run.payouts["payee_id"].tolist() == ([] if span.startswith("2010") else ["p", "p"])

    @pytest.mark.parametrize("missing", ["payees", "assignments", "arr_events"])
    def test_tables_without_rows(self, missing: str) -> None:
        people = [] if missing == "payees" else [employed("p")]
        events = [] if missing == "arr_events" else [event("a0", "a", "new", 1, "2024-01-01")]
        nobody = Company(events, [], people, [counted(10, "2025-02-01", payee_id="p")] if people else [])
        plan = example_plan() if people else load_plan(PLANS / "flowfuse_nrr_only.yaml")
        (run,) = replay([plan], nobody.history(), "2025Q1")
        assert list(paid_cents(run.payouts).values()) == ([0, 500_000] if people else [])

    def test_only_quarters(self, history: History) -> None:
        with pytest.raises(PlanError, match="must be quarters, which is how plan example pays"):
            replay([example_plan()], history, "2025M01:2025M03")
        with pytest.raises(CompModelError, match="'2025Q5' is not a period"):
            replay([example_plan()], history, "2025Q5")

    def test_an_uncounted_kpi_is_an_error_with_the_nearest_name(self, history: History) -> None:
        plan = example_plan().replace({"components.kpi.metric": "kpi.custommer_prs"})
        with pytest.raises(PlanError) as error:
            replay([plan], history, "2025Q1")
        assert "plan example: components.kpi.metric has 'kpi.custommer_prs', but is not counted" in str(error.value)
        assert "Did you mean 'customer_prs'?" in str(error.value)

    def test_run_record_tells_what_changed(self, history: History) -> None:
        (run,) = replay([example_plan()], history, "2025Q1:2025Q2")
        record = run_record([run]).set_index(["kind", "name"])
        assert record.loc[("table", "arr_events"), "rows"] == 3
        assert record.loc[("periods", "2025Q1:2025Q2"), "rows"] == 2
        (dearer,) = replay([example_plan().replace({"title": "Other"})], history, "2025Q1:2025Q2")
        changed = record["sha256"] != run_record([dearer]).set_index(["kind", "name"])["sha256"]
        assert record.index[changed].tolist() == [("plan", "example")]


def assert_rows_add_up(run: Replay) -> None:
    """Every row can be added up by hand from its own columns."""
    rows = run.payouts
    gross = rows["target_incentive"] * rows["proration"] * rows["weight"] * rows["factor"]
    pd.testing.assert_series_equal(gross, rows["gross"], check_names=False, rtol=1e-12)
    yearly = [component.name for component in run.plan.components if component.annualised]
    single = rows[(rows["numerator"].notna() | rows["value"].isna()) & ~rows["component"].isin(yearly)]
    value = (single["numerator"] / single["denominator"].where(single["denominator"] > 0)).astype(float)
    pd.testing.assert_series_equal(value, single["value"], check_names=False, rtol=1e-12)
    assert rows["note"].isin(["", UNCOUNTED]).tolist() == rows["value"].notna().tolist()
    totals = rows.groupby(["payee_id", "period"])[["gross", "payout"]].sum()
    assert (totals["gross"] - totals["payout"]).abs().max() <= 0.005 + 1e-7


@pytest.mark.slow
@settings(max_examples=24)
@given(companies(), st.lists(plan_dicts(), min_size=4, max_size=4))
def test_any_plan_on_any_company_pays_what_the_reference_says(company: Company, written: list[Row]) -> None:
    runs = replay([parsed_plan(plan, "drawn") for plan in written], company.history(), SPAN)
    for run, plan in zip(runs, written, strict=True):
        expected = {key: int(amount * 100) for key, amount in reference.payouts(company, plan, PERIODS).items()}
        assert paid_cents(run.payouts) == expected
        if expected:
            assert_rows_add_up(run)


@pytest.mark.parametrize("name", ["thirds", "halves_signing"])
def test_the_sample_company_is_paid_what_the_reference_says(name: str) -> None:
    plan = load_plan(PLANS / f"{name}.yaml")
    (run,) = replay([plan], sample_history(), "2025Q3:2025Q4")
    written = yaml.safe_load((PLANS / f"{name}.yaml").read_text(encoding="utf-8"))
    expected = reference.payouts(company_of(sample_history()), written, ["2025Q3", "2025Q4"])
    assert paid_cents(run.payouts) == {key: int(amount * 100) for key, amount in expected.items()}
    assert len({payee for payee, _, _ in expected}) > 40
    assert_rows_add_up(run)


@settings(max_examples=4)
@given(companies(), plan_dicts(), st.randoms(use_true_random=False))
def test_pay_does_not_depend_on_the_order_of_rows(company: Company, written: Row, random) -> None:
    tables = {name: getattr(company, name) for name in ("arr_events", "assignments", "payees", "kpis")}
    shuffled = company.but(**{name: random.sample(rows, len(rows)) for name, rows in tables.items()})
    plan = parsed_plan(written, "drawn")
    (one,), (other,) = (replay([plan], each.history(), SPAN) for each in (company, shuffled))
    pd.testing.assert_frame_equal(one.payouts, other.payouts, check_exact=True)


@settings(max_examples=2)
@given(companies())
@pytest.mark.parametrize("name", REFERRED)
def test_a_plan_file_runs_and_agrees_with_the_reference(name: str, company: Company) -> None:
    path = PLANS / f"{name}.yaml"
    (run,) = replay([load_plan(path)], company.history(), SPAN)
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    expected = {key: int(amount * 100) for key, amount in reference.payouts(company, written, PERIODS).items()}
    assert paid_cents(run.payouts) == expected


def test_the_drawn_rules_are_those_of_the_plan_files() -> None:
    """So that the rules above are the ones that matter."""
    rules = [load_plan(path).credit_on.model_dump(exclude_defaults=True) for path in PLANS.glob("*.yaml")]
    signing = {name: (date,) for name, date in CREDIT_RULES[1].items()}
    assert signing in rules


@pytest.mark.parametrize(
    ("period", "span", "pays"),
    [
        ("month", "2025M01:2025M03", [3333.33, 1666.67, 3333.33]),
        ("half", "2025H1:2025H2", [20000.0, 20000.0]),
        ("year", "2025", [40000.0]),
    ],
)
def test_pay_by_the_month_the_half_and_the_year(period: str, span: str, pays: list[float]) -> None:
    """40,000 a year; in February the account lost what January had won, half of what its goal asks for."""
    events = [
        event("1", "a", "new", 1000, "2024-01-01"),
        event("2", "a", "expansion", 1000, "2025-01-10"),
        event("3", "a", "expansion", 1000, "2025-02-10"),
        event("4", "a", "expansion", 3000, "2025-03-10"),
        event("5", "a", "expansion", 6000, "2025-08-10"),
    ]
    company = Company(events, [held("a", "p")], [employed("p")])
    component = example_plan().model_dump(mode="json", exclude_unset=True)["components"][0]
    component |= {"weight": 1, "target": 2, "curve": {**component["curve"], "beyond": "hold"}}
    plan = example_plan().replace({"pay.period": period, "components": [component]})
    found = replay([plan], company.history(), span)[0].payouts
    assert found["payout"].tolist() == pays
    with pytest.raises(PlanError, match="which is how plan example pays"):
        replay([plan], company.history(), "2025Q1")
