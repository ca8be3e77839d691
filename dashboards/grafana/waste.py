"""Waste: what is held and does nothing, and by whom."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import GPUS, HALF, TEN, amount, bars, linked, number, stacked, table


def dashboard() -> Dashboard:
    here = chosen("cluster", "project")
    return board(
        "waste",
        "GPUs: waste",
        "What is held and seen not to work (idle), of what nobody can tell (held), and what is free meanwhile.",
        ("cluster", "project"),
        (
            amount("Idle or held", "GPU-hours that were held and not seen to work.", "wasted_gpu_hours", **here),
            amount("Its cost", "At the prices of its time.", "wasted_cost", **here).decimals(2).no_value("no prices"),
            number("Idle", "GPUs that are held and do not work, mean over time.", "gpus_idle", **here).unit(GPUS),
            number("Held", "GPUs that are held without a trustworthy utilization.", "gpus_held", **here).unit(GPUS),
            number("Free", "GPUs that nobody holds.", "gpus_free", **chosen("cluster")).unit(GPUS),
            number("Waiting", "Workloads that wait meanwhile.", "workloads_pending", **here).unit("none"),
            stacked("Idle by project", "GPUs.", "gpus_idle", by=["project"], **TEN, **here),
            stacked("Idle by user", "GPUs.", "gpus_idle", by=["user"], **TEN, **here),
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
                "Who held GPUs in vain, in which way, and how that is known; the most GPU-hours first.",
                "waste",
                [
                    "class",
                    "workload",
                    "workload_type",
                    "project",
                    "user",
                    "cluster",
                    "wasted_gpu_hours",
                    "allocated_gpu_hours",
                    "gpus",
                    "gpu_utilization_ratio",
                    "gpu_memory_utilization_ratio_max",
                    "gpu_power_watts",
                    "last_activity",
                ],
                limit=500,
                **here,
            )
            .override_by_name("workload", [linked("job", "workload", "cluster")])
            .override_by_name("project", [linked("project", "project")]),
            table(
                "Projects",
                "GPU-hours that were held in vain, by class.",
                "waste",
                ["project", "class", "wasted_gpu_hours", "allocated_gpu_hours", "workloads", "gpus"],
                by=["project"],
                **here,
            )
            .override_by_name("project", [linked("project", "project")])
            .span(HALF),
            table(
                "Who waits",
                "How long the workloads had waited that began, and how many still wait.",
                "queue_waits",
                [
                    "project",
                    "waits",
                    "queue_seconds_mean",
                    "queue_seconds_p50",
                    "queue_seconds_p90",
                    "queue_seconds_max",
                    "still_waiting",
                    "still_waiting_seconds_max",
                ],
                by=["project"],
                **here,
            )
            .override_by_name("project", [linked("project", "project")])
            .span(HALF),
        ),
    )
