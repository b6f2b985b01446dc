"""Where data is processed: countries by their ISO 3166-1 alpha-2 codes, and the European Union.

The list of countries is `iso3166.tab` of the IANA time zone database (iana.org/time-zones, public domain),
as it is. `EU` is reserved for the Union in that standard; contracts name it where they name no member state.
`ZZ` is the unknown region (Unicode CLDR): somebody has yet to find out.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

UNKNOWN = "ZZ"


def _read() -> dict[str, str]:
    lines = Path(__file__).with_name("iso3166.tab").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("\t") for line in lines if not line.startswith("#"))
    return {code: name for code, _, name in pairs}


COUNTRIES: Mapping[str, str] = MappingProxyType(_read())
"""Code to the usual English name."""
CODES = frozenset({*COUNTRIES, "EU", UNKNOWN})
"""What third parties and tools may name."""


def in_words(code: str) -> str:
    """`DE Germany`; a code that is none stays as it is."""
    return f"{code} {COUNTRIES[code]}" if code in COUNTRIES else code


def named(codes: list[str]) -> list[str]:
    """As people read them."""
    return ["not known" if code == UNKNOWN else code for code in codes]
