"""What a report is made of before it is written in one language or another."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tradeterm.research.report.facts import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Tile(NamedTuple):
    """A key figure and what it is to be compared with."""

    label: str
    value: str
    note: str


class Tiles(NamedTuple):
    tiles: tuple[Tile, ...]


class Paragraph(NamedTuple):
    text: str


class Points(NamedTuple):
    """A list of sentences."""

    lines: tuple[str, ...]


class Pairs(NamedTuple):
    """Names and what they stand for."""

    pairs: tuple[tuple[str, str], ...]


class Code(NamedTuple):
    text: str
    language: str = ""


class Chart(NamedTuple):
    """`text`, which stands below it, says in words what `draw(width in pixels)` shows."""

    title: str
    text: str
    draw: "Callable[[int], Figure]"


class Folded(NamedTuple):
    """A long table that is only there for who opens it."""

    title: str
    table: Table


Block = Tiles | Paragraph | Points | Pairs | Code | Chart | Table | Folded


class Section(NamedTuple):
    title: str
    blocks: tuple[Block, ...]
