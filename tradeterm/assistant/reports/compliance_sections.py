"""The compliance report, chapter by chapter."""

from collections.abc import Sequence
from decimal import Decimal

from tradeterm.assistant.reports.chain import VERIFIED
from tradeterm.assistant.reports.compliance import Compliance
from tradeterm.assistant.reports.events import Event
from tradeterm.assistant.reports.rules import BookRules
from tradeterm.assistant.text import moment, number
from tradeterm.research.report.blocks import Block, Paragraph, Points, Section
from tradeterm.research.report.facts import Cell, Table

Row = tuple[Cell, ...]


def compliance_sections(found: Compliance) -> tuple[Section, ...]:
    """Everything the facts hold, in words and tables."""
    return (
        _summary(found),
        _runs(found),
        _rules(found),
        _section("Signals and what became of them", ("Book", "Kind", "Outcome", "Code", "Signals"), [
            (row.book, row.kind, row.outcome, row.code or "-", f"{row.signals:,}") for row in found.outcomes
        ], "No signal was raised."),
        _events("Safety violations stopped", found.violations, "None: no limit that protects capital denied anything.",
                ("Time", "What", "About", "Code", "In words")),
        _events("Circuit breaker", found.breaker, "It never moved.", ("Time", "Level", "Rule", "Cause", "Numbers")),
        _events("Operator commands", found.commands, "None.",
                ("Time (machine)", "Command", "About", "Who and why", "Answer")),
        _decisions(found),
        _audit(found),
        _reconciliations(found),
        _leverage(found),
        _instruments(found),
        _orders(found),
        _events("Health of strategies", found.health, "It never changed.", ("Time", "Level", "Strategy", "Causes", "")),
        _events("Alerts from WARNING on", found.alerts, "None.", ("Time", "Alert", "About", "Text", "")),
        _gaps(found),
    )  # fmt: skip


def _summary(found: Compliance) -> Section:
    findings = found.findings
    told: Block = Points(findings) if findings else Paragraph("Nothing was found that needs a reviewer.")
    blocks: list[Block] = [Paragraph(found.sentences[0]), Points((found.head.label,)), Paragraph(found.sentences[1])]
    blocks += [Paragraph("To look at:"), told] if findings else [told]
    if found.head.notes:
        blocks.append(Points(found.head.notes))
    return Section("Summary", tuple(blocks))


def _runs(found: Compliance) -> Section:
    rows: list[Row] = [
        (run.id, run.mode, run.status, moment(run.started), _when(run.ended), run.version, run.config_hash)
        for run in found.runs
    ]
    columns = ("Run", "Mode", "Status", "Started", "Ended", "Version", "Configuration")
    blocks = _table("", columns, rows, "No run of this time is in the ledger.")
    configs: list[Row] = [(each.hash, f"{each.runs}", each.source, f"{len(each.changes)}") for each in found.configs]
    blocks += _table("Configurations", ("Hash", "Runs", "Read from", "Settings changed"), configs, "")
    for each in found.configs:
        if each.changes:
            rows = [(key, before, after) for key, before, after in each.changes]
            blocks += _table(f"What {each.hash} changed", ("Setting", "Before", "After"), rows, "")
    return Section("Runs and configurations", tuple(blocks))


def _rules(found: Compliance) -> Section:
    blocks: list[Block] = [
        Paragraph(
            "Tier 1 checks every entry before tier 2 is asked and again after its verdict. Asked and denied count "
            "these checks; a signal may be denied by several rules."
        )
    ]
    if found.desk_limits:
        blocks.append(Table(("Limit of the desk", "Value"), found.desk_limits, "The desk"))
    return Section("Rules of tier 1", (*blocks, *(_book_rules(book) for book in found.rules)))


def _book_rules(book: BookRules) -> Table:
    rows: list[Row] = [
        (rule.code, "-" if rule.limit is None else rule.limit, rule.key or "-", f"{rule.asked:,}", f"{rule.denied:,}")
        for rule in book.rules
    ]
    unknown = "" if book.known else " (limits not known: the configuration of the last run is not at hand)"
    notes = tuple(rule.asks for rule in book.rules)
    return Table(("Rule", "Limit", "Set by", "Asked", "Denied"), tuple(rows), f"Book {book.book}{unknown}", notes)


def _decisions(found: Compliance) -> Section:
    rows: list[Row] = [
        (
            each.id,
            moment(each.ts),
            f"{each.book} {each.instrument} {each.side}",
            f"{each.decision}{'' if each.size_factor in (0, 1) else f' x {number(each.size_factor)}'}"
            f"{' (watched)' if each.watched else ''}",
            each.code or ", ".join(each.codes) or "-",
            f"{each.model}{', CONTAMINATED' if each.contaminated else ''}",
            each.prompt_version or "-",
            each.signal_id,
            "-" if each.line is None else f"{each.line}",
            each.hash or "-",
            each.state,
        )
        for each in found.decisions
    ]
    columns = (
        "Decision",
        "Time",
        "About",
        "Verdict",
        "Code",
        "Judge",
        "Prompt",
        "Signal",
        "Line",
        "Record hash",
        "Chain",
    )
    verified = sum(each.state == VERIFIED for each in found.decisions)
    blocks: list[Block] = []
    if rows:
        blocks.append(
            Paragraph(
                f"{verified:,} of {len(rows):,} are in the audit file as the ledger has them, in a chain without a "
                "break. Line and hash are those of ai_decisions.jsonl."
            )
        )
    blocks += _table("All decisions", columns, rows, "Tier 2 was not asked.")
    reasons: list[Row] = [(each.id, each.decision, each.reasoning or "-") for each in found.decisions]
    if reasons:
        blocks += _table("What they said (quoted)", ("Decision", "Verdict", "Reasoning"), reasons, "")
    return Section("Decisions of tier 2", tuple(blocks))


