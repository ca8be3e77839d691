"""Prometheus: PromQL over runai_* series, answered as Prometheus answers it. The value at a moment is the mean over the
last whole step of the ledger before it."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from metrics_api.asking import asker_of, remembered
from metrics_api.cache import Kept
from metrics_api.dialects.runai_legacy.labels import LABELS
from metrics_api.dialects.runai_legacy.promql import BadQueryError, Matcher, Query, parse, read_seconds
from metrics_api.endpoint import Endpoint, Produces
from metrics_api.errors import ApiError
from metrics_api.measured import number, response
from metrics_api.parameters import LONGEST, Time
from metrics_api.services import Caller
from metrics_api.telemetry import NEWEST
from queries.catalogue import FIELDS
from queries.condition import Condition
from queries.lake_error import LakeError
from queries.measurements import Measurements, measure
from queries.question import Question
from queries.samples import EPOCH
from queries.stop import Stop
from queries.window import Window

ERROR_TYPES = {
    400: "bad_data",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    422: "execution",
    503: "timeout",
}

FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "max": max,
    "min": min,
    "count": len,
}

HOLDERS = {"workload_id": "workload", "job_uuid": "workload", "pod_name": "pod", "project": "project"}
"""Labels that a series cannot be without."""

Labels = tuple[tuple[str, str], ...]


class PrometheusError(BaseModel):
    """What Prometheus answers where it cannot."""

    status: Literal["error"]
    errorType: str
    error: str


class Result(BaseModel):
    metric: dict[str, str]
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] | None = None


class Data(BaseModel):
    resultType: str
    result: list[Result]


class PromAnswer(BaseModel):
    """What Prometheus answers."""

    status: str
    data: Data
    warnings: list[str] | None = None


@dataclass(frozen=True)
class PrometheusEndpoint(Endpoint):
    """An endpoint that tells errors as Prometheus does, and takes what it is asked in a form, too."""

    error: ClassVar[type[BaseModel]] = PrometheusError

    @property
    def operation_id(self) -> str:
        """The same is there at two places, and by two methods."""
        below = "_below_grafana" if self.path.startswith("/grafana") else ""
        return f"{super().operation_id}{below}{'_by_form' if self.method == 'POST' else ''}"

    async def answer(self, request: Request) -> Response:
        try:
            return await super().answer(request)
        except ApiError as error:
            return explain(error)
        except LakeError as error:
            return explain(ApiError(503, str(error)))

    async def asked(self, request: Request) -> str:
        query = await super().asked(request)
        form = (await request.body()).decode("latin-1") if request.method == "POST" else ""
        return "&".join(part for part in (query, form) if part)


def explain(error: ApiError) -> Response:
    said = {
        "status": "error",
        "errorType": ERROR_TYPES.get(error.error.code, "bad_data"),
        "error": error.error.message,
    }
    return JSONResponse(said, error.error.code, error.headers)


def read_step(text: object) -> timedelta:
    return text if isinstance(text, timedelta) else read_seconds(str(text))


Step = Annotated[timedelta, BeforeValidator(read_step), WithJsonSchema({"type": "string"})]


class InstantQuery(BaseModel):
    """What is asked about a moment. Other parameters of Prometheus are read and change nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    query: str = Field(description="A runai_* name with matchers; sum, avg, max, min or count by (...) of it.")
    time: Time | None = Field(None, description="Without it, now.")


