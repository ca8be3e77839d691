"""Lists of workloads and pods beside a model of them that is plain Python over the whole list."""

from collections.abc import Callable
from datetime import datetime
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from metrics_api.listing import CountQuery
from metrics_api.workloads.lists import PodsQuery, WorkloadsQuery
from queries.filter import OF_KIND, Filter
from tests.depth import deep
from tests.metrics_api.workloads.conftest import HOSTILE

Row = dict[str, Any]

ENDED = "2001-01-01T00:00:00Z"

READ: dict[str, Callable[[Row], Any]] = {
    "nodepool": lambda row: row["currentNodePools"],
    "allocatedGPU": lambda row: row.get("allocatedResources", {}).get("gpu"),
    "idleGpus": lambda row: row.get("idleAllocatedGpus"),
    "currentNodepool": lambda row: row.get("currentNodePool"),
    "priorityClassName": lambda _: None,
    "guaranteedRuntimeEndsAt": lambda _: None,
}
"""What a filter's field reads, where it is not what the list calls so."""

EMPTY = ("projectId", "projectName", "departmentId", "departmentName")
"""Texts that Run:ai requires: empty where there are none."""

LISTS: dict[str, type[CountQuery]] = {"workloads": WorkloadsQuery, "pods": PodsQuery}

PATHS = {"workloads": "/api/v1/workloads", "pods": "/api/v1/workloads/pods"}


def kinds(of: str) -> dict[str, Any]:
    return {column.name: column.kind for column in LISTS[of].columns}


def value(row: Row, field: str, kind: type) -> Any:
    found = READ[field](row) if field in READ else row.get(field)
    if kind is datetime and found is not None:
        return datetime.fromisoformat(found)
    return None if field in EMPTY and found == "" else found


def rows(client: TestClient, of: str, **asked: Any) -> list[Row]:
    answer = client.get(PATHS[of], params={"limit": 500} | ({"verbosity": "full"} if of == "pods" else {}) | asked)
    assert answer.status_code == 200, answer.text
    found: list[Row] = answer.json()[of]
    return found


@pytest.fixture(scope="module")
def every(various_client: TestClient) -> dict[str, list[Row]]:
    return {of: rows(various_client, of) for of in LISTS}


def written(found: Any, kind: type) -> str:
    return found.isoformat() if kind is datetime else str(found)


def parts(text: str) -> list[str]:
    """Some of what a text contains, begins and ends with; and what it does not."""
    return [text, text[:3], text[-3:], text[1:4], text.swapcase(), f"{text}~"]


@st.composite
def filters(draw: st.DrawFn, of: str, every: list[Row]) -> str:
    """A filter of any field and operator, whose value is, or is near to, that of some row."""
    field = draw(st.sampled_from(sorted(kinds(of))))
    kind = kinds(of)[field]
    operator = draw(st.sampled_from(OF_KIND[kind]))
    known = {written(each, kind) for row in every for each in several(value(row, field, kind))}
    usual = {str: ["x"], float: ["0", "1.5", "100", "-1"], datetime: [ENDED, "2100-01-01"]}[kind]
    if kind is str:
        known = {part for text in known for part in parts(text) if part}
    return f"{field}{operator}{draw(st.sampled_from(sorted(known) + usual))}"


def several(found: Any) -> list[Any]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def model(every: list[Row], of: str, texts: list[str], search: str) -> list[Row]:
    tests = [Filter.parse(text, kinds(of)) for text in texts]
    kept = [row for row in every if all(test.holds(value(row, test.field, kinds(of)[test.field])) for test in tests)]
    searched = [column.name for column in LISTS[of].columns if column.is_searched]
    return [row for row in kept if any(search.lower() in str(value(row, name, str) or "").lower() for name in searched)]


@pytest.mark.parametrize("of", LISTS)
@settings(max_examples=deep(10))
@given(data=st.data())
def test_what_is_listed_is_what_the_filters_say(
    of: str, data: st.DataObject, various_client: TestClient, every: dict[str, list[Row]]
) -> None:
    texts = data.draw(st.lists(filters(of, every[of]), max_size=3))
    search = data.draw(st.sampled_from(["", "train", "A", "%", "user1"]))
    asked = {"filterBy": texts} | ({"search": search} if search else {})
    expected = [row["id"] for row in model(every[of], of, texts, search)]
    assert [row["id"] for row in rows(various_client, of, **asked)] == expected
    count = various_client.get(f"{PATHS[of]}/count", params=asked).json()["count"]
    assert count == len(expected)


