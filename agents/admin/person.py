from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from agents import permissions
from agents.choices import LABELS
from agents.models import Agent, Person, Session
from agents.services import people, second_factors
from audits.admin.base import ActionVariant, AddByService, DialogForm, Section, ServiceForm, dialog_action
from audits.admin.reader import actor_of
from audits.admin.references import found_by, is_uuid
from audits.admin.rows import row_of
from audits.admin.show import show_choice, show_label, show_link, show_list, show_time, time_column
from audits.services import erasure

FOUND = 10


class AddPersonForm(ServiceForm):
    """The input of `people.add_person`."""

    username = forms.CharField(max_length=150)
    first_name = forms.CharField(max_length=150)
    last_name = forms.CharField(max_length=150)
    email = forms.EmailField()
    password = forms.CharField(
        required=False,
        empty_value=None,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. Empty for somebody who comes by an identity provider, or by the "
        "link that you make on their page.",
    )
    groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.order_by("name"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="What the person may see and ask for. A seat on the board is assigned separately.",
    )
    is_administrator = forms.BooleanField(required=False, label="Administrator")


def _found(text: str) -> list[str]:
    """The ids of the people who are called so, for searches of the ledger."""
    names = Person.objects.annotate(full=Concat("first_name", Value(" "), "last_name"))
    fits = Q(username__iexact=text) | Q(full__icontains=text)
    return [str(pk) for pk in names.filter(fits).order_by("pk").values_list("pk", flat=True)[:FOUND]]


found_by("person", _found)


