"""Payload: how a target is to be answered, as the editors of Grafana's datasources write it."""

import re
from datetime import timedelta
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

from metrics_api.errors import ApiError, invalid
from metrics_api.metrics import Statistic
from metrics_api.parameters import FINEST, DimensionName, Where
from queries.catalogue import DIMENSIONS
from queries.condition import Condition
from queries.duration import format_duration, parse_duration

ALL = frozenset({"$__all", "*", ".*"})
"""What Grafana sends for "All" where the variable has this as its value."""

ESCAPED = re.compile(r"\\([\\^$*+?.()|\[\]{}/])")
"""What Grafana escapes in values that it writes as a regular expression."""

GROUP_ENDS = re.compile(r"(?<!\\)\|")

UNFILLED = re.compile(r"\$\w+|\$\{[^}]*\}|\[\[\w+\]\]")

Format = Literal["frame", "time_series", "table"]

Model = TypeVar("Model", bound=BaseModel)

TOTAL = "total"
AUTOMATIC = "auto"


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


def read_step(text: object) -> timedelta | str:
    if text in (TOTAL, AUTOMATIC):
        return str(text)
    step = parse_duration(text)
    if step < FINEST or step % FINEST:
        raise ValueError(f"{format_duration(step)}: a step is a whole number of seconds")
    return step


Many = Annotated[
    tuple[str, ...], BeforeValidator(read_many), WithJsonSchema({"type": "array", "items": {"type": "string"}})
]

Step = Annotated[timedelta | str, BeforeValidator(read_step), WithJsonSchema({"type": "string"})]


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


class Payload(Selection):
    """How a target is to be answered."""

    by: Annotated[tuple[DimensionName, ...], BeforeValidator(read_many)] = Field(
        (), validation_alias=AliasChoices("by", "groupBy"), description="The dimensions to group by."
    )
    stat: Statistic = Field("mean", description="mean is weighted by GPU-time.")
    step: Step | None = Field(
        None,
        description="5m, 1h, 1d; auto: as fine as the panel is wide; total: the whole time range in one row."
        " Without it: total for tables, auto for the rest.",
    )
    format: Format | None = Field(None, description="Without it, what the panel's target asks for, else frame.")
    columns: Many = Field((), description="Of the ledger: which of its columns, if not all.")
    legend: str | None = Field(None, description="What a series is called, as in {{project}} on {{cluster}}.")


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
