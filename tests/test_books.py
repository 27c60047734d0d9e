"""Whose book an account counts in, option by option, on an account that moves once.

Account a has 1,000 of ARR and moves from p to q on 15 February 2025: 45 of the quarter's 90 days each. It grows by 100
in p's time and loses 300 in q's, on 1 March. Account b, 500, is p's all along.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from compmodel.books import BookRule
from compmodel.errors import PlanError
from compmodel.plan import example_plan
from compmodel.replay import Replay, replay
from compmodel.tables import UNASSIGNED
from histories import CREDIT_RULES, Company, Row, counted, employed, event, held

EVENTS = [
    event("a1", "a", "new", 1000, "2024-01-01"),
    event("b1", "b", "new", 500, "2024-01-01"),
    event("grown", "a", "expansion", 100, "2025-02-01", signed_on="2025-02-01"),
    event("cut", "a", "contraction", -300, "2025-03-01", reason="price"),
]
BOOKS = [held("a", "p", ends_on="2025-02-14"), held("a", "q", "2025-02-15"), held("b", "p")]
PEOPLE = [employed("p", manager_id="lead"), employed("q", manager_id="boss"), employed("lead"), employed("boss")]


def replayed(books: Row, assignments: list[Row] = BOOKS, payees: list[Row] = PEOPLE, span: str = "2025Q1") -> Replay:
    company = Company(EVENTS, assignments, payees, [counted(1, "2025-01-01", payee_id="p")])
    plan = example_plan().replace({"credit_on": CREDIT_RULES[0], "books": books})
    return replay([plan], company.history(), span)[0]


def credited(run: Replay) -> dict[tuple[str, str, str], float]:
    """Amounts by event, payee and, where somebody else held it, why."""
    rows = run.credits
    keys = zip(rows["event_id"], rows["payee_id"], rows["why"], strict=True)
    return dict(zip(keys, rows["credited_cents"] / 100, strict=True))


def opened(run: Replay) -> dict[tuple[str, str, str], float]:
    rows = run.books
    keys = zip(rows["account_id"], rows["payee_id"], rows["why"], strict=True)
    return dict(zip(keys, rows["opening_cents"] / 100, strict=True))


class TestHolder:
    """Opening ARR and movements follow one rule."""

    def test_at_the_credit_date(self) -> None:
        run = replayed({"holder": "credit_date"})
        assert credited(run) == {("grown", "p", ""): 100, ("cut", "q", ""): -300}
        assert opened(run) == {("a", "q", ""): 1000, ("b", "p", ""): 500}

    def test_at_opening(self) -> None:
        run = replayed({"holder": "opening"})
        assert credited(run) == {("grown", "p", ""): 100, ("cut", "p", ""): -300}
        assert opened(run) == {("a", "p", ""): 1000, ("b", "p", ""): 500}

    def test_weighted_by_days(self) -> None:
        run = replayed({"holder": "time_weighted"})
        assert credited(run) == {
            ("grown", "p", ""): 50, ("grown", "q", ""): 50, ("cut", "p", ""): -150, ("cut", "q", ""): -150,
        }  # fmt: skip
        assert opened(run) == {("a", "p", ""): 500, ("a", "q", ""): 500, ("b", "p", ""): 500}

    def test_days_that_nobody_holds_weigh_nothing(self) -> None:
        """P for 30 days, nobody for 30, q for the last 30."""
        books = [held("a", "p", ends_on="2025-01-30"), held("a", "q", "2025-03-02"), held("b", "p")]
        run = replayed({"holder": "time_weighted"}, books)
        assert opened(run) == {("a", "p", ""): 500, ("a", "q", ""): 500, ("b", "p", ""): 500}

    def test_an_account_that_moves_without_a_movement_stays_with_who_opened_with_it(self) -> None:
        """Else p, who leaves, would have what was won before over next to nothing."""
        books = [*BOOKS[:2], held("b", "p", ends_on="2025-03-10"), held("b", "q", "2025-03-11")]
        assert opened(replayed({}, books)) == {("a", "q", ""): 1000, ("b", "p", ""): 500}

    def test_of_an_account_that_changes_hands_the_books_carry_on(self) -> None:
        """Opening of the next quarter: what q has after the cut."""
        run = replayed({}, span="2025Q1:2025Q2")
        later = run.books[run.books["period"] == "2025Q2"].set_index(["account_id", "payee_id"])["opening_cents"]
        assert later.to_dict() == {("a", "q"): 80_000, ("b", "p"): 50_000}


class TestShutOut:
    """Who does not count, and why."""

    def test_held_for_too_short_a_time(self) -> None:
        run = replayed({"min_days_held": 46})
        why = "held 45 of 46 days"
        assert credited(run) == {("grown", UNASSIGNED, why): 100, ("cut", UNASSIGNED, why): -300}
        assert opened(run) == {("a", UNASSIGNED, why): 1000, ("b", "p", ""): 500}
        assert credited(replayed({"min_days_held": 45})) == credited(replayed({}))

    @pytest.mark.parametrize(("day", "on"), [(-2, "2025-03-30"), (90, "2025-03-31"), (46, "2025-02-15")])
    def test_no_longer_held_on_a_day_of_the_quarter(self, day: int, on: str) -> None:
        run = replayed({"still_held_on": day})
        assert credited(run) == {("grown", UNASSIGNED, f"not held on {on}"): 100, ("cut", "q", ""): -300}

    def test_not_yet_held_on_a_day_of_the_quarter(self) -> None:
        assert credited(replayed({"still_held_on": 45}))["cut", UNASSIGNED, "not held on 2025-02-14"] == -300

    @pytest.mark.parametrize(("grace", "is_graced"), [(14, False), (15, True)])
    def test_an_inherited_loss_takes_its_opening_arr_along(self, grace: int, is_graced: bool) -> None:
        """1 March is day 14 after 15 February."""
        run = replayed({"grace_days": grace})
        why = "inherited loss"
        if is_graced:
            assert credited(run) == {("grown", "p", ""): 100, ("cut", UNASSIGNED, why): -300}
            assert opened(run) == {("a", "q", ""): 700, ("a", UNASSIGNED, why): 300, ("b", "p", ""): 500}
        else:
            assert credited(run) == credited(replayed({}))

    def test_grace_for_the_first_quarter(self) -> None:
        assert credited(replayed({"grace_first_period": True}))["cut", UNASSIGNED, "inherited loss"] == -300
        taken_before = [held("a", "p", ends_on="2024-12-30"), held("a", "q", "2024-12-31"), held("b", "p")]
        assert credited(replayed({"grace_first_period": True}, taken_before))["cut", "q", ""] == -300

    def test_no_grace_for_the_first_holder(self) -> None:
        books = [held("a", "q", "2025-02-15"), held("b", "p")]
        assert credited(replayed({"grace_days": 90, "grace_first_period": True}, books))["cut", "q", ""] == -300

    def test_small_accounts(self) -> None:
        why = "below 501 of opening ARR"
        assert opened(replayed({"min_account_arr": 501})) == {("a", "q", ""): 1000, ("b", UNASSIGNED, why): 500}
        assert opened(replayed({"min_account_arr": 500})) == opened(replayed({}))

    def test_house_accounts(self) -> None:
        books = [*BOOKS[:2], {**held("b", "p"), "role": "house"}]
        assert opened(replayed({"house_roles": ["house"]}, books))["b", UNASSIGNED, "house account"] == 500
        assert opened(replayed({}, books))["b", "p", ""] == 500

    def test_exclusions_say_why(self) -> None:
        run = replayed({"exclude": [{"account_id": "b", "because": "sold by the board"}]})
        assert opened(run)["b", UNASSIGNED, "excluded: sold by the board"] == 500
        run = replayed({"exclude": [{"reason": "price", "because": "list price cut"}]})
        assert credited(run)["cut", UNASSIGNED, "excluded: list price cut"] == -300
        assert opened(run)["a", "q", ""] == 1000

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ({"exclude": [{"because": "no reason"}]}, "must name either an account_id or a reason"),
            ({"still_held_on": 0}, "still_held_on must be 1 to 90, or -1 to -90"),
            ({"holder": "last"}, "'credit_date', 'opening' or 'time_weighted'"),
        ],
    )
    def test_what_is_no_rule_is_refused(self, rule: dict[str, Any], said: str) -> None:
        with pytest.raises(ValidationError, match=said):
            BookRule.model_validate(rule)


class TestBeside:
    """Credit beside the books: it changes no book and no total."""

    def test_a_lead_shadows_the_team(self) -> None:
        run = replayed({"lead_share": 0.5})
        assert credited(run) == {
            ("grown", "p", ""): 100, ("cut", "q", ""): -300, ("grown", "lead", ""): 50, ("cut", "boss", ""): -150,
        }  # fmt: skip
        beside = run.books[run.books["kind"] == "lead"].set_index(["account_id", "payee_id"])["opening_cents"]
        assert beside.to_dict() == {("a", "boss"): 50_000, ("b", "lead"): 25_000}

    def test_an_overlay_is_credited_a_whole_segment(self) -> None:
        people = [*PEOPLE, employed("x", role="overlay"), employed("y", "10", "2025-03-01", role="overlay")]
        run = replayed({"overlays": [{"role": "overlay"}]}, payees=people)
        beside = run.credits[run.credits["kind"] == "overlay"].set_index(["event_id", "payee_id"])["credited_cents"]
        assert beside.to_dict() == {("grown", "x"): 10_000, ("cut", "x"): -30_000, ("cut", "y"): -30_000}
        assert run.credits[run.credits["kind"] == "book"]["credited_cents"].sum() == -20_000

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ({"overlays": [{"role": "ovrlay"}]}, "books.overlays has 'ovrlay', but is no role of the history. Did you"),
            ({"overlays": [{"role": "overlay", "region": "EMEA"}]}, "books.overlays has 'EMEA', but is no region"),
            ({"overlays": [{"role": "overlay", "segment": "smb"}]}, "books.overlays has 'smb', but is no segment"),
            ({"exclude": [{"account_id": "c", "because": "x"}]}, "books.exclude has 'c', but is no account of the"),
        ],
    )
    def test_a_rule_that_names_what_is_not_there_is_refused(self, rule: Row, said: str) -> None:
        """It would silently do nothing."""
        with pytest.raises(PlanError) as error:
            replayed(rule, payees=[*PEOPLE, employed("x", role="overlay")])
        assert said in str(error.value)

    def test_splits_above_1_need_double_credit(self) -> None:
        books = [{**row, "role": "csm"} for row in BOOKS] + [{**held("a", "boss"), "role": "specialist"}]
        run = replayed({"double_credit": ["specialist"]}, books)
        assert credited(run) == {
            ("grown", "p", ""): 100, ("cut", "q", ""): -300, ("grown", "boss", ""): 100, ("cut", "boss", ""): -300,
        }  # fmt: skip
        with pytest.raises(PlanError) as error:
            replayed({}, books)
        assert "credits more than the whole of 1 account, such as 'a' on 2024-01-01" in str(error.value)
        assert "double_credit: [specialist]" in str(error.value)
