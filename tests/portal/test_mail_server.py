"""Where mail goes, as it is set: what is understood, and what is refused without repeating a password."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from agents.models import Person
from portal import doctor
from portal.mail_server import MailServer, check_webhook, parse
from tests.audits.siem_receivers import SECRET
from tests.portal import work

FROM = "Countersign <portal@example.org>"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "smtps://portal%40example.org:p%2Fw@mail.example.org",
            MailServer(
                "mail.example.org", 465, "portal@example.org", "p/w", starttls=False, tls=True, sender=FROM
            ),
        ),
        (
            "submission://u:p@mail.example.org:2587",
            MailServer("mail.example.org", 2587, "u", "p", starttls=True, tls=False, sender=FROM),
        ),
        ("smtp://127.0.0.1", MailServer("127.0.0.1", 25, sender=FROM)),
        ("smtp://u:p@localhost:1025/", MailServer("localhost", 1025, "u", "p", sender=FROM)),
    ],
)
def test_each_scheme_says_how_tls_is_spoken(url: str, expected: MailServer) -> None:
    assert parse(url, FROM) == expected


def test_none_is_none() -> None:
    assert parse("", "") == MailServer()


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("smtp://u:hunter2@mail.example.org", FROM),
        ("smtps://u:hunter2@", FROM),
        ("smtps://u:hunter2@host:99999", FROM),
        ("smtps://u:hunter2@host/path", FROM),
        ("smtps://u:hunter2@host?tls=no", FROM),
        ("smtps://u:hunter2@host", ""),
        ("smtps://u:hunter2@host", "Countersign"),
        ("", FROM),
    ],
)
def test_what_is_not_understood_is_refused_without_the_password(url: str, sender: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        parse(url, sender)
    assert "COUNTERSIGN_EMAIL_" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://hooks.example.org/", SECRET),
        ("https://u:hunter2@hooks.example.org/", SECRET),
        ("https://hooks.example.org/", ""),
        ("https://hooks.example.org/", "hunter2"),
        ("https://hooks.example.org/", "whsec_YQ=="),
    ],
)
def test_a_webhook_needs_https_and_a_secret(url: str, secret: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_NOTIFY_WEBHOOK") as refused:
        check_webhook(url, secret)
    assert "hunter2" not in str(refused.value)


def test_a_webhook_that_may_be_used() -> None:
    check_webhook("", "")
    check_webhook("https://hooks.example.org/a", SECRET)
    check_webhook("http://127.0.0.1:9/", SECRET)


def test_the_doctor_says_whether_mail_is_sent_and_what_did_not_arrive(olivia: Person) -> None:
    [none] = doctor.check_notifications()
    assert (none.status, "COUNTERSIGN_EMAIL_URL" in none.message) == ("ok", True)
    with override_settings(
        EMAIL_HOST="mail.example.org", EMAIL_PORT=25, NOTIFY_WEBHOOK="https://h.example/x"
    ):
        clear, hook = doctor.check_notifications()
        assert clear.status == "warning"
        assert hook.status == "ok"
        assert "/x" not in hook.message
    with override_settings(EMAIL_HOST="127.0.0.1", EMAIL_PORT=25):
        [well] = doctor.check_notifications()
        assert well.status == "ok"
        made = work.delivery(olivia)
        made.ended_at = made.created_at
        made.save()
        _, lost = doctor.check_notifications()
        assert (lost.status, "1 " in lost.message) == ("warning", True)
