"""Waste: what is held and does nothing, and by whom."""

from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import GPUS, bars, linked, number, stacked, table


def dashboard() -> Dashboard:
    here = chosen("cluster", "project")
    columns = [
        "idle_seconds",
        "held_seconds",
        "busy_seconds",
        "allocated_gpu_hours",
        "gpu_utilization_ratio",
        "energy_joules",
    ]
    return board(
        "waste",
        "GPUs: waste",
        "What is held and seen not to work (idle), of what nobody can tell (held), and what is free meanwhile.",
        ("cluster", "project"),
        (
            number("Idle", "GPUs that are held and do not work, mean over time.", "gpus_idle", **here).unit(GPUS),
            number("Held", "GPUs that are held without a trustworthy utilization.", "gpus_held", **here).unit(GPUS),
            number("Free", "GPUs that nobody holds.", "gpus_free", **chosen("cluster")).unit(GPUS),
            number("Waiting", "Workloads that wait meanwhile.", "workloads_pending", **here).unit("none"),
            number(
                "Unavailable",
                "GPUs that are down, faulty, cordoned or drained.",
                "gpus_unavailable",
                **chosen("cluster"),
            ).unit(GPUS),
            number(
                "Unattributed", "GPUs that work for nobody who can be named.", "gpus_unattributed", **chosen("cluster")
            ).unit(GPUS),
            stacked("Idle by project", "GPUs.", "gpus_idle", by=["project"], **here),
            stacked("Idle by user", "GPUs.", "gpus_idle", by=["user"], **here),
            bars("Idle by model", "GPUs, mean over time.", "gpus_idle", by=["gpu_model"], **here).unit(GPUS),
            bars(
                "Memory use by model",
                "Share of the GPU memory: a smaller GPU may do.",
                "gpu_memory_utilization_ratio",
                by=["gpu_model"],
                **here,
            ).max(1),
            table(
                "Workloads",
                "GPU-time; sorted by what was idle.",
                "ledger",
                by=["workload", "project", "user", "cluster"],
                columns=columns,
                **here,
            )
            .override_by_name("workload", [linked("job", "workload")])
            .override_by_name("project", [linked("project", "project")])
            .sort_by([TableSortByFieldState().display_name("idle_seconds").desc(True)]),
        ),
    )
