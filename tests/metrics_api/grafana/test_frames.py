"""What Grafana's own code makes of our answers. It needs Node, and @grafana/data in the folder that GRAFANA_DATA names,
or in .tools/grafana, where ``setup/grafana`` installs it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.grafana.frames import UNITS, unit_of
from tests.conftest import ROOT
from tests.metrics_api.grafana.panels import FOUR_HOURS, simple_json, simpod_1, simpod_6
from tests.metrics_api.grafana.test_query import HOURS
from tests.served import HOSTILE

NODE = shutil.which("node")
PACKAGE = Path(os.environ.get("GRAFANA_DATA", ROOT / ".tools/grafana")) / "node_modules/@grafana/data"

pytestmark = pytest.mark.skipif(not NODE or not PACKAGE.exists(), reason="no Node, or no @grafana/data")


def understood(*answers: object) -> list[list[dict[str, Any]]]:
    """The frames that Grafana makes of each answer."""
    script = Path(__file__).parent / "frames.cjs"
    done = subprocess.run(
        [str(NODE), script, PACKAGE], input=json.dumps(answers), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def asked(client: TestClient, *requests: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return understood(*(client.post("/grafana/query", json=request).json() for request in requests))


def test_lines_are_understood_in_both_forms(client: TestClient) -> None:
    frames, series = asked(
        client,
        simpod_6("gpu_utilization_ratio", {"by": ["cluster"]}),
        simpod_6("gpu_utilization_ratio", {"by": ["cluster"], "format": "time_series"}),
    )
    assert [field["shown"] for frame in frames for field in frame["fields"]][1:] == ["alpha", "beta"]
    lines = [field for frame in frames + series for field in frame["fields"] if field["type"] == "number"]
    assert [line["labels"] for line in lines] == [{"cluster": "alpha"}, {"cluster": "beta"}] * 2
    assert [line["values"] for line in lines] == [[0.125] * 4, [0.5] * 4] * 2
    assert {line["unit"] for line in lines} == {"percentunit"}
    for frame in frames + series:
        assert (frame["refId"], frame["length"]) == ("A", 4)
        assert (frame["fields"][0]["type"], frame["fields"][0]["values"]) == ("time", HOURS)


def test_a_gap_is_null_and_is_told(client: TestClient) -> None:
    later = {"from": "2025-03-03T03:00:00Z", "to": "2025-03-03T05:00:00Z"}
    for form in ("frame", "time_series"):
        (frames,) = asked(client, simpod_6("gpus_busy", {"step": "1h", "format": form}, range=later))
        assert frames[0]["fields"][1]["values"] == [1.5, None]
        assert frames[0]["notices"][0]["severity"] == "warning"


def test_a_table_keeps_its_types(client: TestClient) -> None:
    for (table,) in asked(
        client,
        simpod_1("ledger", "table", {"by": ["project"], "columns": ["busy_seconds", "gpu_utilization_ratio"]}),
        simpod_6("ledger", {"by": "project", "format": "table", "columns": "busy_seconds,gpu_utilization_ratio"}),
    ):
        assert [(field["name"], field["type"], field["unit"]) for field in table["fields"]] == [
            ("project", "string", None),
            ("busy_seconds", "number", "s"),
            ("gpu_utilization_ratio", "number", "percentunit"),
        ]
        assert table["fields"][0]["values"] == [HOSTILE, "a", "b", None]
        assert table["length"] == 4


def test_a_list_keeps_its_types_as_table_and_as_frame(client: TestClient) -> None:
    columns = ["workload", "gpus", "wasted_gpu_hours", "gpu_memory_utilization_ratio_max", "held_until"]
    for (found,) in asked(
        client,
        *(simpod_6("waste", {"cluster": "alpha", "columns": columns, "format": form}) for form in ("table", "frame")),
    ):
        assert [(field["name"], field["type"], field["unit"]) for field in found["fields"]] == [
            ("workload", "string", None),
            ("gpus", "number", None),
            ("wasted_gpu_hours", "number", "suffix:GPU-h"),
            ("gpu_memory_utilization_ratio_max", "number", "percentunit"),
            ("held_until", "time", None),
        ]
        assert [field["values"] for field in found["fields"]] == [["pb"], [1], [4], [None], [HOURS[0] + 4 * 3_600_000]]


def test_money_is_told_in_its_currency(priced: TestClient) -> None:
    ((table,),) = asked(priced, simpod_6("ledger", {"format": "table", "columns": "allocated_cost"}))
    assert (table["fields"][0]["unit"], table["fields"][0]["text"]) == ("suffix:EUR", "32.0 EUR")


def test_every_form_of_nothing_is_understood(client: TestClient) -> None:
    never = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-01T05:00:00Z"}
    answers = asked(
        client,
        *(simpod_6("gpus_busy", {"format": form}, range=never) for form in ("frame", "time_series", "table")),
        simpod_6("gpus_busy", {}, range={"from": never["to"], "to": never["from"]}),
    )
    assert [[frame["length"] for frame in frames] for frames in answers] == [[0], [0], [0], []]


def test_what_simple_json_asks_is_understood(client: TestClient) -> None:
    ((series,),) = asked(client, simple_json("gpus_busy", "timeserie"))
    assert [field["type"] for field in series["fields"]] == ["time", "number"]
    assert series["fields"][1]["shown"] == "gpus_busy"


def test_annotations_have_the_fields_that_are_looked_for(client: TestClient) -> None:
    earlier = {"from": "2025-03-02T22:00:00Z", "to": "2025-03-03T04:00:00Z"}
    ((frame,),) = asked(client, simpod_6("gaps", {}, range=earlier))
    found = {field["name"]: field for field in frame["fields"]}
    assert (found["time"]["type"], found["timeEnd"]["type"], found["text"]["type"]) == ("time", "time", "string")
    assert found["timeEnd"]["values"] == [HOURS[0], HOURS[0]]


def test_options_of_a_variable_are_pairs(client: TestClient) -> None:
    options = client.post("/grafana/variable", json={"payload": {"target": "project"}, "range": FOUR_HOURS}).json()
    ((frame,),) = understood([options])
    assert [(field["name"], field["values"]) for field in frame["fields"]] == [
        ("__text", [HOSTILE, "a", "b"]),
        ("__value", [HOSTILE, "a", "b"]),
    ]


def test_units_are_grafanas() -> None:
    fields = [
        {"name": name, "type": "number", "values": [3_600], "config": unit_of(f"x_{name}")}
        for name in (*UNITS, "other")
    ]
    ((frame,),) = understood([{"fields": fields}])
    assert {field["name"]: field["text"] for field in frame["fields"]} == {
        "ratio": "360000.0%",
        "bytes": "3.5 KiB",
        "watts": "3.6 kW",
        "celsius": "3600.0 °C",
        "joules": "3.6 kJ",
        "seconds": "1.0 hour",
        "hours": "3600.0 GPU-h",
        "kwh": "3.6 MWh",
        "co2e": "3.6 kg",
        "other": "3600.0",
    }
