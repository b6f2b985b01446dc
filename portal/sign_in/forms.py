"""allauth's forms in the portal's clothes, and locked where the name is locked."""

from typing import Any

from allauth.account import forms as account_forms
from allauth.core import context
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as webauthn_forms
from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError

from agents import typed_names
from audits.admin.forms import dress
from portal.sign_in import lockout

USED_SECONDS = 120
CODE_HELP = "Six digits from your authenticator app, or one of your recovery codes."


class LoginForm(account_forms.LoginForm):  # type: ignore[misc]
    """Username and password."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["login"].widget.attrs = {"autocomplete": "username", "autofocus": True}
        _plain(self)


class ReauthenticateForm(account_forms.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _plain(self)


class _Code:
    """A code is not even looked at while the person's name is locked from this address, and works once.

    An app's code is good for three half minutes, so that clocks may differ; allauth remembers used ones
    for one alone.
    """

    user: Any
    fields: dict[str, forms.Field]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _dress_code(self)

    def clean_code(self) -> str:
        if lockout.is_locked(context.request, self.user):
            raise ValidationError("Too many attempts. Wait some minutes, then try again.")
        code: str = super().clean_code()  # type: ignore[misc]
        used = f"countersign.code.{self.user.pk}.{typed_names.digest(code)}"
        if not cache.add(used, "used", timeout=USED_SECONDS):
            self._emit_authentication_failed(self.authenticator)  # type: ignore[attr-defined]
            raise ValidationError("This code is wrong or was used.")
        return code


class AuthenticateForm(_Code, mfa_forms.AuthenticateForm):  # type: ignore[misc]
    """The second step of signing in."""


class ReauthenticateCodeForm(_Code, mfa_forms.ReauthenticateForm):  # type: ignore[misc]
    """The second factor once more."""


class ActivateTOTPForm(totp_forms.ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new authenticator app."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _dress_code(self)
        self.fields["code"].label = "Code"
        self.fields["code"].help_text = "The six digits that the app shows now."


class AddWebAuthnForm(webauthn_forms.AddWebAuthnForm):  # type: ignore[misc]
    """A name for a new security key."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["name"].initial = ""
        self.initial["name"] = ""
        self.fields["name"].help_text = "So that you know it again, for example: blue key."
        _plain(self)


class PasswordForm(forms.Form):
    """A password of one's own choice, twice."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
        help_text="At least 12 characters.",
    )
    again = forms.CharField(
        label="The same again", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        dress(self)

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password"):
            raise ValidationError("The two are not the same.")
        return again


def _dress_code(form: Any) -> None:
    form.fields["code"].help_text = CODE_HELP
    form.fields["code"].widget.attrs = {
        "autocomplete": "one-time-code",
        "autofocus": True,
        "spellcheck": "false",
        "autocapitalize": "none",
    }
    dress(form)


def _plain(form: Any) -> None:
    """Without placeholders and advice on resetting: labels say what is asked."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs.pop("class", None)
        field.help_text = field.help_text if field.label != "Password" else ""
    dress(form)
