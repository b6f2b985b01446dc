"""The newest signed head of the ledger: a copy kept elsewhere proves that nothing was rewritten since."""

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audits.api.base import Resource, Shown
from audits.api.problems import Problem
from audits.models import Checkpoint


class CheckpointShown(Shown):
    root = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="Root of the tree, in hex."
    )

    class Meta:
        model = Checkpoint
        fields = ("size", "root", "note", "key_id", "sealed_at")

    def get_root(self, checkpoint: Any) -> str:
        return bytes(checkpoint.root).hex()


class NewestCheckpoint(Resource):
    """The newest checkpoint, with its signed note. That it is read is recorded."""

    title = "Read the newest checkpoint"
    permission, shown, read_as = "audits.view_checkpoint", CheckpointShown, "checkpoint"
    also = (Problem.NOT_FOUND,)

    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        newest = Checkpoint.objects.order_by("-size").first() if self.may_see() else None
        if newest is None:
            raise Http404
        self.record_reading(f"{self.read_as}/{newest.size}", "page")
        return self.present(newest)
