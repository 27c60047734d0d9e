"""The workbench as a leader sees it, in a real browser: served as a page without code, and in JupyterLab."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

import compmodel as cm
from compmodel.style import number_words
from conftest import is_local

pytestmark = pytest.mark.browser

START, PAINT, CHANGE = 120, 180_000, 60_000
"""Seconds to start; milliseconds to paint and to answer: for a machine that is busy with other tests."""
COMMAND = "import sys; from compmodel.cli import main; sys.exit(main())"


@pytest.fixture(scope="session")
def server(browser_path: str) -> Iterator[str]:
    """The address that `compmodel workbench` prints; afterwards it must end at Ctrl-C, without a traceback."""
    own_group = {"start_new_session": True} if os.name == "posix" else {}
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, "workbench"],
        env={**os.environ, "HEADLESS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **own_group,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"compmodel workbench: (http://127\.0\.0\.1:\d+/\?token=\S+)\n", line)
        assert found, line or (process.stderr.read() if process.stderr else "")
        yield found[1]
        if os.name == "posix":
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=60)
            assert (process.returncode, out) == (0, "")
            assert "Traceback" not in said
            assert "without encryption" not in said
            assert "/api/shutdown/" not in said
        else:
            process.terminate()


@pytest.fixture(scope="module")
def opened(browser: Browser, server: str) -> Iterator[tuple[Page, list[str]]]:
    """The page, opened once, and the addresses outside this machine that it asked for."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    outside: list[str] = []
    context.on("request", lambda request: None if is_local(request.url) else outside.append(request.url))
    page = context.new_page()
    page.goto(server, wait_until="commit", timeout=PAINT)
    wait_for_charts(page)
    yield page, outside
    context.close()


@pytest.fixture
def workbench(opened: tuple[Page, list[str]]) -> Page:
    """The page with the plan as published."""
    page, _ = opened
    page.set_viewport_size({"width": 1600, "height": 1000})
    if page.get_by_role("button", name="Reset", exact=True).is_enabled():
        reset(page)
    return page


def wait_for_charts(page: Page) -> None:
    page.wait_for_function("document.querySelectorAll('[data-version]').length === 4", timeout=PAINT)


def version(page: Page) -> int:
    """How often the charts were drawn, once all of them agree."""
    page.wait_for_function(
        "new Set([...document.querySelectorAll('[data-version]')].map(plot => plot.dataset.version)).size === 1",
        timeout=CHANGE,
    )
    return int(page.locator("[data-version]").first.get_attribute("data-version") or 0)


def wait_for_next(page: Page, before: int) -> None:
    """Waits until all four charts are drawn once more."""
    page.wait_for_function(
        "version => [...document.querySelectorAll('[data-version]')].every(plot => +plot.dataset.version > version)",
        arg=before,
        timeout=CHANGE,
    )


def reset(page: Page) -> None:
    before = version(page)
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_next(page, before)


def drawn(page: Page) -> list[list[object]]:
    """What plotly has drawn: for each chart the names, values and visibility of its traces."""
    return page.evaluate(
        "[...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.data.map(trace =>"
        " [trace.name, trace.visible !== false, [...(trace.x ?? [])], [...(trace.y ?? [])]]))"
    )


def drawn_ranges(page: Page) -> list[list[float]]:
    """The range of each chart's money or share axis, as plotly has it."""
    return page.evaluate(
        "[...document.querySelectorAll('.js-plotly-plot')].flatMap(({_fullLayout: { xaxis, yaxis }}) =>"
        " [xaxis, yaxis].filter(axis => axis.type === 'linear').map(axis => axis.range))"
    )


def sentences(page: Page) -> list[str]:
    return page.locator(".cm-sentence").all_inner_texts()


def press(page: Page, label: str, key: str) -> None:
    """Move the slider of that label by a key, as a keyboard user does."""
    slider = page.locator(".widget-slider", has_text=label)
    slider.locator(".noUi-handle").focus()
    page.keyboard.press(key)


def assert_a_slider_works(page: Page) -> None:
    before, figures, count = sentences(page), drawn(page), version(page)
    press(page, "NRR floor", "ArrowLeft")
    expect(page.locator(".cm-status")).to_have_text("changed: NRR floor 100% → 99%", timeout=CHANGE)
    wait_for_next(page, count)
    after, redrawn = sentences(page), drawn(page)
    assert [one for one, two in zip(before, after, strict=True) if one == two] == []
    assert [one for one, two in zip(figures, redrawn, strict=True) if one == two] == []
    assert all("Halves, edited" in sentence for sentence in after)
    bars = {name: y for name, is_visible, _, y in redrawn[0] if is_visible}
    assert bars["Halves, edited"] != bars["Halves"]
    assert "Thirds" in bars


