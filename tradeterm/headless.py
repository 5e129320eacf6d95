"""The engine in the foreground, told in lines: readable ones, or JSON with `--json`.

A JSON line is `{"type", "ts", "text", "data"}`: a stable word, desk time in UTC ms, the readable line, and the ledger's
fact behind it (null for some). The last is `{"type": "summary", ...}` with the members of `engine.summary`.

A reader that goes away (`| head`) never ends trading: a bounded run (`--until-end`, `--duration`) is ended cleanly, an
unbounded one trades on in silence.
"""

import os
import sys
from decimal import Decimal
from typing import TextIO

import msgspec

from tradeterm.config import Config
from tradeterm.domain.facts import Fact
from tradeterm.domain.states import TradingState
from tradeterm.engine.lines import Teller, clock
from tradeterm.engine.options import EngineOptions, RunStarted, Summary
from tradeterm.engine.run import run_engine
from tradeterm.profile import Profile


class Printer:
    """Writes what an engine does to a stream, one line each. `gone` is true once nobody reads any more."""

    def __init__(self, out: TextIO, *, json: bool) -> None:
        self._out = out
        self._json = json
        self._teller = Teller()
        self.gone = False

    def started(self, run: RunStarted) -> None:
        how = "goes on" if run.resumed else "started"
        text = f"{run.mode.upper()} {how}: {', '.join(run.books)}; tier 2 {run.tier2}; ledger {run.ledger}"
        if run.trading_state is not TradingState.ACTIVE:
            text += f"; {run.trading_state}: {run.trading_reason}"
        self._line("start", run.ts, text, run)
        for note in run.notes:
            self._line("data", run.ts, note)

    def fact(self, ts: int, fact: Fact) -> None:
        line = self._teller.tell(ts, fact)
        if line is not None:
            self._line(line.kind, ts, line.text, fact)

    def ended(self, summary: Summary) -> None:
        """The last line; in JSON an object of type `summary`."""
        if self._json:
            self._write(msgspec.json.encode({"type": "summary", **summary}).decode())
            return
        trades = f"{summary['signals']} signals, {summary['trades']} trades ({summary['wins']} won)"
        money = f"equity {summary['equity']} {summary['currency']} ({summary['pnl']})"
        money += f", worst drawdown {Decimal(str(summary['max_drawdown'])):.2%}"
        self._write(f"end: {summary['status']}; {trades}; {money}; ledger {summary['ledger']}")

    def _line(self, kind: str, ts: int, text: str, data: msgspec.Struct | None = None) -> None:
        if self._json:
            self._write(msgspec.json.encode({"type": kind, "ts": ts, "text": text, "data": data}).decode())
        else:
            self._write(f"{clock(ts)}  {kind:<9} {text}")

    def _write(self, line: str) -> None:
        if self.gone:
            return
        try:
            self._out.write(line + "\n")
            self._out.flush()
        except (BrokenPipeError, ValueError, OSError):  # ValueError: the stream is closed
            self.gone = True
            _quiet(self._out)


def _quiet(out: TextIO) -> None:
    """Point the lost stream at nothing, so that the interpreter's own flush at exit stays quiet."""
    if out is sys.stdout and not out.closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def run_headless(
    profile: Profile,
    config: Config,
    *,
    json: bool = False,
    speed: float | None = None,
    until_end: bool = False,
    duration: float | None = None,
    start_ts: int | None = None,
    parent_fd: int | None = None,
    real_money: bool = False,
    out: TextIO | None = None,
) -> int:
    """Run the engine of a profile until it is stopped; returns the exit status (0 done, 1 failed, 130 interrupted).

    `real_money` says that a person has confirmed to trade it. Raises ConfigError, LedgerError or EngineError when it
    cannot start.
    """
    printer = Printer(out if out is not None else sys.stdout, json=json)
    bounded = until_end or duration is not None
    return run_engine(
        EngineOptions(
            profile=profile,
            config=config,
            speed=speed,
            until_end=until_end,
            duration=duration,
            start_ts=start_ts,
            parent_fd=parent_fd,
            real_money=real_money,
            observers=(printer,),
            should_stop=lambda: bounded and printer.gone,
        )
    )
