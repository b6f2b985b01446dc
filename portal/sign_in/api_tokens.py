"""One's own API tokens: make one, see what there is, end one."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from agents.choices import TokenScope
from agents.models import ApiToken, Person
from agents.services import api_tokens
from audits.admin.forms import ServiceForm, show_service_error
from audits.admin.kept import keep
from audits.admin.show import show_time
from audits.errors import ServiceError

SHOWN_ONCE = "Your API token {}, which is shown this once and kept nowhere: {}"


class TokenForm(ServiceForm):
    """The input of `api_tokens.add`."""

    name = forms.CharField(max_length=100, help_text="What will use it: you recognise it by this.")
    scope = forms.ChoiceField(
        label="It may", choices=TokenScope.choices, initial=TokenScope.READ, widget=forms.RadioSelect
    )
    days = forms.IntegerField(label="Days", min_value=1, help_text="It ends by itself after so many.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["days"].initial = settings.API_TOKEN_DAYS


def my_api_tokens(request: HttpRequest) -> HttpResponse:
    """The page; with POST it makes a token, or ends the one that is named."""
    person = cast("Person", request.user)
    if "token" in request.POST:
        return _revoke(request, person)
    form = TokenForm(request.POST or None, request=request)
    confirm = cast("Any", admin.site).confirmation_url(request, request.get_full_path())
    if request.method == "POST" and confirm:
        keep(request, form)
        return HttpResponseRedirect(confirm)
    if form.is_valid() and _add(request, person, form):
        return HttpResponseRedirect(reverse("admin:my_api_tokens"))
    context = {
        **admin.site.each_context(request),
        "title": "Your API tokens",
        "description": (
            "A program with your token sees and does in your name what you may, and never votes. Keep it "
            "like a password. A change of your password ends all of them."
        ),
        "submit": "Make a token",
        "form": form,
        "tokens": [
            (token, show_time(token.created_at), show_time(token.last_used_at), show_time(token.expires_at))
            for token in live(person)
        ],
    }
    return TemplateResponse(request, "portal/my_api_tokens.html", context)


def live(person: Person) -> list[ApiToken]:
    """The tokens of a person that count."""
    mine = ApiToken.objects.filter(person=person, revoked_at__isnull=True)
    return list(mine.filter(expires_at__gt=timezone.now()))


def _add(request: Any, person: Person, form: TokenForm) -> bool:
    try:
        token, secret = api_tokens.add(
            actor=person.actor,
            person=person,
            name=form.cleaned_data["name"],
            scope=TokenScope(form.cleaned_data["scope"]),
            days=form.cleaned_data["days"],
            authentication=request.authentication,
        )
    except ServiceError as error:
        show_service_error(form, error)
        return False
    messages.success(request, SHOWN_ONCE.format(token.name, secret))
    return True


def _revoke(request: HttpRequest, person: Person) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=request.POST["token"] or None, person=person)
    try:
        api_tokens.revoke(actor=person.actor, token=token)
    except ServiceError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{token.name} counts no more.")
    return HttpResponseRedirect(reverse("admin:my_api_tokens"))
