"""Boards: the dashboards' files, and what Grafana would ask for them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.grafana.files import DASHBOARDS, FOLDER


@dataclass(frozen=True)
class Panel:
    board: str
    title: str
    kind: str
    target: dict[str, Any]
    headings: dict[str, str]
    """What its columns are called that have a name of their own."""
    sorted_by: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.board} {self.title}"


def boards() -> dict[str, dict[str, Any]]:
    return {name: json.loads((FOLDER / name).read_text()) for name in DASHBOARDS}


def panels() -> list[Panel]:
    return list(all_panels())


def all_panels() -> Iterator[Panel]:
    for name, board in boards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                order = tuple(each["displayName"] for each in panel.get("options", {}).get("sortBy", ()))
                yield Panel(name, panel["title"], panel["type"], target, headings_of(panel), order)


def headings_of(panel: dict[str, Any]) -> dict[str, str]:
    return {
        override["matcher"]["options"]: each["value"]
        for override in panel["fieldConfig"].get("overrides") or ()
        for each in override["properties"]
        if each["id"] == "displayName"
    }


def filled_in(payload: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """A payload as simPod's plugin sends it in the builder's mode: variables are filled in, all else is text."""
    return {
        name: [fill(str(item), values) for item in value] if isinstance(value, list) else fill(str(value), values)
        for name, value in payload.items()
    }


def fill(text: str, values: dict[str, str]) -> str:
    return values.get(text.removeprefix("$"), text) if text.startswith("$") else text
