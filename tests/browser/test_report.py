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
    said = page.locator("p.sentence").all_inner_texts()
    before = "Over the eight quarters to 2025Q4, with 56 people on the plans at some time, Thirds costs 1.75M. "
    if page.title() == "Quarterly pay plan report":
        assert said.pop(0).startswith("In 2025Q4, with 48 people on the plans, Thirds costs 210k. Halves costs 203k, ")
        said.insert(0, said.pop(1))
    assert said[0].startswith(before)
    assert len(said) == 4
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


OVERLAPS = """[...document.querySelectorAll('.js-plotly-plot')].flatMap((plot) => {
  const legend = plot.querySelector('.legend')?.getBoundingClientRect();
  const texts = [...plot.querySelectorAll('.annotation-text, .xtick text, .ytick text')];
  const isOver = (one) => legend && one.bottom > legend.top && one.top < legend.bottom - 1;
  return texts.filter((text) => isOver(text.getBoundingClientRect())).map((text) => text.textContent);
})"""


def test_a_legend_of_several_rows_covers_nothing(page: Page, tmp_path: Path, sample: cm.History) -> None:
    names = ("flowfuse_nrr_only", "halves", "halves_signing", "retain_and_expand", "thirds")
    plans = cm.load_plans(*(f"data/plans/{name}.yaml" for name in names))
    comparison = cm.compare(cm.replay(plans, sample, "2025Q1:2025Q4"), "thirds")
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(write_comparison(comparison, tmp_path / "page.html").as_uri())
    page.wait_for_selector("body[data-drawn='4']")
    rows = page.locator(".legend").evaluate_all("legends => legends.map(one => one.getBoundingClientRect().height)")
    assert min(rows) > 40
    assert page.evaluate(OVERLAPS) == []
