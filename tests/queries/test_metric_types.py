import msgspec
import pytest

from queries.catalogue import METRICS
from queries.metric_types import ALIKE, NAMES, SERIES, TYPES, MetricType, names_of

RUNAIS_OWN = {
    "cluster": 12,
    "node": 30,
    "project": 7,
    "workload": 23,
    "pod": 31,
    "inference": 2,
    "nodes": 16,
    "workloads": 3,
    "org_unit": 9,
}
"""How many types Run:ai has in each scope."""


@pytest.mark.parametrize("scope", RUNAIS_OWN)
def test_a_scope_has_all_types_of_runai(scope: str) -> None:
    assert sum(scope in each.scopes for each in TYPES[scope].values()) == RUNAIS_OWN[scope]


def test_there_are_the_61_names_of_the_matrix() -> None:
    matrix = ("cluster", "node", "project", "workload", "pod")
    assert len({each.name for each in NAMES.types if set(matrix) & set(each.scopes)}) == 61


def test_node_pools_and_departments_have_what_clusters_and_projects_have() -> None:
    assert all(TYPES[scope] is TYPES[like] for scope, like in ALIKE.items())


@pytest.mark.parametrize("scope", ["cluster", "node", "project", "workload", "pod", "nodes", "workloads", "org_unit"])
def test_beside_runais_own_there_are_power_and_utilization(scope: str) -> None:
    assert "GPU_UTILIZATION" in TYPES[scope]
    assert scope in ("workloads", "org_unit") or "GPU_POWER_WATTS" in TYPES[scope]


def test_an_entry_has_one_answer_and_names_what_there_is() -> None:
    for wrong in ({}, {"metric": "gpus_busy", "empty": "no"}, {"metric": "gpus_bussy"}):
        with pytest.raises((ValueError, msgspec.ValidationError), match="metric_types.toml: X"):
            msgspec.convert({"name": "X", "unit": "gpus", **wrong}, MetricType)


def test_every_answer_is_there() -> None:
    for each in (*NAMES.types, *SERIES.values()):
        assert each.count is None or each.count in NAMES.counts
        assert each.state is None or each.state in NAMES.states
    used = {each.state for each in (*NAMES.types, *SERIES.values())}, {each.count for each in NAMES.types}
    assert (set(NAMES.states) <= used[0], set(NAMES.counts) <= used[1]) == (True, True)


def test_a_metric_knows_its_names() -> None:
    assert names_of("gpus_quota") == ["GPU_QUOTA", "gpu.quota", "runai_project_guaranteed_gpus"]
    assert all(names_of(name) == [] or name in METRICS for name in METRICS)
