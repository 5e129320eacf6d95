"""Cyclic garbage is looked for between orders. Python does so after so many allocations, which is in the middle of one:
milliseconds that an order waits, tens of them for a full look."""

import asyncio
import gc

from tradeterm.engine.urgency import Urgency

EVERY_S = 1.0
FULL_EVERY = 300  # looks at what is young, before one at everything made since the start


async def collect_between_orders(urgency: Urgency) -> None:
    """Until cancelled, instead of Python's own collecting. For live data: a recording has no pauses."""
    was_enabled = gc.isenabled()
    gc.freeze()  # what stands now stays
    gc.disable()
    try:
        while True:
            for _ in range(FULL_EVERY):
                await asyncio.sleep(EVERY_S)
                await urgency.over()
                gc.collect(1)
            await urgency.over()
            gc.collect()
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
