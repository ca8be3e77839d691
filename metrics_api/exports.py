"""Exports: whole datasets over HTTP, by the day if one likes."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from starlette.responses import Response

from metrics_api.asking import check_window
from metrics_api.cache import is_among
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.formats import EXPORT_FORMATS, MEDIA_TYPE_OF, ExportFormat, choose_export_format
from metrics_api.parameters import Time, Where, read_window
from metrics_api.services import Caller
from metrics_api.streaming import Streamed
from queries.exports import EXPORTS, Export, Extract, day_window
from queries.stop import Stop
from queries.window import Window

DatasetName = Annotated[str, WithJsonSchema({"type": "string", "enum": list(EXPORTS)})]

Streams = Annotated[Response, Produces(str, tuple(MEDIA_TYPE_OF[form] for form in EXPORT_FORMATS))]


class ColumnView(BaseModel):
    name: str
    type: str = Field(description="As Arrow calls it.")
    unit: str | None = None


class DatasetView(BaseModel):
    """A dataset that can be exported."""

    name: str
    help: str
    columns: list[ColumnView]
    dimensions: list[str] = Field(description="What its rows can be filtered by.")


class DayView(BaseModel):
    """A day (UTC) of a dataset."""

    day: date
    rows: int
    etag: str = Field(description="As the export of this day carries it: while it is the same, so are the rows.")


class ExportQuery(BaseModel):
    """What of a dataset is exported."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    start: Time | None = Field(
        None, description="ISO 8601, a date, or Unix seconds. Without it: 24 hours before the end."
    )
    end: Time | None = Field(None, description="The end, not included. Without it: that of the minute that it is.")
    day: date | None = Field(None, description="One day (UTC), in the place of start and end.")
    where: tuple[Where, ...] = Field((), description="Conditions, all of which hold: project==team-a, node=^gpu-.")
    columns: tuple[str, ...] = Field((), description="Only these columns, in this order.")
    format: ExportFormat | None = Field(None, description="Without it, what the Accept header asks for, or CSV.")

    @model_validator(mode="after")
    def has_one_time(self) -> Self:
        if self.day and (self.start or self.end):
            raise ValueError("day stands in the place of start and end; give the one or the others")
        self.window()
        return self

    def window(self) -> Window:
        return day_window(self.day) if self.day else read_window(self.start, self.end)


async def list_datasets() -> list[DatasetView]:
    """The datasets that can be exported, with their columns, types and units."""
    return [
        DatasetView(
            name=export.name,
            help=export.help,
            columns=[ColumnView(name=field.name, type=str(field.type), unit=unit_in(field)) for field in export.schema],
            dimensions=list(export.dimensions),
        )
        for export in EXPORTS.values()
    ]


async def list_days(caller: Caller, query: ExportQuery, dataset: DatasetName) -> list[DayView]:
    """The days of a dataset that have rows, how many, and the ETag of each day's export with the same parameters:
    whoever keeps a file for each day fetches those again whose ETag has changed."""
    await caller.services.chart()
    extract = whole_days(extract_of(caller, query, find_export(dataset)))
    form = query.format or EXPORT_FORMATS[0]

    def work(stop: Stop) -> list[DayView]:
        engine = caller.services.engine.within(stop, caller.services.settings.limits.rows)
        return [
            DayView(day=day, rows=rows, etag=etag_of(replace(extract, window=day_window(day)), form))
            for day, rows in extract.days(engine)
        ]

    return await caller.services.pool.answer(caller.who, work, is_short=False)


async def export_dataset(caller: Caller, query: ExportQuery, dataset: DatasetName) -> Streams:
    """The rows of a dataset as they are, streamed as fast as they are taken; as CSV, Parquet, Arrow or lines of JSON.
    An answer that breaks off without its last chunk is not whole: fetch it again."""
    form = choose_export_format(query.format, caller.accept)
    await caller.services.chart()
    extract = extract_of(caller, query, find_export(dataset))
    headers = {
        "ETag": etag_of(extract, form),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization",
        "Content-Disposition": f'attachment; filename="{file_name(extract, form)}"',
    }
    if is_among(headers["ETag"], caller.if_none_match):
        return Response(None, 304, headers)
    return Streamed(caller.services.exporting, caller.who, caller.services.engine, extract, form, headers)


def find_export(name: str) -> Export:
    """The dataset of this name.

    Raises:
        ApiError: 404, with those there are.
    """
    if name not in EXPORTS:
        raise ApiError(404, f"there is no dataset {name!r} to export; there are: {', '.join(EXPORTS)}")
    return EXPORTS[name]


def extract_of(caller: Caller, query: ExportQuery, export: Export) -> Extract:
    """What is asked for, of the newest version.

    Raises:
        ApiError: 400, where the dataset has no such column or dimension, or the time is too long.
    """
    check_window(query.window(), caller.services.settings.limits)
    for condition in query.where:
        if condition.field not in export.dimensions:
            known = ", ".join(export.dimensions)
            raise ApiError(400, f"where: {export.name} cannot be filtered by {condition.field!r}; it can by: {known}")
    for column in query.columns:
        if column not in export.schema.names:
            known = ", ".join(export.schema.names)
            raise ApiError(400, f"columns: {export.name} has no column {column!r}; it has: {known}")
    engine = caller.services.engine
    snapshot, columns = export.table(engine.lake).snapshot(), tuple(dict.fromkeys(query.columns))
    return Extract(
        export, query.window(), caller.actor.scope, snapshot, query.where, columns, caller.services.accounting
    )


def etag_of(extract: Extract, form: ExportFormat) -> str:
    return f'W/"{extract.digest()}-{form}"'


def file_name(extract: Extract, form: ExportFormat) -> str:
    window = extract.window
    is_day = window == day_window(window.start.date())
    times = f"{window.start:%Y-%m-%d}" if is_day else f"{window.start:%Y%m%dT%H%M}-{window.end:%Y%m%dT%H%M}"
    return f"{extract.export.name}-{times}.{form}"


def whole_days(extract: Extract) -> Extract:
    first, last = extract.window.start.date(), (extract.window.end - timedelta(microseconds=1)).date()
    return replace(extract, window=Window(day_window(first).start, day_window(last).end))


def unit_in(field: pa.Field) -> str | None:
    return (field.metadata or {}).get(b"unit", b"").decode() or None
