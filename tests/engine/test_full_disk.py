"""A disk that fills while the engine trades: it ends with a sentence, and the next start has lost nothing."""

import os
import subprocess
import sys
from pathlib import Path

from crash_kit import LAST_DAY_MS, demo, differences_from_venue, finish, ledger_findings, start

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
from tradeterm.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_no_space_is_a_sentence_and_loses_nothing(home: Path) -> None:
    profile = demo(home)
    options = ["--headless", "--demo", "--speed", "max", "--start-ts", str(LAST_DAY_MS), "--duration", "1"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "330000", *options],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(profile.root) in done.stderr
    assert list(ledger_findings(profile)) == []
    assert finish(start(home, str(LAST_DAY_MS))) == 0
    assert list(ledger_findings(profile)) == []
    assert differences_from_venue(profile) == []
