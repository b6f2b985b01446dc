from django.db import models

from agents.models.machine import Machine
from audits.models.history import FieldHistory


class ScimClient(Machine):
    """What tells this portal over SCIM who works here: a provisioning client (RFC 7644)."""

    name = models.SlugField(max_length=64, unique=True, help_text="Stable name, for example entra-id.")
    history = FieldHistory(
        stream=lambda _client: "system",
        kind="scim_client",
        without=("credential_sha256", "last_seen_at"),
    )

    class Meta(Machine.Meta):
        verbose_name = "provisioning client"
