"""Builder: the fields that the query builder of a datasource offers for each target, and what they can be."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args

from pydantic import BaseModel

from metrics_api.endpoint import is_many
from metrics_api.errors import ApiError
from metrics_api.grafana.payload import Format, offered
from metrics_api.grafana.targets import LISTS, dimensions_of, question_of
from metrics_api.parameters import Parameters
from queries.calendar import zone_names
from queries.catalogue import METRICS

TITLES = {"by": "Group by", "stat": "Statistic", "tz": "Time zone", "others": "Others as one"}

PLACEHOLDERS = {"legend": "{{project}} on {{cluster}}", "columns": "all"}

STEPS = ("auto", "total", "1m", "5m", "1h", "1d", "1w", "1mo", "1y")
"""Some of the steps that there are: builders take others, too."""

DECIDING = "over"
"""The field that decides what another can be."""


class Label(BaseModel):
    label: str
    value: str

    @classmethod
    def of(cls, name: str) -> "Label":
        return cls(label=name, value=name)


class PayloadField(BaseModel):
    """A field of the query builder. Options that are not told are asked for when they are looked at."""

    name: str
    label: str
    type: Literal["input", "select", "multi-select"]
    placeholder: str = ""
    options: list[Label] | None = None
    reloadMetric: bool | None = None


def fields_of(target: str, said: Mapping[str, Any]) -> list[PayloadField]:
    """What can be said of a target. said: what is said already."""
    return [
        *(field_of(target, name, said) for name in names_of(target)),
        *(PayloadField(name=name, label=f"Only {name}", type="multi-select") for name in dimensions_of(target)),
    ]


def names_of(target: str) -> tuple[str, ...]:
    """The fields of a target, but the dimensions that it can be narrowed to."""
    of_form = ("format", "columns") if target in LISTS else ("format", "legend")
    return *offered(question_of(target)), *of_form


def field_of(target: str, name: str, said: Mapping[str, Any]) -> PayloadField:
    field = offered(question_of(target)).get(name)
    choices = choices_of(target, name, said)
    several = "multi-select" if field and is_many(field.annotation) else "select"
    return PayloadField(
        name=name,
        label=TITLES.get(name, name.replace("_", " ").capitalize()),
        type=several if choices else "input",
        placeholder=PLACEHOLDERS.get(name, ""),
        options=None if name == "tz" or not choices else labels(choices),
        reloadMetric=True if name == DECIDING else None,
    )


def options_of(target: str, name: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    """What a field can be. Builders ask for that also where they were told, to name what is chosen.

    Raises:
        ApiError: 400, with the fields of which that can be told.
    """
    known = {field: choices_of(target, field, said) for field in names_of(target)}
    if not known.get(name):
        told = [field for field, choices in known.items() if choices] + list(dimensions_of(target))
        raise ApiError(400, f"name = {name!r}: no such field has options; there are: {', '.join(told)}")
    return known[name]


def choices_of(target: str, name: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    """What a field can be; nothing where that has no end."""
    metric = METRICS.get(target)
    if name == "tz":
        return tuple(sorted(zone_names()))
    if name == "step":
        return STEPS
    if name == "format":
        return tuple(form for form in get_args(Format) if form != "time_series" or target not in LISTS)
    if metric and name == "by":
        return metric.dimensions
    if metric and name == "stat":
        return metric.statistics_over_time if said.get(DECIDING) == "time" else metric.statistics
    if metric and name == DECIDING and not metric.statistics_over_time:
        return ("gpus",)
    if metric and name == "order_by":
        names = (target, *metric.dimensions, "time")
        return tuple(f"{direction}{name}" for name in names for direction in ("-", ""))
    return listed(properties_of(question_of(target)).get(name, {}))


@cache
def properties_of(question: type[Parameters]) -> dict[str, Any]:
    properties: dict[str, Any] = question.model_json_schema()["properties"]
    return properties


def listed(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The values that a JSON schema lists."""
    if schema.get("type") == "boolean":
        return "true", "false"
    inner = [*schema.get("anyOf", ()), *filter(None, [schema.get("items")])]
    return tuple(schema.get("enum", ())) + tuple(value for each in inner for value in listed(each))


def labels(names: tuple[str, ...]) -> list[Label]:
    return [Label.of(name) for name in names]
