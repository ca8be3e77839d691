from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.routes import ENDPOINTS
from queries.control.roles import VIEWER
from queries.control.rules import NewRule
from queries.control.users import create_user
from tests.dashboards.witness import Witness, tab


@pytest.fixture(scope="module")
def reader(app: Starlette) -> dict[str, str]:
    """A user who may read."""
    given = {"username": "docs@example.com", "password": "correct horse"}
    create_user(
        app.state.services.control, given["username"], given["password"], rules=(NewRule(VIEWER.id, "tenant", "1"),)
    )
    return given


@pytest.fixture(scope="module")
def bearer(anonymous: TestClient, reader: dict[str, str]) -> str:
    return str(anonymous.post("/api/v1/token", json={"grantType": "password", **reader}).json()["accessToken"])


@pytest.fixture(scope="module")
def shown(context: BrowserContext, address: str) -> Iterator[Page]:
    """The documentation, once: it takes long to draw."""
    with tab(context, Witness(provoked=["status of 400", "status of 401"])) as page:
        page.add_init_script("localStorage.setItem('theme', 'dark')")
        page.goto(f"{address}/api/docs")
        page.locator(".opblock").first.wait_for()
        yield page


@pytest.fixture
def docs(shown: Page) -> Page:
    """The same, where nobody is signed in."""
    if shown.get_by_role("button", name="Sign out").is_visible():
        shown.get_by_role("button", name="Sign out").click()
    return shown


def ask(docs: Page, path: str) -> Locator:
    """The answer to what is tried at a path."""
    block = docs.locator(".opblock-get").filter(has=docs.locator(f"[data-path='{path}']"))
    if "is-open" not in (block.get_attribute("class") or ""):
        block.locator("[data-path]").click()
        block.get_by_role("button", name="Try it out").click()
    clear = block.get_by_role("button", name="Clear")
    if clear.is_visible():
        clear.click()
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response-col_status").last


def use_token(docs: Page, token: str) -> None:
    docs.get_by_label("or a token").fill(token)
    docs.get_by_role("button", name="Use it").click()


def sign_in(docs: Page, name: str, secret: str) -> None:
    docs.get_by_label("User or client id").fill(name)
    docs.get_by_label("Password or secret").fill(secret)
    docs.get_by_role("button", name="Sign in").click()


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
    expect(docs.locator(".live-responses-table").last).to_contain_text('"status": "ok"')


@pytest.mark.parametrize("prefix", ["", " bearer  "], ids=["bare", "prefixed"])
def test_a_token_is_enough_and_is_nowhere_to_be_seen(docs: Page, bearer: str, prefix: str) -> None:
    use_token(docs, prefix + bearer)
    expect(docs.get_by_role("status")).to_have_text("Signed in")
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("200")
    assert not any(bearer in place for place in kept(docs))


def test_a_user_signs_in_by_password_and_out_again(docs: Page, reader: dict[str, str]) -> None:
    sign_in(docs, reader["username"], reader["password"])
    expect(docs.get_by_role("status")).to_have_text("Signed in")
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("200")
    docs.get_by_role("button", name="Sign out").click()
    expect(docs.get_by_role("status")).to_have_text("Signed out")
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("401")
    expect(docs.get_by_role("status")).to_have_text("Signed out: sign in to ask that (401)")


def test_a_token_that_is_not_good_is_said_to_be_so(docs: Page) -> None:
    use_token(docs, "made up")
    expect(docs.get_by_role("status")).to_have_text("Signed out: the token is not good, or no longer")


def test_a_token_that_is_good_no_longer_is_said_to_be_so(docs: Page, bearer: str) -> None:
    docs.evaluate("(token) => sessionStorage.setItem('token', token)", bearer[:-9])
    expect(ask(docs, "/api/v1/clusters")).to_contain_text("401")
    expect(docs.get_by_role("status")).to_have_text("Signed out: the token is not good, or no longer (401)")


def test_a_password_that_is_wrong_is_said_to_be_so(docs: Page, reader: dict[str, str]) -> None:
    sign_in(docs, reader["username"], "wrong")
    expect(docs.locator("#state.problem")).to_contain_text("credentials")
    expect(docs.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_documentation_is_as_dark_as_the_page(docs: Page) -> None:
    expect(docs.locator("html")).to_have_css("color-scheme", "dark")
    ground, turned = docs.evaluate(
        "() => ['body', '.swagger-ui'].map((part) => getComputedStyle(document.querySelector(part)))"
        ".map(({ backgroundColor, filter }) => backgroundColor + filter)"
    )
    assert ground == "rgb(17, 20, 24)none"
    assert "invert(0.9)" in turned


def test_nothing_is_wider_than_a_telephone(docs: Page) -> None:
    docs.set_viewport_size({"width": 400, "height": 800})
    docs.locator("[data-path='/api/v1/metrics/range']").click()
    docs.locator("[id$=read_range] .opblock-body").first.wait_for()
    assert docs.evaluate("() => document.documentElement.scrollWidth") <= 400
    docs.set_viewport_size({"width": 1400, "height": 1000})
