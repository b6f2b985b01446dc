"""The door of SCIM: before sessions, cookies and forms, which it has no use for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from agents.scim.api import http, views


class ScimMiddleware:
    """Answers what is below `/scim/v2` by itself; everything else goes on to the portal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path != views.PREFIX and not path.startswith(f"{views.PREFIX}/"):
            return self._get_response(request)
        return http.answer(request, views.find(path.removeprefix(views.PREFIX)))
