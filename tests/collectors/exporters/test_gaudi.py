from collections.abc import Iterator

import pytest

from collectors.exporters import gaudi
from queries.catalogue import READINGS
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, shares, sites

HELD, OTHER = "01P4-HL3080A0-14-TNBS73-01-07-01", "01P4-HL3080A0-14-TNBS73-02-03-04"
TARGET = {"job": "gaudi", "instance": "10.244.3.9:41611"}
KSM = {"job": "ksm", "instance": "10.0.0.9:8080"}
READY = 'kube_node_status_capacity{node="gaudi-01",resource="habana_ai_gaudi"} 2\n'
READY += "".join(
    f'{series}{{namespace="team-nlp",pod="gaudi-train-0",uid="u",node="gaudi-01",{more}}} 1\n'
    for series, more in (
        ("kube_pod_info", ""),
        ("kube_pod_status_phase", 'phase="Running"'),
        ("kube_pod_container_resource_requests", 'container="main",resource="habana_ai_gaudi"'),
    )
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(
        tmp_path_factory.mktemp("gaudi"),
        alone=(Scrape("gaudi", TARGET),),
        kubernetes=(Scrape("gaudi", TARGET), Scrape(READY, KSM)),
    ) as running:
        yield running


@pytest.mark.parametrize("name", ["alone", "kubernetes"])
def test_pods_hold_accelerators_on_the_node_of_their_exporter(site: Sites, name: str) -> None:
    rows = site.hour(name)
    held, other = gpu(rows, HELD), gpu(rows, OTHER)
    assert held[["node", "gpu", "namespace", "pod"]].tolist() == ["gaudi-01", "0", "team-nlp", "gaudi-train-0"]
    assert shares(held) == {"busy": 0.92, "idle": 0.08}
    assert shares(other) == {"free": 1}
    assert mean(held, "gpu_power_watts") == 512
    assert held["energy_joules"] == pytest.approx(512 * 3600)
    assert mean(held, "gpu_memory_used_bytes") == 98304000000
    assert mean(held, "gpu_memory_total_bytes") == 137438953472
    assert mean(held, "gpu_temperature_celsius") == 63
    assert rows["capacity_seconds"].sum() == pytest.approx(2 * 3600)


def test_an_accelerator_without_uuid_is_not_booked() -> None:
    assert gaudi.gpu(READINGS["gaudi", "habanalabs_utilization"], {"id": "0"}) is None
    assert gaudi.node({"instance": "a:1"}, 1) is None
