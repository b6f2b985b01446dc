"""Identity providers, from settings alone. Imported by the settings: nothing of Django's apps in here."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

OIDC, SAML = "oidc", "saml"
# So that the provider says when the person proved who they are (OpenID Connect Core 1.0, 3.1.2.1).
MAX_AGE_SECONDS = 12 * 60 * 60


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID Connect provider: its issuer's address and what it knows this portal by."""

    name: str
    url: str
    client_id: str
    client_secret: str
    username_claim: str
    trust_email: bool


@dataclass(frozen=True, slots=True)
class Saml:
    """A SAML 2.0 identity provider."""

    name: str
    entity_id: str
    sso_url: str
    certificate: str
    email_attribute: str
    username_attribute: str


def configured(oidc: Oidc, saml: Saml) -> dict[str, Any]:
    """`SOCIALACCOUNT_PROVIDERS` for what is set; empty where nothing is.

    Raises:
        ImproperlyConfigured: a part of a provider is missing.
    """
    providers: dict[str, Any] = {}
    if _all_or_none("COUNTERSIGN_OIDC", URL=oidc.url, CLIENT_ID=oidc.client_id, SECRET=oidc.client_secret):
        providers["openid_connect"] = {"APPS": [_oidc_app(oidc)]}
    if _all_or_none(
        "COUNTERSIGN_SAML", ENTITY_ID=saml.entity_id, SSO_URL=saml.sso_url, CERTIFICATE=saml.certificate
    ):
        providers["saml"] = {"APPS": [_saml_app(saml)]}
    return providers


def _all_or_none(prefix: str, **parts: str) -> bool:
    missing = [f"{prefix}_{name}" for name, value in parts.items() if not value]
    if missing and len(missing) < len(parts):
        raise ImproperlyConfigured(f"{prefix}_*: set {', '.join(missing)} as well, or none of them.")
    return not missing


def _oidc_app(oidc: Oidc) -> dict[str, Any]:
    return {
        "provider_id": OIDC,
        "name": oidc.name,
        "client_id": oidc.client_id,
        "secret": oidc.client_secret,
        "settings": {
            "server_url": oidc.url,
            "oauth_pkce_enabled": True,
            "auth_params": {"max_age": str(MAX_AGE_SECONDS)},
            "username_claim": oidc.username_claim,
            "trust_email": oidc.trust_email,
        },
    }


def _saml_app(saml: Saml) -> dict[str, Any]:
    return {
        "provider_id": saml.entity_id,
        "name": saml.name,
        "client_id": SAML,
        "settings": {
            "idp": {
                "entity_id": saml.entity_id,
                "sso_url": saml.sso_url,
                "x509cert": saml.certificate,
            },
            "attribute_mapping": {"email": saml.email_attribute, "username": saml.username_attribute},
            "advanced": {"want_assertion_signed": True, "reject_idp_initiated_sso": True, "strict": True},
            "trust_email": True,
        },
    }
