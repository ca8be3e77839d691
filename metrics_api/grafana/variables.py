"""Variables: what editors, dashboard variables and ad-hoc filters can choose from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, Field, TypeAdapter, WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metrics_api.asking import keep
from metrics_api.cache import Kept
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.grafana.builder import Label, PayloadField, fields_of, options_of
from metrics_api.grafana.payload import Selection, bounded, read_payload, schema_of
from metrics_api.grafana.request import AdHocFilter, Lenient, Name, TimeRange, window_of
from metrics_api.grafana.steps import aligned_to
from metrics_api.grafana.targets import describe_targets
from metrics_api.inquiry import Inquiry
from metrics_api.services import Caller
from queries.catalogue import DIMENSIONS, METRICS
from queries.condition import Condition
from queries.holdings import CLASSES
from queries.names import names
from queries.question import Question
from queries.window import HOUR

LISTED = timedelta(days=30)
"""The time whose values are listed where a client says none."""

LISTS: dict[str, Sequence[str]] = {
    "metrics": tuple(METRICS),
    "dimensions": tuple(DIMENSIONS),
    "classes": tuple(CLASSES),
}
"""What variables can list beside the names of a dimension."""


class DatasourceHealth(BaseModel):
    status: str = "ok"
    message: str


class Option(BaseModel):
    """A choice of a variable."""

    text: str = Field(serialization_alias="__text")
    value: str = Field(serialization_alias="__value")

    @classmethod
    def of(cls, name: str) -> "Option":
        return cls(text=name, value=name)


class Choice(BaseModel):
    """What a target can be, and how it can be narrowed."""

    label: str
    value: str
    payloads: list[PayloadField]


class SearchRequest(Lenient):
    target: Name = ""


class VariableSelection(Selection):
    """What a variable lists: a dimension, metrics or dimensions; and of which rows."""

    target: str = ""


class VariableRequest(Lenient):
    payload: Annotated[Any, WithJsonSchema(schema_of(VariableSelection))] = None
    range: TimeRange | None = None


class MetricsRequest(Lenient):
    """The target that is chosen, if one is, and what is said of it so far: that decides what else can be said."""

    metric: Name = ""
    payload: Annotated[Any, WithJsonSchema({})] = None

    def said(self) -> dict[str, Any]:
        return self.payload if isinstance(self.payload, dict) else {}


class OptionsRequest(MetricsRequest):
    name: Name = ""


class TagKey(BaseModel):
    type: str = "string"
    text: str


class TagValue(BaseModel):
    text: str

    @classmethod
    def of(cls, name: str) -> "TagValue":
        return cls(text=name)


class TagKeysRequest(Lenient):
    """Nothing of it matters: the keys are always the same."""


class TagValuesRequest(Lenient):
    key: str
    filters: list[AdHocFilter] | None = None
    time_range: TimeRange | None = None


async def check_health(caller: Caller) -> DatasourceHealth:
    """Whether the datasource can be used: it is signed in, and the lake can be read."""
    clusters = await run_in_threadpool(lambda: caller.asker().clusters())
    return DatasourceHealth(message=f"{len(clusters)} clusters can be asked about")


async def check_health_with_slash(caller: Caller) -> DatasourceHealth:
    """The same, for the first clients, which end the address with a slash."""
    return await check_health(caller)


async def search(caller: Caller, body: SearchRequest) -> Annotated[Response, Produces(list[str])]:
    """The values of a dimension that is named exactly; otherwise the targets whose names contain the text."""
    if body.target in DIMENSIONS:
        return await list_names(caller, body.target, str)
    return Listed(str).respond([name for name in describe_targets() if body.target in name])


async def list_metrics(body: MetricsRequest) -> list[Choice]:
    """The targets, with the fields that the query builder offers for each."""
    return [
        Choice(
            label=f"{name}: {text}",
            value=name,
            payloads=fields_of(name, body.said() if name == body.metric else {}),
        )
        for name, text in describe_targets().items()
    ]


async def list_payload_options(caller: Caller, body: OptionsRequest) -> Annotated[Response, Produces(list[Label])]:
    """The values that a field of the query builder can have: those of a dimension in the last month, or those that the
    target knows."""
    if body.name in DIMENSIONS:
        return await list_names(caller, body.name, Label.of)
    return Listed(Label.of).respond(options_of(body.metric, body.name, body.said()))


async def list_options(caller: Caller, body: VariableRequest) -> Annotated[Response, Produces(list[Option])]:
    """What a dashboard variable can be: the values of the dimension that its target names, within the dashboard's time
    range; or the names of the metrics, of the dimensions, or of the classes of waste."""
    given = {"target": body.payload} if isinstance(body.payload, str) else body.payload
    asked = read_payload(VariableSelection, given)
    if asked.target in DIMENSIONS:
        return await list_names(caller, asked.target, Option.of, asked.conditions(), body.range)
    if asked.target not in LISTS:
        raise ApiError(
            400,
            f"target = {asked.target!r}: write {', '.join(LISTS)}, or one of these: {', '.join(DIMENSIONS)}",
        )
    return Listed(Option.of).respond(LISTS[asked.target])


async def list_tag_keys(body: TagKeysRequest) -> list[TagKey]:
    """What ad-hoc filters can be on."""
    del body
    return [TagKey(text=name) for name in DIMENSIONS]


async def list_tag_values(caller: Caller, body: TagValuesRequest) -> Annotated[Response, Produces(list[TagValue])]:
    """The values that an ad-hoc filter can have, under the other filters."""
    if body.key not in DIMENSIONS:
        raise ApiError(400, f"key = {body.key!r}: unknown key; keys are: {', '.join(DIMENSIONS)}")
    others = tuple(each.condition() for each in body.filters or () if each.key != body.key)
    return await list_names(caller, body.key, TagValue.of, others, body.time_range)


async def list_names(
    caller: Caller,
    dimension: str,
    written: Callable[[str], object],
    conditions: tuple[Condition, ...] = (),
    given: TimeRange | None = None,
) -> Response:
    """The names that a dimension has in the hours of a time range, as a client wants them."""
    listed, window = Listed(written), window_of(given, LISTED)
    if not window:
        return listed.respond(())
    question = Question(aligned_to(window, HOUR), None, (dimension,), bounded(conditions))
    made = await keep(caller, Inquiry.of(names, question), listed)
    return Response(made.body, media_type="application/json")


@dataclass(frozen=True)
class Listed:
    """A JSON array of names, each written in one way."""

    written: Callable[[str], object]

    def __call__(self, found: pa.Table, _: datetime) -> Kept:
        return Kept(self.encode(found["name"].to_pylist()), {})

    def respond(self, found: Sequence[str]) -> Response:
        return Response(self.encode(found), media_type="application/json")

    def encode(self, found: Sequence[str]) -> bytes:
        return TypeAdapter(list[Any]).dump_json([self.written(name) for name in found], by_alias=True)
