"""Our own time from a signal to the request for its verdict: `python tests/benchmarks/verdict_latency.py [samples]`.

The clock starts when `judge` is called with a signal and a full packet (30 bars, 50 positions, 40 checks) and stops
when the request has arrived at the other end of a loopback socket, through the real client: context, cleaning, hash,
budget, the search for secrets, the SDK, and the reading of it by the other end, which is in this process. A second
figure is from the answer to the verdict: writing, reading, checking, grounding, the record (not its disk). The
provider's own time is in neither. The first request of a run is apart: the SDK prepares itself in it. Beside the time
stands the processor's, which other programs on the same cores do not lengthen.

Prints figures, asserts nothing. The budget: p99 under 10 ms.
"""

import asyncio
import statistics
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "validators")]

from gate_kit import KEY, packet, signal  # noqa: E402
from simulators.messages import Answer, MessagesServer, policy  # noqa: E402

from tradeterm.config import AiConfig, AiProvider, GateConfig  # noqa: E402
from tradeterm.validators.context import build_context, tokens_of  # noqa: E402
from tradeterm.validators.record import DecisionRecord  # noqa: E402
from tradeterm.validators.registry import Around, make_validator  # noqa: E402

BUDGET_MS = 10.0


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
        bars=[[84_250.5 + n, 84_300.1, 84_200.2, 84_260.3, 812] for n in range(30)],
        tier1=checks,
        portfolio={**usual["portfolio"], "positions": positions},
    )


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
        before, after = [], []
        for number in range(samples + 1):
            asked, context = signal(f"s{number}"), full_packet(number)
            started = Clock.now()
            verdict = await made.judge(asked, context, asked.ts_bar)
            ended = Clock.now()
            if verdict.code:
                raise SystemExit(f"{verdict.code}: {verdict.reasoning}")
            before.append((started, came))
            after.append((answered, ended))
        await made.close()
    first = before[0]
    say(f"{validator}: the first request after {1000 * (first[1].processor - first[0].processor):.1f} ms of processor")
    say(row("signal to request", before[1:]))
    say(row("answer to verdict", after[1:]))


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    found = build_context(signal(), full_packet(0), signal().ts_bar)
    say(f"context: {len(found.text)} characters, at most {tokens_of(found.text)} tokens; {samples} samples")
    asyncio.run(measure("claude", AiProvider.ANTHROPIC, "ANTHROPIC_API_KEY", samples))
    asyncio.run(measure("openai-shaped", AiProvider.OTHER, "TRADETERM_AI_KEY", samples))
    say(f"budget: p99 {BUDGET_MS:g} ms from signal to request")


if __name__ == "__main__":
    main()
