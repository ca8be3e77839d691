import numpy as np
import pytest

from metrics_api.demo.exposition import Family, Series, Target, print_history, print_page
from metrics_api.demo.fleet import CLUSTERS, DAY, HOUR, Cluster
from metrics_api.demo.targets import exporters
from tests.metrics_api.demo.pages import MONDAY, history, page, read_history, read_page, series

GAUGE = Family("some_gauge", "gauge", "Something.")
COUNTER = Family("some_counter", "counter", "Something else.")


def drawn(family: Family, labels: dict[str, str], *values: float) -> Series:
    times = 60.0 * np.arange(1, len(values) + 1, dtype=np.float64)
    return Series(family, labels, times, np.array(values, float))


def test_a_page_has_each_family_once_with_the_values_of_the_first_time() -> None:
    text = print_page([drawn(GAUGE, {"a": "1"}, 0.5, 7), drawn(COUNTER, {}, 42), drawn(GAUGE, {"a": "2"}, 1e15 / 8)])
    assert text == (
        "# HELP some_gauge Something.\n"
        "# TYPE some_gauge gauge\n"
        'some_gauge{a="1"} 0.5\n'
        'some_gauge{a="2"} 125000000000000\n'
        "# HELP some_counter Something else.\n"
        "# TYPE some_counter counter\n"
        "some_counter 42\n"
    )


@pytest.mark.parametrize("value", ['"', "\\", "\n", '\\"', "\\n", 'a="b",', "}"])
def test_labels_come_through_both_formats_unharmed(value: str) -> None:
    told = drawn(GAUGE, {"a": value, "b": ""}, 1)
    target = Target("/", {"job": "j"}, honors_labels=True)
    assert read_page(print_page([told])) == {series("some_gauge", {"a": value}): 1}
    stored = {series("some_gauge", {"a": value, "job": "j"}): 1}
    assert read_history("".join(print_history([(target, [told])]))) == {60: stored}


TARGET_LABELS = {"job": "dcgm-exporter", "instance": "10.1.0.1:9400", "pod": "dcgm-exporter-0"}


@pytest.mark.parametrize(
    ("honors_labels", "pods"),
    [(True, {"pod": "train-0"}), (False, {"pod": "dcgm-exporter-0", "exported_pod": "train-0"})],
)
def test_a_label_that_both_sides_have_is_kept_or_renamed(honors_labels: bool, pods: dict[str, str]) -> None:
    """As ``honor_labels`` is documented."""
    target = Target("/", TARGET_LABELS, honors_labels)
    assert target.stored({"gpu": "0", "pod": "train-0"}) == {**TARGET_LABELS, "gpu": "0", **pods}
    assert target.stored({"gpu": "0", "pod": ""}) == {**TARGET_LABELS, "gpu": "0"}


TIMES = [MONDAY + time for time in (9 * HOUR, 2 * DAY + 15 * HOUR, 4 * DAY + 7 * HOUR, 6 * DAY + 20 * HOUR + 60)]
"""In the crash of beta, in the crash of alpha, while a node of alpha is drained, and with a stowaway."""


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
def test_history_is_what_was_said_live(cluster: Cluster) -> None:
    told = read_history(history(cluster, TIMES))
    assert set(told) == set(TIMES)
    for time in TIMES:
        said = {}
        for exporter in exporters(cluster):
            target, is_down = exporter.target, exporter.is_down(time)
            said[series("up", target.labels)] = float(not is_down)
            for key, value in read_page("" if is_down else page(exporter, time)).items():
                labels = dict(key)
                said[series(labels.pop("__name__"), target.stored(labels))] = value
        assert told[time] == said


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
def test_a_time_alone_is_told_as_among_others(cluster: Cluster) -> None:
    """A day is written at once, and a scrape asks for one moment."""
    start = MONDAY + DAY - HOUR
    lines = history(cluster, range(start, start + 2 * HOUR, 60)).splitlines()
    for time in (start, start + 61 * 60, start + 119 * 60):
        among = [line for line in lines if line.endswith(f" {time}")]
        alone = [line for line in history(cluster, [time]).splitlines() if not line.startswith("#")]
        assert sorted(among) == sorted(alone)
