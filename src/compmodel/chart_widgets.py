"""Charts as widgets: a question with its heading, sentence, figure and, a click away, its table; the page's style.

Currently implemented: Plot, Chart, style_tag, problem_page, found.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from compmodel import style
from compmodel.editing import Shown, problems_html
from compmodel.errors import CompModelError
from compmodel.figures import FIGURE_CONFIG, FITTED, Figure
from compmodel.html_tables import table_html

_STYLE = Path(__file__).with_name("workbench.css").read_text(encoding="utf-8")
_COLOURS = {"ink": style.INK, "quiet": style.QUIET, "grid": style.GRID, "paper": style.PAPER, "font": style.FONT}
_COLOURS |= {"gain": style.GAIN, "loss": style.LOSS, "accent": style.PLANS[0]}


class Plot(anywidget.AnyWidget):
    """A figure on the page, redrawn in one step; its axes grow until a reset, so none jumps while a slider moves.

    `library` is plotly.js, given to one plot of a page: a FigureWidget each would carry it four times over, take
    seconds to start, and then miss changes.
    """

    _esm = FITTED + Path(__file__).with_name("plot.js").read_text(encoding="utf-8")
    library = traitlets.Unicode().tag(sync=True)
    figure = traitlets.Unicode().tag(sync=True)
    version = traitlets.Int().tag(sync=True)

    def __init__(self, figure: Figure, library: str = ""):
        self._ranges: dict[str, list[float]] = {}
        super().__init__(library=library)
        self.add_class("cm-figure")
        self.show(figure)

    def forget(self) -> None:
        """Lets the next figure have its own ranges again."""
        self._ranges = {}

    def show(self, figure: Figure) -> None:
        """Draws a new figure in place of the last one."""
        drawn = json.loads(figure.to_json())
        for name, axis in drawn["layout"].items():
            if name.startswith(("xaxis", "yaxis")) and "range" in axis and "tickvals" not in axis:
                low, high = self._ranges.get(name, axis["range"])
                axis["range"] = self._ranges[name] = [min(low, axis["range"][0]), max(high, axis["range"][1])]
        with self.hold_sync():
            self.version += 1
            self.figure = json.dumps({**drawn, "config": FIGURE_CONFIG})


class Chart(widgets.VBox):  # type: ignore[misc]
    """One question: heading, sentence, figure and, a click away, its table."""

    def __init__(self, shown: Shown, tools: Sequence[Any] = (), library: str = ""):
        self._shown = shown
        self.sentence, self.table = widgets.HTML(), widgets.HTML().add_class("cm-table")
        self.plot = Plot(shown.figure, library) if shown.figure is not None else None
        self.button = widgets.ToggleButton(value=False)
        self.button.observe(lambda _: self._tabulate(), "value")
        heading = widgets.HTML(f"<h2>{html.escape(shown.heading)}</h2>")
        bar = widgets.HBox([self.button, *tools]).add_class("cm-tools")
        plot = [] if self.plot is None else [self.plot]
        bars = [bar] if len(shown.table) else []
        super().__init__([heading, self.sentence, *plot, *bars, self.table])
        self.add_class("cm-chart")
        self._tell()

    def show(self, shown: Shown) -> None:
        """Shows a new answer to the question."""
        self._shown = shown
        self._tell()
        if self.plot is not None:
            self.plot.show(shown.figure)

    def forget(self) -> None:
        """Lets the next figure have its own ranges again."""
        if self.plot is not None:
            self.plot.forget()

    def _tell(self) -> None:
        self.sentence.value = f'<p class="cm-sentence">{html.escape(self._shown.sentence)}</p>'
        self._tabulate()

    def _tabulate(self) -> None:
        self.button.description = "Hide the table" if self.button.value else "Show the table"
        self.table.value = table_html(self._shown.table) if self.button.value else ""


def style_tag() -> widgets.Widget:
    """Returns the look of the page."""
    variables = "".join(f"--cm-{name}:{value};" for name, value in _COLOURS.items())
    return widgets.HTML(f"<style>.cm-page {{{variables}}} {_STYLE}</style>").add_class("cm-style")


def problem_page(error: CompModelError) -> widgets.Widget:
    """Returns a page that says in words what is wrong."""
    return widgets.HTML(f"<style>{_STYLE}</style>{problems_html(error)}").add_class("cm-page")


def found(path: str) -> Path:
    """Returns a path where the kernel runs, or one folder above where it is only there."""
    above = Path("..", path)
    return above if not Path(path).exists() and above.exists() else Path(path)
