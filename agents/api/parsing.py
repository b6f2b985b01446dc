"""Bodies: JSON that two readers read alike, and files."""

from typing import IO, Any

from rest_framework.parsers import BaseParser

from agents.strict_json import StrictJSONError, loads, storable
from audits.api.files import MEDIA_TYPE
from audits.api.problems import Problem, Refused

MAX_DEPTH = 30


class StrictJSON(BaseParser):
    """RFC 8259 without NaN, repeated members, numbers beyond 64 bits, and text that cannot be stored."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], *_arguments: Any, **_options: Any) -> Any:
        try:
            document = loads(stream.read(), max_depth=MAX_DEPTH)
        except StrictJSONError as error:
            raise Refused(Problem.MALFORMED, f"The body is no JSON that is read here: {error}.") from error
        if storable(document) != document:
            raise Refused(Problem.MALFORMED, "The body holds U+0000 or half of a surrogate pair.")
        return document


class RawFile(BaseParser):
    """The body is the file."""

    media_type = MEDIA_TYPE

    def parse(self, stream: IO[bytes], *_arguments: Any, **_options: Any) -> Any:
        return stream.read()
