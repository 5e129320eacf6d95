"""Contract facts beside the bars: `<venue>/instruments.toml`, in the form a recording has them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import fields

from tradeterm.domain.instrument import Instrument
from tradeterm.feeds.instruments import load_instruments
from tradeterm.research.data.manifest import write_atomic
from tradeterm.research.data.series import INSTRUMENTS, series_at
from tradeterm.research.data.store import locked


def import_instruments(root: Path, path: Path) -> list[str]:
    """Keep the instruments of a TOML file with those of their venues; their ids. Raises DataError."""
    found = load_instruments(path)
    for venue in dict.fromkeys(item.venue for item in found):
        keep_instruments(root, venue, [item for item in found if item.venue == venue])
    return [item.id for item in found]


def read_instruments(path: Path) -> list[str]:
    """The ids in a TOML file of contract facts. Raises DataError."""
    return [item.id for item in load_instruments(path)]


def keep_instruments(root: Path, venue: str, new: Sequence[Instrument]) -> None:
    """Add facts to those of a venue; newer ones take the place of older ones. Raises DataError."""
    path = series_at(root, venue.lower(), "1d", "X").folder / INSTRUMENTS
    with locked(root):
        known = {item.id: item for item in load_instruments(path)} if path.exists() else {}
        known |= {item.id: item for item in new}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, "\n".join(_table(item) for item in known.values()).encode())


def _table(item: Instrument) -> str:
    lines = ["[[instruments]]"]
    for field in fields(Instrument):
        value = getattr(item, field.name)
        if value is not None and value != field.default:
            text = str(value) if isinstance(value, int) else msgspec.json.encode(str(value)).decode()
            lines.append(f"{field.name} = {text}")
    return "\n".join(lines) + "\n"
