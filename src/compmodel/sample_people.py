"""The sample company's people: teams, seats filled, left and covered, what each is paid, and their KPIs.

The ground the sample stands on is here too: its days, rates, segments, word lists and the draws made from a seed.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

T = TypeVar("T")
Row = dict[str, Any]
Tables = dict[str, pd.DataFrame]
Skills = dict[str, tuple[float, float]]


def day_of(text: str) -> int:
    """Returns the ordinal of an ISO date."""
    return dt.date.fromisoformat(text).toordinal()


START, END, HORIZON, FAR, EPOCH = map(day_of, ("2023-01-01", "2025-12-31", "2026-03-31", "2099-12-31", "1970-01-01"))
SETTINGS = """\
title: Sample company
reporting_currency: USD
calendar: {starts_in_month: 1, named_after: start}
exchange: {constant_on: 2022-12-30, missing_day: previous, max_gap_days: 4}
data_starts_on: 2023-01-01
data_ends_on: 2025-12-31
"""
RATES = {"EUR": 1.07, "GBP": 1.21}
CURRENCIES = {"Americas": ("USD",), "EMEA": ("EUR",) * 5 + ("GBP",) * 3 + ("USD",)}
CHURN_SKILL_SD, GROWTH_SKILL_SD = 0.12, 0.07
SHRINKS_A_RENEWAL, SHRINKS_A_YEAR = 0.08, 0.035
WINDFALL = "group-wide rollout"


class Segment(NamedTuple):
    """Accounts a region, ARR, chances a renewal (churn, uplift), rates a year (upsell, windfall), target incentive."""

    name: str
    n_opening: int
    n_later: int
    median_arr: int
    spread: float
    churn: float
    uplift: float
    upsell: float
    windfall: float
    target: tuple[int, int]


SEGMENTS = (
    Segment("enterprise", 132, 52, 105_000, 0.95, 0.055, 0.50, 0.52, 0.014, (30_000, 40_000)),
    Segment("mid_market", 190, 102, 36_000, 0.80, 0.080, 0.49, 0.52, 0.010, (25_000, 32_000)),
    Segment("small_business", 258, 166, 9_000, 0.75, 0.130, 0.44, 0.44, 0.004, (20_000, 26_000)),
)
FIRST_NAMES = """Amara Aiko Alejandro Anika Bilal Beatriz Callum Chidi Chiara Dariusz Deepa Dmitri Eilidh Emeka Esther
Farah Felix Freya Giulia Gustavo Hana Hassan Ines Ivan Jamila Jonas Kenji Katya Kwame Lars Leila Linh Luca Maeve Malik
Marisol Mateo Mei Mina Nadia Nikhil Noor Olga Omar Paloma Priya Quentin Rafael Rania Rosa Samir Sanna Sofia Tariq
Thabo Tomasz Usha Viktor Yara Zofia"""
LAST_NAMES = """Abara Achterberg Almeida Banerjee Barros Bielak Caruso Castellan Chaudry Dahlberg Danso Demirci Eklund
Espinoza Fabbri Farouk Fujimori Galindo Ghebre Gruber Haddad Halvorsen Hoang Ibarra Ishikawa Jankovic Joshi Kaminski
Karimi Kowal Lindqvist Lombardi Mbeki Mendes Moreau Nakagawa Ndiaye Novak Obi Okafor Oyelaran Paredes Petrov Quispe
Rahimi Rossi Salcedo Sandberg Sato Sithole Tanaka Thorne Ueda Valdez Vasquez Wanjiru Weiss Xu Yilmaz Zielinski"""
ACCOUNT_NAMES = (
    "Ashen Brindled Cobalt Dappled Dusky Fallow Flaxen Gilded Indigo Mossy Ochre Pewter Russet Sienna Tawny Umber",
    "Badger Bittern Causeway Curlew Dormouse Egret Gannet Ibex Jackdaw Lapwing Marten Millstone Plover Stoat Trellis",
    "Analytics Bakeries Clinics Dairies Energy Foods Freight Games Glass Hotels Labs Media Optics Paper Textiles Tools",
)
REASONS = {
    "churn": ("budget cut", "moved to a competitor", "product gap", "acquired", "ceased trading", "price"),
    "contraction": ("fewer seats", "dropped a module", "lower volume"),
    "expansion": ("more seats", "additional module", "new department", "higher volume"),
}


class Draw:
    """A stream of draws made of uniform numbers; its key is the seed, the use and a number."""

    def __init__(self, *key: int):
        self._generator = np.random.default_rng(key)

    def share(self) -> float:
        """Returns a uniform number from 0 to 1."""
        return float(self._generator.random())

    def chance(self, probability: float) -> bool:
        """Returns whether something of that probability happens."""
        return self.share() < probability

    def between(self, low: int, high: int) -> int:
        """Returns a whole number from low to high, both included."""
        return low + int(self.share() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Returns one of the options."""
        return options[self.between(0, len(options) - 1)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """Returns the options in a random order."""
        return sorted(options, key=lambda _: self.share())

    def normal(self, sd: float) -> float:
        """Returns a normal number around 0, from a uniform one."""
        return NormalDist().inv_cdf(max(self.share(), 1e-12)) * sd

    def wait(self, rate_a_year: float) -> int:
        """Returns the days until the next event of a yearly rate."""
        return 1 + int(-math.log(1 - self.share()) / rate_a_year * 365.25)


class Span(NamedTuple):
    """Days, both included: a payee in a seat, or an account in a payee's book."""

    payee_id: str
    first: int
    last: int
    role: str = "csm"
    reason: str = ""
    split: float = 1.0


@dataclass(frozen=True)
class Team:
    """A team: ids (the lead first), the filled spans of each seat, the days on which accounts change seats."""

    region: str
    segment: Segment
    ids: list[str]
    seats: list[list[Span]]
    moments: list[tuple[int, str, int]]

    def open_seats(self, on: int) -> list[int]:
        """Returns the seats that exist on a day."""
        return [n for n, seat in enumerate(self.seats) if seat[0].first <= on]

    def on_board(self, first: int, last: int, but: str) -> list[str]:
        """Returns who sits in the team throughout, but one."""
        spans = (span for seat in self.seats for span in seat if span.payee_id != but)
        return [span.payee_id for span in spans if span.first <= first and last <= span.last]


def drawn_team(number: int, region: str, segment: Segment, draw: Draw) -> Team:
    """Returns a team whose seats are filled, left, covered and filled again."""
    ids = [f"P{10 * number + n:02d}" for n in range(1, 11)]
    founded, later = day_of("2016-01-04"), (("2021-02-01", 250), ("2022-07-15", 140), ("2023-05-01", 480))
    opened = [founded + draw.between(0, 1300) for _ in range(4)] + [
        day_of(day) + draw.between(0, n) for day, n in later
    ]
    seats = [[Span(ids[n + 1], day, FAR)] for n, day in enumerate(opened)]
    moments = [(opened[n], "territory opened", n) for n in (4, 5, 6)]
    moments += [(day_of(f"{year}-01-15") + draw.between(0, 300), "rebalancing", 0) for year in (2023, 2024, 2025)]
    *leaving, away = draw.shuffled(range(6))[:3]
    for n, seat in enumerate(leaving):
        last = day_of("2023-03-15") + draw.between(0, 800)
        hired = last + 1 + n * draw.between(25, 60)
        seats[seat] = [seats[seat][0]._replace(last=last), Span(ids[8 + n], hired, FAR, reason="new hire")]
        moments.append((last + 1, "colleague left", seat))
    first, days = draw.between(day_of("2023-02-01"), day_of("2025-05-01")), draw.between(60, 150)
    back = seats[away][0]._replace(first=first + days, reason="back from leave")
    seats[away] = [seats[away][0]._replace(last=first - 1), back]
    return Team(region, segment, ids, seats, sorted(moments))


def payee_rows(team: Team, names: list[str], draw: Draw) -> list[Row]:
    """Returns the rows of `payees`: a span for each hire, raise and leave."""
    rows = []
    for payee_id, name in zip(team.ids, names, strict=True):
        spans = [span for seat in team.seats for span in seat if span.payee_id == payee_id]
        spans = spans or [Span(payee_id, day_of("2015-03-02") + draw.between(0, 900), FAR, role="lead")]
        is_lead = spans[0].role == "lead"
        target = draw.between(*team.segment.target) * (1.4 if is_lead else 1)
        base = target * draw.between(250, 370) / 100
        raises = [day_of(f"{year}-04-01") for year in (2022, 2023, 2024, 2025) if draw.chance(0.6)]
        raises = [day for day in raises if any(span.first + 180 < day <= span.last for span in spans)]
        marks = sorted({*raises, *(span.last + 1 for span in spans), *(span.first for span in spans)})
        currency = draw.pick(CURRENCIES[team.region][:8])
        person: Row = {"payee_id": payee_id, "name": name, "currency": currency, "segment": team.segment.name}
        person |= {
            "team": f"{team.region} {team.segment.name.replace('_', ' ')}",
            "region": team.region,
            "manager_id": None if is_lead else team.ids[0],
        }
        for start, after in pairwise(marks):
            at_work = any(span.first <= start <= span.last for span in spans)
            level = 1.04 ** sum(day <= start for day in raises)
            row: Row = {"starts_on": start, "ends_on": after - 1 if after <= END else None, **person}
            row |= {"role": spans[0].role if at_work else "leave", "base_salary": round(base * level, -2)}
            rows.append(row | {"target_incentive": round(target * level, -2) if at_work else 0})
    return rows


def book_spans(team: Team, first: int, draw: Draw) -> list[Span]:
    """Returns who holds an account from its first day on: its seat's payee, or whoever covers the empty seat."""
    seat = draw.pick(team.open_seats(first))
    chain, spans = [(first, seat, "new account")], []
    for day, why, which in team.moments:
        if first < day <= END:
            others = [n for n in team.open_seats(day) if n != seat]
            likely = {"territory opened": 1 / (len(others) + 1), "colleague left": 0.25 * (seat == which)}
            if draw.chance(likely.get(why, 0.05)):
                seat = which if why == "territory opened" else draw.pick(others)
                chain.append((day, seat, why))
    for (start, seat, why), (end, _, _) in pairwise([*chain, (FAR + 1, 0, "")]):
        day = start
        for stint in team.seats[seat]:
            if day < min(stint.first, end):
                spans += _cover(team, day, min(stint.first, end) - 1, stint, draw)
                day = min(stint.first, end)
            last = min(stint.last, end - 1)
            if day <= last:
                spans.append(Span(stint.payee_id, day, last, reason=why if day == start else stint.reason))
                day = last + 1
    return spans


def _cover(team: Team, first: int, last: int, awaited: Span, draw: Draw) -> list[Span]:
    """Returns a teammate's span over days on which a seat is empty; now and then nobody takes over for weeks."""
    is_leave = awaited.reason == "back from leave"
    first += draw.between(14, 40) if not is_leave and draw.chance(0.4) else 0
    able = team.on_board(first, last, but=awaited.payee_id)
    reason = "leave cover" if is_leave else "vacancy cover"
    return [Span(draw.pick(able), first, last, "cover", reason)] if able and first <= last else []


def shared(team: Team, spans: list[Span], draw: Draw) -> list[Span]:
    """Returns the spans with the last one, when it is long, split in halves with a teammate after some months."""
    span = spans[-1]
    day = max(span.first, START) + draw.between(60, 240)
    able = team.on_board(day, span.last, but=span.payee_id)
    if day + 180 > END or not able:
        return spans
    half = span._replace(first=day, reason="large account shared", split=0.5)
    return [*spans[:-1], span._replace(last=day - 1), half, half._replace(payee_id=draw.pick(able))]


def later(day: int, months: int) -> int:
    """Returns the day so many months later, or the month's last."""
    date = dt.date.fromordinal(day)
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    return dt.date(year, month + 1, date.day).toordinal()


def payee_kpis(team: Team, draw: Draw) -> list[Row]:
    """Returns each month's customer PRs and each quarter's QBRs, for months a payee was on board throughout."""
    rows = []
    for span in (span for seat in team.seats for span in seat):
        zeal, care = 0.068 * math.exp(draw.normal(0.3)), 0.7 + 0.28 * draw.share()
        for month in range(36):
            first, last = later(START, month), later(START, month + 1) - 1
            if span.first <= first and last <= span.last:
                row = {"payee_id": span.payee_id, "on": last}
                rows.append(row | {"kpi": "customer_prs", "attained": sum(draw.chance(zeal) for _ in range(50))})
                n = draw.between(6, 12)
                if month % 3 == 2:
                    held = sum(draw.chance(care) for _ in range(n))
                    rows.append(row | {"kpi": "qbrs", "attained": held, "scheduled": n})
    return rows
