"""Why somebody was paid what they were paid: from the payout down to each account, event and count behind it.

`explain` returns the chain as a frame whose lines add up: components to the payout, accounts and people to numerator
and denominator of each ratio, opening ARR and events to their account; whole cents, to the cent.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from compmodel.chain_lines import chain_lines, rows_of
from compmodel.chain_words import attainment_words, factor_words, gross_words, target_words, value_words
from compmodel.components import Component
from compmodel.contributions import Line, contributions
from compmodel.errors import CompModelError, Hints, nearest
from compmodel.exchange import ExchangeRule
from compmodel.html_tables import details_html
from compmodel.payout import PayRule
from compmodel.periods import Period
from compmodel.plan import Plan
from compmodel.plan_vocabulary import rounding_words
from compmodel.replay import Replay, people_of, rates_paid
from compmodel.style import count_words, exact_words, number_words, pay_money, statement_money

NUMBERS = ["share", "split", "local_amount", "rate", "amount", "counted", "numerator", "denominator"]
CHAIN = ["component", "ratio", "step", "item", "window", "level", "unit_id", "product", "share"]
CHAIN += ["account_id", "payee_id", "event_id", "credited_on", "rule", "origin_period", "split", "local_amount"]
CHAIN += ["currency", "rate", "amount", "counted", "unit", "numerator", "denominator", "ratio_unit", "note"]


@dataclass(frozen=True)
class Explanation:
    """One person's pay of a period, explained: the sentence a leader would say, and the chain behind it.

    `chain`: a row a line, from the payout down; `step` says what of. `payout`, `cost` (in the reporting currency),
    `target_incentive`, `proration`; then of each `component`: its `gross` (unrounded), `factor`, `attainment`,
    `target`, `value` and each `ratio` that the value is made of; of each ratio its accounts or people and their lines
    (see `contributions`). `amount` is in `unit`; `numerator` and `denominator` are in `ratio_unit`. `ratio` numbers the
    ratios of a component, 0 above them. An event's `amount` is what was credited of it: `split` of `local_amount` in
    `currency` at `rate`, to within a cent, because an account's running balance is what is converted and rounded;
    `counted` is what of it metrics may count. `rule` is the credit date's.
    """

    sentence: str
    chain: pd.DataFrame

    def lines(self, width: int = 80) -> list[str]:
        """Returns the chain as lines of text for a screen; of a long list of accounts the first 20."""
        return chain_lines(self.sentence, self.chain, width)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        days = self.chain["credited_on"].dt.strftime("%Y-%m-%d").fillna("")
        table = details_html("Every line", self.chain.assign(credited_on=days))
        return f'<p class="sentence">{html.escape(self.sentence)}</p>\n{table}'


def explain(run: Replay, payee_id: str, period: str) -> Explanation:
    """Returns why a person was paid what they were paid in a period of a replay.

    Names the person: not for whoever may not know their pay.
    Raises CompModelError for an unknown person or period, and for somebody who was not on the plan in it.

    With a folder of tables and a plan file:

        (run,) = cm.replay(cm.load_plans("data/plans/halves.yaml"), cm.load_history("data/sample"), "2025Q4")
        print(cm.explain(run, "P04", "2025Q4"))
    """
    paid, plan, history = _paid(run, payee_id, period), run.plan, run.history
    paid_at = rates_paid(plan, history, run.periods)
    people = people_of(plan, history, run.periods, paid_at)
    rates = {str(currency): float(rate) for currency, rate in paid_at.to_dict("index")[period].items()}
    person = people[(people["payee_id"] == payee_id) & (people["period"] == period)].iloc[0]
    when = next(found for found in run.periods if found.name == period)
    titles = _titles(plan)
    lines = _of_payout(run, person, paid, when, rates)
    is_mine = (run.measurements["payee_id"] == payee_id) & (run.measurements["period"] == period)
    rows = rows_of(paid)
    for component, row in ((plan.component(row.component), row) for row in rows if row.component in titles):
        ratios = run.measurements[is_mine & (run.measurements["component"] == component.name)]
        found = _of_component(component, titles[component.name], row, ratios, person["segment"], when)
        found += contributions(run, component, ratios, people)
        lines += [{"component": component.name, **line} for line in found]
    lines += [_of_adjustment(row) for row in rows if row.component not in titles]
    return Explanation(_sentence(run, paid), _frame(lines))


def _of_adjustment(row: Any) -> Line:
    """What one of the plan's adjustments adds to the whole pay."""
    name = row.component.replace("_", " ")
    return {"component": row.component, "step": "component", "item": name, "amount": row.payout} | {
        "unit": row.currency,
        "note": "; ".join(filter(None, (row.adjustment_reason, row.note))),
    }


