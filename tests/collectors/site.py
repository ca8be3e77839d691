"""A small site: one node with two GPUs over some hours, as its exporters tell it, in a real Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from queries.lake import Lake
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.booked import SECONDS, both
from tests.series import openmetrics
from tests.servers import prometheus

START = datetime(2025, 3, 3, tzinfo=UTC)
HOURS = 4
WINDOW = Window(START, START + HOURS * HOUR)
LATER = WINDOW.end + HOUR

DCGM = 'modelName="NVIDIA H100 80GB HBM3",Hostname="n1",job="dcgm",instance="n1:9400"'
POD = 'namespace="runai-llm",pod="train-0",uid="u1",job="ksm"'

SERIES = f"""
kube_node_status_capacity{{node="n1",resource="nvidia_com_gpu",unit="integer",job="ksm"}}  2x240
kube_node_labels{{node="n1",label_node_pool="h100",job="ksm"}}  1x240
kube_pod_info{{{POD},node="n1"}}  1x240
kube_pod_owner{{{POD},owner_kind="Job",owner_name="train"}}  1x240
kube_pod_labels{{{POD},label_user="ada"}}  1x240
kube_pod_container_resource_requests{{{POD},node="n1",container="main",resource="nvidia_com_gpu",unit="integer"}}  1x240
kube_pod_status_phase{{{POD},phase="Running"}}  1x240
kube_resourcequota{{namespace="runai-llm",resource="requests.nvidia.com/gpu",type="hard",job="ksm"}}  4x240
kueue_pending_workloads{{cluster_queue="llm",status="active"}}  2x120 4x120
kueue_pending_workloads{{cluster_queue="llm",status="inadmissible"}}  1x240
DCGM_FI_PROF_GR_ENGINE_ACTIVE{{gpu="0",UUID="GPU-a",{DCGM},namespace="runai-llm",pod="train-0"}}  0.5x240
DCGM_FI_PROF_GR_ENGINE_ACTIVE{{gpu="1",UUID="GPU-b",{DCGM}}}  0x240
DCGM_FI_DEV_POWER_USAGE{{gpu="0",UUID="GPU-a",{DCGM},namespace="runai-llm",pod="train-0"}}  400x240
DCGM_FI_DEV_POWER_USAGE{{gpu="1",UUID="GPU-b",{DCGM}}}  100x240
DCGM_FI_DEV_FB_USED{{gpu="0",UUID="GPU-a",{DCGM},namespace="runai-llm",pod="train-0"}}  1024x240
DCGM_FI_DEV_FB_FREE{{gpu="0",UUID="GPU-a",{DCGM},namespace="runai-llm",pod="train-0"}}  3072x240
"""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of the site's Prometheus."""
    with prometheus(folder, [openmetrics(SERIES, START)]) as server:
        yield server.url


def cluster(url: str, name: str = "site", **settings: object) -> Cluster:
    return Cluster.model_validate({"name": name, "prometheus": url, **settings})


def new_lake(folder: Path) -> Lake:
    lake = Lake(str(folder / "lake"))
    lake.create()
    return lake


def assert_whole(lake: Lake, hours: int = HOURS, name: str = "site") -> None:
    """Every hour is there once: two GPUs, one held and half busy."""
    for rows in both(lake, WINDOW):
        own = rows[(rows.cluster == name) & (rows.kind == "gpu")]
        assert own[SECONDS].sum().sum() == pytest.approx(hours * 7200)
        assert own["busy_seconds"].sum() == pytest.approx(hours * 1800)
        assert own["idle_seconds"].sum() == pytest.approx(hours * 1800)
        assert own["free_seconds"].sum() == pytest.approx(hours * 3600)


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows to compare between two lakes: all but when they were read."""
    order = ["cluster", "time", "kind", "node", "gpu_uuid", "project"]
    return rows.drop(columns="revision").sort_values(order, ignore_index=True)
