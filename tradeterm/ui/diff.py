"""What changed between two lists of rows. Pure: decides what a table has to repaint."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from msgspec import Struct


class Keyed(Protocol):
    @property
    def key(self) -> str: ...


R = TypeVar("R", bound=Keyed)


class RowsDiff(Struct, frozen=True):
    """Keys that came, went and changed in place; `moved` when the keys common to both stand in another order."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]
    moved: bool

    @property
    def in_place(self) -> bool:
        """Whether every row stays on its line."""
        return not (self.added or self.removed or self.moved)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)


def diff_rows(old: Sequence[R], new: Sequence[R]) -> RowsDiff:
    """Compare by key; rows compare by value. Keys must be unique within each list."""
    before = {row.key: row for row in old}
    after = {row.key: row for row in new}
    common = before.keys() & after.keys()
    changed = frozenset(key for key in common if before[key] is not after[key] and before[key] != after[key])
    moved = [key for key in before if key in common] != [key for key in after if key in common]
    return RowsDiff(frozenset(after.keys() - common), frozenset(before.keys() - common), changed, moved)


def changed_lines(old: Sequence[object], new: Sequence[object]) -> list[int]:
    """Line numbers whose content differs; lines only one side has count as changed."""
    shared = min(len(old), len(new))
    lines = [line for line in range(shared) if old[line] is not new[line] and old[line] != new[line]]
    return lines + list(range(shared, max(len(old), len(new))))
