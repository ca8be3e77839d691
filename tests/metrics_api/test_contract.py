"""Our OpenAPI document beside the tables of what Run:ai's API is (contract/), and beside Run:ai's own client. What is there
later is marked so in the tables; the mark goes when it is served."""

import re
from typing import Any

import pytest

from tests.metrics_api.contract import OPERATIONS, answer_of, content, read_table, resolved, values_of
from tests.metrics_api.contract.runapy import enumeration, operations

PATHS, OBJECTS, ENUMS, FILTERS, UNSERVED = map(read_table, ("paths", "objects", "enums", "filters", "unserved"))

TELLS_SERVED = "is served: take its mark `later` away"


@pytest.mark.parametrize("named", PATHS["served"])
def test_a_path_is_served_with_its_statuses(named: str) -> None:
    statuses = {int(status) for status in OPERATIONS[named]["responses"] if status.isdigit()}
    assert statuses >= set(PATHS["served"][named])


@pytest.mark.parametrize("named", PATHS["later"])
def test_a_path_that_comes_later_is_not_served_yet(named: str) -> None:
    is_served = named in OPERATIONS
    assert not is_served, f"{named} {TELLS_SERVED}"


def test_operations_keep_their_names() -> None:
    """A client that is generated anew has what it had. New names are entered in contract/operations.toml."""
    assert {operation["operationId"] for operation in OPERATIONS.values()} >= set(read_table("operations")["names"])


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_the_fields_that_it_always_has(name: str) -> None:
    told = OBJECTS[name]
    missing = set(told["fields"]) - always_told(told)
    assert bool(missing) == told.get("later", False), missing or f"{name} {TELLS_SERVED}"


def always_told(told: dict[str, Any]) -> set[str]:
    """The fields that an object of our document always has."""
    operation = OPERATIONS.get(told["of"])
    if not operation:
        return set()
    schema = answer_of(operation, told.get("status"))
    if "at" in told:
        schema = resolved(resolved(schema["properties"][told["at"]])["items"])
    with_value = {name for name, field in schema["properties"].items() if field.get("default") is not None}
    return set(schema.get("required", ())) | with_value


@pytest.mark.parametrize("name", ENUMS)
def test_an_enumeration_has_its_values(name: str) -> None:
    told = ENUMS[name]
    wanted = {*told.get("values", ()), *(enumeration(told["runapy"]) if "runapy" in told else ())}
    assert wanted
    missing = wanted - published(told) - set(UNSERVED["values"].get(name, ()))
    assert bool(missing) == told.get("later", False), missing or f"{name} {TELLS_SERVED}"


def published(told: dict[str, Any]) -> set[str]:
    """What our document says that a parameter or a field of the body can be."""
    operation = OPERATIONS.get(told["of"], {})
    fields = {each["name"]: each["schema"] for each in operation.get("parameters", [])}
    fields |= content(operation.get("requestBody", {})).get("properties", {})
    return values_of(fields[told["name"]]) if told["name"] in fields else set()


@pytest.mark.parametrize("name", FILTERS)
def test_a_list_is_filtered_by_its_fields(name: str) -> None:
    told = FILTERS[name]
    missing = set(told["fields"]) - filtered_by(told["of"]) - set(UNSERVED["values"].get(name, ()))
    assert bool(missing) == told.get("later", False), missing or f"{name} {TELLS_SERVED}"


def filtered_by(named: str) -> set[str]:
    for parameter in OPERATIONS.get(named, {}).get("parameters", []):
        if parameter["name"] == "filterBy":
            fields = re.match(r"\^\((.*?)\)", parameter["schema"]["items"]["pattern"])
            return set(fields[1].split("|")) if fields else set()
    return set()


def test_whatever_the_client_can_say_of_what_we_serve_is_a_parameter() -> None:
    asked = {named: names for named, names in operations() if named in OPERATIONS}
    assert len(asked) > 60
    lacking = {}
    for named, names in asked.items():
        known = {each["name"] for each in OPERATIONS[named].get("parameters", [])}
        lacking[named] = sorted(names - known)
    assert {named: names for named, names in lacking.items() if names} == UNSERVED["parameters"]
