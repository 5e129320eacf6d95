"""The signs drawn beside words and numbers: one set for capable terminals, one of plain ASCII. Chosen once."""

from collections.abc import Mapping

from msgspec import Struct

from tradeterm.domain.errors import ConfigError

CHOICES = ("auto", "unicode", "ascii")
_POOR_TERMINALS = ("dumb", "linux", "vt100", "vt220", "cons25")


class Glyphs(Struct, frozen=True, kw_only=True):
    """A set of signs, each one cell wide. `levels` and `blocks` run from empty to full."""

    name: str
    up: str
    down: str
    dash: str
    dot: str
    bullet: str
    arrow: str
    check: str
    cross: str
    warn: str
    sort_up: str
    sort_down: str
    ellipsis: str
    bar: str
    rail: str
    line: str
    level: str
    blocks: str
    body: str
    body_top: str
    body_bottom: str
    wick: str
    wick_top: str
    wick_bottom: str
    axis: str
    tick: str
    pause: str
    play: str
    frozen: str

    @property
    def ascii(self) -> bool:
        return self.name == "ascii"


UNICODE = Glyphs(
    name="unicode",
    up="▲",
    down="▼",
    dash="—",
    dot="·",
    bullet="●",
    arrow="▸",
    check="✓",
    cross="✗",
    warn="!",
    sort_up="▴",
    sort_down="▾",
    ellipsis="…",
    bar="━",
    rail="─",
    line="─",
    level="╌",
    blocks=" ▁▂▃▄▅▆▇█",
    body="┃",
    body_top="╻",
    body_bottom="╹",
    wick="│",
    wick_top="╷",
    wick_bottom="╵",
    axis="│",
    tick="┬",
    pause="‖",
    play="▸",
    frozen="‖",
)

ASCII = Glyphs(
    name="ascii",
    up="^",
    down="v",
    dash="-",
    dot="-",
    bullet="*",
    arrow=">",
    check="+",
    cross="x",
    warn="!",
    sort_up="^",
    sort_down="v",
    ellipsis="~",
    bar="=",
    rail="-",
    line="-",
    level="-",
    blocks=" .:-=+*##",
    body="#",
    body_top="#",
    body_bottom="#",
    wick="|",
    wick_top="|",
    wick_bottom="|",
    axis="|",
    tick="+",
    pause="=",
    play=">",
    frozen="=",
)


def choose(setting: str, environ: Mapping[str, str], encoding: str | None) -> Glyphs:
    """The set for `setting` (auto, unicode, ascii); auto looks at the terminal's name and output encoding.

    Raises ConfigError for any other setting.
    """
    if setting not in CHOICES:
        raise ConfigError(f"config ui.glyphs: {setting!r} is not known; allowed: {', '.join(CHOICES)}")
    if setting != "auto":
        return UNICODE if setting == "unicode" else ASCII
    speaks_utf8 = (encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig")
    poor = environ.get("TERM", "") in _POOR_TERMINALS
    return UNICODE if speaks_utf8 and not poor else ASCII
