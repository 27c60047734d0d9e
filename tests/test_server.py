"""What the workbench's server promises before a browser is there: parameters, ports, displays, settings."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

import compmodel as cm
from compmodel import server
from compmodel.server import chosen, serve_workbench

NOTEBOOK = Path("notebooks/02_compare_plans.ipynb")


def test_the_command_lines_choice_takes_the_place_of_the_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(server.CHOSEN, json.dumps({"periods": "2025Q4"}))
    assert chosen(periods="2024Q1", baseline="thirds") == {"periods": "2025Q4", "baseline": "thirds"}
    monkeypatch.setenv(server.CHOSEN, json.dumps({"period": "2025Q4"}))
    with pytest.raises(cm.CompModelError, match="Did you mean 'periods'"):
        chosen(periods="2024Q1")


def test_a_missing_notebook_and_a_port_that_is_taken_are_said_in_words() -> None:
    with pytest.raises(cm.CompModelError, match="is not there"):
        serve_workbench(Path("notebooks/none.ipynb"), open_browser=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(cm.CompModelError, match="or 0 for a free one"):
            serve_workbench(NOTEBOOK, port=taken.getsockname()[1], open_browser=False)
    with pytest.raises(cm.CompModelError, match="or 0 for a free one"):
        serve_workbench(NOTEBOOK, port=99_999, open_browser=False)


@pytest.mark.parametrize(
    ("environment", "platform", "has_display"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":0", "HEADLESS": "1"}, "linux", False),
        ({}, "darwin", True),
        ({"HEADLESS": "1"}, "win32", False),
    ],
)
def test_the_browser_opens_only_where_there_is_a_display(
    environment: dict[str, str], platform: str, has_display: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "HEADLESS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert server._has_display() is has_display


def test_the_page_is_for_this_machine_only_and_serves_no_file() -> None:
    settings = json.loads((server._JUPYTER / "voila.json").read_text(encoding="utf-8"))
    assert settings["Voila"]["ip"] == "127.0.0.1"
    assert settings["Voila"]["auto_token"] is True
    assert settings["Voila"]["tornado_settings"]["allow_remote_access"] is False
    assert settings["VoilaConfiguration"]["file_allowlist"] == []


def test_what_a_page_that_was_left_did_not_take_is_no_error() -> None:
    closed = ["Task exception was never retrieved\n", "future: <Task ...>\n", "Traceback (most recent call last):\n"]
    closed += ['  File "websocket.py"\n', "tornado.websocket.WebSocketClosedError\n"]
    other = [*closed[:-1], "ValueError: something else\n"]
    told = ["[Voila] one\n", "[Voila] two\n"]
    assert list(server._of_open_pages([told[0], *closed, told[1]])) == told
    assert list(server._of_open_pages([told[0], *other, told[1]])) == [told[0], *other, told[1]]
    assert list(server._of_open_pages(other)) == other


def test_the_next_page_is_heated_at_once() -> None:
    settings = json.loads((server._JUPYTER / "voila.json").read_text(encoding="utf-8"))
    assert settings["VoilaConfiguration"]["preheat_kernel"] is True
    assert settings["VoilaKernelManager"]["fill_delay"] <= 2


def test_the_template_asks_nothing_of_a_content_network() -> None:
    template = (server._JUPYTER / "nbconvert/templates/compmodel/index.html.j2").read_text(encoding="utf-8")
    assert "http" not in template
    assert "super.super()" in template
