"""The chain behind a payout: by hand on a small company, and adding up to the cent on any company under any plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

import compmodel as cm
from compmodel.cli import main
from compmodel.errors import CompModelError
from compmodel.explain import Explanation, explain
from compmodel.metrics import METRICS, QUALIFYING
from compmodel.plan import Plan, example_plan, load_plan, parsed_plan
from compmodel.replay import Replay, replay
from compmodel.reports import write_chain
from histories import PERIODS, SPAN, Company, Row, companies, counted, employed, event, held, plan_dicts, sample_history

PLANS = Path(__file__).resolve().parents[1] / "data/plans"
SUBTOTALS, PARTS = ("account", "person"), ("opening", "credit", "netting", "count", "pace")
SIDES = ["numerator", "denominator"]
SIGNED = {"churn": "notice_on", "contraction": "notice_on", "renewal": "signed_on", "expansion": "signed_on"}


def explained(company: Company, plan: Plan, payee: str = "p", period: str = "2025Q1") -> Explanation:
    (run,) = replay([plan], company.history(), period)
    explanation = explain(run, payee, period)
    assert_adds_up(run, explanation, payee, period)
    return explanation


def steps(explanation: Explanation, *wanted: str, component: str = "nrr") -> list[tuple[Any, ...]]:
    """Account, event or person, numerator and denominator of the lines of these steps."""
    chain = explanation.chain
    mine = chain[(chain["component"] == component) & chain["step"].isin(wanted)].fillna({"denominator": 0})
    who = mine["event_id"].where(mine["event_id"] != "", mine["account_id"].where(mine["account_id"] != "", ""))
    return list(zip(who, mine["numerator"], mine["denominator"], strict=True))


def cents(amounts: pd.Series) -> list[int]:
    """Amounts that must be whole cents, as cents; customers, counts and scores to a millionth."""
    return [round(amount * 1e6) for amount in amounts.fillna(0)]


def assert_adds_up(run: Replay, explanation: Explanation, payee: str, period: str) -> None:
    """Components to the payout, accounts to each ratio, their lines to each account, ratios to the value."""
    chain = explanation.chain.to_dict("records")
    paid = run.payouts[(run.payouts["payee_id"] == payee) & (run.payouts["period"] == period)].to_dict("records")
    of_measured = (run.measurements["payee_id"] == payee) & (run.measurements["period"] == period)
    measured = run.measurements.loc[of_measured, ["component", *SIDES]].to_dict("records")
    (payout,) = (line["amount"] for line in chain if line["step"] == "payout")
    parts = [line["amount"] for line in chain if line["step"] == "component"]
    assert parts == [row["payout"] for row in paid]
    assert round(payout * 100) == sum(round(amount * 100) for amount in parts)
    for row in paid:
        mine = [line for line in chain if line["component"] == row["component"]]
        ratios = [line for line in mine if line["step"] == "ratio"]
        metric = METRICS.get(run.plan.component(row["component"]).metric)
        for side in SIDES[:1] if metric and metric.is_sum else SIDES:
            assert [line[side] for line in ratios] == [m[side] for m in measured if m["component"] == row["component"]]
        for ratio in ratios:
            assert_lines_add_up(
                ratio, [line for line in mine if line["ratio"] == ratio["ratio"] and line["step"] != "ratio"]
            )
        assert_value(run, row, ratios)


def assert_lines_add_up(ratio: Row, below: list[Row]) -> None:
    subtotals, parts = ([line for line in below if line["step"] in steps] for steps in (SUBTOTALS, PARTS))
    assert {line["step"] for line in below} <= {*SUBTOTALS, *PARTS, "taken"}
    is_arr = ratio["ratio_unit"].endswith("a year")
    unit = 1e2 if is_arr else 1e6  # what is not ARR holds splits and scores, which are no cents
    key = "payee_id" if any(line["step"] == "person" for line in subtotals) else "account_id"
    for side in SIDES:
        total = round(filled(ratio[side]) * unit)
        each, of_each = ([filled(line[side]) for line in lines] for lines in (parts, subtotals))
        if is_arr:
            assert all(abs(amount * 100 - round(amount * 100)) < 1e-5 for amount in each), "whole cents"
            assert sum(round(amount * unit) for amount in each) == total
            assert sum(round(amount * unit) for amount in of_each) == total
        else:
            assert sum(each) == pytest.approx(total / unit, abs=1e-6)
            assert sum(of_each) == pytest.approx(total / unit, abs=1e-6)
        of_parts: dict[str, float] = {}
        for line, amount in zip(parts, each, strict=True):
            of_parts[line[key]] = of_parts.get(line[key], 0.0) + amount
        of_subtotals = dict(zip((line[key] for line in subtotals), of_each, strict=True))
        assert len(of_subtotals) == len(subtotals), "a subtotal each"
        assert of_parts == pytest.approx(of_subtotals, abs=1e-6)
    for line in below:
        if line["step"] == "taken":
            assert line["note"]
            assert all(pd.isna(line[side]) for side in SIDES)
        if line["step"] == "credit":
            assert line["rule"]
            is_idle = all(filled(line[side]) == 0 for side in SIDES)
            assert bool(line["note"]) == is_idle


def filled(amount: float) -> float:
    """The amount, 0 where there is none."""
    return 0.0 if pd.isna(amount) else amount


def assert_value(run: Replay, row: Row, ratios: list[Row]) -> None:
    kept = [line for line in ratios if not pd.isna(line["amount"])]
    if not kept:
        assert row["value"] != row["value"]
        return
    products: dict[tuple[str, int], float] = {}
    shares: dict[str, float] = {}
    for line in kept:
        at = line["level"], line["product"]
        products[at] = products.get(at, 1.0) * line["amount"]
        shares.setdefault(line["level"], line["share"])
    of_level = {level: [value for (of, _), value in products.items() if of == level] for level in shares}
    value = sum(sum(of_level[level]) / len(of_level[level]) * share for level, share in shares.items())
    if not run.plan.component(row["component"]).annualised:
        assert value / sum(shares.values()) == pytest.approx(row["value"], rel=1e-12)


OPENED = [event("a0", "a", "new", 100_000, "2024-01-01"), event("b0", "b", "new", 60_000, "2024-01-01")]


def company(*events: Row, books: tuple[Row, ...] = (held("a", "p"), held("b", "p")), **more: Any) -> Company:
    kpis = [counted(4, "2025-01-31", payee_id="p"), counted(3, "2025-03-31", payee_id="p")]
    tables = {"payees": [employed("p", name="Ada")], "kpis": kpis, **more}
    return Company(arr_events=[*OPENED, *events], assignments=list(books), **tables)


GROWN = event("a1", "a", "expansion", 22_000, "2025-02-01")
CUT = event("b1", "b", "contraction", -6_000, "2025-03-01")


class TestByHand:
    """NRR 176,000 / 160,000 = 110%: 10 of 15 points pay 66.67% of half of 10,000; 7 of 10 counts pay 70%."""

    def test_from_the_payout_to_the_deal(self) -> None:
        found = explained(company(GROWN, CUT), example_plan())
        assert found.sentence == (
            "Ada (p) is paid 6,833.33 USD for 2025Q1 under NRR and KPI, half each: "
            "3,333.33 for NRR (110%, 66.7% attained) and 3,500.00 for KPI (7, 70% attained)."
        )
        chain = found.chain
        top = chain[chain["component"] == ""][["step", "amount", "unit"]]
        assert top.to_numpy().tolist() == [
            ["payout", 6833.33, "USD"],
            ["target_incentive", 10_000, "USD"],
            ["proration", 1, "share"],
        ]
        nrr = chain[(chain["component"] == "nrr") & (chain["ratio"] == 0)]
        assert dict(zip(nrr["step"], nrr["note"], strict=True)) == {
            "component": "",
            "gross": "10,000 target incentive x 100% on the plan x 50% weight x 66.666667% factor",
            "factor": "on the line from 0% at 0% attained to 100% at 100% attained",
            "attainment": "10 of 15 points between the floor 100% and the target",
            "target": "",
            "value": "176,000.00 / 160,000.00",
        }
        assert steps(found, "ratio", "account", "opening", "credit") == [
            ("", 176_000, 160_000),
            ("a", 122_000, 100_000), ("a", 100_000, 100_000), ("a1", 22_000, 0),
            ("b", 54_000, 60_000), ("b", 60_000, 60_000), ("b1", -6_000, 0),
        ]  # fmt: skip
        assert steps(found, "person", "count", "pace", component="kpi") == [
            ("", 7, 1), ("", 4, 0), ("", 3, 0), ("", 0, 1),
        ]  # fmt: skip

    def test_the_lines_on_the_screen(self) -> None:
        lines = str(explained(company(GROWN, CUT), example_plan())).splitlines()
        assert max(map(len, lines)) <= 80
        for line in (
            "Payout                                                              6,833.33 USD",
            "  NRR                                                               3,333.33",
            "    6,833.333333 gross, rounded once, half up; components take the rounded",
            "  value       110% = 176,000.00 / 160,000.00",
            "  a                                                   122,000.00      100,000.00",
            "    2025-02-01 a1 expansion, by effective_on           22,000.00",
            "  together                                            176,000.00      160,000.00",
            "    2025-01-31 4                                               4",
            "    90 of 90 days on the plan                                                  1",
        ):
            assert line in lines

    def test_grr_counts_an_account_at_most_at_its_opening(self) -> None:
        """Account a grew on balance; what its loss takes, a line gives back."""
        plan = example_plan().replace({"components.nrr.metric": "grr", "components.nrr.attainment.floor": 0.5})
        found = explained(company(GROWN, CUT, event("a2", "a", "contraction", -9_000, "2025-02-02")), plan)
        assert steps(found, "account") == [("a", 100_000, 100_000), ("b", 54_000, 60_000)]
        assert steps(found, "credit", "netting") == [
            ("a1", 0, 0),
            ("a2", -9_000, 0),
            ("a", 9_000, 0),
            ("b1", -6_000, 0),
        ]
        assert "the account counts as a whole" in " ".join(str(found).split())

    def test_exchange_split_and_what_the_plan_counts_of_an_event(self) -> None:
        """An expansion of 10,000 EUR at 1.1, half of it p's, of which sales-sourced gains count half."""
        rates = {"USD": 1, "EUR": 1.1}
        deal = event("c1", "c", "expansion", 10_000, "2025-02-01", currency="EUR", sourced_by="sales")
        opened = event("c0", "c", "new", 20_000, "2024-01-01", currency="EUR")
        books = (held("c", "p", split=0.5), held("c", "q", split=0.5), held("a", "p"), held("b", "p"))
        people = [employed("p", 40_000, currency="EUR"), employed("q")]
        plan = example_plan().replace({"events": {"sourced_by": {"sales": 0.5}}})
        found = explained(company(opened, deal, books=books, payees=people, rates=rates), plan)
        (line,) = found.chain[found.chain["event_id"] == "c1"].to_dict("records")
        names = ("split", "local_amount", "currency", "rate", "amount", "counted", "numerator")
        assert [line[name] for name in names] == [0.5, 10_000, "EUR", 1.1, 5_500, 2_750, 2_750]
        text = " ".join(str(found).split())
        assert "by effective_on; 10,000.00 EUR x 1.1 x 50% = 5,500.00; 2,750.00 of 5,500.00 counts" in text
        assert "One EUR 1.1 USD the rate that holds on 2024-12-29, for all ARR and pay" in text
        assert "a quarter of 40,000.00 EUR a year at 1.1" in text

    def test_pay_in_another_currency_says_what_it_costs(self) -> None:
        people = [employed("p", 40_000, currency="EUR")]
        plan = example_plan().replace({"pay.currency": "payee"})
        found = explained(company(GROWN, CUT, payees=people, rates={"USD": 1, "EUR": 1.1}), plan)
        top = found.chain.set_index("step")
        assert top.loc["payout", ["amount", "unit"]].tolist() == [6833.33, "EUR"]
        assert top.loc["cost", ["amount", "unit", "rate"]].tolist() == [7516.66, "USD", 1.1]

    def test_a_raise_and_a_hire_within_the_quarter(self) -> None:
        """Hired on 31 January, 29 days at 40,000 and 31 at 52,000 a year."""
        people = [employed("p", 40_000, "2025-01-31", ends_on="2025-02-28"), employed("p", 52_000, "2025-03-01")]
        top = explained(company(GROWN, payees=people), example_plan()).chain.set_index("step")
        note = "a quarter of 40,000.00 USD a year on 29 days and 52,000.00 USD a year on 31 days"
        assert top.loc["target_incentive", "note"] == note
        assert top.loc["proration", "note"] == "60 of 90 days with a target incentive"
        assert top.loc["pace", ["denominator", "note"]].tolist() == [60 / 90, "60 of 90 days on the plan"]

    @pytest.mark.parametrize(
        ("curve", "delta", "words"),
        [
            ({"points": [[0, 0], [1, 1]], "beyond": "hold"}, -8_000, "below the first point, 0% at 0% attained: held"),
            ({"points": [[0, 0], [1, 1]], "beyond": "hold"}, 48_000, "beyond the last point, 100% at 100% attained"),
            ({"points": [[0, 0], [1, 1]], "beyond": "extend"}, 48_000, "to 100% at 100% attained, going on"),
            ({"points": [[0.5, 0.5], [1, 1]], "beyond": "hold", "below": "zero"}, 0, "50% at 50% attained: nothing"),
            ({"points": [[0, 0], [0.5, 1], [1, 2]], "beyond": "hold"}, 16_000, "from 100% at 50% attained to 200% at"),
        ],
    )
    def test_which_piece_of_the_curve(self, curve: Row, delta: int, words: str) -> None:
        kind = "expansion" if delta > 0 else "contraction"
        moved = [event("a1", "a", kind, delta, "2025-02-01")] if delta else []
        plan = example_plan().replace({"components.nrr.curve": {"kind": "linear", **curve}})
        chain = explained(company(*moved), plan).chain
        assert words in chain[(chain["component"] == "nrr") & (chain["step"] == "factor")]["note"].iloc[0]

    def test_a_ratio_of_nothing_is_said(self) -> None:
        bare = Company(payees=[employed("p")], kpis=[counted(1, "2025-01-31", payee_id="p")])
        found = explained(bare, example_plan())
        assert found.sentence.startswith("p is paid 500.00 USD for 2025Q1")
        assert "nothing for NRR (no opening ARR in the period)" in found.sentence
        assert "NRR of p, over nothing" in str(found)


