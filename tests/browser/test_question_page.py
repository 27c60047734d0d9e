"""A page of questions in a real browser: its notebook as a page without code, and its file with the network cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from compmodel.cli import main
from conftest import is_local, served

pytestmark = pytest.mark.browser
PAINT = 180_000


@pytest.fixture(scope="module")
def address(browser_path: str) -> Iterator[str]:
    """The address of the notebook about teams and individuals, served as a page, on one year."""
    with served("--notebook", "notebooks/04_team_or_individual.ipynb", "--periods", "2025Q1:2025Q4") as found:
        yield found


def test_the_notebook_shows_each_question_with_its_chart(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    outside: list[str] = []
    context.on("request", lambda request: None if is_local(request.url) else outside.append(request.url))
    page = context.new_page()
    page.goto(address, wait_until="commit", timeout=PAINT)
    page.wait_for_function("document.querySelectorAll('[data-version]').length === 3", timeout=PAINT)
    assert page.locator(".cm-sentence").count() == 4
    expect(page.locator(".cm-sentence").first).to_contain_text("of its spread is chance")
    page.get_by_role("button", name="Show the table").first.click()
    expect(page.locator(".cm-table table").first).to_be_visible()
    assert outside == []
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_file_opens_alone(browser: Browser, width: int, tmp_path: Path) -> None:
    out = tmp_path / "questions.html"
    plans = ["--plans", "data/plans/thirds.yaml", "data/plans/halves.yaml", "--baseline", "thirds"]
    with pytest.raises(SystemExit) as ended:
        main(["questions", "compare_plans", *plans, "--periods", "2025Q4", "--out", str(out)])
    assert ended.value.code == 0
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(out.as_uri())
    page.wait_for_selector("body[data-drawn='6']", timeout=PAINT)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert errors == []
    context.close()
