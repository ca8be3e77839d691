from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_api.dialects.runai_legacy.labels import LABELS
from metrics_api.dialects.runai_legacy.promql import BadQueryError, Matcher, parse, read_seconds
from queries.measurements import fields_of
from queries.metric_types import SERIES

NAME = "runai_gpu_utilization_per_node"


def test_a_name_has_matchers() -> None:
    query = parse(f'{NAME}{{node=~"gpu-.*",clusterId!="x"}}')
    assert query.series is SERIES[NAME]
    assert query.matchers == (Matcher("node", "=~", "gpu-.*"), Matcher("clusterId", "!=", "x"))
    assert parse(f'{{__name__="{NAME}"}}') == parse(f"(({NAME}))") == parse(NAME)


def test_an_aggregation_has_labels() -> None:
    assert (parse(f"sum({NAME})").aggregation, parse(f"sum({NAME})").by) == ("sum", ())
    query = parse(f"avg by (node, clusterId) ({NAME})")
    assert (query.aggregation, query.by) == ("avg", ("node", "clusterId"))
    assert query == parse(f"avg({NAME}) by (node, clusterId)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no expression found"),
        ("sum(", "unclosed left parenthesis"),
        ("up", "there is no series 'up'"),
        ('{__name__=~"runai_.*"}', "there is no series None"),
        (f"rate({NAME}[5m])", "is not answered; answered are a runai_* name"),
        (f"{NAME}[5m]", "is not answered"),
        (f"{NAME} offset 5m", "offset and @ are not answered"),
        (f"{NAME} @ 1", "offset and @ are not answered"),
        (f"{NAME} + 1", "is not answered"),
        (f"topk(3, {NAME})", "topk is not answered"),
        (f"quantile(0.5, {NAME})", "quantile is not answered"),
        (f"sum without (node) ({NAME})", "without is not answered"),
        (f"sum(avg by (node) ({NAME}))", "one aggregation is answered"),
        (f'{NAME}{{node="a" or node="b"}}', "or is not answered"),
        (f'{NAME}{{node=~"("}}', "illegal regex"),
        ("a" * 5_000, "at most 4000 are read"),
    ],
)
def test_anything_else_is_refused_with_what_is_answered(text: str, said: str) -> None:
    with pytest.raises(BadQueryError) as refused:
        parse(text)
    assert said in str(refused.value)


@given(st.text(max_size=40))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        parse(text)
    except BadQueryError:
        return


@pytest.mark.parametrize(
    ("operator", "value", "held"),
    [
        ("=", "gpu-1", [True, False, False]),
        ("!=", "gpu-1", [False, True, True]),
        ("=~", "gpu-.*", [True, True, False]),
        ("=~", "gpu", [False, False, False]),
        ("!~", "gpu-.*", [False, False, True]),
        ("=", "", [False, False, True]),
    ],
)
def test_matchers_hold_as_in_prometheus(operator: str, value: str, held: list[bool]) -> None:
    values = pa.array(["gpu-1", "gpu-2", ""])
    assert Matcher("node", operator, value).holds(values).to_pylist() == held  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "seconds"), [("15", 15), ("0.5", 0.5), ("5m", 300), ("1h", 3600)])
def test_a_step_is_seconds_or_a_duration(text: str, seconds: float) -> None:
    assert read_seconds(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0", "-5", "nan", "inf", "soon"])
def test_another_step_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        read_seconds(text)


@pytest.mark.parametrize("series", SERIES.values(), ids=lambda each: each.name)
def test_each_series_is_known_by_its_labels(series: object) -> None:
    each = SERIES[series.name]  # type: ignore[attr-defined]
    assert set(each.labels) <= set(LABELS)
    needed = {dimension for label in ("clusterId", *each.labels) for dimension in LABELS[label].dimensions}
    assert each.empty or needed <= set(fields_of(each)), each.name