class TestWhatDoesNotCount:
    """Every event of the book is in the chain, with the reason where it adds nothing."""

    def notes(self, found: Explanation, component: str = "nrr") -> dict[str, str]:
        chain = found.chain[found.chain["component"] == component]
        mine = chain[(chain["note"] != "") & chain["step"].isin(("credit", "taken"))]
        return dict(zip(mine["event_id"].where(mine["event_id"] != "", mine["account_id"]), mine["note"], strict=True))

    def test_newcomers_renewals_and_what_the_plan_leaves_out(self) -> None:
        events = [
            event("c0", "c", "new", 9_000, "2025-01-10"),
            event("c1", "c", "expansion", 1_000, "2025-02-10"),
            event("b2", "b", "renewal", 60_000, "2025-02-10"),
            event("a3", "a", "expansion", 5_000, "2025-02-10", reason="escalator"),
        ]
        plan = example_plan().replace({"events": {"escalators": ["escalator"]}})
        found = explained(company(GROWN, *events, books=tuple(held(name, "p") for name in "abc")), plan)
        assert self.notes(found) == {
            "c0": "the account had no ARR when the window opened",
            "c1": "the account had no ARR when the window opened",
            "b2": "no part of NRR",
            "a3": "the plan's events rule leaves it out",
        }
        text = str(found)
        assert "2025-02-10 c1 c expansion 1,000.00: the account had no ARR when the window" in text
        assert "Events that are no part of it: renewal 1." in text

    def test_a_book_rule_that_takes_something_away(self) -> None:
        """Account b was p's for 40 days, of 45 asked for; its loss and opening ARR are nobody's."""
        books = (held("a", "p"), held("b", "p", ends_on="2025-02-09"), held("b", "q", "2025-02-10"))
        people = [employed("p"), employed("q")]
        plan = example_plan().replace({"books": {"holder": "opening", "min_days_held": 45}})
        found = explained(company(GROWN, CUT, books=books, payees=people), plan)
        assert self.notes(found) == {"b": "held 40 of 45 days", "b1": "held 40 of 45 days"}
        assert steps(found, "account") == [("a", 122_000, 100_000)]
        assert "2025-03-01 b1 b contraction -6,000.00: held 40 of 45 days" in str(found)

    def test_at_team_level_what_was_taken_from_any_member(self) -> None:
        books = (held("a", "p"), held("b", "q"))
        people = [employed("p", team="north"), employed("q", team="north")]
        exclude = [{"account_id": "b", "because": "sold by the board"}]
        plan = example_plan().replace({"books": {"exclude": exclude}, "components.nrr.level": "team"})
        found = explained(company(GROWN, CUT, books=books, payees=people), plan)
        assert self.notes(found) == dict.fromkeys(("b", "b1"), "excluded: sold by the board")
        assert set(found.chain[found.chain["step"] == "taken"]["payee_id"]) == {"q"}


