"""Every return code means one thing; only definite ones refuse."""

import pytest

from tradeterm.venues.bybit.codes import REFUSALS, STOPS_EVERYTHING, Meaning, codes, meaning, sentence

CLASSES = {
    Meaning.RATE: (10006, 429, 10429, 20003, 170005, 170222),
    Meaning.CLOCK: (10002, -1),
    Meaning.UNCLEAR: (10000, 10016, 10019, 170001, 170007, 170032, 170146, 170147, 170234),
    Meaning.BUSY: (110079, 40004, 170191, 170212),
    Meaning.CREDENTIALS: (10003, 10004, 10005, 10007, 10009, 10010, 33004, -2015),
    Meaning.ACCOUNT: (10008, 10024, 10027, 10028, 110088, 110123, 110125, 110132, 170348),
    Meaning.NOT_TRADABLE: (10029, 110066, 110074, 170209),
    Meaning.PARAMETERS: (10001, 10017, 110003, 110094, 170130, 170140, 170148, 110108, 110109, 110092, 110093),
    Meaning.FUNDS: (110004, 110006, 110007, 110012, 110014, 110044, 110045, 110051, 110052, 110053, 170131, 170033),
    Meaning.RISK: (110011, 110013, 110020, 110021, 110039, 110040, 110086, 110089, 110090, 110120, 110121, 170371),
    Meaning.REDUCE_ONLY: (110017, 110023, 110042),
    Meaning.DUPLICATE: (110072, 170141, 12141, 10014),
    Meaning.GONE: (110001, 110008, 110010, 170139, 170142, 170143, 170190, 170213),
    Meaning.NOT_MODIFIED: (110025, 110026, 110027, 110043),
}


@pytest.mark.parametrize(("expected", "numbers"), CLASSES.items())
def test_the_table(expected: Meaning, numbers: tuple[int, ...]) -> None:
    assert {number: meaning(number) for number in numbers} == dict.fromkeys(numbers, expected)


@pytest.mark.parametrize("unknown", [1, 99999, 123456789, -7, 500])
def test_a_code_nobody_knows_refuses_nothing(unknown: int) -> None:
    assert meaning(unknown) is Meaning.UNCLEAR
    assert meaning(unknown) not in REFUSALS
    assert "not known here" in sentence(unknown, "what")


def test_what_is_unclear_is_no_refusal() -> None:
    assert not REFUSALS & {Meaning.UNCLEAR, Meaning.BUSY, Meaning.DUPLICATE, Meaning.OK, Meaning.NOT_MODIFIED}
    assert STOPS_EVERYTHING <= REFUSALS


def test_every_code_has_one_plain_sentence() -> None:
    for code in codes():
        said = sentence(code, "retMsg\x1b[31m\nwith " + "x" * 500)
        assert said.isprintable()
        assert len(said) < 450
        assert str(code) in said
    assert sentence(110007) == "the available balance is not enough (110007)"
