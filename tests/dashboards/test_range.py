from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page, Request, expect

from tests.dashboards.screen import traces
from tests.dashboards.witness import Witness

CLOCK = """
    let now = Date.UTC(2025, 2, 3, 4, 0, 30);
    const everyMinute = [];
    const { setInterval } = window;
    Date.now = () => now;
    window.setInterval = (call, wait) => wait === 60000 ? everyMinute.push(call) : setInterval(call, wait);
    window.passMinute = () => {
      now += 60000;
      for (const call of everyMinute) call();
    };
"""
"""A clock that stands, half a minute after the four hours ended, until a test lets a minute pass."""

LEDGER = "**/api/v1/ledger?*by=project"


def asked(request: Request) -> tuple[str, str]:
    """The time that a request asks about."""
    query = parse_qs(urlsplit(request.url).query)
    return query["start"][0], query["end"][0]


def test_a_preset_asks_about_the_hours_before_now(page: Page, address: str, link: str, witness: Witness) -> None:
    witness.provoked.append("ERR_INTERNET_DISCONNECTED")
    page.add_init_script(CLOCK)
    with page.expect_request(LEDGER) as request:
        page.goto(f"{address}/{link}")
    assert asked(request.value) == ("2025-03-02T04:00:00Z", "2025-03-03T04:00:00Z")
    page.context.set_offline(True)  # what is not looked at is not answered
    begin, pressed = page.get_by_label("From"), page.get_by_role("button", pressed=True)
    for name, start in (
        ("7 d", "2025-02-24T04:00"),
        ("30 d", "2025-02-01T04:00"),
        ("24 h", "2025-03-02T04:00"),
        ("6 h", "2025-03-02T22:00"),
    ):
        page.get_by_role("button", name=name, exact=True).click()
        expect(pressed).to_have_text(name)
        expect(begin).to_have_value(start)
    page.go_back()
    expect(pressed).to_have_text("24 h")
    page.context.set_offline(False)
    with page.expect_request(LEDGER) as request:
        page.go_forward()
    assert asked(request.value) == ("2025-03-02T22:00:00Z", "2025-03-03T04:00:00Z")


def test_two_times_ask_about_the_time_between_them(signed_in: Page) -> None:
    signed_in.get_by_label("From").fill("2025-03-03T01:00")
    signed_in.get_by_label("To").fill("2025-03-03T02:30")
    with signed_in.expect_request(LEDGER) as request:
        signed_in.get_by_role("button", name="Show").click()
    assert asked(request.value) == ("2025-03-03T01:00:00Z", "2025-03-03T02:30:00Z")
    expect(signed_in.get_by_role("row", name="held by nobody")).to_contain_text("3.0 GPU-h free")
    assert len(traces(signed_in, "ledger-plot")["busy"]) == 90 + 1
    assert urlsplit(signed_in.url).query == urlencode({"start": "2025-03-03T01:00:00Z", "end": "2025-03-03T02:30:00Z"})


def test_a_preset_is_asked_again_every_minute_and_leaves_alone_what_the_reader_does(
    page: Page, address: str, link: str
) -> None:
    page.add_init_script(CLOCK)
    page.goto(f"{address}/{link}")
    hidden = page.locator("#ledger-plot .traces[style*='opacity: 0.5']")
    page.locator("#ledger-plot .legendtoggle").first.click()
    expect(hidden).to_have_text("busy")
    begin = page.get_by_label("From")
    begin.fill("2025-03-03T01:00")
    page.evaluate("passMinute()")
    assert begin.input_value() == "2025-03-03T01:00"
    begin.blur()
    with page.expect_response(LEDGER) as response:
        page.evaluate("passMinute()")
    assert asked(response.value.request) == ("2025-03-02T04:02:00Z", "2025-03-03T04:02:00Z")
    assert begin.input_value() == "2025-03-02T04:02"
    expect(page.locator("#warnings")).to_contain_text("collected until 2025-03-03T04:00:00Z")
    expect(hidden).to_have_text("busy")


def test_a_page_that_is_signed_out_does_not_ask(page: Page, address: str, link: str, witness: Witness) -> None:
    witness.provoked += ["status of 401"]
    page.add_init_script(CLOCK)
    page.goto(f"{address}/{link}")
    expect(page.locator("#content")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#sign-in")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(urlsplit(request.url).path))
    page.evaluate("passMinute()")
    page.evaluate("fetch('/healthz')")
    assert sent == ["/healthz"]
