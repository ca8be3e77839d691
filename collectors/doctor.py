"""Doctor: what each cluster has, what it lacks, and what that costs its owner."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from collectors.checks import CHECKS, CHECKS_OF_LAKE
from collectors.collect import Clock, now
from collectors.examination import Examination, Spoken
from collectors.finding import SEVERITIES, Check, Finding
from collectors.prometheus import PrometheusError
from collectors.registry import Registry
from collectors.server import Server
from queries.lake import Lake, LakeError
from queries.settings import Cluster, Settings

Advance = Callable[[str], None]
"""Told with the cluster's name whenever a check of it is done."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found of one cluster. findings: the worst first, then as CHECKS has them. server: None where it cannot
    be reached; data_since: None where it has no hour to collect."""

    cluster: Cluster
    findings: tuple[Finding, ...]
    server: Server | None = None
    data_since: datetime | None = None
    spoken: tuple[Spoken, ...] = ()

    @property
    def is_collectable(self) -> bool:
        return not has_errors(self.findings)


@dataclass(frozen=True)
class Report:
    """lake: what was found of it. clusters: in the order of the settings."""

    lake: tuple[Finding, ...]
    clusters: tuple[Diagnosis, ...]

    @property
    def is_collectable(self) -> bool:
        return not has_errors(self.lake) and all(each.is_collectable for each in self.clusters)


def diagnose(
    settings: Settings,
    clusters: Sequence[Cluster],
    advance: Advance = lambda _: None,
    clock: Clock = now,
    every: Sequence[Cluster] | None = None,
) -> Report:
    """Examine the lake, and clusters, all at once, each by itself. Nothing is written, neither to them nor to the lake.
    every: all that are collected; without it, those of the settings.

    Raises:
        LakeError: store.path names nothing that can hold a lake.
    """
    lake, registry = Lake(settings.store.path), Registry(settings.clusters if every is None else every, clock)

    def examine(cluster: Cluster) -> Diagnosis:
        try:
            examination = Examination(cluster, settings, lake, registry, clock)
            data_since = examination.data_since
            spoken = tuple(examination.spoken)
        except PrometheusError as error:
            return Diagnosis(cluster, (unreachable(error),))
        findings = (finding for check in CHECKS for finding in told(check, examination, advance))
        return Diagnosis(cluster, worst_first(findings), examination.server, data_since, spoken)

    of_lake = worst_first(finding for check in CHECKS_OF_LAKE for finding in check.findings(lake))
    with ThreadPoolExecutor(max(1, len(clusters))) as pool:
        return Report(of_lake, tuple(pool.map(examine, clusters)))


def has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def told(check: Check[Examination], examination: Examination, advance: Advance) -> list[Finding]:
    try:
        return check.findings(examination)
    except (PrometheusError, LakeError) as error:
        return [Finding("warning", str(error), "this could not be looked at", "see to this first", check.name)]
    finally:
        advance(examination.cluster.name)


def unreachable(error: PrometheusError) -> Finding:
    return Finding("error", str(error), "nothing is collected", "put this right, then ask again", "unreachable")


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
