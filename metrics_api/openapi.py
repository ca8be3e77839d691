"""OpenAPI: the 3.1 document, generated from the route table."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from metrics_api.document import Document
from metrics_api.endpoint import Endpoint

DESCRIPTION = """\
One ledger for every GPU-second, over all clusters: busy, idle, held, free, unattributed, unavailable, unknown.
Their sum is the capacity.

* allocated = busy + idle + held.
* Utilization of a holder = busy / (busy + idle); of a fleet = (busy + unattributed) / measured.
* Coverage of utilization = measured / capacity. An allocation ratio names its denominator: capacity, or known capacity.
* Missing is never zero: every answer carries its coverage, how fresh each cluster is, and what is missing.
* Ratios run from 0 to 1, units are in the names, times are UTC, intervals are half open.
"""


TAGS = {
    "Access": "Who may ask: tokens, users, service accounts, access keys, access rules, roles, and the audit log.",
    "Clusters": "The clusters that are collected, and how complete what is known of them is.",
    "Departments": "Departments, their quotas and what they used.",
    "Deprecated": "What Run:ai's earlier APIs had; answers say until when it stays, and what takes its place.",
    "Exports": "Whole datasets, streamed.",
    "Grafana": "What Grafana's datasources ask. Sign in with a client id and its secret, or as everywhere.",
    "Health": "Whether the service lives and can answer; its own metrics.",
    "Ledger": "Where every GPU-second went, what it cost, and why it stands where it stands.",
    "Metrics": "Metrics over time and now: of everything by any dimension, and of one thing as Run:ai has it.",
    "Node pools": "Node pools, by cluster.",
    "Nodes": "Nodes, and what is on them.",
    "Projects": "Projects, their quotas and what they used.",
    "Reports": "What was consumed, as CSV.",
    "Telemetry": "One number now, or one for each group, over all clusters.",
    "Waste": "Who held GPUs in vain, and how long workloads waited.",
    "Workloads": "Workloads and their pods: what they are, what they used, and over their life.",
}
"""What the parts of the document are about."""

SIGN_IN = "A token of POST /api/v1/token, or an access key, as it is: tools write Bearer before it themselves."


def describe(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The OpenAPI document of some endpoints."""
    document = Document()
    for endpoint in endpoints:
        document.add(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Metrics API",
            "version": version("metrics-api"),
            "description": DESCRIPTION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The service that this document is from."}],
        "tags": [{"name": tag, "description": TAGS.get(tag, "")} for tag in sorted(document.tags)],
        "paths": document.paths,
        "components": {
            "schemas": dict(sorted(document.schemas.items())),
            "responses": dict(sorted(document.refused.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": SIGN_IN},
                "basic": {"type": "http", "scheme": "basic", "description": "A client id and its secret."},
            },
        },
    }
