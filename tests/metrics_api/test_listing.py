from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from metrics_api.endpoint import parse_query
from metrics_api.errors import ApiError
from metrics_api.listing import Column, ListQuery, Page, read_member


@dataclass(frozen=True)
class Thing:
    name: str
    quota: float | None
    groups: tuple[str, ...] = ()


class ThingQuery(ListQuery):
    columns: ClassVar = (
        Column("name", lambda thing: thing.name, is_searched=True),
        Column("totalGpuQuota", lambda thing: thing.quota, float),
        Column("groups", lambda thing: thing.groups, is_searched=True),
    )


THINGS = [Thing("beta", 2), Thing("alpha", 10), Thing("Gamma", None, ("ml", "x,y")), Thing("delta", 9)]


def asked(query: str) -> Page[Thing]:
    read = parse_query(ThingQuery, query)
    assert isinstance(read, ThingQuery)
    return read.page(THINGS)


def names(query: str) -> list[str]:
    return [thing.name for thing in asked(query).rows]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["beta", "alpha", "Gamma", "delta"]),
        ("sortBy=name", ["alpha", "beta", "delta", "Gamma"]),
        ("sortBy=name&sortOrder=DESC", ["Gamma", "delta", "beta", "alpha"]),
        ("sortBy=ProjectFilterSortFields.TOTALGPUQUOTA", ["beta", "delta", "alpha", "Gamma"]),
        ("sortBy=totalGpuQuota&sortOrder=SortOrder.DESC", ["alpha", "delta", "beta", "Gamma"]),
        ("filterBy=name%3D%40a%2CtotalGpuQuota%3E%3D9", ["alpha", "delta"]),
        ("filterBy=name=@a&filterBy=totalGpuQuota>=9", ["alpha", "delta"]),
        ("filterBy=groups==x,y", ["Gamma"]),
        ("search=GAM", ["Gamma"]),
        ("search=Ml", ["Gamma"]),
        ("search=", ["beta", "alpha", "Gamma", "delta"]),
        ("offset=1&limit=2", ["alpha", "Gamma"]),
        ("offset=9", []),
    ],
)
def test_a_list_is_cut_as_it_is_asked_for(query: str, found: list[str]) -> None:
    assert names(query) == found


def test_a_page_says_where_the_next_begins_until_there_is_none() -> None:
    first = asked("limit=3")
    assert (first.total, first.next) == (4, 3)
    assert asked("limit=3&offset=3").next is None
    assert asked("limit=4").next is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sortBy=color", "there is no 'color'; there are: name, totalGpuQuota, groups"),
        ("sortOrder=up", "there is no 'up'; there are: asc, desc"),
        ("limit=0", "greater than or equal to 1"),
        ("limit=501", "less than or equal to 500"),
        ("offset=-1", "greater than or equal to 0"),
        ("filterBy=name", "is not a filter"),
        ("filterBy=name~x", "is not a filter"),
        ("sort=name", "unknown parameter 'sort'; did you mean 'sortBy'?"),
    ],
)
def test_what_cannot_be_asked_is_explained(query: str, said: str) -> None:
    with pytest.raises(ApiError) as problem:
        asked(query)
    assert problem.value.error.code == 400
    assert said in problem.value.error.message


def test_the_schema_tells_the_columns() -> None:
    schema: dict[str, Any] = ThingQuery.model_json_schema()
    assert schema["properties"]["sortBy"]["anyOf"][0]["enum"] == ["name", "totalGpuQuota", "groups"]
    assert schema["properties"]["filterBy"]["items"]["pattern"].startswith("^(name|totalGpuQuota|groups)")


@pytest.mark.parametrize("written", ["TOTAL_GPUS", "total-gpus", "NodeTelemetryType.TOTAL_GPUS", "totalGpus"])
def test_members_of_enumerations_are_read_as_clients_write_them(written: str) -> None:
    assert read_member(written, ["FREE_GPUS", "TOTAL_GPUS"]) == "TOTAL_GPUS"
