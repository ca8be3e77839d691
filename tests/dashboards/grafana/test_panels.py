"""Every query of every dashboard, sent to the demo's fleet as Grafana would send it."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from queries.window import format_time
from tests.dashboards.grafana.boards import Panel, boards, filled_in, panels
from tests.dashboards.grafana.conftest import COLLECTED
from tests.metrics_api.grafana.panels import simpod_6

RANGE = {"from": format_time(COLLECTED.start), "to": format_time(COLLECTED.end)}

ZONE = {"__timezone": r"Europe\/Berlin"}

EVERYTHING = dict.fromkeys(("cluster", "node_pool", "node", "department", "project", "workload"), ".*") | ZONE

NARROW = {
    "cluster": "(alpha|beta)",
    "node_pool": "h100",
    "node": "(alpha-1|alpha-2)",
    "department": "(language|science)",
    "project": "(llm|vision)",
    "workload": r"(training-0-21984|training-0-43968|inference-3-43968)",
    **ZONE,
}


def values(frames: list[Mapping[str, Any]]) -> list[object]:
    """The numbers that a panel would show."""
    (frame,) = frames
    if "rows" in frame:
        numbers = [place for place, column in enumerate(frame["columns"]) if column["type"] == "number"]
        return [row[place] for row in frame["rows"] for place in numbers if row[place] is not None]
    numeric = [field["values"] for field in frame["fields"] if field["type"] == "number"]
    return [value for column in numeric for value in column if value is not None]


@pytest.mark.parametrize("variables", [EVERYTHING, NARROW], ids=["all", "some"])
@pytest.mark.parametrize("panel", panels(), ids=str)
def test_a_panel_answers_with_data(fleet: TestClient, panel: Panel, variables: dict[str, str]) -> None:
    payload = filled_in(panel.target["payload"], variables)
    request = simpod_6(panel.target["target"], payload, range=RANGE, maxDataPoints=500)
    answer = fleet.post("/grafana/query", json=request)
    assert answer.status_code == 200, answer.json()["message"]
    assert values(answer.json())


@pytest.mark.parametrize("panel", [panel for panel in panels() if panel.kind == "table"], ids=str)
def test_every_column_of_a_table_has_a_heading_of_its_own(fleet: TestClient, panel: Panel) -> None:
    payload = filled_in(panel.target["payload"], EVERYTHING)
    (table,) = fleet.post("/grafana/query", json=simpod_6(panel.target["target"], payload, range=RANGE)).json()
    assert set(panel.headings) == {column["text"] for column in table["columns"]}
    assert len(set(panel.headings.values())) == len(panel.headings)
    assert set(panel.sorted_by) <= set(panel.headings.values())


@pytest.mark.parametrize("name", list(boards()))
def test_variables_and_annotations_are_answered(fleet: TestClient, name: str) -> None:
    board = boards()[name]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            body = {"payload": {"target": variable["query"]["query"]}, "range": RANGE}
            assert len(fleet.post("/grafana/variable", json=body).json()) > 1
    (annotation,) = board["annotations"]["list"]
    asked = simpod_6(annotation["target"]["target"], annotation["target"]["payload"], range=RANGE)
    (frame,) = fleet.post("/grafana/query", json=asked).json()
    assert [field["name"] for field in frame["fields"]] == ["time", "timeEnd", "title", "text", "tags"]


def test_the_columns_of_the_chart_sum_to_the_capacity(fleet: TestClient) -> None:
    (chart,) = [panel for panel in panels() if panel.board == "fleet.json" and panel.title == "Where the GPUs are"]
    payload = filled_in(chart.target["payload"], EVERYTHING) | {"step": "total"}
    columns = fleet.post("/grafana/query", json=simpod_6(chart.target["target"], payload, range=RANGE)).json()
    capacity = fleet.post("/grafana/query", json=simpod_6("gpus_capacity", payload, range=RANGE)).json()
    assert sum(map(float, values(columns))) == pytest.approx(values(capacity)[0])  # type: ignore[arg-type]  # numbers
