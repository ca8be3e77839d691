"""Fleet: all clusters at a glance."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import (
    COLUMNS,
    GPUS,
    HALF,
    TEN,
    amount,
    bars,
    chart,
    ledger_chart,
    linked,
    number,
    stacked,
    table,
)


def dashboard() -> Dashboard:
    here = chosen("cluster")
    columns = ["capacity_gpu_hours", *(f"{name}_gpu_hours" for name in COLUMNS)]
    held = ["allocated_gpu_hours", "busy_gpu_hours", "idle_gpu_hours", "held_gpu_hours"]
    ratios = ["gpu_allocation_ratio", "gpu_utilization_ratio", "gpu_coverage_ratio"]
    return board(
        "fleet",
        "GPUs: fleet",
        "How much of what there is is used, over all clusters, and how much of that is known.",
        ("cluster",),
        (
            number("GPUs", "Whole GPUs, mean over time.", "gpus_capacity", **here).unit(GPUS),
            number("Allocated", "Share of the capacity that workloads hold.", "gpu_allocation_ratio", **here),
            number("Utilization", "Share of the measured GPU-time that did work.", "gpu_utilization_ratio", **here),
            number(
                "Of what is allocated",
                "Share of the allocated and measured GPU-time that did work.",
                "gpu_utilization_of_allocated_ratio",
                **here,
            ),
            number("Measured", "Share of the capacity whose utilization is known.", "gpu_coverage_ratio", **here),
            amount("Energy", "Energy that the GPUs took.", "energy_kwh", **here),
            ledger_chart("Where the GPUs are", **here),
            chart("Utilization", "By cluster.", "gpu_utilization_ratio", by=["cluster"], **here).max(1),
            stacked(
                "Allocated",
                "GPUs that workloads hold, by project: the ten that hold most.",
                "gpus_allocated",
                by=["project"],
                **TEN,
                **here,
            ),
            bars(
                "Utilization by model", "Of the measured time.", "gpu_utilization_ratio", by=["gpu_model"], **here
            ).max(1),
            chart("Power", "Mean of a GPU, by model.", "gpu_power_watts", by=["gpu_model"], **here),
            table(
                "Clusters", "GPU-hours.", "ledger", [*columns, *ratios], "capacity_gpu_hours", by=["cluster"], **here
            ),
            table(
                "Projects", "GPU-hours.", "ledger", [*held, *ratios[1:]], "allocated_gpu_hours", by=["project"], **here
            )
            .override_by_name("project", [linked("project", "project")])
            .span(HALF),
            table("Users", "GPU-hours.", "ledger", held, "allocated_gpu_hours", by=["user"], **here).span(HALF),
        ),
    )
