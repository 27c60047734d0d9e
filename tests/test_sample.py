"""The sample company shows every phenomenon the questions ask about, and a seed gives the same bytes everywhere."""

from __future__ import annotations

import csv
import datetime as dt
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
import pytest
import yaml

from compmodel.errors import CompModelError
from compmodel.periods import Period, period_range
from compmodel.sample import SETTINGS, sample_tables, sample_truth, write_sample
from compmodel.sources import load_history
from compmodel.tables import DTYPES, TABLES, Settings

START, END = dt.date(2023, 1, 1), dt.date(2025, 12, 31)
YEARS = [(dt.date(year, 1, 1), dt.date(year + 1, 1, 1)) for year in (2023, 2024, 2025)]
Books = list[tuple[dt.date, dict[str, float]]]
FILES = {f"{name}.csv" for name in TABLES} | {"mapping.yaml", "truth/truth.yaml", "truth/payees.csv"}


@pytest.fixture(scope="module")
def committed(root: Path) -> Path:
    return root / "data" / "sample"


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return sample_tables(7)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def rows(committed: Path) -> dict[str, list[dict[str, str]]]:
    return {name: read(committed / f"{name}.csv") for name in TABLES}


@pytest.fixture(scope="module")
def events(rows: dict[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    return rows["arr_events"]


def day(text: str, empty: dt.date = dt.date.max) -> dt.date:
    return dt.date.fromisoformat(text) if text else empty


def holds(row: dict[str, str], on: dt.date) -> bool:
    return day(row["starts_on"]) <= on <= day(row["ends_on"])


def lag(row: dict[str, str], later: str, earlier: str) -> int:
    return (day(row[later]) - day(row[earlier])).days


def of(events: list[dict[str, str]], *kinds: str) -> list[dict[str, str]]:
    return [row for row in events if row["event_type"] in kinds]


@pytest.fixture(scope="module")
def dollars(rows: dict[str, list[dict[str, str]]]) -> dict[str, float]:
    rates = {row["currency"]: float(row["rate"]) for row in rows["fx_rates"] if row["on"] == "2022-12-30"}
    return {"USD": 1.0} | rates


def balances(events: list[dict[str, str]], dollars: dict[str, float], before: dt.date) -> dict[str, float]:
    """ARR of each account when that day begins, in USD, in a plain loop."""
    arr: dict[str, float] = defaultdict(float)
    for row in events:
        if day(row["effective_on"]) < before:
            arr[row["account_id"]] += float(row["arr_delta"]) * dollars[row["currency"]]
    return arr


@pytest.fixture(scope="module")
def at_quarters(events: list[dict[str, str]], dollars: dict[str, float]) -> Books:
    starts = [period.starts_on for period in (*period_range("2023Q1:2025Q4"), Period("2026Q1"))]
    return [(start, balances(events, dollars, start)) for start in starts]


# --- the company as a whole ---------------------------------------------------------------------------------------


def test_it_loads_without_errors_and_warns_only_of_accounts_in_nobodys_book(committed: Path) -> None:
    history = load_history(committed)
    assert 1 <= len(history.warnings) <= 30
    assert all("nobody's book" in problem.rule for problem in history.warnings)
    assert history.settings == Settings(**yaml.safe_load(SETTINGS))
    assert history.settings.reporting_currency == "USD"
    assert history.settings.exchange.constant_on == dt.date(2022, 12, 30)


def test_the_files_hold_exactly_the_tables(committed: Path, tables: dict[str, pd.DataFrame]) -> None:
    history = load_history(committed)
    assert list(tables) == list(TABLES)
    for name, table in TABLES.items():
        assert {c.name: DTYPES[c.type] for c in table.columns} == {n: str(d) for n, d in tables[name].dtypes.items()}
        assert not tables[name].duplicated(list(table.key)).any()
        pd.testing.assert_frame_equal(tables[name], getattr(history, name))


def test_retention_of_each_year_is_near_92_and_106(events: list[dict[str, str]], dollars: dict[str, float]) -> None:
    gross, net = [], []
    for first, after in YEARS:
        opening = {account: arr for account, arr in balances(events, dollars, first).items() if arr > 0.005}
        closing = balances(events, dollars, after)
        gross.append(sum(min(arr, closing[account]) for account, arr in opening.items()) / sum(opening.values()))
        net.append(sum(closing[account] for account in opening) / sum(opening.values()))
    assert all(0.905 < value < 0.935 for value in gross), gross
    assert all(1.045 < value < 1.075 for value in net), net
    assert 0.91 < mean(gross) < 0.93
    assert 1.05 < mean(net) < 1.07


def test_the_cohort_metrics_of_the_year_agree_with_the_movements(events: list[dict[str, str]], dollars: dict) -> None:
    """Opening plus every movement of the opening accounts is their closing ARR: nothing is booked twice."""
    for first, after in YEARS:
        opening, closing = balances(events, dollars, first), balances(events, dollars, after)
        cohort = {account for account, arr in opening.items() if arr > 0.005}
        moved = [row for row in events if row["account_id"] in cohort and first <= day(row["effective_on"]) < after]
        change = sum(float(row["arr_delta"]) * dollars[row["currency"]] for row in moved)
        assert not of(moved, "new")
        assert sum(closing[a] - opening[a] for a in cohort) == pytest.approx(change, abs=0.01)


def book_nrr(rows: dict[str, list[dict[str, str]]], arr: Books) -> list[float]:
    """NRR of each book from each day to the next, for who held the accounts on the first, in a plain loop."""
    found = []
    for (start, opening), (_, closing) in pairwise(arr):
        books: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row in rows["assignments"]:
            if holds(row, start) and opening[row["account_id"]] > 0.005:
                books[row["payee_id"]][0] += opening[row["account_id"]] * float(row["split"])
                books[row["payee_id"]][1] += closing[row["account_id"]] * float(row["split"])
        found += [after / before for before, after in books.values()]
    return found


def test_one_books_result_is_mostly_luck(rows: dict[str, list[dict[str, str]]], at_quarters: Books) -> None:
    quarters, years = book_nrr(rows, at_quarters), book_nrr(rows, at_quarters[::4])
    truth = sample_truth(7).summary
    assert len(quarters) > 400
    assert 1.005 < mean(quarters) < 1.025
    assert 0.03 < stdev(quarters) < 0.07
    assert 100 * stdev(quarters) == pytest.approx(truth["luck_sd_points_a_quarter"], rel=0.25)
    assert sum(value > 1.15 for value in quarters) >= 2  # few reach the goal of a quarter
    assert 0.05 < sum(value > 1.15 for value in years) / len(years) < 0.3  # some reach it in a year
    assert 0.15 < sum(value < 1 for value in quarters) / len(quarters) < 0.45  # the dead zone below 100%


# --- people -------------------------------------------------------------------------------------------------------


def test_sixty_payees_in_six_teams_with_a_lead_each(rows: dict[str, list[dict[str, str]]]) -> None:
    payees = rows["payees"]
    teams = defaultdict(set)
    for row in payees:
        teams[row["team"]].add(row["payee_id"])
    leads = {row["payee_id"]: row["team"] for row in payees if row["role"] == "lead"}
    assert len({row["payee_id"] for row in payees}) == len({row["name"] for row in payees}) == 60
    assert sorted(map(len, teams.values())) == [10] * 6
    assert sorted(leads.values()) == sorted(teams)
    assert {row["segment"] for row in payees} == {"enterprise", "mid_market", "small_business"}
    assert {row["currency"] for row in payees} == {"USD", "EUR", "GBP"}
    assert {row["role"] for row in payees} == {"lead", "csm", "leave"}
    for row in payees:
        assert row["payee_id"] in leads or leads[row["manager_id"]] == row["team"]
    assert not {row["payee_id"] for row in rows["assignments"]} & set(leads)


def test_pay_is_about_three_to_one(rows: dict[str, list[dict[str, str]]]) -> None:
    at_work = [row for row in rows["payees"] if row["role"] != "leave"]
    shares = [float(r["base_salary"]) / (float(r["base_salary"]) + float(r["target_incentive"])) for r in at_work]
    targets = {role: [float(r["target_incentive"]) for r in at_work if r["role"] == role] for role in ("csm", "lead")}
    assert 0.74 < mean(shares) < 0.77
    assert 0.7 < min(shares) < max(shares) < 0.8
    assert 20_000 <= min(targets["csm"]) < max(targets["csm"]) < 48_000
    assert mean(targets["lead"]) > 1.25 * mean(targets["csm"])


def test_people_come_and_go_and_take_leave_and_get_raises(rows: dict[str, list[dict[str, str]]]) -> None:
    spans = defaultdict(list)
    for row in rows["payees"]:
        spans[row["payee_id"]].append(row)
    first = {payee: min(day(row["starts_on"]) for row in mine) for payee, mine in spans.items()}
    last = {payee: max(day(row["ends_on"]) for row in mine) for payee, mine in spans.items()}
    assert sum(START <= on <= END for on in first.values()) == 18  # six new territories and twelve successors
    assert sum(START <= on <= END for on in last.values()) == 12
    assert {on.day <= 15 for on in first.values() if on >= START} == {True, False}
    leave = [row for row in rows["payees"] if row["role"] == "leave"]
    assert len(leave) == 6
    assert all(float(row["target_incentive"]) == 0 and 59 <= lag(row, "ends_on", "starts_on") <= 151 for row in leave)
    raises = 0
    for mine in spans.values():
        for before, after in pairwise(mine):
            assert day(after["starts_on"]) == day(before["ends_on"]) + dt.timedelta(days=1)
            raises += 0 < float(before["target_incentive"]) < float(after["target_incentive"])
    assert raises > 60


# --- books --------------------------------------------------------------------------------------------------------


def test_books_are_of_usual_size_and_some_hang_on_one_account(
    rows: dict[str, list[dict[str, str]]], at_quarters: Books
) -> None:
    segment = {row["payee_id"]: row["segment"] for row in rows["payees"]}
    sizes, largest = defaultdict(list), []
    for start, arr in at_quarters[:-1]:
        books = defaultdict(list)
        for row in rows["assignments"]:
            if holds(row, start) and arr[row["account_id"]] > 0.005:
                books[row["payee_id"]].append(arr[row["account_id"]] * float(row["split"]))
        for payee, book in books.items():
            sizes[segment[payee]].append(len(book))
            largest.append(max(book) / sum(book))
    assert 20 < mean(sizes["enterprise"]) < 28 < mean(sizes["mid_market"]) < 38 < mean(sizes["small_business"]) < 50
    assert 25 < mean(size for found in sizes.values() for size in found) < 38
    assert sum(share > 0.25 for share in largest) >= 12


def test_every_span_of_a_book_lies_in_its_payees_days_at_work(rows: dict[str, list[dict[str, str]]]) -> None:
    at_work: dict[str, list[list[dt.date]]] = defaultdict(list)
    for row in rows["payees"]:
        stays = at_work[row["payee_id"]]
        if row["role"] != "leave":
            if stays and day(row["starts_on"]) == stays[-1][1] + dt.timedelta(days=1):
                stays[-1][1] = day(row["ends_on"])
            else:
                stays.append([day(row["starts_on"]), day(row["ends_on"])])
    assert sum(len(stays) == 2 for stays in at_work.values()) == 6  # before and after leave
    for row in rows["assignments"]:
        first, last = day(row["starts_on"]), day(row["ends_on"])
        assert any(start <= first <= last <= end for start, end in at_work[row["payee_id"]]), row


def test_accounts_move_are_covered_shared_and_sometimes_in_nobodys_book(rows: dict[str, list[dict[str, str]]]) -> None:
    books = rows["assignments"]
    reasons = Counter(row["reason"] for row in books if START <= day(row["starts_on"]) <= END)
    for reason, least in (
        ("new account", 500),
        ("rebalancing", 100),
        ("territory opened", 150),
        ("colleague left", 50),
        ("new hire", 200),
        ("leave cover", 100),
        ("back from leave", 100),
        ("vacancy cover", 80),
    ):
        assert reasons[reason] >= least, (reason, reasons)
    halves = [row for row in books if row["split"] == "0.5"]
    assert {row["split"] for row in books} == {"1", "0.5"}
    assert 6 <= len(halves) <= 40
    assert set(Counter((row["account_id"], row["starts_on"]) for row in halves).values()) == {2}
    ends = {(row["account_id"], day(row["ends_on"]) + dt.timedelta(days=1)) for row in books if row["ends_on"]}
    seamless = [row for row in books if (row["account_id"], day(row["starts_on"])) in ends]
    late = [row for row in books if row["reason"] == "vacancy cover" and row not in seamless]
    assert 5 <= len(late) <= 100


# --- events -------------------------------------------------------------------------------------------------------


def test_events_are_many_and_of_every_type(events: list[dict[str, str]]) -> None:
    counts = Counter(row["event_type"] for row in events if day(row["effective_on"]) >= START)
    least = {"new": 600, "expansion": 2000, "contraction": 250, "churn": 250, "renewal": 3000, "reactivation": 20}
    assert all(counts[kind] >= n for kind, n in least.items()), counts
    assert 1700 <= len({row["account_id"] for row in events}) <= 1900
    assert {row["currency"] for row in events} == {"USD", "EUR", "GBP"}


def test_arr_never_falls_below_zero_and_begins_with_new(events: list[dict[str, str]]) -> None:
    arr: dict[str, float] = {}
    for row in sorted(events, key=lambda row: (row["effective_on"], float(row["arr_delta"]) < 0)):
        assert (row["event_type"] == "new") == (row["account_id"] not in arr), row
        if row["event_type"] == "reactivation":
            assert arr[row["account_id"]] == 0, row
        arr[row["account_id"]] = arr.get(row["account_id"], 0.0) + float(row["arr_delta"])
        assert arr[row["account_id"]] >= 0, row
        assert row["event_type"] != "churn" or arr[row["account_id"]] == 0, row
        assert row["account_id"] in row["subscription_id"]
    assert all(abs(float(row["arr_delta"]) * 100 - round(float(row["arr_delta"]) * 100)) < 1e-6 for row in events)


def test_only_what_was_known_at_the_end_is_there(events: list[dict[str, str]]) -> None:
    for row in events:
        assert day(row["notice_on"] or row["signed_on"]) <= END, row
        assert day(row["effective_on"]) <= dt.date(2026, 3, 31), row
        assert all(day(row[name], END) <= END for name in ("invoiced_on", "paid_on")), row
    ahead = Counter(row["event_type"] for row in events if day(row["effective_on"]) > END)
    assert ahead["renewal"] > 50
    assert ahead["churn"] > 5
    assert not ahead["new"]
    first = {row["account_id"]: row for row in of(events, "new")}
    opening = [row for row in first.values() if day(row["effective_on"]) < START]
    assert 1000 < len(opening) < 1300
    assert not [row for row in events if row["event_type"] != "new" and day(row["effective_on"]) < START]


def test_losses_carry_notice_and_last_day(events: list[dict[str, str]]) -> None:
    for row in of(events, "churn", "contraction"):
        assert lag(row, "effective_on", "ends_on") == 1, row
        assert lag(row, "ends_on", "notice_on") > 0, row
        assert bool(row["due_on"]) == (row["is_at_renewal"] == "true"), row
        assert row["due_on"] in ("", row["ends_on"]), row
    for row in of(events, "churn"):
        assert row["is_at_renewal"] == "true", row
        assert 30 <= lag(row, "ends_on", "notice_on") <= 100, row
    downgrades = Counter(row["is_at_renewal"] for row in of(events, "contraction"))
    assert downgrades["false"] > 60
    assert downgrades["true"] > 150
    other = [row for row in of(events, "churn") if row["notice_on"][:7] != row["effective_on"][:7]]
    assert len(other) > 200  # whether notice or end counts moves the loss


def test_gains_and_renewals_carry_signature_invoice_and_payment(events: list[dict[str, str]]) -> None:
    gains = of(events, "new", "expansion", "reactivation", "renewal")
    for row in gains:
        assert row["signed_on"], row
        assert not row["paid_on"] or lag(row, "paid_on", "invoiced_on") >= 14, row
        assert not row["ends_on"], row
        assert row["invoiced_on"] or day(row["effective_on"]) > dt.date(2025, 11, 1), row
    assert sum(row["invoiced_on"] > "" and not row["paid_on"] for row in gains) > 20
    assert 200 < sum(row["paid_on"] > "" and lag(row, "paid_on", "invoiced_on") >= 90 for row in gains) < 1000


def test_renewals_are_signed_early_on_time_and_late(events: list[dict[str, str]]) -> None:
    renewals = of(events, "renewal")
    for row in renewals:
        assert (row["is_at_renewal"], float(row["arr_delta"])) == ("true", 0), row
        assert lag(row, "effective_on", "due_on") == 1, row
        assert float(row["renewed_arr"]) > 0, row
    yearly = [row for row in renewals if row["term_months"] != "1"]
    lags = [lag(row, "signed_on", "due_on") for row in yearly]
    assert sum(n > 0 for n in lags) > 150
    assert sum(n < -90 for n in lags) > 200
    assert 0.75 < sum(-90 <= n <= 0 for n in lags) / len(lags) < 0.9
    quarter = [
        (row[name][:4], (int(row[name][5:7]) - 1) // 3) for row in yearly for name in ("signed_on", "effective_on")
    ]
    assert sum(signed < starts for signed, starts in zip(quarter[::2], quarter[1::2], strict=True)) > 1000
    assert sum(row["signed_on"] <= "2025-12-31" < row["effective_on"] for row in yearly) > 50
    terms = Counter(row["term_months"] for row in renewals)
    assert terms["12"] > 2000
    assert min(terms["1"], terms["24"], terms["36"]) > 60
    assert set(terms) == {"1", "12", "24", "36"}


def test_renewed_arr_is_the_arr_before_any_uplift(events: list[dict[str, str]]) -> None:
    arr: dict[str, float] = defaultdict(float)
    rank = {"contraction": 0, "renewal": 1}
    for row in sorted(events, key=lambda row: (row["effective_on"], rank.get(row["event_type"], 2))):
        arr[row["account_id"]] += float(row["arr_delta"])
        if row["event_type"] == "renewal":
            assert float(row["renewed_arr"]) == pytest.approx(arr[row["account_id"]], abs=0.01), row


def test_changes_at_a_renewal_share_its_dates(events: list[dict[str, str]]) -> None:
    renewals = {(row["account_id"], row["effective_on"]): row for row in of(events, "renewal")}
    changes = [row for row in of(events, "expansion", "contraction") if row["is_at_renewal"] == "true"]
    for row in changes:
        renewal = renewals[row["account_id"], row["effective_on"]]
        assert (row["signed_on"], row["due_on"]) == (renewal["signed_on"], renewal["due_on"]), row
    assert len(of(changes, "expansion")) > 1000
    mid_term = [row for row in of(events, "expansion") if row["is_at_renewal"] == "false"]
    assert len(mid_term) > 1000
    assert all(1 <= lag(row, "effective_on", "signed_on") <= 25 for row in mid_term)


def test_sales_found_some_expansions_and_a_few_were_windfalls(
    events: list[dict[str, str]], dollars: dict[str, float]
) -> None:
    arr, large = defaultdict(float), []
    for row in sorted(events, key=lambda row: (row["effective_on"], float(row["arr_delta"]) < 0)):
        size = float(row["arr_delta"]) * dollars[row["currency"]]
        if row["event_type"] == "expansion" and size > max(0.55 * arr[row["account_id"]], 100_000):
            large.append(row)
        arr[row["account_id"]] += size
    sources = Counter(row["sourced_by"] for row in of(events, "expansion"))
    assert set(sources) == {"csm", "sales"}
    assert 0.1 < sources["sales"] / sources.total() < 0.3
    assert sum(row["sourced_by"] == "sales" for row in large) >= 5
    assert {row["sourced_by"] for row in of(events, "new")} == {"sales"}


def test_customers_come_back_months_later_in_a_colleagues_care(events: list[dict[str, str]]) -> None:
    left = {row["account_id"]: row for row in of(events, "churn") if row["subscription_id"].endswith("-1")}
    back = [row for row in of(events, "reactivation") if row["subscription_id"].endswith("-2")]
    assert len(back) >= 20
    assert all(
        60 < (day(row["effective_on"]) - day(left[row["account_id"]]["effective_on"])).days < 330 for row in back
    )
    sums = [float(row["arr_delta"]) / -float(left[row["account_id"]]["arr_delta"]) for row in back]
    assert min(sums) < 1 < max(sums)


# --- KPIs, rates, truth ---------------------------------------------------------------------------------------------


def test_kpis_lead_and_differ_between_people(
    rows: dict[str, list[dict[str, str]]], events: list[dict[str, str]]
) -> None:
    kpis = defaultdict(list)
    for row in rows["kpis"]:
        kpis[row["kpi"]].append(row)
    assert set(kpis) == {"customer_prs", "qbrs", "csat", "nps"}
    quarters: dict[tuple[str, str, int], float] = defaultdict(float)
    for row in kpis["customer_prs"]:
        quarters[row["payee_id"], row["on"][:4], (int(row["on"][5:7]) - 1) // 3] += float(row["attained"])
    assert 9 < mean(quarters.values()) < 12
    assert 2.5 < stdev(quarters.values()) < 6
    held = [float(row["attained"]) / float(row["scheduled"]) for row in kpis["qbrs"]]
    assert 0.75 < mean(held) < 0.9
    assert max(held) == 1
    assert {float(row["attained"]) for row in kpis["csat"]} == {1, 2, 3, 4, 5}
    assert {float(row["attained"]) for row in kpis["nps"]} == {-100, 0, 100}
    ends = {row["account_id"]: day(row["effective_on"]) for row in of(events, "churn")}
    soon = [0 < (ends.get(row["account_id"], dt.date.max) - day(row["on"])).days < 270 for row in kpis["csat"]]
    scores = [float(row["attained"]) for row in kpis["csat"]]
    warned = [score for score, leaves in zip(scores, soon, strict=True) if leaves]
    assert len(warned) > 50
    assert mean(warned) < mean(scores) - 0.5


def test_there_is_a_rate_for_every_business_day(rows: dict[str, list[dict[str, str]]]) -> None:
    business = {f"{on:%Y-%m-%d}" for on in pd.bdate_range("2022-12-01", "2025-12-31")}
    for currency, low, high in (("EUR", 0.9, 1.3), ("GBP", 1.0, 1.5)):
        found = {row["on"]: float(row["rate"]) for row in rows["fx_rates"] if row["currency"] == currency}
        assert set(found) == business
        assert low < min(found.values()) < max(found.values()) < high
        assert max(found.values()) / min(found.values()) > 1.05  # exchange is a question at all
    assert {row["currency"] for row in rows["fx_rates"]} == {"EUR", "GBP"}


def test_skill_is_real_and_small_beside_luck(rows: dict[str, list[dict[str, str]]], committed: Path) -> None:
    truth = sample_truth(7)
    assert yaml.safe_load((committed / "truth" / "truth.yaml").read_text()) == truth.summary
    assert truth.summary["seed"] == 7
    csms = {row["payee_id"] for row in rows["payees"] if row["role"] == "csm"}
    assert (
        set(truth.payees["payee_id"]) == {row["payee_id"] for row in read(committed / "truth" / "payees.csv")} == csms
    )
    assert 1.0 < truth.payees["nrr_effect_points"].std(ddof=0) < 1.5
    assert (truth.payees["luck_sd_points"] > 2.5).all()
    assert truth.summary["luck_sd_points_a_quarter"] > 3 * truth.summary["nrr_effect_sd_points_a_year"]
    better = truth.payees["churn_skill"].gt(0) & truth.payees["growth_skill"].gt(0)
    assert (truth.payees.loc[better, "nrr_effect_points"] > 0).all()


def test_skill_moves_results_the_way_the_truth_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """With skill ten times as spread, those with little of it lose far more customers."""
    monkeypatch.setattr("compmodel.sample.CHURN_SKILL_SD", 1.2)
    tables, truth = sample_tables(7), sample_truth(7).payees
    churned = tables["arr_events"].query("event_type == 'churn'").merge(tables["assignments"], on="account_id")
    held = churned[(churned["starts_on"] <= churned["notice_on"]) & ~(churned["ends_on_y"] < churned["notice_on"])]
    lost = held["payee_id"].value_counts().reindex(truth["payee_id"], fill_value=0).to_numpy()
    skilled = (truth["churn_skill"] > 0).to_numpy()
    assert lost[~skilled].mean() > 3 * lost[skilled].mean()


# --- bytes --------------------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_files_are_what_the_seed_gives(committed: Path, tmp_path: Path) -> None:
    write_sample(str(tmp_path))
    written = contents(tmp_path)
    assert set(written) == FILES  # and nothing half-written beside them
    assert contents(committed) == written, "data/sample is not what the code writes: run compmodel sample again"
    assert sum(map(len, written.values())) < 4_000_000
    assert not any(b"\r" in data or b"nan" in data or b"NaT" in data for data in written.values())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_another_process(committed: Path, tmp_path: Path) -> None:
    code = "import sys; from compmodel.sample import write_sample; write_sample(sys.argv[1])"
    started = []
    for hash_seed, zone in (("1", "Asia/Tokyo"), ("2", "America/Lima")):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": zone, "LC_ALL": "C"}
        started.append(subprocess.Popen([sys.executable, "-c", code, str(tmp_path / hash_seed)], env=environment))
    assert [process.wait(120) for process in started] == [0, 0]
    assert contents(tmp_path / "1") == contents(tmp_path / "2") == contents(committed)


def test_a_sample_is_overwritten_and_one_that_somebody_changed_is_not(committed: Path, tmp_path: Path) -> None:
    shutil.copytree(committed, tmp_path, dirs_exist_ok=True)  # what the seed gives, as tested above
    write_sample(tmp_path)
    assert contents(tmp_path) == contents(committed)
    settings = tmp_path / "mapping.yaml"
    settings.write_text(settings.read_text().replace("Sample company", "Our company"))
    with pytest.raises(CompModelError, match="is no sample company"):
        write_sample(tmp_path)
    assert "Our company" in settings.read_text()


def test_another_seed_gives_another_company_that_is_valid_too(tmp_path: Path, tables: dict[str, pd.DataFrame]) -> None:
    write_sample(tmp_path, seed=8)
    other = load_history(tmp_path)
    assert other.payees["payee_id"].nunique() == 60
    for name in TABLES:
        assert not getattr(other, name).equals(tables[name]), name
    assert all("nobody's book" in problem.rule for problem in other.warnings)
