import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
from starlette.testclient import TestClient

from metrics_api import policy
from metrics_api.app import create_app
from metrics_api.asking import SETTLED, UNSETTLED, is_settled
from metrics_api.parameters import Parameters
from queries.lake import Lake
from queries.question import Answer, ClusterState
from queries.scope import EVERYTHING, Scope
from queries.settings import Limits
from queries.template import read_template
from queries.window import HOUR, Window
from tests.metrics_api.acting import act_as
from tests.queries.committer import revised, sketch
from tests.served import SLOW, settings_for
from tests.sketch import START

DURING = "start=2025-03-03&end=2025-03-03T04:00:00Z"
LEDGER = f"/api/v1/ledger?{DURING}"


@contextmanager
def serving(folder: Path, **limits: Any) -> Iterator[TestClient]:
    settings = settings_for(folder, "off").model_copy(update={"limits": Limits(hot_bytes=0, **limits)})
    with TestClient(create_app(settings)) as client:
        yield client


def test_what_is_asked_again_is_not_computed_again(folder: Path, asked: list[str]) -> None:
    with serving(folder) as client:
        first = client.get(f"{LEDGER}&by=project")
        count = len(asked)
        assert count
        again = client.get(f"{LEDGER}&by=project")
        assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
        assert len(asked) == count
        client.get(f"{LEDGER}&by=project,user")
        assert len(asked) > count
        client.get(f"{LEDGER}&by=project&format=csv")
        assert asked[-count:] == asked[:count]


def test_what_many_ask_at_once_is_computed_once(folder: Path, asked: list[str]) -> None:
    with serving(folder) as client:
        client.get(LEDGER)
        count = len(asked)
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(client.get, [f"{LEDGER}&by=cluster"] * 8))
        assert len({answer.content for answer in answers}) == 1
        assert len(asked) == 2 * count


def test_who_asks_a_lot_keeps_nobody_else_waiting(folder: Path) -> None:
    with serving(folder, questions=4, cache_bytes=0) as greedy, ThreadPoolExecutor(1) as threads:
        app: Any = greedy.app
        is_over = threading.Event()
        for _ in range(10):
            app.state.services.pool._short.submit("testclient", is_over.wait)
        waiting = threads.submit(greedy.get, f"{LEDGER}&by=cluster")
        assert TestClient(app, client=("192.0.2.1", 1)).get(LEDGER).status_code == 200
        assert not waiting.done()
        is_over.set()
        assert waiting.result().status_code == 200


def test_nothing_is_kept_where_there_is_no_room(folder: Path, asked: list[str]) -> None:
    with serving(folder, cache_bytes=0) as client:
        client.get(LEDGER)
        count = len(asked)
        assert client.get(LEDGER).status_code == 200
        assert len(asked) == 2 * count


def test_an_actor_is_not_given_what_was_kept_for_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(folder) as client:
        whole = client.get(f"{LEDGER}&by=cluster")
        act_as(monkeypatch, policy.Actor("b", Scope(frozenset({("beta", None)}))))
        part = client.get(f"{LEDGER}&by=cluster", headers={"If-None-Match": whole.headers["ETag"]})
        assert part.status_code == 200
        assert [row["cluster"] for row in part.json()["data"]] == ["beta"]
        assert "Authorization" in part.headers["Vary"]
        act_as(monkeypatch, policy.Actor("a", EVERYTHING))
        assert client.get(f"{LEDGER}&by=cluster").content == whole.content


@pytest.mark.parametrize("form", ["json", "csv", "parquet", "arrow", "ndjson"])
def test_a_client_is_not_sent_again_what_it_has(client: TestClient, form: str) -> None:
    asked = f"{LEDGER}&by=cluster&format={form}"
    etag = client.get(asked).headers["ETag"]
    same = client.get(asked, headers={"If-None-Match": f'"other", {etag}'})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert client.get(asked, headers={"If-None-Match": '"other"'}).status_code == 200


def test_each_form_has_a_tag_of_its_own(client: TestClient) -> None:
    ways = ["", "&format=csv", "&format=arrow", "&shape=wide", "&shape=series", "&envelope=false"]
    assert len({client.get(f"{LEDGER}&step=1h{way}").headers["ETag"] for way in ways}) == len(ways)


