"""An app whose colours are the theme files: loaded at start, reloaded when one is saved."""

from pathlib import Path

from textual.app import App

from tradeterm.ui import themes
from tradeterm.ui.plain import plain

RELOAD_EVERY_MS = 1_000
_SHOWN_PROBLEMS = 3


class ThemedApp(App[None], inherit_bindings=False):
    """Bad theme files cost only themselves: each is named in a toast, and the default theme stands in."""

    def __init__(self, wished: str, user_folder: Path) -> None:
        self._theme_folder = user_folder
        self.known_themes, self._problems = themes.load_themes(user_folder)
        self._stamp = themes.theme_stamp(user_folder)
        self._looked_at = 0
        super().__init__()
        for theme in self.known_themes.values():
            self.register_theme(themes.to_textual(theme))
        name, problem = themes.pick(self.known_themes, wished)
        self._problems = [*self._problems, *([problem] if problem else [])]
        if name:
            self.theme = themes.textual_name(name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variable_defaults(self.known_themes)

    def on_mount(self) -> None:
        self._say_problems()

    def use_theme(self, name: str) -> None:
        self.theme = themes.textual_name(name)

    def next_theme(self) -> str:
        """Change to the next theme; returns its name, empty where there is none."""
        names = list(self.known_themes)
        here = self.theme.removeprefix(themes.textual_name(""))
        if not names:
            return ""
        name = names[(names.index(here) + 1) % len(names) if here in names else 0]
        self.use_theme(name)
        return name

    def reload_themes(self, now: int) -> None:
        """Take over saved theme files; looks at most once a second of `now` (ms)."""
        if now - self._looked_at < RELOAD_EVERY_MS:
            return
        self._looked_at = now
        stamp = themes.theme_stamp(self._theme_folder)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self.known_themes, self._problems = themes.load_themes(self._theme_folder)
        for theme in self.known_themes.values():
            self.register_theme(themes.to_textual(theme))
        self.refresh_css(animate=False)
        self._say_problems()

    def _say_problems(self) -> None:
        for problem in self._problems[:_SHOWN_PROBLEMS]:
            self.notify(plain(problem), severity="warning", timeout=10, markup=False)
