"""The built wheel: it carries what the program needs beside its code, and runs without the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORD = "tradeterm"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / "lib")
    return folder / "lib"


def run(unpacked: Path, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "TRADETERM_HOME": str(tmp_path / "home")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


@pytest.mark.slow
def test_it_carries_themes_example_data_and_licences(unpacked: Path) -> None:
    names = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    for theme in (ROOT / "themes").glob("*.toml"):
        assert f"{WORD}/themes/{theme.name}" in names
    for file in (ROOT / WORD / "demo").rglob("*.*"):
        assert str(file.relative_to(ROOT)) in names
    assert f"{WORD}/config.toml.example" in names
    assert f"{WORD}/py.typed" in names
    assert sum(name.endswith("LICENSES/typhonun_DcaTpStrategy.txt") for name in names) == 2
    assert not [name for name in names if name.startswith("tests") or name.endswith(".pyc")]


@pytest.mark.slow
def test_it_runs_without_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    where = run(unpacked, tmp_path, "-c", "import tradeterm; print(tradeterm.__file__)").stdout
    assert where.startswith(str(unpacked))
    assert run(unpacked, tmp_path, "-m", WORD, "--version").returncode == 0
    assert "high-contrast" in run(unpacked, tmp_path, "-m", WORD, "themes").stdout
    assert run(unpacked, tmp_path, "-m", WORD, "config", "init").returncode == 0
    done = run(unpacked, tmp_path, "-m", WORD, "--headless", "--demo", "--speed", "max", "--until-end", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["type"] == "summary"
