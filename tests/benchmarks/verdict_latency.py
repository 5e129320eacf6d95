"""Our own time from a signal to the request for its verdict: `python tests/benchmarks/verdict_latency.py [samples]`.

The clock starts where the gate takes a signal with a full packet (50 positions, 40 checks) and stops when the request
has arrived at the other end of a loopback socket, through the real client: context, cleaning, hash, budget, the search
for secrets, the SDK, and the reading of it by the other end, which is in this process. Every second signal is told of
its situation besides (600 bars, of which 30 are shown): the two stand side by side, as the machine is not the same from
one minute to the next. Another figure is from the answer to the verdict: writing, reading, checking, grounding, the
record (not its disk). The provider's own time is in none. The first request of a run is apart: the SDK prepares itself
in it. Beside the time stands the processor's, which other programs on the same cores do not lengthen.

Prints figures, asserts nothing. The budget: p99 under 10 ms.
"""

import asyncio
import math
import statistics
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "validators")]

from gate_kit import KEY, TS, packet, signal  # noqa: E402
from simulators.messages import Answer, MessagesServer, policy  # noqa: E402

from tradeterm.config import AiConfig, AiProvider, GateConfig  # noqa: E402
from tradeterm.domain.events import BarClosed  # noqa: E402
from tradeterm.domain.instrument import Instrument, InstrumentKind  # noqa: E402
from tradeterm.domain.market import MINUTE_MS, Bar  # noqa: E402
from tradeterm.engine.gate import joined  # noqa: E402
from tradeterm.engine.situation import Situations  # noqa: E402
from tradeterm.validators.context import build_context, tokens_of  # noqa: E402
from tradeterm.validators.record import DecisionRecord  # noqa: E402
from tradeterm.validators.registry import Around, make_validator  # noqa: E402

BUDGET_MS, SITUATION_MS = 10.0, 1.0
FIVE_MINUTES = 5 * MINUTE_MS


def full_packet(number: int) -> dict[str, Any]:
    usual = packet()
    checks = [
        {"code": f"CHECK_{n}", "passed": True, "numbers": {"share": str(n / 100), "limit": "0.5"}} for n in range(40)
    ]
    positions = [
        {
            "instrument": f"T{n}USDT.BYBIT",
            "side": "LONG",
            "quantity": str(n + 1),
            "average_price": "10.5",
            "mark": str(Decimal("10.5") + n),
            "ts_opened": 1,
        }
        for n in range(50)
    ]
    return packet(
        market={**usual["market"], "volatility": 0.5 + number / 1e4},
        tier1=checks,
        portfolio={**usual["portfolio"], "positions": positions},
    )


def situations() -> Situations:
    """Of the signal's instrument, with all the bars it looks at."""
    contract = Instrument(
        id=signal().instrument,
        symbol="BTCUSDT",
        venue="BYBIT",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
        funding_interval_ms=8 * 60 * MINUTE_MS,
    )
    found = Situations([contract], FIVE_MINUTES, source="bybit")
    for number in range(-found.length, 0):
        close_bar(found, number)
    return found


def close_bar(known: Situations, number: int) -> None:
    opened = TS + number * FIVE_MINUTES
    price = 84_000 + 300 * math.sin(number / 7) + number % 13
    bar = Bar(
        signal().instrument, FIVE_MINUTES, opened, price, price + 40, price - 45, price + 9, 800 + number % 31, opened
    )
    known.on_market(BarClosed(ts=bar.ts_event, bar=bar))


class Clock(NamedTuple):
    """Seconds: of the wall and of this process's processor."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> "Clock":
        return cls(time.perf_counter(), time.process_time())


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def row(name: str, spans: list[tuple[Clock, Clock]]) -> str:
    wall = sorted(1000 * (end.wall - start.wall) for start, end in spans)
    processor = sorted(1000 * (end.processor - start.processor) for start, end in spans)
    return f"  {name:<20}" + "   ".join(
        f"{what} median {statistics.median(values):6.2f} p99 {values[int(len(values) * 0.99) - 1]:6.2f} ms"
        for what, values in (("wall", wall), ("processor", processor))
    )


def median_of(spans: list[tuple[Clock, Clock]]) -> float:
    return statistics.median(end.processor - start.processor for start, end in spans)


async def measure(validator: str, provider: AiProvider, variable: str, samples: int) -> None:
    came = answered = Clock.now()

    def answering(body: dict[str, Any]) -> Answer:
        nonlocal came, answered
        came = Clock.now()
        found = policy(body)
        answered = Clock.now()
        return found

    async def record(kept: DecisionRecord) -> None:
        """Its disk is not measured here."""

    async with MessagesServer(answering) as server:
        limits: dict[str, Any] = {"budget_calls": 100_000, "budget_usd": 10_000.0, "budget_tokens": 1_000_000_000}
        gate = GateConfig(validator=validator, ai=AiConfig(provider=provider, base_url=server.url, **limits))
        made = make_validator(gate, Around(record=record, environ={variable: KEY}))
        before, after, known = [], [], situations()
        for number in range(2 * samples + 1):
            asked, context = signal(f"s{number}"), full_packet(number)
            close_bar(known, number)
            started = Clock.now()
            if number % 2:
                context = joined(context, known.of(asked.instrument, asked.ts_bar))
            verdict = await made.judge(asked, context, asked.ts_bar)
            ended = Clock.now()
            if verdict.code:
                raise SystemExit(f"{verdict.code}: {verdict.reasoning}")
            before.append((started, came))
            after.append((answered, ended))
        await made.close()
    first = before[0]
    say(f"{validator}: the first request after {1000 * (first[1].processor - first[0].processor):.1f} ms of processor")
    alone, told = before[2::2], before[1::2]
    say(row("packet to request", alone))
    say(row("with the situation", told))
    say(row("answer to verdict", after[1:]))
    added = 1000 * (median_of(told) - median_of(alone))
    say(f"  the situation adds {added:.2f} ms of processor (budget {SITUATION_MS:g} ms)")


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    whole = joined(full_packet(0), situations().of(signal().instrument, TS))
    found = build_context(signal(), whole, TS)
    say(f"context: {len(found.text)} characters, at most {tokens_of(found.text)} tokens; {samples} samples")
    asyncio.run(measure("claude", AiProvider.ANTHROPIC, "ANTHROPIC_API_KEY", samples))
    asyncio.run(measure("openai-shaped", AiProvider.OTHER, "TRADETERM_AI_KEY", samples))
    say(f"budget: p99 {BUDGET_MS:g} ms from signal to request")


if __name__ == "__main__":
    main()
