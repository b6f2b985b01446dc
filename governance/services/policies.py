"""The text of policy versions: drafted, edited, validated, withdrawn; and the first of an installation.

Whatever decides has been validated and approved by two people (`policy_votes`); the database refuses an
active version without. Only the first version of an empty installation is applied without: there is nobody
to ask yet, and nothing is allowed until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from agents.models import Person
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import cedar, policy_permissions
from governance.choices import PolicyState
from governance.models import PolicyVersion
from governance.services import elevations, policy_telling

NO_ENTITIES = "[]"
LONGEST_TITLE = 200
MAX_FILES, MAX_CHARACTERS = 100, 512 * 1024


@dataclass(frozen=True, slots=True)
class Text:
    """What a version consists of, as its author wrote it."""

    policies: Mapping[str, str]
    schema: str
    entities: str
    title: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """What the row holds of it, with the digests."""
        return {
            "policies": dict(self.policies),
            "schema": self.schema,
            "entities": self.entities,
            "title": self.title,
            **cedar.digests(self.policies, self.schema, self.entities),
        }


def apply(
    *,
    actor: Actor,
    policies: Mapping[str, str],
    schema: str,
    entities: str = NO_ENTITIES,
    author: Person | None = None,
    title: str = "",
) -> PolicyVersion:
    """Validate the policies; on an empty installation the machine's own command lets them decide at once.

    Everywhere else they are a validated version, which shadows, is proposed and approved before it decides.

    Write elevations that were approved under that one end: whoever approved them read other rules.

    Args:
        policies: file name to Cedar text.
        schema: the text of `schema.cedarschema`.
        entities: the text of `entities.json`.
        author: who wrote them, where a command brings them.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: there is no policy, or policies, schema and entities cannot be read or do not fit.
        Conflict: exactly this is active, or another version came about at the same moment.
    """
    with attempt(
        action=Action.POLICY_APPLIED, actor=actor, stream=SYSTEM_STREAM, object="policy_version/active"
    ):
        refuse(policy_permissions.against_writing(actor))
        text = Text(policies, schema, entities, title.strip())
        check(text)
        version = _made(actor, text, author)
        before = PolicyVersion.objects.filter(state=PolicyState.ACTIVE).first()
        if before and before.sha256 == version.sha256:
            raise Conflict(f"Exactly these policies are active already, as {before.label}.")
        version.state, version.validated_at = PolicyState.VALIDATED, version.drafted_at
        version.is_first = actor.kind == "system" and version.number == 1
        if version.is_first:
            version.state, version.applied_at = PolicyState.ACTIVE, version.drafted_at
        _insert(version)
        record(Action.POLICY_DRAFTED, actor, version)
        record(Action.POLICY_VALIDATED, actor, version)
        if version.is_first:
            record(Action.POLICY_APPLIED, actor, version, replaced=None, approved_by=[])
            elevations.end_for_policy(actor=actor)
    return version


def draft(
    *, actor: Actor, policies: Mapping[str, str], schema: str, entities: str = NO_ENTITIES, title: str = ""
) -> PolicyVersion:
    """Begin a version. A draft need not be valid; it decides nothing, and its author goes on editing it.

    Raises:
        Denied: the actor is no administrator; recorded.
        Invalid: it is empty, or larger than a version may be.
        Conflict: another version came about at the same moment.
    """
    with attempt(
        action=Action.POLICY_DRAFTED, actor=actor, stream=SYSTEM_STREAM, object="policy_version/draft"
    ):
        refuse(policy_permissions.against_writing(actor))
        text = Text(policies, schema, entities, title.strip())
        _check_size(text)
        version = _made(actor, text)
        _insert(version)
        record(Action.POLICY_DRAFTED, actor, version)
    return version


def edit(
    *,
    actor: Actor,
    version: PolicyVersion,
    policies: Mapping[str, str],
    schema: str,
    entities: str = NO_ENTITIES,
    title: str = "",
) -> PolicyVersion:
    """Change a draft.

    Raises:
        Denied: the actor did not write it; recorded.
        Invalid: it is empty, or larger than a version may be.
        Conflict: it is no draft any more.
    """
    with attempt(
        action=Action.POLICY_EDITED, actor=actor, stream=SYSTEM_STREAM, object=f"policy_version/{version.pk}"
    ):
        held = hold(version.pk)
        refuse(policy_permissions.against_editing(actor, held))
        require(held, PolicyState.DRAFT, "What was validated does not change. Begin another draft from it.")
        text = Text(policies, schema, entities, title.strip())
        _check_size(text)
        for name, value in text.columns.items():
            setattr(held, name, value)
        held.save()
        record(Action.POLICY_EDITED, actor, held)
    return held


def validate(*, actor: Actor, version: PolicyVersion) -> PolicyVersion:
    """Check a draft against its schema; from then on it never changes again.

    Raises:
        Denied: the actor is no administrator; recorded.
        Invalid: policies, schema and entities cannot be read or do not fit; it says where.
        Conflict: it is no draft any more.
    """
    with attempt(
        action=Action.POLICY_VALIDATED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    ):
        held = hold(version.pk)
        refuse(policy_permissions.against_writing(actor))
        require(held, PolicyState.DRAFT, "It is validated already.")
        check(Text(held.policies, held.schema, held.entities))
        held.state, held.validated_at = PolicyState.VALIDATED, timezone.now()
        held.save(update_fields=["state", "validated_at"])
        record(Action.POLICY_VALIDATED, actor, held)
    return held


def withdraw(*, actor: Actor, version: PolicyVersion, reason: str) -> PolicyVersion:
    """Give a version up that never decided. It stays to be read.

    Raises:
        Denied: the actor neither wrote it nor administers; recorded.
        Invalid: no reason is given.
        Conflict: it decides, decided, or is withdrawn.
    """
    if not reason.strip():
        raise Invalid("Say why it is withdrawn.", fields={"reason": "must not be empty"})
    with attempt(
        action=Action.POLICY_WITHDRAWN,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"policy_version/{version.pk}",
    ):
        held = hold(version.pk)
        refuse(policy_permissions.against_withdrawing(actor, held))
        if held.state in policy_permissions.ENDED:
            raise Conflict(f"{held.label} is {held.get_state_display().lower()}: it is not withdrawn.")
        close(actor, held, reason.strip())
    return held


def close(actor: Actor, version: PolicyVersion, reason: str) -> None:
    """End a held version that never decided. Must run inside the transaction of the act."""
    now = timezone.now()
    version.shadow_ended_at = version.shadow_ended_at or (now if version.shadow_started_at else None)
    version.state, version.withdrawn_at, version.reason = PolicyState.WITHDRAWN, now, reason
    version.save()
    policy_telling.settled(version=version, actor=actor)
    record(Action.POLICY_WITHDRAWN, actor, version, reason=reason)


def hold(version_id: UUID) -> PolicyVersion:
    """The version as it is now; every version is held until the transaction ends, so that one act follows
    another."""
    list(PolicyVersion.objects.select_for_update(no_key=True).order_by("number").values_list("pk", flat=True))
    return PolicyVersion.objects.get(pk=version_id)


def require(version: PolicyVersion, state: PolicyState, otherwise: str) -> None:
    """
    Raises:
        Conflict: it is in another state.
    """
    if version.state != state:
        raise Conflict(f"{version.label} is {version.get_state_display().lower()}. {otherwise}")


def check(text: Text) -> cedar.Policies:
    """The parsed version.

    Raises:
        Invalid: there is no policy, or something cannot be read or does not fit; it says where.
    """
    _check_size(text)
    try:
        return cedar.load(text.policies, text.schema, text.entities)
    except cedar.PolicyError as error:
        raise Invalid(str(error)) from error


def record(action: Action, actor: Actor, version: PolicyVersion, **more: JSON) -> None:
    """The event of an act on a version, named by its digest."""
    ledger.record(
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=f"policy_version/{version.pk}",
        body={
            "version": version.label,
            "title": version.title,
            "author": f"person/{version.author_id}" if version.author_id else version.drafted_by,
            "files": sorted(version.policies),
            "policies_sha256": version.policies_sha256,
            "schema_sha256": version.schema_sha256,
            "entities_sha256": version.entities_sha256,
            **more,
        },
        policy={"version": version.label, "sha256": version.sha256},
    )


def _check_size(text: Text) -> None:
    if not text.policies:
        raise Invalid("There is no policy.", fields={"policies": "Give at least one *.cedar file."})
    texts = (*text.policies.values(), *text.policies, text.schema, text.entities, text.title)
    if any("\0" in each for each in texts):
        raise Invalid("The policies hold U+0000. Save them as text.")
    if len(text.policies) > MAX_FILES or sum(map(len, texts)) > MAX_CHARACTERS:
        raise Invalid(f"A version has at most {MAX_FILES} files and {MAX_CHARACTERS} characters.")
    if len(text.title) > LONGEST_TITLE:
        raise Invalid("The title is too long.", fields={"title": f"At most {LONGEST_TITLE} characters."})


def _made(actor: Actor, text: Text, author: Person | None = None) -> PolicyVersion:
    last = PolicyVersion.objects.aggregate(last=Max("number"))["last"] or 0
    person = UUID(actor.id) if actor.kind == "person" else None
    return PolicyVersion(
        id=new_id(),
        number=last + 1,
        author_id=author.pk if author else person,
        drafted_by=actor.ref,
        drafted_at=timezone.now(),
        **text.columns,
    )


def _insert(version: PolicyVersion) -> None:
    try:
        with transaction.atomic():
            version.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("Another version came about at the same moment. Look, and do it again.") from error
