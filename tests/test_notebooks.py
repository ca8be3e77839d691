import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.conftest import ROOT
from tests.queries.test_question import HOURS
from tests.serving import serving

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def notebook(app: Starlette) -> dict[str, Any]:
    """What the names of docs/notebooks.md stand for once all of it was run."""
    names: dict[str, Any] = {}
    with serving(app) as address, pytest.MonkeyPatch.context() as patched:
        patched.setenv("METRICS_API_URL", address)
        patched.setenv("CLIENT_ID", "id")
        patched.setenv("CLIENT_SECRET", "secret")
        for block in BLOCK.findall(Path(ROOT / "docs/notebooks.md").read_text()):
            exec(block, names)  # noqa: S102 - it is our own
        names["again"] = [names["fetch"](each["day"]) for each in names["days"]]
        names["session"].close()
    return names


def test_the_gpu_hours_are_those_of_the_lake(notebook: dict[str, Any]) -> None:
    assert notebook["hours"]["a"] == pytest.approx(HOURS)
    assert notebook["coverage"] == pytest.approx(1)
    assert "what came after is missing" in notebook["warnings"]
    assert notebook["unit"] == "seconds"


def test_each_cluster_has_a_column(notebook: dict[str, Any]) -> None:
    assert list(notebook["utilization"].columns) == [
        'gpu_utilization_ratio{cluster="alpha"}',
        'gpu_utilization_ratio{cluster="beta"}',
    ]
    assert len(notebook["utilization"].dropna(how="all")) == HOURS


def test_days_are_fetched_once(notebook: dict[str, Any]) -> None:
    assert notebook["days"] == [{"day": "2025-03-03", "rows": 6 * HOURS, "etag": notebook["etags"]["2025-03-03"]}]
    assert len(notebook["ledger"]) == 6 * HOURS
    assert notebook["idle"].sum() == pytest.approx(2.5 * HOURS)
    assert notebook["again"][0] is notebook["frames"]["2025-03-03"]
