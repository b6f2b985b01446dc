"""What somebody had typed when they were asked to confirm who they are: kept in their session, once.

Passwords and files are not kept; hidden fields say what a page showed, so a new page says it anew.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict

KEY = "countersign_kept"
NOT_KEPT = (forms.PasswordInput, forms.FileInput, forms.HiddenInput)
MAX_LENGTH = 64 * 1024


def keep(request: HttpRequest, form: Any) -> None:
    """Keep what was sent to this address."""
    kept = QueryDict(mutable=True)
    for name, field in form.fields.items():
        sent = form.add_prefix(name)
        if sent in request.POST and not isinstance(field.widget, NOT_KEPT):
            kept.setlist(sent, request.POST.getlist(sent))
    text = kept.urlencode()
    if len(text) <= MAX_LENGTH:
        request.session[KEY] = {"address": request.get_full_path(), "text": text}


def give_back(request: Any, form: Any) -> None:
    """Fill in what was kept for this address, if anything was; it is forgotten with this request."""
    if request.method != "GET":
        return
    if not hasattr(request, "kept"):
        waiting = request.session.get(KEY)
        mine = waiting and waiting["address"] == request.get_full_path()
        request.kept = request.session.pop(KEY)["text"] if mine else None
    if request.kept is None:
        return
    sent = QueryDict(request.kept)
    for name, field in form.fields.items():
        if not isinstance(field.widget, NOT_KEPT):
            form.initial[name] = field.widget.value_from_datadict(sent, {}, form.add_prefix(name))
