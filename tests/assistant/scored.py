"""Shadow trades and verdicts as a desk would have left them."""

from decimal import Decimal
from typing import Any

from msgspec import structs

from tradeterm.assistant.evidence import Asked, Evidence
from tradeterm.domain.facts import AiUsage, ShadowTrade
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource

START = 1_743_897_600_000  # 2025-04-06 00:00 UTC
HOUR = 3_600_000
D = Decimal
BTC = "BTCUSDT.BINANCE"
CLAUDE = "claude-sonnet-5-5"


def shadow(n: int, pnl: float | None, *, closed: bool = True, **changed: Any) -> ShadowTrade:
    """The nth signal's, an hour after the one before."""
    opened = START + n * HOUR
    made = ShadowTrade(
        id=f"x{n}",
        signal_id=f"s{n}",
        book="crypto",
        instrument=BTC,
        side=PositionSide.LONG,
        quantity=D("0.5"),
        entry_price=D(80000),
        exit_price=D(80100) if pnl is not None else None,
        ts_opened=opened,
        ts_closed=opened + HOUR // 2 if closed else None,
        pnl=None if pnl is None else D(str(pnl)),
        exit_reason="TAKE_PROFIT" if pnl is not None else "GAP" if closed else "",
        verdict_id=f"vs{n}",
        strategy="eos",
        regime="RANGE",
        currency="USDT",
    )
    return structs.replace(made, **changed)


def verdict(n: int, decision: str = "APPROVE", factor: str | None = None, **changed: Any) -> Verdict:
    sizes = {"APPROVE": "1", "REDUCE": "0.5"}
    made = Verdict(
        id=f"vs{n}",
        signal_id=f"s{n}",
        book="crypto",
        instrument=BTC,
        side=PositionSide.LONG,
        decision=VerdictDecision(decision),
        size_factor=D(factor or sizes.get(decision, "0")),
        confidence=None,
        reason_codes=(),
        reasoning="",
        source=VerdictSource.LIVE,
        model=CLAUDE,
        latency_ms=900,
        ts=START + n * HOUR - 1000,
    )
    return structs.replace(made, **changed)


def asked(n: int, **changed: Any) -> Asked:
    made = Asked(
        id=f"vs{n}",
        enforced=True,
        source=VerdictSource.LIVE,
        decision=VerdictDecision.APPROVE,
        context_hash=f"h{n}",
        prompt_version="gate_v1",
        simulated=False,
        contaminated=False,
    )
    return structs.replace(made, **changed)


def usage(n: int, cost: str | None = "0.01", **changed: Any) -> AiUsage:
    made = AiUsage(
        ts=START + 300 * DAY_MS,
        book="crypto",
        purpose="gate",
        model=CLAUDE,
        signal_id=f"s{n}",
        input_tokens=1500,
        output_tokens=200,
        cached_tokens=0,
        cost=None if cost is None else D(cost),
        currency="USD",
        latency_ms=900,
    )
    return structs.replace(made, **changed)


def sixty(**changed: Any) -> Evidence:
    """Sixty outcomes of 2.5 days: every third lost 10 and was vetoed, the others won 4 and were let through."""
    shadows = [shadow(n, -10 if n % 3 == 0 else 4) for n in range(60)]
    verdicts = [verdict(n, "REJECT" if n % 3 == 0 else "APPROVE", **changed) for n in range(60)]
    return Evidence(shadows=shadows, verdicts=verdicts)
