"""Prometheus: PromQL over runai_* series, answered as Prometheus answers it. The value at a moment is the mean over the
last whole step of the ledger before it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from metrics_api.asking import asker_of, remembered
from metrics_api.cache import Kept
from metrics_api.dialects.runai_legacy.evaluation import (
    at_times,
    evaluated,
    is_meant,
    labels_of,
    latest,
    narrowing,
    of_whom,
)
from metrics_api.dialects.runai_legacy.labels import LABELS
from metrics_api.dialects.runai_legacy.promql import BadQueryError, Query, parse, read_seconds
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.measured import number, response
from metrics_api.parameters import LONGEST, Time
from metrics_api.services import Caller
from metrics_api.telemetry import NEWEST
from queries.measurements import Measurements, measure
from queries.question import Question
from queries.samples import EPOCH
from queries.stop import Stop
from queries.window import Window


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


def seconds(time: datetime) -> float:
    """Unix time, to the millisecond."""
    return round(time.timestamp(), 3)