def test_a_correction_is_told_and_a_commit_elsewhere_changes_no_tag(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create()
    booked = sketch().book(hours=3)
    first, second, third = Window(START, START + 3 * HOUR).hours()
    lake.replace(first, booked.of(first))
    asked = "/api/v1/ledger?start=2025-03-03&end=2025-03-03T01:00:00Z&by=project"
    with serving(tmp_path) as client:
        before = client.get(asked)
        lake.replace(second, booked.of(second))
        assert client.get(asked, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
        assert client.get(asked).json()["clusters"][2]["collected_until"] == "2025-03-03T02:00:00Z"
        lake.replace(third, booked.of(third))
        corrected = sketch()
        corrected.fault("GPU-b", 1.0)
        revision = booked.of(first)["revision"][0].as_py() + 60
        lake.replace(first, revised(corrected.book().of(first), revision))
        after = client.get(asked, headers={"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200
        assert after.json()["data"] != before.json()["data"]


NOW = datetime(2025, 3, 10, tzinfo=UTC)
OK = ClusterState("alpha", "ok", NOW)


@pytest.mark.parametrize(
    ("end", "clusters", "warnings", "settled"),
    [
        (datetime(2025, 3, 8, tzinfo=UTC), (OK,), (), True),
        (datetime(2025, 3, 9, 2, tzinfo=UTC), (OK,), (), False),
        (datetime(2025, 3, 8, tzinfo=UTC), (OK,), ("cluster alpha: an hour is missing",), False),
        (datetime(2025, 3, 8, tzinfo=UTC), (OK, ClusterState("beta", "late", NOW)), (), False),
    ],
)
def test_only_what_is_complete_and_long_over_is_settled(
    end: datetime, clusters: tuple[ClusterState, ...], warnings: tuple[str, ...], settled: bool
) -> None:
    answer = Answer(None, (), 1.0, clusters, warnings)
    assert is_settled(answer, Window(START, end), NOW) is settled


def test_clients_are_told_how_long_an_answer_holds(client: TestClient) -> None:
    """Of the clusters of this lake nothing new has come for years."""
    assert client.get(LEDGER).headers["Cache-Control"] == UNSETTLED
    assert "private" in SETTLED


def test_a_question_that_takes_too_long_is_stopped_and_the_limit_is_named(folder: Path, slow: threading.Event) -> None:
    with serving(folder, time="300ms") as client:
        answer = client.get(LEDGER)
        assert answer.status_code == 503
        assert "stopped after 300ms (limits.time)" in answer.json()["message"]
        assert answer.headers["Retry-After"] == "5"
        assert slow.is_set()


def test_slow_questions_do_not_keep_health_waiting(folder: Path, slow: threading.Event) -> None:
    with serving(folder, time="2s", questions=1) as client, ThreadPoolExecutor(4) as threads:
        year = "/api/v1/ledger?start=2024-03-03&end=2025-03-03T04:00:00Z"
        running = [threads.submit(client.get, f"{year}&by={by}") for by in ("cluster", "project", "node")]
        assert slow.wait(5)
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/v1/metrics").status_code == 200
        assert not any(future.done() for future in running)
        assert {future.result().status_code for future in running} == {503}


def test_a_short_question_does_not_wait_for_long_ones(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def read_or_begin(package: str, name: str) -> Any:
        if threading.current_thread().name.startswith("short"):
            return read_template(package, name)
        begun.set()
        return jinja2.Template(SLOW)

    monkeypatch.setattr("queries.engine.read_template", read_or_begin)
    with serving(folder, time="2s", questions=1) as client, ThreadPoolExecutor(1) as threads:
        long: Future[Any] = threads.submit(client.get, "/api/v1/ledger?start=2024-03-03&end=2025-03-03T04:00:00Z")
        assert begun.wait(5)
        assert client.get(LEDGER).status_code == 200
        assert not long.done()
        assert long.result().status_code == 503


def test_an_answer_with_too_many_rows_is_refused_and_the_limit_is_named(folder: Path) -> None:
    with serving(folder, rows=3) as client:
        assert client.get(f"{LEDGER}&by=cluster").status_code == 200
        answer = client.get(f"{LEDGER}&step=1h")
        assert answer.status_code == 422
        assert "more than 3 rows (limits.rows)" in answer.json()["message"]


def test_a_window_that_is_too_long_is_refused_and_the_limit_is_named(folder: Path) -> None:
    with serving(folder, window="2h") as client:
        answer = client.get(LEDGER)
        assert answer.status_code == 400
        assert "4h are asked about; at most 2h are answered (limits.window)" in answer.json()["message"]


def test_a_window_without_an_end_is_the_same_question_for_a_minute() -> None:
    end = Parameters.model_validate({}).window().end
    assert (end.second, end.microsecond) == (0, 0)
    assert end > datetime.now(UTC)
