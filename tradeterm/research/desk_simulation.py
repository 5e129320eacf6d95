"""Several books' simulations as one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tradeterm.research.account import Payments, Trades
from tradeterm.research.simulate import Simulation


class DeskSimulation(Simulation, frozen=True, kw_only=True):
    """What several books did on their own capital. Equity and benchmarks of it are the sums of those of `parts`: a book
    that was lost leaves no debt to the others."""

    parts: tuple[Simulation, ...]


def as_one(names: Sequence[str], found: Sequence[Simulation]) -> DeskSimulation:
    """All books as one simulation, which is lost when each of them is; `names` are the books'."""
    lost = [one.lost_at for one in found if one.lost_at is not None]
    sizes = [len(one.market) for one in found]
    first = [sum(sizes[:number]) for number in range(len(sizes))]
    return DeskSimulation(
        parts=tuple(found),
        trades=_trades([one.trades for one in found], first),
        payments=_payments([one.payments for one in found], first),
        decided=tuple(
            sorted(
                (
                    each._replace(instrument=each.instrument + start)
                    for one, start in zip(found, first, strict=True)
                    for each in one.decided
                ),
                key=lambda each: each.ts,
            )
        ),
        ignored=_counted([one.ignored for one in found]),
        market=tuple(bars for one in found for bars in one.market),
        costs=found[0].costs,
        capital=sum(one.capital for one in found),
        lost_at=max(lost) if len(lost) == len(found) else None,
        owners=tuple(name for name, size in zip(names, sizes, strict=True) for _ in range(size)),
    )


def _trades(parts: Sequence[Trades], first: Sequence[int]) -> Trades:
    exits = np.concatenate([part.exit_ts for part in parts])
    order = np.argsort(exits, kind="stable")
    columns: dict[str, Any] = {}
    for name in Trades.__struct_fields__[1:]:
        if name == "reason":
            reasons = [reason for part in parts for reason in part.reason]
            columns[name] = tuple(reasons[at] for at in order)
            continue
        offsets = first if name == "instrument" else [0] * len(parts)
        columns[name] = np.concatenate([getattr(p, name) + at for p, at in zip(parts, offsets, strict=True)])[order]
    return Trades(names=tuple(name for part in parts for name in part.names), **columns)


def _payments(parts: Sequence[Payments], first: Sequence[int]) -> Payments:
    ts = np.concatenate([part.ts for part in parts])
    order = np.argsort(ts, kind="stable")
    numbers = np.concatenate([part.instrument + at for part, at in zip(parts, first, strict=True)])
    return Payments(ts[order], numbers[order], np.concatenate([part.amount for part in parts])[order])


def _counted(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)
