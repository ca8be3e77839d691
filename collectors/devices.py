"""Devices: which GPU each series is about, and on which node, however its exporter names them."""

from collectors.vocabulary import Row

Rows = dict[str, list[Row]]


def with_devices(rows: Rows) -> Rows:
    """The tables of series of devices with their nodes and numbers, and ``device_ids``, the devices by number.

    An exporter that gives no UUID is understood by another one's of the same node and index; if there is none, node and
    index are the GPU's name.
    """
    gpus = with_nodes(rows["gpu_series"], rows)
    uuids = {(row["node"], row["gpu"]): row["gpu_uuid"] for row in gpus if row["gpu_uuid"] and row.get("gpu")}
    devices: dict[tuple[str, str], int] = {}
    numbered = {
        "gpu_series": [with_number(with_uuid(row, uuids), devices) for row in gpus],
        "device_series": [with_number(row, devices) for row in rows["device_series"]],
    }
    return numbered | {"device_ids": ids_of(devices)}


def with_nodes(gpus: list[Row], rows: Rows) -> list[Row]:
    """An exporter may give its own pod's name, or an address, as the node: the scheduler knows whose that is."""
    nodes = {row["node"] for row in rows["node_series"]}
    aliases = {
        address: row["node"]
        for row in (*rows["pod_facts"], *rows["node_addresses"])
        for address in row.get("addresses") or ()  # type: ignore[attr-defined]
        if row["node"] in nodes
    }
    return [row | {"node": known_as(str(row["node"]), nodes, aliases)} for row in gpus]


def known_as(node: str, nodes: set[object], aliases: dict[object, object]) -> object:
    """The scheduler's name of a node: this one, another of its addresses, or this one without its domain."""
    short = node.partition(".")[0]
    return node if node in nodes else aliases.get(node, short if short in nodes else node)


def with_uuid(row: Row, uuids: dict[tuple[object, object], object]) -> Row:
    if row["gpu_uuid"]:
        return row
    place = (row["node"], row["gpu"])
    return row | {"gpu_uuid": uuids.get(place, f"{row['node']}/{row['gpu']}")}


def with_number(row: Row, devices: dict[tuple[str, str], int]) -> Row:
    key = (str(row["gpu_uuid"]), str(row["gpu_instance"]))
    return row | {"device": devices.setdefault(key, len(devices) + 1)}


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
