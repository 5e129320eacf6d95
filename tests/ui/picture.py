"""Take the picture of the README: `python tests/ui/picture.py`.

Runs the real demo, engine and all, in a folder of its own, to a moment with open positions, and saves what the
console then shows at 160x48 as tradeterm/ui/desk.svg.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradeterm.ui.app import TradetermApp

MOMENT = 1_744_370_100_000  # 2025-04-11 11:15 UTC: two shorts are open
LEAD_MS = 40 * 60_000
SIZE = (160, 48)
PICTURE = Path(__file__).parents[2] / "tradeterm" / "ui" / "desk.svg"


def take() -> str:
    from tradeterm.config_file import load_config
    from tradeterm.console.client import open_console
    from tradeterm.console.launch import DEMO_START_TS, ensure_engine
    from tradeterm.domain.states import CommandVerb
    from tradeterm.profile import find_profile
    from tradeterm.ui.app import TradetermApp

    profile = find_profile("demo")
    engine = ensure_engine(profile, owned=True, start_ts=DEMO_START_TS)
    try:
        with closing(open_console(profile)) as console:

            def play(speed: str, until_ts: int) -> None:
                console.send(CommandVerb.SPEED, argument=speed)
                while (view := console.view()) is None or view.ts < until_ts:
                    time.sleep(0.02)

            play("40000", MOMENT - LEAD_MS)
            play("1600", MOMENT)
            app = TradetermApp(console, load_config(None, profile.name), profile, polling=False)
            return asyncio.run(picture_of(app))
    finally:
        engine.let_go()


async def picture_of(app: "TradetermApp") -> str:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        return app.export_screenshot(title="tradeterm")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRADETERM_HOME"] = home
        PICTURE.write_text(take(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")


if __name__ == "__main__":
    main()
