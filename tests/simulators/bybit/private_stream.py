"""The private stream: auth, subscriptions, heartbeat, pushes of what the account did. No snapshot, no replay."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from aiohttp import web

from simulators.bybit.clock import Clock
from simulators.bybit.exchange import Event
from simulators.bybit.faults import Faults
from simulators.bybit.model import Key, VenueError
from simulators.bybit.signing import check_stream
from simulators.bybit.socket import Connection, answer

TOPICS = ("order", "execution", "position", "wallet")
FAST = (
    "category",
    "symbol",
    "execId",
    "execPrice",
    "execQty",
    "orderId",
    "isMaker",
    "orderLinkId",
    "side",
    "execTime",
    "seq",
)


class PrivateStream:
    """Every private connection of the account."""

    def __init__(self, clock: Clock, keys: Mapping[str, Key], faults: Faults, new_id: Callable[[], str]) -> None:
        self.connections: list[Connection] = []
        self._clock, self._keys, self._faults, self._new_id = clock, keys, faults, new_id

    async def handle(self, request: web.Request) -> web.StreamResponse:
        connection = Connection(request, self._new_id())
        self.connections.append(connection)
        try:
            return await connection.serve(self._on_message)
        finally:
            self.connections.remove(connection)

    def _on_message(self, connection: Connection, body: dict[str, Any]) -> None:
        op = str(body.get("op", ""))
        if op == "ping":
            pong = {"op": "pong", "args": [str(self._clock.now_ms())], "conn_id": connection.conn_id}
            connection.send({"req_id": str(body.get("req_id", ""))} | pong)
        elif op == "auth":
            try:
                connection.key = check_stream(self._keys, body.get("args"), self._clock.now_ms())
            except VenueError as error:
                answer(connection, body, "auth", False, error.text)
            else:
                answer(connection, body, "auth", True)
        elif op in ("subscribe", "unsubscribe"):
            self._subscribe(connection, body, op)
        else:
            answer(connection, body, op, False, "Params Error")

    def _subscribe(self, connection: Connection, body: dict[str, Any], op: str) -> None:
        args = body.get("args")
        if connection.key is None:
            return answer(connection, body, op, False, "Request not authorized")
        if not isinstance(args, list) or not args:
            return answer(connection, body, op, False, "Params Error")
        bases = [str(arg).removesuffix(".linear").removesuffix(".fast") for arg in args]
        known = all(base in TOPICS or base.startswith(("dcp", "greeks")) for base in bases)
        mixed = len(set(bases)) != len(bases) and len({str(arg) for arg in args}) == len(bases)
        if not known or (mixed and "execution.fast" not in args):
            return answer(connection, body, op, False, f"error:handler not found,topic:{args[0]}")
        chosen = {str(arg) for arg in args}
        connection.topics = connection.topics | chosen if op == "subscribe" else connection.topics - chosen
        return answer(connection, body, op, True)

    def publish(self, events: list[Event]) -> None:
        """Push what changed: fills that follow each other in one message, each state of an order in its own."""
        numbered = enumerate(self._faults.batch(events))
        for (topic, _), group in groupby(numbered, key=lambda e: (e[1][0], e[0] if e[1][0] == "order" else 0)):
            data = [row for _, (_, row) in group]
            if self._faults.silent("private"):
                continue
            for delay in self._faults.deliveries(topic):
                self._send(topic, data, delay)

    def _send(self, topic: str, data: list[dict[str, Any]], delay: float) -> None:
        now = self._clock.now_ms()
        for connection in self.connections:
            for name in (topic, f"{topic}.linear"):
                if name in connection.topics:
                    connection.send({"id": self._new_id(), "topic": name, "creationTime": now, "data": data}, delay)
            if topic == "execution" and "execution.fast" in connection.topics:
                fast = [{k: row[k] for k in FAST} | ({"orderLinkId": ""} if row["isMaker"] else {}) for row in data]
                message = {"topic": "execution.fast", "creationTime": now, "data": fast}
                connection.send(message, delay)

    def drop(self) -> None:
        """Cut every connection."""
        for connection in list(self.connections):
            connection.drop()
