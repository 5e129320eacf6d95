"""Keeping a run in the ledger of research; a ledger that cannot be written costs nobody a finished run."""

import argparse
from collections.abc import Mapping
from typing import Any

from tradeterm.cli.output import note
from tradeterm.cli.session import profile_of
from tradeterm.domain.errors import LedgerError


def keep(options: argparse.Namespace, command: str, outcome: Mapping[str, Any]) -> int | None:
    """The number of the run, now kept; None, and a sentence on stderr, where it cannot be."""
    from tradeterm.research.runs import keep_run

    try:
        return keep_run(profile_of(options).root, command, outcome)
    except LedgerError as error:
        why = str(error)
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    note(f"tradeterm: this run is not kept: {why}; once that file can be written, or is moved away, the next one is")
    return None
