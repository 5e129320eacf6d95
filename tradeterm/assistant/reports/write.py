"""A report as a page, as Markdown, or as short Markdown for a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tradeterm.assistant.reports.head import Head
from tradeterm.research.report.as_html import page
from tradeterm.research.report.as_markdown import document
from tradeterm.research.report.blocks import Block, Paragraph, Section
from tradeterm.research.report.facts import Table

SHOWN = 50
"""Rows of a table on a terminal."""


def as_page(head: Head, chapters: Sequence[Section]) -> str:
    """One HTML file that needs nothing else: no network, no script. Complete."""
    return page(head.title, head.line, chapters, _footer(head))


def as_text(head: Head, chapters: Sequence[Section], *, most: int | None = None) -> str:
    """Markdown, complete; or with at most `most` rows a table, and a sentence where there are more."""
    cut = chapters if most is None else [_cut(section, most) for section in chapters]
    return document(head.title, head.line, [*cut, Section("About this report", (Paragraph(_footer(head)),))])


def _footer(head: Head) -> str:
    return (
        f"Written {datetime.fromtimestamp(head.created / 1000, UTC):%Y-%m-%d %H:%M} UTC by tradeterm {head.version} "
        f"from {head.ledger}. Times are UTC. A dash is no value. Every figure and table is the program's own."
    )


def _cut(section: Section, most: int) -> Section:
    blocks: list[Block] = []
    for block in section.blocks:
        if not isinstance(block, Table) or len(block.rows) <= most:
            blocks.append(block)
            continue
        blocks.append(Table(block.columns, block.rows[:most], block.title, block.notes[:most], block.tints[:most]))
        blocks.append(Paragraph(f"and {len(block.rows) - most:,} more; --json or --out FILE has all"))
    return Section(section.title, tuple(blocks))
