"""The sample company's contracts, each lived term by term: renewed, grown, shrunk, ended, sometimes won back."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from compmodel.sample_people import (
    CURRENCIES,
    END,
    FAR,
    HORIZON,
    REASONS,
    SHRINKS_A_RENEWAL,
    SHRINKS_A_YEAR,
    START,
    WINDFALL,
    Draw,
    Row,
    Segment,
    Skills,
    Span,
    Team,
    book_spans,
    day_of,
    later,
    shared,
)
from compmodel.tables import LOSSES


@dataclass
class Contract:
    """An account's contract while it lives: ARR, rows so far, and the days on which it is in anybody's care."""

    account_id: str
    currency: str
    segment: Segment
    spans: list[Span]
    skills: Skills
    draw: Draw
    care: list[tuple[int, int]]
    arr: float = 0.0
    rows: list[Row] = field(default_factory=list)

    def skill(self, on: int) -> tuple[float, float]:
        """Returns the holder's factors on losses and on growth."""
        holder = next((span.payee_id for span in self.spans if span.first <= on <= span.last), "")
        churn_skill, growth_skill = self.skills.get(holder, (0.0, 0.0))
        return math.exp(-churn_skill), math.exp(growth_skill)

    def add(self, kind: str, delta: float, known: int, effective: int, **more: Any) -> None:
        """Adds an event, known by notice or signature, and moves the ARR; no bill dates after the history's end."""
        self.arr += delta
        row: Row = {"account_id": self.account_id, "event_type": kind, "arr_delta": delta, "effective_on": effective}
        row |= {"subscription_id": f"{self.account_id}-{len(self.care)}", "currency": self.currency}
        row |= {"is_at_renewal": "due_on" in more, "reason": self.draw.pick(REASONS.get(kind, (None,)))}
        if kind in LOSSES:
            row |= {"notice_on": known, "ends_on": effective - 1} | more
        else:
            row |= {"signed_on": known} | self.bill(max(known, effective)) | more
        self.rows.append({name: x for name, x in row.items() if name not in ("invoiced_on", "paid_on") or x <= END})

    def bill(self, on: int) -> Row:
        """Returns days of invoice and payment; one payment in fourteen is long in coming."""
        invoiced, is_slow = on + self.draw.between(0, 12), self.draw.chance(0.07)
        paid = invoiced + (self.draw.between(90, 240) if is_slow else self.draw.between(14, 65))
        return {"invoiced_on": invoiced, "paid_on": paid}

    def grow(self, signed: int, effective: int, sales: float, **more: Any) -> None:
        """Adds an expansion around a sixth of the ARR, found by Sales with that chance."""
        delta = max(round(self.arr * min(0.12 * math.exp(self.draw.normal(0.8)), 1.0)), 1)
        source = "sales" if self.draw.chance(sales) else "csm"
        self.add("expansion", delta, signed, effective, sourced_by=source, **more)

    def shrink(self, notice: int, effective: int, **more: Any) -> None:
        """Adds a contraction of about a quarter of the ARR."""
        self.add("contraction", -max(round(self.arr * self.draw.between(8, 42) / 100), 1), notice, effective, **more)


def _first_day(day: int, draw: Draw) -> int:
    """Returns the day itself, or the first of its month: always for a month's last days, else every second time."""
    date = dt.date.fromordinal(day)
    return date.replace(day=1).toordinal() if date.day > 28 or draw.chance(0.5) else day


def _live(c: Contract, first: int, term: int) -> None:
    """Runs an account's terms until the history ends or the customer has gone for good."""
    opened, free_from = first, START
    while first:
        last = later(first, term) - 1
        if last < START - 1:
            first = last + 1
            continue
        is_lost, decided = _decision(c, opened, last, term)
        _mid_term(c, max(first + 30, free_from), min(decided, last))
        if decided > END or last >= HORIZON:
            return
        free_from = decided + 1
        if is_lost:
            first = opened = _end(c, decided, last)
            term = 12
        else:
            first, term = last + 1, _renew(c, decided, last, term)


def _decision(c: Contract, opened: int, last: int, term: int) -> tuple[bool, int]:
    """Returns whether the customer leaves at the term's end, and the day of notice or signature."""
    draw, (loss, _) = c.draw, c.skill(last - 90)
    years = {1: 1 / 12, 12: 1}.get(term, 1.25)
    if last - opened > 120 and draw.chance(c.segment.churn * years * loss):
        return True, last - draw.between(30, 60 if term == 1 else 100)
    low, high = (3, 50) if draw.chance(0.09) else (-150, -100) if draw.chance(0.12) else (-85, 0)
    return False, last + (draw.between(-5, 0) if term == 1 else draw.between(low, high))


