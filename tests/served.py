"""What tests serve: a lake of two clusters, in which a project has a hostile name; and a question that never ends."""

from pathlib import Path

from queries.lake import Lake
from queries.settings import Settings
from tests.queries.test_question import ALL, HOURS, drawn

HOSTILE = '=HYPERLINK("http://x")<img src=x onerror=alert(1)>%{y}'
"""The name of a project that somebody made up to do harm."""

SLOW = "select max(a.range * b.range) as time from range(10_000_000) as a, range(10_000_000) as b"
"""Days of work, made on purpose."""


def settings_for(folder: Path, mode: str = "required", hot_bytes: int = 0) -> Settings:
    """Without anything in memory, unless asked for: making it takes longer than a test's few questions."""
    clusters = [{"name": name, "prometheus": "http://127.0.0.1:1"} for name in ("alpha", "beta")]
    told = {"store": {"path": str(folder)}, "auth": {"mode": mode}, "clusters": clusters}
    return Settings.model_validate(told | {"limits": {"hot_bytes": hot_bytes, "listed_bytes": hot_bytes}})


def fill(folder: Path) -> None:
    """Four hours of alpha, with four GPUs, and of beta, with two."""
    lake = Lake(str(folder))
    lake.create()
    hostile = drawn("beta", 2, 1.0)
    hostile.rows["pod_facts"][0]["labels"] = [("label_project", HOSTILE)]
    for sketch in (drawn("alpha", 4, 0.5), hostile):
        booked = sketch.book(HOURS)
        for hour in ALL.hours():
            lake.replace(hour, booked.of(hour))
