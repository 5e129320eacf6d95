"""What the desk has at stake: gross, net and heat, the groups that move together, and the currencies it reckons in."""

from collections.abc import Sequence

import msgspec

from tradeterm.domain.view import GroupView, RateView, RiskView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.panels.panel import Detail, Panel
from tradeterm.ui.plain import fit, plain
from tradeterm.ui.tables.common import symbol
from tradeterm.ui.widgets.gauge import bar, tone_of, used
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of, text_of

_NAME, _BAR, _NUMBERS = 14, 8, 12
_DAY_MS = 86_400_000


class ExposurePanel(Panel):
    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._risk = RiskView()
        self._currency = ""
        self._now = 0
        self._oldest_days = 0.0

    def set_risk(self, risk: RiskView, currency: str, now: int, oldest_days: float) -> None:
        """`oldest_days` is the age from which an exchange rate counts as unknown."""
        shown = (self._risk, self._currency, self._now // _DAY_MS)
        self._risk, self._currency, self._now, self._oldest_days = risk, currency, now, oldest_days
        if shown != (risk, currency, now // _DAY_MS):
            self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        glyphs, risk = glyphs_of(self), self._risk
        lines: list[Line] = [at_stake(risk)]
        lines += [group_line(group, width, glyphs) for group in risk.groups]
        if not risk.groups:
            lines.append((("No group: nothing is known to move together.", "muted"),))
        lines += [rate_line(rate, self._currency, self._now, self._oldest_days) for rate in risk.rates]
        if not risk.rates:
            currency = plain(self._currency) or "one currency"
            lines.append(((f"Rates: none needed, all books are in {currency}.", "muted"),))
        return self.window([clipped(line, width, glyphs.ellipsis) for line in lines], height)

    def detail(self) -> Detail | None:
        risk = self._risk
        lines = [text_of(at_stake(risk)), "of the desk's equity; heat: lost if every stop were hit", ""]
        for group in risk.groups:
            share = fmt.percent(group.exposure) if group.exposure is not None else "not known"
            lines.append(f"{plain(group.name)}: {share} of {fmt.percent(group.limit, 0)}")
            lines.append(f"  {' '.join(plain(symbol(name)) for name in group.instruments)}")
        rates = [rate_line(rate, self._currency, self._now, self._oldest_days) for rate in risk.rates]
        lines += [text_of(line) for line in rates]
        subject = {"gross": risk.gross, "net": risk.net, "heat": risk.heat, "groups": risk.groups, "rates": risk.rates}
        return Detail("\n".join(lines), msgspec.to_builtins(subject, builtin_types=()))


def at_stake(risk: RiskView) -> Line:
    """Gross, net and heat in one line."""
    if risk.gross is None and risk.net is None and risk.heat is None:
        return (("Exposure of the desk: not known yet.", "muted"),)
    return (
        ("gross ", "muted"),
        (fmt.percent(risk.gross), "bold"),
        ("  net ", "muted"),
        (fmt.signed_percent(risk.net, 1), "bold"),
        ("  heat ", "muted"),
        (fmt.percent(risk.heat, 2), "bold"),
    )


def group_line(group: GroupView, width: int, glyphs: Glyphs = UNICODE) -> Line:
    """Name, used part, exposure of its limit, and its members as far as there is room."""
    part = used(group.exposure, group.limit)
    numbers = f"{fmt.percent(group.exposure)} / {fmt.percent(group.limit, 0)}"
    members = " ".join(plain(symbol(name)) for name in group.instruments)
    room = max(0, width - _NAME - _BAR - len(numbers.rjust(_NUMBERS)) - 4)
    spans: list[Span] = [(fit(plain(group.name), _NAME, glyphs.ellipsis) + " ", "")]
    spans += bar(part, _BAR, glyphs)
    spans.append((" " + numbers.rjust(_NUMBERS) + "  ", tone_of(part)))
    spans.append((fit(members, min(room, len(members)), glyphs.ellipsis), "muted"))
    return tuple(spans)


def rate_line(rate: RateView, currency: str, now: int, oldest_days: float) -> Line:
    """A rate with its age, or what its absence means."""
    name: Span = (f"1 {plain(rate.currency)} ", "muted")
    if rate.rate is None:
        return (name, ("no rate: no entries in it, not in the sums", "danger"))
    value: Span = (f"= {fmt.price(rate.rate)} {plain(currency)}", "")
    if rate.ts is None:
        return (name, value, ("  age not known", "stale"))
    age = now - rate.ts
    old = age > oldest_days * _DAY_MS
    return (name, value, (f"  {fmt.age(age)} old{' STALE' if old else ''}", "stale" if old else "muted"))
