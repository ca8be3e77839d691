"""RunaiQuery: how Run:ai's clients write what they ask: in camel case, with enums in any case."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

from queries.window import Window

SECOND = timedelta(seconds=1)


class RunaiQuery(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, alias_generator=to_camel, populate_by_name=True
    )

    names: ClassVar[Mapping[str, Iterable[str]]] = {}
    """What parameters can be whose values are looked up when it is known what is asked about, as it is published."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        for parameter, names in cls.names.items():
            field = schema["properties"][parameter]
            field.get("items", field)["enum"] = list(names)
        return schema


def bare(text: object) -> str:
    """An enum's member without its class, which some clients write in front."""
    return str(text).rpartition(".")[2]


def read_type(text: object) -> str:
    return bare(text).upper()


def read_one_of(text: object, names: Mapping[str, str], parameter: str) -> str:
    """What a name stands for, in any case, with underscores or without.

    Raises:
        ValueError: it is none of the names.
    """
    alike = {name.replace("_", "").lower(): value for name, value in names.items()}
    found = alike.get(bare(text).replace("_", "").lower())
    if found is None:
        raise ValueError(f"unknown {parameter} {text!r}; there are: {', '.join(names)}")
    return found


TypeName = Annotated[str, BeforeValidator(read_type), WithJsonSchema({"type": "string"})]


def whole_seconds(start: datetime, end: datetime) -> Window:
    """The window with its ends moved outwards to whole seconds."""
    outer = end if not end.microsecond else end.replace(microsecond=0) + SECOND
    return Window(start.replace(microsecond=0), outer)
