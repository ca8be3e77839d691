"""Sketch: the booking's input, drawn by hand: GPUs, nodes and pods with a value a minute, without a Prometheus."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pyarrow as pa

from queries.catalogue import GAUGES, READINGS
from queries.datasets import WHAT, WHEN
from queries.ledger.book import Booked, book
from queries.ledger.inputs import SCHEMAS, Inputs
from queries.ledger.steps import booked
from queries.settings import Cluster
from queries.window import HOUR, Window, milliseconds

START = datetime(2025, 3, 3, tzinfo=UTC)
HOUR_LONG = 60
GRAPHICS_ENGINE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"

Values = float | Sequence[float | None]
"""One value for every minute, or one for each."""


@dataclass
class Sketch:
    """Series as they are drawn, numbered as they come. All times are minutes since START."""

    cluster: Cluster = field(default_factory=lambda: Cluster(name="sketch", prometheus="http://127.0.0.1:1"))
    minutes: int = HOUR_LONG
    start: datetime = START
    rows: dict[str, list[dict[str, object]]] = field(default_factory=lambda: defaultdict(list))
    samples: list[tuple[int, int, float]] = field(default_factory=list)
    devices: dict[tuple[str, str], int] = field(default_factory=dict)
    parents: dict[str, int] = field(default_factory=dict)

    def gpu(
        self,
        uuid: str,
        node: str,
        values: Values,
        series: str = GRAPHICS_ENGINE,
        pod: str | None = None,
        instance: str = "",
        profile: str | None = None,
    ) -> None:
        """A series of a GPU, or of a MIG instance of it, that names a pod or none."""
        reading = READINGS["dcgm", series]
        self._series(
            values,
            "gpu_series",
            {
                "reading": reading.number,
                "device": self.device(uuid, instance),
                "job": "dcgm",
                "instance": node,
                "gpu_model": "NVIDIA H100",
                "gpu_profile": profile,
                "node": node,
                "namespace": "team" if pod else None,
                "pod": pod,
            },
            reading.source.scale,
            reading.source.range,
            reading.source.counter,
        )

    def fault(self, uuid: str, values: Values) -> None:
        """How many errors a GPU had that take it out of work."""
        self._series(values, "device_series", {"device": self.device(uuid), "faulty_from": 1.0})

    def device(self, uuid: str, instance: str = "") -> int:
        key = (uuid, instance)
        if key not in self.devices:
            self.devices[key] = len(self.devices) + 1
            parent = self.parents.setdefault(uuid, len(self.parents) + 1)
            ids = {"device": self.devices[key], "parent": parent, "gpu_uuid": uuid, "gpu_instance": instance}
            self.rows["device_ids"].append(ids)
        return self.devices[key]

    def node(self, node: str, values: Values, fact: str = "gpus", resource: str = "nvidia_com_gpu") -> None:
        """What the scheduler says of a node: how many GPUs it has, whether it is ready or cordoned."""
        self._series(
            values,
            "node_series",
            {"node": node, "fact": fact, "resource": resource if fact == "gpus" else "", "knows_holders": True},
        )

    def pod(
        self, pod: str, node: str, amount: float, running: Values = 1.0, resource: str = "nvidia_com_gpu", **labels: str
    ) -> None:
        """A pod that requests GPUs, and when it runs."""
        name = {"namespace": "team", "pod": pod, "uid": f"uid-{pod}"}
        self._series(running, "pod_series", name)
        self.rows["requests"].append(name | {"container": "main", "resource": resource, "amount": amount})
        self.rows["pod_facts"].append(
            name | {"node": node, "labels": [(f"label_{key}", labels[key]) for key in labels]}
        )

    def quota(self, project: str, gpus: Values) -> None:
        """How many GPUs a project may request."""
        self._series(
            gpus,
            "entity_series",
            {"metric": "gpus_quota", "kind": "project", "project": project, "exporter": "kube_state", "part": ""},
        )

    def inputs(self) -> Inputs:
        columns = list(zip(*sorted(self.samples), strict=True)) or [(), (), ()]
        samples = pa.table([pa.array(column) for column in columns], names=SCHEMAS["samples"].names)
        return Inputs.of_rows(samples.cast(SCHEMAS["samples"]), self.rows)

    def book(self, hours: int = 1, first: int = 0, as_of: datetime | None = None) -> Booked:
        """Book some hours, from one on; long after they ended, unless another time is given."""
        window = Window(self.start + first * HOUR, self.start + (first + hours) * HOUR)
        with duckdb.connect(config={"threads": 1}) as connection:
            return book(connection, self.cluster, window, as_of or self.start + timedelta(days=2), self.inputs())

    def rows_booked(self, hours: int = 1) -> pd.DataFrame:
        return booked_frame(self.book(hours).raw)

    def _series(
        self,
        values: Values,
        table: str,
        row: Mapping[str, object],
        scale: float = 1.0,
        valid: tuple[float, float] = (0, 1e9),
        counter: bool = False,
    ) -> None:
        number = len(self.rows["series"])
        self.rows["series"].append(
            {
                "series": number,
                "scrape": 0,
                "counter": counter,
                "scale": scale,
                "minimum": valid[0],
                "maximum": valid[1],
            }
        )
        self.rows[table].append({**row, "series": number})
        drawn = values if isinstance(values, Sequence) else [values] * self.minutes
        for minute, value in enumerate(drawn):
            if value is not None:
                self.samples.append((number, milliseconds(self.start + timedelta(minutes=minute)), float(value)))


def booked_frame(raw: pa.Table) -> pd.DataFrame:
    """Raw rows with their seconds in columns, names as text, and the minute since START."""
    keys = tuple(f'"{name}"' for name, _ in WHEN + WHAT)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("stored", raw)
        table = connection.sql(booked("stored", keys, list(GAUGES))).to_arrow_table()
    plain = pa.table({name: decoded(column) for name, column in zip(table.column_names, table.columns, strict=True)})
    frame: pd.DataFrame = plain.to_pandas()
    frame["minute"] = ((frame["time"] - pd.Timestamp(START)).dt.total_seconds() // 60).astype(int)
    return frame


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
