"""QueryRequest: what a panel posts, as much of it as matters. Clients of every version post more, or less."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from metrics_api.errors import ApiError
from metrics_api.grafana.payload import Payload, read_payload, schema_of
from metrics_api.parameters import read_time
from queries.catalogue import DIMENSIONS
from queries.condition import Condition
from queries.window import Window

MILLISECONDS = re.compile(r"-?\d{13}(\.\d+)?")

AD_HOC = {"=": "==", "!=": "!=", "=~": "=~", "!~": "!~", "<": "<", ">": ">", "=|": "=|", "!=|": "!=|"}
"""The operators of ad-hoc filters, as conditions call them."""

MOST_TARGETS = 100

RECENT = timedelta(hours=24)


def read_moment(given: object) -> datetime:
    """A time as Grafana writes it: Unix milliseconds, or what the main API takes."""
    text = str(given)
    return read_time(datetime.fromtimestamp(float(text) / 1000, UTC) if MILLISECONDS.fullmatch(text) else given)


Moment = Annotated[
    datetime, BeforeValidator(read_moment), WithJsonSchema({"type": ["string", "integer"], "format": "date-time"})
]

Name = Annotated[str, BeforeValidator(lambda given: "" if given is None else str(given))]


class Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class TimeRange(Lenient):
    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")

    def window(self) -> Window | None:
        """None where it has no length."""
        start, end = (time.replace(microsecond=0) for time in (self.start, self.end))
        return Window(start, end) if start < end else None


class AdHocFilter(Lenient):
    """``{"key": "cluster", "operator": "=", "value": "alpha"}``; several values for ``=|`` and ``!=|``."""

    key: str
    operator: str = "="
    value: Name = ""
    values: list[Name] | None = None

    def condition(self) -> Condition:
        """Raises:
        ApiError: 400, with the keys and operators that there are: a filter that is left out makes totals wrong.
        """
        if self.key not in DIMENSIONS:
            raise ApiError(400, f"filter {self.key!r}: unknown key; keys are: {', '.join(DIMENSIONS)}")
        operator = AD_HOC.get(self.operator)
        if not operator:
            raise ApiError(400, f"filter {self.key!r}: unknown operator {self.operator!r}; use: {' '.join(AD_HOC)}")
        if operator in ("=|", "!=|"):
            return Condition(self.key, operator, tuple(self.values or [self.value]))
        if operator in ("=~", "!~"):
            return matching(self.key, operator, self.value)
        return Condition(self.key, operator, self.value)


def matching(key: str, operator: str, pattern: str) -> Condition:
    try:
        return Condition.matching(key, operator, pattern)
    except ValueError as error:
        raise ApiError(400, f"filter {key!r}: {error}") from None


class Target(Lenient):
    """One query of a panel. ``data`` is what old versions call the payload."""

    ref_id: Name = "A"
    target: Name = ""
    hide: bool | None = False
    type: Name = ""
    payload: Annotated[Any, WithJsonSchema(schema_of(Payload))] = None
    data: Annotated[Any, WithJsonSchema({})] = None

    def read_payload(self) -> Payload:
        return read_payload(Payload, self.payload or self.data)


class QueryRequest(Lenient):
    """What a panel asks."""

    range: TimeRange | None = None
    targets: list[Target] = Field([], max_length=MOST_TARGETS)
    interval_ms: float | None = None
    max_data_points: float | None = None
    filters: list[AdHocFilter] | None = None
    adhoc_filters: list[AdHocFilter] | None = None

    def conditions(self) -> tuple[Condition, ...]:
        given = [*(self.filters or ()), *(self.adhoc_filters or ())]
        return tuple(dict.fromkeys(each.condition() for each in given))


def window_of(given: TimeRange | None, length: timedelta = RECENT) -> Window | None:
    """The time range of a request; without one, the last day."""
    if given:
        return given.window()
    now = datetime.now(UTC).replace(microsecond=0)
    return Window(now - length, now)
