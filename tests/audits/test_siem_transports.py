"""Delivery to real receivers on loopback: what counts as delivered, and what does not."""

import json
import os
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from audits.siem import sending
from audits.siem.address import Sink, parse_all
from audits.siem.transport import Message, NotDelivered, Options
from tests.audits.siem_receivers import SECRET, Hook, Syslog, certificate, closed_port, silent
from tests.audits.test_siem_formats import heads, record

SHORT = Options(webhook_secret=SECRET, seconds=0.2)


def sink_of(address: str) -> Sink:
    return parse_all([address])[0]


def send(address: str, options: Options | None = None, *, count: int = 3) -> Sequence[Message]:
    sink = sink_of(address)
    messages = [sending.prepared(sink, record(object=f"run/{number}\n")) for number in range(count)]
    messages.append(sending.prepared(sink, heads()))
    sending.send(sink, messages, options or Options(webhook_secret=SECRET))
    return messages


# --- Syslog -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["ocsf", "cef", "json"])
def test_a_batch_arrives_whole_and_in_order(kind: str) -> None:
    with Syslog() as receiver:
        sent = send(f"{kind}+syslog+tcp://127.0.0.1:{receiver.port}", count=300)
    assert [
        message.endswith(b" " + line.line) for message, line in zip(receiver.messages, sent, strict=True)
    ] == ([True] * 301)
    assert receiver.connections == 1


def test_over_tls(tmp_path: Path) -> None:
    trusted, context = certificate(tmp_path)
    with Syslog(tls=context) as receiver:
        send(f"json+syslog+tls://localhost:{receiver.port}", Options(ca_file=trusted), count=300)
        assert len(receiver.records) == 301


def test_over_tls_to_an_address(tmp_path: Path) -> None:
    trusted, context = certificate(tmp_path, "127.0.0.1")
    with Syslog(tls=context) as receiver:
        send(f"json+syslog+tls://127.0.0.1:{receiver.port}", Options(ca_file=trusted))
        assert len(receiver.records) == 4


def test_a_receiver_that_closes_without_a_word_is_believed_only_where_an_operator_said_so(
    tmp_path: Path,
) -> None:
    """On the way anybody can end a TCP connection, and nobody can forge close_notify."""
    trusted, context = certificate(tmp_path)
    with Syslog(tls=context) as receiver:
        receiver.polite = False
        address = f"json+syslog+tls://localhost:{receiver.port}"
        with pytest.raises(NotDelivered, match=r"without close_notify .*add \?close=eof"):
            send(address, Options(ca_file=trusted))
        send(f"{address}?close=eof", Options(ca_file=trusted))
        assert len(receiver.records) == 8


