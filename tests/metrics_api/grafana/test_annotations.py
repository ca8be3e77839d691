from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.lake import Lake
from queries.window import HOUR, Window
from tests.metrics_api.grafana.panels import simpod_6
from tests.queries.test_question import ALL, HOURS, drawn
from tests.served import settings_for

START = 1_740_960_000_000
AN_HOUR = 3_600_000


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Alpha without its second and third hour; of beta there is nothing."""
    folder: Path = tmp_path_factory.mktemp("holed")
    lake = Lake(str(folder))
    lake.create()
    booked = drawn("alpha", 2, 0.5).book(HOURS)
    for hour in (Window.hour_of(ALL.start), Window.hour_of(ALL.end - HOUR)):
        lake.replace(hour, booked.of(hour))
    with TestClient(create_app(settings_for(folder, "off"))) as client:
        yield client


RANGE = {"from": "2025-03-03T00:00:00Z", "to": "2025-03-03T04:00:00Z"}


def test_hours_that_were_not_collected_are_marked(holed: TestClient) -> None:
    (frame,) = holed.post("/grafana/query", json=simpod_6("gaps", {}, range=RANGE)).json()
    values = {field["name"]: field["values"] for field in frame["fields"]}
    assert [field["type"] for field in frame["fields"]] == ["time", "time", "string", "string", "string"]
    assert values["time"] == [START + AN_HOUR, START]
    assert values["timeEnd"] == [START + 3 * AN_HOUR, START + 4 * AN_HOUR]
    assert values["title"] == ["alpha: not collected", "beta: not collected"]
    assert values["text"][0] == "2 hours of cluster alpha are missing from every answer"
    assert values["tags"] == ["gaps,alpha", "gaps,beta"]


def test_they_are_as_many_as_answers_warn_of(holed: TestClient) -> None:
    (frame,) = holed.post("/grafana/query", json=simpod_6("gpus_busy", {}, range=RANGE)).json()
    texts = [notice["text"] for notice in frame["meta"]["notices"]]
    assert texts == [
        "cluster alpha: 2 of 4 hours were not collected, and are missing",
        "cluster beta: nothing was collected yet",
    ]
    assert frame["fields"][1]["values"] == [0.5, None, None, 0.5]


def test_they_can_be_narrowed_to_clusters(holed: TestClient) -> None:
    (frame,) = holed.post("/grafana/query", json=simpod_6("gaps", {"cluster": "beta"}, range=RANGE)).json()
    assert frame["fields"][2]["values"] == ["beta: not collected"]


@pytest.mark.parametrize("datasource", ["metrics", None, {"type": "x", "uid": "y"}])
def test_old_plugins_get_regions_with_their_annotation(holed: TestClient, datasource: object) -> None:
    annotation = {"name": "gaps", "datasource": datasource, "enable": True, "iconColor": "red", "query": "x"}
    body = {"range": RANGE, "rangeRaw": {}, "annotation": annotation, "variables": {}}
    first, _ = holed.post("/grafana/annotations", json=body).json()
    assert first["annotation"] == annotation
    assert (first["time"], first["timeEnd"], first["isRegion"]) == (START + AN_HOUR, START + 3 * AN_HOUR, True)
    assert first["tags"] == ["gaps", "alpha"]
