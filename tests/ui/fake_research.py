"""Research without its processes: answers as the commands give them, and a command that a test holds in its hand."""

import asyncio
import math
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tradeterm.research.runs import FILE, keep_run
from tradeterm.ui.research.command import Ended, Progress
from tradeterm.ui.screens.research import ResearchScreen

DAY = 86_400_000
FIRST = 1_736_899_200_000  # 2025-01-15
DAYS = 90
LAST = FIRST + DAYS * DAY
ENDED = 1_768_460_400_000  # 2026-01-15 07:00
SYMBOLS = ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE")
HASH = "5ff5b61f" * 8
BOOK = {
    "strategy": "eos",
    "venue": "paper",
    "instruments": list(SYMBOLS),
    "capital": 100_000.0,
    "currency": "USDT",
    "interval": "5m",
}
COSTS = {"fee": 0.00055, "slippage": 0.0002, "impact": None, "participation": 0.05}


def equity(drift: float = 1.0, days: int = DAYS) -> list[tuple[int, float]]:
    """A curve that wanders upwards, without chance."""
    return [
        (FIRST + day * DAY, round(100_000 * (1 + 0.001 * drift * day + 0.012 * math.sin(day / 7) * drift), 2))
        for day in range(days + 1)
    ]


def trades(count: int = 40) -> list[dict[str, Any]]:
    reasons = ("STOP", "TARGET", "AVERAGE_CROSS", "TRAILING")
    found = []
    for at in range(count):
        pnl = (-104.2, 158.33, 21.07, 74.5)[at % 4]
        found.append(
            {
                "instrument": SYMBOLS[at % 2],
                "side": 1 if at % 3 else -1,
                "quantity": (0.12, 3.5)[at % 2],
                "entry_ts": FIRST + at * 2 * DAY + 6 * 3_600_000,
                "entry_price": (83_412.5, 1_812.4)[at % 2],
                "exit_ts": FIRST + at * 2 * DAY + 9 * 3_600_000,
                "exit_price": (83_001.0, 1_846.02)[at % 2],
                "reason": reasons[at % 4],
                "gross": pnl + 12.0,
                "fees": 11.0,
                "slippage": 1.2,
                "funding": -0.2,
                "pnl": pnl,
                "r": pnl / 100,
            }
        )
    return found


def part(key: str, count: int, net: float) -> dict[str, Any]:
    return {
        "key": key,
        "trades": count,
        "win_rate": 0.55,
        "profit_factor": 1.42,
        "expectancy": net / count,
        "expectancy_r": net / count / 100,
        "average_duration": 10_800_000.0,
        "costs": 12.0 * count,
        "net": net,
    }


FIGURES = (
    ("final_equity", 109_148.2, "money", 104_210.0),
    ("total_return", 0.091482, "fraction", 0.0421),
    ("cagr", 0.4231, "fraction", 0.1794),
    ("volatility", 0.121, "fraction", 0.583),
    ("sharpe", 2.04, "ratio", 0.41),
    ("sortino", 3.11, "ratio", 0.62),
    ("calmar", 17.6, "ratio", 0.9),
    ("max_drawdown", -0.006, "fraction", -0.1987),
    ("longest_drawdown", 22 * DAY, "duration", 61 * DAY),
    ("drawdown_recovery", LAST - 9 * DAY, "time", None),
    ("worst_day", -0.0021, "fraction", -0.0712),
    ("tail_ratio", 1.21, "ratio", 0.97),
    ("trades", 40, "count", None),
    ("win_rate", 0.575, "fraction", None),
    ("payoff", 1.31, "ratio", None),
    ("profit_factor", 1.77, "ratio", None),
    ("expectancy", 37.42, "money", None),
    ("expectancy_r", 0.37, "R", None),
    ("average_duration", 10_800_000.0, "duration", None),
    ("loss_streak", 4, "count", None),
    ("time_in_market", 0.131, "fraction", None),
    ("turnover", 41.2, "per_year", None),
    ("gross", 9_640.0, "money", None),
    ("slippage", 48.0, "money", None),
    ("fees", 440.0, "money", None),
    ("funding", 3.8, "money", None),
    ("net", 9_148.2, "money", None),
    ("probabilistic_sharpe", 0.97, "fraction", None),
    ("deflated_sharpe", None, "fraction", None),
)


