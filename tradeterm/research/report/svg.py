"""A drawing as SVG that belongs to the page it stands in."""

import re
from html import escape
from io import StringIO
from typing import TYPE_CHECKING
from warnings import catch_warnings, filterwarnings

from tradeterm.research.report.charts import Ink

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEAD = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_STYLE = re.compile(r"\s*<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>")
_OPENING = re.compile(r"<svg [^>]*?viewBox=\"([^\"]*)\"[^>]*>", re.DOTALL)
_GROUP_ID = re.compile(r"<g id=\"[^\"]*\"")
_COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_FONT = re.compile(r"font-family: [^;\"]*; |font: ([\d.]+px) [^;\"]*")
_PLACES = re.compile(r" (?:d|x|y|transform|points)=\"[^\"]*\"")
_TOO_EXACT = re.compile(r"(\.\d\d)\d+")
_SPACE = re.compile(r"\n\s*")


def svg(figure: "Figure", name: str, title: str, text: str) -> str:
    """The figure as an `<svg>` element, its text as text. `name` keeps its ids apart from those of the page's other
    drawings; `title` and `text` are read to who does not see it. The same figure gives the same text."""
    from matplotlib import rc_context

    written = StringIO()
    with (
        rc_context(
            {"svg.fonttype": "none", "svg.hashsalt": name, "path.simplify_threshold": 0.5, "axes.unicode_minus": False}
        ),
        catch_warnings(),
    ):
        filterwarnings("ignore", message="Glyph")  # of a font that only measures: the page's own fonts are shown
        figure.savefig(written, format="svg", metadata={"Date": None}, facecolor="none")
    drawing = _METADATA.sub("", _HEAD.sub("", written.getvalue()))
    drawing = _STYLE.sub("", drawing)  # it is in the page's
    drawing = _GROUP_ID.sub("<g", _COMMENT.sub("", drawing))
    drawing = _FONT.sub(lambda found: f"font-size: {found[1]}" if found[1] else "", drawing)  # the page's own family
    drawing = _PLACES.sub(lambda found: _TOO_EXACT.sub(r"\1", found[0]), drawing)  # to a hundredth of a pixel
    for ink in Ink:
        drawing = drawing.replace(ink.value, f"var(--{ink.name.lower()})")
    return _SPACE.sub("\n", _OPENING.sub(lambda found: _head(name, found[1], title, text), drawing, count=1)).strip()


def _head(name: str, view: str, title: str, text: str) -> str:
    return (
        f'<svg viewBox="{view}" role="img" aria-labelledby="{name}-title {name}-text">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-text">{escape(text)}</desc>'
    )
