"""What an agent may reach, by its lists (S2-9). Pure: no database, no clock, no name server.

A URL is read strictly and made canonical before anything is compared: what is read here in one way and by
somebody else in another is refused. Deny entries are looked at first, whatever else allows.

An entry is a line: ``[scheme://]host[:port][/path]``. The host is exact, or ``*.suffix`` for everything below
a suffix (not the suffix itself). What an entry of the allow list leaves out is the narrowest: https, its
port. What an entry of the deny list leaves out is everything. A path stands for itself and what is below it.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import idna

from agents.addresses import carried
from agents.choices import EgressMode, EgressReason

MAX_URL, MAX_HOST, MAX_ENTRY = 2048, 253, 500
MAX_PORT = 2**16 - 1
DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_HIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\u3002\uff0e\uff61\ud800-\udfff]")
# A last label like these makes a host an IPv4 address in the eyes of browsers and of inet_aton.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ENTRY = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<wild>\*\.)?(?P<rest>[^/*?#]*[^/*?#:])(?P<path>/[^?#]*)?", re.IGNORECASE
)
# A server may read these as another path than we do: encoded letters, digits, dots, slashes and % itself.
AMBIGUOUS_PATH = r"%(2[5def]|3[0-9]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae])|//|/[.][.]?(/|$)|;"
_AMBIGUOUS = re.compile(AMBIGUOUS_PATH, re.IGNORECASE)


class NotAUrlError(ValueError):
    """It cannot be said where this leads; `reason` says what is wrong with it."""

    def __init__(self, reason: EgressReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a URL leads, canonical. `ambiguous`: its path may mean another one to who answers."""

    scheme: str
    host: str
    port: int
    path: str
    ambiguous: bool

    @property
    def is_address(self) -> bool:
        return _is_address(self.host)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list. An empty scheme and port 0 stand for any."""

    host: str
    scheme: str = ""
    port: int = 0
    path: str = ""
    below: bool = False

    @property
    def text(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = f"{self.scheme}://" if self.scheme else ""
        usual = DEFAULT_PORTS.get(self.scheme, 0) == self.port
        return f"{scheme}{'*.' if self.below else ''}{host}{'' if usual else f':{self.port}'}{self.path}"

    def names(self, to: Destination) -> bool:
        """Whether host, scheme and port fit."""
        host = to.host.endswith(f".{self.host}") if self.below else to.host == self.host
        return host and self.scheme in {"", to.scheme} and self.port in {0, to.port}

    def covers(self, to: Destination) -> bool:
        """Whether it fits in every respect."""
        return self.names(to) and _is_below(to.path, self.path)


@dataclass(frozen=True, slots=True)
class Lists:
    """What counts for one agent. `endpoints` are what its approved version names."""

    mode: EgressMode = EgressMode.ALLOW
    allow: tuple[Entry, ...] = ()
    deny: tuple[Entry, ...] = ()
    endpoints: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`entry` is the line that decided, where one did."""

    allowed: bool
    reason: EgressReason
    message: str
    entry: str = ""


def check(lists: Lists, to: Destination) -> Verdict:
    """What the lists say of a destination; its address is another question."""
    if denied := _denying(lists.deny, to):
        return Verdict(
            allowed=False, reason=EgressReason.DENY_LIST, message="Its deny list names it.", entry=denied
        )
    if to.ambiguous and any(entry.path and entry.names(to) for entry in _allowing(lists)):
        message = "The path can be read in more than one way, and only some paths are allowed there."
        return Verdict(allowed=False, reason=EgressReason.PATH, message=message)
    for entries, reason, message in (
        (lists.endpoints, EgressReason.ENDPOINT, "The approved version names this endpoint."),
        (lists.allow, EgressReason.ALLOW_LIST, "Its allow list names it."),
    ):
        if entry := next((entry for entry in entries if entry.covers(to)), None):
            return Verdict(allowed=True, reason=reason, message=message, entry=entry.text)
    # What is denied by name is not to be had by its number.
    if lists.mode == EgressMode.DENY and not to.is_address:
        return Verdict(
            allowed=True, reason=EgressReason.NOT_DENIED, message="Its deny list does not name it."
        )
    message = "Neither its approved version nor its allow list names it."
    return Verdict(allowed=False, reason=EgressReason.NOT_LISTED, message=message)


