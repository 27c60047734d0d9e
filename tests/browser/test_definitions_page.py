"""The definition lab in a real browser: its notebook as a page, and its file with the network cut, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from compmodel.cli import main
from conftest import assert_opens_alone, notebook_page, served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(browser_path: str) -> Iterator[str]:
    """The address of the lab's notebook, served as a page without code, on one quarter."""
    with served("--notebook", "notebooks/05_compare_definitions.ipynb", "--periods", "2025Q4") as found:
        yield found


def test_the_notebook_shows_three_questions_with_charts(browser: Browser, address: str) -> None:
    with notebook_page(browser, address, charts=3) as page:
        expect(page.locator(".cm-sentence").first).to_contain_text("matters most")
        expect(page.get_by_role("heading", name="Definitions of Halves")).to_be_visible()
        page.get_by_role("button", name="Show the table").first.click()
        expect(page.locator(".cm-table table").first).to_be_visible()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab of a plan, written to a file."""
    out = tmp_path_factory.mktemp("lab") / "lab.html"
    command = ["definitions", "--plan", "data/plans/halves.yaml", "--periods", "2025Q4", "--out", str(out)]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    return out


@pytest.mark.parametrize("width", [1280, 390])
def test_the_file_opens_alone(browser: Browser, written: Path, width: int) -> None:
    assert_opens_alone(browser, written, width, charts=3)
