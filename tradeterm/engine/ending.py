"""Why a run ends."""

from enum import StrEnum


class Ending(StrEnum):
    STOPPED = "STOPPED"
    INTERRUPT = "INTERRUPT"
    FINISHED = "FINISHED"
    REPLAY = "REPLAY"
    ORPHANED = "ORPHANED"
