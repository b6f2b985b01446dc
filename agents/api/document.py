"""Documents that belong to the evidence about an agent (S1-20)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from agents.api.agent import AgentName, OfAnAgent
from agents.choices import DocumentKind
from agents.models import AgentDocument
from agents.services import documents
from audits.api.base import (
    OVERHEAD_BYTES,
    Download,
    Filter,
    Given,
    GrowingCollection,
    Input,
    Shown,
)
from audits.api.files import as_file


class DocumentShown(Shown):
    agent = AgentName(read_only=True)

    class Meta:
        model = AgentDocument
        fields = ("id", "agent", "kind", "title", "file_name", "sha256", "size", "added_by", "added_at")


class DocumentGiven(Input):
    kind = serializers.ChoiceField(DocumentKind.choices)
    title = serializers.CharField(max_length=200)
    file = serializers.FileField(max_length=200, allow_empty_file=True)


class Documents(OfAnAgent, GrowingCollection[AgentDocument]):
    """The documents of an agent. Each is kept as it is, and its SHA-256 in the ledger."""

    title, add_title = "List the documents of an agent", "Attach a document"
    permission, adding, item = "agents.view_agentdocument", "agents.add_agentdocument", "document_file"
    shown, given = DocumentShown, DocumentGiven
    parser_classes = (MultiPartParser,)
    filters = {"kind": Filter(serializers.ChoiceField(DocumentKind.choices), "kind")}
    max_body_bytes = settings.DOCUMENT_MAX_BYTES + OVERHEAD_BYTES

    def rows(self) -> QuerySet[AgentDocument]:
        return AgentDocument.objects.filter(agent=self.agent).select_related("agent").defer("content")

    def add(self, given: Given) -> AgentDocument:
        return documents.attach(
            actor=self.person,
            agent=self.agent,
            kind=DocumentKind(given["kind"]),
            title=given["title"],
            file_name=given["file"].name,
            content=given["file"].read(),
        )

    def names(self, row: AgentDocument) -> Mapping[str, Any]:
        return {"slug": row.agent.slug, "id": row.pk}


class DocumentFile(OfAnAgent, Download[AgentDocument]):
    """A document as it was attached."""

    title = "Download a document"
    permission = "agents.view_agentdocument"

    def rows(self) -> QuerySet[AgentDocument]:
        return AgentDocument.objects.filter(agent=self.agent)

    def file(self, row: AgentDocument) -> HttpResponse:
        return as_file(bytes(row.content), row.bundle_path.rpartition("/")[2])
