import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.decode import RubbishError, decode, join
from tests.collectors.faulty import RUBBISH

labels = st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=3)
numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1e-300, 1e300, 4294967295.0])
samples = st.lists(st.tuples(st.integers(1_000_000, 4_000_000_000_000), numbers), min_size=1, max_size=5)


def written(value: float) -> str:
    """As Prometheus writes numbers."""
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(str(value), repr(value))


def answer(series: list[tuple[dict[str, str], list[tuple[int, float]]]]) -> bytes:
    result = [
        {"metric": metric, "values": [[time / 1000, written(value)] for time, value in values]}
        for metric, values in series
    ]
    return json.dumps(
        {"status": "success", "data": {"resultType": "matrix", "result": result}}, ensure_ascii=False
    ).encode()


@given(st.lists(st.tuples(labels, samples), max_size=4))
def test_every_sample_is_read_as_it_was_written(series: list[tuple[dict[str, str], list[tuple[int, float]]]]) -> None:
    found = decode(answer(series), 0)
    assert found.labels == [metric for metric, _ in series]
    expected = [(place, *sample) for place, (_, values) in enumerate(series) for sample in values]
    assert found.series.tolist() == [place for place, _, _ in expected]
    assert found.times.tolist() == [time for _, time, _ in expected]
    finite = np.array([value if np.isfinite(value) else np.nan for _, _, value in expected])
    np.testing.assert_array_equal(found.values, finite)


def test_samples_before_the_start_are_dropped() -> None:
    found = decode(answer([({}, [(1000, 1.0), (2000, 2.0)]), ({}, [(1000, 3.0)])]), 2000)
    assert found.times.tolist() == [2000]
    assert found.values.tolist() == [2.0]


@pytest.mark.parametrize("body", [body for _, body in RUBBISH.values()], ids=RUBBISH)
def test_rubbish_is_refused(body: bytes) -> None:
    with pytest.raises(RubbishError):
        decode(body, 0)


def test_pieces_of_time_are_joined_by_series() -> None:
    first = decode(answer([({"a": "1"}, [(1000, 1.0)]), ({"b": "1"}, [(1000, 2.0)])]), 0)
    second = decode(answer([({"b": "1"}, [(2000, 3.0)]), ({"c": "1"}, [(2000, 4.0)]), ({"a": "1"}, [(2000, 5.0)])]), 0)
    found = join([first, second])
    by_series = {
        tuple(found.labels[series].items()): found.values[found.series == series].tolist()
        for series in range(len(found.labels))
    }
    assert by_series == {(("a", "1"),): [1.0, 5.0], (("b", "1"),): [2.0, 3.0], (("c", "1"),): [4.0]}
    assert found.series.tolist() == sorted(found.series.tolist())
