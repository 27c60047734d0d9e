"""From events to NRR parts by payee and quarter, beside plain pandas rivals of the same result in the same run.

`make bench` prints seconds and memory as ratios, from the events as they are loaded and from dated events (cents, and
the day each counts, are known), and how time grows with events. Two rivals, both groupby and merge as a competent
analyst writes them: `ledger` makes what ours makes, a line for every credited event and opened account with its
columns, and adds it up; `parts` makes the sums and nothing else, so it cannot say what they are made of. Both must
agree to the cent: amounts are whole, and splits 1 or a half of even cents.

`--large` adds ten million events, which must fit in 4 GB (a minute more). `--alone WAY` is how memory is measured,
`--agree` what the tests run.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import math
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from bench import timed
from compmodel.baselines import windows
from compmodel.books import BOOK, BookRule
from compmodel.codes import same_text
from compmodel.credit_dates import CreditRule, credit_dates
from compmodel.crediting import Moves, credit, movements, opening_books
from compmodel.events import EventRule, counted
from compmodel.measurement import Ledger, Measured, measure, placed
from compmodel.people import payee_periods
from compmodel.periods import Calendar, Period, period_range

SEED = 20
ROUNDS = 5
SIZES = (100_000, 1_000_000)
LARGE = 10_000_000
N_ACCOUNTS = 20_000
N_PAYEES = 200
PERIODS = "2016Q1:2025Q4"
FIRST_DAY = np.datetime64("2015-07-01", "s")
N_DAYS = 3_837  # to 2025-12-31
RATES = {"USD": 1.0, "EUR": 1.25}
RULE = CreditRule.model_validate(
    {"churn": "ends_on", "contraction": "effective_on", "renewal": "effective_on", "expansion": "effective_on"}
)
TIMES_AS_FAST, MEMORY_LIMIT = 4.0, 4.0


class Tables(NamedTuple):
    """The tables that NRR is worked out of, and the quarters."""

    events: pd.DataFrame
    assignments: pd.DataFrame
    accounts: pd.DataFrame
    people: pd.DataFrame
    periods: tuple[Period, ...]


def tables(n_events: int, n_accounts: int = N_ACCOUNTS) -> Tables:
    """Returns a seeded history: events in the order of their days, accounts of which a third change hands."""
    rng = np.random.default_rng(SEED)
    periods = period_range(PERIODS, Calendar())
    accounts = pd.DataFrame({"account_id": _names("a", n_accounts)})
    spans = pd.DataFrame(
        {"payee_id": _names("p", N_PAYEES), "starts_on": FIRST_DAY, "ends_on": np.datetime64("NaT", "s")}
    )
    spans = spans.assign(role="csm", team="all", segment="", region="", currency="USD", target_incentive=20_000.0)
    events = _events(rng, n_events // n_accounts, accounts["account_id"])
    return Tables(
        events,
        _assignments(rng, accounts, spans),
        accounts,
        payee_periods(spans, periods, "USD", pd.DataFrame({"USD": 1.0}, index=[period.name for period in periods])),
        periods,
    )


def _names(letter: str, n: int) -> pd.Series:
    return letter + pd.Series(np.arange(n)).astype("str").str.zfill(8)


def _events(rng: np.random.Generator, n_each: int, account_id: pd.Series) -> pd.DataFrame:
    """Events in the order of their days; every balance is a whole multiple of 8, in USD or EUR at 1.25."""
    shape = (n_each, len(account_id))
    day = np.sort(rng.integers(0, N_DAYS, shape, dtype=np.int16), axis=0)
    kind, delta = np.empty(shape, dtype=np.int8), np.empty(shape)
    renewed, balance = np.full(shape, np.nan), np.zeros(shape[1])
    names = np.array(["new", "expansion", "contraction", "churn", "renewal", "reactivation"])
    for i in range(shape[0]):
        drawn = rng.choice(np.array([1, 2, 3, 4], dtype=np.int8), shape[1], p=[0.45, 0.25, 0.05, 0.25])
        kind[i] = np.where(balance > 0, drawn, 0 if i == 0 else 5)
        amount = 8.0 * rng.integers(1, 2_000, shape[1])
        lost = 8 * np.floor(balance / 16)
        delta[i] = np.select([kind[i] == 2, kind[i] == 3, kind[i] == 4], [-lost, -balance, 0.0], amount)
        renewed[i, kind[i] == 4] = balance[kind[i] == 4]
        balance += delta[i]
    order = np.argsort(day, axis=None, kind="stable")
    account, kinds = (order % shape[1]).astype(np.int32), kind.ravel()[order]
    on = FIRST_DAY + day.ravel()[order].astype("timedelta64[D]").astype("timedelta64[s]")
    none, is_loss = np.full(len(on), np.datetime64("NaT", "s")), (kinds == 2) | (kinds == 3)
    empty = pd.Series([None], dtype="str").take(np.zeros(len(on), dtype=np.intp)).reset_index(drop=True)
    lost_on = np.where(is_loss, on - np.timedelta64(1, "D"), none)
    return pd.DataFrame(
        {
            "event_id": _names("e", len(on)).take(rng.permutation(len(on))).array,
            "account_id": account_id.take(account).array,
            "subscription_id": empty,
            "event_type": pd.Series(names, dtype="str").take(kinds).array,
            "is_at_renewal": is_loss & (order % 2 == 0),
            "reason": empty,
            "arr_delta": delta.ravel()[order],
            "currency": pd.Series(["USD", "EUR"], dtype="str").take(account % 2).array,
            "renewed_arr": renewed.ravel()[order],
            "term_months": np.where(kinds == 4, 12.0, np.nan),
            "sourced_by": empty,
            "notice_on": np.where(is_loss, on - np.timedelta64(30, "D"), none),
            "signed_on": np.where(is_loss, none, on),
            "effective_on": on,
            "due_on": np.where(kinds == 4, on, none),
            "ends_on": lost_on,
            "invoiced_on": on,
            "paid_on": none,
            "closed_on": none,
        }
    )


def _assignments(rng: np.random.Generator, accounts: pd.DataFrame, payees: pd.DataFrame) -> pd.DataFrame:
    """Every account from the first day on: of ten, one is split in halves, three change hands, one after a gap."""
    n = len(accounts)
    holder, other, third = (rng.integers(0, N_PAYEES, n) for _ in range(3))
    other = np.where(other == holder, (holder + 1) % N_PAYEES, other)
    on = FIRST_DAY + rng.integers(300, N_DAYS - 300, n).astype("timedelta64[D]").astype("timedelta64[s]")
    fate = rng.integers(0, 10, n)
    is_split, moves = fate == 0, (fate >= 1) & (fate <= 3)
    never, start = np.full(n, np.datetime64("NaT", "s")), np.full(n, FIRST_DAY)
    gap = np.where(fate == 3, 60, 1).astype("timedelta64[D]")
    held = [
        (np.full(n, True), holder, start, np.where(moves, on, never)),
        (is_split, other, start, never),
        (moves, third, on + gap, never),
    ]
    spans = [
        pd.DataFrame({"at": np.flatnonzero(m), "payee": p[m], "starts_on": s[m], "ends_on": e[m]})
        for m, p, s, e in held
    ]
    rows = pd.concat(spans, ignore_index=True).sort_values(["at", "starts_on"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "account_id": accounts["account_id"].take(rows["at"]).array,
            "payee_id": payees["payee_id"].take(rows["payee"]).array,
            "starts_on": rows["starts_on"],
            "ends_on": rows["ends_on"],
            "role": "csm",
            "split": np.where(is_split[rows["at"]], 0.5, 1.0),
        }
    )


def dated(given: Tables) -> pd.DataFrame:
    """Returns the events in cents with what counts of each, and when."""
    moved = counted(movements(given.events, RATES), EventRule())
    return moved.join(credit_dates(moved, RULE, Calendar()))


def parts(moved: pd.DataFrame, given: Tables) -> pd.DataFrame:
    """Returns opening ARR, numerator and denominator of NRR by payee and quarter."""
    over = windows("period_start", given.periods)
    ledger = placed(credited(Moves(moved, over), given), given.people)
    how = Measured("nrr", {"individual": np.ones(len(given.people))})
    return measure(ledger, given.people, given.accounts, over, how, None)


def credited(moves: Moves, given: Tables) -> Ledger:
    """Returns who is credited what and what the books opened with: a row an event or account, by payee and quarter."""
    spans = moves.spans(given.assignments)
    credits = credit(moves, spans)
    books = opening_books(moves, spans, BookRule(), credits)
    return Ledger(*(rows.assign(kind=same_text(BOOK, len(rows))) for rows in (credits, books)))


STATEMENT = ["event_id", "event_type", "is_at_renewal", "arr_delta", "currency", "rate", "renewed_cents"]
"""What a line of the ledger says of its event."""


def rival_dated(given: Tables) -> pd.DataFrame:
    """Returns account, day and cents of each event, as an analyst writes it."""
    events = given.events
    return pd.DataFrame(
        {
            "account_id": events["account_id"],
            "credited_on": events["effective_on"].where(events["event_type"] != "churn", events["ends_on"]),
            "arr_cents": (events["arr_delta"] * events["currency"].map(RATES) * 100).round().astype("int64"),
        }
    )


def rival_stated(given: Tables) -> pd.DataFrame:
    """Returns the same with what a ledger says of each event."""
    rate = given.events["currency"].map(RATES)
    renewed = (given.events["renewed_arr"].fillna(0) * rate * 100).round().astype("int64")
    columns = given.events[STATEMENT[:-2]].assign(rate=rate, renewed_cents=renewed)
    return pd.concat([rival_dated(given), columns], axis=1)


def held(rows: pd.DataFrame, given: Tables, day: str) -> pd.DataFrame:
    """Returns the rows with who holds their account on their day, and the split."""
    both = rows.merge(given.assignments[["account_id", "payee_id", "starts_on", "ends_on", "split"]], on="account_id")
    return both[(both["starts_on"] <= both[day]) & ~(both["ends_on"] < both[day])]


def rival_parts(moved: pd.DataFrame, given: Tables) -> pd.DataFrame:
    """Returns numerator and denominator of NRR by payee and quarter and nothing else: groupby and merge."""
    keys = ["account_id", "quarter"]
    moves = moved.loc[moved["arr_cents"] != 0, ["account_id", "credited_on", "arr_cents"]]
    moves["quarter"] = moves["credited_on"].dt.to_period("Q")
    by_quarter = moves.groupby(keys).agg(cents=("arr_cents", "sum"), day=("credited_on", "max"))
    closing = by_quarter["cents"].unstack(fill_value=0).sort_index(axis=1).cumsum(axis=1)
    opening = closing.shift(axis=1, fill_value=0).stack().rename("opening").reset_index()
    opening = opening[opening["opening"] > 0].merge(by_quarter["day"].reset_index(), on=keys, how="left")
    opening["day"] = opening["day"].fillna(opening["quarter"].dt.start_time)
    books = held(opening, given, "day")
    credits = held(moves.merge(opening[keys], on=keys), given, "credited_on")
    return rival_sums(books, credits, given)


def rival_ledger(moved: pd.DataFrame, given: Tables) -> pd.DataFrame:
    """Returns the same by way of a ledger like ours: every credited event with its columns, every book's account."""
    keys = ["account_id", "quarter"]
    moves = moved[["account_id", "credited_on", "arr_cents", *STATEMENT]]
    moves = moves.assign(quarter=moves["credited_on"].dt.to_period("Q"))
    by_quarter = (
        moves[moves["arr_cents"] != 0].groupby(keys).agg(cents=("arr_cents", "sum"), day=("credited_on", "max"))
    )
    closing = by_quarter["cents"].unstack(fill_value=0).sort_index(axis=1).cumsum(axis=1)
    opening = closing.shift(axis=1, fill_value=0).stack().rename("opening").reset_index()
    opening["closing"] = closing.stack().to_numpy()
    opening = opening.merge(by_quarter["day"].reset_index(), on=keys, how="left")
    opening["day"] = opening["day"].fillna(opening["quarter"].dt.start_time)
    books = held(opening[opening["opening"] != 0], given, "day")
    moves = moves[moves["quarter"] >= pd.Period(PERIODS[:6], "Q")]
    credits = held(moves.merge(opening[[*keys, "opening"]], on=keys, how="left"), given, "credited_on")
    credits = credits.assign(
        credited_cents=credits["arr_cents"] * credits["split"],
        renewed_cents=credits["renewed_cents"] * credits["split"],
    )
    return rival_sums(books[books["opening"] > 0], credits[credits["opening"] > 0], given)


