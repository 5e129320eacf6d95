"""A live desk that asks a model: what it is told while quotes move, and headlines that come while it runs."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bybit_bench import BTC, ETH, FALL, Bench, bench, hurry
from simulators.messages import MessagesServer
from test_engine_ai import KEY

from tradeterm.config import AiConfig, GateConfig, NewsConfig
from tradeterm.domain.events import QuoteUpdate
from tradeterm.domain.facts import AiUsage
from tradeterm.domain.market import Quote
from tradeterm.domain.signals import SignalOutcome, Verdict, VerdictDecision
from tradeterm.profile import Profile


def asked(server: MessagesServer, symbol: str) -> list[dict[str, Any]]:
    contexts = [json.loads(body["messages"][0]["content"]) for body in server.asked]
    return [context for context in contexts if context["signal"]["symbol"] == f"{symbol}.BYBIT"]


def quote(made: Bench, symbol: str, last: float, bid: float, ask: float) -> None:
    ts = made.now()
    made.feed.batches.put_nowait([QuoteUpdate(ts=ts, quote=Quote(f"{symbol}.BYBIT", ts, ts, last, bid, ask, 1, 1))])


async def test_a_live_desk_tells_spreads_and_hears_headlines(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setattr("tradeterm.engine.news.LOOK_EVERY_S", 0.05)
    file = tmp_path / "news.jsonl"
    async with MessagesServer() as server, bench(profile) as made:
        gate = GateConfig(validator="claude", ai=AiConfig(base_url=server.url))
        news = NewsConfig(file=str(file), feeds=("http://127.0.0.1:9/rss",), keep_hours=1.0)
        made.config = msgspec.structs.replace(made.config, gate=gate, news=news)
        await made.started()
        await made.said("NEWS_FAILED", 2)
        quote(made, ETH, 3000.0, 2999.7, 3000.3)
        await made.enter(ETH)
        (first,) = asked(server, ETH)
        assert first["data_quality"]["source"] == "bybit"
        assert first["market"] | {"bid": "2999.7", "ask": "3000.3", "spread_bps": "2.0"} == first["market"]
        assert (first["market"]["return_24h"], first["market"]["volume_z"]) == ("-0.01", None), "its volume never moves"
        assert first["bars"][-1][2] == "0.0"
        assert int(first["data_quality"]["bar_age_ms"]) < 60_000

        text = "Bitcoin bridge exploit drains funds, exchange halts withdrawals"
        line = {"ts": made.now(), "symbols": [], "text": text}
        file.write_text(json.dumps(line) + "\n")
        await made.said("NEWS_BACK")
        before = len(made.decided(SignalOutcome.VETOED))
        made.bar(**{BTC: FALL[BTC]})
        await made.until(lambda: len(made.decided(SignalOutcome.VETOED)) > before, "the headline costs the entry")
        numbers, headlines = asked(server, BTC)
        assert "untrusted" not in numbers
        assert headlines["untrusted"] == {"headlines": [text]}
        (verdict,) = [each for each in made.watcher.of(Verdict) if each.instrument == f"{BTC}.BYBIT"]
        assert (verdict.decision, verdict.code) == (VerdictDecision.REJECT, "NEWS_ADVERSE")
        assert {usage.purpose for usage in made.watcher.of(AiUsage)} == {"gate", "news"}
        assert made.holds(BTC) == 0
