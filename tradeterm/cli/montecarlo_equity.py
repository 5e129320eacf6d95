"""What `tradeterm montecarlo BOOK` does and writes."""

import argparse
from typing import TYPE_CHECKING

from tradeterm.cli.console import console_of
from tradeterm.cli.figures import aligned, moment, percent
from tradeterm.cli.output import DONE, FAILED, say, say_error, say_json
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.config import Config
    from tradeterm.domain.facts import Trade
    from tradeterm.research.equity_outlook import EquityOutlook

_MOST_TRADES = 500


def simulate_equity(options: argparse.Namespace, profile: Profile, config: "Config") -> int:
    from tradeterm.research.equity_outlook import equity_outlook

    book = config.books[options.name]
    with console_of(profile) as console:
        trades = [
            trade
            for trade in reversed(console.trades(10 * _MOST_TRADES))
            if trade.book == options.name and trade.strategy in ("", book.strategy)
        ][-_MOST_TRADES:]
        points = console.equity(options.name, 1)
    equity = float(points[-1].equity) if points else book.capital
    found = equity_outlook(
        equity,
        [float(trade.pnl) for trade in trades],
        drawdown_limit=book.limits.drawdown,
        loss=options.ruin,
        paths=options.paths,
        seed=options.seed,
    )
    if options.json:
        say_json(_equity_as_json(options.name, book.currency, equity, trades, book.limits.drawdown, found))
    elif isinstance(found, str):
        return say_error(f"book {options.name}: {found}", FAILED)
    else:
        say("\n".join(_equity_lines(options.name, book.currency, equity, trades, book.limits.drawdown, found)))
    return FAILED if isinstance(found, str) else DONE


def _equity_lines(
    name: str, currency: str, equity: float, trades: "list[Trade]", limit: float, found: "EquityOutlook"
) -> list[str]:
    from tradeterm.quant.equity_fan import AHEAD, QUANTILES

    fan = found.fan
    shown = range(0, len(fan.steps), 2)
    recovered = f"back at the peak after it: {percent(*found.recovered)}"
    ever = "" if found.ruin_ever is None else f"; ever, by the closed form: {found.ruin_ever * 100:.1f} %"
    return [
        f"book {name}: {equity:,.2f} {currency} after {len(trades)} closed trades since {moment(trades[0].ts_closed)}",
        f"{AHEAD} trades ahead, {fan.paths} paths of those trades drawn again in blocks, seed {fan.seed}",
        "",
        *aligned(
            [
                ("trades", [f"{fan.steps[step]}" for step in shown]),
                *(
                    (f"{quantile * 100:g} %", [f"{row[step]:,.0f}" for step in shown])
                    for quantile, row in reversed(list(zip(QUANTILES, fan.bands, strict=True)))
                ),
            ]
        ),
        "",
        f"more than now at the end: {percent(*fan.profit)}",
        f"a drawdown beyond {limit * 100:.1f} %: {percent(*fan.deep)}",
        f"ruin, {found.loss * 100:g} % of it lost at the present size: {percent(*found.ruin)}{ever}",
        "",
        *aligned(
            [
                ("largest drawdown", [f"{row.quantile * 100:g} %" for row in found.drawdowns]),
                ("of the peak", [f"{row.drawdown * 100:.2f} %" for row in found.drawdowns]),
                ("trades back", ["-" if row.recovery is None else f"{row.recovery:.0f}" for row in found.drawdowns]),
            ]
        ),
        recovered,
        "",
        *aligned(
            [
                ("starting capital", [f"{row.capital:,.0f}" for row in found.capitals]),
                ("not lost", [percent(row.probability, row.standard_error) for row in found.capitals]),
            ]
        ),
    ]


def _equity_as_json(
    name: str, currency: str, equity: float, trades: "list[Trade]", limit: float, found: "EquityOutlook | str"
) -> dict[str, object]:
    """{"type": "montecarlo", "of": "equity", "book", "currency", "equity", "trades", "needed", "missing", "ahead",
    "paths", "seed", "fan": {"steps", "quantiles": {"0.05": [equity]}}, "profit", "drawdown_limit", "beyond_limit",
    "ruin": {"loss", "probability", "standard_error", "ever"}, "drawdowns": [{"quantile", "drawdown", "recovery"}],
    "recovered", "capitals": [{"capital", "probability", "standard_error"}]}; with `missing` all after it is left out.
    """
    from tradeterm.quant.equity_fan import AHEAD, LEAST_TRADES, QUANTILES

    head: dict[str, object] = {
        "type": "montecarlo",
        "of": "equity",
        "book": name,
        "currency": currency,
        "equity": equity,
        "trades": len(trades),
        "needed": LEAST_TRADES,
        "missing": found if isinstance(found, str) else "",
    }
    if isinstance(found, str):
        return head
    fan = found.fan
    return head | {
        "ahead": AHEAD,
        "paths": fan.paths,
        "seed": fan.seed,
        "fan": {
            "steps": fan.steps,
            "quantiles": {f"{quantile:g}": row for quantile, row in zip(QUANTILES, fan.bands, strict=True)},
        },
        "profit": fan.profit._asdict(),
        "drawdown_limit": limit,
        "beyond_limit": fan.deep._asdict(),
        "ruin": {"loss": found.loss, **found.ruin._asdict(), "ever": found.ruin_ever},
        "drawdowns": found.drawdowns,
        "recovered": found.recovered._asdict(),
        "capitals": found.capitals,
    }
