"""The chain behind a payout as lines of text: what a person reads on a screen, from the payout down.

Amounts stand in two columns at the right, numerator and denominator, above the ratio they add up to. Everything is in
the chain itself; of a long list the lines hold the first.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

import pandas as pd

from compmodel.style import count_words, exact_words, pay_money, statement_money
from compmodel.tables import EXCHANGE

SHOWN = 20
"""Accounts or people listed below a ratio, and events listed as not counted."""
NARROWEST = 72
NO_PART = "no part of"
"""How the note of an event begins that is of a kind the metric does not count."""
NETS = "nets within its account"
"""The note of an event that adds nothing by itself, but to its account."""
_COLUMN = 16
_SUBTOTALS = ("account", "person")
_COUNTS = ("count", "score", "ratio", "customers")
Rows = list[Any]


def rows_of(table: pd.DataFrame) -> Rows:
    """Returns the rows of a table as named tuples."""
    return list(table.itertuples(index=False))


def chain_lines(sentence: str, chain: pd.DataFrame, width: int = 80) -> list[str]:
    """Returns the lines of an `Explanation`: its sentence, the payout, then each component down to its events."""
    width, rows = max(width, NARROWEST), rows_of(chain)
    lines = [*_wrapped(sentence, 0, width), "", *_payout_lines(rows, width)]
    for name in dict.fromkeys(row.component for row in rows if row.component):
        lines += ["", *_component_lines([row for row in rows if row.component == name], width)]
    return lines


def _payout_lines(rows: Rows, width: int) -> list[str]:
    lines = []
    elsewhere = {row.currency for row in rows if row.step != "exchange"}
    shown = [row for row in rows if not row.component and (row.step != "exchange" or row.currency in elsewhere)]
    for row, following in zip(shown, [*shown[1:], None], strict=True):
        is_number = row.unit == "share" or row.step == "exchange"
        said = exact_words(row.amount, row.unit) if is_number else statement_money(row.amount)
        said = pay_money(row.amount) if row.step == "payout" else said
        said += "    " if row.unit == "share" else f" {row.unit}"
        label = f"One {row.item}" if row.step == "exchange" else row.step.replace("_", " ").capitalize()
        lines += _beside(label, said, width)
        if row.step == "payout":
            for part in (part for part in rows if part.step == "component"):
                lines += _beside(f"  {part.item}", pay_money(part.amount) + " " * (len(row.unit) + 1), width)
        lines += _wrapped(row.note, 4, width) if following is None or following.note != row.note else []
    return lines


def _component_lines(rows: Rows, width: int) -> list[str]:
    head = rows[0]
    lines = _beside(head.item.upper(), f"{pay_money(head.amount)} {head.unit}", width)
    lines += _wrapped(head.note, 2, width)
    for row in (row for row in rows[1:] if not row.ratio):
        is_money = row.unit not in ("share", *_COUNTS) and row.step != "gross"
        said = statement_money(row.amount) if is_money else exact_words(row.amount, row.unit)
        lines += _wrapped(f"{row.step:<12}{said}{' = ' if row.note else ''}{row.note}", 2, width, 12)
    ratios = [row for row in rows if row.step == "ratio"]
    shares = {row.product: row.share for row in ratios if row.amount == row.amount}
    for ratio in ratios:
        weight = ", over nothing"
        if ratio.amount == ratio.amount:
            part = ratio.share / sum(shares.values())
            weight = "" if part == 1 else f", {exact_words(part, 'share')} of the value"
        title = f"{head.item} of {ratio.item}{weight}, {ratio.window}, {ratio.ratio_unit}"
        below = [row for row in rows if row.ratio == ratio.ratio and row is not ratio]
        lines += ["", *_wrapped(title, 2, width), *_ratio_lines(ratio, below, width)]
    return lines


def _ratio_lines(ratio: Any, mine: Rows, width: int) -> list[str]:
    """A ratio's accounts or people in its two columns, the ratio itself as their sum, and what does not count."""
    has_below = ratio.denominator == ratio.denominator
    names = ("numerator", "denominator") if has_below else ("amount", "")
    groups: list[Rows] = []
    for row in mine:
        if row.step in _SUBTOTALS:
            groups.append([])
        if groups and row.step != "taken":
            groups[-1].append(row)
    listed = [group for group in groups if _adds(group[0])]
    lines = [_columns("", names, width)]
    for group in listed[:SHOWN]:
        lines += _group_lines(ratio, group[0], [row for row in group[1:] if _adds(row) or row.note == NETS], width)
    rest = [group[0] for group in listed[SHOWN:]]
    if rest:
        more = count_words(len(rest), f"more {rest[0].step}", "more people" if rest[0].step == "person" else "")
        above, below = sum(row.numerator for row in rest), sum(row.denominator for row in rest)
        lines.append(_columns(f"  and {more}", _sides(ratio._replace(numerator=above, denominator=below)), width))
    rule = "-" * (_COLUMN - 2)
    lines += [_columns("", (rule, rule if has_below else ""), width), _columns("  together", _sides(ratio), width)]
    return lines + _uncounted_lines([row for row in mine if not _adds(row) and row.note != NETS], width)


