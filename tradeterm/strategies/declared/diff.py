"""What differs between two specifications, in words."""

from collections.abc import Iterator

from tradeterm.decode import show
from tradeterm.strategies.declared.read import plain_spec
from tradeterm.strategies.declared.spec import Rules, Spec
from tradeterm.strategies.declared.words import condition_words

_LISTED = ("entry", "exit")


def differences(old: Spec, new: Spec) -> list[str]:
    """A sentence for each setting that differs and for each condition that only one of them has."""
    before, after = (dict(_settings("", plain_spec(spec))) for spec in (old, new))
    lines = [
        f"{key}: {_shown(before, key)}, now {_shown(after, key)}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]
    if old.bars_held != new.bars_held:
        lines.append(f"longest holding time: {_bars(old.bars_held)}, now {_bars(new.bars_held)}")
    for name, was, now in (("entry", old.entry, new.entry), ("exit", old.exit, new.exit)):
        if bool(was.all) != bool(now.all) and len(was.conditions) > 1 and len(now.conditions) > 1:
            lines.append(f"{name}: {_how(was)} must hold, now {_how(now)}")
        lines += [f"{name}: no longer {words}" for words in _only(was, now)]
        lines += [f"{name}: newly {words}" for words in _only(now, was)]
    return lines


def _settings(key: str, value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, dict):
        yield key, value
        return
    for name, item in value.items():
        if key or name not in _LISTED:
            yield from _settings(f"{key}.{name}" if key else name, item)


def _only(these: Rules, those: Rules) -> list[str]:
    return [condition_words(one) for one in these.conditions if one not in those.conditions]


def _how(rules: Rules) -> str:
    return "all" if rules.all else "any"


def _shown(settings: dict[str, object], key: str) -> str:
    return show(settings[key]) if key in settings else "nothing"


def _bars(bars: int | None) -> str:
    return "none" if bars is None else f"{bars} bars"
