"""Every thing a person can do with a key, in one table: bindings, footer, palette, help and CLI all read it."""

from enum import StrEnum

from msgspec import Struct


class Danger(StrEnum):
    """What stands between the key and the deed. INSTANT acts at once because it only takes risk away."""

    NONE = "none"
    CONFIRM = "confirm"
    TYPED = "typed"
    INSTANT = "instant"


class Action(Struct, frozen=True, kw_only=True):
    """One action. `id` is its name in the config's `[keys]`; `keys` are defaults, written as a person would.

    `label` is a word or two for the footer, `help` a sentence. `verb` is its word in the prompt and on the command
    line ("" if it has none). `footer` is its rank in the footer, 0 first; None keeps it out. `priority` keys work
    inside inputs and dialogs too. `local` names the widget that handles the key; "" is the whole program.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: str
    danger: Danger = Danger.NONE
    verb: str = ""
    footer: int | None = None
    priority: bool = False
    local: str = ""


SCREENS, TRADING, PANES, TABLE, CHART, RESEARCH, REPLAY, PROGRAM = (
    "Screens",
    "Trading",
    "Panes",
    "Tables",
    "Chart",
    "Research",
    "Replay",
    "Program",
)

ACTIONS: tuple[Action, ...] = (
    Action(
        id="screen.desk", keys=("1",), label="Desk", help="Chart, positions, signals, risk.", group=SCREENS, footer=20
    ),
    Action(
        id="screen.signals",
        keys=("2",),
        label="Signals",
        help="Each signal from numbers to exit.",
        group=SCREENS,
        footer=21,
    ),
    Action(
        id="screen.orders",
        keys=("3",),
        label="Orders",
        help="Orders, fills, cash, venues, reconciliations.",
        group=SCREENS,
        footer=22,
    ),
    Action(
        id="screen.risk",
        keys=("4",),
        label="Risk",
        help="Limits, VaR, regimes, breaker, stress.",
        group=SCREENS,
        footer=23,
    ),
    Action(
        id="screen.research",
        keys=("5",),
        label="Research",
        help="Backtests and their results.",
        group=SCREENS,
        footer=24,
    ),
    Action(
        id="screen.journal", keys=("6",), label="Journal", help="Alerts, commands and log.", group=SCREENS, footer=25
    ),
    Action(id="screen.chat", keys=("7",), label="Chat", help="The whole conversation.", group=SCREENS, footer=26),
    Action(
        id="engine.start",
        keys=("s",),
        label="Start",
        help="Let new entries through again.",
        group=TRADING,
        danger=Danger.CONFIRM,
        verb="start",
        footer=2,
    ),
    Action(
        id="engine.stop",
        keys=("x",),
        label="Stop entries",
        help="No new entries; exits go on.",
        group=TRADING,
        danger=Danger.INSTANT,
        verb="stop",
        footer=3,
    ),
    Action(
        id="book.pause",
        keys=("p",),
        label="Pause book",
        help="Pause or resume the selected book.",
        group=TRADING,
        danger=Danger.CONFIRM,
        verb="pause",
        footer=4,
    ),
    Action(
        id="position.flatten",
        keys=("f",),
        label="Flatten",
        help="Close the selected position at market.",
        group=TRADING,
        danger=Danger.CONFIRM,
        verb="flatten",
        footer=5,
    ),
    Action(
        id="engine.halt",
        keys=("ctrl+k",),
        label="Halt",
        help="Halt now: cancel entries, keep protective stops. Works everywhere.",
        group=TRADING,
        danger=Danger.INSTANT,
        verb="halt",
        footer=0,
        priority=True,
    ),
    Action(
        id="engine.kill",
        keys=("K",),
        label="Kill",
        help="Cancel all, close all, stay halted across restarts.",
        group=TRADING,
        danger=Danger.TYPED,
        verb="kill",
        footer=1,
    ),
    Action(
        id="engine.resume",
        keys=("R",),
        label="Resume",
        help="End a halt, a kill or a pause.",
        group=TRADING,
        danger=Danger.CONFIRM,
        verb="resume",
    ),
    Action(
        id="prompt.open", keys=(":",), label="Prompt", help="Give a command or ask a question.", group=PROGRAM, footer=6
    ),
    Action(
        id="table.filter",
        keys=("/",),
        label="Filter",
        help="Show only rows that contain a text.",
        group=TABLE,
        footer=8,
    ),
    Action(id="pane.next", keys=("tab",), label="Next pane", help="Go to the next pane.", group=PANES),
    Action(
        id="pane.previous", keys=("shift+tab",), label="Previous pane", help="Go to the previous pane.", group=PANES
    ),
    Action(id="pane.jump", keys=("g",), label="Go to pane", help="Then the pane's letter.", group=PANES, footer=11),
    Action(id="row.open", keys=("enter",), label="Detail", help="Open the selected row.", group=TABLE, footer=9),
    Action(id="table.sort", keys=("o",), label="Sort", help="Sort by the next column.", group=TABLE, footer=10),
    Action(
        id="pane.zoom",
        keys=("z",),
        label="Zoom",
        help="Give the pane the whole screen, or back.",
        group=PANES,
        footer=12,
    ),
    Action(
        id="pane.freeze",
        keys=("space",),
        label="Freeze",
        help="Hold the pane still, or let it go on.",
        group=PANES,
        footer=13,
    ),
    Action(id="row.copy", keys=("y",), label="Copy", help="Copy the selected row.", group=TABLE, footer=14),
    Action(
        id="app.theme",
        keys=("t",),
        label="Theme",
        help="Change to the next theme.",
        group=PROGRAM,
        verb="theme",
        footer=15,
    ),
    Action(id="app.palette", keys=("ctrl+p",), label="Palette", help="Search all actions.", group=PROGRAM, footer=16),
    Action(id="app.keys", keys=("?",), label="Keys", help="Show all keys.", group=PROGRAM, verb="help", footer=7),
    Action(
        id="app.quit",
        keys=("q",),
        label="Quit",
        help="Leave; asks what the engine shall do.",
        group=PROGRAM,
        verb="quit",
        footer=17,
    ),
    Action(
        id="replay.faster",
        keys=("]",),
        label="Faster",
        help="Play the recording faster.",
        group=REPLAY,
        verb="speed",
        footer=30,
    ),
    Action(id="replay.slower", keys=("[",), label="Slower", help="Play the recording slower.", group=REPLAY, footer=31),
    Action(
        id="replay.pause",
        keys=(".",),
        label="Pause replay",
        help="Hold the recording, or let it go on.",
        group=REPLAY,
        footer=32,
    ),
    Action(
        id="replay.again",
        keys=("r",),
        label="Replay again",
        help="Play a finished recording anew.",
        group=REPLAY,
        verb="replay",
        footer=33,
    ),
    Action(id="table.up", keys=("up", "k"), label="Up", help="One row up.", group=TABLE, local="table"),
    Action(id="table.down", keys=("down", "j"), label="Down", help="One row down.", group=TABLE, local="table"),
    Action(id="table.page_up", keys=("pageup",), label="Page up", help="One page up.", group=TABLE, local="table"),
    Action(
        id="table.page_down", keys=("pagedown",), label="Page down", help="One page down.", group=TABLE, local="table"
    ),
    Action(id="table.first", keys=("home",), label="First", help="To the first row.", group=TABLE, local="table"),
    Action(id="table.last", keys=("end",), label="Last", help="To the last row.", group=TABLE, local="table"),
    Action(
        id="chart.earlier",
        keys=("left",),
        label="Earlier",
        help="Move the chart to earlier bars.",
        group=CHART,
        local="chart",
    ),
    Action(
        id="chart.later",
        keys=("right",),
        label="Later",
        help="Move the chart to later bars.",
        group=CHART,
        local="chart",
    ),
    Action(
        id="chart.closer", keys=("+", "="), label="Closer", help="Fewer bars, wider apart.", group=CHART, local="chart"
    ),
    Action(
        id="chart.wider", keys=("-",), label="Wider", help="More bars, closer together.", group=CHART, local="chart"
    ),
    Action(
        id="research.new",
        keys=("n",),
        label="New run",
        help="Try a book or a strategy on recorded bars.",
        group=RESEARCH,
        local="research",
    ),
    Action(
        id="research.cancel",
        keys=("c",),
        label="Cancel run",
        help="Stop the run that is under way.",
        group=RESEARCH,
        local="research",
    ),
    Action(
        id="research.mark",
        keys=("m",),
        label="Compare",
        help="Mark a backtest, and another to compare the two.",
        group=RESEARCH,
        local="research",
    ),
    Action(
        id="research.report",
        keys=("w",),
        label="Report",
        help="Write a report of the backtest that is open.",
        group=RESEARCH,
        local="research",
    ),
)


def find_action(action_id: str) -> Action:
    """The action of that id. Raises KeyError for an unknown one."""
    return next(action for action in ACTIONS if action.id == action_id)
