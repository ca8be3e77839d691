"""The page in a real Chromium, from a real server."""

import json
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from starlette.applications import Starlette

from queries.control.applications import create_link
from tests.dashboards.witness import Witness, tab
from tests.serving import serving

DURING = "?start=2025-03-03T00:00:00Z&end=2025-03-03T04:00:00Z"

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=30_000)  # no test is about time


@pytest.fixture(scope="package")
def address(app: Starlette) -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture(scope="package")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One browser, with a profile: it keeps Plotly compiled, which takes longer than all else."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=shutil.which("chromium"), args=OPTIONS
        )
        yield context
        context.close()


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def page(context: BrowserContext, witness: Witness) -> Iterator[Page]:
    with tab(context, witness) as page:
        yield page


@pytest.fixture
def link(app: Starlette) -> str:
    return new_link(app)


def new_link(app: Starlette) -> str:
    """What a one-time link has behind its address."""
    return f"#link={create_link(app.state.services.control, 'id')}"


@pytest.fixture
def signed_in(page: Page, address: str, link: str) -> Page:
    """The page on the four hours that were collected."""
    page.goto(f"{address}/{DURING}{link}")
    page.locator("#content").wait_for()
    return page


@pytest.fixture(scope="package")
def shown(context: BrowserContext, address: str, app: Starlette) -> Iterator[Page]:
    """The same, once, for tests that change nothing in it."""
    with tab(context, Witness()) as page:
        page.goto(f"{address}/{DURING}{new_link(app)}")
        page.locator("#content").wait_for()
        yield page


def change_answers(page: Page, change: str) -> None:
    """Have a page get other answers than the API gives: change is JavaScript, from a text and its address to a text."""
    page.add_init_script(f"""
        const {{ fetch }} = window;
        window.fetch = async (address, options) => {{
          const answer = await fetch(address, options);
          return new Response(({change})(await answer.text(), address), answer);
        }};
    """)


def rename_alpha(page: Page, name: str) -> None:
    """Have the answers call cluster alpha otherwise."""
    written = json.dumps(name)[1:-1]
    change_answers(page, f"(text) => text.replaceAll('alpha', () => {json.dumps(written)})")
