"""The doctor's look at the machine: Python, libraries, terminal, folders, disk, clock."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from tradeterm import __version__
from tradeterm.cli.finding import Finding, Level
from tradeterm.ledger.store import NETWORK_FILE_SYSTEMS, file_system
from tradeterm.profile import Profile

_LIBRARIES = (
    *("textual", "msgspec", "numpy", "pandas", "pyarrow", "scipy", "sqlite-utils", "httpx", "websockets", "pybit"),
)
_DISK_FAIL, _DISK_WARN = 100 * 2**20, 2**30
_SMALL = (60, 15)


def host_findings(profile: Profile) -> list[Finding]:
    """Every check of the machine, in the order shown."""
    size = shutil.get_terminal_size((0, 0))
    is_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    encoding = sys.stderr.encoding if sys.stderr is not None else "ascii"
    return [
        python(),
        libraries(),
        terminal(os.environ, is_terminal, (size.columns, size.lines), encoding),
        folder("state folder", profile.root),
        folder("config folder", profile.config_home),
        disk(profile.root),
        network_disk(profile.root),
        clock(time.time(), Path(__file__).stat().st_mtime),
    ]


def python() -> Finding:
    version, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    if sys.platform == "win32":
        return Finding("python", Level.FAIL, f"{version} on {system}: the engine needs file locks; use Linux or macOS")
    return Finding("python", Level.OK, f"{version} on {system}")


def libraries() -> Finding:
    found, missing = [f"tradeterm {__version__}"], []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("libraries", Level.FAIL, f"not installed: {', '.join(missing)}; install tradeterm again")
    return Finding("libraries", Level.OK, ", ".join(found))


def terminal(environment: Mapping[str, str], is_terminal: bool, size: tuple[int, int], encoding: str) -> Finding:
    """`size` is (columns, lines)."""
    term = environment.get("TERM", "")
    if not is_terminal:
        return Finding("terminal", Level.OK, "there is none here, so only --headless and the commands work")
    if term in ("", "dumb"):
        return Finding("terminal", Level.FAIL, f"TERM is {term!r}; the screen needs one such as xterm-256color")
    words = [term, f"{size[0]}×{size[1]}", _colours(environment, term)]
    trouble = []
    if size[0] < _SMALL[0] or size[1] < _SMALL[1]:
        trouble.append(f"smaller than {_SMALL[0]}×{_SMALL[1]}: one line of state only")
    if "utf" not in encoding.lower():
        trouble.append(f"encoding {encoding}: plain ASCII signs are used")
    if trouble:
        return Finding("terminal", Level.WARN, f"{', '.join(words)}; {'; '.join(trouble)}")
    return Finding("terminal", Level.OK, ", ".join([*words, encoding]))


def _colours(environment: Mapping[str, str], term: str) -> str:
    if environment.get("NO_COLOR"):
        return "no colour (NO_COLOR)"
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in term else "16 colours"


def folder(name: str, path: Path) -> Finding:
    """Whether the folder, or the nearest one above it that exists, can be written, and is private once it exists."""
    existing = _nearest_existing(path)
    if not existing.is_dir():
        return Finding(name, Level.FAIL, f"{existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(name, Level.FAIL, f"{existing} cannot be written")
    if existing != path:
        return Finding(name, Level.OK, f"{path} will be made")
    if path.stat().st_mode & 0o077:
        return Finding(name, Level.WARN, f"{path} can be read by others; `chmod 700 {path}` makes it private")
    return Finding(name, Level.OK, f"{path} is writable and private")


def disk(path: Path) -> Finding:
    existing = _nearest_existing(path)
    free = shutil.disk_usage(existing).free
    text = f"{free / 2**30:.1f} GiB free for {path}"
    if free < _DISK_FAIL:
        return Finding("disk", Level.FAIL, f"{text}; the ledger needs at least 100 MiB")
    if free < _DISK_WARN:
        return Finding("disk", Level.WARN, f"{text}; journals grow, keep 1 GiB free")
    return Finding("disk", Level.OK, text)


def network_disk(path: Path) -> Finding:
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Finding("file system", Level.OK, "not a Linux machine: not checked")
    kind = file_system(_nearest_existing(path).resolve(), mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        return Finding("file system", Level.FAIL, f"{path} lies on a network disk ({kind}); a ledger needs a local one")
    return Finding("file system", Level.OK, f"{kind or 'unknown'}, local")


def clock(now_s: float, program_s: float) -> Finding:
    """The clock cannot be right if it stands before the program was installed."""
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if now_s < program_s - 60:
        return Finding("clock", Level.FAIL, f"{text} is before this program was installed; set the clock")
    timesync = Path("/run/systemd/timesync")
    if timesync.is_dir() and not (timesync / "synchronized").exists():
        return Finding("clock", Level.WARN, f"{text}, not synchronised yet; `timedatectl` shows why")
    return Finding("clock", Level.OK, text)


def _nearest_existing(path: Path) -> Path:
    return next(item for item in (path, *path.parents) if item.exists())
