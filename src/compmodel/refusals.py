"""Why a cell does not fit its column's type, and what to write or to declare: every reading where there are two."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress

from compmodel.tables import Column

_LOOKS_LIKE_DATE = re.compile(r"\d{1,4}[/.\- ]\d{1,2}[/.\- ]\d{1,4}")
_INFINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


def refusal(table: str, column: Column, decimal: str, date_format: str, value: object) -> tuple[str, str]:
    """The rule that a cell breaks which does not fit its column's type, and the fix."""
    if column.type == "date":
        return _no_day(table, date_format, value)
    if column.type == "flag":
        return "must be true or false", "Write true or false."
    if column.type == "text":
        return "must be text, and this cell holds something else, such as a date", "Format the cell as text."
    if _INFINITE.fullmatch(str(value)):
        return "must be a finite number", "Give the amount."
    kind, example = ("a number", f"1234{decimal}50") if column.type == "number" else ("a whole number", "12")
    signed = " (a minus sign is allowed)" if column.at_least is None and column.above is None else ""
    written = f"Write it as {example}, with no currency sign or words{signed}"
    if column.type == "count" and re.fullmatch(r"[+-]?\d+\.\d*", str(value)):
        return f"must be {kind}", f"{written}."
    return f"must be {kind}", f"{written}, or say in mapping.yaml how numbers are written: {_signs(table, str(value))}."


def _signs(table: str, text: str) -> str:
    """What to declare for a number written like this; every reading where there are two."""
    whole = re.fullmatch(r"[+-]?(\d{1,3})([.,' ])(\d{3})", text)
    if whole:
        first, sign, rest = whole.groups()
        other = f', or {{decimal: "{sign}"}} there if it is {first}.{rest}' if sign in ".," else ""
        return f'tables: {{{table}: {{thousands: "{sign}"}}}} if this is {first}{rest}{other}'
    both = re.fullmatch(r"[+-]?\d{1,3}(?:([.,' ])\d{3})+([.,])\d*", text)
    pair = both.groups() if both else (".", ",")
    point = re.fullmatch(r"[+-]?\d*([.,])\d*", text)
    signs = f'decimal: "{point[1]}"' if point else f'decimal: "{pair[1]}", thousands: "{pair[0]}"'
    return f"tables: {{{table}: {{{signs}}}}}{'' if point or both else ', for example'}"


def _no_day(table: str, declared: str, value: object) -> tuple[str, str]:
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            fix = "Convert it to the company's own days before the export."
            return "must be a day without a time zone", fix
        return "must be a day without a time of day", "Export the day alone."
    rule = f"written as {dt.datetime(2025, 7, 31):{declared}} ({declared})"
    fix = f"or say in mapping.yaml how dates are written: {_date_formats(table, value)}."
    if isinstance(value, str) and _LOOKS_LIKE_DATE.fullmatch(value):
        is_a_day = " if this is" in fix or not fix.endswith("for example.")
        said = f"must be an existing day {rule}, so this date is ambiguous or not a day"
        return said, f"Correct it, {fix}" if is_a_day else "Correct it."
    return f"must be a day {rule}", f"Write it so, {fix}"


def _date_formats(table: str, value: object) -> str:
    """What to declare for a date written like this, and the day that it then is where there are two readings."""
    parts = re.fullmatch(r"\d{1,2}([/.\- ])\d{1,2}\1\d{4}", str(value))
    sign = parts[1] if parts else "/"
    days: dict[str, dt.date | None] = {}
    for written in (f"%d{sign}%m{sign}%Y", f"%m{sign}%d{sign}%Y"):
        with suppress(ValueError):
            days[written] = dt.datetime.strptime(str(value), written).date()
    first, *others = days or {"%d/%m/%Y": None}
    said = f'tables: {{{table}: {{date_format: "{first}"}}}}'
    if others:
        return f'{said} if this is {days[first]}, or "{others[0]}" there if it is {days[others[0]]}'
    return said if days else f"{said}, for example"
