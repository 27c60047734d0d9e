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
from functools import cache
from math import floor, prod
from typing import Any, NamedTuple

NOBODY = "(unassigned)"
Row = dict[str, Any]


class Window(NamedTuple):
    period: str  # whose pay it is
    first: dt.date
    last: dt.date


class Opening(NamedTuple):
    period: str
    account: str
    payee: str
    cents: int
    account_cents: int  # of the whole account
    why: str
    window: Window


class Credit(NamedTuple):
    period: str
    account: str
    payee: str
    event: Row
    kind: str  # what the event counts as
    cents: int
    counted_cents: int
    renewed_cents: int
    account_cents: int  # opening of the whole account
    why: str
    window: Window


class Person(NamedTuple):
    role: str
    team: str | None
    segment: str | None
    region: str | None
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


def months_earlier(first_of_month: dt.date, n: int) -> dt.date:
    month = first_of_month.year * 12 + first_of_month.month - 1 - n
    return dt.date(month // 12, month % 12 + 1, 1)


def windows(baseline: str, period: str) -> list[Window]:
    first, last = quarter(period)
    one_day = dt.timedelta(days=1)
    if baseline == "month_start":
        starts = [first, months_earlier(first, -1), months_earlier(first, -2), last + one_day]
        return [Window(period, here, following - one_day) for here, following in itertools.pairwise(starts)]
    if baseline == "half_start":
        return [Window(period, dt.date(first.year, 1 if first.month < 7 else 7, 1), last)]
    if baseline == "year_start":
        return [Window(period, dt.date(first.year, 1, 1), last)]
    if baseline == "trailing_twelve_months":
        return [Window(period, months_earlier(first, 9), last)]
    if baseline == "two_quarters":
        before = Window(period, months_earlier(first, 6), first - one_day)
        return [before, Window(period, months_earlier(first, 3), last)]
    return [Window(period, first, last)]


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


def credit_date(event: Row, plan: Row, kind: str | None = None, due: bool = False) -> dt.date:
    rules, kind = plan["credit_on"], kind or event["event_type"]
    rule = rules.get(kind, "effective_on")
    if kind == "expansion" and event.get("is_at_renewal"):
        rule = rules.get("expansion_at_renewal") or rule
    if due and kind in ("churn", "contraction", "renewal") and event.get("due_on"):
        rule = "due_on"
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


def kinds(company: Any, account: str, rule: Row) -> dict[str, str]:
    """What each event of an account counts as; a loss may be told from what it leaves."""
    mine = movements(company, account)
    found = {event["event_id"]: event["event_type"] for event, _, _ in mine}
    if rule.get("churn_of", "as_recorded") == "as_recorded":
        return found
    in_order = sorted(mine, key=lambda m: (m[0]["effective_on"], m[1] < 0, m[0]["event_id"]))
    balance: dict[str, Fraction] = defaultdict(Fraction)  # in cents of USD of an account, in its own of a subscription
    for event, cents, _ in in_order:
        owner, moved = "account", Fraction(cents)
        if rule["churn_of"] == "subscription":
            owner, moved = f"{event.get('subscription_id')} {event['currency']}", number(event["arr_delta"])
        balance[owner] += moved
        if event["event_type"] in ("churn", "contraction"):
            found[event["event_id"]] = "churn" if balance[owner] <= 0 else "contraction"
    return found


def days_to_renewal(company: Any, event: Row) -> int:
    """From an upsell to its own due date, or to the end of the term its subscription is in."""
    if event.get("due_on"):
        return (event["due_on"] - event["effective_on"]).days + 1
    mine = [
        other
        for other in company.events_of[event["account_id"]]
        if other.get("subscription_id") == event.get("subscription_id")
        and other.get("term_months") is not None
        and other["effective_on"] <= event["effective_on"]
    ]
    term = max(mine, key=lambda other: other["effective_on"])
    start = term["effective_on"]
    first = months_earlier(start.replace(day=1), -term["term_months"])
    last_day = (months_earlier(first, -1) - dt.timedelta(days=1)).day
    return (first.replace(day=min(start.day, last_day)) - event["effective_on"]).days


def counted_cents(company: Any, event: Row, kind: str, cents: int, rule: Row) -> int:
    share = Fraction(1)
    if kind in ("new", "expansion", "reactivation"):
        share = number(rule.get("sourced_by", {}).get(event.get("sourced_by"), 1))
    if kind == "expansion" and rule.get("upsell") == "to_renewal" and not event.get("is_at_renewal"):
        share *= min(Fraction(days_to_renewal(company, event), 365), Fraction(1))
    if kind == "expansion" and event.get("reason") in rule.get("escalators", []):
        share = Fraction(0)
    return round_half_up(cents * share)


class Moved(NamedTuple):
    event: Row
    cents: int
    renewed: int
    day: dt.date


def in_order(moved: Moved) -> tuple[Any, ...]:
    event = moved.event
    return moved.day, event["effective_on"], moved.cents < 0, event["event_type"] == "exchange", event["event_id"]


def at_days_rates(company: Any, moved: list[Moved], basis: str, first: dt.date, last: dt.date) -> list[Moved]:
    """The movements of an account at the rates of their days or quarters, with exchange differences of their own."""
    found = []
    for currency in sorted({movement.event["currency"] for movement in moved}):
        mine = [movement for movement in moved if movement.event["currency"] == currency]
        mine.sort(key=lambda m: (m.day, m.event["effective_on"], m.event["arr_delta"] < 0, m.event["event_id"]))
        walk = by_event_dates if basis == "event_date" else by_quarter_ends
        found += mine if currency == "USD" else walk(company, currency, mine, first, last)
    return found


def exchange_event(name: str, account: str, day: dt.date) -> Row:
    return {"event_id": f"{name} exchange", "account_id": account, "event_type": "exchange", "effective_on": day}


def by_event_dates(company: Any, currency: str, moved: list[Moved], _first: dt.date, _last: dt.date) -> list[Moved]:
    found, local, booked = [], Fraction(0), 0
    for event, _, _, day in moved:
        rate = number(company.rate_on(currency, day))
        cents = round_half_up(number(event["arr_delta"]) * 100 * rate)
        renewed = round_half_up(number(event.get("renewed_arr") or 0) * 100 * rate)
        found.append(Moved(event, cents, renewed, day))
        local, booked = local + number(event["arr_delta"]), booked + cents
        if local == 0 and booked:
            found.append(Moved(exchange_event(event["event_id"], event["account_id"], day), -booked, 0, day))
            booked = 0
    return found


def by_quarter_ends(company: Any, currency: str, moved: list[Moved], first: dt.date, last: dt.date) -> list[Moved]:
    """Quarter by quarter; all that was credited before the first is valued at the rate of the day before it."""
    found, local, end, waiting = [], Fraction(0), quarter(quarter_name(first))[0] - dt.timedelta(days=1), list(moved)
    before = None
    while end <= quarter(quarter_name(last))[1]:
        rate = number(company.rate_on(currency, end))
        if before is not None:
            step = round_half_up(local * 100 * rate) - round_half_up(local * 100 * before)
            account = moved[0].event["account_id"]
            if step:
                name = f"{account} {currency} {quarter_name(end)}"
                found.append(Moved(exchange_event(name, account, end), step, 0, end))
        while waiting and waiting[0].day <= end:
            event, _, _, day = waiting.pop(0)
            after = local + number(event["arr_delta"])
            cents = round_half_up(after * 100 * rate) - round_half_up(local * 100 * rate)
            renewed = round_half_up(number(event.get("renewed_arr") or 0) * 100 * rate)
            found.append(Moved(event, cents, renewed, day))
            local = after
        before, end = rate, quarter(quarter_name(end + dt.timedelta(days=1)))[1]
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


@cache
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
    least = rule.get("min_days_held", 0)
    n_held = sum(is_held(company, account, span["payee_id"], day) for day in days) if least else 0
    if n_held < least:
        return f"held {n_held} of {rule['min_days_held']} days"
    on = rule.get("still_held_on")
    if on and not is_held(company, account, span["payee_id"], days[on - 1 if on > 0 else on]):
        return f"not held on {days[on - 1 if on > 0 else on]}"
    return ""


def is_inherited(company: Any, account: str, period: str, span: Row, day: dt.date, rule: Row) -> bool:
    since = taken_on(company, account, span)
    if since is None:
        return False
    is_new = rule.get("grace_first_period", False) and since >= quarter(quarter_name(day))[0]
    grace = rule.get("grace_days", 0)
    return is_new or (grace > 0 and (day - since).days < grace)


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


def ledger(
    company: Any, plan: Row, periods: list[str], baseline: str = "period_start", due: bool = False
) -> tuple[list[Opening], list[Credit]]:
    openings, credits = [], []
    rule, events = plan.get("books") or {}, plan.get("events") or {}
    holder = rule.get("holder", "credit_date")
    pick = "weighted" if holder == "time_weighted" else "first"
    basis = (plan.get("exchange") or {}).get("arr", "constant")
    for account in sorted(company.events_of):
        kind_of = kinds(company, account, events)
        moved = [
            Moved(*movement, credit_date(movement[0], plan, kind_of[movement[0]["event_id"]], due))
            for movement in movements(company, account)
        ]
        if basis != "constant":
            opens = min(window.first for window in windows(baseline, periods[0]))
            moved = at_days_rates(company, moved, basis, opens, quarter(periods[-1])[1])
        moved.sort(
            key=lambda m: (
                m.day,
                m.event["effective_on"],
                m.cents < 0,
                m.event["event_type"] == "exchange",
                m.event["event_id"],
            )
        )
        for window in (window for period in periods for window in windows(baseline, period)):
            period, first, last = window
            days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
            whole = sum(cents for _, cents, _, day in moved if day < first)
            moved_on = [
                day
                for event, cents, _, day in moved
                if cents and first <= day <= last and event["event_type"] != "exchange"
            ]
            opened_on = [max(moved_on, default=first)] if holder == "credit_date" else days
            if holder == "credit_date" and not moved_on:
                opened_on = days[:1]
            held = book_shares(company, account, period, opened_on, pick, whole, rule)
            opening = [[share, cents] for share, cents in zip(held, cut(whole, held), strict=True)]
            before = 0
            for event, cents, renewed, day in moved:
                if first <= day <= last:
                    over = [day] if holder == "credit_date" else days
                    if event["event_type"] == "exchange":
                        over = opened_on  # it goes with the opening ARR
                    held = book_shares(company, account, period, over, pick, whole, rule, event, day)
                    mine = [
                        after - was for after, was in zip(cut(before + cents, held), cut(before, held), strict=True)
                    ]
                    kind = kind_of.get(event["event_id"], "exchange")
                    left_out = cents - counted_cents(company, event, kind, cents, events)
                    parts = zip(held, mine, cut(renewed, held), cut(left_out, held), strict=True)
                    for share, part, part_renewed, out in parts:
                        amounts = (part, part - out, part_renewed, whole)
                        credits.append(Credit(period, account, share.payee, event, kind, *amounts, share.why, window))
                        if share.why == "inherited loss":
                            take_along(opening, share.holder, -part)
                before += cents
            for share, cents in opening:
                openings.append(Opening(period, account, share.payee, cents, whole, share.why, window))
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
                    rates = company.rates
                    if (plan.get("exchange") or {}).get("pay") == "spot":
                        rates = {name: company.rate_on(name, last) for name in rates}
                    rate = number(rates[span["currency"]]) / number(rates[currency])
                    yearly = Fraction(round_half_up(yearly * rate))
                cent_days, days = cent_days + yearly * n, days + n
        described = next((span for span in spans if span["target_incentive"] > 0), spans[0])
        found[payee] = Person(
            *(described.get(name) for name in ("role", "team", "segment", "region")), currency, cent_days, days
        )
    return found


LEVELS = ("individual", "team", "segment", "region", "company")


def levels_of(component: Row, role: str) -> dict[str, Fraction]:
    """The levels of a component for a role, with their shares."""
    level = component["level"]
    if isinstance(level, dict) and "default" in level:
        level = level.get("by_role", {}).get(role, level["default"])
    return {name: number(share) for name, share in level.items()} if isinstance(level, dict) else {level: Fraction(1)}


def retention(
    metric: str, books: list[Opening], mine: list[Credit], due: list[Credit], reactivation: str
) -> tuple[Fraction, Fraction]:
    """Numerator and denominator of a metric for these rows of one window."""
    cohort = [row for row in mine if row.account_cents > 0]
    opening = sum(row.cents for row in books if row.account_cents > 0)
    if reactivation == "own_class":
        cohort = [row for row in cohort if row.kind != "reactivation"]
    if metric == "nrr":
        above = opening + sum(row.counted_cents for row in cohort)
        if reactivation == "back_into_nrr":
            back = [row for row in mine if row.kind == "reactivation" and row.account_cents <= 0]
            above += sum(row.counted_cents for row in back)
    elif metric == "grr":
        net: dict[str, int] = defaultdict(int)
        for row in cohort:
            net[row.account] += row.counted_cents
        above = opening + sum(min(moved, 0) for moved in net.values())
    elif metric == "expansion_rate":
        above = sum(row.counted_cents for row in cohort if row.kind == "expansion")
    elif metric == "churn_rate":
        away = ("churn", "reactivation") if reactivation == "netted" else ("churn",)
        above = -sum(row.counted_cents for row in cohort if row.kind in away)
    else:
        assert metric == "renewal_rate"
        above = sum(row.renewed_cents for row in mine if row.kind == "renewal")
        is_lost = [row for row in due if row.kind in ("churn", "contraction")]
        up = sum(row.renewed_cents for row in due if row.kind == "renewal")
        opening = up - sum(row.counted_cents for row in is_lost if row.event.get("is_at_renewal"))
    return Fraction(above), Fraction(opening)


def by_window(rows: list[Any]) -> dict[Window, list[Any]]:
    found: dict[Window, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.window].append(row)
    return found


class Measurer(NamedTuple):
    """A component of a plan on a company, with the rows of its ledger."""

    company: Any
    component: Row
    reactivation: str
    openings: dict[Window, list[Opening]]
    credits: dict[Window, list[Credit]]
    due: dict[Window, list[Credit]]

    def ratios(self, unit: str, who: Any, period: str) -> list[tuple[Fraction, Fraction]]:
        """Numerator and denominator in each window: of payees `who`, or of the accounts with that attribute."""
        found = []
        for window in windows(self.component.get("baseline", "period_start"), period):
            rows = [
                [row for row in known.get(window, []) if self.belongs(row, unit, who)]
                for known in (self.openings, self.credits, self.due)
            ]
            found.append(retention(self.component["metric"], *rows, self.reactivation))
        return found

    def belongs(self, row: Any, unit: str, who: Any) -> bool:
        if unit == "payees":
            return row.payee in who
        if row.why.startswith("excluded"):
            return False  # counts for nobody
        return unit == "company" or (who is not None and self.company.attribute(row.account, unit) == who)

    def value(self, staff: dict[str, Person], payee: str, period: str) -> Fraction | None:
        """Each level's mean of what it has, averaged by the levels' shares; ratios over nothing are left out."""
        person, weighed = staff[payee], []
        for level, share in levels_of(self.component, person.role).items():
            units: list[tuple[str, Any]] = [(level, getattr(person, level, None))]
            if level in ("individual", "team"):
                team = {name for name, other in staff.items() if person.team and other.team == person.team}
                units = [("payees", {payee} if level == "individual" else team)]
            if self.component.get("unit_figure") == "mean_of_ratios" and level != "individual":
                own = getattr(person, level, None)
                members = [
                    name
                    for name, other in staff.items()
                    if level == "company" or (own is not None and getattr(other, level) == own)
                ]
                units = [("payees", {name}) for name in members]
            found = [ratio for unit in units for ratio in self.known(unit, period)]
            if found:
                weighed.append((share, sum(found, Fraction(0)) / len(found)))
        over = sum((share for share, _ in weighed), Fraction(0))
        return sum((share * ratio for share, ratio in weighed), Fraction(0)) / over if over else None

    def known(self, unit: tuple[str, Any], period: str) -> list[Fraction]:
        """The ratios of a unit that are over something; chained ones as one."""
        ratios = self.ratios(*unit, period)
        combined = self.component.get("combined", "sums")
        if combined == "sums":
            ratios = [(sum((a for a, _ in ratios), Fraction(0)), sum((b for _, b in ratios), Fraction(0)))]
        known = [a / b for a, b in ratios if b > 0]
        return [prod(known, start=Fraction(1))] if combined == "chained" and known else known


def kpi_value(company: Any, component: Row, staff: dict[str, Person], payee: str, period: str) -> Fraction | None:
    """A KPI's count at full-time pace, for a unit the mean of its members."""
    person, weighed = staff[payee], []
    first, last = quarter(period)
    n_days = (last - first).days + 1
    for level, share in levels_of(component, person.role).items():
        members = {payee}
        if level != "individual":
            own = getattr(person, level, None)
            members = {
                name
                for name, other in staff.items()
                if other.days and (level == "company" or (own is not None and getattr(other, level) == own))
            }
            # Whom the plan never measures alone is no member of a unit, unless it has no others.
            by_role = component["level"].get("by_role", {}) if isinstance(component["level"], dict) else {}
            never = {role for role in by_role if "individual" not in levels_of(component, role)}
            members = {name for name in members if staff[name].role not in never} or members
        above = sum((counted(company, component["metric"][4:], name, period) for name in members), Fraction(0))
        below = sum((Fraction(staff[name].days, n_days) for name in members), Fraction(0))
        if below > 0:
            weighed.append((share, above / below))
    over = sum((share for share, _ in weighed), Fraction(0))
    return sum((share * ratio for share, ratio in weighed), Fraction(0)) / over if over else None


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
    return banded(attained, curve) if curve["kind"] != "linear" else between_points(attained, curve)


def between_points(attained: Fraction, curve: Row) -> Fraction:
    points = [(number(at), number(pays)) for at, pays in curve["points"]]
    below, (first, least) = curve.get("below"), points[0]
    if below == "zero" and (attained < first or (attained == first and curve.get("edge") == "upper")):
        return Fraction(0)
    if attained < first and below != "extend":
        return least
    if attained > points[-1][0] and curve["beyond"] == "hold":
        return points[-1][1]
    for (left, low), (right, high) in itertools.pairwise(points):
        if attained <= right or (right, high) == points[-1]:
            return low + (high - low) / (right - left) * (attained - left)
    raise AssertionError


def banded(attained: Fraction, curve: Row) -> Fraction:
    """A factor by bands: the band reached, and what it does with attainment."""
    bands = [(number(at), number(pays)) for at, pays in curve["bands"]]
    last, kind, reached = bands[-1][0], curve["kind"], None
    for i, (at, pays) in enumerate(bands):
        edge = curve["edge"][i] if isinstance(curve.get("edge"), list) else curve.get("edge")
        if attained > at or (attained == at and edge != "upper"):
            reached = pays
    if reached is None:
        return Fraction(0)
    held = min(attained, last) if curve["beyond"] == "hold" else attained
    if kind == "table":
        return reached
    if kind == "step":
        return held * reached
    if kind == "marginal":
        return slices(held, bands)
    return slices(held, bands) if held <= 1 else slices(Fraction(1), bands) + (held - 1) * reached


def slices(attained: Fraction, bands: list[tuple[Fraction, Fraction]]) -> Fraction:
    """Each slice of attainment at its own multiplier."""
    total = Fraction(0)
    for i, (low, pays) in enumerate(bands):
        high = bands[i + 1][0] if i + 1 < len(bands) else attained
        total += pays * max(min(attained, high) - low, 0)
    return total


RETENTION = ("nrr", "grr")
"""Metrics that are 1 where nothing moves."""


def window_months(component: Row, period: str) -> int:
    window = windows(component.get("baseline", "period_start"), period)[0]
    n = (window.last.year - window.first.year) * 12 + window.last.month - window.first.month + 1
    return 3 * n if component.get("combined") == "chained" else n


def target_of(component: Row, person: Person, period: str) -> Fraction:
    """The target by segment, of a yearly one the part for the months measured, to six decimals."""
    target = component["target"]
    if not isinstance(target, dict):
        return number(target)
    written = number(target.get("by_segment", {}).get(person.segment, target["default"]))
    if not target.get("yearly"):
        return written
    months, rest = window_months(component, period), int(component["metric"] in RETENTION)
    if target["yearly"] == "adding":
        part = rest + (written - rest) * Fraction(months, 12)
    else:
        precise = Decimal(written.numerator) / Decimal(written.denominator)
        part = Fraction((precise.ln() * months / 12).exp())
    return Fraction(round_half_up(part * 10**6), 10**6)


def in_a_year(component: Row, value: Fraction, period: str) -> Fraction:
    times = 12 // window_months(component, period)
    if component.get("annualised") == "adding":
        return 1 + (value - 1) * times
    return max(value, Fraction(0)) ** times if component.get("annualised") else value


def component_factor(component: Row, person: Person, value: Fraction | None, period: str) -> Fraction:
    if value is None:
        return Fraction(0)
    base = number(component["attainment"].get("floor", 0))
    value = in_a_year(component, value, period)
    return factor((value - base) / (target_of(component, person, period) - base), component["curve"])


def payouts(company: Any, plan: Row, periods: list[str]) -> dict[tuple[str, str, str], Decimal]:
    """Pay by payee, period and component; the rounding falls on a payee's running total."""
    reactivation = (plan.get("events") or {}).get("reactivation", "in_cohort")
    measurers: dict[str, Measurer] = {}
    ledgers: dict[tuple[str, bool], tuple[Any, Any]] = {}
    for component in plan["components"]:
        if not component["metric"].startswith("kpi."):
            baseline = component.get("baseline", "period_start")
            is_due = baseline == "due_in_period"
            for key in {(baseline, False), (baseline, is_due)} - set(ledgers):
                openings, credits = ledger(company, plan, periods, *key)
                ledgers[key] = by_window(openings), by_window(credits)
            rows = (*ledgers[baseline, False], ledgers[baseline, is_due][1])
            measurers[component["name"]] = Measurer(company, component, reactivation, *rows)
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
                measurer = measurers.get(component["name"])
                if measurer:
                    value = measurer.value(staff, payee, period)
                else:
                    value = kpi_value(company, component, staff, payee, period)
                paid = component_factor(component, person, value, period)
                running += Fraction(person.cent_days) / (4 * n_days) * number(component["weight"]) * paid
                after = round_half_up(running)
                found[payee, period, component["name"]] = Decimal(after - before) / 100
                before = after
    return found
