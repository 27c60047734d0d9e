"""A rate on a day follows the written rule: published that day, or the previous one within the days allowed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compmodel.errors import DataError
from compmodel.exchange import constant_cents, constant_rates, missing_rates, rates_on
from compmodel.mapping import load_mapping
from compmodel.sources import load_table
from compmodel.tables import Exchange, Settings

FRIDAY, SATURDAY, SUNDAY = (dt.date(2026, 4, day) for day in (10, 11, 12))


@pytest.fixture(scope="module")
def mapping(root: Path) -> Path:
    return root / "data" / "mappings" / "ecb_fx.yaml"


@pytest.fixture(scope="module")
def ecb(shared_data: Path, mapping: Path) -> pd.DataFrame:
    return load_table("fx_rates", shared_data / "ecb_fx", mapping)


@pytest.fixture(scope="module")
def settings(mapping: Path) -> Settings:
    return load_mapping(mapping).settings


@pytest.fixture(scope="module")
def published(shared_data: Path) -> pd.DataFrame:
    """The file itself, read by other means."""
    return pd.read_csv(shared_data / "ecb_fx" / "eurofxref-hist.csv", index_col="Date", na_values="N/A")


def on(rates: pd.DataFrame, currency: str, day: str) -> float:
    return float(rates[(rates["currency"] == currency) & (rates["on"] == day)]["rate"].item())


def strict(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update={"exchange": Exchange.model_validate(changes)})


def test_the_euro_in_dollars_is_the_dollar_column(ecb: pd.DataFrame, published: pd.DataFrame) -> None:
    euro = ecb[ecb["currency"] == "EUR"].set_index("on")["rate"].sort_index()
    dollar = published["USD"].set_axis(pd.to_datetime(published.index)).sort_index()
    assert len(euro) == len(dollar) > 6500
    assert (euro.to_numpy() == dollar.to_numpy()).all()


@pytest.mark.parametrize(
    ("currency", "day", "by_hand"),
    [
        ("GBP", "2026-04-13", 1.342094),  # 1.1684 / 0.87058
        ("JPY", "2026-04-13", 0.00625649),  # 1.1684 / 186.75
        ("CHF", "2026-04-13", 1.264229),  # 1.1684 / 0.9242
        ("GBP", "2026-04-10", 1.344469),  # 1.1711 / 0.87105
        ("SEK", "2026-04-10", 0.108075),  # 1.1711 / 10.836
    ],
)
def test_cross_rates_equal_those_worked_out_by_hand(ecb: pd.DataFrame, currency: str, day: str, by_hand: float) -> None:
    assert on(ecb, currency, day) == pytest.approx(by_hand, rel=2e-6)


def test_every_rate_of_the_file_is_there_once_and_none_is_made_up(ecb: pd.DataFrame, published: pd.DataFrame) -> None:
    cells = published.drop(columns=["USD"]).notna().sum().sum()
    assert len(ecb) == cells + len(published)  # the euro itself, on each day
    assert not ecb.duplicated(["currency", "on"]).any()
    assert "USD" not in set(ecb["currency"])


def test_a_weekend_uses_the_rate_of_friday(ecb: pd.DataFrame, settings: Settings) -> None:
    for day in (FRIDAY, SATURDAY, SUNDAY):
        assert rates_on(ecb, settings, ["EUR", "GBP"], day) == {
            "EUR": 1.1711,
            "GBP": on(ecb, "GBP", "2026-04-10"),
        }


def test_the_rule_error_stops_on_a_day_without_a_rate(ecb: pd.DataFrame, settings: Settings) -> None:
    rule = strict(settings, missing_day="error", max_gap_days=4)
    assert rates_on(ecb, rule, ["EUR"], FRIDAY) == {"EUR": 1.1711}
    with pytest.raises(DataError, match="EUR rate on 2026-04-11 within 0 days, but the last one is 1 day earlier"):
        rates_on(ecb, rule, ["EUR"], SATURDAY)


def test_the_longest_holiday_is_just_within_four_days(ecb: pd.DataFrame, settings: Settings) -> None:
    """Easter 2026: no rate from Good Friday, 3 April, to Easter Monday, 6 April."""
    assert rates_on(ecb, settings, ["EUR"], dt.date(2026, 4, 6))["EUR"] == on(ecb, "EUR", "2026-04-02")
    shorter = strict(settings, missing_day="previous", max_gap_days=3)
    with pytest.raises(DataError) as found:
        rates_on(ecb, shorter, ["EUR"], dt.date(2026, 4, 6))
    for word in ("'EUR'", "2026-04-06", "within 3 days", "4 days earlier", "exchange.max_gap_days"):
        assert word in str(found.value)


def test_a_currency_that_is_quoted_no_more_is_never_reused_silently(ecb: pd.DataFrame, settings: Settings) -> None:
    """The rouble was last quoted on 1 March 2022."""
    assert rates_on(ecb, settings, ["RUB"], dt.date(2022, 3, 5))["RUB"] == on(ecb, "RUB", "2022-03-01")
    with pytest.raises(DataError, match="RUB rate on 2022-03-06 within 4 days, but the last one is 5 days earlier"):
        rates_on(ecb, settings, ["RUB"], dt.date(2022, 3, 6))


def test_a_day_before_the_first_rate_has_none(ecb: pd.DataFrame, settings: Settings) -> None:
    with pytest.raises(DataError, match="there is none on or before that day"):
        rates_on(ecb, settings, ["GBP"], dt.date(1998, 12, 31))


def test_all_missing_currencies_are_told_together(ecb: pd.DataFrame, settings: Settings) -> None:
    rates, problems = missing_rates(ecb, settings, ["EUR", "XAU", "RUB", "USD"], FRIDAY)
    assert rates == {"EUR": 1.1711, "USD": 1.0}
    assert [problem.value for problem in problems] == ["RUB", "XAU"]


def test_constant_currency_uses_the_rates_of_the_declared_day(ecb: pd.DataFrame, settings: Settings) -> None:
    rule = strict(settings, constant_on=SUNDAY, missing_day="previous", max_gap_days=4)
    assert constant_rates(ecb, rule, ["USD", "EUR"]) == {"EUR": 1.1711, "USD": 1.0}
    with pytest.raises(DataError, match=r"exchange\.constant_on must declare the day whose rates convert EUR to USD"):
        constant_rates(ecb, settings, ["USD", "EUR"])


def test_one_currency_needs_neither_rates_nor_a_day(settings: Settings) -> None:
    nothing = pd.DataFrame({"currency": [], "on": [], "rate": []})
    assert constant_rates(nothing, settings, ["USD"]) == {"USD": 1.0}


def test_amounts_become_cents_once_halves_away_from_zero() -> None:
    local = pd.Series([10.0, -10.0, 0.005, -0.005, 1.005, 100.0])
    currency = pd.Series(["EUR", "EUR", "USD", "USD", "USD", "GBP"])
    cents = constant_cents(local, currency, {"EUR": 1.1711, "USD": 1.0, "GBP": 1.342094})
    assert cents.tolist() == [1171, -1171, 1, -1, 101, 13421]
    assert cents.dtype == np.int64


def test_no_amounts_are_no_cents() -> None:
    assert len(constant_cents(pd.Series([], dtype=float), pd.Series([], dtype="str"), {"USD": 1.0})) == 0
