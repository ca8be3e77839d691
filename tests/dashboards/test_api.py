import pytest
from playwright.sync_api import Page, expect

from queries.lake import LakeError
from queries.question import Asker
from tests.dashboards.conftest import DURING
from tests.dashboards.witness import Witness


def test_a_mistake_in_the_question_is_told(page: Page, address: str, link: str, witness: Witness) -> None:
    witness.provoked.append("status of 400")
    page.goto(f"{address}/?start=2025-03-04T00:00:00Z&end=2025-03-03T00:00:00Z{link}")
    expect(page.get_by_role("alert")).to_contain_text("is not after start 2025-03-04T00:00:00Z")


def test_a_failure_of_the_service_is_told_until_it_is_over(
    page: Page, address: str, link: str, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Asker) -> None:
        raise LakeError("store.path: cannot read")

    witness.provoked.append("status of 503")
    with monkeypatch.context() as patch:
        patch.setattr(Asker, "clusters", fail)
        page.goto(f"{address}/{DURING}{link}")
        expect(page.get_by_role("alert")).to_have_text("store.path: cannot read")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="alpha")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_service_that_is_gone_is_told_where_it_is_seen(signed_in: Page, witness: Witness) -> None:
    witness.provoked.append("ERR_INTERNET_DISCONNECTED")
    signed_in.context.set_offline(True)
    signed_in.get_by_role("button", name="CSV").click()
    expect(signed_in.get_by_role("alert")).to_have_text("the service cannot be reached")
    expect(signed_in.get_by_role("alert")).to_be_in_viewport()


def test_what_a_proxy_answers_instead_is_told(page: Page, address: str) -> None:
    page.add_init_script("window.fetch = async () => new Response('<html>Bad Gateway</html>', { status: 502 })")
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("the service cannot be reached: 502")
