"""What is settled on whole cents of a person's pay, period after period, and what is held, owed or carried over.

Each rule, in the order written, turns what is to be paid into what is paid; the difference is a line of its own. Whole
cents in, whole cents out: shares are worked out in whole numbers, half up, to the step that pay is rounded to, and what
is held, owed or carried over adds up with what is paid. Where a person's pay currency changes, what stands over
from before is converted at the rates of the first period in the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from compmodel.adjustments import Cap, Floor, Truths, is_met
from compmodel.money import Array, Cents, exact
from compmodel.settlement import Budget, Clawback, Draw, Guarantee, Holdback, Minimum

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Facts:
    """What settling needs of each row, a payee in a period; periods are numbered in their order, payees in that of ids.

    `year`: number of the fiscal year. `base`: what 100% of everything pays, `incentive`: target incentive of the time
    on the plan, both in cents, unrounded. `part`: share of the period on the plan. `new_share`: for a guarantee of new
    payees, the share of the row's time on the plan that lies in the months guaranteed, by number of months; `new_part`:
    of the whole period. `n_before`: periods since the payee's first. `is_paid`: who is paid at all. `leaves`: the row
    is the last of a stay on the plan. `carried`: what a cent of the payee's row before is in the row's currency.
    `recovered`: what clawbacks take back, by position of the rule, from what components were paid. `cost_rate`:
    reporting currency for one of the pay currency. `component_cents`: what each component was paid. `step`: cents that
    pay is a multiple of.
    """

    payee: Rows
    period: Rows
    year: Rows
    is_years_last: Truths
    base: Sequence[Fraction]
    incentive: Sequence[Fraction]
    names: Sequence[str]
    results: Mapping[str, Array]
    new_share: Mapping[int, Sequence[Fraction]]
    new_part: Mapping[int, Sequence[Fraction]]
    n_before: Sequence[int]
    is_paid: Truths
    cost_rate: Sequence[Fraction]
    component_cents: Cents
    part: Sequence[Fraction]
    leaves: Truths
    carried: Sequence[Fraction]
    step: int = 1
    recovered: Callable[[Cents], Mapping[int, Cents]] = lambda _: {}

    def whole(self, cents: Fraction) -> int:
        """Returns the nearest whole step in cents, halves away from zero."""
        return half_up(cents / self.step) * self.step

    def amount(self, rule: Any, row: int) -> int:
        """Returns an amount of a rule in cents; where it is prorated that of the time on the plan."""
        return self.whole(exact(rule.amount or 0) * 100 * (self.part[row] if rule.prorated else 1))

    def brought(self, cents: int, row: int) -> int:
        """Returns cents that stand over from the payee's row before, in the row's currency."""
        rate = self.carried[row]
        return cents if rate == 1 else self.whole(rate * cents)


class Settled(NamedTuple):
    """Of each row: what a rule adds to pay, and what then is still due to the person; negative: owed. Whole cents."""

    added: Cents
    balance: Cents


def settled(earned: Cents, rules: Sequence[Any], facts: Facts) -> list[Settled]:
    """Returns what each rule adds to pay and leaves as a balance: arrays of rows, in the rules' order.

    `earned` are whole cents of rows; a payee's rows may stand anywhere. Gates and kickers have been applied before and
    add nothing. What is earned plus all that is added is what is paid.

    >>> rules, no, one = [Draw(kind="draw", amount=15, recoverable=True)], np.zeros(2, np.int64), [Fraction(1)] * 2
    >>> two = (np.array([0, 0]), np.array([0, 1]), no, no > 0, one, one, [], {}, {}, {}, [0, 1], no == 0, one)
    >>> settled(np.array([500, 3000]), rules, Facts(*two, no[:, None], one, no > 0, one))[0]
    Settled(added=array([ 1000, -1000]), balance=array([-1000,     0]))
    """
    due, found = earned.copy(), []
    cut, by_component = _budgeted(rules, facts)
    taken = facts.recovered(by_component) if any(isinstance(rule, Clawback) for rule in rules) else {}
    for position, rule in enumerate(rules):
        paid, balance = due, np.zeros_like(due)
        if isinstance(rule, Cap | Floor):
            limit = np.array([_limit(rule, facts, row) for row in range(len(due))], dtype=np.int64)
            paid = (np.minimum if isinstance(rule, Cap) else np.maximum)(due, limit)
            paid = np.where(facts.is_paid, paid, due)
        elif isinstance(rule, Guarantee):
            paid = np.array([_guaranteed(rule, facts, row, int(due[row])) for row in range(len(due))], dtype=np.int64)
        elif isinstance(rule, Clawback):
            back = taken.get(position, np.zeros_like(due))
            paid = due - np.array([facts.whole(Fraction(int(cents))) for cents in back], dtype=np.int64)
        elif isinstance(rule, Budget):
            paid = due + cut[position] if position in cut else _within(rule, due, facts)
        elif isinstance(rule, Draw | Holdback | Minimum):
            paid = due.copy()
            for rows in _by_payee(facts):
                paid[rows], balance[rows] = _OVER_TIME[type(rule)](rule, due[rows].tolist(), facts, rows)
        found.append(Settled(paid - due, balance))
        due = paid
    return found


def half_up(amount: Fraction) -> int:
    """Returns the nearest whole number, halves away from zero."""
    half = Fraction(1, 2)
    return floor(amount + half) if amount >= 0 else -floor(-amount + half)


def _limit(rule: Cap | Floor, facts: Facts, row: int) -> int:
    if rule.factor is None:
        return facts.amount(rule, row)
    return facts.whole(exact(rule.factor) * facts.base[row])


def _guaranteed(rule: Guarantee, facts: Facts, row: int, due: int) -> int:
    share = Fraction(1) if rule.months is None else facts.new_share[rule.months][row]
    if not share or not facts.is_paid[row]:
        return due
    part = Fraction(1) if rule.months is None else facts.new_part[rule.months][row]
    part = facts.part[row] if rule.prorated else part
    whole = part * exact(rule.amount or 0) * 100
    if rule.share is not None:
        whole = share * exact(rule.share) * facts.incentive[row]
    return due + max(0, facts.whole(whole) - facts.whole(share * due))


def _by_payee(facts: Facts) -> list[Rows]:
    """Each payee's rows in the order of periods."""
    order = np.lexsort((facts.period, facts.payee))
    begins = np.flatnonzero(np.diff(facts.payee[order], prepend=-1))
    return [rows for rows in np.split(order, begins[1:]) if len(rows)]


