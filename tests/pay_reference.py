"""What a plan pays from attainments or values, worked out slowly: plain Python, exact, one person and period at a time.

Written from the documents and the words of a plan file, sharing nothing with the package. A plan is the dict of a plan
file; an entry is a dict as of a case file. Amounts are exact; a person's pay is rounded once. Periods are quarters of
the calendar year.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from reference import factor, number

Row = dict[str, Any]
MONTHS = {"M": 1, "Q": 3, "H": 6, "": 12}
LONG_AGO = "1900-01-01"
MILLIONTH = Fraction(1, 10**6)
"""To which targets of part of a year or of a new person are rounded."""


def cents_of(amount: Fraction, rounding: str = "half_up", step: int = 1) -> int:
    """Whole cents, or steps of several; halves away from zero, or to the even step."""
    whole = floor(abs(amount) / step)
    rest = abs(amount) / step - whole
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rounding != "half_even" or whole % 2 == 1))
    return step * (whole + up) * (1 if amount >= 0 else -1)


def step_of(plan: Row) -> int:
    return int(number(plan["pay"].get("rounded_to", "0.01")) * 100)


def to_step(amount: Fraction, step: Fraction) -> Fraction:
    return floor(amount / step + Fraction(1, 2)) * step


def attained(value: Fraction, target: Fraction, rule: Row) -> Fraction:
    kind = rule["kind"]
    if kind == "scores":
        found = Fraction(0)
        for at, score in rule["scores"]:
            if value > number(at) or (value == number(at) and rule["edge"] == "lower"):
                found = number(score)
    elif kind == "reverse":
        found = target / value if value > 0 else Fraction(1000)
    else:
        base = number(rule.get("floor", 0))
        found = (value - base) / (target - base)
    return to_step(found, number(rule["rounded_to"])) if rule.get("rounded_to") else found


def reached(rule: Row, results: dict[str, Row | None], own: str | None) -> bool:
    """Whether a condition holds: of one component, of the own one, or of all that the person's role has."""
    names = [rule["component"]] if rule.get("component") else [own] if own else list(results)
    for name in names:
        found = results.get(name)
        if found is None:
            return False
        if rule.get("below") is not None and not found[rule["of"]] < number(rule["below"]):
            return False
        if rule.get("reaches") is not None and not found[rule["of"]] >= number(rule["reaches"]):
            return False
    return True


def amount_of(rule: Row, person: Row) -> Fraction:
    part = number(person.get("proration", 1)) if rule.get("prorated") else Fraction(1)
    return number(rule["amount"]) * part


def limit(rule: Row, base: Fraction, person: Row) -> Fraction:
    return number(rule["factor"]) * base if rule.get("factor") is not None else amount_of(rule, person)


def component_pay(component: Row, results: dict[str, Row | None], base: Fraction, person: Row) -> Fraction:
    own = results[component["name"]]
    pay = Fraction(0) if own is None else base * own["factor"]
    for rule in component.get("adjustments", []):
        if rule["kind"] == "gate" and not reached(rule, results, component["name"]):
            pay *= number(rule.get("otherwise", 0))
        elif rule["kind"] == "kicker" and reached(rule, results, component["name"]):
            pay *= number(rule["times"])
        elif rule["kind"] == "cap":
            pay = min(pay, limit(rule, base, person))
        elif rule["kind"] == "floor":
            pay = max(pay, limit(rule, base, person))
    return pay


def months_of(period: str) -> list[int]:
    """The months of a quarter, counted from year 0."""
    first = int(period[:4]) * 12 + 3 * (int(period[5:]) - 1)
    return [first, first + 1, first + 2]


def first_month(hired_on: str, until: int) -> int:
    day = dt.date.fromisoformat(hired_on)
    return day.year * 12 + day.month - 1 + (day.day > until)


def target_of(component: Row, entry: Row, person: Row, period: str) -> Fraction:
    """The target of a quarter: that of the entry, or the plan's, eased for new people."""
    if entry.get("target") is not None:
        return number(entry["target"])
    written = component["target"]
    if not isinstance(written, dict):
        return number(written)
    ramp, found = written.get("ramp"), number(written["default"])
    if written.get("yearly") == "adding":
        found = to_step(found * int(period[5:]) / 4, MILLIONTH)
    if ramp:
        first = first_month(person.get("hired_on", LONG_AGO), written.get("ramp_month_until", 15))
        since = [month - first for month in months_of(period) if month >= first]
        shares = [number(ramp[n]) if n < len(ramp) else Fraction(1) for n in since]
        found = to_step(found * (sum(shares) / len(shares) if shares else number(ramp[0])), MILLIONTH)
    return found


