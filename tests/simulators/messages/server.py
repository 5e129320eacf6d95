"""The server: plain asyncio, keep-alive, a log of all requests, and a script of what to answer."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Self

from msgspec import Struct

from simulators.messages.answers import Answer, chunk_bytes, chunks, completion, event_bytes, events, message
from simulators.messages.faults import ERROR_TYPES, IN_PLACE_OF_A_STREAM, Fault, body_bytes, said
from simulators.messages.policy import policy
from simulators.messages.strictness import (
    NEWEST,
    OLDER,
    Refused,
    as_messages,
    check_completion,
    check_headers,
    check_message,
)

_LARGEST = 32_000_000
Answering = Callable[[dict[str, Any]], Answer]
Sent = tuple[int, dict[str, str], bytes]


class Request(Struct, frozen=True):
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Step(Struct, frozen=True):
    """The answer to one request (None: by policy), what goes wrong with it, and which requests it is for."""

    answer: Answer | None = None
    fault: Fault | None = None
    when: Callable[[Request], bool] | None = None


class MessagesServer:
    """`async with MessagesServer() as server`: `server.url` is the base address of every client.

    `script` says what comes next; a request that no step is for is answered by `answering`. `requests` holds all that
    came, also those that were refused.
    """

    def __init__(self, answering: Answering = policy) -> None:
        self.requests: list[Request] = []
        self._answering = answering
        self._steps: deque[Step] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0
        self._arrival = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_LARGEST)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def script(self, *steps: Step | Answer | Fault) -> None:
        for step in steps:
            match step:
                case Answer():
                    self._steps.append(Step(answer=step))
                case Fault():
                    self._steps.append(Step(fault=step))
                case Step():
                    self._steps.append(step)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies of the requests for an answer, in order."""
        return [request.body for request in self.requests if request.path.endswith(("/messages", "/completions"))]

    async def came(self, number: int) -> None:
        """Returns when so many requests have come."""
        while len(self.requests) < number:
            self._arrival.clear()
            await self._arrival.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (request := await _read(reader)) is not None and await self._reply(request, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False ends the connection."""
        self.requests.append(request)
        self._arrival.set()
        self._number += 1
        try:
            return await self._route(request, writer)
        except Refused as refused:
            await _send(writer, self._error(Fault("status", status=refused.status), str(refused)))
            return True

    async def _route(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        path = request.path.partition("?")[0]
        openai = path.endswith("/chat/completions")
        check_headers(request.headers, version=not openai)
        if request.method == "GET" and path.endswith("/v1/models"):
            data = [{"id": name, "type": "model", "display_name": name} for name in (*NEWEST, *OLDER)]
            return await _send(writer, self._json({"data": data, "has_more": False}))
        if request.method != "POST" or not (openai or path.endswith(("/v1/messages", "/v1/messages/count_tokens"))):
            raise Refused(404, f"{request.method} {path}")
        if openai:
            check_completion(request.body)
        else:
            check_message({"max_tokens": 1, **request.body} if path.endswith("count_tokens") else request.body)
        if path.endswith("count_tokens"):
            return await _send(writer, self._json({"input_tokens": len(json.dumps(request.body)) // 4}))
        return await self._answer(request, self._step(request), writer, openai=openai)

    def _step(self, request: Request) -> Step:
        for step in self._steps:
            if step.when is None or step.when(request):
                self._steps.remove(step)
                return step
        return Step()

    async def _answer(self, request: Request, step: Step, writer: asyncio.StreamWriter, *, openai: bool) -> bool:
        fault = step.fault
        if fault is not None and fault.name == "delay":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.name == "drop_before_headers":
            return False
        if fault is not None and fault.name == "status":
            return await _send(writer, self._error(fault, "the fault that was asked for"))
        answer = step.answer or self._answering(as_messages(request.body) if openai else request.body)
        if fault is not None:
            answer = said(fault, answer)
        if request.body.get("stream") and fault is not None and fault.name in IN_PLACE_OF_A_STREAM:
            raw, kind = body_bytes(fault, {})
            return await _send(writer, (200, {"content-type": kind, **self._headers()}, raw))
        if request.body.get("stream") and openai:
            pieces = [chunk_bytes(chunk) for chunk in chunks(answer, request.body, self._number)]
            failed = chunk_bytes({"error": {"code": 502, "message": "provider returned error"}})
            return await self._stream(writer, [*pieces, b"data: [DONE]\n\n"], failed, fault)
        if request.body.get("stream"):
            pieces = [event_bytes(event) for event in events(answer, request.body, self._number)]
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return await self._stream(writer, pieces, event_bytes(error), fault)
        shape = completion if openai else message
        raw, kind = body_bytes(fault, shape(answer, request.body, self._number))
        return await _send(writer, (200, {"content-type": kind, **self._headers()}, raw), fault)

    async def _stream(
        self, writer: asyncio.StreamWriter, pieces: list[bytes], failed: bytes, fault: Fault | None
    ) -> bool:
        """Server-sent events in chunks that also split characters; a fault strikes in the middle, `failed` is the
        provider's own."""
        head = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **self._headers()}
        writer.write(_head(200, head))
        half, name = len(pieces) // 2, fault.name if fault else ""
        for at, piece in enumerate(pieces):
            if at == half and name in ("drop_mid_body", "truncate_clean", "stall", "error_event"):
                if name == "error_event":
                    await _chunks(writer, [failed])
                if name == "stall" and fault is not None:
                    await asyncio.sleep(fault.seconds)
                if name == "drop_mid_body":
                    return False
                break
            await _chunks(writer, _cut(piece))
            if name == "drip" and fault is not None:
                await asyncio.sleep(fault.seconds)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _json(self, body: dict[str, Any]) -> Sent:
        return 200, {"content-type": "application/json", **self._headers()}, json.dumps(body).encode()

    def _error(self, fault: Fault, text: str) -> Sent:
        kind = ERROR_TYPES.get(fault.status, "api_error" if fault.status >= 500 else "invalid_request_error")
        error: dict[str, Any] = {"type": kind, "message": text}
        if fault.error_code:
            error["details"] = {"error_code": fault.error_code}
        headers = {"content-type": "application/json", **self._headers()}
        headers |= {"retry-after": fault.retry_after} if fault.retry_after else {}
        headers |= {"x-should-retry": fault.should_retry} if fault.should_retry else {}
        body = {"type": "error", "error": error, "request_id": headers["request-id"]}
        return fault.status, headers, json.dumps(body).encode()

    def _headers(self) -> dict[str, str]:
        limits = {
            f"anthropic-ratelimit-{what}-{part}": value
            for what in ("requests", "input-tokens", "output-tokens")
            for part, value in (("limit", "1000"), ("remaining", "999"), ("reset", "2026-11-20T00:00:00Z"))
        }
        return {"request-id": f"req_{self._number:06}", **limits}


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(raw) if raw else {})


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode("latin-1")


async def _send(writer: asyncio.StreamWriter, sent: Sent, fault: Fault | None = None) -> bool:
    """Write an answer with its length; False after a fault that ends the connection."""
    status, headers, raw = sent
    writer.write(_head(status, {**headers, "content-length": str(len(raw))}))
    match fault.name if fault else "":
        case "drop_mid_body":
            writer.write(raw[: len(raw) // 2])
            await writer.drain()
            return False
        case "stall":
            assert fault is not None
            writer.write(raw[: len(raw) // 2])
            await writer.drain()
            await asyncio.sleep(fault.seconds)
            writer.write(raw[len(raw) // 2 :])
        case "drip":
            assert fault is not None
            for byte in raw:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(fault.seconds)
        case _:
            writer.write(raw)
    await writer.drain()
    return True


async def _chunks(writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()


def _cut(piece: bytes) -> list[bytes]:
    """In three, wherever that falls."""
    size = max(1, len(piece) // 3)
    return [piece[at : at + size] for at in range(0, len(piece), size)]
