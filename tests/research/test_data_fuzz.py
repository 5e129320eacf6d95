"""Whatever a file holds, the answer is bars or one sentence: never another exception, never half a file kept."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from data_kit import save, text, walk
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from tradeterm.domain.errors import DataError
from tradeterm.research.data.importer import import_file
from tradeterm.research.data.manifest import read_manifest
from tradeterm.research.data.panels import load
from tradeterm.research.data.series import all_series
from tradeterm.research.data.understand import Wishes
from tradeterm.research.data.universe import check_all


def outcome(path: Path, **wishes: str) -> str:
    """The refusal, "" where bars came out."""
    root = path.parent / "data"
    said = ""
    try:
        import_file(root, path, Wishes(venue="okx", symbol="X", **wishes))
    except DataError as error:
        said = str(error)
        assert said and "\n" not in said and len(said) < 700, said
        assert all_series(root) == []
    report = check_all([], [path])
    assert len(report.files) == 1
    assert not said or report.files[0].findings or "--" in said
    for series in all_series(root):
        series.path.unlink()
    return said


CELLS = st.one_of(
    st.sampled_from(["", "1", "1.5", "-1", "nan", "inf", "1e309", "1,5", '"', "null", "0x10", "1_000", "٣", "\x1b[2J"]),
    st.sampled_from(["1735689600", "1735689600000", "2025-01-01", "2025-01-01T00:00Z", "20250101", "1/2/2025", "9:15"]),
    st.text(max_size=6),
)
NAMES = st.sampled_from(
    ["ts", "time", "date", "open", "high", "low", "close", "volume", "Close", "symbol", "rate", "1", ""]
)
SOUND = {"header": ["time", "open", "high", "low", "close"], "rows": [["1735689600", "1", "1", "1", "1"]] * 2}


@settings(max_examples=150)
@given(
    header=st.lists(NAMES, max_size=8),
    rows=st.lists(st.lists(CELLS, max_size=8), max_size=5),
    mark=st.sampled_from([",", ";", "\t"]),
    start=st.sampled_from(["", "\ufeff", "\n\n", "# note\n", "sep=;\n"]),
)
@example(
    header=["time", "open", "high", "low", "close"], rows=[["1735689600", "1", "1", "1", "1"]] * 2, mark=",", start=""
)
def test_any_text(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], rows: list[list[str]], mark: str, start: str
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "X.csv"
    body = start + "\n".join(mark.join(row) for row in (header, *rows))
    path.write_bytes(body.encode("utf-8", errors="surrogatepass"))
    outcome(path)


@settings(max_examples=100)
@given(data=st.binary(max_size=300), suffix=st.sampled_from([".csv", ".parquet", ".feather"]))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"X{suffix}"
    path.write_bytes(data)
    outcome(path)


@settings(max_examples=60)
@given(cut=st.integers(0, 5000), flips=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4))
@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_damaged_files(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, cut: int, flips: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    path = save(folder / "good.parquet", *walk(60))
    if suffix == ".feather":
        feather.write_feather(parquet.read_table(path), folder / "good.feather")
        path = folder / "good.feather"
    data = bytearray(path.read_bytes())
    for at, value in flips:
        data[at % len(data)] = value
    broken = folder / f"X{suffix}"
    broken.write_bytes(bytes(data[: max(0, len(data) - cut)] if cut % 2 else data))
    outcome(broken)
    if suffix == ".parquet":  # as if it had been damaged where it is kept
        kept = folder / "store" / "okx" / "1m" / "X.parquet"
        kept.parent.mkdir(parents=True)
        broken.rename(kept)
        check_all(all_series(folder / "store"))
        with suppress(DataError):
            load(folder / "store", ["X"], "1m", cache=False)
        with suppress(DataError):
            read_manifest(all_series(folder / "store")[0])


KINDS = [
    pa.array([True, False]),
    pa.array(["a", None]),
    pa.array([b"a", b"b"]),
    pa.array([[1], [2]]),
    pa.array([{"a": 1}, {"a": 2}]),
    pa.array([None, None]),
    pa.array([2**63, 2**64 - 1], pa.uint64()),
    pa.array([-(2**62), 2**62]),
    pa.array([0, 2**62], pa.timestamp("ns")),
    pa.array([0, 2**62], pa.timestamp("s")),
    pa.array([1, 2], pa.duration("s")),
    pa.array(["x", "y"]).dictionary_encode(),
    pa.array([1e300, float("nan")]),
    pa.array([1, 2], pa.date32()),
    pa.array([1, 2], pa.time32("s")),
]


@pytest.mark.parametrize("column", ["ts", "open", "volume", "symbol"])
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_columns_of_any_type(tmp_path: Path, column: str, kind: int) -> None:
    good = {"ts": [1_735_689_600, 1_735_689_660]}
    good |= {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}
    feather.write_feather(pa.table({**good, column: KINDS[kind]}), str(tmp_path / "X.feather"))
    outcome(tmp_path / "X.feather")


def test_a_footer_that_lies_about_its_rows(tmp_path: Path) -> None:
    path = save(tmp_path / "X.parquet", *walk(60))
    data = path.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    footer = bytearray(data[-8 - length : -8])
    at = footer.index(bytes([0x16, 120]))  # 60 rows as a zigzag varint of thrift
    lies = footer[:at] + bytes([0x16, 0x80, 0xA8, 0xD6, 0xB9, 0x07]) + footer[at + 2 :]  # 1 000 000 000
    path.write_bytes(data[: -8 - length] + lies + len(lies).to_bytes(4, "little") + b"PAR1")
    assert parquet.read_metadata(path).num_rows == 1_000_000_000
    assert "found 1000000000 rows by its footer, allowed at most" in outcome(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert outcome(tmp_path / "folder.csv").endswith("is not a file")
    assert outcome(tmp_path / "none.csv").endswith("there is no such file")
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    assert outcome(tmp_path / "broken.csv").endswith("there is no such file")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    assert outcome(tmp_path / "loop.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert outcome(tmp_path / "pipe.csv").endswith("is not a file")
    text(tmp_path / "page.html", "<html>")
    assert "found a .html file, allowed .parquet, .feather or .csv" in outcome(tmp_path / "page.html")


def test_encodings(tmp_path: Path) -> None:
    lines = "time,open,high,low,close\n1735689600,1,1,1,1\n1735689660,1,1,1,1\n"
    for name, encoding, said in (("a", "utf-8-sig", ""), ("b", "utf-16", "UTF-16"), ("c", "utf-16-le", "no text")):
        (tmp_path / f"{name}.csv").write_bytes(lines.encode(encoding))
        assert said in outcome(tmp_path / f"{name}.csv")
    (tmp_path / "d.csv").write_bytes(lines.replace("\n", "\r\n").encode())
    (tmp_path / "e.csv").write_bytes(b"\n\n" + lines.encode() + b"\n\n")
    assert outcome(tmp_path / "d.csv") == outcome(tmp_path / "e.csv") == ""


def test_an_empty_table(tmp_path: Path) -> None:
    save(tmp_path / "X.parquet", np.empty(0, dtype=np.int64), np.empty((0, 5)))
    assert outcome(tmp_path / "X.parquet").endswith("found no rows, allowed at least one")
    parquet.write_table(pa.table({}), tmp_path / "Y.parquet")
    assert outcome(tmp_path / "Y.parquet")
