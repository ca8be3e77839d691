"""Devices: which GPU each series is about, and on which node, however its exporter names them."""

from collections import defaultdict

from collectors.holders import with_holders
from collectors.nodes import Rows, of_nodes_with_gpus, on_nodes
from collectors.vocabulary import Row

Place = tuple[object, object]
"""A device: the UUID of its GPU, and the MIG instance or partition, '' for a whole GPU."""


def with_devices(rows: Rows) -> Rows:
    """The tables of series of devices with their nodes and numbers, and ``device_ids``, the devices by number; what is
    told of nodes, for those with devices.

    An exporter that gives no UUID is understood by another one's of the same node and index; if there is none, node and
    index are the GPU's name. Instances of which nobody says how large they are, and GPUs of which nobody says where
    they are, cannot be booked.
    """
    gpus = completed(with_holders(with_uuids(on_nodes(rows)), rows))
    devices: dict[Place, int] = {}
    numbered = {"gpu_series": [with_number(row, devices) for row in gpus]}
    known = {uuid for uuid, _ in devices}
    faults = [row for row in rows["device_series"] if row["gpu_uuid"] in known]  # of a cut GPU, for the whole of it
    numbered["device_series"] = [with_number(row, devices) for row in faults]
    return numbered | {"device_ids": ids_of(devices)} | of_nodes_with_gpus(rows, gpus)


def with_uuids(gpus: list[Row]) -> list[Row]:
    """With the UUIDs of GPUs that are named by index, or as an instance whose own UUID another exporter knows."""
    by_index = {(row["node"], row["gpu"]): row["gpu_uuid"] for row in gpus if row["gpu_uuid"] and row.get("gpu")}
    instances = {row["mig_uuid"]: row for row in gpus if row.get("mig_uuid") and row["gpu_instance"]}
    return [with_uuid(row, by_index, instances) for row in gpus]


def with_uuid(row: Row, by_index: dict[tuple[object, object], object], instances: dict[object, Row]) -> Row:
    if row["gpu_uuid"] or row.get("is_of_node"):
        return row
    instance = row if row.get("gpu") else instances.get(row.get("mig_uuid"), row)
    found = row | {name: instance.get(name) for name in ("node", "gpu", "gpu_instance", "gpu_profile")}
    index = instance.get("gpu")
    uuid = instance["gpu_uuid"] or by_index.get((instance["node"], index), f"{instance['node']}/{index}")
    return found | {"gpu_uuid": uuid if index or instance["gpu_uuid"] else None}


def completed(gpus: list[Row]) -> list[Row]:
    """The rows of devices of which all is known that the booking needs, each with what others say of its GPU. A row
    that is about all devices of its node becomes one for each."""
    sizes = {place_of(row) for row in gpus if row["gpu_uuid"] and (not row["gpu_instance"] or row.get("gpu_profile"))}
    told = {name: {row["gpu_uuid"]: row[name] for row in gpus if row.get(name)} for name in ("gpu_model", "node")}
    devices = [with_told(row, told) for row in gpus if row["gpu_uuid"] and place_of(row) in sizes]
    devices += [
        with_told(row, told) | {"gpu_instance": ""}
        for row in gpus
        if row["gpu_instance"] == "0" and place_of(row) not in sizes and (row["gpu_uuid"], "") in sizes
    ]  # a GPU of AMD's that is not cut is its only partition
    placed = [row for row in devices if row["node"]]
    return placed + spread([row for row in gpus if row.get("is_of_node")], placed)


def with_told(row: Row, told: dict[str, dict[object, object]]) -> Row:
    if row.get("gpu_model") and row["node"]:
        return row
    return row | {name: row.get(name) or by_gpu.get(row["gpu_uuid"]) for name, by_gpu in told.items()}


def spread(of_nodes: list[Row], gpus: list[Row]) -> list[Row]:
    devices: dict[object, set[Place]] = defaultdict(set)
    for row in gpus if of_nodes else ():
        devices[row["node"]].add(place_of(row))
    return [
        row | {"gpu_uuid": uuid, "gpu_instance": instance}
        for row in of_nodes
        for uuid, instance in sorted(devices[row["node"]], key=str)
    ]


def place_of(row: Row) -> Place:
    return row["gpu_uuid"], row["gpu_instance"]


def with_number(row: Row, devices: dict[Place, int]) -> Row:
    return row | {"device": devices.setdefault(place_of(row), len(devices) + 1)}


def ids_of(devices: dict[Place, int]) -> list[Row]:
    """parent: the number of the GPU that a device is or is cut from."""
    parents: dict[object, int] = {}
    return [
        {
            "device": device,
            "parent": parents.setdefault(uuid, len(parents) + 1),
            "gpu_uuid": uuid,
            "gpu_instance": instance,
        }
        for (uuid, instance), device in devices.items()
    ]
