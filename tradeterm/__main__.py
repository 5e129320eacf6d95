"""`tradeterm` and `python -m tradeterm`."""

import os
import sys


def main() -> int:
    """Run the command line; returns the exit status (see `tradeterm.cli`)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: small matrices, where its threads only wait
    try:
        from tradeterm.cli import main as run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while still importing; the commands have their own ways to end
        return 130


if __name__ == "__main__":
    sys.exit(main())
