import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.control.roles import VIEWER
from queries.control.rules import NewRule
from queries.control.users import create_user
from queries.ids import cluster_id
from queries.lake import Lake
from queries.window import HOUR, Window
from tests.dashboards.conftest import DURING, rename_alpha
from tests.dashboards.screen import EN_DASH, projects, texts, traces
from tests.dashboards.witness import Witness
from tests.queries.committer import sketch
from tests.served import HOSTILE, settings_for
from tests.serving import serving

HOLD = """() => {
  const { fetch } = window;
  window.fetch = (address, options) =>
    address.startsWith("/api/v1/clusters") && !options.headers.Authorization
      ? new Promise((answer) => { window.release = () => answer(fetch(address, options)); })
      : fetch(address, options);
}"""
"""Whoever asks without a token waits until released."""


def test_an_application_signs_in_with_its_id_and_secret_and_out_again(
    page: Page, address: str, witness: Witness
) -> None:
    witness.provoked += ["status of 401", "status of 400"]  # it is asked first whether that is a user
    page.goto(f"{address}/{DURING}")
    page.get_by_label("Client id").press_sequentially("id")
    page.keyboard.press("Tab")
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="alpha")).to_be_visible()
    expect(page.locator("#sign-in")).to_be_hidden()
    page.get_by_role("button", name="Sign out").click()
    page.locator("#sign-in").wait_for()
    expect(page.locator("#content")).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_user_signs_in_with_a_password(page: Page, app: Starlette, address: str, witness: Witness) -> None:
    rule = NewRule(VIEWER.id, "cluster", cluster_id("alpha"))
    create_user(app.state.services.control, "ada@example.com", "correct horse", rules=(rule,))
    witness.provoked.append("status of 401")
    page.goto(f"{address}/{DURING}")
    page.get_by_label("User").fill("ada@example.com")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="alpha")).to_be_visible()
    expect(page.get_by_role("heading", name="beta")).to_have_count(0)


def test_a_wrong_secret_is_told_and_signs_nobody_in(page: Page, address: str, witness: Witness) -> None:
    witness.provoked += ["status of 401", "status of 400"]
    page.goto(address)
    page.get_by_label("Client id").fill("id")
    page.get_by_label("Client secret").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("the credentials are not right")
    expect(page.locator("#content")).to_be_hidden()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_link_signs_in_once_and_does_not_stay_in_the_address(
    signed_in: Page, address: str, link: str, witness: Witness
) -> None:
    witness.provoked += ["status of 401", "status of 400"]
    assert signed_in.url == f"{address}/{DURING}"
    signed_in.get_by_role("button", name="Sign out").click()
    signed_in.locator("#sign-in").wait_for()
    signed_in.goto(f"{address}/{DURING}{link}")
    expect(signed_in.get_by_role("alert")).to_contain_text("The link did not work")
    expect(signed_in.locator("#content")).to_be_hidden()


def test_a_refusal_that_comes_late_signs_nobody_out(page: Page, address: str, link: str, witness: Witness) -> None:
    """A link is opened where the page is already: what was asked before it was redeemed is refused after."""
    witness.provoked.append("status of 401")
    page.goto(f"{address}/{DURING}")
    page.locator("#sign-in").wait_for()
    page.evaluate(HOLD)
    page.goto(f"{address}/{DURING}{link}")
    page.locator("#content").wait_for()
    with page.expect_response("**/api/v1/clusters*"):
        page.evaluate("release()")
    page.evaluate("fetch('/healthz').then((answer) => answer.text())")  # what came before it was dealt with
    assert page.evaluate("sessionStorage.length") == 1
    page.locator("#content").wait_for()


def test_one_cluster_can_be_chosen(signed_in: Page) -> None:
    choice = signed_in.get_by_role("combobox", name="Cluster")
    assert texts(choice.locator("option")) == ["all", "alpha", "beta"]
    choice.select_option("beta")
    expect(signed_in.locator(".card h3 span:first-child")).to_have_text(["beta"])
    assert [row[:2] for row in projects(signed_in)] == [[HOSTILE, "4.0"], ["b", "4.0"]]
    assert list(traces(signed_in, "utilization-plot")) == ["beta"]
    assert traces(signed_in, "ledger-plot")["busy"]["2025-03-03T00:00:00Z"] == pytest.approx(1)


def test_the_numbers_are_saved_as_a_file(shown: Page, client: TestClient, tmp_path: Path) -> None:
    for name in ("csv", "parquet"):
        with shown.expect_download() as download:
            shown.get_by_role("button", name=name).click()
        assert download.value.suggested_filename == f"ledger.{name}"
        download.value.save_as(tmp_path / name)
    answer = client.get(f"/api/v1/ledger{DURING}&by=cluster&by=project&format=csv")
    assert (tmp_path / "csv").read_bytes() == answer.content
    assert (tmp_path / "parquet").read_bytes()[:4] == b"PAR1"


@pytest.fixture
def gapped(tmp_path: Path) -> Iterator[str]:
    """A service that everyone may ask, of a lake that was collected up to this minute, but for one hour."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    first = Window.hour_of(now - 3 * HOUR)
    booked = sketch(first.start).book(hours=4, as_of=now)
    lake = Lake(str(tmp_path))
    lake.create()
    for hour in Window(first.start, now).hours():
        if hour.start != first.end:
            lake.replace(hour, booked.of(hour))
    app = create_app(settings_for(tmp_path, "off"))
    with serving(app) as address:
        yield address
    app.state.services.stop()


def test_what_is_there_now_is_told_and_what_is_missing_is_told_and_not_drawn(page: Page, gapped: str) -> None:
    page.goto(f"{gapped}/?range=6h")
    expect(page.locator(".card")).to_have_count(3)
    alpha, _, collected = (texts(card.locator("span, dd")) for card in page.locator(".card").all())
    assert alpha == ["alpha", "never", *6 * EN_DASH]
    assert collected[:4] == ["sketch", "ok", "2", "1"]
    warnings = "\n".join(texts(page.locator("#warnings li")))
    assert "cluster alpha: nothing was collected yet" in warnings
    assert re.search(r"cluster sketch: \d of \d hours were not collected, and are missing", warnings)
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    for plot, name in (("ledger-plot", "free"), ("utilization-plot", "sketch")):
        drawn = traces(page, plot)[name]
        times = [datetime.fromisoformat(time) for time in drawn]
        told = [value is not None for value in drawn.values()]
        gap = told.index(False, told.index(True))
        assert times[told.index(True, gap)] - times[gap] == HOUR
        assert not told[-1]


def test_a_narrow_screen_scrolls_down_only(page: Page, address: str, link: str, witness: Witness) -> None:
    witness.provoked.append("status of 401")
    rename_alpha(page, 63 * "m")
    for path, seen in (
        (f"/{DURING}", "#sign-in"),
        (f"/{DURING}{link}", "#content"),
        ("/api/docs", ".opblock >> nth=0"),
    ):
        page.goto(f"{address}{path}")
        page.locator(seen).wait_for()
        for width in (400, 320):
            page.set_viewport_size({"width": width, "height": 800})
            expect(page.locator("html")).to_have_js_property("scrollWidth", width)


def test_every_control_has_a_name(shown: Page) -> None:
    controls = shown.locator("input, select")
    names = controls.evaluate_all("(found) => found.map((each) => each.labels[0]?.firstChild.textContent.trim())")
    assert names == ["From", "To", "Cluster", "User or client id", "Password or client secret"]
    assert all(texts(shown.get_by_role("button")))
    expect(shown.get_by_role("img", name="over time")).to_have_count(2)
