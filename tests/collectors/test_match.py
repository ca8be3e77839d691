"""Several clusters behind one address, told apart by a label (``clusters.match``)."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import requests

from collectors.collect import collect
from collectors.collector import Collector
from collectors.prometheus import Prometheus, Selector
from queries.settings import Collect
from tests.booked import both
from tests.collectors.site import LATER, SERIES, START, WINDOW, assert_whole, cluster, in_order, new_lake, site
from tests.series import openmetrics
from tests.servers import prometheus

ODD = 'c"2\\ {.*}\nof|us'
"""A name with all that PromQL gives a meaning to."""

SILENT = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-z",Hostname="n9",job="dcgm",instance="n9:9400"}  50x10\n'
"""A node that falls silent, and is remembered."""


def of_cluster(name: str, series: str) -> str:
    """The series as a Thanos or Mimir shows them: with the label of the Prometheus that they come from."""
    written = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return series.replace("{", f'{{cluster="{written}",')


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A Prometheus that holds the site alone, and one that holds it beside another with the same names of nodes, pods
    and GPUs, and one GPU more."""
    both_of_them = of_cluster("c1", SERIES) + of_cluster(ODD, SERIES.replace("0.5x240", "1x240") + SILENT)
    with (
        site(tmp_path_factory.mktemp("alone")) as alone,
        prometheus(tmp_path_factory.mktemp("many"), [openmetrics(both_of_them, START)]) as many,
    ):
        yield alone, many.url


def test_a_cluster_behind_a_shared_address_is_booked_as_if_it_were_alone(urls: tuple[str, str], tmp_path: Path) -> None:
    alone, shared = new_lake(tmp_path / "a"), new_lake(tmp_path / "b")
    for lake, each in (
        (alone, cluster(urls[0])),
        (shared, cluster(urls[1], match={"cluster": "c1"})),
    ):
        list(collect(Prometheus(each), lake, WINDOW.hours(), clock=lambda: LATER))
    assert_whole(shared)
    for one, other in zip(both(alone, WINDOW), both(shared, WINDOW), strict=True):
        pd.testing.assert_frame_equal(in_order(one), in_order(other))


def test_any_value_can_be_matched_and_selects_no_other(urls: tuple[str, str], tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    odd = cluster(urls[1], match={"cluster": ODD})
    list(collect(Prometheus(odd), lake, WINDOW.hours(), at_once=4, clock=lambda: LATER))
    _, hours = both(lake, WINDOW)
    assert set(hours[hours.kind == "gpu"].gpu_uuid.dropna()) == {"GPU-a", "GPU-b", "GPU-z"}
    assert hours["busy_seconds"].sum() == pytest.approx(4 * 3600)
    assert hours["unknown_seconds"].sum() > 0  # the node that fell silent


def test_nothing_is_asked_of_the_other_clusters(
    urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that a collector asks, live, looking for missing hours and filling them, with nodes to remember."""
    asked: list[str] = []
    send = requests.Session.send

    def noting(self: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        form = parse_qs(urlsplit(str(request.url)).query)
        asked.extend(form.get("query", []) + form.get("match[]", []))
        return send(self, request, **options)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(requests.Session, "send", noting)
    each = cluster(urls[1], match={"cluster": ODD, "stage": ""}, backfill="2d")
    collector = Collector(each, new_lake(tmp_path), Collect(), clock=lambda: LATER)
    collector.tick()
    list(collector.fill(collector.missing_hours()))
    matcher = r'cluster="c\"2\\ {.*}\nof|us",stage=""}'
    assert [query for query in asked if query.count("{") - query.count("{.*}") != query.count(matcher)] == []
    for kind in ("count(last_over_time(", "max_over_time(timestamp(", "[", "{__name__=~"):
        assert any(kind in query for query in asked)
    assert any(not query.endswith((")", "]")) for query in asked)  # label values


def test_a_label_that_no_series_has_selects_nothing(urls: tuple[str, str]) -> None:
    asked = Prometheus(cluster(urls[1], match={"cluster": "c1", "stage": "test"}))
    capacity = Selector("kube_node_status_capacity")
    assert asked.label_values("node", capacity, WINDOW) == set()
    assert asked.ask("last_over_time($selector[5h])", capacity, WINDOW.end) == []
    assert len(asked.read(capacity, WINDOW)) == 0
