"""What the ask line says of declared strategies; nothing here needs a model."""

from tradeterm.assistant.author import draft_of, folder_of, known_names, named
from tradeterm.assistant.text import clean
from tradeterm.config import Config
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import find_profile
from tradeterm.strategies.declared.files import known_files

_SHOWN = 40


def names() -> list[str]:
    return list(known_names(find_profile()))


def strategies() -> list[str]:
    """The person's own first, then the examples."""
    folder = folder_of(find_profile())
    files = known_files(folder)
    own = [name for name, path in sorted(files.items()) if path.parent == folder]
    every = [*own, *sorted(set(files) - {*own})]
    lines = [f"{clean(name, 60)}  {'yours' if name in own else 'example'}" for name in every]
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [*lines[:_SHOWN], *more, "`explain NAME` says what one does; `new strategy` opens a form."]


def explained(name: str) -> list[str]:
    """What it does, in words made from its file, and what keeps it from being applied; or its mistakes."""
    try:
        path, spec = named(name, find_profile())
        made = draft_of(spec, Config())
    except ConfigError as error:
        return [clean(line) for line in str(error).splitlines()]
    blocked = [f"cannot be applied: {clean(why)}" for why in made.blocked]
    notes = [f"note: {clean(note)}" for note in made.notes]
    return [f"{spec.name} ({path})", *map(clean, made.words.splitlines()), *notes, *blocked]
