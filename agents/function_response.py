"""What a function was asked and what it answered, as they are kept and shown (S0-4). Pure."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from agents import strict_json
from agents.choices import Access
from agents.errors import FunctionError
from agents.functions.function import Arguments, Function

MAX_PROBLEMS = 2000
MAX_KEPT_CHARACTERS = 8 * 1024


def checked(function: Function[Any], raw: Mapping[str, Any], *, longest: int) -> dict[str, Any]:
    """The response as a model may see it.

    Raises:
        FunctionError: it does not fit its schema, or has more than `longest` bytes. Of a write nobody knows
            then what it did.
    """
    unknown = function.access == Access.WRITE
    try:
        result: dict[str, Any] = function.result.model_validate(raw).model_dump(mode="json")
    except ValidationError as error:
        raise FunctionError(
            f"The response does not fit its schema: {problems(error)}", ambiguous=unknown
        ) from error
    size = len(orjson.dumps(result))
    if size > longest:
        raise FunctionError(f"The response has {size} bytes; at most {longest} are taken.", ambiguous=unknown)
    kept: dict[str, Any] = strict_json.storable(result)
    return kept


def problems(error: ValidationError) -> str:
    """What does not fit, without repeating the input."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    listed = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in found]
    return strict_json.storable_text("; ".join(listed)[:MAX_PROBLEMS])


def kept_arguments(given: str, arguments: Arguments | None) -> Any:
    """What was executed, or what the model gave where that was refused."""
    if arguments is not None:
        return arguments.model_dump(mode="json")
    try:
        read = strict_json.loads(given)
    except strict_json.StrictJSONError:
        read = None
    if read is None or len(given) > MAX_KEPT_CHARACTERS:
        return {
            "unreadable": strict_json.storable_text(given[:MAX_KEPT_CHARACTERS]),
            "characters": len(given),
        }
    return strict_json.storable(read)
