"""Roles of agents and the resource catalogue, out of and into files."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.register_file import SHA256, ImportShown
from audits.api.base import OVERHEAD_BYTES, Input, Resource
from audits.api.files import Bytes, as_file
from governance import resource_files
from governance.services import resource_importing, role_importing


class _Export(Resource):
    renderer_classes = (Bytes, JSONRenderer)
    stem = ""
    formats: tuple[str, ...] = ()
    files: Any

    def query_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        return {"format": serializers.ChoiceField(self.formats, help_text="yaml where none is given.")}

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - the framework's signature
        if not self.may_see():
            raise Http404
        format_ = self.asked.get("format", "yaml")
        return as_file(self.files.export(format=format_).encode(), f"{self.stem}.{format_}")


class ResourceExport(_Export):
    """Every live resource: as CSV or as YAML."""

    title, permission = "Export the resource catalogue", "governance.view_resource"
    stem, formats, files = "resources", resource_files.FORMATS, resource_importing


class RoleExport(_Export):
    """Every live role, as YAML."""

    title, permission = "Export the roles of agents", "governance.view_agentrole"
    stem, formats, files = "agent-roles", role_importing.FORMATS, role_importing


class _FileGiven(Input):
    file = serializers.FileField(allow_empty_file=True)
    dry_run = serializers.BooleanField(default=False, help_text="Say what would change; change nothing.")
    expected = serializers.RegexField(
        SHA256, default="", help_text="`digest` of a dry run: import exactly what it said, or nothing."
    )


class ResourceFileGiven(_FileGiven):
    format = serializers.ChoiceField(resource_files.FORMATS)


class RoleFileGiven(_FileGiven):
    format = serializers.ChoiceField(role_importing.FORMATS, default="yaml")


class _Import(Resource):
    shown, done = ImportShown, 200
    parser_classes = (MultiPartParser,)
    fields_are_under = "file"
    max_body_bytes = settings.REGISTER_IMPORT_MAX_BYTES + OVERHEAD_BYTES
    files: Any

    def post(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        given = self.take()
        common = {"actor": self.person, "content": given["file"].read(), "format": given["format"]}
        if given["dry_run"]:
            plan = self.files.plan(**common)
        else:
            name, expected = given["file"].name, given["expected"]
            plan = self.files.perform(**common, file_name=name, expected=expected)
        told = {"changes": plan.changes, "problems": plan.problems}
        about = {"file_sha256": plan.file_sha256, "digest": plan.digest}
        return self.present({"dry_run": given["dry_run"], **about, **told})


class ResourceImport(_Import):
    """Enters and changes what a file says: all of it or nothing, each resource with its own event."""

    title, permission = "Import into the resource catalogue", "governance.add_resource"
    given, files = ResourceFileGiven, resource_importing


class RoleImport(_Import):
    """Makes and changes what a file says, for everybody who holds the roles: all of it or nothing."""

    title, permission = "Import roles of agents", "governance.add_agentrole"
    given, files = RoleFileGiven, role_importing
