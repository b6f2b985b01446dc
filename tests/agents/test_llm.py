"""The door to the model: what comes back is a chat completion, or a reason why not."""

import pytest

from agents import llm
from agents.analyst import planner
from agents.choices import RunReason
from agents.errors import ModelError
from agents.functions import catalogue
from agents.llm import ModelAnswer
from tests.agents.model_server import Answer, Script, completion, serving

MESSAGES = [{"role": "system", "content": "Assess."}, {"role": "user", "content": "This."}]


@pytest.fixture(autouse=True)
def _retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai._base_client.SyncAPIClient._sleep_for_retry", lambda *_, **__: None)


def ask(script: Script, *, timeout: float = 5) -> ModelAnswer:
    with serving(script, timeout=timeout), llm.connect() as model:
        return model.complete(messages=MESSAGES, tools=catalogue.tools())


def refused(script: Script, *, timeout: float = 5) -> ModelError:
    with pytest.raises(ModelError) as error:
        ask(script, timeout=timeout)
    return error.value


def test_an_answer_in_words() -> None:
    answer = ask(lambda _: completion("Hello."))
    assert (answer.content, answer.tool_calls, answer.finish_reason, answer.tokens) == (
        "Hello.",
        (),
        "stop",
        10,
    )
    assert answer.response["model"] == "scripted"
    assert answer.request["messages"] == MESSAGES


def test_an_answer_with_function_calls() -> None:
    answer = ask(
        lambda _: completion(calls=[("open_ticket", "{}"), ("rm", "-rf")], finish_reason="tool_calls")
    )
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("call_0", "open_ticket", "{}"),
        ("call_1", "rm", "-rf"),
    ]


def test_the_request_is_what_the_protocol_says() -> None:
    with serving(lambda _: completion("Hello.")) as server, llm.connect() as model:
        model.complete(messages=MESSAGES, tools=catalogue.tools())
    assert server.requests == [{"model": "scripted", "messages": MESSAGES, "tools": catalogue.tools()}]
    assert server.headers[0]["authorization"] == "Bearer key-of-the-test"


def test_tokens_are_estimated_where_none_are_reported() -> None:
    document = b'{"choices": [{"message": {"content": "Hello."}}]}'
    assert ask(lambda _: Answer(document)).tokens > len(document) // 4


def test_what_a_database_cannot_store_is_left_out() -> None:
    answer = ask(lambda _: completion("a\0b\ud800", calls=[("\0", '{"a": "\ud800"}')]))
    assert answer.content == "ab\N{REPLACEMENT CHARACTER}"
    assert answer.tool_calls[0].arguments == '{"a": "\N{REPLACEMENT CHARACTER}"}'


GARBAGE = {
    "nothing": b"",
    "words": b"I am a teapot",
    "half": b'{"choices": [{"message": {"content": "Hel',
    "null": b"null",
    "list": b"[]",
    "no choices": b'{"choices": []}',
    "choices missing": b'{"id": "1"}',
    "choice is text": b'{"choices": ["Hello."]}',
    "message is text": b'{"choices": [{"message": "Hello."}]}',
    "content is a list": b'{"choices": [{"message": {"content": ["Hello."]}}]}',
    "arguments are an object": (
        b'{"choices": [{"message": {"tool_calls": [{"id": "1", "type": "function", '
        b'"function": {"name": "open_ticket", "arguments": {}}}]}}]}'
    ),
    "call without an id": (
        b'{"choices": [{"message": {"tool_calls": [{"type": "function", '
        b'"function": {"name": "open_ticket", "arguments": "{}"}}]}}]}'
    ),
    "negative tokens": b'{"choices": [{"message": {"content": "a"}}], "usage": {"total_tokens": -5}}',
    "endless tokens": b'{"choices": [{"message": {"content": "a"}}], "usage": {"total_tokens": 9999999999}}',
    "not a number": b'{"choices": [{"message": {"content": "a"}}], "usage": {"total_tokens": NaN}}',
    "deep": b'{"choices": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "not UTF-8": b'{"choices": [{"message": {"content": "\xff\xfe"}}]}',
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in GARBAGE.items()])
def test_garbage_is_named_as_such(body: bytes) -> None:
    assert refused(lambda _: Answer(body)).reason == RunReason.MODEL_NONSENSE


def test_an_endless_answer_is_cut_off() -> None:
    error = refused(lambda _: completion("A" * 10_000_000))
    assert error.reason == RunReason.MODEL_NONSENSE
    assert str(llm.MAX_ANSWER_BYTES) in error.message


@pytest.mark.parametrize(
    ("status", "reason", "temporary"),
    [
        (400, RunReason.MODEL_REFUSED, False),
        (401, RunReason.MODEL_REFUSED, False),
        (404, RunReason.MODEL_REFUSED, False),
        (302, RunReason.MODEL_REFUSED, False),
        (429, RunReason.MODEL_REFUSED, True),
        (500, RunReason.MODEL_UNREACHABLE, True),
        (503, RunReason.MODEL_UNREACHABLE, True),
    ],
)
def test_a_refusal_says_whether_trying_again_helps(
    status: int,
    reason: RunReason,
    temporary: bool,  # noqa: FBT001
) -> None:
    error = refused(lambda _: Answer(b'{"error": "secret words of the server"}', status=status))
    assert (error.reason, error.temporary) == (reason, temporary)
    assert str(status) in error.message
    assert "secret words" not in error.message


def test_an_outage_of_a_moment_is_overcome() -> None:
    answers = iter([Answer(b"{}", status=500), completion("Hello.")])
    assert ask(lambda _: next(answers)).content == "Hello."


def test_silence_ends_at_the_timeout() -> None:
    error = refused(lambda _: Answer(hang=True), timeout=0.2)
    assert error.reason == RunReason.MODEL_TIMEOUT


def test_a_server_that_hangs_up_is_unreachable() -> None:
    error = refused(lambda _: Answer(b'{"choices": [', drop=True), timeout=0.5)
    assert error.reason in {RunReason.MODEL_UNREACHABLE, RunReason.MODEL_TIMEOUT}


def test_nobody_at_the_address_is_unreachable(settings: object) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"  # type: ignore[attr-defined]
    settings.OPENAI_MODEL = "scripted"  # type: ignore[attr-defined]
    with pytest.raises(ModelError) as error, llm.connect() as model:
        model.complete(messages=MESSAGES, tools=[])
    assert error.value.reason == RunReason.MODEL_UNREACHABLE


def test_the_model_is_named_by_host_without_what_the_url_hides(settings: object) -> None:
    settings.OPENAI_BASE_URL = "https://user:secret@llm.example.org/v1"  # type: ignore[attr-defined]
    settings.OPENAI_MODEL = "large-1"  # type: ignore[attr-defined]
    assert llm.identity().label == "large-1 at llm.example.org"


def test_without_a_model_the_planner_says_what_it_is() -> None:
    identity = llm.identity()
    assert (identity.name, identity.label) == (planner.NAME, planner.LABEL)
    assert "not a language model" in identity.label