class TestDateRules:
    """Which rule placed an event, in words."""

    def rules(self, found: Explanation) -> dict[str, tuple[str, str, str]]:
        chain = found.chain[(found.chain["step"] == "credit") & (found.chain["component"] == "nrr")]
        days = chain["credited_on"].dt.strftime("%m-%d")
        return dict(zip(chain["event_id"], zip(days, chain["rule"], chain["origin_period"], strict=True), strict=True))

    def test_which_of_a_fallback_chain(self) -> None:
        ways = ["paid_on", {"later_of": ["signed_on", "invoiced_on"]}, "effective_on"]
        deals = [
            event("a1", "a", "expansion", 1, "2025-02-01", paid_on="2025-02-20", signed_on="2025-01-20"),
            event("a2", "a", "expansion", 1, "2025-02-02", signed_on="2025-01-20", invoiced_on="2025-01-30"),
            event("a3", "a", "expansion", 1, "2025-02-03", signed_on="2025-01-20"),
        ]
        found = explained(company(*deals), example_plan().replace({"credit_on.expansion": ways}))
        both = "the later of signed_on and invoiced_on"
        assert self.rules(found) == {
            "a1": ("02-20", "paid_on", ""),
            "a2": ("01-30", f"{both}, for want of paid_on", ""),
            "a3": ("02-03", f"effective_on, for want of paid_on and of {both}", ""),
        }

    def test_a_closed_quarter_and_an_expansion_at_renewal(self) -> None:
        rule = {"column": "signed_on", "if_closed": "closed_on"}
        deals = [
            event("a1", "a", "expansion", 1, "2025-02-01", signed_on="2024-12-20", closed_on="2025-01-05"),
            event("a2", "a", "expansion", 1, "2025-02-01", signed_on="2025-01-20", is_at_renewal=True),
        ]
        changes = {"credit_on.expansion": rule, "credit_on.expansion_at_renewal": "effective_on"}
        assert self.rules(explained(company(*deals), example_plan().replace(changes))) == {
            "a1": ("01-05", "closed_on, as the quarter of signed_on was closed", ""),
            "a2": ("02-01", "effective_on", ""),
        }

    def test_a_prior_period_adjustment_names_its_quarter(self) -> None:
        deal = event("a1", "a", "expansion", 5_000, "2025-02-10", closed_on="2025-04-20")
        late = {"known_on": "closed_on", "locked_after_days": 10}
        plan = example_plan().replace({"credit_on.late": late})
        found = explained(company(deal), plan, period="2025Q2")
        said = "effective_on, moved because it was known (closed_on) after 2025Q1 was locked"
        assert self.rules(found) == {"a1": ("04-20", said, "2025Q1")}
        assert "prior-period adjustment of 2025Q1" in " ".join(str(found).split())

    def test_what_was_due_is_over_its_due_date(self) -> None:
        """Signed before it was due: renewed in the first quarter, up in the second."""
        deal = event("a1", "a", "renewal", 100_000, "2025-04-15", signed_on="2025-03-20", due_on="2025-04-14")
        due = {"components.nrr.metric": "renewal_rate", "components.nrr.baseline": "due_in_period"}
        plan = example_plan().replace({**due, "credit_on.renewal": "signed_on"})
        first, second = (explained(company(deal), plan, period=period) for period in ("2025Q1", "2025Q2"))
        assert steps(first, "credit") == [("a1", 100_000, 0)]
        assert steps(second, "credit") == [("a1", 0, 100_000)]
        assert self.rules(first)["a1"][1] == "signed_on"
        assert self.rules(second)["a1"] == ("04-14", "due_on", "")


