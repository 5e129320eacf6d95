"""Every signal sized alike, so that a test is about the signals and not about a desk that stops for want of an edge."""

from msgspec import structs

from tradeterm.config import SizingMethod
from tradeterm.research.study import Study


def sized_alike(study: Study) -> Study:
    """The study with the same share of equity at risk in every entry, that of a book without a track record: the edge
    of its own trades and its drawdown change no size."""
    sizing = study.book.sizing
    alike = structs.replace(
        sizing,
        method=SizingMethod.FIXED,
        risk_fraction=min(sizing.exploration_fraction, sizing.risk_fraction),
        drawdown_dampening=False,
    )
    return structs.replace(study, book=structs.replace(study.book, sizing=alike))
