"""A mail server on loopback that answers as a test scripts it."""

import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from django.test import override_settings

FROM = "Countersign <portal@example.org>"


@dataclass
class MailServer:
    """`replies` gives other answers: by verb, with `END` for the end of a mail. `HANG UP` closes instead."""

    replies: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    at_once: bool = False
    port: int = 0
    connections: int = 0
    verbs: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Mapping[str, object]:
        return {
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": self.port,
            "EMAIL_FROM": FROM,
            "EMAIL_HOST_USER": "",
            "EMAIL_HOST_PASSWORD": "",
            "EMAIL_USE_TLS": False,
            "EMAIL_USE_SSL": False,
            "EMAIL_TIMEOUT": 5,
            "PORTAL_URL": "https://portal.example.org",
        }


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            self._talk(self.server.state)  # type: ignore[attr-defined]
        except OSError:
            pass  # What went wrong is the sender's to notice.
        finally:
            self.connection.close()

    def _talk(self, state: MailServer) -> None:
        state.connections += 1
        if state.tls and state.at_once:
            self._secure(state.tls)
        if not self._say(state.replies.get("CONNECT", "220 test")):
            return
        while line := self.rfile.readline():
            verb = line.split(b" ")[0].strip().decode().upper()
            state.verbs.append(verb)
            if verb == "DATA" and verb not in state.replies:
                self._say("354 go ahead")
                self._take(state)
                verb = "END"
            if verb == "RCPT":
                state.recipients.append(line.decode().partition("<")[2].partition(">")[0])
            if not self._say(state.replies.get(verb, _usual(verb, state))) or verb == "QUIT":
                return
            if verb == "STARTTLS" and state.tls:
                self._secure(state.tls)

    def _secure(self, tls: ssl.SSLContext) -> None:
        self.connection = tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)

    def _take(self, state: MailServer) -> None:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        if "END" not in state.replies or state.replies["END"] == "HANG UP":
            found = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(found, EmailMessage)
            state.mails.append(found)

    def _say(self, reply: str) -> bool:
        if reply == "HANG UP":
            return False
        self.wfile.write(reply.encode() + b"\r\n")
        return True


def _usual(verb: str, state: MailServer) -> str:
    if verb == "EHLO":
        return "250-test\r\n250 STARTTLS" if state.tls else "250 test"
    return {"QUIT": "221 bye", "STARTTLS": "220 go ahead"}.get(verb, "250 fine")


@contextmanager
def mail_server(**replies: str) -> Iterator[MailServer]:
    """Point the settings at a server that answers so, for as long as the block lasts."""
    state = MailServer(replies={verb.upper(): reply for verb, reply in replies.items()})
    with served(state), override_settings(**state.settings):
        yield state


@contextmanager
def served(state: MailServer) -> Iterator[None]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Conversation)
    server.daemon_threads = True
    server.state = state  # type: ignore[attr-defined]
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
