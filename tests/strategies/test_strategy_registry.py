import msgspec
import pytest

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import HOUR_MS, MINUTE_MS
from tradeterm.strategies.eos import Eos, EosParameters
from tradeterm.strategies.registry import make_strategy, parameters_type, strategy_names


def test_a_strategy_by_its_name() -> None:
    assert strategy_names() == ("declared", "eos")
    assert parameters_type("eos") is EosParameters
    made = make_strategy("eos", {"threshold": 0.05, "min_confirmations": 2}, "books.crypto", HOUR_MS)
    assert isinstance(made, Eos)
    assert (made.parameters.threshold, made.parameters.min_confirmations, made.interval_ms) == (0.05, 2, HOUR_MS)


def test_the_warm_up_is_a_session_and_the_window_before_it() -> None:
    made = make_strategy("eos", {}, "books.crypto", 5 * MINUTE_MS)
    assert made.warmup == 288 + 20 + 3 - 2


def test_an_unknown_strategy_is_one_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        make_strategy("eoss", {}, "books.crypto")
    assert str(caught.value) == 'books.crypto.strategy: found "eoss", allowed declared or eos'


WRONG = [
    ({"threshold": 2.0}, "books.b.parameters.threshold: found 2.0, allowed 0.001 to 1"),
    ({"threshold": "big"}, 'books.b.parameters.threshold: found "big", allowed 0.001 to 1'),
    ({"threshold": float("nan")}, "books.b.parameters.threshold: found nan, allowed 0.001 to 1"),
    ({"min_confirmations": 4}, "books.b.parameters.min_confirmations: found 4, allowed a whole number, 0 to 3"),
    (
        {"treshold": 0.04},
        "books.b.parameters.treshold: found a key that is not known here; did you mean threshold?",
    ),
]


@pytest.mark.parametrize(("parameters", "sentence"), WRONG)
def test_a_bad_parameter_is_one_sentence(parameters: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_strategy("eos", parameters, "books.b")
    assert str(caught.value) == sentence


def test_every_mistake_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        make_strategy("eos", {"threshold": 0, "stall_bars": 0}, "books.b")
    assert len(str(caught.value).splitlines()) == 2


def test_every_parameter_has_bounds_and_says_its_unit() -> None:
    for field in msgspec.inspect.type_info(EosParameters).fields:  # type: ignore[union-attr]  # it is a struct
        described = field.type
        assert isinstance(described, msgspec.inspect.Metadata), field.name
        assert described.extra_json_schema and "description" in described.extra_json_schema, field.name
        bare = described.type
        assert isinstance(bare, msgspec.inspect.IntType | msgspec.inspect.FloatType)
        assert (bare.ge if bare.ge is not None else bare.gt) is not None, field.name
        assert bare.le is not None, field.name
