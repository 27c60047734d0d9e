"""The report as a reviewer opens it: one file, network cut, figures alive, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

import compmodel as cm
from compmodel.reports import render_report, write_comparison

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["report", "compare"])
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sample: cm.History) -> Path:
    out = tmp_path_factory.mktemp("page") / "page.html"
    if request.param == "report":
        return render_report(Path("notebooks/quarterly_report.ipynb"), {}, out)
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    return write_comparison(cm.compare(cm.replay(plans, sample, "2024Q1:2025Q4"), "thirds", "aliases"), out)


@pytest.mark.parametrize("width", [1400, 390])
def test_it_opens_offline_with_living_figures(
    page_file: Path, page: Page, page_offline_log: list[str], width: int
) -> None:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.context.set_offline(True)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(page_file.as_uri())
    page.wait_for_selector("body[data-drawn='4']")
    assert page.locator(".js-plotly-plot").count() == 4
    assert page.locator("p.sentence").count() == 4
    assert "Halves costs" in page.locator("p.sentence").first.inner_text()
    plot = page.locator(".js-plotly-plot").first
    plot.hover()
    assert page.locator(".modebar-btn").count() > 0
    titles = page.locator(".modebar-btn").evaluate_all("buttons => buttons.map(b => b.dataset.title || '')")
    assert not [title for title in titles if "hare" in title or "loud" in title or "dit" in title]
    bars = plot.locator(".barlayer .point").count()
    plot.locator(".legendtoggle").first.click()
    page.wait_for_function(
        "n => document.querySelector('.js-plotly-plot').querySelectorAll('.barlayer .point').length != n", arg=bars
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page_offline_log == []
    assert messages == []