Balances = tuple[list[int], list[int]]
"""What is paid, and what is still due then, period after period."""


def _drawn(rule: Draw, due: list[int], facts: Facts, rows: Rows) -> Balances:
    owed, paid, balance = 0, [], []
    for earned, row in zip(due, rows.tolist(), strict=True):
        owed = facts.brought(owed, row)
        is_new = rule.periods is None or facts.n_before[row] < rule.periods
        granted = facts.amount(rule, row) if is_new and facts.is_paid[row] else 0
        if rule.how == "on_top":
            repaid = min(owed, max(earned, 0))
            owed += granted - repaid
            paid.append(earned - repaid + granted)
        elif granted and earned < granted:
            owed += granted - earned
            paid.append(granted)
        else:
            repaid = min(owed, max(earned - granted, 0))
            owed -= repaid
            paid.append(earned - repaid)
        owed *= rule.recoverable
        balance.append(-owed)
    return paid, balance


def _held_back(rule: Holdback, due: list[int], facts: Facts, rows: Rows) -> Balances:
    paid, balance = [], []
    held: list[tuple[int, int, int]] = []  # period and year since, cents
    period, year = facts.period[rows].tolist(), facts.year[rows].tolist()
    met = np.ones(len(due), dtype=bool)
    if rule.condition is not None:
        met = is_met(rule.condition, facts.results, facts.names, None)[rows]
    for n, earned in enumerate(due):
        kept = facts.whole(exact(rule.share) * earned) if earned > 0 else 0
        held = [(since, of, facts.brought(cents, rows[n])) for since, of, cents in held]
        held.append((period[n], year[n], kept))
        paid.append(earned - kept)
        is_over = facts.leaves[rows[n]] and rule.on_leaving is not None
        if is_over or (rule.released_after == "year" and facts.is_years_last[rows[n]]):
            n_ripe = len(held)
        elif rule.released_after == "year":
            n_ripe = sum(of < year[n] for _, of, _ in held)
        else:
            n_ripe = sum(period[n] - since >= rule.released_after for since, _, _ in held)
        ripe, held = held[:n_ripe], held[n_ripe:]
        is_lost = is_over and rule.on_leaving == "forfeit"
        paid[n] += sum(cents for _, _, cents in ripe) if met[n] and not is_lost else 0
        balance.append(sum(cents for _, _, cents in held))
    return paid, balance


