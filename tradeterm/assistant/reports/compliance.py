"""What was allowed, what was done, and whether the record of it holds: the facts of `report compliance`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from tradeterm.assistant.reports.chain import (
    BROKEN,
    VERIFIED,
    AuditFile,
    Decision,
    audit_files,
    audit_lines,
    decision_of,
    is_pass_through,
    unproven,
)
from tradeterm.assistant.reports.configs import Settled, changed, configurations
from tradeterm.assistant.reports.events import (
    Event,
    Gap,
    OrderTrouble,
    alerts_of,
    breaker_of,
    commands_of,
    gaps_of,
    health_of,
    order_troubles,
    violations_of,
)
from tradeterm.assistant.reports.head import Head
from tradeterm.assistant.reports.record import Record
from tradeterm.assistant.reports.rules import BookRules, rules_of
from tradeterm.assistant.reports.said import said
from tradeterm.assistant.reports.usage import Leverage, Traded, leverage_of, traded_of
from tradeterm.assistant.text import count
from tradeterm.config import Config
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.signals import SignalKind


class RunUsed(Struct, frozen=True, kw_only=True):
    """A run of the engine, by the machine's clock. `status` as in table `runs`: INTERRUPTED was killed or crashed."""

    id: str
    mode: str
    version: str
    config_hash: str
    started: int
    ended: int | None
    status: str


class ConfigUsed(Struct, frozen=True, kw_only=True):
    """A configuration: where it was found, and what it changed against the one before (dotted key, before, after)."""

    hash: str
    runs: int
    source: str
    changes: tuple[tuple[str, str, str], ...]


class Outcome(Struct, frozen=True, kw_only=True):
    """How many signals of a book ended so, and why."""

    book: str
    kind: str
    outcome: str
    code: str
    signals: int


class Reconciliation(Struct, frozen=True, kw_only=True):
    """A comparison with a venue; `findings` are what was not the same, and was put right."""

    ts: int
    venue: str
    account: str
    agreed: bool
    findings: tuple[str, ...]


class LedgerCheck(Struct, frozen=True, kw_only=True):
    """`ledger check` of the same file: None where it was not made, and then `findings` say why."""

    ok: bool | None
    findings: tuple[str, ...]


