"""Where Bybit is, and whether money is real there."""

from urllib.parse import urlsplit

from msgspec import Struct

from tradeterm.config import BybitConfig, Environment
from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError

_REST = {
    Environment.DEMO: "https://api-demo.bybit.com",
    Environment.TESTNET: "https://api-testnet.bybit.com",
    Environment.MAINNET: "https://api.bybit.com",
}
_PUBLIC = {
    Environment.DEMO: "wss://stream.bybit.com/v5/public/linear",
    Environment.TESTNET: "wss://stream-testnet.bybit.com/v5/public/linear",
    Environment.MAINNET: "wss://stream.bybit.com/v5/public/linear",
}
_PRIVATE = {
    Environment.DEMO: "wss://stream-demo.bybit.com/v5/private",
    Environment.TESTNET: "wss://stream-testnet.bybit.com/v5/private",
    Environment.MAINNET: "wss://stream.bybit.com/v5/private",
}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Endpoints(Struct, frozen=True, kw_only=True):
    """Addresses without a trailing slash. `public_rest` serves market data, `rest` takes signed requests."""

    environment: Environment
    rest: str
    public_rest: str
    public: str
    private: str
    real_money: bool


def endpoints(config: BybitConfig) -> Endpoints:
    """The addresses of that configuration. Raises ConfigError for a URL that is none."""
    environment = config.environment
    for key, scheme in (("rest_url", "http"), ("public_url", "ws"), ("private_url", "ws")):
        _check_url(key, getattr(config, key), scheme)
    rest = config.rest_url.rstrip("/")
    market = _REST[Environment.TESTNET if environment is Environment.TESTNET else Environment.MAINNET]
    return Endpoints(
        environment=environment,
        rest=rest or _REST[environment],
        public_rest=rest or market,
        public=config.public_url.rstrip("/") or _PUBLIC[environment],
        private=config.private_url.rstrip("/") or _PRIVATE[environment],
        real_money=environment is Environment.MAINNET or bool(doubtful_url(config)),
    )


def doubtful_url(config: BybitConfig) -> str:
    """The key of an address of one's own that may lead to the real venue, whatever the environment says; a loopback
    one or the demo and test hosts do not. "" where there is none."""
    for key, hosts in (("rest_url", _REST), ("private_url", _PRIVATE)):
        url = getattr(config, key)
        play = {urlsplit(hosts[known]).hostname for known in (Environment.DEMO, Environment.TESTNET)}
        if url and urlsplit(url).hostname not in {*_LOOPBACK, *play}:
            return key
    return ""


def _check_url(key: str, url: str, scheme: str) -> None:
    parts = urlsplit(url)
    secure = parts.scheme == scheme + "s" or (parts.scheme == scheme and parts.hostname in _LOOPBACK)
    if url and not (secure and parts.hostname):
        raise ConfigError(
            f"venues.bybit.{key}: found {show(url)}, allowed {scheme}s://HOST or {scheme}://127.0.0.1:PORT"
        )
