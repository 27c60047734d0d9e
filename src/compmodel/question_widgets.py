"""Pages of questions as widgets, without sliders; further questions to choose from below the workbench's charts.

Currently implemented: MoreQuestions, open_questions, open_definitions.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import ipywidgets as widgets
from plotly.offline import get_plotlyjs

from compmodel.chart_widgets import Chart, found, problem_page, style_tag
from compmodel.compare import Comparison, compare
from compmodel.definition_words import legend_html, read_table
from compmodel.editing import Shown, header_html
from compmodel.errors import CompModelError, nearest
from compmodel.lab import definition_answers
from compmodel.plan import load_plans
from compmodel.question_pages import (
    PAGES,
    SHOWN_BY_SLIDERS,
    Asked,
    Question,
    answered_page,
    answered_question,
    page_note,
)
from compmodel.replay import replay
from compmodel.sources import load_history


class MoreQuestions(widgets.VBox):  # type: ignore[misc]
    """A list of further questions about a comparison; the one chosen is answered, and again whenever it changes."""

    def __init__(self, comparison: Callable[[], Comparison]):
        self._comparison = comparison
        self._every: list[tuple[str, Question]] = [
            (name, one) for name, page in PAGES.items() for one in page if one.heading not in SHOWN_BY_SLIDERS
        ]
        options = [("choose one", -1), *((one.heading, number) for number, (_, one) in enumerate(self._every))]
        self.chooser = widgets.Dropdown(options=options, value=-1, description="Ask more")
        self.answer = widgets.VBox()
        super().__init__([self.chooser, self.answer])
        self.add_class("cm-more")
        self.chooser.observe(lambda _: self.refresh(), "value")

    def refresh(self) -> None:
        """Answers the chosen question again; nothing where none is."""
        if self.chooser.value < 0:
            self.answer.children = []
            return
        self.answer.children = [widgets.HTML('<p class="cm-busy">calculating …</p>')]
        (page, question), comparison = self._every[self.chooser.value], self._comparison()
        self.answer.children = [_chart(answered_question(question, comparison)), _status(page_note(page, comparison))]


def _status(text: str) -> widgets.HTML:
    return widgets.HTML(f'<p class="cm-status">{html.escape(text)}</p>' * bool(text))


def _chart(asked: Asked, library: str = "") -> Chart:
    return Chart(Shown(asked.heading, asked.answer.sentence, asked.answer.table, asked.figure), (), library)


def open_questions(
    page: str, data: str, plans: Sequence[str], periods: str, baseline: str, mapping: str = ""
) -> widgets.Widget:
    """Returns a page of questions about plans on a history (`question_pages.PAGES`), or what is wrong, in words.

    People appear by name: it is for this machine's screen.
    """
    try:
        history = load_history(found(data), found(mapping) if mapping else None)
        comparison = compare(replay(load_plans(*map(found, plans)), history, periods), baseline, "shown")
        asked = list(answered_page(page, comparison))
    except CompModelError as error:
        return problem_page(error)
    first = next((number for number, one in enumerate(asked) if one.figure is not None), 0)
    charts = [_chart(one, get_plotlyjs() if number == first else "") for number, one in enumerate(asked)]
    titles = "; ".join(f"{plan.title}" + " (baseline)" * (plan.name == baseline) for plan in comparison.plans)
    head = widgets.HTML(header_html(comparison)).add_class("cm-head")
    said = _status(f"{titles}. {page_note(page, comparison)}".strip())
    return widgets.VBox([style_tag(), head, said, *charts]).add_class("cm-page")


def open_definitions(data: str, plans: Sequence[str], periods: str, baseline: str, mapping: str = "") -> widgets.Widget:
    """Returns the definition lab for the plan named `baseline`, or a page that says in words what is wrong."""
    try:
        history = load_history(found(data), found(mapping) if mapping else None)
        designs = {plan.name: plan for plan in load_plans(*map(found, plans))}
        if baseline not in designs:
            raise CompModelError(f"{baseline!r} is not one of the plans. {nearest(baseline, designs)}")
        lab = definition_answers(history, designs[baseline], periods, "shown")
    except CompModelError as error:
        return problem_page(error)
    libraries = [get_plotlyjs(), *[""] * (len(lab.answered) - 1)]
    shown = [
        Shown(heading, answer.sentence, read_table(answer.table), figure) for heading, answer, figure in lab.answered
    ]
    charts_ = [Chart(one, (), library) for one, library in zip(shown, libraries, strict=True)]
    title = f"<h1>Definitions of {html.escape(designs[baseline].title)}</h1>"
    texts = (legend_html(lab.legend), lab.skipped_html())
    meant, untried = (widgets.HTML(text).add_class("cm-legend") for text in texts)
    first, *others = charts_
    return widgets.VBox([style_tag(), widgets.HTML(title), first, meant, *others, untried]).add_class("cm-page")
