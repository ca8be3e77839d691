"""Fleet: all clusters at a glance."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import GPUS, HALF, bars, chart, ledger_chart, linked, number, stacked, table

LEDGER = ("capacity", "busy", "idle", "held", "free", "unattributed", "unavailable", "unknown")


def dashboard() -> Dashboard:
    here = chosen("cluster")
    columns = [f"{name}_seconds" for name in LEDGER]
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
            number("Energy", "Energy that the GPUs took.", "gpu_energy_joules", **here),
            ledger_chart("Where the GPUs are", **here),
            chart("Utilization", "By cluster.", "gpu_utilization_ratio", by=["cluster"], **here),
            stacked("Allocated", "GPUs that workloads hold, by project.", "gpus_allocated", by=["project"], **here),
            bars(
                "Utilization by model", "Of the measured time.", "gpu_utilization_ratio", by=["gpu_model"], **here
            ).max(1),
            chart("Power", "Mean of a GPU, by model.", "gpu_power_watts", by=["gpu_model"], **here),
            table("Clusters", "GPU-time.", "ledger", by=["cluster"], columns=[*columns, *ratios], **here),
            table(
                "Projects",
                "GPU-time.",
                "ledger",
                by=["project"],
                columns=[*columns[1:4], "allocated_gpu_hours", *ratios[1:]],
                **here,
            )
            .override_by_name("project", [linked("project", "project")])
            .span(HALF),
            table(
                "Users", "GPU-time.", "ledger", by=["user"], columns=[*columns[1:4], "allocated_gpu_hours"], **here
            ).span(HALF),
        ),
    )