def backtest(drift: float = 1.0, count: int = 40, **changes: Any) -> dict[str, Any]:
    """The outcome of a backtest as it is kept, without its type and number."""
    scaled = {
        "final_equity": 100_000 + 9_148.2 * drift,
        "total_return": 0.091482 * drift,
        "cagr": 0.4231 * drift,
        "gross": 9_148.2 * drift + 491.8,
        "trades": count,
        "net": 9_148.2 * drift,
        "sharpe": 2.04 * drift,
    }
    return {
        "name": "eos",
        "version": "0.1.0",
        "seed": 0,
        "seconds": 0.41,
        "book": {**BOOK, "parameters": {}},
        "costs": COSTS,
        "funding_hours": 8.0,
        "data": {
            "folder": "/data",
            "symbols": ["BTCUSDT.BYBIT", "ETHUSDT.BYBIT"],
            "interval": "5m",
            "hash": HASH,
            "first": FIRST,
            "last": LAST,
        },
        "since": None,
        "delay": 0,
        "instruments": list(SYMBOLS),
        "insufficient": count < 30,
        "cautions": ["The period is 90 d, under a year: figures that are annualised, CAGR above all, mislead."],
        "notes": [],
        "figures": [
            {"name": name, "value": scaled.get(name, value), "unit": unit, "buy_and_hold": held, "equal_weight": held}
            for name, value, unit, held in FIGURES
        ],
        "ignored": {"QTY_BELOW_MIN": 11},
        "tables": {
            "symbol": [part(SYMBOLS[0], 20, 641.1), part(SYMBOLS[1], 20, -103.7)],
            "side": [part("long", 26, 700.2), part("short", 14, -162.8)],
            "reason": [part("STOP", 10, -1_042.0), part("AVERAGE_CROSS", 10, 210.7)],
        },
        "equity": equity(drift),
        "trades": trades(count),
        **changes,
    }


def summary(gain: float, count: int = 40) -> dict[str, Any]:
    return {
        "total_return": gain,
        "sharpe": round(22 * gain, 2),
        "max_drawdown": -abs(gain) / 3,
        "profit_factor": 1.2,
        "trades": count,
    }


HEAD = {
    "name": "eos",
    "strategy": "eos",
    "instruments": list(SYMBOLS),
    "interval": "5m",
    "first": FIRST,
    "last": LAST,
    "data_hash": HASH,
    "seed": 0,
    "notes": [],
}
OVERFITTING = {
    "trials": 22,
    "periods": 90,
    "best": 1,
    "sharpe": 2.4,
    "expected": 2.2,
    "deflated_sharpe": 0.61,
    "pbo": 0.34,
    "loss": 0.4,
    "sentence": "The best of 22 has a Sharpe ratio of 2.40 where luck alone would show 2.20.",
}


def walk_forward() -> dict[str, Any]:
    folds = [
        {
            "window": [FIRST, FIRST + 27 * DAY, FIRST + (28 + 9 * at) * DAY, FIRST + (37 + 9 * at) * DAY],
            "parameters": {"threshold": 0.032 + 0.008 * (at % 2)},
            "chosen": True,
            "in_sample": summary(0.03),
            "out_of_sample": summary(0.011 if at % 3 else -0.014, 9),
            "unchanged": summary(0.004, 8),
            "ts": [],
            "equity": [],
        }
        for at in range(6)
    ]
    curve = equity(0.4, 54)
    return {
        "type": "walkforward",
        **HEAD,
        "train": 27.0,
        "test": 9.0,
        "purge": 1.0,
        "anchored": False,
        "walk_forward": {
            "folds": folds,
            "metric": "sharpe",
            "tried": 22,
            "drift": [{"name": "threshold", "values": [0.032, 0.04] * 3, "changes": 5, "spread": 0.12}],
            "efficiency": 0.38,
            "ts": [ts for ts, _ in curve],
            "equity": [value for _, value in curve],
            "out_of_sample": summary(0.021, 52),
            "unchanged_return": 0.012,
            "sentence": "Out of sample it returned 2.10 % (Sharpe 0.46, 52 trades) and earned in 4 of 6 windows.",
        },
        "overfitting": OVERFITTING,
        "candidates": [{}],
    }


