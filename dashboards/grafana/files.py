"""Files: every dashboard as Grafana provisions and imports it."""

import json
from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.grafana import costs, fleet, job, nodes, project, waste

FOLDER = Path(__file__).parent

DASHBOARDS: dict[str, Callable[[], Dashboard]] = {
    "fleet.json": fleet.dashboard,
    "project.json": project.dashboard,
    "job.json": job.dashboard,
    "waste.json": waste.dashboard,
    "costs.json": costs.dashboard,
    "nodes.json": nodes.dashboard,
}


def texts() -> dict[str, str]:
    """The text of each file, by its name."""
    return {
        name: json.dumps(make().build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for name, make in DASHBOARDS.items()
    }
