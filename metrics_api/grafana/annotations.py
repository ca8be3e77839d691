"""Annotations: the hours of each cluster that were not collected, to be marked in every panel."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from metrics_api.cache import Kept
from metrics_api.grafana.steps import aligned_to
from metrics_api.inquiry import Inquiry
from queries.question import Asker
from queries.window import HOUR, Window, join_hours, milliseconds

GAPS = "gaps"
"""What an annotation asks for by name."""

LONGEST = 24 * 366
"""The most hours that are marked as one."""


@dataclass(frozen=True)
class Gap:
    """Adjoining hours of a cluster that were not collected."""

    cluster: str
    window: Window

    @property
    def title(self) -> str:
        return f"{self.cluster}: not collected"

    @property
    def text(self) -> str:
        hours = round(self.window.length.total_seconds() / 3600)
        return f"{hours} hour{'s' if hours > 1 else ''} of cluster {self.cluster} are missing from every answer"

    @property
    def tags(self) -> list[str]:
        return [GAPS, self.cluster]


@dataclass(frozen=True)
class GapsQuestion:
    """window: of whole hours. clusters: none stand for all."""

    window: Window
    clusters: tuple[str, ...]


def gaps_of(window: Window, clusters: tuple[str, ...] = ()) -> Inquiry[list[Gap]]:
    return Inquiry.of(list_gaps, GapsQuestion(aligned_to(window, HOUR), clusters))


def list_gaps(asker: Asker, asked: GapsQuestion) -> list[Gap]:
    return list(find_gaps(asker, asked.window, asked.clusters))


def find_gaps(asker: Asker, window: Window, clusters: tuple[str, ...]) -> Iterator[Gap]:
    """What every answer about a window warns of, with the times: the hours up to a cluster's newest that are not
    there."""
    for cluster in asker.clusters():
        if clusters and cluster.name not in clusters:
            continue
        end = min(window.end, cluster.collected_until) if cluster.collected_until else window.end
        if window.start < end:
            begun = Window(window.start, end)
            done = asker.snapshot.revisions(cluster.name, Window(Window.hour_of(begun.start).start, end))
            missing = [hour for hour in begun.hours() if hour.start not in done]
            for run in join_hours(missing, LONGEST):
                yield Gap(cluster.name, Window(run[0].start, run[-1].end))


@dataclass(frozen=True)
class Marked:
    """As annotations are read: a frame of fields with these names, whose times are times."""

    ref_id: str

    def __call__(self, gaps: list[Gap], _: datetime) -> Kept:
        values: dict[str, tuple[str, list[object]]] = {
            "time": ("time", [milliseconds(gap.window.start) for gap in gaps]),
            "timeEnd": ("time", [milliseconds(gap.window.end) for gap in gaps]),
            "title": ("string", [gap.title for gap in gaps]),
            "text": ("string", [gap.text for gap in gaps]),
            "tags": ("string", [",".join(gap.tags) for gap in gaps]),
        }
        fields = [{"name": name, "type": kind, "values": column} for name, (kind, column) in values.items()]
        return Kept(msgspec.json.encode([{"refId": self.ref_id, "name": GAPS, "fields": fields}]), {})


@dataclass(frozen=True)
class Regions:
    """As the old plugins read them. echo: the annotation as they sent it, in JSON."""

    echo: bytes

    def __call__(self, gaps: list[Gap], _: datetime) -> Kept:
        regions = [
            {
                "annotation": msgspec.Raw(self.echo),
                "time": milliseconds(gap.window.start),
                "timeEnd": milliseconds(gap.window.end),
                "isRegion": True,
                "title": gap.title,
                "text": gap.text,
                "tags": gap.tags,
            }
            for gap in gaps
        ]
        return Kept(msgspec.json.encode(regions), {})
