from typing import TypeAlias

from django.db import models
from django.db.models import F, Q

from agents.choices import DependencyKind
from agents.models.agent import Agent
from agents.models.third_party import ThirdParty
from agents.models.tool import Tool
from audits.models.base import Row
from audits.models.history import FieldHistory

Target: TypeAlias = Agent | Tool | ThirdParty
TARGETS = ("to_agent", "to_tool", "to_third_party")


def _only(target: str) -> Q:
    return Q(**{f"{name}__isnull": name != target for name in TARGETS})


class Dependency(Row):
    """That an agent interacts with, calls or creates another agent, a tool or a third party (S1-21, S4-3)."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="dependencies")
    kind = models.CharField(max_length=16, choices=DependencyKind)
    to_agent = models.ForeignKey(
        Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="dependents"
    )
    to_tool = models.ForeignKey(
        Tool, on_delete=models.PROTECT, null=True, blank=True, related_name="dependents"
    )
    to_third_party = models.ForeignKey(
        ThirdParty, on_delete=models.PROTECT, null=True, blank=True, related_name="dependents"
    )
    purpose = models.TextField(help_text="What for.")
    data_categories = models.JSONField(default=list, blank=True, help_text="What flows.")
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    added_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    history = FieldHistory(stream=lambda dependency: f"agent/{dependency.agent_id}")

    class Meta:
        verbose_name_plural = "dependencies"
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="dependency_has_one_target",
                condition=_only("to_agent") | _only("to_tool") | _only("to_third_party"),
            ),
            models.CheckConstraint(
                name="dependency_not_on_itself",
                condition=Q(to_agent__isnull=True) | ~Q(to_agent=F("agent")),
            ),
            models.CheckConstraint(
                name="third_parties_are_not_created",
                condition=~Q(kind=DependencyKind.CREATES, to_third_party__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    fields=("agent", "kind", target),
                    condition=Q(ended_at__isnull=True),
                    name=f"one_live_dependency_{target}",
                )
                for target in TARGETS
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent} {self.get_kind_display().lower()} {self.target}"

    @property
    def target(self) -> Target:
        """What it leads to: the one of the three that there is."""
        found = self.to_agent or self.to_tool or self.to_third_party
        assert found is not None  # noqa: S101 - a constraint of the database
        return found

    @property
    def target_reference(self) -> str:
        """The target as the ledger calls it, without reading it."""
        if self.to_agent_id:
            return f"agent/{self.to_agent_id}"
        return f"tool/{self.to_tool_id}" if self.to_tool_id else f"third_party/{self.to_third_party_id}"

    @property
    def provider(self) -> ThirdParty | None:
        """The third party that it leads to, itself or as who runs the tool."""
        return self.to_third_party or (self.to_tool.provider if self.to_tool else None)