def test_a_receiver_that_asks_for_our_certificate_gets_it(tmp_path: Path) -> None:
    trusted, context = certificate(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(trusted)
    with Syslog(tls=context) as receiver:
        address = f"json+syslog+tls://localhost:{receiver.port}"
        for _ in range(20):
            for end in ("notify", "eof"):
                with pytest.raises(NotDelivered, match=r"(?i)certificate|reset|broken pipe|not connected"):
                    send(f"{address}?close={end}", Options(ca_file=trusted))
        assert receiver.messages == []
        send(address, Options(ca_file=trusted, certificate_file=tmp_path / "server.pem"))
        assert len(receiver.records) == 4


@pytest.mark.parametrize(("name", "trust"), [("other.example", True), ("localhost", False)])
def test_nothing_is_told_to_whom_the_certificate_does_not_name(
    tmp_path: Path,
    name: str,
    trust: bool,  # noqa: FBT001
) -> None:
    trusted, context = certificate(tmp_path, name)
    with Syslog(tls=context) as receiver:
        options = Options(ca_file=trusted if trust else None)
        with pytest.raises(NotDelivered, match="certificate verify failed"):
            send(f"json+syslog+tls://localhost:{receiver.port}", options)
    assert receiver.messages == []


def test_a_certificate_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing", encoding="ascii")
    with pytest.raises(NotDelivered, match="COUNTERSIGN_SIEM_CA_FILE"):
        send("json+syslog+tls://localhost:1", Options(ca_file=tmp_path / "ca.pem"))


@pytest.mark.parametrize("secured", [False, True])
def test_a_reset_is_no_delivery(tmp_path: Path, secured: bool) -> None:  # noqa: FBT001
    """The kernel took the bytes, nobody read them."""
    trusted, context = certificate(tmp_path)
    with Syslog(tls=context if secured else None) as receiver:
        receiver.refusing = lambda: True
        address = f"json+syslog+{'tls' if secured else 'tcp'}://localhost:{receiver.port}"
        with pytest.raises(NotDelivered):
            send(address, Options(ca_file=trusted), count=300)


def test_a_receiver_that_never_reads_is_given_up() -> None:
    with silent() as port, pytest.raises(NotDelivered, match=r"within 0\.2 seconds"):
        send(f"json+syslog+tcp://127.0.0.1:{port}", SHORT)


def test_a_receiver_that_never_shakes_hands_is_given_up() -> None:
    with silent() as port, pytest.raises(NotDelivered, match=r"within 0\.2 seconds"):
        send(f"json+syslog+tls://localhost:{port}", SHORT)


@pytest.mark.parametrize("kind", ["syslog+tcp", "syslog+tls", "http"])
def test_where_nobody_listens(kind: str) -> None:
    with pytest.raises(NotDelivered, match=r"(?i)refused"):
        send(f"json+{kind}://127.0.0.1:{closed_port()}", Options(webhook_secret=SECRET))


# --- Webhook ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["ocsf", "json"])
def test_a_webhook_gets_a_signed_array(kind: str) -> None:
    with Hook() as hook:
        sent = send(f"{kind}+http://127.0.0.1:{hook.port}/hook?token=x&payload=1")
    assert json.loads(hook.bodies[0]) == [json.loads(message.line) for message in sent]
    assert hook.paths == ["/hook?token=x"]
    assert hook.headers[0]["content-type"] == "application/json"


def test_a_webhook_gets_lines_of_cef() -> None:
    with Hook() as hook:
        sent = send(f"cef+http://127.0.0.1:{hook.port}/")
    assert hook.bodies[0].split(b"\n")[:-1] == [message.line for message in sent]


def test_user_name_and_password_go_as_basic_authentication() -> None:
    with Hook() as hook:
        send(f"cef+http://me:hunter2@127.0.0.1:{hook.port}/")
    assert hook.headers[0]["authorization"] == "Basic bWU6aHVudGVyMg=="


def test_what_is_sent_again_keeps_its_id() -> None:
    with Hook() as hook:
        hook.answer = lambda: 503 if len(hook.ids) < 1 else 200
        with pytest.raises(NotDelivered, match="HTTP 503"):
            send(f"json+http://127.0.0.1:{hook.port}/")
        send(f"json+http://127.0.0.1:{hook.port}/")
        send(f"json+http://127.0.0.1:{hook.port}/", count=1)
    assert hook.ids[0] == hook.ids[1] != hook.ids[2]


@pytest.mark.parametrize("status", [302, 307, 400, 401, 404, 410, 429, 500])
def test_only_2xx_confirms_and_redirects_are_not_followed(status: int) -> None:
    with Hook() as hook:
        hook.answer = lambda: status
        with pytest.raises(NotDelivered, match=f"HTTP {status}"):
            send(f"json+http://127.0.0.1:{hook.port}/")
    assert hook.bodies == []
    assert len(hook.ids) == 1


def test_a_collector_that_never_answers_is_given_up() -> None:
    with silent() as port, pytest.raises(NotDelivered, match=r"within 0\.2 seconds"):
        send(f"json+http://127.0.0.1:{port}/", SHORT)


def test_an_error_shows_no_secret() -> None:
    with pytest.raises(NotDelivered) as failed:
        send(f"json+http://me:hunter2@127.0.0.1:{closed_port()}/?token=hunter2")
    assert "hunter2" not in str(failed.value)


# --- File ---------------------------------------------------------------------------------------------
def test_a_file_grows_by_lines(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    sent = [message.line for _ in range(2) for message in send(f"json+file://{path}")]
    assert path.read_bytes().split(b"\n")[:-1] == sent
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_lends_its_beginning_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    path.write_bytes(b'{"v":1,"seq":')
    sent = send(f"json+file://{path}")
    assert path.read_bytes().split(b"\n") == [b'{"v":1,"seq":', *(message.line for message in sent), b""]


def test_a_rotated_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    send(f"json+file://{path}")
    path.rename(tmp_path / "ledger.1")
    sent = send(f"json+file://{path}")
    assert len(path.read_bytes().splitlines()) == len(sent)


def test_no_folder_is_made_up(tmp_path: Path) -> None:
    with pytest.raises(NotDelivered, match="cannot be written: No such file"):
        send(f"json+file://{tmp_path}/absent/ledger.ndjson")


def test_a_pipe_that_nobody_reads_does_not_hold_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotDelivered, match="not an ordinary file"):
        send(f"json+file://{tmp_path}/pipe")
