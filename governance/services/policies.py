"""Policy versions: Cedar policies are applied as a whole, by this service alone."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import cedar, permissions
from governance.choices import PolicyState
from governance.models import PolicyVersion

NO_ENTITIES = "[]"


def apply(
    *, actor: Actor, policies: Mapping[str, str], schema: str, entities: str = NO_ENTITIES
) -> PolicyVersion:
    """Validate the policies and let them decide from now on; the version before is replaced.

    Args:
        policies: file name to Cedar text.
        schema: the text of `schema.cedarschema`.
        entities: the text of `entities.json`.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: there is no policy, or policies, schema and entities cannot be read or do not fit.
        Conflict: exactly this is active, or another version was applied at the same moment.
    """
    with attempt(
        action=Action.POLICY_APPLIED, actor=actor, stream=SYSTEM_STREAM, object="policy_version/active"
    ):
        refuse(permissions.against_applying_policies(actor))
        _check(policies, schema, entities)
        version = _version(actor, policies, schema, entities)
        before = PolicyVersion.objects.select_for_update().filter(state=PolicyState.ACTIVE).first()
        if before and before.sha256 == version.sha256:
            raise Conflict(f"Exactly these policies are active already, as {before.label}.")
        _replace(before, version)
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.POLICY_APPLIED,
            actor=actor,
            object=f"policy_version/{version.pk}",
            body={
                "version": version.label,
                "files": sorted(policies),
                "policies_sha256": version.policies_sha256,
                "schema_sha256": version.schema_sha256,
                "entities_sha256": version.entities_sha256,
                "replaced": before.label if before else None,
            },
            policy={"version": version.label, "sha256": version.sha256},
        )
    return version


def _check(policies: Mapping[str, str], schema: str, entities: str) -> None:
    if not policies:
        raise Invalid("There is no policy.", fields={"policies": "Give at least one *.cedar file."})
    if any("\0" in text for text in (*policies.values(), *policies, schema, entities)):
        raise Invalid("The policies hold U+0000. Save them as text.")
    try:
        cedar.load(policies, schema, entities)
    except cedar.PolicyError as error:
        raise Invalid(str(error)) from error


def _version(actor: Actor, policies: Mapping[str, str], schema: str, entities: str) -> PolicyVersion:
    last = PolicyVersion.objects.aggregate(last=Max("number"))["last"] or 0
    return PolicyVersion(
        id=new_id(),
        number=last + 1,
        policies=dict(policies),
        schema=schema,
        entities=entities,
        applied_at=timezone.now(),
        applied_by=actor.ref,
        **cedar.digests(policies, schema, entities),
    )


def _replace(before: PolicyVersion | None, version: PolicyVersion) -> None:
    try:
        with transaction.atomic():
            if before:
                PolicyVersion.objects.filter(pk=before.pk).update(
                    state=PolicyState.REPLACED, replaced_at=version.applied_at
                )
            version.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("Another version was applied at the same moment. Look, and apply again.") from error
