"""Listing: what every list of Run:ai's API can be asked: filterBy, sortBy, sortOrder, search, offset, limit.

A resource says which columns its list has, and gets a query whose page is cut from rows of any kind::

    class ProjectQuery(ListQuery):
        columns: ClassVar = (
            Column("name", lambda project: project.name, is_searched=True),
            Column("createdAt", lambda project: project.created_at, datetime),
            Column("totalGpuQuota", lambda project: project.gpu_quota, float),
        )

    async def list_projects(caller: Caller, query: ProjectQuery) -> ProjectsView:
        page = query.page(projects)
        return ProjectsView(projects=[view(each) for each in page.rows], next=page.next)

Filters are joined by "and". Where rows are read by a query of their own, ``query.filterBy`` holds the filters
(``queries/filter.py``) and ``query.sortBy`` the column's name.

Clients of Run:ai's API are taken as they are: a field may be named as Python prints a member of an enumeration
(``ProjectFilterSortFields.TOTALGPUQUOTA`` is ``totalGpuQuota``), and a comma in a filter's value stays a part of it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

from queries.filter import Filter, Kind, joined

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column:
    """What a list can be filtered and sorted by. kind: of its values, of which there may be several, or none."""

    name: str
    value: Callable[[Any], Any]
    kind: Kind = str
    is_searched: bool = False


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A part of a list. total: how many rows there are in all; next: where the next page begins, if there is one."""

    rows: Sequence[Row]
    total: int
    next: int | None


class CountQuery(BaseModel):
    """What a count can be asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    columns: ClassVar[tuple[Column, ...]] = ()

    filterBy: tuple[Any, ...] = Field(
        (),
        description="Conditions, all of which hold: name==x; operators: == != <= >= =@ (contains) !@ (does not) =^"
        " (begins with) =$ (ends with).",
        json_schema_extra={"items": {"type": "string"}},
    )
    search: str | None = Field(None, description="A text that one of the searched fields contains, in any case.")

    @field_validator("filterBy", mode="before")
    @classmethod
    def reads_filters(cls, parts: Any) -> Any:
        fields = {column.name: column.kind for column in cls.columns}
        return tuple(Filter.parse(text, fields) for text in joined(list(parts)))

    def matching(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that are asked for, in their order."""
        values = {column.name: column.value for column in self.columns}
        tests = [(values[each.field], each.holds) for each in self.filterBy]
        found = list(rows)
        for value, holds in tests:
            found = [row for row in found if holds(value(row))]
        return [row for row in found if self.is_found(row)] if self.search else found

    def is_found(self, row: object) -> bool:
        wanted = (self.search or "").casefold()
        return any(
            wanted in str(text).casefold()
            for column in self.columns
            if column.is_searched
            for text in several(column.value(row))
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """With the names of the columns."""
        schema = handler.resolve_ref_schema(handler(core))
        names = [column.name for column in cls.columns]
        properties = schema.get("properties", {})
        if names and "sortBy" in properties:
            properties["sortBy"]["anyOf"] = [{"type": "string", "enum": names}, {"type": "null"}]
        if names and "filterBy" in properties:
            fields = "|".join(names)
            properties["filterBy"]["items"] = {
                "type": "string",
                "pattern": f"^({fields})(==|!=|<=|>=|=@|!@|=\\^|=\\$).+$",
            }
            texts = [column.name for column in cls.columns if column.kind is str]
            properties["filterBy"]["examples"] = [[f"{name}=@a"] for name in texts[:1]]
        return schema


class ListQuery(CountQuery):
    """What a list can be asked."""

    sortBy: str | None = Field(None, description="The field that the list is sorted by.")
    sortOrder: Literal["asc", "desc"] = "asc"
    offset: int = Field(0, ge=0, le=2**31, description="How many rows are left out at the beginning.")
    limit: int = Field(50, ge=1, le=500, description="How many rows there are at the most.")

    @field_validator("sortBy")
    @classmethod
    def names_a_column(cls, written: str | None) -> str | None:
        return None if written is None else read_member(written, [column.name for column in cls.columns])

    @field_validator("sortOrder", mode="before")
    @classmethod
    def names_an_order(cls, written: Any) -> Any:
        return read_member(str(written), ["asc", "desc"])

    def page(self, rows: Iterable[Row]) -> Page[Row]:
        """The rows that are asked for, sorted; what has no value comes last, either way."""
        return self.cut(self.found(rows))

    def found(self, rows: Iterable[Row]) -> list[Row]:
        """All rows that are asked for, sorted."""
        found = self.matching(rows)
        if not self.sortBy:
            return found
        return in_order(found, next(each for each in self.columns if each.name == self.sortBy), self.sortOrder)

    def cut(self, found: Sequence[Row]) -> Page[Row]:
        """The page of rows that are filtered and sorted."""
        end = self.offset + self.limit
        return Page(found[self.offset : end], len(found), end if end < len(found) else None)


def in_order(rows: Sequence[Row], column: Column, order: str) -> list[Row]:
    keys = [(sorting_key(column.value(row)), row) for row in rows]
    told = [each for each in keys if each[0] is not None]
    told.sort(key=lambda each: each[0], reverse=order == "desc")
    return [row for _, row in told] + [row for key, row in keys if key is None]


def sorting_key(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        value = ", ".join(value)
    return value.casefold() if isinstance(value, str) else value


def several(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, (tuple, list)) else (value,)


def read_member(written: str, names: Sequence[str]) -> str:
    """One of some names, in any case, with or without underscores, and with or without ``Class.`` before it.

    Raises:
        ValueError: it is none of them.
    """
    plain = written.rsplit(".", 1)[-1]
    for name in names:
        if bare(name) == bare(plain):
            return name
    raise ValueError(f"there is no {written!r}; there are: {', '.join(names)}")


def bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
