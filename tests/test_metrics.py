"""Retention and KPI measures, hand-worked from events; every figure is for the first quarter of 2025."""

from __future__ import annotations

from typing import Any

import pytest

from compmodel.errors import PlanError
from compmodel.metrics import METRICS, QUALIFYING
from compmodel.plan import example_plan
from compmodel.replay import replay
from histories import Company, Row, counted, employed, event, held

SIGNED = {"churn": "notice_on", "contraction": "notice_on", "renewal": "signed_on", "expansion": "signed_on"}
OPENED = [event("a0", "a", "new", 100_000, "2024-01-01"), event("b0", "b", "new", 60_000, "2024-01-01")]
BOTH = [held("a", "p"), held("b", "p")]


def measured(metric: str, company: Company, level: Any = "individual", **changes: Any) -> dict[str, tuple[Any, ...]]:
    """Numerator, denominator and value by payee."""
    goal = {"components.nrr.attainment.floor": 0.0, "components.nrr.metric": metric, "components.nrr.level": level}
    (run,) = replay([example_plan().replace({**goal, **changes})], company.history(), "2025Q1")
    rows = run.payouts[run.payouts["component"] == "nrr"].set_index("payee_id")
    assert rows.index.is_unique
    values = rows["value"].astype(object).where(rows["value"].notna(), None)
    return dict(zip(rows.index, zip(rows["numerator"], rows["denominator"], values, strict=True), strict=True))


def company(events: list[Row], books: list[Row] = BOTH, **more: Any) -> Company:
    tables = {"payees": [employed("p")], "kpis": [counted(1, "2024-01-01", payee_id="p")], **more}
    return Company(arr_events=[*OPENED, *events], assignments=books, **tables)


def lost(event_id: str, account: str, kind: str, delta: int, on: str, **more: Any) -> Row:
    return event(event_id, account, kind, delta, on, ends_on=on, **more)


MOVED = [
    event("e1", "a", "expansion", 30_000, "2025-01-01"),
    lost("e2", "a", "contraction", -20_000, "2025-02-10"),
    lost("e3", "b", "contraction", -8_000, "2025-03-31"),
]


class TestRetention:
    """The cohort is what had ARR when the period opened."""

    def test_nrr(self) -> None:
        assert measured("nrr", company(MOVED)) == {"p": (162_000, 160_000, 1.0125)}

    def test_grr_counts_each_customer_at_most_at_its_opening(self) -> None:
        """Account a grew on balance, so only the loss of b counts; b's loss is not offset by a's growth."""
        assert measured("grr", company(MOVED)) == {"p": (152_000, 160_000, 0.95)}

    def test_expansion_rate(self) -> None:
        assert measured("expansion_rate", company(MOVED)) == {"p": (30_000, 160_000, 0.1875)}

    @pytest.mark.parametrize("metric", ["nrr", "grr", "expansion_rate"])
    def test_customers_new_in_the_period_are_left_out(self, metric: str) -> None:
        later = [
            event("c0", "c", "new", 50_000, "2025-01-01"),
            event("c1", "c", "expansion", 7_000, "2025-02-01"),
            lost("c2", "c", "churn", -57_000, "2025-03-01"),
        ]
        with_later = company([*MOVED, *later], [*BOTH, held("c", "p")])
        assert measured(metric, with_later) == measured(metric, company(MOVED))

    def test_a_win_back_within_the_period_counts_one_of_an_earlier_loss_does_not(self) -> None:
        back = [
            lost("a1", "a", "churn", -100_000, "2025-01-10"),
            event("a2", "a", "reactivation", 70_000, "2025-03-10"),
        ]
        assert measured("nrr", company(back)) == {"p": (130_000, 160_000, 0.8125)}
        assert measured("grr", company(back)) == {"p": (130_000, 160_000, 0.8125)}
        long_gone = [
            lost("a1", "a", "churn", -100_000, "2024-12-31"),
            event("a2", "a", "reactivation", 70_000, "2025-03-10"),
        ]
        assert measured("nrr", company(long_gone)) == {"p": (60_000, 60_000, 1.0)}

    def test_a_loss_credited_before_the_period_has_left_the_cohort(self) -> None:
        gone = event("a1", "a", "churn", -100_000, "2025-02-01", notice_on="2024-12-01")
        assert measured("nrr", company([gone]), credit_on=SIGNED) == {"p": (60_000, 60_000, 1.0)}

    def test_an_account_with_negative_opening_is_no_part_of_the_cohort(self) -> None:
        """Notice of losing 150,000 came before the growth that it includes was signed."""
        events = [
            event("a1", "a", "expansion", 50_000, "2025-02-01", signed_on="2025-01-20"),
            event("a2", "a", "churn", -150_000, "2025-06-30", notice_on="2024-12-20"),
        ]
        assert measured("nrr", company(events), credit_on=SIGNED) == {"p": (60_000, 60_000, 1.0)}
        assert measured("expansion_rate", company(events), credit_on=SIGNED) == {"p": (0, 60_000, 0)}

    def test_nothing_at_opening_is_said_and_pays_nothing(self) -> None:
        nothing = Company(payees=[employed("p")], kpis=[counted(10, "2025-01-01", payee_id="p")])
        (run,) = replay([example_plan()], nothing.history(), "2025Q1")
        nrr, kpi = run.payouts.to_dict("records")
        assert (nrr["payout"], nrr["note"]) == (0.0, "no opening ARR in the period, so nothing is paid")
        assert all(nrr[name] != nrr[name] for name in ("value", "attainment"))  # empty
        assert (kpi["payout"], kpi["note"]) == (5000.0, "")


