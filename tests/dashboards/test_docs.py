from playwright.sync_api import Page, expect

from metrics_api.routes import ENDPOINTS


def test_the_documentation_lists_every_endpoint_and_asks_it(page: Page, address: str) -> None:
    page.goto(f"{address}/api/docs")
    blocks = page.locator(".opblock")
    expect(blocks).to_have_count(len(ENDPOINTS))
    assert {
        (block.locator(".opblock-summary-method").inner_text(), block.locator("[data-path]").get_attribute("data-path"))
        for block in blocks.all()
    } == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    page.locator("[data-path='/healthz']").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text('"status": "ok"')
