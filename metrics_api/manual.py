"""Manual: the tables in docs/ that follow from our data. ``python -m metrics_api.manual`` writes them; a test fails
where they differ."""

import re
from collections.abc import Iterable
from pathlib import Path

from metrics_api.deprecations import DEPRECATIONS
from metrics_api.routes import ENDPOINTS
from queries.metric_types import NAMES, SERIES, MetricType
from queries.observations import ACTIVE_ABOVE, BANDS, LOOKBACK, PENDING_BANDS

DOCS = Path(__file__).parent.parent / "docs"

PAGES = (DOCS / "runai.md", DOCS / "deprecations.md")

MARKED = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)

USUAL = ("dcgm", "kube_state", "node_exporter", "cadvisor", "kueue")
"""The exporters whose series are named; the catalogue has those of all."""

SCOPES = {
    "cluster": "cluster, node pool",
    "node": "node",
    "project": "project, department",
    "workload": "workload",
    "pod": "pod",
    "inference": "inference",
}

TELEMETRY = {"nodes": "nodes", "workloads": "workloads", "org_unit": "projects, departments"}

LEGACY = {"legacy_cluster": "cluster", "legacy_project": "project, department"}

SHAPES = {
    "utilization_bands": f"GPUs by the mean of their utilization over the sample, in percent: {', '.join(BANDS)}",
    "idle_time": f"at the end of the sample, the time since the last step with a utilization above {ACTIVE_ABOVE:.0%};"
    f" where there was none for {LOOKBACK.days} days before the time that is asked about, that long and longer",
    "pending_times": f"workloads that wait now, by how long they have, in seconds: {', '.join(PENDING_BANDS)}",
}


def table(scopes: dict[str, str]) -> Iterable[str]:
    yield "| type | scope | unit | what answers | from |\n|---|---|---|---|---|\n"
    for each in sorted(NAMES.types, key=lambda each: each.name):
        named = [text for scope, text in scopes.items() if scope in each.scopes]
        added = [f"**{text}**" for scope, text in scopes.items() if scope in each.further]
        if named or added:
            yield row(f"`{each.name}`", ", ".join(named + added), each.unit, formula(each), sources(each))


def series_table() -> Iterable[str]:
    yield "| series | labels | unit | what answers |\n|---|---|---|---|\n"
    for each in SERIES.values():
        yield row(f"`{each.name}`", ", ".join(each.labels), each.unit, formula(each))


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def formula(each: MetricType) -> str:
    """What a type is, over sums of the ledger's columns, over workloads' states, or why it is empty."""
    if each.empty:
        return f"*empty*: {each.empty}"
    if each.told:
        said = each.told.formula
        if each.statistic == "sum":
            said = f"sum({each.told.numerator}) / elapsed seconds"
        return f"{each.metric}{', per GPU' if each.per_gpu else ''}: `{said}`{scaled(each.scale)}"
    if each.count:
        return NAMES.counts[each.count].help
    if each.state:
        return NAMES.states[each.state].help + scaled(each.scale)
    return SHAPES[each.shape or ""]


def scaled(scale: float) -> str:
    return "" if scale == 1 else f" x {scale:g}"


def sources(each: MetricType) -> str:
    """The series that exporters have for it."""
    if each.empty:
        return ""
    if each.state or each.shape == "pending_times":
        return "changes of workloads' states"
    found = ["quotas that were set"] if each.told and each.told.entry.set_by_api else []
    found += [
        f"`{source.series}`" for source in (each.told.entry.sources if each.told else ()) if is_common(source.exporter)
    ]
    return ", ".join(dict.fromkeys(found)) or "the ledger"


def is_common(exporter: str) -> bool:
    """The catalogue has the series of all exporters; here are those of the usual ones."""
    return exporter in ("dcgm", "kube_state", "node_exporter", "cadvisor", "kueue")


def deprecation_table() -> Iterable[str]:
    yield "| what | since | version | goes at the earliest | use instead |\n|---|---|---|---|---|\n"
    for each in DEPRECATIONS:
        going = f"{each.sunset}, version {each.removed_in}"
        yield row(each.what, str(each.since), each.version, going, each.instead)


def path_table() -> Iterable[str]:
    yield "| path | deprecated |\n|---|---|\n"
    for endpoint in ENDPOINTS:
        if endpoint.deprecated:
            yield row(f"`{endpoint.method} {endpoint.path}`", endpoint.deprecated.what)


def tables() -> dict[str, str]:
    """By the name that the pages call it."""
    return {
        name: "".join(lines)
        for name, lines in {
            "types": table(SCOPES),
            "telemetry": table(TELEMETRY),
            "fields": table(LEGACY),
            "series": series_table(),
            "deprecations": deprecation_table(),
            "paths": path_table(),
        }.items()
    }


def filled(page: str) -> str:
    """A page with its tables as they should be."""
    made = tables()
    return MARKED.sub(lambda found: f"<!-- {found[1]} -->\n{made[found[1]]}<!-- end -->", page)


def main() -> None:
    for page in PAGES:
        page.write_text(filled(page.read_text()))


if __name__ == "__main__":
    main()