class TestRenewalRate:
    """What was renewed over what was renewed or lost at a renewal."""

    def test_only_losses_at_a_renewal_count(self) -> None:
        events = [
            event("a1", "a", "renewal", 80_000, "2025-02-01"),
            lost("a2", "a", "contraction", -20_000, "2025-02-01", is_at_renewal=True),
            lost("b1", "b", "contraction", -9_000, "2025-02-01"),
            event("b2", "b", "expansion", 5_000, "2025-02-01", is_at_renewal=True),
        ]
        assert measured("renewal_rate", company(events)) == {"p": (80_000, 100_000, 0.8)}

    def test_everything_lost(self) -> None:
        gone = lost("b1", "b", "churn", -60_000, "2025-03-31", is_at_renewal=True)
        assert measured("renewal_rate", company([gone])) == {"p": (0, 60_000, 0)}

    def test_nothing_was_up(self) -> None:
        assert measured("renewal_rate", company(MOVED)) == {"p": (0, 0, None)}


LEAD = {"default": "individual", "by_role": {"lead": "team"}}


class TestLevels:
    """A team's figure is the ratio of its members' sums."""

    PEOPLE = (employed("p", team="north"), employed("q", team="north"), employed("r", team="south"), employed("s"))
    BOOKS = (held("a", "p"), held("b", "q"))
    MOVED = (
        event("a1", "a", "expansion", 40_000, "2025-02-01"),
        lost("b1", "b", "contraction", -20_000, "2025-02-01"),
    )

    def company(self, *spans: Row, **more: Any) -> Company:
        return company(list(self.MOVED), list(self.BOOKS), payees=spans or self.PEOPLE, **more)

    def test_individual(self) -> None:
        assert measured("nrr", self.company()) == {
            "p": (140_000, 100_000, 1.4),
            "q": (40_000, 60_000, 40 / 60),
            "r": (0, 0, None),
            "s": (0, 0, None),
        }

    def test_team(self) -> None:
        """Not the mean of 140% and 67%; who is in no team has no figure."""
        found = measured("nrr", self.company(), "team")
        assert found == {
            "p": (180_000, 160_000, 1.125),
            "q": (180_000, 160_000, 1.125),
            "r": (0, 0, None),
            "s": (0, 0, None),
        }

    def test_a_lead_on_the_team_and_others_alone(self) -> None:
        lead = employed("x", team="north", role="lead")
        found = measured("nrr", self.company(*self.PEOPLE, lead), LEAD)
        assert (found["p"], found["x"]) == ((140_000, 100_000, 1.4), (180_000, 160_000, 1.125))

    def test_a_team_is_its_members_of_that_period(self) -> None:
        """Payee q changed teams on the quarter's second day, so still counts for north; a leaver counts no more."""
        moved = [employed("q", team="north", ends_on="2025-01-01"), employed("q", 40_000, "2025-01-02", team="south")]
        left = [employed("q", team="north", ends_on="2024-12-31")]
        p, r = employed("p", team="north"), employed("r", team="south")
        assert measured("nrr", self.company(p, r, *moved), "team")["p"] == (180_000, 160_000, 1.125)
        assert measured("nrr", self.company(p, r, *left), "team")["p"] == (140_000, 100_000, 1.4)

    def test_an_account_that_moves_takes_its_opening_arr_along(self) -> None:
        """Payee q took a over and lost it: q's opening holds it, p's does not; the team is as if nothing had moved."""
        gone = [lost("a1", "a", "churn", -100_000, "2025-03-01")]
        books = [held("a", "p", ends_on="2025-01-31"), held("a", "q", "2025-02-01"), held("b", "q")]
        north = company(gone, books, payees=[employed("p", team="north"), employed("q", team="north")])
        assert measured("nrr", north) == {"p": (0, 0, None), "q": (60_000, 160_000, 0.375)}
        assert measured("grr", north, "team") == dict.fromkeys("pq", (60_000, 160_000, 0.375))

    def test_one_customer_of_two_teammates_nets_within_the_team(self) -> None:
        """Payee p grew a by 30,000, then q lost 20,000 of it: a loss of q's, none of the team's."""
        books = [held("a", "p", ends_on="2025-01-31"), held("a", "q", "2025-02-01"), held("b", "q")]
        moved = company(MOVED[:2], books, payees=[employed("p", team="north"), employed("q", team="north")])
        assert measured("grr", moved)["q"] == (140_000, 160_000, 0.875)
        assert measured("grr", moved, "team")["q"] == (160_000, 160_000, 1.0)

    def test_splits(self) -> None:
        halves = [held("a", "p", split=0.5), held("a", "q", split=0.5), held("b", "q", split=0.3)]
        assert measured("nrr", company(list(self.MOVED), halves, payees=self.PEOPLE[:2])) == {
            "p": (70_000, 50_000, 1.4),
            "q": (82_000, 68_000, 82 / 68),
        }


