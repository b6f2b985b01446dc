from django.db import models

from agents.choices import DocumentKind
from audits.models.base import Row


class AgentDocument(Row):
    """A file that belongs to the evidence about an agent (S1-20). Never changed: a newer one is added."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=16, choices=DocumentKind)
    title = models.CharField(max_length=200)
    file_name = models.CharField(max_length=200)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-added_at",)
        constraints = (
            models.UniqueConstraint(fields=("agent", "kind", "sha256"), name="one_document_a_content"),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def bundle_path(self) -> str:
        """Where it is in a bundle: by its digest, with the ending of its name where that is harmless."""
        ending = self.file_name.rpartition(".")[2].lower()
        known = ending.isascii() and ending.isalnum() and len(ending) <= 8 and "." in self.file_name  # noqa: PLR2004
        return f"documents/{self.sha256}.{ending}" if known else f"documents/{self.sha256}"
