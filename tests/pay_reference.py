"""What a plan pays from attainments or values, worked out slowly: plain Python, exact, one person and period at a time.

Written from the documents and the words of a plan file, sharing nothing with the package. A plan is the dict of a plan
file; an entry is a dict as of a case file. Amounts are exact; a person's pay is rounded once.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from reference import factor, number

Row = dict[str, Any]
MONTHS = {"M": 1, "Q": 3, "H": 6, "": 12}


def cents_of(amount: Fraction, rounding: str = "half_up") -> int:
    """Whole cents; halves away from zero, or to the even cent."""
    whole = floor(abs(amount))
    rest = abs(amount) - whole
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rounding == "half_up" or whole % 2 == 1))
    return (whole + up) * (1 if amount >= 0 else -1)


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
    """Whether a condition holds: of one component, of the own one, or of all."""
    names = [rule["component"]] if rule.get("component") else [own] if own else list(results)
    for name in names:
        found = results[name]
        if found is None or found[rule["of"]] < number(rule["reaches"]):
            return False
    return True


def limit(rule: Row, base: Fraction) -> Fraction:
    return number(rule["factor"]) * base if rule.get("factor") is not None else number(rule["amount"])


def component_pay(component: Row, results: dict[str, Row | None], base: Fraction) -> Fraction:
    own = results[component["name"]]
    pay = Fraction(0) if own is None else base * own["factor"]
    for rule in component.get("adjustments", []):
        if rule["kind"] == "gate" and not reached(rule, results, component["name"]):
            pay *= number(rule.get("otherwise", 0))
        elif rule["kind"] == "kicker" and reached(rule, results, component["name"]):
            pay *= number(rule["times"])
        elif rule["kind"] == "cap":
            pay = min(pay, limit(rule, base))
        elif rule["kind"] == "floor":
            pay = max(pay, limit(rule, base))
    return pay


def base_of(component: Row, person: Row, entry: Row, period: str) -> Fraction:
    basis = component.get("basis", {"kind": "target_incentive"})
    incentive = number(person.get("target_incentive", 0)) * number(component.get("weight", 0))
    share = number(person.get("proration", 1))
    target = number(entry.get("target", component["target"]))
    if basis["kind"] == "target_incentive":
        return incentive * share
    if basis["kind"] == "rate":
        is_count = component["metric"].startswith("kpi.")
        return number(basis["rate"]) * target * (share if is_count else 1)
    over, above = target, incentive * share
    if basis["over"] == "opening_arr":
        over, above = number(entry.get("opening_arr", 0)), incentive * (12 // MONTHS[period[4:5]])
    rate = above / over if over > 0 else Fraction(0)
    return (to_step(rate, number(basis["rounded_to"])) if basis.get("rounded_to") else rate) * target


def paid(plan: Row, entries: list[Row], stage: str) -> dict[tuple[str, str], dict[str, int]]:
    """Whole cents by payee and period, and within by component and adjustment of the plan."""
    periods = sorted({entry["period"] for entry in entries})
    people = list(dict.fromkeys((entry["payee_id"], entry["period"]) for entry in entries))
    earned: dict[tuple[str, str], dict[str, int]] = {}
    known: dict[tuple[str, str], tuple[Row, dict[str, Row | None]]] = {}
    for payee, period in people:
        mine = [entry for entry in entries if (entry["payee_id"], entry["period"]) == (payee, period)]
        person: Row = {}
        for entry in mine:
            person = {**{k: v for k, v in entry.items() if v is not None}, **person}
        results: dict[str, Row | None] = {}
        by_component = {entry["component"]: entry for entry in mine}
        for component in plan["components"]:
            entry = by_component.get(component["name"], {})
            results[component["name"]] = result(component, entry, stage)
        running, before, found = Fraction(0), 0, {}
        for component in plan["components"]:
            entry = by_component.get(component["name"], {})
            base = base_of(component, person, entry, period)
            person["base"] = person.get("base", 0) + base
            pay = component_pay(component, results, base)
            for rule in plan.get("adjustments", []):
                if rule["kind"] == "gate" and not reached(rule, results, None):
                    pay *= number(rule.get("otherwise", 0))
                if rule["kind"] == "kicker" and reached(rule, results, None):
                    pay *= number(rule["times"])
            running += pay
            after = cents_of(running * 100, plan["pay"]["rounding"])
            found[component["name"]], before = after - before, after
        earned[payee, period], known[payee, period] = found, (person, results)
    settle(plan, earned, known, periods)
    return earned


def result(component: Row, entry: Row, stage: str) -> Row | None:
    """Value, attainment and factor of a component; None where nothing was measured."""
    if entry.get(stage) is None:
        return None
    target = number(entry.get("target", component["target"]))
    if stage == "attainment":
        value, at = Fraction(0), number(entry["attainment"])
    elif target <= 0:
        return None
    else:
        value = number(entry["value"])
        at = attained(value, target, component["attainment"])
    return {"value": value, "attainment": at, "factor": factor(at, component["curve"])}


def settle(plan: Row, earned: Any, known: Any, periods: list[str]) -> None:
    """Adds what each of the plan's adjustments adds, in whole cents, rule after rule."""
    kinds = [rule["kind"] for rule in plan.get("adjustments", [])]
    for n, rule in enumerate(plan.get("adjustments", [])):
        kind = rule["kind"]
        if kind in ("gate", "kicker"):
            continue
        name = f"{kind}_{kinds[: n + 1].count(kind)}" if kinds.count(kind) > 1 else kind
        due = {key: sum(parts.values()) for key, parts in earned.items()}
        if kind == "budget":
            after = in_budget(rule, due, earned, periods)
        else:
            after = {}
            for payee in {payee for payee, _ in due}:
                mine = [period for period in periods if (payee, period) in due]
                found = over_time(rule, [due[payee, period] for period in mine], payee, mine, known, periods)
                after |= {(payee, period): of for period, of in zip(mine, found, strict=True)}
        for key in earned:
            earned[key][name] = after[key] - due[key]


