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
    with notebook_page(browser, address, charts=4) as page:
        assert page.locator(".cm-sentence").count() == 4
        expect(page.locator(".cm-sentence").first).to_contain_text("so one quarter says little about the person")
        page.get_by_role("button", name="Show the table").first.click()
        expect(page.locator(".cm-table table").first).to_be_visible()


@pytest.fixture(scope="module", params=[("compare_plans", 7), ("sensitivity", 6)], ids=lambda param: param[0])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The file of a page of questions, with a plan of a long title, and how many charts it has."""
    question_page, n_charts = request.param
    folder = tmp_path_factory.mktemp(question_page)
    out, long = folder / "questions.html", folder / "long.yaml"
    title = "title: Halves of a title as long as anybody would ever write one for a plan"
    long.write_text(Path("data/plans/halves.yaml").read_text().replace("title: Halves", title))
    plans = ["--plans", "data/plans/thirds.yaml", str(long), "--baseline", "thirds"]
    with pytest.raises(SystemExit) as ended:
        main(["questions", question_page, *plans, "--periods", "2025Q4", "--out", str(out)])
    assert ended.value.code == 0
    return out, n_charts


@pytest.mark.parametrize("width", [1280, 390])
def test_the_file_opens_alone(browser: Browser, written: tuple[Path, int], width: int) -> None:
    out, n_charts = written
    assert_opens_alone(browser, out, width, charts=n_charts)
