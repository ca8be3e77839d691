"""Panels: what each generation of the datasource plugins posts, as it was captured from them."""

from typing import Any

FOUR_HOURS = {
    "from": "2025-03-03T00:00:00.000Z",
    "to": "2025-03-03T04:00:00.000Z",
    "raw": {"from": "now-4h", "to": "now"},
}
"""All that the lake of tests/served.py holds."""


def simpod_6(target: str, payload: object, **more: object) -> dict[str, Any]:
    """The whole request of simPod's datasource 0.6 on Grafana 10 and later."""
    return {
        "app": "dashboard",
        "requestId": "Q1",
        "panelId": 2,
        "dashboardUID": "abc",
        "timezone": "browser",
        "range": FOUR_HOURS,
        "interval": "30s",
        "intervalMs": 30_000,
        "maxDataPoints": 5,
        "scopedVars": {
            "cluster": {"selected": False, "text": ["All"], "value": ["alpha", "beta"]},
            "__interval": {"text": "30s", "value": "30s"},
        },
        "filters": [],
        "targets": [
            {
                "refId": "A",
                "target": target,
                "payload": payload,
                "editorMode": "code",
                "datasource": {"type": "simpod-json-datasource", "uid": "u"},
            }
        ],
        **more,
    }


def simpod_1(target: str, kind: str, data: object) -> dict[str, Any]:
    return {
        "panelId": "Q-1599",
        "range": FOUR_HOURS,
        "rangeRaw": FOUR_HOURS["raw"],
        "intervalMs": 30_000,
        "maxDataPoints": 5,
        "adhocFilters": [],
        "targets": [{"refId": "A", "target": target, "hide": False, "type": kind, "data": data}],
    }


def simple_json(target: str, kind: str) -> dict[str, Any]:
    request = simpod_1(target, kind, None)
    del request["targets"][0]["data"]
    return request