class TestUnits:
    """Above the individual, contributions are by account and say whose they are."""

    BOOKS = (held("a", "p"), held("b", "q", split=0.5), held("b", "p", split=0.5))
    PEOPLE = (
        employed("p", team="north"),
        employed("q", 40_000, "2025-02-15", team="north"),
        employed("x", team="north", role="lead", name="Lea"),
    )

    def company(self) -> Company:
        kpis = [counted(8, "2025-02-20", payee_id="p"), counted(2, "2025-02-20", payee_id="q")]
        return company(GROWN, CUT, books=self.BOOKS, payees=self.PEOPLE, kpis=kpis)

    def test_a_lead_on_the_team(self) -> None:
        by_role = {"default": "individual", "by_role": {"lead": "team"}}
        plan = example_plan().replace({"components.nrr.level": by_role, "components.kpi.level": by_role})
        found = explained(self.company(), plan, "x")
        whose = found.chain[(found.chain["component"] == "nrr") & found.chain["step"].isin(("account", "credit"))]
        assert list(zip(whose["account_id"], whose["payee_id"], whose["numerator"], strict=True)) == [
            ("a", "p", 122_000), ("a", "p", 22_000), ("b", "", 54_000), ("b", "p", -3_000), ("b", "q", -3_000),
        ]  # fmt: skip
        people = found.chain[(found.chain["component"] == "kpi") & (found.chain["step"] == "person")]
        assert people[["payee_id", *SIDES]].to_numpy().tolist() == [["p", 8, 1], ["q", 2, 0.5]]
        text = str(found)
        assert "  a (p)" in text
        assert "50% of the opening ARR, q" in text
        assert "  q, one count, 45 of 90 days on the plan" in text

    def test_components_of_two_baselines_each_have_their_own_lines(self) -> None:
        """The expansion was credited in the year before, the loss in the quarter."""
        first, _ = example_plan().model_dump(mode="json", exclude_unset=True)["components"]
        two = [first, {**first, "name": "year", "baseline": "trailing_twelve_months"}]
        grown = event("a1", "a", "expansion", 22_000, "2024-11-01")
        found = explained(company(grown, CUT), example_plan().replace({"components": two}))
        assert steps(found, "account", "credit") == [("b", 54_000, 60_000), ("b1", -6_000, 0), ("a", 122_000, 122_000)]
        assert steps(found, "credit", component="year") == [("a1", 22_000, 0), ("b1", -6_000, 0)]

    @pytest.mark.parametrize(("rule", "adds"), [("in_cohort", 0), ("back_into_nrr", 40_000)])
    def test_a_return_counts_as_the_plan_says(self, rule: str, adds: float) -> None:
        gone = event("b1", "b", "churn", -60_000, "2024-06-01")
        back = event("b2", "b", "reactivation", 40_000, "2025-02-01")
        found = explained(company(gone, back), example_plan().replace({"events": {"reactivation": rule}}))
        assert steps(found, "credit") == [("b2", adds, 0)]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"level": {"individual": 0.5, "team": 0.5}}, "50% x 114.615385% + 50% x 110%"),
            ({"level": {"individual": 0.75, "team": 0.25}}, "75% x 114.615385% + 25% x 110%"),
            (
                {"level": "team", "unit_figure": "mean_of_ratios"},
                "the mean of 114.615385%, 90%; one ratio over nothing",
            ),
            ({"baseline": "month_start", "combined": "mean"}, "the mean of 100%, 116.923077%, 98.026316%"),
            ({"baseline": "month_start", "combined": "chained"}, "x 98.026316%, the ratios multiplied"),
            ({"annualised": "adding"}, "149,000.00 / 130,000.00 = 114.615385% in three months, by adding 158.461538%"),
            ({"target": {"default": 1.6, "yearly": "adding"}}, "160% a year, by adding for three months"),
            ({"baseline": "two_quarters"}, "279,000.00 / 260,000.00"),
            ({"baseline": "trailing_twelve_months"}, "149,000.00 / 130,000.00"),
        ],
    )
    def test_several_ratios_and_years(self, changes: Row, words: str) -> None:
        """Payee p: 149,000 / 130,000; q, over half of b: 27,000 / 30,000; the lead has no book."""
        plan = example_plan().replace({f"components.nrr.{name}": value for name, value in changes.items()})
        found = explained(self.company(), plan)
        notes = found.chain[(found.chain["component"] == "nrr") & found.chain["step"].isin(("value", "target"))]["note"]
        assert words in " ".join(notes)
        assert max(map(len, found.lines())) <= 80


