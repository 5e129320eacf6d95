"""The report of a backtest: one HTML file that needs nothing else, or Markdown.

from tradeterm.research.report import ReportFacts, html

Path("report.html").write_text(html(result, facts, honesty=(...)), encoding="utf-8")
"""

from tradeterm.research.report.as_html import html
from tradeterm.research.report.as_markdown import markdown
from tradeterm.research.report.facts import Cell, Curve, Evidence, ReportFacts, Table

__all__ = ["Cell", "Curve", "Evidence", "ReportFacts", "Table", "html", "markdown"]
