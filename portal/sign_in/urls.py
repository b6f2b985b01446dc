"""The addresses of the sign-in: of django-allauth only what is offered here.

There is no sign-up, no password reset by mail, and no page that changes e-mail addresses.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as social
from allauth.urls import build_provider_urlpatterns
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import include, path, reverse, reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from agents import selectors
from agents.permissions import why_not_confirmed
from portal.sign_in import evidence, views

View = Callable[..., HttpResponseBase]


def managing(view: View) -> View:
    """Changing one's second factors: with a recent proof, and in one transaction with its event."""

    @login_required
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        authentication = evidence.authentication_of(request)
        first = not authentication.with_second_factor and evidence.just_signed_in(request)
        why_not = why_not_confirmed(views.person_of(request), authentication)
        if why_not and not (first and not _has_one(request)):
            there = urlencode({"next": request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('confirm')}?{there}")
        with transaction.atomic():
            return view(request, *arguments, **options)

    return guarded


def _has_one(request: HttpRequest) -> bool:
    return selectors.has_second_factor(views.person_of(request))


own = RedirectView.as_view(url=reverse_lazy("admin:my_sign_in"))

urlpatterns = [
    path("", views.SignIn.as_view(), name="account_login"),
    path("sign-out/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("sign-up/", account.signup, name="account_signup"),
    path("confirm/", views.confirm, name="confirm"),
    path("confirm/password/", account.reauthenticate, name="account_reauthenticate"),
    path("confirm/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("confirm/key/", login_required(views.ConfirmByKey.as_view()), name="mfa_reauthenticate_webauthn"),
    path("second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("second-factor/needed/", views.second_factor_needed, name="second_factor_needed"),
    path("second-factor/own/", own, name="mfa_index"),
    path("second-factor/keys/", own, name="mfa_list_webauthn"),
    path("second-factor/app/add/", managing(totp.activate_totp), name="mfa_activate_totp"),
    path("second-factor/app/remove/", managing(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("second-factor/keys/add/", managing(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path(
        "second-factor/keys/<int:pk>/remove/",
        managing(webauthn.remove_webauthn),
        name="mfa_remove_webauthn",
    ),
    path(
        "second-factor/codes/", managing(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"
    ),
    path(
        "second-factor/codes/new/",
        managing(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path("invitation/<uuid:person_id>/<str:token>/", views.invitation, name="invitation"),
    path("provider/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("provider/error/", social.login_error, name="socialaccount_login_error"),
    path("provider/sign-up/", account.signup, name="socialaccount_signup"),
    path("provider/", include(build_provider_urlpatterns())),
]
