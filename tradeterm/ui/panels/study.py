"""What is being tried, how far it has come, and what came of it in a sentence."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from tradeterm.ui.panels.panel import Detail, Panel, sentence, wrapped
from tradeterm.ui.plain import plain
from tradeterm.ui.research.under_way import UnderWay, progress_lines
from tradeterm.ui.research.wanted import Wanted, described
from tradeterm.ui.research.words import COMMANDS
from tradeterm.ui.widgets.tones import Line, glyphs_of


class Study(Struct, frozen=True):
    """`way` while it runs; then `error`, or what there is to `say`; `report` is a file that was written."""

    wanted: Wanted | None = None
    way: UnderWay | None = None
    error: str = ""
    say: str = ""
    report: Path | None = None


class StudyPanel(Panel):
    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.study = Study()

    def set_study(self, study: Study) -> None:
        self.study = study
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        return self.window(self._told(width), height)

    def _told(self, width: int) -> list[Line]:
        study, glyphs = self.study, glyphs_of(self)
        if study.wanted is None:
            return sentence("Nothing was tried in this session: n starts a run.", width)
        head: Line = ((f"{COMMANDS[study.wanted.kind]} of {plain(study.wanted.name)}", "bold"),)
        parts = wrapped([(" · ".join(map(plain, described(study.wanted))), "muted")], width)
        if study.way is not None:
            return [*progress_lines(study.way, width, glyphs), head, *parts]
        lines = [head, *wrapped([(plain(study.error), "danger")], width), *wrapped([(study.say, "")], width)]
        if study.report is not None:
            path = plain(str(study.report))  # whole, wherever it has to be broken
            lines += [
                (("report", "muted"),),
                *(((path[at : at + width], "accent"),) for at in range(0, len(path), width)),
            ]
        return [*lines, *parts]

    def detail(self) -> Detail | None:
        study = self.study
        if study.wanted is None:
            return None
        parts = [f"{COMMANDS[study.wanted.kind]} of {plain(study.wanted.name)}", *map(plain, described(study.wanted))]
        parts += [plain(text) for text in (study.error, study.say) if text]
        parts += [plain(str(study.report))] if study.report is not None else []
        return Detail("\n".join(parts), {"study": study.wanted, "report": str(study.report or "")})
