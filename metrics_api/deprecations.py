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
    """since: the day from which it is deprecated, and version the one that says so first; sunset: the day on which it
    may go away, and removed_in the version in which it may; successor: the path that takes its place."""

    since: date
    sunset: date
    successor: str
    what: str
    instead: str
    version: str = "0.1"
    removed_in: str = "0.4"

    def __str__(self) -> str:
        return (
            f"Deprecated since {self.since} (version {self.version}), and gone on {self.sunset} and in version"
            f" {self.removed_in} at the earliest; use {self.instead}."
        )

    def headers(self) -> dict[str, str]:
        """RFC 9745, RFC 8594 and RFC 8288."""
        links = f'<{self.successor}>; rel="successor-version", <{POLICY_PAGE}>; rel="deprecation"; type="text/html"'
        return {
            "Deprecation": f"@{int(midnight(self.since).timestamp())}",
            "Sunset": format_datetime(midnight(self.sunset), usegmt=True),
            "Link": links,
        }


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


SINCE, SUNSET = date(2026, 11, 1), date(2027, 6, 1)

OLD_TOKENS = Deprecation(SINCE, SUNSET, "/api/v1/token", "tokens of Run:ai's old control plane", "POST /api/v1/token")

OLD_APPS = Deprecation(
    SINCE, SUNSET, "/api/v1/service-accounts", "applications", "service accounts, at /api/v1/service-accounts"
)

OLD_ROLES = Deprecation(
    SINCE, SUNSET, "/api/v2/authorization/roles", "the first form of the list of roles", "/api/v2/authorization/roles"
)

OLD_METRICS = Deprecation(
    SINCE,
    SUNSET,
    "/api/v1/metrics/range",
    "metrics of Run:ai's old control plane",
    "the metrics of clusters, projects and departments under /api/v1",
)

OLD_CLUSTERS = Deprecation(
    SINCE,
    SUNSET,
    "/api/v1/clusters",
    "the lists of Run:ai's old control plane",
    "/api/v1/clusters, /api/v1/org-unit/projects, /api/v1/org-unit/departments and /api/v1/node-pools",
)

OLD_NODES = Deprecation(
    SINCE, SUNSET, "/api/v1/nodes", "the nodes of one cluster", "/api/v1/nodes?filterBy=clusterUuid==..."
)

OLD_PROMQL = Deprecation(
    SINCE,
    SUNSET,
    "/api/v1/metrics/range",
    "PromQL over runai_* series, through Grafana's proxy of datasources",
    "/api/v1/metrics/range, or the metrics of clusters, nodes, projects and workloads under /api/v1",
)

DEPRECATIONS: tuple[Deprecation, ...] = (
    OLD_TOKENS,
    OLD_APPS,
    OLD_ROLES,
    OLD_METRICS,
    OLD_CLUSTERS,
    OLD_NODES,
    OLD_PROMQL,
)