def rival_sums(books: pd.DataFrame, credits: pd.DataFrame, given: Tables) -> pd.DataFrame:
    """Returns opening ARR and movements of the cohort added up by payee and quarter."""
    by = ["payee_id", "quarter"]
    below = books.assign(cents=books["opening"] * books["split"]).groupby(by)["cents"].sum()
    above = credits.assign(cents=credits["arr_cents"] * credits["split"]).groupby(by)["cents"].sum()
    quarter = pd.PeriodIndex(given.people["period"].str.replace("Q", "-Q"), freq="Q")
    asked = pd.MultiIndex.from_arrays([given.people["payee_id"], quarter])
    denominator = below.reindex(asked).fillna(0).to_numpy() / 100
    moved_cents = above.reindex(asked).fillna(0).to_numpy() / 100
    return given.people[["payee_id", "period"]].assign(numerator=denominator + moved_cents, denominator=denominator)


WAYS: dict[str, tuple[Callable[[Tables], pd.DataFrame], Callable[[pd.DataFrame, Tables], pd.DataFrame]]] = {
    "ours": (dated, parts),
    "ledger": (rival_stated, rival_ledger),
    "parts": (rival_dated, rival_parts),
}


def same(ours: pd.DataFrame, rival: pd.DataFrame) -> None:
    """Stops unless every payee and quarter agrees to the cent."""
    for name in ("numerator", "denominator"):
        mine, theirs = (np.rint(100 * of[name].to_numpy()).astype(np.int64) for of in (ours, rival))
        assert (mine == theirs).all(), f"{(mine != theirs).sum()} of {len(mine)} {name}s differ"
        assert theirs.any()
    assert (ours[["payee_id", "period"]].to_numpy() == rival[["payee_id", "period"]].to_numpy()).all()


