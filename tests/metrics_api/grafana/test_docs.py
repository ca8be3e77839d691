import re

import pytest
from starlette.testclient import TestClient

from metrics_api.grafana.payload import Payload
from queries.catalogue import DIMENSIONS
from tests.conftest import ROOT

PAGE = (ROOT / "docs/grafana.md").read_text()

TIMES = {"from": "1740960000000", "to": "1740974400000"}


@pytest.mark.parametrize("written", re.findall(r"^    (/grafana/query\S+)$", PAGE, re.MULTILINE))
def test_what_is_written_answers(client: TestClient, written: str) -> None:
    asked = re.sub(r"\$\{__(?:time)?(from|to)\}", lambda found: TIMES[found[1].lower()], written, flags=re.IGNORECASE)
    answer = client.get(asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()


def test_every_field_of_a_payload_is_told() -> None:
    (table,) = re.findall(r"\| field \| means \|\n.*?\n\n", PAGE, re.DOTALL)
    cells = [line.split(" | ")[0] for line in table.splitlines()[2:]]
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert told - set(DIMENSIONS) == set(Payload.model_fields) - set(DIMENSIONS)
