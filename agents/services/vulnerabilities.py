"""The local mirror of NVD: loading files of records."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents import permissions, strict_json
from agents.choices import RecordSource
from agents.models import Vulnerability
from agents.nvd import mirror
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Invalid
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

BATCH = 500


def load(*, actor: Actor, files: Sequence[tuple[str, bytes]]) -> int:
    """Load NVD records from files (name, content) into the mirror: all of them, or nothing.

    A record that NVD changed later than the one in the file is kept. Returns how many were taken.

    Raises:
        Invalid: a file is not readable as NVD records; names the file and the record.
        Denied: the actor may not change the mirror; recorded.
    """
    with attempt(
        action=Action.VULNERABILITIES_LOADED, actor=actor, stream=SYSTEM_STREAM, object="vulnerabilities"
    ):
        refuse(permissions.why_not_load_vulnerabilities(actor))
    newest: dict[str, Mapping[str, Any]] = {}
    try:
        for name, content in files:
            for cve in mirror.read(name, content):
                known = newest.get(cve["id"])
                if known is None or known["lastModified"] <= cve["lastModified"]:
                    newest[cve["id"]] = cve
    except mirror.MirrorError as error:
        raise Invalid(str(error)) from error
    with transaction.atomic():
        taken = _store(newest)
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.VULNERABILITIES_LOADED,
            actor=actor,
            object="vulnerabilities",
            body={
                "files": [
                    {"file_name": name, "sha256": hashlib.sha256(content).hexdigest()}
                    for name, content in files
                ],
                "records": len(newest),
                "taken": taken,
            },
        )
    return taken


def _store(records: Mapping[str, Mapping[str, Any]]) -> int:
    names, taken = list(records), 0
    now = timezone.now()
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        known = dict(Vulnerability.objects.filter(pk__in=batch).values_list("pk", "last_modified"))
        rows = [
            Vulnerability(
                cve_id=name,
                record=strict_json.storable(records[name]),
                source=RecordSource.MIRROR,
                last_modified=strict_json.storable_text(records[name]["lastModified"])[:32],
                fetched_at=now,
            )
            for name in batch
            if known.get(name, "") <= records[name]["lastModified"]
        ]
        Vulnerability.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["cve_id"],
            update_fields=["record", "source", "last_modified", "fetched_at"],
        )
        taken += len(rows)
    return taken
