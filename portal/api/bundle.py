"""Evidence bundles: asked for, built in the background, taken away. All of it is recorded."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from rest_framework import serializers

from agents.models import Agent, Person
from audits.api.base import Download, Filter, Given, GrowingCollection, Input, Item, Resource, Shown
from audits.api.files import MEDIA_TYPE
from audits.api.problems import Problem
from audits.choices import BundleKind, BundleState
from audits.models import Bundle, Case
from audits.queue import enqueue
from audits.services import bundles
from audits.sight import PERMISSION
from audits.tasks import build_bundle
from portal.bundle_subjects import about


class BundleShown(Shown):
    streams = serializers.ListField(child=serializers.CharField(), read_only=True)
    incomplete = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Bundle
        fields = (
            "id",
            "state",
            "kind",
            "subject",
            "streams",
            "party",
            "since",
            "until",
            "framework",
            "requested_by",
            "requested_by_name",
            "requested_at",
            "built_at",
            "completeness",
            "incomplete",
            "event_count",
            "checkpoint_size",
            "file_name",
            "sha256",
            "size",
            "error",
        )


class BundleGiven(Input):
    """The kind, and what belongs to it: an agent, a person or a case; a framework; a period."""

    example = {"kind": "agent", "agent": "vulnerability-analyst", "since": "2026-01-01T00:00:00Z"}

    kind = serializers.ChoiceField(BundleKind.choices)
    agent = serializers.SlugRelatedField(slug_field="slug", queryset=Agent.objects.all(), default=None)
    person = serializers.PrimaryKeyRelatedField(queryset=Person.objects.all(), default=None)
    case = serializers.PrimaryKeyRelatedField(queryset=Case.objects.all(), default=None)
    framework = serializers.CharField(max_length=64, allow_blank=True, default="")
    since = serializers.DateTimeField(default=None)
    until = serializers.DateTimeField(default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs["kind"]
        for name in (BundleKind.AGENT.value, BundleKind.PERSON.value, BundleKind.CASE.value):
            if (kind == name) != (attrs[name] is not None):
                words = "It is needed for this kind." if kind == name else "It is not for this kind."
                raise serializers.ValidationError({name: [words]})
        return attrs


class OfBundles(Resource):
    """Only who may read names finds anything here, and that they read it is recorded."""

    permission, read_as = "audits.view_bundle", "bundle"

    def may_see(self) -> bool:
        return super().may_see() and bool(self.person.has_perm(PERMISSION))


class Bundles(OfBundles, GrowingCollection[Bundle]):
    """Evidence bundles. A new one is built in the background: read it until its state is ready."""

    title, add_title = "List bundles", "Ask for a bundle"
    adding, item, read_as = "audits.add_bundle", "bundle", "bundles"
    shown, given = BundleShown, BundleGiven
    filters = {
        "state": Filter(serializers.ChoiceField(BundleState.choices), "state"),
        "kind": Filter(serializers.ChoiceField(BundleKind.choices), "kind"),
    }

    def rows(self) -> QuerySet[Bundle]:
        return Bundle.objects.all()

    def add(self, given: Given) -> Bundle:
        bundle = bundles.request(actor=self.actor, **about(given))
        enqueue(build_bundle, str(bundle.pk))
        return bundle


class OneBundle(OfBundles, Item[Bundle]):
    """A bundle: how far it is, and what it proves."""

    title = "Read a bundle"
    shown = BundleShown

    def rows(self) -> QuerySet[Bundle]:
        return Bundle.objects.all()


class BundleFile(OfBundles, Download[Bundle]):
    """The file of a bundle that is ready, for `verify.py`. That it is taken is recorded."""

    title = "Download a bundle"
    also = (Problem.CONFLICT,)

    def rows(self) -> QuerySet[Bundle]:
        return Bundle.objects.all()

    def file(self, row: Bundle) -> FileResponse:
        path = bundles.download(actor=self.actor, bundle=row)
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type=MEDIA_TYPE)