def test_four_charts_under_their_sentences(workbench: Page) -> None:
    assert len(sentences(workbench)) == 4
    said = "Over the eight quarters to 2025Q4, with 56 people on the plans at some time, Thirds costs 1.75M. "
    assert sentences(workbench)[0].startswith(said)
    assert workbench.locator(".js-plotly-plot .main-svg").first.is_visible()
    assert [sum(is_visible for _, is_visible, *_ in chart) > 1 for chart in drawn(workbench)] == [True] * 4
    assert "Sample company" in workbench.locator(".cm-head h1").inner_text()
    assert workbench.locator(".cm-card").count() == 2


def test_the_sliders_read_as_the_plan_says(workbench: Page) -> None:
    plan = cm.load_plan("data/plans/halves.yaml")
    last = f"components.{plan.components[-1].name}.weight"
    shown = [(lever.label, number_words(lever.value, lever.unit)) for lever in plan.sliders() if lever.path != last]
    labels = workbench.locator(".widget-slider .widget-label").all_inner_texts()
    readouts = workbench.locator(".widget-slider .widget-readout").all_inner_texts()
    assert list(zip(labels, readouts, strict=True)) == shown
    expect(workbench.locator(".cm-status")).to_contain_text("As published")


def test_a_slider_changes_sentences_and_bars_and_reset_brings_them_back(workbench: Page) -> None:
    before, ranges = sentences(workbench), drawn_ranges(workbench)
    assert_a_slider_works(workbench)
    assert drawn_ranges(workbench) != ranges
    reset(workbench)
    assert sentences(workbench) == before
    assert drawn_ranges(workbench) == ranges


def test_what_makes_no_plan_is_said_and_the_charts_stay(workbench: Page) -> None:
    figures = drawn(workbench)
    press(workbench, "NRR floor", "End")
    alert = workbench.get_by_role("alert")
    expect(alert).to_contain_text("The NRR floor 120% must lie below the NRR target, 115%", timeout=CHANGE)
    assert drawn(workbench) == figures
    reset(workbench)
    expect(alert).to_have_count(0)


def test_the_table_opens_on_a_click(workbench: Page) -> None:
    assert workbench.locator("table").count() == 0
    workbench.get_by_role("button", name="Show the table").first.click()
    expect(workbench.locator("table")).to_be_visible(timeout=CHANGE)
    workbench.get_by_role("button", name="Hide the table").click()
    expect(workbench.locator("table")).to_have_count(0, timeout=CHANGE)


def test_a_further_question_is_answered_below_and_again_when_a_slider_moves(workbench: Page) -> None:
    workbench.locator(".cm-more select").select_option(label="Why")
    said = workbench.locator(".cm-more .cm-sentence")
    expect(said).to_contain_text("Halves costs 117k less than Thirds", timeout=PAINT)
    press(workbench, "NRR target", "ArrowRight")
    expect(said).to_contain_text("Halves, edited", timeout=PAINT)
    workbench.get_by_role("button", name="Reset", exact=True).click()
    expect(said).not_to_contain_text("edited", timeout=PAINT)
    workbench.locator(".cm-more select").select_option(label="choose one")
    expect(said).to_have_count(0)


def test_nothing_leaves_the_machine_and_plotlys_upload_is_gone(workbench: Page, opened: tuple[Page, list[str]]) -> None:
    plot = workbench.locator(".js-plotly-plot").first
    plot.hover()
    titles = plot.locator(".modebar-btn").evaluate_all("buttons => buttons.map(button => button.dataset.title)")
    assert "Download plot as a PNG" in titles
    assert [title for title in titles if re.search("cloud|share|upload|edit|chart studio", title, re.I)] == []
    assert_a_slider_works(workbench)
    assert opened[1] == []


def test_no_code_is_visible(workbench: Page) -> None:
    assert "open_workbench" not in workbench.content()
    assert workbench.locator(".jp-InputArea-editor:visible, .highlight:visible").count() == 0
    assert workbench.title() == "compmodel: compare plans"


