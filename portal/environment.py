"""Read the process environment strictly: say which setting is wrong and how to mend it.

Settings of our own are named ``COUNTERSIGN_*``; an unknown one is refused, so that a typing error
cannot silently leave a control at its default. Secrets may come from a file: ``NAME_FILE=/path``.
"""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

PREFIX = "COUNTERSIGN_"
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class Environment:
    """Typed, checked access to settings; remembers what was asked so that the rest can be refused."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables
        self._known: set[str] = set()

    def text(self, name: str, default: str = "", *, choices: tuple[str, ...] = ()) -> str:
        """The value as text; an empty value counts as not set."""
        value = self._read(name) or default
        if value and choices and value not in choices:
            self._refuse(name, value, f"use one of: {', '.join(choices)}")
        return value

    def secret(self, name: str, *, mend: str, minimum_length: int = 32) -> str:
        """A required secret, from ``NAME`` or the file that ``NAME_FILE`` names."""
        value = self._read(name)
        if not value:
            raise ImproperlyConfigured(f"{name} is not set. {mend}")
        if len(value) < minimum_length:
            raise ImproperlyConfigured(f"{name} is shorter than {minimum_length} characters. {mend}")
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self._read(name)
        if not value:
            return default
        if value.lower() not in TRUE | FALSE:
            self._refuse(name, value, "use true or false")
        return value.lower() in TRUE

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        value = self._read(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
            self._refuse(name, value, f"use a whole number from {minimum} to {maximum}")
        return int(value)

    def listing(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        value = self._read(name)
        return [item.strip() for item in value.split(",") if item.strip()] or list(default)

    def networks(self, name: str) -> list[IPv4Network | IPv6Network]:
        """Networks in CIDR, or single addresses; never everybody's."""
        found = []
        for item in self.listing(name):
            try:
                network = ip_network(item)
            except ValueError:
                self._refuse(name, item, "use addresses or networks such as 10.1.2.3 or 10.1.0.0/16")
            if network.prefixlen == 0:
                self._refuse(name, item, "it is everybody's address; name those of the proxies")
            found.append(network)
        return found

    def file(self, name: str) -> Path | None:
        """The path of a file that must be there; None where the setting is not set."""
        value = self._read(name)
        if not value:
            return None
        if not Path(value).is_file():
            self._refuse(name, value, "name a file that is there and can be read")
        return Path(value).resolve()

    def url(self, name: str, default: str = "", *, schemes: tuple[str, ...]) -> str:
        """A URL with one of ``schemes``. The value may hold a password, so it is never echoed."""
        value = self._read(name) or default
        if value and urlsplit(value).scheme not in schemes:
            raise ImproperlyConfigured(
                f"{name} must start with one of: {', '.join(s + '://' for s in schemes)}."
            )
        return value

    def refuse_unknown(self) -> None:
        """Refuse ``COUNTERSIGN_*`` variables that no setting asked for."""
        unknown = sorted(
            name for name in self._variables if name.startswith(PREFIX) and name not in self._known
        )
        if unknown:
            known = ", ".join(sorted(name for name in self._known if name.startswith(PREFIX)))
            raise ImproperlyConfigured(f"Unknown setting: {', '.join(unknown)}. Known ones: {known}.")

    def _read(self, name: str) -> str:
        self._known |= {name, f"{name}_FILE"}
        value, path = self._variables.get(name, ""), self._variables.get(f"{name}_FILE", "")
        if value and path:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Keep one of them.")
        if not path:
            return value.strip()
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error}.") from error

    @staticmethod
    def _refuse(name: str, value: str, mend: str) -> NoReturn:
        raise ImproperlyConfigured(f"{name}={value!r} is not understood: {mend}.")
