"""What every test gets: state of its own, and the same examples on every run."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tradeterm.profile import HOME_VARIABLE, Profile, find_profile

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program does; nothing here has loaded numpy yet

settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that stands for the user's state and configuration folders."""
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def profile(home: Path) -> Profile:
    """The profile `default` of this test, its folders made."""
    found = find_profile()
    found.create()
    return found
