"""`tradeterm themes` and `tradeterm keys`: what the screen can look like, and which key does what."""

import argparse

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, WRONG_USE, say, say_error, say_json
from tradeterm.cli.session import config_file_of, config_of, profile_of


def add(commands: Commands) -> None:
    commands.add("themes", themes, "list the colour themes", json=True)
    commands.add("keys", keys, "list every key, with your own keymap applied", json=True)


def themes(options: argparse.Namespace) -> int:
    """JSON: {"type": "themes", "themes": [{"name", "description", "dark", "file"}], "mistakes": [sentence]}."""
    from tradeterm.ui.themes import load_themes

    found, mistakes = load_themes(profile_of(options).themes)
    if options.json:
        rows = [
            {"name": theme.name, "description": theme.description, "dark": theme.dark, "file": str(theme.file)}
            for theme in found.values()
        ]
        say_json({"type": "themes", "themes": rows, "mistakes": mistakes})
    else:
        width = max((len(name) for name in found), default=0)
        for theme in found.values():
            say(f"{theme.name:<{width}}  {'dark ' if theme.dark else 'light'}  {theme.description}")
        for mistake in mistakes:
            say_error(mistake, WRONG_USE)
    return WRONG_USE if mistakes else DONE


def keys(options: argparse.Namespace) -> int:
    """JSON: {"type": "keys", "keys": [{"id", "group", "keys": [key], "label", "help", "verb"}]}."""
    from tradeterm.config_file import looks_file
    from tradeterm.ui.actions import ACTIONS
    from tradeterm.ui.keymap import resolve

    profile = profile_of(options)
    where = looks_file(profile, config_file_of(options, profile))
    keymap = resolve(ACTIONS, config_of(options, profile).keys, str(where))
    if options.json:
        rows = [
            {
                "id": action.id,
                "group": action.group,
                "keys": list(keymap.keys(action.id)),
                "label": action.label,
                "help": action.help,
                "verb": action.verb or None,
            }
            for action in keymap.actions
        ]
        say_json({"type": "keys", "keys": rows})
        return DONE
    width = max(len(" ".join(keymap.keys(action.id))) for action in keymap.actions)
    names = max(len(action.id) for action in keymap.actions)
    group = ""
    for action in keymap.actions:
        if action.group != group:
            group = action.group
            say(group)
        say(f"  {' '.join(keymap.keys(action.id)):<{width}}  {action.id:<{names}}  {action.help}")
    return DONE
