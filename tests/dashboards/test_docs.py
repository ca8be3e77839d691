from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.routes import ENDPOINTS
from queries.control.roles import VIEWER
from queries.control.rules import NewRule
from queries.control.users import create_user
from tests.dashboards.witness import Witness

REFUSED = "401"


@pytest.fixture(scope="module")
def reader(app: Starlette) -> dict[str, str]:
    """A user who may read."""
    given = {"username": "docs@example.com", "password": "correct horse"}
    create_user(app.state.services.control, **given, rules=(NewRule(VIEWER.id, "tenant", "1"),))
    return given


@pytest.fixture(scope="module")
def bearer(anonymous: TestClient, reader: dict[str, str]) -> str:
    return str(anonymous.post("/api/v1/token", json={"grantType": "password", **reader}).json()["accessToken"])


@pytest.fixture
def docs(page: Page, address: str) -> Page:
    page.goto(f"{address}/api/docs")
    page.locator(".opblock").first.wait_for()
    return page


def ask(docs: Page, path: str) -> Locator:
    """The answer to what is tried at a path."""
    block = docs.locator(".opblock-get").filter(has=docs.locator(f"[data-path='{path}']"))
    if "is-open" not in (block.get_attribute("class") or ""):
        block.locator("[data-path]").click()
        block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response-col_status").last


def kept(docs: Page) -> Any:
    return docs.evaluate("() => [location.href, JSON.stringify(localStorage), document.cookie]")


def test_the_documentation_lists_every_endpoint_and_asks_it(docs: Page) -> None:
    blocks = docs.locator(".opblock")
    expect(blocks).to_have_count(len(ENDPOINTS))
    assert {
        (block.locator(".opblock-summary-method").inner_text(), block.locator("[data-path]").get_attribute("data-path"))
        for block in blocks.all()
    } == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    expect(ask(docs, "/healthz")).to_contain_text("200")
    expect(docs.locator(".live-responses-table")).to_contain_text('"status": "ok"')


@pytest.mark.parametrize("prefix", ["", "Bearer ", " bearer  "], ids=["bare", "prefixed", "loosely prefixed"])
def test_a_token_is_enough_and_is_nowhere_to_be_seen(docs: Page, bearer: str, prefix: str) -> None:
    docs.get_by_label("or a token").fill(prefix + bearer)
    docs.get_by_role("button", name="Use it").click()
    expect(docs.get_by_role("status")).to_have_text("Signed in")
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("200")
    assert not any(bearer in place for place in kept(docs))
    docs.reload()
    expect(docs.get_by_role("status")).to_have_text("Signed in")


def test_a_user_signs_in_by_password_and_out_again(docs: Page, witness: Witness, reader: dict[str, str]) -> None:
    witness.provoked.append(REFUSED)
    expect(docs.get_by_role("status")).to_have_text("Signed out")
    docs.get_by_label("User or client id").fill(reader["username"])
    docs.get_by_label("Password or secret").fill(reader["password"])
    docs.get_by_role("button", name="Sign in").click()
    expect(docs.get_by_role("status")).to_have_text("Signed in")
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("200")
    docs.get_by_role("button", name="Sign out").click()
    expect(docs.get_by_role("status")).to_have_text("Signed out")
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("401")
    expect(docs.get_by_role("status")).to_have_text("Signed out: sign in to ask that (401)")


def test_a_token_that_is_not_good_is_said_to_be_so(docs: Page, witness: Witness, bearer: str) -> None:
    witness.provoked.append(REFUSED)
    docs.get_by_label("or a token").fill("made up")
    docs.get_by_role("button", name="Use it").click()
    expect(docs.get_by_role("status")).to_have_text("Signed out: the token is not good, or no longer")
    docs.evaluate("(token) => sessionStorage.setItem('token', token)", bearer[:-9])
    docs.reload()
    expect(docs.get_by_role("status")).to_have_text("Signed in")
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("401")
    expect(docs.get_by_role("status")).to_have_text("Signed out: the token is not good, or no longer (401)")


def test_a_password_that_is_wrong_is_said_to_be_so(docs: Page, witness: Witness) -> None:
    witness.provoked.append("400")
    docs.get_by_label("User or client id").fill("docs@example.com")
    docs.get_by_label("Password or secret").fill("wrong")
    docs.get_by_role("button", name="Sign in").click()
    expect(docs.locator("#state.problem")).not_to_be_empty()
    expect(docs.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(("theme", "is_dark"), [("dark", True), ("light", False)])
def test_the_documentation_is_as_dark_as_the_page(page: Page, address: str, theme: str, is_dark: bool) -> None:
    page.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    page.goto(f"{address}/api/docs")
    page.locator(".opblock").first.wait_for()
    ground, turned = page.evaluate(
        "() => [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('.swagger-ui')).filter !== 'none']"
    )
    red = int(ground.removeprefix("rgb(").split(",")[0])
    assert (red < 50, turned) == (is_dark, is_dark)


def test_nothing_is_wider_than_a_telephone(docs: Page) -> None:
    docs.set_viewport_size({"width": 400, "height": 800})
    docs.locator("[data-path='/api/v1/metrics/range']").click()
    docs.locator(".opblock-body").wait_for()
    assert docs.evaluate("() => document.documentElement.scrollWidth") <= 400