def _titles(plan: Plan) -> dict[str, str]:
    """What people call each component; of two of one title, with their names."""
    titles = [component.title for component in plan.components]
    return {c.name: c.title if titles.count(c.title) == 1 else f"{c.title} ({c.name})" for c in plan.components}


def _frame(lines: list[Line]) -> pd.DataFrame:
    whole, days = dict.fromkeys(("ratio", "product"), 0), {"credited_on": pd.NaT}
    numbers = dict.fromkeys(NUMBERS, np.nan)
    texts = dict.fromkeys([name for name in CHAIN if name not in {*whole, *days, *numbers}], "")
    types = dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "float64") | dict.fromkeys(whole, "int64")
    frame = pd.DataFrame([{**whole, **days, **numbers, **texts, **line} for line in lines], columns=CHAIN)
    return frame.astype({**types, "credited_on": "datetime64[s]"})


def _paid(run: Replay, payee_id: str, period: str) -> pd.DataFrame:
    """The payouts of a person in a period, a row a component."""
    payees, periods = run.history.payees, [found.name for found in run.periods]
    if period not in periods:
        raise CompModelError(f"{period!r} is not one of the periods replayed. {nearest(period, periods)}")
    known = payees["payee_id"].unique()
    if payee_id not in known:
        named = payees[payees["name"] == payee_id]["payee_id"].unique()
        hint = f"Did you mean {named[0]!r}?" if len(named) else Hints(known).of(payee_id)
        raise CompModelError(f"{payee_id!r} is no payee of the history. {hint or 'The payees table lists them.'}")
    mine = (run.payouts["payee_id"] == payee_id) & (run.payouts["period"] == period)
    if not mine.any():
        spans = payees[(payees["payee_id"] == payee_id) & (payees["target_incentive"] > 0)].sort_values("starts_on")
        begins = spans["starts_on"] != spans["ends_on"].shift() + pd.Timedelta(days=1)
        firsts, lasts = spans["starts_on"][begins], spans["ends_on"][begins.shift(-1, fill_value=True)]
        days = [f"{first:%Y-%m-%d} {_until(last)}" for first, last in zip(firsts, lasts, strict=True)]
        when = f"only from {' and from '.join(days)}" if days else "on no day at all"
        why = f"the payees table gives a target incentive {when}"
        raise CompModelError(f"{payee_id} is not on the plan in {period}: {why}. Choose another period.")
    return run.payouts[mine].reset_index(drop=True)


def _until(ends_on: pd.Timestamp) -> str:
    return "on" if pd.isna(ends_on) else f"to {ends_on:%Y-%m-%d}"


def _sentence(run: Replay, paid: pd.DataFrame) -> str:
    total, currency = _total(paid["payout"]), paid["currency"].iloc[0]
    parts, titles = [], _titles(run.plan)
    for row in rows_of(paid):
        if row.component not in titles and not row.payout:
            continue
        if row.component not in titles:
            parts.append(f"{row.payout:+,.2f} by the plan's {row.component.replace('_', ' ')}")
            continue
        component = run.plan.component(row.component)
        if row.value != row.value:
            parts.append(f"nothing for {titles[component.name]} ({row.note.removesuffix(', so nothing is paid')})")
            continue
        reached = number_words(row.attainment, "share")
        measured = f"{_said(row.value, component.unit)}, {reached} attained"
        parts.append(f"{pay_money(row.payout)} for {titles[component.name]} ({measured})")
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    who = f"{_name(run, paid['payee_id'].iloc[0])} is paid {pay_money(total)} {currency}"
    return f"{who} for {paid['period'].iloc[0]} under {run.plan.title}: {listed}."


def _name(run: Replay, payee_id: str) -> str:
    names = run.history.payees[run.history.payees["payee_id"] == payee_id]["name"].dropna()
    return f"{names.iloc[-1]} ({payee_id})" if len(names) else payee_id


def _said(value: float, unit: str) -> str:
    return statement_money(value) if unit == "amount" else number_words(value, unit)


def _total(amounts: pd.Series) -> float:
    """Whole cents are added up as such; pay that a plan does not round as it is."""
    cents = np.rint(amounts * 100)
    is_whole = np.abs(amounts * 100 - cents).max() < 1e-4
    return float(cents.sum()) / 100 if is_whole else math.fsum(amounts)


