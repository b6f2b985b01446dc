"""An answer from outside that is read only up to a limit, whatever it says of its own length."""

from collections.abc import Callable, Iterator

import httpx2


class CappedStream(httpx2.SyncByteStream):
    """`refuse` gives the error that is raised once more than `max_bytes` have come."""

    def __init__(
        self, stream: httpx2.SyncByteStream, max_bytes: int, refuse: Callable[[], Exception]
    ) -> None:
        self._stream, self._max_bytes, self._refuse = stream, max_bytes, refuse

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        for chunk in self._stream:
            received += len(chunk)
            if received > self._max_bytes:
                raise self._refuse()
            yield chunk

    def close(self) -> None:
        self._stream.close()
