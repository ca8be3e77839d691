"""A doctor's report, for people at a console and for machines."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from collectors.doctor import Diagnosis, Report
from collectors.examination import Spoken
from collectors.finding import SEVERITIES, Finding, Severity, so_many
from collectors.server import Server
from queries.duration import format_duration
from queries.window import format_time

LABELS = len("warning")

STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "cyan", "ok": "green"}


def print_report(report: Report, console: Console) -> None:
    for diagnosis in report.clusters:
        console.print(rendered(diagnosis))
    console.print(Group(Text("lake", "bold"), *blocks(report.lake), Text("")))
    console.print(counted(report))


def rendered(diagnosis: Diagnosis) -> RenderableType:
    title = Text.assemble((diagnosis.cluster.name, "bold"), f"  {diagnosis.cluster.prometheus}")
    parts: list[RenderableType] = [title]
    if diagnosis.server:
        parts.append(indented(Text(told_of_server(diagnosis, diagnosis.server))))
    if diagnosis.spoken:
        parts += [Text(""), indented(table_of(diagnosis.spoken)), Text("")]
    return Group(*parts, *blocks(diagnosis.findings), Text(""))


def blocks(findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """What is to be looked at one by one; of what is fine, how much there is."""
    ailments = [finding for finding in findings if finding.severity != "ok"]
    yield from (indented(block(finding)) for finding in ailments)
    fine = len(findings) - len(ailments)
    if fine:
        yield indented(row_of("ok", Text(f"{so_many(fine, 'check')}, which --json lists", "dim"), STYLES["ok"]))


def block(finding: Finding) -> RenderableType:
    """What there is, and below it what it costs and what to do."""
    parts = [row_of(finding.severity, Text(printable(finding.what)), STYLES[finding.severity])]
    for label, text in (("costs", finding.cost), ("do", finding.fix)):
        if text:
            parts.append(row_of(label, Text(printable(text)), "dim"))
    return Group(*parts)


def printable(text: str) -> str:
    """What names a cluster's nodes have is not ours: none may steer the terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def row_of(label: str, text: Text, style: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=LABELS)
    grid.add_column()
    grid.add_row(Text(label, style), text)
    return grid


def indented(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2), expand=False)


def told_of_server(diagnosis: Diagnosis, server: Server) -> str:
    since = (
        f"hours to collect since {format_time(diagnosis.data_since)}" if diagnosis.data_since else "no hour to collect"
    )
    name = f"{server.product} {server.version}".strip()
    return f"{name}, answers in {server.latency_seconds * 1000:.0f} ms, {since}"


def table_of(spoken: Sequence[Spoken]) -> Table:
    table = Table("vocabulary", box=None, padding=(0, 3, 0, 0), header_style="dim")
    for name in ("series", "GPUs", "nodes", "every"):
        table.add_column(name, justify="right")
    table.add_column("names holders in")
    for each in spoken:
        table.add_row(
            each.title,
            f"{each.series:,}",
            number(each.gpus),
            number(each.nodes),
            length(each.interval),
            ", ".join(each.holders),
        )
    return table


def number(count: int) -> str:
    return f"{count:,}" if count else ""


def length(interval: timedelta | None) -> str:
    return format_duration(timedelta(seconds=max(1, round(interval.total_seconds())))) if interval else ""


def report_as_json(report: Report) -> str:
    """One object: what was found of the lake, and per cluster what answers, what is spoken, and what was found; ``ok``
    included."""
    lake = [asdict(finding) for finding in report.lake]
    return json.dumps({"lake": lake, "clusters": [as_object(diagnosis) for diagnosis in report.clusters]}, indent=2)


def as_object(diagnosis: Diagnosis) -> dict[str, Any]:
    server = diagnosis.server
    return {
        "name": diagnosis.cluster.name,
        "prometheus": diagnosis.cluster.prometheus,
        "collectable": diagnosis.is_collectable,
        "server": server
        and {
            "product": server.product,
            "version": server.version,
            "latency_seconds": server.latency_seconds,
            "skew_seconds": server.skew.total_seconds(),
            "replicas": server.replicas,
        },
        "data_since": format_time(diagnosis.data_since) if diagnosis.data_since else None,
        "vocabularies": list(vocabularies(diagnosis.spoken)),
        "findings": [asdict(finding) for finding in diagnosis.findings],
    }


def vocabularies(spoken: Sequence[Spoken]) -> Iterator[dict[str, Any]]:
    for each in spoken:
        told = asdict(each)
        interval = told.pop("interval")
        yield told | {"interval_seconds": interval.total_seconds() if interval else None}


def counted(report: Report) -> str:
    """How much of each severity there is, in one line."""
    findings = [*report.lake, *(finding for each in report.clusters for finding in each.findings)]
    counts = Counter(finding.severity for finding in findings)
    return (
        ", ".join(so_many(counts[severity], severity) for severity in SEVERITIES[:-1] if counts[severity])
        or "all is fine"
    )
