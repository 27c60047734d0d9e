"""Colours, number formats and words for people; imports no plotting library.

Percent and currency signs appear only through these functions. Colours are the Okabe-Ito set, which colour-blind
eyes tell apart; the baseline is always grey.
"""

from __future__ import annotations

BASELINE = "#8a8f98"
PLANS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")
GAIN, LOSS, SAME = "#0072b2", "#d55e00", "#8a8f98"
INK, QUIET, GRID, PAPER = "#1f2430", "#5c6470", "#e4e7ec", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def short_money(amount: float) -> str:
    """Returns an amount as people say it, without currency.

    >>> [short_money(a) for a in (41_234, 1_250, -850.4, 1_240_000, 0.004)]
    ['41k', '1.3k', '-850', '1.24M', '0']
    """
    size = abs(amount)
    for above, unit, places in ((999_500, 1e6, 2), (9_950, 1e3, 0), (999.5, 1e3, 1)):
        if size >= above:
            number = _decimal(size / unit, places)
            return ("-" if amount < 0 else "") + number + ("M" if unit == 1e6 else "k")
    return ("-" if amount <= -0.5 else "") + _decimal(size, 0)


def signed_money(amount: float) -> str:
    """Returns a change as people say it, with its sign.

    >>> signed_money(41_234), signed_money(-850), signed_money(0)
    ('+41k', '-850', '0')
    """
    said = short_money(amount)
    return said if said.startswith("-") or said == "0" else "+" + said


def statement_money(amount: float) -> str:
    """Returns an amount to the cent.

    >>> statement_money(1234.5)
    '1,234.50'
    """
    return f"{amount:,.2f}"


def pay_money(amount: float) -> str:
    """Returns an amount of pay: to the cent, and where a plan does not round it to six decimals.

    >>> pay_money(1234.5), pay_money(10000 / 3)
    ('1,234.50', '3,333.333333')
    """
    is_whole = abs(amount * 100 - round(amount * 100)) < 1e-4
    return statement_money(amount) if is_whole else exact_words(amount)


def percent(share: float, places: int = 0) -> str:
    """Returns a share as a percentage; an undefined one as "n/a".

    >>> percent(1.15), percent(0.0623, 1), percent(1 / 3, 1)
    ('115%', '6.2%', '33.3%')
    """
    return "n/a" if share != share else f"{_decimal(share * 100, places)}%"


def signed_percent(share: float) -> str:
    """Returns a relative change with its sign and one decimal.

    >>> signed_percent(0.0623), signed_percent(-0.01), signed_percent(0.0)
    ('+6.2%', '-1.0%', '0.0%')
    """
    said = percent(share, 1)
    return said if said.startswith(("-", "n", "0.0")) else "+" + said


def count_words(n: int, singular: str, plural: str = "") -> str:
    """Returns a count with its noun, small numbers as words.

    >>> count_words(8, "quarter"), count_words(1, "person", "people"), count_words(23, "person", "people")
    ('eight quarters', 'one person', '23 people')
    """
    number = _COUNTS[n] if 0 <= n < len(_COUNTS) else f"{n:,}"
    return f"{number} {singular if n == 1 else plural or singular + 's'}"


def number_words(value: float, unit: str) -> str:
    """Returns a plan's number in its unit: a share as a percentage, a count plainly, thousands set off.

    >>> number_words(1.15, "share"), number_words(1 / 3, "share"), number_words(10, "count")
    ('115%', '33.3%', '10')
    >>> number_words(1_250_000, "amount"), number_words(0.5, "amount")
    ('1,250,000', '0.5')
    """
    if unit == "share":
        return percent(value, 0 if abs(value * 100 - round(value * 100)) < 1e-6 else 1)
    return f"{value:,.2f}".removesuffix(".00") if abs(value) >= 1000 else f"{value:g}"


def exact_words(value: float, unit: str = "") -> str:
    """Returns a number as it can be reckoned with, to six decimals; of a share those of its percentage.

    >>> exact_words(0.23751525, "share"), exact_words(1.15, "share"), exact_words(10.5), exact_words(float("nan"))
    ('23.751525%', '115%', '10.5', 'n/a')
    """
    if value != value:
        return "n/a"
    number = _decimal(value * 100 if unit == "share" else value, 6).rstrip("0").rstrip(".")
    return number + "%" * (unit == "share")


def _decimal(number: float, places: int) -> str:
    """Half away from zero, as people round; thousands set off."""
    scaled = int(abs(number) * 10**places + 0.5 + 1e-9) / 10**places
    return ("-" if number < 0 and scaled else "") + f"{scaled:,.{places}f}"
