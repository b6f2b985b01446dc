"""CI pipelines (S1-4). Their credentials are made in the portal or by command; what they ask is elsewhere."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from audits.api.base import Collection, Item, Shown
from governance.models import Pipeline

PERMISSION = "governance.view_pipeline"


class PipelineShown(Shown):
    agents: Any = serializers.SlugRelatedField(slug_field="slug", many=True, read_only=True)

    class Meta:
        model = Pipeline
        fields = (
            "id",
            "name",
            "agents",
            "created_at",
            "created_by",
            "rotated_at",
            "rotated_by",
            "revoked_at",
            "revoked_by",
            "last_seen_at",
        )


class Pipelines(Collection[Pipeline]):
    """Pipelines, those that are revoked too."""

    title = "List pipelines"
    permission, shown = PERMISSION, PipelineShown

    def rows(self) -> QuerySet[Pipeline]:
        return Pipeline.objects.prefetch_related("agents")


class OnePipeline(Item[Pipeline]):
    """A pipeline, with the agents that it records tests and asks the gate for."""

    title = "Read a pipeline"
    permission, shown = PERMISSION, PipelineShown

    def rows(self) -> QuerySet[Pipeline]:
        return Pipeline.objects.prefetch_related("agents")
