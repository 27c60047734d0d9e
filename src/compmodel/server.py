"""The workbench as a page of this machine: Voila on the loopback address, without code, without an outside request.

The server is a process of its own that ends with the one that started it. Its address carries a token, made anew at
each start, so that other users of the machine see nothing; requests under another host name are refused; messages
between server and kernel are encrypted. It serves the notebook and no file beside it.

Currently implemented: serve_workbench, chosen.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

from compmodel.documents import nearest_path
from compmodel.errors import CompModelError, nearest

HOST = "127.0.0.1"
CHOSEN = "COMPMODEL_WORKBENCH"
"""Environment variable that hands parameters from the command line to the notebook, as JSON."""
_JUPYTER = Path(__file__).with_name("jupyter")
"""The page's settings (voila.json) and template, which ends the kernel of a page that is left."""
_NOISE = ("without encryption", "is not trusted", "websocket_ping_timeout", "caught in kernel")
_STARTS_WITHIN = 60.0
_STOPS_WITHIN = 10.0


def chosen(**parameters: Any) -> dict[str, Any]:
    """Returns a notebook's parameters, with those the command line chose in their place.

    >>> chosen(periods="2024Q1:2025Q4", baseline="thirds")
    {'periods': '2024Q1:2025Q4', 'baseline': 'thirds'}
    """
    from_outside = json.loads(os.environ.get(CHOSEN, "{}"))
    for name in from_outside:
        if name not in parameters:
            raise CompModelError(f"The notebook has no parameter {name!r}. {nearest(name, parameters)}")
    return {**parameters, **from_outside}


def serve_workbench(
    notebook: Path, port: int = 0, open_browser: bool = True, parameters: Mapping[str, Any] | None = None
) -> int:
    """Serves the notebook as a page until Ctrl-C or SIGTERM; prints its address; returns the exit status.

    `port` 0 takes a free one. `parameters` take the place of the notebook's own; paths in them should be absolute.
    The browser is opened unless there is no display or HEADLESS=1 is set. Raises CompModelError when the page cannot
    be started.
    """
    if not notebook.is_file():
        fix = nearest_path(notebook, "Run this from the project's folder, or give --notebook.")
        raise CompModelError(f"{notebook} is not there. {fix}")
    port, token = _free_port(port), secrets.token_urlsafe(24)
    environment = {**os.environ, "JUPYTER_TOKEN": token, "PYTHONWARNINGS": "ignore"}
    for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH"):
        environment[name] = os.pathsep.join(filter(None, [str(_JUPYTER), os.environ.get(name)]))
    if parameters:
        environment[CHOSEN] = json.dumps(parameters)
    command = [sys.executable, "-m", "voila", str(notebook), f"--Voila.port={port}"]
    with (
        _stopping() as is_stopping,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as server,
    ):
        relay = threading.Thread(target=_relay, args=(server.stdout, is_stopping), daemon=True)
        relay.start()
        try:
            _wait_until_it_answers(server, port)
            address = f"http://{HOST}:{port}/?token={token}"
            print(f"compmodel workbench: {address}", flush=True)  # noqa: T201 - the address is what it is for
            if open_browser and _has_display():
                webbrowser.open(address)
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            is_stopping.set()
            _stop(server)


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            raise CompModelError(
                f"Port {port} cannot be used here. Give another --port, or 0 for a free one."
            ) from None
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while server.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("HEAD", "/voila/static/voila.js")
            connection.getresponse()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise CompModelError("The page's server did not start. What it said stands above.")


def _relay(lines: IO[str] | None, is_stopping: threading.Event) -> None:
    """Passes on what the server says, but for known noise and what it says while stopping."""
    for line in _of_open_pages(lines or ()):
        if line.strip() and not is_stopping.is_set() and not any(noise in line for noise in _NOISE):
            print(line, end="", file=sys.stderr, flush=True)  # noqa: T201 - the server's own words


def _of_open_pages(lines: Iterable[str]) -> Iterator[str]:
    """Lines without the tracebacks of messages that a page, left by then, no longer took: nothing went wrong."""
    held: list[str] = []
    for line in lines:
        if held and line.startswith("["):  # another record begins
            yield from held
            held = []
        if not held and "Task exception was never retrieved" not in line:
            yield line
            continue
        held.append(line)
        if line.startswith("tornado.websocket.WebSocketClosedError"):
            held = []
    yield from held


def _stop(server: subprocess.Popen[str]) -> None:
    """Ends the server, which ends its kernels; a second Ctrl-C does not interrupt this."""
    with contextlib.suppress(KeyboardInterrupt):
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_STOPS_WITHIN)
    if server.poll() is None:
        server.kill()


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Turns SIGTERM and the terminal's hang-up into Ctrl-C, so that nothing is left running."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    is_main = threading.current_thread() is threading.main_thread()
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names if is_main}
    try:
        yield threading.Event()
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _has_display() -> bool:
    if os.environ.get("HEADLESS", "") not in ("", "0"):
        return False
    return not sys.platform.startswith("linux") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
