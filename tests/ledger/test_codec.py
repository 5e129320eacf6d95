from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_facts import make_fill, make_order, struct_of

from tradeterm.domain.facts import ChatRow, CommandRow, RunRow
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource
from tradeterm.ledger.codec import FACT_TYPES, codec_of

STORED = (*FACT_TYPES, CommandRow, ChatRow, RunRow)


@given(st.sampled_from(STORED).flatmap(struct_of))
def test_every_fact_comes_back_as_it_was(fact):
    codec = codec_of(type(fact))
    row = codec.encode(fact)
    assert all(type(value) in (str, int, float, bool, type(None)) for value in row)
    assert codec.decode(row) == fact


def test_decimals_keep_their_exact_digits():
    codec = codec_of(type(make_order()))
    row = dict(zip(codec.names, codec.encode(make_order(quantity=Decimal("1.500"))), strict=True))
    assert row["quantity"] == "1.500"
    assert str(codec.decode(tuple(row.values())).quantity) == "1.500"


def test_text_that_looks_like_null_stays_text():
    order = make_order(signal_id="null", reason="null")
    codec = codec_of(type(order))
    assert codec.decode(codec.encode(order)) == order


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=r"fills\.price is .* not a finite number"):
        codec_of(type(make_fill())).encode(make_fill(price=Decimal(bad)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_float_that_is_not_finite_is_refused(bad):
    verdict = Verdict(
        id="v",
        signal_id="s",
        book="eos",
        instrument="X.Y",
        side=PositionSide.LONG,
        decision=VerdictDecision.APPROVE,
        size_factor=Decimal(1),
        confidence=bad,
        reason_codes=(),
        reasoning="",
        source=VerdictSource.RULES,
        model="",
        latency_ms=0,
        ts=1,
    )
    with pytest.raises(ValueError, match=r"verdicts\.confidence"):
        codec_of(Verdict).encode(verdict)


def test_none_where_there_must_be_a_value_is_refused():
    with pytest.raises(ValueError, match=r"fills\.venue is missing"):
        codec_of(type(make_fill())).encode(make_fill(venue=None))
