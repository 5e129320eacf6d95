"""Colour themes: TOML files in the program's and the user's theme folders. No framework import until one is used."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tradeterm import resources

if TYPE_CHECKING:
    from textual.theme import Theme as TextualTheme

DEFAULT = "dark"

ANSI_COLOURS = tuple(
    f"ansi_{bright}{name}"
    for bright in ("", "bright_")
    for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
)
_ALLOWED = "#rrggbb, #rgb, ansi_default or one of the 16 ansi_ colours (ansi_red, ansi_bright_blue ...)"
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

# Every colour a theme may set, and the one it takes after when it does not.
COLOURS: Mapping[str, str] = {
    "background": "",
    "foreground": "",
    "accent": "",
    "up": "",
    "down": "",
    "warning": "",
    "danger": "",
    "surface": "background",
    "panel": "surface",
    "muted": "foreground",
    "bright": "foreground",
    "pnl-up": "up",
    "pnl-down": "down",
    "stale": "muted",
    "demo": "accent",
    "paper": "up",
    "live": "danger",
    "badge-text": "background",
    "pane-border": "muted",
    "pane-border-focus": "accent",
    "pane-title": "accent",
    "selection": "accent",
    "selection-text": "background",
    "selection-blurred": "panel",
    "selection-blurred-text": "foreground",
    "chart-up": "up",
    "chart-down": "down",
    "chart-volume": "muted",
    "chart-axis": "muted",
    "chart-last": "foreground",
    "chart-line": "accent",
    "level-entry": "accent",
    "level-stop": "down",
    "level-target": "up",
    "gauge-rail": "pane-border",
    "key": "accent",
    "prompt": "accent",
}
REQUIRED = tuple(name for name, fallback in COLOURS.items() if not fallback)


class Theme(Struct, frozen=True):
    """A checked theme: every colour of `COLOURS` has a value. `ansi` leaves all colours to the terminal."""

    name: str
    description: str
    dark: bool
    ansi: bool
    colours: dict[str, str]
    file: Path


def load_themes(user_folder: Path | None = None) -> tuple[dict[str, Theme], list[str]]:
    """All themes by name, shipped ones first, a user's theme replacing one of the same name; and what was wrong.

    A bad file costs only itself: it is left out and named in a sentence.
    """
    themes: dict[str, Theme] = {}
    errors: list[str] = []
    for folder in (resources.themes_folder(), user_folder):
        for file in _theme_files(folder):
            theme, wrong = read_theme(file)
            errors.extend(wrong)
            if theme is not None:
                themes[theme.name] = theme
    return themes, errors


def theme_stamp(user_folder: Path | None = None) -> tuple[tuple[str, int, int], ...]:
    """Changes whenever a theme file was saved, added or removed; for reloading on save."""
    stamp: list[tuple[str, int, int]] = []
    for folder in (resources.themes_folder(), user_folder):
        for file in _theme_files(folder):
            try:
                info = file.stat()
            except OSError:
                continue
            stamp.append((str(file), info.st_mtime_ns, info.st_size))
    return tuple(stamp)


def pick(themes: Mapping[str, Theme], name: str) -> tuple[str, str]:
    """The theme to use for a wished name, and a sentence when it is not the wished one."""
    if name in themes:
        return name, ""
    fallback = DEFAULT if DEFAULT in themes else next(iter(themes), "")
    return fallback, f"theme {name!r} is not there; allowed: {', '.join(themes)}; using {fallback!r}"


def _theme_files(folder: Path | None) -> Iterable[Path]:
    if folder is None:
        return ()
    try:
        return sorted(folder.glob("*.toml"))
    except OSError:
        return ()


def read_theme(file: Path) -> tuple[Theme | None, list[str]]:
    """One file as a theme, or None with sentences that name the file, the key, what was found and what is allowed."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [f"theme {file}: cannot be read ({error.strerror})"]
    except UnicodeDecodeError:
        return None, [f"theme {file}: is not UTF-8 text"]
    except tomllib.TOMLDecodeError as error:
        return None, [f"theme {file}: is not TOML ({error})"]
    return _checked(table, file)


