"""The lookup: fresh record, API, stale record with a note, or the reason why not; and the mirror."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from agents import nvd, outbound
from agents.choices import LookupOutcome, RecordSource
from agents.models import Person, RateLimit, Vulnerability
from agents.nvd.lookups import NvdAnswer
from agents.services import vulnerabilities
from audits.actor import Actor
from audits.errors import Denied, Invalid
from audits.models import Event
from tests.agents.test_nvd_records import cve

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
NAME = "CVE-2024-0001"


@pytest.fixture
def online(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """NVD may be asked, and the rate limit does not make the test wait."""
    settings.NVD_ONLINE = True
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return settings


def stored(age: timedelta = timedelta(0), source: RecordSource = RecordSource.API) -> Vulnerability:
    return Vulnerability.objects.create(
        cve_id=NAME,
        record=cve(vulnStatus="Stored"),
        source=source,
        last_modified="2024-02-01T00:00:00.000",
        fetched_at=timezone.now() - age,
    )


def asking(answer: Callable[[httpx2.Request], httpx2.Response]) -> tuple[NvdAnswer, list[httpx2.Request]]:
    requests: list[httpx2.Request] = []

    def recorded(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return answer(request)

    with outbound.replaced_by(httpx2.MockTransport(recorded)):
        return nvd.lookup(NAME), requests


def saying(*names: str, **more: Any) -> Callable[[httpx2.Request], httpx2.Response]:
    body = {"vulnerabilities": [{"cve": cve(name, **more)} for name in names]}
    return lambda _: httpx2.Response(200, content=json.dumps(body))


def test_nvd_is_asked_and_the_answer_kept(online: Settings) -> None:
    answer, requests = asking(saying(NAME))
    assert (answer.outcome, answer.reason) == (LookupOutcome.FOUND, "")
    assert answer.facts is not None
    assert answer.facts.description == "Bad."
    assert [str(request.url) for request in requests] == [f"{online.NVD_URL}?cveId={NAME}"]
    assert "apiKey" not in requests[0].headers
    kept = Vulnerability.objects.get(pk=NAME)
    assert (kept.source, kept.record["id"]) == (RecordSource.API, NAME)


def test_the_key_goes_with_the_request(online: Settings) -> None:
    online.NVD_API_KEY = "a-key"
    _, requests = asking(saying(NAME))
    assert requests[0].headers["apiKey"] == "a-key"


def test_a_fresh_record_is_not_asked_for_again(online: Settings) -> None:
    stored(timedelta(hours=online.NVD_MAX_AGE_HOURS) - timedelta(minutes=1))
    answer, requests = asking(saying(NAME))
    assert answer.facts is not None
    assert (answer.facts.status, requests) == ("Stored", [])


def test_a_stale_record_is_replaced(online: Settings) -> None:
    stored(timedelta(hours=online.NVD_MAX_AGE_HOURS, minutes=1))
    answer, requests = asking(saying(NAME))
    assert answer.facts is not None
    assert (answer.facts.status, len(requests)) == ("Analyzed", 1)
    assert Vulnerability.objects.get().record["vulnStatus"] == "Analyzed"


def test_a_stale_record_serves_with_a_note_where_nvd_fails(online: Settings) -> None:
    stored(timedelta(days=30))
    answer, _ = asking(lambda _: httpx2.Response(503))
    assert (answer.outcome, answer.temporary) == (LookupOutcome.FOUND, True)
    assert "HTTP 503" in answer.reason
    assert "is from" in answer.reason


@pytest.mark.parametrize(
    ("response", "reason", "temporary"),
    [
        (httpx2.Response(403), "HTTP 403", True),
        (httpx2.Response(429, headers={"Retry-After": "30"}), "HTTP 429", True),
        (httpx2.Response(500), "HTTP 500", True),
        (httpx2.Response(404), "HTTP 404", False),
        (httpx2.Response(302, headers={"Location": "http://127.0.0.1/"}), "HTTP 302", False),
        (httpx2.Response(200, content=b"<html>"), "not JSON", False),
        (httpx2.Response(200, json=[]), "no list of `vulnerabilities`", False),
        (httpx2.Response(200, json={"vulnerabilities": [1]}), "not understood", False),
        (httpx2.Response(200, json={"vulnerabilities": [{"cve": {"id": NAME}}]}), "lastModified", False),
        (
            httpx2.Response(200, json={"vulnerabilities": [{"cve": cve("CVE-2024-9999")}]}),
            "about CVE-2024-9999",
            False,
        ),
    ],
)
def test_what_nvd_does_becomes_a_reason(
    online: Settings,
    response: httpx2.Response,
    reason: str,
    temporary: bool,  # noqa: FBT001
) -> None:
    answer, _ = asking(lambda _: response)
    assert (answer.outcome, answer.facts) == (LookupOutcome.UNAVAILABLE, None)
    assert reason in answer.reason
    assert answer.temporary is temporary
    assert not Vulnerability.objects.exists()


def test_no_network_becomes_a_reason(online: Settings) -> None:
    def unreachable(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route to host")

    answer, _ = asking(unreachable)
    assert (answer.outcome, answer.temporary) == (LookupOutcome.UNAVAILABLE, True)
    assert "no route to host" in answer.reason


def test_nvd_has_no_such_record(online: Settings) -> None:
    answer, _ = asking(saying())
    assert (answer.outcome, answer.reason) == (LookupOutcome.NOT_FOUND, f"NVD has no record of {NAME}.")


def test_a_record_postgresql_would_refuse_is_kept(online: Settings) -> None:
    answer, _ = asking(saying(NAME, vulnStatus="a\0b\ud800"))
    assert answer.facts is not None
    assert answer.facts.status == "ab\N{REPLACEMENT CHARACTER}"


def test_offline_nobody_is_asked() -> None:
    answer, requests = asking(saying(NAME))
    assert (answer.outcome, requests) == (LookupOutcome.UNAVAILABLE, [])
    assert "COUNTERSIGN_NVD_ONLINE=false" in answer.reason
    assert "manage.py nvd load" in answer.reason


def test_offline_the_mirror_is_fresh_however_old() -> None:
    stored(timedelta(days=1000), RecordSource.MIRROR)
    answer, _ = asking(saying(NAME))
    assert (answer.outcome, answer.reason) == (LookupOutcome.FOUND, "")
    assert "Local mirror" in answer.source


def test_online_an_old_mirror_is_stale(online: Settings) -> None:
    stored(timedelta(days=1000), RecordSource.MIRROR)
    _, requests = asking(saying(NAME))
    assert len(requests) == 1


def test_offline_an_old_answer_of_the_api_has_a_note() -> None:
    stored(timedelta(days=1000))
    answer, _ = asking(saying(NAME))
    assert answer.outcome == LookupOutcome.FOUND
    assert "offline" in answer.reason


@pytest.mark.parametrize("name", ["", "GHSA-c2qf-rxjj-qqgw", "CVE-2024-0001&x=1", "cve-2024-0001"])
def test_what_is_no_cve_id_is_not_asked_for(online: Settings, name: str) -> None:
    answer = nvd.lookup(name)
    assert answer.outcome == LookupOutcome.UNAVAILABLE
    assert "not a CVE id" in answer.reason


@pytest.mark.django_db(transaction=True)
def test_no_transaction_stays_open_while_nvd_is_asked(online: Settings) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        asking(saying(NAME))


def test_many_waiting_becomes_a_reason(online: Settings) -> None:
    RateLimit.objects.create(name="nvd", theoretical_arrival=timezone.now() + timedelta(hours=1))
    answer, requests = asking(saying(NAME))
    assert (answer.outcome, answer.temporary, requests) == (LookupOutcome.UNAVAILABLE, True, [])
    assert "5 requests in 30 s" in answer.reason


def mirror_file(*found: dict[str, Any]) -> bytes:
    return json.dumps({"vulnerabilities": [{"cve": one} for one in found]}).encode()


def test_loading_files_is_recorded() -> None:
    files = [("a.json", mirror_file(cve(), cve("CVE-2024-0002"))), ("b.json", mirror_file(cve()))]
    assert vulnerabilities.load(actor=SYSTEM, files=files) == 2
    assert set(Vulnerability.objects.values_list("source", flat=True)) == {RecordSource.MIRROR}
    event = Event.objects.get(action="vulnerabilities.loaded")
    assert (event.stream, event.actor) == ("system", "system/test")


def test_nothing_is_half_loaded() -> None:
    files = [("a.json", mirror_file(cve())), ("b.json", mirror_file(cve("CVE-2024-0002"), {"id": "x"}))]
    with pytest.raises(Invalid, match=r"b\.json: record 2"):
        vulnerabilities.load(actor=SYSTEM, files=files)
    assert not Vulnerability.objects.exists()
    assert not Event.objects.exists()


def test_a_record_changed_later_is_kept() -> None:
    newer = cve(lastModified="2025-01-01T00:00:00.000", vulnStatus="Newer")
    vulnerabilities.load(actor=SYSTEM, files=[("new.json", mirror_file(newer))])
    assert vulnerabilities.load(actor=SYSTEM, files=[("old.json", mirror_file(cve()))]) == 0
    assert vulnerabilities.load(actor=SYSTEM, files=[("both.json", mirror_file(newer, cve()))]) == 1
    assert Vulnerability.objects.get().record["vulnStatus"] == "Newer"


def test_only_an_administrator_loads_the_mirror(ada: Person, oscar: Person) -> None:
    files = [("a.json", mirror_file(cve()))]
    with pytest.raises(Denied):
        vulnerabilities.load(actor=oscar.actor, files=files)
    assert vulnerabilities.load(actor=ada.actor, files=files) == 1


def test_the_command_loads_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "nvd.json"
    file.write_bytes(mirror_file(cve(cisaExploitAdd="2024-01-05")))
    call_command("nvd", "load", str(file))
    assert capsys.readouterr().out == "1 record loaded.\n"
    call_command("nvd", "show", NAME.lower(), "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["outcome"], shown["facts"]["kev"]) == ("found", True)
    call_command("nvd", "show", NAME)
    assert "since 2024-01-05" in capsys.readouterr().out


def test_the_command_says_why_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call_command("nvd", "show", NAME)
    assert caught.value.code == 1
    assert "could not be asked" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"{", b"", None])
def test_the_command_refuses_a_malformed_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    file = tmp_path / "nvd.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        call_command("nvd", "load", str(file), "--json")
    assert caught.value.code == 2
    assert "nvd.json" in json.loads(capsys.readouterr().err)["detail"]
