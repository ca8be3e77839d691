"""Units: what each column is measured in, from the catalogue or from the column's own name."""

import pyarrow as pa

from queries.catalogue import METRICS

ENDINGS = {
    "_seconds": "seconds",
    "_joules": "joules",
    "_kwh": "kWh",
    "_grams_co2e": "grams CO2e",
    "_bytes": "bytes",
    "_ratio": "ratio",
    "_gpu_hours": "gpu hours",
    "_gpus": "gpus",
    "cpu_cores_requested": "cores",
    "memory_bytes_requested": "bytes",
}


def unit_of(column: str) -> str | None:
    """The unit of a column; None where it has none. A series of a metric is named ``metric{...}``."""
    name = column.partition("{")[0]
    for ending, prefix in (("", ""), ("_min", ""), ("_max", ""), ("_integral", "seconds x ")):
        metric = METRICS.get(name.removesuffix(ending))
        if metric and name.endswith(ending):
            return prefix + metric.entry.unit
    return next((unit for ending, unit in ENDINGS.items() if name.endswith(ending)), None)


def with_units(schema: pa.Schema) -> pa.Schema:
    """The same schema, each field's unit in its metadata as ``unit``."""
    fields = [
        field.with_metadata({"unit": unit}) if (unit := unit_of(field.name)) else field.remove_metadata()
        for field in schema
    ]
    return pa.schema(fields, schema.metadata)
