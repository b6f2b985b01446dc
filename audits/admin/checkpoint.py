from django.contrib import admin
from django.utils.safestring import SafeString

from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import show_code, show_digest, time_column
from audits.models import Checkpoint


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    """Signed heads of the ledger. A copy kept elsewhere proves that nothing was rewritten since."""

    empty_text = "Nothing is sealed yet. The sealer signs a checkpoint as soon as an event waits."
    list_display = ("size", "root_short", "key_id", "sealed")
    fieldsets = (
        (None, {"fields": (("size", "key_id"), "root_full", "sealed")}),
        ("The signed note; keep a copy of it outside this machine", {"fields": ("note_text",)}),
    )

    sealed = time_column("sealed_at", "sealed")

    @admin.display(description="root")
    def root_short(self, checkpoint: Checkpoint) -> SafeString:
        return show_digest(bytes(checkpoint.root).hex())

    @admin.display(description="root of the tree")
    def root_full(self, checkpoint: Checkpoint) -> SafeString:
        return show_digest(bytes(checkpoint.root).hex(), full=True)

    @admin.display(description="note")
    def note_text(self, checkpoint: Checkpoint) -> SafeString:
        return show_code(checkpoint.note)