class TestMistakes:
    """Each ends with the nearest name."""

    def said(self, payee: str, period: str = "2025Q1", people: list[Row] | None = None) -> str:
        found = company(payees=people or [employed("p10", name="Ada"), employed("p20", 0, role="leave")], books=())
        plan = load_plan(PLANS / "flowfuse_nrr_only.yaml")
        (run,) = replay([plan], found.but(kpis=[]).history(), "2025Q1")
        with pytest.raises(CompModelError) as error:
            explain(run, payee, period)
        return str(error.value)

    def test_who_and_when(self) -> None:
        assert self.said("p010") == "'p010' is no payee of the history. Did you mean 'p10'?"
        assert self.said("Ada") == "'Ada' is no payee of the history. Did you mean 'p10'?"
        assert self.said("p10", "2025Q2") == "'2025Q2' is not one of the periods replayed. Valid: 2025Q1."

    def test_who_is_not_on_the_plan(self) -> None:
        start = "p20 is not on the plan in 2025Q1: the payees table gives a target incentive "
        assert self.said("p20") == start + "on no day at all. Choose another period."
        spans = [
            employed("p20", 1, "2023-01-01", ends_on="2023-06-30"),
            employed("p20", 2, "2023-07-01", ends_on="2023-12-31"),
            employed("p20", 3, "2025-04-01"),
        ]
        days = "only from 2023-01-01 to 2023-12-31 and from 2025-04-01 on. Choose another period."
        assert self.said("p20", people=spans) == start + days


