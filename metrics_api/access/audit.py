"""Audit: who did what, and tried to."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metrics_api.endpoint import Complete, Produces
from metrics_api.listing import Column, CountQuery, ListQuery
from metrics_api.parameters import Time
from metrics_api.services import Caller
from queries.control.audit import read_log
from queries.control.tables import AuditEntry
from queries.filter import Kind
from queries.logs import escaped

RESOURCE = "events-history"

RECENT = timedelta(days=1)

MOST = 1_000

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of one."""


class AuditView(BaseModel):
    id: str
    timestamp: datetime
    tenant_id: str
    subject: str
    subject_type: Literal["User", "App"]
    source_ip: str
    action: str
    http_method: str
    url: str
    entity_type: str
    entity_id: str | None
    entity_name: str | None
    result: Literal["Succeeded", "Failed"]
    http_status_code: int

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        return cls(
            id=str(entry.id),
            timestamp=entry.time,
            tenant_id=str(entry.tenant_id),
            subject=entry.subject,
            subject_type="App" if entry.subject_type == "service-account" else "User",
            source_ip=entry.source_ip,
            action=entry.action,
            http_method=entry.http_method,
            url=entry.url,
            entity_type=entry.entity_type,
            entity_id=entry.entity_id,
            entity_name=entry.entity_name,
            result="Succeeded" if entry.http_status_code < 400 else "Failed",
            http_status_code=entry.http_status_code,
        )


class LogView(Complete):
    total: int
    next: int | None
    audit_logs: list[AuditView]


def column(name: str, kind: Kind = str) -> Column:
    return Column(name, lambda entry: getattr(entry, name), kind)


KINDS: dict[str, Kind] = {"timestamp": datetime, "http_status_code": float}

COLUMNS = tuple(column(name, KINDS.get(name, str)) for name in AuditView.model_fields)


class During(CountQuery):
    """The time to look at."""

    start: Time | None = Field(None, description="Without it: a day before the end.")
    end: Time | None = Field(None, description="Without it: now.")

    @model_validator(mode="after")
    def end_is_after_start(self) -> Self:
        self.times()
        return self

    def times(self) -> tuple[datetime, datetime]:
        end = self.end or datetime.now(UTC) + timedelta(seconds=1)
        start = self.start or end - RECENT
        if end <= start:
            raise ValueError("end is not after start")
        return start, end


class LogQuery(During, ListQuery):
    columns: ClassVar = COLUMNS

    limit: int = Field(20, ge=1, le=MOST, description="How many entries there are at the most.")
    numberOfSamples: int | None = Field(None, ge=1, le=MOST, description="Run:ai's name for the limit.")


class FileQuery(During):
    columns: ClassVar = COLUMNS

    fileType: str = Field("CSV", pattern="^(?i:csv)$")
    numberOfSamples: int | None = Field(None, ge=1, description="The last so many. Without it: all.")


async def read(caller: Caller, query: LogQuery) -> LogView:
    """The audit log of the tenant, the oldest entry first: who signed in, or failed to, and every change."""
    found = await entries(caller, query)
    page = query.model_copy(update={"limit": query.numberOfSamples or query.limit}).page(found)
    return LogView(total=page.total, next=page.next, audit_logs=list(page.rows))


async def read_file(caller: Caller, query: FileQuery) -> Annotated[Response, Produces(str, ("text/csv",))]:
    """The audit log as a CSV file."""
    found = query.matching(await entries(caller, query))
    rows = found[-query.numberOfSamples :] if query.numberOfSamples else found
    text = await run_in_threadpool(as_csv, rows)
    return Response(
        text, media_type="text/csv", headers={"Content-Disposition": 'attachment; filename="audit-log.csv"'}
    )


async def entries(caller: Caller, query: During) -> list[AuditView]:
    caller.require("read", RESOURCE)
    found = await run_in_threadpool(read_log, caller.services.control, caller.actor.tenant_id, *query.times())
    return [AuditView.of(entry) for entry in found]


def as_csv(rows: Iterable[AuditView]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(AuditView.model_fields))
    writer.writeheader()
    writer.writerows({name: plain(value) for name, value in row.model_dump(mode="json").items()} for row in rows)
    return text.getvalue()


def plain(value: Any) -> Any:
    """A text on one line that no spreadsheet takes for a formula: names are others' words."""
    if not isinstance(value, str):
        return value
    return f"'{escaped(value)}" if value.startswith(FORMULAS) else escaped(value)
