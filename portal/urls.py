from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from portal.health import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("health", health, name="health"),
    path("sign-in/", include("portal.sign_in.urls")),
    path("api/v1/", include("portal.api.urls")),
    path("admin/", admin.site.urls),
]