class Compliance(Struct, frozen=True, kw_only=True):
    """The report. All lists are complete and in the order of time."""

    head: Head
    runs: tuple[RunUsed, ...]
    configs: tuple[ConfigUsed, ...]
    rules: tuple[BookRules, ...]
    desk_limits: tuple[tuple[str, str], ...]
    outcomes: tuple[Outcome, ...]
    violations: tuple[Event, ...]
    breaker: tuple[Event, ...]
    commands: tuple[Event, ...]
    alerts: tuple[Event, ...]
    health: tuple[Event, ...]
    decisions: tuple[Decision, ...]
    audit: tuple[AuditFile, ...]
    ledger: LedgerCheck
    reconciliations: tuple[Reconciliation, ...]
    leverage: tuple[Leverage, ...]
    instruments: tuple[Traded, ...]
    orders: tuple[OrderTrouble, ...]
    gaps: tuple[Gap, ...]

    @property
    def sound(self) -> bool:
        """Neither the ledger nor an audit file was found broken, and each decision stands in its file."""
        broken = any(file.state == BROKEN for file in self.audit)
        lacking = unproven(Counter(each.state for each in self.decisions))
        return self.ledger.ok is not False and not broken and not lacking

    @property
    def findings(self) -> tuple[str, ...]:
        """What a reviewer has to look at, one sentence each."""
        return tuple(_findings(self))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report in plain sentences, made from nothing but its figures."""
        signals = sum(row.signals for row in self.outcomes)
        ended = Counter({row.outcome: 0 for row in self.outcomes})
        for row in self.outcomes:
            ended[row.outcome] += row.signals
        exits = sum(row.signals for row in self.outcomes if row.kind == SignalKind.EXIT)
        kinds = f"entries {signals - exits}, exits {exits}; "
        by = kinds + ", ".join(f"{number} {outcome.lower()}" for outcome, number in sorted(ended.items()))
        broken = [file.name for file in self.audit if file.state == BROKEN]
        chain = f"BROKEN: {', '.join(broken)}" if broken else "VERIFIED" if _written(self.audit) else "not written"
        lacking = unproven(Counter(each.state for each in self.decisions))
        if lacking:
            chain = f"{chain}, decisions {lacking}" if broken else f"INCOMPLETE: decisions {lacking}"
        return (
            f"{count(len(self.runs), 'run')}, {count(signals, 'signal')}{f' ({by})' if signals else ''}, "
            f"{count(len(self.decisions), 'decision')} of tier 2; audit files {chain}.",
            f"{count(len(self.violations), 'safety violation')} stopped, {count(len(self.breaker), 'breaker event')}, "
            f"{count(len(self.commands), 'operator command')}, {count(len(self.orders), 'order')} in doubt or not "
            f"ours, {count(len(self.gaps), 'gap')} in the record.",
        )


def _written(files: Iterable[AuditFile]) -> bool:
    return any(file.state == VERIFIED for file in files)


class Files(Struct, frozen=True, kw_only=True):
    """Where the rest of the record lies: the profile's folder (journals), its audit files, its configuration today.
    `alive`: an engine runs on the ledger."""

    root: Path
    audit: Path
    config: Config | None
    instruments: Mapping[str, Instrument]
    ledger: LedgerCheck
    alive: bool = False


def compliance(record: Record, head: Head, files: Files) -> Compliance:
    """The facts. Raises LedgerError where an audit file cannot be read."""
    settled = configurations(files.root, record.runs, files.config)
    latest = next((each.config for each in reversed(settled) if each.config is not None), None)
    own = latest if settled and settled[-1].config is latest else None
    books = record.books or ((record.book,) if record.book else ())
    lines = audit_lines(files.audit)
    return Compliance(
        head=head,
        runs=tuple(
            RunUsed(
                id=said(run.id, 80),
                mode=said(run.mode, 80),
                version=said(run.version, 80),
                config_hash=said(run.config_hash, 80),
                started=run.ts_started,
                ended=run.ts_ended,
                status=said(run.status, 80),
            )
            for run in record.runs
        ),
        configs=tuple(_used(settled)),
        rules=tuple(rules_of(book, record.signals, own) for book in books),
        desk_limits=_desk_limits(own),
        outcomes=_outcomes(record),
        violations=violations_of(record),
        breaker=breaker_of(record),
        commands=commands_of(record),
        alerts=alerts_of(record),
        health=health_of(record),
        decisions=tuple(decision_of(verdict, lines) for verdict in record.verdicts if not is_pass_through(verdict)),
        audit=audit_files(files.audit),
        ledger=files.ledger,
        reconciliations=tuple(
            Reconciliation(
                ts=each.ts,
                venue=said(each.venue, 40),
                account=said(each.account, 40),
                agreed=each.agreed,
                findings=tuple(said(text) for text in each.findings),
            )
            for each in record.reconciliations
        ),
        leverage=tuple(
            row for book in books for row in leverage_of(book, record.equity, record.fills, files.instruments, own)
        ),
        instruments=tuple(
            row
            for book in books
            for row in traded_of(book, record.fills, record.orders, [each.config for each in settled])
        ),
        orders=order_troubles(record),
        gaps=gaps_of(record, alive=files.alive),
    )


def _used(settled: Sequence[Settled]) -> Iterable[ConfigUsed]:
    before: Config | None = None
    for each in settled:
        changes = changed(before, each.config) if before is not None and each.config is not None else ()
        yield ConfigUsed(hash=each.hash, runs=len(each.runs), source=each.source, changes=changes)
        before = each.config or before


_DESK = (
    ("risk.max_gross", "gross notional over equity"),
    ("risk.max_asset", "one instrument over all books"),
    ("risk.max_group", "instruments that move together"),
    ("risk.max_sector", "instruments of a sector"),
    ("risk.max_one_sided", "long less short"),
    ("risk.max_heat", "lost if every stop were hit"),
    ("risk.max_var", "one-day 99 % VaR after an order"),
    ("breaker.daily_loss", "loss of the desk in a day that halts"),
    ("breaker.drawdown", "loss of the desk from its peak that halts"),
)


def _desk_limits(config: Config | None) -> tuple[tuple[str, str], ...]:
    """What each is, and its value; nothing where the configuration is not at hand."""
    if config is None:
        return ()
    tables = {"risk": config.risk, "breaker": config.breaker}
    found = []
    for key, text in _DESK:
        table, _, name = key.partition(".")
        found.append((f"{text} ({key})", f"{getattr(tables[table], name) * 100:g} %"))
    gate = config.gate
    return (*found, ("who judges as tier 2 (gate.validator, gate.mode)", f"{gate.validator}, {gate.mode.value}"))


def _outcomes(record: Record) -> tuple[Outcome, ...]:
    counted = Counter(
        (signal.book, signal.kind.value, signal.outcome.value, said(signal.outcome_code, 60))
        for signal in record.signals
    )
    return tuple(
        Outcome(book=book, kind=kind, outcome=outcome, code=code, signals=number)
        for (book, kind, outcome, code), number in sorted(counted.items())
    )


def _findings(found: Compliance) -> Iterable[str]:
    for file in found.audit:
        if file.state == BROKEN:
            yield f"{file.name} breaks at line {file.line}: {file.reason}. Nothing behind it is verified."
        if file.repaired:
            yield f"{file.name}: a crash left {count(file.repaired, 'line')} unfinished, cut off at the next start."
    states = Counter(each.state for each in found.decisions if each.state != VERIFIED)
    for state, number in sorted(states.items()):
        yield f"{count(number, 'decision')} of tier 2: {state}."
    if found.ledger.ok is False:
        yield f"The ledger disagrees with itself in {count(len(found.ledger.findings), 'place')}."
    if not all(each.known for each in found.rules):
        yield "The configuration of the last run is not at hand: limits cannot be told, nor what was allowed."
    for traded in found.instruments:
        if traded.fills and traded.allowed is False:
            yield f"{traded.book} traded {traded.instrument}, which its configuration does not allow."
    for row in found.leverage:
        if row.over:
            what = f"{row.book} {row.instrument}".strip()
            yield f"{what}: notional of {row.most} times equity, limit {row.limit} (it binds when an entry is judged)."
    critical = [alert for alert in found.alerts if alert.what.startswith("CRITICAL")]
    if critical:
        yield f"{count(len(critical), 'CRITICAL alert')}."
    disagreed = sum(not each.agreed for each in found.reconciliations)
    if disagreed:
        yield f"{count(disagreed, 'reconciliation')} found a difference with the venue."
    open_doubt = sum(order.still for order in found.orders)
    if open_doubt:
        yield f"{count(open_doubt, 'order')} still UNKNOWN."
    for gap in found.gaps:
        yield gap.text
