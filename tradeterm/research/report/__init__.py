"""The report of a backtest: one HTML file that needs nothing else, or Markdown.

from tradeterm.research.honesty.evidence import shown
from tradeterm.research.report import html
from tradeterm.research.report.study_facts import facts_of

facts = facts_of(found, command="tradeterm backtest eos", created=now)  # or a `ReportFacts` of one's own
honesty = [shown(test) for test in (walk_forward(...), robustness(...))]  # or anything that is `Evidence`
Path("report.html").write_text(html(result, facts, honesty=honesty), encoding="utf-8")
"""

from tradeterm.research.report.as_html import html
from tradeterm.research.report.as_markdown import markdown
from tradeterm.research.report.facts import Cell, Curve, Evidence, ReportFacts, Table

__all__ = ["Cell", "Curve", "Evidence", "ReportFacts", "Table", "html", "markdown"]
