"""Headlines for tier 2: where they come from, and how long they count."""

from typing import Annotated

from msgspec import Meta, Struct


class NewsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Headlines are shown to the second call of an AI alone, which can only lower what the first one said."""

    file: Annotated[str, Meta(description="JSON lines that any program may append: ts, symbols, text")] = ""
    feeds: Annotated[tuple[str, ...], Meta(description="addresses of RSS or Atom feeds, https")] = ()
    poll_minutes: Annotated[float, Meta(ge=1.0, le=1440.0)] = 5.0
    keep_hours: Annotated[float, Meta(gt=0.0, le=168.0, description="an older headline does not count")] = 12.0
    words: Annotated[dict[str, tuple[str, ...]], Meta(description="by instrument: words that mean it")] = {}