def in_budget(rule: Row, due: Any, earned: Any, periods: list[str]) -> Any:
    after = dict(due)
    for period in periods:
        keys = [key for key in due if key[1] == period]
        of = {key: earned[key][rule["component"]] if rule.get("component") else due[key] for key in keys}
        whole, most = sum(of.values()), number(rule["amount"]) * 100
        if whole > most:
            for key in keys:
                after[key] = due[key] - of[key] + floor(of[key] * most / whole)
    return after


def over_time(rule: Row, due: list[int], payee: str, mine: list[str], known: Any, periods: list[str]) -> list[int]:
    """One person's pay, period after period, after a rule."""
    kind, paid_out, owed, carried, held = rule["kind"], [], 0, 0, []
    for n, (amount, period) in enumerate(zip(due, mine, strict=True)):
        person, results = known[payee, period]
        incentive = cents_of(number(person.get("target_incentive", 0)) * number(person.get("proration", 1)) * 100)
        base = cents_of(person["base"] * 100)
        if kind in ("cap", "floor"):
            at = cents_of(
                number(rule["factor"]) * base if rule.get("factor") is not None else number(rule["amount"]) * 100
            )
            paid_out.append(min(amount, at) if kind == "cap" else max(amount, at))
        elif kind == "guarantee":
            whole = number(rule["share"]) * incentive if rule.get("share") is not None else number(rule["amount"]) * 100
            paid_out.append(amount + max(0, cents_of(whole) - amount))
        elif kind == "minimum":
            carried += amount
            now = carried if carried >= cents_of(number(rule["amount"]) * 100) else 0
            paid_out.append(now)
            carried -= now
        elif kind == "draw":
            draw = cents_of(number(rule["amount"]) * 100) if n < (rule.get("periods") or 10**9) else 0
            if rule.get("how") == "on_top":
                back = min(owed, max(amount, 0))
                paid_out.append(amount + draw - back)
                owed += draw - back
            elif amount < draw:
                paid_out.append(draw)
                owed += (draw - amount) if rule["recoverable"] else 0
            else:
                back = min(owed, amount - draw)
                paid_out.append(amount - back)
                owed -= back
        else:
            assert kind == "holdback"
            kept = cents_of(number(rule["share"]) * amount) if amount > 0 else 0
            held.append((periods.index(period), kept))
            ripe = [one for one in held if periods.index(period) - one[0] >= rule["released_after"]]
            held = [one for one in held if one not in ripe]
            is_met = "condition" not in rule or reached(rule["condition"], results, None)
            paid_out.append(amount - kept + (sum(kept for _, kept in ripe) if is_met else 0))
    return paid_out


def in_currency(cents: int) -> Decimal:
    return Decimal(cents) / 100
