"""Which key does what: the action table with the person's own keys laid over it, checked before anything starts."""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tradeterm.domain.errors import ConfigError
from tradeterm.ui.actions import Action

_SAME_BYTE = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+j": "a new line", "ctrl+[": "escape"}
_TAKEN = {
    "ctrl+c": "terminals use it to interrupt",
    "ctrl+z": "terminals use it to suspend",
    "ctrl+s": "terminals use it to stop output",
    "ctrl+q": "terminals use it to go on with output",
    "ctrl+b": "tmux takes it first",
    "f10": "many desktops take it first",
    "f11": "many desktops take it first",
    "escape": "it closes dialogs and inputs",
    "backspace": "it deletes in inputs",
}
_MODIFIERS = ("ctrl", "alt", "shift")
_PLAIN_NAMES = "tab, enter, space, up, down, left, right, home, end, pageup, pagedown, insert, delete"
_NAMED = frozenset(_PLAIN_NAMES.split(", ")) | {f"f{number}" for number in range(1, 13)}
_WORDS = {"slash": "/", "backslash": "\\", "at": "@", "minus": "-", "plus": "+", "underscore": "_", "pgup": "pageup"}
_WORDS |= {
    "pgdn": "pagedown",
    "pgdown": "pagedown",
    "return": "enter",
    "spacebar": "space",
    "esc": "escape",
    " ": "space",
}
_FRAMEWORK = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus"}
_FRAMEWORK |= {"plus_sign": "plus", "low_line": "underscore"}
_SHOWN = {"up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "pgup", "pagedown": "pgdn"}


class Keymap(Struct, frozen=True):
    """The keys of every action, as a person writes them, in the action table's order."""

    actions: tuple[Action, ...]
    bound: dict[str, tuple[str, ...]]

    def keys(self, action_id: str) -> tuple[str, ...]:
        return self.bound[action_id]

    def shown(self, action_id: str) -> str:
        """The first key, short, for footers and buttons: "^k", "?", "↑"; empty for an action without a key."""
        keys = self.bound[action_id]
        return show_key(keys[0]) if keys else ""

    def action_of(self, key: str) -> Action | None:
        """The action bound to a key written as a person writes it."""
        return next((action for action in self.actions if key in self.bound[action.id]), None)

    def for_textual(self) -> dict[str, str]:
        """Action id → keys in the framework's spelling, every action listed (for `App.set_keymap`)."""
        return {action: ",".join(framework_key(key) for key in keys) for action, keys in self.bound.items() if keys}


def show_key(key: str) -> str:
    """A key in as few cells as possible."""
    return _SHOWN.get(key, key.replace("ctrl+", "^"))


def framework_key(key: str) -> str:
    """A key in Textual's spelling: ":" is "colon", "ctrl+/" is "ctrl+slash"."""
    *modifiers, name = _parts(key)
    if len(name) == 1 and not name.isalnum():
        name = unicodedata.name(name).lower().replace("-", "_").replace(" ", "_")
        name = _FRAMEWORK.get(name, name)
    return "+".join([*modifiers, name])


def resolve(actions: Sequence[Action], overrides: Mapping[str, str], where: str = "config.toml") -> Keymap:
    """Lay `overrides` (action id → keys, separated by spaces or commas) over the default keys.

    Raises ConfigError with one sentence for the first unknown id, unusable key or clash.
    """
    bound = {action.id: action.keys for action in actions}
    for action_id, text in overrides.items():
        if action_id not in bound:
            raise ConfigError(f"{where} [keys]: {action_id!r} is not an action{_nearest(action_id, bound)}")
        keys = [_usable(normalise(key), key, action_id, where) for key in _split(text, action_id, where)]
        bound[action_id] = tuple(dict.fromkeys(keys))
    _check_clashes(bound, overrides, where)
    return Keymap(tuple(actions), bound)


def normalise(key: str) -> str:
    """One spelling for a key: modifiers sorted and lower case, named keys lower case, shift+k as K."""
    *modifiers, name = _parts(key)
    modifiers = sorted({modifier.lower() for modifier in modifiers}, key=_rank)
    name = _WORDS.get(name.lower(), name) if len(name) > 1 or name == " " else name
    if len(name) > 1:
        name = name.lower()
    if modifiers == ["shift"] and len(name) == 1 and name.isalpha():
        return name.upper()
    return "+".join([*modifiers, name])


def _parts(key: str) -> list[str]:
    """Modifiers and name; a plus sign may itself be the name."""
    if key.endswith("+"):
        return [part for part in key[:-1].split("+") if part] + ["+"]
    return key.split("+")


def _rank(modifier: str) -> int:
    return _MODIFIERS.index(modifier) if modifier in _MODIFIERS else len(_MODIFIERS)


def _split(text: str, action_id: str, where: str) -> list[str]:
    keys = text.split() if text.strip() == "," else text.replace(", ", " ").split()
    if not keys:
        raise ConfigError(f"{where} [keys] {action_id}: names no key; give one or more, separated by spaces")
    return keys


def _usable(key: str, written: str, action_id: str, where: str) -> str:
    at = f"{where} [keys] {action_id}: {written!r}"
    *modifiers, name = _parts(key)
    if any(modifier not in _MODIFIERS for modifier in modifiers) or not (
        len(name) == 1 or name in _NAMED | {"escape", "backspace"}
    ):
        raise ConfigError(
            f"{at} is not a key; allowed: one character, f1 to f9, f12, {_PLAIN_NAMES}; ctrl+, alt+ or shift+ before it"
        )
    if "ctrl" in modifiers and name.isalpha() and len(name) == 1 and name.isupper():
        raise ConfigError(f"{at} is unclear; write {key[:-1]}{name.lower()} or ctrl+shift+{name.lower()}")
    if key in _SAME_BYTE:
        raise ConfigError(f"{at} cannot be used: terminals send it as {_SAME_BYTE[key]}")
    if key in _TAKEN:
        raise ConfigError(f"{at} cannot be used: {_TAKEN[key]}")
    if "alt" in modifiers and len(name) == 1:
        raise ConfigError(f"{at} cannot be used: macOS terminals type another letter for it")
    if len(name) == 1 and not name.isprintable():
        raise ConfigError(f"{at} cannot be used: it is not a printable character")
    return key


def _check_clashes(bound: Mapping[str, tuple[str, ...]], overrides: Mapping[str, str], where: str) -> None:
    owner: dict[str, str] = {}
    for action_id, keys in bound.items():
        for key in keys:
            if key in owner and owner[key] != action_id:
                raise ConfigError(_clash(key, owner[key], action_id, overrides, where))
            owner[key] = action_id


def _clash(key: str, first: str, second: str, overrides: Mapping[str, str], where: str) -> str:
    mine, other = (second, first) if second in overrides else (first, second)
    kind = "" if other in overrides else ", which has it by default"
    return f"{where} [keys] {mine}: {key!r} is already the key of {other}{kind}; choose another key or move {other}"


def _nearest(action_id: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(action_id, list(known), n=1)
    return f"; did you mean {close[0]!r}? `tradeterm keys` lists them" if close else "; `tradeterm keys` lists them"
