"""Every check finds what it looks for, and nothing in any other site."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.checks import CHECKS
from collectors.doctor import diagnose
from tests.collectors.clinic import (
    KERNEL,
    MINUTES,
    POWER,
    ailments,
    clinic,
    diagnosed,
    gpu,
    gpus,
    node,
    pod,
    settings_of,
)
from tests.servers import Server

HEALTHY = node() + pod() + gpus()

INSTANCE = 'GPU_I_ID="3",GPU_I_PROFILE="1g.10gb",'
TWO = node(gpus=1) + pod("p") + pod("q", gpus=0)

SITES: dict[str, tuple[str, dict[str, str]]] = {
    "healthy": (HEALTHY, {}),
    "nothing": ("", {"nothing_to_collect": "error: check clusters.match: is there a series with {'site': 'nothing'}"}),
    "no_scheduler": (gpus(), {"no_scheduler": "warning: unknown, where it could be held or free"}),
    "nobody_named": (
        gpu("a") + gpu("b"),
        {"no_scheduler": "warning: what works is unattributed, all the rest unknown"},
    ),
    "no_exporter": (node() + pod(), {"no_exporter": "warning: nothing as busy, idle or unattributed"}),
    "bare_pods": (
        node() + pod(labels="") + gpus(),
        {"no_project_labels": "warning: publishes none", "no_user_labels": "note: shown as (none)"},
    ),
    "other_labels": (
        node() + pod(labels='label_app="x",label_user="ada"') + gpus(),
        {"no_project_labels": "warning: the labels there are: app, user"},
    ),
    "bare_nodes": (node(labels="") + pod() + gpus(), {"no_node_labels": "note: each part counts as a GPU"}),
    "kernel_only": (
        node() + pod() + gpu("a", "p", metric=KERNEL) + gpu("b", metric=KERNEL),
        {"no_profiling": "note: 2 of 2 GPUs tell only whether any kernel ran"},
    ),
    "silent_instances": (
        node(gpus=1, resource="nvidia_com_mig_1g_10gb") + pod(gpus=0) + gpu("a", "p", metric=POWER, extra=INSTANCE),
        {"no_profiling": "warning: 1 device without a utilization, 1 MIG instance among them"},
    ),
    "parent_beside_instance": (
        node(gpus=1, resource="nvidia_com_mig_1g_10gb")
        + pod(gpus=0)
        + gpu("a", metric=POWER)
        + gpu("a", "p", extra=INSTANCE),
        {},
    ),
    "no_device_labels": (node() + pod() + gpu("a") + gpu("b"), {"no_device_labels": "warning: could be busy or idle"}),
    "exporters_own_pod": (
        node()
        + pod()
        + gpu("a", extra='namespace="mon",pod="dcgm-x",')
        + gpu("b", extra='namespace="mon",pod="dcgm-x",')
        + f'up{{job="dcgm",instance="n1:9400",namespace="mon",pod="dcgm-x"}}  1x{MINUTES}\n',
        {"no_device_labels": "warning: could be busy or idle"},
    ),
    "cut_told_as_whole": (
        node(gpus=7, resource="nvidia_com_mig_1g_10gb") + pod(gpus=0) + gpus(),
        {"mig_without_instances": "warning: n1 (2)"},
    ),
    "copied": (TWO + gpu("a", "p") + gpu("a", "q"), {"shared_gpus": "warning: equal split, marked shared_estimate"}),
    "told_apart": (
        TWO + gpu("a", "p") + gpu("a", "q", f"0.1x{MINUTES}"),
        {"shared_gpus": "note: 1 GPU shared, and the exporter tells their holders apart"},
    ),
    "perhaps_shared": (
        node(labels='label_node_pool="h100",label_nvidia_com_gpu_replicas="2"') + pod() + gpu("a", "p"),
        {"shared_gpus": "note: may be shared by time-slicing"},
    ),
    "told_twice": (
        HEALTHY + gpu("a", "p").replace('job="dcgm"', 'job="another"'),
        {"told_twice": "note: the same is told of 1 GPU by"},
    ),
    "old_labels": (
        node() + pod() + gpu("a", "p", host="Hostname") + gpu("b", host="Hostname"),
        {"old_labels": "note: as it did before 4.5.3"},
    ),
    "renaming": (
        node() + pod() + gpu("a", "p", host="Hostname") + gpu("b"),
        {"old_labels": "note: 1 series do, 1 write hostname"},
    ),
    "sentinels": (
        HEALTHY + gpu("b", values=f"2147483632x{MINUTES}", metric=KERNEL),
        {"impossible_values": f"warning: samples cannot be true: {KERNEL}"},
    ),
    "slow": (f"@300\n{HEALTHY}@60\n", {"slow_scrapes": "warning: every 5m, and clusters.step is 1m"}),
    "gap": (
        node() + pod() + gpu("a", "p", "0.5x60 _x30 0.5x150") + gpu("b", values="0.5x60 _x30 0.5x150"),
        {"gaps": "warning: 1 target, 25m in all"},
    ),
    "silent": (node(gpus=8) + node("n2", 4) + pod() + gpus(), {"silent_gpus": "warning: 10 GPUs"}),
    "beyond": (HEALTHY + pod("q", gpus=2), {"overcommitted": "warning: n1 (+1)"}),
    "pair": (
        HEALTHY.replace("{", '{prometheus_replica="a",') + HEALTHY.replace("{", '{prometheus_replica="b",'),
        {"replicas_not_joined": "note: there 2 times, told apart by", "told_twice": "note: of 2 GPUs"},
    ),
}
"""Per site its series, and what must be said of it: the severity, and words that are in what, cost or fix."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with clinic(tmp_path_factory.mktemp("clinic"), {name: series for name, (series, _) in SITES.items()}) as running:
        yield running


