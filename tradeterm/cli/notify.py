"""`tradeterm notify test`: one message to each channel of `[notify]` that is enabled."""

import argparse
from typing import TYPE_CHECKING

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, WRONG_USE, say, say_error, say_json
from tradeterm.cli.session import config_file_of, config_of, profile_of

if TYPE_CHECKING:
    from tradeterm.config import NotifyConfig
    from tradeterm.notify.registry import ChannelResult


def add(commands: Commands) -> None:
    group = Commands(commands.add("notify", None, "try the channels that tell you of alerts"), required=True)
    parser = group.add("test", run, "send one message to each channel that is enabled", json=True)
    parser.add_argument("channel", nargs="?", metavar="CHANNEL", help="only this one, such as ntfy")


def run(options: argparse.Namespace) -> int:
    """A line a channel; exit status 1 if one did not take the message, 2 where there is none to try.

    JSON: {"type": "notify_test", "profile", "ok", "channels": [{"channel", "taken", "text"}]}.
    """
    import asyncio

    from tradeterm.assistant.text import clean
    from tradeterm.decode import one_of, show
    from tradeterm.notify.registry import enabled_channels

    profile = profile_of(options)
    config = config_of(options, profile)
    enabled = enabled_channels(config.notify)
    if not enabled:
        file = config_file_of(options, profile)
        return say_error(f"{file}: [notify] has no channel with enabled = true, so there is none to try", WRONG_USE)
    if options.channel is not None and options.channel not in enabled:
        return say_error(f"found {show(options.channel)}, allowed the enabled {one_of(enabled)}", WRONG_USE)
    wanted = enabled if options.channel is None else [options.channel]
    results = asyncio.run(_try(config.notify, wanted, f"tradeterm {config.mode} {profile.name}"))
    ok = all(result.taken for result in results)
    if options.json:
        channels = [{"channel": name, "taken": taken, "text": clean(text)} for name, taken, text in results]
        say_json({"type": "notify_test", "profile": profile.name, "ok": ok, "channels": channels})
    else:
        width = max(len(result.channel) for result in results)
        for name, taken, text in results:
            say(f"{name:<{width}}  {'sent' if taken else f'FAILED: {clean(text)}'}")
    return DONE if ok else FAILED


async def _try(config: "NotifyConfig", wanted: list[str], source: str) -> list["ChannelResult"]:
    """The message to each of the wanted channels; one that cannot be used stops none of the others."""
    from tradeterm.domain.errors import ConfigError
    from tradeterm.notify.registry import ChannelResult, make_each, try_channels

    made = make_each(config)
    ready = [found for name, found in made.items() if name in wanted and not isinstance(found, ConfigError)]
    results = {result.channel: result for result in await try_channels(ready, source)}
    for channel in made.values():
        if not isinstance(channel, ConfigError):
            await channel.close()
    return [results.get(name) or ChannelResult(name, False, str(made[name])) for name in wanted]