def _group_lines(ratio: Any, subtotal: Any, mine: Rows, width: int) -> list[str]:
    """An account or person and its lines; one line where only opening ARR counts, and for each person of a team."""
    who = " ".join(filter(None, (subtotal.account_id or subtotal.payee_id, subtotal.item)))
    if subtotal.step == "person" and ratio.level != "individual":
        n, days = sum(row.step == "count" for row in mine), [row.note for row in mine if row.step == "pace"]
        who, mine = ", ".join((who, count_words(n, "count"), *days)), []
    elif subtotal.step == "account" and subtotal.payee_id not in ("", ratio.unit_id):
        who += f" ({subtotal.payee_id})"
    lines = [_columns(f"  {who}", _sides(subtotal), width)]
    is_plain = all(row.step == "opening" and row.split == 1 for row in mine)
    for row in [] if is_plain else mine:
        above, below = (text if text.strip("0.") else "" for text in _sides(row))
        what, how = f"    {_what(row)}", _how(row) if row.step == "credit" else ""
        if row.window not in ("", ratio.window):
            what, how = (what, f"{how}; in {row.window}") if how else (f"{what}, {row.window}", how)
        what += "" if subtotal.payee_id or not row.payee_id else f", {row.payee_id}"
        if len(what) + len(how) + 2 <= width - 2 * _COLUMN:
            what, how = ", ".join(filter(None, (what, how))), ""
        lines += [_columns(what, (above, below), width), *_wrapped(how, 6, width, 2)]
    return lines


def _what(row: Any) -> str:
    if row.step == "opening":
        share = "" if row.split == 1 else f"{exact_words(row.split, 'share')} of the "
        return " ".join(filter(None, (f"{share}opening ARR", row.item)))
    if row.step == "count":
        where = f" {row.account_id}" if row.account_id else ""
        share = "" if row.split == 1 else f" x {exact_words(row.split, 'share')}"
        return f"{row.credited_on:%Y-%m-%d}{where} {exact_words(row.amount)} {row.note}".rstrip() + share
    if row.item == EXCHANGE:
        return f"{row.credited_on:%Y-%m-%d} exchange difference"
    if row.step == "credit":
        return f"{row.credited_on:%Y-%m-%d} {row.event_id} {row.item}"
    return str(row.note)


def _how(row: Any) -> str:
    """The date rule that placed an event, and how its amount was credited."""
    if row.item == EXCHANGE:
        return f"its ARR in {row.currency} at the rate of that day, {exact_words(row.rate)}"
    said = [f"by {row.rule}"]
    if row.origin_period:
        said.append(f"prior-period adjustment of {row.origin_period}")
    if row.rate != 1 or row.split != 1:
        factors = [f"{statement_money(row.local_amount)} {row.currency}"]
        factors += [exact_words(row.rate)] * (row.rate != 1)
        factors += [exact_words(row.split, "share")] * (row.split != 1)
        is_shown = abs(row.amount) in (abs(row.numerator), abs(row.denominator))
        said.append(" x ".join(factors) + ("" if is_shown else f" = {statement_money(row.amount)}"))
    if row.counted != row.amount:
        said.append(f"{statement_money(row.counted)} of {statement_money(row.amount)} counts")
    if row.note:
        said.append(f"{statement_money(row.counted)} {row.note}")
    return "; ".join(said)


def _uncounted_lines(idle: Rows, width: int) -> list[str]:
    """What was taken from its holder, and what was credited and adds nothing, each with the reason."""
    idle = [row for row in idle if row.step in ("taken", "credit")]
    once = {(row.step, row.account_id, row.payee_id, row.event_id, row.amount, row.note): row for row in idle}
    others = Counter(row.item for row in once.values() if row.note.startswith(NO_PART))
    told = sorted((row for row in once.values() if not row.note.startswith(NO_PART)), key=_day)
    lines = ["  Not counted:"] if told else []
    for row in told[:SHOWN]:
        said = " ".join(filter(None, (_day(row), row.event_id, row.account_id, row.item, statement_money(row.amount))))
        lines += _wrapped(f"{said}: {row.note}", 4, width, 2)
    if len(told) > SHOWN:
        lines.append(f"    and {len(told) - SHOWN} more")
    kinds = ", ".join(f"{item} {n}" for item, n in others.most_common())
    return lines + _wrapped(f"Events that are no part of it: {kinds}." if kinds else "", 2, width)


def _day(row: Any) -> str:
    return "" if pd.isna(row.credited_on) else f"{row.credited_on:%Y-%m-%d}"


def _adds(row: Any) -> bool:
    """Whether a line adds to a side; one that adds to none, or has none, does not."""
    return any(side == side and side for side in (row.numerator, row.denominator))


def _sides(row: Any) -> tuple[str, str]:
    above, below = (
        exact_words(number) if row.ratio_unit in _COUNTS else statement_money(number)
        for number in (row.numerator, row.denominator)
    )
    return above, below if row.denominator == row.denominator else ""


def _columns(text: str, cells: tuple[str, str], width: int) -> str:
    room = width - 2 * _COLUMN
    short = text if len(text) <= room else text[: room - 3].rstrip() + "..."
    return f"{short:<{room}}{cells[0]:>{_COLUMN}}{cells[1]:>{_COLUMN}}".rstrip()


def _beside(text: str, amount: str, width: int) -> list[str]:
    return [f"{text:<{width - len(amount)}}{amount}".rstrip()]


def _wrapped(text: str, indent: int, width: int, hanging: int = 0) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + hanging))
