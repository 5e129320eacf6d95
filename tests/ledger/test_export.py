import csv
import json

import pytest
from ledger_facts import make_fill, make_order, make_signal

from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.export import export_ledger, export_rows
from tradeterm.ledger.schema import tables
from tradeterm.ledger.writer import LedgerWriter


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.sqlite"
    writer = LedgerWriter(path)
    writer.start()
    writer.write(
        [make_fill(), make_fill("e2", venue_order_id='[odd\n"text'), make_signal(), make_order(reason="[1, 2]")]
    )
    writer.close()
    return path


def test_every_table_becomes_a_csv_file(ledger, tmp_path):
    written = export_ledger(ledger, tmp_path / "out")
    assert {path.stem for path, _ in written} == {table.name for table in tables()}
    assert dict(written)[tmp_path / "out" / "fills.csv"] == 2
    with (tmp_path / "out" / "fills.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["quantity"], first["price"]) == ("1.50", "100.10")
    assert second["venue_order_id"] == '[odd\n"text'


def test_json_lines_hold_objects(ledger, tmp_path):
    export_ledger(ledger, tmp_path, format="jsonl", only=["signals", "fills"])
    (signal,) = [json.loads(line) for line in (tmp_path / "signals.jsonl").read_text().splitlines()]
    assert signal["explain"] == {"move": -0.05, "volume": None}
    fills = [json.loads(line) for line in (tmp_path / "fills.jsonl").read_text().splitlines()]
    assert [fill["quantity"] for fill in fills] == ["1.50", "1.50"]
    assert fills[1]["venue_order_id"] == '[odd\n"text'
    assert not (tmp_path / "orders.jsonl").exists()


def test_a_table_that_does_not_exist_is_named_with_those_that_do(ledger, tmp_path):
    with pytest.raises(LedgerError, match=r"no table 'candles'; there are signals, verdicts, orders"):
        export_ledger(ledger, tmp_path, only=["candles"])


def test_a_folder_that_cannot_be_made_is_one_sentence(ledger):
    with pytest.raises(LedgerError, match="cannot be written"):
        export_ledger(ledger, ledger / "out")


def test_rows_come_with_their_table_and_text_stays_text(ledger):
    rows = list(export_rows(ledger, ["orders", "signals"]))
    assert [table for table, _ in rows] == ["orders", "signals"]
    assert rows[0][1]["reason"] == "[1, 2]"
    assert rows[1][1]["explain"] == {"move": -0.05, "volume": None}
