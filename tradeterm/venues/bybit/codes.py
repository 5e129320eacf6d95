"""What Bybit's return codes mean here. Only the number decides; the text beside it is shown, never read."""

from enum import StrEnum

from tradeterm.venues.trouble import plain


class Meaning(StrEnum):
    """What follows from an answer. REFUSALS are definite: the request changed nothing."""

    OK = "OK"
    NOT_MODIFIED = "NOT_MODIFIED"
    """Everything was so already: success."""
    RATE = "RATE"
    CLOCK = "CLOCK"
    UNCLEAR = "UNCLEAR"
    """The request may or may not have taken effect. So may one whose code nobody here knows."""
    BUSY = "BUSY"
    """The order is being worked on: look, then ask again."""
    CREDENTIALS = "CREDENTIALS"
    ACCOUNT = "ACCOUNT"
    """The account, its owner's region or its state forbids it."""
    NOT_TRADABLE = "NOT_TRADABLE"
    """The instrument cannot be traded, at all or by this account; others can."""
    PARAMETERS = "PARAMETERS"
    FUNDS = "FUNDS"
    RISK = "RISK"
    REDUCE_ONLY = "REDUCE_ONLY"
    DUPLICATE = "DUPLICATE"
    """The first copy of the order lives."""
    GONE = "GONE"
    """The order is not open any more, or never was."""


REFUSALS = frozenset(
    {
        Meaning.RATE,
        Meaning.CLOCK,
        Meaning.CREDENTIALS,
        Meaning.ACCOUNT,
        Meaning.NOT_TRADABLE,
        Meaning.PARAMETERS,
        Meaning.FUNDS,
        Meaning.RISK,
        Meaning.REDUCE_ONLY,
        Meaning.GONE,
    }
)
"""The allow-list: only these end an order as refused."""

STOPS_EVERYTHING = frozenset({Meaning.CREDENTIALS, Meaning.ACCOUNT})
"""A person must act before anything can be sent."""

_TABLE: dict[Meaning, tuple[int | range, ...]] = {
    Meaning.OK: (0,),
    Meaning.NOT_MODIFIED: (110025, 110026, 110027, 110043, 34036, 34040),
    Meaning.RATE: (10006, 429, 10429, 20003, 170005, 170222),
    Meaning.CLOCK: (10002, -1),
    Meaning.UNCLEAR: (10000, 10016, 10019, 170001, 170007, 170032, 170146, 170147, 170234),
    Meaning.BUSY: (110079, 40004, 170191, 170212),
    Meaning.CREDENTIALS: (10003, 10004, 10005, 10007, 10009, 10010, 33004, -2015, 401),
    Meaning.ACCOUNT: (
        *(10008, 10020, 10024, 10027, 10028, 110088),
        *(110123, 110125, 110132, 170348, 403),
    ),
    Meaning.NOT_TRADABLE: (10029, 110066, 110074, 170209),
    Meaning.PARAMETERS: (
        *(10001, 10017, 110003, 110094, 110108, 110109, 110092, 110093, 7001, 12137, 3100116),
        *(range(170130, 170131), range(170132, 170139), 170140, 170148, 110064),
    ),
    Meaning.FUNDS: (
        *(110004, 110006, 110007, 110012, 110014, 110044, 110045, range(110051, 110054)),
        *(170131, 170033, 131001, 3200300),
    ),
    Meaning.RISK: (
        *(3400045, 110011, 110013, 110020, 110021, 110039, 110040, 110086, 110089, 110090, 110120, 110121),
        *(170371, 170372, 170810),
    ),
    Meaning.REDUCE_ONLY: (110017, 110023, 110042),
    Meaning.DUPLICATE: (110072, 170141, 12141, 10014),
    Meaning.GONE: (110001, 110008, 110010, 170139, 170142, 170143, 170190, 170213),
}

_MEANINGS: dict[int, Meaning] = {
    code: meaning
    for meaning, entries in _TABLE.items()
    for entry in entries
    for code in (entry if isinstance(entry, range) else (entry,))
}

_OWN: dict[int, str] = {
    10003: "Bybit does not know this API key: check the key, and that it was made for this environment "
    "(demo, testnet and mainnet each have their own)",
    10004: "Bybit does not accept the signature: check the secret, and that key and secret belong to this environment",
    10005: "the API key may not do this: give it the permission to trade contracts (orders and positions)",
    10007: "Bybit could not authenticate this API key: check the key, the secret and the environment",
    10009: "Bybit has banned this IP address: wait, and ask Bybit's support",
    10010: "the API key is bound to other IP addresses: add this one to the key at Bybit",
    33004: "the API key has expired: make a new one at Bybit",
    10024: "Bybit's compliance rules do not let this account trade: see Bybit's site",
    10028: "this account is not a unified trading account: upgrade it at Bybit",
    10020: "this account is not a unified trading account: upgrade it at Bybit",
    10006: "Bybit's rate limit was reached",
    10016: "Bybit is not working at the moment (maintenance or overload)",
    10000: "Bybit did not answer its own request in time",
    10019: "Bybit is restarting this service",
    3400045: "the margin mode could not be set",
    110017: "there is no position to reduce",
    110007: "the available balance is not enough",
    110012: "the available balance is not enough",
    110072: "an order with this client id exists already",
}

_PLAIN: dict[Meaning, str] = {
    Meaning.OK: "done",
    Meaning.NOT_MODIFIED: "it was so already",
    Meaning.RATE: "Bybit's rate limit was reached",
    Meaning.CLOCK: "Bybit finds this computer's clock wrong: set it by NTP",
    Meaning.UNCLEAR: "Bybit did not say whether it was done",
    Meaning.BUSY: "Bybit is still working on this order",
    Meaning.CREDENTIALS: "Bybit does not accept the API key",
    Meaning.ACCOUNT: "Bybit does not let this account do it",
    Meaning.NOT_TRADABLE: "this instrument cannot be traded at the moment",
    Meaning.PARAMETERS: "Bybit does not accept the order as it is",
    Meaning.FUNDS: "the balance is not enough",
    Meaning.RISK: "a risk limit of Bybit forbids it",
    Meaning.REDUCE_ONLY: "the order would not reduce a position",
    Meaning.DUPLICATE: "an order with this client id exists already",
    Meaning.GONE: "the order is not open any more",
}


def meaning(code: int) -> Meaning:
    """The meaning of a retCode; one that nobody here knows is UNCLEAR."""
    return _MEANINGS.get(code, Meaning.UNCLEAR)


def is_about_account(code: str) -> bool:
    """Whether a refusal's code says that key or account may not do it, whatever was asked."""
    return code.lstrip("-").isdigit() and meaning(int(code)) in STOPS_EVERYTHING


def may_be_about_orders_alone(code: str) -> bool:
    """Whether it is one of those that a key or account may get for orders while everything else is answered."""
    return code in ("10005", "401") or (
        is_about_account(code) and meaning(int(code)) is Meaning.ACCOUNT and code != "403"
    )


def sentence(code: int, message: object = "") -> str:
    """One plain sentence: what it means, then the venue's own words and its code."""
    known = _MEANINGS.get(code)
    base = "Bybit answered with a code that is not known here" if known is None else _OWN.get(code, _PLAIN[known])
    said = plain(str(message))
    return f"{base} ({code}: {said})" if said else f"{base} ({code})"


def codes() -> dict[int, Meaning]:
    """The whole table."""
    return dict(_MEANINGS)
