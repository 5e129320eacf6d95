"""The command palette: every action and every theme by name."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tradeterm.ui.actions import ACTIONS

if TYPE_CHECKING:
    from tradeterm.ui.app import TradetermApp


class ActionCommands(Provider):
    """Every action, and every theme, in the command palette."""

    def _commands(self) -> Iterable[tuple[str, str, Callable[[], None]]]:
        app = cast("TradetermApp", self.app)
        for action in ACTIONS:
            if not action.local and action.id != "app.palette" and app.has_place(action.id):
                key = app.keymap.shown(action.id)
                reason = app.unavailable(action.id)
                aside = f"{action.help} Not now: {reason}." if reason else action.help
                yield f"{action.label}  {key}", aside, partial(app.action_do, action.id)
        for name, theme in app.known_themes.items():
            yield f"Theme {name}", theme.description, partial(app.use_theme, name)

    async def discover(self) -> Hits:
        for title, aside, run in self._commands():
            yield DiscoveryHit(title, run, help=aside)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, aside, run in self._commands():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), run, help=aside)
