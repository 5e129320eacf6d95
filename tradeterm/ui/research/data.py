"""What data there is to try a study on, as `tradeterm data list` tells."""

from collections.abc import Sequence

from tradeterm.domain.errors import TradetermError
from tradeterm.profile import Profile
from tradeterm.resources import demo_folder
from tradeterm.ui.research.choices import DataListed, decode_data
from tradeterm.ui.research.command import Make
from tradeterm.ui.research.wanted import absolute

Known = Sequence[tuple[str, DataListed]] | str
"""Folders by what a person calls them; or why it is not known what is in them."""


async def known_data(make: Make, profile: Profile, folder: str) -> Known:
    """What is in a folder; where none is named, what the profile imported and what is bundled."""
    wanted = {"this folder": absolute(folder)} if folder else {"imported": "", "bundled recording": str(demo_folder())}
    found = []
    for name, place in wanted.items():
        line = ["data", "list", "--json", f"--profile={profile.name}", *([f"--data={place}"] if place else [])]
        ended = await make(line, profile.root, lambda progress: None).run()
        try:
            found.append((name, decode_data(ended.answer)))
        except TradetermError:
            return ended.sentence
    return found
