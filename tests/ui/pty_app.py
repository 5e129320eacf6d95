"""Run the real program's screen on the frozen desk, for the tests on a real pseudo-terminal."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tradeterm.config import Config, UiConfig
from tradeterm.profile import Profile
from tradeterm.ui import env

env.prepare(UiConfig())

from fake_console import busy  # noqa: E402

from tradeterm.ui.app import run_ui  # noqa: E402

folder = Path(sys.argv[1])
sys.exit(run_ui(Profile("demo", folder / "state", folder / "config"), Config(), busy()))
