"""Nodes: one name for each, however exporters name it, and which of them have GPUs."""

from collectors.vocabulary import Row

Rows = dict[str, list[Row]]
Names = dict[str, str]


def on_nodes(rows: Rows) -> list[Row]:
    """The series of GPUs with the scheduler's names of their nodes. An exporter may give its own pod's name, or an
    address: the scheduler knows whose that is."""
    nodes = {str(row["node"]) for row in rows["node_series"]}
    aliases = aliases_of(nodes, rows)
    named = {str(row["node"]) for row in rows["gpu_series"]}
    names = {node: known_as(node, nodes, aliases) for node in named}
    return [
        row if (name := names[str(row["node"])]) == row["node"] else row | {"node": name} for row in rows["gpu_series"]
    ]


def of_nodes_with_gpus(rows: Rows, gpus: list[Row]) -> Rows:
    """What is told of nodes, by the scheduler and by others, for those that have GPUs alone."""
    counted = {str(row["node"]) for row in rows["node_series"] if row["fact"] == "gpus"}
    nodes = counted | {str(row["node"]) for row in gpus}
    aliases = aliases_of(nodes, rows)
    told = [
        row | {"node": known_as(str(row["node"]), nodes, aliases)} if row["kind"] == "node" else row
        for row in rows["entity_series"]
    ]
    return {
        "node_series": [row for row in rows["node_series"] if row["node"] in nodes],
        "entity_series": [row for row in told if row["kind"] != "node" or row["node"] in nodes],
    }


def aliases_of(nodes: set[str], rows: Rows) -> Names:
    """Other names of these nodes, by what pods and nodes say of their addresses; and of those whose exporter itself
    says on which node it is (``is_own``)."""
    return {
        str(address): node
        for row in (*rows["pod_facts"], *rows["node_addresses"])
        for address in row.get("addresses") or ()  # type: ignore[attr-defined]
        if (node := known_as(str(row.get("node")), nodes, {})) in nodes or row.get("is_own")
    }


def known_as(node: str, nodes: set[str], aliases: Names) -> str:
    """The name of a node among these: this one, that of another of its addresses, or this one without its domain."""
    short = node.partition(".")[0]
    return node if node in nodes else aliases.get(node, short if short in nodes else node)
