"""`tradeterm config check` and `tradeterm config init`."""

import argparse
import os

from tradeterm.cli.checks import every_mistake
from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, WRONG_USE, say, say_error, say_json
from tradeterm.cli.session import config_file_of, profile_of
from tradeterm.profile import find_profile
from tradeterm.resources import example_config


def add(commands: Commands) -> None:
    group = Commands(commands.add("config", None, "check or write the configuration"), required=True)
    group.add("check", check, "read the configuration and say what is wrong with it", json=True)
    group.add("init", init, "write an example configuration into your configuration folder")


def check(options: argparse.Namespace) -> int:
    """JSON: {"type": "config", "file", "ok", "mistakes": [sentence], "warnings": [sentence], "hash", "mode",
    "books": [name]}."""
    from tradeterm.config_file import config_hash
    from tradeterm.engine.check_config import trading_warnings

    profile = profile_of(options)
    file = config_file_of(options, profile)
    config, mistakes = every_mistake(file, profile)
    warnings = trading_warnings(config) if config is not None else []
    if options.json:
        say_json(
            {
                "type": "config",
                "file": str(file),
                "ok": not mistakes,
                "mistakes": mistakes,
                "warnings": warnings,
                "hash": config_hash(config) if config is not None else None,
                "mode": config.mode if config is not None else None,
                "books": list(config.books) if config is not None else [],
            }
        )
    elif config is not None and not mistakes:
        books = ", ".join(name if book.enabled else f"{name} (not enabled)" for name, book in config.books.items())
        say("\n".join((f"{file}: good. mode {config.mode}, books {books}", *warnings)))
    else:
        say_error("\n".join(mistakes), WRONG_USE)
    return WRONG_USE if mistakes else DONE


def init(options: argparse.Namespace) -> int:
    """Write the example, readable by its owner alone; an existing file is never replaced."""
    file = find_profile().config_file
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(example_config().read_bytes())
    except FileExistsError:
        return say_error(f"{file} exists already and is left as it is; `tradeterm config check` reads it", FAILED)
    except OSError as error:
        return say_error(f"{file} cannot be written: {error.strerror or error}", FAILED)
    say(f"wrote {file}")
    return DONE
