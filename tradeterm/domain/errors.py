"""The exception tree. Each branch means one thing to the caller."""


class TradetermError(Exception):
    """Base of every error this program raises on purpose; its text is one plain sentence for a person."""


class ConfigError(TradetermError):
    """The configuration (or a theme, keymap or parameter) is wrong; names file, key, found and allowed."""


class DataError(TradetermError):
    """Market data is missing, unreadable or not trustworthy."""


class LedgerError(TradetermError):
    """The ledger cannot be opened, is newer than this program, is in use, or disagrees with itself."""


class EngineError(TradetermError):
    """The engine cannot start or go on."""


class IllegalTransition(EngineError):
    """An order event that the state machine does not allow in the order's present state."""


class VenueError(EngineError):
    """Something went wrong between us and a venue."""


class VenueRefused(VenueError):
    """A definite answer from the venue: the request was refused and changed nothing."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class OutcomeUnclear(VenueError):
    """The request may or may not have taken effect; look it up before anything else."""


class VenueUnavailable(VenueError):
    """The request never reached the venue; repeating it is safe."""
