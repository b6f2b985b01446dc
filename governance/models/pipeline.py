from django.db import models

from agents.models.machine import Machine
from audits.models.history import FieldHistory


class Pipeline(Machine):
    """A CI pipeline with a credential of its own that is no person's (S1-4, S1-26).

    It records tests and asks the gate, for the agents that are named here and no others.
    """

    name = models.SlugField(max_length=64, unique=True, help_text="Stable name, for example shop-ci.")
    agents = models.ManyToManyField("agents.Agent", related_name="pipelines", blank=True)
    history = FieldHistory(
        stream=lambda _pipeline: "system",
        kind="pipeline",
        without=("credential_sha256", "last_seen_at"),
        many={"agents": ("pk",)},
    )
