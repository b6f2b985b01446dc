"""django-allauth's decisions, as this product makes them."""

from base64 import urlsafe_b64encode
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from agents import selectors
from agents.choices import Refusal
from agents.models import Person
from agents.services import sessions
from portal.sign_in import door, evidence
from portal.sign_in.address import address_of

FORBIDDEN = 403


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up; nobody is led to another site."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "The username or the password is wrong.",
        "too_many_login_attempts": "Too many attempts. Wait some minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def is_safe_url(self, url: str) -> bool:
        """Only addresses of this very portal: another host that it answers to is another place."""
        return url_has_allowed_host_and_scheme(
            url,
            allowed_hosts={context.request.get_host()},
            require_https=context.request.is_secure(),
        )

    def get_reauthentication_methods(self, user: Person) -> list[dict[str, Any]]:
        """With a second factor the password alone confirms nothing."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if user.is_authenticated and selectors.has_second_factor(user):
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        return sorted(methods, key=lambda method: method["id"] != "mfa_reauthenticate:webauthn")

    def pre_login(
        self, request: HttpRequest, user: Person, *, signal_kwargs: dict[str, Any] | None, **more: Any
    ) -> HttpResponse | None:
        """Keep what the identity provider says of how it knows the person."""
        request.session.pop(evidence.CLAIMS, None)
        if signal_kwargs and "sociallogin" in signal_kwargs:
            said = signal_kwargs["sociallogin"].account.extra_data
            token = said.get("id_token") if isinstance(said, dict) else None
            claims = token if isinstance(token, dict) else {}
            request.session[evidence.CLAIMS] = {name: claims.get(name) for name in ("amr", "auth_time")}
        if not user.is_active:
            sessions.record_refusal(name=user.username, why=Refusal.INACTIVE, address=address_of(request))
        answer: HttpResponse | None = super().pre_login(request, user, signal_kwargs=signal_kwargs, **more)
        return answer

    def login(self, request: HttpRequest, user: Person) -> None:
        """Whoever signs in just now need not confirm it once more."""
        super().login(request, user)
        records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            record | {"reauthenticated": True} for record in records
        ]

    def add_message(self, *arguments: Any, **options: Any) -> None:
        """None of allauth's own: a page shows by itself what has been done."""

    def send_notification_mail(self, *arguments: Any, **options: Any) -> None:
        """None: the ledger has it."""


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seeds at rest are encrypted under the installation's secret key: a copy of the database opens none."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": "This code is wrong or was used."}

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The seed; where another secret key has locked it, one that nobody knows: no code fits it."""
        try:
            return _box().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return str(generate_totp_secret())

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": settings.MFA_TOTP_ISSUER}


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Identity providers come from settings; whom they send must be somebody whom this portal knows."""

    def list_apps(
        self,
        request: HttpRequest,  # noqa: ARG002
        provider: str | None = None,
        client_id: str | None = None,
    ) -> list[Any]:
        built = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in built.values() for app in apps]

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        return False

    def get_requests_session(self) -> Any:
        return door.Session()

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Bind whom the provider sends to a person by e-mail or username, once; refuse everybody else."""
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            # Nobody ties another account at a provider to their own: a stolen session could stay that way.
            raise ImmediateHttpResponse(redirect("account_login"))
        if sociallogin.is_existing:
            return
        person = _known(sociallogin)
        if person is None:
            sessions.record_refusal(
                name=_said_name(sociallogin), why=Refusal.UNKNOWN, address=address_of(request)
            )
            provider = sociallogin.account.get_provider(request).name
            raise ImmediateHttpResponse(
                render(request, "socialaccount/unknown.html", {"provider": provider}, status=FORBIDDEN)
            )
        sociallogin.connect(request, person)


def _known(sociallogin: SocialLogin) -> Person | None:
    """Whom the provider means, if that is exactly one person who is not bound to it already."""
    found = _by_email(sociallogin) or selectors.person_named(_said_name(sociallogin))
    account = sociallogin.account
    if found is None or SocialAccount.objects.filter(user=found, provider=account.provider).exists():
        return None
    return found


def _by_email(sociallogin: SocialLogin) -> Person | None:
    trusted = sociallogin.provider.app.settings.get("trust_email", False)
    addresses = [each.email for each in sociallogin.email_addresses if each.verified or trusted]
    persons = list(Person.objects.filter(email__iexact=addresses[0])[:2]) if addresses else []
    return persons[0] if len(persons) == 1 else None


def _said_name(sociallogin: SocialLogin) -> str:
    """The username as the provider says it, in the claim that the settings name."""
    data = sociallogin.account.extra_data
    claim = sociallogin.provider.app.settings.get("username_claim")
    if claim is None:
        return str(sociallogin.user.username or "")
    said = [data.get(part) for part in ("userinfo", "id_token")]
    return next((str(part[claim]) for part in said if isinstance(part, dict) and part.get(claim)), "")


def _box() -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"countersign/second-factors").derive(
        settings.SECRET_KEY.encode()
    )
    return Fernet(urlsafe_b64encode(key))
