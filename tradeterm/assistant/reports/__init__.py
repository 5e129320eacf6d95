"""Reports on what a profile's ledger holds: performance, compliance, and what tier 2's verdicts were worth.

from tradeterm.assistant.reports.kinds import Kind
from tradeterm.assistant.reports.make import Wanted, make
from tradeterm.assistant.reports.write import as_page

made = make(profile, Wanted(kind=Kind.COMPLIANCE), config)  # made.facts: a frozen struct, the JSON of the report
Path("week.html").write_text(as_page(made.head, made.sections), encoding="utf-8")
"""
