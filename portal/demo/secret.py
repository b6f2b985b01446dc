"""A secret is a reference: its value is read for one call, after a decision, and shown to nobody."""

import secrets
from pathlib import Path

from django.conf import settings

from agents.choices import RotationState
from agents.models import SecretLease, SecretReference
from agents.services import secret_delivery, secret_references, secret_rotations, tokens
from portal.demo.order_desk import OrderDesk
from portal.demo.people import ADMINISTRATOR, STEWARD
from portal.demo.scene import Story

SLUG, READ = "carrier-key", "read_secret"
RESOURCE = f"secret/{SLUG}"


def play(story: Story, desk: OrderDesk) -> None:
    screen = story.screen
    screen.chapter("A secret by reference")
    if not settings.SECRETS_DIR:
        screen.note("left out: COUNTERSIGN_SECRETS_DIR is not set, so no file holds secrets here")
        return
    _store()
    secret = SecretReference.objects.filter(slug=SLUG).first() or _add(story, desk)
    screen.step(f"{secret} is at {secret.uri}; {secret.owner} owns it, and lets {desk.agent.name} use it")
    _deliver(story, desk, secret)
    lease = SecretLease.objects.filter(secret=secret).latest("leased_at")
    lived = round((lease.expires_at - lease.leased_at).total_seconds())
    screen.step(f"its copy got it for one call, after a decision: a lease of {lived} s; the value is nowhere")
    _rotate(story, secret)


def _store() -> Path:
    """Another value in the file, as whoever keeps the carrier's account would put there."""
    folder = Path(settings.SECRETS_DIR).resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / SLUG
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return path


def _add(story: Story, desk: OrderDesk) -> SecretReference:
    steward = story.people[STEWARD]
    secret = secret_references.add(
        actor=story.people[ADMINISTRATOR].actor,
        slug=SLUG,
        facts=secret_references.Facts(
            uri=_store().as_uri(), purpose="Asks the carrier where a parcel is.", owner=steward
        ),
    )
    secret_references.allow(
        actor=steward.actor, secret=secret, agent=desk.agent, action=READ, resource=RESOURCE
    )
    return secret


def _deliver(story: Story, desk: OrderDesk, secret: SecretReference) -> None:
    url = secret_delivery.address()
    asked = desk.copy.asks(READ, RESOURCE, at=url, intent="Ask the carrier where parcel 99 is.")
    token = tokens.issue(asked=asked).token
    with secret_delivery.deliver(token=token, proof=desk.copy.proof(url, token), url=url) as delivered:
        story.screen.require(delivered.name == secret.slug, "Another secret was delivered.")


def _rotate(story: Story, secret: SecretReference) -> None:
    """A person makes the new value where it is used, stores it, and says so."""
    screen, owner = story.screen, secret.owner
    rotation = secret_rotations.rotate(actor=owner.actor, secret=secret)
    screen.step(
        f"{owner} wants it rotated: it waits for whoever can make a new one, until {rotation.due_at:%d %B}"
    )
    _store()
    done = secret_rotations.confirm(
        actor=owner.actor, rotation=rotation, note="Made anew at the carrier, and stored."
    )
    screen.require(done.state == RotationState.OVERLAPPING, f"The rotation is {done.state}.")
    screen.step(f"rotated; the old value counts for {secret.overlap_hours} h more, and then ends")
