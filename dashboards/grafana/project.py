"""Project: what one project, or a few, hold and do with it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import GPUS, HALF, WHOLE, amount, chart, linked, number, stacked, table


def dashboard() -> Dashboard:
    here = chosen("cluster", "project")
    return board(
        "project",
        "GPUs: project",
        "What projects hold of what they may, and whether it works.",
        ("cluster", "project"),
        (
            number("Allocated", "GPUs that are held, mean over time.", "gpus_allocated", **here).unit(GPUS),
            number("Quota", "GPUs that may be requested.", "gpus_quota", **here).unit(GPUS),
            number(
                "Utilization",
                "Share of the allocated and measured time that did work.",
                "gpu_utilization_of_allocated_ratio",
                **here,
            ),
            number("Memory", "Share of the GPU memory in use.", "gpu_memory_utilization_ratio", **here),
            number("Waiting", "Workloads that wait, mean over time.", "workloads_pending", **here).unit("none"),
            amount("Energy", "Energy that its GPUs took.", "energy_kwh", **here),
            stacked(
                "What is held",
                "Busy, idle, and held without a trustworthy utilization.",
                "gpus_busy",
                "gpus_idle",
                "gpus_held",
                **here,
            ).span(HALF),
            chart(
                "Against the quota",
                "GPUs.",
                "gpus_allocated",
                "gpus_quota",
                by=["project"],
                legend="{{project}} {{metric}}",
                **here,
            ).unit(GPUS),
            stacked("By user", "GPUs that are held.", "gpus_allocated", by=["user"], **here),
            chart(
                "Utilization by user", "Of what they hold.", "gpu_utilization_of_allocated_ratio", by=["user"], **here
            ),
            chart("Waiting and admitted", "Workloads.", "workloads_pending", "workloads_admitted", **here).span(WHOLE),
            table(
                "Workloads",
                "What they held, how it was used, and their state; those that hold most, up to 500.",
                "workload_usage",
                [
                    "workload",
                    "workload_type",
                    "user",
                    "cluster",
                    "state",
                    "queue_seconds",
                    "allocated_gpu_hours",
                    "busy_gpu_hours",
                    "idle_gpu_hours",
                    "held_gpu_hours",
                    "wasted_gpu_hours",
                    "waste_class",
                    "gpu_utilization_ratio",
                ],
                "allocated_gpu_hours",
                limit=500,
                **here,
            ).override_by_name("workload", [linked("job", "workload", "cluster")]),
        ),
    )
