"""The door for mail: Django's SMTP backend, with an answer to one question more.

Where a connection breaks, it matters whether the mail was handed over before: then it may arrive, and is
not sent again.
"""

import smtplib
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from agents.errors import NotSentError

PERMANENT = 500


class _Smtp(smtplib.SMTP):
    """Remembers that it began to hand a mail over (RFC 5321, 4.1.1.4)."""

    handing_over = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.handing_over = True
        answer = super().data(msg)
        self.handing_over = False
        return answer


class _SmtpOverTls(_Smtp, smtplib.SMTP_SSL):
    """TLS from the first byte on (RFC 8314)."""


class _Backend(EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SmtpOverTls if self.use_ssl else _Smtp


class Post:
    """One connection to the mail server, opened with the first mail; a context manager."""

    def __init__(self) -> None:
        self._backend = _Backend()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def send(self, *, to: str, subject: str, text: str, message_id: str) -> None:
        """
        Raises:
            NotSentError: see there.
        """
        message = EmailMessage(
            subject=subject,
            body=text,
            from_email=settings.EMAIL_FROM,
            to=[to],
            headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},  # RFC 3834
        )
        try:
            self._backend.open()
        except OSError as error:
            self._close()
            raise NotSentError(f"The mail server cannot be used: {_words(error)}", temporary=True) from error
        try:
            self._backend.send_messages([message])
        except (OSError, ValueError) as error:
            connection = self._backend.connection
            handing_over = isinstance(connection, _Smtp) and connection.handing_over
            self._close()
            raise _not_sent(error, handing_over=handing_over) from error

    def _close(self) -> None:
        with suppress(OSError):
            self._backend.close()
        self._backend = _Backend()


def _not_sent(error: OSError | ValueError, *, handing_over: bool) -> NotSentError:
    """What an answer of the server means, or that there was none."""
    code = _code(error)
    if code is not None:
        is_ours = isinstance(error, smtplib.SMTPSenderRefused)  # COUNTERSIGN_EMAIL_FROM can be mended
        return NotSentError(
            f"The mail server refused it: {_words(error)}", temporary=code < PERMANENT or is_ours
        )
    if isinstance(error, ValueError):
        return NotSentError(f"It cannot be written as a mail: {error}", temporary=False)
    if handing_over:
        sentence = f"The connection broke while it was handed over: {_words(error)}"
        return NotSentError(sentence, temporary=False, ambiguous=True)
    return NotSentError(f"The connection broke: {_words(error)}", temporary=True)


def _code(error: Exception) -> int | None:
    if isinstance(error, smtplib.SMTPResponseException):
        return int(error.smtp_code)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max(code for code, _ in error.recipients.values())
    return None


def _words(error: Exception) -> str:
    """What the server said, without the address that it was about."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {text}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return " ".join(f"{code} {said.decode(errors='replace')}" for code, said in error.recipients.values())
    return str(error) or type(error).__name__
