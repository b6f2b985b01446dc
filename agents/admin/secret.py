"""Secrets by reference: where they are, who may use them, when they are rotated. Never what they are."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import permissions, secret_selectors, secrets
from agents.admin.fields import EndForm
from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from agents.admin.secret_forms import (
    AddSecretForm,
    AllowForm,
    BreachForm,
    ChangeSecretForm,
    ConfirmForm,
    DisallowForm,
)
from agents.admin.secret_sections import LEASES, ROTATIONS, USES
from agents.admin.who import show_who
from agents.choices import LABELS, RotationState
from agents.models import SecretReference, SecretRotation, SecretUse
from agents.services import secret_references, secret_rotations
from agents.services import secrets as leases
from audits.admin.base import ActionVariant, AddByService, dialog_action
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    code_column,
    link_column,
    show_choice,
    show_label,
    show_list,
    show_time,
    time_column,
    untrusted_column,
)
from audits.errors import Conflict

ADMINISTERED = ("change_facts",)


class Standing(admin.SimpleListFilter):
    """In use, waiting to be rotated, breached or ended."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "In use"), ("due", "To be rotated"), ("breached", "Breached"), ("ended", "Ended")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any] | None":
        match self.value():
            case "live":
                return queryset.filter(ended_at=None, breached_at=None)
            case "due":
                waits = SecretRotation.objects.filter(state__in=(RotationState.QUEUED, RotationState.WAITING))
                return queryset.filter(pk__in=waits.values("secret"))
            case "breached":
                return queryset.filter(ended_at=None, breached_at__isnull=False)
            case "ended":
                return queryset.exclude(ended_at=None)
            case _:
                return None


class Store(admin.SimpleListFilter):
    """The store that a secret is in."""

    title, parameter_name = "store", "store"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(scheme, broker.title) for scheme, broker in secrets.BROKERS.items()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any] | None":
        scheme = self.value()
        return queryset.filter(uri__startswith=f"{scheme}://") if scheme in secrets.BROKERS else None


