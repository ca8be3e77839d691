"""Reports: what was consumed, by project, department, node pool or cluster, as CSV, at once, over any time. A report is
made when it is fetched and kept nowhere: its id says what is in it."""

import binascii
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema, model_validator
from starlette.responses import Response

from metrics_api.answers import respond
from metrics_api.asking import asker_of, check_window, remembered
from metrics_api.cache import Kept
from metrics_api.endpoint import Produces
from metrics_api.entities import clusters_of
from metrics_api.errors import ApiError
from metrics_api.measured import response
from metrics_api.parameters import Time, read_window
from metrics_api.runai_query import RunaiQuery, read_one_of, whole_seconds
from metrics_api.services import Caller
from queries.condition import Condition
from queries.question import Question
from queries.stop import Stop
from queries.window import Window, format_time

GROUPS = {"Project": "project", "Department": "department", "Nodepool": "node_pool", "Cluster": "cluster"}

FILTERS = {"projectName": "project", "departmentName": "department", "clusterId": "cluster"}

LONGEST_ID = 4_000
"""Characters."""


def read_group(text: object) -> str:
    names = {name: name for name in GROUPS}
    return read_one_of(text, names, "groupBy")


def read_filter(text: object) -> str:
    name, equals, value = str(text).partition("==")
    if not equals or not value or name not in FILTERS:
        raise ValueError(f"{text!r} is not a filter; write {', '.join(f'{each}==...' for each in FILTERS)}")
    return str(text)


GroupName = Annotated[str, BeforeValidator(read_group), WithJsonSchema({"type": "string", "enum": list(GROUPS)})]
Filter = Annotated[str, BeforeValidator(read_filter), WithJsonSchema({"type": "string"})]


class ReportRequest(RunaiQuery):
    """What a report is about."""

    name: str = Field(min_length=1, max_length=200)
    description: str | None = Field(None, max_length=500)
    start: Time
    end: Time
    group_by: GroupName = "Project"
    filter_by: tuple[Filter, ...] = Field((), max_length=20, description="projectName, departmentName or clusterId.")

    @model_validator(mode="after")
    def end_is_after_start(self) -> "ReportRequest":
        read_window(self.start, self.end)
        return self

    def window(self) -> Window:
        return whole_seconds(self.start, self.end)


class Report(RunaiQuery):
    """A report, which is always ready."""

    id: str
    name: str
    description: str | None = None
    start: datetime
    end: datetime
    group_by: str
    filter_by: list[str]
    created_at: datetime
    created_by: str
    tenant_id: int = 1
    status: Literal["Ready"] = "Ready"
    status_updated_at: datetime


class Availability(RunaiQuery):
    is_available: bool


async def read_availability() -> Availability:
    """Whether reports can be asked for: always."""
    return Availability(is_available=True)


async def create_report(caller: Caller, body: ReportRequest) -> Annotated[Response, Produces(Report)]:
    """Ask for a report. It is ready at once: fetch its file."""
    check_window(body.window(), caller.services.settings.limits)
    told = view(body, caller.actor.name)
    return Response(told.model_dump_json(exclude_none=True, by_alias=True), 202, media_type="application/json")


async def read_report(caller: Caller, report_id: str) -> Report:
    """A report that was asked for."""
    return view(read_id(report_id), caller.actor.name)


async def read_file(caller: Caller, report_id: str) -> Annotated[Response, Produces(str, ("text/csv",))]:
    """The report as CSV: a row for each group, with GPU-hours (allocated, busy, idle and others), cost, energy and
    utilization, as at /api/v1/ledger."""
    asked = read_id(report_id)
    window, limits = asked.window(), caller.services.settings.limits
    filters = [text.partition("==")[::2] for text in asked.filter_by]
    chosen = ",".join(value for name, value in filters if name == "clusterId") or "all"
    clusters = clusters_of(caller, await asker_of(caller), chosen)
    asker = await asker_of(caller, clusters)
    where = tuple(Condition(FILTERS[name], "==", value) for name, value in filters if name != "clusterId")
    question = Question(window, None, tuple(dict.fromkeys(("cluster", GROUPS[asked.group_by]))), where)

    def work(stop: Stop) -> Kept:
        answered = asker.within(stop, limits.rows).ledger(question)
        return response(bytes(respond(answered, "csv", "rows").body), "csv", warnings=answered.warnings)

    answer = await remembered(caller, asker, window, ("report", question), work)
    days = f"{window.start:%Y%m%d}-{window.end:%Y%m%d}"
    answer.headers["Content-Disposition"] = f'attachment; filename="report-{days}.csv"'
    return answer


def view(asked: ReportRequest, created_by: str) -> Report:
    now = datetime.now(UTC).replace(microsecond=0)
    return Report(
        id=id_of(asked),
        name=asked.name,
        description=asked.description,
        start=asked.start,
        end=asked.end,
        group_by=asked.group_by,
        filter_by=list(asked.filter_by),
        created_at=now,
        created_by=created_by,
        status_updated_at=now,
    )


def id_of(asked: ReportRequest) -> str:
    """What is asked, in hex: clients change underscores."""
    times = (format_time(asked.start), format_time(asked.end))
    said = [asked.name, asked.description, *times, asked.group_by, asked.filter_by]
    return msgspec.json.encode(said).hex()


def read_id(report_id: str) -> ReportRequest:
    """Raises:
    ApiError: 404, where it is the id of no report.
    """
    names = ("name", "description", "start", "end", "groupBy", "filterBy")
    try:
        if len(report_id) > LONGEST_ID:
            raise ValueError(report_id)
        said = msgspec.json.decode(binascii.unhexlify(report_id), type=list)
        return ReportRequest.model_validate(dict(zip(names, said, strict=True)))
    except (ValueError, msgspec.DecodeError, ValidationError, UnicodeError):
        raise ApiError(404, "there is no such report; ask for one at POST /api/v1/org-unit/reports") from None
