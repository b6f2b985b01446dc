"""What an application would write first: a decision as a view of Django REST framework, ORM and serializers.

Served as `python -m gunicorn measuring.idiomatic:application`, with the middleware of a new Django project
and a connection to the database for each request, in a transaction. There are two views:

- `/same` decides the same: every fact is looked up by the ORM, and the answer is recorded in the ledger.
- `/grant` looks for the copy and its grant and records a row. It looks at nothing else that a decision rests
  on: no votes, no dossier, no containment, no policies, no ledger.
"""

from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

django.setup()
settings.ROOT_URLCONF = __name__
settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
settings.MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

from django.db import transaction  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.authentication import BaseAuthentication  # noqa: E402
from rest_framework.exceptions import AuthenticationFailed  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from agents import bearer  # noqa: E402
from agents.models import AgentInstance, Person  # noqa: E402
from governance import access, authzen  # noqa: E402
from governance.models import Decision, EnforcementPoint, Grant  # noqa: E402
from governance.services.enforcement_points import POINTS  # noqa: E402


class Entity(serializers.Serializer[Any]):
    type = serializers.CharField(max_length=100)
    id = serializers.CharField(max_length=500)


class Named(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)


class Evaluation(serializers.Serializer[Any]):
    subject = Entity()
    action = Named()
    resource = Entity()


class Shown(serializers.ModelSerializer[Decision]):
    decision = serializers.BooleanField(source="allowed")

    class Meta:
        model = Decision
        fields = ("id", "decision", "reason", "message")


class ByCredential(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Person | None, EnforcementPoint]:
        secret = str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
        credential = bearer.read(POINTS.prefix, secret)
        if credential is None:
            raise AuthenticationFailed
        try:
            return None, EnforcementPoint.objects.get(credential_sha256=bearer.digest(credential.secret))
        except EnforcementPoint.DoesNotExist as error:
            raise AuthenticationFailed from error


class View(APIView):
    authentication_classes = (ByCredential,)
    permission_classes = ()

    def asked(self, request: Request) -> tuple[Any, Any, Any]:
        asked = Evaluation(data=request.data)
        asked.is_valid(raise_exception=True)
        return (
            asked.validated_data["subject"],
            asked.validated_data["action"],
            asked.validated_data["resource"],
        )


class Same(View):
    @transaction.atomic
    def post(self, request: Request) -> Response:
        subject, action, resource = self.asked(request)
        evaluation = authzen.Evaluation(
            authzen.Entity(subject["type"], subject["id"]),
            authzen.Action(action["name"]),
            authzen.Entity(resource["type"], resource["id"]),
        )
        answered = access.decide(evaluation=evaluation, point=request.auth)  # type: ignore[arg-type]
        return Response(Shown(Decision.objects.get(pk=answered.id)).data)


class OfGrant(View):
    @transaction.atomic
    def post(self, request: Request) -> Response:
        subject, action, resource = self.asked(request)
        instance = AgentInstance.objects.select_related("agent").get(spiffe_id=subject["id"])
        reference = f"{resource['type']}/{resource['id']}"
        grant = Grant.objects.filter(
            agent=instance.agent, action=action["name"], resource=reference, access="read"
        ).first()
        decision = Decision.objects.create(
            agent=instance.agent,
            instance_id=instance.pk,
            action=action["name"],
            resource=reference,
            access="read",
            allowed=grant is not None,
            reason="allowed_by_grant" if grant else "no_grant",
            message="A grant allows this reading." if grant else "No grant allows this reading.",
            grant=grant,
            policy_version="none",
            enforcement_point_id=getattr(request.auth, "pk", None),
        )
        return Response(Shown(decision).data)


urlpatterns = [path("same", Same.as_view()), path("grant", OfGrant.as_view())]
application = WSGIHandler()
