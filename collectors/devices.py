"""Devices: which GPU each series is about, and on which node, however its exporter names them."""

from collectors.vocabulary import Row

Rows = dict[str, list[Row]]


def with_devices(rows: Rows) -> Rows:
    """The tables of series of devices with their nodes and numbers, and ``device_ids``, the devices by number.

    An exporter that gives no UUID is understood by another one's of the same node and index; if there is none, node and
    index are the GPU's name. MIG instances of which nobody says how large they are cannot be booked.
    """
    gpus = with_uuids(with_nodes(rows["gpu_series"], rows))
    known = {place_of(row) for row in gpus if row["gpu_instance"] == "" or row.get("gpu_profile")}
    devices: dict[tuple[str, str], int] = {}
    numbered = {
        "gpu_series": [with_number(row, devices) for row in gpus if place_of(row) in known],
        "device_series": [with_number(row, devices) for row in rows["device_series"] if place_of(row) in known],
    }
    return numbered | {"device_ids": ids_of(devices), "entity_series": with_own_nodes(rows, gpus)}


def with_nodes(gpus: list[Row], rows: Rows) -> list[Row]:
    """An exporter may give its own pod's name, or an address, as the node: the scheduler knows whose that is."""
    nodes = {row["node"] for row in rows["node_series"]}
    aliases = aliases_of(nodes, rows)
    return [row | {"node": known_as(str(row["node"]), nodes, aliases)} for row in gpus]


def with_own_nodes(rows: Rows, gpus: list[Row]) -> list[Row]:
    """What is told of pods, projects and nodes; of nodes, only of those that have GPUs."""
    nodes = {row["node"] for row in (*rows["node_series"], *gpus)}
    aliases = aliases_of(nodes, rows)
    named = [
        row | {"node": known_as(str(row["node"]), nodes, aliases)} if row["kind"] == "node" else row
        for row in rows["entity_series"]
    ]
    return [row for row in named if row["kind"] != "node" or row["node"] in nodes]


def aliases_of(nodes: set[object], rows: Rows) -> dict[object, object]:
    """Other names of some nodes, by what pods and nodes say of their addresses."""
    return {
        address: node
        for row in (*rows["pod_facts"], *rows["node_addresses"])
        for address in row.get("addresses") or ()  # type: ignore[attr-defined]
        if (node := known_as(str(row.get("node")), nodes, {})) in nodes
    }


def known_as(node: str, nodes: set[object], aliases: dict[object, object]) -> object:
    """The scheduler's name of a node: this one, another of its addresses, or this one without its domain."""
    short = node.partition(".")[0]
    return node if node in nodes else aliases.get(node, short if short in nodes else node)


def with_uuids(gpus: list[Row]) -> list[Row]:
    by_index = {(row["node"], row["gpu"]): row["gpu_uuid"] for row in gpus if row["gpu_uuid"] and row.get("gpu")}
    found = [
        row
        if row["gpu_uuid"]
        else row | {"gpu_uuid": by_index.get((row["node"], row["gpu"]), f"{row['node']}/{row['gpu']}")}
        for row in gpus
        if row["gpu_uuid"] or row.get("gpu")
    ]
    instances = {row["mig_uuid"]: row for row in found if row.get("mig_uuid")}
    told = ("gpu_uuid", "gpu_instance", "gpu", "gpu_profile")
    strange = [row for row in gpus if not (row["gpu_uuid"] or row.get("gpu")) and row.get("mig_uuid") in instances]
    return found + [row | {name: instances[row["mig_uuid"]].get(name) for name in told} for row in strange]


def place_of(row: Row) -> tuple[str, str]:
    return str(row["gpu_uuid"]), str(row["gpu_instance"])


def with_number(row: Row, devices: dict[tuple[str, str], int]) -> Row:
    return row | {"device": devices.setdefault(place_of(row), len(devices) + 1)}


def ids_of(devices: dict[tuple[str, str], int]) -> list[Row]:
    """parent: the number of the GPU that a device is or is cut from."""
    parents: dict[str, int] = {}
    return [
        {
            "device": device,
            "parent": parents.setdefault(uuid, len(parents) + 1),
            "gpu_uuid": uuid,
            "gpu_instance": instance,
        }
        for (uuid, instance), device in devices.items()
    ]
