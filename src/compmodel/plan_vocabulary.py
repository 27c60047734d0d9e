"""The words of a plan's values: dates, options, levels and numbers as people say them, and any field of a model.

What the tables below hold no words for is said by the description of its field, so a new field needs no line here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

from compmodel.baselines import BASELINE_WORDS
from compmodel.credit_dates import CreditDate
from compmodel.payout import PayRule
from compmodel.wording import capitalised, listed, number, ordinal

DATE_WORDS = {
    "notice_on": "the day of notice",
    "signed_on": "signature",
    "effective_on": "the effective date",
    "due_on": "the day the renewal is due",
    "ends_on": "the day the term ends",
    "invoiced_on": "the day of the invoice",
    "paid_on": "the day the invoice is paid",
    "closed_on": "the day the deal is closed",
}
EVENT_WORDS = {
    "churn": "churn",
    "contraction": "contraction",
    "renewal": "renewal",
    "expansion": "expansion",
    "expansion_at_renewal": "expansion at a renewal",
    "new": "a new customer",
    "reactivation": "a returning customer",
}
LEVEL_WORDS = {
    "individual": "each person's own result",
    "team": "the team's result",
    "segment": "the segment's result",
    "region": "the region's result",
    "company": "the company's result",
}
OPTION_WORDS: dict[str, Mapping[str, str]] = {
    "pay.currency": {"payee": "each person's own currency"},
    "pay.rounding": {"half_up": "half up to the cent", "half_even": "half to the even cent", "none": "not at all"},
    "pay.rounded_at": {"total": "each person's total", "component": "each component alone"},
    "pay.proration": {"days": "days", "working_days": "working days, Monday to Friday", "months": "whole months"},
    "books.holder": {
        "credit_date": "whoever holds the account on the credit date",
        "opening": "whoever holds the account on the quarter's first day",
        "time_weighted": "everyone who holds the account in the quarter, by days held",
    },
    "events.churn_of": {
        "as_recorded": "what is recorded as one",
        "account": "a loss that leaves the account without ARR",
        "subscription": "a loss that leaves the subscription without ARR",
    },
    "events.reactivation": {
        "in_cohort": "in NRR and GRR where the account had opening ARR",
        "own_class": "as a class of its own, in neither NRR nor GRR",
        "back_into_nrr": "as a gain in NRR, whenever the customer left",
        "netted": "against what was lost, where the account had opening ARR",
    },
    "events.upsell": {"annualised": "in full", "to_renewal": "by the days left to the renewal over 365"},
    "exchange.arr": {
        "constant": "one day's constant rates",
        "period_end": "the rates of each quarter's last day",
        "event_date": "the rates of each movement's credit date",
    },
    "exchange.pay": {"constant": "one day's constant rates", "spot": "the rates of the quarter's last day"},
    "components.*.baseline": {name: words.split(";")[0] for name, words in BASELINE_WORDS.items()},
    "components.*.form": {
        "count": "a count",
        "share": "the share of what was scheduled",
        "mean": "the mean score",
        "nps": "the NPS",
    },
    "components.*.combined": {
        "sums": "added up",
        "mean": "taken as the mean of their ratios",
        "chained": "chained, ratio times ratio",
    },
    "components.*.unit_figure": {
        "ratio_of_sums": "the ratio of its members' sums",
        "mean_of_ratios": "the mean of its members' ratios",
    },
    "components.*.attainment.kind": {"ratio": "a plain ratio of the goal", "from_floor": "from a floor to the goal"},
    "components.*.to_date": {
        "elapsed": "the goal and target incentive of the months so far",
        "full_year": "those of the whole year",
    },
    "components.*.attainment.edge": {"lower": "the score that begins there", "upper": "the score below"},
    "components.*.annualised": {"compounding": "compounded to a year", "adding": "added up to a year"},
    "components.*.target.yearly": {
        "compounding": "for a year and brought to the months measured by compounding",
        "adding": "for a year and brought to the months measured by adding",
    },
}
"""What the options of a field mean, by its path with * in place of names."""
SENTENCES = {
    "pay.currency": "Pay is in {}.",
    "pay.period": "Pay is worked out and paid each {}.",
    "pay.rounding": "Pay is rounded {}.",
    "pay.rounded_to": "Pay is rounded to steps of {} of its currency.",
    "pay.rounded_at": "What is rounded is {}.",
    "pay.proration": "Who is on the plan for part of a quarter is paid for that part by {}.",
    "pay.month_day": "A month belongs to who is hired up to its {} and has not left by then.",
    "pay.on_last_day": "Who is not on the plan on the quarter's last day is paid nothing for it.",
    "weights_total": "The weights add up to {} of target incentive.",
    "components.*.to_date": "Paid on the year so far against {}, less what was paid of it before.",
    "credit_on.late.known_on": "An event counts as known on {}.",
    "credit_on.late.locked_after_days": "A quarter is locked {} days after its end; what becomes known later counts in "
    "the first one still open.",
    "books.holder": "A movement and its opening ARR go to {}.",
    "books.min_days_held": "An account counts only for a person who holds it for at least {} days of the quarter.",
    "books.still_held_on": "An account counts only for a person who still holds it on {} of the quarter.",
    "books.grace_days": "A loss within {} days of taking an account over is nobody's.",
    "books.grace_first_period": "A loss in the quarter of taking an account over is nobody's.",
    "books.min_account_arr": "An account with less than {} of opening ARR is out.",
    "books.house_roles": "An account held in the role {} credits nobody.",
    "books.double_credit": "An account held in the role {} is also credited in full, beside the book.",
    "books.lead_share": "A manager is also credited {} of what each of their people is credited.",
    "events.churn_of": "A churn is {}; any other loss is a contraction.",
    "events.reactivation": "A returning customer counts {}.",
    "events.upsell": "An expansion in mid-term counts {}.",
    "events.escalators": "An expansion for the reason {} was agreed before and does not count.",
    "exchange.arr": "ARR in other currencies counts at {}.",
    "exchange.pay": "Pay in other currencies is converted at {}.",
}
"""What a rule says, by its path; `{}` is its value. Any other is said by the description of its field."""
SHARES = ("books.lead_share", "books.overlays.share", "events.sourced_by.*", "weights_total")
"""Paths of shares that are not declared as such by their field."""


def rounding_words(rule: PayRule) -> str:
    """Returns to what pay is rounded, and how, of a rule that rounds.

    >>> rounding_words(PayRule(currency="USD", period="year", rounding="half_even", rounded_to=5))
    'half to the even step of 5 USD'
    """
    if rule.rounded_to == PayRule.model_fields["rounded_to"].default:
        return value_words(rule.rounding, "pay.rounding")
    half = {"half_up": "half up to steps of", "half_even": "half to the even step of"}[rule.rounding]
    return f"{half} {number(rule.rounded_to)} {rule.currency if rule.currency != 'payee' else ''}".rstrip()


# ---- the words of a value ----------------------------------------------------------------------------------------


def day_words(day: dt.date) -> str:
    """Returns a day as it is said.

    >>> day_words(dt.date(2026, 4, 1))
    '1 April 2026'
    """
    return f"{day.day} {day:%B %Y}"


def value_words(value: object, pattern: str = "", unit: str = "") -> str:
    """Returns a value of a plan in words; `pattern` is its path, with * in place of names.

    >>> value_words("opening", "books.holder"), value_words(None), value_words(0.5, unit="share")
    ("whoever holds the account on the quarter's first day", 'none', '50%')
    """
    if value is None or value in ((), {}):
        return "none"
    if pattern.startswith("components.*.level.") and pattern != "components.*.level.by_role":
        return _level_words(value)
    if pattern == "books.still_held_on" and isinstance(value, int):
        return _day_of_quarter(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if pattern == "pay.month_day" and isinstance(value, int):
        return ordinal(value)
    if isinstance(value, int | float):
        return number(value, unit or ("share" if pattern in SHARES else ""))
    if isinstance(value, dt.date):
        return day_words(value)
    if isinstance(value, BaseModel):
        parts = [(name, getattr(value, name), f"{pattern}.{name}") for name in written_fields(value)]
        units = {name: unit_of(value, name) or unit for name, _, _ in parts}
        words = {name: value_words(part, key, units[name]) for name, part, key in parts}
        return ", ".join(said if name == "kind" else f"{name.replace('_', ' ')} {said}" for name, said in words.items())
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_words(part, f'{pattern}.*', unit)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        if all(isinstance(part, CreditDate) for part in value):
            return day_rule_words(value)
        said = [value_words(part, pattern, unit) for part in value]
        said = [f"({words})" if isinstance(part, BaseModel) else words for part, words in zip(value, said, strict=True)]
        is_of_numbers = all(isinstance(part, int | float) for part in value)
        return f"({', '.join(said)})" if is_of_numbers else listed(said)
    return OPTION_WORDS.get(pattern, DATE_WORDS).get(str(value), str(value))


def _level_words(level: object) -> str:
    if isinstance(level, Mapping):
        return listed([f"{number(share, 'share')} of {LEVEL_WORDS[name]}" for name, share in level.items()])
    return LEVEL_WORDS.get(str(level), str(level))


def _day_of_quarter(day: int) -> str:
    from_end = {-1: "the last day", -2: "the second-to-last day"}
    return from_end.get(day, f"day {day}" if day > 0 else f"day {-day} from the end")


def day_rule_words(ways: Sequence[CreditDate]) -> str:
    """Returns the rule for an event's day in words.

    >>> day_rule_words([CreditDate(column="signed_on"), CreditDate(column="effective_on")])
    'signature, or where that is missing the effective date'
    """
    return ", or where that is missing ".join(_way_words(way) for way in ways)


def _way_words(way: CreditDate) -> str:
    kind, columns = ("later", way.later_of) if way.later_of else ("earlier", way.earlier_of)
    dates = listed([DATE_WORDS[column] for column in columns])
    said = DATE_WORDS[way.column] if way.column else f"the {kind} of {dates}"
    return f"{said} ({DATE_WORDS[way.if_closed]} if that is in a later quarter)" if way.if_closed else said


# ---- any field of a model ----------------------------------------------------------------------------------------


def written_fields(model: BaseModel) -> Iterator[str]:
    """Returns the names of the fields that are not what they are when left out."""
    for name, field in type(model).model_fields.items():
        if field.is_required() or getattr(model, name) != field.get_default(call_default_factory=True):
            yield name


def described(model: BaseModel, name: str) -> str:
    """Returns what a field is: its description up to the first stop, its name where that begins with an option.

    >>> from compmodel.books import BookRule
    >>> described(BookRule(), "still_held_on"), described(BookRule(), "holder")
    ('Day of the quarter on which it must still be held', 'Holder')
    """
    text = type(model).model_fields[name].description or ""
    first = re.split(r"[.:;](?:\s|$)|, such as ", text)[0]
    return first if " " in first else capitalised(name.replace("_", " "))


def unit_of(model: BaseModel, name: str) -> str:
    """Returns the unit that a field declares, empty if it declares none."""
    declared = type(model).model_fields[name].json_schema_extra
    return str(declared.get("unit", "")) if isinstance(declared, dict) else ""


def further_lines(model: BaseModel, path: str, known: Sequence[str] = (), pattern: str = "") -> list[str]:
    """Returns a line for each field that is not what it is when left out, without the known ones.

    >>> from compmodel.books import BookRule
    >>> further_lines(BookRule(exclude=({"reason": "bankruptcy", "because": "nobody could help"},)), "books")
    ['  What counts for nobody, each with its reason: (reason bankruptcy, because nobody could help) [books.exclude].']
    """
    lines = []
    for name in (name for name in written_fields(model) if name not in known):
        value, here, key = getattr(model, name), f"{path}.{name}", f"{pattern or path}.{name}"
        if isinstance(value, BaseModel):
            lines += further_lines(value, here, (), key)
            continue
        said = value_words(value, key, unit_of(model, name))
        plain = f"{described(model, name)}: {said} [{here.lstrip('.')}]."
        lines.append(f"  {SENTENCES[key].format(said) if key in SENTENCES else plain}")
    return lines
