from datetime import UTC, datetime
from typing import Any

import pytest

from queries.filter import Filter, Kind, joined

FIELDS: dict[str, Kind] = {"name": str, "createdAt": datetime, "gpuQuota": float, "isLocal": bool}


@pytest.mark.parametrize(
    ("text", "found", "holds"),
    [
        ("name==team-a", "team-a", True),
        ("name==team-a", "Team-a", False),
        ("name!=team-a", None, True),
        ("name<=b", "a", True),
        ("name>=b", None, False),
        ("name=@am-", "team-a", True),
        ("name!@am-", "team-a", False),
        ("name!@am-", None, True),
        ("name=^team", "team-a", True),
        ("name=^team", None, False),
        ("name=$-a", "team-a", True),
        ("name=$-a", "team-b", False),
        ("name==", "", True),
        ("name==x", ["y", "x"], True),
        ("name!=x", ["y", "x"], False),
        ("gpuQuota<=4", 4, True),
        ("gpuQuota>=4.5", 4, False),
        ("gpuQuota>=10", 9, False),  # as numbers, not as texts
        ("gpuQuota<=4", None, False),
        ("ISLOCAL==TRUE", True, True),
        ("createdAt>=2025-01-01", datetime(2025, 1, 1, tzinfo=UTC), True),
        ("createdAt<=2025-01-01T00:00:00+01:00", datetime(2025, 1, 1, tzinfo=UTC), False),
    ],
)
def test_a_filter_holds(text: str, found: Any, holds: bool) -> None:
    assert Filter.parse(text, FIELDS).holds(found) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name", "is not a filter; write field, operator and value as in name==x"),
        ("nothing==x", "unknown field 'nothing' in 'nothing==x'; fields are: name, createdAt, gpuQuota, isLocal"),
        ("gpuQuota=@4", "operators of gpuQuota are: == != <= >="),
        ("gpuQuota==four", "'four' is not a number"),
        ("isLocal==maybe", "'maybe' is not true or false"),
        ("createdAt==yesterday", "'yesterday' is not a time like 2025-01-01T00:00:00Z"),
    ],
)
def test_what_is_no_filter_is_explained(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="filter|field|operators|is not") as problem:
        Filter.parse(text, FIELDS)
    assert said in str(problem.value)


def test_a_comma_of_a_value_stays_in_it() -> None:
    assert joined(["name==a", "b", "createdAt>=2025-01-01"]) == ["name==a,b", "createdAt>=2025-01-01"]
