"""A signal with its packet, and an AI validator that asks the Messages API of the tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from msgspec import structs
from simulators.messages import MessagesServer

from tradeterm.config import AiConfig, GateConfig
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal, SignalKind, Verdict
from tradeterm.validators.protocol import Notice, Validator
from tradeterm.validators.record import DecisionRecord
from tradeterm.validators.registry import Around, make_validator

KEY = "sk-ant-planted-0123456789abcdef"
TS = 1_795_276_800_000
"""2026-11-21 16:00 UTC."""


def signal(id: str = "s0123456789abcde", **changes: Any) -> Signal:
    base: dict[str, Any] = {
        "id": id,
        "book": "crypto",
        "strategy": "eos",
        "instrument": "BTCUSDT.BYBIT",
        "kind": SignalKind.ENTRY,
        "side": PositionSide.LONG,
        "price": Decimal("84250.5"),
        "ts_bar": TS,
        "reason": "EOS: fell 3 % in 4 h",
        "explain": {"trend_4h": -0.031234567, "trend_1h": -0.01, "confirmations": 2.0, "funding_rate": 0.0001},
    }
    return Signal(**{**base, **changes})


def packet(**groups: Any) -> dict[str, Any]:
    """What the desk tells of it; a group given here takes the place of the usual one."""
    return {
        "signal": {"stop": "82565.4", "target": "86778.1", "quantity": "0.119", "reason": "EOS: fell 3 % in 4 h"},
        "explain": {"trend_4h": -0.031234567, "trend_1h": -0.01, "confirmations": 2.0, "funding_rate": 0.0001},
        "market": {
            "mark": "84250.5",
            "age_ms": 120,
            "funding_rate": 0.0001,
            "regime": "range",
            "volatility": 0.52,
            "atr": 842.505,
        },
        "size": {"binding": "position cap", "factors": {"risk per trade": "0.01"}},
        "limits": {"max_leverage": 2.0, "drawdown": 0.08, "daily_loss": 0.05},
        "tier1": [
            {"code": "TRADING_HALTED", "passed": True, "numbers": {"state": "ACTIVE"}},
            {"code": "EXPOSURE_LIMIT", "passed": True, "numbers": {"share": "0.9", "limit": "1"}},
        ],
        "portfolio": {
            "equity": "100000",
            "cash": "90000",
            "exposure": "10000",
            "day_pnl": "-150",
            "drawdown": "0.012",
            "positions": [
                {
                    "instrument": "ETHUSDT.BYBIT",
                    "side": "SHORT",
                    "quantity": "3",
                    "average_price": "3000",
                    "mark": "2970",
                    "ts_opened": TS - 3_600_000,
                }
            ],
            "open_positions": 1,
        },
        "ts": TS + 120,
        **groups,
    }


class Rig:
    """`records` and `notices` are what the validator handed over."""

    def __init__(self, validator_of: Any, server: MessagesServer) -> None:
        self.server = server
        self.records: list[DecisionRecord] = []
        self.notices: list[Notice] = []
        self.wall = TS
        self.validator: Validator = validator_of(self)
        self._asked = 0

    async def record(self, record: DecisionRecord) -> None:
        self.records.append(record)

    async def judge(self, asked: Signal | None = None, context: dict[str, Any] | None = None) -> Verdict:
        """The verdict; each call asks of a situation of its own unless a context is given."""
        self._asked += 1
        if context is None:
            usual = packet()
            context = packet(market={**usual["market"], "volatility": 0.5 + self._asked / 1000})
        given = asked or signal(f"s{self._asked:015}")
        return await self.validator.judge(given, context, TS + 120)

    @property
    def codes(self) -> list[str]:
        return [notice.code for notice in self.notices]


@asynccontextmanager
async def rig(
    server: MessagesServer | None = None,
    *,
    environ: dict[str, str] | None = None,
    ai: dict[str, Any] | None = None,
    around: dict[str, Any] | None = None,
    **gate: Any,
) -> AsyncIterator[Rig]:
    """Claude at the fake server, or what the settings say."""
    async with server or MessagesServer() as running:
        settings = {"base_url": running.url, **(ai or {})}
        config = GateConfig(**{"validator": "claude", "ai": AiConfig(**settings), **gate})

        def validator_of(made: Rig) -> Validator:
            house = Around(
                record=made.record,
                notify=made.notices.append,
                now=lambda: made.wall,
                environ={"ANTHROPIC_API_KEY": KEY} if environ is None else environ,
            )
            return make_validator(config, structs.replace(house, **(around or {})))

        made = Rig(validator_of, running)
        try:
            yield made
        finally:
            await made.validator.close()
