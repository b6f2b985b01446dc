"""The register out of and into files (S1-3)."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from agents.register_files import FORMATS
from agents.services import importing
from audits.api.base import OVERHEAD_BYTES, Input, Resource
from audits.api.files import Bytes, as_file

SHA256 = r"^[0-9a-f]{64}$"


class RegisterExport(Resource):
    """Every entry that is registered: as CSV, or as YAML with the versions' provenance."""

    title, permission = "Export the register", "agents.view_agent"
    renderer_classes = (Bytes, JSONRenderer)

    def query_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        return {"format": serializers.ChoiceField(FORMATS, help_text="yaml where none is given.")}

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - the framework's signature
        if not self.may_see():
            raise Http404
        format_ = self.asked.get("format", "yaml")
        return as_file(importing.export(format=format_).encode(), f"register.{format_}")


class DifferenceShown(serializers.Serializer[Any]):
    field = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class EntryChangeShown(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    slug = serializers.CharField()
    verb = serializers.ChoiceField(["register", "amend", "unchanged"])
    differences = DifferenceShown(many=True)


class LineProblemShown(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    field = serializers.CharField()
    sentence = serializers.CharField()


class ImportShown(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    file_sha256 = serializers.CharField()
    digest = serializers.CharField(help_text="Over the file and every change; see `expected`.")
    changes = EntryChangeShown(many=True)
    problems = LineProblemShown(many=True, help_text="Only a dry run has any: nothing is imported in part.")


class ImportGiven(Input):
    file = serializers.FileField(allow_empty_file=True)
    format = serializers.ChoiceField(FORMATS)
    dry_run = serializers.BooleanField(default=False, help_text="Say what would change; change nothing.")
    expected = serializers.RegexField(
        SHA256, default="", help_text="`digest` of a dry run: import exactly what it said, or nothing."
    )


class RegisterImport(Resource):
    """Registers and amends what a file says: all of it or nothing, each entry with its own event."""

    title, permission = "Import into the register", "agents.add_agent"
    shown, given, done = ImportShown, ImportGiven, 200
    parser_classes = (MultiPartParser,)
    fields_are_under = "file"
    max_body_bytes = settings.REGISTER_IMPORT_MAX_BYTES + OVERHEAD_BYTES

    def post(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        given = self.take()
        file, content = {"format": given["format"]}, given["file"].read()
        if given["dry_run"]:
            plan = importing.plan(actor=self.person, content=content, **file)
        else:
            plan = importing.perform(
                actor=self.person,
                content=content,
                file_name=given["file"].name,
                expected=given["expected"],
                **file,
            )
        told = {"changes": plan.changes, "problems": plan.problems}
        about = {"file_sha256": plan.file_sha256, "digest": plan.digest}
        return self.present({"dry_run": given["dry_run"], **about, **told})
