"""A key pressed while a screen is still being made finds no panes on it, and nothing breaks."""

import pytest
from conftest import MakeApp
from fake_console import busy
from frozen_app import MIDDLE, settle

from tradeterm.ui.app import TradetermApp
from tradeterm.ui.screens.desk import DeskScreen
from tradeterm.ui.screens.orders import OrdersScreen
from tradeterm.ui.screens.signals import SignalsScreen


@pytest.mark.parametrize("kind", [DeskScreen, OrdersScreen, SignalsScreen])
async def test_keys_do_not_break_it(make_app: MakeApp, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(busy())
    async with app.run_test(size=MIDDLE) as pilot:
        await settle(app, pilot)
        bare = kind()
        monkeypatch.setattr(TradetermApp, "front", property(lambda self: bare))
        refused = app.unavailable("position.flatten")
        monkeypatch.undo()
    assert refused, "there is nothing to flatten, and that is said"
