"""An auditor takes the evidence home and verifies it, trusting nobody here."""

import tempfile
import zipfile
from pathlib import Path

from agents.models import Agent
from audits.choices import BundleKind, BundleState
from audits.models import Bundle
from audits.queue import enqueue
from audits.services import bundles
from audits.tasks import build_bundle
from portal.demo.auditor import damage, verify
from portal.demo.people import AUDITOR
from portal.demo.scene import Story


def the_auditor_asks(story: Story, agent: Agent) -> Bundle:
    screen = story.screen
    screen.chapter("An auditor asks for the evidence")
    bundle = bundles.request(
        actor=story.people[AUDITOR].actor, kind=BundleKind.AGENT, streams=[agent.stream], subject=agent.slug
    )
    enqueue(build_bundle, str(bundle.pk))

    def built() -> bool:
        bundle.refresh_from_db()
        return bundle.state in {BundleState.READY, BundleState.FAILED}

    story.wait_for("a worker builds the bundle", built)
    screen.require(bundle.state == BundleState.READY, f"The bundle {bundle.state}: {bundle.error}")
    size = f"{bundle.event_count} events, {bundle.size // 1024} KiB"
    screen.step(f"{bundle.file_name}: {size}, completeness: {bundle.completeness}")
    return bundle


def the_auditor_verifies(story: Story, bundle: Bundle) -> None:
    """In a process of its own that imports nothing of ours, with the key that the auditor already had."""
    screen = story.screen
    screen.chapter("…and verifies it, offline, trusting nobody here")
    path = bundle.path
    with tempfile.TemporaryDirectory() as scratch:
        verifier = Path(scratch) / "verify.py"
        with zipfile.ZipFile(path) as archive:
            verifier.write_bytes(archive.read("verify.py"))
        code, output = verify(verifier, path)
        screen.note(output.replace("\n", "\n     "))
        screen.require(code == 0, f"The bundle does not verify (exit code {code}).")
        screen.step("verified")
        damaged = Path(scratch) / "damaged.zip"
        damage(path, damaged)
        code, output = verify(verifier, damaged)
        screen.require(code == 1, f"A flipped byte was not found (exit code {code}).")
        screen.refused("the same bundle with one byte flipped")
        screen.note(output.strip().splitlines()[-1])
