"""What a plan pays, worked out slowly and obviously: plain Python, exact fractions, one account at a time.

Written from the documents, not from `src`: nothing here is shared with the package, so that the two agree only when
both are right. The company is a `histories.Company` (lists of dicts), the plan is the dict of a plan file, periods are
quarters of the calendar year.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

NOBODY = "(unassigned)"
Row = dict[str, Any]


class Opening(NamedTuple):
    period: str
    account: str
    payee: str
    cents: int
    account_cents: int  # of the whole account
    why: str = ""


class Credit(NamedTuple):
    period: str
    account: str
    payee: str
    event: Row
    cents: int
    renewed_cents: int
    account_cents: int  # opening of the whole account
    why: str = ""


class Person(NamedTuple):
    role: str
    team: str | None
    segment: str | None
    currency: str
    cent_days: int | Fraction  # yearly target incentive in cents, times days, added up over spans
    days: int


def number(written: object) -> Fraction:
    """1.15, "1/3" or Decimal("0.5") as the fraction that was written."""
    return Fraction(str(written))


def round_half_up(amount: Fraction) -> int:
    """Halves away from zero."""
    return floor(amount + Fraction(1, 2)) if amount >= 0 else -floor(-amount + Fraction(1, 2))


def quarter(name: str) -> tuple[dt.date, dt.date]:
    year, n = int(name[:4]), int(name[5])
    first = dt.date(year, 3 * n - 2, 1)
    following = dt.date(year + n // 4, 3 * n % 12 + 1, 1)
    return first, following - dt.timedelta(days=1)


def quarter_name(day: dt.date) -> str:
    return f"{day.year}Q{(day.month + 2) // 3}"


def written_date(event: Row, way: Any) -> dt.date | None:
    """The day by one way of a rule: a column, or the later or the earlier of several."""
    if isinstance(way, str):
        return event.get(way)
    columns = [way["column"]] if way.get("column") else way.get("later_of") or way["earlier_of"]
    days = [event.get(column) for column in columns]
    if None in days:
        return None
    day = min(days) if way.get("earlier_of") else max(days)
    closed_on = event.get(way["if_closed"]) if way.get("if_closed") else None
    return closed_on if closed_on and quarter_name(day) < quarter_name(closed_on) else day


def credit_date(event: Row, plan: Row) -> dt.date:
    rules = plan["credit_on"]
    rule = rules.get(event["event_type"], "effective_on")
    if event["event_type"] == "expansion" and event.get("is_at_renewal"):
        rule = rules.get("expansion_at_renewal") or rule
    for way in rule if isinstance(rule, list | tuple) else [rule]:
        day = written_date(event, way)
        if day:
            return landed(event, day, rules.get("late"))
    raise LookupError(f"{event['event_id']} has no date for {rule}")


def landed(event: Row, day: dt.date, late: Row | None) -> dt.date:
    """A day later on, when the event became known after its quarter was locked."""
    known = late and event.get(late["known_on"])
    if not known:
        return day
    while known > quarter(quarter_name(day))[1] + dt.timedelta(days=late["locked_after_days"]):
        day = quarter(quarter_name(day))[1] + dt.timedelta(days=1)  # try the next quarter
        first, last = quarter(quarter_name(day))
        day = min(max(known, first), last) if known <= last + dt.timedelta(days=late["locked_after_days"]) else day
    return day


def movements(company: Any, account: str) -> list[tuple[Row, int, int]]:
    """Event, ARR moved, ARR renewed; in cents of the reporting currency at constant rates.

    The account's balance is converted, a movement is the difference of two converted balances.
    """
    mine = company.events_of[account]
    found = []
    for currency in {event["currency"] for event in mine}:
        rate = number(company.rates[currency])
        events = [event for event in mine if event["currency"] == currency]
        events.sort(key=lambda event: (event["effective_on"], event["arr_delta"] < 0, event["event_id"]))
        balance, before = Fraction(0), 0
        for event in events:
            balance += number(event["arr_delta"])
            after = round_half_up(balance * 100 * rate)
            renewed = round_half_up(number(event.get("renewed_arr") or 0) * 100 * rate)
            found.append((event, after - before, renewed))
            before = after
    return found


def holders(company: Any, account: str, day: dt.date) -> list[tuple[str, Fraction]]:
    """Payee and share, payees in the order of their ids; last the share that nobody holds."""
    found = [
        (span["payee_id"], number(span["split"]))
        for span in company.spans_of[account]
        if span["starts_on"] <= day and day <= (span.get("ends_on") or dt.date.max)
    ]
    left = 1 - sum((split for _, split in found), Fraction(0))
    return sorted(found) + ([(NOBODY, left)] if left else [])


def shares(cents: int, held: list[tuple[str, Fraction]]) -> list[tuple[str, int]]:
    """Whole cents of each: the rounded running total less the one before."""
    found, through, before = [], Fraction(0), 0
    for payee, split in held:
        through += split
        after = round_half_up(cents * through)
        found.append((payee, after - before))
        before = after
    return found


class Share(NamedTuple):
    payee: str
    split: Fraction
    why: str
    holder: str  # who would have it


def days_of(period: str) -> list[dt.date]:
    first, last = quarter(period)
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def spans_on(company: Any, account: str, day: dt.date) -> list[Row]:
    spans = company.spans_of[account]
    return [span for span in spans if span["starts_on"] <= day <= (span.get("ends_on") or dt.date.max)]


def is_held(company: Any, account: str, payee: str, day: dt.date) -> bool:
    return any(span["payee_id"] == payee for span in spans_on(company, account, day))


def taken_on(company: Any, account: str, span: Row) -> dt.date | None:
    """The day the span's payee took the account over; none for the account's first holder."""
    start = span["starts_on"]
    before = start - dt.timedelta(days=1)
    while is_held(company, account, span["payee_id"], before):
        mine = [other for other in spans_on(company, account, before) if other["payee_id"] == span["payee_id"]]
        start = min(other["starts_on"] for other in mine)
        before = start - dt.timedelta(days=1)
    return start if start > min(other["starts_on"] for other in company.spans_of[account]) else None


def weighed_spans(company: Any, account: str, days: list[dt.date], pick: str) -> list[tuple[Row, Fraction]]:
    """Each span that counts over these days, with its share of the account."""
    held_days = [day for day in days if spans_on(company, account, day)]
    if pick == "weighted":
        one = Fraction(1, max(len(held_days), 1))
        return [(span, one * number(span["split"])) for day in held_days for span in spans_on(company, account, day)]
    return [(span, number(span["split"])) for day in held_days[:1] for span in spans_on(company, account, day)]


def shut_out(company: Any, account: str, period: str, span: Row, opening: int, rule: Row) -> str:
    """Why the holder of a span does not count in a period."""
    days = days_of(period)
    for exclusion in reversed(rule.get("exclude", [])):
        if exclusion.get("account_id") == account:
            return f"excluded: {exclusion['because']}"
    if span.get("role") in rule.get("house_roles", []):
        return "house account"
    if rule.get("min_account_arr") and opening < number(rule["min_account_arr"]) * 100:
        return f"below {rule['min_account_arr']:,.0f} of opening ARR"
    n_held = sum(is_held(company, account, span["payee_id"], day) for day in days)
    if n_held < rule.get("min_days_held", 0):
        return f"held {n_held} of {rule['min_days_held']} days"
    on = rule.get("still_held_on")
    if on and not is_held(company, account, span["payee_id"], days[on - 1 if on > 0 else on]):
        return f"not held on {days[on - 1 if on > 0 else on]}"
    return ""


def is_inherited(company: Any, account: str, period: str, span: Row, day: dt.date, rule: Row) -> bool:
    since = taken_on(company, account, span)
    if since is None:
        return False
    is_new = rule.get("grace_first_period", False) and since >= quarter(period)[0]
    return is_new or (day - since).days < rule.get("grace_days", 0)


def book_shares(
    company: Any,
    account: str,
    period: str,
    days: list[dt.date],
    pick: str,
    opening: int,
    rule: Row,
    event: Row | None = None,
    credited_on: dt.date = dt.date.max,
) -> list[Share]:
    """Shares of an account, or of an event of it, payees in the order of their ids, nobody last."""
    found: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    weighed = weighed_spans(company, account, days, pick)
    # Of several holdings by one payee the earliest taking over counts, and the first holder took over from nobody.
    since = defaultdict(list)
    for span, _ in weighed:
        if not shut_out(company, account, period, span, opening, rule):
            since[span["payee_id"]].append((taken_on(company, account, span) or dt.date.min, span["starts_on"], span))
    for span, split in weighed:
        holder = span["payee_id"]
        why = shut_out(company, account, period, span, opening, rule)
        if event and not why:
            for exclusion in rule.get("exclude", []):
                if exclusion.get("reason") is not None and exclusion["reason"] == event.get("reason"):
                    why = why or f"excluded: {exclusion['because']}"
            earliest = min(since[holder], key=lambda known: known[:2])[2]
            is_loss = event["event_type"] in ("churn", "contraction")
            if is_loss and not why and is_inherited(company, account, period, earliest, credited_on, rule):
                why = "inherited loss"
        found[NOBODY if why else holder, why, holder] += split
    left = 1 - sum(found.values(), Fraction(0))
    if left:
        found[NOBODY, "", ""] += left
    ordered = sorted(found, key=lambda key: (key[0] == NOBODY, *key))
    return [Share(payee, found[payee, why, holder], why, holder) for payee, why, holder in ordered]


def cut(cents: int, held: list[Share]) -> list[int]:
    return [mine for _, mine in shares(cents, [(share.payee, share.split) for share in held])]


def ledger(company: Any, plan: Row, periods: list[str]) -> tuple[list[Opening], list[Credit]]:
    openings, credits = [], []
    rule = plan.get("books") or {}
    holder = rule.get("holder", "credit_date")
    pick = "weighted" if holder == "time_weighted" else "first"
    for account in sorted(company.events_of):
        moved = [(*movement, credit_date(movement[0], plan)) for movement in movements(company, account)]
        moved.sort(key=lambda m: (m[3], m[0]["effective_on"], m[1] < 0, m[0]["event_id"]))
        for period in periods:
            first, last = quarter(period)
            days = days_of(period)
            whole = sum(cents for _, cents, _, day in moved if day < first)
            moved_on = [day for _, cents, _, day in moved if cents and first <= day <= last]
            opened_on = [max(moved_on, default=first)] if holder == "credit_date" else days
            held = book_shares(company, account, period, opened_on, pick, whole, rule)
            opening = [[share, cents] for share, cents in zip(held, cut(whole, held), strict=True)]
            before = 0
            for event, cents, renewed, day in moved:
                if first <= day <= last:
                    window = [day] if holder == "credit_date" else days
                    held = book_shares(company, account, period, window, pick, whole, rule, event, day)
                    mine = [
                        after - was for after, was in zip(cut(before + cents, held), cut(before, held), strict=True)
                    ]
                    for share, part, part_renewed in zip(held, mine, cut(renewed, held), strict=True):
                        credits.append(
                            Credit(period, account, share.payee, event, part, part_renewed, whole, share.why)
                        )
                        if share.why == "inherited loss":
                            take_along(opening, share.holder, -part)
                before += cents
            for share, cents in opening:
                openings.append(Opening(period, account, share.payee, cents, whole, share.why))
    return openings, credits


def take_along(opening: list[list[Any]], holder: str, loss: int) -> None:
    """An inherited loss takes its opening ARR from the holder."""
    for entry in list(opening):
        share, cents = entry
        if share.payee == holder:
            gone = min(loss, max(cents, 0))
            entry[1] -= gone
            opening.append([Share(NOBODY, Fraction(0), "inherited loss", holder), gone])


def people(company: Any, plan: Row, period: str) -> dict[str, Person]:
    """Everyone with a span in the period; described by the first span that has a target incentive, else the first."""
    first, last = quarter(period)
    spans_of = defaultdict(list)
    for span in sorted(company.payees, key=lambda span: span["starts_on"]):
        if span["starts_on"] <= last and first <= (span.get("ends_on") or dt.date.max):
            spans_of[span["payee_id"]].append(span)
    found = {}
    for payee, spans in spans_of.items():
        currency = spans[-1]["currency"] if plan["pay"]["currency"] == "payee" else plan["pay"]["currency"]
        cent_days, days = Fraction(0), 0
        for span in spans:
            if span["target_incentive"] > 0:
                n = (min(span.get("ends_on") or last, last) - max(span["starts_on"], first)).days + 1
                yearly = number(span["target_incentive"]) * 100
                if span["currency"] != currency:
                    rate = number(company.rates[span["currency"]]) / number(company.rates[currency])
                    yearly = Fraction(round_half_up(yearly * rate))
                cent_days, days = cent_days + yearly * n, days + n
        described = next((span for span in spans if span["target_incentive"] > 0), spans[0])
        found[payee] = Person(
            described["role"], described.get("team"), described.get("segment"), currency, cent_days, days
        )
    return found


def level_of(component: Row, role: str) -> str:
    level = component["level"]
    return level if isinstance(level, str) else level.get("by_role", {}).get(role, level["default"])


def retention(
    metric: str, openings: list[Opening], credits: list[Credit], members: set[str], period: str
) -> tuple[Fraction, Fraction]:
    """Numerator and denominator of a metric for the books of these payees."""
    books = [row for row in openings if row.period == period and row.payee in members]
    mine = [row for row in credits if row.period == period and row.payee in members]
    cohort = [row for row in mine if row.account_cents > 0]
    opening = sum(row.cents for row in books if row.account_cents > 0)
    if metric == "nrr":
        above = opening + sum(row.cents for row in cohort)
    elif metric == "grr":
        net: dict[str, int] = defaultdict(int)
        for row in cohort:
            net[row.account] += row.cents
        above = opening + sum(min(moved, 0) for moved in net.values())
    elif metric == "expansion_rate":
        above = sum(row.cents for row in cohort if row.event["event_type"] == "expansion")
    else:
        assert metric == "renewal_rate"
        above = sum(row.renewed_cents for row in mine if row.event["event_type"] == "renewal")
        is_lost = [row for row in mine if row.event["event_type"] in ("churn", "contraction")]
        opening = above - sum(row.cents for row in is_lost if row.event.get("is_at_renewal"))
    return Fraction(above), Fraction(opening)


def counted(company: Any, kpi: str, payee: str, period: str) -> Fraction:
    """A payee's own counts, and the payee's share of those of accounts held on the day."""
    first, last = quarter(period)
    total = Fraction(0)
    for row in company.kpis:
        if row["kpi"] == kpi and first <= row["on"] <= last:
            if row.get("payee_id"):
                share = Fraction(row["payee_id"] == payee)
            else:
                share = dict(holders(company, row["account_id"], row["on"])).get(payee, Fraction(0))
            total += share * number(row["attained"])
    return total


def factor(attained: Fraction, curve: Row) -> Fraction:
    points = [(number(at), number(pays)) for at, pays in curve["points"]]
    if attained < points[0][0]:
        return points[0][1]
    if attained > points[-1][0] and curve["beyond"] == "hold":
        return points[-1][1]
    for (left, low), (right, high) in itertools.pairwise(points):
        if attained <= right or (right, high) == points[-1]:
            return low + (high - low) / (right - left) * (attained - left)
    raise AssertionError


def component_factor(component: Row, person: Person, above: Fraction, below: Fraction) -> Fraction:
    if below <= 0:
        return Fraction(0)
    target = component["target"]
    if isinstance(target, dict):
        target = target.get("by_segment", {}).get(person.segment, target["default"])
    base = number(component["attainment"].get("floor", 0))
    return factor((above / below - base) / (number(target) - base), component["curve"])


def payouts(company: Any, plan: Row, periods: list[str]) -> dict[tuple[str, str, str], Decimal]:
    """Pay by payee, period and component; the rounding falls on a payee's running total."""
    openings, credits = ledger(company, plan, periods)
    everybody = {period: people(company, plan, period) for period in periods}
    found = {}
    for period, staff in everybody.items():
        first, last = quarter(period)
        n_days = (last - first).days + 1
        for payee, person in staff.items():
            if not person.days:
                continue
            running, before = Fraction(0), 0
            for component in plan["components"]:
                level, metric = level_of(component, person.role), component["metric"]
                team = {name for name, other in staff.items() if person.team and other.team == person.team}
                members = {payee} if level == "individual" else team
                if metric.startswith("kpi."):
                    # Whom the plan measures on the team by role is no member of it, unless it has no others.
                    by_role = component["level"].get("by_role", {}) if isinstance(component["level"], dict) else {}
                    members = {name for name in members if staff[name].days}
                    others = {name for name in members if by_role.get(staff[name].role) != "team"}
                    members = (others or members) if level == "team" else members
                    above = sum((counted(company, metric[4:], name, period) for name in members), Fraction(0))
                    full_time = sum((Fraction(staff[name].days, n_days) for name in members), Fraction(0))
                    below = full_time
                else:
                    above, below = retention(metric, openings, credits, members, period)
                paid = component_factor(component, person, above, below)
                running += Fraction(person.cent_days) / (4 * n_days) * number(component["weight"]) * paid
                after = round_half_up(running)
                found[payee, period, component["name"]] = Decimal(after - before) / 100
                before = after
    return found
