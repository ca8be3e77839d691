"""Query: the targets of a panel as frames, series or tables; and as rows, for clients that take any JSON."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metrics_api.answers import completeness
from metrics_api.encoding import encode
from metrics_api.endpoint import Produces
from metrics_api.grafana.annotations import GAPS, find_gaps, to_frame, to_regions
from metrics_api.grafana.frames import WRITERS, Frame, Grid
from metrics_api.grafana.payload import Payload
from metrics_api.grafana.request import RECENT, Lenient, Moment, QueryRequest, Target, TimeRange, window_of
from metrics_api.grafana.targets import PLACEHOLDERS, Width, ask
from metrics_api.services import Caller
from queries.condition import Condition
from queries.question import Asker
from queries.window import Window, format_time

OLD_TYPES = {"timeserie": "time_series", "timeseries": "time_series", "table": "table"}
"""The types of targets that SimpleJSON and the first of its successors send."""


async def answer_panel(caller: Caller, body: QueryRequest) -> Annotated[Response, Produces(list[dict[str, Any]])]:
    """The targets of a panel, each answered as data frames, as series of points (value, milliseconds) or as a table:
    what its payload's format says, or its type. What is missing from an answer is told in its notices. An annotation
    asks for the target gaps."""
    return Response(
        msgspec.json.encode(await run_in_threadpool(answer_targets, caller, body)), media_type="application/json"
    )


def answer_targets(caller: Caller, body: QueryRequest) -> list[Frame]:
    window = window_of(body.range)
    targets = [target for target in body.targets if not target.hide and target.target not in PLACEHOLDERS]
    if not window or not targets:
        return []
    asker, conditions = caller.asker(), body.conditions()
    width = Width.of(body.interval_ms, body.max_data_points)
    return [frame for target in targets for frame in answer_target(caller, asker, target, window, conditions, width)]


def answer_target(
    caller: Caller, asker: Asker, target: Target, window: Window, conditions: tuple[Condition, ...], width: Width
) -> list[Frame]:
    payload = target.read_payload()
    if target.target == GAPS:
        return [to_frame(list(find_gaps(asker, window, payload.chosen("cluster"))), target.ref_id)]
    form = payload.format or OLD_TYPES.get(target.type, "frame")
    shaped = payload.model_copy(update={"format": form})
    told = ask(asker, target.target, shaped, window, conditions, width, caller.finest_step)
    write = WRITERS[form]
    return write(told, target.ref_id, payload.legend)


class AnnotationRequest(Lenient):
    """What the old plugins post for annotations. Whatever their query is, they are shown the gaps."""

    range: TimeRange | None = None
    annotation: dict[str, Any] | None = None


async def list_annotations(caller: Caller, body: AnnotationRequest) -> list[dict[str, Any]]:
    """The hours of each cluster that were not collected, as SimpleJSON and the first of its successors read
    annotations. Newer ones ask /grafana/query for the target gaps."""
    window = window_of(body.range)
    if not window:
        return []
    gaps = await run_in_threadpool(lambda: list(find_gaps(caller.asker(), window)))
    return to_regions(gaps, body.annotation)


class RowsQuery(Payload):
    """A target, for clients that take any JSON: Infinity, and the JSON API plugin."""

    target: str = Field(description="A metric, several of them, or ledger.")
    start: Moment | None = Field(None, description="${__from}. Without it: 24 hours before the end.")
    end: Moment | None = Field(None, description="${__to}. Without it: now.")
    shape: Literal["rows", "wide"] = Field("rows", description="wide: one column per series, for alerts.")
    points: float | None = Field(None, ge=1, description="How many steps there is room for.")

    def window(self) -> Window | None:
        end = self.end or datetime.now(UTC)
        return TimeRange(start=self.start or end - RECENT, end=end).window()


async def read_rows(caller: Caller, query: RowsQuery) -> Annotated[Response, Produces(list[dict[str, Any]])]:
    """A target as a bare array of flat objects, one per step and group; or, wide, one per step. Times are ISO 8601."""
    return await run_in_threadpool(answer_rows, caller, query)


def answer_rows(caller: Caller, query: RowsQuery) -> Response:
    window = query.window()
    if not window:
        return Response(b"[]", media_type="application/json")
    width = Width.of(None, query.points)
    told = ask(caller.asker(), query.target, query, window, (), width, caller.finest_step)
    is_wide = query.shape == "wide"
    rows = told.answer.rows
    told_rows = encode("json", rows.schema, rows.to_batches())
    body = msgspec.json.encode(wide(Grid(told, query.legend))) if is_wide else b"".join(told_rows)
    return Response(body, media_type="application/json", headers=completeness(told.answer))


def wide(grid: Grid) -> list[dict[str, object]]:
    columns: dict[str, list[Any]] = {"time": [format_time(time) for time in grid.moments()]}
    for series in grid.series():
        name = series.name
        while name in columns:
            name += "'"
        columns[name] = series.values
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
