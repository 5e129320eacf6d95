"""The prompts: versioned files. A change of one is a new version, with a new digest in every record; older versions
stay, for the records that name them."""

from functools import cache
from importlib.resources import files

from msgspec import Struct

from tradeterm.validators.digest import digest

GATE, NEWS = "gate_v2", "news_v2"


class Prompt(Struct, frozen=True):
    version: str
    text: str
    sha: str


@cache
def load_prompt(version: str) -> Prompt:
    text = files("tradeterm.validators").joinpath("prompts", f"{version}.md").read_text(encoding="utf-8").strip()
    return Prompt(version, text, digest(text))
