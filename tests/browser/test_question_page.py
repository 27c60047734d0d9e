"""A page of questions in a real browser: its notebook as a page without code, and its file with the network cut."""

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
    """The address of the notebook about teams and individuals, served as a page, on one year."""
    with served("--notebook", "notebooks/04_team_or_individual.ipynb", "--periods", "2025Q1:2025Q4") as found:
        yield found


def test_the_notebook_shows_each_question_with_its_chart(browser: Browser, address: str) -> None:
    with notebook_page(browser, address, charts=3) as page:
        assert page.locator(".cm-sentence").count() == 4
        expect(page.locator(".cm-sentence").first).to_contain_text("of its spread is chance")
        page.get_by_role("button", name="Show the table").first.click()
        expect(page.locator(".cm-table table").first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_file_opens_alone(browser: Browser, width: int, tmp_path: Path) -> None:
    out = tmp_path / "questions.html"
    plans = ["--plans", "data/plans/thirds.yaml", "data/plans/halves.yaml", "--baseline", "thirds"]
    with pytest.raises(SystemExit) as ended:
        main(["questions", "compare_plans", *plans, "--periods", "2025Q4", "--out", str(out)])
    assert ended.value.code == 0
    assert_opens_alone(browser, out, width, charts=6)
