"""Nodes: each node, its GPUs and what became of them."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import GPUS, chart, ledger_chart, metrics_table, number, stacked, table


def dashboard() -> Dashboard:
    here = chosen("cluster", "node_pool", "node")
    columns = [f"{name}_gpu_hours" for name in ("capacity", "busy", "idle", "held", "free", "unavailable", "unknown")]
    return board(
        "nodes",
        "GPUs: nodes",
        "What each node's GPUs do, what they draw, and when they were not there.",
        ("cluster", "node_pool", "node"),
        (
            number("GPUs", "Whole GPUs, mean over time.", "gpus_capacity", **here).unit(GPUS),
            number("Allocated", "Share of the capacity that workloads hold.", "gpu_allocation_ratio", **here),
            number("Utilization", "Share of the measured time that did work.", "gpu_utilization_ratio", **here),
            number("Unavailable", "GPUs that are down, faulty, cordoned or drained.", "gpus_unavailable", **here).unit(
                GPUS
            ),
            number("Unknown", "GPUs of which not even the allocation is known.", "gpus_unknown", **here).unit(GPUS),
            number("Hottest", "The highest temperature of any GPU.", "gpu_temperature_celsius", stat="max", **here),
            ledger_chart("Where the GPUs are", **here),
            chart("Utilization", "By node.", "gpu_utilization_ratio", by=["node"], **here).max(1),
            stacked("Allocated", "GPUs that workloads hold, by node.", "gpus_allocated", by=["node"], **here),
            chart(
                "Temperature",
                "The highest of any GPU of a node.",
                "gpu_temperature_celsius",
                by=["node"],
                stat="max",
                **here,
            ),
            chart("Power", "Mean of a GPU, by node.", "gpu_power_watts", by=["node"], **here),
            chart("GPU memory", "Share in use, by node.", "gpu_memory_utilization_ratio", by=["node"], **here).max(1),
            chart(
                "Measured",
                "Share of the capacity whose utilization is known, by node.",
                "gpu_coverage_ratio",
                by=["node"],
                **here,
            ).max(1),
            table(
                "Nodes",
                "GPU-hours.",
                "ledger",
                [*columns, "gpu_utilization_ratio", "energy_kwh"],
                "capacity_gpu_hours",
                by=["cluster", "node_pool", "node"],
                **here,
            ),
            metrics_table(
                "GPUs",
                "Means over the time range.",
                "gpu_utilization_ratio",
                "gpu_memory_utilization_ratio",
                "gpu_power_watts",
                "gpu_temperature_celsius",
                by=["node", "gpu", "gpu_model"],
                **here,
            ),
        ),
    )
