"""The door of the decision point: before sessions, cookies and forms, which it has no use for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from governance.api.views import ROUTES


class DecisionPointMiddleware:
    """Answers the decision point's addresses by itself; everything else goes on to the portal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = ROUTES.get(request.path_info, self._get_response)
        return view(request)
