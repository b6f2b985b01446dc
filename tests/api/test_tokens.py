"""Who counts, with which token, and until when."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents import api_secret
from agents.choices import TokenEnd, TokenScope
from agents.models import ApiToken, Person, TokenFailures
from agents.services import api_tokens, people, second_factors
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from tests import signing_in
from tests.api.calling import PREFIX, Caller, caller, problem, routes, secret_of, somewhere
from tests.conftest import SETUP


def refused(action: str) -> int:
    return Event.objects.filter(action=action, outcome="denied").count()


# --- The form of a secret ---------------------------------------------------------------------------------
def test_a_secret_is_known_by_its_form_and_kept_nowhere(olivia: Person) -> None:
    secret = secret_of(olivia)
    assert api_secret.is_one(secret)
    assert len(secret) == 53
    token = ApiToken.objects.get()
    assert token.secret_sha256 == api_secret.digest(secret)
    assert secret.startswith(token.prefix)
    for event in Event.objects.filter(object=f"api_token/{token.pk}"):
        assert secret not in str(event.details)
        assert token.secret_sha256 not in str(event.details)


@pytest.mark.parametrize("place", [4, 20, 52])
def test_a_slip_in_a_secret_is_seen_without_asking_the_database(place: int) -> None:
    secret = api_secret.make()
    other = "A" if secret[place] != "A" else "B"
    assert not api_secret.is_one(secret[:place] + other + secret[place + 1 :])


# --- Making and ending --------------------------------------------------------------------------------------
def test_a_token_lives_as_long_as_was_said(olivia: Person) -> None:
    secret_of(olivia)
    assert ApiToken.objects.get().expires_at - timezone.now() > timedelta(days=89)


@pytest.mark.parametrize(("name", "days"), [("", 1), ("x" * 101, 1), ("CI", 0), ("CI", 366)])
def test_a_token_without_a_name_or_end_is_not_made(olivia: Person, name: str, days: int) -> None:
    with pytest.raises(Invalid):
        api_tokens.add(actor=SETUP, person=olivia, name=name, scope=TokenScope.READ, days=days)
    assert not ApiToken.objects.exists()


def test_a_token_needs_a_fresh_proof_of_its_own_person(olivia: Person, daniel: Person, ada: Person) -> None:
    old = signing_in.proof(olivia, minutes=6)
    for actor, authentication in (
        (olivia, None),
        (olivia, old),
        (olivia, signing_in.proof(daniel)),
        (ada, signing_in.proof(ada)),
    ):
        with pytest.raises(Denied):
            api_tokens.add(
                actor=actor.actor,
                person=olivia,
                name="CI",
                scope=TokenScope.READ,
                authentication=authentication,
            )
    assert refused("api_token.added") == 4
    assert not ApiToken.objects.exists()


def test_revoked_is_revoked(olivia: Person, daniel: Person, ada: Person) -> None:
    mine, other = caller(olivia), caller(olivia)
    first, second = ApiToken.objects.order_by("pk")
    with pytest.raises(Denied):
        api_tokens.revoke(actor=daniel.actor, token=first)
    api_tokens.revoke(actor=olivia.actor, token=first)
    problem(mine.get("me"), 401, "invalid-token")
    assert other.get("me").status_code == 200
    api_tokens.revoke(actor=ada.actor, token=second)
    problem(other.get("me"), 401, "invalid-token")
    with pytest.raises(Conflict):
        api_tokens.revoke(actor=ada.actor, token=second)


def test_tokens_end_with_the_account(olivia: Person, ada: Person) -> None:
    mine = caller(olivia)
    people.deactivate(actor=ada.actor, person=olivia)
    problem(mine.get("me"), 401, "invalid-token")
    people.reactivate(actor=ada.actor, person=olivia)
    problem(mine.get("me"), 401, "invalid-token")
    assert ApiToken.objects.get().end_reason == TokenEnd.DEACTIVATED


def test_tokens_end_with_the_password(olivia: Person) -> None:
    mine = caller(olivia)
    people.change_password(actor=olivia, password="another-sentence-of-words")
    problem(mine.get("me"), 401, "invalid-token")


def test_tokens_end_with_the_second_factors(olivia: Person, ada: Person) -> None:
    mine = caller(olivia)
    signing_in.add_app(olivia)
    second_factors.reset(actor=ada.actor, person=olivia)
    problem(mine.get("me"), 401, "invalid-token")


def test_even_a_row_that_was_left_ends_with_its_account(olivia: Person) -> None:
    mine = caller(olivia)
    Person.objects.filter(pk=olivia.pk).update(is_active=False)
    problem(mine.get("me"), 401, "invalid-token")


def test_an_expired_token_says_so(olivia: Person) -> None:
    mine = caller(olivia)
    ApiToken.objects.update(expires_at=timezone.now())
    answered = mine.get("me")
    assert problem(answered, 401, "invalid-token")["detail"] == "This token has expired."
    assert 'error="invalid_token"' in answered["WWW-Authenticate"]


# --- Presenting one -----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_no_route_answers_without_a_token(client: Client) -> None:
    asked = list(routes())
    assert len(asked) > 50
    for method, path in asked:
        answered = Caller().call(method.upper(), somewhere(path))
        problem(answered, 401, "unauthenticated")
        assert answered["WWW-Authenticate"] == 'Bearer realm="countersign"'


def test_a_session_counts_for_nothing(client: Client, ada: Person) -> None:
    client.force_login(ada)
    problem(client.get(f"{PREFIX}/me"), 401, "unauthenticated")


def test_a_token_in_the_address_counts_for_nothing(olivia: Person) -> None:
    secret = secret_of(olivia)
    for query in ({"access_token": secret}, {"token": secret}):
        problem(Caller().get("me", query), 401, "unauthenticated")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic YTpi", "Token {}", "Bearer  ", "Bearer {} x", "Bearer {}é"]
)
def test_what_is_no_bearer_token(olivia: Person, header: str) -> None:
    secret = secret_of(olivia)
    answered = Client().get(f"{PREFIX}/me", headers={"Authorization": header.format(secret)})
    assert answered.status_code == 401


def test_a_wrong_token_is_recorded_without_it(olivia: Person) -> None:
    wrong = api_secret.make()
    problem(Caller(wrong).get("me"), 401, "invalid-token")
    event = Event.objects.get(action="api_token.refused")
    assert event.details == {"reason": "unknown", "address": "127.0.0.1"}
    assert wrong not in str(event.fields)


def test_a_flood_of_wrong_tokens_fills_no_ledger_and_stops_nobody_else(
    olivia: Person, settings: LazySettings
) -> None:
    mine = caller(olivia)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        problem(Caller("cst_wrong").get("me"), 401, "invalid-token")
    for _ in range(3):
        answered = Caller("cst_wrong").get("me")
        problem(answered, 429, "too-many-requests")
        assert int(answered["Retry-After"]) > 0
    assert refused("api_token.refused") == settings.AXES_FAILURE_LIMIT
    assert mine.get("me").status_code == 200
    TokenFailures.objects.update(since=timezone.now() - settings.AXES_COOLOFF_TIME)
    problem(Caller("cst_wrong").get("me"), 401, "invalid-token")
    assert TokenFailures.objects.get().number == 1


def test_an_ipv6_network_is_one_address() -> None:
    assert api_tokens._counted("2001:db8::1") == api_tokens._counted("2001:db8::2") == "2001:db8::/64"
    assert api_tokens._counted("2001:db8:0:1::1") != api_tokens._counted("2001:db8::1")
    assert api_tokens._counted("192.0.2.7") == "192.0.2.7"
    assert api_tokens._counted(None) == "unknown"


def test_that_it_was_used_is_noted_once_a_minute(olivia: Person) -> None:
    mine = caller(olivia)
    mine.get("me")
    first = ApiToken.objects.get().last_used_at
    mine.get("me")
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first
    assert not Event.objects.filter(action__contains="used").exists()


def test_who_sees_no_page_for_lack_of_a_second_factor_sees_nothing_here(
    ada: Person, sasha: Person, olivia: Person, settings: LazySettings
) -> None:
    callers = [caller(ada), caller(sasha)]
    mine = caller(olivia)
    settings.MFA = "required"
    for each in callers:
        problem(each.get("me"), 403, "second-factor-needed")
    assert mine.get("me").status_code == 200
    signing_in.add_app(ada)
    assert callers[0].get("me").status_code == 200


# --- The page and the command -------------------------------------------------------------------------------
def test_the_page_makes_a_token_and_shows_it_once(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    page = reverse("admin:my_api_tokens")
    answered = client.post(page, {"name": "The shop's CI", "scope": "read", "days": 30}, follow=True)
    [said] = [str(message) for message in answered.context["messages"]]
    secret = said.rpartition(" ")[2]
    assert Caller(secret).get("me").json()["token"]["name"] == "The shop's CI"
    again = client.get(page).content.decode()
    assert secret not in again
    assert "The shop&#x27;s CI" in again
    client.post(page, {"token": str(ApiToken.objects.get().pk)})
    problem(Caller(secret).get("me"), 401, "invalid-token")


def test_the_page_asks_for_a_fresh_proof(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    signing_in.prove(client, olivia, [signing_in.PASSWORD_RECORD], minutes=6)
    page = reverse("admin:my_api_tokens")
    answered = client.post(page, {"name": "CI", "scope": "read", "days": 30})
    assert answered["Location"].startswith(reverse("confirm"))
    assert not ApiToken.objects.exists()
    assert client.get(page).status_code == 200


def test_nobody_ends_anothers_token_on_their_own_page(client: Client, olivia: Person, oscar: Person) -> None:
    secret_of(olivia)
    client.force_login(oscar)
    page = reverse("admin:my_api_tokens")
    assert client.post(page, {"token": str(ApiToken.objects.get().pk)}).status_code == 404
    assert ApiToken.objects.get().revoked_at is None


def test_an_administrator_ends_anybodys_and_an_auditor_only_looks(
    client: Client, olivia: Person, ada: Person, aude: Person
) -> None:
    mine = caller(olivia)
    action = reverse("admin:agents_apitoken_revoke", args=[ApiToken.objects.get().pk])
    client.force_login(aude)
    assert client.get(reverse("admin:agents_apitoken_changelist")).status_code == 200
    assert client.post(action, {"_form_submitted": "on"}).status_code == 403
    assert mine.get("me").status_code == 200
    client.force_login(ada)
    assert client.post(action, {"_form_submitted": "on"}).status_code == 302
    problem(mine.get("me"), 401, "invalid-token")


def test_what_the_api_offers_is_a_page_for_everybody_signed_in(client: Client, oscar: Person) -> None:
    page = reverse("admin:api_operations")
    assert client.get(page).status_code == 302
    client.force_login(oscar)
    text = client.get(page).content.decode()
    for method, path in routes():
        assert f"<code>{method.upper()} {path}</code>" in text


def test_the_command(olivia: Person, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("api_token", "add", "olivia", "--name", "Script", "--scope", "write", "--days", "7")
    secret = capsys.readouterr().out.strip()
    assert Caller(secret).get("me").json()["token"]["scope"] == "write"
    call_command("api_token", "list", "olivia")
    listed = capsys.readouterr().out
    assert secret not in listed
    assert f"{api_secret.shown(secret)}\twrite\tlive" in listed
    call_command("api_token", "revoke", "olivia", api_secret.shown(secret))
    problem(Caller(secret).get("me"), 401, "invalid-token")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments", [("list", "nobody"), ("revoke", "olivia"), ("add", "olivia", "--days", "999")]
)
def test_the_command_says_what_is_wrong(olivia: Person, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as wrong:
        call_command("api_token", *arguments)
    assert wrong.value.returncode == 2
