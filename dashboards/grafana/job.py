"""Job: one workload, GPU by GPU."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import GPUS, amount, chart, number, stacked, table


def dashboard() -> Dashboard:
    here = chosen("cluster", "project", "workload")
    per_gpu: dict[str, object] = {"by": ["node", "gpu"], "legend": "{{node}} {{gpu}}", **here}
    return board(
        "job",
        "GPUs: job",
        "What a workload does with each GPU that it holds.",
        ("cluster", "project", "workload"),
        (
            number("Allocated", "GPUs that it holds, mean over time.", "gpus_allocated", **here).unit(GPUS),
            number(
                "Utilization", "Share of the measured time that did work.", "gpu_utilization_of_allocated_ratio", **here
            ),
            number("Memory", "Share of the GPU memory in use.", "gpu_memory_utilization_ratio", **here),
            number("Tensor cores", "Share of cycles in which they were active.", "gpu_tensor_active_ratio", **here),
            number("Power", "Mean of a GPU.", "gpu_power_watts", **here),
            amount("Energy", "Energy that its GPUs took.", "energy_kwh", **here),
            chart("Utilization", "Of each GPU.", "gpu_utilization_ratio", **per_gpu).max(1),
            chart("GPU memory", "In use on each GPU.", "gpu_memory_used_bytes", **per_gpu),
            chart(
                "Engines",
                "How busy each part of its GPUs is.",
                "gpu_graphics_engine_active_ratio",
                "gpu_tensor_active_ratio",
                "gpu_dram_active_ratio",
                **here,
            ).max(1),
            chart("Power", "Of each GPU.", "gpu_power_watts", **per_gpu),
            stacked(
                "What it holds",
                "Busy, idle, and held without a trustworthy utilization.",
                "gpus_busy",
                "gpus_idle",
                "gpus_held",
                **here,
            ),
            chart("Temperature", "Of each GPU.", "gpu_temperature_celsius", **per_gpu),
            table(
                "Life",
                "What it held, how it was used, and its state.",
                "workload_usage",
                [
                    "workload",
                    "workload_type",
                    "cluster",
                    "project",
                    "user",
                    "state",
                    "started_at",
                    "ended_at",
                    "queue_seconds",
                    "allocated_gpu_hours",
                    "wasted_gpu_hours",
                    "waste_class",
                    "efficiency_ratio",
                    "gpu_utilization_ratio",
                ],
                **here,
            ).height(6),
            table(
                "GPUs",
                "GPU-hours.",
                "ledger",
                ["busy_gpu_hours", "idle_gpu_hours", "held_gpu_hours", "energy_kwh", "gpu_utilization_ratio"],
                "busy_gpu_hours",
                by=["node", "gpu", "gpu_model"],
                **here,
            ),
        ),
    )
