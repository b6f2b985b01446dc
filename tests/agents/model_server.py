"""An OpenAI-compatible server on loopback that answers as a test scripts it."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.test import override_settings

Script = Callable[[dict[str, Any]], "Answer"]


@dataclass
class Answer:
    """What the server does with one request. `hang`: it answers nothing; `drop`: it hangs up halfway."""

    body: bytes = b""
    status: int = 200
    hang: bool = False
    drop: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def completion(
    content: str | None = None,
    calls: Sequence[tuple[str, str]] = (),
    *,
    finish_reason: str = "stop",
    usage: dict[str, Any] | None = None,
    **message: Any,
) -> Answer:
    """A well-formed chat completion; `calls` are function names with their arguments' text."""
    said: dict[str, Any] = {"role": "assistant", "content": content, **message}
    if calls:
        said["tool_calls"] = [
            {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, (name, arguments) in enumerate(calls)
        ]
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": said, "finish_reason": finish_reason}],
        "usage": usage
        if usage is not None
        else {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    return Answer(json.dumps(document).encode())


@dataclass
class ModelServer:
    """`requests` holds the body of each request that came."""

    script: Script
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(script: Script, *, timeout: float = 5) -> Iterator[ModelServer]:
    """Point the settings at a server that follows `script`, for as long as the block lasts."""
    state = ModelServer(script)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(request)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            answer = state.script(request)
            if answer.hang:
                state.released.wait(30)
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + (1 if answer.drop else 0)))
            self.end_headers()
            self._write(answer.body)

        def _write(self, body: bytes) -> None:
            try:
                self.wfile.write(body)
            except OSError:
                # The client has had enough of it, which is what some tests are about.
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with override_settings(
            OPENAI_BASE_URL=f"http://127.0.0.1:{server.server_address[1]}/v1",
            OPENAI_API_KEY="key-of-the-test",
            OPENAI_MODEL="scripted",
            MODEL_TIMEOUT_SECONDS=timeout,
        ):
            yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