def robustness() -> dict[str, Any]:
    def varied(*pairs: tuple[dict[str, Any], float]) -> list[dict[str, Any]]:
        return [{"variation": what, "summary": summary(gain)} for what, gain in pairs]

    return {
        "type": "robustness",
        **HEAD,
        "robustness": {
            "base": summary(0.0915),
            "parameters": varied(
                ({"type": "parameter", "name": "threshold", "value": 0.032}, 0.071),
                ({"type": "parameter", "name": "threshold", "value": 0.048}, 0.102),
                ({"type": "parameter", "name": "volume_window", "value": 16}, 0.083),
            ),
            "exits": varied(({"type": "exit", "name": "stop", "value": 0.016}, -0.012)),
            "delays": varied(*(({"type": "delay", "bars": bars}, 0.09 - 0.03 * bars) for bars in range(1, 6))),
            "noise": varied(*(({"type": "noise", "size": 0.001, "seed": at}, 0.08 + at / 100) for at in range(3))),
            "costs": varied(({"type": "costs", "factor": 2.0}, 0.031), ({"type": "costs", "factor": 3.0}, -0.02)),
            "skipped": {"share": 0.1, "draws": 1000, "low": 0.05, "median": 0.08, "high": 0.11, "losing": 0.01},
            "resampled": {
                "paths": 1000,
                "days": 90,
                "block": 4.2,
                "below_start": 0.07,
                "low": -0.011,
                "median": 0.09,
                "high": 0.204,
                "worst_drawdown": -0.061,
            },
            "sentence": "It returns 9.15 % in 40 trades, and 9 of 14 changed runs earn.",
        },
        "decay": {
            "after": [{"bars": 1, "signals": 41, "mean": 0.0008, "standard_error": 0.0007}],
            "edge": 0.0008,
            "half_life": None,
            "information": [],
            "costs": 0.0015,
            "sentence": "After 1 bar the mean of 41 signals is 0.080 ± 0.070 %.",
        },
        "regimes": {"rows": [part("TREND_UP", 22, 840.0)], "sentence": "It earns in 1 of 1 regimes."},
        "capacity": {
            "coefficient": 1.0,
            "free": summary(0.095),
            "points": [
                {"multiple": 1.0, "capital": 1e5, "summary": summary(0.09), "retained": 0.95, "largest": 0.001},
                {"multiple": 10.0, "capital": 1e6, "summary": summary(0.05), "retained": 0.52, "largest": 0.01},
            ],
            "half": 1.1e6,
            "unknown": [],
            "sentence": "Half of the return is left at about 1,100,000 USDT.",
        },
        "stress": {
            "falls": [],
            "worst": [],
            "ts": FIRST,
            "held": [],
            "losses": [{"scenario": "Flash crash", "share": 0.0713, "assumptions": "30 % at once.", "unknown": []}],
            "sentence": "Its worst day lost -0.81 %.",
        },
    }


def sweep() -> dict[str, Any]:
    grid = [(threshold, stop) for threshold in (0.03, 0.04, 0.05) for stop in (0.01, 0.02)]
    return {
        "type": "sweep",
        "key": "739a7c090a372493",
        **HEAD,
        "method": "grid",
        "metric": "sharpe",
        "resumed": 2,
        "present": summary(0.0915),
        "trials": [
            {
                "number": at,
                "changes": {"threshold": threshold, "exits.stop": stop},
                "score": 2.0 - at / 3,
                "summary": summary((2.0 - at / 3) / 22),
                "refused": "",
            }
            for at, (threshold, stop) in enumerate(grid)
        ],
        "best": 0,
        "overfitting": OVERFITTING,
        "sentence": "The best of 6 has a Sharpe ratio of 2.00 where luck alone would show 1.90.",
    }


DATA = {
    "type": "data_list",
    "folder": "/data",
    "series": [
        {"instrument": f"{name}.BYBIT", "symbol": name, "interval": "5m", "rows": 9, "first": FIRST, "last": LAST}
        for name in ("BTCUSDT", "ETHUSDT")
    ],
    "unreadable": [],
}


class FakeCommand:
    """Ends when the test lets it: `tell` its progress, then `end` it."""

    def __init__(self, arguments: Sequence[str], folder: Path, tell: Callable[[Progress], None]) -> None:
        self.arguments, self.folder, self._tell = list(arguments), folder, tell
        self.stopped = False
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    async def run(self) -> Ended:
        return await self._ended

    def stop(self) -> None:
        self.stopped = True
        self._finish(Ended(-15, b"", ""))

    def tell(self, done: int, of: int, what: str = "changed runs") -> None:
        self._tell(Progress(what, done, of))

    def end(self, answer: dict[str, Any] | None = None, *, said: str = "", status: int = 0) -> None:
        self._finish(Ended(status, msgspec.json.encode(answer) if answer else b"", said))

    def _finish(self, ended: Ended) -> None:
        if not self._ended.done():
            self._ended.set_result(ended)


class FakeCommands:
    """Makes them, and keeps those of studies; a list of data is answered at once."""

    def __init__(self) -> None:
        self.made: list[FakeCommand] = []

    def __call__(self, arguments: Sequence[str], folder: Path, tell: Callable[[Progress], None]) -> FakeCommand:
        command = FakeCommand(arguments, folder, tell)
        if arguments[0] == "data":
            command.end(DATA)
        else:
            self.made.append(command)
        return command

    @property
    def last(self) -> FakeCommand:
        return self.made[-1]

    def screen(self) -> ResearchScreen:
        return ResearchScreen(self)


def keep(folder: Path, outcome: dict[str, Any], ended: int = ENDED) -> int:
    """A run in the ledger of `folder` that ended at a time that stands still."""
    number = keep_run(folder, "backtest", outcome)
    with closing(sqlite3.connect(folder / FILE)) as db, db:
        db.execute("UPDATE runs SET ts = ? WHERE id = ?", (ended + number * 60_000, number))
    return number