def _renew(c: Contract, signed: int, last: int, term: int) -> int:
    """Adds a renewal, with what shrinks or grows by it; returns the months of the new term."""
    draw, (loss, growth) = c.draw, c.skill(last - 90)
    share = 1 / 12 if term == 1 else 1
    if term > 1 and draw.chance(0.06):
        term = draw.pick((12, 24, 24, 36))
    if draw.chance(SHRINKS_A_RENEWAL * share * loss):
        c.shrink(min(signed, last) - draw.between(5, 40), last + 1, signed_on=signed, due_on=last)
    more = {"due_on": last, "term_months": term} | c.bill(max(signed, last + 1))
    c.add("renewal", 0.0, signed, last + 1, renewed_arr=c.arr, sourced_by="csm", **more)
    if draw.chance(c.segment.uplift * share * growth):
        c.grow(signed, last + 1, 0.15, **more)
    return term


def _mid_term(c: Contract, first: int, until: int) -> None:
    """Adds what changes between renewals: expansions, downgrades, and windfalls that Sales landed."""
    draw, upsell = c.draw, c.segment.upsell
    windfall = c.segment.windfall * (4 if c.arr > 2.5 * c.segment.median_arr else 0.4)
    rate = 2 * upsell + 2 * SHRINKS_A_YEAR + windfall
    day = first + draw.wait(rate)
    while day < until:
        signed, notice, kind = day - draw.between(1, 25), day - draw.between(15, 45), draw.share() * rate
        loss, growth = c.skill(signed)
        if kind < upsell * growth and signed <= END:
            c.grow(signed, day, 0.2)
        elif 2 * upsell <= kind < 2 * upsell + SHRINKS_A_YEAR * loss and notice <= END:
            c.shrink(notice, day)
        elif kind >= rate - windfall and signed <= END:
            delta = round(c.arr * draw.between(50, 110) / 100)
            c.add("expansion", delta, signed, day, sourced_by="sales", reason=WINDFALL)
        day += draw.wait(rate)


def _end(c: Contract, notice: int, last: int) -> int:
    """Adds a churn and perhaps the customer's return; returns the day of the return, 0 when there is none."""
    draw, before = c.draw, c.arr
    c.add("churn", -before, notice, last + 1, due_on=last)
    c.care[-1] = (c.care[-1][0], last + 31)
    back = _first_day(last + draw.between(100, 320), draw)
    signed = back - draw.between(5, 30)
    if signed > END or back > HORIZON or not draw.chance(0.14):
        return 0
    c.care.append((signed, FAR))
    arr = max(round(before * draw.between(50, 115) / 100, -2), 600)
    c.add("reactivation", arr, signed, back, term_months=12, sourced_by=draw.pick(("csm", "sales")))
    return back


def drawn_contract(team: Team, account_id: str, is_opening: bool, skills: Skills, draw: Draw) -> Contract:
    """Returns an account's whole life."""
    segment = team.segment
    began = day_of("2020-01-01") + draw.between(0, 1094) if is_opening else START + draw.between(4, 1094)
    first = _first_day(began, draw)
    signed = first - draw.between(2, 45)
    arr = max(round(segment.median_arr * math.exp(draw.normal(segment.spread)), -2), 1200)
    spans = book_spans(team, signed, draw)
    if arr > 350_000 and draw.chance(0.2):
        spans = shared(team, spans, draw)
    is_monthly = segment.name != "enterprise" and draw.chance(0.03)
    term = 1 if is_monthly else draw.pick((12,) * 16 + (24, 24, 36))
    c = Contract(account_id, draw.pick(CURRENCIES[team.region]), segment, spans, skills, draw, [(signed, FAR)])
    c.add("new", arr, signed, first, term_months=term, sourced_by="sales")
    _live(c, first, term)
    return c


def assignment_rows(c: Contract) -> list[Row]:
    """Returns who held the account while it was in anybody's care, as far as is known at the history's end."""
    rows = []
    for (care_first, care_last), span in product(c.care, c.spans):
        first, last = max(care_first, span.first), min(care_last, span.last)
        if first <= min(last, END):
            row = {"account_id": c.account_id, "payee_id": span.payee_id, "starts_on": first, "role": span.role}
            rows.append(row | {"ends_on": last if last <= END else None, "split": span.split, "reason": span.reason})
    return rows


def account_kpis(c: Contract) -> list[Row]:
    """Returns CSAT scores (1 to 5) and NPS answers (-100, 0 or 100: their mean is the NPS); both warn of churn."""
    rows, draw = [], c.draw
    for kpi, year in product(("csat", "nps"), (2023, 2024, 2025)):
        day = day_of(f"{year}-01-01") + draw.between(0, 364)
        leaves = any(row["event_type"] == "churn" and 0 < row["effective_on"] - day < 270 for row in c.rows)
        mood = 0.55 if leaves else 0.82
        score = 1 + sum(draw.chance(mood) for _ in range(4))
        answer = 100 * (draw.chance(mood - 0.2) - draw.chance(1 - mood))
        is_active = c.rows[0]["effective_on"] < day and any(first <= day <= last - 31 for first, last in c.care)
        if is_active and draw.chance(0.5):
            rows.append(
                {"account_id": c.account_id, "kpi": kpi, "on": day, "attained": score if kpi == "csat" else answer}
            )
    return rows
