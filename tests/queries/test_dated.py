from datetime import UTC, datetime

import duckdb
import pytest
from pydantic import ValidationError

from queries.dated import EARLIEST, LATEST, Dated, as_like, stretches, twins


def at(month: int) -> datetime:
    return datetime(2026, month, 1, tzinfo=UTC)


def test_times_without_an_offset_are_of_the_zone() -> None:
    dated = Dated(valid_from=datetime(2026, 7, 1), tz="Europe/Berlin")  # two hours ahead, in summer
    assert dated.since == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert Dated.model_validate({"valid_from": "2026-07-01T00:00:00+02:00"}).since == dated.since
    assert Dated.model_validate({"valid_from": "2026-01-01"}).since == at(1)


def test_an_entry_without_times_counts_always() -> None:
    assert (Dated().since, Dated().until) == (EARLIEST, LATEST)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"valid_from": "2026-07-01T00:30:00"},
            "valid_from is 2026-07-01T00:30:00Z; write a full hour of UTC, since the ledger is kept in those",
        ),
        ({"valid_until": "2026-07-01", "tz": "Asia/Kolkata"}, "valid_until is 2026-06-30T18:30:00Z"),
        ({"valid_from": "2026-07-01", "tz": "Mars/Base"}, "write the name of a time zone, as in Europe/Berlin or UTC"),
        ({"valid_from": "2026-07-01", "tz": "../../etc/passwd"}, "write the name of a time zone"),
        (
            {"valid_from": "2026-07-01", "valid_until": "2026-07-01"},
            "valid_until 2026-07-01T00:00:00Z is not after valid_from 2026-07-01T00:00:00Z",
        ),
        ({"valid_from": "1969-01-01"}, "write a year from 1970 to 9998"),
        ({"valid_until": "9999-12-31T23:00:00-05:00"}, "write a year from 1970 to 9998"),
        ({"valid_from": "soon"}, "valid_from"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(values: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        Dated.model_validate(values)
    assert said in str(error.value)


def test_of_entries_with_one_key_the_one_that_began_last_counts_until_it_ends() -> None:
    """A price, and an offer for a month, after which the price counts again; between keys the order stays."""
    price, other = Dated(), Dated(valid_until=at(8))
    offer = Dated(valid_from=at(6), valid_until=at(7))
    found = [(start, end, entries) for start, end, entries in stretches([("a", price), ("b", other), ("a", offer)])]
    assert found == [
        (EARLIEST, at(6), [("a", price), ("b", other)]),
        (at(6), at(7), [("a", offer), ("b", other)]),
        (at(7), at(8), [("a", price), ("b", other)]),
        (at(8), LATEST, [("a", price)]),
    ]


def test_nothing_dated_is_one_stretch_of_all_time() -> None:
    assert list(stretches([])) == [(EARLIEST, LATEST, [])]


def test_entries_that_begin_together_are_twins() -> None:
    assert twins([("a", Dated()), ("a", Dated(valid_until=at(2))), ("b", Dated())]) == [("a", EARLIEST)]
    assert twins([("a", Dated()), ("a", Dated(valid_from=at(2)))]) == []


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("NVIDIA H100*", "NVIDIA H100 80GB HBM3", True),
        ("NVIDIA H100*", "NVIDIA A100", False),
        ("*", "", True),
        ("team_a", "team-a", False),
        ("100%", "100 percent", False),
        ("a|b*", "a|bc", True),
        ("*'; drop table prices; --", "x'; drop table prices; --", True),
    ],
)
def test_only_the_star_of_a_pattern_is_special(pattern: str, name: str, fits: bool) -> None:
    sql = "select $name like $pattern escape '|'"
    with duckdb.connect() as connection:
        assert connection.execute(sql, {"name": name, "pattern": as_like(pattern)}).fetchall() == [(fits,)]
