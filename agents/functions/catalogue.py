"""The one catalogue of functions (S0-1): what is not here cannot be called.

The tool manifest that is approved, the `tools` a model is offered and what the gateway executes are
all made from it, so that they cannot differ.
"""

from typing import Any

from agents.functions import assess_vulnerability, open_ticket, vulnerability_info
from agents.functions.function import Function

FUNCTIONS: tuple[Function[Any], ...] = (
    vulnerability_info.FUNCTION,
    assess_vulnerability.FUNCTION,
    open_ticket.FUNCTION,
)
BY_NAME = {function.name: function for function in FUNCTIONS}


def find(name: str) -> Function[Any] | None:
    return BY_NAME.get(name)


def manifest() -> list[dict[str, Any]]:
    """The tool manifest of a version's provenance (S1-11)."""
    return [
        {
            "name": function.name,
            "access": function.access.value,
            "resource": function.resource,
            "description": function.description,
            "parameters": function.parameters,
        }
        for function in FUNCTIONS
    ]


def tools() -> list[dict[str, Any]]:
    """The `tools` parameter of a chat-completions request."""
    return [
        {
            "type": "function",
            "function": {
                "name": function.name,
                "description": function.description,
                "parameters": function.parameters,
            },
        }
        for function in FUNCTIONS
    ]