def test_a_chain_is_a_tidy_frame_and_a_page() -> None:
    found = explained(company(GROWN, event("c0", "<b>c</b>", "new", 1, "2025-01-01")), example_plan())
    assert found.chain.columns.is_unique
    assert found.chain.dtypes["credited_on"] == "datetime64[s]"
    texts = found.chain.select_dtypes("str")
    assert not texts.isna().any(axis=None)
    page = found._repr_html_()
    assert "2025-02-01</td>" in page
    assert "22,000.00" in page
    assert "<b>c" not in page


def test_two_components_of_one_title_are_told_apart() -> None:
    plan = example_plan()
    written = plan.model_dump(mode="json")
    team = {**written["components"][0], "name": "nrr_team", "level": "team", "weight": 0.5}
    written["components"] = [written["components"][0], team]
    people = [employed("p", team="north")]
    found = explained(company(GROWN, payees=people), parsed_plan(written, "two"))
    assert "NRR (nrr) (" in found.sentence
    assert "NRR (NRR_TEAM)" in str(found)


# ---- any company, any plan ---------------------------------------------------------------------------------------


def assert_all_add_up(run: Replay, every: int = 1) -> None:
    for payee, period in list(dict.fromkeys(zip(run.payouts["payee_id"], run.payouts["period"], strict=True)))[::every]:
        found = explain(run, payee, period)
        assert_adds_up(run, found, payee, period)
        assert max(map(len, found.lines())) <= 80


