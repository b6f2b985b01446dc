"""Addresses of sinks: `<format>+<transport>://…`, as `COUNTERSIGN_SIEM` lists them.

ocsf+syslog+tls://siem.example:6514       cef+syslog+tcp://127.0.0.1:1514
json+file:///var/log/countersign.ndjson   ocsf+https://collector.example/hook?payload=1
"""

import base64
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

SETTING, SECRET = "COUNTERSIGN_SIEM", "COUNTERSIGN_SIEM_WEBHOOK_SECRET"
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
LONGEST_NAME = 300
DEFAULT_PORTS = {"syslog+tls": 6514, "syslog+tcp": 601}  # RFC 5425, 4.1; RFC 6587, 5
_host = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z").match

Format = Literal["ocsf", "cef", "json"]
Transport = Literal["syslog+tls", "syslog+tcp", "https", "http", "file"]
FORMATS: tuple[Format, ...] = ("ocsf", "cef", "json")
TRANSPORTS: tuple[Transport, ...] = ("syslog+tls", "syslog+tcp", "https", "http", "file")


@dataclass(frozen=True, slots=True)
class Sink:
    """One receiver. `name` says which, without anything secret; `url` (http) and `path` (file) say where.

    `payload`: whether the erasable part of events, payload and the actor's name, is sent as well.
    `trust_eof`: whether a TLS receiver need not say that it read to the end (`audits.siem.tls`).
    """

    name: str
    format: Format
    transport: Transport
    host: str = ""
    port: int = 0
    url: str = field(default="", repr=False)  # may hold a password or a token
    path: Path = Path()
    payload: bool = False
    trust_eof: bool = False


def parse_all(addresses: Iterable[str]) -> tuple[Sink, ...]:
    """
    Raises:
        ImproperlyConfigured: an address is malformed, or two of them are the same sink. The sentence
            names the address by its place in the list and by nothing that could be secret.
    """
    sinks = tuple(_parse(number, text) for number, text in enumerate(addresses, 1))
    for number, sink in enumerate(sinks, 1):
        if any(sink.name == other.name for other in sinks[: number - 1]):
            raise _wrong(number, f"{sink.name} is named twice; a sink has one place in the ledger")
    return sinks


def check_secret(sinks: Iterable[Sink], secret: str) -> None:
    """
    Raises:
        ImproperlyConfigured: a webhook needs a secret and there is none, or it is not what Standard
            Webhooks calls one: `whsec_` and base64 of 24 to 64 bytes.
    """
    if not secret:
        if any(sink.transport in {"http", "https"} for sink in sinks):
            raise ImproperlyConfigured(
                f"{SECRET} is not set, and {SETTING} has a webhook. Set it to whsec_ and base64 of 32 random "
                "bytes, and give the same to the receiver."
            )
        return
    check_form_of_secret(secret, SECRET)


def check_form_of_secret(secret: str, setting: str) -> None:
    """
    Raises:
        ImproperlyConfigured: it is not what Standard Webhooks calls a secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise ImproperlyConfigured(f"{setting} is not base64 after whsec_.") from error
    if not secret.startswith("whsec_") or not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        raise ImproperlyConfigured(
            f"{setting} must be whsec_ and base64 of {SHORTEST_SECRET} to {LONGEST_SECRET} bytes."
        )


def _parse(number: int, text: str) -> Sink:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _wrong(number, f"it is not a URL ({error})") from error
    format_, _, transport = parts.scheme.partition("+")
    if format_ not in FORMATS:
        raise _wrong(number, f"it must begin with one of {', '.join(name + '+' for name in FORMATS)}")
    if transport == "syslog+udp":
        raise _wrong(number, "syslog over UDP loses records and nobody learns of it; use syslog+tls")
    if transport not in TRANSPORTS:
        raise _wrong(number, f"after {format_}+ it needs one of {', '.join(TRANSPORTS)}, then ://")
    if parts.fragment:
        raise _wrong(number, "it has a fragment (#…), which means nothing here; write # as %23")
    given = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(given)
    if options.get("payload", "0") not in {"0", "1"}:
        raise _wrong(number, "payload is 0 (the default: headers alone) or 1")
    kind = transport
    ours = {"payload", "close"} if kind == "syslog+tls" else {"payload"}
    if "close" in ours and options.get("close", "notify") not in {"notify", "eof"}:
        raise _wrong(number, "close is notify (the default: RFC 5425) or eof")
    rest = [pair for pair in given if pair[0] not in ours]
    known = _KINDS[kind](number, kind, parts, port, rest)
    name = f"{parts.scheme}://{known.host and _authority(known.host, port)}{parts.path}"
    if len(name) > LONGEST_NAME:
        raise _wrong(number, f"it is longer than {LONGEST_NAME} characters")
    if not name.isascii() or not name.isprintable():
        raise _wrong(number, "it has characters that are not printable ASCII; percent-encode them")
    return Sink(
        name=name,
        format=format_,
        transport=kind,
        host=known.host,
        port=known.port,
        url=known.url,
        path=known.path,
        payload=options.get("payload") == "1",
        trust_eof=kind == "syslog+tls" and options.get("close") == "eof",
    )


@dataclass(frozen=True, slots=True)
class _Where:
    host: str = ""
    port: int = 0
    url: str = ""
    path: Path = Path()


Rest = list[tuple[str, str]]


def _syslog(number: int, kind: Transport, parts: SplitResult, port: int | None, rest: Rest) -> _Where:
    _refuse_options(number, rest)
    if "@" in parts.netloc:
        raise _wrong(number, "syslog knows no user name and password; leave them out")
    if parts.path not in {"", "/"}:
        raise _wrong(number, "syslog has no path; leave it out")
    return _Where(_checked_host(number, parts), DEFAULT_PORTS[kind] if port is None else port)


def _file(number: int, _kind: Transport, parts: SplitResult, _port: int | None, rest: Rest) -> _Where:
    _refuse_options(number, rest)
    path = Path(unquote(parts.path))
    if parts.netloc or not path.is_absolute() or path == Path("/") or "\0" in str(path):
        raise _wrong(number, "a file has an absolute path and no host: file:///var/log/countersign.ndjson")
    return _Where(path=path)


def _http(number: int, kind: Transport, parts: SplitResult, _port: int | None, rest: Rest) -> _Where:
    host = _checked_host(number, parts)
    if kind == "http" and not _is_loopback(host):
        raise _wrong(number, "http is for this machine alone (127.0.0.1, ::1, localhost); use https")
    # User name and password go along as HTTP Basic authentication; what is not ours of the query, too.
    url = parts._replace(scheme=kind, query=urlencode(rest)).geturl()
    return _Where(host, url=url)


_KINDS = {"syslog+tls": _syslog, "syslog+tcp": _syslog, "https": _http, "http": _http, "file": _file}


def _refuse_options(number: int, rest: Rest) -> None:
    if rest:
        raise _wrong(number, "the options are payload=1, and close=eof for syslog+tls")


def _checked_host(number: int, parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host:
        raise _wrong(number, "it names no host")
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise _wrong(number, "what stands in [ ] is not an IPv6 address") from error
    elif not _host(host):
        raise _wrong(number, "its host is not a host name; write an international one in its ASCII form")
    return host


def _authority(host: str, port: int | None) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wrong(number: int, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{SETTING}, address {number}: {what}. Addresses look like ocsf+syslog+tls://siem.example:6514; "
        "docs/siem.md lists them all."
    )
