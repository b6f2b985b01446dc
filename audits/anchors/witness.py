"""C2SP tlog-witness: somebody who saw that each checkpoint continues the one before it, and cosigned it."""

import base64
from collections.abc import Iterator

import httpx2

from audits.anchors.address import Address
from audits.anchors.base import (
    TIMEOUT_SECONDS,
    AnchorUnavailable,
    AnchorWrong,
    Prove,
    Published,
    Seen,
)
from audits.choices import AnchorLevel
from audits.note import NoteError, cosigned_at
from audits.operator_http import AnswerTooLong, client

CONFLICT, UNPROCESSABLE = 409, 422
ATTEMPTS = 2


class WitnessSink:
    """The receipt are the cosignature lines (cosignature/v1): appended to the note they make one note."""

    level = AnchorLevel.WITNESSED
    receipt_file = "cosignature.txt"

    def __init__(self, address: Address) -> None:
        if address.key is None:
            raise ValueError("A witness's address has its key.")
        self.name = address.name
        self._url = f"{address.target}/add-checkpoint"
        self._key = address.key

    def publish(self, checkpoint: Published, before: int, prove: Prove) -> bytes:
        """It says itself how far it has seen, where we do not know: then it is asked once more."""
        for _ in range(ATTEMPTS):
            answer = self._ask(_request(checkpoint, before, prove))
            if answer.status_code != CONFLICT:
                break
            before = self._known(answer, checkpoint, before)
        if answer.status_code in (CONFLICT, UNPROCESSABLE):
            raise AnchorWrong(
                f"{self.name} refuses the checkpoint of {checkpoint.size} entries: it does not continue the "
                f"{before} that it has seen. The ledger was rewritten, or a backup was restored."
            )
        if not answer.is_success:
            words = answer.text.strip()[:200]
            raise AnchorUnavailable(f"{self.name} answered with HTTP {answer.status_code}. {words}".strip())
        try:
            self.check(checkpoint, answer.content)
        except AnchorWrong as error:
            raise AnchorUnavailable(f"{self.name} answered with what does not verify: {error}") from error
        return answer.content

    def check(self, checkpoint: Published, receipt: bytes) -> None:
        try:
            cosigned_at(checkpoint.note + receipt.decode(), self._key)
        except (NoteError, UnicodeDecodeError) as error:
            raise AnchorWrong(
                f"The cosignature is not one of {self._key.name} for the checkpoint of {checkpoint.size} "
                f"entries: {error}"
            ) from error

    def survey(self, newest: Published, prove: Prove) -> Iterator[Seen]:
        """It has no list to read: whether the newest checkpoint continues what it saw is the question."""
        if not newest.size:
            return
        self.publish(newest, newest.size, prove)
        yield Seen(newest.size, newest.root, self.name)

    def _ask(self, content: str) -> httpx2.Response:
        try:
            with client(TIMEOUT_SECONDS) as door:
                return door.post(self._url, content=content.encode(), headers={"Content-Type": "text/plain"})
        except (httpx2.HTTPError, AnswerTooLong) as error:
            raise AnchorUnavailable(f"{self.name} cannot be reached: {error}") from error

    def _known(self, answer: httpx2.Response, checkpoint: Published, before: int) -> int:
        """How far the witness has seen; where it has seen more than there is, something was cut off."""
        text = answer.text.strip()
        if not text.isascii() or not text.isdigit():
            return before
        if int(text) > checkpoint.size:
            raise AnchorWrong(
                f"{self.name} has seen {text} entries, and the ledger ends at {checkpoint.size}: its end was "
                "cut off, or a backup was restored."
            )
        return int(text)


def _request(checkpoint: Published, before: int, prove: Prove) -> str:
    proof = "".join(f"{base64.b64encode(part).decode()}\n" for part in prove(before, checkpoint.size))
    return f"old {before}\n{proof}\n{checkpoint.note}"
