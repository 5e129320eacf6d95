"""The doctor's look at the venues a configuration names. A configuration with mistakes is left to its own finding."""

import asyncio
from pathlib import Path

from tradeterm.assistant.text import clean
from tradeterm.cli.checks import every_mistake
from tradeterm.cli.finding import Finding, Level
from tradeterm.profile import Profile


def venue_findings(profile: Profile, config_file: Path) -> list[Finding]:
    """Every finding of a venue, in the order asked; none where the configuration meets no venue."""
    from tradeterm.engine.probe import probe

    config, mistakes = every_mistake(config_file, profile)
    if config is None or mistakes:
        return []
    found = asyncio.run(probe(config, profile.market))
    return [Finding(item.subject, Level(item.verdict), clean(item.text)) for item in found]
