"""A window of a real browser on the board, which notes what no window may do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Browser, Page, Request

# Where each test leaves a picture of what it saw last; git ignores it.
SCREENSHOTS = Path(__file__).with_name(".screenshots")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 780}


@dataclass
class Window:
    """One tab of a browser of its own, with everything that it asked for and complained about."""

    page: Page
    url: str
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    boards: int = 0

    def note(self, request: Request) -> None:
        self.requests.append(request)
        self.boards += urlsplit(request.url).path.endswith("/rpc/get_board")

    def open(self, key: str | None, workspace: str, **parameters: str) -> Page:
        """The board by an address as `sharedstate board` prints it; answers the page."""
        given = {"workspace": workspace, **parameters} | ({"key": key} if key else {})
        self.page.goto(f"{self.url}/board/#{urlencode(given)}")
        return self.page

    def await_boards(self, count: int) -> None:
        """Until it has asked for so many boards in all."""
        while self.boards < count:
            self.page.wait_for_event("request")

    def require_good_behaviour(self, keys: list[str]) -> None:
        """No other host, no violation of its own policy, no error, no key in the address."""
        hosts = {urlsplit(request.url).netloc for request in self.requests}
        assert hosts <= {urlsplit(self.url).netloc}
        assert self.problems == []
        assert not any(key in self.page.url for key in keys)
        assert not any(key in request.url for request in self.requests for key in keys)


def new_window(browser: Browser, url: str, **options: Any) -> Window:
    """In a context of its own: no storage and no cache of another window."""
    page = browser.new_context(**{"viewport": DESKTOP} | options).new_page()
    # Far more than anything takes: a machine where other tests run is slow.
    page.set_default_timeout(20_000)
    window = Window(page, url)
    page.on("request", window.note)
    page.on("pageerror", lambda error: window.problems.append(str(error)))

    def listen(text: str) -> None:
        if re.search("Content Security Policy|Trusted", text):
            window.problems.append(text)

    page.on("console", lambda message: listen(message.text))
    return window


def take_picture(window: Window, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    window.page.screenshot(path=SCREENSHOTS / f"{name}.png")
