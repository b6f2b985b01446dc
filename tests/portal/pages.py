"""Opening the admin's pages in tests, and what fills them."""

from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.models import Person
from audits.actor import Actor
from audits.choices import Action
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


def fill(owner: Person, number: int) -> None:
    work.fill(owner, number)
    happen(number)
