"""Who is signed in, from where, and which names are locked."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from agents import permissions
from agents.choices import SessionEnd
from agents.models import Lockout, Session
from agents.services import sessions
from audits.admin.base import ActionVariant, DialogForm, Gone, ReadOnlyAdmin, dialog_action
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import link_column, show_label, show_time, time_column


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions of everybody. Their cookies are not here: nobody can use what this page shows."""

    ledger_kind = "session"

    empty_text = "Nobody has signed in yet."
    list_display = ("began", "person", "standing", "address", "how", "last_used")
    list_filter = ("end_reason",)
    list_select_related = ("person",)
    search_fields = ("person__username", "person__first_name", "person__last_name", "address")
    search_help_text = "Person, address"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("person_link", "standing"),
                    ("began", "last_used"),
                    ("address", "how"),
                    "user_agent",
                )
            },
        ),
    )
    actions_detail = ("end_session",)

    person_link = link_column("person", "person")
    began = time_column("started_at", "began")
    last_used = time_column("seen_at", "last used")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows: QuerySet[Session] = super().get_queryset(request)
        return rows.select_related("person")

    def has_end_permission(self, request: HttpRequest, object_id: str) -> bool:
        session: Session | None = self.get_object(request, object_id)
        if session is None or session.ended_at is not None:
            return False
        return permissions.why_not_end_session(actor_of(request), session) is None

    @dialog_action(
        title="End session",
        description="Whoever uses it is signed out with their next click.",
        submit="End session",
        permissions=["end"],
        icon="logout",
        variant=ActionVariant.DANGER,
    )
    def end_session(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        session = row_of(Session.objects.all(), object_id)
        sessions.end(actor=actor_of(request), session=session, reason=SessionEnd.ENDED)
        return "Ended."

    @admin.display(description="by", ordering="methods")
    def how(self, session: Session) -> str:
        return ", ".join(session.methods)

    @admin.display(description="standing", ordering="ended_at")
    def standing(self, session: Session) -> SafeString:
        if session.ended_at is None:
            return show_label("Open", "success")
        return show_label(session.get_end_reason_display(), "default")


@admin.register(Lockout)
class LockoutAdmin(ReadOnlyAdmin):
    """Failed sign-ins, and the names that are locked because of them."""

    list_title = "Failed sign-ins"
    empty_text = "No sign-in has failed lately."
    list_display = ("username", "ip_address", "failures_since_start", "standing", "last_failed", "until")
    search_fields = ("username", "ip_address")
    search_help_text = "Username, address"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("username", "ip_address"),
                    ("failures_since_start", "standing"),
                    ("last_failed", "until"),
                )
            },
        ),
    )
    actions_detail = ("lift",)

    last_failed = time_column("attempt_time", "last failed")

    def has_lift_permission(self, request: HttpRequest, object_id: str) -> bool:
        found = self.get_object(request, object_id)
        return found is not None and permissions.why_not_administer_people(actor_of(request)) is None

    @dialog_action(
        title="Lift",
        description="The name may be tried again from this address at once.",
        submit="Lift",
        permissions=["lift"],
        icon="lock_open",
        reauthenticate=True,
    )
    def lift(self, request: HttpRequest, form: DialogForm, object_id: str) -> Gone:
        lockout = row_of(Lockout.objects.all(), object_id)
        sessions.lift_lockout(actor=actor_of(request), lockout=lockout)
        return Gone("Lifted.")

    @admin.display(description="standing")
    def standing(self, lockout: Lockout) -> SafeString:
        locked = lockout.is_locked and lockout.ends_at > timezone.now()
        return show_label("Locked", "danger") if locked else show_label("Counted", "default")

    @admin.display(description="locked until")
    def until(self, lockout: Lockout) -> SafeString | str:
        return show_time(lockout.ends_at) if lockout.is_locked else ""
