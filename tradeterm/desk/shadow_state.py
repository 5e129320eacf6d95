"""What the desk remembers of its open shadows."""

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from tradeterm.domain.market import Bar, FundingRate
from tradeterm.domain.signals import Signal
from tradeterm.domain.snapshot import OpenShadow

if TYPE_CHECKING:
    from tradeterm.desk.state import InstrumentModel


class Waiting(Struct, frozen=True):
    """Something the shadows of an instrument have to see: a bar with the models of that moment, a settlement with the
    mark of that moment, or an exit signal."""

    event: Bar | FundingRate | Signal
    model: "InstrumentModel | None" = None
    mark: Decimal | None = None


class Shadows(Struct):
    """`open` is by instrument, then by id, the oldest first. `waiting` is looked at when the next Timer comes. `unsure`
    are those a restart brought back: they may have missed bars."""

    open: dict[str, dict[str, OpenShadow]] = {}
    waiting: list[Waiting] = []
    unsure: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self.open.values()))

    def all(self) -> list[OpenShadow]:
        return [shadow for found in self.open.values() for shadow in found.values()]

    def keep(self, shadow: OpenShadow) -> None:
        position = shadow.position
        self.open.setdefault(position.instrument, {})[position.trade_id] = shadow

    def drop(self, shadow: OpenShadow) -> None:
        position = shadow.position
        left = self.open[position.instrument]
        del left[position.trade_id]
        if not left:
            del self.open[position.instrument]
        self.unsure.discard(position.trade_id)
