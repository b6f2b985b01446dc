"""The shape of every resource: a list (`Collection`), a row (`Item`), a verb on a row (`Verb`), a file.

A view parses, calls one service, presents. Adding one is a copy of a neighbour: docs/api.md.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.actor import Actor
from audits.api import paging
from audits.api.files import Bytes
from audits.api.once import once
from audits.api.problems import Errors, Problem, Refused
from audits.services import reading

MAX_BODY_BYTES = 1024 * 1024
OVERHEAD_BYTES = 64 * 1024
"""What a form around a file may take besides it."""
Row = TypeVar("Row", bound=Model)
Given = dict[str, Any]


class Filter(NamedTuple):
    """A query parameter that narrows a list: what it must be, and the column that must equal it."""

    field: "serializers.Field[Any, Any, Any, Any]"
    column: str


class Shown(serializers.ModelSerializer[Any]):
    """What a row is in an answer: name the fields in `Meta.fields`; all of them are only read."""

    def get_extra_kwargs(self) -> dict[str, Any]:
        return {name: {"read_only": True} for name in cast("Any", self).Meta.fields}

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """A choice that may be empty says so: its schema is what is really answered."""
        kind, options = super().build_standard_field(field_name, model_field)
        if model_field.blank and "choices" in options:
            options["choices"] = [("", "None"), *options["choices"]]
        return kind, options


class Input(serializers.Serializer[Any]):
    """The body of a request. A member that is not declared is refused, not ignored.

    `example` is one for readers of the API's description.
    """

    example: ClassVar[Mapping[str, Any]] = {}

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, Mapping) else []
        wrong: dict[str, Any] = {name: ["There is no such member."] for name in unknown}
        try:
            given = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                raise serializers.ValidationError(error.detail | wrong) from error
            raise
        if wrong:
            raise serializers.ValidationError(wrong)
        return given


class Nothing(Input):
    """A verb that needs no input: an empty object, or no body at all."""


class Resource(APIView):
    """What all of them share.

    `permission` is the model permission that seeing it takes, as in the admin; without it nothing is here
    to find. `read_as` is what an event `ledger.read` calls it, for what is only read on record (S2-19).
    """

    permission: ClassVar[str] = ""
    read_as: ClassVar[str] = ""
    title: ClassVar[str] = ""
    filters: ClassVar[Mapping[str, Filter]] = {}
    shown: type[serializers.BaseSerializer[Any]]
    given: type[Input] | None = None
    item: ClassVar[str] = ""
    """The name of the address of what POST makes, which `names` fills in."""
    done: ClassVar[int] = 201
    """The status of a POST that did it."""
    max_body_bytes: int = MAX_BODY_BYTES
    also: ClassVar[Sequence[Problem]] = ()
    """Problems that only this resource answers with; for its description."""
    fields_are_under: ClassVar[str] = ""
    """Where in the body the fields are that the service names."""

    @property
    def person(self) -> Any:
        """Whose token it is."""
        return self.request.user

    @property
    def caller(self) -> str:
        """Whose `Idempotency-Key`s these are."""
        token: Any = self.request.auth
        return f"api_token/{token.pk}"

    @property
    def repeats(self) -> bool:
        """Whether POST minds its `Idempotency-Key`: where the body is JSON. Files are told by content."""
        return all(parser.media_type == "application/json" for parser in self.parser_classes)

    @property
    def actor(self) -> Actor:
        actor: Actor = self.person.actor
        return actor

    def initial(self, request: Request, *arguments: Any, **options: Any) -> None:
        """Before any method: who it is, and whether the request can be meant so."""
        super().initial(request, *arguments, **options)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > self.max_body_bytes:
            raise Refused(Problem.TOO_LARGE, f"At most {self.max_body_bytes} bytes are read here.")
        self.asked: Given = self._parameters(request.query_params)

    def may_see(self) -> bool:
        return not self.permission or bool(self.person.has_perm(self.permission))

    def take(self) -> Given:
        """The body, checked.

        Raises:
            ValidationError: something in it is wrong; the answer points at it.
        """
        partial = self.request.method == "PATCH"
        body = (self.given or Nothing)(data=self.request.data, partial=partial, context={"view": self})
        body.is_valid(raise_exception=True)
        return cast("Given", body.validated_data)

    def present(self, row: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        shown = self.shown(row, context={"view": self}).data
        return Response(shown, status=status, headers=dict(headers or {}))

    def record_reading(self, about: str, part: str) -> None:
        """Write down that this person reads it, before they do.

        Raises:
            Denied: they may not; that is written down too.
        """
        if self.read_as:
            reading.look(
                actor=self.actor,
                object=about,
                permission=self.permission,
                part=part,
                path=self.request.path,
                filters=self.request.query_params.dict(),
            )

    def query_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        """The query parameters that are known here."""
        return {name: each.field for name, each in self.filters.items()}

    def _parameters(self, given: QueryDict) -> Given:
        """The query parameters, checked; one that is unknown or repeated is a mistake.

        Raises:
            Refused: with what is wrong with which.
        """
        known = self.query_fields()
        asked: Given = {}
        errors: Errors = []
        for name in given:
            if name not in known or len(given.getlist(name)) > 1:
                words = "Give it once." if name in known else "There is no such parameter here."
                errors.append({"parameter": name, "detail": words})
                continue
            try:
                asked[name] = known[name].run_validation(given[name])
            except serializers.ValidationError as error:
                errors.append(
                    {"parameter": name, "detail": " ".join(map(str, cast("list[str]", error.detail)))}
                )
        if errors:
            raise Refused(Problem.BAD_PARAMETER, errors=errors)
        return asked


class Rows(Resource, Generic[Row]):
    """A resource of rows of one model: `rows` are those that there are."""

    def rows(self) -> QuerySet[Row]:
        raise NotImplementedError

    def row(self, rows: QuerySet[Row], **named: Any) -> Row:
        """The one row that the address names.

        Raises:
            Http404: it is not there, or not for this person to see.
        """
        found = rows.filter(**named).first() if self.may_see() else None
        if found is None:
            raise Http404
        return found


class Collection(Rows[Row]):
    """A list: GET shows it in pages, newest first."""

    def query_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        return super().query_fields() | {
            "cursor": serializers.CharField(
                max_length=paging.LONGEST_CURSOR, help_text="From `next` of the page before."
            ),
            "page_size": serializers.IntegerField(
                min_value=1,
                max_value=paging.LARGEST_SIZE,
                help_text=f"{paging.DEFAULT_SIZE} where none is given.",
            ),
        }

    def get(self, request: Request, **_path: Any) -> Response:
        if not self.may_see():
            raise Refused(Problem.DENIED, "This person may not see this list in the portal either.")
        size, cursor = self.asked.get("page_size", paging.DEFAULT_SIZE), self.asked.get("cursor", "")
        page = self.page(size=size, cursor=cursor)
        shown = self.shown(page.rows, many=True, context={"view": self}).data
        self.record_reading(self.read_as, "list")
        return Response({"results": shown, "next": self._next(request, page.next)})

    def page(self, *, size: int, cursor: str) -> paging.Page[Row]:
        """One page of what was asked for."""
        asked = {each.column: self.asked[name] for name, each in self.filters.items() if name in self.asked}
        return paging.page(self.rows().filter(**asked), size=size, cursor=cursor)

    def _next(self, request: Request, cursor: str) -> str | None:
        if not cursor:
            return None
        query = request.query_params.copy()
        query["cursor"] = cursor
        return f"{request.path}?{query.urlencode()}"


class GrowingCollection(Collection[Row]):
    """A list to which POST adds.

    `adding` is the model permission that adding takes in the admin; the service asks for the rest.
    """

    adding: ClassVar[str] = ""
    add_title: ClassVar[str] = ""

    def query_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        return self.add_fields() if self.request.method == "POST" else super().query_fields()

    def add_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        """The query parameters of POST."""
        return {}

    def post(self, request: Request, **_path: Any) -> Response:
        return once(request, caller=self.caller, act=self._post) if self.repeats else self._post()

    def _post(self) -> Response:
        if self.adding and not self.person.has_perm(self.adding):
            raise Refused(Problem.DENIED, "This person may not add one in the portal either.")
        made = self.add(self.take())
        headers = (
            {"Location": reverse(f"api:{self.item}", kwargs=dict(self.names(made)))} if self.item else {}
        )
        return self.present(made, status=201, headers=headers)

    def add(self, given: Given) -> Row:
        """Call the service; give what it made, or what was there already."""
        raise NotImplementedError

    def names(self, row: Row) -> Mapping[str, Any]:
        """What the address of a row is made of."""
        return {"id": row.pk}


class Item(Rows[Row]):
    """One row: GET shows it."""

    def get(self, request: Request, **path: Any) -> Response:  # noqa: ARG002 - the framework's signature
        row = self.row(self.rows(), **self.named(path))
        shown = self.present(row)
        self.record_reading(f"{self.read_as}/{row.pk}", "page")
        return shown

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of the address names the row."""
        return {"pk": path["id"]}


