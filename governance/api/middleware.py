"""The door for machines: tokens, decisions, pipelines; before sessions, cookies and forms."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from agents.api import oauth, secret_delivery
from governance.api import access_requests, introspection, pipelines, views

ROUTES = {
    **oauth.ROUTES,
    **secret_delivery.ROUTES,
    **introspection.ROUTES,
    **views.ROUTES,
    **pipelines.ROUTES,
}


class DecisionPointMiddleware:
    """Answers the addresses of machines by itself; everything else goes on to the portal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        view = ROUTES.get(path) or access_requests.route(path) or self._get_response
        return view(request)