def _of_payout(
    run: Replay, person: pd.Series, paid: pd.DataFrame, period: Period, rates: dict[str, float]
) -> list[Line]:
    """The payout, what it costs at which rates, and what it is a share of."""
    settings, currency = run.history.settings, paid["currency"].iloc[0]
    adjusted = "as adjusted" if (paid["adjustment_reason"] != "").any() else "gross"
    rounding = f"{adjusted}, {_rounding(run.plan.pay)}"
    if paid["gross"].isna().any():
        rounding += "; what the whole plan adds or keeps follows"
    money = {"unit": currency, "payee_id": person["payee_id"]}
    lines: list[Line] = [
        {**money, "step": "payout", "item": _name(run, person["payee_id"]), "amount": _total(paid["payout"])}
        | {"note": f"{exact_words((paid['gross'] + paid['adjustment']).sum())} {rounding}"}
    ]
    reporting, rule = settings.reporting_currency, run.plan.exchange
    if currency != reporting:
        cost = {"amount": _total(paid["cost"]), "unit": reporting, "currency": currency, "rate": rates[currency]}
        lines.append({**money, "step": "cost", **cost, "note": f"the payout at {exact_words(rates[currency])}"})
    spans = run.history.payees
    own = set(spans.loc[spans["payee_id"] == person["payee_id"], "currency"])
    for name in sorted((own | {currency}) - {reporting}):
        on = period.ends_on if rule.pay == "spot" else settings.exchange.constant_on
        what = "all ARR and pay" if rule == ExchangeRule() else "pay"
        said = f"the rate that holds on {on}, for {what}"
        exchange = {"item": name, "currency": name, "rate": rates[name], "amount": rates[name], "unit": reporting}
        lines.append({"step": "exchange", **exchange, "note": said})
    yearly = _yearly_words(run, person["payee_id"], period, currency, rates)
    days = run.plan.pay.proration.replace("_", " ")
    days = f"{person['days_on_plan']} of {person['n_days']} {days} with a target incentive"
    lines.append({**money, "step": "target_incentive", "amount": paid["target_incentive"].iloc[0], "note": yearly})
    proration = {"amount": paid["proration"].iloc[0], "unit": "share", "note": days}
    return [*lines, {**money, "step": "proration", **proration}]


def _rounding(rule: PayRule) -> str:
    if rule.rounding == "none":
        return "not rounded"
    is_cent = rule.rounded_to == PayRule.model_fields["rounded_to"].default
    half = rule.rounding.replace("_", " ") if is_cent else rounding_words(rule)
    if rule.rounded_at == "component":
        return f"each component rounded alone, {half}"
    return f"rounded once, {half}; components take the rounded running totals"


def _yearly_words(run: Replay, payee_id: str, period: Period, currency: str, rates: dict[str, float]) -> str:
    payees = run.history.payees
    first, last = pd.Timestamp(period.starts_on), pd.Timestamp(period.ends_on)
    mine = (payees["payee_id"] == payee_id) & (payees["target_incentive"] > 0) & (payees["starts_on"] <= last)
    spans = payees[mine & ~(payees["ends_on"] < first)].sort_values("starts_on")
    parts = []
    for row in rows_of(spans):
        n_days = (min(row.ends_on if pd.notna(row.ends_on) else last, last) - max(row.starts_on, first)).days + 1
        part = f"{statement_money(row.target_incentive)} {row.currency} a year"
        part += f" at {exact_words(rates[row.currency] / rates[currency])}" if row.currency != currency else ""
        parts.append(f"{part} on {count_words(n_days, 'day')}" if len(spans) > 1 else part)
    return f"a {run.plan.pay.period} of {' and '.join(parts)}"


def _of_component(
    component: Component, title: str, row: Any, ratios: pd.DataFrame, segment: object, period: Period
) -> list[Line]:
    """From the component's payout to its value, each with how it follows from the next."""
    unit, money = component.unit, {"unit": row.currency}
    share = {"unit": "share"}
    lines: list[Line] = [
        {"step": "component", "item": title, "amount": row.payout, "note": row.note, **money},
        {"step": "gross", "amount": row.gross, "note": gross_words(row, component), **money},
    ]
    if row.adjustment_reason:
        lines.insert(1, {"step": "adjustment", "amount": row.adjustment, "note": row.adjustment_reason, **money})
    if row.value == row.value:
        reached = attainment_words(row.value, row.target, component.attainment, unit)
        paid = factor_words(row.attainment, component.curve)
        lines += [
            {"step": "factor", "amount": row.factor, "note": paid, **share},
            {"step": "attainment", "amount": row.attainment, "note": reached, **share},
        ]
    target = target_words(component, segment, period)
    value = value_words(component, ratios, period)
    lines.append({"step": "target", "amount": row.target, "unit": unit, "note": target})
    return [*lines, {"step": "value", "amount": row.value, "unit": unit, "note": value}]
