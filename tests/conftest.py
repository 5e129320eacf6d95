"""What every test gets: state of its own, and the same examples on every run."""

import gc
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


def pytest_collection_finish() -> None:
    """What was imported stays: looking through it for garbage again and again takes a fifth of the time of the tests
    of screens, and so does looking after every app that was made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 40)


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


@pytest.fixture
def fitted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Risk models are fitted in this process, by all engines of the test."""
    from fitting import fit_here

    fit_here(monkeypatch.setattr)


@pytest.fixture(scope="session")
def ran_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a demo that ran to its end: read it, or spoil a copy."""
    from fitting import fit_here

    from tradeterm.config_file import load_config
    from tradeterm.engine.options import EngineOptions
    from tradeterm.engine.run import run_engine

    folder = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder))
        fit_here(patch.setattr)
        options = EngineOptions(
            profile=find_profile("demo"), config=load_config(None, "demo"), speed=0.0, until_end=True
        )
        assert run_engine(options) == 0
    return folder