@settings(max_examples=15)
@given(companies(), plan_dicts())
def test_any_chain_adds_up(company: Company, written: Row) -> None:
    (run,) = replay([parsed_plan(written, "drawn")], company.history(), SPAN)
    assert run.periods[-1].name == PERIODS[-1]
    assert_all_add_up(run)


@settings(max_examples=4)
@given(companies())
def test_every_metric_adds_up(company: Company) -> None:
    """One plan with a component a metric, over windows of several kinds, at four levels."""
    blend = {"individual": 0.5, "team": 0.25, "company": 0.25}
    more: dict[str, Row] = {
        "renewal_rate": {"baseline": "due_in_period"},
        "grr": {"baseline": "month_start", "combined": "sums"},
        "nrr": {"baseline": "two_quarters", "unit_figure": "mean_of_ratios", "level": blend},
        "churn_rate": {"baseline": "year_start"},
        **{metric: {"qualifies": {"event_types": ["renewal", "churn", "expansion"]}} for metric in QUALIFYING},
    }
    first = example_plan().model_dump(mode="json", exclude_unset=True)["components"][0]
    first |= {"level": {"default": blend, "by_role": {"lead": "segment"}}, "target": 1.2, "weight": f"1/{len(METRICS)}"}
    parts = [{**first, "name": metric, "metric": metric, **more.get(metric, {})} for metric in METRICS]
    written = example_plan().model_dump(mode="json", exclude_unset=True) | {"name": "every", "components": parts}
    written |= {"events": {"reactivation": "netted", "churn_of": "account"}}
    (run,) = replay([parsed_plan(written, "every metric")], company.history(), SPAN)
    assert_all_add_up(run, every=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "period", "every"),
    [
        ("thirds", "2025Q4", 1),
        ("halves", "2024Q2", 1),
        ("halves_signing", "2024Q1", 5),
        ("retain_and_expand", "2025Q1", 5),
        ("flowfuse_nrr_only", "2023Q3", 5),
    ],
)
def test_the_sample_company_adds_up(name: str, period: str, every: int) -> None:
    (run,) = replay([load_plan(PLANS / f"{name}.yaml")], sample_history(), period)
    assert_all_add_up(run, every)


