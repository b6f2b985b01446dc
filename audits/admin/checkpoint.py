from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from audits.admin.base import dialog_action
from audits.admin.keyset import KeysetChangeList
from audits.admin.reader import actor_of
from audits.admin.recorded import RecordedReading
from audits.admin.rows import row_of
from audits.admin.show import show_code, show_digest, time_column
from audits.errors import Conflict
from audits.models import Checkpoint
from audits.services import verification


@admin.register(Checkpoint)
class CheckpointAdmin(RecordedReading):
    """Signed heads of the ledger. A copy kept elsewhere proves that nothing was rewritten since."""

    ledger_kind = "checkpoint"
    read_object = "checkpoints"
    empty_text = "Nothing is sealed yet. The sealer signs a checkpoint as soon as an event waits."
    list_display = ("size", "root_short", "key_id", "sealed")
    sortable_by = ()
    change_form_template = "admin/audits/checkpoint.html"
    actions_detail = ("verify_this",)
    fieldsets = (
        (None, {"fields": (("size", "key_id"), "root_full", "sealed")}),
        ("The signed note; keep a copy of it outside this machine", {"fields": ("note_text",)}),
    )

    sealed = time_column("sealed_at", "sealed")

    def address_of(self, name: str) -> str:
        if not name.isdecimal():
            return ""
        return reverse("admin:audits_checkpoint_change", args=[name])

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.note_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:size>/note/", view, name="audits_checkpoint_note"), *urls]

    def note_view(self, request: HttpRequest, size: int) -> Any:
        """The signed note as a file, as `ledger compare` takes it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        checkpoint = Checkpoint.objects.filter(size=size).first()
        if checkpoint is None:
            raise Http404
        response = HttpResponse(
            checkpoint.note,
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="checkpoint-{size}.txt"'},
        )
        return self.recorded(request, response, f"checkpoint/{size}", "note")

    @dialog_action(
        title="Verify this",
        description=(
            "Recomputes the root of the tree of this size, and checks the signature over it. The result is "
            "kept and recorded."
        ),
        submit="Verify",
        permissions=["verify"],
        icon="verified",
    )
    def verify_this(self, request: HttpRequest, _form: Any, object_id: str) -> str:
        checkpoint = row_of(Checkpoint.objects.all(), object_id)
        report, _ = verification.check_checkpoint(actor=actor_of(request), size=checkpoint.size)
        if not report.is_sound:
            raise Conflict(f"This checkpoint does NOT verify. At {report.place}: {report.problem}")
        return (
            f"Verified: the stored tree of {report.size} entries has this root, and the ledger's key "
            f"{report.key.split('+')[1]} signed it."
        )

    def has_verify_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("audits.view_checkpoint"))

    def story(self, request: HttpRequest, instance: Checkpoint) -> Mapping[str, Any]:
        return {"note_url": reverse("admin:audits_checkpoint_note", args=[instance.pk])}

    @admin.display(description="root")
    def root_short(self, checkpoint: Checkpoint) -> SafeString:
        return show_digest(bytes(checkpoint.root).hex())

    @admin.display(description="root of the tree")
    def root_full(self, checkpoint: Checkpoint) -> SafeString:
        return show_digest(bytes(checkpoint.root).hex(), full=True)

    @admin.display(description="note")
    def note_text(self, checkpoint: Checkpoint) -> SafeString:
        return show_code(checkpoint.note)
