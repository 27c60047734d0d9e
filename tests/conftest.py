"""Fixtures that many tests share: the repository, the browser, the third-party exports."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from compmodel import History, cli, command_options, load_history

ROOT = Path(__file__).resolve().parents[1]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)
NO_BROWSER = (
    "no Chromium or Chrome found. Debian, Ubuntu: apt-get install chromium. macOS, Windows: install Chrome. "
    "Elsewhere: set BROWSER_PATH to the program"
)
BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
LOCAL_SCHEMES = ("data", "blob", "file", "about")


LONG = ("browser", "notebooks", "slow")
"""Marks of tests that take long."""


def pytest_configure(config: pytest.Config) -> None:
    """Give files to workers in the order below, and not those of most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several workers none begins a long file last; one alone runs browser tests last, quick failures first."""
    if hasattr(config, "workerinput"):
        long = {item.path for item in items if any(item.get_closest_marker(mark) for mark in LONG)}
        items.sort(key=lambda item: item.path not in long)
    else:
        items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's folder."""
    return ROOT


def find_browser() -> str | None:
    """Return the program $BROWSER_PATH names, else the first Chromium or Chrome there is."""
    if named := os.environ.get("BROWSER_PATH"):
        return shutil.which(named)
    found = (shutil.which(name) for name in (*BROWSERS, *BROWSER_PLACES))
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Return the browser's path; without one skip, or fail where REQUIRE_BROWSER=1."""
    path = find_browser()
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    return path


def launch(playwright: Playwright, path: str) -> Browser:
    """Start the browser; on a busy machine a first start may fail, so try twice."""
    options = {"executable_path": path, "args": BROWSER_ARGS, "timeout": 60_000}
    try:
        return playwright.chromium.launch(**options)
    except Error:
        return playwright.chromium.launch(**options)


@pytest.fixture(scope="session")
def browser(browser_path: str) -> Iterator[Browser]:
    """Return one headless browser for the whole session."""
    with sync_playwright() as playwright:
        browser = launch(playwright, browser_path)
        yield browser
        with contextlib.suppress(Error):
            browser.close()


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[str]:
    """The address of a notebook that `compmodel workbench` serves as a page, until the end of the block."""
    command = "import sys; from compmodel.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", command, "workbench", *arguments],
        env={**os.environ, "HEADLESS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=os.name == "posix",
    ) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"compmodel workbench: (http://\S+)\n", process.stdout.readline())
        assert found
        yield found[1]
        process.send_signal(signal.SIGINT) if os.name == "posix" else process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:  # a job in the background may ignore interrupts
            os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
            raise


PAINT = 180_000
"""Milliseconds a page may take."""


def is_local(url: str) -> bool:
    """Tell whether a request stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme in LOCAL_SCHEMES or parts.hostname in LOCAL_HOSTS


@contextlib.contextmanager
def notebook_page(browser: Browser, address: str, charts: int) -> Iterator[Page]:
    """A served notebook with so many charts drawn; at the end no request may have left this machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    outside: list[str] = []
    context.on("request", lambda request: None if is_local(request.url) else outside.append(request.url))
    page = context.new_page()
    page.goto(address, wait_until="commit", timeout=PAINT)
    page.wait_for_function(f"document.querySelectorAll('[data-version]').length === {charts}", timeout=PAINT)
    yield page
    assert outside == []
    context.close()


CUT = """
() => [...document.querySelectorAll('.plot')].flatMap((plot) => {
  const edge = plot.getBoundingClientRect();
  const is_cut = (box) => box.width > 0 && (box.right > edge.right + 1 || box.left < edge.left - 1);
  return [...plot.querySelectorAll('text')].filter((text) => is_cut(text.getBoundingClientRect()));
}).map((text) => text.textContent)
"""
"""Texts of charts that reach beyond their chart."""


def assert_opens_alone(browser: Browser, file: Path, width: int, charts: int) -> None:
    """Checks that a file draws its charts with the network cut, without an error, a cut text, or more width."""
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector(f"body[data-drawn='{charts}']", timeout=PAINT)
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert errors == []
    context.close()


@pytest.fixture
def page_offline_log() -> list[str]:
    """Return the addresses outside this machine that `page` asked for; a test asserts that it is empty."""
    return []


@pytest.fixture
def page(browser: Browser, page_offline_log: list[str]) -> Iterator[Page]:
    """Return a new page, without memory of other tests, that logs what leaves the machine."""

    def log(url: str) -> None:
        if not is_local(url):
            page_offline_log.append(url)

    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(30_000)
    context.on("request", lambda request: log(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: log(socket.url)))
    yield context.new_page()
    with contextlib.suppress(Error):
        context.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the third-party exports, which are not part of the repository."""
    path = Path(os.environ.get("COMPMODEL_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(
            f"the third-party exports are not in the repository and not at {path}; "
            "set COMPMODEL_SHARED_DATA to the folder that holds them"
        )
    return path


@pytest.fixture(scope="session")
def sample() -> History:
    """Return the sample company, loaded once; tests treat it as read-only."""
    return load_history(ROOT / "data" / "sample")


@pytest.fixture
def sample_at_hand(sample: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands take the sample company as loaded once, beside tests that see them load it."""

    def loaded(folder: Path, mapping: Path | None = None) -> History:
        return sample if str(folder) == "data/sample" and mapping is None else load_history(folder, mapping)

    for module in (cli, command_options):
        monkeypatch.setattr(module, "load_history", loaded)