def _audit(found: Compliance) -> Section:
    rows: list[Row] = [
        (
            file.name,
            file.state,
            f"{file.lines:,}",
            "-" if file.line is None else f"line {file.line}: {file.reason}",
            f"{file.repaired}",
            file.last_hash or "-",
        )
        for file in found.audit
    ]
    columns = ("File", "Chain", "Lines", "Breaks at", "Repaired", "Hash of the last line")
    told = {
        None: "The ledger itself was not checked.",
        True: "The ledger agrees with itself: positions, trades and money follow from its fills.",
        False: "The ledger disagrees with itself:",
    }[found.ledger.ok]
    blocks: list[Block] = [
        Paragraph(
            "Each line holds the hash of the one before: VERIFIED means that none was changed, added or removed."
        ),
        Table(columns, tuple(rows)),
        Paragraph(told),
    ]
    if found.ledger.findings:
        blocks.append(Points(found.ledger.findings))
    return Section("Audit files and ledger", tuple(blocks))


def _reconciliations(found: Compliance) -> Section:
    rows: list[Row] = [
        (moment(each.ts), f"{each.venue}/{each.account}", "agreed" if each.agreed else "DIFFERED",
         "; ".join(each.findings) or "-")
        for each in found.reconciliations
    ]  # fmt: skip
    return _section("Reconciliations", ("Time", "Account", "Result", "Findings"), rows, "None were made.")


def _leverage(found: Compliance) -> Section:
    rows: list[Row] = [
        (
            row.book,
            row.instrument or "all positions",
            _share(row.most),
            "-" if row.ts is None else moment(row.ts),
            "-" if row.limit is None else f"{row.limit:g} x",
            "OVER" if row.over else "within" if row.limit is not None and row.most is not None else "-",
        )
        for row in found.leverage
    ]
    section = _section("Leverage used", ("Book", "Of", "Most", "When", "Limit", ""), rows, "Nothing was held.")
    text = (
        "Notional over the book's equity. All positions: at the marks of each recorded point. One instrument: after "
        "each fill, at its price. Limits bind when an entry is judged; a price that moves later may pass them."
    )
    return Section(section.title, (Paragraph(text), *section.blocks))


def _instruments(found: Compliance) -> Section:
    rows: list[Row] = [
        (
            row.instrument,
            row.book,
            "not known" if row.allowed is None else "yes" if row.allowed else "NO",
            f"{row.fills:,}",
            f"{row.external:,}",
        )
        for row in found.instruments
    ]
    columns = ("Instrument", "Book", "Allowed", "Fills", "Of them external")
    return _section("Instruments allowed and traded", columns, rows, "None.")


def _orders(found: Compliance) -> Section:
    rows: list[Row] = [
        (
            each.id,
            moment(each.ts),
            each.trouble,
            f"{each.book} {each.instrument} {each.intent}".strip() or "-",
            _when(each.ended),
            each.status or "-",
            each.detail or "-",
        )
        for each in found.orders
    ]
    columns = ("Order", "Since", "Trouble", "About", "Known again", "Status now", "Detail")
    none = "None: every order was ours, and its state always known."
    return _section("Orders in doubt, refused or not ours", columns, rows, none)


def _gaps(found: Compliance) -> Section:
    rows: list[Row] = [(moment(gap.start), _when(gap.end), gap.run, gap.text) for gap in found.gaps]
    none = "None: every run ended cleanly, and none was left out."
    return _section("Gaps in the record", ("From", "To", "Run", "In words"), rows, none)


def _events(title: str, events: Sequence[Event], none: str, columns: tuple[str, ...]) -> Section:
    rows: list[Row] = [(moment(each.ts), each.what, each.about or "-", each.why, each.answer) for each in events]
    if not columns[-1]:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return _section(title, columns, rows, none)


def _section(title: str, columns: tuple[str, ...], rows: Sequence[Row], none: str) -> Section:
    return Section(title, tuple(_table("", columns, rows, none)))


def _table(title: str, columns: tuple[str, ...], rows: Sequence[Row], none: str) -> list[Block]:
    """Never folded: a page that is printed shows all of it."""
    if not rows:
        return [Paragraph(none)] if none else []
    return [Table(columns, tuple(rows), title)]


def _when(ts: int | None) -> str:
    return "-" if ts is None else moment(ts)


def _share(value: Decimal | None) -> str:
    return "-" if value is None else f"{number(value)} x"
