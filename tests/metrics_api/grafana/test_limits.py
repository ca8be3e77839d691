"""What datasources ask is answered as the main API's questions are: within the limits, from the pool and the cache."""

import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api import policy
from queries.question import Asker, UnansweredError
from queries.scope import EVERYTHING, Scope
from tests.metrics_api.acting import act_as
from tests.metrics_api.grafana.panels import FOUR_HOURS, simpod_6
from tests.metrics_api.test_asking import serving

PANELS = {
    "metric": simpod_6("gpus_busy", {"by": ["cluster"]}),
    "total": simpod_6("gpus_busy", {"by": ["cluster"], "step": "total"}),
    "ledger": simpod_6("ledger", {"by": ["cluster"], "format": "table"}),
    "waste": simpod_6("waste", {"by": ["cluster"]}),
    "usage": simpod_6("workload_usage", {}),
}

ASKED: list[tuple[str, dict[str, Any]]] = [
    *(("/query", body) for body in PANELS.values()),
    ("/variable", {"payload": "project", "range": FOUR_HOURS}),
    ("/search", {"target": "project"}),
    ("/metric-payload-options", {"name": "project"}),
    ("/tag-values", {"key": "project", "timeRange": FOUR_HOURS}),
]


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_what_is_asked_again_is_not_computed_again(
    folder: Path, asked: list[str], path: str, body: dict[str, Any]
) -> None:
    with serving(folder) as client:
        first = client.post(f"/grafana{path}", json=body)
        count = len(asked)
        assert count
        assert client.post(f"/grafana{path}", json=body).content == first.content
        assert len(asked) == count


def test_ranges_that_end_in_the_same_minute_are_one_question(folder: Path, asked: list[str]) -> None:
    with serving(folder) as client:
        for second in (1, 59):
            moved = {"from": f"2025-03-03T00:59:{second:02}Z", "to": f"2025-03-03T03:00:{second:02}Z"}
            for body in PANELS.values():
                assert client.post("/grafana/query", json=body | {"range": moved}).status_code == 200
            for shape in ("rows", "wide"):
                client.get(f"/grafana/query?target=gpus_busy&start={moved['from']}&end={moved['to']}&shape={shape}")
            if second == 1:
                count = len(asked)
        assert len(asked) == count


def test_a_client_that_has_the_rows_is_not_sent_them_again(client: TestClient) -> None:
    for shape in ("rows", "wide"):
        path = f"/grafana/query?target=gpus_busy&start=2025-03-03&end=2025-03-03T04:00:00Z&shape={shape}"
        etag = client.get(path).headers["ETag"]
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("body", PANELS.values(), ids=list(PANELS))
def test_an_actor_is_not_given_what_was_kept_for_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    with serving(folder) as client:
        texts = []
        for scope in (EVERYTHING, Scope(frozenset({("alpha", None)})), EVERYTHING):
            act_as(monkeypatch, policy.Actor("one", scope))
            texts.append(client.post("/grafana/query", json=body).text)
        assert "beta" in texts[0]
        assert "beta" not in texts[1]
        assert texts[2] == texts[0]


def error_of(client: TestClient, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """The code and the message of an error, which is told as datasources read it."""
    answer = client.post(f"/grafana{path}", json=body)
    told = answer.json()
    assert told["error"] == {"code": str(told["code"]), "message": told["message"]}
    return answer.status_code, told["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *ASKED[:6],
        ASKED[8],
        ("/query", simpod_6("gaps", {})),
        ("/annotations", {"range": FOUR_HOURS, "annotation": {}}),
    ],
)
def test_a_range_that_is_too_long_is_refused_and_the_limit_is_named(
    folder: Path, path: str, body: dict[str, Any]
) -> None:
    with serving(folder, window="2h") as client:
        code, message = error_of(client, path, body)
        assert code == 400
        assert "4h are asked about; at most 2h are answered (limits.window)" in message


def test_an_answer_with_too_many_rows_is_refused_and_the_limit_is_named(folder: Path) -> None:
    with serving(folder, rows=3) as client:
        code, message = error_of(client, "/query", simpod_6("gpus_busy", {"by": ["cluster"], "step": "1h"}))
        assert code == 422
        assert "more than 3 rows (limits.rows)" in message


@pytest.mark.parametrize(("path", "body"), [ASKED[0], ASKED[6]])
def test_a_question_that_takes_too_long_is_stopped_and_the_limit_is_named(
    folder: Path, slow: threading.Event, path: str, body: dict[str, Any]
) -> None:
    with serving(folder, time="300ms") as client:
        code, message = error_of(client, path, body)
        assert code == 503
        assert "stopped after 300ms (limits.time)" in message
        assert slow.is_set()


def test_what_nothing_that_is_kept_can_answer_is_told_in_the_panel(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def range_(*_: object, **__: object) -> None:
        raise UnansweredError("gpu_power_watts: p90 needs samples")

    monkeypatch.setattr(Asker, "range", range_)
    with serving(folder) as client:
        asked = simpod_6("gpu_power_watts", {"stat": "p90"})
        assert error_of(client, "/query", asked) == (400, "gpu_power_watts: p90 needs samples")
