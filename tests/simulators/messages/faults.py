"""What can go wrong: on the wire, in the body, or in what the model says."""

import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct, structs

from simulators.messages.answers import Answer, with_text

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}

IN_PLACE_OF_A_STREAM = ("html_200", "foreign_json_200", "error_in_200", "deep")


class Fault(Struct, frozen=True):
    """One fault by name. `seconds` is for delay, drip (a byte each) and stall; the rest for `status`.

    On the wire: delay, drip, drop_before_headers, drop_mid_body, truncate_clean, stall, error_event (streams), status.
    In the body: bad_json, bad_utf8, html_200, foreign_json_200, error_in_200, huge, deep.
    In what is said: refusal, max_tokens, context_exceeded, nan, huge_number, dup_keys, text_number, true_number,
    extra_key, fenced, two_texts, wrong_echo, ungrounded, contradiction.
    """

    name: str
    seconds: float = 0.0
    status: int = 0
    retry_after: str = ""
    error_code: str = ""
    should_retry: str = ""


def said(fault: Fault, answer: Answer) -> Answer:
    """The answer as the fault would have the model say it."""
    match fault.name:
        case "refusal":
            details = {"type": "refusal", "category": "other", "explanation": "declined"}
            return Answer((), "refusal", answer.model, details)
        case "max_tokens":
            text = _text(answer)
            return structs.replace(with_text(answer, text[: len(text) // 2]), stop_reason="max_tokens")
        case "context_exceeded":
            return Answer((), "model_context_window_exceeded", answer.model)
        case "two_texts":
            return structs.replace(answer, content=(*answer.content, {"type": "text", "text": "And one more thing."}))
    change = _CHANGES.get(fault.name)
    return answer if change is None else with_text(answer, change(_text(answer)))


def body_bytes(fault: Fault | None, body: dict[str, Any]) -> tuple[bytes, str]:
    """The body with its content type."""
    raw, kind = json.dumps(body, ensure_ascii=False).encode(), "application/json"
    match fault.name if fault else "":
        case "bad_json" | "truncate_clean":
            return raw[: len(raw) // 2], kind
        case "bad_utf8":
            return raw.replace(b"end_turn", b"end\xff\xfeturn"), kind
        case "html_200":
            return b"<html><body>502 Bad Gateway</body></html>", "text/html"
        case "foreign_json_200":
            return b'{"hello":"world","items":[1,2,3]}', kind
        case "error_in_200":
            return b'{"error":{"code":502,"message":"provider returned error","metadata":{}}}', kind
        case "huge":
            return json.dumps({**body, "padding": "x" * 100_000}).encode(), kind
        case "deep":
            return b"[" * 30_000 + b"]" * 30_000, kind
    return raw, kind


def _text(answer: Answer) -> str:
    return next(block["text"] for block in answer.content if block["type"] == "text")


def _changed(**changes: Any) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), **changes})


_CHANGES: dict[str, Callable[[str], str]] = {
    "nan": _changed(confidence=float("nan")),
    "huge_number": lambda text: _changed(confidence=7777)(text).replace("7777", "1e400"),
    "dup_keys": lambda text: text.replace("{", '{"decision": "REJECT", ', 1),
    "text_number": _changed(confidence="0.7"),
    "true_number": _changed(size_factor=True),
    "extra_key": _changed(leverage=20),
    "fenced": lambda text: f"```json\n{text}\n```",
    "wrong_echo": _changed(symbol="DOGEUSDT.BINANCE"),
    "ungrounded": _changed(evidence=[{"path": "/market/whale_score", "value": "0.97"}]),
    "contradiction": _changed(decision="APPROVE", size_factor=0.5),
}