class RangeQuery(BaseModel):
    """What is asked about a time."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    query: str = Field(description="A runai_* name with matchers; sum, avg, max, min or count by (...) of it.")
    start: Time
    end: Time
    step: Step = Field(description="Seconds, or as in 5m.")


Answer = Annotated[Response, Produces(PromAnswer)]


async def read_instant(caller: Caller, query: InstantQuery, datasource: str) -> Answer:  # noqa: ARG001 - any is right
    """PromQL over runai_* series, at a moment. The datasource may be called anything."""
    asked = parsed(query.query)
    at = query.time or datetime.now(UTC)
    moment = at.replace(microsecond=0)

    def shape(answered: Measurements) -> dict[str, Any]:
        result = [
            {"metric": dict(labels), "value": [seconds(at), number(values[0][1])]}
            for labels, values in evaluated(asked, latest(answered, moment))
        ]
        return {"resultType": "vector", "result": result}

    window = Window(moment - NEWEST, moment)
    return await told(caller, asked, Question(window, None), shape, (query.query, at))


async def read_range(caller: Caller, query: RangeQuery, datasource: str) -> Answer:  # noqa: ARG001 - any is right
    """PromQL over runai_* series, over a time. The datasource may be called anything."""
    asked = parsed(query.query)
    check_range(query)
    grid = max(caller.finest_step, query.step // caller.finest_step * caller.finest_step)
    start, end = (time - (time - EPOCH) % grid for time in (query.start, query.end))
    count = (query.end - query.start) // query.step + 1
    times = [query.start + place * query.step for place in range(count)]

    def shape(answered: Measurements) -> dict[str, Any]:
        result = [
            {"metric": dict(labels), "values": [[seconds(time), number(value)] for time, value in values]}
            for labels, values in evaluated(asked, at_times(answered, times, grid))
        ]
        return {"resultType": "matrix", "result": result}

    question = Question(Window(start - grid, end), grid)
    return await told(caller, asked, question, shape, (query.query, query.start, query.end, query.step))


def parsed(text: str) -> Query:
    try:
        return parse(text)
    except BadQueryError as error:
        raise ApiError(400, str(error)) from None


def check_range(query: RangeQuery) -> None:
    if query.end < query.start:
        raise ApiError(400, 'invalid parameter "end": end timestamp must not be before start time')
    if (query.end - query.start) / query.step > LONGEST:
        raise ApiError(400, f"more than {LONGEST} points in a series; ask for a longer step")


async def told(caller: Caller, asked: Query, question: Question, shape: Any, key: tuple[object, ...]) -> Response:
    asker, limits = await asker_of(caller), caller.services.settings.limits
    clusters = tuple(each.name for each in asker.clusters() if is_meant(asked, each.name))
    asker = await asker_of(caller, clusters)
    by = dict.fromkeys(name for label in labels_of(asked) for name in LABELS[label].dimensions)
    conditions = (*of_whom(asked), *narrowing(asked.matchers))
    question = Question(question.window, question.step, tuple(by), conditions)

    def work(stop: Stop) -> Kept:
        answered = measure(asker.within(stop, limits.rows), question, (asked.series,), fills=False)
        warnings = {"warnings": answered.warnings} if answered.warnings else {}
        return response(msgspec.json.encode({"status": "success", "data": shape(answered), **warnings}), "json")

    return await remembered(caller, asker, question.window, ("promql", *key), work)


def labels_of(asked: Query) -> tuple[str, ...]:
    return ("clusterId", *asked.series.labels)


def is_meant(asked: Query, cluster: str) -> bool:
    """Whether the matchers let a cluster through."""
    identifier = pa.array([LABELS["clusterId"].value({"cluster": cluster})])
    return all(each.holds(identifier)[0].as_py() for each in asked.matchers if each.label == "clusterId")


def of_whom(asked: Query) -> Iterable[Condition]:
    """A series of workloads, pods or projects has no value for what belongs to none."""
    named = [dimension for label, dimension in HOLDERS.items() if label in asked.series.labels]
    yield from (Condition(dimension, "=@", "") for dimension in named[:1])


def narrowing(matchers: Iterable[Matcher]) -> Iterable[Condition]:
    """What of the matchers the ledger can be asked for: values that must be there."""
    for each in matchers:
        label = LABELS.get(each.label)
        if label and not label.spell and each.operator == "=" and each.value and label.dimensions[0] in FIELDS:
            yield Condition(label.dimensions[0], "==", each.value)


def seconds(time: datetime) -> float:
    """Unix time, to the millisecond."""
    return round(time.timestamp(), 3)


Points = dict[Labels, dict[datetime, list[float]]]
"""By its labels, the values of each series by time; only an aggregation has several."""


def named(asked: Measurements) -> Iterable[tuple[datetime, dict[str, str | None], float]]:
    (measured,) = asked.measured
    for row in measured.rows.to_pylist() if measured.rows is not None else ():
        yield row["time"], row, row["value"]


def latest(answered: Measurements, moment: datetime) -> Iterable[tuple[datetime, dict[str, str | None], float]]:
    """What was last told, at the moment that is asked about."""
    return ((moment, names, value) for _, names, value in named(answered))


def at_times(
    answered: Measurements, times: list[datetime], grid: timedelta
) -> Iterable[tuple[datetime, dict[str, str | None], float]]:
    """At each time, what was told of the last step that had ended."""
    by_step: dict[datetime, list[datetime]] = {}
    for time in times:
        by_step.setdefault(time - (time - EPOCH) % grid - grid, []).append(time)
    for step, names, value in named(answered):
        for time in by_step.get(step.astimezone(UTC), ()):
            yield time, names, value


def evaluated(
    asked: Query, told: Iterable[tuple[datetime, dict[str, str | None], float]]
) -> Iterable[tuple[Labels, list[tuple[datetime, float]]]]:
    """The series that the matchers let through, aggregated where that is asked; in the order of their labels."""
    rows = [(time, spelled(asked, names), value) for time, names, value in told]
    kept = matching(asked.matchers, [labels for _, labels, _ in rows])
    series: Points = {}
    for (time, labels, value), is_kept in zip(rows, kept, strict=True):
        if is_kept:
            series.setdefault(group_of(asked, labels), {}).setdefault(time, []).append(value)
    function = FUNCTIONS[asked.aggregation or "sum"]
    for group, points in sorted(series.items()):
        yield group, [(time, function(values)) for time, values in sorted(points.items())]


def spelled(asked: Query, names: dict[str, str | None]) -> dict[str, str]:
    return {label: LABELS[label].value(names) for label in labels_of(asked)}


def matching(matchers: tuple[Matcher, ...], rows: list[dict[str, str]]) -> list[bool]:
    kept = [True] * len(rows)
    for matcher in matchers:
        held = matcher.holds(pa.array([row.get(matcher.label, "") for row in rows], pa.string())).to_pylist()
        kept = [before and now for before, now in zip(kept, held, strict=True)]
    return kept


def group_of(asked: Query, labels: dict[str, str]) -> Labels:
    """The labels that are told: all, or those that an aggregation is by; without those that are empty."""
    if asked.aggregation:
        return tuple((label, labels[label]) for label in asked.by if labels.get(label))
    return (("__name__", asked.series.name), *((label, value) for label, value in labels.items() if value))
