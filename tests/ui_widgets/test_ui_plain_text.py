import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tradeterm.ui.plain import ascii_only, fit, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;cm0gLXJm\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP+q544e\x1b\\ok", "ok"),
        ("\x9b31mred", "red"),
        ("two\nlines\tand\r\ntab", "two lines and tab"),
        ("\u202eevil\u202c", "evil"),
        ("a\u200bb\ufeffc", "abc"),
        ("[b]bold[/b]", "[b]bold[/b]"),
        ("bell\x07\x00", "bell"),
        ("\ud800lone", "lone"),
        ("देव", "देव"),
        ("", ""),
    ],
)
def test_plain(text, shown):
    assert plain(text) == shown


@given(st.text())
def test_plain_is_one_printable_line_and_settled(text):
    once = plain(text)
    assert "\x1b" not in once and "\n" not in once and "\x9b" not in once
    assert plain(once) == once


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Zs"))), st.integers(0, 30))
def test_fit_takes_exactly_its_cells(text, width):
    assert cell_len(fit(plain(text), width)) == width


def test_fit_cuts_with_an_ellipsis():
    assert fit("RELIANCE 2900 PE", 9) == "RELIANCE…"
    assert fit("RELIANCE", 8) == "RELIANCE"
    assert fit("abc", 1) == "…"
    assert fit("日本語", 4) == "日 …"


@given(st.text())
def test_ascii_keeps_every_character_in_its_place(text):
    assert ascii_only(text).isascii()
    assert len(ascii_only(text)) == len(text)
    assert ascii_only("1.2 — 3 · 4…") == "1.2 - 3 - 4~"
