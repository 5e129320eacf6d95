"""A report as Markdown: the words and tables of the HTML, without its charts and its list of trades."""

import re
from collections.abc import Sequence

from tradeterm.research.report.blocks import Block, Chart, Code, Folded, Pairs, Paragraph, Points, Section, Tiles
from tradeterm.research.report.cells import cell_text, heading, is_number, printable
from tradeterm.research.report.facts import Evidence, ReportFacts, Table
from tradeterm.research.report.headline import headline
from tradeterm.research.report.sections import sections
from tradeterm.research.result import Result

_SIGNS = re.compile(r"([\\`*_\[\]<>|#~$&])")


def markdown(
    result: Result, facts: ReportFacts, *, honesty: Sequence[Evidence] = (), books: Table | None = None
) -> str:
    """The report as Markdown with tables as on GitHub.

    Raises ValueError where `facts.regimes` are not one a trade or `facts.trials` is below 1.
    """
    return document(facts.title, headline(facts), sections(result, facts, honesty, books))


def document(title: str, line: str, chapters: Sequence[Section]) -> str:
    """Any report as Markdown: `line` stands below the title. All texts may be from outside."""
    parts = [f"# {_text(title)}", _text(line)]
    for section in chapters:
        parts.append(f"## {_text(section.title)}")
        parts.extend(text for block in section.blocks if (text := _block(block)))
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Paragraph(text) | Chart(_, text):
            return _text(text)
        case Points(lines):
            return "\n".join(f"- {_text(line)}" for line in lines)
        case Pairs(pairs):
            return "\n".join(f"- {_text(term)}: {_text(value)}" for term, value in pairs)
        case Tiles(tiles):
            return "\n".join(f"- {_text(tile.label)}: **{_text(tile.value)}**, {_text(tile.note)}" for tile in tiles)
        case Code(text, language):
            return _fenced(printable(text, lines=True), language)
        case Table():
            return _table(block)
        case Folded():
            return ""


def _fenced(text: str, language: str) -> str:
    """The fence is longer than any run of its sign inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _table(table: Table) -> str:
    texts = [[cell_text(cell) for cell in row] for row in table.rows]
    numeric = [at > 0 and all(is_number(row[at]) for row in texts) for at in range(len(table.columns))]
    columns = [*table.columns, *(("Meaning",) if table.notes else ())]
    rules = [*("---:" if number else "---" for number in numeric), *(("---",) if table.notes else ())]
    rows = [[*row, *table.notes[at : at + 1]] for at, row in enumerate(texts)]
    title = f"**{_text(table.title)}**\n\n" if table.title else ""
    lines = [[_text(heading(column)) for column in columns], rules, *([_text(cell) for cell in row] for row in rows)]
    return title + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    return _SIGNS.sub(r"\\\1", printable(text))