def destination(url: str) -> Destination:
    """Where this URL leads.

    Raises:
        NotAUrlError: with the reason it is refused for.
    """
    if len(url) > MAX_URL:
        raise NotAUrlError(EgressReason.TOO_LONG, f"A URL has at most {MAX_URL} characters.")
    if _HIDDEN.search(url):
        raise NotAUrlError(EgressReason.MALFORMED, "Blanks, control characters and \\ are not for URLs.")
    try:
        split, parsed = urlsplit(url), httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL) as error:
        raise NotAUrlError(EgressReason.MALFORMED, "This is not a URL.") from error
    if parsed.scheme not in DEFAULT_PORTS:
        raise NotAUrlError(EgressReason.SCHEME, "Only http and https may leave.")
    if "@" in split.netloc:
        raise NotAUrlError(EgressReason.USERINFO, "A URL with a user name or password in it.")
    host = _host(parsed.raw_host.decode("ascii"))
    raw = parsed.raw_path.decode("ascii").partition("?")[0]
    return Destination(
        scheme=parsed.scheme,
        host=host,
        port=_port(split.netloc, parsed.scheme),
        path=raw or "/",
        ambiguous=bool(_AMBIGUOUS.search(raw) or _AMBIGUOUS.search(split.path)),
    )


def allow_entry(text: str) -> Entry:
    """A line of an allow list.

    Raises:
        ValueError: the message says what is wrong with it.
    """
    return _entry(text, narrow=True)


def deny_entry(text: str) -> Entry:
    """A line of a deny list (errors as for `allow_entry`)."""
    return _entry(text, narrow=False)


def endpoint_entry(url: str) -> Entry:
    """What an endpoint at this URL allows: it, and what is below its path.

    Raises:
        NotAUrlError: it is no URL.
    """
    to = destination(url)
    return Entry(to.host, to.scheme, to.port, "" if to.path == "/" else to.path.rstrip("/"))


def _entry(text: str, *, narrow: bool) -> Entry:
    found = _ENTRY.fullmatch(text.strip())
    if found is None or len(text) > MAX_ENTRY:
        raise ValueError("is not [scheme://]host[:port][/path], such as https://*.example.org:8443/v1")
    scheme, path = (found["scheme"] or "").lower(), (found["path"] or "").removesuffix("/")
    with_port = re.search(r":[0-9]+$", found["rest"]) is not None
    try:
        to = destination(f"{scheme or 'https'}://{found['rest']}{path}")
    except NotAUrlError as error:
        raise ValueError(f"is refused: {error.message}") from error
    if to.ambiguous:
        raise ValueError("has a path that can be read in more than one way")
    if found["wild"] and (to.is_address or "." not in to.host):
        raise ValueError("is too wide: name at least two labels behind *., such as *.example.org")
    path = to.path if path else ""
    if narrow:
        return Entry(to.host, to.scheme, to.port, path, bool(found["wild"]))
    return Entry(to.host, scheme, to.port if with_port or scheme else 0, path, bool(found["wild"]))


def _denying(entries: Iterable[Entry], to: Destination) -> str:
    """The line that denies; of a path that can be read in several ways, each counts."""
    for entry in entries:
        if entry.covers(to) or (to.ambiguous and entry.names(to)):
            return entry.text
    return ""


def _allowing(lists: Lists) -> tuple[Entry, ...]:
    return lists.endpoints + lists.allow


def _host(raw: str) -> str:
    host = raw.lower().removesuffix(".")
    if ":" in host or _is_address(host):
        try:
            return str(carried(host)) if "%" not in host else _refuse_host(host)
        except ValueError:
            return _refuse_host(host)
    labels = host.split(".")
    if len(host) > MAX_HOST or not all(map(_LABEL.fullmatch, labels)):
        return _refuse_host(host)
    if _NUMBER.fullmatch(labels[-1]):
        raise NotAUrlError(EgressReason.HOST, "Write an address as four decimal numbers, or in brackets.")
    for label in labels:
        if label.startswith("xn--"):
            _check_punycode(label)
    return host


def _check_punycode(label: str) -> None:
    """Only what IDNA makes itself: two spellings of a name would be two names."""
    try:
        again = idna.alabel(idna.ulabel(label)).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise NotAUrlError(EgressReason.HOST, "A label is no valid internationalised name.") from error
    if again != label:
        raise NotAUrlError(EgressReason.HOST, "A label is no valid internationalised name.")


def _refuse_host(host: str) -> str:
    raise NotAUrlError(EgressReason.HOST, f"{host[:100]!r} is not a host name.")


def _port(netloc: str, scheme: str) -> int:
    """Read from the text: digits of other scripts are no port, though some take them for one."""
    rest = netloc.rpartition("]")[2] if "]" in netloc else netloc
    _, colon, port = rest.partition(":")
    if not colon or not port:
        return DEFAULT_PORTS[scheme]
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) <= MAX_PORT:
        raise NotAUrlError(EgressReason.PORT, "This is not a port.")
    return int(port)


def _is_below(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(f"{prefix}/")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parsed_lists(
    mode: EgressMode, allow: Iterable[str], deny: Iterable[str], endpoints: Iterable[Entry] = ()
) -> Lists:
    """The lists as they are kept, read again."""
    return Lists(mode, tuple(map(allow_entry, allow)), tuple(map(deny_entry, deny)), tuple(endpoints))