def base_of(component: Row, person: Row, target: Fraction, entry: Row, period: str, pool: Fraction) -> Fraction:
    basis = component.get("basis", {"kind": "target_incentive"})
    incentive = number(person.get("target_incentive", 0)) * number(component.get("weight", 0))
    share = number(person.get("proration", 1))
    if component.get("to_date") and basis["kind"] == "target_incentive":
        return incentive * 4 if component["to_date"] == "full_year" else person["so_far"] * number(component["weight"])
    if basis["kind"] == "target_incentive":
        return incentive * share
    if basis["kind"] == "pool":
        return pool
    if basis["kind"] == "rate":
        is_count = component["metric"].startswith("kpi.")
        return number(basis["rate"]) * target * (share if is_count else 1)
    over, above = target, incentive * share
    if basis["over"] == "opening_arr":
        over, above = number(entry.get("opening_arr", 0)), incentive * (12 // MONTHS[period[4:5]])
    rate = above / over if over > 0 else Fraction(0)
    return (to_step(rate, number(basis["rounded_to"])) if basis.get("rounded_to") else rate) * target


def has(component: Row, person: Row) -> bool:
    return not component.get("roles") or person.get("role") in component["roles"]


def parts_of(shares: dict[str, Fraction], whole: Fraction, step: int) -> dict[str, int]:
    """Whole steps that add up to a whole, one by one to whoever is furthest below their share, then has the larger."""
    parts = {name: floor(share / step) * step for name, share in shares.items()}
    while sum(parts.values()) + step <= whole:
        short = {name: shares[name] - parts[name] for name in parts}
        most = max(short.values())
        if most <= 0:
            break
        largest = max(shares[name] for name in parts if short[name] == most)
        parts[min(name for name in parts if short[name] == most and shares[name] == largest)] += step
    return parts


def pool_parts(plan: Row, component: Row, known: Any, period: str) -> dict[str, Fraction]:
    """What factor 1 pays each person from a pool."""
    basis, counts = component["basis"], {}
    for (payee, when), (person, results) in known.items():
        is_there = not plan["pay"].get("on_last_day") or person.get("on_last_day", True)
        if when == period and is_there and results.get(component["name"]) is not None:
            found = results[component["name"]]
            value = found["attainment"] if found["value"] is None else found["value"]
            incentive = number(person.get("target_incentive", 0)) * number(person.get("proration", 1))
            counts[payee] = {"equally": Fraction(1), "value": value, "target_incentive": incentive}[basis["shared"]]
    whole, cents = sum(counts.values()), number(basis["amount"]) * 100
    shares = {payee: cents * of / whole if whole else Fraction(0) for payee, of in counts.items()}
    if plan["pay"]["rounding"] == "none" or not whole:
        return {payee: share / 100 for payee, share in shares.items()}
    return {payee: Fraction(part, 100) for payee, part in parts_of(shares, cents, step_of(plan)).items()}


def paid(plan: Row, entries: list[Row], stage: str) -> dict[tuple[str, str], dict[str, tuple[Any, Any]]]:
    """By payee and period, then by component and adjustment of the plan: cents paid, and the balance then."""
    periods = quarters_of({entry["period"] for entry in entries})
    people = sorted(dict.fromkeys((entry["payee_id"], entry["period"]) for entry in entries), key=lambda key: key[1])
    known: dict[tuple[str, str], tuple[Row, dict[str, Row | None]]] = {}
    entered: dict[tuple[str, str], dict[str, Row]] = {}
    for payee, period in people:
        mine = [entry for entry in entries if (entry["payee_id"], entry["period"]) == (payee, period)]
        person: Row = {}
        for entry in mine:
            person = {**{k: v for k, v in entry.items() if v is not None}, **person}
        own = number(person.get("target_incentive", 0)) * number(person.get("proration", 1))
        before = [p["so_far"] for (who, when), (p, _) in known.items() if who == payee and when[:4] == period[:4]]
        person["so_far"] = own + (before[-1] if before else 0)
        by_component = {entry["component"]: entry for entry in mine}
        results: dict[str, Row | None] = {}
        for component in plan["components"]:
            if has(component, person):
                entry = by_component.get(component["name"], {})
                results[component["name"]] = result(
                    component, entry, stage, target_of(component, entry, person, period)
                )
        known[payee, period], entered[payee, period] = (person, results), by_component
    earned = {}
    for key in people:
        earned[key] = earned_by(plan, key, known, entered, earned)
    return settle(plan, earned, known, periods)


def earned_by(plan: Row, key: Any, known: Any, entered: Any, earned: Any) -> Row:
    """What a person's components are paid in a period, rounded: all but what the plan settles."""
    (payee, period), (person, results) = key, known[key]
    pay, rule = {}, plan["pay"]
    is_there = person["is_there"] = not rule.get("on_last_day") or person.get("on_last_day", True)
    for component in (component for component in plan["components"] if has(component, person)):
        name, entry = component["name"], entered[key].get(component["name"], {})
        is_pool = component.get("basis", {}).get("kind") == "pool"
        pool = pool_parts(plan, component, known, period).get(payee, Fraction(0)) if is_pool else Fraction(0)
        base = base_of(component, person, target_of(component, entry, person, period), entry, period, pool)
        person["base"] = person.get("base", 0) + base
        pay[name] = component_pay(component, results, base, person)
        for gate in plan.get("adjustments", []):
            if gate["kind"] == "gate" and not reached(gate, results, None):
                pay[name] *= number(gate.get("otherwise", 0))
            if gate["kind"] == "kicker" and reached(gate, results, None):
                pay[name] *= number(gate["times"])
        if component.get("to_date"):
            before = [k for k in earned if k[0] == payee and k[1][:4] == period[:4] and k[1] < period]
            paid_before = sum((known[k][0]["released"].get(name, 0) for k in before), Fraction(0))
            is_some = results[name] is not None
            whole = (
                pay[name] * 100
                if rule["rounding"] == "none"
                else cents_of(pay[name] * 100, rule["rounding"], step_of(plan))
            )
            pay[name] = (Fraction(whole) / 100 - paid_before) if is_some else Fraction(0)
        pay[name] = pay[name] if is_there else Fraction(0)
    person["released"] = pay
    if rule["rounding"] == "none":
        return {name: of * 100 for name, of in pay.items()}
    found, running, before = {}, Fraction(0), 0
    for name, of in pay.items():
        if rule.get("rounded_at") == "component":
            found[name] = cents_of(of * 100, rule["rounding"], step_of(plan))
            continue
        running += of
        after = cents_of(running * 100, rule["rounding"], step_of(plan))
        found[name], before = after - before, after
    return found


def result(component: Row, entry: Row, stage: str, target: Fraction) -> Row | None:
    """Value, attainment and factor of a component; None where nothing was measured."""
    if entry.get(stage) is None:
        return None
    value = None
    if stage == "attainment":
        at = number(entry["attainment"])
    elif target <= 0:
        return None
    else:
        value = number(entry["value"])
        at = attained(value, target, component["attainment"])
    return {"value": value, "attainment": at, "factor": factor(at, component["curve"])}


def settle(plan: Row, earned: Any, known: Any, periods: list[str]) -> Any:
    """Adds what each of the plan's adjustments adds, in whole cents, rule after rule, and its balance."""
    found = {key: {name: (of, None) for name, of in parts.items()} for key, parts in earned.items()}
    due = {key: sum(parts.values()) for key, parts in earned.items()}
    parts = {key: dict(of) for key, of in earned.items()}  # as budgets of components leave them
    kinds, step = [rule["kind"] for rule in plan.get("adjustments", [])], step_of(plan)
    for n, rule in enumerate(plan.get("adjustments", [])):
        kind = rule["kind"]
        if kind in ("gate", "kicker"):
            continue
        name = f"{kind}_{kinds[: n + 1].count(kind)}" if kinds.count(kind) > 1 else kind
        if kind == "budget":
            name_of = rule.get("component")
            of = {key: parts[key].get(name_of, 0) for key in due} if name_of else due
            within = in_budget(rule, of, periods, step)
            after = {key: (due[key] - of[key] + within[key], None) for key in due}
            for key in due if name_of else ():
                parts[key][name_of] = within[key]
        else:
            after = {}
            for payee in {payee for payee, _ in due}:
                mine = [period for period in periods if (payee, period) in due]
                settled = over_time(rule, [due[payee, period] for period in mine], payee, mine, known, periods, step)
                after |= {(payee, period): of for period, of in zip(mine, settled, strict=True)}
        for key in earned:
            found[key][name] = (after[key][0] - due[key], after[key][1])
        due = {key: of for key, (of, _) in after.items()}
    return found


def in_budget(rule: Row, due: Any, periods: list[str], step: int) -> Any:
    after = dict(due)
    for period in periods:
        keys = [key for key in due if key[1] == period]
        of = {key: due[key] for key in keys}
        of = {key: cents for key, cents in of.items() if cents > 0}
        whole, most = sum(of.values()), number(rule["amount"]) * 100
        if whole > most:
            parts = parts_of({payee: of[payee, when] * most / whole for payee, when in of}, most, step)
            for key in of:
                after[key] = parts[key[0]]
    return after


def quarters_of(names: set[str]) -> list[str]:
    """All quarters from the first to the last."""
    at = [int(name[:4]) * 4 + int(name[5:]) - 1 for name in names]
    return [f"{n // 4}Q{n % 4 + 1}" for n in range(min(at), max(at) + 1)]


def quarters_between(hired_on: str, period: str) -> int:
    """How many quarters begin after the hire, up to and with this one."""
    day = dt.date.fromisoformat(hired_on)
    return max(0, int(period[:4]) * 4 + int(period[5:]) - 1 - (day.year * 4 + (day.month - 1) // 3))


def over_time(
    rule: Row, due: list[int], payee: str, mine: list[str], known: Any, periods: list[str], step: int
) -> list[tuple[int, int | None]]:
    """One person's pay, period after period, after a rule, and what is then due to the person or owed."""
    kind, found, owed, carried, held = rule["kind"], [], 0, 0, []
    for n, (amount, period) in enumerate(zip(due, mine, strict=True)):
        person, results = known[payee, period]
        leaves = bool(person.get("left_on")) and person["left_on"] <= last_day(period)
        is_there = person["is_there"]
        incentive = number(person.get("target_incentive", 0)) * number(person.get("proration", 1)) * 100
        hired = person.get("hired_on")
        if kind == "clawback":
            found.append((amount - cents_of(number(person.get("recovered", 0)) * 100, step=step), None))
        elif kind in ("cap", "floor"):
            base = person["base"] * 100
            at = amount_of(rule, person) * 100 if rule.get("factor") is None else number(rule["factor"]) * base
            at = cents_of(at, step=step)
            found.append(((min(amount, at) if kind == "cap" else max(amount, at)) if is_there else amount, None))
        elif kind == "guarantee":
            found.append((guaranteed(rule, amount, period, person, incentive, step), None))
        elif kind == "minimum":
            carried += amount
            now = carried if carried >= number(rule["amount"]) * 100 else 0
            if leaves and carried > 0 and rule["on_leaving"] == "pay":
                now = carried
            carried -= now
            if leaves and carried > 0:
                carried = 0
            found.append((now, carried))
        elif kind == "draw":
            since = quarters_between(hired, period) if hired else n
            is_granted = since < (rule.get("periods") or 10**9) and is_there
            draw = cents_of(amount_of(rule, person) * 100, step=step) if is_granted else 0
            if rule.get("how") == "on_top":
                back = min(owed, max(amount, 0))
                now = amount + draw - back
                owed += draw - back
            elif is_granted and amount < draw:
                now = draw
                owed += (draw - amount) if rule["recoverable"] else 0
            else:
                back = min(owed, max(amount - draw, 0))
                now = amount - back
                owed -= back
            found.append((now, -owed))
        else:
            assert kind == "holdback"
            kept = cents_of(number(rule["share"]) * amount, step=step) if amount > 0 else 0
            held.append((periods.index(period), kept))
            after = rule["released_after"]
            if after == "year":
                ripe = [one for one in held if periods[one[0]][:4] < period[:4] or period.endswith("Q4")]
            else:
                ripe = [one for one in held if periods.index(period) - one[0] >= after]
            ripe = list(held) if leaves else ripe
            held = [one for one in held if one not in ripe]
            is_met = "condition" not in rule or reached(rule["condition"], results, None)
            is_lost = not is_met or (leaves and rule["on_leaving"] == "forfeit")
            now = amount - kept + (0 if is_lost else sum(kept for _, kept in ripe))
            found.append((now, sum(kept for _, kept in held)))
    return found


def last_day(period: str) -> str:
    return f"{period[:4]}-{('03-31', '06-30', '09-30', '12-31')[int(period[5:]) - 1]}"


def left_by(person: Row, month: int) -> bool:
    """Whether somebody has left by the 15th of a month."""
    return bool(person.get("left_on")) and person["left_on"] < f"{month // 12}-{month % 12 + 1:02d}-15"


def guaranteed(rule: Row, amount: int, period: str, person: Row, incentive: Fraction, step: int) -> int:
    """The higher of pay and guarantee; of new people, for the months that are new."""
    share = part = Fraction(1)
    if rule.get("months"):
        first = first_month(person.get("hired_on", LONG_AGO), 15)
        since = [month - first for month in months_of(period) if month >= first and not left_by(person, month)]
        new = sum(n < rule["months"] for n in since)
        share, part = Fraction(new, len(since)) if since else Fraction(0), Fraction(new, 3)
        if not since:  # there for part of a month
            share = Fraction(months_of(period)[0] < first + rule["months"])
            part = share * number(person.get("proration", 1))
    if not share or not person["is_there"]:
        return amount
    whole = (
        share * number(rule["share"]) * incentive
        if rule.get("share") is not None
        else part * amount_of(rule, person) * 100
    )
    return amount + max(0, cents_of(whole, step=step) - cents_of(share * amount, step=step))


def in_currency(cents: Any) -> Decimal:
    return Decimal(str(cents)) / 100
