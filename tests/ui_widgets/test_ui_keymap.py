import string

import pytest

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.states import CommandVerb
from tradeterm.ui.actions import ACTIONS, Danger, find_action
from tradeterm.ui.keymap import framework_key, normalise, resolve, show_key

DESIGNED = {
    "screen.desk": "1",
    "screen.signals": "2",
    "screen.orders": "3",
    "screen.risk": "4",
    "screen.research": "5",
    "screen.journal": "6",
    "screen.chat": "7",
    "engine.start": "s",
    "engine.stop": "x",
    "book.pause": "p",
    "position.flatten": "f",
    "engine.halt": "ctrl+k",
    "engine.kill": "K",
    "prompt.open": ":",
    "table.filter": "/",
    "pane.next": "tab",
    "pane.jump": "g",
    "row.open": "enter",
    "table.sort": "o",
    "pane.zoom": "z",
    "pane.freeze": "space",
    "row.copy": "y",
    "app.theme": "t",
    "app.palette": "ctrl+p",
    "app.keys": "?",
    "app.quit": "q",
}


@pytest.mark.parametrize(("action", "key"), DESIGNED.items())
def test_the_designed_keys(action, key):
    assert resolve(ACTIONS, {}).keys(action) == (key,)


def test_the_table_is_consistent():
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    resolve(ACTIONS, {})
    for action in ACTIONS:
        resolve(ACTIONS, {action.id: " ".join(action.keys)})
    ranks = [action.footer for action in ACTIONS if action.footer is not None]
    assert len(ranks) == len(set(ranks))
    verbs = [action.verb for action in ACTIONS if action.verb]
    assert len(verbs) == len(set(verbs))
    engine_verbs = {"start", "stop", "pause", "resume", "halt", "kill", "flatten", "speed", "replay"}
    assert engine_verbs <= set(verbs) & {verb.value.lower() for verb in CommandVerb}


def test_halting_is_instant_everywhere_and_killing_is_typed():
    halt = find_action("engine.halt")
    assert halt.priority and halt.danger is Danger.INSTANT
    assert find_action("engine.kill").danger is Danger.TYPED
    assert [action.id for action in ACTIONS if action.priority] == ["engine.halt"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("K", "K"),
        ("shift+k", "K"),
        ("Ctrl+K", "ctrl+K"),
        ("shift+ctrl+a", "ctrl+shift+a"),
        ("Space", "space"),
        ("PgUp", "pageup"),
        ("slash", "/"),
        ("F5", "f5"),
        ("+", "+"),
        ("ctrl++", "ctrl++"),
        ("return", "enter"),
    ],
)
def test_normalise(written, meant):
    assert normalise(written) == meant


@pytest.mark.parametrize("key", [*string.ascii_letters, *string.digits, *string.punctuation])
def test_framework_spelling_is_the_frameworks_own(key):
    from textual.keys import _character_to_key

    assert framework_key(key) == _character_to_key(key)


def test_framework_spelling_with_modifiers():
    assert framework_key("ctrl+/") == "ctrl+slash"
    assert framework_key("ctrl+k") == "ctrl+k"
    assert framework_key("shift+tab") == "shift+tab"
    assert framework_key("ctrl++") == "ctrl+plus"


def test_shown_keys_are_short():
    assert show_key("ctrl+k") == "^k"
    assert show_key("up") == "↑"
    keymap = resolve(ACTIONS, {"engine.halt": "f9"})
    assert keymap.shown("engine.halt") == "f9"


def test_an_override_moves_a_key_and_frees_the_old_one():
    keymap = resolve(ACTIONS, {"app.theme": "T", "app.quit": "t, ctrl+t"})
    assert keymap.keys("app.theme") == ("T",)
    assert keymap.keys("app.quit") == ("t", "ctrl+t")
    assert keymap.action_of("q") is None
    found = keymap.action_of("ctrl+t")
    assert found is not None and found.id == "app.quit"
    assert keymap.for_textual()["app.quit"] == "t,ctrl+t"
    assert keymap.for_textual()["prompt.open"] == "colon"


def test_two_actions_may_swap_keys():
    keymap = resolve(ACTIONS, {"engine.start": "x", "engine.stop": "s"})
    assert (keymap.keys("engine.start"), keymap.keys("engine.stop")) == (("x",), ("s",))


def test_a_comma_is_a_key():
    assert resolve(ACTIONS, {"app.theme": ","}).keys("app.theme") == (",",)


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ({"engine.hlat": "h"}, ["'engine.hlat' is not an action", "did you mean 'engine.halt'?"]),
        ({"zzz": "h"}, ["'zzz' is not an action", "tradeterm keys"]),
        ({"app.theme": "q"}, ["app.theme", "'q' is already the key of app.quit, which has it by default"]),
        ({"app.theme": "n", "app.quit": "n"}, ["'n' is already the key of app.", "choose another key"]),
        ({"app.theme": "j"}, ["'j' is already the key of table.down"]),
        ({"app.theme": "ctrl+i"}, ["'ctrl+i' cannot be used", "tab"]),
        ({"app.theme": "ctrl+m"}, ["'ctrl+m' cannot be used", "enter"]),
        ({"app.theme": "ctrl+h"}, ["'ctrl+h' cannot be used", "backspace"]),
        ({"app.theme": "ctrl+j"}, ["'ctrl+j' cannot be used", "new line"]),
        ({"app.theme": "ctrl+b"}, ["tmux"]),
        ({"app.theme": "F10"}, ["'F10' cannot be used"]),
        ({"app.theme": "alt+t"}, ["macOS"]),
        ({"app.theme": "ctrl+T"}, ["unclear", "ctrl+t or ctrl+shift+t"]),
        ({"app.theme": "escape"}, ["closes dialogs"]),
        ({"app.theme": ""}, ["names no key"]),
        ({"app.theme": "hyper+t"}, ["'hyper+t' is not a key", "f1 to f9"]),
        ({"app.theme": "tt"}, ["'tt' is not a key"]),
    ],
)
def test_a_mistake_is_one_sentence(overrides, parts):
    with pytest.raises(ConfigError) as raised:
        resolve(ACTIONS, overrides, "my.toml")
    for part in ["my.toml [keys]", *parts]:
        assert part in str(raised.value)


def test_the_same_key_twice_for_one_action_is_no_clash():
    assert resolve(ACTIONS, {"app.theme": "T shift+t"}).keys("app.theme") == ("T",)
