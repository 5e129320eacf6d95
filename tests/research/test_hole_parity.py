"""What is due in a hole of the bars ends a position in a study as in the live engine, which goes by its clock."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from study_kit import demo_study
from test_parity import BAR_MS, CALM, config_symbols, demo_config, of_the_engine, of_the_study

from tradeterm.research.data.panels import load
from tradeterm.research.study import run
from tradeterm.resources import demo_folder

LIMIT = {"stop": 0.05, "target": None, "trail": None, "trail_after": 0.0, "time_limit_hours": 2.0}
SESSION = {**LIMIT, "time_limit_hours": None}


@pytest.mark.parametrize(("exits", "reason"), [(LIMIT, "TIME_LIMIT"), (SESSION, "SESSION_END")], ids=str)
@pytest.mark.parametrize("missing", [1, 2, 9])
def test_a_hole_ends_what_was_due_in_it(exits: dict[str, Any], reason: str, missing: int, tmp_path: Path) -> None:
    config = demo_config({"exits": exits, "sizing": {"method": "fixed"}, **CALM})
    book, symbols = config.books["crypto"], config_symbols(config)
    study = msgspec.structs.replace(demo_study(symbols), book=book)
    ended = next(
        trade for trade in run(study).trades if trade.reason == reason and trade.exit_row - trade.entry_row > 4
    )
    folder = tmp_path / "data"
    shutil.copytree(demo_folder(), folder)
    path = folder / "crypto" / "5m" / f"{ended.instrument.partition('.')[0]}.parquet"
    table = pq.read_table(path)
    ts = pc.cast(pc.cast(table.column("timestamp"), "timestamp[ms]"), "int64")
    since = ended.exit_ts - BAR_MS  # the bar at whose close it was due
    kept = pc.or_(pc.less(ts, since), pc.greater_equal(ts, since + missing * BAR_MS))
    pq.write_table(table.filter(kept), path)
    feed = msgspec.structs.replace(config.feed, path=str(folder))
    panel = load(folder, symbols, "5m", cache=False).panel
    holed = msgspec.structs.replace(study, panel=msgspec.structs.replace(panel, instruments=study.panel.instruments))
    found = of_the_study(run(holed))[0]
    facts, _, _ = of_the_engine(msgspec.structs.replace(config, feed=feed))
    (mine,) = (fact for fact in found if (fact.instrument, fact.entry_ts) == (ended.instrument, ended.entry_ts))
    assert mine.reason == reason
    assert mine.exit_ts == since + max(2, missing) * BAR_MS
    assert found == facts
