"""Deprecations: what will go away, since when that is said, and what to use instead. Everything that says so reads it
here: the headers of answers, the OpenAPI document, and docs/deprecations.md."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

NOTICE = timedelta(days=183)
"""How long after its deprecation anything stays at least: six months."""

VERSIONS = 2
"""In how many versions after the one that deprecates it anything is still there at least."""

POLICY_PAGE = "/api/docs"


@dataclass(frozen=True)
class Deprecation:
    """paths: templates of the routes. since: the day from which it is deprecated; version: the version that says so
    first; sunset: the day on which it may go away; removed_in: the version in which it may."""

    paths: tuple[str, ...]
    what: str
    instead: str
    successor: str
    since: date
    version: str
    sunset: date
    removed_in: str

    def headers(self) -> dict[str, str]:
        """RFC 9745, RFC 8594 and RFC 8288."""
        links = f'<{self.successor}>; rel="successor-version", <{POLICY_PAGE}>; rel="deprecation"; type="text/html"'
        return {
            "Deprecation": f"@{int(midnight(self.since).timestamp())}",
            "Sunset": format_datetime(midnight(self.sunset), usegmt=True),
            "Link": links,
        }

    def text(self) -> str:
        """As the documentation says it."""
        return (
            f"Deprecated since {self.since} (version {self.version}); not before {self.sunset} and version"
            f" {self.removed_in} it goes away. Use {self.instead}."
        )


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


DEPRECATIONS: tuple[Deprecation, ...] = (
    Deprecation(
        paths=(
            "/v1/k8s/clusters/{cluster_uuid}/metrics",
            "/v1/k8s/clusters/{cluster_uuid}/projects/metrics",
            "/v1/k8s/clusters/{cluster_uuid}/projects/{project_id}/metrics",
            "/v1/k8s/clusters/{cluster_uuid}/departments/metrics",
            "/v1/k8s/clusters/{cluster_uuid}/departments/{department_id}/metrics",
        ),
        what="metrics of Run:ai's old control plane",
        instead="the metrics of clusters, projects and departments under /api/v1",
        successor="/api/v1/metrics/range",
        since=date(2026, 11, 21),
        version="0.1",
        sunset=date(2027, 6, 1),
        removed_in="0.4",
    ),
    Deprecation(
        paths=tuple(
            f"{base}/api/v1/{endpoint}"
            for base in ("/api/datasources/proxy/{datasource}", "/grafana/api/datasources/proxy/{datasource}")
            for endpoint in ("query", "query_range")
        ),
        what="PromQL over runai_* series, through Grafana's proxy of datasources",
        instead="/api/v1/metrics/range, or the metrics under /api/v1",
        successor="/api/v1/metrics/range",
        since=date(2026, 11, 21),
        version="0.1",
        sunset=date(2027, 6, 1),
        removed_in="0.4",
    ),
)

BY_PATH: dict[str, Deprecation] = {path: each for each in DEPRECATIONS for path in each.paths}
