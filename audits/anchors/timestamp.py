"""RFC 3161: an authority says when it saw these bytes. It protects against backdating."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
from cryptography import x509
from django.conf import settings
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from audits.anchors.address import Address
from audits.anchors.base import (
    TIMEOUT_SECONDS,
    AnchorUnavailable,
    AnchorWrong,
    CannotReadBack,
    Prove,
    Published,
    Seen,
)
from audits.choices import AnchorLevel
from audits.operator_http import AnswerTooLong, client


class TimestampSink:
    """The receipt is the authority's whole response in DER, as `openssl ts -verify -in` takes it."""

    level = AnchorLevel.TIMESTAMPED
    receipt_file = "timestamp.tsr"

    def __init__(self, address: Address) -> None:
        self.name = address.name
        self._url = address.target

    def publish(self, checkpoint: Published, before: int, prove: Prove) -> bytes:  # noqa: ARG002 - Sink's
        asked = (
            TimestampRequestBuilder()
            .data(checkpoint.note.encode())
            .hash_algorithm(HashAlgorithm.SHA256)
            .cert_request(cert_request=True)
            .build()
        )
        try:
            with client(TIMEOUT_SECONDS) as door:
                answer = door.post(
                    self._url,
                    content=asked.as_bytes(),
                    headers={"Content-Type": "application/timestamp-query"},
                )
        except (httpx2.HTTPError, AnswerTooLong) as error:
            raise AnchorUnavailable(f"{self.name} cannot be reached: {error}") from error
        if not answer.is_success:
            raise AnchorUnavailable(f"{self.name} answered with HTTP {answer.status_code}.")
        try:
            self._verify(checkpoint, answer.content, asked.nonce)
        except AnchorWrong as error:
            raise AnchorUnavailable(f"{self.name} answered with what does not verify: {error}") from error
        return answer.content

    def check(self, checkpoint: Published, receipt: bytes) -> None:
        self._verify(checkpoint, receipt, None)

    def survey(self, newest: Published, prove: Prove) -> Iterator[Seen]:  # noqa: ARG002 - Sink's
        raise CannotReadBack("A time stamping authority keeps nothing: the receipts are all there is.")

    def _verify(self, checkpoint: Published, receipt: bytes, nonce: int | None) -> None:
        response = _decoded(receipt)
        for root in _roots():
            builder = VerifierBuilder(roots=[root], nonce=nonce)
            try:
                builder.build().verify_message(response, checkpoint.note.encode())
            except VerificationError as error:
                failure = error
            else:
                return
        raise AnchorWrong(
            f"The timestamp is not one of the checkpoint of {checkpoint.size} entries by an authority of "
            f"COUNTERSIGN_ANCHOR_TSA_ROOTS: {failure}"
        ) from failure


def _decoded(receipt: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(receipt)
    except ValueError as error:
        raise AnchorWrong("The receipt is not a timestamp response (RFC 3161).") from error


def _roots() -> list[x509.Certificate]:
    path = settings.ANCHOR_TSA_ROOTS
    try:
        found = x509.load_pem_x509_certificates(Path(path or "").read_bytes())
    except (OSError, ValueError) as error:
        raise AnchorUnavailable(
            f"COUNTERSIGN_ANCHOR_TSA_ROOTS: {path or 'it is not set'} holds no certificates that can be read."
        ) from error
    return found
