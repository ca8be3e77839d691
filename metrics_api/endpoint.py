"""Endpoint: a typed handler becomes a Starlette route and an OpenAPI operation."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

from pydantic import (
    BaseModel,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from metrics_api.access.throttle import network_of
from metrics_api.auth import authenticate
from metrics_api.body import read_body
from metrics_api.deprecations import Deprecation
from metrics_api.errors import ApiError, Error, invalid
from metrics_api.policy import Actor
from metrics_api.services import Caller, Client, Services
from queries.control.audit import Entry, record
from queries.control.database import NameTakenError

SEPARATOR = re.compile(r"(?<!\\),")
"""Of values: a comma that belongs to one has a backslash before it."""

Handler = Callable[..., Awaitable[object]]


@dataclass(frozen=True)
class Produces:
    """What a handler that answers with a Response of its own answers with: a model for JSON, and other media types; and
    with which statuses beside 200."""

    model: Any
    media_types: tuple[str, ...] = ()
    also: tuple[int, ...] = ()


class Complete(BaseModel):
    """An answer that tells all its fields, also those that have no value: Run:ai's clients count on them."""


class CompletePage(Complete):
    """The same of a page of a list. next: where the next page begins; left out where there is none, as clients ask on
    for as long as it is there."""

    next: int | None = None

    @model_serializer(mode="wrap")
    def without_an_end(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if name != "next" or value is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Of the fields: what the serializer gives is any object."""
        fields: Any = {name: value for name, value in core.items() if name != "serialization"}
        return handler(fields)


@dataclass(frozen=True)
class Endpoint:
    """One line of the route table. The handler's parameters say what it takes: ``query`` and ``body`` are pydantic
    models, ``caller`` is who asks, those in the path are texts; its return type says what it answers with."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    is_public: bool = False
    status: int = 200
    """Of the answer."""
    resource: str | None = None
    """The kind of thing that is changed: the request is entered in the audit log."""
    action: str | None = None
    """What the audit log calls it, where the method does not say."""
    deprecated: Deprecation | None = None
    refuses: tuple[int, ...] = ()
    """With which statuses, beside those that follow from what it takes and does (metrics_api/refusals.py)."""

    schemes: ClassVar[tuple[str, ...]] = ("bearer",)
    """How one may sign in, as the OpenAPI document calls it."""
    error: ClassVar[type[BaseModel]] = Error
    """What is answered where it cannot be."""
    media_type: ClassVar[str] = "application/json"
    """Of the body."""

    @cached_property
    def hints(self) -> dict[str, Any]:
        return get_type_hints(self.handler, include_extras=True)

    @cached_property
    def wanted(self) -> frozenset[str]:
        """The names of what the handler takes."""
        return frozenset(inspect.signature(self.handler).parameters)

    @cached_property
    def query(self) -> type[BaseModel] | None:
        return self.hints.get("query")

    @cached_property
    def body(self) -> type[BaseModel] | None:
        return self.hints.get("body")

    @property
    def in_path(self) -> dict[str, Any]:
        """The parameters in the path, and what they are."""
        return {name: self.hints[name] for name in re.findall(r"{(\w+)}", self.path)}

    @cached_property
    def produces(self) -> Produces:
        answer = self.hints["return"]
        if get_origin(answer) is Annotated:
            return next(extra for extra in get_args(answer) if isinstance(extra, Produces))
        return Produces(None if answer is NoneType else answer)

    def route(self) -> Route:
        return Route(
            self.path, self.respond, methods=[self.method], name=f"{self.handler.__module__}.{self.handler.__name__}"
        )

    @property
    def operation_id(self) -> str:
        """How generated clients call it."""
        return f"{self.handler.__module__.rsplit('.', 1)[-1]}.{self.handler.__name__}"

    async def respond(self, request: Request) -> Response:
        """The answer, which says so where it is deprecated; also where there is an error."""
        if not self.deprecated:
            return await self.answer(request)
        try:
            answer = await self.answer(request)
        except ApiError as error:
            error.headers = (error.headers or {}) | self.deprecated.headers()
            raise
        answer.headers.update(self.deprecated.headers())
        return answer

    async def answer(self, request: Request) -> Response:
        services: Services = request.app.state.services
        arguments: dict[str, object] = dict(request.path_params)
        if not self.is_public:
            if services.clusters.is_stale:
                await run_in_threadpool(services.follow_clusters)
            arguments["caller"] = await self.admit(request, services)
        else:
            arguments["services"] = services
            arguments["client"] = Client(address_of(request), request.headers.get("authorization", ""))
        status = 500
        try:
            response = await self.handle(request, arguments)
            status = response.status_code
        except ApiError as error:
            status = error.error.code
            raise
        except NameTakenError:
            status = 409
            raise
        finally:
            await self.audit(request, arguments, status)
        return response

    async def admit(self, request: Request, services: Services) -> Caller:
        """Who asks, if not too often.

        Raises:
            ApiError: 401, or 429.
        """
        address = address_of(request)
        if self.resource and request.headers.get("sec-fetch-site") == "cross-site":
            raise ApiError(403, "pages of other sites may change nothing here")
        try:
            actor = await self.identify(request, services)
        except ApiError:
            check_rate(services, network_of(address))
            raise
        accept, if_none_match = (request.headers.get(name, "") for name in ("accept", "if-none-match"))
        caller = Caller(services, actor, accept, if_none_match, address)
        check_rate(services, caller.who)
        return caller

    async def handle(self, request: Request, arguments: dict[str, object]) -> Response:
        if self.query:
            arguments["query"] = parse_query(self.query, await self.asked(request))
        if self.body:
            arguments["body"] = self.parse_body(await self.given(request))
        answer = await self.handler(**{name: value for name, value in arguments.items() if name in self.wanted})
        if isinstance(answer, Response):
            return answer
        if answer is None:
            return Response(status_code=self.status)
        first = answer[0] if isinstance(answer, list) and answer else answer
        body = TypeAdapter(self.produces.model).dump_json(
            answer, by_alias=True, exclude_none=not isinstance(first, Complete)
        )
        return Response(body, self.status, media_type="application/json")

    async def audit(self, request: Request, arguments: dict[str, object], status: int) -> None:
        """Enter a change, or the attempt at one, in the audit log; and let everybody know that what was may be no
        more."""
        caller = arguments.get("caller")
        if self.resource and isinstance(caller, Caller):
            caller.services.forget()
            entry = entry_of(self, request, caller, status)
            await run_in_threadpool(record, caller.services.control, entry)

    async def asked(self, request: Request) -> str:
        """What a request asks, as a query string."""
        query: str = request.scope["query_string"].decode("latin-1")
        return query

    async def given(self, request: Request) -> bytes:
        """The body of a request."""
        services: Services = request.app.state.services
        return await read_body(request, self.media_type, services.settings.limits)

    async def identify(self, request: Request, services: Services) -> Actor:
        return await authenticate(request.headers.get("authorization", ""), services)

    def parse_body(self, body: bytes) -> BaseModel:
        assert self.body
        return parse_body(self.body, body)


def check_rate(services: Services, who: str) -> None:
    """Raises:
    ApiError: 429, where somebody has asked too often.
    """
    seconds = services.rate.wait_seconds(who)
    if seconds:
        most = services.settings.limits.requests_per_minute
        raise ApiError(
            429,
            f"more than {most} requests in a minute (limits.requests_per_minute); try again in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


def get(path: str, handler: Handler, summary: str, tag: str, is_public: bool = False, **more: Any) -> Endpoint:
    return Endpoint("GET", path, handler, summary, tag, is_public, **more)


def post(path: str, handler: Handler, summary: str, tag: str, is_public: bool = False, **more: Any) -> Endpoint:
    return Endpoint("POST", path, handler, summary, tag, is_public, **more)


def put(path: str, handler: Handler, summary: str, tag: str, **more: Any) -> Endpoint:
    return Endpoint("PUT", path, handler, summary, tag, **more)


def patch(path: str, handler: Handler, summary: str, tag: str, **more: Any) -> Endpoint:
    return Endpoint("PATCH", path, handler, summary, tag, **more)


def delete(path: str, handler: Handler, summary: str, tag: str, **more: Any) -> Endpoint:
    return Endpoint("DELETE", path, handler, summary, tag, **more)


VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete", "GET": "read"}


def entry_of(endpoint: Endpoint, request: Request, caller: Caller, status: int) -> Entry:
    actor = caller.actor
    return Entry(
        tenant_id=actor.tenant_id,
        subject=actor.name,
        subject_type=actor.subject_type,
        source_ip=address_of(request),
        action=endpoint.action or VERBS[endpoint.method],
        http_method=endpoint.method,
        url=request.url.path,
        http_status_code=status,
        entity_type=endpoint.resource or "",
        entity_id=caller.target.id or next(iter(request.path_params.values()), None),
        entity_name=caller.target.name,
    )


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


@lru_cache(maxsize=1_000)
def parse_query(model: type[BaseModel], query: str) -> BaseModel:
    """The query string as a model. A parameter that takes several values may be repeated, or have them separated by
    commas; the comma of a name is written as ``\\,``.

    Dashboards ask the same over and over: models are frozen, and read no clock.
    """
    parameters, values = QueryParams(query), dict[str, object]()
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name in parameters:
        given = parameters.getlist(name)
        field = fields.get(name)
        if field and is_many(field.annotation):
            values[name] = [part.replace("\\,", ",") for text in given for part in SEPARATOR.split(text) if part]
        elif len(given) > 1:
            raise ApiError(400, f"parameter {name!r} is given {len(given)} times; it takes one value")
        else:
            values[name] = given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, fields, "parameter") from None


def parse_body(model: type[BaseModel], body: bytes) -> BaseModel:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        known = [field.alias or name for name, field in model.model_fields.items()]
        raise invalid(error, known, "field") from None


def is_many(annotation: object) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType, Annotated):
        return any(is_many(argument) for argument in get_args(annotation))
    return origin in (tuple, list)


def schema_of(model: Any, mode: Any, template: str) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The JSON schema of a type, and the schemas of what it refers to."""
    schema = TypeAdapter(model).json_schema(mode=mode, ref_template=template)
    return schema, schema.pop("$defs", {})
