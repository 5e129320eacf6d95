import subprocess
import sys

import pytest

from tradeterm.config import UiConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.ui import env
from tradeterm.ui.glyphs import ASCII, UNICODE, choose


@pytest.mark.parametrize(
    ("setting", "term", "encoding", "wanted"),
    [
        ("auto", "xterm-256color", "utf-8", UNICODE),
        ("auto", "xterm-256color", "UTF8", UNICODE),
        ("auto", "xterm-256color", "ISO-8859-1", ASCII),
        ("auto", "xterm-256color", None, ASCII),
        ("auto", "linux", "utf-8", ASCII),
        ("auto", "dumb", "utf-8", ASCII),
        ("unicode", "linux", "ascii", UNICODE),
        ("ascii", "xterm-256color", "utf-8", ASCII),
    ],
)
def test_choice(setting, term, encoding, wanted):
    assert choose(setting, {"TERM": term}, encoding) is wanted


def test_unknown_setting_is_a_sentence():
    with pytest.raises(ConfigError, match=r"ui\.glyphs: 'emoji' is not known; allowed: auto, unicode, ascii"):
        choose("emoji", {}, "utf-8")


def test_the_ascii_set_is_ascii_and_both_are_one_cell_wide():
    for glyphs in (UNICODE, ASCII):
        for field in glyphs.__struct_fields__:
            value = getattr(glyphs, field)
            if field not in ("name", "blocks"):
                assert len(value) == 1, field
            if glyphs is ASCII:
                assert value.isascii(), field
        assert len(glyphs.blocks) == 9


def test_prepare_keeps_what_the_user_set():
    environ = {"TEXTUAL_FPS": "10"}
    env.prepare(UiConfig(), environ)
    assert environ["TEXTUAL_FPS"] == "10"
    assert environ["TEXTUAL_ANIMATIONS"] == "none"


def test_a_slow_link_gets_fewer_frames():
    quick: dict[str, str] = {}
    slow: dict[str, str] = {}
    env.prepare(UiConfig(), quick)
    env.prepare(UiConfig(paint_rate=1.0), slow)
    assert int(slow["TEXTUAL_FPS"]) < int(quick["TEXTUAL_FPS"])


def test_the_pure_parts_import_no_framework():
    code = (
        "import sys, tradeterm.ui.actions, tradeterm.ui.keymap, tradeterm.ui.themes, tradeterm.ui.fmt, "
        "tradeterm.ui.glyphs, tradeterm.ui.env, tradeterm.ui.diff, tradeterm.ui.clipboard\n"
        "sys.exit('textual' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
