"""Whom an identity provider sends must be known here; a provider's word is taken for no more than it says."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import LazySettings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from agents.models import Person, Session
from agents.services import people
from audits.models import Event
from governance.models import Approval, Vote
from portal.sign_in import providers
from tests import signing_in
from tests.conftest import SETUP
from tests.portal import identity_providers
from tests.portal.identity_providers import CLIENT_ID, SECRET, Oidc

pytestmark = pytest.mark.django_db
NO_SAML = providers.Saml("SAML", "", "", "", identity_providers.EMAIL, identity_providers.USERNAME)
NO_OIDC = providers.Oidc("", "", "", "", "preferred_username", trust_email=False)
OLIVIA = {"sub": "o-1", "email": "olivia@example.org", "email_verified": True}


@pytest.fixture
def oidc(settings: LazySettings) -> Iterator[Oidc]:
    cache.clear()
    with identity_providers.oidc_on_loopback() as provider:
        configured = providers.Oidc(
            "Example ID", provider.address, CLIENT_ID, SECRET, "preferred_username", trust_email=False
        )
        settings.SOCIALACCOUNT_PROVIDERS = providers.configured(configured, NO_SAML)
        settings.SESSION_COOKIE_SAMESITE = "Lax"  # as the settings say where there is a provider
        yield provider


@pytest.fixture
def saml(settings: LazySettings) -> None:
    cache.clear()
    settings.SOCIALACCOUNT_PROVIDERS = providers.configured(
        NO_OIDC,
        providers.Saml(
            "Example SAML",
            "https://idp.example",
            "https://idp.example/sso",
            identity_providers.certificate(),
            identity_providers.EMAIL,
            identity_providers.USERNAME,
        ),
    )


def come_back(client: Client, provider: Oidc, **claims: Any) -> Any:
    """Go to the provider and come back with what it says."""
    provider.claims = claims
    page = client.get(reverse("account_login"), {"next": "/admin/waiting/"})
    begin = page.context["providers"][0]["url"] if page.status_code == 200 else login_address()
    there = client.get(begin)
    assert there.status_code == 302, there
    return client.get(
        reverse("openid_connect_callback", args=["oidc"]), provider.authorize(there["Location"])
    )


def login_address() -> str:
    return reverse("openid_connect_login", args=["oidc"]) + "?process=login"


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_the_sign_in_offers_the_provider(client: Client, oidc: Oidc) -> None:
    assert "Sign in with Example ID" in client.get("/sign-in/").content.decode()


def test_a_person_is_known_by_a_verified_address_and_then_by_the_providers_own_name(
    client: Client, oidc: Oidc, olivia: Person
) -> None:
    assert come_back(client, oidc, **OLIVIA)["Location"] == "/admin/waiting/"
    assert is_in(client)
    started = Event.objects.filter(action="session.started").order_by("-id")[0]
    assert (started.stream, started.details["amr"]) == (f"person/{olivia.pk}", ["fed"])
    assert SocialAccount.objects.get(user=olivia).uid == "o-1"
    again = Client()
    come_back(again, oidc, sub="o-1", email="changed@example.org")
    assert is_in(again)


def test_a_person_is_known_by_their_username(client: Client, oidc: Oidc, olivia: Person) -> None:
    come_back(client, oidc, sub="o-1", preferred_username="olivia")
    assert is_in(client)


@pytest.mark.parametrize(
    "claims",
    [
        {
            "sub": "x-1",
            "email": "mallory@example.org",
            "email_verified": True,
            "preferred_username": "mallory",
        },
        {"sub": "x-2", "email": "olivia@example.org", "email_verified": False},
        {"sub": "x-3", "email": "olivia@example.org"},
        {"sub": "x-4"},
    ],
    ids=["a stranger", "an address not verified", "an address of unknown standing", "nothing said"],
)
def test_nobody_else_gets_in_and_nobody_is_added(
    client: Client, oidc: Oidc, olivia: Person, claims: dict[str, Any]
) -> None:
    answer = come_back(client, oidc, **claims)
    assert answer.status_code == 403
    assert "this portal does not" in answer.content.decode()
    assert not is_in(client)
    assert Person.objects.count() == 1
    assert not SocialAccount.objects.exists()
    refused = Event.objects.get(action="session.refused")
    assert refused.details["reason"] == "unknown"
    assert "mallory" not in str(refused.details)


def test_a_second_account_with_the_same_address_takes_nobody_over(
    client: Client, oidc: Oidc, olivia: Person
) -> None:
    come_back(client, oidc, **OLIVIA)
    thief = Client()
    assert come_back(thief, oidc, **OLIVIA | {"sub": "o-2"}).status_code == 403
    assert not is_in(thief)


def test_the_inactive_stay_out(client: Client, oidc: Oidc, olivia: Person, ada: Person) -> None:
    people.deactivate(actor=ada.actor, person=olivia)
    come_back(client, oidc, **OLIVIA)
    assert not is_in(client)


def test_an_answer_that_nobody_asked_for_is_refused(client: Client, oidc: Oidc, olivia: Person) -> None:
    oidc.claims = OLIVIA
    there = Client().get(login_address())["Location"]
    carried = oidc.authorize(there)
    answer = client.get(reverse("openid_connect_callback", args=["oidc"]), carried)
    assert answer.status_code == 401
    assert "could not be used" in answer.content.decode()
    assert not is_in(client)


def test_nobody_ties_another_account_to_their_own(client: Client, oidc: Oidc, olivia: Person) -> None:
    client.force_login(olivia)
    there = client.get(login_address().replace("process=login", "process=connect"))["Location"]
    oidc.claims = {"sub": "x-1", "email": "olivia@example.org", "email_verified": True}
    answer = client.get(reverse("openid_connect_callback", args=["oidc"]), oidc.authorize(there))
    assert answer["Location"] == reverse("account_login")
    assert not SocialAccount.objects.exists()


def test_there_is_no_sign_up(client: Client, oidc: Oidc) -> None:
    for name in ("account_signup", "socialaccount_signup"):
        for answer in (client.get(reverse(name)), client.post(reverse(name), {"username": "mallory"})):
            assert "Nobody signs up here" in answer.content.decode()
    assert not Person.objects.exists()


def test_an_app_of_ones_own_is_asked_for_behind_the_provider_too(
    client: Client, oidc: Oidc, olivia: Person
) -> None:
    signing_in.add_app(olivia)
    assert come_back(client, oidc, **OLIVIA)["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)


@pytest.mark.parametrize(
    ("said", "votes"),
    [
        ({"amr": ["pwd", "mfa"], "auth_time": 0}, 1),
        ({"amr": ["pwd", "mfa"], "auth_time": -400}, 0),
        ({"amr": ["pwd", "mfa"]}, 0),
        ({"amr": ["pwd", "mfa"], "auth_time": 4000}, 0),
        ({"amr": ["pwd"], "auth_time": 0}, 0),
        ({"amr": "mfa", "auth_time": 0}, 0),
    ],
    ids=["now and by two factors", "too long ago", "no time", "in the future", "one factor", "malformed"],
)
def test_a_vote_takes_the_providers_word_for_what_it_says(  # noqa: PLR0917
    client: Client,
    oidc: Oidc,
    settings: LazySettings,
    submitted: Approval,
    sasha: Person,
    said: dict[str, Any],
    votes: int,
) -> None:
    settings.MFA = "required"
    if "auth_time" in said:
        said = said | {"auth_time": int(time.time()) + said["auth_time"]}
    come_back(client, oidc, sub="s-1", preferred_username="sasha", **said)
    address = reverse("admin:governance_approval_approve", args=[submitted.pk])
    client.post(address, {"_form_submitted": "on", "digest": submitted.digest})
    assert Vote.objects.count() == votes


def test_whoever_has_only_the_provider_confirms_there(
    client: Client, oidc: Oidc, settings: LazySettings
) -> None:
    person = people.add_person(
        actor=SETUP,
        username="nina",
        first_name="Nina",
        last_name="Novak",
        email="nina@example.org",
        password=None,
    )
    now = int(time.time())
    come_back(client, oidc, sub="n-1", preferred_username="nina", auth_time=now - 3600)
    assert not person.has_usable_password()
    page = client.get(reverse("confirm"), {"next": "/admin/waiting/"})
    ways = page.context["providers"]
    assert "Confirm at Example ID" in page.content.decode()
    there = client.get(ways[0]["url"])["Location"]
    assert "prompt=login" in there
    assert "max_age=0" in there
    oidc.claims = {"sub": "n-1", "preferred_username": "nina", "auth_time": now}
    back = client.get(reverse("openid_connect_callback", args=["oidc"]), oidc.authorize(there))
    assert back["Location"] == "/admin/waiting/"
    assert Session.objects.filter(person=person, ended_at__isnull=True).count() == 1


def saml_sign_in(client: Client, key: rsa.RSAPrivateKey = identity_providers.KEY, **said: str) -> Any:
    host = {"host": "localhost"}
    there = client.get(reverse("saml_login", args=["saml"]), {"next": "/admin/waiting/"}, headers=host)
    answer = identity_providers.saml_response(
        identity_providers.saml_request_id(there["Location"]),
        **{"email": "olivia@example.org", "username": "olivia", **said},
        key=key,
    )
    posted = client.post(reverse("saml_acs", args=["saml"]), {"SAMLResponse": answer}, headers=host)
    return client.get(posted["Location"], headers=host)


def test_saml_signs_in_who_is_known(client: Client, saml: None, olivia: Person) -> None:
    assert saml_sign_in(client)["Location"] == "/admin/waiting/"
    assert is_in(client)


def test_saml_refuses_strangers_and_other_keys(client: Client, saml: None, olivia: Person) -> None:
    assert saml_sign_in(client, email="x@example.org", username="mallory").status_code == 403
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert saml_sign_in(Client(), other).status_code == 401
    assert not is_in(client)
    assert not Session.objects.exists()


def test_half_a_provider_is_refused_in_words() -> None:
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_OIDC_SECRET"):
        providers.configured(
            providers.Oidc("x", "https://id.example", "id", "", "preferred_username", trust_email=False),
            NO_SAML,
        )
    assert providers.configured(NO_OIDC, NO_SAML) == {}
