"""A backtest tells a model of a signal what the engine told it, as far as bars and settlements say."""

from typing import Any

import msgspec
import pytest
from engine_kit import LAST_DAY, run, stop_after
from simulators.messages import served
from test_engine_ai import KEY, asking, decisions

from tradeterm.config_file import load_config
from tradeterm.domain.facts import AiUsage
from tradeterm.research import study
from tradeterm.research.sizers import Wanted
from tradeterm.research.studies import Asked, find_study
from tradeterm.research.tier1 import Judged
from tradeterm.research.tier2 import Recorded
from tradeterm.research.tier2_packet import Packets
from tradeterm.validators.context import build_context

UNKNOWN = {("signal", "id"), ("data_quality", "quote_age_ms"), ("portfolio", "health")}
"""What a backtest has not: the runner's name of a signal, quotes, a health that waits for a person."""


@pytest.mark.usefixtures("fitted_here")
def test_a_backtest_builds_the_context_that_the_engine_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    hook, enough = stop_after(AiUsage, 4)
    with served() as server:
        run(config=asking(server), hook=hook, should_stop=enough, until_end=False)
    records = decisions()[:4]
    engines = {(record["ts_bar"], record["instrument"]): record for record in records}
    assert len(engines) == 4
    found = find_study("crypto", load_config(None, "demo"), None, Asked(start=LAST_DAY))
    packets, mine = Packets(found.study, "crypto"), {}

    def judge(wanted: Wanted) -> Judged | None:
        signal, packet = packets.of(wanted)
        mine[wanted.ts, wanted.name] = build_context(signal, packet, wanted.ts).known
        record = engines.get((wanted.ts, wanted.name))
        return None if record is None else msgspec.convert(record, Recorded).judged

    study.run(found.study, verdicts=judge)
    for key, record in engines.items():
        theirs, ours = record["context"], mine[key]
        assert theirs.keys() == ours.keys()
        for group in theirs.keys() - {"tier1"}:
            assert without(group, ours[group]) == without(group, theirs[group]), (key, group)
        assert ours["tier1"]["passed"] == ours["tier1"]["of"] < theirs["tier1"]["of"], "those that are simulated"
        assert (ours["portfolio"]["health"], ours["data_quality"]["quote_age_ms"]) == (None, None)
    markets = [record["context"]["market"] for record in records]
    assert any(None not in (market["funding_paid"], market["funding_next_minutes"]) for market in markets)
    assert any(record["context"]["portfolio"]["largest_positions"] for record in records), "with a correlation"


def without(group: str, values: Any) -> Any:
    """Without what a backtest does not know."""
    if not isinstance(values, dict):
        return values
    return {name: value for name, value in values.items() if (group, name) not in UNKNOWN}
