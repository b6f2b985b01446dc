"""What the API offers, as a page: read from the same description that programs read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from portal.api.description import description

METHODS = ("get", "post", "put", "patch", "delete")


def operations_page(request: HttpRequest) -> HttpResponse:
    """Every operation, under its resource, with what it takes and what it answers."""
    context = {
        **admin.site.each_context(request),
        "title": "Management API",
        "resources": _resources(description()),
    }
    return TemplateResponse(request, "portal/api.html", context)


def _resources(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                told = operations[method]
                found.setdefault(told["tags"][0], []).append(_operation(method, path, told, document))
    return found


def _operation(method: str, path: str, told: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": method.upper(),
        "path": path,
        "title": told["summary"],
        "description": told["description"],
        "parameters": [
            {"name": each["name"], "words": _words(each["schema"])}
            for each in told.get("parameters", [])
            if each["in"] == "query"
        ],
        "bodies": [
            {"type": media_type, "members": _members(body["schema"], document)}
            for media_type, body in told.get("requestBody", {}).get("content", {}).items()
        ],
        "statuses": ", ".join(sorted(told["responses"])),
    }


def _members(schema: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    named = schema.get("$ref", "").rpartition("/")[2]
    whole = document["components"]["schemas"].get(named, schema)
    return [
        {"name": name, "needed": name in whole.get("required", []), "words": _words(each)}
        for name, each in whole.get("properties", {}).items()
    ]


def _words(schema: dict[str, Any]) -> str:
    """What a value must be, in few words."""
    if "enum" in schema:
        kind = " or ".join(str(each) for each in schema["enum"] if each)
    else:
        named = schema.get("type", "object")
        kind = schema.get("format") or (" or ".join(named) if isinstance(named, list) else named)
    return f"{kind}. {schema['description']}" if "description" in schema else f"{kind}."
