"""`manage.py serve`: one process, a web server and a worker."""

import time
import urllib.error
import urllib.request

import pytest

from tests.processes.installation import Installation


def read(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
        return response.status, response.read().decode("utf-8", "replace")


def test_it_serves_pages_and_their_styles(installation: Installation) -> None:
    address = installation.serve()
    status, page = read(f"{address}/")
    assert status == 200
    assert "Countersign" in page
    links = [part.split('"')[0] for part in page.split('href="')[1:]]
    styles = [link for link in links if ".css" in link]
    assert styles
    assert all(link.startswith("/static/") for link in styles), "styles come from this machine alone"
    for link in styles:
        assert read(address + link)[0] == 200


def test_it_works_off_what_another_process_queued(installation: Installation) -> None:
    queued = installation.manage("shell", "-c", QUEUE_A_BUNDLE)
    assert queued.returncode == 0, queued.stderr
    installation.serve()
    deadline = time.monotonic() + 40
    state = ""
    while state not in {"ready", "failed"} and time.monotonic() < deadline:
        time.sleep(0.5)
        state = installation.manage("shell", "-c", BUNDLE_STATE).stdout.split()[-1]
    assert state == "ready", installation.logs()


def test_several_processes_need_a_shared_queue(installation: Installation) -> None:
    refused = installation.manage("serve", "--processes", "2")
    assert refused.returncode == 2
    assert "REDIS_URL" in refused.stderr


def test_an_unknown_host_is_refused(installation: Installation) -> None:
    request = urllib.request.Request(  # noqa: S310
        installation.serve() + "/admin/", headers={"Host": "elsewhere.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310
    with caught.value as refusal:
        assert refusal.code == 400


QUEUE_A_BUNDLE = """
from audits.actor import Actor
from audits.services import bundles
bundles.request(actor=Actor.system("test"), kind="agent", streams=["system"], subject="system")
"""
BUNDLE_STATE = "from audits.models import Bundle; print(Bundle.objects.latest('pk').state)"
