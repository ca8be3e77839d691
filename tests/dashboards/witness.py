"""Witness: what a page does that nobody sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page


@dataclass
class Witness:
    """What the console says, which dialogs there are, and which hosts are asked."""

    hosts: set[str] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)
    provoked: list[str] = field(default_factory=list)
    """What a test means to be heard: parts of texts."""

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.heard.append(str(error)))
        page.on("dialog", self.dismiss)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"{message.text} {message.location['url']}")

    def dismiss(self, dialog: Dialog) -> None:
        self.heard.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def unexpected(self) -> list[str]:
        return [text for text in self.heard if not any(part in text for part in self.provoked)]


@contextmanager
def tab(context: BrowserContext, witness: Witness) -> Iterator[Page]:
    """A tab, which is what a sign-in lasts for. Nothing unexpected happens in it, and it asks one host."""
    page = context.new_page()
    page.set_viewport_size({"width": 1400, "height": 1000})
    witness.watch(page)
    yield page
    context.set_offline(False)
    page.evaluate("localStorage.clear()")
    page.close()
    assert witness.unexpected() == []
    assert len(witness.hosts) == 1
