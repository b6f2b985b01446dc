"""Where a secret is: the URI of its place in a store. Read strictly, and never said back.

    vault://mount/path#field            Vault or OpenBao, KV version 2; `#field?version=3` for one version
    aws-sm://name#key                   AWS Secrets Manager; without `#key` the whole text
    azure-kv://vault/name               Azure Key Vault
    gcp-sm://project/name               GCP Secret Manager
    env://NAME                          a variable of the portal's environment
    file:///path                        a file below COUNTERSIGN_SECRETS_DIR

No URI names a host: where a store is stands in the settings, so that no reference can send the portal, or
its token, anywhere else. What somebody pasted here by mistake could be the secret itself: no message
repeats it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 500
_NAME = r"[A-Za-z0-9_.-]+"
_VERSION = r"(?:\?version=(?P<version>[A-Za-z0-9-]{1,64}))?"
_FORMS = {
    "vault": rf"(?P<place>[A-Za-z0-9_-]+)/(?P<name>{_NAME}(?:/{_NAME})*)#(?P<field>{_NAME})"
    r"(?:\?version=(?P<version>[1-9][0-9]{0,8}))?",
    "aws-sm": rf"(?P<place>)(?P<name>[A-Za-z0-9/_+=.@-]{{1,256}})(?:#(?P<field>{_NAME}))?{_VERSION}",
    "azure-kv": r"(?P<place>[A-Za-z](?:-?[A-Za-z0-9]){2,23})/(?P<name>[A-Za-z0-9-]{1,127})(?P<field>)"
    + _VERSION,
    "gcp-sm": r"(?P<place>[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{6,20})/(?P<name>[A-Za-z0-9_-]{1,255})(?P<field>)"
    r"(?:\?version=(?P<version>[1-9][0-9]{0,8}))?",
    "env": r"(?P<place>)(?P<name>[A-Za-z_][A-Za-z0-9_]{0,127})(?P<field>)(?P<version>\Z)?",
    "file": r"(?P<place>)(?P<name>(?:/[^/\x00-\x1f\x7f#?%]+)+)(?P<field>)(?P<version>\Z)?",
}
FORMS: Mapping[str, str] = {
    "vault": "vault://mount/path#field",
    "aws-sm": "aws-sm://name#key",
    "azure-kv": "azure-kv://vault/name",
    "gcp-sm": "gcp-sm://project/name",
    "env": "env://NAME",
    "file": "file:///path",
}
_matchers = {scheme: re.compile(rf"{scheme}://{form}", re.ASCII) for scheme, form in _FORMS.items()}
_scheme = re.compile(r"([a-z][a-z0-9+.-]{0,19})://").match


class SecretURIError(ValueError):
    """This names no place of a secret; the message says which forms are taken, and repeats nothing."""


@dataclass(frozen=True, slots=True)
class SecretURI:
    """Its parts: `place` is the mount, the vault or the project; without a `version` the newest is meant."""

    scheme: str
    place: str
    name: str
    field: str
    version: str
    text: str

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> SecretURI:
    """
    Raises:
        SecretURIError: the scheme is not supported, or the rest is not of its form.
    """
    found = _scheme(text)
    scheme = found[1] if found else ""
    if scheme not in _matchers:
        named = f"The scheme {scheme} is not supported" if scheme else "This is no URI of a secret"
        raise SecretURIError(f"{named}. Use one of: {', '.join(FORMS.values())}.")
    match = _matchers[scheme].fullmatch(text) if len(text) <= LONGEST else None
    if match is None or {".", ".."} & set(match["name"].split("/")):
        raise SecretURIError(f"This is not of the form {FORMS[scheme]}, in at most {LONGEST} characters.")
    parts = {name: value or "" for name, value in match.groupdict().items()}
    return SecretURI(scheme=scheme, text=text, **parts)