@pytest.mark.parametrize("width", [1600, 900, 420])
def test_it_fits_wide_and_narrow_windows(workbench: Page, width: int) -> None:
    page = workbench
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(
        "[...document.querySelectorAll('.cm-figure')].every(e =>"
        " Math.abs(e.clientWidth - e.querySelector('.main-svg').getBoundingClientRect().width) <= 2)",
        timeout=CHANGE,
    )
    place = {name: page.locator(f".cm-{name}").first.bounding_box() for name in ("panel", "chart")}
    panel, chart = place["panel"], place["chart"]
    assert panel is not None
    assert chart is not None
    is_above = panel["y"] + panel["height"] <= chart["y"]
    assert is_above is (width == 420)
    assert chart["x"] + chart["width"] <= width
    scrolled = page.evaluate(
        "[document.documentElement, document.querySelector('#rendered_cells')].map(e => e.scrollWidth - e.clientWidth)"
    )
    assert max(scrolled) <= 0


def test_on_a_phone_the_answer_comes_first_and_the_controls_on_a_tap(workbench: Page) -> None:
    page = workbench
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".widget-slider").first).to_be_hidden()
    plot = page.locator(".js-plotly-plot").first.bounding_box()
    assert plot is not None
    assert plot["y"] + plot["height"] / 2 <= 844
    page.get_by_text("Change this plan").click()
    expect(page.locator(".widget-slider").first).to_be_visible()
    assert_a_slider_works(page)
    page.get_by_text("Change this plan").click()
    expect(page.locator(".widget-slider").first).to_be_hidden()
    expect(page.locator(".cm-status")).to_have_text("changed: NRR floor 100% → 99%")
    page.set_viewport_size({"width": 1600, "height": 1000})
    expect(page.locator(".widget-slider").first).to_be_visible()
    expect(page.get_by_text("Change this plan")).to_be_hidden()


def refused(address: str, host: str = "") -> bool:
    """Whether the server answers without showing the page."""
    request = Request(address, headers={"Host": host} if host else {})
    try:
        with urlopen(request, timeout=60) as answer:
            return b"jupyter-config-data" not in answer.read()
    except HTTPError as error:
        return error.code in (401, 403, 404)


def test_it_is_closed_to_others(server: str) -> None:
    bare = server.split("?")[0]
    assert refused(bare), "without the token"
    assert refused(server, "evil.example"), "under another host name"
    assert refused(f"{bare}voila/files/02_compare_plans.ipynb")
    parts = urlsplit(server)
    assert parts.hostname == "127.0.0.1"


def is_alive(server: str, kernel: str) -> bool:
    """Whether the server still has that kernel."""
    parts = urlsplit(server)
    try:
        with urlopen(f"http://{parts.netloc}/api/kernels/{kernel}?{parts.query}", timeout=60):
            return True
    except HTTPError as error:
        return error.code != 404


def test_a_page_that_is_left_frees_its_kernel(browser: Browser, server: str) -> None:
    page = browser.new_context().new_page()
    page.goto(server, wait_until="commit", timeout=PAINT)
    kernels = []
    for leave in (lambda: page.reload(wait_until="commit", timeout=PAINT), lambda: page.goto("about:blank")):
        wait_for_charts(page)
        kernels.append(page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"))
        assert is_alive(server, kernels[-1])
        leave()
    deadline = time.monotonic() + CHANGE / 1000
    while any(is_alive(server, kernel) for kernel in kernels) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [is_alive(server, kernel) for kernel in kernels] == [False, False]
    page.context.close()


@pytest.fixture
def lab(tmp_path: Path, root: Path, browser_path: str) -> Iterator[str]:
    """JupyterLab on a copy of the notebook and data, with its news switched off."""
    for folder in ("data", "notebooks"):
        shutil.copytree(root / folder, tmp_path / "work" / folder)
    settings = tmp_path / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    folders = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "spaces", "JUPYTER_CONFIG_DIR": "c"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--port={port}", "--no-browser", "--expose-app-in-browser", "--ip=127.0.0.1", "--allow-root"]
    with subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={tmp_path / 'work'}"],
        env={**os.environ, "JUPYTER_TOKEN": "only-for-this-test", **{k: str(tmp_path / v) for k, v in folders.items()}},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/lab/tree/notebooks/02_compare_plans.ipynb?token=only-for-this-test"
        process.terminate()
        process.wait(60)


def test_it_works_in_jupyterlab(lab: str, page: Page, page_offline_log: list[str]) -> None:
    page.set_viewport_size({"width": 1500, "height": 1000})
    page.goto(lab, timeout=PAINT)
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=PAINT)
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel", timeout=PAINT)
    assert page.locator(".jp-InputArea-editor:visible").count() == 0
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait_for_charts(page)
    assert len(sentences(page)) == 4
    assert_a_slider_works(page)
    assert page_offline_log == []
