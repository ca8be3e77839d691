"""Query: the targets of a panel as frames, series or tables; and as rows, for clients that take any JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field
from starlette.responses import Response

from metrics_api.answers import completeness
from metrics_api.asking import Sent, is_settled, keep, kept
from metrics_api.cache import Kept
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.grafana.annotations import GAPS, Marked, Regions, gaps_of
from metrics_api.grafana.frames import Drawn, Grid, chosen_columns
from metrics_api.grafana.payload import Format, Payload
from metrics_api.grafana.request import RECENT, Lenient, Moment, QueryRequest, Target, TimeRange, window_of
from metrics_api.grafana.steps import Width
from metrics_api.grafana.targets import LEDGER, LISTS, PLACEHOLDERS, View, inquire
from metrics_api.services import Caller
from queries.question import Answer
from queries.window import Window

NOTHING = b"[]"

OLD_TYPES: dict[str, Format] = {"timeserie": "time_series", "timeseries": "time_series", "table": "table"}
"""The types of targets that SimpleJSON and the first of its successors send."""


async def answer_panel(caller: Caller, body: QueryRequest) -> Annotated[Response, Produces(list[dict[str, Any]])]:
    """The targets of a panel, each answered as data frames, as series of points (value, milliseconds) or as a table:
    what its payload's format says, or its type. What is missing from an answer is told in its notices. An annotation
    asks for the target gaps."""
    window = window_of(body.range)
    targets = [target for target in body.targets if not target.hide and target.target not in PLACEHOLDERS]
    if not window or not targets:
        return json(NOTHING)
    view = View(window, body.conditions(), Width.of(body.interval_ms, body.max_data_points))
    return json(joined([await answer_target(caller, target, view) for target in targets]))


async def answer_target(caller: Caller, target: Target, view: View) -> bytes:
    payload = target.read_payload()
    if target.target == GAPS:
        return (await keep(caller, gaps_of(view.window, payload.chosen("cluster")), Marked(target.ref_id))).body
    is_list = target.target in LISTS
    form = payload.format or ("table" if is_list else OLD_TYPES.get(target.type, "frame"))
    drawn = Drawn(form, target.ref_id, payload.legend, payload.columns if is_list else ())
    return (await keep(caller, inquire(caller, target.target, payload, form, view), drawn)).body


def joined(arrays: list[bytes]) -> bytes:
    """JSON arrays as one."""
    return b"[" + b",".join(array[1:-1] for array in arrays if array != NOTHING) + b"]"


def json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


class AnnotationRequest(Lenient):
    """What the old plugins post for annotations. Whatever their query is, they are shown the gaps."""

    range: TimeRange | None = None
    annotation: dict[str, Any] | None = None


async def list_annotations(
    caller: Caller, body: AnnotationRequest
) -> Annotated[Response, Produces(list[dict[str, Any]])]:
    """The hours of each cluster that were not collected, as SimpleJSON and the first of its successors read
    annotations. Newer ones ask /grafana/query for the target gaps."""
    window = window_of(body.range)
    if not window:
        return json(NOTHING)
    echo = msgspec.json.encode(body.annotation)
    return json((await keep(caller, gaps_of(window), Regions(echo))).body)


class RowsQuery(Payload):
    """A target, for clients that take any JSON: Infinity, and the JSON API plugin."""

    target: str = Field(description=f"A metric, several of them, {LEDGER}, {', '.join(LISTS)}.")
    start: Moment | None = Field(None, description="${__from}. Without it: 24 hours before the end.")
    end: Moment | None = Field(None, description="${__to}. Without it: now.")
    shape: Literal["rows", "wide"] = Field("rows", description="wide: one column per series, for alerts.")
    points: float | None = Field(None, ge=1, description="How many steps there is room for.")

    def window(self) -> Window | None:
        end = self.end or datetime.now(UTC)
        return TimeRange(start=self.start or end - RECENT, end=end).window()


async def read_rows(caller: Caller, query: RowsQuery) -> Annotated[Response, Produces(list[dict[str, Any]])]:
    """A target as a bare array of flat objects, one per step and group; or, wide, one per step. Times are ISO 8601."""
    window = query.window()
    if not window:
        return json(NOTHING)
    is_list = query.target in LISTS
    if is_list and query.shape == "wide":
        raise ApiError(400, f"shape = wide: {query.target} is a list without times; ask for shape=rows")
    view = View(window, width=Width.of(None, query.points))
    inquiry = inquire(caller, query.target, query, query.format or "frame", view)
    asked = inquiry.question.window
    flat = Flat(query.columns if is_list else (), asked)
    made = await keep(caller, inquiry, Wide(query.legend, asked) if query.shape == "wide" else flat)
    return made.response(caller.if_none_match)


@dataclass(frozen=True)
class Flat:
    """A bare array of rows, as the main API sends it, of some columns."""

    columns: tuple[str, ...]
    window: Window

    def __call__(self, answer: Answer, now: datetime) -> Kept:
        return Sent("json", "rows", False, self.window)(chosen_columns(answer, self.columns), now)


@dataclass(frozen=True)
class Wide:
    """One object per step, with a field per series."""

    legend: str | None
    window: Window

    def __call__(self, answer: Answer, now: datetime) -> Kept:
        body = msgspec.json.encode(wide(Grid(answer, self.legend)))
        response = Response(body, media_type="application/json", headers=completeness(answer))
        return kept(answer, response, ("wide", self.legend), is_settled(answer, self.window, now))


def wide(grid: Grid) -> list[dict[str, object]]:
    columns: dict[str, list[Any]] = {"time": list(grid.layout.moments())}
    for series in grid.series():
        name = series.name
        while name in columns:
            name += "'"
        columns[name] = series.values
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
