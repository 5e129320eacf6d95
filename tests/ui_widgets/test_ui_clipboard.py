import subprocess

import pytest

from tradeterm.ui import clipboard


@pytest.fixture
def file(tmp_path):
    return tmp_path / "copied" / "last.txt"


def test_osc52_and_a_file(file):
    sent = []
    said = clipboard.copy("BTC 1", send=sent.append, environ={}, file=file)
    assert sent == ["BTC 1"]
    assert file.read_text() == "BTC 1\n"
    assert said == f"Copied: sent to the terminal's clipboard, also kept in {file}."


def test_tmux_is_asked_first(file, monkeypatch):
    calls = []

    def run(command, **options):
        calls.append((command, options["input"]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(clipboard.subprocess, "run", run)
    said = clipboard.copy("x", send=None, environ={"TMUX": "/tmp/s,1,0"}, file=file)
    assert calls == [(["tmux", "load-buffer", "-w", "-"], b"x")]
    assert "tmux" in said


@pytest.mark.parametrize("failure", [FileNotFoundError("tmux"), subprocess.TimeoutExpired("tmux", 1)])
def test_without_a_working_tmux_the_terminal_is_asked(file, monkeypatch, failure):
    def run(*_args, **_options):
        raise failure

    monkeypatch.setattr(clipboard.subprocess, "run", run)
    sent = []
    assert "terminal" in clipboard.copy("x", send=sent.append, environ={"TMUX": "1"}, file=file)
    assert sent == ["x"]


def test_an_unwritable_file_is_said(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    file = in_the_way / "last.txt"
    assert clipboard.copy("x", send=lambda _text: None, environ={}, file=file).endswith("could not be written.")
    assert clipboard.copy("x", send=None, environ={}, file=file).startswith("Not copied")


def test_too_long_for_the_terminal_goes_to_the_file_only(file):
    sent = []
    said = clipboard.copy("x" * 80_000, send=sent.append, environ={}, file=file)
    assert not sent and said.startswith("Kept in")


def test_a_dead_terminal_does_not_raise(file):
    def send(_text):
        raise OSError("gone")

    assert clipboard.copy("x", send=send, environ={}, file=file).startswith("Kept in")