# ---- the command -------------------------------------------------------------------------------------------------

COMMAND = ["explain", "--payee", "P04", "--period", "2025Q4", "--plan", "data/plans/halves.yaml"]


def run_command(*arguments: str) -> int:
    try:
        main(list(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_command_prints_and_writes_the_chain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sample: cm.History
) -> None:
    out = tmp_path / "chain.csv"
    assert run_command(*COMMAND, "--out", str(out)) == 0
    (run,) = cm.replay(cm.load_plans("data/plans/halves.yaml"), sample, "2025Q4")
    found = cm.explain(run, "P04", "2025Q4")
    printed = capsys.readouterr().out
    assert printed.startswith("\n".join(found.lines()))
    assert "It holds the pay of a named person" in printed
    with pytest.raises(CompModelError, match=r"must end in \.csv"):
        write_chain(found, tmp_path / "chain.html")
    written = pd.read_csv(out, keep_default_na=False)
    assert len(written) == len(found.chain)
    assert written["component"].tolist() == found.chain["component"].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["chain.csv"]


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*COMMAND, "--out", "chain.xlsx"], "'chain.xlsx' must end in .csv"),
        ([*COMMAND, "--out", "nowhere/chain.csv"], "The folder nowhere is not there"),
        ([*COMMAND, "--period", "2025"], "'2025' is not a quarter"),
        ([*COMMAND, "--period", "2025Q3:2025Q4"], "is not a quarter"),
        ([*COMMAND, "--payee", "P4"], "Did you mean 'P04'?"),
        ([*COMMAND, "--payee", "P02"], "P02 is not on the plan in 2025Q4"),
        ([*COMMAND, "--plan", "data/plans/halfs.yaml"], "halfs.yaml"),
        ([*COMMAND, "--data", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_ends_with_a_clear_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_command(*arguments) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert not captured.out
