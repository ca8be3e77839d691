import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from collectors.prometheus import Prometheus, PrometheusError, Selector, TooLargeError, one_of
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.collectors import faulty
from tests.series import openmetrics
from tests.servers import Server, prometheus, victoria

START = datetime(2025, 3, 3, tzinfo=UTC)
WINDOW = Window(START, START + 2 * HOUR)

SERIES = """
power{gpu="0"}  100x60 200x60 300
power{gpu="1"}  _x30 5x90
odd{name="a\\"b\\\\c.d|e"}  1x120
"""


DENSE = """
@0.1
power{gpu="0"}  1x72000
power{gpu="1"}  2x72000
"""
"""VictoriaMetrics reads blocks of 8,192 samples: fewer can not be asked of it."""

KINDS = ["prometheus", "victoria"]


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, pages = tmp_path_factory.mktemp("server"), [openmetrics(SERIES, START)]
    with (
        prometheus(folder, pages, ["--query.max-samples=100"])
        if request.param == "prometheus"
        else victoria(folder, pages)
    ) as running:
        yield running


@pytest.fixture(params=KINDS)
def strict(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server that loads no more than 60,000 of the 144,000 samples of a window at once."""
    pages = [openmetrics(DENSE, START)]
    with (
        prometheus(tmp_path, pages, ["--query.max-samples=60000"])
        if request.param == "prometheus"
        else victoria(tmp_path, pages, ["-search.maxSamplesPerQuery=60000"])
    ) as running:
        yield running


def connect(url: str, **settings: object) -> Prometheus:
    return Prometheus(Cluster.model_validate({"name": "alpha", "prometheus": url, **settings}))


@pytest.fixture
def client(server: Server) -> Prometheus:
    return connect(server.url)


def test_raw_samples_are_read_half_open(client: Prometheus) -> None:
    """There are 210 in the window, and one at its end, not in it. (Prometheus loads at most 100 a query here.)"""
    samples = client.read(Selector("power"), WINDOW)
    assert sorted(labels["gpu"] for labels in samples.labels) == ["0", "1"]
    assert len(samples) == 120 + 90
    assert samples.values.sum() == pytest.approx(60 * 100 + 60 * 200 + 90 * 5)
    assert samples.times.min() == START.timestamp() * 1000
    assert samples.times.max() < WINDOW.end.timestamp() * 1000


def test_large_reads_are_split_and_the_length_that_was_too_long_is_not_tried_again(strict: Server) -> None:
    client = connect(strict.url)
    samples = client.read(Selector("power"), WINDOW)
    assert len(samples) == 144_000
    assert samples.values.sum() == 72_000 * (1 + 2)
    assert client._lengths["power"] < WINDOW.length


def test_a_read_that_can_not_be_split_further_is_refused() -> None:
    refusal = (422, b"query processing would load too many samples into memory")
    with (
        faulty.server(lambda _: refusal) as url,
        pytest.raises(TooLargeError, match="refused a query .422.: query processing"),
    ):
        connect(url).read(Selector("power"), Window(START, START + HOUR))


def test_an_answer_that_breaks_off_is_refused(tmp_path: Path) -> None:
    """VictoriaMetrics says 200 before it knows how it ends: an error then follows an answer that looks whole."""
    with victoria(tmp_path, [openmetrics(SERIES, START)], ["-search.maxSamplesPerSeries=50"]) as running:
        client = connect(running.url)
        with pytest.raises(PrometheusError, match="something else than Prometheus's JSON: .*trailing"):
            client.read(Selector("power"), WINDOW)


def test_any_name_can_be_asked_for(client: Prometheus) -> None:
    name = 'a"b\\c.d|e'
    selector = Selector("odd", (one_of("name", [name]),))
    (labels, _), *rest = client.ask("last_over_time($selector[1h])", selector, START + HOUR)
    assert labels["name"] == name
    assert not rest


def test_a_long_query_is_sent_too(client: Prometheus) -> None:
    names = [f"node-{number}" for number in range(500)]
    selector = Selector("power", (one_of("gpu", ["0", *names]),))
    assert client.ask("count_over_time($selector[10m])", selector, START + HOUR)


def test_label_values_are_read_from_the_index(client: Prometheus) -> None:
    assert client.label_values("gpu", Selector("power"), WINDOW) == {"0", "1"}
    assert client.label_values("gpu", Selector("nothing"), WINDOW) == set()


def test_a_server_that_answers_passes_the_check(client: Prometheus) -> None:
    client.check()


def test_a_server_that_is_not_there_is_named_with_what_to_do() -> None:
    with pytest.raises(
        PrometheusError, match=r"cluster 'alpha': http://127\.0\.0\.1:1 cannot be reached .*refused.*is it running"
    ):
        connect("http://127.0.0.1:1").check()


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "set clusters.bearer_token or clusters.basic_auth"),
        (403, "may not query"),
        (404, "the address below which"),
    ],
)
def test_a_server_that_refuses_us_is_named_with_what_to_do(status: int, advice: str) -> None:
    with faulty.server(lambda _: (status, b"no")) as url, pytest.raises(PrometheusError, match=advice):
        connect(url).check()


@pytest.mark.parametrize("kind", faulty.RUBBISH)
def test_rubbish_is_refused_by_name(kind: str) -> None:
    with faulty.server(lambda _: faulty.RUBBISH[kind]) as url:
        with pytest.raises(PrometheusError, match="something else than Prometheus's JSON"):
            connect(url).read(Selector("power"), WINDOW)
        with pytest.raises(PrometheusError):
            connect(url).ask("$selector", Selector("power"), START)


def test_who_asks_is_told_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[requests.PreparedRequest] = []
    send = requests.Session.send

    def noting(self: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        sent.append(request)
        return send(self, request, **options)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(requests.Session, "send", noting)
    empty = (200, b'{"status":"success","data":{"resultType":"vector","result":[]}}')
    with faulty.server(lambda _: empty) as url:
        connect(url, bearer_token="secret", tenant="team", headers={"X-Site": "here"}).check()
        connect(url, basic_auth={"username": "u", "password": "p"}, gzip=True).ask("$selector", Selector("up"), START)
    first, second = sent
    assert first.headers["Authorization"] == "Bearer secret"
    assert first.headers["X-Scope-OrgID"] == "team"
    assert first.headers["X-Site"] == "here"
    assert first.headers["Accept-Encoding"] == "identity"
    assert second.headers["Authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert second.headers["Accept-Encoding"] == "gzip"
