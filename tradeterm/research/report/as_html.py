"""A report as one HTML file that needs nothing else: no network, no script."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from tradeterm.research.report.blocks import Block, Chart, Code, Folded, Pairs, Paragraph, Points, Section, Tiles
from tradeterm.research.report.cells import cell_text, heading, is_number, printable
from tradeterm.research.report.facts import Evidence, ReportFacts, Table
from tradeterm.research.report.headline import headline
from tradeterm.research.report.sections import sections
from tradeterm.research.result import Result

WIDE, NARROW = 880, 350
"""Pixels a chart is drawn for: the page's column, and a phone."""

_SLIM = 3
"""Columns up to which a table is not as wide as the page: the eye would lose the line."""
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


def html(result: Result, facts: ReportFacts, *, honesty: Sequence[Evidence] = (), books: Table | None = None) -> str:
    """The report as a page. The same result and facts give the same text, to the byte.

    Raises ValueError where `facts.regimes` are not one a trade or `facts.trials` is below 1.
    """
    return page(
        facts.title,
        headline(facts),
        sections(result, facts, honesty, books),
        f"Written {_moment(facts.created)} by tradeterm {facts.code_version}. "
        "A backtest says what would have happened, not what will.",
    )


def page(title: str, line: str, chapters: Sequence[Section], footer: str) -> str:
    """Any report as a page: `line` stands below the title, `footer` at the end. All texts may be from outside."""
    names = [f"{_name(chapter.title)}-{number}" for number, chapter in enumerate(chapters, 1)]
    links = "".join(f'<a href="#{n}">{_text(c.title)}</a>' for n, c in zip(names, chapters, strict=True))
    body = "\n".join(_section(chapter, name) for name, chapter in zip(names, chapters, strict=True))
    style = files("tradeterm.research.report").joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{_text(title)}</h1>\n<p>{_text(line)}</p>\n</header>\n"
        f'<nav aria-label="Contents">{links}</nav>\n<main>\n{body}\n</main>\n'
        f"<footer>{_text(footer)}</footer>\n</body>\n</html>\n"
    )


def _section(section: Section, name: str) -> str:
    blocks = "\n".join(_block(block, f"{name}-{number}") for number, block in enumerate(section.blocks, 1))
    heading = f'<h2 id="{name}-title">{_text(section.title)}</h2>'
    return f'<section id="{name}" aria-labelledby="{name}-title">\n{heading}\n{blocks}\n</section>'


def _block(block: Block, name: str) -> str:
    match block:
        case Paragraph(text):
            return f"<p>{_text(text)}</p>"
        case Points(lines):
            return "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in lines) + "</ul>"
        case Pairs(pairs):
            rows = "".join(f"<dt>{_text(term)}</dt><dd>{_text(value)}</dd>" for term, value in pairs)
            return f'<dl class="pairs">{rows}</dl>'
        case Tiles(tiles):
            cards = "".join(
                f"<div><dt>{_text(label)}</dt><dd><strong>{_text(value)}</strong> {_text(note)}</dd></div>"
                for label, value, note in tiles
            )
            return f'<dl class="tiles">{cards}</dl>'
        case Code(text):
            return f'<pre tabindex="0"><code>{escape(printable(text, lines=True))}</code></pre>'
        case Chart():
            return _chart(block, name)
        case Folded(title, table):
            return f"<details><summary>{_text(title)}</summary>\n{_table(table, name)}\n</details>"
        case Table():
            return _table(block, name)


def _chart(chart: Chart, name: str) -> str:
    """Drawn twice: scaled down to a phone, the text of the wide one could not be read."""
    from tradeterm.research.report.svg import svg

    title, text = printable(chart.title), printable(chart.text)
    kinds = (("wide", WIDE), ("narrow", NARROW))
    drawings = "\n".join(
        f'<div class="{kind}">{svg(chart.draw(width), f"{name}-{kind}", title, text)}</div>' for kind, width in kinds
    )
    return f"<figure>\n{drawings}\n<figcaption>{_text(text)}</figcaption>\n</figure>"


def _table(table: Table, name: str) -> str:
    texts = [[cell_text(cell) for cell in row] for row in table.rows]
    numeric = [at > 0 and all(is_number(row[at]) for row in texts) for at in range(len(table.columns))]
    kinds = ["" if number else ' class="word"' for number in numeric]
    head = "".join(
        f'<th scope="col"{kind}>{_text(heading(column))}</th>' if column else "<td></td>"
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "\n".join(_row(table, texts[at], at, kinds) for at in range(len(texts)))
    caption = f"<caption>{_text(table.title)}</caption>" if table.title else ""
    label = _text(table.title or heading(table.columns[0]) or "Table")
    slim = ' class="slim"' if len(table.columns) <= _SLIM else ""
    return (
        f'<div class="table" role="region" aria-label="{label}" tabindex="0"><table{slim}>{caption}\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(table: Table, texts: list[str], at: int, kinds: list[str]) -> str:
    note = f"<small>{_text(table.notes[at])}</small>" if table.notes else ""
    cells = [f'<th scope="row">{_text(texts[0])}{note}</th>']
    for column in range(1, len(texts)):
        tint = table.tints[at][column] if table.tints else None
        cells.append(f"<td{kinds[column]}{_tint(tint)}>{_text(texts[column])}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _tint(tint: float | None) -> str:
    """How strongly a cell is coloured, and which way; its text says the same."""
    share = 0 if tint is None else round(min(abs(tint), 1.0) * 100)
    if not share:
        return ""
    return f' style="--of:var(--{"gain" if tint and tint > 0 else "loss"});--share:{share}%" data-tint'


def _moment(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _name(title: str) -> str:
    return _NOT_IN_A_NAME.sub("-", title.lower()).strip("-") or "section"


def _text(text: str) -> str:
    """A number is not parted from its sign for per cent."""
    return escape(printable(text)).replace(" %", "&nbsp;%")
