"""The command line. Nothing heavy is imported before a command needs it, so `--version` and `--help` answer at once.

Exit status: 0 done, 1 failed, 2 wrong use or configuration, 3 refused by a safety rule, 130 interrupted.
"""

from collections.abc import Sequence

from tradeterm.cli import open_ui
from tradeterm.cli.output import DONE, FAILED, INTERRUPTED, WRONG_USE, abandon_output, flush, prepare_streams, say_error
from tradeterm.cli.parser import parse
from tradeterm.domain.errors import ConfigError, TradetermError


def main(argv: Sequence[str]) -> int:
    """Run one command. Errors a person can mend become one sentence on stderr; `--version` and usage errors exit."""
    prepare_streams()
    options = parse(argv)
    if options.run is not open_ui.run:
        for name in ("headless", "live", "yes_trade_real_money"):
            if getattr(options, name):
                return say_error(f"--{name.replace('_', '-')} and a command do not go together", WRONG_USE)
    try:
        status: int = options.run(options)
        flush()
    except ConfigError as error:
        return say_error(str(error), WRONG_USE)
    except TradetermError as error:
        return say_error(str(error), FAILED)
    except BrokenPipeError:  # the reader (head, less) has seen enough
        abandon_output()
        return DONE
    except OSError as error:
        if error.filename is None:
            abandon_output()
        return say_error(f"{error.filename or 'the output'}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    return status