def timed_parts(way: str, given: Tables) -> tuple[float, float, pd.DataFrame]:
    """Returns the seconds of the events' cents and days, of the NRR parts from there, and the parts."""
    first, then = WAYS[way]
    gc.collect()
    dating, moved = timed(lambda: first(given))
    rest, found = timed(lambda: then(moved, given))
    return dating, rest, found


def medians(given: Tables, rounds: int) -> dict[str, tuple[float, float]]:
    """Returns each way's median seconds from events, and from dated events; ways take turns and must agree."""
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        results = []
        for way, taken in seconds.items():
            dating, rest, found = timed_parts(way, given)
            taken.append((dating + rest, rest))
            results.append(found)
        for rival in results[1:]:
            same(results[0], rival)
    return {way: tuple(map(statistics.median, zip(*taken, strict=True))) for way, taken in seconds.items()}


def resident(field: str) -> float:
    """Returns a field of this process's memory in MB, which Linux tells: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def run_alone(way: str, given: Tables) -> None:
    """Prints, of one way in this process: MB of the input, MB at the highest, seconds."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest counts from here
    before = resident("VmRSS")
    dating, rest, _ = timed_parts(way, given)
    print(before, resident("VmHWM"), dating + rest)


def alone(way: str, n_events: int) -> tuple[float, float, float]:
    """Returns what `run_alone` prints in a fresh process."""
    command = [sys.executable, __file__, "--alone", way, "--events", str(n_events)]
    before, highest, seconds = map(float, subprocess.run(command, check=True, capture_output=True).stdout.split())
    return before, highest, seconds


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also ten million events, in a process of their own")
    parser.add_argument("--agree", action="store_true", help="only see that all ways agree, on few events")
    parser.add_argument("--alone", choices=WAYS, help="run one way once and print its memory and seconds")
    parser.add_argument("--events", type=int, default=SIZES[-1], help="with --alone")
    parser.add_argument("--accounts", type=int, default=N_ACCOUNTS, help="with --alone")
    asked = parser.parse_args()
    if asked.alone:
        run_alone(asked.alone, tables(asked.events, asked.accounts))
        return
    if asked.agree:
        medians(tables(6_000, 600), rounds=1)
        return
    print(f"{N_ACCOUNTS:,} accounts, {N_PAYEES} payees, 40 quarters, medians of {ROUNDS} interleaved rounds;")
    print("all NRR parts by payee and quarter equal to the cent in every round")
    taken = {n: medians(tables(n), ROUNDS) for n in SIZES}
    for n, ways in taken.items():
        for i, name in enumerate(("events", "dated events")):
            ours, ledger, parts_alone = (ways[way][i] for way in ("ours", "ledger", "parts"))
            print(f"from {n:9,} {name:13} ours {ours:6.3f} s", end="")
            print(f"   pandas, a ledger too {ledger:6.3f} s, {ledger / ours:4.1f} times ours", end="")
            print(f"   pandas, sums alone {parts_alone:6.3f} s, {parts_alone / ours:4.1f} times ours")
    small, large = (taken[n]["ours"][0] for n in SIZES)
    print(f"{SIZES[0]:,} to {SIZES[1]:,} events: time grows by the power {math.log10(large / small):.2f}")
    before, highest, seconds = alone("ours", SIZES[1])
    for way in ("ledger", "parts"):
        theirs = alone(way, SIZES[1])[1] - before
        print(f"memory beyond the input: ours {highest - before:.0f} MB, {way} {theirs:.0f} MB", end="")
        print(f", ours over theirs {(highest - before) / theirs:.2f}")
    times = taken[SIZES[1]]["ledger"][0] / large
    print(f"limit of {TIMES_AS_FAST:g} times, from events: {'met' if times >= TIMES_AS_FAST else 'NOT met'}")
    if asked.large:
        before, highest, longer = alone("ours", LARGE)
        print(
            f"{LARGE:,} events: {highest / 1000:.2f} GB with an input of {before / 1000:.2f} GB, {longer:.1f} s", end=""
        )
        print(f", power {math.log10(longer / seconds):.2f} from {SIZES[1]:,} (both alone in a fresh process)")
        print(f"limit of {MEMORY_LIMIT:g} GB: {'met' if highest / 1000 < MEMORY_LIMIT else 'NOT met'}")


if __name__ == "__main__":
    main()
