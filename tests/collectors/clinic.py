"""Clinic: many small sites in one real Prometheus, each healthy or with one ailment, told apart by ``clusters.match``.

Their samples lie around the real present, from three hours before to one hour after, so that what is asked now is
answered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collectors.doctor import Diagnosis, diagnose
from collectors.finding import Finding
from queries.settings import Settings
from tests.series import openmetrics
from tests.servers import Server, prometheus

MINUTES = 240
START = (datetime.now(UTC) - timedelta(hours=3)).replace(second=0, microsecond=0)

ENGINE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
KERNEL = "DCGM_FI_DEV_GPU_UTIL"
POWER = "DCGM_FI_DEV_POWER_USAGE"
LABELS = 'label_project="llm",label_user="ada"'
POOL = 'label_node_pool="h100"'


def node(name: str = "n1", gpus: int = 2, labels: str = POOL, resource: str = "nvidia_com_gpu") -> str:
    kube = f'node="{name}",job="ksm",instance="ksm:8080"'
    return (
        f'kube_node_status_capacity{{{kube},resource="{resource}",unit="integer"}}  {gpus}x{MINUTES}\n'
        f"kube_node_labels{{{kube},{labels}}}  1x{MINUTES}\n"
    )


def pod(name: str = "p", gpus: int = 1, labels: str = LABELS, at: str = "n1") -> str:
    kube = f'namespace="team",pod="{name}",uid="uid-{name}",job="ksm",instance="ksm:8080"'
    return (
        f'kube_pod_info{{{kube},node="{at}"}}  1x{MINUTES}\n'
        f"kube_pod_labels{{{kube},{labels}}}  1x{MINUTES}\n"
        f'kube_pod_status_phase{{{kube},phase="Running"}}  1x{MINUTES}\n'
        f'kube_pod_container_resource_requests{{{kube},node="{at}",container="main",resource="nvidia_com_gpu",'
        f'unit="integer"}}  {gpus}x{MINUTES}\n'
    )


def gpu(
    uuid: str,
    holder: str = "",
    values: str = f"0.5x{MINUTES}",
    metric: str = ENGINE,
    extra: str = "",
    host: str = "hostname",
    at: str = "n1",
) -> str:
    named = f'exported_namespace="team",exported_pod="{holder}",' if holder else ""
    return (
        f'{metric}{{UUID="GPU-{uuid}",gpu="0",modelName="NVIDIA H100",{host}="{at}",{named}{extra}'
        f'job="dcgm",instance="{at}:9400"}}  {values}\n'
    )


def gpus() -> str:
    return gpu("a", "p") + gpu("b")


def of_site(name: str, series: str) -> str:
    return series.replace("{", f'{{site="{name}",').replace(",}", "}")


@contextmanager
def clinic(folder: Path, sites: dict[str, str]) -> Iterator[Server]:
    with prometheus(folder, [openmetrics("".join(of_site(*site) for site in sites.items()), START)]) as server:
        yield server


def settings_of(url: str, store: Path, *names: str, **settings: object) -> Settings:
    """Sites of a clinic as configured clusters of their names."""
    clusters = [
        {"name": name.replace("_", "-"), "prometheus": url, "match": {"site": name}} | settings for name in names
    ]
    return Settings.model_validate({"store": {"path": str(store)}, "clusters": clusters})


def diagnosed(url: str, store: Path, name: str, **settings: object) -> Diagnosis:
    one = settings_of(url, store, name, **settings)
    return diagnose(one, one.clusters).clusters[0]


def ailments(diagnosis: Diagnosis) -> dict[str, Finding]:
    """What is not fine, by the check that says so, but for hours that are missing: nothing has been collected."""
    return {
        finding.check: finding
        for finding in diagnosis.findings
        if finding.severity != "ok" and finding.check != "hours_missing"
    }