@pytest.mark.parametrize("name", SITES)
def test_a_site_is_told_what_it_lacks_and_nothing_else(name: str, server: Server, tmp_path: Path) -> None:
    found = ailments(diagnosed(server.url, tmp_path, name))
    expected = SITES[name][1]
    assert set(found) == set(expected), {check: finding.what for check, finding in found.items()}
    for check, said in expected.items():
        severity, words = said.split(": ", 1)
        assert found[check].severity == severity
        assert words in " | ".join((found[check].what, found[check].cost, found[check].fix))


def test_every_check_of_what_a_cluster_shows_has_a_site_that_fails_it() -> None:
    """Those of what is around it have tests of their own below and in test_doctor.py."""
    around = {"gpus_in_two_clusters", "vocabularies_not_spoken", "several_servers", "clocks_differ", "hours_missing"}
    assert {check.name for check in CHECKS} - around == {check for _, said in SITES.values() for check in said}


def test_what_is_set_otherwise_is_no_lack(server: Server, tmp_path: Path) -> None:
    labels = {"project": ["app"], "node_pool": ["zone"]}
    assert not ailments(diagnosed(server.url, tmp_path, "other_labels", labels=labels | {"node_pool": ["node_pool"]}))
    assert set(ailments(diagnosed(server.url, tmp_path, "healthy", labels=labels))) == {
        "no_project_labels",
        "no_node_labels",
    }
    assert not ailments(diagnosed(server.url, tmp_path, "other_labels", projects={"team*": "*"}))
    assert not ailments(diagnosed(server.url, tmp_path, "slow", step="5m"))


def test_a_vocabulary_that_is_set_and_not_spoken_is_named(server: Server, tmp_path: Path) -> None:
    spoken = {"vocabularies": ["dcgm", "kube_state"]}
    assert not ailments(diagnosed(server.url, tmp_path, "healthy", **spoken))
    found = ailments(diagnosed(server.url, tmp_path, "healthy", vocabularies=["dcgm", "kube_state", "kueue"]))
    assert set(found) == {"vocabularies_not_spoken"}
    assert "names kueue" in found["vocabularies_not_spoken"].what
    nothing = ailments(diagnosed(server.url, tmp_path, "nothing", vocabularies=["kueue"], match={}))
    assert "check clusters.vocabularies, which names kueue" in nothing["nothing_to_collect"].fix


def test_a_gpu_in_two_clusters_is_an_error_of_the_later_one(server: Server, tmp_path: Path) -> None:
    settings = settings_of(server.url, tmp_path, "healthy", "told_twice")
    first, second = diagnose(settings, settings.clusters).clusters
    assert first.is_collectable
    assert "gpus_in_two_clusters" not in ailments(first)
    assert not second.is_collectable
    finding = ailments(second)["gpus_in_two_clusters"]
    assert finding.severity == "error"
    assert "shows GPU-a, GPU-b, which are cluster 'healthy''s" in finding.what
    assert "remove one of 'healthy' and 'told-twice'" in finding.fix
