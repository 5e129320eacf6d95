import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_facts import make_trade

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.audit import AuditKind, AuditLog, redact, redact_text, verify

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.fixture
def log(tmp_path):
    log = AuditLog(tmp_path / "audit")
    yield log
    log.close()


def records(log, kind=AuditKind.PNL):
    return [json.loads(line)["record"] for line in log.path(kind).read_text().splitlines()]


def test_records_are_chained_lines_of_json(log):
    log.append(AuditKind.PNL, make_trade(), ts=5)
    log.append(AuditKind.PNL, {"text": "two\nlines"}, ts=6, durable=True)
    log.append(AuditKind.AI_DECISIONS, {"decision": "APPROVE"}, ts=6)
    lines = [json.loads(line) for line in log.path(AuditKind.PNL).read_text().splitlines()]
    assert [line["n"] for line in lines] == [1, 2]
    assert lines[0]["prev"] == "0" * 64
    assert lines[1]["prev"] == lines[0]["hash"]
    assert lines[0]["record"]["pnl"] == "2.86"
    assert [verify(log.path(kind)) for kind in (AuditKind.PNL, AuditKind.AI_DECISIONS)] == [None, None]
    assert log.path(AuditKind.PNL).stat().st_mode & 0o077 == 0


def test_the_chain_goes_on_over_restarts(tmp_path):
    for start in range(3):
        log = AuditLog(tmp_path)
        log.append(AuditKind.PNL, {"start": start, "long": "x" * 100_000}, ts=start)
        log.close()
    assert verify(log.path(AuditKind.PNL)) is None
    assert [record["start"] for record in records(log)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("spoil", "line", "reason"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"1", b"7", 1), lines[2]], 2, "number 7|changed|not a record"),
        (lambda lines: [lines[0], lines[1].replace(b"value", b"VALUE"), lines[2]], 2, "changed"),
        (lambda lines: [lines[0], lines[2]], 2, "removed or added"),
        (lambda lines: [lines[0], lines[0], lines[1], lines[2]], 2, "removed or added"),
        (lambda lines: [lines[0], b"hello\n", lines[2]], 2, "not a record"),
        (lambda lines: [lines[0], lines[1].replace(b"value", b"v\xe1lue"), lines[2]], 2, "not a record"),
        (lambda lines: [*lines, b'"\xff"\n'], 4, "not a record"),
        (lambda lines: [*lines, b"[" * 100_000 + b"\n"], 4, "not a record"),
        (lambda lines: [lines[0], lines[1][:-10]], 2, "unfinished"),
    ],
)
def test_the_first_line_that_was_tampered_with_is_named(log, spoil, line, reason):
    for i in range(3):
        log.append(AuditKind.PNL, {"value": i}, ts=1)
    path = log.path(AuditKind.PNL)
    path.write_bytes(b"".join(spoil(path.read_bytes().splitlines(keepends=True))))
    broken = verify(path)
    assert broken is not None
    assert broken.line == line
    assert any(word in broken.reason for word in reason.split("|"))


@given(st.integers(1, 400))
def test_a_torn_last_line_is_cut_off_and_noted(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("audit")
    log = AuditLog(folder)
    for i in range(2):
        log.append(AuditKind.PNL, {"value": i, "text": "y" * 200}, ts=1)
    log.close()
    path = log.path(AuditKind.PNL)
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    path.write_bytes(whole[: len(whole) - min(cut, last - 1)])
    again = AuditLog(folder)
    again.append(AuditKind.PNL, {"value": 2}, ts=2)
    again.close()
    assert verify(path) is None
    kept = records(again)
    assert kept[0]["value"] == 0
    assert "crash left unfinished" in kept[1]["repaired"]
    assert kept[2] == {"value": 2}


@pytest.mark.parametrize("scribble", [b"scribble\n", b'{"n":1,"ts":1,"record":"\xff"}\n', b"[" * 60_000 + b"\n"])
def test_a_spoilt_last_line_is_kept_as_evidence(log, scribble):
    log.append(AuditKind.PNL, {"value": 1}, ts=1)
    log.close()
    path = log.path(AuditKind.PNL)
    path.write_bytes(path.read_bytes() + scribble)
    log.append(AuditKind.PNL, {"value": 2}, ts=2)
    assert scribble in path.read_bytes()
    broken = verify(path)
    assert broken is not None
    assert broken.line == 2


def test_a_file_that_cannot_be_written_is_one_sentence(log):
    log.path(AuditKind.PNL).mkdir(parents=True)
    with pytest.raises(LedgerError, match=r"pnl\.jsonl cannot be written"):
        log.append(AuditKind.PNL, {}, ts=1)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcdefgh12345",
        "ab" * 32,
        JWT,
        "api_key=Zx81Qq",
        "Authorization: Bearer abc.def",
        "secret: hush123",
    ],
)
def test_secrets_are_redacted_from_text(secret):
    cleaned = redact_text(f"request failed with {secret}, giving up")
    assert "[redacted]" in cleaned
    assert secret.split()[-1].split("=")[-1] not in cleaned
    assert cleaned.startswith("request failed with")
    assert cleaned.endswith("giving up")


def test_secrets_are_redacted_by_name_at_any_depth(log):
    log.append(
        AuditKind.EXECUTION_FAILURES,
        {"request": {"headers": [{"X-BAPI-API-KEY": "Zx81"}], "api_secret": "Qq"}, "tokens": 12, "note": f"jwt {JWT}"},
        ts=1,
    )
    text = log.path(AuditKind.EXECUTION_FAILURES).read_text()
    assert "Zx81" not in text
    assert "Qq" not in text
    assert JWT not in text
    (record,) = records(log, AuditKind.EXECUTION_FAILURES)
    assert record["tokens"] == 12


def test_ordinary_records_are_left_alone():
    plain = {"order": "s0123456789abcde-1", "text": "stop at 100.5, token count 5 of 9", "n": [1, None, True]}
    assert redact(plain) == {**plain, "text": redact_text(plain["text"])}
    assert redact_text("moved -5.2 % on BTCUSDT, sold 3 contracts") == "moved -5.2 % on BTCUSDT, sold 3 contracts"
