"""`tradeterm doctor`: is this machine fit to run the console, are profile and venue in order? Nothing is traded."""

import argparse

from tradeterm.cli.commands import Commands
from tradeterm.cli.finding import Finding, Level
from tradeterm.cli.output import DONE, FAILED, say, say_json
from tradeterm.cli.session import config_file_of, profile_of


def add(commands: Commands) -> None:
    commands.add(
        "doctor", run, "check this machine, the configuration, the ledger, and the venue without trading", json=True
    )


def run(options: argparse.Namespace) -> int:
    """One line a check; exit status 1 if any of them FAILs.

    JSON: {"type": "doctor", "profile", "ok", "checks": [{"name", "level", "text"}]}; level is OK, WARN or FAIL.
    """
    from tradeterm.cli.doctor_host import host_findings
    from tradeterm.cli.doctor_logout import logout_finding
    from tradeterm.cli.doctor_news import news_findings
    from tradeterm.cli.doctor_notify import notify_findings
    from tradeterm.cli.doctor_profile import profile_findings
    from tradeterm.cli.doctor_venues import venue_findings

    profile = profile_of(options)
    findings: list[Finding] = [
        *host_findings(profile),
        *profile_findings(profile, config_file_of(options, profile)),
        *venue_findings(profile, config_file_of(options, profile)),
        *news_findings(profile, config_file_of(options, profile)),
        *notify_findings(profile, config_file_of(options, profile)),
        logout_finding(),
    ]
    failed = any(finding.level is Level.FAIL for finding in findings)
    if options.json:
        say_json({"type": "doctor", "profile": profile.name, "ok": not failed, "checks": findings})
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            say(f"{finding.level:<4}  {finding.name:<{width}}  {finding.text}")
    return FAILED if failed else DONE
