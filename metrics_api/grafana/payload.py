"""Payload: how a target is to be answered, as the editors of Grafana's datasources write it."""

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic.fields import FieldInfo

from metrics_api.endpoint import is_many
from metrics_api.errors import ApiError, invalid
from metrics_api.ledger import LedgerQuery
from metrics_api.metrics import RangeQuery
from metrics_api.parameters import Parameters, Where
from metrics_api.waste import QueueQuery, WasteQuery
from metrics_api.workloads.usage import UsageQuery
from queries.catalogue import DIMENSIONS
from queries.condition import Condition

ALL = frozenset({"$__all", "*", ".*"})
"""What Grafana sends for "All" where the variable has this as its value."""

ESCAPED = re.compile(r"\\([\\^$*+?.()|\[\]{}/])")
"""What Grafana escapes in values that it writes as a regular expression."""

GROUP_ENDS = re.compile(r"(?<!\\)\|")

MOST_CONDITIONS = 100

UNFILLED = re.compile(r"\$\w+|\$\{[^}]*\}|\[\[\w+\]\]")

Format = Literal["frame", "time_series", "table"]

Model = TypeVar("Model", bound=BaseModel)

TOTAL = "total"


def read_many(given: object) -> tuple[str, ...]:
    """The values of a variable with several: ``(a|b)``, ``{a,b}``, ``a,b``, one, or a list. An item of a list may hold
    commas, and be ``(a|b)``: so it is where a builder's field was given a variable."""
    values = [value for item in listed(given) for value in split_group(item)]
    for value in values:
        if UNFILLED.fullmatch(value) and value not in ALL:
            raise ValueError(f"{value!r} is a variable that the dashboard does not have")
    return () if ALL & set(values) else tuple(dict.fromkeys(value for value in values if value))


def listed(given: object) -> list[str]:
    if isinstance(given, list | tuple):
        return [str(item) for item in given]
    text = str(given)
    if text.startswith("(") and text.endswith(")"):
        return [text]
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    return text.split(",")


def split_group(text: str) -> list[str]:
    """The members of what Grafana writes as a regular expression."""
    if text in ALL:
        return [text]
    members = GROUP_ENDS.split(text[1:-1]) if text.startswith("(") and text.endswith(")") else [text]
    return [ESCAPED.sub(r"\1", member) for member in members]


def read_one(given: object) -> str:
    """One value, that may be the only one of a variable."""
    return ESCAPED.sub(r"\1", str(given))


def read_zone(given: object) -> str:
    """A time zone, as Grafana's variable of it calls them."""
    zone = read_one(given)
    return "UTC" if zone == "utc" else zone


Many = Annotated[
    tuple[str, ...], BeforeValidator(read_many), WithJsonSchema({"type": "array", "items": {"type": "string"}})
]

TEXT = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})
Text = Annotated[str | None, BeforeValidator(read_one), TEXT]
Zone = Annotated[str | None, BeforeValidator(read_zone), TEXT]


class Narrowed(BaseModel):
    """Which rows are asked about. An empty text is taken for nothing: builders send one for what is not filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    where: tuple[Where, ...] = Field((), description="Conditions as in the main API: node=^gpu-.")

    @model_validator(mode="before")
    @classmethod
    def without_blanks(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return {name: value for name, value in given.items() if value not in ("", None, [], ())}
        return given

    def chosen(self, dimension: str) -> tuple[str, ...]:
        """The values of a dimension that are asked about; all of them where there are none."""
        values: tuple[str, ...] = getattr(self, dimension)
        return values

    def conditions(self) -> tuple[Condition, ...]:
        named = {name: self.chosen(name) for name in DIMENSIONS}
        return self.where + tuple(Condition(name, "=|", values) for name, values in named.items() if values)


DIMENSION_FIELDS: dict[str, Any] = {
    name: (Many, Field((), description=f"Only these; as in $variable: a list, (a|b) or a text. All {name}s if empty."))
    for name in DIMENSIONS
}

Selection = create_model(
    "Selection",
    __base__=Narrowed,
    __doc__="Which rows are asked about, by the values of any dimension.",
    **DIMENSION_FIELDS,
)


QUESTIONS: tuple[type[Parameters], ...] = (RangeQuery, LedgerQuery, WasteQuery, QueueQuery, UsageQuery)
"""What a target asks, as the main API reads it."""

NOT_OFFERED = {"metric", "start", "end", "where", "format", "envelope", "shape"}
"""What targets, panels and the form of an answer stand for."""


def offered(question: type[Parameters]) -> dict[str, FieldInfo]:
    """What a payload can say to a question, beside which rows are asked about."""
    return {name: field for name, field in question.model_fields.items() if name not in NOT_OFFERED}


def field_of(known: FieldInfo) -> Any:
    """A field as datasources write it; the question reads it."""
    if is_many(known.annotation):
        return Many, Field((), description=known.description)
    return Text, Field(None, description=known.description)


Asked = create_model(
    "Asked",
    __base__=Selection,
    __doc__="All that any of the questions can be told.",
    **{name: field_of(field) for question in reversed(QUESTIONS) for name, field in offered(question).items()},
)


class Payload(Asked):
    """How a target is to be answered. Each target knows some of the fields."""

    by: Many = Field((), validation_alias=AliasChoices("by", "groupBy"), description="The dimensions to group by.")
    step: Text = Field(
        None,
        description="5m, 1h, 1d, 1w, 1mo, 1y; auto: as fine as the panel is wide; total: the whole time range in one"
        " row. Without it: total for tables, auto for the rest.",
    )
    tz: Zone = Field(None, description="Where days, weeks and months begin, as Europe/Berlin; $__timezone.")
    format: Format | None = Field(None, description="Without it, what the panel's target asks for, else frame.")
    columns: Many = Field((), description="Of the ledger and of lists: which of their columns, if not all.")
    legend: str | None = Field(None, description="What a series is called, as in {{project}} on {{cluster}}.")

    def told(self) -> dict[str, object]:
        """What the question is told, beside the step and which rows are asked about."""
        unsaid = {*DIMENSIONS, "where", "step", "format", "legend"}
        said = self.model_dump(include=set(Asked.model_fields) - unsaid, exclude_unset=True)
        return {name: value for name, value in said.items() if value not in ((), None)}


def bounded(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if len(conditions) > MOST_CONDITIONS:
        raise ApiError(400, f"{len(conditions)} conditions; at most {MOST_CONDITIONS} are answered")
    return conditions


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a payload, which may also be a text, or not be there."""
    return {"anyOf": [model.model_json_schema(), {"type": "string"}, {"type": "null"}]}


def read_payload(model: type[Model], given: object) -> Model:
    """A payload, where an empty text or none stands for an empty one.

    Raises:
        ApiError: 400, with the field that is wrong.
    """
    if given is None or given == "":
        return model()
    if not isinstance(given, dict):
        raise ApiError(400, f'payload = {given!r}: write a JSON object, as in {{"by": ["project"]}}')
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error, model.model_fields, "payload field") from None
