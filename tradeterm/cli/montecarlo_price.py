"""What `tradeterm montecarlo SYMBOL` does and writes."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tradeterm.cli.figures import aligned, decimals, moment, percent
from tradeterm.cli.output import DONE, FAILED, WRONG_USE, say, say_error, say_json
from tradeterm.domain.market import INTERVALS_MS, MINUTE_MS
from tradeterm.profile import Profile, user_path

if TYPE_CHECKING:
    from tradeterm.config import Config
    from tradeterm.research.known_bars import KnownBars
    from tradeterm.research.price_outlook import Chance, Outlook, Question

_MOST_VALUES = 20_000_000


def simulate_price(options: argparse.Namespace, profile: Profile, config: "Config | None") -> int:
    """Without a configuration the bars come from `--data`."""
    from tradeterm.research.known_bars import feed_bars, file_bars, find_instrument
    from tradeterm.research.news_files import read_calendar, read_headlines
    from tradeterm.research.price_outlook import Level, Question, price_outlook

    progress = _progress()
    progress("reading bars")
    if config is None:
        bars = file_bars(user_path(options.data), options.name, most=options.bars, until=options.until)
    else:
        instrument = find_instrument(config, options.name)
        bars = asyncio.run(feed_bars(config, profile.market, instrument, most=options.bars, until=options.until))
    steps = options.horizon // bars.interval_ms
    if (mistake := _mistake(options, bars, steps)) is not None:
        progress("")
        return say_error(mistake, WRONG_USE)
    question = Question(
        steps=steps,
        paths=options.paths,
        seed=options.seed,
        target=options.target,
        stop=options.stop,
        headlines=read_headlines(user_path(options.headlines)) if options.headlines else (),
        calendar=read_calendar(user_path(options.calendar)) if options.calendar else (),
    )
    with_news = bool(options.headlines or options.calendar)
    wanted = options.level or [level for level in Level if level is not Level.EVENTS or with_news]
    outlooks = []
    for level in dict.fromkeys(wanted):
        progress(f"simulating {level}")
        outlooks.append(price_outlook(Level(level), bars, question))
    progress("")
    if options.json:
        say_json(_prices_as_json(bars, question, outlooks))
    else:
        say("\n".join([*_heading(bars, question), "", *_price_table(bars, outlooks)]))
    return DONE if any(not outlook.missing for outlook in outlooks) else FAILED


def _mistake(options: argparse.Namespace, bars: "KnownBars", steps: int) -> str | None:
    if bars.close.size == 0:
        return f"{bars.source}: there are no bars of {bars.instrument} up to then"
    if steps < 1:
        return f"--horizon: found {options.horizon // MINUTE_MS} minutes, allowed at least one bar of {_interval(bars)}"
    if steps * options.paths > _MOST_VALUES:
        return f"--paths: found {options.paths} paths of {steps} bars, allowed {_MOST_VALUES // steps} at this horizon"
    last, above, price = float(bars.close[-1]), [], _price_of(bars)
    for name in ("target", "stop"):
        level = getattr(options, name)
        if level == last:
            return f"--{name}: found the last price {price(last)} itself, allowed one above or below it"
        if level is not None:
            above.append(level > last)
    if len(set(above)) < len(above):
        return f"--target and --stop: found both on one side of the last price {price(last)}, allowed one on each"
    return None


def _heading(bars: "KnownBars", question: "Question") -> list[str]:
    price = _price_of(bars)
    gaps = f", {bars.gaps} gaps" if bars.gaps else ""
    levels = [
        f"{name} {price(level)}"
        for name, level in (("target", question.target), ("stop", question.stop))
        if level is not None
    ]
    return [
        f"{bars.instrument}: {price(float(bars.close[-1]))} at {moment(int(bars.ts[-1]))}",
        f"{bars.close.size} bars of {_interval(bars)} since {moment(int(bars.ts[0]))}{gaps} ({bars.source})",
        ", ".join([f"{question.steps} bars ahead", f"{question.paths} paths", f"seed {question.seed}", *levels]),
    ]


def _price_table(bars: "KnownBars", outlooks: "list[Outlook]") -> list[str]:
    """A column a model, its figures with their standard errors; below what each model is."""
    price = _price_of(bars)

    def measured(value: float, error: float) -> str:
        return f"{price(value)} ± {price(error)}"

    told = [outlook for outlook in outlooks if not outlook.missing]
    rows: list[tuple[str, list[str]]] = []
    if told:
        for name, label in (("up", "up"), ("target_first", "target first"), ("stop_first", "stop first")):
            rows.append((label, [_chance(getattr(outlook, name)) for outlook in told]))
        rows.append(("neither", [_chance(outlook.neither) for outlook in told]))
        means = [outlook.mean for outlook in told if outlook.mean is not None]
        rows.append(("mean", [measured(mean.price, mean.standard_error) for mean in means]))
        for number, band in enumerate(told[0].bands):
            share, found = f"{band.level * 100:g} %", [outlook.bands[number] for outlook in told]
            rows.append((f"{share} from", [measured(one.low, one.low_error) for one in found]))
            rows.append((f"{share} to", [measured(one.high, one.high_error) for one in found]))
    rows = [(label, cells) for label, cells in rows if any(cells)]
    lines = aligned([("", [outlook.level for outlook in told]), *rows]) if rows else []
    notes = [f"{outlook.level}: {outlook.missing or outlook.model}" for outlook in outlooks]
    return [*lines, *([""] if lines else []), *notes]


def _prices_as_json(bars: "KnownBars", question: "Question", outlooks: "list[Outlook]") -> dict[str, object]:
    """{"type": "montecarlo", "of": "price", "instrument", "price", "ts", "bars": {"source", "interval_ms", "count",
    "gaps", "ts_first", "ts_last"}, "steps", "paths", "seed", "target", "stop", "levels": [{"level", "model", "missing",
    "up", "target_first", "stop_first", "neither", "mean", "bands"}]}: chances are {"probability", "standard_error"} or
    null, bands [{"level", "low", "low_error", "high", "high_error"}]."""
    return {
        "type": "montecarlo",
        "of": "price",
        "instrument": bars.instrument,
        "price": float(bars.close[-1]),
        "ts": int(bars.ts[-1]),
        "bars": {
            "source": bars.source,
            "interval_ms": bars.interval_ms,
            "count": int(bars.close.size),
            "gaps": bars.gaps,
            "ts_first": int(bars.ts[0]),
            "ts_last": int(bars.ts[-1]),
        },
        "steps": question.steps,
        "paths": question.paths,
        "seed": question.seed,
        "target": question.target,
        "stop": question.stop,
        "levels": outlooks,
    }


def _progress() -> Callable[[str], None]:
    """Says on a terminal what is under way, in one line that goes away; elsewhere nothing."""
    if sys.stderr is None or not sys.stderr.isatty():
        return lambda text: None

    def tell(text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    return tell


def _chance(chance: "Chance | None") -> str:
    return "" if chance is None else percent(chance.probability, chance.standard_error)


def _price_of(bars: "KnownBars") -> Callable[[float], str]:
    places = decimals(float(bars.close[-1]))
    return lambda value: f"{value:,.{places}f}"


def _interval(bars: "KnownBars") -> str:
    return next(name for name, size in INTERVALS_MS.items() if size == bars.interval_ms)
