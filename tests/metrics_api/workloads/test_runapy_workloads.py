"""Run:ai's own client, unmodified, lists workloads and pods."""

import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from metrics_api.app import create_app
from queries.control.applications import create_application
from tests.live import fill, settings_for
from tests.metrics_api.live import ALPHA, TRAIN
from tests.serving import serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a library that we do not maintain
    runai: Any = import_module("runai.runai_client")
    models: Any = import_module("runai.models")

errors: Any = import_module("runai.exceptions")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("live")
    fill(folder)
    app = create_app(settings_for(folder, "required"))
    create_application(app.state.services.control, "tests", "my-app", "s3cret")
    with serving(app) as address:
        configuration = import_module("runai.configuration").Configuration(
            client_id="my-app", client_secret="s3cret", runai_base_url=address
        )
        yield runai.RunaiClient(runai.ApiClient(configuration))


def test_it_lists_counts_and_reads_workloads(client: Any) -> None:
    workloads = client.workloads.workloads
    listed = workloads.get_workloads(
        deleted=False, limit=500, sort_by="name", sort_order="desc", filter_by=["phase==Running", "allocatedGPU>=0.5"]
    ).data
    models.GetWorkloads200Response.model_validate(listed)
    assert [each["name"] for each in listed["workloads"]] == ["train", "train", "note", "frac-0"]
    assert workloads.count_workloads(search="train").data == {"count": 2}
    one = workloads.get_workload(TRAIN).data
    assert models.Workload.model_validate(one).allocated_resources.gpu == 2
    assert one in listed["workloads"]
    first = workloads.get_workloads(limit=2).data
    second = workloads.get_workloads(limit=2, offset=first["next"]).data
    assert not {each["id"] for each in first["workloads"]} & {each["id"] for each in second["workloads"]}


def test_it_lists_pods(client: Any) -> None:
    pods = client.workloads.pods
    listed = pods.list_pods(
        verbosity=models.PodVerbosity.FULL, completed="false", limit=500, filter_by=[f"clusterId=={ALPHA}"]
    ).data
    models.ListPods200Response.model_validate(listed)
    assert sorted((each["name"], each["workloadName"]) for each in listed["pods"]) == [
        ("frac-0", "frac-0"),
        ("note-0", "note"),
        ("train-0", "train"),
    ]
    assert pods.count_pods(filter_by=["nodeName=^alpha"]).data == {"count": 3}
    assert [each["nodeName"] for each in pods.get_workload_pods(TRAIN).data["pods"]] == ["alpha-1"]


def test_it_tells_events_and_history(client: Any) -> None:
    events = client.workloads.events
    told = events.get_workload_events(TRAIN, sort_order="asc", limit=10).data
    models.GetWorkloadEvents200Response.model_validate(told)
    history = events.get_workload_history(TRAIN).data
    models.GetWorkloadHistory200Response.model_validate(history)
    assert history["records"][0]["spec"]["phaseUpdate"]["phase"] == "Running"


def test_what_is_missing_is_an_error_of_its_own_kind(client: Any) -> None:
    with pytest.raises(errors.NotFoundException) as missing:
        client.workloads.workloads.get_workload("00000000-0000-0000-0000-000000000000")
    assert missing.value.status == 404
