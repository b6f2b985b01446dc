"""The addresses in `COUNTERSIGN_ANCHORS`, understood strictly; `docs/anchors.md` lists the kinds.

A kind's module is loaded only where an address names it: the libraries behind some are large.
"""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from audits.note import COSIGNATURE, NoteError, VerifierKey
from audits.operator_http import AddressRefused, check_address

MOST_LOCK_DAYS = 36_500
ADAPTERS = {
    "file": "audits.anchors.file.FileSink",
    "s3": "audits.anchors.s3.S3Sink",
    "webhook": "audits.anchors.webhook.WebhookSink",
    "tsa": "audits.anchors.timestamp.TimestampSink",
    "witness": "audits.anchors.witness.WitnessSink",
}


@dataclass(frozen=True, slots=True)
class Address:
    """One sink. `name` is without secrets; `target` is a path, `bucket/prefix` or a URL."""

    kind: str
    name: str
    target: str
    endpoint: str = ""
    lock_days: int = 0
    key: VerifierKey | None = None


def parse(text: str) -> Address:
    """
    Raises:
        AddressRefused: not an address of a sink; the sentence says how to mend it.
    """
    scheme, _, rest = text.partition("://")
    if scheme == "file":
        return _file(rest)
    if scheme == "s3":
        return _s3(text)
    if scheme.startswith("tsa+"):
        url = _checked(text.removeprefix("tsa+"))
        return Address("tsa", f"tsa:{_place(url)}", url)
    if scheme.startswith("witness+"):
        return _witness(text.removeprefix("witness+"))
    if scheme in ("https", "http"):
        url = _checked(text)
        # The path of a webhook is often its secret: a digest tells two of one host apart.
        tell = hashlib.sha256(url.encode()).hexdigest()[:8]
        return Address("webhook", f"webhook:{urlsplit(url).hostname} ({tell})", url)
    raise AddressRefused(
        f"{scheme[:20]!r} is no kind of anchor: use file:///…, s3://…, https://…, tsa+https://… or "
        "witness+https://…"
    )


def check_all(addresses: list[str], *, has_secret: bool, has_roots: bool) -> None:
    """Stop the process over an address that could never work, as every setting does.

    Raises:
        ImproperlyConfigured: see there; the sentence says how to mend it.
    """
    for text in addresses:
        try:
            kind = parse(text).kind
        except AddressRefused as error:
            raise ImproperlyConfigured(f"COUNTERSIGN_ANCHORS: {error}") from error
        if kind == "webhook" and not has_secret:
            raise ImproperlyConfigured("COUNTERSIGN_ANCHOR_WEBHOOK_SECRET is not set: set it to whsec_…")
        if kind == "tsa" and not has_roots:
            raise ImproperlyConfigured(
                "COUNTERSIGN_ANCHOR_TSA_ROOTS is not set: name a PEM file with the root certificate."
            )


def _file(path: str) -> Address:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or path.endswith("/"):
        raise AddressRefused("file: use an absolute path of a file, file:///var/log/checkpoints.log")
    return Address("file", f"file:{path}", path)


def _s3(text: str) -> Address:
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    bucket, prefix = parts.netloc, parts.path.strip("/")
    if not bucket or "@" in bucket or options.keys() - {"lock_days", "endpoint"}:
        raise AddressRefused("s3: use s3://bucket/prefix?lock_days=365, and &endpoint=https://… where needed")
    days = options.get("lock_days", "")
    if not days.isascii() or not days.isdigit() or not 1 <= int(days) <= MOST_LOCK_DAYS:
        raise AddressRefused(f"s3: lock_days says how long nobody may delete: 1 to {MOST_LOCK_DAYS}")
    endpoint = _checked(options["endpoint"]) if "endpoint" in options else ""
    target = f"{bucket}/{prefix}".rstrip("/")
    return Address("s3", f"s3:{target}", target, endpoint, int(days))


def _witness(text: str) -> Address:
    url, _, query = text.partition("?")
    if not query.startswith("key="):
        raise AddressRefused("witness: its verifier key is needed: witness+https://host/?key=<name>+<hash>+…")
    try:
        # Not read as a form: there '+' would be a space.
        key = VerifierKey.parse(unquote(query.removeprefix("key=")), COSIGNATURE)
    except NoteError as error:
        raise AddressRefused(f"witness: {error}") from error
    return Address("witness", f"witness:{key.name} ({key.id})", _checked(url).rstrip("/"), key=key)


def _checked(url: str) -> str:
    check_address(url)
    return url


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}".rstrip("/")
