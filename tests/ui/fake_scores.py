"""The frozen desk with a record of tier 2 behind it: shadow trades and verdicts of many days, drawn from a seed."""

import random
from collections.abc import Sequence
from decimal import Decimal

from fake_console import BOOK, NOW, FakeConsole, busy_view, instrument
from msgspec import structs

from tradeterm.domain.facts import AiUsage, ShadowTrade
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource

HOUR = 3_600_000
COINS = ("BTC", "ETH", "LINK", "ADA")
REASONS = ("SIGNAL_STRONG", "TREND_AGAINST", "VOLUME_THIN")


class ScoredConsole(FakeConsole):
    def __init__(self, shadows: Sequence[ShadowTrade], verdicts: Sequence[Verdict], usage: Sequence[AiUsage]) -> None:
        super().__init__(busy_view())
        self.shadows, self.judged, self.paid = list(shadows), tuple(verdicts), tuple(usage)
        self.scores_read = 0

    def shadow_trades(self, limit: int = 200) -> Sequence[ShadowTrade]:
        self.scores_read += limit > 1000  # only a scorecard reads so many
        return tuple(self.shadows[:limit])

    def verdicts(self, limit: int = 100) -> Sequence[Verdict]:
        return self.judged[:limit] if limit > 1000 else super().verdicts(limit)

    def ai_usage(self, since_ts: int, limit: int = 5000) -> Sequence[AiUsage]:
        return self.paid[:limit] if limit > 5000 else super().ai_usage(since_ts, limit)


def scored(signals: int, source: VerdictSource = VerdictSource.LIVE, model: str = "claude-sonnet-5-5") -> ScoredConsole:
    """Signals of six hours each: one in four wins much, the AI knows a little of which."""
    dice = random.Random(11)
    shadows, verdicts, usage = [], [], []
    for n in range(signals):
        at, coin = NOW - n * 6 * HOUR, COINS[n % len(COINS)]
        quality = dice.random()
        pnl = Decimal(str(round(dice.gauss(60 if dice.random() < 0.2 + 0.4 * quality else -35, 12), 2)))
        said = min(0.95, max(0.05, round(0.2 + 0.4 * quality + dice.gauss(0, 0.12), 2)))
        decision = VerdictDecision.REJECT if said < 0.3 else VerdictDecision.REDUCE if said < 0.4 else None
        silent = n % 17 == 5
        shadow = ShadowTrade(
            id=f"x{n}",
            signal_id=f"z{n}",
            book=BOOK,
            instrument=instrument(coin),
            side=PositionSide.LONG if n % 3 else PositionSide.SHORT,
            quantity=Decimal("0.5"),
            entry_price=Decimal(80000),
            exit_price=Decimal(80100),
            ts_opened=at,
            ts_closed=at + HOUR,
            pnl=pnl,
            exit_reason="TAKE_PROFIT" if pnl > 0 else "STOP_LOSS",
            verdict_id=f"vz{n}",
            strategy="eos",
            regime=("RANGE", "TREND_UP", "CHOP")[n % 3],
            currency="USDT",
        )
        if n < 3:
            shadow = structs.replace(shadow, ts_closed=None, exit_price=None, pnl=None, exit_reason="")
        shadows.append(shadow)
        given = VerdictDecision.FAILED_CLOSED if silent else decision or VerdictDecision.APPROVE
        factor = {"APPROVE": "1", "REDUCE": "0.5"}.get(given.value, "0")
        verdicts.append(
            Verdict(
                id=f"vz{n}",
                signal_id=f"z{n}",
                book=BOOK,
                instrument=instrument(coin),
                side=PositionSide.LONG,
                decision=given,
                size_factor=Decimal(factor),
                confidence=None if silent or source is VerdictSource.RULES else said,
                reason_codes=() if silent else (REASONS[n % 3],),
                reasoning="",
                source=source,
                model=model,
                latency_ms=800,
                ts=at - 1000,
                code=("TIMEOUT", "TRANSPORT")[n % 2] if silent else "",
            )
        )
        usage.append(_asked(n, at, model))
    return ScoredConsole(shadows, verdicts, () if source is VerdictSource.RULES else usage)


def _asked(n: int, at: int, model: str) -> AiUsage:
    return AiUsage(
        ts=at,
        book=BOOK,
        purpose="gate",
        model=model,
        signal_id=f"z{n}",
        input_tokens=1500,
        output_tokens=200,
        cached_tokens=0,
        cost=Decimal("0.012"),
        currency="USD",
        latency_ms=800,
    )
