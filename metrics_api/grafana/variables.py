"""Variables: what editors, dashboard variables and ad-hoc filters can choose from."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema
from starlette.concurrency import run_in_threadpool

from metrics_api.errors import ApiError
from metrics_api.grafana.payload import Selection, read_payload, schema_of
from metrics_api.grafana.request import AdHocFilter, Lenient, Name, TimeRange, window_of
from metrics_api.grafana.targets import LEDGER, describe_targets
from metrics_api.services import Caller
from queries.catalogue import DIMENSIONS, METRICS, STATISTICS
from queries.condition import Condition
from queries.question import Question

LISTED = timedelta(days=30)
"""The time whose values are listed where a client says none."""

MOST = 5_000
"""The most values of a dimension that are listed."""


class DatasourceHealth(BaseModel):
    status: str = "ok"
    message: str


class Label(BaseModel):
    label: str
    value: str


class Option(BaseModel):
    """A choice of a variable."""

    text: str = Field(serialization_alias="__text")
    value: str = Field(serialization_alias="__value")


class PayloadField(BaseModel):
    """A field of the query builder."""

    name: str
    label: str
    type: str
    placeholder: str = ""
    options: list[Label] | None = None


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


class OptionsRequest(Lenient):
    metric: Name = ""
    name: Name = ""


class TagKey(BaseModel):
    type: str = "string"
    text: str


class TagValue(BaseModel):
    text: str


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


async def search(caller: Caller, body: SearchRequest) -> list[str]:
    """The values of a dimension that is named exactly; otherwise the targets whose names contain the text."""
    if body.target in DIMENSIONS:
        return await run_in_threadpool(values_of, caller, body.target)
    return [name for name in describe_targets() if body.target in name]


async def list_metrics() -> list[Choice]:
    """The targets, with the fields that the query builder offers for each."""
    return [
        Choice(label=f"{name}: {text}", value=name, payloads=fields_of(name))
        for name, text in describe_targets().items()
    ]


def fields_of(target: str) -> list[PayloadField]:
    metric = METRICS.get(target)
    dimensions = metric.dimensions if metric else tuple(DIMENSIONS)
    return [
        PayloadField(name="by", label="Group by", type="multi-select", options=labels(dimensions)),
        PayloadField(
            name="stat",
            label="Statistic",
            type="select",
            options=labels(metric.statistics if metric else STATISTICS[:1]),
        ),
        PayloadField(name="step", label="Step", type="input", placeholder="5m, 1h, 1d, auto or total"),
        PayloadField(name="format", label="Format", type="select", options=labels(("frame", "time_series", "table"))),
        PayloadField(name="legend", label="Legend", type="input", placeholder="{{project}} on {{cluster}}"),
        *(PayloadField(name=name, label=f"Only {name}", type="multi-select") for name in dimensions),
        *([PayloadField(name="columns", label="Columns", type="input", placeholder="all")] if target == LEDGER else []),
    ]


def labels(names: tuple[str, ...]) -> list[Label]:
    return [Label(label=name, value=name) for name in names]


async def list_payload_options(caller: Caller, body: OptionsRequest) -> list[Label]:
    """The values of a dimension, for the query builder."""
    if body.name not in DIMENSIONS:
        raise ApiError(400, f"name = {body.name!r}: no such field has options; there are: {', '.join(DIMENSIONS)}")
    return labels(tuple(await run_in_threadpool(values_of, caller, body.name)))


async def list_options(caller: Caller, body: VariableRequest) -> list[Option]:
    """What a dashboard variable can be: the values of the dimension that its target names, within the dashboard's time
    range; or the names of the metrics, or of the dimensions."""
    given = {"target": body.payload} if isinstance(body.payload, str) else body.payload
    asked = read_payload(VariableSelection, given)
    if asked.target in DIMENSIONS:
        found = await run_in_threadpool(values_of, caller, asked.target, asked.conditions(), body.range)
    elif asked.target in ("metrics", "dimensions"):
        found = list(METRICS if asked.target == "metrics" else DIMENSIONS)
    else:
        raise ApiError(
            400, f"target = {asked.target!r}: write metrics, dimensions, or one of these: {', '.join(DIMENSIONS)}"
        )
    return [Option(text=value, value=value) for value in found]


async def list_tag_keys(body: TagKeysRequest) -> list[TagKey]:
    """What ad-hoc filters can be on."""
    del body
    return [TagKey(text=name) for name in DIMENSIONS]


async def list_tag_values(caller: Caller, body: TagValuesRequest) -> list[TagValue]:
    """The values that an ad-hoc filter can have, under the other filters."""
    if body.key not in DIMENSIONS:
        raise ApiError(400, f"key = {body.key!r}: unknown key; keys are: {', '.join(DIMENSIONS)}")
    others = tuple(each.condition() for each in body.filters or () if each.key != body.key)
    found = await run_in_threadpool(values_of, caller, body.key, others, body.time_range)
    return [TagValue(text=value) for value in found]


def values_of(
    caller: Caller, dimension: str, conditions: tuple[Condition, ...] = (), given: TimeRange | None = None
) -> list[str]:
    """The values that a dimension has in a time range, without the unknown."""
    window = window_of(given, LISTED)
    if not window:
        return []
    answer = caller.asker().ledger(Question(window, None, (dimension,), conditions))
    return [value for value in answer.rows[dimension].to_pylist() if value][:MOST]
