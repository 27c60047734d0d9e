"""What changes pay after the curve, in a sentence each: gates, kickers, caps, floors, guarantees, draws, holdbacks.

A sentence has no full stop, so that several can be joined. It names components as a plan does where it is told how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compmodel.adjustments import Cap, Condition, Floor, Gate, Kicker
from compmodel.money import exact
from compmodel.settlement import Budget, Clawback, Draw, Guarantee, Holdback, Minimum
from compmodel.style import count_words, statement_money
from compmodel.wording import capitalised, in_sentence, listed, number

_PARTS = {0.5: "half", 1 / 3: "a third", 0.2: "a fifth", 0.1: "a tenth", 2 / 3: "two thirds"}


@dataclass(frozen=True)
class Names:
    """How a sentence names what it is about.

    `titles` and `units` of components by their names; `own`, the component that has the rule, empty for the whole pay;
    the pay period and the currency of pay, empty where each person has another.
    """

    titles: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    own: str = ""
    period: str = "quarter"
    currency: str = ""

    def money(self, amount: float) -> str:
        """Returns an amount of pay with its currency."""
        return f"{number(amount)} {self.currency}".rstrip()

    def title(self, component: str) -> str:
        """Returns what people call a component, as it stands in a sentence."""
        return in_sentence(self.titles.get(component, component.replace("_", " ")))


PLAIN = Names()


def adjustment_words(rule: Any, names: Names = PLAIN) -> str:
    """Returns an adjustment of a component or of a plan as a sentence without its full stop.

    >>> adjustment_words(Gate(kind="gate", component="grr", of="value", reaches=0.9))
    'Nothing unless grr reaches 0.9'
    >>> known = Names({"grr": "GRR"}, {"grr": "share"})
    >>> adjustment_words(Gate(kind="gate", component="grr", of="value", reaches=0.9, otherwise=0.5), known)
    'Only 50% of it unless GRR reaches 90%'
    >>> adjustment_words(Guarantee(kind="guarantee", share=1, months=3))
    'New people are guaranteed 100% of target incentive in their first three months, or what they earn if that is more'
    """
    words = _WORDS.get(type(rule))
    return words(rule, names) if words else f"{rule.kind}: {_as_written(rule)}"


def balance_words(rule: Any, balance: float) -> str:
    """Returns what is still due to a person after a period, or owed by them; empty where nothing is.

    >>> balance_words(Holdback(kind="holdback", share=0.2, released_after=2), 400)
    'then held back: 400.00'
    """
    if not balance:
        return ""
    what = "held back" if isinstance(rule, Holdback) else "waiting"
    return f"then {what if balance > 0 else 'owed'}: {statement_money(abs(balance))}"


def condition_words(rule: Condition, names: Names = PLAIN) -> str:
    """Returns what must be reached, or lie below.

    >>> condition_words(Condition(component="nrr", of="attainment", reaches=0.5), Names({"nrr": "NRR"}))
    'attainment of NRR reaches 50%'
    """
    looked_at, verb = rule.component or names.own, "reaches" if rule.reaches is not None else "is below"
    if rule.of == "value":
        title = names.title(looked_at) if looked_at else "every component's result"
        return f"{title} {verb} {number(rule.threshold, names.units.get(looked_at, ''))}"
    what = {"attainment": "attainment", "factor": "the payout factor"}[rule.of]
    of_whom = f"of {names.title(looked_at)}" if looked_at else "of every component"
    return f"{what} {of_whom} {verb} {number(rule.threshold, 'share')}"


def _as_written(rule: Any) -> str:
    written = rule.model_dump(exclude_unset=True, exclude={"kind"})
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in written.items())


def _gate(rule: Gate, names: Names) -> str:
    pays = f"Only {number(rule.otherwise, 'share')} of it" if rule.otherwise else "Nothing"
    return f"{pays} unless {condition_words(rule, names)}"


def _kicker(rule: Kicker, names: Names) -> str:
    more = number(float(abs(exact(rule.times) - 1)), "share")
    does = f"{more} more pay" if rule.times > 1 else f"{more} less pay" if 0 < rule.times < 1 else None
    plain = "No pay" if rule.times == 0 else "No other pay"
    return f"{does or plain} where {condition_words(rule, names)}"


def _limit(rule: Cap | Floor, names: Names) -> str:
    which = "at most" if isinstance(rule, Cap) else "at least"
    if rule.amount is not None:
        return capitalised(f"{which} {names.money(rule.amount)} a {names.period}{_part(rule, names)}")
    return capitalised(f"{which} {number(rule.factor or 0, 'share')} of what 100% pays")


def _part(rule: Cap | Floor | Guarantee | Draw, names: Names) -> str:
    return f" (for part of a {names.period} that part of it)" if rule.prorated else ""


def _guarantee(rule: Guarantee, names: Names) -> str:
    least = f"{number(rule.share, 'share')} of target incentive" if rule.share is not None else None
    least = least or f"{names.money(rule.amount or 0)} a {names.period}{_part(rule, names)}"
    first = count_words(rule.months or 0, "month") if rule.months != 1 else "month"
    who = f"New people are guaranteed {least} in their first {first}" if rule.months else f"All are guaranteed {least}"
    return f"{who}, or what they earn if that is more"


def _draw(rule: Draw, names: Names) -> str:
    amount = f"{names.money(rule.amount)} a {names.period}{_part(rule, names)}"
    first = count_words(rule.periods or 0, names.period) if rule.periods != 1 else names.period
    while_new = f", in a person's first {first}" if rule.periods else ""
    if rule.how == "on_top":
        return f"A draw of {amount} comes on top of what is earned{while_new}, and is taken from the next pay"
    owed = "is owed and repaid from later pay above it" if rule.recoverable else "is never owed"
    return f"Pay is topped up to a draw of {amount}{while_new}; what that adds {owed}"


def _holdback(rule: Holdback, names: Names) -> str:
    part = next((words for share, words in _PARTS.items() if abs(share - rule.share) < 1e-9), None)
    later = "with the last pay of the year"
    if rule.released_after != "year":
        is_later = rule.released_after > 0
        later = f"{count_words(rule.released_after, names.period)} later" if is_later else f"in the same {names.period}"
    said = capitalised(f"{part or number(rule.share, 'share')} of pay is held back and released {later}")
    if rule.condition is not None:
        condition = condition_words(rule.condition, Names(names.titles, names.units))
        said = f"{said}, if {condition} then; otherwise it is lost"
    lost = "; what is held of who leaves is lost"
    paid = f"; who leaves is paid it with the last pay{', on the same condition' if rule.condition else ''}"
    return said + ("" if rule.on_leaving is None else lost if rule.on_leaving == "forfeit" else paid)


def _minimum(rule: Minimum, names: Names) -> str:
    said = f"Pay below {names.money(rule.amount)} waits and is added to the next {names.period}'s"
    leaving = {"pay": "; who leaves is paid all of it", "forfeit": "; what waits of who leaves is lost"}
    return said + leaving.get(rule.on_leaving or "", "")


def _clawback(rule: Clawback, names: Names) -> str:
    title, limit = names.title(rule.component), ""
    if rule.within_days is not None:
        limit = f" within {number(rule.within_days)} {'day' if rule.within_days == 1 else 'days'}"
    said = f"What {title} paid on a gain is taken back where its account leaves{limit}"
    if rule.how == "schedule":
        steps = [f"{number(share, 'share')} up to {upto} days" for upto, share in rule.schedule]
        return f"{said}: {listed([*steps, 'nothing later'])}"
    if rule.how == "by_elapsed_term":
        term = f" (of {count_words(rule.term_months, 'month')} where none is known)" if rule.term_months else ""
        return f"{said}, for the share of the term that was not served{term}"
    return f"{said}, all of it" + (f" (term {rule.term_months} months)" if rule.term_months else "")


def _budget(rule: Budget, names: Names) -> str:
    of = f"{number(rule.amount)} of the reporting currency"
    return f"All pay of a {names.period} must fit in {of}: where it is more, everybody's shrinks alike"


_WORDS: Mapping[type, Callable[[Any, Names], str]] = {
    Gate: _gate,
    Kicker: _kicker,
    Cap: _limit,
    Floor: _limit,
    Guarantee: _guarantee,
    Draw: _draw,
    Holdback: _holdback,
    Minimum: _minimum,
    Clawback: _clawback,
    Budget: _budget,
}
