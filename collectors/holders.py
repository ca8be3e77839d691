"""Holders: whom a series names, where it takes other series to say who that is."""

from collections.abc import Iterator

from collectors.vocabulary import Row, pod_named

Rows = dict[str, list[Row]]
Kinds = dict[tuple[str, str], tuple[str, str]]

TALLEST = 5
"""So many owners stand above each other at most."""


def with_holders(gpus: list[Row], rows: Rows) -> list[Row]:
    """The series of GPUs with the pods that they know by uid alone, and with what their workloads belong to in the end:
    a container to a task, a task to an experiment."""
    pods = {str(row["uid"]): row for row in rows["pod_facts"] if row.get("uid")}
    owners = dict(owners_of(rows))
    return [climbed(with_pod(row, pods), owners) for row in gpus]


def with_pod(row: Row, pods: dict[str, Row]) -> Row:
    if not row.get("pod_uid") or row.get("pod") or row.get("exported_pod"):
        return row
    pod = pods.get(str(row["pod_uid"]))
    return row | pod_named(str(pod["namespace"]), str(pod["pod"])) if pod else row


def owners_of(rows: Rows) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Those that belong to no namespace: not Kubernetes'."""
    for row in rows["owners"]:
        if not row["namespace"]:
            yield (str(row["kind"]), str(row["name"])), (str(row["owner_kind"]), str(row["owner_name"]))


def climbed(row: Row, owners: Kinds) -> Row:
    if not row.get("workload") or not owners:
        return row
    workload = (str(row["workload_kind"]), str(row["workload"]))
    for _ in range(TALLEST):
        if workload not in owners:
            break
        workload = owners[workload]
    return row | {"workload_kind": workload[0], "workload": workload[1]}
