"""Configurations for Bybit whose addresses lead nowhere, or to a simulator."""

NOWHERE = "http://127.0.0.1:9"


def bybit_config(
    *,
    mode: str = "live",
    environment: str = "mainnet",
    venue: str = "bybit",
    rest: str = NOWHERE,
    public: str = "",
    private: str = "",
    more: str = "",
) -> str:
    """A small configuration file: one book on two perpetuals."""
    return f"""\
mode = "{mode}"

[books.crypto]
strategy = "eos"
venue = "{venue}"
instruments = ["BTCUSDT.BYBIT", "ETHUSDT.BYBIT"]
capital = 1000.0

[feed]
kind = "bybit"

[venues.bybit]
environment = "{environment}"
rest_url = "{rest}"
public_url = "{public or rest.replace("http", "ws") + "/v5/public/linear"}"
private_url = "{private or rest.replace("http", "ws") + "/v5/private"}"
{more}"""
