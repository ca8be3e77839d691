"""docs/security.md says what is so."""

import re
import tomllib

from queries.settings import Limits, Settings
from tests.conftest import ROOT

PAGE = (ROOT / "docs/security.md").read_text()


def test_its_defaults_are_those_that_there_are() -> None:
    told = dict(re.findall(r"^\| `limits\.(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE))
    assert Limits.model_validate(told) == Limits()
    assert set(Limits.model_fields) - set(told) == {"cache_bytes", "hot_bytes", "listed_bytes"}


def test_its_settings_are_settings() -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert Settings.model_validate(tomllib.loads(settings)).limits.requests_per_minute == 6000
