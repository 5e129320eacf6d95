"""Hostile texts of an AI provider, an exchange or a model on the bar, in the banner and in what is painted."""

import msgspec
import pytest
from rich.cells import cell_len
from seeded import view
from validators.hostile import KINDS

from tradeterm.domain.states import GateState, TradingState
from tradeterm.domain.view import GateView
from tradeterm.ui.model import banner, judge
from tradeterm.ui.widgets.status_bar import status_lines


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_text_breaks_the_bar_or_the_banner(kind: str, width: int) -> None:
    for text in KINDS[kind]:
        gate = GateView(label=text, state=GateState.DOWN, detail=f"CONFIG: 401 {text}")
        desk = msgspec.structs.replace(view(), gate=gate, trading_state=TradingState.HALTED, trading_reason=text)
        for height in (1, 2):
            for line in status_lines(desk, desk.wall_ts, width, height):
                said = "".join(part for part, _ in line)
                assert said.isprintable(), repr(said)
                assert cell_len(said) <= width
                assert {style for _, style in line} <= _styles(width, height), "no markup of the text became a style"
        said, _ = banner(judge(desk, True, desk.wall_ts), "s", "r")
        assert "HALTED" in said


def _styles(width: int, height: int) -> set[str]:
    """Those of the same desk with harmless words."""
    gate = GateView(label="x", state=GateState.DOWN, detail="CONFIG: 401 words")
    desk = msgspec.structs.replace(view(), gate=gate, trading_state=TradingState.HALTED, trading_reason="words")
    return {style for line in status_lines(desk, desk.wall_ts, width, height) for _, style in line}
