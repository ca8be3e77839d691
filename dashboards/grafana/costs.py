"""Costs: what GPU-time, energy and carbon came to, by day and by whom."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana.board import board, chosen
from dashboards.grafana.panels import HALF, amount, days, linked, table


def dashboard() -> Dashboard:
    here = chosen("cluster", "department", "project")
    columns = [
        "allocated_gpu_hours",
        "wasted_gpu_hours",
        "allocated_cost",
        "wasted_cost",
        "energy_kwh",
        "carbon_grams_co2e",
    ]
    return board(
        "costs",
        "GPUs: costs",
        "What was held: in GPU-hours, at the prices of its time, and with the energy and carbon that it took.",
        ("cluster", "department", "project"),
        (
            amount("Allocated", "GPU-hours that workloads held.", "allocated_gpu_hours", **here),
            amount("Wasted", "Those not seen to work.", "wasted_gpu_hours", **here),
            amount("Cost", "Of what was allocated.", "allocated_cost", **here).decimals(2).no_value("no prices"),
            amount("Cost of waste", "Of what was not seen to work.", "wasted_cost", **here)
            .decimals(2)
            .no_value("no prices"),
            amount("Energy", "That the GPUs took.", "energy_kwh", **here),
            amount("Carbon", "CO2e of that energy.", "carbon_grams_co2e", **here).no_value("no intensity"),
            days("GPU-hours by day", "Allocated, by project.", "allocated_gpu_hours", by=["project"], **here),
            days("Cost by day", "Of what was allocated, by project.", "allocated_cost", by=["project"], **here),
            days("Energy by day", "By cluster.", "energy_kwh", by=["cluster"], **here),
            days("Carbon by day", "CO2e, by cluster.", "carbon_grams_co2e", by=["cluster"], **here),
            table(
                "Projects",
                "With what their quota allowed.",
                "ledger",
                [*columns, "quota_gpu_hours", "quota_used_ratio"],
                "allocated_gpu_hours",
                by=["department", "project"],
                **here,
            ).override_by_name("project", [linked("project", "project")]),
            table("Users", "", "ledger", columns, "allocated_gpu_hours", by=["user"], **here).span(HALF),
            table("Models", "", "ledger", columns, "allocated_gpu_hours", by=["gpu_model"], **here).span(HALF),
        ),
    ).time("now-30d", "now")
