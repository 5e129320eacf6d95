"""Which profile and configuration a command works on."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.profile import DEMO_PROFILE, Profile, find_profile, user_path

if TYPE_CHECKING:
    from tradeterm.config import Config

DEFAULT_PROFILE = "default"


def profile_of(options: argparse.Namespace) -> Profile:
    """The profile named on the command line, else `default` where there is a configuration file, else the demo."""
    if options.demo and (options.profile not in (None, DEMO_PROFILE) or options.config):
        raise ConfigError("--demo has its own profile and configuration; leave --profile and --config out")
    if options.demo:
        return find_profile(DEMO_PROFILE)
    if options.profile is not None:
        return find_profile(options.profile)
    default = find_profile(DEFAULT_PROFILE)
    configured = options.config is not None or default.config_file.exists()
    return default if configured else find_profile(DEMO_PROFILE)


def config_file_of(options: argparse.Namespace, profile: Profile) -> Path:
    """The configuration file that belongs to the profile; it need not exist."""
    from tradeterm.config_file import config_path

    explicit = user_path(options.config) if options.config else None
    if explicit is not None and profile.name == DEMO_PROFILE:
        raise ConfigError(f"the profile {DEMO_PROFILE} has its own configuration; leave --config out")
    return config_path(explicit, profile.name)


def config_of(options: argparse.Namespace, profile: Profile) -> "Config":
    """The checked configuration of the profile. Raises ConfigError."""
    from tradeterm.config_file import profile_config

    return profile_config(profile, config_file_of(options, profile))


def newest_journal(profile: Profile) -> Path:
    """Raises DataError where there is none."""
    journals = sorted(profile.journal.glob("*.jsonl*"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not journals:
        raise DataError(f"there is no journal in {profile.journal} yet")
    return journals[-1]