class TestKpi:
    """Counts of payees, and of accounts by who holds them that day."""

    KPI = "kpi.customer_prs"

    def test_own_counts_and_those_of_accounts(self) -> None:
        kpis = [
            counted(2, "2025-01-01", payee_id="p"),
            counted(3, "2025-03-31", payee_id="p"),
            counted(100, "2024-12-31", payee_id="p"),
            counted(100, "2025-04-01", payee_id="p"),
            counted(100, "2025-02-01", "qbrs", payee_id="p"),
            counted(4, "2025-02-14", account_id="a"),
            counted(5, "2025-02-15", account_id="a"),
            counted(9, "2025-02-15", account_id="b"),
        ]
        books = [
            held("a", "p", ends_on="2025-02-14"),
            held("a", "p", "2025-02-15", split=0.2),
            held("a", "q", "2025-02-15", split=0.8),
        ]
        people = [employed("p"), employed("q")]
        found = measured(self.KPI, company([], books, payees=people, kpis=kpis))
        assert found == {"p": (10, 1, 10), "q": (4, 1, 4)}

    @pytest.mark.parametrize(
        ("form", "p", "q", "team"),
        [
            # p held 3 of 4 and, with half of account a, 1 of 2 halves; q has the other half, and is away half the time.
            ("share", (3.5, 5, 0.7), (0.5, 1, 0.5), (4, 6, 4 / 6)),
            # Scores of p: 9, 4 and half of a 10; of q: half of the 10.
            ("mean", (18, 2.5, 7.2), (5, 0.5, 10), (23, 3, 23 / 3)),
            ("nps", (50, 2.5, 20), (50, 0.5, 100), (100, 3, 100 / 3)),
        ],
    )
    def test_shares_and_scores(self, form: str, p: Any, q: Any, team: Any) -> None:
        """Neither is divided by the time on the plan."""
        people = [employed("p", team="north"), employed("q", starts_on="2025-02-15", team="north")]
        if form == "share":
            counts = [{**counted(3, "2025-01-10", payee_id="p"), "scheduled": 4}]
            counts += [{**counted(1, "2025-03-10", account_id="a"), "scheduled": 2}]
        else:
            counts = [counted(9, "2025-01-10", payee_id="p"), counted(4, "2025-01-11", payee_id="p")]
            counts += [counted(10, "2025-03-10", account_id="a")]
        books = [held("a", "p", split=0.5), held("a", "q", split=0.5)]
        found = company([], books, payees=people, kpis=counts)
        changes = {"components.nrr.form": form, "components.nrr.attainment": {"kind": "ratio"}}
        assert self.measured(found, "individual", changes) == {"p": p, "q": q}
        assert self.measured(found, "team", changes) == {"p": team, "q": team}

    def measured(self, found: Company, level: str, changes: Row) -> dict[str, tuple[Any, ...]]:
        plan = example_plan().replace({"components.nrr.metric": self.KPI, "components.nrr.level": level, **changes})
        (run,) = replay([plan], found.history(), "2025Q1")
        rows = run.payouts[run.payouts["component"] == "nrr"]
        return {row.payee_id: (row.numerator, row.denominator, row.value) for row in rows.itertuples()}

    def test_a_share_of_nothing_scheduled_is_undefined(self) -> None:
        plan = example_plan().replace({"components.kpi.form": "share", "components.kpi.target": 0.9})
        (run,) = replay([plan], company([], kpis=[counted(1, "2025-01-10", payee_id="p")]).history(), "2025Q1")
        row = run.payouts[run.payouts["component"] == "kpi"].iloc[0]
        assert (row["payout"], row["note"]) == (0, "nothing scheduled in the period, so nothing is paid")

    def test_a_form_is_of_a_kpi(self) -> None:
        with pytest.raises(PlanError, match="form is nps, but nrr is no KPI"):
            example_plan().replace({"components.nrr.form": "nps"})

    def test_a_team_is_the_mean_of_its_full_time_members(self) -> None:
        """8 + 2 by one and a half members; the lead on the team is no member while the others count alone."""
        people = [
            employed("p", team="north"),
            employed("q", 40_000, "2025-02-15", team="north"),
            employed("x", team="north", role="lead"),
        ]
        counts = [
            counted(8, "2025-02-20", payee_id="p"),
            counted(2, "2025-02-20", payee_id="q"),
            counted(50, "2025-02-20", payee_id="x"),
        ]
        found = measured(self.KPI, company([], payees=people, kpis=counts), LEAD)
        assert found == {"p": (8, 1, 8), "q": (2, 0.5, 4), "x": (10, 1.5, 10 / 1.5)}
        toggled = {"default": "team", "by_role": {"lead": "team"}}
        all_on_the_team = measured(self.KPI, company([], payees=people, kpis=counts), toggled)
        assert all_on_the_team == dict.fromkeys("pqx", (10, 1.5, 10 / 1.5))
        everyone = measured(self.KPI, company([], payees=people, kpis=counts), "team")
        assert everyone == dict.fromkeys("pqx", (60, 2.5, 24))

    def test_one_payee_measured_alone_elsewhere_changes_no_other_team(self) -> None:
        """Three pooled payees of 10 each stay at 10 when a fourth, in another team, counts alone."""
        pooled = {"default": "individual", "by_role": {"pooled": "team"}}
        people = [employed(name, team="north", role="pooled") for name in "pqr"]
        counts = [counted(10, "2025-02-20", payee_id=name) for name in "pqr"]
        assert measured(self.KPI, company([], payees=people, kpis=counts), pooled) == dict.fromkeys("pqr", (30, 3, 10))
        people.append(employed("x", team="south"))
        found = measured(self.KPI, company([], payees=people, kpis=counts), pooled)
        assert found == dict.fromkeys("pqr", (30, 3, 10)) | {"x": (0, 1, 0)}

    def test_a_lead_alone_in_the_team_is_its_own_member(self) -> None:
        """The only other member was on leave all quarter; the other lead is in no team."""
        people = [
            employed("p", 0, team="north", role="leave"),
            employed("x", team="north", role="lead"),
            employed("y", role="lead"),
        ]
        counts = [counted(8, "2025-02-20", payee_id="p")]
        (run,) = replay(
            [example_plan().replace({"components.kpi.level": LEAD})],
            company([], payees=people, kpis=counts).history(),
            "2025Q1",
        )
        rows = run.payouts[run.payouts["component"] == "kpi"]
        assert rows[["payee_id", "payout", "note"]].to_numpy().tolist() == [
            ["x", 0.0, ""],
            ["y", 0.0, "in no team, so nothing is paid"],
        ]

    def test_a_teams_members_do_not_depend_on_the_other_periods_of_a_run(self) -> None:
        """Leads among themselves in the first quarter; the first who counts alone comes in the second."""
        people = [employed("x", team="north", role="lead"), employed("p", 40_000, "2025-04-01", team="north")]
        counts = [counted(8, "2025-02-20", payee_id="x"), counted(6, "2025-05-20", payee_id="p")]
        history = company([], [], payees=people, kpis=counts).history()
        plan = example_plan().replace({"components.kpi.level": LEAD})
        for span in ("2025Q1", "2025Q1:2025Q2"):
            (run,) = replay([plan], history, span)
            rows = run.payouts[run.payouts["component"] == "kpi"].set_index(["period", "payee_id"])
            assert rows.loc[("2025Q1", "x"), "value"] == 8
        assert rows.loc[("2025Q2", "x"), "value"] == 6

    def test_nobody_counted_is_0_not_empty(self) -> None:
        assert measured(self.KPI, company([])) == {"p": (0, 1, 0)}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("goal", [0.9, 7.5, 40_000])
def test_every_metric_has_bounds_for_its_slider(name: str, goal: float) -> None:
    if (METRICS[name].unit == "share" and goal > 5) or (METRICS[name].unit == "count" and goal < 1):
        return
    changes = {"metric": name, "target": goal, "attainment": {"kind": "ratio"}}
    changes |= {"qualifies": {"event_types": ["renewal"]}} if name in QUALIFYING else {}
    plan = example_plan().replace({f"components.nrr.{field}": value for field, value in changes.items()})
    lever = next(lever for lever in plan.levers() if lever.path == "components.nrr.target.default")
    assert 0 < lever.lower < lever.upper
    assert round((lever.upper - lever.lower) / lever.step, 9).is_integer()
    assert METRICS[name].target_bounds or lever.lower < goal < lever.upper
