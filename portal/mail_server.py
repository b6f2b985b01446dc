"""Where mail and the webhook go, from settings alone. Imported by them: nothing of Django's apps."""

from dataclasses import dataclass
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from audits.operator_http import AddressRefused, check_address, is_here
from audits.siem.address import check_form_of_secret

URL, FROM = "COUNTERSIGN_EMAIL_URL", "COUNTERSIGN_EMAIL_FROM"
WEBHOOK, SECRET = "COUNTERSIGN_NOTIFY_WEBHOOK", "COUNTERSIGN_NOTIFY_WEBHOOK_SECRET"
PORTS = {"smtp": 25, "submission": 587, "smtps": 465}
SCHEMES = tuple(PORTS)


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes mail; without a host none is sent."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False
    sender: str = ""


def parse(url: str, sender: str) -> MailServer:
    """`smtp://` without TLS, `submission://` with STARTTLS, `smtps://` with TLS from the first byte.

    Certificates are checked. A password goes over TLS, or to this machine.

    Raises:
        ImproperlyConfigured: it is not understood; the value may hold a password and is not repeated.
    """
    if not url:
        if sender:
            raise ImproperlyConfigured(f"{FROM} is set and {URL} is not. Set both, or none to send no mail.")
        return MailServer()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    except ValueError as error:
        raise ImproperlyConfigured(f"{URL} is no address such as smtps://user:password@host.") from error
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{URL} is no address such as smtps://user:password@host.")
    if parts.password and parts.scheme == "smtp" and not is_here(host):
        raise ImproperlyConfigured(f"{URL}: a password needs TLS. Use submission:// or smtps://.")
    if "@" not in parseaddr(sender)[1]:
        raise ImproperlyConfigured(
            f"{FROM} is not set. Say who mail is from: Countersign <portal@example.org>."
        )
    return MailServer(
        host=host,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "submission",
        tls=parts.scheme == "smtps",
        sender=sender,
    )


def check_webhook(url: str, secret: str) -> None:
    """
    Raises:
        ImproperlyConfigured: the address may not be used, or its secret is missing or none.
    """
    if not url:
        return
    try:
        check_address(url)
    except AddressRefused as error:
        raise ImproperlyConfigured(f"{WEBHOOK}: {error}") from error
    if not secret:
        raise ImproperlyConfigured(
            f"{SECRET} is not set, and {WEBHOOK} is. Set it to whsec_ and base64 of 32 random bytes, and "
            "give the same to the receiver."
        )
    check_form_of_secret(secret, SECRET)
