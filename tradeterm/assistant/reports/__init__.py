"""Reports on what a profile's ledger holds: performance, compliance, and what tier 2's verdicts were worth.

from tradeterm.assistant.reports.record import Span, read_record
from tradeterm.assistant.reports.performance import performance
from tradeterm.assistant.reports.performance_sections import performance_sections
from tradeterm.assistant.reports.write import as_page, as_text

record = read_record(profile.ledger, Span(), book="")
facts = performance(record, ...)                     # a frozen struct: the JSON of the report
page = as_page(facts.head, performance_sections(facts))
"""
