"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

settings.register_profile("unhurried", deadline=None)  # no test is about time
settings.load_profile("unhurried")

os.environ["PATH"] = f"{ROOT / '.tools/usr/bin'}:{os.environ['PATH']}"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("METRICS_API_"):
            monkeypatch.delenv(name)