@pytest.mark.parametrize("of", LISTS)
def test_every_field_takes_every_operator(of: str, various_client: TestClient, every: dict[str, list[Row]]) -> None:
    for field, kind in kinds(of).items():
        found = [each for row in every[of] for each in several(value(row, field, kind))]
        for operator in OF_KIND[kind]:
            text = f"{field}{operator}{written(found[0], kind) if found else {str: 'x', float: '1', datetime: ENDED}[kind]}"
            told = [row["id"] for row in rows(various_client, of, filterBy=[text])]
            assert told == [row["id"] for row in model(every[of], of, [text], "")], text


@pytest.mark.parametrize("of", LISTS)
def test_a_list_is_sorted_by_any_field_and_cut_into_pages(
    of: str, various_client: TestClient, every: dict[str, list[Row]]
) -> None:
    for order, (field, kind) in zip(cycle(("asc", "desc")), kinds(of).items(), strict=False):
        if field == "nodepool":
            continue  # several: by the first of them

        def key(row: Row, field: str = field, kind: type = kind) -> Any:
            found = value(row, field, kind)
            return found.lower() if isinstance(found, str) else found

        told = [row for row in every[of] if key(row) is not None]
        told.sort(key=key, reverse=order == "desc")
        expected = [row["id"] for row in told] + [row["id"] for row in every[of] if key(row) is None]
        pages, offset = [], 0
        while offset is not None:
            answer = various_client.get(
                PATHS[of], params={"sortBy": field, "sortOrder": order, "offset": offset, "limit": 40}
            ).json()
            pages += [row["id"] for row in answer[of]]
            offset = answer.get("next")
        assert pages == expected, field


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_found_and_means_nothing(name: str, various_client: TestClient) -> None:
    by_filter: list[dict[str, Any]] = (
        [{"filterBy": [f"name=={name}"]}] if ",phase" not in name else []
    )  # that is a filter
    for asked in (*by_filter, {"search": name}):
        found = [
            row for deleted in (False, True) for row in rows(various_client, "workloads", deleted=deleted, **asked)
        ]
        assert [row["name"] for row in found] == [name]
        assert various_client.get(f"/api/v1/workloads/{found[0]['id']}").json()["name"] == name
        events = various_client.get(f"/api/v1/workloads/{found[0]['id']}/events").json()["events"]
        assert {each["involvedObject"]["name"] for each in events} == {name}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"filterBy": "name"}, "'name' is not a filter; write field, operator and value as in type==x"),
        ({"filterBy": "color==red"}, "unknown field 'color' in 'color==red'; fields are: type, name, "),
        ({"filterBy": "allocatedGPU=@1"}, "operators of allocatedGPU are: == != <= >="),
        ({"filterBy": "allocatedGPU>=many"}, "'allocatedGPU>=many': 'many' is not a number"),
        ({"filterBy": "createdAt>=soon"}, "'soon' is not a time like 2025-01-01T00:00:00Z"),
        ({"sortBy": "'; drop table rows"}, 'there is no "\'; drop table rows"; there are: type, name, '),
        ({"sortOrder": "up"}, "there is no 'up'; there are: asc, desc"),
        ({"limit": "501"}, "limit = '501': Input should be less than or equal to 500"),
        ({"limit": "0"}, "limit = '0': Input should be greater than or equal to 1"),
        ({"offset": "-1"}, "offset = '-1': Input should be greater than or equal to 0"),
        ({"deleted": "perhaps"}, "deleted = 'perhaps': Input should be a valid boolean"),
        ({"filter": "x"}, "unknown parameter 'filter'; did you mean 'filterBy'?"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(
    asked: dict[str, str], said: str, various_client: TestClient
) -> None:
    answer = various_client.get("/api/v1/workloads", params=asked)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_what_is_not_there_is_not_found(various_client: TestClient) -> None:
    for sought in ("x", "0" * 32, "00000000-0000-0000-0000-000000000000", "'; drop", "%00"):
        for below in ("", "/pods", "/events", "/history"):
            answer = various_client.get(f"/api/v1/workloads/{sought}{below}")
            assert (answer.status_code, answer.json()["code"]) == (404, 404)
