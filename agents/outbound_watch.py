"""Who watches the door: what leaves for an agent is asked about first, and told of afterwards (S2-9).

While a block of `watched_by` lasts, each request through `agents.outbound` is put to the watch before its
name is resolved, redirects that a client follows among them, and is told to it again when it is over.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import httpx2

Origin = tuple[str, int]


@dataclass(slots=True)
class Passage:
    """One request that may leave, and what becomes of it.

    `private` are the hosts and ports that may be at an address that is not public. `refused`: the address
    was, after all. `sent` and `received` are bytes, with the request's head and without the answer's.
    """

    private: frozenset[Origin] = frozenset()
    address: str = ""
    status: int | None = None
    sent: int = 0
    received: int = 0
    error: str = ""
    refused: bool = False


class Watch(Protocol):
    def leaving(self, url: str) -> Passage:
        """
        Raises:
            OutboundError: it may not leave.
        """

    def over(self, passage: Passage) -> None: ...


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
_passage: ContextVar[Passage | None] = ContextVar("passage", default=None)


@contextmanager
def watched_by(watch: Watch) -> Iterator[None]:
    """What leaves in this block, in this thread, is asked of `watch` first."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def unwatched() -> Iterator[None]:
    """What leaves in this block leaves for the portal itself, to a place that its operator set."""
    token = _watch.set(None)
    try:
        yield
    finally:
        _watch.reset(token)


def current() -> Passage | None:
    """The passage of the request that is being sent."""
    return _passage.get()


def send(request: httpx2.Request, through: Callable[[httpx2.Request], httpx2.Response]) -> httpx2.Response:
    """Send the request, once the watch has let it pass; where nobody watches, send it."""
    watch = _watch.get()
    if watch is None:
        return through(request)
    passage = watch.leaving(str(request.url))
    passage.sent = _size(request)
    token = _passage.set(passage)
    try:
        response = through(request)
    except BaseException as error:
        passage.error = passage.error or str(error) or type(error).__name__
        watch.over(passage)
        raise
    finally:
        _passage.reset(token)
    passage.status = response.status_code
    if isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _Told(response.stream, passage, watch)
    return response


def _size(request: httpx2.Request) -> int:
    head = sum(len(name) + len(value) + 4 for name, value in request.headers.raw)
    body = request.headers.get("Content-Length", "0")
    return len(request.method) + len(request.url.raw_path) + head + (int(body) if body.isdigit() else 0)


class _Told(httpx2.SyncByteStream):
    """An answer that is counted while it is read; when it is closed, the watch is told."""

    def __init__(self, stream: httpx2.SyncByteStream, passage: Passage, watch: Watch) -> None:
        self._stream, self._passage, self._watch = stream, passage, watch
        self._over = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._passage.received += len(chunk)
                yield chunk
        except Exception as error:
            self._passage.error = str(error) or type(error).__name__
            raise

    def close(self) -> None:
        self._stream.close()
        if not self._over:
            self._over = True
            self._watch.over(self._passage)