def _checked(table: dict[str, Any], file: Path) -> tuple[Theme | None, list[str]]:
    wrong: list[str] = []
    at = f"theme {file}"
    allowed = ("name", "description", "dark", "ansi", "colours")
    wrong.extend(f"{at}: {key!r} is not known; allowed: {', '.join(allowed)}" for key in table if key not in allowed)
    name = table.get("name", file.stem)
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        wrong.append(f"{at}: name is {name!r}; allowed: 1 to 32 of a-z, 0-9 and -")
        name = file.stem
    description = table.get("description", "")
    if not isinstance(description, str):
        wrong.append(f"{at}: description is {description!r}; allowed: a text")
    flags = {key: table.get(key, key == "dark") for key in ("dark", "ansi")}
    wrong.extend(
        f"{at}: {key} is {value!r}; allowed: true or false"
        for key, value in flags.items()
        if not isinstance(value, bool)
    )
    colours = table.get("colours", {})
    if isinstance(colours, dict):
        wrong.extend(_wrong_colours(colours, at))
    else:
        wrong.append(f"{at}: colours is {colours!r}; allowed: a table of colours")
    if wrong:
        return None, wrong
    return Theme(name, description, flags["dark"], flags["ansi"], _completed(colours), file), []


def _wrong_colours(colours: Mapping[str, object], at: str) -> Iterable[str]:
    for key in REQUIRED:
        if key not in colours:
            yield f"{at}: colours.{key} is missing; allowed: {_ALLOWED}"
    for key, value in colours.items():
        if key not in COLOURS:
            yield f"{at}: colours.{key} is not known; allowed: {', '.join(COLOURS)}"
        elif not (isinstance(value, str) and is_colour(value)):
            yield f"{at}: colours.{key} is {value!r}; allowed: {_ALLOWED}"


def is_colour(text: str) -> bool:
    return bool(_HEX.fullmatch(text)) or text == "ansi_default" or text in ANSI_COLOURS


def _completed(colours: Mapping[str, str]) -> dict[str, str]:
    whole: dict[str, str] = {}
    for name, fallback in COLOURS.items():
        whole[name] = colours.get(name) or whole[fallback]
    return whole


def css_variables(theme: Theme) -> dict[str, str]:
    """The theme as variables of the style sheets: its own colours, and the framework's names for them."""
    own = theme.colours
    return {
        **own,
        "foreground-muted": own["muted"],
        "text": own["foreground"],
        "text-muted": own["muted"],
        "text-disabled": own["muted"],
        "text-primary": own["accent"],
        "text-accent": own["accent"],
        "text-success": own["up"],
        "text-warning": own["warning"],
        "text-error": own["danger"],
        "border": own["pane-border-focus"],
        "border-blurred": own["pane-border"],
        "block-cursor-background": own["selection"],
        "block-cursor-foreground": own["selection-text"],
        "block-cursor-blurred-background": own["selection-blurred"],
        "block-cursor-blurred-foreground": own["selection-blurred-text"],
        "block-hover-background": own["panel"],
        "input-selection-background": own["selection-blurred"],
        "input-selection-foreground": own["selection-blurred-text"],
        "input-cursor-background": own["foreground"],
        "input-cursor-foreground": own["background"],
        "screen-selection-background": own["selection-blurred"],
        "screen-selection-foreground": own["selection-blurred-text"],
        "scrollbar": own["pane-border"],
        "scrollbar-hover": own["muted"],
        "scrollbar-active": own["accent"],
        "scrollbar-background": own["background"],
        "scrollbar-background-hover": own["background"],
        "scrollbar-background-active": own["background"],
        "scrollbar-corner-color": own["background"],
        "footer-key-foreground": own["key"],
        "footer-foreground": own["foreground"],
        "footer-background": own["panel"],
        "ansi-background": ("ansi_black" if theme.dark else "ansi_white") if theme.ansi else "transparent",
        "ansi-foreground": ("ansi_white" if theme.dark else "ansi_black") if theme.ansi else "transparent",
    }


def to_textual(theme: Theme) -> "TextualTheme":
    """The theme as the framework takes it; its name is prefixed so that it never meets a built-in one."""
    from textual.theme import Theme as TextualTheme

    own = theme.colours
    return TextualTheme(
        name=textual_name(theme.name),
        primary=own["accent"],
        secondary=own["accent"],
        accent=own["accent"],
        warning=own["warning"],
        error=own["danger"],
        success=own["up"],
        foreground=own["foreground"],
        background=own["background"],
        surface=own["surface"],
        panel=own["panel"],
        dark=theme.dark,
        ansi=theme.ansi,
        variables=css_variables(theme),
    )


def textual_name(name: str) -> str:
    return f"tradeterm-{name}"


def variable_defaults(themes: Mapping[str, Theme]) -> dict[str, str]:
    """Values for every variable, for `App.get_theme_variable_defaults`: style sheets parse under any theme."""
    name, _ = pick(themes, DEFAULT)
    return css_variables(themes[name]) if name else _LAST_RESORT


_LAST_RESORT = {
    name: "ansi_default" if fallback or name in ("background", "foreground") else "ansi_bright_white"
    for name, fallback in COLOURS.items()
}


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio, 1 to 21, of two #rrggbb colours."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
