"""Explanation: why a GPU-second stands in its column."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Bare, Format, Rows
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.parameters import Time
from metrics_api.services import Caller
from queries.explain import Moment, explain
from queries.question import Answer, Asker
from queries.window import format_time


class ExplainQuery(BaseModel):
    """A GPU or a pod of a cluster, at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: str
    time: Time = Field(description="ISO 8601, or Unix seconds.")
    gpu: str | None = Field(None, description="A UUID, or UUID/instance.")
    pod: str | None = Field(None, description="As namespace/pod.")
    format: Format | None = Field(None, description="Without it, what the Accept header asks for.")
    envelope: bool = Field(True, description="With false, JSON rows come as a bare array.")

    @model_validator(mode="after")
    def one_thing_is_named(self) -> Self:
        if (self.gpu is None) == (self.pod is None):
            raise ValueError("either gpu (a UUID, or UUID/instance) or pod (namespace/pod) must be given")
        return self


async def read_explanation(
    caller: Caller, query: ExplainQuery
) -> Annotated[Response, Produces(Rows | Bare, tuple(MEDIA_TYPES))]:
    """Why the time of a GPU, or of a pod's GPUs, stands in its columns: the rule, the holder and how it is known, the
    utilization and its source, when the hour was read and by which run. Of the step around the time; of the hour, where
    its samples are not kept any more."""
    moment = Moment(query.cluster, query.time, query.gpu, query.pod)
    runs = await run_in_threadpool(caller.services.engine.lake.collections.snapshot)
    return await answer(caller, query, "rows", explained, moment, runs.version)


def explained(asker: Asker, moment: Moment, _: int) -> Answer:
    """The explanation, as of a version of the runs, which may be told of after the hour that they wrote.

    Raises:
        ApiError: 404, where there is none.
    """
    found = explain(asker, moment)
    if not len(found.rows):
        named = f"gpu {moment.gpu!r}" if moment.gpu is not None else f"pod {moment.pod!r}"
        raise ApiError(404, f"nothing is known of {named} in cluster {moment.cluster!r} at {format_time(moment.time)}")
    return found
