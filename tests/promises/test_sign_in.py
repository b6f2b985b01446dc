"""Who is at the screen: what gets nobody in, and what an old or half proof does not do (S1-10, S3-16)."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.authentication import Authentication
from agents.choices import SessionEnd
from agents.models import Agent, Lockout, Person, Session
from agents.services import people, second_factors, sessions
from audits.errors import Denied
from audits.models import Event
from governance.choices import VoteChoice
from governance.models import Approval, Vote
from governance.services import approvals
from tests import signing_in
from tests.conftest import PASSWORD, SETUP
from tests.signing_in import proof

pytestmark = pytest.mark.django_db
SIGN_IN, OVERVIEW = "/sign-in/", "/admin/"
PRESSED = {"_form_submitted": "on"}


@pytest.fixture(autouse=True)
def no_cached_counts() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def required(settings: LazySettings) -> None:
    settings.MFA = "required"


def post(client: Client, username: str = "olivia", password: str = PASSWORD, **more: str) -> Any:
    return client.post(SIGN_IN, {"login": username, "password": password, **more})


def is_in(client: Client) -> bool:
    return client.get(OVERVIEW).status_code == 200


def last(action: str) -> Event:
    return Event.objects.filter(action=action).order_by("-id")[0]


def stay_away(minutes: float) -> None:
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=minutes))


# --- Password ---------------------------------------------------------------------------------------------


def test_a_session_begins_and_is_recorded(client: Client, olivia: Person) -> None:
    assert post(client)["Location"] == OVERVIEW
    assert is_in(client)
    session = Session.objects.get(person=olivia)
    event = last("session.started")
    assert (event.stream, event.object) == (f"person/{olivia.pk}", f"session/{session.pk}")
    assert event.details["amr"] == ["pwd"]
    assert str(client.session.session_key) not in f"{event.details} {bytes(event.header)!r} {vars(session)}"


@pytest.mark.parametrize("name", ["olivia", "nobody-of-that-name"])
def test_a_wrong_password_says_the_same_for_every_name(client: Client, olivia: Person, name: str) -> None:
    page = post(client, name, "not-the-password").content.decode()
    assert "The username or the password is wrong." in page
    assert not is_in(client)


def test_a_refused_sign_in_is_recorded_without_what_was_typed(client: Client, olivia: Person) -> None:
    post(client, "olivia", "my-other-secret")
    known = last("session.refused")
    assert (known.stream, known.outcome) == (f"person/{olivia.pk}", "denied")
    post(client, "my-password-in-the-wrong-field", "my-other-secret")
    unknown = last("session.refused")
    assert unknown.stream == "system"
    assert set(unknown.details) == {"reason", "address", "name_digest"}
    stored = "".join(
        f"{event.details} {bytes(event.header)!r} {event.actor_name}" for event in Event.objects.all()
    )
    stored += "".join(str(row) for row in Lockout.objects.values())
    for secret in ("my-password-in-the-wrong-field", "my-other-secret"):
        assert secret not in stored


def test_brute_force_is_locked_even_for_the_right_password(client: Client, olivia: Person) -> None:
    answers = [post(client, "olivia", f"guess-{number}").status_code for number in range(5)]
    assert answers == [200] * 4 + [429]
    assert last("session.refused").details["reason"] == "locked"
    recorded = Event.objects.count()
    assert post(client).status_code == 429
    assert not is_in(client)
    assert Event.objects.count() == recorded, "a locked name must not fill the ledger"


def test_capitals_are_no_way_around_the_lock(client: Client, olivia: Person) -> None:
    for name in ("olivia", "Olivia", "OLIVIA", "oLivia", "olIvia"):
        post(client, name, "guess")
    assert post(client).status_code == 429


def test_a_forged_address_is_no_way_around_the_lock(client: Client, olivia: Person) -> None:
    for number in range(5):
        client.post(
            SIGN_IN,
            {"login": "olivia", "password": "guess"},
            headers={"X-Forwarded-For": f"192.0.2.{number}"},
        )
    assert post(client).status_code == 429


def test_an_administrator_lifts_a_lock_and_nobody_else(client: Client, ada: Person, olivia: Person) -> None:
    for number in range(5):
        post(client, "olivia", f"guess-{number}")
    lockout = Lockout.objects.get()
    address = reverse("admin:agents_lockout_lift", args=[lockout.pk])
    other = Client()
    other.force_login(olivia)
    assert other.post(address, PRESSED).status_code == 403
    other.force_login(ada)
    assert "Locked" in other.get(reverse("admin:agents_lockout_changelist")).content.decode()
    assert other.post(address, PRESSED).status_code == 302
    assert last("lockout.lifted").actor == f"person/{ada.pk}"
    assert post(client)["Location"] == OVERVIEW


def test_the_inactive_stay_out(client: Client, ada: Person, olivia: Person) -> None:
    people.deactivate(actor=ada.actor, person=olivia)
    post(client)
    assert not is_in(client)


# --- The session ------------------------------------------------------------------------------------------


def test_a_session_planted_before_is_not_the_one_after(client: Client, olivia: Person) -> None:
    client.get(SIGN_IN)
    session = client.session
    session["planted"] = True
    session.save()
    before = str(session.session_key)
    client.cookies["sessionid"] = before
    post(client)
    assert client.session.session_key != before
    thief = Client()
    thief.cookies["sessionid"] = before
    assert not is_in(thief)


def test_another_site_cannot_sign_somebody_in(olivia: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    assert post(client).status_code == 403
    assert not is_in(client)


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http://localhost/",
    ],
)
def test_nobody_is_led_to_another_site(client: Client, olivia: Person, where: str) -> None:
    assert post(client, next=where)["Location"] == OVERVIEW
    assert client.get(SIGN_IN, {"next": where})["Location"] == OVERVIEW
    answer = client.get(reverse("confirm"), {"next": where})
    assert "evil" not in answer["Location"]
    confirmed = client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": where})
    assert confirmed["Location"] == OVERVIEW


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seen_at": timedelta(minutes=31)}, SessionEnd.IDLE),
        ({"started_at": timedelta(hours=13)}, SessionEnd.EXPIRED),
    ],
)
def test_a_session_ends_by_itself(
    client: Client, olivia: Person, change: dict[str, timedelta], reason: SessionEnd
) -> None:
    post(client)
    Session.objects.update(**{name: timezone.now() - age for name, age in change.items()})
    assert not is_in(client)
    assert last("session.ended").details["reason"] == reason.value
    assert not is_in(client)


def test_a_session_ends_by_itself_though_nobody_comes_back(client: Client, olivia: Person) -> None:
    post(client)
    stay_away(31)
    assert sessions.sweep() == 1
    assert last("session.ended").details["reason"] == "idle"


def test_a_session_that_has_ended_is_over_whatever_the_cookie_says(client: Client, olivia: Person) -> None:
    post(client)
    other = Client()
    post(other)
    other_session = Session.objects.filter(person=olivia).order_by("-id")[0]
    page = client.get(reverse("admin:my_sign_in")).content.decode()
    assert str(other_session.pk) in page
    client.post(reverse("admin:my_sign_in"), {"session": str(other_session.pk)})
    assert is_in(client)
    assert not is_in(other)


def test_nobody_ends_somebody_elses_session(client: Client, olivia: Person, daniel: Person) -> None:
    post(client, "daniel")
    other = Client()
    post(other)
    theirs = Session.objects.get(person=olivia)
    assert client.post(reverse("admin:my_sign_in"), {"session": str(theirs.pk)}).status_code == 404
    with pytest.raises(Denied):
        sessions.end(actor=daniel.actor, session=theirs, reason=SessionEnd.ENDED)
    assert is_in(other)


def test_a_deactivated_persons_session_ends(client: Client, ada: Person, olivia: Person) -> None:
    post(client)
    people.deactivate(actor=ada.actor, person=olivia)
    people.reactivate(actor=ada.actor, person=olivia)
    assert not is_in(client)
    assert Session.objects.get(person=olivia).end_reason == SessionEnd.DEACTIVATED


def test_a_new_password_ends_the_other_sessions(client: Client, olivia: Person) -> None:
    post(client)
    other = Client()
    post(other)
    new = "quite-another-sentence"
    client.post(
        reverse("admin:password_change"),
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert is_in(client)
    assert not is_in(other)


def test_signing_out_ends_the_session(client: Client, olivia: Person) -> None:
    post(client)
    cookie = client.cookies["sessionid"].value
    client.post(reverse("admin:logout"))
    assert last("session.ended").details["reason"] == "signed_out"
    client.cookies["sessionid"] = cookie
    assert not is_in(client)


# --- The second factor --------------------------------------------------------------------------------------


def test_a_password_alone_does_not_do_where_there_is_an_app(client: Client, olivia: Person) -> None:
    signing_in.add_app(olivia)
    assert post(client)["Location"] == reverse("mfa_authenticate")
    for address in (OVERVIEW, reverse("admin:my_sign_in"), reverse("mfa_activate_totp"), reverse("confirm")):
        assert client.get(address).status_code == 302
        assert not is_in(client)
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert not is_in(client)
    assert last("session.refused").details["reason"] == "second_factor"
    assert client.post(reverse("mfa_authenticate"), {"code": signing_in.code()})["Location"] == OVERVIEW
    assert is_in(client)
    assert last("session.started").details["amr"] == ["pwd", "otp"]


def test_a_code_works_once(client: Client, olivia: Person) -> None:
    signing_in.add_app(olivia)
    code = signing_in.code()
    post(client)
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert is_in(client)
    other = Client()
    post(other)
    other.post(reverse("mfa_authenticate"), {"code": code})
    assert not is_in(other)


def test_a_code_works_once_for_as_long_as_it_is_good(client: Client, olivia: Person) -> None:
    """allauth forgets a used code after half a minute, and this one is good for longer."""
    app = signing_in.add_app(olivia)
    code = signing_in.code(steps=1)
    post(client)
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert is_in(client)
    cache.delete(app.wrap()._get_used_cache_key(code))
    other = Client()
    post(other)
    other.post(reverse("mfa_authenticate"), {"code": code})
    assert not is_in(other)


def test_a_recovery_code_works_once(client: Client, olivia: Person) -> None:
    signing_in.add_app(olivia)
    codes = RecoveryCodes.activate(olivia).get_unused_codes()
    post(client)
    client.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert is_in(client)
    assert "recovery" in last("session.started").details["amr"]
    other = Client()
    post(other)
    other.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert not is_in(other)
    other.post(reverse("mfa_authenticate"), {"code": codes[1]})
    assert is_in(other)


def test_guessing_codes_is_locked_even_for_the_right_one(client: Client, olivia: Person) -> None:
    signing_in.add_app(olivia)
    post(client)
    answers = [
        client.post(reverse("mfa_authenticate"), {"code": f"00000{number}"}).status_code
        for number in range(5)
    ]
    assert answers[-1] == 429
    client.post(reverse("mfa_authenticate"), {"code": signing_in.code()})
    assert not is_in(client)


def test_seeds_are_not_in_the_database_as_they_are(olivia: Person) -> None:
    app = signing_in.add_app(olivia)
    assert signing_in.SEED not in str(app.data)


def test_another_secret_key_opens_no_seed(client: Client, olivia: Person, settings: LazySettings) -> None:
    signing_in.add_app(olivia)
    settings.SECRET_KEY = "another-key-" + "y" * 40
    post(client)
    empty = signing_in.code("")
    for guess in (signing_in.code(), empty):
        assert client.post(reverse("mfa_authenticate"), {"code": guess}).status_code == 200
    assert not is_in(client)


@pytest.mark.usefixtures("required", "olivia")
def test_who_decides_needs_a_second_factor_before_any_page(
    client: Client, ada: Person, sasha: Person, submitted: Approval
) -> None:
    needed = reverse("second_factor_needed")
    for person in (ada, sasha):
        post(client, person.username)
        for address in (OVERVIEW, f"/admin/governance/approval/{submitted.pk}/change/", "/admin/my-sign-in/"):
            assert client.get(address)["Location"].startswith(needed)
        vote = reverse("admin:governance_approval_approve", args=[submitted.pk])
        assert client.post(vote, PRESSED | {"digest": submitted.digest})["Location"].startswith(needed)
        assert client.get(needed).status_code == 200
        client.post(reverse("account_logout"))
    post(client, "olivia")
    assert is_in(client)
    assert not Vote.objects.exists()


def test_adding_an_app_opens_the_portal_and_ends_the_other_sessions(
    client: Client, required: None, sasha: Person
) -> None:
    other = Client()
    post(other, "sasha")
    post(client, "sasha")
    page = client.get(reverse("mfa_activate_totp"))
    assert page.status_code == 200
    seed = page.context["form"].secret
    done = client.post(reverse("mfa_activate_totp"), {"code": signing_in.code(seed)})
    assert done["Location"] == reverse("mfa_view_recovery_codes")
    codes = client.get(done["Location"]).content.decode()
    shown = RecoveryCodes(Authenticator.objects.get(user=sasha, type="recovery_codes")).get_unused_codes()
    assert all(code in codes for code in shown)
    again = client.get(done["Location"]).content.decode()
    assert not any(code in again for code in shown), "recovery codes are shown once"
    assert is_in(client)
    assert not is_in(other)
    added = Event.objects.filter(action="second_factor.added", stream=f"person/{sasha.pk}")
    assert {event.details["kind"] for event in added} == {"totp", "recovery_codes"}


def test_an_old_session_adds_no_second_factor(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    signing_in.prove(client, olivia, [signing_in.PASSWORD_RECORD], minutes=6)
    assert client.get(reverse("mfa_activate_totp"))["Location"].startswith(reverse("confirm"))


def test_a_password_removes_no_second_factor(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    signing_in.add_app(olivia)
    Session.objects.update(ended_at=None, end_reason="")
    assert client.post(reverse("mfa_deactivate_totp"))["Location"].startswith(reverse("confirm"))
    assert Authenticator.objects.filter(user=olivia).exists()


def test_only_administrators_reset_second_factors(ada: Person, olivia: Person, client: Client) -> None:
    signing_in.add_app(olivia)
    for person in (olivia, ada):
        target = olivia if person is olivia else ada
        with pytest.raises(Denied):
            second_factors.reset(actor=person.actor, person=target)
    assert second_factors.reset(actor=ada.actor, person=olivia) == 1
    assert last("second_factor.reset").actor == f"person/{ada.pk}"
    assert post(client)["Location"] == OVERVIEW


# --- Voting on an old or half proof ------------------------------------------------------------------


def vote(person: Person, approval: Approval, authentication: Authentication) -> Vote:
    return approvals.vote(
        actor=person,
        approval=approval,
        choice=VoteChoice.APPROVE,
        digest=approval.digest,
        authentication=authentication,
    )


def test_the_service_refuses_an_old_sign_in_and_records_it(submitted: Approval, sasha: Person) -> None:
    with pytest.raises(Denied, match="older than 5 minutes"):
        vote(sasha, submitted, proof(sasha, minutes=5.1))
    assert not Vote.objects.exists()
    refused = last("approval.voted")
    assert (refused.outcome, refused.actor) == ("denied", f"person/{sasha.pk}")


@pytest.mark.parametrize("minutes", [-1, 10_000])
def test_the_service_refuses_a_sign_in_of_no_time(submitted: Approval, sasha: Person, minutes: float) -> None:
    with pytest.raises(Denied):
        vote(sasha, submitted, proof(sasha, minutes=minutes))


def test_the_service_refuses_somebody_elses_sign_in(submitted: Approval, sasha: Person, leo: Person) -> None:
    with pytest.raises(Denied, match="somebody else"):
        vote(sasha, submitted, proof(leo))


def test_the_service_refuses_a_session_that_has_ended(submitted: Approval, sasha: Person) -> None:
    session = sessions.start(actor=sasha, methods=["pwd"], address=None, user_agent="")
    mine = Authentication(str(sasha.pk), timezone.now(), ("pwd",), str(session.pk))
    sessions.end(actor=sasha.actor, session=session, reason=SessionEnd.ENDED)
    with pytest.raises(Denied, match="has ended"):
        vote(sasha, submitted, mine)


def test_the_service_asks_for_the_second_factor_of_who_has_one(submitted: Approval, sasha: Person) -> None:
    signing_in.add_app(sasha)
    with pytest.raises(Denied, match="second factor"):
        vote(sasha, submitted, proof(sasha, "pwd"))
    assert vote(sasha, submitted, proof(sasha, "otp"))


def test_the_service_asks_for_a_second_factor_where_all_need_one(
    required: None, submitted: Approval, sasha: Person
) -> None:
    with pytest.raises(Denied, match="you have none yet"):
        vote(sasha, submitted, proof(sasha, "pwd"))


def test_the_vote_says_how_it_was_proved_who_cast_it(
    client: Client, submitted: Approval, sasha: Person
) -> None:
    client.force_login(sasha)
    address = reverse("admin:governance_approval_approve", args=[submitted.pk])
    assert client.post(address, PRESSED | {"digest": submitted.digest}).status_code == 302
    told = last("approval.voted").details["authentication"]
    assert told["amr"] == ["pwd"]
    assert told["session"] == str(Session.objects.get(person=sasha, ended_at__isnull=True).pk)
    assert abs(datetime.fromisoformat(told["at"]).timestamp() - time.time()) < 60


def test_an_old_session_confirms_and_comes_back_with_what_was_typed(
    client: Client, submitted: Approval, sasha: Person
) -> None:
    client.force_login(sasha)
    address = reverse("admin:governance_approval_approve", args=[submitted.pk])
    signing_in.prove(client, sasha, [signing_in.PASSWORD_RECORD], minutes=6)
    asked = client.get(address).content.decode()
    assert "Confirm that it is you" in asked
    assert 'name="comment"' not in asked
    refused = client.post(
        address,
        PRESSED | {"digest": submitted.digest, "comment": "Read on page 3."},
        headers={"HX-Request": "1"},
    )
    assert not Vote.objects.exists()
    confirm = client.get(refused["HX-Redirect"])["Location"]
    assert confirm.startswith(reverse("account_reauthenticate"))
    page = client.get(confirm)
    back = page.context["redirect_field_value"]
    assert client.post(confirm, {"password": "wrong", "next": back}).status_code == 200
    assert last("session.refused").details["reason"] == "confirmation"
    done = client.post(confirm, {"password": PASSWORD, "next": back})
    assert done["Location"] == f"/admin/governance/approval/{submitted.pk}/change/#approve"
    assert "Read on page 3." in client.get(address).content.decode()
    assert "Read on page 3." not in client.get(address).content.decode(), "it is given back once"
    client.post(address, PRESSED | {"digest": submitted.digest, "comment": "Read on page 3."})
    assert Vote.objects.get().comment == "Read on page 3."


def test_where_there_is_an_app_the_password_confirms_nothing(
    client: Client, submitted: Approval, sasha: Person
) -> None:
    signing_in.add_app(sasha)
    client.force_login(sasha)
    address = reverse("admin:governance_approval_approve", args=[submitted.pk])
    assert "Confirm that it is you" in client.get(address).content.decode()
    confirm = client.get(reverse("confirm"))["Location"]
    assert confirm.startswith(reverse("mfa_reauthenticate"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    client.post(address, PRESSED | {"digest": submitted.digest})
    assert not Vote.objects.exists()
    client.post(reverse("mfa_reauthenticate"), {"code": signing_in.code()})
    client.post(address, PRESSED | {"digest": submitted.digest})
    assert Vote.objects.get().person == sasha


@pytest.mark.parametrize(
    ("who", "page"),
    [("ada", "/admin/governance/seat/add/"), ("olivia", "/admin/governance/elevation/add/")],
)
def test_forms_that_give_power_ask_first(
    who: str, page: str, active_analyst: Agent, request: pytest.FixtureRequest, client: Client
) -> None:
    person = request.getfixturevalue(who)
    client.force_login(person)
    signing_in.prove(client, person, [signing_in.PASSWORD_RECORD], minutes=6)
    asked = client.get(page)
    assert asked["Location"].startswith(reverse("confirm"))
    sent = client.post(page, {"intent": "Track the fix.", "discipline": "legal"})
    assert sent["Location"].startswith(reverse("confirm"))
    signing_in.prove(client, person, [signing_in.PASSWORD_RECORD])
    initial = client.get(page).context["form"].initial
    assert initial.get("intent") == "Track the fix." or initial.get("discipline") == "legal"


# --- The one-time way in -----------------------------------------------------------------------------


def test_an_invitation_works_once(client: Client, olivia: Person) -> None:
    token = people.invite(actor=SETUP, person=olivia)
    address = reverse("invitation", args=[olivia.pk, token])
    new = {"password": "quite-another-sentence", "again": "quite-another-sentence"}
    assert client.get(address).status_code == 200
    assert "The password is set" in client.post(address, new).content.decode()
    assert "spent or too old" in client.post(address, new).content.decode()
    assert post(client, "olivia", "quite-another-sentence")["Location"] == OVERVIEW


def test_an_invitation_is_for_one_person_and_by_administrators(olivia: Person, daniel: Person) -> None:
    token = people.invite(actor=SETUP, person=olivia)
    with pytest.raises(Denied):
        people.accept_invitation(person=daniel, token=token, password="quite-another-sentence")
    with pytest.raises(Denied):
        people.invite(actor=daniel.actor, person=olivia)
