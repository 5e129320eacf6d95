"""The doctor's look at notifications: each channel that is enabled, and whether its secret is there; sends nothing."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tradeterm.assistant.text import clean
from tradeterm.cli.checks import every_mistake
from tradeterm.cli.finding import Finding, Level
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.states import Mode
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.notify.protocol import Channel


def notify_findings(profile: Profile, config_file: Path) -> list[Finding]:
    """A finding a channel; none in the demo, which tells nobody, and where the configuration cannot be read."""
    from tradeterm.notify.registry import make_each

    config, _ = every_mistake(config_file, profile)
    if config is None or config.mode is Mode.DEMO:
        return []
    made = make_each(config.notify)
    asyncio.run(_close(made))
    if not made:
        return [Finding("notify", Level.OK, "no channel is enabled: alerts are on the screen and in the log alone")]
    return [_finding(name, found) for name, found in made.items()]


def _finding(name: str, found: "Channel | ConfigError") -> Finding:
    if isinstance(found, ConfigError):
        return Finding(f"notify {name}", Level.FAIL, clean(str(found)))
    text = f"{found.level} and above; settings and secrets are there, `tradeterm notify test {name}` sends a message"
    return Finding(f"notify {name}", Level.OK, text)


async def _close(made: "Mapping[str, Channel | ConfigError]") -> None:
    for channel in made.values():
        if not isinstance(channel, ConfigError):
            await channel.close()