@admin.register(SecretReference)
class SecretReferenceAdmin(AddByService):
    """References to secrets, with their uses, leases and rotations."""

    ledger_kind = "secret"
    list_title = "Secrets"
    empty_text = "No secret is known here yet. Add where one is; what it is stays in its store."
    untrusted_text = "What is said of secrets are the words of those who keep them."
    add_form = AddSecretForm
    add_title = "Add a secret"
    add_description = (
        "Say where it is and who answers for it. It is read at the moment of a call, and not kept."
    )
    reauthenticate = True
    list_display = ("slug", "store", "agents", "owner", "last_used", "next_rotation", "state")
    list_filter = (Standing, Store, "rotator", ("owner", ByName))
    list_select_related = ("owner",)
    search_fields = ("slug", "uri", "purpose", "owner__username", "owner__last_name")
    search_help_text = "Name, place, purpose, owner"
    fieldsets = (
        (None, {"fields": (("slug", "state"), "place", ("store", "owner_link"), "purpose_text")}),
        (
            "Rotation",
            {"fields": (("rotator_label", "next_rotation"), ("policy", "since"), ("uses_text", "last_used"))},
        ),
        ("In the portal", {"fields": (("adder", "added"),)}),
    )
    sections = (USES, ROTATIONS, LEASES)
    history_origins = {"purpose": OWNER_SIDE}
    actions_detail = (
        "rotate_now", "confirm_rotation", "allow", "disallow", "change_facts", "declare_breached",
        "end_leases", "end_secret",
    )  # fmt: skip

    place = code_column("uri", "where it is")
    purpose_text = untrusted_column("purpose", OWNER_SIDE, "purpose")
    owner_link = link_column("owner", "owner")
    rotator_label = choice_column("rotator", {}, "rotated by")
    last_used = time_column("last_used_at", "last used")
    since = time_column("rotated_at", "its value is from")
    added = time_column("added_at", "added")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[SecretReference]":
        found: QuerySet[SecretReference] = super().get_queryset(request)
        live = SecretUse.objects.filter(ended_at__isnull=True).select_related("agent")
        waiting = SecretRotation.objects.filter(~Q(state__in=(RotationState.DONE, RotationState.DROPPED)))
        return found.select_related("owner").prefetch_related(
            Prefetch("allowed", live, to_attr="live_uses"),
            Prefetch("rotations", waiting, to_attr="open_ones"),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        secret = self.get_object(request, str(object_id))
        if secret is None or secret.ended_at is not None:
            return []
        actor = actor_of(request)
        if permissions.why_not_keep_secret(actor, secret):
            return []
        hidden = set() if permissions.why_not_administer_secrets(actor) is None else set(ADMINISTERED)
        if not any(rotation.state == RotationState.WAITING for rotation in secret.open_ones):
            hidden.add("confirm_rotation")
        offered: Iterable[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [each for each in offered if not any(each.action_name.endswith(name) for name in hidden)]

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = secret_references.add(
            actor=actor_of(request), slug=form.cleaned_data["slug"].strip(), facts=form.facts
        )
        return made, f"{made} is known. Say which agents may use it."

    @dialog_action(
        title="Rotate now",
        description="The portal writes another value where it can; otherwise its owner is asked to. The old "
        "version stays valid for the overlap.",
        submit="Rotate",
        permissions=("view",),
        icon="autorenew",
        reauthenticate=True,
    )
    def rotate_now(self, request: HttpRequest, form: Any, object_id: str) -> str:
        rotation = secret_rotations.rotate(actor=actor_of(request), secret=_secret(object_id))
        return f"{rotation.get_state_display()}. {rotation.error}".strip()

    @dialog_action(
        title="I have rotated it",
        description="The store holds the new value. The old version stays valid for the overlap; after a "
        "breach it ends at once.",
        submit="It is rotated",
        permissions=("view",),
        form_class=ConfirmForm,
        icon="task_alt",
    )
    def confirm_rotation(self, request: HttpRequest, form: Any, object_id: str) -> str:
        waiting = _secret(object_id).rotations.filter(state=RotationState.WAITING)
        rotation = waiting.select_related("secret").first()
        if rotation is None:
            raise Conflict("Nobody waits for a rotation of this secret any more.")
        done = secret_rotations.confirm(
            actor=actor_of(request), rotation=rotation, note=form.cleaned_data["note"]
        )
        return f"{done.get_state_display()}."

    @dialog_action(
        title="Allow an agent",
        description="For this action on this resource the agent gets the secret, whenever the decision point "
        "allows the call.",
        submit="Allow",
        permissions=("view",),
        form_class=AllowForm,
        icon="person_add",
        reauthenticate=True,
    )
    def allow(self, request: HttpRequest, form: Any, object_id: str) -> str:
        given = {name: form.cleaned_data[name] for name in ("agent", "action", "resource")}
        use = secret_references.allow(actor=actor_of(request), secret=_secret(object_id), **given)
        return f"{use.agent} may use it for: {use}."

    @dialog_action(
        title="Disallow",
        description="The agent gets it no more for this; its leases for it end.",
        submit="Disallow",
        permissions=("view",),
        form_class=DisallowForm,
        icon="person_remove",
    )
    def disallow(self, request: HttpRequest, form: Any, object_id: str) -> str:
        secret_references.disallow(actor=actor_of(request), use=form.cleaned_data["use"])
        return "Ended."

    @dialog_action(
        title="Change",
        description="What goes for it from now on. What it was before stays in its history.",
        submit="Save",
        permissions=("view",),
        form_class=ChangeSecretForm,
        icon="edit",
        reauthenticate=True,
    )
    def change_facts(self, request: HttpRequest, form: Any, object_id: str) -> str:
        secret_references.change(actor=actor_of(request), secret=_secret(object_id), facts=form.facts)
        return "Changed."

    @dialog_action(
        title="Declare breached",
        description="Nobody gets it until it is rotated, and its leases end. The rotation has no overlap: "
        "the old version ends with it.",
        submit="Declare breached",
        permissions=("view",),
        form_class=BreachForm,
        icon="gpp_bad",
        variant=ActionVariant.DANGER,
    )
    def declare_breached(self, request: HttpRequest, form: Any, object_id: str) -> str:
        rotation = secret_rotations.declare_breached(
            actor=actor_of(request), secret=_secret(object_id), what=form.cleaned_data["what"]
        )
        return f"Nobody gets it until it is rotated. Its rotation: {rotation.get_state_display().lower()}."

    @dialog_action(
        title="End leases",
        description="Whoever holds it now has to ask again. What left the portal can only be made worthless "
        "by a rotation.",
        submit="End leases",
        permissions=("view",),
        icon="timer_off",
        variant=ActionVariant.DANGER,
    )
    def end_leases(self, request: HttpRequest, form: Any, object_id: str) -> str:
        number = leases.end_leases_of_secret(actor=actor_of(request), secret=_secret(object_id))
        return f"{number} ended."

    @dialog_action(
        title="End",
        description="Nobody gets it from now on. The store keeps it.",
        submit="End",
        permissions=("view",),
        form_class=EndForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def end_secret(self, request: HttpRequest, form: Any, object_id: str) -> str:
        secret_references.end(
            actor=actor_of(request), secret=_secret(object_id), reason=form.cleaned_data["reason"]
        )
        return "Ended."

    @admin.display(description="store", ordering="uri")
    def store(self, secret: SecretReference) -> str:
        scheme = secret.uri.partition(":")[0]
        return secrets.BROKERS[scheme].title if scheme in secrets.BROKERS else scheme

    @admin.display(description="agents")
    def agents(self, secret: Any) -> SafeString:
        return show_list(sorted({use.agent.slug for use in secret.live_uses}))

    @admin.display(description="next rotation", ordering="rotated_at")
    def next_rotation(self, secret: SecretReference) -> SafeString:
        return show_time(secret_selectors.next_rotation(secret))

    @admin.display(description="terms")
    def policy(self, secret: SecretReference) -> SafeString:
        after = [f"after {secret.rotate_uses} uses"] if secret.rotate_uses else []
        return show_list([*after, *secret.rotate_on, f"overlap {secret.overlap_hours} h"])

    @admin.display(description="uses since then")
    def uses_text(self, secret: SecretReference) -> str:
        return str(secret.uses)

    @admin.display(description="state", ordering="ended_at")
    def state(self, secret: Any) -> SafeString:
        if secret.ended_at:
            return show_label("Ended", "default")
        if secret.breached_at:
            return show_label("Breached", "danger")
        if secret.open_ones:
            return show_choice(secret.open_ones[0], "state", LABELS)
        return show_label("In use", "success")

    @admin.display(description="added by")
    def adder(self, secret: SecretReference) -> str:
        return show_who(secret.added_by)


def _secret(object_id: str) -> SecretReference:
    found: SecretReference = row_of(SecretReference.objects.all(), object_id)
    return found
