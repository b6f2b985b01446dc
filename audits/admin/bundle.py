from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from audits.admin.base import AddByService, page_of
from audits.admin.reader import actor_of
from audits.admin.recorded import NamedReading
from audits.admin.show import choice_column, digest_column, show_reference, show_time, time_column
from audits.choices import BundleKind, BundlePhase, BundleState
from audits.errors import ServiceError
from audits.models import Bundle
from audits.services import bundles

COLOURS = {
    BundleState.QUEUED: "info",
    BundleState.BUILDING: "info",
    BundleState.READY: "success",
    BundleState.FAILED: "danger",
}


class BundleAdmin(NamedReading, AddByService):
    """Evidence bundles, to download and to verify elsewhere. The portal adds the form that asks for one."""

    change_form_template = "admin/bundle.html"
    list_title = "Bundles"
    read_object = "bundles"
    ledger_kind = "bundle"
    empty_text = "No bundle yet. Build one for an agent: it proves, without us, what the agent did."
    list_display = (
        "subject",
        "kind_name",
        "state_label",
        "completeness_name",
        "events",
        "file_size",
        "requester",
        "requested",
    )
    list_filter = ("state", "kind", "framework")
    search_fields = ("subject", "streams", "party", "sha256", "requested_by_name")
    search_help_text = "Subject, stream, SHA-256, who asked"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("subject", "state_label"),
                    ("kind_name", "completeness_name"),
                    ("requester", "requested"),
                )
            },
        ),
        (
            "What it covers",
            {"fields": ("streams_full", ("from_time", "to_time"), "framework_name")},
        ),
        ("The file", {"fields": (("events", "checkpoint_size"), ("file_size", "built"), "sha256_full")}),
    )

    state_label = choice_column("state", COLOURS)
    requested = time_column("requested_at", "requested")
    built = time_column("built_at", "built")
    sha256_full = digest_column("sha256", "SHA-256", full=True)

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download_view)
        mine = [path("<uuid:object_id>/download/", download, name="audits_bundle_download")]
        urls: list[URLPattern] = super().get_urls()
        return mine + urls

    def download_view(self, request: HttpRequest, object_id: str) -> Any:
        """Give the file away and record that; by POST, because that changes something."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        bundle = self.get_object(request, str(object_id))
        if bundle is None or not self.has_view_permission(request, bundle):
            raise PermissionDenied
        try:
            file = bundles.download(actor=actor_of(request), bundle=bundle)
        except ServiceError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(page_of(bundle))
        return FileResponse(file.open("rb"), as_attachment=True, filename=file.name)

    def story(self, request: HttpRequest, instance: Bundle) -> Mapping[str, Any]:
        return {
            "download_url": reverse("admin:audits_bundle_download", args=[instance.pk]),
            "ready": instance.state == BundleState.READY,
            "going_on": instance.state in {BundleState.QUEUED, BundleState.BUILDING},
            "phases": _phases(instance),
        }

    @admin.display(description="about", ordering="kind")
    def kind_name(self, bundle: Bundle) -> str:
        return bundle.get_kind_display()

    @admin.display(description="streams")
    def streams_full(self, bundle: Bundle) -> SafeString | str:
        """Each leads to the story that it tells."""
        if not bundle.streams:
            return "The whole ledger" if bundle.kind == BundleKind.PERIOD else "Every stream"
        return format_html_join(mark_safe("<br>"), "{}", ((show_reference(one),) for one in bundle.streams))

    @admin.display(description="proves", ordering="completeness")
    def completeness_name(self, bundle: Bundle) -> str:
        return bundle.get_completeness_display()

    @admin.display(description="events", ordering="event_count")
    def events(self, bundle: Bundle) -> str:
        return f"{bundle.event_count:,}" if bundle.state == BundleState.READY else ""

    @admin.display(description="size", ordering="size")
    def file_size(self, bundle: Bundle) -> str:
        return filesizeformat(bundle.size) if bundle.size else ""

    @admin.display(description="requested by", ordering="requested_by_name")
    def requester(self, bundle: Bundle) -> str:
        return bundle.requested_by_name

    @admin.display(description="framework")
    def framework_name(self, bundle: Bundle) -> str:
        return bundle.framework or "Every framework"

    @admin.display(description="from")
    def from_time(self, bundle: Bundle) -> SafeString | str:
        return show_time(bundle.since) if bundle.since else "The start"

    @admin.display(description="to")
    def to_time(self, bundle: Bundle) -> SafeString | str:
        return show_time(bundle.until) if bundle.until else "The end, when it was built"


def _phases(bundle: Bundle) -> list[dict[str, Any]]:
    """The builder's steps, and how far it has come."""
    phases = list(BundlePhase)
    now = phases.index(BundlePhase(bundle.phase)) if bundle.phase else -1
    return [
        {
            "label": phase.label,
            "state": "done" if place < now else "now" if place == now else "later",
            "done": bundle.done if place == now else 0,
            "total": bundle.total if place == now else 0,
            "count": f"{bundle.done:,} of {bundle.total:,}",
        }
        for place, phase in enumerate(phases)
    ]
