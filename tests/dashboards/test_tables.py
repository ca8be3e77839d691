from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from metrics_api.app import create_app
from queries.settings import Settings
from tests.dashboards.conftest import DURING, change_answers
from tests.dashboards.screen import EN_DASH, projects, texts
from tests.served import HOSTILE, settings_for
from tests.serving import serving

HELD = """(text, address) => {
  const body = JSON.parse(text);
  if (address.includes("by=project")) body.data.find((row) => row.project === null).held_seconds = 5400;
  return JSON.stringify(body);
}"""
"""A GPU was held for an hour and a half by a holder without a project."""


def test_each_cluster_tells_how_fresh_it_is_and_what_it_did(shown: Page) -> None:
    alpha, beta = (texts(card.locator("h3 span, dt, dd")) for card in shown.locator(".card").all())
    assert alpha == [
        *("alpha", "late"),
        *("GPUs now", EN_DASH, "allocated now", EN_DASH),
        *("utilization", "12.5 %", "allocation", "50.0 %", "coverage", "100.0 %"),
        *("collected until", "2025-03-03 04:00"),
    ]
    assert beta[:2] == ["beta", "late"]
    assert beta[7:10:2] == ["50.0 %", "100.0 %"]
    expect(shown.locator("#warnings")).to_be_hidden()
    expect(shown.locator("#coverage")).to_have_text("Coverage of utilization: 100.0 %")


def test_projects_are_listed_by_what_was_allocated_to_them(shown: Page) -> None:
    assert texts(shown.locator("#projects th")) == [
        "project",
        *("allocated GPU-h", "busy GPU-h", "idle GPU-h", "held GPU-h"),
        *("utilization", "energy kWh"),
    ]
    assert projects(shown) == [
        ["b", "8.0", "0.0", "8.0", "0.0", "0.0 %", EN_DASH],
        [HOSTILE, "4.0", "4.0", "0.0", "0.0", "100.0 %", "1.2"],
        ["a", "4.0", "2.0", "2.0", "0.0", "50.0 %", "1.2"],
        ["held by nobody", "8.0 GPU-h free"],
    ]


def test_what_nobody_held_is_told_also_where_a_holder_has_no_project(page: Page, address: str, link: str) -> None:
    change_answers(page, HELD)
    page.goto(f"{address}/{DURING}{link}")
    expect(page.get_by_text("(none)")).to_be_visible()
    assert projects(page)[-2:] == [
        ["(none)", "1.5", "0.0", "0.0", "1.5", EN_DASH, EN_DASH],
        ["held by nobody", "8.0 GPU-h free"],
    ]


@pytest.fixture
def priced(folder: Path) -> Iterator[str]:
    """A service that everyone may ask, with a price for the GPUs of one cluster."""
    settings = settings_for(folder, "off").model_dump(mode="json")
    settings["prices"] = [{"gpu_model": "NVIDIA*", "per_gpu_hour": 250, "currency": "EUR", "cluster": "alpha"}]
    app = create_app(Settings.model_validate(settings))
    with serving(app) as address:
        yield address
    app.state.services.stop()


def test_projects_have_costs_where_there_are_prices(page: Page, priced: str) -> None:
    page.goto(f"{priced}/{DURING}")
    page.locator("#content").wait_for()
    assert texts(page.locator("#projects th"))[-2:] == ["cost EUR", "wasted EUR"]
    assert [[row[0], *row[-2:]] for row in projects(page)] == [
        ["b", "1,000.00", "1,000.00"],
        [HOSTILE, EN_DASH, EN_DASH],
        ["a", "1,000.00", "500.00"],
        ["held by nobody", "held by nobody", "8.0 GPU-h free"],
    ]
    expect(page.locator("#warnings")).to_contain_text("no price for GPUs of model")
    assert page.locator("#projects .rest td").last.get_attribute("colspan") == "8"


def test_a_hostile_project_is_text(shown: Page) -> None:
    expect(shown.get_by_role("cell", name=HOSTILE, exact=True)).to_be_visible()
    expect(shown.locator("img")).to_have_count(0)