class AmendPersonForm(DialogForm):
    """The input of `people.amend_person`, filled with what stands now."""

    username = forms.CharField(max_length=150, help_text="The name by which they sign in.")
    first_name = forms.CharField(max_length=150, required=False)
    last_name = forms.CharField(max_length=150, required=False)
    email = forms.EmailField(required=False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        person = Person.objects.filter(pk=self.object_id).first() if is_uuid(self.object_id) else None
        for name, field in self.fields.items():
            field.initial = getattr(person, name, "")


class GroupsForm(DialogForm):
    """The input of `people.assign_groups`, filled with what stands now."""

    groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.order_by("name"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="What the person may see and ask for. A seat on the board is assigned separately.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        person = Person.objects.filter(pk=self.object_id).first() if is_uuid(self.object_id) else None
        self.fields["groups"].initial = person.groups.all() if person else ()


class ErasePersonForm(DialogForm):
    """The input of `erasure.erase`."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), help_text="It stays for good: name nobody."
    )
    request_reference = forms.CharField(
        required=False,
        max_length=200,
        label="Request",
        help_text="Reference of the person's request, if any.",
    )


OWNED = Section(
    name="agents",
    title="Agents this person answers for",
    model=Agent,
    rows=lambda person: person.owned_agents.all(),
    columns={
        "Agent": show_link,
        "Purpose": lambda agent: agent.purpose,
        "State": lambda agent: show_choice(agent, "state", LABELS),
    },
    empty="None.",
)


SESSIONS = Section(
    name="sessions",
    title="Sessions",
    model=Session,
    rows=lambda person: person.sign_ins.all(),
    columns={
        "Began": lambda session: show_link(session, f"{session.started_at:%Y-%m-%d %H:%M}"),
        "Last used": lambda session: show_time(session.seen_at),
        "From": lambda session: session.address or "",
        "By": lambda session: ", ".join(session.methods),
        "Ended": lambda session: show_time(session.ended_at),
        "Why": lambda session: session.get_end_reason_display(),
    },
    empty="Never signed in.",
)


@admin.register(Person)
class PersonAdmin(AddByService):
    """The people who sign in. Administrators add them; a person's password is shown nowhere."""

    ledger_kind = "person"

    add_form = AddPersonForm
    add_title = "Add a person"
    add_submit = "Add person"
    empty_text = "Nobody is registered yet."
    list_display = ("username", "full_name", "email", "group_names", "standing", "last_seen")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email", "external_id")
    search_help_text = "Name, username, e-mail, external id"
    fieldsets = (
        (
            None,
            {"fields": (("username", "full_name"), ("email", "standing"), ("group_names", "external_id"))},
        ),
        ("Sign-in", {"fields": (("joined", "last_seen"), "second_factors")}),
    )
    sections = (OWNED, SESSIONS)
    actions_detail = (
        "amend",
        "assign_groups",
        "deactivate",
        "reactivate",
        "invite",
        "reset_second_factors",
        "erase",
    )

    joined = time_column("date_joined", "joined")
    last_seen = time_column("last_login", "last sign-in")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        persons: QuerySet[Person] = super().get_queryset(request)
        return persons.prefetch_related("groups")

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        fields = dict(form.cleaned_data)
        fields["groups"] = [group.name for group in fields["groups"]]
        person = people.add_person(actor=actor_of(request), **fields)
        return person, f"{person} may sign in as {person.username}."

    def has_amend_permission(self, request: HttpRequest, object_id: str) -> bool:
        if self.get_object(request, object_id) is None:
            return False
        return permissions.why_not_administer_people(actor_of(request)) is None

    @dialog_action(
        title="Amend",
        description="What they are called, and the name by which they sign in. An agent that they answer for "
        "was approved with their username: with another one it goes before the board again.",
        submit="Save",
        permissions=["amend"],
        form_class=AmendPersonForm,
        icon="edit",
        reauthenticate=True,
    )
    def amend(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        person = row_of(Person.objects.all(), object_id)
        people.amend_person(
            actor=actor_of(request),
            person=person,
            username=form.cleaned_data["username"],
            first_name=form.cleaned_data["first_name"],
            last_name=form.cleaned_data["last_name"],
            email=form.cleaned_data["email"],
        )
        return "Saved."

    @dialog_action(
        title="Change groups",
        description="What they may see and ask for, from their next page on.",
        submit="Save",
        permissions=["amend"],
        form_class=GroupsForm,
        icon="group",
        reauthenticate=True,
    )
    def assign_groups(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        person = row_of(Person.objects.all(), object_id)
        names = [group.name for group in form.cleaned_data["groups"]]
        people.assign_groups(actor=actor_of(request), person=person, groups=names)
        return "Saved."

    def has_deactivate_permission(self, request: HttpRequest, object_id: str) -> bool:
        person: Person | None = self.get_object(request, object_id)
        if person is None or not person.is_active:
            return False
        return permissions.why_not_deactivate(actor_of(request), person) is None

    def has_reactivate_permission(self, request: HttpRequest, object_id: str) -> bool:
        person: Person | None = self.get_object(request, object_id)
        if person is None or person.is_active:
            return False
        return permissions.why_not_administer_people(actor_of(request)) is None

    @dialog_action(
        title="Deactivate",
        description="The person cannot sign in any more, and their seat ends. The agents that they own write "
        "no more, and read only as long as their risk class lets them: somebody else has to accept them.",
        submit="Deactivate",
        permissions=["deactivate"],
        icon="block",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def deactivate(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        people.deactivate(actor=actor_of(request), person=row_of(Person.objects.all(), object_id))
        return "Deactivated. Agents of this person have no owner from this moment."

    @dialog_action(
        title="Reactivate",
        description="The person can sign in again. Agents that they owned are offered to them, or to others.",
        submit="Reactivate",
        permissions=["reactivate"],
        icon="undo",
    )
    def reactivate(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        people.reactivate(actor=actor_of(request), person=row_of(Person.objects.all(), object_id))
        return "Reactivated. The person can sign in again."

    @dialog_action(
        title="Erase",
        description=(
            "Their names everywhere in the ledger, the payloads of their stream and this account go. "
            "See first, on the page of redactions, where others quote them."
        ),
        submit="Erase for good",
        permissions=["audits.add_erasure"],
        form_class=ErasePersonForm,
        icon="ink_eraser",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def erase(self, request: HttpRequest, form: Any, object_id: str) -> str:
        person = row_of(Person.objects.all(), object_id)
        erasure.erase(
            actor=actor_of(request),
            subject=f"person/{person.pk}",
            reason=form.cleaned_data["reason"],
            request=form.cleaned_data["request_reference"],
        )
        return "Erased. The page of erasures leads to the event that proves it."

    def has_invite_permission(self, request: HttpRequest, object_id: str) -> bool:
        person: Person | None = self.get_object(request, object_id)
        if person is None or not person.is_active:
            return False
        return permissions.why_not_administer_people(actor_of(request)) is None

    def has_reset_permission(self, request: HttpRequest, object_id: str) -> bool:
        person: Person | None = self.get_object(request, object_id)
        if person is None or not Authenticator.objects.filter(user=person).exists():
            return False
        return permissions.why_not_reset_second_factors(actor_of(request), person) is None

    @dialog_action(
        title="Make a way in",
        description="A link with which the person chooses a password, once. Give it to them by a way that "
        "only they can read; whoever has it first takes the account.",
        submit="Make the link",
        permissions=["invite"],
        icon="link",
        reauthenticate=True,
    )
    def invite(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        person = row_of(Person.objects.all(), object_id)
        token = people.invite(actor=actor_of(request), person=person)
        address = request.build_absolute_uri(reverse("invitation", args=[person.pk, token]))
        return f"Shown only now: {address}"

    @dialog_action(
        title="Reset second factors",
        description="For somebody who has lost them. All of them stop working and the person's sessions end; "
        "make sure that it is really them who asks.",
        submit="Reset",
        permissions=["reset"],
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def reset_second_factors(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        second_factors.reset(actor=actor_of(request), person=row_of(Person.objects.all(), object_id))
        return "Reset. Where a second factor is required, the person adds one at the next sign-in."

    @admin.display(description="second factors")
    def second_factors(self, person: Person) -> SafeString:
        """Which kinds, never more."""
        kinds = Authenticator.objects.filter(user=person).order_by("pk")
        return show_list([kind.get_type_display() for kind in kinds])

    @admin.display(description="name", ordering="last_name")
    def full_name(self, person: Person) -> str:
        return person.get_full_name()

    @admin.display(description="groups")
    def group_names(self, person: Person) -> SafeString:
        return show_list([group.name for group in person.groups.all()])

    @admin.display(description="standing")
    def standing(self, person: Person) -> SafeString:
        if not person.is_active:
            return show_label("Inactive", "danger")
        return (
            show_label("Administrator", "primary") if person.is_superuser else show_label("Active", "success")
        )
