"""How a finished recording ended, and the offer to play it again."""

from collections.abc import Sequence

from msgspec import Struct

from tradeterm.domain.facts import EquityPoint, Trade
from tradeterm.domain.view import DeskView
from tradeterm.ui import fmt
from tradeterm.ui.tables.common import gain_tone
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, Span, clipped


class Result(Struct, frozen=True):
    """Names and values with their tones, in reading order."""

    pairs: tuple[tuple[str, Span], ...]
    offer: tuple[str, str]


def result(view: DeskView, equity: Sequence[EquityPoint], replay_key: str) -> Result:
    """The books' own counts, and the deepest fall of the desk's equity."""
    trades = sum(book.trades for book in view.books)
    wins = sum(book.wins for book in view.books)
    capital = sum((book.capital for book in view.books), start=view.equity * 0)
    gain = view.equity - capital
    fraction = gain / capital if capital else None
    deepest = max((point.drawdown for point in equity), default=None)
    tone = gain_tone(gain)
    return Result(
        (
            ("Trades", (str(trades), "bold")),
            ("Won", (f"{fmt.percent(wins / trades if trades else None, 0)} ({wins})", "")),
            ("Result", (f"{fmt.signed_money(gain, view.currency)} {view.currency}", f"{tone} strong".strip())),
            ("Return", (fmt.signed_percent(fraction), tone)),
            ("Largest drawdown", (fmt.percent(deepest, 2), "")),
            ("Final equity", (f"{fmt.money(view.equity, view.currency)} {view.currency}", "")),
        ),
        (replay_key, "plays it again from the start, with a fresh account"),
    )


def best_and_worst(trades: Sequence[Trade]) -> tuple[Trade, Trade] | None:
    """The trades with the largest gain and the largest loss."""
    if not trades:
        return None
    return max(trades, key=lambda trade: trade.pnl), min(trades, key=lambda trade: trade.pnl)


class ResultPanel(Painted):
    DEFAULT_CSS = "ResultPanel { height: 1fr; background: $surface; color: $foreground; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._result: Result | None = None

    def set_result(self, result: Result) -> None:
        self._result = result
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        shown = self._result
        if shown is None:
            return ()
        cells = max(len(name) for name, _ in shown.pairs) + 2
        entries: list[Line] = [((name.ljust(cells), "muted"), value) for name, value in shown.pairs]
        if width >= 64:  # two columns, so that the signals keep their room
            half = -(-len(entries) // 2)
            left, right = entries[:half], entries[half:]
            entries = [_beside(one, right[at] if at < len(right) else (), width // 2) for at, one in enumerate(left)]
        key, offer = shown.offer
        return [clipped(line, width) for line in [*entries, (), ((key, "key"), (f" {offer}", ""))]][:height]


def _beside(left: Line, right: Line, column: int) -> Line:
    used = sum(len(text) for text, _ in left)
    return (*left, (" " * max(2, column - used), ""), *right)
