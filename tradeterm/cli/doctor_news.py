"""The doctor's look at the sources of headlines, where a configuration names any."""

import asyncio
from pathlib import Path

from tradeterm.assistant.text import clean
from tradeterm.cli.checks import every_mistake
from tradeterm.cli.finding import Finding, Level
from tradeterm.profile import Profile


def news_findings(profile: Profile, config_file: Path) -> list[Finding]:
    """A finding a source; none where there is none, and where the configuration has mistakes."""
    config, mistakes = every_mistake(config_file, profile)
    if config is None or mistakes or not (config.news.file or config.news.feeds):
        return []
    from tradeterm.engine.news_check import probe_news

    found = asyncio.run(probe_news(config))
    return [Finding(item.subject, Level(item.verdict), clean(item.text)) for item in found]
