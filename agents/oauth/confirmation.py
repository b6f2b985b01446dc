"""What the holder of a bound token must prove: the members of its `cnf` (RFC 7800, 8705, 9449). Pure."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEY, CERTIFICATE = "jkt", "x5t#S256"


@dataclass(frozen=True, slots=True)
class Proved:
    """What came proved with a request: thumbprints, empty where nothing was proved.

    `key` is of a DPoP proof (RFC 9449 section 6.1), `certificate` of the TLS client certificate (RFC 8705
    section 3.1).
    """

    key: str = ""
    certificate: str = ""


NOTHING = Proved()


def confirmed(*, key: str, certificate: str) -> dict[str, str]:
    """The `cnf` of a token that is bound to these; empty where it is bound to nothing."""
    return {name: value for name, value in ((KEY, key), (CERTIFICATE, certificate)) if value}


def holds(claims: Mapping[str, Any], proved: Proved) -> bool:
    """Whether everything that the token is bound to was proved. What we do not know is not proved."""
    if "cnf" not in claims:
        return True
    said = claims["cnf"]
    if not isinstance(said, Mapping) or not said:
        return False
    known = {KEY: proved.key, CERTIFICATE: proved.certificate}
    return all(_same(value, known.get(name, "")) for name, value in said.items())


def _same(said: object, proved: str) -> bool:
    return isinstance(said, str) and bool(proved) and hmac.compare_digest(said.encode(), proved.encode())
