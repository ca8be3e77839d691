import pytest

from metrics_api.grafana.payload import read_many


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a", "b"], ("a", "b")),
        (["a|b", "c,d"], ("a|b", "c,d")),
        ([1, 2], ("1", "2")),
        (["(a|b)", r"node-1\.site"], ("a", "b", "node-1.site")),
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        ("(a|b)", ("a", "b")),
        (r"(node\-1|a\.b)", (r"node\-1", "a.b")),
        (r"(a\|b|c)", ("a|b", "c")),
        (r"gpu\.h100\/a", ("gpu.h100/a",)),
        ("{a,b}", ("a", "b")),
        ("$__all", ()),
        (["$__all"], ()),
        ("", ()),
        (["a", "a", ""], ("a",)),
    ],
)
def test_values_are_read_however_grafana_writes_them(given: object, expected: tuple[str, ...]) -> None:
    assert read_many(given) == expected


@pytest.mark.parametrize("given", ["$project", "${project}", "${project:csv}", "[[project]]", ["$project"]])
def test_a_variable_that_was_not_filled_in_is_no_value(given: object) -> None:
    with pytest.raises(ValueError, match="is a variable that the dashboard does not have"):
        read_many(given)
