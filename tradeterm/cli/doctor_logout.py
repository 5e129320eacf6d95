"""Would a logout take a background engine with it?

systemd may end what a login session started (KillUserProcesses), and it ends the user's own services with the last
session unless the user lingers. Nothing an engine does by itself prevents that; a user service with linger does.
"""

import getpass
import shutil
import subprocess
from pathlib import Path

from tradeterm.cli.finding import Finding, Level

_LINGER = Path("/var/lib/systemd/linger")


def logout_finding() -> Finding:
    if not Path("/run/systemd/system").is_dir():
        return Finding("logout", Level.OK, "no systemd here: a logout leaves a background engine alone")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        user = ""
    lingers = bool(user) and (_LINGER / user).exists()
    return judge(user, _own_group(), lingers=lingers, kills=_kill_user_processes())


def judge(user: str, group: str, *, lingers: bool, kills: bool | None) -> Finding:
    """`group` is this process's control group, `kills` the KillUserProcesses setting (None: not known)."""
    linger = f"`loginctl enable-linger {user}`"
    service = "run it as the systemd user service in the README"
    if "/user@" in group:
        if lingers:
            return Finding("logout", Level.OK, f"{user} lingers: a logout leaves a background engine alone")
        return Finding(
            "logout", Level.WARN, f"your last logout ends a background engine started from here; {linger} prevents it"
        )
    if "/session-" not in group:
        return Finding("logout", Level.OK, "not in a login session: a logout leaves a background engine alone")
    if kills is False:
        return Finding("logout", Level.OK, "KillUserProcesses is off: a logout leaves a background engine alone")
    certain = "KillUserProcesses is on" if kills else "KillUserProcesses may be on"
    first = "" if lingers else f"{linger} and "
    return Finding(
        "logout", Level.WARN, f"{certain}: a logout ends a background engine; to prevent it {first}{service}"
    )


def _own_group() -> str:
    try:
        return Path("/proc/self/cgroup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _kill_user_processes() -> bool | None:
    """What logind does, asked over D-Bus; None where it does not answer."""
    program = shutil.which("busctl")
    if program is None:
        return None
    service, path = "org.freedesktop.login1", "/org/freedesktop/login1"
    question = [program, "get-property", service, path, f"{service}.Manager", "KillUserProcesses"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=2, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return {"b true": True, "b false": False}.get(answer.strip())
