"""What a test may do to the venue: move prices, play candles, act by hand, cut, change, age."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from simulators.bybit import account, matching
from simulators.bybit.exchange import Exchange
from simulators.bybit.faults import Faults
from simulators.bybit.hosting import Hosted, on_loop
from simulators.bybit.limits import Limits
from simulators.bybit.market import Market, Trade
from simulators.bybit.model import Bar, Execution, Key, Order
from simulators.bybit.private_stream import PrivateStream
from simulators.bybit.public_stream import PublicStream
from simulators.bybit.recorded import path, playing

Number = Decimal | str | int


def decimal(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(value)


class Controls(Hosted):
    """Every control may be called from any thread. What is no market move is written to the fault log."""

    exchange: Exchange
    keys: dict[str, Key]
    faults: Faults
    limits: Limits
    public: PublicStream
    private: PrivateStream

    # --- the market -------------------------------------------------------------------------------------------------

    @property
    def clock_offset_ms(self) -> int:
        """How far the venue's clock is ahead of the machine's."""
        return self.exchange.clock.offset_ms

    @clock_offset_ms.setter
    def clock_offset_ms(self, value: int) -> None:
        self.faults.note("clock set", f"{value} ms")
        self.exchange.clock.offset_ms = value

    def market(self, symbol: str) -> Market:
        return self.exchange.markets[symbol]

    @on_loop
    def set_price(
        self, symbol: str, price: Number, *, mark: Number | None = None, index: Number | None = None, qty: Number = 1
    ) -> None:
        """A public trade at `price`; orders match, stops trigger, everything is pushed. Mark and index follow."""
        market = self.exchange.market(symbol)
        value = decimal(price)
        if value <= 0 or value % market.instrument.tick:
            raise ValueError(f"{symbol}: the price {value} is no multiple of {market.instrument.tick}")
        now = self.exchange.clock.now_ms()
        if not market.driven:
            self.roll(market, now)
        trade: Trade = market.trade(
            value, decimal(qty), now, None if mark is None else decimal(mark), None if index is None else decimal(index)
        )
        market.touch(value, decimal(qty))
        self.public.moved(market, [trade], market.refresh_book())
        matching.on_price(self.exchange, symbol)

    @on_loop
    def restart_book(self, symbol: str) -> None:
        """A fresh snapshot with u=1, as after a restart of the venue."""
        self.public.restart_book(self.market(symbol))

    @on_loop
    def load_bars(
        self, symbol: str, bars: Sequence[Bar], interval_ms: int, *, end_ms: int | None = None, keep_times: bool = False
    ) -> None:
        """Make `bars` the history of `symbol`, moved in time so that the last one closes at `end_ms` (default: now,
        cut to the interval). The last close becomes the price."""
        market = self.exchange.market(symbol)
        now = self.exchange.clock.now_ms()
        end = (end_ms if end_ms is not None else now) // interval_ms * interval_ms
        shift = 0 if keep_times or not bars else end - (bars[-1].start_ms + interval_ms)
        market.base_ms = interval_ms
        market.bars = [Bar(b.start_ms + shift, b.open, b.high, b.low, b.close, b.volume) for b in bars]
        if bars:
            market.last = market.mark = market.index = bars[-1].close
            market.open_24h = market.high_24h = market.low_24h = market.last
            market.refresh_book()

    @on_loop
    def play_bar(self, symbol: str, bar: Bar, *, confirm: bool = True) -> None:
        """Drive one whole candle: its path is open, the nearer extreme, the other one, close; then it is confirmed."""
        market = self.exchange.market(symbol)
        market.driven = True
        tick = market.instrument.tick
        market.bars.append(Bar(bar.start_ms, bar.open, bar.open, bar.open, bar.open, Decimal(0)))
        for price in path(bar):
            self.set_price(symbol, max(price.quantize(tick), tick), qty=bar.volume / 4)
        if confirm:
            self.public.closed(market, [market.bars[-1]])

    @on_loop
    def play(self, bars: Mapping[str, Sequence[Bar]], *, interval_ms: int, seconds_per_bar: float) -> None:
        """Play recorded candles of several symbols in step, in the background, from where each history ends."""
        self.spawn(playing(self, bars, interval_ms, seconds_per_bar))

    def roll(self, market: Market, now: int) -> None:
        """Close the candles whose time is over."""
        closed = market.roll(now)
        if closed:
            self.public.closed(market, closed)

    # --- incidents --------------------------------------------------------------------------------------------------

    @on_loop
    def go_down(self, seconds: float) -> None:
        """Nobody listens for so long: connections are cut, new ones refused; then it is back on the same port."""
        self.faults.note("venue down", f"{seconds} s")
        self.spawn(self.down(seconds))

    @on_loop
    def drop_streams(self) -> None:
        """Cut every connection of both streams."""
        self.faults.note("stream dropped", "*")
        self.cut()

    @on_loop
    def change_instrument(self, /, symbol: str, **fields: object) -> None:
        """New filters or another status between the load of the instruments and an order."""
        self.faults.note("instrument changed", symbol)
        market = self.exchange.market(symbol)
        market.instrument = replace(market.instrument, **fields)  # type: ignore[arg-type]

    @on_loop
    def replace_key(self, key: Key) -> None:
        """The key loses or gains rights, or expires, while it is in use."""
        self.faults.note("key changed", key.key)
        self.keys[key.key] = key

    @on_loop
    def ban(self, seconds: float) -> None:
        """The address asked too much: HTTP 403 for so long."""
        self.faults.note("address banned", f"{seconds} s")
        self.limits.ban(seconds)

    @on_loop
    def deposit(self, amount: Number) -> None:
        """Money comes, or goes when negative, without any order."""
        self.faults.note("deposit", str(amount))
        with self.exchange.transaction():
            self.exchange.wallet.balance += decimal(amount)
            account.say_wallet(self.exchange)

    @on_loop
    def age(self, ms: int) -> None:
        """Make all that happened so far older, such as a position opened before any look-back."""
        x = self.exchange
        for order in x.orders.values():
            order.created_ms -= ms
            order.updated_ms -= ms
        x.executions[:] = [replace(e, time_ms=e.time_ms - ms) for e in x.executions]
        for position in x.positions.values():
            position.created_ms -= ms
            position.updated_ms -= ms

    @on_loop
    def settle_funding(self, symbol: str, rate: Number | None = None) -> list[Execution]:
        """Pay funding on the position held now."""
        self.faults.note("funding", symbol)
        return account.settle_funding(self.exchange, symbol, None if rate is None else decimal(rate))

    @on_loop
    def liquidate(self, symbol: str) -> Execution:
        self.faults.note("liquidation", symbol)
        return account.force_out(self.exchange, symbol, "BustTrade")

    @on_loop
    def deleverage(self, symbol: str, qty: Number | None = None) -> Execution:
        """ADL: the venue closes `qty` of a position, or all of it."""
        self.faults.note("ADL", symbol)
        return account.force_out(self.exchange, symbol, "AdlTrade", None if qty is None else decimal(qty))

    @on_loop
    def manual(self, /, **order: object) -> Order:
        """An order made at the venue by hand: fields as in `POST /v5/order/create`, no link id needed."""
        self.faults.note("order by hand", str(order.get("symbol", "")))
        order = {"category": "linear", "orderType": "Market", "positionIdx": 0} | order
        fields = {name: str(value) if isinstance(value, Decimal) else value for name, value in order.items()}
        return matching.create(self.exchange, fields)

    @on_loop
    def manual_close(self, symbol: str) -> Order:
        """The whole position closed at the venue by hand."""
        position = self.exchange.position(symbol)
        side = "Sell" if position.size > 0 else "Buy"
        return self.manual(symbol=symbol, side=side, qty=str(abs(position.size)), reduceOnly=True)

    @on_loop
    def manual_cancel(self, order_id: str) -> Order:
        """An open order, stop or target taken away at the venue by hand."""
        order = self.exchange.orders[order_id]
        self.faults.note("cancel by hand", order.symbol)
        return matching.cancel(self.exchange, {"category": "linear", "symbol": order.symbol, "orderId": order_id})