class ChangingItem(Item[Row]):
    """One row that PATCH changes: what is not sent stays as it is.

    Where `conditional`, every answer has an `ETag`, and PATCH needs it back as `If-Match` (RFC 9110,
    section 13.1.1; RFC 6585, section 3).
    """

    change_title: ClassVar[str] = ""
    conditional: ClassVar[bool] = False

    def patch(self, request: Request, **path: Any) -> Response:  # noqa: ARG002 - the framework's signature
        row = self.row(self.rows(), **self.named(path))
        return self.present(self.change(row, self.take()))

    def change(self, row: Row, given: Given) -> Row:
        """Call the service; give the row as it is now."""
        raise NotImplementedError

    def matched(self, current: str) -> str:
        """`current`, if that is what the request was made on; else what no entry is.

        Raises:
            Refused: the request does not say what it was made on.
        """
        named = self.request.headers.get("If-Match", "").strip()
        if not named:
            raise Refused(Problem.PRECONDITION_REQUIRED)
        tags = {each.strip() for each in named.split(",")}
        return current if tags & {"*", f'"{current}"'} else "stale"


class Verb(Item[Row]):
    """Something that is done with one row: POST does it, by one service."""

    done: ClassVar[int] = 200
    http_method_names = ("post",)

    def post(self, request: Request, **path: Any) -> Response:
        act = partial(self._post, path)
        return once(request, caller=self.caller, act=act) if self.repeats else act()

    def _post(self, path: Mapping[str, Any]) -> Response:
        row = self.row(self.rows(), **self.named(path))
        return self.present(self.perform(row, self.take()), status=self.done)

    def perform(self, row: Row, given: Given) -> Any:
        """Call the service; what it gives is presented."""
        raise NotImplementedError


class Download(Item[Row]):
    """The file of a row, as bytes to keep."""

    renderer_classes: Sequence[type[BaseRenderer]] = (Bytes, JSONRenderer)

    def get(self, request: Request, **path: Any) -> HttpResponseBase:  # type: ignore[override]  # noqa: ARG002
        return self.file(self.row(self.rows(), **self.named(path)))

    def file(self, row: Row) -> HttpResponseBase:
        raise NotImplementedError
