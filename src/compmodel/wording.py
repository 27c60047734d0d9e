"""Words and numbers as they stand in a sentence: lists, capitals, shares, amounts."""

from __future__ import annotations

from collections.abc import Sequence

from compmodel.money import exact
from compmodel.style import exact_words, number_words


def capitalised(sentence: str) -> str:
    """Returns a sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]


def in_sentence(title: str) -> str:
    """Returns a title as it stands within a sentence.

    >>> in_sentence("Renewal rate"), in_sentence("NRR"), in_sentence("Expansion ARR")
    ('renewal rate', 'NRR', 'expansion ARR')
    """
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def listed(parts: Sequence[str]) -> str:
    """Returns a list as it is said.

    >>> listed(["churn"]), listed(["churn", "renewal", "expansion"])
    ('churn', 'churn, renewal and expansion')
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def number(value: float, unit: str = "") -> str:
    """Returns a plan's number in full; a share that never ends, such as a third, to one decimal of its percentage.

    >>> number(1.1275, "share"), number(1 / 3, "share"), number(500_000, "amount")
    ('112.75%', '33.3%', '500,000')
    """
    never_ends = 10**9 % exact(value).denominator != 0
    return number_words(value, unit) if unit == "share" and never_ends else exact_words(value, unit)


def people_periods(period: str, n: int = 2) -> str:
    """Returns what results of people and periods are called, by what a period is.

    >>> people_periods("quarter"), people_periods("half"), people_periods("month", 1)
    ('people-quarters', 'people-halves', 'person-month')
    """
    return f"person-{period}" if n == 1 else f"people-{'halve' if period == 'half' else period}s"


def ordinal(n: int) -> str:
    """Returns a day of the month as it is said.

    >>> [ordinal(n) for n in (1, 2, 3, 11, 15, 22)]
    ['1st', '2nd', '3rd', '11th', '15th', '22nd']
    """
    ending = "th" if n // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
