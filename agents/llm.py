"""The one door to a language model: the OpenAI chat-completions protocol through the `openai` SDK.

Everything that comes back is untrusted (promise 8): the answer is capped in bytes and seconds, read as
strict JSON, and must be a chat completion. Without a configured model the embedded planner answers, over
the same path.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import httpx2
import openai
from django.conf import settings
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents import outbound, strict_json
from agents.analyst import planner
from agents.choices import RunReason
from agents.errors import ModelError

# An answer goes whole into the ledger's body, which takes 1 MiB of JSON with its escapes.
MAX_ANSWER_BYTES = 128 * 1024
MAX_TOKENS_REPORTED = 10_000_000
MAX_RETRIES = 1
CHARACTERS_A_TOKEN = 4
TOO_MANY_REQUESTS, SERVER_ERRORS = 429, 500


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model answers. `label` is what people read."""

    provider: str
    name: str
    version: str
    label: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model asks for; `arguments` is JSON text, unchecked."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One answer. `request` and `response` are what was sent and what came, as JSON that can be stored."""

    content: str
    refusal: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    tokens: int
    milliseconds: int
    request: dict[str, Any]
    response: dict[str, Any]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _FunctionWire(_Wire):
    name: str
    arguments: str


class _ToolCallWire(_Wire):
    id: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["function"]
    function: _FunctionWire


class _MessageWire(_Wire):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCallWire] | None = None


class _ChoiceWire(_Wire):
    finish_reason: Annotated[str, Field(max_length=50)] | None = None
    message: _MessageWire


class _UsageWire(_Wire):
    total_tokens: Annotated[int, Field(ge=0, le=MAX_TOKENS_REPORTED)]


class _CompletionWire(_Wire):
    choices: Annotated[list[_ChoiceWire], Field(min_length=1)]
    usage: _UsageWire | None = None


def identity() -> Identity:
    """The model that the settings name."""
    if not settings.OPENAI_BASE_URL:
        return Identity("countersign", planner.NAME, planner.VERSION, planner.LABEL)
    host = urlsplit(settings.OPENAI_BASE_URL).hostname or ""
    return Identity(host, settings.OPENAI_MODEL, "", f"{settings.OPENAI_MODEL} at {host}")


class Model:
    """An open connection to the model; see `connect`."""

    def __init__(self, client: openai.OpenAI) -> None:
        self._client = client

    def complete(self, *, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> ModelAnswer:
        """Ask once.

        Raises:
            ModelError: unreachable, too slow, refused, or not a chat completion.
        """
        started = time.monotonic()
        request = {"model": identity().name, "messages": list(messages), "tools": list(tools)}
        content = self._post(request)
        milliseconds = int((time.monotonic() - started) * 1000)
        response, completion = _read(content)
        choice = completion.choices[0]
        calls = tuple(
            ToolCall(*map(strict_json.storable_text, (call.id, call.function.name, call.function.arguments)))
            for call in choice.message.tool_calls or ()
        )
        return ModelAnswer(
            content=strict_json.storable_text(choice.message.content or ""),
            refusal=strict_json.storable_text(choice.message.refusal or ""),
            tool_calls=calls,
            finish_reason=strict_json.storable_text(choice.finish_reason or ""),
            tokens=_tokens(completion, request, content),
            milliseconds=milliseconds,
            request=strict_json.storable(request),
            response=response,
        )

    def _post(self, request: dict[str, Any]) -> bytes:
        messages: list[ChatCompletionMessageParam] = request["messages"]
        tools: list[ChatCompletionToolParam] = request["tools"]
        try:
            raw = self._client.chat.completions.with_raw_response.create(
                model=request["model"], messages=messages, tools=tools
            )
        except openai.APITimeoutError as error:
            message = f"The model did not answer within {settings.MODEL_TIMEOUT_SECONDS} seconds."
            raise ModelError(RunReason.MODEL_TIMEOUT, message, temporary=True) from error
        except openai.APIConnectionError as error:
            raise _connection_error(error) from error
        except openai.APIStatusError as error:
            raise _status_error(error.status_code) from error
        except openai.OpenAIError as error:
            message = "The model's server answered with what is not a chat completion."
            raise ModelError(RunReason.MODEL_NONSENSE, message, temporary=True) from error
        return raw.content


@contextmanager
def connect() -> Iterator[Model]:
    """The model that the settings name, for as long as the block lasts."""
    with (
        _http_client() as http_client,
        openai.OpenAI(
            base_url=settings.OPENAI_BASE_URL or planner.BASE_URL,
            # The SDK wants some text; servers without keys ignore it.
            api_key=settings.OPENAI_API_KEY or "none",
            timeout=settings.MODEL_TIMEOUT_SECONDS,
            max_retries=MAX_RETRIES,
            http_client=http_client,
        ) as client,
    ):
        yield Model(client)


def _http_client() -> httpx2.Client:
    if not settings.OPENAI_BASE_URL:
        return httpx2.Client(transport=planner.PlannerTransport())
    return outbound.client(
        timeout_seconds=settings.MODEL_TIMEOUT_SECONDS,
        trusted_origins=[settings.OPENAI_BASE_URL],
        max_bytes=MAX_ANSWER_BYTES,
    )


def _read(content: bytes) -> tuple[dict[str, Any], _CompletionWire]:
    try:
        document = strict_json.loads(content)
        completion = _CompletionWire.model_validate(document)
    except (strict_json.StrictJSONError, ValidationError) as error:
        message = "The model's server answered with what is not a chat completion."
        raise ModelError(RunReason.MODEL_NONSENSE, message, temporary=True) from error
    return strict_json.storable(document), completion


def _tokens(completion: _CompletionWire, request: dict[str, Any], content: bytes) -> int:
    """As reported; estimated where the server reports none, so that the cap holds all the same."""
    if completion.usage is not None:
        return completion.usage.total_tokens
    return (len(json.dumps(request)) + len(content)) // CHARACTERS_A_TOKEN


def _connection_error(error: openai.APIConnectionError) -> ModelError:
    cause = error.__cause__
    if isinstance(cause, outbound.AnswerError):
        return ModelError(RunReason.MODEL_NONSENSE, cause.message, temporary=False)
    message = f"The model's server could not be reached, or hung up: {cause or error}."
    return ModelError(RunReason.MODEL_UNREACHABLE, message, temporary=True)


def _status_error(status: int) -> ModelError:
    """Say what the status means; the server's own words are not repeated."""
    if status >= SERVER_ERRORS:
        reason, mend = RunReason.MODEL_UNREACHABLE, "Try again later."
    elif status == TOO_MANY_REQUESTS:
        reason, mend = RunReason.MODEL_REFUSED, "It limits how often it may be asked: try again later."
    elif status in {401, 403}:
        # The words of S0-9.
        reason, mend = RunReason.MODEL_REFUSED, "Authentication failed - check OPENAI_API_KEY."
    else:
        reason, mend = RunReason.MODEL_REFUSED, "Check OPENAI_BASE_URL and OPENAI_MODEL."
    temporary = status >= SERVER_ERRORS or status == TOO_MANY_REQUESTS
    return ModelError(reason, f"The model's server answered with HTTP {status}. {mend}", temporary=temporary)
