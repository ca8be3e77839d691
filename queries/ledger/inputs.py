"""What the booking is given: the tables that the vocabularies read from a cluster's Prometheus."""

from dataclasses import dataclass

import pyarrow as pa

STRING = pa.string()
LABELS = pa.map_(pa.string(), pa.string())


def _strings(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, STRING) for name in names]


SCHEMAS: dict[str, pa.Schema] = {
    # every sample, ordered by series and time: Unix milliseconds, the value as it was read. Beside those of the hours
    # to book and their margins, the last ones before of what has fallen silent since
    "samples": pa.schema([("series", pa.int32()), ("time", pa.int64()), ("value", pa.float64())]),
    # every series, numbered from 0 in order: scrape joins those that one scrape reads together
    "series": pa.schema(
        [
            ("series", pa.int32()),
            ("scrape", pa.int32()),
            ("counter", pa.bool_()),
            ("scale", pa.float64()),
            ("minimum", pa.float64()),
            ("maximum", pa.float64()),
        ]
    ),
    # the series of GPUs: which reading of the catalogue (-1: it says only who holds), of which device, naming which
    # pod, or which job (workload) of another scheduler; names_holders: also by naming none
    "gpu_series": pa.schema(
        [
            ("series", pa.int32()),
            ("reading", pa.int32()),
            ("device", pa.int32()),
            *_strings("job", "instance", "gpu", "gpu_model", "gpu_profile", "node"),
            *_strings("namespace", "pod", "exported_namespace", "exported_pod", "pod_uid"),
            *_strings("workload", "workload_kind"),
            ("names_holders", pa.bool_()),
        ]
    ),
    # what tells that a device is faulty, from which value on
    "device_series": pa.schema([("series", pa.int32()), ("device", pa.int32()), ("faulty_from", pa.float64())]),
    # devices by number, and the number of the GPU they are or are cut from; gpu_instance is '' for a whole GPU
    "device_ids": pa.schema([("device", pa.int32()), ("parent", pa.int32()), *_strings("gpu_uuid", "gpu_instance")]),
    # the labels of scrape targets, as ``up`` carries them: an exporter's own pod
    "targets": pa.schema(_strings("job", "instance", "namespace", "pod")),
    # what a scheduler says of nodes; fact: gpus, ready, down, cordoned or drained; knows_holders: whether that
    # scheduler also says who holds which node's GPUs
    "node_series": pa.schema(
        [("series", pa.int32()), *_strings("node", "fact", "resource"), ("knows_holders", pa.bool_())]
    ),
    # whether pods run
    "pod_series": pa.schema([("series", pa.int32()), *_strings("namespace", "pod", "uid")]),
    # what is known of a project (by its name or its namespace's), a pod or a node (kind) beside its GPUs; the parts
    # of a metric that an exporter tells are summed; resource: what is counted, as kube-state-metrics spells it
    "entity_series": pa.schema(
        [
            ("series", pa.int32()),
            *_strings("metric", "kind", "project", "namespace", "pod", "node", "exporter", "part", "resource"),
        ]
    ),
    # facts that hold as long as their pod or node is there
    "requests": pa.schema(
        [
            *_strings("namespace", "pod", "uid", "container", "resource"),
            ("amount", pa.float64()),
            ("is_init", pa.bool_()),
        ]
    ),
    "pod_facts": pa.schema(
        [*_strings("namespace", "pod", "uid", "node", "owner_kind", "owner_name"), ("labels", LABELS)]
    ),
    # when they were made, started and completed (Unix seconds), why they ended (the reason of the highest rank counts),
    # what they request beside GPUs, and what they run
    "pod_times": pa.schema([*_strings("namespace", "pod", "uid", "what"), ("time", pa.float64())]),
    "pod_reasons": pa.schema([*_strings("namespace", "pod", "uid", "reason"), ("rank", pa.int32())]),
    "pod_requests": pa.schema(
        [*_strings("namespace", "pod", "uid", "container", "resource"), ("amount", pa.float64())]
    ),
    "pod_images": pa.schema(_strings("namespace", "pod", "uid", "image")),
    "node_facts": pa.schema([("node", STRING), ("labels", LABELS)]),
    "namespace_facts": pa.schema([("namespace", STRING), ("labels", LABELS)]),
    # whom owners belong to in turn
    "owners": pa.schema(_strings("namespace", "kind", "name", "owner_kind", "owner_name")),
    # whose the jobs of other schedulers are
    "job_facts": pa.schema(_strings("workload_kind", "workload", "name", "user", "account")),
}


@dataclass(frozen=True)
class Inputs:
    """One table per name in SCHEMAS, each in that schema."""

    tables: dict[str, pa.Table]

    @classmethod
    def of_rows(cls, samples: pa.Table, rows: dict[str, list[dict[str, object]]]) -> "Inputs":
        """Tables from rows as dicts; what a row does not name is null, and a table without rows is empty."""
        tables = {
            name: pa.Table.from_pylist(rows.get(name, []), schema=schema)
            for name, schema in SCHEMAS.items()
            if name != "samples"
        }
        return cls(tables | {"samples": samples})
