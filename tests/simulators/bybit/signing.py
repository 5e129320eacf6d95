"""Who asks, and may they: signature, clock, rights, in the order the venue checks them."""

import hashlib
import hmac
from collections.abc import Mapping

from simulators.bybit.model import Key, VenueError

AHEAD_MS = 1000  # how far a client's clock may be fast
MAX_WINDOW_MS = 60_000


def sign(secret: str, message: str) -> str:
    """Lowercase hex of HMAC-SHA256."""
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def check_request(
    keys: Mapping[str, Key], headers: Mapping[str, str], payload: str, now_ms: int, address: str, right: str | None
) -> Key:
    """The key that signed a request; `payload` is the query string or body exactly as sent. `right` None: reading."""
    name = headers.get("X-BAPI-API-KEY", "")
    stamp, window = headers.get("X-BAPI-TIMESTAMP", ""), headers.get("X-BAPI-RECV-WINDOW", "5000")
    key = keys.get(name)
    if key is None:
        raise VenueError(10003, "API key is invalid.")
    if not (stamp.isascii() and stamp.isdigit() and window.isascii() and window.isdigit()):
        raise VenueError(10001, "params error: timestamp or recv_window invalid")
    low, high = now_ms - min(int(window), MAX_WINDOW_MS), now_ms + AHEAD_MS
    if not low <= int(stamp) < high:
        raise VenueError(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window}]",
        )
    wanted = sign(key.secret, f"{stamp}{name}{headers.get('X-BAPI-RECV-WINDOW', '')}{payload}")
    if not hmac.compare_digest(wanted, headers.get("X-BAPI-SIGN", "")):
        raise VenueError(10004, "error sign! please check your signature generation algorithm.")
    if key.expired:
        raise VenueError(33004, "Your api key has expired.")
    if key.ips and address not in key.ips:
        raise VenueError(10010, "Unmatched IP, please check your API key's bound IP addresses.")
    if right is not None and (key.read_only or right not in key.permissions):
        raise VenueError(10005, "Permission denied, please check your API key permissions.")
    return key


def check_stream(keys: Mapping[str, Key], args: object, now_ms: int) -> Key:
    """The key of `{"op":"auth","args":[key, expires, signature]}`."""
    if not isinstance(args, list) or len(args) != 3:
        raise VenueError(10001, "Params Error")
    key = keys.get(str(args[0]))
    if key is None:
        raise VenueError(10003, "Invalid apikey")
    if not str(args[1]).isdigit() or int(args[1]) <= now_ms:
        raise VenueError(10002, "Params Error: expires is in the past")
    if not hmac.compare_digest(sign(key.secret, f"GET/realtime{args[1]}"), str(args[2])):
        raise VenueError(10004, "Invalid sign")
    if key.expired:
        raise VenueError(33004, "Your api key has expired.")
    return key
