"""What the doctor found: one sentence on one subject."""

from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(Struct, frozen=True):
    name: str
    level: Level
    text: str
