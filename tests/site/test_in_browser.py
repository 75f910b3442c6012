"""The built site in a headless Chromium: each page, on a phone and a desktop, light and dark."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest

api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed; these run in tox's environment docs"
)

SITE = Path(__file__).parents[2] / "build" / "site"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PAGES = sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))
LOOK = """[
    document.documentElement.scrollWidth,
    getComputedStyle(document.body).backgroundColor,
]"""
WIDTHS = {"phone": 390, "desktop": 1280}

if CHROMIUM is None:
    pytest.skip("there is no Chromium on this machine", allow_module_level=True)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(QuietHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        # Root has no sandbox, and CI is often root. The browser sees nothing but this site.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A tab that keeps what goes wrong in it."""

    def __init__(self, browser, address, width, scheme="light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme
        )
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        self.address = address
        self.page = self.context.new_page()
        self.faults = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self._see)
        self.page.on("response", self._check)

    def _hear(self, message):
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _see(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"another host: {request.url}")

    def _check(self, response):
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def open(self, path):
        self.page.goto(f"{self.address}/{path}", wait_until="load")


def test_the_site_was_built():
    assert "index.html" in PAGES, "run tox run -e docs, which builds it first"


@pytest.mark.parametrize(
    ("device", "schemes"), [("phone", ("dark", "light")), ("desktop", ("light", "dark"))]
)
def test_each_page_fits_loads_nothing_from_elsewhere_and_reports_no_error(
    browser, address, device, schemes
):
    visit = Visit(browser, address, WIDTHS[device], schemes[0])
    faults = {}
    backgrounds = {scheme: set() for scheme in schemes}
    for path in PAGES:
        visit.faults.clear()
        visit.page.emulate_media(color_scheme=schemes[0])
        visit.open(path)
        for scheme in schemes:
            visit.page.emulate_media(color_scheme=scheme)
            width, background = visit.page.evaluate(LOOK)
            backgrounds[scheme].add(background)
            if width > WIDTHS[device]:
                visit.faults.append(f"it is {width} px wide in {scheme}")
        if visit.faults:
            faults[path] = list(visit.faults)
    visit.context.close()
    assert faults == {}
    assert backgrounds == {"light": {"rgb(255, 255, 255)"}, "dark": {"rgb(19, 20, 22)"}}


def test_search_finds_revoked(browser, address):
    visit = Visit(browser, address, WIDTHS["phone"])
    visit.open("search.html?q=revoked")
    visit.page.wait_for_selector("#search-results li a")
    found = visit.page.locator("#search-results li > a").all_inner_texts()
    visit.context.close()
    assert "Reliability" in found
    assert visit.faults == []


def test_a_block_of_code_is_copied(browser, address):
    visit = Visit(browser, address, WIDTHS["desktop"])
    visit.open("first-handler.html")
    blocks = visit.page.locator("div.highlight").count()
    buttons = visit.page.locator("div.highlight button.copybtn")
    assert buttons.count() == blocks > 5
    buttons.nth(1).click(force=True)
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    visit.context.close()
    assert copied.startswith("# src/secret_names.py\nfrom core_backend import SecretName\n")
