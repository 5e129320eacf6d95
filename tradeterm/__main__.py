"""`tradeterm` and `python -m tradeterm`."""

import sys


def main() -> int:
    """Run the command line; returns the exit status (see `tradeterm.cli`)."""
    from tradeterm.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
