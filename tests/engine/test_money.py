"""Which configurations may touch which money."""

from typing import Any

import pytest

from tradeterm.config import BookConfig, BybitConfig, Config, Environment, FeedConfig, VenuesConfig
from tradeterm.domain.errors import EngineError
from tradeterm.domain.states import Mode
from tradeterm.engine.check_config import trading_mistakes
from tradeterm.engine.options import EngineOptions
from tradeterm.engine.run import run_engine
from tradeterm.profile import find_profile

BTC = ("BTCUSDT.BYBIT",)


def config(mode: Mode, environment: Environment = Environment.DEMO, **changes: Any) -> Config:
    books = changes.pop("books", {"a": BookConfig(strategy="eos", venue="bybit", instruments=BTC, capital=1000.0)})
    feed = FeedConfig(kind=changes.pop("feed", "bybit"))
    return Config(
        mode=mode,
        books=books,
        feed=feed,
        venues=VenuesConfig(bybit=BybitConfig(environment=environment, **changes)),
    )


def paper(venue: str = "paper") -> dict[str, BookConfig]:
    return {"a": BookConfig(strategy="eos", venue=venue, instruments=BTC, capital=1000.0)}


@pytest.mark.parametrize(
    "good",
    [
        config(Mode.PAPER, books=paper()),
        config(Mode.PAPER, Environment.MAINNET, books=paper()),  # live prices need no key
        config(Mode.PAPER),
        config(Mode.PAPER, Environment.TESTNET),
        config(Mode.PAPER, rest_url="http://127.0.0.1:8000"),
        config(Mode.LIVE, Environment.MAINNET),
    ],
)
def test_what_is_allowed(good: Config) -> None:
    assert trading_mistakes(good) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (config(Mode.PAPER, Environment.MAINNET), 'found "mainnet", which is real money; allowed demo or testnet'),
        (config(Mode.PAPER, rest_url="https://api.bybit.com"), "which may lead to real money"),
        (config(Mode.PAPER, rest_url="https://proxy.example"), "which may lead to real money"),
        (
            config(Mode.PAPER, private_url="wss://stream.bybit.com/v5/private"),
            'venues.bybit.private_url: found "wss://stream.bybit.com/v5/private", which may lead to real money',
        ),
        (config(Mode.PAPER, rest_url="http://api.bybit.com"), "allowed https://HOST"),
        (config(Mode.LIVE), 'found "demo", allowed mainnet with mode = "live"'),
        (config(Mode.LIVE, Environment.MAINNET, books=paper()), 'mode: found "live", but no book has venue = "bybit"'),
        (config(Mode.DEMO), 'mode: found "demo", allowed paper or live with feed.kind bybit'),
    ],
)
def test_what_is_not(bad: Config, sentence: str) -> None:
    (mistake,) = trading_mistakes(bad)
    assert sentence in mistake


def test_an_instrument_belongs_to_one_book_of_an_account() -> None:
    two = {name: paper("bybit")["a"] for name in "ab"}
    (mistake,) = trading_mistakes(config(Mode.PAPER, books=two))
    assert mistake.startswith('books.b.instruments: found "BTCUSDT.BYBIT", which book a trades on bybit too')


def test_an_engine_trades_no_real_money_that_nobody_confirmed() -> None:
    options = EngineOptions(profile=find_profile("default"), config=config(Mode.LIVE, Environment.MAINNET))
    with pytest.raises(EngineError, match="real money is traded only with --live and its confirmation"):
        run_engine(options)
