"""Panels: what dashboards ask, of our API, of a Prometheus for each cluster, of one VictoriaMetrics, and of DuckDB.

Each way answers with the same numbers under the same keys. Of several Prometheus servers, sums are asked and put
together, as a user has to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import requests

from queries.lake import Lake
from queries.window import Window, format_time, parse_time
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.site import UTILIZATION

Numbers = Mapping[tuple[str, ...], float]

METRIC = "gpu_graphics_engine_active_ratio"

MINUTE, HOUR, DAY = 60, 3_600, 86_400

NODE = "node-03"


@dataclass(frozen=True)
class Api:
    """Our API."""

    url: str
    session: requests.Session

    def get(self, path: str, window: Window, **parameters: Any) -> Any:
        between = {"start": format_time(window.start), "end": format_time(window.end)}
        answer = self.session.get(f"{self.url}/api/v1/{path}", params=between | parameters, timeout=600)
        answer.raise_for_status()
        return answer.json()


@dataclass(frozen=True)
class Backend:
    """Servers that answer PromQL: all of them are asked at once.

    cluster: the label that tells clusters apart, where one server has them all. beyond: the milliseconds by which a
    range is shorter than the steps in it, since Prometheus 2 takes both its ends. options: what is asked with every
    query.
    """

    urls: Sequence[str]
    names: Sequence[str]
    cluster: str = ""
    beyond: int = 1
    options: tuple[tuple[str, str], ...] = ()

    def over(self, series: str, seconds: float) -> str:
        """A range of so long, up to just before a full minute."""
        return f"{series}[{round(seconds * 1000) - self.beyond}ms]"

    def by(self, *labels: str) -> str:
        return ", ".join((self.cluster, *labels) if self.cluster else labels)

    def only(self, name: str) -> "Backend":
        """What has a cluster."""
        if self.cluster:
            return self
        return Backend([self.urls[self.names.index(name)]], [name], options=self.options)

    def range(self, query: str, window: Window, step: int) -> list[dict[str, Any]]:
        """Each step by its end, without the sample that lies there."""
        start, end = window.start.timestamp() + step - 0.001, window.end.timestamp() - 0.001
        return self._ask("query_range", query=query, start=f"{start:.3f}", end=f"{end:.3f}", step=str(step))

    def instant(self, query: str, time: float) -> list[dict[str, Any]]:
        return self._ask("query", query=query, time=f"{time - 0.001:.3f}")

    def _ask(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """The series of all servers, each with the cluster that it is of."""
        ask = partial(ask_one, path=path, parameters=parameters | dict(self.options))
        with ThreadPoolExecutor(len(self.urls)) as threads:
            answers = list(threads.map(ask, self.urls))
        for name, series in zip(self.names, answers, strict=False):
            for each in series:
                each["cluster"] = each["metric"].get(self.cluster, name)
        return [each for series in answers for each in series]


def ask_one(url: str, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    answer = requests.post(f"{url}/api/v1/{path}", data=parameters, timeout=600)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


@dataclass(frozen=True)
class Panel:
    """A question of a dashboard. bare: the SQL that a user would write over the lake's files; ``$hours`` and ``$samples``
    are the files of hourly and of raw rows."""

    name: str
    ours: Callable[[Api], Numbers]
    theirs: Callable[[Backend], Numbers]
    bare: Callable[[Lake], object]
    is_of_30_days: bool = False


def panels_of(fleet: Fleet) -> list[Panel]:
    whole = fleet.window
    week, day = Window(whole.end - min(7, fleet.days) * DAYS, whole.end), Window(whole.end - DAYS, whole.end)
    cluster = fleet.sites[0].cluster_name
    return [
        Panel(
            f"{fleet.days} days, hourly, by project",
            lambda api: of_series(api.get("metrics/range", whole, metric=METRIC, step="1h", by="project"), "project"),
            lambda backend: mean_over_time(backend, whole, HOUR, "namespace", project_of),
            lambda lake: bare(lake, "hour", whole, by_time(HOUR, "project", RATIO)),
            is_of_30_days=True,
        ),
        Panel(
            f"{fleet.days} days, daily, by cluster",
            lambda api: of_series(api.get("metrics/range", whole, metric=METRIC, step="1d", by="cluster"), "cluster"),
            lambda backend: mean_over_time(backend, whole, DAY, "", lambda series: series["cluster"]),
            lambda lake: bare(lake, "hour", whole, by_time(DAY, "cluster", RATIO)),
            is_of_30_days=True,
        ),
        Panel(
            "24 hours, each GPU of a node",
            lambda api: of_series(
                api.get(
                    "metrics/range",
                    day,
                    metric=METRIC,
                    step="5m",
                    by="gpu",
                    where=f"cluster=={cluster},node=={NODE}",
                ),
                "gpu",
            ),
            lambda backend: node_over_time(backend.only(cluster), day, cluster),
            lambda lake: bare(
                lake,
                "raw",
                day,
                by_time(5 * MINUTE, "gpu_uuid", RAW_RATIO, f"cluster = '{cluster}' and node = '{NODE}'"),
            ),
        ),
        Panel(
            "7 days, the 20 workloads with the most idle time",
            lambda api: {
                (row["cluster"], row["workload"]): row["idle_gpu_hours"]
                for row in api.get("workload-usage", week, order_by="idle_gpu_hours", limit="20")["data"]
            },
            lambda backend: idlest(backend, week),
            lambda lake: bare(
                lake,
                "hour",
                week,
                "select cluster, workload, sum(idle_seconds) / 3600 as idle from ledger"
                " group by all order by idle desc limit 20",
            ),
        ),
        Panel(
            f"{fleet.days} days, GPU-hours by project and user",
            lambda api: {
                (row["project"], row["user"]): row["allocated_gpu_hours"]
                for row in api.get("ledger", whole, by="project,user", columns="allocated_gpu_hours")["data"]
            },
            lambda backend: gpu_hours(backend, whole),
            lambda lake: bare(
                lake,
                "hour",
                whole,
                'select project, "user", sum(busy_seconds + idle_seconds + held_seconds) / 3600'
                " from ledger group by all order by all",
            ),
            is_of_30_days=True,
        ),
        Panel(
            f"{week.length.days} days, daily 95th percentile by GPU model",
            lambda api: of_series(
                api.get("metrics/range", week, metric=METRIC, step="1d", by="gpu_model", stat="p95"), "gpu_model"
            ),
            lambda backend: percentiles(backend, week),
            lambda lake: bare(
                lake,
                "raw",
                week,
                by_time(DAY, "gpu_model", "quantile_disc(gpu_utilization_ratio_max, 0.95)"),
            ),
        ),
    ]


DAYS = pd.Timedelta(days=1).to_pytimedelta()

RATIO = "sum(gpu_graphics_engine_active_ratio_integral) / sum(gpu_graphics_engine_active_ratio_seconds)"

RAW_RATIO = "sum(gpu_utilization_ratio_max * capacity_seconds) / sum(capacity_seconds)"


def by_time(step: int, column: str, value: str, where: str = "true") -> str:
    bucket = f"epoch(time)::bigint // {step} * {step}"
    return f"select {bucket} as bucket, {column}, {value} from ledger where {where} group by all order by all"


def bare(lake: Lake, layer: str, window: Window, sql: str) -> object:
    """Ask DuckDB about the files themselves."""
    files = lake.snapshot().paths(layer, window)
    ledger = "select * from read_parquet($files, hive_partitioning = true) where time >= $start and time < $end"
    with duckdb.connect() as connection:
        return connection.execute(
            f"with ledger as ({ledger}) {sql}", {"files": files, "start": window.start, "end": window.end}
        ).fetchall()


def of_series(answer: Any, dimension: str) -> Numbers:
    """By group and Unix second."""
    times = [str(int(parse_time(time).timestamp())) for time in answer["time"]]
    return {
        (series["by"][dimension], time): value
        for series in answer["series"]
        for time, value in zip(times, series["metrics"][METRIC], strict=True)
        if value is not None
    }


def project_of(series: Mapping[str, Any]) -> str:
    return str(series["metric"]["namespace"]).removeprefix("runai-")


def mean_over_time(
    backend: Backend, window: Window, step: int, label: str, name: Callable[[Mapping[str, Any]], str]
) -> Numbers:
    """The mean of all samples of a group in each step, whichever servers have them."""
    over, by = backend.over(UTILIZATION, step), f"by ({label})" if label else f"by ({backend.cluster})"
    sums, counts = (
        added(backend.range(f"sum {by} ({function}({over}))", window, step), step, name)
        for function in ("sum_over_time", "count_over_time")
    )
    return {key: value / counts[key] for key, value in sums.items()}


def added(found: Iterable[Mapping[str, Any]], step: int, name: Callable[[Mapping[str, Any]], str]) -> Numbers:
    """By name and the Unix second at which each step begins."""
    sums: dict[tuple[str, ...], float] = {}
    for series in found:
        for time, value in series["values"]:
            key = name(series), str(round(time + 0.001) - step)
            sums[key] = sums.get(key, 0.0) + float(value)
    return sums


def node_over_time(backend: Backend, window: Window, cluster: str) -> Numbers:
    step = 5 * MINUTE
    where = f'Hostname="{NODE}"' + (f', {backend.cluster}="{cluster}"' if backend.cluster else "")
    over = backend.over(f"{UTILIZATION}{{{where}}}", step)
    query = f"sum by (UUID) (sum_over_time({over})) / sum by (UUID) (count_over_time({over}))"
    return added(backend.range(query, window, step), step, lambda series: str(series["metric"]["UUID"]))


def idlest(backend: Backend, window: Window) -> Numbers:
    over = backend.over(UTILIZATION, window.length.total_seconds())
    by = backend.by("pod")
    query = f"topk(20, (sum by ({by}) (count_over_time({over})) - sum by ({by}) (sum_over_time({over}))) / 60)"
    found = {
        (series["cluster"], series["metric"]["pod"].removesuffix("-0")): float(series["value"][1])
        for series in backend.instant(query, window.end.timestamp())
    }
    return dict(sorted(found.items(), key=lambda each: -each[1])[:20])


def gpu_hours(backend: Backend, window: Window) -> Numbers:
    shown, labels = (backend.over(each, window.length.total_seconds()) for each in (UTILIZATION, "kube_pod_labels"))
    pod = backend.by("namespace", "pod")
    query = (
        f"sum by (namespace, label_user) (count_over_time({shown}) * on ({pod}) group_left (label_user)"
        f" max by ({pod}, label_user) (last_over_time({labels}))) / 60"
    )
    sums: dict[tuple[str, ...], float] = {}
    for series in backend.instant(query, window.end.timestamp()):
        key = project_of(series), series["metric"]["label_user"]
        sums[key] = sums.get(key, 0.0) + float(series["value"][1])
    return sums


def percentiles(backend: Backend, window: Window) -> Numbers:
    """No query tells a percentile of all samples of many series: they are read, and the client computes it."""
    found: dict[tuple[str, ...], float] = {}
    for day in window.split(DAYS):
        shown: dict[str, list[Any]] = {}
        for series in backend.instant(backend.over(UTILIZATION, DAY), day.end.timestamp()):
            values = np.array([value for _, value in series["values"]], dtype=float)
            shown.setdefault(series["metric"]["modelName"], []).append(values)
        for model, values_of in shown.items():
            least = np.quantile(np.concatenate(values_of), 0.95, method="inverted_cdf")
            found[model, str(int(day.start.timestamp()))] = float(least)
    return found
