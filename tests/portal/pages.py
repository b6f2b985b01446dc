"""Opening the admin's pages in tests, and what fills them."""

from uuid import uuid4

from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents.models import Person
from audits.actor import Actor
from audits.choices import Action, AnchorLevel, AnchorState, KeyPurpose
from audits.models import Anchor, Case, Hold, Key, Redaction, RetentionRule, SinkCursor, Tombstone
from audits.services import ledger, sealing
from tests.portal import work

ROOMS = ("audits", "agents")
MODELS = {model._meta.label_lower: model for model in admin.site._registry if model._meta.app_label in ROOMS}


def listing(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def address(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def page(client: Client, where: str) -> str:
    response = client.get(where)
    assert response.status_code == 200
    return response.content.decode()


def queries(client: Client, where: str) -> int:
    """What a page asks of the database; not what is asked once until something happens, or once a minute."""
    page(client, where)
    return min(asked(client, where) for _ in range(2))


def asked(client: Client, where: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        page(client, where)
    return len(captured)


def happen(count: int) -> None:
    """Events with a hostile body, each sealed under a checkpoint of its own."""
    for number in range(count):
        with transaction.atomic():
            ledger.record(
                stream="agent/one",
                action=Action.RUN_QUEUED,
                actor=Actor.system("tester"),
                object=f"run/{number}",
                body={"text": work.HOSTILE},
            )
        sealing.seal()


def sinks(count: int) -> None:
    """Sinks that failed with a hostile word of the receiver."""
    SinkCursor.objects.bulk_create(
        SinkCursor(name=f"cef+file:///var/log/{uuid4()}", failing_since=timezone.now(), error=work.HOSTILE)
        for _ in range(count)
    )


def keys_and_anchors(count: int) -> None:
    """Keys that ended, and anchors that failed with a hostile word from outside."""
    now = timezone.now()
    Key.objects.bulk_create(
        Key(
            id=uuid4().hex[:8],
            purpose=KeyPurpose.SEAL,
            verifier=work.HOSTILE,
            first_size=0,
            last_size=1,
            ended=work.HOSTILE,
            created_at=now,
        )
        for _ in range(count)
    )
    Anchor.objects.bulk_create(
        Anchor(
            sink=f"file:/var/log/{uuid4()}",
            level=AnchorLevel.COPIED,
            size=1,
            note=work.HOSTILE,
            state=AnchorState.FAILED,
            created_at=now,
            error=work.HOSTILE,
            check_problem=work.HOSTILE,
            receipt=work.HOSTILE.encode(),
        )
        for _ in range(count)
    )


def disposal(count: int) -> None:
    """Cases, holds, rules, erasures, redactions and tombstones, with hostile words of those who asked."""
    now = timezone.now()
    for _ in range(count):
        name = str(uuid4())
        case = Case.objects.create(
            name=f"{work.HOSTILE} {name}", description=work.HOSTILE, subjects=["agent/one"],
            opened_by="person/x", opened_at=now,
        )  # fmt: skip
        Hold.objects.create(
            title=work.HOSTILE, scope="case", case=case, reason=work.HOSTILE, placed_by="person/x",
            placed_at=now,
        )  # fmt: skip
        RetentionRule.objects.create(framework=name, days=9, source=work.HOSTILE, note=work.HOSTILE)
        with transaction.atomic():
            told = ledger.record(
                stream="system",
                action=Action.SUBJECT_ERASED,
                actor=Actor.system("tester"),
                object=f"person/{name}",
                body={"subject": f"person/{name}", "reason": work.HOSTILE, "keys": []},
            )
        low = -2 * Tombstone.objects.count() - 2  # where no entry is
        Redaction.objects.create(event_id=uuid4(), by=told.pk, redacted_at=now)
        Tombstone.objects.create(low=low, high=low + 1, root=b"r" * 32, by=told.pk, pruned_at=now)


def fill(owner: Person, number: int) -> None:
    work.fill(owner, number)
    disposal(number)
    happen(number)
    sinks(number)
    keys_and_anchors(number)
