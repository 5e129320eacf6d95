"""The Messages API of the tests, through the real SDK: as strict, as chatty and as broken as the real one."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest

from simulators.messages import Fault, MessagesServer, Step, text_answer, tool_answer

ASK: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Wie geht's, 世界?"}],
}


@pytest.fixture
async def server() -> AsyncIterator[MessagesServer]:
    async with MessagesServer() as running:
        yield running


@pytest.fixture
async def client(server: MessagesServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    plain = httpx2.AsyncClient(trust_env=False)
    async with anthropic.AsyncAnthropic(
        api_key="sk-test-1", base_url=server.url, max_retries=0, http_client=plain, timeout=5.0
    ) as made:
        yield made


async def test_a_message_and_its_ids(server: MessagesServer, client: anthropic.AsyncAnthropic) -> None:
    server.script(text_answer("Gut. 世界!", thinking="hm"))
    found = await client.messages.create(**ASK)
    assert [block.type for block in found.content] == ["thinking", "text"]
    assert (found.stop_reason, found.model, found._request_id) == ("end_turn", "claude-sonnet-5-5", "req_000001")
    assert found.usage.output_tokens > 0
    assert (await client.messages.count_tokens(model=ASK["model"], messages=ASK["messages"])).input_tokens > 0
    assert "claude-sonnet-5-5" in [model.id async for model in client.models.list()]


async def test_a_stream_split_anywhere(server: MessagesServer, client: anthropic.AsyncAnthropic) -> None:
    server.script(text_answer("Grüße aus 東京 🗼 und zurück", thinking="erst denken"))
    async with client.messages.stream(**ASK) as stream:
        pieces = [piece async for piece in stream.text_stream]
        final = await stream.get_final_message()
    assert "".join(pieces) == "Grüße aus 東京 🗼 und zurück"
    assert len(pieces) > 3
    assert (final.stop_reason, final.content[0].type) == ("end_turn", "thinking")


async def test_a_tool_and_its_result(server: MessagesServer, client: anthropic.AsyncAnthropic) -> None:
    server.script(tool_answer(("get_market", {"symbol": "BTC", "名": [1, 2.5]}), text="Looking."), text_answer("Done."))
    async with client.messages.stream(**ASK) as stream:
        first = await stream.get_final_message()
    call = first.content[1]
    assert (first.stop_reason, call.input) == ("tool_use", {"symbol": "BTC", "名": [1, 2.5]})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "84250.5"}
    turns = [*ASK["messages"], {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = await client.messages.create(**{**ASK, "messages": turns})
    assert second.content[0].text == "Done."


OBJECT = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"], "additionalProperties": False}
BOUND = {**OBJECT, "properties": {"n": {"type": "number", "maximum": 1}}}
TOOL = {"name": "t", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"extra_body": {"temperature": 0}}, 400),
        ({"extra_body": {"top_p": 1}}, 400),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "t"}}, 400),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, 400),
        ({"thinking": {"type": "disabled"}}, 400),
        ({"model": "claude-haiku-5-5", "thinking": {"type": "between_tools"}}, 400),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}]}, 400),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}]}
                ]
            },
            400,
        ),
        ({"model": "claude-3-opus"}, 404),
        ({"output_config": {"format": {"type": "json_schema", "schema": BOUND}}}, 400),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}, 400),
    ],
)
async def test_what_the_real_one_refuses(client: anthropic.AsyncAnthropic, more: dict[str, Any], status: int) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(**{**ASK, **more})
    assert caught.value.status_code == status


async def test_what_it_takes(client: anthropic.AsyncAnthropic) -> None:
    form = {"effort": "low", "format": {"type": "json_schema", "schema": OBJECT}}
    await client.messages.create(**ASK, thinking={"type": "between_tools"}, output_config=form)
    older = {**ASK, "model": "claude-sonnet-5"}
    await client.messages.create(**older, tools=[TOOL], tool_choice={"type": "any"})


async def test_a_key_and_a_version_are_needed(server: MessagesServer) -> None:
    async with httpx2.AsyncClient(trust_env=False) as plain:
        url = f"{server.url}/v1/messages"
        assert (await plain.post(url, json=ASK)).status_code == 401
        assert (await plain.post(url, json=ASK, headers={"authorization": "Bearer k"})).status_code == 400
        both = {"authorization": "Bearer k", "anthropic-version": "2026-10-21"}
        assert (await plain.get(url, headers=both)).status_code == 404


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
    ],
)
async def test_errors(
    server: MessagesServer, client: anthropic.AsyncAnthropic, status: int, kind: type[anthropic.APIStatusError]
) -> None:
    server.script(Fault("status", status=status, retry_after="7", error_code="enforced_spend_limit_reached"))
    with pytest.raises(kind) as caught:
        await client.messages.create(**ASK)
    assert caught.value.response.headers["retry-after"] == "7"
    assert (caught.value.request_id, caught.value.error_code) == ("req_000001", "enforced_spend_limit_reached")


@pytest.mark.parametrize("name", ["drop_before_headers", "drop_mid_body"])
async def test_drops(server: MessagesServer, client: anthropic.AsyncAnthropic, name: str) -> None:
    server.script(Fault(name))
    with pytest.raises(anthropic.APIConnectionError):
        await client.messages.create(**ASK)
    assert (await client.messages.create(**ASK)).stop_reason == "end_turn"


async def test_a_stream_that_breaks(server: MessagesServer, client: anthropic.AsyncAnthropic) -> None:
    long = text_answer("word " * 200)
    server.script(Step(long, Fault("drop_mid_body")))
    with pytest.raises((httpx2.RemoteProtocolError, anthropic.APIConnectionError)):
        await drained(client)
    server.script(Step(long, Fault("error_event")))
    with pytest.raises(anthropic.APIStatusError) as caught:
        await drained(client)
    assert caught.value.type == "overloaded_error"
    server.script(Step(long, Fault("truncate_clean")))
    assert (await drained(client)).stop_reason is None


async def drained(client: anthropic.AsyncAnthropic) -> anthropic.types.Message:
    async with client.messages.stream(**ASK) as stream:
        return await stream.get_final_message()


async def test_a_step_may_wait_for_its_request(server: MessagesServer, client: anthropic.AsyncAnthropic) -> None:
    server.script(Step(text_answer("b"), when=lambda request: "second" in json.dumps(request.body)))
    first = await client.messages.create(**ASK)
    second = await client.messages.create(**{**ASK, "messages": [{"role": "user", "content": "the second"}]})
    assert "simulated AI" in first.content[0].text
    assert second.content[0].text == "b"
    assert [request.path for request in server.requests] == ["/v1/messages"] * 2
