"""The addresses of the management API: every room's, under one prefix."""

from django.urls import include, path

from agents.api.urls import urlpatterns as of_agents
from audits.api.urls import urlpatterns as of_audits
from governance.api.urls import urlpatterns as of_governance
from portal.api import bundle
from portal.api.description import Description

app_name = "api"
of_portal = [
    path("openapi.json", Description.as_view(), name="openapi"),
    path("bundles", bundle.Bundles.as_view(), name="bundles"),
    path("bundles/<uuid:id>", bundle.OneBundle.as_view(), name="bundle"),
    path("bundles/<uuid:id>/file", bundle.BundleFile.as_view(), name="bundle_file"),
]
urlpatterns = [path("", include([*of_agents, *of_governance, *of_audits, *of_portal]))]
