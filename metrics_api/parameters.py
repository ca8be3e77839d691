"""Parameters: what the questions have in common, as query parameters."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from metrics_api.answers import Format, Shape
from metrics_api.errors import ApiError
from queries.buckets import Step
from queries.calendar import UTC_ZONE, in_zone, parse_step, parse_zone
from queries.catalogue import DIMENSIONS
from queries.condition import Condition
from queries.duration import format_duration
from queries.window import Window, format_time, parse_time

LONGEST = 11_000
"""The most steps an answer has."""

FINEST = timedelta(seconds=1)


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


def read_time(text: object) -> datetime:
    time = text if isinstance(text, datetime) else parse_time(str(text))
    if not EARLIEST <= time <= LATEST:
        raise ValueError(f"{text!r} is not between {format_time(EARLIEST)} and {format_time(LATEST)}")
    return time


def read_dimension(text: object) -> str:
    if text not in DIMENSIONS:
        raise ValueError(f"unknown dimension {text!r}; dimensions are: {', '.join(DIMENSIONS)}")
    return str(text)


def read_condition(text: object) -> Condition:
    return text if isinstance(text, Condition) else Condition.parse(str(text))


Time = Annotated[datetime, BeforeValidator(read_time), WithJsonSchema({"type": "string"})]
DimensionName = Annotated[
    str, BeforeValidator(read_dimension), WithJsonSchema({"type": "string", "enum": list(DIMENSIONS)})
]
StepLength = Annotated[
    Step, BeforeValidator(parse_step), WithJsonSchema({"type": "string", "pattern": r"^\d{1,9}(ms|s|m|h|d|w|mo|y)$"})
]
Zone = Annotated[ZoneInfo, BeforeValidator(parse_zone), WithJsonSchema({"type": "string"})]
Where = Annotated[Condition, BeforeValidator(read_condition), WithJsonSchema({"type": "string"})]


def read_window(start: datetime | None, end: datetime | None) -> Window:
    """Without an end, to that of the minute that it is; without a start, a day.

    Raises:
        ValueError: the end is not after the start.
    """
    end = end or datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    start = start or end - timedelta(days=1)
    if end <= start:
        raise ValueError(f"end {format_time(end)} is not after start {format_time(start)}")
    return Window(start, end)


class Parameters(BaseModel):
    """The time to ask about, and the form of the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    start: Time | None = Field(
        None, description="ISO 8601, a date, or Unix seconds. Without it: 24 hours before the end."
    )
    end: Time | None = Field(None, description="The end, not included. Without it: that of the minute that it is.")
    by: tuple[DimensionName, ...] = Field((), description="The dimensions to group by.")
    where: tuple[Where, ...] = Field(
        (), description=r"Conditions, all of which hold: project==team-a, node=^gpu-. In a name, write \, for a comma."
    )
    format: Format | None = Field(None, description="Without it, what the Accept header asks for.")
    envelope: bool = Field(True, description="With false, JSON rows come as a bare array.")

    @field_validator("by")
    @classmethod
    def each_is_named_once(cls, by: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(by))

    @model_validator(mode="after")
    def end_is_after_start(self) -> Self:
        self.window()
        return self

    def window(self) -> Window:
        return read_window(self.start, self.end)


class Stepped(Parameters):
    """The same, in steps."""

    step: StepLength | None = Field(
        None,
        description="As in 5m, 1h, 1d; 1w begins on Monday, 1mo and 1y on the first. Without it: one total.",
    )
    tz: Zone | None = Field(
        None,
        description="Where days, weeks and months begin at midnight, as in Europe/Berlin; a day has 23 or 25 hours"
        " there when clocks change. Shorter steps are counted in UTC, in which all times are told.",
    )
    shape: Shape | None = None

    @model_validator(mode="after")
    def step_fits(self) -> Self:
        step = self.step
        if isinstance(step, timedelta) and (step < FINEST or step % FINEST):
            raise ValueError(f"step = {format_duration(step)}: a step is a whole number of seconds")
        if isinstance(step, timedelta) and self.window().length / step > LONGEST:
            count = round(self.window().length / step)
            raise ValueError(f"step = {format_duration(step)}: gives {count} steps; at most {LONGEST} are answered")
        return self

    def steps(self) -> Step | None:
        """The step, of the zone that is asked for."""
        return in_zone(self.step, self.tz or UTC_ZONE) if self.step else None


def check_step(step: Step | None, finest: timedelta) -> None:
    """Refuse steps that are finer than the samples.

    Raises:
        ApiError: 400, with what would be right.
    """
    if isinstance(step, timedelta) and step % finest:
        raise ApiError(
            400,
            f"step = {format_duration(step)}: samples are {format_duration(finest)} apart; ask for multiples of that",
        )
