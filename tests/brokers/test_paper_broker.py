"""The paper venue's durable book: it goes on where it stopped, wherever that was, and never takes a thing twice."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_kit import BUY, CAPITAL, LIMIT, SELL, STEP, X, instrument, order, row
from paper_scenarios import NAMES, Instant, Request, scenario

from tradeterm.brokers.paper import PaperBroker
from tradeterm.brokers.protocol import Broker, FollowsMarket, VenueBalance, VenuePosition
from tradeterm.brokers.registry import broker_names, check_broker, make_brokers
from tradeterm.config import PaperConfig
from tradeterm.config_file import load_config
from tradeterm.domain.errors import ConfigError, VenueRefused, VenueUnavailable
from tradeterm.domain.events import BarClosed, BrokerEvent, FillReceived, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.market import Bar, FundingRate, Quote
from tradeterm.domain.orders import Cash, Fill, OrderStatus

INSTRUMENTS = [instrument(name) for name in NAMES]
COSTS = PaperConfig()


@pytest.fixture(autouse=True)
def dropped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Brokers are dropped here as by a kill; their files are let go of at the end."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remembered(*arguments: Any, **options: Any) -> sqlite3.Connection:
        made.append(connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", remembered)
    yield
    for connection in made:
        connection.close()


def broker(path: Path, names: tuple[str, ...] = NAMES) -> PaperBroker:
    return PaperBroker(path, "b", [instrument(name) for name in names], COSTS, CAPITAL, "USDT")


def closed(number: int, price: float = 100.0, low: float | None = None, name: str = X) -> BarClosed:
    """Bar `number` closes."""
    bar = Bar(name, STEP, row(number), price, price, price if low is None else low, price, 1000.0, row(number + 1))
    return BarClosed(ts=row(number + 1), bar=bar)


def opened(number: int, price: float = 100.0) -> QuoteUpdate:
    return QuoteUpdate(ts=row(number), quote=Quote(X, row(number), row(number), price))


async def connected(path: Path, said: list[BrokerEvent] | None = None) -> PaperBroker:
    venue = broker(path)
    await venue.connect((said if said is not None else []).append)
    return venue


async def holding(path: Path) -> PaperBroker:
    """A long of one at 100.1, protected at 98 and 103; bar 1 is open."""
    venue = await connected(path)
    venue.on_market(closed(0))
    await venue.submit(order(stop_loss="98", take_profit="103"))
    venue.on_market(opened(1))
    return venue


def test_it_is_a_broker_that_follows_the_market(tmp_path: Path) -> None:
    venue: Broker = broker(tmp_path / "b.sqlite")
    assert isinstance(venue, FollowsMarket)
    assert (venue.venue, venue.account, venue.simulated, venue.lookup_is_final) == ("paper", "b", True, True)


async def test_an_order_from_submit_to_fill(tmp_path: Path) -> None:
    said: list[BrokerEvent] = []
    venue = await connected(tmp_path / "b.sqlite", said)
    venue.on_market(closed(0))
    venue_id = await venue.submit(order(stop_loss="98"))
    assert [item.client_order_id for item in await venue.open_orders()] == ["a"]
    venue.on_market(opened(1))
    filled = await venue.order("a")
    assert filled is not None
    assert (filled.status, filled.venue_order_id, filled.average_price) == (OrderStatus.FILLED, venue_id, D("100.1"))
    assert [item.client_order_id for item in await venue.open_orders()] == ["as"]
    assert list(await venue.positions()) == [VenuePosition(X, D(1), D("100.1"))]
    fill = next(event.fill for event in said if isinstance(event, FillReceived))
    assert list(await venue.executions(0)) == [fill]
    assert list(await venue.executions(fill.ts_event + 1)) == []
    assert list(await venue.balances()) == [VenueBalance("USDT", CAPITAL - fill.fee)]
    assert await venue.order("never") is None


async def test_a_restart_delivers_nothing_but_knows_all(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    before = await holding(path)
    pictures = [
        await before.open_orders(),
        await before.positions(),
        await before.balances(),
        await before.executions(0),
    ]
    said: list[BrokerEvent] = []
    after = await connected(path, said)  # the first one was never closed, as after a kill
    assert [await after.open_orders(), await after.positions(), await after.balances(), await after.executions(0)] == (
        pictures
    )
    assert said == []
    with pytest.raises(VenueRefused) as caught:
        await after.submit(order())
    assert caught.value.code == "DUPLICATE_CLIENT_ID"
    for seen in (closed(0), opened(1)):
        after.on_market(seen)
    assert said == []
    after.on_market(closed(1, low=97.0))
    assert [event.fill.client_order_id for event in said if isinstance(event, FillReceived)] == ["as"]


async def test_capital_is_for_a_new_book_only(tmp_path: Path) -> None:
    await holding(tmp_path / "b.sqlite")
    richer = PaperBroker(tmp_path / "b.sqlite", "b", INSTRUMENTS, COSTS, CAPITAL * 2, "USDT")
    await richer.connect(lambda event: None)
    assert (await richer.balances())[0].balance < CAPITAL


def work(venue: PaperBroker, counted: list[str]) -> None:
    """Count commits to the disk from now on."""
    store = venue._connected()[0]
    store._db.set_trace_callback(lambda sql: counted.append(sql) if sql == "COMMIT" else None)


async def test_days_without_orders_leave_the_disk_alone(tmp_path: Path) -> None:
    venue, commits = await connected(tmp_path / "b.sqlite"), list[str]()
    work(venue, commits)
    for number in range(100):
        venue.on_market(closed(number))
        venue.on_market(opened(number + 1))
        venue.on_market(FundingUpdate(ts=row(number + 1), funding=FundingRate(X, row(number + 1), 0.0001, 0)))
    assert commits == []
    await venue.submit(order(at=100, stop_loss="98"))
    venue.on_market(opened(101))
    assert len(commits) == 2
    venue.on_market(closed(101))
    venue.on_market(closed(101, name="Y.V"))
    assert len(commits) == 3  # what a later fill of this position depends on


async def test_a_step_that_cannot_be_stored_did_not_happen(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    said: list[BrokerEvent] = []
    venue = await holding(path)
    await venue.connect(said.append)
    venue._connected()[0]._db.execute("PRAGMA query_only = ON")
    with pytest.raises(VenueUnavailable, match=r"b\.sqlite: the paper venue's book cannot be used"):
        venue.on_market(closed(1, low=97.0))
    assert said == []
    with pytest.raises(VenueUnavailable, match="not connected"):
        await venue.positions()
    await venue.connect(said.append)
    assert (await venue.positions())[0].quantity == 1
    venue.on_market(closed(1, low=97.0))
    assert list(await venue.positions()) == []


async def test_a_submit_that_cannot_be_stored_never_arrived(tmp_path: Path) -> None:
    venue = await connected(tmp_path / "b.sqlite")
    venue.on_market(closed(0))
    venue._connected()[0]._db.execute("PRAGMA query_only = ON")
    with pytest.raises(VenueUnavailable):
        await venue.submit(order())
    await venue.connect(lambda event: None)
    assert await venue.order("a") is None
    venue.on_market(closed(0))
    assert await venue.submit(order())


async def test_books_that_cannot_be_used(tmp_path: Path) -> None:
    async def refusal(path: Path) -> str:
        with pytest.raises(VenueUnavailable) as caught:
            await connected(path)
        return str(caught.value)

    garbage = tmp_path / "g.sqlite"
    garbage.write_bytes(b"this is not a database" * 100)
    assert await refusal(garbage) == f"{garbage}: the paper venue's book cannot be used: file is not a database"
    folder = tmp_path / "folder"
    folder.mkdir()
    assert (await refusal(folder)).startswith(f"{folder}: the paper venue's book cannot be used: ")
    newer = tmp_path / "n.sqlite"
    with closing(sqlite3.connect(newer)) as database:
        database.execute("PRAGMA user_version = 99")
    assert await refusal(newer) == f"{newer}: found version 99, this program knows up to 1; use a newer program"


async def test_what_it_holds_must_be_listed(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    await holding(path)
    with pytest.raises(VenueUnavailable) as caught:
        await broker(path, ("Y.V",)).connect(lambda event: None)
    assert str(caught.value) == f"{path}: holds X.V, which book b does not list; list it until it is closed"


async def test_before_connect_nothing_works(tmp_path: Path) -> None:
    venue = broker(tmp_path / "b.sqlite")
    with pytest.raises(VenueUnavailable, match="the paper venue of b is not connected"):
        await venue.submit(order())
    await venue.close()


async def test_other_instruments_are_passed_over(tmp_path: Path) -> None:
    venue = await connected(tmp_path / "b.sqlite")
    venue.on_market(closed(0, name="Z.V"))
    with pytest.raises(VenueRefused, match=r"Z\.V is not traded here"):
        await venue.submit(order(instrument="Z.V"))


async def test_amend_and_cancel_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    venue = await connected(path)
    venue.on_market(closed(0))
    await venue.submit(order(type=LIMIT, price="90"))
    await venue.submit(order("b", SELL, type=LIMIT, price="110"))
    await venue.amend(order(), price=D(91))
    await venue.cancel(order("b"))
    again = await connected(path)
    assert [(item.client_order_id, item.price) for item in await again.open_orders()] == [("a", D(91))]
    gone = await again.order("b")
    assert gone is not None and gone.status is OrderStatus.CANCELED


def test_brokers_by_name(tmp_path: Path) -> None:
    assert broker_names() == ("paper", "bybit")
    config = load_config(None, "demo")
    names = config.books["crypto"].instruments
    known = {name: msgspec.structs.replace(INSTRUMENTS[0], id=name) for name in names}
    made = make_brokers(config, known, tmp_path)
    assert {name: type(broker) for name, broker in made.items()} == {"crypto": PaperBroker}
    with pytest.raises(ConfigError) as caught:
        check_broker("papr", "books.b.venue")
    assert str(caught.value) == 'books.b.venue: found "papr", allowed paper or bybit'


# restarts anywhere


async def play(path: Path, instants: list[Instant], kill_before: int | None) -> dict[str, Any]:
    """Run the days; at step `kill_before` drop the broker as a SIGKILL would, open it again and show the market of
    that instant again from its start, as an engine does. Returns everything the venue knows at the end."""
    venue, step = await connected(path), 0

    async def killed(shown: list[MarketEvent]) -> None:
        nonlocal venue, step
        if step == kill_before:
            venue = await connected(path)
            for event in shown:
                venue.on_market(event)
        step += 1

    for instant in instants:
        shown: list[MarketEvent] = []
        for event in (*instant.known, *instant.requests, *instant.opens):
            await killed(shown)
            if isinstance(event, Request):
                await ask(venue, event)
            else:
                venue.on_market(event)
                shown.append(event)
    orders = [await venue.order(f"o{i}{child}") for i in range(60) for child in ("", "s", "t")]
    return {
        "orders": orders,
        "open": list(await venue.open_orders()),
        "executions": list(await venue.executions(0)),
        "positions": sorted(await venue.positions(), key=lambda position: position.instrument),
        "balances": list(await venue.balances()),
    }


async def ask(venue: PaperBroker, request: Request) -> None:
    try:
        match request.kind:
            case "submit":
                await venue.submit(request.order)
            case "amend":
                await venue.amend(request.order, **request.changes)
            case _:
                await venue.cancel(request.order)
    except VenueRefused:
        pass  # scenarios ask for impossible things, too


@given(st.integers(0, 2**32 - 1), st.integers(0, 80))
@settings(max_examples=40)
def test_a_kill_at_any_step_changes_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int, step: int) -> None:
    folder = tmp_path_factory.mktemp("paper")
    instants = scenario(seed, rows=14)
    whole = asyncio.run(play(folder / "whole.sqlite", instants, None))
    broken = asyncio.run(play(folder / "broken.sqlite", instants, step))
    assert broken == whole


async def test_executions_rebuild_the_position_and_the_cash(tmp_path: Path) -> None:
    for seed in range(5):
        end = await play(tmp_path / f"{seed}.sqlite", scenario(seed, rows=20), None)
        quantity: dict[str, D] = {}
        money = CAPITAL
        for item in end["executions"]:
            if isinstance(item, Fill):
                signed = item.side.sign * item.quantity
                quantity[item.instrument] = quantity.get(item.instrument, D(0)) + signed
                money -= signed * item.price + item.fee
            else:
                assert isinstance(item, Cash)
                money += item.amount
        held = {position.instrument: position.quantity for position in end["positions"]}
        assert held == {name: total for name, total in quantity.items() if total}
        tied = sum((p.quantity * p.average_price for p in end["positions"]), D(0))
        assert abs(end["balances"][0].balance - money - tied) < D("1e-12")
        assert any(item.side is BUY for item in end["executions"] if isinstance(item, Fill))


NAN, INF = float("nan"), float("inf")
NO_NUMBERS: list[MarketEvent] = [
    QuoteUpdate(ts=row(2), quote=Quote(X, row(2), row(2), NAN)),
    QuoteUpdate(ts=row(2), quote=Quote(X, row(2), row(2), 100.0, bid=NAN)),
    *(
        BarClosed(ts=row(2), bar=Bar(X, STEP, row(1), *numbers, row(2)))
        for numbers in (
            (NAN, NAN, NAN, NAN, 1.0),
            (100.0, INF, 100.0, 100.0, 1.0),
            (100.0, 100.0, 0.0, 100.0, 1.0),
            (100.0, 100.0, 100.0, 100.0, NAN),
            (100.0, 100.0, 100.0, 100.0, -1.0),
        )
    ),
    FundingUpdate(ts=row(2), funding=FundingRate(X, row(2), NAN, row(2))),
]


@pytest.mark.parametrize("event", NO_NUMBERS, ids=repr)
async def test_data_that_is_no_number_moves_nothing_and_stops_nothing(tmp_path: Path, event: MarketEvent) -> None:
    said: list[BrokerEvent] = []
    venue = await connected(tmp_path / "b.sqlite", said)
    venue.on_market(closed(0))
    await venue.submit(order())
    venue.on_market(opened(1))
    before = len(said), await venue.positions(), await venue.balances()
    venue.on_market(event)
    assert (len(said), await venue.positions(), await venue.balances()) == before
    await venue.submit(order("b", SELL, at=2))
    venue.on_market(closed(1))
    venue.on_market(opened(2))
    assert await venue.positions() == []