def _carried(rule: Minimum, due: list[int], facts: Facts, rows: Rows) -> Balances:
    least, carried, paid, balance = exact(rule.amount) * 100, 0, [], []
    for earned, row in zip(due, rows.tolist(), strict=True):
        whole = earned + facts.brought(carried, row)
        is_over = whole > 0 and facts.leaves[row]  # what is owed stays owed
        paid.append(whole if whole >= least or (is_over and rule.on_leaving == "pay") else 0)
        carried = 0 if is_over and rule.on_leaving == "forfeit" else whole - paid[-1]
        balance.append(carried)
    return paid, balance


_OVER_TIME: Mapping[type, Any] = {Draw: _drawn, Holdback: _held_back, Minimum: _carried}


def _budgeted(rules: Sequence[Any], facts: Facts) -> tuple[dict[int, Cents], Cents]:
    """What budgets of components add, by position of the rule, and what components pay with them."""
    cut: dict[int, Cents] = {}
    paid = facts.component_cents.copy()
    for position, rule in enumerate(rules):
        if isinstance(rule, Budget) and rule.component is not None:
            i = list(facts.names).index(rule.component)
            cut[position] = _within(rule, paid[:, i], facts) - paid[:, i]
            paid[:, i] += cut[position]
    return cut, paid


def _within(rule: Budget, due: Cents, facts: Facts) -> Cents:
    """Everybody's pay of a period times budget over all of it, where that is less; the whole never exceeds it.

    What somebody owes is neither counted nor shrunk.
    """
    paid = due.copy()
    for period in np.unique(facts.period):
        rows = np.flatnonzero((facts.period == period) & (due > 0))
        rows = rows[np.argsort(facts.payee[rows], kind="stable")].tolist()
        rates = [facts.cost_rate[row] for row in rows]
        budget = exact(rule.amount) * 100
        whole = sum((rate * int(due[row]) for rate, row in zip(rates, rows, strict=True)), Fraction(0))
        if whole > budget:
            shares = [int(due[row]) * budget / whole for row in rows]
            paid[rows] = whole_parts(shares, budget, rates, facts.step)
    return paid


def whole_parts(shares: Sequence[Fraction], whole: Fraction, rates: Sequence[Fraction], step: int = 1) -> list[int]:
    """Returns shares of a whole in whole steps that leave nothing of it: the largest remainders are rounded up.

    `rates` make parts comparable with the whole; of equal remainders the larger share comes first, then the order.

    >>> whole_parts([Fraction(10, 3)] * 3, Fraction(10), [Fraction(1)] * 3)
    [4, 3, 3]
    """
    parts = [floor(share / step) * step for share in shares]
    left = whole - sum((rate * part for rate, part in zip(rates, parts, strict=True)), Fraction(0))
    rest = [share - part for share, part in zip(shares, parts, strict=True)]
    for i in sorted(range(len(shares)), key=lambda i: (-rest[i], -shares[i])):
        if rest[i] > 0 and rates[i] * step <= left:
            parts[i] += step
            left -= rates[i] * step
    return parts
